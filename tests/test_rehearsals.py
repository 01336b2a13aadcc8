"""Every practice ticket, rehearsed by its notebook's cells without a kernel; `test_golden` does so by the command."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from runbook_lib.domain.errors import NeedsAnswerError
from runbook_lib.sandbox.tickets import expected_ends
from runbook_lib.settings import ROOT
from tests.practice import World, start

TICKETS = {ticket.id: expected for ticket, expected in expected_ends().items()}
READS_BADLY = re.compile(r"[?:] (?:yes|no)\b|[.,;:?!][.,;:?!]|\b1 (?!address)\w+s\b| -p |  | [.,;:]")
"""What no ending has: a question for an answer, two stops, a plural of one, words for programs."""
JOB_FAILS = 1010
"""Its rehearsal cannot know that."""


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that nobody changes."""
    yield from start(tmp_path_factory.mktemp("practice"))


def rehearsed(runbook: str, ticket_id: int) -> tuple[Any, str]:
    """The case that the cells of a notebook come to, and its ending."""
    notebook = json.loads((ROOT / "notebooks" / f"{runbook}.ipynb").read_text(encoding="utf-8"))
    space: dict[str, Any] = {}
    for source in ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"):
        *lines, last = ast.parse(source).body
        exec(compile(ast.Module(lines, []), runbook, "exec"), space)
        if isinstance(last, ast.Expr):
            shown = eval(compile(ast.Expression(last.value), runbook, "eval"), space)
        else:
            exec(compile(ast.Module([last], []), runbook, "exec"), space)
        if "ticket_id: int" in source:
            space["ticket_id"] = ticket_id
    return space["case"], shown.data["summary"]


@pytest.mark.parametrize("ticket_id", TICKETS)
def test_a_rehearsal_tells_the_outcome_and_changes_nothing(
    practice: World, monkeypatch: pytest.MonkeyPatch, ticket_id: int
) -> None:
    """The database of the world is the same afterwards, byte for byte."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(practice.outputs))
    expected, before = TICKETS[ticket_id], practice.content()
    if expected.outcome is None and ticket_id != JOB_FAILS:
        with pytest.raises(NeedsAnswerError) as stopped:
            rehearsed(expected.runbook, ticket_id)
        ending = str(stopped.value)
    else:
        case, ending = rehearsed(expected.runbook, ticket_id)
        assert (expected.outcome or "license_issued") == case.outcome
        assert {"planned"} == {effect.state for effect in case.applied}
    assert before == practice.content()
    assert not READS_BADLY.search(ending), ending

"""A runbook's own cells, run in this process: everything of a run but its kernel and its record."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from runbook_lib.domain.errors import NeedsAnswerError, RunbookError
from runbook_lib.results import StepResult
from runbook_lib.settings import ROOT
from tests.practice import World


@dataclass
class Walked:
    """How far the cells of a notebook came.

    Attributes:
        runbook: The notebook's name.
        case: The case that they opened.
        shown: What they showed, as far as they came.
        error: What stopped them, or None.
    """

    runbook: str
    case: Any = None
    shown: list[StepResult] = field(default_factory=list)
    error: RunbookError | None = None

    @property
    def report(self) -> Mapping[str, Any]:
        """What `run --json` prints, as far as the cells tell it."""
        missing = list(self.error.missing) if isinstance(self.error, NeedsAnswerError) else []
        found = {**self.shown[-1].data, "runbook": self.runbook, "missing": missing}
        return {**found, "outcome": None, "summary": str(self.error)} if self.error else found

    @property
    def words(self) -> str:
        """Everything that was shown, as text without its line breaks."""
        return " ".join(" ".join(map(repr, self.shown)).split())

    @property
    def everything(self) -> str:
        """Everything that a record would have of it."""
        return json.dumps([one._repr_mimebundle_() for one in self.shown])


def cells(world: World, runbook: str, ticket_id: object, *, perform: bool = False, **given: Any) -> Walked:
    """Run a notebook's cells on a ticket, up to its end or to what stops them."""
    space: dict[str, Any] = {}
    walked = Walked(runbook)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBOOK_OUTPUTS", str(world.outputs))
        for source, is_parameters in _sources(runbook):
            *lines, last = ast.parse(source).body
            if not isinstance(last, ast.Expr):
                exec(source, space)
                space |= {"ticket_id": ticket_id, "perform": perform, **given} if is_parameters else {}
                continue
            try:
                exec(compile(ast.Module(lines, []), runbook, "exec"), space)
                shown = eval(compile(ast.Expression(last.value), runbook, "eval"), space)
            except RunbookError as exc:
                walked.error = exc
                break
            walked.case = space["case"]
            walked.shown.append(shown if isinstance(shown, StepResult) else shown.ticket_card())
    return walked


def routed(world: World, ticket_id: int, **given: Any) -> Walked:
    """By a ticket's number alone, to the runbook that ends it."""
    walked = cells(world, "start_here", ticket_id)
    while walked.error is None and (runbook := walked.report.get("next_runbook")):
        walked = cells(world, runbook, ticket_id, **given)
    return walked


@cache
def _sources(runbook: str) -> list[tuple[str, bool]]:
    """The code cells of a notebook, and which of them has the parameters."""
    notebook = json.loads((ROOT / "notebooks" / f"{runbook}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [("".join(cell["source"]), "parameters" in cell["metadata"].get("tags", ())) for cell in code]

"""Every practice ticket, rehearsed by its notebook's cells without a kernel; `test_golden` does so by the command."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from runbook_lib.domain.errors import NeedsAnswerError
from runbook_lib.sandbox.tickets import expected_ends
from tests.practice import World, start
from tests.practice_cells import cells

TICKETS = {ticket.id: expected for ticket, expected in expected_ends().items()}
READS_BADLY = re.compile(r"[?:] (?:yes|no)\b|[.,;:?!][.,;:?!]|\b1 (?!address)\w+s\b| -p |  | [.,;:]")
"""What no ending has: a question for an answer, two stops, a plural of one, words for programs."""
JOB_FAILS = 1010
"""Its rehearsal cannot know that."""


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that no test changes."""
    yield from start(tmp_path_factory.mktemp("practice"))


@pytest.mark.parametrize("ticket_id", TICKETS)
def test_a_rehearsal_tells_the_outcome_and_changes_nothing(practice: World, ticket_id: int) -> None:
    """The database of the world is the same afterwards, byte for byte; the ending can be read aloud."""
    expected, before = TICKETS[ticket_id], practice.content()
    walked = cells(practice, expected.runbook, ticket_id)
    would_end = "license_issued" if ticket_id == JOB_FAILS else expected.outcome
    assert (would_end, would_end is None) == (walked.report["outcome"], isinstance(walked.error, NeedsAnswerError))
    assert ticket_id == JOB_FAILS or expected.because in walked.report["summary"]
    assert list(expected.missing or walked.report["missing"]) == walked.report["missing"]
    assert would_end is None or {"planned"} == {effect["state"] for effect in walked.report["effects"]}
    assert before == practice.content()
    assert not READS_BADLY.search(walked.report["summary"]), walked.report["summary"]

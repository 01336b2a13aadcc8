"""The practice tickets on which a person has to say something: asked for, answered, performed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbook_lib.sandbox.tickets import expected_ends
from tests.practice import World, start
from tests.practice_cells import cells, routed

pytestmark = pytest.mark.slow

ASKED = {ticket.id: expected for ticket, expected in expected_ends().items() if expected.missing}
BY_COMMAND = 1064
USERS = {1061: 40, 1062: 250, 1063: 1250, 1064: 250}


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for these tickets alone."""
    yield from start(tmp_path_factory.mktemp("practice"))


@pytest.mark.parametrize("ticket_id", ASKED)
def test_a_person_is_asked_and_nothing_is_issued(practice: World, ticket_id: int) -> None:
    """With the parameters to pass; by the ticket's number alone."""
    report, expected = routed(practice, ticket_id, perform=True).report, ASKED[ticket_id]
    assert (None, list(expected.missing)) == (report["outcome"], report["missing"])
    assert expected.because in report["summary"]
    assert ([], []) == (practice.issues(ticket_id), practice.posts(ticket_id))


@pytest.mark.parametrize("ticket_id", [1061])
def test_the_command_asks_too(practice: World, ticket_id: int) -> None:
    """Exit status 3, and the same parameters."""
    ran = practice.runbook("run", "auto", ticket_id, "--json")
    expected = ASKED[ticket_id]
    assert (3, expected.end, list(expected.missing)) == (ran.status, ran.report["status"], ran.report["missing"])


@pytest.mark.parametrize("ticket_id", ASKED)
def test_with_the_answers_the_license_is_issued(practice: World, ticket_id: int) -> None:
    """The ticket by its web address, the answers as they were pasted; the record has the engineer as their source."""
    address = f"https://practice.zendesk.com/agent/tickets/{ticket_id}?brand_id=7"
    answers = dict(ASKED[ticket_id].answers)
    if ticket_id == BY_COMMAND:
        pairs = [word for name, value in answers.items() for word in ("-p", name, value)]
        ran = practice.runbook("run", "weekend_license", address, "--perform", "--json", *pairs)
        report, text = ran.report, " ".join(str(ran.record).split())
    else:
        walked = cells(practice, "weekend_license", address, perform=True, **answers)
        report, text = walked.report, walked.words
    assert "license_issued" == report["outcome"], report["summary"]
    (issue,) = practice.issues(ticket_id)
    assert issue["title"].endswith(f"for {USERS[ticket_id]} users")
    assert "engineer" in text
    assert ("read from “Nov 6, 2026”" in text) == (ticket_id == 1064)
    assert ("read from “1,250”" in text) == (ticket_id == 1063)

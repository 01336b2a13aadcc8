"""The practice tickets on which a person has to say something, by the command line: asked for, answered, performed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbook_lib.cli import demo
from tests.practice import World, start

ASKED = {
    1061: (["user_count"], "40, but the license file (ponton-studio.gitlab-license) says users_in_license 1000000"),
    1062: (
        ["identity_confirmed"],
        "Hohenfels Versicherung AG at hohenfels.example, but the organization names Riverside",
    ),
    1063: (["identity_confirmed", "plan"], "the ticket has no organization"),
    1064: (["installed_license"], "is for 200 users"),
}
"""What is asked for, and words of the question."""
ANSWERS = {
    1061: [("user_count", "40")],
    1062: [("identity_confirmed", "yes")],
    1063: [("identity_confirmed", "yes"), ("plan", "premium"), ("user_count", "1,250")],
    1064: [("installed_license", "Vltava\u2011Media\u2011Old.gitlab\u2011license"), ("expires_on", "Nov 6, 2026")],
}
"""What the engineer passes then."""


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for these tickets alone."""
    yield from start(tmp_path_factory.mktemp("practice"))


@pytest.mark.parametrize("ticket_id", ASKED)
def test_a_person_is_asked_and_nothing_is_issued(practice: World, ticket_id: int) -> None:
    """Exit status 3, with the parameters to pass; by the ticket's number alone."""
    ran = practice.runbook("run", "auto", ticket_id, "--perform", "--json")
    missing, words = ASKED[ticket_id]
    assert (3, "needs_answer", missing) == (ran.status, ran.report["status"], ran.report["missing"])
    assert words in ran.report["summary"]
    assert ([], []) == (practice.issues(ticket_id), practice.posts(ticket_id))


@pytest.mark.parametrize("ticket_id", ANSWERS)
def test_with_the_answers_the_license_is_issued(practice: World, ticket_id: int) -> None:
    """The ticket by its web address, the answers as they were pasted; the record has the engineer as their source."""
    pairs = [word for name, value in ANSWERS[ticket_id] for word in ("-p", name, value)]
    address = f"https://practice.zendesk.com/agent/tickets/{ticket_id}?brand_id=7"
    ran = practice.runbook("run", "weekend_license", address, "--perform", "--json", *pairs)
    assert (0, "license_issued") == (ran.status, ran.report["outcome"]), ran.stderr
    users = {1061: 40, 1062: 250, 1063: 1250, 1064: 250}[ticket_id]
    (issue,) = practice.issues(ticket_id)
    assert issue["title"].endswith(f"for {users} users")
    text = " ".join(str(ran.record).split())
    assert "engineer" in text
    assert ("read from “Nov 6, 2026”" in text) == (ticket_id == 1064)
    assert ("read from “1,250”" in text) == (ticket_id == 1063)


def test_the_demo_expects_the_questions() -> None:
    """Its table names each of these tickets, with the end that it has without an answer."""
    ends = {one.ticket_id: str(one.end) for one in demo.TICKETS}
    assert dict.fromkeys(ASKED, "needs_answer") == {ticket_id: ends[ticket_id] for ticket_id in ASKED}

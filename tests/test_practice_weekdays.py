"""Practice tickets of the week, and of mails that never came, end to end: routed and performed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.domain import license, triage
from runbook_lib.sandbox import tickets
from tests.practice import Ran, World, start

pytestmark = pytest.mark.slow

EXPECTED = {ticket.id: expected for ticket, expected in tickets.expected_ends().items() if expected.is_routed}
ESCALATED = [ticket_id for ticket_id, expected in EXPECTED.items() if expected.end == "escalated"]
PERFORMED: dict[int, Ran] = {}


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for these tickets alone."""
    yield from start(tmp_path_factory.mktemp("practice"))


def performed(world: World, ticket_id: int) -> Ran:
    """The performed run of a ticket, by its number alone; each is performed once for all tests that look at it."""
    if ticket_id not in PERFORMED:
        PERFORMED[ticket_id] = world.runbook("run", "auto", ticket_id, "--perform", "--json")
    return PERFORMED[ticket_id]


def shown(ran: Ran, step: str) -> dict[str, Any]:
    """What a step says to a program."""
    mime = "application/vnd.license-runbook.step+json"
    outputs = [o["data"] for c in ran.record.cells if c.cell_type == "code" for o in c.outputs if "data" in o]
    return next(data[mime] for data in outputs if mime in data and data[mime]["step"] == step)


def text(ran: Ran) -> str:
    """Everything that a record shows, as text without its line breaks."""
    outputs = [o["data"] for c in ran.record.cells if c.cell_type == "code" for o in c.outputs if "data" in o]
    return " ".join(" ".join(str(data.get("text/plain", "")) for data in outputs).split())


@pytest.mark.parametrize("ticket_id", EXPECTED)
def test_performing_reaches_the_outcome_of_the_ticket(practice: World, ticket_id: int) -> None:
    """By the right runbook, with the reason in the summary; the router leaves a record of its own."""
    ran = performed(practice, ticket_id)
    assert (0, "") == (ran.status, ran.stderr)
    expected = EXPECTED[ticket_id]
    assert (expected.runbook, expected.outcome) == (ran.report["runbook"], ran.report["outcome"])
    assert expected.because in ran.report["summary"], ran.report["summary"]
    assert list(Path(ran.report["record"]).parent.glob("*-start_here-*.ipynb"))


@pytest.mark.parametrize("ticket_id", ESCALATED)
def test_the_expert_starts_where_the_engineer_stopped(practice: World, ticket_id: int) -> None:
    """One post with the ticket's link and the path, one internal note with the same; the customer hears nothing."""
    performed(practice, ticket_id)
    (post,) = practice.posts(ticket_id)
    (note,) = practice.comments(ticket_id)
    assert 0 == note["public"]
    assert f"/agent/tickets/{ticket_id}" in post
    path = post.partition("Decision path:\n")[2].partition("\n\nKnown so far:")[0]
    assert path in note["body"].replace("&", "&amp;")
    assert path.splitlines()[-1].count(" no (") == 1
    assert "@" not in post


@pytest.mark.parametrize("ticket_id", [2003, 2007])
def test_what_resolved_itself_is_confirmed_with_the_customer(practice: World, ticket_id: int) -> None:
    """One public reply that asks, one internal note; no expert is engaged."""
    performed(practice, ticket_id)
    assert [] == practice.posts(ticket_id)
    reply, note = practice.comments(ticket_id)
    assert (1, 0) == (reply["public"], note["public"])
    assert "confirm" in reply["body"]


def test_both_instances_are_named(practice: World) -> None:
    """On ticket 2007: with the day of each one's last contact."""
    ran = performed(practice, 2007)
    rows = practice.rows("SELECT DISTINCT hostname FROM cdot_seat_links WHERE hostname LIKE 'gitlab-dr.%'")
    (dr,) = [row["hostname"] for row in rows]
    main = dr.replace("gitlab-dr.", "gitlab.")
    assert dr in ran.report["summary"]
    assert main in ran.report["summary"]


def test_the_row_is_judged_by_its_receipt(practice: World) -> None:
    """On ticket 2003 the report is of the day before, and the hint says that this is usual."""
    ran = performed(practice, 2003)
    hints = " ".join(shown(ran, "decide")["hints"])
    assert "created" in hints or "received" in hints


@pytest.mark.parametrize("ticket_id", [2001, 2003])
def test_the_path_is_drawn_with_what_was_not_taken(practice: World, ticket_id: int) -> None:
    """Every question stands in the record; those that were not reached are marked."""
    words = text(performed(practice, ticket_id))
    assert [] == [
        node.words for node in triage.NODES if node.words not in words and node.kind is not triage.NodeKind.TITLE
    ]
    assert {2001: 5, 2003: 1}[ticket_id] == words.count("(not taken)")


@pytest.mark.parametrize("ticket_id", [3001, 3005])
def test_the_copy_is_sent_and_nothing_is_issued(practice: World, ticket_id: int) -> None:
    """One public reply with an attachment that is the tracker's license; no new issue, no mail, no license text."""
    ran = performed(practice, ticket_id)
    reply, note = practice.comments(ticket_id)
    assert (1, 0) == (reply["public"], note["public"])
    (file,) = practice.rows("SELECT * FROM attachments WHERE comment_id = ?", reply["id"])
    public_key = license.load_public_key((practice.folder / "license-key.pub").read_bytes())
    found = license.read(bytes(file["content"]), public_key)
    assert (True, "ultimate") == (found.is_trial, found.plan)
    assert license.fingerprint(bytes(file["content"])) in note["body"]
    assert not [words for words in (reply["body"], note["body"], json.dumps(ran.record)) if "BEGIN" in words]
    assert [] == practice.posts(ticket_id)
    (requester,) = practice.rows(
        "SELECT u.email FROM tickets t JOIN users u ON u.id = t.requester_id WHERE t.id = ?", ticket_id
    )
    assert [] == practice.mails(requester["email"])


@pytest.mark.parametrize("ticket_id", [3002, 3003, 3004, 3006])
def test_where_no_license_was_generated_it_is_issued(practice: World, ticket_id: int) -> None:
    """One mail, one new closed issue, one post; and nothing else, when the runbook is run again."""
    performed(practice, ticket_id)
    (requester,) = practice.rows(
        "SELECT u.email FROM tickets t JOIN users u ON u.id = t.requester_id WHERE t.id = ?", ticket_id
    )
    assert 1 == len(practice.mails(requester["email"]))
    assert 1 == len(practice.posts(ticket_id))
    (issue,) = [i for i in practice.issues(ticket_id) if "-license-" in i["description"]]
    assert ("closed", True) == (issue["state"], issue["title"].startswith("[Success]"))


@pytest.mark.parametrize("ticket_id", [2004, 3003])
def test_a_second_performing_run_repeats_nothing(practice: World, ticket_id: int) -> None:
    """All effects are found."""
    ran = performed(practice, ticket_id)
    practice.wait_for_pipelines()
    before = practice.contents()
    again = practice.runbook("run", ran.report["runbook"], ticket_id, "--perform", "--json")
    assert before == practice.contents()
    assert 0 == again.status
    assert {"already_done", "adopted"} >= {effect["state"] for effect in again.report["effects"]}


def test_another_machine_finds_what_was_done(practice: World, tmp_path: Path) -> None:
    """Without the journal everything is found where it happened."""
    ran = performed(practice, 3001)
    elsewhere = practice.seen_from(tmp_path / "outputs")
    before = practice.contents()
    again = elsewhere.runbook("run", ran.report["runbook"], 3001, "--perform", "--json")
    assert before == practice.contents()
    assert ran.report["outcome"] == again.report["outcome"]
    assert {"adopted"} == {effect["state"] for effect in again.report["effects"]}


def test_a_second_complaint_gets_the_copy(own_world: World) -> None:
    """After the runbook has issued a license itself: only if somebody says that this mail has not come either."""
    first = own_world.runbook("run", "auto", 3003, "--perform", "--json")
    assert ("weekend_license", "license_issued") == (first.report["runbook"], first.report["outcome"])
    told = ("-p", "mail_missing", "yes")
    again = own_world.runbook("run", "license_not_received", 3003, "--perform", "--json", *told)
    assert "license_found" == again.report["outcome"]
    assert 1 == len([i for i in own_world.issues(3003) if i["title"].startswith("[Success]")])


def test_hand_over_names_the_next_runbook(own_world: World) -> None:
    """On ticket 3002: what had failed before is told, nothing is issued, and the next runbook with its command."""
    ran = own_world.runbook("run", "license_not_received", 3002, "--perform", "--json")
    assert (0, "completed", None) == (ran.status, ran.report["status"], ran.report["outcome"])
    assert "weekend_license" == ran.report["next_runbook"]
    assert "451 4.3.0" in ran.report["summary"]
    assert ["assignment", "nothing_found"] == [effect["name"] for effect in ran.report["effects"]]
    assert [] == own_world.rows("SELECT * FROM pipelines")


def test_auto_passes_answers_beyond_a_hand_over(own_world: World) -> None:
    """The user count is the weekend runbook's to ask, which comes third."""
    ran = own_world.runbook("run", "auto", 3003, "--json", "-p", "user_count", "321", "-p", "mail_missing", "yes")
    assert ("weekend_license", "license_issued") == (ran.report["runbook"], ran.report["outcome"])
    assert "321 users" in ran.report["summary"]


def test_after_the_weekend_runbook_the_copy_is_sent(own_world: World) -> None:
    """Whoever runs this runbook on that ticket means that the mail has not come."""
    own_world.runbook("run", "weekend_license", 1001, "--perform")
    ran = own_world.runbook("run", "license_not_received", 1001, "--perform", "--json")
    assert "license_found" == ran.report["outcome"]
    assert 1 == len(own_world.issues(1001))
    assert 1 == len(own_world.posts(1001))


def test_an_issued_license_settles_an_old_complaint(own_world: World) -> None:
    """The number alone, again: the customer has not written since, so nothing is sent again."""
    own_world.runbook("run", "weekend_license", 3003, "--perform")
    own_world.wait_for_pipelines()
    before = own_world.contents()
    again = own_world.runbook("run", "auto", 3003, "--perform", "--json")
    assert ("weekend_license", "license_issued") == (again.report["runbook"], again.report["outcome"])
    assert before == own_world.contents()


# -- routing


@pytest.mark.parametrize(
    ("ticket_id", "expected", "words"),
    [
        (1001, "weekend_license", "Saturday"),
        (1002, "weekend_license", "Saturday"),
        (1003, None, "4 days more"),
        (1006, None, "prospect"),
        (1008, None, "SaaS License Emergencies"),
        (2004, "weekday_triage", "Friday"),
        (3003, "license_not_received", "the tracker has no issue for this address"),
    ],
)
def test_start_here_names_the_runbook_with_the_reason(
    world: World, ticket_id: int, expected: str | None, words: str
) -> None:
    """It reads only; where no runbook fits, it says what to do instead."""
    before = world.contents()
    ran = world.runbook("run", "start_here", ticket_id, "--json")
    assert before == world.contents()
    assert (0, "completed", []) == (ran.status, ran.report["status"], ran.report["effects"])
    assert expected == ran.report["next_runbook"]
    assert (None if expected else "out_of_scope") == ran.report["outcome"]
    assert words in ran.report["summary"], ran.report["summary"]


def test_auto_stops_where_no_runbook_fits(world: World) -> None:
    """Its report is the router's own."""
    ran = world.runbook("run", "auto", 1008, "--perform", "--json")
    assert (0, "start_here", "out_of_scope") == (ran.status, ran.report["runbook"], ran.report["outcome"])


def test_the_engineer_can_say_that_the_mail_is_there_or_not(world: World) -> None:
    """The answer goes before what the customer writes."""
    ran = world.runbook("run", "start_here", 3003, "--json", "-p", "mail_missing", "no")
    assert "weekend_license" == ran.report["next_runbook"]
    ran = world.runbook("run", "start_here", 1001, "--json", "-p", "mail_missing", "yes")
    assert "license_not_received" == ran.report["next_runbook"]


def test_auto_passes_answers_to_the_runbook(world: World) -> None:
    """One that only the runbook takes reaches it; a misspelt one is told before anything runs."""
    ran = world.runbook("run", "auto", 2901, "--json", "-p", "subscription", "A-S00029011")
    assert ("weekday_triage", "escalated") == (ran.report["runbook"], ran.report["outcome"])
    ran = world.runbook("run", "auto", 2901, "--json", "-p", "subscripton", "A-S00029011")
    assert (2, "") == (ran.status, ran.stdout)
    assert "subscripton" in ran.stderr

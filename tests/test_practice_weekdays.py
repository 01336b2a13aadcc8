"""Practice tickets of the week, and of mails that never came: routed and performed.

One of each kind by the command, with a kernel and a record; the others by their notebooks' cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.domain import license, triage
from runbook_lib.sandbox import tickets
from tests.practice import Ran, World, start
from tests.practice_cells import Walked, cells, routed

pytestmark = pytest.mark.slow

EXPECTED = {ticket.id: expected for ticket, expected in tickets.expected_ends().items() if expected.is_routed}
ESCALATED = [ticket_id for ticket_id, expected in EXPECTED.items() if expected.end == "escalated"]
BY_COMMAND = (2003, 3003)
PERFORMED: dict[tuple[World, int], Ran | Walked] = {}


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for these tickets alone."""
    yield from start(tmp_path_factory.mktemp("practice"))


def performed(world: World, ticket_id: int) -> Ran | Walked:
    """A performed ticket, by its number alone; each is performed once for all tests that look at it."""
    if (world, ticket_id) not in PERFORMED:
        by_command = ticket_id in BY_COMMAND
        ran = world.runbook("run", "auto", ticket_id, "--perform", "--json") if by_command else None
        PERFORMED[world, ticket_id] = ran or routed(world, ticket_id, perform=True)
    return PERFORMED[world, ticket_id]


@pytest.mark.parametrize("ticket_id", EXPECTED)
def test_performing_reaches_the_outcome_of_the_ticket(practice: World, ticket_id: int) -> None:
    """By the right runbook, with the reason in the summary; by the command the router leaves a record of its own."""
    ran, expected = performed(practice, ticket_id), EXPECTED[ticket_id]
    assert (expected.runbook, expected.outcome) == (ran.report["runbook"], ran.report["outcome"])
    assert expected.because in ran.report["summary"], ran.report["summary"]
    if isinstance(ran, Ran):
        assert (0, "") == (ran.status, ran.stderr)
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
    """On ticket 2003 the report is of the day before, and the table of rows says that this is usual."""
    walked = cells(practice, "weekday_triage", 2003)
    assert "its report is of the day before, as usual" in " ".join(walked.words.split())


@pytest.mark.parametrize(("ticket_id", "not_taken"), [(2001, 5), (2007, 1)])
def test_the_path_is_drawn_with_what_was_not_taken(practice: World, ticket_id: int, not_taken: int) -> None:
    """Every question is shown; those that were not reached are marked."""
    walked = performed(practice, ticket_id)
    assert isinstance(walked, Walked)
    nodes = [node.words for node in triage.NODES]
    assert [] == [words for words in nodes if words not in walked.words]
    assert not_taken == walked.words.count("(not taken)")


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
    assert isinstance(ran, Walked)
    assert not [words for words in (reply["body"], note["body"], ran.everything) if "BEGIN" in words]
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
    again = cells(practice, ran.report["runbook"], ticket_id, perform=True)
    assert before == practice.contents()
    assert ran.report["outcome"] == again.report["outcome"]
    assert {"already_done", "adopted"} >= {effect["state"] for effect in again.report["effects"]}


def test_another_machine_finds_what_was_done(practice: World, tmp_path: Path) -> None:
    """Without the journal everything is found where it happened."""
    ran = performed(practice, 3001)
    elsewhere = practice.seen_from(tmp_path / "outputs")
    before = practice.contents()
    again = cells(elsewhere, ran.report["runbook"], 3001, perform=True)
    assert before == practice.contents()
    assert ran.report["outcome"] == again.report["outcome"]
    assert {"adopted"} == {effect["state"] for effect in again.report["effects"]}


def test_a_second_complaint_gets_the_copy(own_world: World) -> None:
    """After the runbook has issued a license itself: only if an answer says that this mail has not come either."""
    first = routed(own_world, 3003, perform=True)
    assert ("weekend_license", "license_issued") == (first.report["runbook"], first.report["outcome"])
    again = cells(own_world, "license_not_received", 3003, perform=True, mail_missing="yes")
    assert "license_found" == again.report["outcome"]
    assert 1 == len([i for i in own_world.issues(3003) if i["title"].startswith("[Success]")])


def test_hand_over_names_the_next_runbook(own_world: World) -> None:
    """On ticket 3002: what had failed before is shown, nothing is issued, and the next runbook with its command."""
    report = cells(own_world, "license_not_received", 3002, perform=True).report
    assert (None, "weekend_license") == (report["outcome"], report["next_runbook"])
    assert "An earlier job had failed: " in report["summary"] and "451 4.3.0" in report["summary"]
    assert ["assignment", "nothing_found"] == [effect["name"] for effect in report["effects"]]
    assert [] == own_world.rows("SELECT * FROM pipelines")


def test_auto_passes_answers_beyond_a_hand_over(own_world: World) -> None:
    """The user count is the weekend runbook's to ask, which comes third."""
    ran = own_world.runbook("run", "auto", 3003, "--json", "-p", "user_count", "321", "-p", "mail_missing", "yes")
    assert ("weekend_license", "license_issued") == (ran.report["runbook"], ran.report["outcome"])
    assert "321 users" in ran.report["summary"]


def test_after_the_weekend_runbook_the_copy_is_sent(own_world: World) -> None:
    """Whoever runs this runbook on that ticket means that the mail has not come."""
    cells(own_world, "weekend_license", 1001, perform=True)
    assert "license_found" == cells(own_world, "license_not_received", 1001, perform=True).report["outcome"]
    assert 1 == len(own_world.issues(1001))
    assert 1 == len(own_world.posts(1001))


def test_an_issued_license_settles_an_old_complaint(own_world: World) -> None:
    """The number alone, again: the customer has not written since, so nothing is sent again."""
    cells(own_world, "weekend_license", 3003, perform=True)
    own_world.wait_for_pipelines()
    before = own_world.contents()
    again = routed(own_world, 3003, perform=True)
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
    report = cells(world, "start_here", ticket_id).report
    assert before == world.contents()
    assert (expected, []) == (report["next_runbook"], report["effects"])
    assert (None if expected else "out_of_scope") == report["outcome"]
    assert words in report["summary"], report["summary"]


def test_auto_stops_where_no_runbook_fits(world: World) -> None:
    """Its report is the router's own."""
    ran = world.runbook("run", "auto", 1008, "--perform", "--json")
    assert (0, "start_here", "out_of_scope") == (ran.status, ran.report["runbook"], ran.report["outcome"])


def test_the_engineer_can_say_that_the_mail_is_there_or_not(world: World) -> None:
    """The answer goes before what the customer writes."""
    for ticket_id, mail_missing, runbook in ((3003, "no", "weekend_license"), (1001, "yes", "license_not_received")):
        assert runbook == cells(world, "start_here", ticket_id, mail_missing=mail_missing).report["next_runbook"]


def test_auto_passes_answers_to_the_runbook(world: World) -> None:
    """One that only the runbook takes reaches it; a misspelt one is reported before anything runs."""
    ran = world.runbook("run", "auto", 2901, "--json", "-p", "subscription", "A-S00029011")
    assert ("weekday_triage", "escalated") == (ran.report["runbook"], ran.report["outcome"])
    ran = world.runbook("run", "auto", 2901, "--json", "-p", "subscripton", "A-S00029011")
    assert (2, "") == (ran.status, ran.stdout)
    assert "subscripton" in ran.stderr

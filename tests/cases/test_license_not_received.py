"""The mail that never came, step by step in this process: which issue counts, and what may be sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.cases.license_not_received import LicenseNotReceived
from runbook_lib.cases.start_here import StartHere
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain.errors import InputError, NeedsAnswerError, OutcomeUnknownError, PersonNeededError
from tests.practice import World, start


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of its own, which the settings of this process find."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    yield from start(tmp_path / "outputs")


def to_facts(ticket_id: int, *, perform: bool = False, **facts: object) -> LicenseNotReceived:
    """A case up to the facts."""
    case = LicenseNotReceived.open(ticket_id, perform=perform)
    case.take()
    case.collect_facts(**facts)
    return case


def move(world: World, *, days: int) -> None:
    """Make the issue of ticket 3001 older."""
    (row,) = [row for row in world.rows("SELECT * FROM issues") if "tickets/3001\n" in row["description"]]
    stamp = f"2026-11-{21 - days:02d}T12:00:00.000Z"
    world.change("UPDATE issues SET created_at = ? WHERE id = ?", stamp, row["id"])


@pytest.mark.parametrize("days", [0, 1, 3])
def test_a_license_from_the_days_of_the_emergency_counts(here: World, days: int) -> None:
    """The grace period ended at most three days before, so an earlier one is of another emergency."""
    move(here, days=days)
    case = to_facts(3001)
    case.find_license()
    assert case.copy is not None


def test_an_earlier_valid_license_is_asked_about(here: World) -> None:
    """It does not count by itself; the tool would issue no other, so the way out is named."""
    move(here, days=4)
    case = to_facts(3001)
    with pytest.raises(NeedsAnswerError, match="earlier emergency") as raised:
        case.find_license()
    assert ("send_earlier",) == raised.value.missing
    case.find_license(send_earlier=True)
    case.check_copy()
    case.send_copy()
    assert "license_found" == case.outcome


def test_a_license_that_has_ended_does_not_count(here: World) -> None:
    """The copy says when it ends: here an old one in an issue of the right day."""
    rows = here.rows("SELECT * FROM issues ORDER BY id")
    old = next(row for row in rows if "tickets/3006\n" in row["description"])
    new = next(row for row in rows if "tickets/3001\n" in row["description"])
    here.change("UPDATE issues SET description = ? WHERE id = ?", old["description"], new["id"])
    case = to_facts(3001)
    case.find_license()
    assert case.copy is None


@pytest.mark.parametrize(
    ("ticket_id", "words"), [(3901, "signed by the expected key"), (3902, "holds no copy of the license")]
)
def test_unusable_copy_stops_without_a_new_license(here: World, ticket_id: int, words: str) -> None:
    """A license was generated, so the tool must not be used again; a person finds out."""
    before = here.rows("SELECT count(*) AS n FROM comments")
    case = to_facts(ticket_id, perform=True)
    case.find_license()
    with pytest.raises(PersonNeededError, match=words):
        case.check_copy()
    assert before == here.rows("SELECT count(*) AS n FROM comments")
    assert [] == here.rows("SELECT * FROM pipelines")


def test_a_job_under_way_is_waited_for(here: World) -> None:
    """It may be about to send the license."""
    here.change(
        "UPDATE issues SET title = replace(title, '[Failure] - Could not create', '[In progress] - Creating') "
        "WHERE title LIKE '%paul.okafor%'"
    )
    case = to_facts(3002)
    with pytest.raises(OutcomeUnknownError, match="under way, or died"):
        case.find_license()


@pytest.mark.parametrize(
    ("title", "state", "changed", "asked"),
    [
        ("", "opened", "opened again", "reports a success, and was opened again"),
        ("Done!", "closed", "given another title", "titled “Done!”, which is not what Mechanizer writes"),
        ("Created for <{}>", "closed", "given another title", "titled “Created for <.*>”, which is not what"),
    ],
    ids=["opened again", "no address", "no mark"],
)
@pytest.mark.slow
def test_a_success_that_was_changed_by_hand_needs_a_person(
    here: World, title: str, state: str, changed: str, asked: str
) -> None:
    """A colleague did so as the mail bounced: the license is there, and no other one may follow it."""
    (before,) = here.issues(3001)
    (email,) = [word for word in before["title"].split() if "@" in word]
    title = title.format(email) or before["title"]
    text = re.sub("^Ticket: .*$", f"Ticket: {to_facts(3001).ticket.url}", before["description"], flags=re.MULTILINE)
    text = text if title == "Done!" else before["description"]  # which only the ticket's address names
    change = "UPDATE issues SET title = ?, state = ?, description = ? WHERE id = ?"
    here.change(change, title, state, text, before["id"])
    with pytest.raises(OutcomeUnknownError, match=f"its issue was {changed} by hand: .*says what to find out"):
        to_facts(3001).find_license()
    with pytest.raises(OutcomeUnknownError, match=rf"{asked}.*runbook answer 3001 mail-issue-2 yes"):
        to_facts(3001, perform=True).find_license()

    assert 0 == here.runbook("answer", 3001, "mail-issue-2", "yes").status
    case = to_facts(3001, perform=True)
    case.find_license()
    case.check_copy()
    case.send_copy()
    assert ["license_copy", "license_copy_note"] == [effect.name for effect in case.applied[-2:]]
    assert [] == here.rows("SELECT * FROM pipelines")
    assert [(before["title"], "closed")] == [(one["title"], one["state"]) for one in here.issues(3001)]

    here.change("UPDATE issues SET state = 'opened' WHERE id = ?", before["id"])
    with pytest.raises(PersonNeededError, match=r"opened\. Ask who did so; if the result holds, close it, then run"):
        to_facts(3001, perform=True).find_license()


@pytest.mark.parametrize(("title", "has_copy"), [("{} (bounced)", False), ("Sent to info@other.example", True)])
@pytest.mark.slow
def test_a_retitled_issue_that_tells_not_whose_it_is(here: World, title: str, has_copy: bool) -> None:
    """Without a copy for how many users, with another address for whom: a person finds out, and no title is written."""
    (before,) = here.issues(3001)
    url, title = to_facts(3001).ticket.url, title.format(before["title"])
    text = re.sub("^Ticket: .*$", f"Ticket: {url}", before["description"], flags=re.MULTILINE) if has_copy else "lost"
    here.change(
        "UPDATE issues SET title = ?, description = ?, state = 'opened' WHERE id = ?", title, text, before["id"]
    )
    with pytest.raises(OutcomeUnknownError, match="mail-issue-2 yes"):
        to_facts(3001, perform=True).find_license()
    assert 0 == here.runbook("answer", 3001, "mail-issue-2", "yes").status
    with pytest.raises(PersonNeededError, match=r"for how many users\. Find out, give it the title .* and close it"):
        to_facts(3001, perform=True).find_license()
    assert [title] == [one["title"] for one in here.rows("SELECT title FROM issues WHERE id = ?", before["id"])]


@pytest.mark.parametrize(
    ("state", "words"),
    [("closed", "1 license."), ("opened", "1 license whose issue was changed by hand.")],
)
def test_start_here_says_what_the_tracker_has(here: World, state: str, words: str) -> None:
    """A success that was opened again is no job under way."""
    here.change("UPDATE issues SET state = ? WHERE description LIKE '%tickets/3001%'", state)
    case = StartHere.open(3001)
    case.collect_facts()
    assert case.choose_runbook().data["reason"].endswith(f"; the tracker has {words}")


def test_a_copy_never_goes_to_staff_or_a_reseller(here: World) -> None:
    """In a customer's stead."""
    case = to_facts(3001, account_type="reseller")
    with pytest.raises(PersonNeededError, match="reseller"):
        case.find_license()
    here.change("UPDATE users SET email = 'me@gitlab.com' WHERE email LIKE 'greta.nilsson%'")
    case = to_facts(3001)
    with pytest.raises(PersonNeededError, match=r"address is at gitlab\.com"):
        case.find_license()


def test_license_made_by_hand_has_no_tracker_copy(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The note on the ticket says where it is; no second one is made."""
    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    weekend = WeekendLicense.open(3003, perform=True)
    weekend.take()
    weekend.collect_facts()
    weekend.confirm_identity()
    weekend.decide_scope()
    weekend.confirm_subscription()
    weekend.choose_users()
    weekend.issue_license(issued_evidence="https://customers.example/licenses/7")
    case = to_facts(3003)
    with pytest.raises(PersonNeededError, match=r"made by hand \(https://customers.example/licenses/7\)"):
        case.find_license()


def test_the_address_is_compared_without_regard_to_case(here: World) -> None:
    """As mail servers do it."""
    here.change("UPDATE users SET email = 'Greta.Nilsson@isbjorn-games.example' WHERE email LIKE 'greta.nilsson%'")
    case = to_facts(3001)
    case.find_license()
    assert case.copy is not None


def test_the_license_is_nowhere_but_in_the_attachment(here: World) -> None:
    """Not in what the steps show, nor in the journal."""
    case = to_facts(3001, perform=True)
    shown = "".join(repr(step()) for step in (case.find_license, case.check_copy, case.send_copy))
    journal = next((here.outputs / "sandbox" / "3001").glob("journal.*.jsonl")).read_text()
    (copy,) = here.rows("SELECT content FROM attachments WHERE file_name = 'trial.gitlab-license'")
    body = bytes(copy["content"]).decode().split("\n")[1]
    assert body not in shown + journal
    assert "BEGIN" not in shown + journal


def test_the_earlier_tickets_license_leads_here(here: World) -> None:
    """The weekend runbook names this one where it refuses to issue a second license."""
    case = WeekendLicense.open(3001, perform=True)
    case.take()
    case.collect_facts()
    case.confirm_identity()
    case.decide_scope()
    case.confirm_subscription()
    case.choose_users()
    with pytest.raises(PersonNeededError, match="license_not_received"):
        case.issue_license()


def test_a_mail_that_is_not_missing_is_not_sent_again(here: World) -> None:
    """The engineer says so; the customer is not bothered."""
    case = to_facts(3001, perform=True)
    with pytest.raises(InputError, match="mail_missing is no"):
        case.find_license(mail_missing="no")
    assert [] == here.comments(3001)


@pytest.mark.parametrize(
    ("opened_at", "runbook"), [("2026-11-21", "weekend_license"), ("2026-11-18", "weekday_triage")]
)
def test_without_a_license_it_hands_over(here: World, opened_at: str, runbook: str) -> None:
    """To the day's runbook, with the answers so far; the note is all that is changed, and no outcome is claimed."""
    here.change("UPDATE tickets SET created_at = ? WHERE id = 3003", f"{opened_at}T10:00:00Z")
    case = to_facts(3003, perform=True, plan="premium")
    for step in (case.find_license, case.check_copy, case.send_copy, case.hand_over):
        step()
    closing = case.close()
    assert (None, runbook) == (case.outcome, closing.data["next_runbook"])
    assert f"runbook run {runbook} 3003 -p plan premium" == closing.data["command"]
    assert f"No outcome yet: {runbook} goes on" == case.plan().headline
    assert [(0, True)] == [(one["public"], "One may be issued" in one["body"]) for one in here.comments(3003)]
    assert [] == here.rows("SELECT * FROM pipelines")


def test_after_the_copy_nothing_is_handed_over(here: World) -> None:
    """The case has its outcome: no note, and no next runbook."""
    case = to_facts(3001)
    for step in (case.find_license, case.check_copy, case.send_copy, case.hand_over):
        step()
    closing = case.close()
    assert "license_found" == case.outcome
    assert "next_runbook" not in closing.data
    assert ["license_copy", "license_copy_note"] == [effect.name for effect in case.applied][1:]

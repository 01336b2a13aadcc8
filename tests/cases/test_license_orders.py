"""License orders that left more than one trace: whatever jobs left, a run settles all of it, and the ticket ends."""

from __future__ import annotations

import re

import pytest

from runbook_lib.cases.license_not_received import LicenseNotReceived
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain import messages, titles
from runbook_lib.domain.errors import OutcomeUnknownError, PersonNeededError
from tests.practice import World

pytestmark = pytest.mark.slow

LONG_AGO = "2026-11-21T00:00:00.000Z"
SENDING = "The mail is being sent."
ADDRESS = "maya.lindqvist@nordlicht-analytics.example"


@pytest.fixture
def here(issued: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which the license of ticket 1001 has been issued."""
    monkeypatch.setenv("RUNBOOK_WAIT_S", "20")
    return issued


def run(*, perform: bool = True) -> WeekendLicense:
    """Ticket 1001 up to its license."""
    case = WeekendLicense.open(1001, perform=perform)
    case.take()
    case.collect_facts()
    case.confirm_identity()
    case.decide_scope()
    case.confirm_subscription()
    case.choose_users()
    case.issue_license()
    return case


def leave(here: World, *said: str, operation: str = "sandbox-1001-license-1", mailed: bool = False) -> None:
    """Let the jobs of one operation have died, each with an issue in progress that says this."""
    here.change("UPDATE pipelines SET status = 'failed', updated_at = ?", LONG_AGO)
    here.change(
        "INSERT INTO pipelines SELECT id + 50, iid + 50, project_id, ref, 'canceled', variables, trace, "
        "created_at, updated_at, started_at, finished_at FROM pipelines"
    )
    (issue,) = here.issues(1001)
    text = messages.issue_description(operation, "grace", ticket_url(issue), "")
    for number, words in enumerate(said):
        row = {**issue, "id": issue["id"] + number, "iid": issue["iid"] + number, "description": f"{text}{words}"}
        row |= {"title": titles.write(titles.Mark.IN_PROGRESS, ADDRESS, 250), "state": "opened", "closed_at": None}
        marks = ", ".join("?" * len(row))
        here.change(f"INSERT OR REPLACE INTO issues ({', '.join(row)}) VALUES ({marks})", *row.values())
    if not mailed:
        here.change("DELETE FROM mails")


def ticket_url(issue: dict[str, str]) -> str:
    found = messages.find_ticket(issue["description"])
    assert found
    return found


def issues_of(here: World) -> list[tuple[str, str]]:
    """How each issue's title begins, and its state."""
    rows = here.rows("SELECT title, state FROM issues WHERE title LIKE ? ORDER BY iid", f"%{ADDRESS}%")
    return [(str(titles.read(row["title"]).mark), row["state"]) for row in rows]


def test_two_issues_of_dead_jobs_before_the_mail(here: World) -> None:
    """One tells of the failure, the other is closed, and the same run issues the license with one pipeline more."""
    leave(here, messages.NO_MAIL_YET, messages.NO_MAIL_YET)
    before = len(here.rows("SELECT 1 FROM pipelines"))
    case = run()
    assert "as ordered" in repr(case.check_license())
    assert [("[Failure]", "opened"), ("[Duplicate]", "closed"), ("[Success]", "closed")] == issues_of(here)
    assert (before + 1, 1) == (len(here.rows("SELECT 1 FROM pipelines")), len(here.mails(ADDRESS)))


@pytest.mark.parametrize("came", [True, False])
def test_two_issues_where_only_the_customer_can_tell(here: World, came: bool) -> None:
    """One answer ends it: no second license if the mail came, and exactly one if not."""
    (copy,) = [row["description"] for row in _first(here)]
    leave(here, messages.NO_MAIL_YET, f"{SENDING}\n\n{messages.license_copy(copy)}", mailed=came)
    with pytest.raises(OutcomeUnknownError, match="runbook answer 1001 mail-1 yes"):
        run()
    assert 0 == here.runbook("answer", 1001, "mail-1", "yes" if came else "no").status
    case = run()
    assert "as ordered" in repr(case.check_license())
    ends = [("[Duplicate]", "closed"), ("[Success]", "closed")] if came else []
    ends = ends or [("[Duplicate]", "closed"), ("[Failure]", "opened"), ("[Success]", "closed")]
    assert (ends, 1) == (issues_of(here), len(here.mails(ADDRESS)))
    run()
    assert (ends, 1) == (issues_of(here), len(here.mails(ADDRESS)))


def _first(here: World) -> list[dict[str, str]]:
    """A license that was issued, to be put into an issue."""
    found = here.rows("SELECT description FROM issues WHERE title LIKE '[Success]%' AND title LIKE ?", f"%{ADDRESS}%")
    text = messages.find_license(found[0]["description"])
    assert text
    return [{"description": text}]


def test_a_colleagues_job_that_died_is_in_the_way(here: World) -> None:
    """Mechanizer would refuse each of ours because of it; nothing is started until a person has said what it sent."""
    leave(here, SENDING, operation="by-hand-7")
    here.change("DELETE FROM pipelines")
    here.forget(1001)
    here.change("UPDATE issues SET created_at = '2026-11-21T12:00:00.000Z' WHERE description LIKE '%by-hand-7%'")
    (issue,) = here.rows("SELECT iid FROM issues WHERE description LIKE '%by-hand-7%'")
    for _ in range(2):
        with pytest.raises(OutcomeUnknownError, match=f"runbook answer 1001 mail-issue-{issue['iid']} yes"):
            run()
    assert [] == here.rows("SELECT 1 FROM pipelines")
    assert 0 == here.runbook("answer", 1001, f"mail-issue-{issue['iid']}", "no").status
    run()
    assert [("[Failure]", "opened"), ("[Success]", "closed")] == issues_of(here)
    assert (1, 1) == (len(here.rows("SELECT 1 FROM pipelines")), len(here.mails(ADDRESS)))


def test_a_mail_of_which_no_trace_is_left(here: World) -> None:
    """The journal knows that a pipeline was started, and nothing of it is seen: a person's word ends the ticket."""
    here.change("DELETE FROM pipelines")
    here.change("DELETE FROM issues WHERE title LIKE ?", f"%{ADDRESS}%")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBOOK_WAIT_S", "0.5")
        with pytest.raises(OutcomeUnknownError, match=r"No pipeline of the order sandbox-1001-license-1 is seen"):
            run()
    assert (
        0 == here.runbook("answer", 1001, "mail-1", "yes", "--because", "they wrote so", RUNBOOK_OPERATOR="ada").status
    )
    case = run()
    assert "ada says that it is there: they wrote so" in repr(case.issuance)
    assert "not checked" in repr(case.check_license())
    assert [] == here.rows("SELECT 1 FROM pipelines")


def test_a_ticket_with_too_many_failures_ends_by_hand(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No further pipeline; who makes the license by hand is not held up."""
    here.change("DELETE FROM issues WHERE title LIKE ?", f"%{ADDRESS}%")
    (one,) = here.rows("SELECT * FROM pipelines")
    here.change("DELETE FROM pipelines")
    for number in range(1, 21):
        variables = one["variables"].replace("license-1", f"license-{number}")
        row = {**one, "id": number, "iid": number, "variables": variables, "status": "failed", "updated_at": LONG_AGO}
        marks = ", ".join("?" * len(row))
        here.change(f"INSERT OR REPLACE INTO pipelines ({', '.join(row)}) VALUES ({marks})", *row.values())
    with pytest.raises(PersonNeededError, match=r"failed 20 times .* RUNBOOK_ISSUER=manual"):
        run()
    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    case = run(perform=False)
    assert "planned" in repr(case.check_license())
    assert 20 == len(here.rows("SELECT 1 FROM pipelines"))


TITLE = f"[Success] - Created a license under {ADDRESS} for 250 users"
BY_HAND = [
    ("success", "labels = '[]'", ""),
    ("failed", "labels = '[]'", ""),
    ("failed", "labels = '[\"bug\"]', title = 'Lizenz erstellt'", "which is not what Mechanizer writes"),
    ("success", f"title = '{titles.write(titles.Mark.FAILURE, ADDRESS, 250)}'", "has a copy of the license, was given"),
    (
        "success",
        f"title = '{titles.write(titles.Mark.DUPLICATE, ADDRESS, 250)}'",
        "has a copy of the license, was given",
    ),
    ("success", "created_at = '2026-11-21T00:00:00.000Z'", ""),
    ("success", f"title = '{TITLE} (sent)'", f"Give it the title “{TITLE.replace('250', 'NUMBER')}”, then run again"),
    ("success", f"title = '{TITLE.replace(ADDRESS, 'x@y.example')}'", "end the case by `runbook answer 1001 case yes`"),
    ("success", f"title = '{TITLE.replace('250', '999')}'", "if its title was changed, put that right, then run again"),
]
"""How the pipeline ended, what a person does to the issue of a license that was mailed, and what a run then says."""


@pytest.mark.parametrize(("status", "change", "words"), BY_HAND)
def test_an_issue_changed_by_hand(here: World, status: str, change: str, words: str) -> None:
    """No second license is issued, and the ticket can be ended: by itself, by an answer, or by a title."""
    here.change("UPDATE pipelines SET status = ?, updated_at = ?", status, LONG_AGO)
    here.change(f"UPDATE issues SET {change} WHERE title LIKE '%{ADDRESS}%'")
    if words:
        with pytest.raises((OutcomeUnknownError, PersonNeededError), match=re.escape(words)) as stopped:
            run().check_license()
        if "mail-1 yes" in str(stopped.value):
            assert 0 == here.runbook("answer", 1001, "mail-1", "yes").status
        here.change("UPDATE issues SET title = ? WHERE description LIKE '%sandbox-1001-%'", TITLE)
    case = run()
    assert "as ordered" in repr(case.check_license())
    assert (1, 1) == (len(here.rows("SELECT 1 FROM pipelines")), len(here.mails(ADDRESS)))


def test_the_mail_runbook_settles_what_died(here: World) -> None:
    """A job that died before its mail is no reason to stop: it is settled, and the license is issued."""
    leave(here, messages.NO_MAIL_YET)
    case = LicenseNotReceived.open(1001, perform=True)
    case.take()
    case.collect_facts()
    assert "failed before" in repr(case.find_license())
    assert [("[Failure]", "opened")] == issues_of(here)

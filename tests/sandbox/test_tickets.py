"""The practice tickets as a new world has them: dates that fit it, licenses that are what they claim, and the traps.

What each ticket comes to is tested by running it.
"""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from pydantic import TypeAdapter

from runbook_lib.domain import license as license_file
from runbook_lib.domain import messages, titles
from runbook_lib.domain.errors import LicenseError
from runbook_lib.sandbox.seeding import make_world
from runbook_lib.sandbox.tickets import all_tickets
from runbook_lib.sandbox.tickets.model import LicenseFile, PracticeTicket, emergency_date, weekday_date
from runbook_lib.sandbox.world import opened
from tests.practice import WORLD_DATE

TICKETS = all_tickets()
FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)
FOREIGN_COPY = "/tickets/3901\n"
"""In the issue whose copy another key signed."""


@pytest.fixture(scope="module", params=[WORLD_DATE, WORLD_DATE + timedelta(days=1)], ids=["Sunday", "Monday"])
def world(request, tmp_path_factory):
    """A new world; nothing here changes it. Sunday's and Monday's tickets are of the same days."""
    folder = tmp_path_factory.mktemp("tickets") / "world"
    make_world(folder, request.param)
    with opened(folder) as world:
        yield world


@pytest.fixture
def read(world):
    """Reads a license with the world's public key."""
    key = license_file.load_public_key((world.folder / "license-key.pub").read_bytes())
    return lambda text: license_file.read(text, key)


@pytest.mark.parametrize("wrong", [{"seats": 250}, {"at": "noon"}, {"company": {"name": "X", "plans": "premium"}}])
def test_wrong_field_of_a_ticket_is_named(wrong):
    good = {"id": 1, "case": "x", "at": "09:00", "requester": {"name": "A", "email": "a@b.example"}}
    with pytest.raises(ValueError, match=r"seats|at|plans"):
        TypeAdapter(PracticeTicket).validate_python({**good, "subject": "x", "text": "x", **wrong})


@pytest.mark.parametrize("ahead", range(7))
def test_emergency_is_the_saturday_strictly_before(ahead):
    assert SATURDAY == emergency_date(SATURDAY + timedelta(days=1 + ahead))


@pytest.mark.parametrize(
    ("world_date", "weekday"),
    [(date(2026, 11, day), FRIDAY) for day in (21, 22, 23)]
    + [(date(2026, 11, day), date(2026, 11, day - 1)) for day in (20, 24)],
)
def test_weekday_tickets_are_of_last_working_day(world_date, weekday):
    assert weekday == weekday_date(world_date)


def test_tickets_have_their_days_and_times(world):
    found = {row["id"]: row["created_at"] for row in world.store.rows("SELECT * FROM tickets")}
    assert found == {t.id: f"{FRIDAY if t.weekday else SATURDAY}T{t.at}Z" for t in TICKETS}


@pytest.mark.parametrize("ticket", TICKETS, ids=lambda ticket: str(ticket.id))
def test_attached_license_is_as_the_ticket_says(world, read, ticket):
    sql = "SELECT content FROM attachments JOIN comments ON comments.id = comment_id WHERE ticket_id = ?"
    rows = world.store.rows(f"{sql} ORDER BY attachments.id", ticket.id)
    for file, row in zip(ticket.attachments, rows, strict=True):
        if not isinstance(file, LicenseFile) or file.is_export:
            continue
        if file.foreign_key:
            with pytest.raises(LicenseError, match="another key"):
                read(row["content"])
            continue
        content = read(row["content"])
        assert (file.plan, file.users, file.trial) == (content.plan, content.user_count, content.is_trial)
        grace_end = (FRIDAY if ticket.weekday else SATURDAY) - timedelta(days=file.grace_ended_days)
        assert grace_end == content.expires_on + timedelta(days=14)


def test_the_tracker_numbers_issues_by_time(world, read):
    """A success is closed at once, and has a license of ten days; a failure is open, and quotes the mail server."""
    rows = world.store.rows("SELECT * FROM issues ORDER BY iid")
    assert [row["created_at"] for row in rows] == sorted(row["created_at"] for row in rows)
    assert list(range(1, sum(len(ticket.issues) for ticket in TICKETS) + 1)) == [row["iid"] for row in rows]
    for row in rows:
        assert ("mechanizer-bot", json.dumps([messages.LABEL])) == (row["author"], row["labels"])
        failed = row["title"].startswith("[Failure]")
        assert (("opened", None) if failed else ("closed", row["created_at"])) == (row["state"], row["closed_at"])
        assert failed == ("451 4.3.0" in row["description"])
        copy = messages.find_license(row["description"])
        if copy and FOREIGN_COPY not in row["description"]:
            content, on = read(copy), date.fromisoformat(row["created_at"][:10])
            assert (on, on + timedelta(days=10), True) == (content.starts_on, content.expires_on, content.is_trial)


def test_3901_copy_is_signed_by_another_key(world, read):
    (row,) = world.store.rows("SELECT * FROM issues WHERE description LIKE '%/tickets/3901%'")
    with pytest.raises(LicenseError) as error:
        read(messages.find_license(row["description"]))
    assert "wrong_key" == error.value.problem


def test_seat_link_reports_are_of_the_day_before(world):
    rows = world.store.rows("SELECT created_at, report_timestamp FROM cdot_seat_links")
    days = [[date.fromisoformat(row[name][:10]) for name in ("created_at", "report_timestamp")] for row in rows]
    assert {timedelta(days=1)} == {received - reported for received, reported in days}


def test_2001_a_colleagues_address_holds_the_requesters(world):
    rows = world.store.rows("SELECT email FROM cdot_customers WHERE email LIKE '%nadia.rahimi@silkroad-maps.example'")
    assert ["procurement+nadia.rahimi@silkroad-maps.example"] == [row["email"] for row in rows]


def test_2902_has_more_rows_than_a_page(world):
    rows = world.store.rows("SELECT hostname FROM cdot_seat_links WHERE zuora_subscription_name = 'A-S00029021'")
    assert (130, 2) == (len(rows), len(set(rows)))


def test_3004_the_issues_of_others_look_alike(world):
    """GitLab's search, which compares words, finds those of two others for this address."""
    rows = world.store.rows("SELECT title FROM issues WHERE description LIKE '%/tickets/3004%'")
    emails = [titles.read(row["title"]).email for row in rows]
    assert "anna.berg@fjellnett.example" not in emails
    words = [set(email.replace("-", ".").replace("@", ".").split(".")) for email in emails]
    assert 2 == sum({"anna", "berg", "fjellnett", "example"} <= found for found in words)


def test_every_address_is_of_a_reserved_domain(world):
    sql = "SELECT email FROM users UNION SELECT email FROM cdot_customers"
    emails = [row["email"] for row in world.store.rows(sql)]
    emails += [issue.email for ticket in TICKETS for issue in ticket.issues if issue.email]
    assert ["not an address"] == [email for email in emails if not email.endswith((".example", ".example.org"))]


def test_every_ticket_has_a_requester_of_its_own():
    """But for the one who wrote twice; so no ticket's accounts and issues get mixed up with another's."""
    emails = [ticket.requester.email for ticket in TICKETS]
    assert {"maya.lindqvist@nordlicht-analytics.example"} == {email for email in emails if emails.count(email) > 1}

"""The practice tickets, as a new world has them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from runbook_lib.domain import license as license_file
from runbook_lib.domain.errors import InputError, LicenseError
from runbook_lib.sandbox.tickets import TICKETS
from runbook_lib.sandbox.tickets.model import emergency_date, weekday_date
from runbook_lib.sandbox.world import opened

SATURDAY = date(2026, 11, 21)


@pytest.fixture
def licenses(practice, world_folder):
    """Reads the license files attached to a ticket, with the world's public key."""
    key = license_file.load_public_key((world_folder / "license-key.pub").read_bytes())

    def read(ticket_id):
        rows = practice.world.store.rows(
            "SELECT content FROM attachments JOIN comments ON comments.id = comment_id"
            " WHERE ticket_id = ? AND file_name LIKE '%.gitlab-license' ORDER BY attachments.id",
            ticket_id,
        )
        return [license_file.read(row["content"].decode(), key) for row in rows]

    return read


@pytest.mark.parametrize(
    ("world_date", "saturday"),
    [
        (date(2026, 11, 22), SATURDAY),
        (date(2026, 11, 27), SATURDAY),
        (date(2026, 11, 28), SATURDAY),
        (date(2026, 11, 29), date(2026, 11, 28)),
    ],
)
def test_emergency_is_the_saturday_strictly_before(world_date, saturday):
    assert emergency_date(world_date) == saturday


@pytest.mark.parametrize(
    ("ticket_id", "grace_ended_days"),
    [(1001, 1), (1003, -4), (1004, 4), (1005, 3), (1010, 1), (1011, 1), (1901, 1), (1905, 1), (1906, 1)],
)
def test_attached_license_expired_as_the_ticket_says(licenses, ticket_id, grace_ended_days):
    (content,) = licenses(ticket_id)
    assert (SATURDAY - (content.expires_on + timedelta(days=14))).days == grace_ended_days
    assert (content.plan, content.user_count, content.is_trial) == ("premium", 250, False)


def test_ticket_1009_has_original_and_extension(practice, licenses):
    original, extension = licenses(1009)
    assert (original.is_trial, extension.is_trial) == (False, True)
    assert original.expires_on == extension.starts_on
    assert extension.expires_on + timedelta(days=15) == SATURDAY
    note = practice.zendesk("GET", "tickets/1009/comments.json").json()["comments"][1]
    assert note["public"] is False
    assert "extension" in note["body"]


def test_ticket_1907s_license_is_by_somebody_else(licenses):
    with pytest.raises(LicenseError) as caught:
        licenses(1907)
    assert caught.value.problem == "wrong_key"


def test_ticket_1904s_license_is_a_picture(practice):
    row = practice.world.require(
        "SELECT content FROM attachments JOIN comments ON comments.id = comment_id WHERE ticket_id = 1904"
    )
    assert row["content"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("ticket_id", "fields"),
    [
        (1002, {"plan": "premium", "deployment": "self_managed", "account_type": "customer"}),
        (1006, {"plan": None, "deployment": "self_managed", "account_type": "prospect"}),
        (1007, {"plan": "free", "deployment": "self_managed", "account_type": "customer"}),
        (1008, {"plan": "premium", "deployment": "gitlab_com", "account_type": "customer"}),
    ],
)
def test_the_organization_says_what_support_knows(practice, ticket_id, fields):
    answer = practice.zendesk("GET", f"tickets/{ticket_id}.json?include=organizations").json()
    assert answer["organizations"][0]["organization_fields"] == fields


def test_tickets_are_of_saturday_and_one_is_assigned(practice):
    first = "SELECT * FROM tickets WHERE id < 2000 AND id NOT BETWEEN 1012 AND 1060 ORDER BY id"
    rows = practice.world.store.rows(first)
    assert {*range(1001, 1012), *range(1061, 1065), *range(1901, 1910)} <= {row["id"] for row in rows}
    assert all("2026-11-21T09:00" <= row["created_at"] <= "2026-11-21T15:32" for row in rows)
    taken = [(row["id"], row["assignee_id"]) for row in rows if row["assignee_id"]]
    colleague = practice.world.require("SELECT id FROM users WHERE name = 'Robin Weekend'")
    assert taken == [(1906, colleague["id"])]


@pytest.mark.parametrize(
    ("world_date", "weekday"),
    [
        (date(2026, 11, 22), date(2026, 11, 20)),
        (date(2026, 11, 21), date(2026, 11, 20)),
        (date(2026, 11, 23), date(2026, 11, 20)),
        (date(2026, 11, 24), date(2026, 11, 23)),
        (date(2026, 11, 20), date(2026, 11, 19)),
    ],
)
def test_weekday_tickets_are_of_last_working_day(world_date, weekday):
    assert weekday_date(world_date) == weekday


def test_weekday_and_mail_tickets_have_their_days(practice):
    days = {row["id"]: row["created_at"][:10] for row in practice.world.store.rows("SELECT * FROM tickets")}
    assert {days[number] for number in (*range(2001, 2008), 2901, 2902)} == {"2026-11-20"}
    assert {days[number] for number in (*range(3001, 3007), 3901, 3902)} == {"2026-11-21"}
    (early,) = practice.world.store.rows("SELECT created_at FROM tickets WHERE id = 2005")
    assert early["created_at"] == "2026-11-20T03:30:00Z"


def test_seat_link_reports_are_of_the_day_before(practice):
    rows = practice.world.store.rows("SELECT created_at, report_timestamp FROM cdot_seat_links")
    days = [
        (date.fromisoformat(r["created_at"][:10]) - date.fromisoformat(r["report_timestamp"][:10])).days for r in rows
    ]
    assert set(days) == {1}


def test_the_tracker_has_the_issues_of_earlier_jobs(practice):
    rows = practice.world.store.rows("SELECT * FROM issues ORDER BY iid")
    assert [row["iid"] for row in rows] == list(range(1, 11))
    assert [row["created_at"] for row in rows] == sorted(row["created_at"] for row in rows)
    assert [row["state"] for row in rows if row["title"].startswith("[Failure]")] == ["opened", "opened"]


def test_other_version_refused_with_what_to_do(practice, world_folder):
    practice.world.store.write("DELETE FROM settings WHERE name = 'version'")
    with pytest.raises(InputError, match="made by another version"), opened(world_folder):
        pass


def test_every_address_is_of_a_reserved_domain():
    for ticket in TICKETS:
        assert ticket.requester.email.endswith(".example") or ticket.id == 1905
        others = [account.person.email for account in ticket.accounts] + [issue.email for issue in ticket.issues]
        assert not [email for email in others if not email.endswith((".example", ".example.org"))]


def test_every_ticket_has_a_requester_of_its_own():
    """But for the one who wrote twice; so no ticket's accounts and issues get mixed up with another's."""
    emails = [ticket.requester.email for ticket in TICKETS]
    assert {"maya.lindqvist@nordlicht-analytics.example"} == {email for email in emails if emails.count(email) > 1}
    assert len(TICKETS) == len({ticket.id for ticket in TICKETS})

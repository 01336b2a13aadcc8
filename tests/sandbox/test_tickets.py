"""The practice tickets, as a new world has them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from runbook_lib import license as license_file
from runbook_lib.errors import LicenseError
from runbook_lib.sandbox.tickets import TICKETS, emergency_date

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
def test_the_emergency_is_on_the_saturday_strictly_before(world_date, saturday):
    assert emergency_date(world_date) == saturday


@pytest.mark.parametrize(
    ("ticket_id", "grace_ended_days"),
    [(1001, 1), (1003, -4), (1004, 4), (1005, 3), (1010, 1), (1011, 1), (1901, 1), (1905, 1), (1906, 1)],
)
def test_the_attached_license_ran_out_when_the_ticket_says(licenses, ticket_id, grace_ended_days):
    (content,) = licenses(ticket_id)
    assert (SATURDAY - (content.expires_on + timedelta(days=14))).days == grace_ended_days
    assert (content.plan, content.user_count, content.is_trial) == ("premium", 250, False)


def test_ticket_1009_has_the_original_and_the_extension(practice, licenses):
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
    row = practice.world.require("SELECT content FROM attachments WHERE file_name = 'license.gitlab-license'")
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


def test_every_ticket_came_in_on_that_saturday_and_only_one_is_taken(practice):
    rows = practice.world.store.rows("SELECT * FROM tickets ORDER BY id")
    assert [row["id"] for row in rows] == [*range(1001, 1012), *range(1901, 1908)]
    assert all("2026-11-21T09:00" <= row["created_at"] <= "2026-11-21T11:30" for row in rows)
    taken = [(row["id"], row["assignee_id"]) for row in rows if row["assignee_id"]]
    colleague = practice.world.require("SELECT id FROM users WHERE name = 'Robin Weekend'")
    assert taken == [(1906, colleague["id"])]


def test_every_address_is_one_that_can_never_be_anybodys():
    for ticket in TICKETS:
        assert ticket.requester.email.endswith(".example") or ticket.id == 1905

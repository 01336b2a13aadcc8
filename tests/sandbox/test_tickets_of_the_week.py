"""The practice tickets of the week: what decides each of them, as a new world has it."""

from __future__ import annotations

from datetime import date

import pytest

from runbook_lib.domain import license as license_file
from runbook_lib.sandbox.server import make_world
from runbook_lib.sandbox.world import opened

FRIDAY = "2026-11-20"
TICKETS = {
    2001: "08:12",
    2002: "08:31",
    2003: "04:05",
    2004: "08:47",
    2005: "03:30",
    2006: "09:05",
    2007: "04:20",
    2901: "09:20",
    2902: "09:33",
}
AWKWARD = "Bergwerk 100% Süd / Haus 2"
OLD = (FRIDAY[:4] + "-11-05", 1)
"""Expired so that the grace period ended a day before the ticket, and an online cloud license."""


@pytest.fixture(scope="module", params=[date(2026, 11, 22), date(2026, 11, 23)], ids=["Sunday", "Monday"])
def world(request, tmp_path_factory):
    """A new world; nothing here changes it. Sunday's and Monday's tickets are of the same Friday."""
    folder = tmp_path_factory.mktemp("week") / "world"
    make_world(folder, request.param)
    with opened(folder) as world:
        yield world


def requester(world, ticket_id):
    """The address of the ticket's author."""
    sql = "SELECT email FROM users JOIN tickets ON requester_id = users.id WHERE tickets.id = ?"
    return world.require(sql, ticket_id)["email"]


def accounts(world, ticket_id):
    """The requester's CustomersDot accounts."""
    return world.store.rows("SELECT * FROM cdot_customers WHERE email = ? ORDER BY id", requester(world, ticket_id))


def sold(world, ticket_id):
    """The licenses that the requester's accounts hold."""
    return [
        row
        for account in accounts(world, ticket_id)
        for row in world.store.rows("SELECT * FROM cdot_licenses WHERE customer_id = ? ORDER BY id", account["id"])
    ]


def seat_links(world, subscription, hostname="%"):
    """When the rows of a subscription were received, the newest first."""
    sql = "SELECT created_at FROM cdot_seat_links WHERE zuora_subscription_name = ? AND hostname LIKE ?"
    return [row["created_at"] for row in world.store.rows(f"{sql} ORDER BY created_at DESC", subscription, hostname)]


def expiries(world, ticket_id):
    """When the license files on the ticket expire."""
    key = license_file.load_public_key((world.folder / "license-key.pub").read_bytes())
    rows = world.store.rows(
        "SELECT content FROM attachments JOIN comments ON comments.id = comment_id WHERE ticket_id = ?", ticket_id
    )
    return [license_file.read(row["content"].decode(), key).expires_on.isoformat() for row in rows]


def test_the_tickets_are_of_the_friday(world):
    """Each at its own time, from a paying customer with an instance of their own."""
    rows = world.store.rows(
        "SELECT tickets.id, tickets.created_at, fields FROM tickets"
        " JOIN organizations ON organizations.id = organization_id WHERE tickets.id BETWEEN 2000 AND 2999 ORDER BY 1"
    )
    opened_at = {row["id"]: row["created_at"].removeprefix(f"{FRIDAY}T")[:5] for row in rows}
    assert TICKETS == {id_: opened_at[id_] for id_ in TICKETS}
    plans = ("premium", "ultimate")
    expected = [f'{{"plan": "{plan}", "deployment": "self_managed", "account_type": "customer"}}' for plan in plans]
    assert set(expected) == {row["fields"] for row in rows}


@pytest.mark.parametrize(
    ("ticket_id", "expected"),
    [
        (2001, ["2026-11-05"]),
        (2002, ["2026-11-05"]),
        (2003, []),
        (2004, []),
        (2005, []),
        (2006, ["2026-11-04"]),
        (2007, []),
        (2901, ["2026-11-05"]),
        (2902, []),
    ],
)
def test_license_files_count_from_the_tickets_own_day(world, ticket_id, expected):
    """14 days of grace ended one day before that Friday; on ticket 2006 two."""
    assert expected == expiries(world, ticket_id)


@pytest.mark.parametrize(
    ("ticket_id", "number", "expected"),
    [
        (2001, 0, []),
        (2002, 1, []),
        (2003, 1, [("A-S00020031", *OLD), ("A-S00020031", "2027-11-05", 1)]),
        (2004, 1, [("A-S00020041", *OLD)]),
        (2005, 1, [("A-S00020051", *OLD)]),
        (2006, 1, [("A-S00020061", "2026-11-04", 0)]),
        (2007, 1, [("A-S00020071", *OLD)]),
        (2901, 2, [("A-S00029011", *OLD), (AWKWARD, *OLD)]),
        (2902, 1, [("A-S00029021", *OLD), ("A-S00029022", "2027-02-18", 1), ("A-S00029023", "2027-06-08", 1)]),
    ],
)
def test_the_requesters_accounts_and_licenses(world, ticket_id, number, expected):
    """How many accounts, and of each license its subscription, its expiry, and whether it is an online one."""
    found = sold(world, ticket_id)
    columns = ("zuora_subscription_name", "expires_at", "cloud_licensing_enabled")
    assert number == len(accounts(world, ticket_id))
    assert expected == [tuple(row[column] for column in columns) for row in found]


def test_ticket_2001_colleagues_match_a_word_search(world):
    """Two of the same company; the address of one holds the requester's."""
    rows = world.store.rows("SELECT email FROM cdot_customers WHERE email LIKE '%@silkroad-maps.example' ORDER BY id")
    expected = ["procurement+nadia.rahimi@silkroad-maps.example", "farid.aziz@silkroad-maps.example"]
    assert expected == [row["email"] for row in rows]
    assert requester(world, 2001) in expected[0]


def test_ticket_2003_renewed_and_synced_after_opening(world):
    """A row at 04:37:12 of the day, with a report of the day before; and one for each of the six days before."""
    old, renewed = sold(world, 2003)
    assert (old["plan"], old["users"], old["expires_at"]) == ("premium", 120, renewed["starts_at"])
    found = seat_links(world, "A-S00020031")
    assert f"{FRIDAY}T04:37:12.000Z" == found[0]
    assert [f"2026-11-{day}" for day in range(20, 13, -1)] == [stamp[:10] for stamp in found]
    newest = world.require("SELECT * FROM cdot_seat_links WHERE created_at = ?", found[0])
    assert "2026-11-19T23:59:52.000Z" == newest["report_timestamp"]


@pytest.mark.parametrize(
    ("subscription", "number", "newest"),
    [
        ("A-S00020041", 5, "2026-11-19T04:21"),
        ("A-S00020051", 4, "2026-11-19T04:13"),
        ("A-S00020061", 0, None),
        ("A-S00029011", 0, None),
        (AWKWARD, 3, "2026-11-20T09:40"),
        ("A-S00029021", 130, "2026-11-19T04:21"),
        ("A-S00029022", 0, None),
        ("A-S00029023", 0, None),
    ],
)
def test_the_newest_seat_link_row(world, subscription, number, newest):
    """And how many there are."""
    found = seat_links(world, subscription)
    assert (number, newest) == (len(found), found[0][:16] if found else None)


def test_ticket_2007_only_second_instance_synced(world):
    """The first was last seen three days before; each has its own identifier."""
    main = seat_links(world, "A-S00020071", "gitlab.azulejo-bank.example")
    recovery = seat_links(world, "A-S00020071", "gitlab-dr.azulejo-bank.example")
    assert ("2026-11-17", f"{FRIDAY}T04:52") == (main[0][:10], recovery[0][:16])
    assert (4, 4) == (len(main), len(recovery))
    sql = "SELECT DISTINCT hostname, instance_identifier FROM cdot_seat_links WHERE zuora_subscription_name = ?"
    rows = world.store.rows(sql, "A-S00020071")
    assert (2, 2) == (len(rows), len({row["instance_identifier"] for row in rows}))


def test_ticket_2901_accounts_spell_company_differently(world):
    """One address, two numbers; the row of the day came after the ticket, so it counts however late one looks."""
    found = accounts(world, 2901)
    assert ["Zeche Süd", "Bergwerk Süd"] == [row["company"] for row in found]
    assert 2 == len({row["id"] for row in found})
    assert seat_links(world, AWKWARD)[0] > f"{FRIDAY}T{TICKETS[2901]}"


def test_2902_has_two_rows_a_day_from_two_instances(world):
    """65 days of them, none on the ticket's day."""
    found = [stamp[:10] for stamp in seat_links(world, "A-S00029021")]
    assert {2} == {found.count(day) for day in found}
    assert ("2026-11-19", "2026-09-16") == (found[0], found[-1])
    sql = "SELECT DISTINCT hostname FROM cdot_seat_links WHERE zuora_subscription_name = 'A-S00029021'"
    assert 2 == len(world.store.rows(sql))

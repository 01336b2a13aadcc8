"""The practice tickets of customers whose mail never came: what the tracker holds for each, as a new world has it."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from runbook_lib.domain import license as license_file
from runbook_lib.domain import messages, titles
from runbook_lib.domain.errors import LicenseError
from runbook_lib.domain.titles import Mark
from runbook_lib.sandbox.server import make_world
from runbook_lib.sandbox.world import opened

SATURDAY = "2026-11-21"
TICKETS = {
    3001: ("12:30", "2026-11-06"),
    3002: ("12:45", "2026-11-05"),
    3003: ("13:02", "2026-11-06"),
    3004: ("13:15", "2026-11-06"),
    3005: ("12:10", "2026-11-06"),
    3006: ("13:40", "2026-11-06"),
    3901: ("14:00", "2026-11-06"),
    3902: ("14:10", "2026-11-06"),
}
"""When each came in, and when the license attached to it expired: 15 days before, on 3002 16."""
ISSUES = [
    ("zoe.martin@lighthouse-audio.example", True, "2026-06-16T13:40"),
    ("greta.nilsson@isbjorn-games.example", True, f"{SATURDAY}T12:00"),
    ("diego.ramos@pampa-seeds.example", False, f"{SATURDAY}T12:20"),
    ("paul.okafor@lagoon-trains.example", False, f"{SATURDAY}T12:25"),
    ("anna.berg@fjellnett.example.org", True, f"{SATURDAY}T12:25"),
    ("anna@berg-fjellnett.example", True, f"{SATURDAY}T12:35"),
    ("diego.ramos@pampa-seeds.example", True, f"{SATURDAY}T12:40"),
    ("johanna.berg@fjellnett.example", True, f"{SATURDAY}T12:45"),
    ("karim.benali@atlas-optics.example", True, f"{SATURDAY}T13:45"),
    ("ruth.cohen@negev-solar.example", True, f"{SATURDAY}T13:55"),
]
"""Whose, whether a success, and when it was opened; in the order of their numbers."""
WITH_COPY = [1, 2, 5, 6, 7, 8]
"""The issues that hold a license of the world's own."""


@pytest.fixture(scope="module", params=[date(2026, 11, 22), date(2026, 11, 23)], ids=["Sunday", "Monday"])
def world(request, tmp_path_factory):
    """A new world; nothing here changes it. Sunday's and Monday's tickets are of the same Saturday."""
    folder = tmp_path_factory.mktemp("mail") / "world"
    make_world(folder, request.param)
    with opened(folder) as world:
        yield world


@pytest.fixture
def key(world):
    """The world's public key."""
    return license_file.load_public_key((world.folder / "license-key.pub").read_bytes())


def issue(world, iid):
    """One issue of the tracker."""
    return world.require("SELECT * FROM issues WHERE iid = ?", iid)


def copy(world, iid, key):
    """The license in an issue, checked."""
    return license_file.read(messages.find_license(issue(world, iid)["description"]), key)


def issues_of(world, ticket_id):
    """The numbers of the issues for exactly the requester's address."""
    sql = "SELECT email FROM users JOIN tickets ON requester_id = users.id WHERE tickets.id = ?"
    email = world.require(sql, ticket_id)["email"]
    return [row["iid"] for row in world.store.rows("SELECT * FROM issues") if f" {email} " in row["title"]]


def test_weekend_tickets_are_of_saturday(world, key):
    """250 users of a paid plan, and the grace period just over."""
    rows = world.store.rows(
        "SELECT tickets.id, tickets.created_at, content FROM attachments JOIN comments ON comments.id = comment_id"
        " JOIN tickets ON tickets.id = ticket_id WHERE tickets.id >= 3000 ORDER BY 1"
    )
    found = [(row, license_file.read(row["content"].decode(), key)) for row in rows]
    stamps = {row["id"]: (row["created_at"], content.expires_on.isoformat()) for row, content in found}
    expected = {id_: (f"{SATURDAY}T{at}:00Z", expiry) for id_, (at, expiry) in TICKETS.items()}
    assert expected == {id_: stamps[id_] for id_ in TICKETS}
    assert {("premium", 250, False)} == {(c.plan, c.user_count, c.is_trial) for _, c in found}


def test_the_tracker_holds_what_earlier_jobs_left(world):
    """Numbered in the order of their times; a success is closed at once, a failure is open."""
    rows = world.store.rows("SELECT * FROM issues ORDER BY iid")
    assert list(range(1, 11)) == [row["iid"] for row in rows]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    for row, (email, success, at) in zip(rows, ISSUES, strict=True):
        title = titles.write(Mark.SUCCESS if success else Mark.FAILURE, email, 250)
        stamp = f"{at}:00.000Z"
        expected = (title, stamp, stamp, stamp if success else None, "closed" if success else "opened")
        columns = ("title", "created_at", "updated_at", "closed_at", "state")
        assert expected == tuple(row[column] for column in columns)
    assert {("mechanizer-bot", json.dumps([messages.LABEL]))} == {(row["author"], row["labels"]) for row in rows}


@pytest.mark.parametrize(
    ("ticket_id", "expected"),
    [(3001, [2]), (3002, [4]), (3003, []), (3004, []), (3005, [3, 7]), (3006, [1]), (3901, [9]), (3902, [10])],
)
def test_the_issues_of_exactly_the_requester(world, ticket_id, expected):
    """On ticket 3004 there are three that only look alike."""
    assert expected == issues_of(world, ticket_id)


def test_ticket_3004_others_match_a_word_search(world):
    """So GitLab's search, which compares words, finds one of them for this address."""
    others = [ISSUES[iid - 1][0] for iid in (5, 6, 8)]
    words = {"anna", "berg", "fjellnett", "example"}
    assert [True, True, False] == [
        words <= set(email.replace("-", ".").replace("@", ".").split(".")) for email in others
    ]
    assert others[2].endswith("anna.berg@fjellnett.example")


@pytest.mark.parametrize("iid", WITH_COPY)
def test_success_issue_holds_a_valid_license(world, key, iid):
    """Ten days of Ultimate trial from the day of the issue, without a licensee's name."""
    content, on = copy(world, iid, key), date.fromisoformat(issue(world, iid)["created_at"][:10])
    assert (on, on + timedelta(days=10)) == (content.starts_on, content.expires_on)
    assert ("ultimate", 250, True) == (content.plan, content.user_count, content.is_trial)
    assert "example.com" in content.licensee["Email"]


def test_3006_the_copy_ran_out_long_ago(world, key):
    """158 days before that Saturday it was issued, about five months."""
    content = copy(world, 1, key)
    assert (date(2026, 6, 16), date(2026, 6, 26)) == (content.starts_on, content.expires_on)
    assert timedelta(days=158) == date.fromisoformat(SATURDAY) - content.starts_on


def test_3901_the_copy_is_by_somebody_else(world, key):
    """Another key signed it."""
    with pytest.raises(LicenseError) as error:
        copy(world, 9, key)
    assert "wrong_key" == error.value.problem


@pytest.mark.parametrize("iid", [3, 4, 10])
def test_failures_and_3902_hold_no_copy(world, iid):
    """A failure quotes the mail server."""
    description = issue(world, iid)["description"]
    assert messages.find_license(description) is None
    assert (iid != 10) == ("451 4.3.0" in description)


def test_an_issue_says_for_which_ticket_and_who_asked(world):
    """The colleague, for the ticket by its address; every operation has its own id."""
    for ticket_id, iids in {3001: [2], 3002: [4], 3004: [5, 6, 8], 3005: [3, 7], 3006: [1]}.items():
        for iid in iids:
            description = issue(world, iid)["description"]
            assert f"Ticket: https://practice-support.zendesk.example/agent/tickets/{ticket_id}\n" in description
            assert "robin.weekend" in description
    ids = [issue(world, iid)["description"].splitlines()[0] for iid in range(1, 11)]
    assert (10, True) == (len(set(ids)), all(line.startswith("Operation: `by-hand-") for line in ids))

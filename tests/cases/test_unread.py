"""What could not be looked at is never taken for what is not there, step by step in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from runbook_lib.cases.license_not_received import LicenseNotReceived
from runbook_lib.cases.start_here import StartHere
from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain.errors import NeedsAnswerError, RunbookError, UnavailableError
from tests.domain.test_finder import zipped
from tests.practice import World, start

ANSWERED = {"plan": "premium", "expires_on": "2026-11-06", "users_in_license": "250"}
FAULTS: list[dict[str, Any]] = [
    {"kind": "error", "status": 503},
    {"kind": "limit"},
    {"kind": "reset"},
    {"kind": "wrong_type"},
    {"kind": "truncate"},
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that several tests only read."""
    yield from start(tmp_path_factory.mktemp("world") / "outputs")


@pytest.fixture
def here(served: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """That world, which the settings of this process find, without faults."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(served.outputs))
    monkeypatch.setattr("runbook_lib.clients.retrying.FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr("runbook_lib.clients.retrying._BACKOFF", lambda state: 0.0)
    yield served
    served.clear_faults()


def to_scope(ticket_id: int, **facts: object) -> WeekendLicense:
    """A weekend emergency up to the scope."""
    case = WeekendLicense.open(ticket_id)
    case.take()
    case.collect_facts(**facts)
    case.confirm_identity()
    return case


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["kind"])
def test_download_that_fails_is_no_request_for_screenshots(here: World, fault: dict[str, Any]) -> None:
    """The customer is not asked for what the unread file may tell; the name, the reason and the way on are said."""
    here.inject("zendesk", path="/attachments/token", times=None, **fault)
    case = to_scope(1001)

    assert [one.name for one in case.known.unread] == [name_of(here, 1001)]
    with pytest.raises(NeedsAnswerError, match="could not be looked at") as raised:
        case.decide_scope()
        case.confirm_subscription()
    assert name_of(here, 1001) in str(raised.value)
    assert case.outcome is None


def name_of(world: World, ticket_id: int) -> str:
    """The name of a ticket's first file."""
    sql = "SELECT a.file_name FROM attachments a JOIN comments c ON c.id = a.comment_id WHERE c.ticket_id = ?"
    return str(world.rows(sql, ticket_id)[0]["file_name"])


def test_answers_settle_what_an_unread_file_would_tell(here: World) -> None:
    """An engineer who looked and answered is not stopped."""
    here.inject("zendesk", "error", status=503, path="/attachments/token", times=None)
    case = to_scope(1001, **ANSWERED, deployment="self_managed", billable_users="231")
    case.decide_scope()
    case.confirm_subscription()

    assert case.outcome is None


def test_ask_customer_goes_before(here: World) -> None:
    """Who says that the customer shall be asked has looked."""
    here.inject("zendesk", "error", status=503, path="/attachments/token", times=None)
    case = to_scope(1001)
    case.decide_scope()
    case.confirm_subscription(ask_customer=True)

    assert "waiting_for_customer" == case.outcome


@pytest.mark.parametrize(
    ("ticket_id", "words"), [(1041, "sign-in page"), (1043, "malware"), (1902, "52.4 MB"), (1903, "404")]
)
def test_file_that_may_not_be_read(here: World, ticket_id: int, words: str) -> None:
    """A sign-in page, malware, a size and a file that is gone stop the request for screenshots."""
    case = to_scope(ticket_id)
    case.decide_scope()
    with pytest.raises(NeedsAnswerError, match=words) as raised:
        case.confirm_subscription()
    assert "ask_customer" in raised.value.missing


def test_engineers_answer_ends_the_case(here: World) -> None:
    """Who says when the license ended has settled what the unread file would tell."""
    here.inject("zendesk", "error", status=503, path="/attachments/token", times=None)
    case = to_scope(1001, expires_on="2025-01-01")
    case.decide_scope()
    assert "out_of_scope" == case.outcome


def test_unread_license_keeps_a_weekend_case_from_ending(here: World) -> None:
    """The organization's field says free, and the license that may say otherwise could not be read."""
    here.inject("zendesk", "error", status=503, path="/attachments/token", times=None)
    with plan_in_the_field(here, 1001, "free"):
        case = to_scope(1001)
        with pytest.raises(NeedsAnswerError, match="could not be looked at") as raised:
            case.decide_scope()
    assert ("plan",) == raised.value.missing
    assert case.outcome is None


@pytest.mark.parametrize(("parameter", "ours"), [("plan", "free"), ("account_type", "prospect")])
def test_weekend_case_does_not_end_without_customersdot(here: World, parameter: str, ours: str) -> None:
    """What was sold may contradict the organization's field; a person's word ends the case."""
    here.inject("customersdot", "error", status=503, path="/admin/", times=None)
    with fields_of(here, 1002, {parameter: ours}):
        case = to_scope(1002)
        with pytest.raises(NeedsAnswerError, match="CustomersDot could not be looked at") as raised:
            case.decide_scope()
        assert ("plan",) == raised.value.missing
        assert case.outcome is None
        case = to_scope(1002, **{parameter: ours})
        case.decide_scope()
    assert "out_of_scope" == case.outcome


def test_out_of_scope_by_the_calendar_needs_no_customersdot(here: World) -> None:
    """It rests on nothing that could not be looked at."""
    here.inject("customersdot", "error", status=503, path="/admin/", times=None)
    case = to_scope(1001, emergency_on="2026-11-20", expires_on="2026-11-05")
    case.decide_scope()
    assert "out_of_scope" == case.outcome


@contextmanager
def plan_in_the_field(world: World, ticket_id: int, plan: str) -> Iterator[None]:
    """Another plan in the field of a ticket's organization, and nothing else, for a while."""
    with fields_of(world, ticket_id, {"plan": plan}):
        yield


@contextmanager
def fields_of(world: World, ticket_id: int, fields: dict[str, object]) -> Iterator[None]:
    """Other fields of a ticket's organization, for a while."""
    sql = "SELECT * FROM organizations WHERE id = (SELECT organization_id FROM tickets WHERE id = ?)"
    (organization,) = world.rows(sql, ticket_id)
    world.change("UPDATE organizations SET fields = ? WHERE id = ?", json.dumps(fields), organization["id"])
    try:
        yield
    finally:
        world.change("UPDATE organizations SET fields = ? WHERE id = ?", organization["fields"], organization["id"])


@contextmanager
def another_file(world: World, ticket_id: int, content: bytes) -> Iterator[None]:
    """One more file on a ticket, for a while."""
    sql = (
        "INSERT INTO attachments (comment_id, token, file_name, content_type, size, source, content) "
        "SELECT min(id), ?, 'another.zip', 'application/zip', ?, 'stored', ? FROM comments WHERE ticket_id = ?"
    )
    token = f"another-{ticket_id}"
    world.change(sql, token, len(content), content, ticket_id)
    try:
        yield
    finally:
        world.change("DELETE FROM attachments WHERE token = ?", token)


def test_what_an_archive_may_hold_is_not_asked_for(here: World) -> None:
    """Nor does the case end on it; a license beside it counts all the same."""
    bomb, archive = zipped(bomb=b"\0" * 30_000_000), b"Rar!\x1a\x07\x00"
    with another_file(here, 1003, bomb), another_file(here, 1904, bomb), another_file(here, 1001, archive):
        with pytest.raises(NeedsAnswerError, match="unpacks to more than 200 times"):
            to_scope(1003).decide_scope()
        case = to_scope(1904)
        case.decide_scope()
        with pytest.raises(NeedsAnswerError, match="unpacks to more than 200 times") as raised:
            case.confirm_subscription()
        assert "ask_customer" in raised.value.missing
        assert "in scope" == to_scope(1001).decide_scope().card.state


def test_start_here_does_not_end_on_an_unread_file(here: World) -> None:
    """The field says free; the license file may say otherwise."""
    here.inject("zendesk", "error", status=503, path="/attachments/token", times=None)
    with plan_in_the_field(here, 1001, "free"):
        case = StartHere.open(1001)
        case.collect_facts()
        with pytest.raises(NeedsAnswerError, match="could not be looked at"):
            case.choose_runbook()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["kind"])
def test_tracker_that_fails_is_no_empty_tracker(here: World, fault: dict[str, Any]) -> None:
    """No license was found only where the tracker said so."""
    case = LicenseNotReceived.open(3003)
    case.take()
    here.inject("gitlab", path="/issues", times=None, **fault)
    with pytest.raises(RunbookError):
        case.collect_facts()
    assert case.outcome is None


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["kind"])
def test_accounts_that_fail_are_no_missing_account(here: World, fault: dict[str, Any]) -> None:
    """A page that cannot be read leads to no expert, but to a question."""
    here.inject("customersdot", path="/admin/", times=None, **fault)
    case = WeekdayTriage.open(2001)
    case.take()
    case.collect_facts()

    assert ["CustomersDot"] == [one.name for one in case.known.unread]
    assert {} == dict(case.tree.replies)


def test_thread_that_cannot_be_read_stops(here: World) -> None:
    """Without the thread nothing is known of the ticket."""
    here.inject("zendesk", "error", status=503, path="/comments", times=None)
    with pytest.raises(UnavailableError):
        to_scope(1001)

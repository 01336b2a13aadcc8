"""CustomersDot's lists: exactly what was asked for, read to their end, and sessions that have expired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from runbook_lib.clients import customersdot
from runbook_lib.clients.customersdot import CustomersDot
from runbook_lib.domain.errors import RefusedError, RunbookError, UnavailableError
from runbook_lib.domain.models import Account, SeatLink, SoldLicense
from tests.clients.wire import Wire, reply

EMAIL = "admin@customer.example"
NAME = "Haus 2, 100% / Süd"
CALLS: dict[str, Callable[[CustomersDot], Any]] = {
    "accounts": lambda cdot: cdot.accounts(EMAIL),
    "licenses": lambda cdot: cdot.licenses(Account(7, EMAIL)),
    "seat_links": lambda cdot: cdot.seat_links(NAME),
    "probe": lambda cdot: cdot.probe(),
}


def cdot(wire: Wire) -> CustomersDot:
    return CustomersDot("https://customers.example", SecretStr("_session=hush"), wire.session)


def seat_link(row_id: int, **columns: Any) -> dict[str, Any]:
    """A row as rails_admin has it."""
    found = {"id": row_id, "created_at": "2026-11-20T04:37:12.000Z", "zuora_subscription_name": NAME}
    return found | columns


def test_accounts_are_those_of_exactly_this_address() -> None:
    """The list may hold more than was asked for; several of one address are all there."""
    people = [
        {"id": 1, "email": "Admin@Customer.example", "first_name": "A", "last_name": "B", "company": "C"},
        {"id": 2, "email": f"x{EMAIL}"},
        {"id": 3, "email": EMAIL, "first_name": None},
    ]
    wire = Wire(reply(json=people))
    expected = [Account(1, "Admin@Customer.example", "A B", "C"), Account(3, EMAIL)]
    assert expected == cdot(wire).accounts(EMAIL)
    assert "/admin/customer.json" == wire.last.url.path
    assert ("like", EMAIL) == (wire.last.url.params["f[email][0][o]"], wire.last.url.params["f[email][0][v]"])
    assert "_session=hush" == wire.last.headers["cookie"]


def test_licenses_are_those_of_the_account() -> None:
    """What the list does not say is None."""
    full = {"id": 5, "customer_id": 7, "zuora_subscription_name": "A-S1", "plan": "Premium", "users": "120"}
    full |= {"starts_at": "2025-11-06", "expires_at": "2026-11-06T00:00:00.000Z", "cloud_licensing_enabled": True}
    wire = Wire(reply(json=[full, {"id": 6, "customer_id": 7, "trial": True}, {"id": 8, "customer_id": 77}]))
    first = SoldLicense(5, "A-S1", "premium", date(2025, 11, 6), date(2026, 11, 6), 120, cloud=True)
    assert [first, SoldLicense(6, "", trial=True)] == cdot(wire).licenses(Account(7, EMAIL))


@pytest.mark.parametrize(
    ("stamp", "day"),
    [
        ("2026-11-06T23:59:59.000Z", date(2026, 11, 6)),
        ("2026-11-06 00:00:00 UTC", date(2026, 11, 6)),
        ("2026-11-06T01:00:00.000-07:00", date(2026, 11, 6)),
        ("2026-11-05T17:00:00.000-07:00", None),
        ("2026-11-06T08:00:00.000+09:00", None),
        ("November 06, 2026", None),
    ],
)
def test_an_expiry_with_two_dates_is_not_guessed(stamp: str, day: date | None) -> None:
    """A day more or less decides the scope, so the list then counts as one that could not be read."""
    row = {"id": 5, "customer_id": 7, "zuora_subscription_name": " ", "expires_at": stamp}
    client = cdot(Wire(reply(json=[row])))
    if day is None:
        with pytest.raises(UnavailableError, match="unexpected form"):
            client.licenses(Account(7, EMAIL))
    else:
        assert [SoldLicense(5, "", expires_on=day)] == client.licenses(Account(7, EMAIL))


def test_seat_links_of_one_subscription_newest_first() -> None:
    """Names with spaces, percent and slash go out and come back whole."""
    found = [
        seat_link(1, created_at="2026-11-19 04:00:00 UTC", report_timestamp=None),
        seat_link(2, report_timestamp="2026-11-19T23:59:52.000Z", hostname="git.x.example", active_user_count=5),
        seat_link(3, zuora_subscription_name=NAME.lower()),
    ]
    wire = Wire(reply(json=found))
    newest, older = cdot(wire).seat_links(NAME)
    report_at = datetime(2026, 11, 19, 23, 59, 52, tzinfo=UTC)
    created_at = datetime(2026, 11, 20, 4, 37, 12, tzinfo=UTC)
    assert SeatLink(2, created_at, report_at, NAME, "git.x.example") == newest
    assert (1, None, datetime(2026, 11, 19, 4, tzinfo=UTC)) == (older.id, older.report_at, older.created_at)
    assert NAME == wire.last.url.params["f[zuora_subscription_name][0][v]"]


def test_a_list_is_read_page_by_page_until_one_adds_nothing() -> None:
    """There is no total."""
    pages = [[seat_link(n) for n in range(start, start + 100)] for start in (0, 100)]
    wire = Wire(reply(json=pages[0]), reply(json=pages[1]), reply(json=[seat_link(200)]))
    assert 201 == len(cdot(wire).seat_links(NAME))
    assert ["1", "2", "3", "4"] == [request.url.params["page"] for request in wire.requests]


def test_a_list_that_repeats_itself_ends() -> None:
    """As from a server that knows no pages."""
    wire = Wire(reply(json=[seat_link(n) for n in range(100)]))
    assert 100 == len(cdot(wire).seat_links(NAME))
    assert 2 == len(wire.requests)


def test_a_list_without_end_decides_nothing() -> None:
    """An incomplete one is no answer."""
    counted = iter(range(100_000))
    wire = Wire(lambda request: httpx.Response(200, json=[seat_link(next(counted)) for _ in range(100)]))
    with pytest.raises(UnavailableError, match="more than 50 pages"):
        cdot(wire).seat_links(NAME)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        reply(401, json={"error": "You need to sign in or sign up before continuing."}),
        reply(403, json={"error": "no"}),
        reply(302, headers={"Location": "https://customers.example/customers/sign_in"}),
        reply(200, html="<html>Sign in</html>"),
    ],
    ids=["401", "403", "redirect", "page"],
)
def test_an_expired_session_is_reported_with_what_to_do(call: str, answer: Any) -> None:
    """Whichever way the server says so; the cookie is in no message."""
    with pytest.raises(RefusedError, match="session has expired") as caught:
        CALLS[call](cdot(Wire(answer)))
    assert "RUNBOOK_CUSTOMERSDOT_COOKIE" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert caught.value.status in (401, 403)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(404, json={"error": "Model could not be found"}), RefusedError),
        (reply(500, text="oops"), UnavailableError),
        (reply(json={"rows": []}), UnavailableError),
        (reply(json=["x"]), UnavailableError),
        (reply(json=None), UnavailableError),
        (httpx.ConnectError("no"), UnavailableError),
    ],
    ids=["404", "500", "object", "words", "null", "down"],
)
def test_an_odd_answer_is_reported(call: str, answer: Any, error: type[RunbookError]) -> None:
    """It is never an empty list."""
    with pytest.raises(error):
        CALLS[call](cdot(Wire(answer)))


@pytest.mark.parametrize(
    "columns", [{"id": None}, {"created_at": None}, {"created_at": "soon"}, {"report_timestamp": "late"}]
)
def test_a_row_that_cannot_be_read_is_reported(columns: dict[str, Any]) -> None:
    """One bad row decides nothing."""
    with pytest.raises(UnavailableError, match="unexpected form"):
        cdot(Wire(reply(json=[seat_link(1, **columns)]))).seat_links(NAME)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (
            customersdot.list_page("https://c.example/", "customer", "a+b&c@x.example"),
            "customer?query=a%2Bb%26c%40x.example",
        ),
        (
            customersdot.list_page("https://c.example", "license_seat_link", "50% ü/&"),
            "license_seat_link?query=50%25%20%C3%BC%2F%26",
        ),
        (customersdot.list_page("https://c.example", "license", "A-S1"), "license?query=A-S1"),
    ],
)
def test_deep_links_are_quoted(link: str, expected: str) -> None:
    """Whatever is looked for."""
    found = httpx.URL(link)
    wanted = httpx.URL(f"https://c.example/admin/{expected}")
    assert (wanted.host, wanted.path, wanted.params) == (found.host, found.path, found.params)
    assert " " not in link


def test_the_cookie_stays_where_it_belongs() -> None:
    """It goes to the one host, unchanged by what that sets, and neither the client nor an error shows it."""
    wire = Wire(reply(json=[], headers={"Set-Cookie": "_session=renewed; path=/"}))
    client = cdot(wire)
    assert [[], []] == [client.accounts(EMAIL), client.accounts(EMAIL)]
    assert ["_session=hush"] * 2 == [request.headers["cookie"] for request in wire.requests]
    assert "hush" not in repr(client)

    wire = Wire(reply(302, headers={"Location": "https://elsewhere.example/sign_in"}))
    with pytest.raises(RefusedError) as caught:
        cdot(wire).accounts(EMAIL)
    assert "hush" not in repr(caught.value) + repr(caught.value.__cause__)
    assert ["customers.example"] == [request.url.host for request in wire.requests]


@pytest.mark.parametrize(
    "columns",
    [*({"users": value} for value in ("many", True, 250.9, -1)), {"expires_at": "soon"}, {"id": None}],
)
def test_a_license_that_cannot_be_read_is_reported(columns: dict[str, Any]) -> None:
    """As any other row."""
    with pytest.raises(UnavailableError, match="unexpected form"):
        cdot(Wire(reply(json=[{"id": 5, "customer_id": 7} | columns]))).licenses(Account(7, EMAIL))

"""CustomersDot's admin: accounts, licenses and Seat Link rows, read as the JSON of stock rails_admin lists.

There is no public API, and GitLab's configuration of the admin is not public, so any column that is not queried may
be missing. Only reads. Source: rails_admin, index action; GitLab handbook for the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import httpx
from pydantic import SecretStr

from runbook_lib.clients.answers import listed, model, moment, typed
from runbook_lib.clients.http import LAST_PAGE, NOT_PERFORMED, HttpSession, Service
from runbook_lib.clients.refusals import CREDENTIALS, RIGHTS, Hint, Refusals
from runbook_lib.domain.errors import RefusedError
from runbook_lib.domain.models import Account, SeatLink, SoldLicense

ACCOUNTS, LICENSES, SEAT_LINKS = "customer", "license", "license_seat_link"
"""The lists of the admin, by rails_admin's names."""
PER_PAGE = 100

_REFUSALS = Refusals(
    "RUNBOOK_CUSTOMERSDOT_URL",
    "https://handbook.gitlab.com/handbook/support/license-and-renewals/",
    (Hint("Check RUNBOOK_CUSTOMERSDOT_URL.", status=404),),
)


class CustomersDot:
    """CustomersDot, seen with the session cookie (`NAME=VALUE`) of a user who may read its admin."""

    def __init__(self, base_url: str, cookie: SecretStr, session: HttpSession) -> None:
        headers = {"Cookie": cookie.get_secret_value(), "Accept": "application/json"}
        self._service = Service("CustomersDot", base_url, headers, session, lambda body: str(body["error"]), _REFUSALS)

    def accounts(self, email: str) -> list[Account]:
        """The accounts of exactly this address; there may be several.

        Raises:
            RefusedError: The session has expired, or may not see this.
            UnavailableError: CustomersDot cannot be reached, or answers oddly.
        """
        # rails_admin's `is` compares capitals too, `like` does not: what else it finds is left out here.
        found = self._rows(ACCOUNTS, "email", email, _account, operator="like")
        return [account for account in found if account.email.casefold() == email.casefold()]

    def licenses(self, account: Account) -> list[SoldLicense]:
        """The licenses of an account. Raises as `accounts`."""
        found = self._rows(
            LICENSES, "customer_id", str(account.id), lambda row: (int(row["customer_id"]), _license(row))
        )
        return [license for owner, license in found if owner == account.id]

    def seat_links(self, subscription_name: str) -> list[SeatLink]:
        """The Seat Link rows of exactly this subscription, the newest first. Raises as `accounts`."""
        found = self._rows(SEAT_LINKS, "zuora_subscription_name", subscription_name, _seat_link)
        ours = [row for row in found if row.subscription_name == subscription_name]
        return sorted(ours, key=lambda row: row.created_at, reverse=True)

    def probe(self) -> None:
        """Read one row, to learn whether the session holds. Raises as `accounts`."""
        self._page(ACCOUNTS, {"per": "1", "page": "1"}, lambda row: row["id"])

    def _rows(
        self, model: str, field: str, value: str, parse: Callable[[Any], Any], *, operator: str = "is"
    ) -> list[Any]:
        """Every row of a list with this value in a field: page by page, until one adds nothing."""
        params = {f"f[{field}][0][o]": operator, f"f[{field}][0][v]": value, "per": str(PER_PAGE)}
        params |= {"sort": "id", "sort_reverse": "true"}
        seen: dict[int, Any] = {}
        for number in range(1, LAST_PAGE + 1):
            wanted = {**params, "page": str(number)}
            page = self._page(model, wanted, lambda row: (int(row["id"]), parse(row)))
            new = {row_id: row for row_id, row in page if row_id not in seen}
            seen |= new
            if not new:  # a server may give fewer rows than requested, so a short page is no end
                return list(seen.values())
        raise self._service.failures.too_long(f"list {model}", LAST_PAGE)

    def _page(self, model: str, params: Mapping[str, str], parse: Callable[[Any], Any]) -> list[Any]:
        try:
            response = self._service.read(f"admin/{model}.json", params)
        except RefusedError as exc:
            if exc.status in (401, 403, *NOT_PERFORMED):  # devise redirects to its sign-in page
                raise _expired(403 if exc.status == 403 else 401) from exc
            raise
        if "html" in response.headers.get("content-type", ""):
            raise _expired(401)
        return self._service.parsed(response, lambda body: listed(body, parse))


def list_page(base_url: str, model: str, query: str) -> str:
    """Where a person looks for an account by its address, or for the rows of a subscription by its name."""
    return str(httpx.URL(f"{base_url.rstrip('/')}/admin/{model}", params={"query": query}))


def _expired(status: int) -> RefusedError:
    return RefusedError(
        "CustomersDot's session has expired, or may not see this.",
        status=status,
        advice="Sign in there again and renew RUNBOOK_CUSTOMERSDOT_COOKIE, or answer by hand.",
        fault=RIGHTS if status == 403 else CREDENTIALS,
    )


def _account(row: Any) -> Account:
    names = filter(None, (row.get("first_name"), row.get("last_name")))
    return model(Account, row, name=" ".join(names), company=row.get("company") or "")


def _license(row: Any) -> SoldLicense:
    cloud = row.get("cloud_licensing_enabled")
    return model(
        SoldLicense,
        row,
        subscription_name=(row.get("zuora_subscription_name") or "").strip(),
        plan=(row.get("plan") or "").casefold() or None,
        starts_on=_day(row.get("starts_at")),
        expires_on=_day(row.get("expires_at")),
        users=_count(row.get("users")),
        cloud=cloud if isinstance(cloud, bool) else None,
        trial=row.get("trial") not in (None, False),
    )


def _seat_link(row: Any) -> SeatLink:
    report_at = row.get("report_timestamp")
    return model(
        SeatLink,
        row,
        created_at=moment(row["created_at"]),
        report_at=report_at and moment(report_at),
        subscription_name=row["zuora_subscription_name"],
        hostname=row.get("hostname") or "",
        instance_id=row.get("instance_identifier") or "",
    )


def _count(value: Any) -> int | None:
    found = None if value is None else typed(int, value)
    if isinstance(value, bool) or (found or 0) < 0:
        raise ValueError("no number of users")
    return found


def _day(value: Any) -> date | None:
    """A date, or a time stamp whose date is the same in UTC; another one may be either of two days."""
    if not value:
        return None
    day = date.fromisoformat(value[:10])
    if len(value) > len("YYYY-MM-DD") and moment(value).date() != day:
        raise ValueError("a time stamp with two dates")
    return day

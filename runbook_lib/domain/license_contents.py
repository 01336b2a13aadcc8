"""The JSON inside a GitLab license file: written from a `License`, and read into one, checked key by key. Pure.

Only what is fully understood is accepted, since a damaged file may still decrypt (`license`). Messages name a key and
never its value: it may be anything.

Source: the `gitlab-license` gem 2.4 and the files it wrote, in tests/data/license-vectors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from runbook_lib.domain.errors import InputError, LicenseError
from runbook_lib.domain.policy import GRACE_DAYS

FORMAT_VERSION = 1
_DATES = {
    "issued_at": "starts_on",
    "expires_at": "expires_on",
    "notify_admins_at": "notify_admins_on",
    "notify_users_at": "notify_users_on",
    "block_changes_at": "block_changes_on",
}
"""JSON key to field, in the gem's order."""

_DATE_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9]{2}:")
_TEAMS = ("@gitlab.com", "@jihulab.com")
"""Mail domains whose licenses may have no expiry date. Source: `gitlab-license` gem, `valid?`."""
_NEXT_STEP = {
    "not_a_license": "Give the license file as it was mailed, or its full text.",
    "truncated": "Copy or download it again, from its first to its last character.",
    "wrong_key": "Give the public key of the license's issuer, or get the file again.",
    "damaged": "Get the file again from where it was issued.",
    "newer_version": "Update this project, or look the license up on a GitLab instance.",
}


@dataclass(frozen=True, kw_only=True)
class License:
    """What a license file says; JSON keys that have no field of their own are kept in `other`."""

    licensee: Mapping[str, str]  # to whom it was issued, not empty; usually `Name`, `Company` and `Email`
    starts_on: date  # first day of validity; `issued_at` in the JSON
    expires_on: date | None = None  # first day on which it is no longer valid; None for never
    notify_admins_on: date | None = None  # from when administrators are warned
    notify_users_on: date | None = None  # from when all users are warned
    block_changes_on: date | None = None  # from when the instance is read-only
    next_sync_at: datetime | None = None  # when the instance should sync next, aware
    last_synced_at: datetime | None = None  # when it last did, aware
    activated_at: datetime | None = None  # when the license was activated, aware
    cloud_licensing_enabled: bool = False  # a cloud license; only these sync
    offline_cloud_licensing_enabled: bool = False  # a cloud license for an instance without network access
    auto_renew_enabled: bool = False  # the subscription renews itself
    seat_reconciliation_enabled: bool = False  # seats over the license are billed each quarter
    operational_metrics_enabled: bool = False  # the instance reports operational metrics
    generated_from_customers_dot: bool = False  # CustomersDot issued it
    generated_from_cancellation: bool = False  # issued because a subscription was canceled
    # Limits such as `plan`, `active_user_count` and `trial`; JSON values
    restrictions: Mapping[str, object] = field(default_factory=dict)
    other: Mapping[str, object] = field(default_factory=dict)  # unknown top-level keys of the JSON with their values

    @property
    def plan(self) -> str | None:
        """The plan in lower case, such as `ultimate`; None if the license names none."""
        plan = self.restrictions.get("plan")
        return (plan.strip().lower() or None) if isinstance(plan, str) else None

    @property
    def is_trial(self) -> bool:
        """Whether it is a trial license.

        Source: GitLab's `License#trial?` takes anything but null and false for yes.
        """
        trial = self.restrictions.get("trial")
        return trial is not None and trial is not False

    @property
    def user_count(self) -> int | None:
        """Seats; None if unlimited, or if the restriction is not a whole number."""
        count = self.restrictions.get("active_user_count")
        return count if isinstance(count, int) and not isinstance(count, bool) else None

    def is_expired(self, today: date) -> bool:
        """Whether the license has run out; the expiry date itself is the first day without.

        Source: `gitlab-license` gem, `License#expired?`.
        """
        return self.expires_on is not None and today >= self.expires_on


_MOMENTS = tuple(name for name, kind in License.__annotations__.items() if kind == "datetime | None")
_FLAGS = tuple(name for name, kind in License.__annotations__.items() if kind == "bool")
_KNOWN = {"version", "licensee", *_DATES, *_MOMENTS, *_FLAGS, "restrictions"}


def facts(license: License) -> dict[str, object]:
    """What the license says as plain JSON values, for display: dates and moments in ISO form, or None."""
    return {
        "licensee": dict(license.licensee),
        **{name: _iso(getattr(license, name)) for name in _DATES.values()},
        "plan": license.plan,
        "trial": license.is_trial,
        "user_count": license.user_count,
        **{name: _iso(getattr(license, name)) for name in _MOMENTS},
        **{name: getattr(license, name) for name in _FLAGS},
        "restrictions": dict(license.restrictions),
        "other": dict(license.other),
    }


def payload(license: License) -> bytes:
    """The JSON inside the file, checked to read back as the same license."""
    if not license.licensee:
        raise InputError("The license has no licensee. Give at least a name, a company or an email.")
    try:
        written = encoded(_as_document(license))
        same = parsed(written, []) == license
    except (TypeError, ValueError, RecursionError, LicenseError):
        same = False
    if not same:
        raise InputError(
            "The license holds a value that its file cannot. "
            "Give plain dates, moments with a time zone, text for the licensee, and JSON values elsewhere."
        )
    if license.expires_on and license.expires_on < license.starts_on:
        raise InputError(
            f"The license expires on {license.expires_on}, before it starts on {license.starts_on}. "
            "Give an expiry date on or after the start."
        )
    if reasons := invalid(license):
        raise InputError(f"A GitLab instance would refuse this license, {' and '.join(reasons)}; it is not written.")
    return written


def invalid(license: License) -> list[str]:
    """Why an instance refuses a license that can be read. Source: `gitlab-license` gem, `valid?`."""
    company, email = license.licensee.get("Company", ""), license.licensee.get("Email", "")
    is_team = "gitlab" in company.lower() and email.endswith(_TEAMS)
    reasons = []
    if license.expires_on is None and not is_team:
        reasons.append("since it has no expiry date")
    if license.offline_cloud_licensing_enabled and not license.cloud_licensing_enabled:
        reasons.append("since it is an offline cloud license, but no cloud license")
    return reasons


def _as_document(license: License) -> dict[str, object]:
    """The license as the JSON object of the format, in the gem's key order; unknown keys come last."""
    stamps = {key: getattr(license, name) for key, name in _DATES.items()}
    stamps |= {name: getattr(license, name) for name in _MOMENTS}
    document: dict[str, object] = {"version": FORMAT_VERSION, "licensee": dict(license.licensee)}
    document |= {key: _iso(stamp) for key, stamp in stamps.items() if stamp is not None}
    document |= {name: getattr(license, name) for name in _FLAGS}
    if license.restrictions:
        document["restrictions"] = dict(license.restrictions)
    return document | dict(license.other)


def _iso(stamp: date | None) -> str | None:
    return None if stamp is None else stamp.isoformat()


def encoded(document: object) -> bytes:
    """Compact JSON in UTF-8.

    Source: Ruby's `JSON.dump` escapes quotes, backslashes and control characters, and nothing else.
    """
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _document(payload: bytes) -> dict[str, object]:
    """The payload as a JSON object that could be written again: no NaN, no infinity, no half characters."""
    try:
        document = json.loads(payload.decode(), object_pairs_hook=_unique)
        encoded(document)
    except (RecursionError, ValueError):
        raise damaged("its contents are not JSON") from None
    if not isinstance(document, dict):
        raise damaged("its contents are not a JSON object")
    return document


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys differ: of two that are the same, readers take one or the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def parsed(payload: bytes, notes: list[str]) -> License:
    """A license from the bytes inside its file; what is odd about it is added to the notes.

    Raises:
        LicenseError: It is damaged, or of a newer format.
    """
    document = _document(payload)
    _check_version(document, notes)
    fields: dict[str, Any] = {"licensee": _licensee(document.get("licensee"), notes)}
    fields |= {name: _date(document, key, notes) for key, name in _DATES.items()}
    fields |= {name: _moment(document, name) for name in _MOMENTS}
    fields |= {name: _flag(document, name) for name in _FLAGS}
    fields["restrictions"] = document.get("restrictions") or {}
    fields["other"] = {key: value for key, value in document.items() if key not in _KNOWN}
    if not isinstance(document.get("restrictions"), dict | None):
        raise damaged("its restrictions are not a JSON object")
    if fields["starts_on"] is None:
        raise damaged("its start date, issued_at, is missing")
    if fields["expires_on"] and fields["expires_on"] < fields["starts_on"]:
        notes.append("it expires before it starts")
    notes += _odd_block(fields["expires_on"], fields["block_changes_on"])
    return License(**fields)


def _odd_block(expires_on: date | None, blocked_on: date | None) -> list[str]:
    """Why no issuer would have made it so. Source: FACTS 2, 14 days of grace for paid plans, and none for trials."""
    if not expires_on or not blocked_on:
        return []
    if blocked_on < expires_on:
        return ["it makes the instance read-only before it expires"]
    if (blocked_on - expires_on).days > GRACE_DAYS:
        return [f"it makes the instance read-only more than {GRACE_DAYS} days after it expires, which does not count"]
    return []


def _check_version(document: dict[str, object], notes: list[str]) -> None:
    """Check the format version. A missing one means version 1, unless the first key, its usual place, is damaged."""
    if document.get("version") is None and next(iter(document), "") in _KNOWN:
        notes.append("its format version is missing")
        return
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < FORMAT_VERSION:
        raise damaged(f"its format version is not the number {FORMAT_VERSION}")
    if version > FORMAT_VERSION:
        what = f"The license file has a newer format than version {FORMAT_VERSION}, the only one known here."
        raise problem("newer_version", what)


def _licensee(value: object, notes: list[str]) -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        raise damaged("its licensee is missing or empty")
    if not all(text is None or isinstance(text, str) for text in value.values()):
        raise damaged("its licensee holds something that is not text")
    if None in value.values():
        notes.append("its licensee is incomplete")
    return {key: text or "" for key, text in value.items()}


def _flag(document: dict[str, object], key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise damaged(f"its {key} is neither true nor false")
    return value


def _date(document: dict[str, object], key: str, notes: list[str]) -> date | None:
    """A date as YYYY-MM-DD, stricter than `fromisoformat`; a time of day after it is dropped with a note."""
    text = document.get(key)
    if text is None:
        return None
    if isinstance(text, str) and (found := _DATE_TIME.match(text)) and _moment(document, key):
        notes.append(f"its {key} has a time of day")
        text = found[1]
    try:
        day = date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise damaged(f"its {key} is not a date (YYYY-MM-DD)")
    return day


def _moment(document: dict[str, object], key: str) -> datetime | None:
    """An aware moment in UTC, from any ISO 8601 form.

    Source: the gem reads these with Ruby's `DateTime.parse`, which takes UTC where no offset is given.
    """
    text = document.get(key)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        aware = moment and (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))
    except (OverflowError, ValueError):
        aware = None
    if aware is None:
        raise damaged(f"its {key} is not a date and time (ISO 8601)")
    return aware


def problem(kind: str, what: str) -> LicenseError:
    return LicenseError(kind, f"{what} {_NEXT_STEP[kind]}")


def damaged(why: str) -> LicenseError:
    return problem("damaged", f"The license file is damaged: {why}.")

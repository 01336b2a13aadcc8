"""The values that GitLab's admin pages show: numbers of users, plans, and dates as the pages print them. Pure.

Source: FACTS, *How the admin pages really look*.
"""

from __future__ import annotations

import re
from datetime import date

from runbook_lib.domain import parameters, pasted
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.policy import FIGURES, PAID_PLANS

_COUNT = re.compile(r"0|[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d*", re.ASCII)
_DATE = re.compile(
    r"([A-Za-z]+)\.?\s*(\d{1,2})\s*,\s*(\d{4})(?:\s*\d{1,2}:\d{2}\s*[ap]m)?|(\d{4}-\d{2}-\d{2})",
    re.ASCII | re.IGNORECASE,
)
"""The dashboard prints a time after the date, always midnight. Source: FACTS, *How the admin pages really look*."""
_ISO = r"(\d{4})\s*-\s*(\d{2})\s*-\s*(\d{2})"
_TERM = re.compile(rf"valid\s*from\s*{_ISO}\s*to\s*{_ISO}(?!\d)", re.ASCII | re.IGNORECASE)
TERM_BEGINS = re.compile(r"valid\s*from", re.IGNORECASE)
RELATIVE = re.compile(
    r"(?:in\s*)?(?:(?:about|almost|over|less\s*than)\s*)?(?:an?|\d+)\s*(?:minute|hour|day|week|month|year)s?"
    r"(?:\s*(?:ago|from\s*now))?",
    re.IGNORECASE,
)
"""The older pages show the end of a license relative to the day of the screenshot, which is no date."""
BADGE = re.compile(r"\s*\(?expired\)?", re.IGNORECASE)


def parsed(name: str, text: str) -> str | None:
    """A value in the form of its parameter, or None if the page cannot show this text for it."""
    text = text.strip()
    if name in FIGURES:
        value = text.replace(",", "") if _COUNT.fullmatch(text) else None
    elif name == "plan":
        value = text.lower() if text.lower() in (*PAID_PLANS, "free") else None
    else:
        value = _day(BADGE.sub("", text))
    if value is None:
        return None
    try:
        parameters.parse("expires_on" if name == "starts_on" else name, value)
    except InputError:
        return None
    return value


def _day(text: str) -> str | None:
    """An ISO date, from unambiguous formats only."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    found = pasted.day(" ".join(filter(None, match.groups())))
    return found.isoformat() if isinstance(found, date) else None


def term(text: str) -> dict[str, str]:
    """Both dates of the sentence, if it is there and they are dates."""
    match = _TERM.search(text)
    days = match.groups() if match else ()
    values = {
        name: parsed(name, "-".join(day))
        for name, day in zip(("starts_on", "expires_on"), (days[:3], days[3:]), strict=True)
    }
    return {name: value for name, value in values.items() if value is not None} if all(values.values()) else {}

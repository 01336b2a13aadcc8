"""Tries a request again while a service is not ready: after the pause it names, or a few times, within the budget.

Knows no vendor, and sends nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn, cast

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from runbook_lib.clients.budget import Budget
from runbook_lib.domain.errors import UnavailableError

ATTEMPTS = 4
"""Attempts when a service fails without a `Retry-After`; with one, it is tried again as long as the budget lasts."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
HOUR_S = 3600.0
_BACKOFF = wait_exponential_jitter(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S, jitter=FIRST_PAUSE_S)


class TransientError(UnavailableError):
    """Worth another try; `pause_s` is the pause that the service named, or None."""

    def __init__(self, message: str, pause_s: float | None = None) -> None:
        super().__init__(message)
        self.pause_s = pause_s


def patient(name: str, budget: Budget) -> Retrying:
    """Calls what it is given, and again while that raises `TransientError`; then UnavailableError."""

    def pause(seconds: float) -> None:
        budget.wait(seconds, f"waiting {seconds:.1f} s for {name}, which is not ready")

    def is_enough(state: RetryCallState) -> bool:
        is_last = not _error(state).pause_s and state.attempt_number >= ATTEMPTS
        return budget.patience_s is not None or is_last or state.upcoming_sleep > budget.left_s

    def give_up(state: RetryCallState) -> NoReturn:
        used_up = "" if budget.left_s else f" This run's {budget.seconds:.0f} s of waiting are used up."
        raise UnavailableError(f"{_error(state)}{used_up}") from _error(state)

    is_transient = retry_if_exception_type(TransientError)
    return Retrying(retry=is_transient, wait=_pause, stop=is_enough, sleep=pause, retry_error_callback=give_up)


def answered_at(response: httpx.Response) -> datetime | None:
    """The answer's `Date` header: the service's own clock. None if it is missing or cannot be read."""
    return _http_date(response.headers.get("date", ""))


def not_ready(response: httpx.Response, words: str) -> TransientError:
    """The error for a service that is not ready, after a sentence without a period, with the pause that it asks for.

    Source: RFC 9110, 10.2.3, `Retry-After`: seconds, or a date; of one in the past, nothing follows.
    """
    pause_s = _retry_after_s(response)
    when = "later" if not pause_s else f"in {pause_s:.0f} s" if pause_s < HOUR_S else f"in {pause_s / HOUR_S:.1f} hours"
    return TransientError(f"{words}. Try again {when}.", pause_s)


def _retry_after_s(response: httpx.Response) -> float | None:
    words = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", words):
        return float(words)
    at = _http_date(words)
    left_s = (at - (answered_at(response) or datetime.now(UTC))).total_seconds() if at else 0.0
    return left_s if left_s > 0 else None


def _http_date(words: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(words)
    except (IndexError, OverflowError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _pause(state: RetryCallState) -> float:
    """Seconds until the next try: as the service named it, or a little longer each time."""
    pause_s = _error(state).pause_s
    return _BACKOFF(state) if pause_s is None else pause_s


def _error(state: RetryCallState) -> TransientError:
    return cast(TransientError, state.outcome and state.outcome.exception())  # nothing else is retried

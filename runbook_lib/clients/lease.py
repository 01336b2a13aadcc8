"""How long a look holds: a write that would be sent later than that is not sent, and has to look again first.

A laptop may sleep between looking and writing, and another machine do the same meanwhile. Two clocks count the time,
and the one that has gone further decides: one counts the time asleep, and the wall clock is for where it does not.
"""

from __future__ import annotations

import time

from runbook_lib.domain.errors import UnavailableError

_WITH_SLEEP = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that cannot be set, and does not stop while the machine sleeps. Source: Linux, clock_gettime(2): only
CLOCK_BOOTTIME includes it; macOS, clock_gettime(3): CLOCK_MONOTONIC does."""


class StaleLookError(UnavailableError):
    """A write was not sent: too much time had passed since it was looked for."""


class Lease:
    """The time from a look on in which a write may be sent."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began = _clocks()

    def check(self) -> None:
        """Make sure that it is not over.

        Raises:
            StaleLookError: It is.
        """
        passed_s = max(now - began for now, began in zip(_clocks(), self._began, strict=True))
        if passed_s > self.seconds:
            raise StaleLookError(
                f"It was not sent: {passed_s:.0f} s after looking whether it is there, more than {self.seconds:.0f} s, "
                "another machine may have sent it. Run again, which looks first."
            )


def _clocks() -> tuple[float, float]:
    return time.clock_gettime(_WITH_SLEEP), time.time()

"""The seconds that one run may spend waiting, in all, and how long what it has seen holds.

A look holds for a while (`Lease`): a write that would be sent later than that is not sent, and has to look again first.
A laptop may sleep between looking and writing, and another machine do the same meanwhile. Two clocks count the time,
and the one that has gone further decides: one counts the time asleep, and the wall clock is for where it does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runbook_lib.domain.errors import UnavailableError

_WITH_SLEEP = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that cannot be set, and does not stop while the machine sleeps. Source: Linux, clock_gettime(2): only
CLOCK_BOOTTIME includes it; macOS, clock_gettime(3): CLOCK_MONOTONIC does."""


_BOOT = Path("/proc/sys/kernel/random/boot_id")


def uptime() -> tuple[str, float] | None:
    """Which boot of which machine this is, and its seconds; None where the system does not say, as on macOS."""
    with suppress(OSError):
        return _BOOT.read_text(encoding="ascii").strip(), time.clock_gettime(_WITH_SLEEP)
    return None


class StaleLookError(UnavailableError):
    """A write was not sent: too much time had passed since it was looked for."""


class Lease:
    """The time from a look on in which a write may be sent."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began = _clocks()

    def check(self) -> None:
        """Make sure that it is not over. Raises StaleLookError if it is."""
        passed_s = max(now - began for now, began in zip(_clocks(), self._began, strict=True))
        if passed_s > self.seconds:
            raise StaleLookError(
                f"It was not sent: {passed_s:.0f} s after looking whether it is there, more than {self.seconds:.0f} s, "
                "another machine may have sent it. Run again, which looks first."
            )


def _clocks() -> tuple[float, float]:
    return time.clock_gettime(_WITH_SLEEP), time.time()


class Budget:
    """Waiting that is bounded and visible.

    Attributes:
        lease: How long a write may still be sent, if it was looked for before; waiting may outlast that.
        patience_s: The time-out of a read that is tried only once, where something cannot wait; else None.
    """

    def __init__(
        self,
        seconds: float,
        *,
        say: Callable[[str], None] = lambda words: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.seconds = seconds
        self.say = say
        self.left_s = seconds
        self.lease: Lease | None = None
        self.patience_s: float | None = None
        self._sleep = sleep

    def wait(self, seconds: float, what: str = "") -> bool:
        """Wait, and say what for unless it is not worth a word; returns False at once if less than that is left."""
        if seconds > self.left_s:
            return False
        if what:
            self.say(f"{what} ({self.left_s:.0f} s of waiting left)")
        self.spend(seconds)
        self._sleep(seconds)
        return True

    def pause(self, seconds: float) -> None:
        """Wait a moment that every run has, whatever is left."""
        self._sleep(seconds)

    def spend(self, seconds: float) -> None:
        """Count seconds that were spent waiting otherwise, such as for an answer that did not come."""
        self.left_s = max(0.0, self.left_s - seconds)

    @contextmanager
    def leased(self, lease: Lease | None) -> Iterator[None]:
        """Meanwhile no write is sent when this lease is over."""
        self.lease = lease
        try:
            yield
        finally:
            self.lease = None

    @contextmanager
    def hurried(self, patience_s: float | None) -> Iterator[None]:
        """Meanwhile each request is tried only once, a read with this time-out; None changes nothing."""
        before, self.patience_s = self.patience_s, patience_s or self.patience_s
        try:
            yield
        finally:
            self.patience_s = before

    def renew(self) -> None:
        """Begin anew: for the next step that a person starts by hand."""
        self.left_s = self.seconds

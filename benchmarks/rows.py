"""A row of the table, and how its figures are taken: the medians of two things that take turns."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

PAIRS = 9
LIMIT_S = 1800.0
"""A command that takes longer hangs."""


class CannotMeasureError(Exception):
    """A figure cannot be taken here; the message is one sentence that says why."""


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        figure: What was measured.
        measured: The figure with its unit.
        beside: What it is compared with, and that figure with its unit.
        ratio: The first divided by the second. For a count that has to be 0, the count itself.
        goal: The most that the ratio may be, or None where the figure is only watched.
    """

    figure: str
    measured: str
    beside: str
    ratio: float
    goal: float | None = None

    @property
    def is_missed(self) -> bool:
        """Whether there is a goal, and it is not met."""
        return self.goal is not None and self.ratio > self.goal


@dataclass(frozen=True)
class Pairs:
    """Medians: of ours and of theirs, in seconds, and of the ratio of each pair."""

    ours_s: float
    theirs_s: float
    ratio: float


def processor_s() -> float:
    """The processor's seconds of this process, and of the commands that it has run: other work on the machine, and the
    number of processors, do not change them."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def alternate(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    pairs: int = PAIRS,
    clock: Callable[[], float] = time.perf_counter,
) -> Pairs:
    """Measure two calls that take turns; one pair before the others warms up and does not count."""
    times = [(seconds(ours, clock), seconds(theirs, clock)) for _ in range(pairs + 1)][1:]
    return Pairs(
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(a / b for a, b in times),
    )


def within(figure: str, measured_s: float, stated_s: float) -> Row:
    """A row for a time that the documentation states."""
    return Row(figure, f"{measured_s:.0f} s", f"stated {stated_s:.0f} s", measured_s / stated_s, 1.0)


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """How long a call takes, by a clock."""
    began = clock()
    call()
    return clock() - began


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> bytes:
    """Run a command; returns its standard output.

    Raises:
        subprocess.SubprocessError: It failed, or takes longer than `LIMIT_S`.
    """
    done = subprocess.run(  # noqa: S603
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=LIMIT_S
    )
    return done.stdout

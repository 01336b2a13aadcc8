"""A series of schedules against one practice world, and what came of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.night import NightOnCall, Tally
from tests.practice import World, start

STEPS = 5
"""Runs of a schedule, at the most, before the faults stop."""


def run(world: World, pristine: Path, *, schedules: int, seed: int, tally: Tally) -> None:
    """Run schedules; raises with the first one that fails.

    Args:
        world: A running practice world, of this series alone.
        pristine: A copy of its database, as it was made.
        schedules: How many.
        seed: Which.
        tally: Counts what happens.
    """

    @hypothesis.seed(seed)
    class Series(NightOnCall):
        pass

    Series.world, Series.pristine, Series.tally = world, pristine, tally
    run_state_machine_as_test(
        Series,
        settings=hypothesis.settings(
            max_examples=schedules,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.normal,
        ),
    )


@contextmanager
def practice() -> Iterator[tuple[World, Path]]:
    """A world of one's own, and a copy of its database as it was made."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        worlds = start(Path(folder) / "outputs")
        world = next(worlds)
        try:
            pristine = Path(shutil.copy(world.folder / "world.sqlite", Path(folder) / "pristine.sqlite"))
            yield world, pristine
        finally:
            next(worlds, None)

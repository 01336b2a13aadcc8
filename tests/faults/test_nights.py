"""Nights of faults and kills against the practice world; `make faults` has far more of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import kills, series
from tests.faults.night import Tally
from tests.practice import World

pytestmark = pytest.mark.slow

SCHEDULES, SEED = 5, 4
"""Few, and with much in them: faults of two services, and five runs that are killed."""


@pytest.fixture(scope="module")
def practice() -> Iterator[tuple[World, Path]]:
    with series.practice() as found:
        yield found


def test_schedules_of_faults(practice: tuple[World, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """After each nothing is there twice, and one more run reaches the outcome."""
    tally = Tally()
    series.run(*practice, schedules=SCHEDULES, seed=SEED, tally=tally)

    with capsys.disabled():
        sys.stdout.write(f"\n{tally.schedules} schedules of seed {SEED}: {tally.runs} runs, {tally.kills} kills\n")
    assert tally.schedules >= SCHEDULES
    assert practice[0].injected(), "no fault was hit"
    assert (0, 0) == (tally.duplicates, tally.losses)


def test_a_kill_at_every_third_gap(practice: tuple[World, Path]) -> None:
    """Between two lines of the journal, runner, kernel or both: as if nothing had happened."""
    world, pristine = practice
    kills.restore(world, pristine)
    shutil.rmtree(world.outputs / "sandbox" / "1001", ignore_errors=True)
    shutil.rmtree(world.outputs / "sandbox" / ".keys", ignore_errors=True)
    points = kills.count_points(world)
    assert points >= 22, "a performing run has its lines"
    expected = kills.contents(world)
    gaps = range(2, points, 6)  # after every third line but the last; `make faults` has all
    found = [kills.kill(world, pristine, expected, point, kills.VICTIMS[point // 6 % 3]) for point in gaps]
    assert [] == [killed for killed in found if not killed.is_right]

"""How long the project's own test commands take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import Row, run, seconds, within
from runbook_lib.settings import ROOT

QUICK_STATED_S = 60
TEST_STATED_S = 300
"""On two cores."""


def quick(_folder: Path) -> Iterator[Row]:
    """`make quick`, installed."""
    yield _timed("quick", QUICK_STATED_S)


def test(_folder: Path) -> Iterator[Row]:
    """`make test`, installed."""
    yield _timed("test", TEST_STATED_S)


def _timed(target: str, stated_s: float) -> Row:
    command = ["make", "--silent", "--directory", str(ROOT), target]
    return within(f"make {target}, installed", seconds(lambda: run(command)), stated_s)

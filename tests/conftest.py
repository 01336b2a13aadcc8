"""Fixtures of several test modules."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.practice import World, start


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world that tests share; each practice ticket belongs to one test module."""
    yield from start(tmp_path_factory.mktemp("outputs"))


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[World]:
    """A world that one test may break."""
    yield from start(tmp_path / "outputs")


LONGEST = (
    "test_practice_weekdays",
    "faults/test_nights",
    "browser/test_walk",
    "test_exactly_once",
    "test_practice_tickets",
    "screenshots/test_reading",
    "cases/test_press",
)
"""Modules that begin first, so that none of them is left for the end alone."""


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: a run waits for others (a pipeline, the next second of the ticket) as long as it works."""
    return min(2 * (os.cpu_count() or 1), 16)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first, the others as they come."""

    def place(item: pytest.Item) -> int:
        found = [place for place, name in enumerate(LONGEST) if item.nodeid.startswith(f"tests/{name}.py")]
        return found[0] if found else len(LONGEST)

    items.sort(key=place)

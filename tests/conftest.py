"""Fixtures of several test modules."""

from __future__ import annotations

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

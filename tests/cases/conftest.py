"""Fixtures of several test modules of cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib import ocr
from runbook_lib.jupyter import places
from tests.cases.walking import Screen, sit_down
from tests.practice import World, start


@pytest.fixture
def here(tmp_path: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A practice world in which somebody sits at JupyterLab."""
    for world in start(tmp_path / "outputs"):
        sit_down(world, monkeypatch)
        yield world


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """What JupyterLab shows."""
    found = Screen()
    monkeypatch.setattr(places, "display", found.show)
    return found


@pytest.fixture(scope="session")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what was read off images is kept, in place of the user's own folder."""
    return tmp_path_factory.mktemp("readings")


@pytest.fixture(autouse=True)
def images_are_read_once(readings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The practice world's images are the same in each test."""
    monkeypatch.setattr(ocr.cache, "user_cache_path", lambda _: readings)

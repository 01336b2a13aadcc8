"""Fixtures of several test modules of cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.cases import walk
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
    monkeypatch.setattr(walk, "display", found.show)
    monkeypatch.setattr(walk, "update_display", found.update)
    return found

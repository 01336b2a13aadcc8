"""Fixtures of several test modules of cases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib import ocr
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.jupyter import places
from tests.cases.walking import Screen, sit_down
from tests.practice import World, go_on, start


@pytest.fixture
def here(tmp_path: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A practice world with a person at JupyterLab."""
    for world in start(tmp_path / "outputs"):
        sit_down(world, monkeypatch)
        yield world


@pytest.fixture(scope="session")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is left of a practice world once the license of ticket 1001 has been issued, and no more."""
    outputs = tmp_path_factory.mktemp("issued") / "outputs"
    for world in start(outputs):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RUNBOOK_OUTPUTS", str(outputs))
            case = WeekendLicense.open(1001, perform=True)
            for name in case.order[: case.order.index("issue_license") + 1]:
                getattr(case, name)()
        world.wait_for_pipelines()
    return outputs


@pytest.fixture
def issued(left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of its own in which the license of ticket 1001 has been issued, which the settings find."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    yield from go_on(shutil.copytree(left, tmp_path / "outputs"))


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """What JupyterLab shows."""
    found = Screen()
    monkeypatch.setattr(places, "display", found.show)
    return found


@pytest.fixture(scope="session")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what was read off images is kept, in place of the user's own folder; for all processes of this run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "readings"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def images_are_read_once(readings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The practice world's images are the same in each test."""
    monkeypatch.setattr(ocr.cache, "user_cache_path", lambda _: readings)

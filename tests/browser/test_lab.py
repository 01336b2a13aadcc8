"""`runbook lab` from its first page on: what is clicked, what is waited for, what it opens, and what it leaves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.conftest import Seen
from tests.browser.lab import Lab, Notebook, running
from tests.practice import World, start

pytestmark = pytest.mark.slow

BUTTON = "Perform and record"
SCREEN = {"width": 1280, "height": 800}
MOST_CLICKS, MOST_SECONDS = 3, 12


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A practice world of its own."""
    yield from start(tmp_path_factory.mktemp("lab") / "outputs")


@contextmanager
def opened(world: World, seen: Seen, home: Path, *words: str) -> Iterator[Notebook]:
    """The first page of `runbook lab`, by the address that it prints."""
    seen.page.set_viewport_size(SCREEN)
    with running(world, home, *words) as lab:
        notebook = Notebook(lab, seen.page)
        notebook.land()
        yield notebook


def test_the_first_ticket(world: World, seen: Seen, tmp_path: Path) -> None:
    seen.page.set_default_timeout(30000)
    with opened(world, seen, tmp_path, "1001") as notebook:
        notebook.panel.locator(".jp-Notebook").wait_for()
        began = time.monotonic()
        notebook.button(BUTTON).wait_for()
        seen.shot("lab-1001-plan")
        waited = time.monotonic() - began
        print("waited", waited)
        seen.page.wait_for_timeout(2000)
        seen.shot("lab-1001-plan2")

"""`runbook lab` from its first page on: what is clicked, what is waited for, what it opens, and what it leaves."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Seen
from tests.browser.lab import CODE_CELLS, SESSIONS, Lab, Notebook, running
from tests.practice import World, start

pytestmark = [pytest.mark.slow, pytest.mark.halves]

BUTTON = "Perform and record"
SCREEN = {"width": 1280, "height": 800}
MOST_CLICKS = 3


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A practice world of its own."""
    yield from start(tmp_path_factory.mktemp("lab") / "outputs")


@contextmanager
def first_page(world: World, seen: Seen, home: Path, *words: str) -> Iterator[Notebook]:
    """The first page of `runbook lab`, by the address that it prints; nothing of JupyterLab is set for the test."""
    seen.page.set_viewport_size(SCREEN)  # type: ignore[arg-type]
    with running(world, home, *words) as lab:
        notebook = Notebook(lab, seen.page)
        notebook.land()
        notebook.panel.locator(".jp-Notebook").wait_for()
        yield notebook


COUNTS = f"{CODE_CELLS}.map(cell => cell.model.executionCount)"
"""The numbers of the cells, in the order of the notebook in front."""


def sessions(notebook: Notebook) -> list[str]:
    """The notebooks that have a kernel, without the date of practice."""
    return sorted(path.partition("-practice")[0] for path in notebook.page.evaluate(SESSIONS))


def digests(lab: Lab) -> dict[str, str]:
    """What stands in the templates."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (lab.root / "notebooks").glob("*.ipynb")
    }


def test_a_ticket_takes_three_clicks(
    world: World, seen: Seen, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """From the first page to the open record: no key, no prompt in the way, nothing to run by hand."""
    own = tmp_path / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    with first_page(world, seen, tmp_path, "1001") as notebook:
        began = time.monotonic()
        notebook.button(BUTTON).wait_for()
        seen.shot("lab-plan")
        notebook.click(notebook.button(BUTTON))
        notebook.see("the record of this run")
        notebook.click(notebook.panel.locator("a", has_text="the record of this run").last)
        notebook.see("RECORD of ticket 1001")
        record_property("effort 1001", (notebook.clicks, notebook.keys, round(time.monotonic() - began, 1)))
        assert notebook.clicks <= MOST_CLICKS
        assert 0 == notebook.keys
        assert ["notebooks/open/1001-weekend_license"] == sessions(notebook)  # not the record
        for theme in ("dark", "light"):
            notebook.use_theme(theme)
            seen.shot("lab-record")
        assert notebook.panel.locator("text=runbook records verify 1001").is_visible()
        assert [] == seen.outside
        assert [own] == [path for path in (tmp_path / "settings").rglob("*") if path.is_file()]
        assert "{}" == own.read_text()


def test_naming_the_ticket_runs_the_rest(world: World, seen: Seen, tmp_path: Path) -> None:
    """start_here begins with an empty field; the runbook opens in its place, and its kernel ends."""
    with first_page(world, seen, tmp_path) as notebook:
        field = notebook.page.locator("#runbook-ticket")
        expect(field).to_be_focused()
        assert "" == field.input_value()
        assert 0 == notebook.panel.locator(".jp-OutputArea-output").count()
        notebook.type("999999")
        notebook.press("Enter")
        notebook.see("999999")
        expect(field).to_be_visible()
        field.fill("1005")
        notebook.press("Enter")
        link = notebook.panel.locator("a", has_text="1005-weekend_license").first
        link.wait_for()
        expect(field).to_be_hidden()
        seen.shot("lab-start-here")
        notebook.click(link)
        notebook.button(BUTTON).wait_for()
        expect(notebook.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")).to_have_count(1)
        notebook.page.wait_for_function(f"async () => (await ({SESSIONS})()).length === 1")
        assert ["notebooks/open/1005-weekend_license"] == sessions(notebook)


def test_a_template_opens_as_a_copy(world: World, seen: Seen, tmp_path: Path) -> None:
    """It is never written to; closing a notebook ends its kernel, a reload runs nothing again."""
    with first_page(world, seen, tmp_path, "2003") as notebook:
        before = digests(notebook.lab)
        notebook.see("Would end")
        notebook.wait()
        counts = notebook.page.evaluate(COUNTS)
        assert [*range(1, len(counts) + 1)] == counts
        notebook.page.reload()
        notebook.wait()
        notebook.page.wait_for_timeout(1000)
        assert counts == notebook.page.evaluate(COUNTS)
        notebook.page.goto(f"{notebook.lab.url}lab/tree/notebooks/weekend_license.ipynb")
        expect(notebook.page.locator("#runbook-ticket")).to_be_focused()
        seen.shot("lab-template")
        assert "notebooks/open/weekend_license.ipynb" in sessions(notebook)
        assert "notebooks/weekend_license.ipynb" not in sessions(notebook)
        notebook.save()
        assert before == digests(notebook.lab)
        notebook.page.locator(".lm-mod-current .lm-TabBar-tabCloseIcon").first.click()
        notebook.page.wait_for_function(
            f"async () => !(await ({SESSIONS})()).includes('notebooks/open/weekend_license.ipynb')"
        )


def test_a_ticket_of_no_runbook_stays_in_start_here(world: World, seen: Seen, tmp_path: Path) -> None:
    """With the reason, and no field for what was named already."""
    with first_page(world, seen, tmp_path, "1004") as notebook:
        notebook.see("No runbook for this ticket")
        assert 0 == notebook.page.locator("#runbook-ticket").count()

"""A performed record, read by a reviewer without a network: as one HTML page, and opened again in JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runbook_lib.display import STEP_MIME
from tests.browser.lab import SESSIONS, Lab, Notebook
from tests.browser.seen import Seen
from tests.practice import World

pytestmark = [pytest.mark.slow, pytest.mark.together]

OF_IPYWIDGETS = "Cannot read properties of null (reading 'kernel')"
"""What ipywidgets 8.1 says where a notebook has no kernel."""


@pytest.fixture(scope="module")
def here(lab: Lab) -> World:
    return lab.world


@pytest.fixture(scope="module")
def performed(here: World) -> Any:
    """A performed run of ticket 1021."""
    return here.runbook("run", "weekend_license", 1021, "--perform", "--json")


def summaries(performed: Any) -> list[str]:
    """What each step came to, as its card says."""
    outputs = [output for cell in performed.record.cells for output in cell.get("outputs", [])]
    steps = [output["data"][STEP_MIME] for output in outputs if STEP_MIME in output.get("data", {})]
    assert len(steps) >= 11
    return [str(step["summary"]) for step in steps if step["step"] in ("decide_scope", "choose_users", "close")]


def test_as_html(here: World, performed: Any, seen: Seen, tmp_path: Path) -> None:
    """Complete in itself: everything is there, nothing is asked for, nothing runs, nothing is clipped."""
    page = tmp_path / "record.html"
    assert 0 == here.runbook("records", "show", performed.report["record"], "--html", page).status
    seen.page.goto(page.as_uri())
    for _ in seen.in_both_themes():
        seen.shot("record-html")

    text = " ".join(seen.page.inner_text("body").split())
    assert "Verified: sealed and unaltered." in text
    assert [] == [words for words in summaries(performed) if " ".join(words.split())[:60] not in text]
    assert ([], []) == (seen.outside, seen.errors)
    assert 0 == seen.page.locator("script").count()
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_in_jupyterlab(performed: Any, notebook: Notebook) -> None:
    """Opened again, without a kernel: its banner first, every card as it was, and no output asks for anything."""
    seen = notebook.seen
    notebook.show(str(Path(performed.report["record"]).relative_to(notebook.lab.root)))
    notebook.see("License issued")
    assert notebook.panel.locator(".jp-Cell").first.inner_text().count("RECORD of ticket 1021") == 1
    assert [] == seen.page.evaluate(SESSIONS)
    for theme in ("dark", "light"):
        notebook.use_theme(theme)
        notebook.shot(f"record-lab-{theme}")
        assert [] == notebook.clipped()
    text = " ".join(notebook.outputs().split())

    assert [] == [words for words in summaries(performed) if " ".join(words.split())[:60] not in text]
    assert [] == seen.outside
    assert [] == [error for error in seen.errors if error != OF_IPYWIDGETS and "Failed to load resource" not in error]

"""A performed record, read by a reviewer without a network: as one HTML page, and opened again in JupyterLab."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.display import MIME
from runbook_lib.settings import ROOT
from tests.browser.conftest import Seen
from tests.practice import World, start

SHOTS = ROOT / "build" / "screenshots"
TOKEN = "only-for-this-test"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from start(tmp_path_factory.mktemp("browser") / "outputs")


@pytest.fixture(scope="module")
def performed(here: World) -> Any:
    """A performed run of ticket 1001."""
    return here.runbook("run", "weekend_license", 1001, "--perform", "--json")


def summaries(performed: Any) -> list[str]:
    """What each step came to, as its card says."""
    outputs = [output for cell in performed.record.cells for output in cell.get("outputs", [])]
    told = [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]
    assert len(told) >= 11
    return [str(step["summary"]) for step in told if step["step"] in ("decide_scope", "choose_users", "close")]


def shot(seen: Seen, name: str) -> None:
    """Keep a picture for people."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    dark = seen.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    seen.page.screenshot(path=SHOTS / f"{name}-{'dark' if dark else 'light'}.png", full_page=True)


def test_as_html(here: World, performed: Any, seen: Seen, tmp_path: Path) -> None:
    """Complete in itself: everything is there, nothing is asked for, nothing runs, nothing is clipped."""
    page = tmp_path / "record.html"
    assert 0 == here.runbook("records", "show", performed.report["record"], "--html", page).status
    seen.page.goto(page.as_uri())
    shot(seen, "record-html")

    text = " ".join(seen.page.inner_text("body").split())
    assert "Verified: sealed and unaltered." in text
    assert [] == [words for words in summaries(performed) if " ".join(words.split())[:60] not in text]
    assert ([], []) == (seen.outside, seen.errors)
    assert 0 == seen.page.locator("script").count()
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture(scope="module")
def lab(here: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on the records' folder; its address, where it says it is."""
    home = tmp_path_factory.mktemp("lab")
    never = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={here.outputs}"]
    command += [f"--LabApp.check_for_updates_class={never}", "--LabApp.news_url=None"]
    own = {"JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home), "JUPYTERLAB_WORKSPACES_DIR": str(home)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**here.environment, **own}, stdout=log, stderr=log)
    try:
        yield address(home, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def address(home: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the server is, from the file that it writes about itself."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        for path in home.glob("jpserver-*.json"):
            if content := path.read_text():
                return str(json.loads(content)["url"])
        time.sleep(0.1)
    raise AssertionError((home / "log").read_text())


def test_in_jupyterlab(here: World, performed: Any, lab: str, seen: Seen) -> None:
    """Opened again, without its kernel: every card is there as it was, and no output asks for anything."""
    record = Path(performed.report["record"])
    seen.page.goto(f"{lab}lab/tree/{record.relative_to(here.outputs)}?token={TOKEN}")
    notebook = seen.page.locator(".jp-NotebookPanel:visible .jp-WindowedPanel-outer")
    notebook.wait_for(timeout=60_000)
    seen.page.locator(".jp-OutputArea-output:visible").first.wait_for(timeout=30_000)
    shot(seen, "record-lab")
    text = ""
    for _ in range(60):  # JupyterLab draws only the cells that are in view
        text += " " + " ".join(notebook.inner_text().split())
        at = notebook.evaluate("panel => { const was = panel.scrollTop; panel.scrollBy(0, 700); return was }")
        seen.page.wait_for_timeout(150)
        if notebook.evaluate("panel => panel.scrollTop") == at:
            break

    assert [] == [words for words in summaries(performed) if " ".join(words.split())[:60] not in text]
    assert [] == seen.outside
    assert [] == [error for error in seen.errors if "Failed to load resource" not in error]

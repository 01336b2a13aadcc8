"""JupyterLab on a practice world, driven as a person does: by mouse and keyboard, and counted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Locator

from runbook_lib.settings import ROOT
from tests.browser.seen import DEFAULT_SIZE, PICTURES, SHOTS, Seen
from tests.practice import World

DOCS = ROOT / "docs"
TOKEN = "only-for-this-test"
SESSIONS = "async () => (await (await fetch('/api/sessions')).json()).map(session => session.path)"
"""Asks the server which notebooks have a kernel."""
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes:
        url: Its address.
        root: The folder that it shows; the world's outputs and a copy of the notebooks are in it.
        home: What the person who runs it has of their own: JupyterLab's settings.
        world: The practice world.
    """

    url: str
    root: Path
    home: Path
    world: World

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command that shares its world and its notebooks."""
        return {**self.world.environment, "RUNBOOK_NOTEBOOKS": str(self.root / "notebooks")}


@contextmanager
def running(world: World, home: Path, *words: str, **environment: str) -> Iterator[Lab]:
    """`runbook lab` as people have it, but that its notebooks are copies, so that nothing writes into ours."""
    home.mkdir(exist_ok=True)
    root = world.outputs.parent
    notebooks = root / "notebooks"
    ignored = shutil.ignore_patterns("open", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "notebooks", notebooks, ignore=ignored, dirs_exist_ok=True)
    command = [sys.executable, "-m", "runbook_lib.cli", "lab", *words, "--no-browser", "--allow-root"]
    command += ["--LabApp.expose_app_in_browser=True"]  # to see whether its kernel is ready; it is driven by hand
    command += ["--ServerApp.port=0", f"--IdentityProvider.token={TOKEN}"]
    folders = {f"JUPYTER{name}": str(home) for name in ("_CONFIG_DIR", "_RUNTIME_DIR", "LAB_WORKSPACES_DIR")}
    own = {
        **folders,
        "JUPYTER_PATH": str(_warm_kernels(home)),
        "JUPYTERLAB_SETTINGS_DIR": str(_own_settings(home).parents[2]),
        "RUNBOOK_NOTEBOOKS": str(notebooks),
        **environment,
    }
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**world.environment, **own, **environment}, stdout=log, stderr=log)
    try:
        yield Lab(_address(home, process), root, home, world)
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:  # a server waits for a kernel that is just starting; kernels end without it
            process.kill()
            process.wait()


def _own_settings(home: Path) -> Path:
    """What the person has set themselves in JupyterLab; nothing may write into it."""
    own = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    return own


def _warm_kernels(home: Path) -> Path:
    """A folder that names the tests' warm Python as the kernel, so that each notebook's starts at once."""
    spec = home / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))
    return home


def _address(home: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the server is, from the file that it writes about itself."""
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        for path in home.glob("jpserver-*.json"):
            if (content := path.read_text()) and _answers(url := str(json.loads(content)["url"])):
                return url
        time.sleep(0.1)
    raise AssertionError((home / "log").read_text())


def _answers(url: str) -> bool:
    """Whether the server is there: its file is written a moment before."""
    try:
        return httpx.get(f"{url}api", trust_env=False).is_success
    except httpx.TransportError:
        return False


CODE_CELLS = """(window.jupyterapp?.shell.currentWidget?.content?.widgets ?? [])
    .filter(cell => cell.model.type === 'code')"""
"""The code cells of the notebook in front, for a script: their code is collapsed, so that the page shows no numbers."""


UNFOLD = """cell => {
    const isFolded = cell.matches('.runbook-folds:not(.runbook-unfolded), .runbook-grouped:not(.runbook-unfolded)');
    let other = cell;
    while (isFolded && other.matches('.runbook-grouped')) other = other.previousElementSibling;
    const line = other.querySelector('.runbook-leads button');
    if (isFolded) (line ?? other.previousElementSibling.querySelector('.runbook-explain'))?.click();
    return isFolded;
}"""
"""Presses the button that opens a code cell, if it is folded: a form that comes just then takes the button away."""
OPEN = "async path => { await window.jupyterapp.commands.execute('docmanager:open', {path}); }"
"""Opens a notebook as the file browser and a card's link do."""
CLOSE_ALL = """async () => {
    for (const panel of [...window.jupyterapp.shell.widgets('main')]) {
        const session = panel.context?.sessionContext;
        if (session?.session) await session.shutdown();
        panel.dispose();
    }
}"""


class Notebook:
    """The notebook in front, as a person sees and uses it.

    Attributes:
        page: The browser's page.
        clicks: How often the mouse was clicked.
        keys: How many keys were pressed.
        waited_s: How long the person had nothing to do but wait, where a test counts that.
    """

    def __init__(self, lab: Lab, seen: Seen) -> None:
        self.lab, self.seen, self.page = lab, seen, seen.page
        self.clicks = self.keys = 0
        self.waited_s = 0.0

    @property
    def panel(self) -> Locator:
        """The notebook's own part of the page."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """What is done here is waiting, and counted."""
        began = time.monotonic()
        yield
        self.waited_s += time.monotonic() - began

    def land(self) -> None:
        """Open the address that the command prints."""
        self.page.goto(f"{self.lab.url}?token={TOKEN}")
        self.panel.locator(".jp-Notebook").wait_for()

    def load(self, path: str) -> None:
        """Load JupyterLab with the address of a notebook."""
        self.page.goto(f"{self.lab.url}lab/tree/{path}?token={TOKEN}&reset")  # no tab of another test
        self.panel.locator(".jp-Notebook").wait_for()

    def reload(self) -> None:
        """Load the page anew, until JupyterLab has opened its address: one that is closed before is opened again."""
        self.page.reload()
        self.until("window.addressIsOpen")

    def show(self, path: str) -> None:
        """Open a notebook in JupyterLab as it is, which is loaded if there is none yet."""
        if self.page.evaluate("Boolean(window.jupyterapp)"):
            self.page.evaluate(OPEN, path)
            self.panel.locator(".jp-Notebook").wait_for()
        else:
            self.load(path)

    def has_kernels(self, number: int) -> None:
        """Wait until the server has this number of notebooks with a kernel."""
        for _ in range(300):
            if len(found := self.page.evaluate(SESSIONS)) == number:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"notebooks with a kernel, not {number}: {found}")

    def until(self, condition: str, *, arg: object = None) -> None:
        """Wait until a script's condition holds, which waits for nothing itself: a promise counts as true.

        Asked with each frame, it would have the browser draw frames.
        """
        assert "async" not in condition
        self.page.wait_for_function(condition, arg=arg, polling=100)

    def open(self, path: str) -> None:
        """Open a copy, and wait until it has run."""
        self.show(path)
        self.until(f"{CODE_CELLS}.some(cell => cell.model.executionCount)")
        self.wait()

    def close_all(self) -> None:
        """Close what is open, whether it is saved or not, and end the kernels."""
        if self.page.evaluate("Boolean(window.jupyterapp)"):
            self.page.evaluate(CLOSE_ALL)

    def wait(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.until(
            f"""() => {{
                if (!document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)')) return false;
                const busy = {CODE_CELLS}.some(cell => cell.model.executionState === 'running');
                const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
                const kernel = context?.session?.kernel;
                const ready = context?.isReady && kernel?.connectionStatus === 'connected';
                return ready && kernel.status === 'idle' && !busy;
            }}"""
        )

    def use_theme(self, theme: str) -> None:
        """As the system says: JupyterLab follows. The screen that it shows meanwhile has to be gone before the next."""
        self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        is_done = "document.body.dataset.jpThemeName === theme && !document.querySelector('#jupyterlab-splash')"
        self.until(f"theme => {is_done}", arg=THEMES[theme])

    def click(self, target: Locator) -> None:
        """Click once."""
        self.clicks += 1
        target.click()

    def press(self, key: str) -> None:
        """Press one key, or keys together."""
        self.keys += 1
        self.page.keyboard.press(key)

    def type(self, words: str) -> None:
        """Type a text, a key for each letter."""
        self.keys += len(words)
        self.page.keyboard.type(words)

    def run_all(self) -> None:
        """By the menu."""
        self.click(self.page.locator(".lm-MenuBar-itemLabel", has_text="Run"))
        with self._runs(self.panel.locator(".jp-CodeCell").first):
            self.click(self.page.locator(".lm-Menu-itemLabel", has_text="Run All Cells").first)

    def restart(self) -> None:
        """The kernel, by the menu and its question, so that the page knows of it."""
        self.click(self.page.locator(".lm-MenuBar-itemLabel", has_text="Kernel"))
        self.click(self.page.locator(".lm-Menu-itemLabel", has_text="Restart Kernel").first)
        self.click(self.page.locator(".jp-Dialog button", has_text="Restart"))
        self.page.locator(".jp-Dialog").wait_for(state="detached")
        self.wait()

    def select(self, words: str) -> None:
        """Make a code cell the active one, by a click beside it; some words of its code say which one.

        Code that is folded is opened first, by the button in its heading, or in the line of its group.
        """
        found = f"words => {CODE_CELLS}.findIndex(cell => cell.model.sharedModel.getSource().includes(words))"
        cell = self.panel.locator(".jp-CodeCell").nth(self.page.evaluate(found, words))
        self.clicks += int(cell.evaluate(UNFOLD))
        self.click(cell.locator(".jp-InputPrompt").first)

    def run_cell(self, keys: str = "Shift+Enter") -> None:
        """Run the active cell, and go on to the next one; Control+Enter stays.

        JupyterLab goes on a moment after it began to run: a key that comes before that would run the cell once more.
        """
        active = self.panel.locator(".jp-Cell.jp-mod-active")
        cell = active.element_handle()
        with self._runs(active):
            self.press(keys)
            if keys == "Shift+Enter":
                self.until(
                    """cell => {
                        const now = cell.parentElement.querySelector('.jp-Cell.jp-mod-active');
                        return now && now !== cell && now.contains(document.activeElement);
                    }""",
                    arg=cell,
                )

    @contextmanager
    def _runs(self, cell: Locator) -> Iterator[None]:
        """What is done here runs a cell: wait until it has run, and the kernel has nothing to do."""
        cell.element_handle().evaluate(
            f"""node => {{
                const model = {CODE_CELLS}.find(cell => cell.node === node)?.model;
                const run = window.lastRun = {{isOver: !model}};
                model?.stateChanged.connect((_, {{name, newValue}}) => {{
                    run.isOver ||= name === 'executionCount' && newValue !== null;
                }});
            }}"""
        )
        yield
        self.until("window.lastRun.isOver")
        self.wait()

    def active(self) -> str:
        """What the active cell shows, below its source."""
        source = "window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()"
        return f"{self.page.evaluate(source)}\n{self.panel.locator('.jp-Cell.jp-mod-active').inner_text()}"

    def field(self, label: str) -> Locator:
        """The first visible field with this label."""
        row = self.panel.locator(".widget-text, .widget-combobox", has=self.page.get_by_text(label, exact=True))
        return row.locator("input:visible").first

    def fill(self, label: str, words: str) -> None:
        """Click into a field and type."""
        self.click(self.field(label))
        self.press("Control+a")
        self.type(words)

    def button(self, label: str) -> Locator:
        """The first visible button with this label."""
        return self.panel.locator(".jupyter-button:visible", has_text=label).first

    def see(self, words: str) -> Locator:
        """Wait until some words are there."""
        found = self.panel.locator(".jp-OutputArea-output", has_text=words).last
        found.wait_for()
        return found

    def changes(self) -> int:
        """How many changes of the notebook in front a page makes in half a second; one at rest makes none."""
        found: int = self.page.evaluate(
            """async () => {
                let changes = 0;
                const observer = new MutationObserver(found => { changes += found.length; });
                const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
                observer.observe(panel, {subtree: true, childList: true, attributes: true, characterData: true});
                await new Promise(done => setTimeout(done, 500));
                observer.disconnect();
                return changes;
            }"""
        )
        return found

    def outputs(self) -> str:
        """Everything that the cells show, as text."""
        return "\n".join(self.panel.locator(".jp-OutputArea-output").all_inner_texts())

    def fits(self, first: str, button: str) -> bool:
        """Whether all from the top of an output to the bottom of a button has room in what shows the notebook."""
        room = self.panel.locator(".jp-WindowedPanel-outer").bounding_box()
        above = self.panel.locator(".jp-OutputArea-output:not(:has(.jp-OutputArea-output))", has_text=first)
        top, bottom = above.last.bounding_box(), self.button(button).bounding_box()
        assert room and top and bottom
        return top["y"] < bottom["y"] and bottom["y"] + bottom["height"] - top["y"] <= room["height"]

    def screens(self, button: str) -> float:
        """How many screens the notebook fills, from its top to a button's lower edge."""
        room = self.panel.locator(".jp-WindowedPanel-outer")
        height, scrolled = room.evaluate("room => [room.clientHeight, room.scrollTop]")
        top, end = room.bounding_box(), self.button(button).bounding_box()
        assert top and end
        return float((end["y"] + end["height"] - top["y"] + scrolled) / height)

    def copies(self, label: str, words: str) -> None:
        """Unfold an exact text and press its button; then the clipboard has it."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        text = self.panel.locator("details", has_text=label).last
        text.locator("summary").click()
        text.get_by_text("Copy", exact=True).click()
        text.get_by_text("Copied", exact=True).wait_for()
        assert words in self.page.evaluate("navigator.clipboard.readText()")
        text.locator("summary").click()

    def save(self) -> None:
        """By the keyboard, as long as nothing is being typed.

        JupyterLab writes a new kernel's language into the notebook, once the kernel has named it: that is waited for.
        """
        self.page.evaluate(
            "async () => { await jupyterapp.shell.currentWidget.context.sessionContext.session?.kernel?.info }"
        )
        self.page.keyboard.press("Control+s")
        self.until("!document.querySelector('.jp-NotebookPanel .jp-mod-dirty, .jp-mod-current.jp-mod-dirty')")

    def clipped(self) -> list[str]:
        """Cards and forms that are wider than the place they have."""
        return list(
            self.panel.evaluate(
                """panel => [...panel.querySelectorAll('.jp-RenderedHTMLCommon, .widget-vbox')]
                    .filter(shown => shown.scrollWidth > shown.clientWidth + 1)
                    .map(shown => shown.innerText.slice(0, 80))"""
            )
        )

    def picture(self, name: str, words: str) -> None:
        """A picture for the README, of the output that has these words.

        Where `TEST_PICTURES` is set (`make pictures`) it is written, with what it says but for numbers. Elsewhere
        it must say the same as it does now, so that it cannot go stale.
        """
        output = self.panel.locator(".jp-OutputArea-output", has_text=words).last
        said = re.sub(r"SHA256:[0-9a-f]+|(?<=-)[0-9a-f]{8}(?=\.ipynb)|\d+", "#", " ".join(output.inner_text().split()))
        kept = DOCS / f"{name}.txt"
        if PICTURES in os.environ:
            DOCS.mkdir(exist_ok=True)
            size = self.page.viewport_size
            assert size
            self.seen.resize(size["width"], DEFAULT_SIZE[1])  # all of it
            output.screenshot(path=kept.with_suffix(".png"))
            self.seen.resize(**size)
            kept.write_text(said + "\n", encoding="utf-8")
        assert kept.with_suffix(".png").exists()
        assert said + "\n" == kept.read_text(encoding="utf-8"), f"{kept.stem}.png is stale: make pictures"

    def shot(self, name: str) -> None:
        """Keep a picture of the whole notebook for people, where pictures are wanted."""
        if PICTURES not in os.environ:
            return
        size = self.page.viewport_size
        assert size
        outer = self.panel.locator(".jp-WindowedPanel-outer")
        outer.evaluate("panel => { panel.scrollTop = 0; document.activeElement.blur() }")
        last = self.panel.locator(".jp-Cell:visible").last.bounding_box()
        assert last
        self.seen.resize(size["width"], int(last["y"] + last["height"]) + 120)
        self.page.wait_for_timeout(300)  # drawing
        self.panel.screenshot(path=SHOTS / f"{name}.png")
        self.seen.resize(**size)

"""`papermill --engine runbook`: papermill's own command, with records that tell the truth."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.redaction import Redactor
from runbook_lib.run import papermill_engine
from runbook_lib.run.papermill_engine import INTERRUPTED, NOT_RUN, Manager, write
from tests.endings import ENDINGS, Ending, _run, _states, _write
from tests.practice import World

pytestmark = pytest.mark.slow

OPTIONS = {"cell time-out": ("--execution-timeout", "1")}


@pytest.mark.parametrize(
    "ending", [e for e in ENDINGS if e.name not in ("run time-out", "kill -9 of the runner")], ids=lambda e: e.name
)
def test_ending(ending: Ending, tmp_path: Path) -> None:
    """The cells' states are right, and cells that did not run, or not to their end, say so to the reader."""
    notebook = executed(ending, tmp_path)

    assert "cfp" == _states(notebook)[-3:]
    *_, stopped, last = notebook.cells
    assert [NOT_RUN] == [output.text for output in last.outputs]
    assert (INTERRUPTED in [output.get("text") for output in stopped.outputs]) == (ending.name not in TOLD_BY_THE_CELL)


TOLD_BY_THE_CELL = ("error in a cell", "sys.exit in a cell")


def executed(ending: Ending, folder: Path) -> Any:
    mark = folder / "mark"
    _write(folder / "small.ipynb", ending.cell.format(mark=str(mark)))
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--engine", "runbook"]
    command += [*OPTIONS.get(ending.name, ()), str(folder / "small.ipynb"), str(folder / "out.ipynb")]
    _run(command, World(folder / "outputs").environment, ending.stop, mark)
    return nbformat.read(folder / "out.ipynb", as_version=4)


def test_kill_9_leaves_a_whole_file(tmp_path: Path) -> None:
    """What was saved last is read without an error; it has no cell as completed that did not run."""
    ending = Ending("kill", ENDINGS[-1].cell, "interrupted", stop=signal.SIGKILL)
    assert "c" not in _states(executed(ending, tmp_path))[-2:]


def test_a_runbook_by_plain_papermill(world: World, tmp_path: Path) -> None:
    """The real notebook, too."""
    record = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", "--engine", "runbook", "--no-progress-bar"]
    done = subprocess.run(
        [*command, "notebooks/weekend_license.ipynb", str(record), "-p", "ticket_id", "1003"],
        env=world.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    assert "out_of_scope" in record.read_text(encoding="utf-8")


def small(cells: int) -> Any:
    notebook = nbformat.v4.new_notebook(metadata={"papermill": {}})
    notebook.cells = [nbformat.v4.new_code_cell("1") for _ in range(cells)]
    return notebook


@pytest.mark.parametrize("cells", [10, 200])
def test_the_number_of_writes_does_not_grow_with_the_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: int
) -> None:
    """At the start, every few seconds, and at the end."""
    writes: list[Path] = []
    monkeypatch.setattr(papermill_engine, "write", lambda path, notebook: writes.append(path))
    manager = Manager(small(cells), Redactor({}), output_path=str(tmp_path / "out.ipynb"), progress_bar=False)
    manager.notebook_start()
    for index, cell in enumerate(manager.nb.cells):
        manager.cell_start(cell, index)
        manager.cell_complete(cell, index)
    manager.notebook_complete()

    assert 2 == len(writes)


def test_nothing_secret_is_saved_on_the_way(tmp_path: Path) -> None:
    """Each save passes the second net, the first one included."""
    notebook = small(1)
    notebook.cells[0].source = "token = 'xoxb-canary'"
    path = tmp_path / "out.ipynb"
    net = Redactor({"slack_token": "xoxb-canary"})
    manager = Manager(notebook, net, output_path=str(path), progress_bar=False)
    manager.notebook_start()

    assert "canary" not in path.read_text()
    assert "[slack_token]" in path.read_text()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a half file nor its draft; what was there before stays."""
    path = tmp_path / "out.ipynb"
    before = write(path, small(1))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, small(2))
    assert (before, ["out.ipynb"]) == (path.read_bytes(), [found.name for found in tmp_path.iterdir()])


def test_widgets_leave_no_state(tmp_path: Path) -> None:
    """A password field's value would be kept in clear."""
    cell = "import ipywidgets; box = ipywidgets.Password(value='xoxb-canary'); display(box)"
    notebook = executed(Ending("widgets", cell, "completed"), tmp_path)

    assert "widgets" not in notebook.metadata
    assert "canary" not in nbformat.writes(notebook).replace(cell, "")

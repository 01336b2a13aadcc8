"""The eight ways in which a run can end badly, by the runbook's engine and by plain papermill.

`python -m tests.endings` prints the table of the README.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from tabulate import tabulate

from runbook_lib.ledger.journal import Journal
from runbook_lib.settings import ROOT, Settings

WAIT = "import os, pathlib, time; pathlib.Path({mark!r}).write_text(str(os.getpid())); time.sleep(60)"
LIMIT_S = 1


@dataclass(frozen=True)
class Ending:
    """A way to end.

    Attributes:
        name: For the reader.
        cell: What the second of three cells does; `{mark}` is a file that it may write its process's number to.
        status: What the run must say.
        stop: The signal that is sent to who runs the notebook, once the cell is running.
        limits: Environment for our own run.
        options: For papermill.
    """

    name: str
    cell: str
    status: str
    stop: signal.Signals | None = None
    limits: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()


ENDINGS = (
    Ending("error in a cell", "raise LookupError('nowhere')", "failed"),
    Ending(
        "cell time-out",
        WAIT,
        "timed_out",
        limits=(("RUNBOOK_CELL_LIMIT_S", str(LIMIT_S)),),
        options=("--execution-timeout", str(LIMIT_S)),
    ),
    Ending("run time-out", WAIT, "timed_out", limits=(("RUNBOOK_RUN_LIMIT_S", str(LIMIT_S)),)),
    Ending("dead kernel", "import os; os._exit(1)", "killed"),
    Ending("Ctrl-C", WAIT, "cancelled", stop=signal.SIGINT),
    Ending("SIGTERM", WAIT, "cancelled", stop=signal.SIGTERM),
    Ending("closed terminal", WAIT, "cancelled", stop=signal.SIGHUP),
    Ending("sys.exit in a cell", "import sys; sys.exit(0)", "failed"),
    Ending("kill -9 of the runner", WAIT, "interrupted", stop=signal.SIGKILL),
)

PARAMETERS = "ticket_id: int = 1\nperform: bool = False"


@dataclass(frozen=True)
class Reported:
    """What was left of a run.

    Attributes:
        run: What it says of the run as a whole, or "nothing".
        cells: What it says of the three cells, in the record or else the journal: c(ompleted), r(unning), f(ailed),
            p(ending); "" if nothing says so.
    """

    run: str
    cells: str


def ours(ending: Ending, folder: Path) -> Reported:
    """By `runner.run`, in a process of its own."""
    mark = folder / "mark"
    _write(folder / "notebooks" / "small.ipynb", ending.cell.format(mark=str(mark)))
    environment = {**os.environ, "RUNBOOK_PROFILE": "sandbox", "RUNBOOK_WAIT_S": "0.5", **dict(ending.limits)}
    command = [sys.executable, "-m", "tests.small_run", str(folder / "outputs"), str(folder / "notebooks")]
    out = _run(command, environment, ending.stop, mark)
    settings = Settings.local(outputs=folder / "outputs", profile="sandbox")
    entries = Journal.of(settings, 7).entries()
    if not out:
        assert {"run_started", "cell_started"} == {entry["kind"] for entry in entries}
        began = len([entry for entry in entries if entry["kind"] == "cell_started"]) - 2  # parameters, twice
        return Reported("interrupted", ("c" * (began - 1) + "f").ljust(3, "p"))
    report = json.loads(out)
    assert report["status"] == entries[-1]["status"]
    notebook = nbformat.read(report["record"], as_version=4)
    assert report["status"] == notebook.metadata["runbook"]["status"]
    return Reported(report["status"], _states(notebook)[-3:])


def papermills(ending: Ending, folder: Path) -> Reported:
    """By plain papermill."""
    mark = folder / "mark"
    _write(folder / "small.ipynb", ending.cell.format(mark=str(mark)))
    record = folder / "out.ipynb"
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", *ending.options]
    is_endless = bool(ending.limits) and not ending.options
    words = [*command, str(folder / "small.ipynb"), str(record)]
    _run(words, dict(os.environ), ending.stop, mark, is_endless=is_endless)
    if not record.exists():
        return Reported("nothing", "")
    notebook = nbformat.read(record, as_version=4)
    said = notebook.metadata.papermill.get("exception")
    return Reported("failed" if said else "no error", _states(notebook)[-3:])


def _write(path: Path, cell: str) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (PARAMETERS, "1", cell, "3")]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def _run(
    command: list[str],
    environment: dict[str, str],
    stop: signal.Signals | None,
    mark: Path,
    *,
    is_endless: bool = False,
) -> str:
    """What a command printed; it gets the signal as soon as its notebook's second cell is running.

    One that is endless, without a limit for its run, is then killed after several times the limit.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # What is started in the background of a shell inherits that Ctrl-C is ignored; at a terminal it is not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    if stop or is_endless:
        deadline = time.monotonic() + 60
        while not (mark.exists() and mark.read_text()):
            assert time.monotonic() < deadline, "the cell does not start"
            time.sleep(0.02)
    if stop:
        process.send_signal(stop)
    try:
        return process.communicate(timeout=4 * LIMIT_S if is_endless else 60)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]


def _states(notebook: Any) -> str:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return "".join(cell.metadata.papermill.status[0] for cell in cells)


def rows(found: dict[str, tuple[Reported, Reported]]) -> list[tuple[str, str, str]]:
    """The table: the ending, what papermill leaves, what the runbook leaves."""
    return [(name, _words(theirs), _words(own)) for name, (theirs, own) in found.items()]


WORDS = {"c": "ran", "f": "stopped", "p": "not run", "r": "running"}


def _words(reported: Reported) -> str:
    cells = ", ".join(WORDS[state] for state in reported.cells) or "no record"
    return f"{reported.run}: {cells}"


def main() -> int:
    """Print the table."""
    found = {}
    for ending in ENDINGS:
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            found[ending.name] = (papermills(ending, Path(one)), ours(ending, Path(two)))
    heads = ("how it ended", "plain papermill: run, cells", "runbook: run, cells")
    sys.stdout.write(tabulate(rows(found), headers=heads, tablefmt="github") + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

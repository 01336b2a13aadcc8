"""`make bench`: what a run costs beside plain papermill, and what the parts cost.

Machines are noisy, so two commands take turns and the ratio of each pair counts; the table shows the median.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from tabulate import tabulate

from benchmarks import records, screenshots
from runbook_lib.sandbox import server
from runbook_lib.settings import ROOT

PAIRS = 9
NOTEBOOK = ROOT / "notebooks" / "weekend_license.ipynb"
PEAK = "import resource; print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def main() -> int:
    """Measure everything and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder) / "outputs"
        world = outputs / "sandbox" / ".world"
        server.make_world(world, datetime.now(UTC).date())
        starts = [_start(world) for _ in range(PAIRS)]
        os.environ["RUNBOOK_OUTPUTS"] = str(outputs)
        with server.background(world):
            rows = [_against_papermill(Path(folder)), _help(), _kernel(Path(folder))]
        rows.append(("start of the sandbox, until it answers", f"{statistics.median(starts):.2f} s", "", ""))
        rows += records.rows(Path(folder) / "many", (Path(folder) / "out.ipynb").read_bytes())
    rows += screenshots.rows()
    sys.stdout.write(tabulate(rows, headers=("figure", "median", "beside", "ratio (goal)")) + "\n")
    return 0


def _against_papermill(folder: Path) -> tuple[str, str, str, str]:
    """`runbook run`, with its checks, journal and record, against the papermill command on the same notebook."""
    run = [sys.executable, "-m", "runbook_lib.cli", "run", "weekend_license", "1001"]
    plain = [sys.executable, "-m", "papermill", str(NOTEBOOK), str(folder / "out.ipynb"), "-p", "ticket_id", "1001"]
    ours, theirs, ratio = _pairs(run, plain)
    return "runbook run, rehearsed", f"{ours:.2f} s", f"papermill {theirs:.2f} s", f"{ratio:.2f} (at most 1.1)"


def _help() -> tuple[str, str, str, str]:
    """The shortest command against the shortest Python program."""
    ours, theirs, ratio = _pairs([sys.executable, "-m", "runbook_lib.cli", "--help"], [sys.executable, "-c", "pass"])
    return (
        "runbook --help",
        f"{ours * 1000:.0f} ms",
        f"python -c pass {theirs * 1000:.0f} ms",
        f"{ratio:.1f} (at most 5)",
    )


def _kernel(folder: Path) -> tuple[str, str, str, str]:
    """The peak memory of the kernel that ran the notebook, and of one that ran nothing."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cell = nbformat.v4.new_code_cell(PEAK)
    notebook.cells.append(cell)
    ours = _peak(notebook, folder / "full.ipynb")
    notebook.cells = [cell]
    empty = _peak(notebook, folder / "empty.ipynb")
    return "kernel's peak memory", f"{ours:.0f} MB", f"empty kernel {empty:.0f} MB", f"{ours / empty:.2f}"


def _peak(notebook: nbformat.NotebookNode, path: Path) -> float:
    nbformat.write(notebook, path)
    _run([sys.executable, "-m", "papermill", str(path), str(path)])
    last = nbformat.read(path, as_version=4).cells[-1].outputs[0]["text"]
    return int(last.split()[1]) / 1000


def _pairs(ours: Sequence[str], theirs: Sequence[str]) -> tuple[float, float, float]:
    """Medians of both commands, in seconds, and of the ratios of the pairs; one pair before them does not count."""
    times = [(_seconds(lambda: _run(ours)), _seconds(lambda: _run(theirs))) for _ in range(PAIRS + 1)][1:]
    return (
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(a / b for a, b in times),
    )


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603


def _start(world: Path) -> float:
    """Seconds until the sandbox answers."""
    began = time.perf_counter()
    with server.background(world):
        return time.perf_counter() - began


def _seconds(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())

"""JupyterLab on the runbooks, in a process of its own: what it shows, what it opens first, and how it ends.

Knows nothing of the practice world, which runs beside it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from runbook_lib import templates
from runbook_lib.settings import Settings


def run(settings: Settings, first: Path, words: Sequence[str]) -> int:
    """Run JupyterLab until it is told to stop; returns its exit status.

    Args:
        settings: Where notebooks and records are.
        first: The runbook that it opens, as a fresh copy.
        words: Passed on to JupyterLab, after our own, so that they win.
    """
    notebooks, outputs = settings.notebooks.absolute(), settings.outputs.absolute()
    top = root(notebooks, outputs)
    address = quote(templates.fresh(first.absolute()).relative_to(top).as_posix())
    command = [sys.executable, "-m", "jupyter", "lab", f"--ServerApp.root_dir={top}"]
    # Not as a file to open: JupyterLab then opens it in a browser only, and prints another address.
    command += [f"--LabApp.default_url=/lab/tree/{address}", *words]
    environment = {**os.environ, "RUNBOOK_NOTEBOOKS": str(notebooks), "RUNBOOK_OUTPUTS": str(outputs)}
    with subprocess.Popen(command, env=environment) as process, _passing_on(process):  # noqa: S603 - no shell
        return process.wait()


def root(notebooks: Path, outputs: Path) -> Path:
    """What JupyterLab shows: the folder that both are in, so that a record opens by its link; never the whole disk."""
    common = Path(os.path.commonpath((notebooks, outputs)))
    return notebooks.parent if common == common.parent else common


@contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """SIGTERM ends JupyterLab, too. Ctrl-C in a terminal reaches it without us: it asks whether that was meant."""

    def end(number: int, frame: FrameType | None) -> None:
        process.terminate()

    def leave(number: int, frame: FrameType | None) -> None:
        pass

    handlers = {signal.SIGTERM: end, signal.SIGINT: leave if sys.stdin and sys.stdin.isatty() else end}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

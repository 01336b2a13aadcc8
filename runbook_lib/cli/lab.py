"""JupyterLab on the runbooks, in a process of its own: what it shows, what it opens first, and how it ends.

Knows nothing of the practice world, which runs beside it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from runbook_lib import files, templates
from runbook_lib.settings import Settings


def run(settings: Settings, first: Path, words: Sequence[str]) -> int:
    """Run JupyterLab until it is told to stop; returns its exit status.

    Args:
        settings: Where notebooks and records are.
        first: The runbook that it opens, as a fresh copy.
        words: Passed on to JupyterLab, after our own, so that they win.
    """
    notebooks, outputs = settings.notebooks.absolute(), settings.outputs.absolute()
    files.make_folder(outputs)
    address = quote(templates.fresh(first.absolute()).relative_to(root(notebooks, outputs)).as_posix())
    with tempfile.TemporaryDirectory(prefix="runbook-lab-") as private:
        served = serve_only(Path(private) / "served", notebooks, outputs)
        command = [sys.executable, "-m", "jupyter", "lab", f"--ServerApp.root_dir={served}"]
        # Not as a file to open: JupyterLab then opens it in a browser only, and prints another address.
        command += [f"--LabApp.default_url=/lab/tree/{address}", *words]
        environment = {**os.environ, "RUNBOOK_NOTEBOOKS": str(notebooks), "RUNBOOK_OUTPUTS": str(outputs)}
        environment["IPYTHONDIR"] = str(without_history(Path(private) / "ipython"))
        with subprocess.Popen(command, env=environment) as process, _passing_on(process):  # noqa: S603 - no shell
            return process.wait()


def serve_only(served: Path, notebooks: Path, outputs: Path) -> Path:
    """A folder that holds nothing but links to these two, in the places that they have to each other.

    So that a record opens by its link, and nothing else that stands beside them is served: `.env`, say.
    """
    top = root(notebooks, outputs)
    for folder in (notebooks, outputs):
        link = served / (folder.relative_to(top) if folder.is_relative_to(top) else folder.name)
        if not link.exists():  # the one may lie within the other
            files.make_folder(link.parent)
            link.symlink_to(folder, target_is_directory=True)
    return served


def without_history(folder: Path) -> Path:
    """A folder for IPython whose kernels keep no history: what is typed there is about customers.

    Source: IPython's documentation, `HistoryManager.enabled`; kernels read it from their profile.
    """
    profile = folder / "profile_default"
    files.make_folder(profile)
    files.write(profile / "ipython_kernel_config.py", b"get_config().HistoryManager.enabled = False\n")
    return folder


def root(notebooks: Path, outputs: Path) -> Path:
    """Where the paths that JupyterLab shows begin: the folder that both are in, so that a record opens by its link."""
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

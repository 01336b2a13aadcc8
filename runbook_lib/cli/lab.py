"""JupyterLab on the runbooks, in a process of its own: what it shows, what it opens first, and how it ends.

What it sets is for its own session, which has a copy of the settings of the person who runs it: what they have set
overrides the defaults here, and nothing of theirs is written to, as JupyterLab does when the theme changes. Templates
are served as copies, so that no save reaches a tracked file. Knows nothing of the practice world, which runs beside it.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

from jupyterlab.commands import get_user_settings_dir

from runbook_lib import files, templates
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.run import automatic
from runbook_lib.settings import Settings

EXTENSIONS = Path(__file__).with_name("labextensions")
"""Holds the extension of this session; see its `runbook.js`."""
KERNEL_IDLE_S = 3600
"""After how long a kernel ends that no page shows any more."""
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},
    "@jupyterlab/fileeditor-extension:plugin": {"scrollPastEnd": False},
    "@jupyterlab/notebook-extension:tracker": {
        "kernelShutdown": True,  # with its notebook
        "scrollPastEnd": False,
        "windowingMode": "none",  # forms stay in the page
    },
}
"""JupyterLab's settings where the person has none of their own, by plugin. Source: its setting schemas, 4.4 to 4.6."""


def run(settings: Settings, words: Sequence[str]) -> int:
    """Run JupyterLab until it is told to stop; returns its exit status.

    Args:
        settings: Where notebooks and records are.
        words: A ticket first, if its runbook is wanted; the rest goes to JupyterLab, after our own, so that it wins.

    Raises:
        RunbookError: The ticket cannot be opened.
    """
    ticket = words[0] if words and not words[0].startswith("-") else None
    notebooks, outputs = settings.notebooks.absolute(), settings.outputs.absolute()
    files.make_folder(outputs)
    first = prepared(settings, ticket).absolute().relative_to(root(notebooks, outputs)).as_posix()
    with tempfile.TemporaryDirectory(prefix="runbook-lab-") as name:
        private = Path(name)
        served = serve_only(private / "served", notebooks, outputs)
        command = [sys.executable, "-m", "jupyter", "lab", f"--ServerApp.root_dir={served}"]
        # Not as a file to open: JupyterLab then opens it in a browser only, and prints another address.
        command += [f"--LabApp.default_url=/lab/tree/{quote(first)}", *session_options(private, notebooks, outputs)]
        command += words[1:] if ticket else words
        environment = {**os.environ, "RUNBOOK_NOTEBOOKS": str(notebooks), "RUNBOOK_OUTPUTS": str(outputs)}
        environment["IPYTHONDIR"] = str(without_history(private / "ipython"))
        with subprocess.Popen(command, env=environment) as process, _passing_on(process):  # noqa: S603 - no shell
            return process.wait()


def prepared(settings: Settings, ticket: str | None) -> Path:
    """The copy that is opened first: the runbook that a ticket belongs to, filled in, or else `start_here`.

    Raises:
        RunbookError: The ticket cannot be opened.
    """
    router = settings.notebooks / f"{automatic.ROUTER}.ipynb"
    if ticket is None:
        return templates.fresh(router)
    from runbook_lib.cases import next_runbook
    from runbook_lib.cases.start_here import StartHere

    with redirect_stdout(io.StringIO()):  # cards are for notebooks
        case = StartHere.open(ticket)
        with suppress(RunbookError):  # start_here, run on this ticket, shows it
            case.collect_facts()
            case.choose_runbook()
    if case.route is None or case.route.runbook is None:
        return templates.fresh(router, {"ticket_id": case.ticket.id})
    return next_runbook.copy_of(case, case.route.runbook).path


def session_options(private: Path, notebooks: Path, outputs: Path) -> list[str]:
    """JupyterLab's options for this session: its defaults, our extension, and when kernels end.

    Args:
        private: A folder of this session.
        notebooks: The runbooks' folder.
        outputs: The records' folder.
    """
    settings, top = private / "settings", root(notebooks, outputs)
    files.make_folder(settings)
    with suppress(OSError, shutil.Error):  # there are none, or they cannot be read
        shutil.copytree(get_user_settings_dir(), private / "user-settings")
    shown = {folder: _place(folder, top).as_posix() for folder in (notebooks, outputs)}
    page = {
        "runbookNotebooks": shown[notebooks],
        "runbookCopies": f"{shown[notebooks]}/{templates.COPIES}",
        "runbookOutputs": shown[outputs],
    }
    files.write(settings / "overrides.json", json.dumps(DEFAULTS).encode())
    files.write(settings / "page_config.json", json.dumps(page).encode())
    return [
        f"--LabApp.app_settings_dir={settings}",
        f"--LabApp.extra_labextensions_path={EXTENSIONS}",
        f"--LabApp.user_settings_dir={private / 'user-settings'}",
        f"--LabApp.workspaces_dir={private / 'workspaces'}",
        f"--MappingKernelManager.cull_idle_timeout={KERNEL_IDLE_S}",
        "--MappingKernelManager.cull_interval=60",
    ]


def serve_only(served: Path, notebooks: Path, outputs: Path) -> Path:
    """A folder that holds nothing but links to these two, in the places that they have to each other.

    So that a record opens by its link, and nothing else that stands beside them is served: `.env`, say. Of the runbooks
    only the folder of copies is linked; the templates are copied, so that none can be saved over.
    """
    top = root(notebooks, outputs)
    place = served / _place(notebooks, top)
    with suppress(OSError):  # nobody can write there: a link is as good
        files.make_folder(notebooks / templates.COPIES)
        files.make_folder(place)
        for template in notebooks.glob("*.ipynb"):
            with suppress(InputError):  # a notebook of another kind is not served
                templates.write_marked(template, place / template.name)
                (place / template.name).chmod(files.SEALED)
        (place / templates.COPIES).symlink_to(notebooks / templates.COPIES, target_is_directory=True)
    for folder in (notebooks, outputs):
        link = served / _place(folder, top)
        if not link.exists():  # the one may lie within the other
            files.make_folder(link.parent)
            link.symlink_to(folder, target_is_directory=True)
    return served


def _place(folder: Path, top: Path) -> Path:
    """Where a folder is shown."""
    return folder.relative_to(top) if folder.is_relative_to(top) else Path(folder.name)


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

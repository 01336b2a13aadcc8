"""JupyterLab on the runbooks, in a process of its own: what it shows, what it opens first, and how it ends.

It has settings of its own, which begin as a copy of the person's (`lab_server`): what they have set overrides the
defaults here, and nothing of theirs is written to, as JupyterLab does when the theme changes. Templates are served as
copies, so that no save reaches a tracked file. Knows nothing of the practice world, which runs beside it.

Imports do not wait for each other: JupyterLab imports its own while the ticket is looked up, and a warm
Python imports those of the kernels and of the runs that their button starts (`run.warm`), so that these are forked.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any
from urllib.parse import quote

from jupyter_core.paths import jupyter_path

from runbook_lib import files, templates
from runbook_lib.domain import routing
from runbook_lib.domain.errors import InputError, RefusedError, RunbookError
from runbook_lib.run import ticket_check, warm
from runbook_lib.run.signals import handled
from runbook_lib.settings import Settings

EXTENSIONS = Path(__file__).with_name("labextensions")
"""Holds the extension of this session; see its `runbook.js`."""
KERNEL_IDLE_S = 3600
"""After how long a kernel ends that no page shows any more."""
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension:kernels-settings": {
        "commsOverSubshells": "disabled",  # what was typed comes before the cell that is run after it
    },
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


KERNELS = "jupyter"
"""The folder of this session that says how kernels are started."""
WARM = ("ipykernel_launcher", "runbook_lib.cli")
"""What the kernels ask the warm Python for: themselves, and the run that the button starts."""
PRELOADED = (
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipywidgets"),
    *("runbook_lib.jupyter.session", "runbook_lib.cases.start_here", "runbook_lib.cases.*"),
    *("runbook_lib.cli.run_command", "runbook_lib.run.runner", "runbook_lib.run.papermill_engine"),
)
"""In the order in which they are needed."""


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that waits for its options, which `pipe` takes; `private` is a folder of this session."""

    settings: Settings
    private: Path
    process: subprocess.Popen[bytes]
    pipe: IO[str]

    def run(self, first: str | None, words: Sequence[str]) -> int:
        """Run it until it is stopped; returns its exit status.

        It opens the ticket's runbook, or the notebook, that is named. The user's options come last, so that they win.

        Raises:
            RunbookError: The ticket cannot be opened.
        """
        notebooks, outputs = self.settings.notebooks.absolute(), self.settings.outputs.absolute()
        files.make_folder(outputs)
        opened = prepared(self.settings, first).absolute().relative_to(root(notebooks, outputs)).as_posix()
        served = serve_only(self.private / "served", notebooks, outputs)
        # Not as a file to open: JupyterLab then opens it in a browser only, and prints another address.
        options = [f"--ServerApp.root_dir={served}", f"--LabApp.default_url=/lab/tree/{quote(opened)}"]
        options += [*session_options(self.private, notebooks, outputs), *words]
        with _passing_on(self.process), warm.started(WARM, PRELOADED, wait=False) as python:
            if python:
                use_for_kernels(python, self.private / KERNELS)
            with suppress(BrokenPipeError), self.pipe:  # it has ended, and has printed why
                json.dump(options, self.pipe)
            return self.process.wait()


@contextmanager
def started(settings: Settings) -> Iterator[Lab]:
    """JupyterLab, starting; it is ended with the block, if it has not ended before."""
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory(prefix="runbook-lab-") as name, os.fdopen(writing, "w", encoding="utf-8") as pipe:
        private = Path(name)
        own = {"RUNBOOK_NOTEBOOKS": str(settings.notebooks.absolute())}
        own["RUNBOOK_OUTPUTS"] = str(settings.outputs.absolute())
        own["IPYTHONDIR"] = str(without_history(private / "ipython"))
        own["JUPYTER_PATH"] = os.pathsep.join((str(private / KERNELS), *jupyter_path()))
        command = [sys.executable, "-m", "runbook_lib.cli.lab_server", str(reading)]
        with subprocess.Popen(command, env={**os.environ, **own}, pass_fds=(reading,)) as process:  # noqa: S603
            os.close(reading)
            try:
                yield Lab(settings, private, process, pipe)
            finally:
                process.kill()


def use_for_kernels(python: Path, folder: Path) -> None:
    """Let a program be the Python of every kernel, by a folder that is in `JUPYTER_PATH`."""
    spec = folder / "kernels" / "python3" / "kernel.json"
    files.make_folder(spec.parent)
    # Started so, a kernel would print where it is, and that Ctrl-C does not end it: the person has JupyterLab for that.
    command = [str(python), "-m", WARM[0], "-f", "{connection_file}", "--IPKernelApp.log_level=CRITICAL"]
    files.write(spec, json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}).encode())


def prepared(settings: Settings, first: str | None) -> Path:
    """The copy that is opened first: the runbook of a ticket, filled in; a notebook that is named; or `start_here`.

    Raises:
        RunbookError: The ticket cannot be opened.
    """
    router = settings.notebooks / f"{routing.ROUTER}.ipynb"
    if first is None:
        return templates.fresh(router)
    if named := templates.named(settings.notebooks, first):
        return templates.fresh(named)
    if refused := ticket_check.refusal(Settings.load(), first):
        raise RefusedError(refused)
    from runbook_lib.cases import closing
    from runbook_lib.cases.start_here import StartHere

    with redirect_stdout(io.StringIO()):  # cards are for notebooks
        case = StartHere.open(first)
        with suppress(RunbookError):  # start_here, run on this ticket, shows it
            case.collect_facts()
            case.choose_runbook()
    if case.route is None or case.route.runbook is None:
        return templates.fresh(router, {"ticket_id": case.ticket.id})
    advice = " Put the repository where you can write, or set RUNBOOK_NOTEBOOKS to a copy of its notebooks."
    with files.explained(f"No copy of {case.route.runbook} can be made in {settings.notebooks}", advice):
        return closing.copy_of(case, case.route.runbook).path


def session_options(private: Path, notebooks: Path, outputs: Path) -> list[str]:
    """JupyterLab's options for this session: its defaults, our extension, and when kernels end."""
    settings, top = private / "settings", root(notebooks, outputs)
    files.make_folder(settings)
    shown = {folder: folder.relative_to(top).as_posix() for folder in (notebooks, outputs)}
    page = {
        "runbookNotebooks": shown[notebooks],
        "runbookCopies": f"{shown[notebooks]}/{templates.COPIES}",
        "runbookOutputs": shown[outputs],
    }
    files.write(settings / "overrides.json", json.dumps(DEFAULTS).encode())
    files.write(settings / "page_config.json", json.dumps(page).encode())
    return [
        "--Application.log_level=ERROR",  # the address comes all the same
        "--Application.log_format=%(message)s",
        f"--LabApp.app_settings_dir={settings}",
        f"--LabApp.extra_labextensions_path={EXTENSIONS}",
        f"--LabApp.workspaces_dir={private / 'workspaces'}",
        f"--FileCheckpoints.checkpoint_dir={private / 'checkpoints'}",  # a ticket's folder holds its records, no copies
        f"--MappingKernelManager.cull_idle_timeout={KERNEL_IDLE_S}",
        "--MappingKernelManager.cull_interval=60",
    ]


def serve_only(served: Path, notebooks: Path, outputs: Path) -> Path:
    """A folder that holds nothing but links to these two, in the places that they have to each other.

    So that a record opens by its link, and nothing else that stands beside them is served: `.env`, say. Of the runbooks
    only the folder of copies is linked; the templates are copied, so that none can be saved over.
    """
    top = root(notebooks, outputs)
    place = served / notebooks.relative_to(top)
    with suppress(OSError):  # no one can write there: a link is as good
        files.make_folder(notebooks / templates.COPIES)
        files.make_folder(place)
        for template in notebooks.glob("*.ipynb"):
            with suppress(InputError):  # a notebook of another kind is not served
                templates.write_marked(template, place / template.name)
                (place / template.name).chmod(files.SEALED)
        (place / templates.COPIES).symlink_to(notebooks / templates.COPIES, target_is_directory=True)
    for folder in (notebooks, outputs):
        link = served / folder.relative_to(top)
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
    """Where the paths that JupyterLab shows begin: the folder that both are in, so that a record opens by its link.

    Nothing else in it is served, be it the whole disk; see `serve_only`.
    """
    return Path(os.path.commonpath((notebooks, outputs)))


def _passing_on(process: subprocess.Popen[bytes]) -> AbstractContextManager[None]:
    """SIGTERM ends JupyterLab, too. Ctrl-C in a terminal reaches it without us: it asks whether that was meant."""

    def end(number: int, frame: FrameType | None) -> None:
        process.terminate()

    def leave(number: int, frame: FrameType | None) -> None:
        pass

    return handled({signal.SIGTERM: end, signal.SIGINT: leave if sys.stdin and sys.stdin.isatty() else end})

"""The papermill engine `runbook`: a notebook that ran says truthfully how far it came, whatever stopped it.

What it adds to papermill's own: the true status of each cell after a time-out, a dead kernel or a signal; a limit of
time for each cell and for the run; kernels off the network; no secret, license or widget state in what is written; and
files that are whole at any moment, written at most every few seconds, whatever the number of cells.

`papermill --engine runbook` and `runbook run` use it through `engine`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import nbformat
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager

from runbook_lib import files
from runbook_lib.redaction import Redactor

START_TIMEOUT_S = 60
SAVE_EVERY_S = 5.0
LONGEST_FOLDER = 64
"""Bytes in the name of the folder for temporary files, up to which the kernel's sockets fit in: the system takes
107 for the whole path."""
PROGRESS = "runbook_progress"
"""Marks an output, in its metadata, as a line that tells what is waited for."""
NOT_RUN = "Not run: the run had ended before this cell.\n"
BROKEN_OFF = "Broken off: the run ended while this cell was running.\n"


class RunbookEngine(Engine):  # type: ignore[misc]
    """Runs a notebook; see the module."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **options: Any,
    ) -> Any:
        """As papermill's engines do, with a manager that tells the truth."""
        nb.metadata.pop("runbook", None)  # of the run before, where a record is run again
        redactor = options.pop("redactor", None) or Redactor.of_environment()
        on_cell = options.pop("on_cell", None) or (lambda cell: None)
        manager = Manager(
            nb, redactor, on_cell, output_path=output_path, progress_bar=progress_bar, log_output=log_output
        )
        manager.notebook_start()
        try:
            with _terminable():
                cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **options)
        finally:
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        manager: Manager,
        kernel_name: str,
        *,
        cell_limit_s: float | None = None,
        run_limit_s: float | None = None,
        start_timeout: int = START_TIMEOUT_S,
        execution_timeout: float | None = None,
        **options: Any,
    ) -> None:
        """Start a kernel in a private folder, run the cells, end the kernel.

        Args:
            manager: Keeps the notebook.
            kernel_name: Which kernel.
            cell_limit_s: Seconds that a cell may take.
            run_limit_s: Seconds that all cells together may take.
            start_timeout: Seconds that the kernel may take to start.
            execution_timeout: papermill's own word for `cell_limit_s`.
            options: Of papermill's client; others are papermill's own business, and not passed on.
        """
        known = {name: options[name] for name in ("log_output", "stdout_file", "stderr_file") if name in options}
        with _kernel(kernel_name) as kernel:
            client = Client(
                manager,
                km=kernel,
                limits=(cell_limit_s or execution_timeout, run_limit_s),
                startup_timeout=start_timeout,
                kernel_name=kernel_name,
                # It may report its own shutdown as an error; and what was run stands in the record, not in a history.
                extra_arguments=["--IPKernelApp.log_level=CRITICAL", "--HistoryManager.enabled=False"],
                **known,
            )
            client.execute()


class Manager(NotebookExecutionManager):  # type: ignore[misc]
    """Keeps the notebook while it runs.

    Args:
        nb: The notebook.
        redactor: What must not be written.
        on_cell: Called with a code cell's id before it runs.
        options: papermill's own.
    """

    def __init__(self, nb: Any, redactor: Redactor, on_cell: Callable[[str], None], **options: Any) -> None:
        super().__init__(nb, autosave_cell_every=0, **options)
        self._redactor = redactor
        self._on_cell = on_cell
        self._saved_at = -SAVE_EVERY_S

    def save(self, *, at_once: bool = False, **_: Any) -> None:
        """Write the notebook, redacted and in one piece, if it was not written a moment ago."""
        if not self.output_path or (time.monotonic() - self._saved_at < SAVE_EVERY_S and not at_once):
            return
        write(Path(self.output_path), self._redactor.data(self.nb))
        self._saved_at = time.monotonic()

    def cell_start(self, cell: Any, cell_index: int | None = None, **_: Any) -> None:
        """As papermill's; and whoever keeps a log of cells is told."""
        if cell.cell_type == "code":
            self._on_cell(cell.id)
        super().cell_start(cell, cell_index)

    def tell(self, words: str) -> None:
        """Show a line beside the progress bar, if there is one."""
        if self.pbar:
            self.pbar.set_postfix_str(self._redactor.text(" ".join(words.split()))[:100])

    def notebook_complete(self, **_: Any) -> None:
        """Say what ran, and write that."""
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        say_what_ran(self.nb)
        self.cleanup_pbar()
        self.nb.update(self._redactor.data(self.nb))
        self.save(at_once=True)


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """Runs the cells, within limits.

    Args:
        manager: Keeps the notebook.
        limits: Seconds for a cell, and for the run; None for no limit.
        options: papermill's and nbclient's own.
    """

    def __init__(self, manager: Manager, *, limits: tuple[float | None, float | None], **options: Any) -> None:
        super().__init__(manager, timeout_func=self._limit, **options)
        self._cell_s, run_s = limits
        self._ends_at = None if run_s is None else time.monotonic() + run_s

    def _limit(self, cell: Any) -> float | None:
        """What a cell may take: its own limit, or what is left of the run's."""
        left_s = None if self._ends_at is None else max(0.1, self._ends_at - time.monotonic())
        return min((limit for limit in (self._cell_s, left_s) if limit is not None), default=None)

    def process_message(self, *given: Any, **options: Any) -> Any:
        """As papermill's; a line of progress is also shown to who watches."""
        output = super().process_message(*given, **options)
        if output and output.get("metadata", {}).get(PROGRESS):
            self.nb_man.tell(output.data.get("text/plain", ""))
        return output

    def set_widgets_metadata(self) -> None:
        """Keep no widget state: a record shows results, and a password field would be kept in clear."""


def say_what_ran(notebook: Any) -> None:
    """Put right what papermill notes on the cells of a run that was broken off: that all of them were completed."""
    for cell in notebook.cells:
        said = cell.metadata.setdefault("papermill", {})
        if not said.get("start_time"):
            said["status"] = "pending"
            note = NOT_RUN
        elif cell.cell_type == "code" and "shell.execute_reply" not in cell.metadata.get("execution", {}):
            said.update(status="failed", exception=True)
            note = BROKEN_OFF
        else:
            continue
        if cell.cell_type == "code" and said["status"] in ("pending", "failed"):
            cell.outputs = [output for output in cell.outputs if output.get("text") not in (NOT_RUN, BROKEN_OFF)]
            cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text=note))  # type: ignore[no-untyped-call]


def write(path: Path, notebook: Any) -> bytes:
    """Write a notebook in one piece; returns the bytes.

    Raises:
        OSError: The folder does not take it; nothing of it is left there.
    """
    content = (str(nbformat.writes(notebook)) + "\n").encode("utf-8", "replace")  # type: ignore[no-untyped-call]
    files.write(path, content)
    return content


@contextmanager
def _kernel(name: str) -> Iterator[Any]:
    """A kernel whose sockets are files in a private folder, off the network; ended at the end, however far it came."""
    from jupyter_client.manager import AsyncKernelManager

    class Kernel(AsyncKernelManager):
        """Remembers the client that papermill asks for, so that both can be stopped at any moment."""

        made: Any = None

        def client(self, **options: Any) -> Any:
            self.made = super().client(**options)
            return self.made

    with tempfile.TemporaryDirectory(prefix="runbook-", dir=_short_folder(), ignore_cleanup_errors=True) as private:
        kernel = Kernel(kernel_name=name, transport="ipc", ip=str(Path(private) / "kernel"))
        try:
            yield kernel
        finally:
            _stop(kernel)


def _stop(kernel: Any) -> None:
    """End a kernel at once, with its client and what still waits for them."""
    from jupyter_core.utils import run_sync

    async def stop() -> None:
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if kernel.made:
            kernel.made.stop_channels()
        await kernel.shutdown_kernel(now=True)

    run_sync(stop)()


def _short_folder() -> str | None:
    """Where the kernel's sockets go: the usual folder for temporary files (None), or /tmp if its name is too long."""
    usual = os.fsencode(tempfile.gettempdir())
    return None if len(usual) <= LONGEST_FOLDER else "/tmp"  # noqa: S108 - what is made in it is private


@contextmanager
def _terminable() -> Iterator[None]:
    """Where SIGTERM ends the cells as Ctrl-C does, unless whoever called has a way of its own."""
    is_ours = threading.current_thread() is threading.main_thread() and _terminates(signal.getsignal(signal.SIGTERM))
    if not is_ours:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminates(handler: Callable[..., Any] | int | None) -> bool:
    return handler == signal.SIG_DFL

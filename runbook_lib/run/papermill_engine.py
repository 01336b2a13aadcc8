"""The papermill engine `runbook`: an executed notebook says truthfully which cells ran, whatever stopped it.

What it adds to papermill's own: the true status of each cell after a time-out, a dead kernel or a signal; a limit of
time for each cell and for the run; Python kernels off the network; no secret, license or widget state in what is
written; and files that are whole at any moment while the cells run, written at most every few seconds, whatever the
number of cells. Everything else is as papermill has it: options, outputs of every kind that its handlers take, cells
that nbclient does not send. papermill's own tests are run on it (`tests/run/test_papermill_suite.py`).

`papermill --engine runbook` and `runbook run` use it through `engine`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.utils import ensure_async, ensure_event_loop, run_sync
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager
from papermill.iorw import LocalHandler, papermill_io
from papermill.log import logger

from runbook_lib import files
from runbook_lib.display import PROGRESS
from runbook_lib.redaction import Redactor
from runbook_lib.run import forks, kernels
from runbook_lib.run.signals import Handler, handled, interrupt

START_TIMEOUT_S = 60
OUTPUT_TIMEOUT_S = 60
"""Seconds for a cell's last output to come in after its end: a large one takes longer than nbclient's 4."""
LAST_WORDS_S = 3.0
"""Seconds for a cell that is interrupted to say where it was."""
SAVE_EVERY_S = 5.0
AHEAD_CHARS = 20_000
"""Longest text that is searched for secrets while a cell runs, so that the kernel is not kept waiting."""
INJECTED = "injected-parameters"
"""papermill's tag for the cell of the parameters that were passed, and its id here."""
NOT_RUN = "Not run: the run had ended before this cell.\n"
INTERRUPTED = "Interrupted: the run ended while this cell was running.\n"


class RunbookEngine(Engine):  # type: ignore[misc]
    """Runs a notebook; see the module."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: float = 30,
        redactor: Redactor | None = None,
        **options: Any,
    ) -> Any:
        """As papermill's engines do, with a manager that records each cell's true status."""
        nb.metadata.pop("runbook", None)  # of the run before, where a record is run again
        manager = Manager(
            nb,
            redactor or Redactor.of_environment(),
            output_path=output_path,
            progress_bar=progress_bar,
            log_output=log_output,
            autosave_cell_every=autosave_cell_every,
        )
        manager.notebook_start()
        try:
            with _interruptible():
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
        run_limit_s: float | None = None,
        start_timeout: int = START_TIMEOUT_S,
        execution_timeout: float | None = None,
        early: forks.KernelProcess | None = None,
        **options: Any,
    ) -> None:
        """Start a kernel in a private folder, run the cells, end the kernel.

        Args:
            start_timeout: Seconds that the kernel may take to start.
            execution_timeout: Seconds that a cell may take.
            options: Of papermill's and nbclient's clients, as papermill passes them on. With `km` or
                `kernel_manager_class` the kernel is the caller's own affair.
        """
        cell_s = execution_timeout or options.get("timeout")
        dropped = ("input_path", "timeout", "startup_timeout")  # as by papermill's own engine
        options = {name: value for name, value in options.items() if name not in dropped}
        own = not {"km", "kernel_manager_class"} & options.keys()
        with kernels.started(kernel_name, early) if own else nullcontext(options.pop("km", None)) as kernel:
            client = Client(
                manager,
                km=kernel,
                limits=(cell_s, run_limit_s),
                startup_timeout=start_timeout,
                kernel_name=kernel_name,
                **{"log": logger, "iopub_timeout": OUTPUT_TIMEOUT_S, **options},
            )
            try:
                client.execute()
            finally:
                if client.kc and not own:  # the caller's kernel goes on
                    client.kc.stop_channels()


class Manager(NotebookExecutionManager):  # type: ignore[misc]
    """Keeps the notebook while it runs."""

    def __init__(
        self, nb: Any, redactor: Redactor, *, progress_bar: bool | dict[str, Any] = False, **options: Any
    ) -> None:
        in_terminal = bool(progress_bar) and sys.stderr.isatty()
        super().__init__(nb, progress_bar=False if in_terminal else progress_bar, **options)
        if in_terminal:  # papermill takes a notebook's bar, which a terminal does not show, where ipykernel is imported
            from tqdm.std import tqdm

            own = progress_bar if isinstance(progress_bar, dict) else {}
            self.pbar = tqdm(**{"total": len(nb.cells), "unit": "cell", "desc": "Executing", **own})
        self.redactor = redactor
        self._searched = 0
        self.last_save_time = datetime.min.replace(tzinfo=UTC)

    def notebook_start(self, **_: Any) -> None:
        """As papermill's; nothing of an earlier run is left, and the cell of the parameters has an id of its own.

        papermill draws one for each run, so that all records would differ.
        """
        injected = [cell for cell in self.nb.cells if INJECTED in cell.metadata.get("tags", []) and "id" in cell]
        if injected and all(cell.get("id") != INJECTED for cell in self.nb.cells):
            injected[0].id = INJECTED
        self.nb.metadata.pop("widgets", None)  # the views of an earlier run, which had what was typed in clear
        for cell in self.nb.cells:
            cell.metadata.pop("execution", None)
        super().notebook_start()

    def save(self, *, at_once: bool = False, **_: Any) -> None:
        """Write the notebook, redacted, if it was not written a moment ago."""
        every_s = min(SAVE_EVERY_S, self.autosave_cell_every or SAVE_EVERY_S)
        if not at_once and (self.now() - self.last_save_time).total_seconds() < every_s:
            return
        if self.output_path not in (None, "", "-"):  # what goes to standard output papermill writes once, at the end
            _save(self.output_path, self.redactor.data(self.nb))
        self.last_save_time = self.now()

    def show_progress(self, words: str) -> None:
        if self.pbar:
            self.pbar.set_postfix_str(self.redactor.text(" ".join(words.split()))[:100])

    def search_ahead(self, index: int) -> None:
        """Search the cells up to this one for secrets while it runs: at the end of the run that would take time."""
        self.redactor.search_ahead(self.nb.cells[self._searched : index + 1], AHEAD_CHARS)
        self._searched = index

    def notebook_complete(self, **_: Any) -> None:
        """Say what ran, and write that."""
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        say_what_ran(self.nb)
        self.cleanup_pbar()
        self.nb.update(self.redactor.data(self.nb))
        self.save(at_once=True)


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """Runs the cells, within limits: seconds for a cell, and for the run; None for no limit."""

    def __init__(self, manager: Manager, *, limits: tuple[float | None, float | None], **options: Any) -> None:
        self._cell_s, run_s = limits
        self._given_limit = options.pop("timeout_func", None)
        self._ends_at = None if run_s is None else time.monotonic() + run_s
        self._has_begun = asyncio.Event()
        super().__init__(manager, timeout_func=self._limit, **options)

    def _limit(self, cell: Any) -> float | None:
        """What a cell may take: its own limit, or what is left of the run's."""
        own_s = self._given_limit(cell) if self._given_limit else self._cell_s
        left_s = None if self._ends_at is None else max(0.1, self._ends_at - time.monotonic())
        return min((limit for limit in (own_s, left_s) if limit is not None and limit > 0), default=None)

    def papermill_execute_cells(self) -> None:
        """As papermill's; but a cell that was interrupted is not called completed, and says where it was."""
        for index, cell in enumerate(self.nb.cells):
            self.nb_man.cell_start(cell, index)
            failed = False
            self._has_begun.clear()
            try:
                self.execute_cell(cell, index)
            except CellExecutionError as exc:
                failed = True
                self.nb_man.cell_exception(cell, cell_index=index, exception=exc)
            except (CellTimeoutError, KeyboardInterrupt):
                self._collect_last_output()
                raise
            self.nb_man.cell_complete(cell, cell_index=index)
            if failed:
                break

    def _collect_last_output(self) -> None:
        """Interrupt the cell that is running, and take in the traceback that says where it was.

        What waits for its outputs is at work still: nbclient leaves that to the code that stops the kernel. A kernel
        that has not begun with the cell would ignore the interrupt.
        """

        async def collect() -> None:
            waiting = asyncio.all_tasks() - {asyncio.current_task()}
            if waiting:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._has_begun.wait(), LAST_WORDS_S)
                await ensure_async(self.km.interrupt_kernel())
                ended, _ = await asyncio.wait(waiting, timeout=LAST_WORDS_S)
                await asyncio.gather(*ended, return_exceptions=True)  # its output shows the cell's error

        run_sync(collect)()

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """As papermill's; a line of progress is also shown beside the bar."""
        output = super().process_message(msg, cell, cell_index)
        if msg["msg_type"] == "execute_input":
            self._has_begun.set()
        if msg["msg_type"] == "status" and msg["content"]["execution_state"] == "busy":
            self.nb_man.search_ahead(cell_index)
        if output and output.get("metadata", {}).get(PROGRESS):
            self.nb_man.show_progress(output.data.get("text/plain", ""))
        return output

    def log_output_message(self, output: Any) -> None:
        """As papermill's, without secrets: what is logged is written, too."""
        super().log_output_message(self.nb_man.redactor.data(output))

    def set_widgets_metadata(self) -> None:
        """Keep no widget state: a record shows results, and a password field would be kept in clear."""


def say_what_ran(notebook: Any) -> None:
    """Let the cells of an interrupted run say so: papermill would note that all of them were completed."""
    for cell in notebook.cells:
        state = cell.metadata.setdefault("papermill", {})
        if state.get("status") in ("completed", "failed"):
            continue
        note = INTERRUPTED if state.get("status") == "running" else NOT_RUN
        if note == INTERRUPTED:
            state.update(status="failed", exception=True)
        else:
            state["status"] = "pending"
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("text") not in (NOT_RUN, INTERRUPTED)]
            cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text=note))  # type: ignore[no-untyped-call]


def _save(output: str, notebook: Any) -> None:
    """Write a notebook where papermill's handlers would: a file in one piece, anything else by its handler.

    Raises:
        OSError: The folder is not there, or does not take it; or the file is read-only, as a sealed record is.
    """
    handler = papermill_io.get_handler(output)
    if not isinstance(handler, LocalHandler):
        handler.write(_text(notebook), output)
        return
    folder = handler.cwd(None)  # where papermill was started, whatever `--cwd` says
    handler.cwd(folder)
    path = (Path(folder or "") / output).resolve()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The output folder {path.parent} does not exist.")
    if path.exists() and not path.is_file():  # a device or a pipe
        handler.write(_text(notebook), output)
    elif path.exists() and not path.stat().st_mode & 0o222:
        raise PermissionError(f"The output {path} is read-only.")
    else:
        write(path, notebook)


def _text(notebook: Any) -> str:
    """A notebook as JSON. Its form is not checked: that takes as long as a cell, and would only be logged."""
    return str(nbformat.versions[notebook.nbformat].writes_json(notebook))


def read(path: Path) -> Any:
    """A notebook, in the newest form; as `nbformat.read`, but its form is not checked. Raises OSError."""
    found = nbformat.reader.reads(path.read_text(encoding="utf-8"))  # type: ignore[no-untyped-call]
    return nbformat.v4.upgrade(nbformat.convert(found, 4))  # type: ignore[no-untyped-call]


def write(path: Path, notebook: Any) -> bytes:
    """Write a notebook in one piece; returns the bytes. Raises OSError, and leaves nothing of it then."""
    content = (_text(notebook) + "\n").encode("utf-8", "replace")
    files.write(path, content)
    return content


def _interruptible() -> AbstractContextManager[None]:
    """Where Ctrl-C, SIGTERM and the end of the terminal end the cells, each unless the caller handles it.

    Inside a notebook the running loop is blocked by this code, so that a callback would come too late: there they
    raise at once, as in any cell.
    """
    if threading.current_thread() is not threading.main_thread():
        return nullcontext()
    try:
        asyncio.get_running_loop()
        handler: Handler = signal.default_int_handler
    except RuntimeError:
        ensure_event_loop()  # as in `Signals.end_this`
        handler = interrupt
    defaults: dict[int, Any] = dict.fromkeys((signal.SIGTERM, signal.SIGHUP), signal.SIG_DFL)
    defaults[signal.SIGINT] = signal.default_int_handler
    return handled({number: handler for number, default in defaults.items() if signal.getsignal(number) == default})

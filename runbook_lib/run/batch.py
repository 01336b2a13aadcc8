"""Many tickets: each by the command that a user types, several at once, from one warm Python.

A ticket of a batch is run like any other, with a process, a kernel, a record and a journal of its own. It is fast
because nothing is imported again. An interrupted batch continues when the same list is started again: its token stands
in the journals of the tickets that it has finished.

Prints nothing; the caller is notified of each ticket as it ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from filelock import FileLock, Timeout

from runbook_lib import files
from runbook_lib.domain import pasted
from runbook_lib.domain.errors import RunbookError, UnavailableError
from runbook_lib.domain.exit_status import DONE, FAILED, INTERRUPTED, USAGE, WORST_LAST
from runbook_lib.domain.models import Status
from runbook_lib.ledger.journal import Journal
from runbook_lib.run import warm
from runbook_lib.run.batch_list import Row
from runbook_lib.settings import Settings

RUN_LIMIT_S = 3600.0
"""Far beyond what a run may take by its own limits: a process that does not end by itself."""
MARKERS = ".batches"
MODULES = ("runbook_lib.cli", "ipykernel_launcher")
PRELOADED = (
    *("IPython.core.interactiveshell", "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell"),
    *("papermill.execute", "papermill.clientwrap", "nbclient", "tqdm.auto", "tabulate"),
    *(
        "runbook_lib.cli.main",
        "runbook_lib.cli.run_command",
        "runbook_lib.run.runner",
        "runbook_lib.run.papermill_engine",
        "runbook_lib.sandbox.server",
    ),
    *("runbook_lib.cases.start_here", "runbook_lib.cases.license_not_received", "runbook_lib.cases.weekday_triage"),
)


@dataclass(frozen=True)
class Ending:
    """How one ticket of a batch ended.

    Attributes:
        row: The line of the list.
        status: The exit status of its command.
        report: What `runbook run --json` printed, or what is known of it.
        summary: One or two sentences.
    """

    row: Row
    status: int
    report: dict[str, Any] = field(default_factory=dict)
    summary: str = ""

    @property
    def end(self) -> str:
        """The outcome, or how the run ended where there is none."""
        return str(self.report.get("outcome") or self.report.get("status") or "not run")

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON, for other programs."""
        return {
            "line": self.row.line,
            "ticket": self.row.ticket,
            "runbook": self.report.get("runbook") or self.row.runbook,
            "exit_status": self.status,
            "end": self.end,
            "summary": self.summary,
            "record": self.report.get("record"),
            "missing": self.report.get("missing", []),
            "seconds": self.report.get("seconds"),
        }


@dataclass(frozen=True)
class Order:
    """How the tickets of a batch are run.

    Attributes:
        python: What starts Python.
        environment: Of each process.
        token: The batch's name in the journals.
        perform: Whether to change things.
    """

    python: str
    environment: dict[str, str]
    token: str
    perform: bool

    def command(self, row: Row) -> list[str]:
        """The command of one ticket; its answers come by standard input, where other users do not see them."""
        words = [self.python, "-m", "runbook_lib.cli", "run", row.runbook, "--parameters-file", "-", "--json"]
        return [*words, "--batch", self.token, *(["--perform"] if self.perform else []), "--", row.ticket]


Events = SimpleQueue[Future[Ending] | int]
"""What a batch waits for: endings and signals. A signal's handler may put to it at any moment."""


class Workers:
    """Processes of this machine, a thread waiting for each; what runs can be cancelled.

    Args:
        order: How tickets are run.
        number: How many at once.
    """

    def __init__(self, order: Order, number: int) -> None:
        self._order = order
        self._pool = ThreadPoolExecutor(number)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_cancelled = False

    def submit(self, row: Row) -> Future[Ending]:
        """Run a ticket as soon as there is room."""
        return self._pool.submit(self._run, row)

    def cancel(self) -> None:
        """Cancel what runs, as Ctrl-C does: each leaves its record."""
        with self._lock:
            self._is_cancelled = True
            for process in self._running:
                process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """Wait until nothing runs."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, row: Row) -> Ending:
        pipe = subprocess.PIPE
        process = subprocess.Popen(  # noqa: S603 - no shell
            self._order.command(row),
            env=self._order.environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,  # Ctrl-C of the terminal is ours to pass on
        )
        with process:
            with self._lock:
                self._running.add(process)
                if self._is_cancelled:  # while it was being started
                    process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(json.dumps(dict(row.answers)), timeout=RUN_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = "", f"It did not end within {RUN_LIMIT_S:.0f} s and was killed."
            finally:
                with self._lock:
                    self._running.discard(process)
        return ending(row, process.returncode, out, err)


def ending(row: Row, status: int, out: str, err: str) -> Ending:
    """What a command's output says of a ticket."""
    status = INTERRUPTED if status in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP) else status
    status = status if status in WORST_LAST else FAILED
    try:
        report = dict(json.loads(out))
        status = INTERRUPTED if report["status"] == Status.CANCELLED else status
        return Ending(row, status, report, str(report["summary"]))
    except (ValueError, LookupError, TypeError):
        last = (err.strip().splitlines() or ["It ended without a word."])[-1]
        return Ending(row, status or FAILED, {}, last.removeprefix("runbook: "))


def run(
    rows: Sequence[Row],
    settings: Settings,
    *,
    perform: bool,
    workers: int,
    on_start: Callable[[int], None] = lambda left: None,
    on_end: Callable[[Ending], None] = lambda ending: None,
    on_interrupt: Callable[[int, bool], None] = lambda running, cancelled: None,
) -> list[Ending]:
    """Run the tickets of a list, and return how each ended, in the list's order.

    Ctrl-C once: what runs goes on to its end, and nothing more is begun. Twice, or SIGTERM, or the end of the terminal:
    what runs is cancelled.

    Args:
        rows: The list.
        settings: Whose outputs; each process loads its own from the environment.
        perform: Whether to change things.
        workers: How many tickets at once.
        on_start: Told, before the first, how many are to be run.
        on_end: Told of each ticket as it ends.
        on_interrupt: Told, at Ctrl-C, how many still run, and whether they are cancelled.

    Raises:
        UnavailableError: The outputs folder cannot be written to.
    """
    endings = {row.line: Ending(row, USAGE, {}, row.problem) for row in rows if row.problem}
    with _marked(rows, settings, perform=perform) as marker:
        for row in () if marker.is_new else rows:
            if row.line not in endings and (found := _finished(settings, row, marker.token)):
                endings[row.line] = found
        left = [row for row in rows if row.line not in endings]
        for found in endings.values():
            on_end(found)
        on_start(len(left))
        events: Events = SimpleQueue()
        with _heard(events.put), warm.started(MODULES, PRELOADED) as program:
            environment = {**os.environ, "RUNBOOK_OUTPUTS": str(settings.outputs.absolute())}
            order = Order(str(program or sys.executable), environment, marker.token, perform)
            pool = Workers(order, min(workers, max(1, len(left))))
            try:
                for found in _as_they_end(pool, left if events.empty() else [], events, on_interrupt):
                    endings[found.row.line] = found
                    on_end(found)
            finally:
                pool.close()
        ended = [endings.get(row.line) or Ending(row, INTERRUPTED, {}, "Not begun.") for row in rows]
        if worst(ended) != INTERRUPTED:
            marker.path.unlink(missing_ok=True)
    return ended


def _as_they_end(
    pool: Workers, rows: Sequence[Row], events: Events, on_interrupt: Callable[[int, bool], None]
) -> Iterator[Ending]:
    """Each ending as it comes; after Ctrl-C only those of what has begun.

    A signal is an event like an ending, so that it interrupts nothing of what is done with either.
    """
    futures = [pool.submit(row) for row in rows]
    for future in futures:
        future.add_done_callback(events.put)
    left, presses = len(futures), 0
    while left:
        event = events.get()
        if isinstance(event, int):
            presses += 1 if event == signal.SIGINT else 2
            on_interrupt(sum(not future.cancel() and not future.done() for future in futures), presses > 1)
            if presses > 1:
                pool.cancel()
            continue
        left -= 1
        if not event.cancelled():
            yield event.result()


@contextmanager
def _heard(hear: Callable[[int], None]) -> Iterator[None]:
    """Where Ctrl-C, SIGTERM and a closed terminal are told instead of ending this process.

    One that is ignored stays so, as `nohup` has it.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda number, frame: hear(number)) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class _Marker:
    """The batch's name in the journals, in a file that stays if the batch does not come to its end.

    Attributes:
        path: The file.
        token: The name.
        is_new: Whether no batch with the same list was interrupted.
    """

    path: Path
    token: str
    is_new: bool


@contextmanager
def _marked(rows: Sequence[Row], settings: Settings, *, perform: bool) -> Iterator[_Marker]:
    """The marker of a list, for one batch at a time.

    Raises:
        UnavailableError: The outputs folder cannot be written to, or another process runs the same list.
    """
    listed = [(row.ticket, row.runbook, sorted(row.answers.items())) for row in rows]
    digest = hashlib.sha256(json.dumps([perform, listed]).encode()).hexdigest()[:32]
    path = settings.outputs / settings.profile / MARKERS / digest
    with ExitStack() as stack:
        try:
            files.make_folder(path.parent)
            stack.enter_context(FileLock(path.with_suffix(".lock"), timeout=0, mode=files.FILE))
            found = path.read_text(encoding="ascii") if path.exists() else ""
            marker = _Marker(path, found or secrets.token_hex(8), is_new=not found)
            files.write(path, marker.token.encode())
        except Timeout as exc:
            raise UnavailableError(
                "Another process runs this list right now. Wait for its end, then run again."
            ) from exc
        except OSError as exc:
            raise UnavailableError(
                f"{path.parent} cannot be written to ({exc.strerror}), so nothing was run. Check RUNBOOK_OUTPUTS."
            ) from exc
        yield marker


def _finished(settings: Settings, row: Row, token: str) -> Ending | None:
    """How a ticket ended that this batch has finished before it was interrupted, by the ticket's journal."""
    number = pasted.ticket(row.ticket)
    if number is None or not settings.ticket_folder(number).exists():
        return None
    try:
        history = Journal.of(settings, number).history()
    except RunbookError:  # its own run tells what is wrong with it
        return None
    runs = [run for run in history.runs.values() if run.start and run.start.text("batch") == token and run.end]
    last = runs[-1].end if runs else None
    if last is None or last.text("status") != Status.COMPLETED or not last.text("outcome") or last.record is None:
        return None
    record = str(settings.ticket_folder(number) / last.record)
    report = {"outcome": last.text("outcome"), "status": last.text("status"), "runbook": runs[-1].runbook}
    words = f"Finished before, at {last.text('at')[:16]}Z: {last.text('summary')}"
    return Ending(row, DONE, {**report, "record": record}, words)


def worst(endings: Sequence[Ending]) -> int:
    """The exit status of a batch: that of its worst ticket."""
    return max((ending.status for ending in endings), key=WORST_LAST.index, default=DONE)


def usual_workers() -> int:
    """As many runs at once as there are cores, and one more: a run also waits for others."""
    return (os.cpu_count() or 1) + 1

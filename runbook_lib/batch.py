"""Many tickets: each by the command that a user types, several at once, from one warm Python.

A ticket of a batch is run like any other, with a process, a kernel, a record and a journal of its own; what makes it
fast is that nothing is imported anew. Where it runs is an executor's business: threads here that each wait for a
process, or a cluster's workers. A batch that was interrupted goes on where it was when it is started again: its
marker names it in the journals of the tickets that it has finished.

Prints nothing; whoever calls is told of each ticket as it ends.
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
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from runbook_lib import pasted, warm
from runbook_lib.batch_list import Row
from runbook_lib.errors import UnavailableError
from runbook_lib.journal import Journal
from runbook_lib.models import Status
from runbook_lib.settings import Settings

DONE, FAILED, USAGE, PERSON, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit statuses of `runbook run`; the last one is also that of a ticket that was not begun."""
WORST_LAST = (DONE, PERSON, USAGE, FAILED, INTERRUPTED)
RUN_LIMIT_S = 3600.0
"""Far beyond what a run may take by its own limits: a process that does not end by itself."""
MARKERS = ".batches"
MODULES = ("runbook_lib.cli", "ipykernel_launcher")
PRELOADED = (
    *("IPython.core.interactiveshell", "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell"),
    *("papermill.execute", "papermill.clientwrap", "nbclient", "tqdm.auto", "tabulate"),
    *("runbook_lib.cli", "runbook_lib.runner", "runbook_lib.papermill_engine", "runbook_lib.sandbox.server"),
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

    def submit(self, row: Row) -> Future[Ending]:
        """Run a ticket as soon as there is room."""
        return self._pool.submit(self._run, row)

    def cancel(self) -> None:
        """Cancel what runs, as Ctrl-C does: each leaves its record."""
        with self._lock:
            for process in self._running:
                with suppress(ProcessLookupError):
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
    on_interrupt: Callable[[int], None] = lambda running: None,
) -> list[Ending]:
    """Run the tickets of a list, and return how each ended, in the list's order.

    Ctrl-C once: what runs goes on to its end, and nothing more is begun. Twice: what runs is cancelled.

    Args:
        rows: The list.
        settings: Whose outputs; each process loads its own from the environment.
        perform: Whether to change things.
        workers: How many tickets at once.
        on_start: Told, before the first, how many are to be run.
        on_end: Told of each ticket as it ends.
        on_interrupt: Told, at Ctrl-C, how many still run.

    Raises:
        UnavailableError: The outputs folder cannot be written to.
    """
    endings = {row.line: Ending(row, USAGE, {}, row.problem) for row in rows if row.problem}
    interrupts: list[int] = []

    def interrupted(running: int) -> None:
        interrupts.append(running)
        on_interrupt(running)

    with _marked(rows, settings, interrupts, perform=perform) as token:
        for row in rows:
            if row.line not in endings and (found := _finished(settings, row, token)):
                endings[row.line] = found
        left = [row for row in rows if row.line not in endings]
        for found in endings.values():
            on_end(found)
        on_start(len(left))
        with warm.started(MODULES, PRELOADED) as program:
            environment = {**os.environ, "RUNBOOK_OUTPUTS": str(settings.outputs.absolute())}
            order = Order(str(program or sys.executable), environment, token, perform)
            pool = Workers(order, min(workers, max(1, len(left))))
            try:
                for found in _as_they_end(pool, left, interrupted):
                    endings[found.row.line] = found
                    on_end(found)
            finally:
                pool.close()
    return [endings.get(row.line) or Ending(row, INTERRUPTED, {}, "Not begun.") for row in rows]


def _as_they_end(pool: Workers, rows: Sequence[Row], on_interrupt: Callable[[int], None]) -> Iterator[Ending]:
    """Each ending as it comes; after Ctrl-C only those of what has begun."""
    futures = [pool.submit(row) for row in rows]
    coming, presses = as_completed(futures), 0
    while True:
        try:
            future = next(coming, None)
        except KeyboardInterrupt:
            presses += 1
            waiting = [future for future in futures if not future.done() and not future.cancel()]
            futures, coming = waiting, as_completed(waiting)
            on_interrupt(len(waiting))
            if presses > 1:
                pool.cancel()
            continue
        if future is None:
            return
        if not future.cancelled():
            yield future.result()


@contextmanager
def _marked(rows: Sequence[Row], settings: Settings, interrupts: Sequence[int], *, perform: bool) -> Iterator[str]:
    """The batch's name in the journals: that of one with the same list which was interrupted, else a new one.

    The marker stays if something ends this process, or if there were interrupts.

    Raises:
        UnavailableError: The outputs folder cannot be written to.
    """
    listed = [(row.ticket, row.runbook, sorted(row.answers.items())) for row in rows]
    digest = hashlib.sha256(json.dumps([perform, listed]).encode()).hexdigest()[:32]
    marker = settings.outputs / settings.profile / MARKERS / digest
    try:
        marker.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not marker.exists():
            marker.write_text(secrets.token_hex(8), encoding="ascii")
            marker.chmod(0o600)
        token = marker.read_text(encoding="ascii")
    except OSError as exc:
        raise UnavailableError(
            f"{marker.parent} cannot be written to ({exc.strerror}), so nothing was run. Check RUNBOOK_OUTPUTS."
        ) from exc
    yield token
    if not interrupts:
        marker.unlink(missing_ok=True)


def _finished(settings: Settings, row: Row, token: str) -> Ending | None:
    """How a ticket ended that this batch has finished before it was interrupted, by the ticket's journal."""
    number = pasted.ticket(row.ticket)
    if number is None or not settings.ticket_folder(number).exists():
        return None
    entries = Journal.of(settings, number).entries()
    runs = {e["record"]: e["runbook"] for e in entries if e["kind"] == "run_started" and e.get("batch") == token}
    ends = [e for e in entries if e["kind"] == "run_ended" and e.get("record") in runs]
    if not ends or ends[-1]["status"] != Status.COMPLETED or ends[-1]["outcome"] is None:
        return None
    last = ends[-1]
    record = str(settings.ticket_folder(number) / last["record"])
    report = {"outcome": last["outcome"], "status": last["status"], "runbook": runs[last["record"]], "record": record}
    return Ending(row, DONE, report, f"Finished before: {last['summary']}")


def worst(endings: Sequence[Ending]) -> int:
    """The exit status of a batch: that of its worst ticket."""
    return max((ending.status for ending in endings), key=WORST_LAST.index, default=DONE)


def usual_workers() -> int:
    """As many runs at once as there are cores, and one more: a run also waits for others."""
    return (os.cpu_count() or 1) + 1

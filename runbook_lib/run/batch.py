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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from filelock import FileLock, Timeout

from runbook_lib import files
from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.domain.exit_status import DONE, FAILED, INTERRUPTED, USAGE, WORST_LAST
from runbook_lib.domain.models import Status
from runbook_lib.domain.state_words import run_ending_words
from runbook_lib.run import ticket_runs
from runbook_lib.run.batch_list import BatchRow
from runbook_lib.run.signals import handled
from runbook_lib.run.ticket_runs import BatchOrder, Exit
from runbook_lib.settings import Settings

MARKERS = ".batches"


@dataclass(frozen=True)
class Ending:
    """How one ticket of a batch ended: its command's exit status, and what is known of what `run --json` printed."""

    row: BatchRow
    status: int
    report: dict[str, Any] = field(default_factory=dict)
    summary: str = ""

    @property
    def end(self) -> str:
        """The outcome, or how the run ended where there is none."""
        return str(self.report.get("outcome") or self.report.get("status") or "not run")

    @property
    def words(self) -> str:
        """The same for people: *License issued*, or of a rehearsal *Would end: License issued*."""
        outcome, following = self.report.get("outcome"), self.report.get("next_runbook")
        status, performed = str(self.report.get("status") or "not run"), self.report.get("performed")
        return run_ending_words(outcome, status, following, performed=performed)

    @property
    def plain(self) -> dict[str, Any]:
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


Events = SimpleQueue[Future[Ending] | int]
"""What a batch waits for: endings and signals. A signal's handler may put to it at any moment."""


class Workers(Protocol):
    """Where the tickets of a batch are run: this machine (`Processes`) or a cluster (`Cluster`)."""

    def run(self, row: BatchRow) -> Exit:
        """Run a ticket and wait for its end. Raises CancelledError where nothing more can be run."""
        ...

    def cancel(self) -> None:
        """Cancel what runs, as Ctrl-C does: each leaves its record."""
        ...


Notify = Callable[[str | Ending], None]
"""Called with the ending of each ticket, and with words on what begins or is interrupted."""


def run_at(place: Workers, row: BatchRow) -> Ending:
    """Run a ticket; returns what its command's output says of it."""
    status, out, err = place.run(row)
    known = {"status": str(Status.INTERRUPTED)} if status < 0 else {}  # by a signal, wherever it was
    status = INTERRUPTED if status in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP) else status
    status = status if status in WORST_LAST else FAILED
    try:
        report = dict(json.loads(out))
        status = INTERRUPTED if report["status"] == Status.CANCELLED else status
        return Ending(row, status, report, str(report["summary"]))
    except (ValueError, LookupError, TypeError):
        last = (err.strip().splitlines() or ["It ended without any output."])[-1]
        return Ending(row, status or FAILED, known, last.removeprefix("runbook: "))


def run(
    rows: Sequence[BatchRow],
    settings: Settings,
    *,
    perform: bool,
    workers: int,
    scheduler: str = "",
    notify: Notify,
) -> list[Ending]:
    """Run the tickets of a list, and return how each ended, in the list's order.

    Ctrl-C once: what runs goes on to its end, and nothing more is begun. Twice, or SIGTERM, or the end of the terminal:
    what runs is cancelled.

    Args:
        settings: Whose outputs; each process loads its own from the environment.
        workers: How many tickets at once; 0 for as many as there is room for.
        scheduler: The address of a Dask scheduler, on whose workers they are run; "" for this machine.

    Raises:
        InputError: The scheduler's address is none, or dask is not installed.
        UnavailableError: The outputs folder cannot be written to, or the cluster is not ready.
    """
    endings = {row.line: Ending(row, USAGE, {}, row.problem) for row in rows if row.problem}
    with _marked(rows, settings, perform=perform) as (marker, token, is_new):
        for row in () if is_new else rows:
            if row.line not in endings and (report := ticket_runs.finished(settings, row, token)):
                endings[row.line] = Ending(row, DONE, report, f"Finished before: {report['summary']}")
        left = [row for row in rows if row.line not in endings]
        for found in endings.values():
            notify(found)
        order, number = BatchOrder(token, perform), f"{len(left)} of {len(rows)}"
        for found in _run(left, order, settings, number, workers=workers, scheduler=scheduler, notify=notify):
            endings[found.row.line] = found
        ended = [endings.get(row.line) or Ending(row, INTERRUPTED, {}, "Not begun.") for row in rows]
        if worst(ended) != INTERRUPTED:
            marker.unlink(missing_ok=True)
    return ended


def _run(
    rows: Sequence[BatchRow],
    order: BatchOrder,
    settings: Settings,
    number: str,
    *,
    workers: int,
    scheduler: str,
    notify: Notify,
) -> list[Ending]:
    """Run the tickets, which are `number` of the list's; returns how those ended that were begun."""
    events: Events = SimpleQueue()
    endings = []
    at_once = f"{min(workers or usual_workers(), max(len(rows), 1))} at once"
    where = f"on the workers of {scheduler}" if scheduler and not workers else at_once
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    not_ignored = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]  # as `nohup` has it
    with handled(dict.fromkeys(not_ignored, lambda number, frame: events.put(number))):
        notify(f"{'Performing' if order.perform else 'Rehearsing'} {number} tickets, {where}.")
        with _place(order, settings, scheduler) as (place, room):
            pool = ThreadPoolExecutor(min(workers or room, max(1, len(rows))))
            try:
                futures = [pool.submit(run_at, place, row) for row in rows if events.empty()]
                for found in _as_they_end(futures, place, events, notify):
                    endings.append(found)
                    notify(found)
            finally:
                pool.shutdown(cancel_futures=True)
    return endings


@contextmanager
def _place(order: BatchOrder, settings: Settings, scheduler: str) -> Iterator[tuple[Workers, int]]:
    """The place where tickets are run, and how many it runs at once."""
    if scheduler:
        try:
            from runbook_lib.run import cluster
        except ImportError as exc:
            raise InputError("--scheduler needs dask: install this project with its extra `cluster`.") from exc
        with cluster.connected(scheduler, order, settings) as place:
            yield place, place.room
        return
    with ticket_runs.on_this_machine(order, settings) as place:
        yield place, usual_workers()


def _as_they_end(futures: Sequence[Future[Ending]], place: Workers, events: Events, notify: Notify) -> Iterator[Ending]:
    """Each ending as it comes, of what has begun: after Ctrl-C, or once a cluster is lost, the rest has none.

    A signal is an event like an ending, so that it interrupts nothing of what is done with either.
    """
    for future in futures:
        future.add_done_callback(events.put)
    left, presses = len(futures), 0
    while left:
        event = events.get()
        if isinstance(event, int):
            presses += 1 if event == signal.SIGINT else 2
            running = sum(not future.cancel() and not future.done() for future in futures)
            count, goes = ("1 run", "goes on to its end") if running == 1 else (f"{running} runs", "go on to their end")
            if presses > 1:
                notify(f"Cancelling {count}.")
                place.cancel()
            else:
                notify(f"Stopping: {count} {goes}. Press Ctrl-C again to cancel.")
            continue
        left -= 1
        if not (event.cancelled() or isinstance(event.exception(), CancelledError)):
            yield event.result()


@contextmanager
def _marked(rows: Sequence[BatchRow], settings: Settings, *, perform: bool) -> Iterator[tuple[Path, str, bool]]:
    """A file with a batch's name in the journals, the name, and whether it is new; for one batch of a list at a time.

    The file stays if the batch does not come to its end; the next one with the same list goes on with its name.
    """
    listed = [(row.ticket, row.runbook, sorted(row.answers.items())) for row in rows]
    digest = hashlib.sha256(json.dumps([perform, listed]).encode()).hexdigest()[:32]
    path = settings.outputs / settings.profile / MARKERS / digest
    with ExitStack() as stack:
        try:
            files.make_folder(path.parent)
            stack.enter_context(FileLock(path.with_suffix(".lock"), timeout=0, mode=files.FILE))
            found = path.read_text(encoding="ascii") if path.exists() else ""
            token = found or secrets.token_hex(8)
            files.write(path, token.encode())
        except Timeout as exc:
            raise UnavailableError(
                "Another process runs this list right now. Wait for its end, then run again."
            ) from exc
        except OSError as exc:
            raise UnavailableError(
                f"{path.parent} cannot be written to ({exc.strerror}), so nothing was run. Check RUNBOOK_OUTPUTS."
            ) from exc
        yield path, token, not found


def worst(endings: Sequence[Ending]) -> int:
    return max((ending.status for ending in endings), key=WORST_LAST.index, default=DONE)


def usual_workers() -> int:
    """One run more than there are cores, since a run also waits for services."""
    return (os.cpu_count() or 1) + 1

"""One ticket of a batch: the command that runs it, its process, and whether the journals say that it is done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from runbook_lib.domain.errors import RunbookError
from runbook_lib.domain.exit_status import FAILED
from runbook_lib.domain.models import Status
from runbook_lib.ledger.journal import Journal
from runbook_lib.run import warm
from runbook_lib.run.batch_list import BatchRow
from runbook_lib.settings import Settings

RUN_LIMIT_S = 3600.0
"""Far beyond what a run may take by its own limits: a process that does not end by itself."""
MODULES = ("runbook_lib.cli", "ipykernel_launcher")
PRELOADED = (
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.interactiveshell", "IPython.core.logger"),
    *("IPython.core.oinspect", "IPython.extensions.storemagic", "IPython.utils.wildcard"),
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "tornado.platform.asyncio", "tornado.queues"),
    *("papermill.execute", "papermill.clientwrap", "nbclient", "tqdm.auto", "tabulate", "httpcore", "email_validator"),
    *(
        "runbook_lib.cli.main",
        "runbook_lib.cli.run_command",
        "runbook_lib.run.intake",
        "runbook_lib.run.runner",
        "runbook_lib.run.papermill_engine",
    ),
    *("runbook_lib.sandbox.server", "runbook_lib.changes.sealing"),
    "runbook_lib.cases.*",
    *("nbformat.validator:get_validator", "runbook_lib.settings:Settings.model_rebuild"),  # each is 0.05 s
    "runbook_lib.domain.secret_forms:compile_all",
    "runbook_lib.clients.answers:prepare",
)


class Exit(NamedTuple):
    """The result of a ticket's command: its exit status, and what it printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class BatchOrder:
    """How the tickets of a batch are run, whose name in the journals is the token."""

    token: str
    perform: bool

    def command(self, python: str, row: BatchRow) -> list[str]:
        """The command of one ticket; its answers come by standard input, where other users do not see them."""
        words = [python, "-m", "runbook_lib.cli", "run", row.runbook, "--parameters-file", "-", "--json"]
        return [*words, "--batch", self.token, *(["--perform"] if self.perform else []), "--", row.ticket]


class Processes:
    """Processes of this machine, started by `python`; what runs can be cancelled."""

    def __init__(self, order: BatchOrder, python: str, environment: Mapping[str, str]) -> None:
        self._order, self._python, self._environment = order, python, environment
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_cancelled = False

    @property
    def running(self) -> int:
        return len(self._running)

    def cancel(self) -> None:
        """Cancel what runs, as Ctrl-C does: each leaves its record."""
        with self._lock:
            self._is_cancelled = True
            for process in self._running:
                process.send_signal(signal.SIGINT)

    def run(self, row: BatchRow) -> Exit:
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell
                self._order.command(self._python, row),
                env=self._environment,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                text=True,
                start_new_session=True,  # Ctrl-C of the terminal is ours to pass on
            )
        except OSError as exc:
            return Exit(FAILED, "", f"It could not be started ({exc.strerror}). End other programs, then run again.")
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
        return Exit(process.returncode, out, err)


@contextmanager
def on_this_machine(order: BatchOrder, settings: Settings) -> Iterator[Processes]:
    """Processes that are forked from a warm Python, where there is one; records go where the settings say."""
    environment = {**os.environ, "RUNBOOK_OUTPUTS": str(settings.outputs.absolute())}
    with warm.started(MODULES, PRELOADED) as program:
        yield Processes(order, str(program or sys.executable), environment)


def finished(settings: Settings, row: BatchRow, token: str) -> dict[str, Any] | None:
    """The report of a ticket that a batch has finished, by the ticket's journal; None if it has not."""
    folder = settings.ticket_folder(row.number)
    if not folder.exists():
        return None
    try:
        history = Journal.of(settings, row.number).history()
    except RunbookError:  # its own run reports what is wrong with it
        return None
    runs = [run for run in history.runs.values() if run.start and run.start.text("batch") == token]
    runs = [run for run in runs if run.end and run.end.is_believed]
    last = runs[-1].end if runs else None
    if last is None or last.text("status") != Status.COMPLETED or not last.text("outcome") or last.record is None:
        return None
    return {
        "outcome": last.text("outcome"),
        "status": last.text("status"),
        "runbook": runs[-1].runbook,
        "record": str(folder / last.record),
        "summary": f"{last.text('summary')} ({last.text('at')[:16]}Z)",
    }

"""A performing run in a process of its own, and what its journal says of it so far.

Every observer sees the same, since only the journal is read: the notebook that began the run, another browser, or a
kernel that was restarted meanwhile. The process goes on without any of them. It holds a lock on a file that names it,
so that a second one is not begun beside it; that nothing is done twice rests on `effects`, not on this lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import IO, Any

from runbook_lib import files, templates
from runbook_lib.domain.errors import RunbookError, UnavailableError
from runbook_lib.domain.events import Event, History, RunEvents
from runbook_lib.domain.state_words import operation_words
from runbook_lib.ledger.journal import Journal
from runbook_lib.settings import Settings

LOCK = ".performing"
"""The file in the ticket's folder that a performing process holds, and that has its process id."""
LOOK_EVERY_S = 0.25
TRIES = 5


@dataclass(frozen=True)
class RunProgress:
    """How far a run is."""

    steps: tuple[str, ...] = ()  # the titles of the cells that were begun, in order
    total: int = 0  # how many cells there are
    doing: str = ""  # the effect under way, or ""
    # The journal's last line of each operation, by its id: a plan's action is found by that
    operations: Mapping[str, Event] = field(default_factory=dict)
    seconds: float = 0.0  # since it began
    ended: Mapping[str, Any] | None = None  # the journal's line of its end, or None
    error: str = ""  # why it has no such line, or ""
    following: bool = False  # whether it was begun elsewhere
    runbook: str = ""  # whose run it is; "" where no line of it is there yet
    # What else its reader should know once it has ended, such as a share that could not be reached; or ""
    notice: str = ""

    @property
    def is_over(self) -> bool:
        return self.ended is not None or bool(self.error)


class BackgroundRun:
    """One performing run of a ticket's runbook.

    Args:
        popen: Starts its process, as `subprocess.Popen` does.
    """

    def __init__(
        self,
        settings: Settings,
        runbook: str,
        ticket_id: int,
        popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
    ) -> None:
        self._popen = popen
        self._journal = Journal.of(settings, ticket_id)
        self._settings, self._runbook, self._ticket_id = settings, runbook, ticket_id
        self._lock_path = settings.ticket_folder(ticket_id) / LOCK
        self._errors: IO[bytes] | None = None
        self._report: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._after = 0

    @property
    def pid(self) -> int | None:
        """The process that `begin` started, or None."""
        return self._process.pid if self._process else None

    @property
    def is_under_way(self) -> bool:
        """Whether a process performs on this ticket now, by any runbook and of any origin.

        Raises:
            UnavailableError: The ticket's folder cannot be used.
        """
        held = self._lock(fcntl.LOCK_SH)  # so that those who look are not in each other's way
        if held is not None:
            os.close(held)
        return held is None

    def begin(self, answers: Mapping[str, str]) -> bool:
        """Start the run, unless one is under way on this ticket.

        Args:
            answers: All its parameters, as typed: one that is missing would be what the notebook's file has.

        Returns:
            Whether it was started.

        Raises:
            JournalError: The ticket's journal cannot be relied on.
            UnavailableError: The ticket's folder cannot be used.
        """
        lines = len(self._journal.own_entries())
        held = self._lock_to_begin()
        if held is None:
            return False
        self._after = lines
        command = [sys.executable, "-m", "runbook_lib.cli", "run", self._runbook, str(self._ticket_id)]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process writes to it)
        self._report = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with tempfile.TemporaryFile() as given:  # not as arguments, which everybody on the machine can read
                given.write(json.dumps(dict(answers)).encode())
                given.seek(0)
                self._process = self._started([*command, "--perform", "--json", "-f", "-"], given, held)
            os.truncate(held, 0)
            os.pwrite(held, str(self._process.pid).encode(), 0)
        finally:
            os.close(held)  # the process holds it from now on, and to its end
        return True

    def _started(self, command: list[str], given: IO[bytes], held: int) -> subprocess.Popen[bytes]:
        return self._popen(
            command,
            stdin=given,
            stdout=self._report,
            stderr=self._errors,
            pass_fds=(held,),
            env={**os.environ, "RUNBOOK_PROFILE": self._settings.profile},  # whatever .env says by now
            start_new_session=True,  # a Ctrl-C for the kernel is none for the run
        )

    def last(self) -> Mapping[str, Any] | None:
        """The journal's line of the end of the last performing run of this runbook, or None.

        Raises:
            JournalError: The ticket's journal cannot be relied on.
        """
        runs = self._journal.history().performing_runs
        ends = [run.end for run in runs if run.runbook == self._runbook and run.end and run.end.is_believed]
        last = max(ends, key=lambda end: end.text("at"), default=None)
        return last.entry if last else None

    def since(self, outcome: str) -> str:
        """When the first of the last performed runs in a row began that ended with this outcome, of any runbook."""
        at = last = ""
        for run in self._journal.history().performing_runs:
            end = run.end
            if run.start and end and end.is_believed and end.text("outcome") and not end.text("next_runbook"):
                at = run.start.text("at") if end.text("outcome") == outcome != last else at
                last = end.text("outcome")
        return at

    def progress(self) -> Iterator[RunProgress]:
        """How far the run is, each time that there is something new; the last one is over.

        It is the run that `begin` started, or else the one that is under way.
        """
        began, shown = time.monotonic(), ""
        while True:
            # Looked at before the journal, so that its last line is not missed
            is_running = self._process.poll() is None if self._process else self.is_under_way
            try:
                now = self._read(time.monotonic() - began, is_running=is_running)
            except RunbookError as exc:
                now = RunProgress(error=str(exc))
            if now.is_over or shown != (shown := f"{now.steps} {now.doing} {now.seconds:.0f}"):
                yield now
            if now.is_over:
                break
            time.sleep(LOOK_EVERY_S)
        for written in (self._errors, self._report):
            if written:
                written.close()

    def _pid_elsewhere(self) -> int | None:
        """The process that performs on this ticket, or did so last, begun here or elsewhere."""
        try:
            return int(self._lock_path.read_bytes())
        except (OSError, ValueError):  # it was begun just now
            return None

    def _read(self, seconds: float, *, is_running: bool) -> RunProgress:
        following, pid = self._process is None, self.pid or self._pid_elsewhere()
        runs = History.of(self._journal.own_entries()[self._after :]).performing_runs
        run = next((one for one in reversed(runs) if one.start and one.start.entry.get("pid") == pid), None)
        if run is None:
            return RunProgress(seconds=seconds, error="" if is_running else self._why_it_stopped(), following=following)
        named = templates.titles(self._settings.notebooks / f"{run.runbook}.ipynb")
        cells = [event.text("cell") for event in run.cells]
        ended = run.end.entry if run.end else None
        now = RunProgress(
            steps=tuple(named[cell] for cell in cells if cell in named),
            total=len(named),
            doing=operation_words(run.open_effect.effect) if run.open_effect else "",
            operations={event.operation: event for event in run.last_effects},
            seconds=_seconds(run) if following else seconds,
            following=following,
            runbook=run.runbook,
        )
        if is_running:
            return replace(now, doing="sealing the record") if ended else now
        if ended:
            return replace(now, ended=ended, notice=self._notice())
        return replace(now, error=self._why_it_stopped())

    def _notice(self) -> str:
        """What the report of the run that `begin` started says beside its end, or ""."""
        if not self._report:
            return ""
        self._report.seek(0)
        try:
            return str(json.loads(self._report.read()).get("notice", ""))
        except ValueError:  # it was ended before it could report
            return ""

    def _why_it_stopped(self) -> str:
        """Why a process that is gone left no end in the journal: what it has reported last, if `begin` started it."""
        if self._errors:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").splitlines()
            if reported := [line.removeprefix("runbook: ") for line in lines if line.startswith("runbook: ")]:
                return reported[-1][-800:]
        return "The run was interrupted before its end. Press again: what is done already is found, and not repeated."

    def _lock_to_begin(self) -> int | None:
        """As `_lock`, exclusive; waits for others that only look at this moment."""
        for _ in range(TRIES):
            held = self._lock(fcntl.LOCK_EX)
            if held is not None:
                return held
            time.sleep(LOOK_EVERY_S / TRIES)
        return None

    def _lock(self, how: int) -> int | None:
        """The lock's file descriptor, or None if another process has it. UnavailableError if it cannot be made."""
        try:
            files.make_folder(self._lock_path.parent)
            file = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise UnavailableError(f"The folder {self._lock_path.parent} cannot be used ({exc.strerror}).") from exc
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
        return file


def _seconds(run: RunEvents) -> float:
    began, last = run.events[0].at, run.events[-1].at
    return (last - began).total_seconds() if began and last else 0.0

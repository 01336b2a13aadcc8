"""A performing run in a process of its own, and what its journal says of it so far.

Whoever watches sees the same, since only the journal is read: the notebook that began the run, another browser, or a
kernel that was restarted meanwhile. The process goes on without any of them. A lock that it holds tells that it is at
work, so that a second one is not begun beside it; that nothing is done twice rests on `effects`, not on this lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from runbook_lib.errors import InputError, RunbookError, UnavailableError
from runbook_lib.journal import Journal
from runbook_lib.settings import Settings

LOCK = ".performing"
"""The file in the ticket's folder that a performing process holds."""
LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        steps: The titles of the cells that were begun, in order.
        total: How many cells there are.
        doing: The effect under way, or "".
        seconds: Since it began.
        ended: The journal's line of its end, or None.
        error: What kept it from having one, or "".
        following: Whether somebody else began it.
    """

    steps: tuple[str, ...]
    total: int
    doing: str = ""
    seconds: float = 0.0
    ended: Mapping[str, Any] | None = None
    error: str = ""
    following: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.ended is not None or bool(self.error)


class Performance:
    """One performing run of a ticket's runbook.

    Args:
        settings: Where the ticket's folder is.
        runbook: The runbook.
        ticket_id: The ticket.
    """

    def __init__(self, settings: Settings, runbook: str, ticket_id: int) -> None:
        self._journal = Journal.of(settings, ticket_id)
        self._runbook, self._ticket_id = runbook, ticket_id
        self._titles = titles(settings.notebooks / f"{runbook}.ipynb")
        self._lock_path = settings.ticket_folder(ticket_id) / LOCK
        self._errors: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._after = 0

    @property
    def is_under_way(self) -> bool:
        """Whether a process performs on this ticket now, whoever began it.

        Raises:
            UnavailableError: The ticket's folder cannot be used.
        """
        held = self._hold()
        if held is not None:
            os.close(held)
        return held is None

    def begin(self, answers: Mapping[str, str]) -> bool:
        """Start the run, unless one is under way on this ticket.

        Args:
            answers: Its parameters, as typed.

        Returns:
            Whether it was started; if not, `progress` follows the one that is under way.

        Raises:
            JournalError: The ticket's journal cannot be relied on.
            UnavailableError: The ticket's folder cannot be used.
        """
        lines = len(self._journal.entries())
        held = self._hold()
        if held is None:
            return False
        self._after = lines
        pairs = [word for name, value in answers.items() for word in ("-p", name, value)]
        command = [sys.executable, "-m", "runbook_lib.cli", "run", self._runbook, str(self._ticket_id), *pairs]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process writes to it)
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [*command, "--perform", "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(held,),
                start_new_session=True,  # a Ctrl-C for the kernel is none for the run
            )
        finally:
            os.close(held)  # the process holds it from now on, and to its end
        return True

    def last(self) -> Mapping[str, Any] | None:
        """The journal's line of the end of the last performing run on this ticket, or None.

        Raises:
            JournalError: The ticket's journal cannot be relied on.
        """
        run = _of_run(self._journal.entries())
        return next((line for line in run if line["kind"] == "run_ended"), None)

    def progress(self) -> Iterator[Progress]:
        """How far the run is, each time that there is something new; the last one is over."""
        began, shown = time.monotonic(), ""
        while True:
            works = self._works()
            try:
                now = self._read(time.monotonic() - began, works=works)
            except RunbookError as exc:
                now = Progress((), len(self._titles), error=str(exc))
            if now.is_over or shown != (shown := f"{now.steps} {now.doing} {now.seconds:.0f}"):
                yield now
            if now.is_over:
                break
            time.sleep(LOOK_EVERY_S)
        if self._errors:
            self._errors.close()

    def _works(self) -> bool:
        """Whether the run's process is there. Looked at before the journal, so that its last line is not missed."""
        return self._process.poll() is None if self._process else self.is_under_way

    def _read(self, seconds: float, *, works: bool) -> Progress:
        following = self._process is None
        run = _of_run(self._journal.entries()[self._after :])
        if not run:
            error = "" if works else self._last_words()
            return Progress((), len(self._titles), seconds=seconds, error=error, following=following)
        if following:
            seconds = (datetime.fromisoformat(run[-1]["at"]) - datetime.fromisoformat(run[0]["at"])).total_seconds()
        begun = [
            self._titles[line["cell"]]
            for line in run
            if line["kind"] == "cell_started" and line["cell"] in self._titles
        ]
        ended = next((line for line in run if line["kind"] == "run_ended"), None)
        if ended and works:  # the ticket gets its note of the record
            return Progress(tuple(begun), len(self._titles), "sealing the record", seconds, following=following)
        error = "" if works or ended else self._last_words()
        return Progress(tuple(begun), len(self._titles), _open_effect(run), seconds, ended, error, following)

    def _last_words(self) -> str:
        """Why a process that is gone left no end in the journal."""
        said = ""
        if self._errors:
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip()[-800:]
        if said.startswith("runbook: "):
            return said.removeprefix("runbook: ")
        return "The run was broken off before its end. Press again: what is done already is found, and not repeated."

    def _hold(self) -> int | None:
        """The lock's file descriptor, or None if another process has it.

        Raises:
            UnavailableError: The folder cannot be used.
        """
        try:
            self._lock_path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise UnavailableError(f"The folder {self._lock_path.parent} cannot be used ({exc.strerror}).") from exc
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
        return file


def titles(notebook: Path) -> dict[str, str]:
    """The headings above a runbook's steps, by the ids of the cells below them; its parameters are no step.

    Raises:
        InputError: It cannot be read.
    """
    try:
        cells: Sequence[Mapping[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InputError(f"The runbook {notebook} cannot be read ({exc}).") from exc
    found, heading = {}, ""
    for cell in cells:
        first = "".join(cell["source"]).partition("\n")[0]
        if cell["cell_type"] == "markdown" and first.startswith("#"):
            heading = first.lstrip("# ")
        elif cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", ()):
            found[str(cell["id"])] = heading
    return found


def _of_run(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lines from the beginning of the last performing run on."""
    begins = [place for place, line in enumerate(lines) if line["kind"] == "run_started" and line.get("performed")]
    return list(lines[begins[-1] :]) if begins else []


def _open_effect(run: Sequence[Mapping[str, Any]]) -> str:
    """The name of the effect that was announced last and has not been settled, or ""."""
    last = next((line for line in reversed(run) if "effect" in line), None)
    return str(last["effect"]).replace("_", " ") if last and last["kind"] == "intended" else ""

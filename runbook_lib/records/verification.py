"""Whether the records are what was sealed: each defect by its own name. Only reads, and needs only public keys.

A record is judged by all of its bytes, never by what it says of itself. The ticket's notes, which lie elsewhere, show
what the folder alone cannot: that a journal was cut, replaced or removed together with its head.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runbook_lib import files
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.state_words import run_ending_words, within_sentence
from runbook_lib.ledger.chains import FILE_NAME, file_name, key_of
from runbook_lib.records.archive import MANY_TICKETS, Archive, Ledger
from runbook_lib.records.findings import Code, Finding, Verification
from runbook_lib.records.runs import ADOPTED_WORDS, Run, State

if TYPE_CHECKING:
    from runbook_lib.domain.models import Comment

READ_BYTES = 1 << 17
SEALING_S = 60.0
_SEALED = (State.SEALED, State.ADOPTED, State.MISSING, State.SET_ASIDE)
_OPEN = {
    State.INTERRUPTED: "belongs to a run that was interrupted: it has no end in the journal.",
    State.RUNNING: "belongs to a run that has not ended: it is running, or was interrupted.",
    State.UNRECORDED: "could not be written. How the run ended: {end}.",
    State.SET_ASIDE: "is named only by a journal that was set aside, and is not sealed.",
    State.UNKNOWN_WRITER: "is sealed, if at all, by an unknown writer: it is not verified.",
}
"""What a run is that left no seal, by its state, which is also the finding's code."""
_PUT_BACK = (
    "Put the sealed file back, from a backup or the team's share (`runbook records pull`), and verify again. What was "
    "done is in the journal: `runbook journal show {ticket}`."
)
_UNENDED = (
    "is not sealed: it is there, but its run has no end in the journal, which was cut or copied in part, or was "
    "interrupted just then."
)


class FileDigest(NamedTuple):
    """What a file holds, and its permissions, both of the file that was opened."""

    sha256: str
    mode: int


class OtherTicketsError(Exception):
    """What a file is cannot be decided without looking at the other tickets."""


class Verifier:
    """Verifies the records of one profile; what it has read of a ticket is kept.

    With `alone` no other ticket is looked at for one; what needs that raises `OtherTicketsError`. With `keeps`, what
    other processes read of many tickets is kept, too, as `notes` needs it.
    """

    def __init__(self, archive: Archive, *, alone: bool = False, keeps: bool = False) -> None:
        self._archive, self._alone, self._keeps = archive, alone, keeps
        self._read: dict[int, Ledger] = {}
        self._contents: dict[str, FileDigest | None] = {}

    def tickets(self, tickets: Sequence[int]) -> Verification:
        """Verify these tickets; many in several processes, which read each file once and hash it."""
        found: dict[int, Verification] = {}
        if len(tickets) >= MANY_TICKETS:
            from runbook_lib.records.processes import in_processes  # which takes time, and few tickets do not need

            for number, one, ledger in in_processes(partial(_alone, self._archive, self._keeps), tickets):
                found[number] = one
                self._read |= {number: ledger} if ledger else {}
        for ledger in self.ledgers([ticket_id for ticket_id in tickets if ticket_id not in found]):
            found[ledger.ticket_id] = self.one(ledger)
        return Verification.of(found[ticket_id] for ticket_id in dict.fromkeys(tickets))

    def one(self, ledger: Ledger) -> Verification:
        """Verify one ticket. Raises OtherTicketsError."""
        sealed = [run for run in ledger.runs if run.state in _SEALED and run.sha256]
        return Verification.of_runs(sealed, self._ticket(ledger))

    def everything(self) -> Verification:
        return Verification.of([self.tickets(self._archive.tickets())], self._archive.other_folders())

    def record(self, path: Path) -> Verification:
        """Verify one file: in its ticket's folder by that ticket's journal, elsewhere by all journals.

        Raises:
            InputError: There is no such file, and no journal names one.
        """
        ledger, runs = self.ledger_of(path), self.runs_of(path)
        if not ledger or not runs:
            return self._unnamed_file(path, ledger)
        subjects = {path.name, FILE_NAME, *(file_name(writer) for run in runs for writer in run.writers)}
        mine = [finding for finding in self._ticket(ledger) if finding.subject in subjects]
        return Verification.of_runs([run for run in runs if run.state in _SEALED and run.sha256], mine)

    def ticket_notes(self, tickets: Iterable[int]) -> list[Finding]:
        """As `notes`, which are read from Zendesk. Raises RunbookError if it is not configured."""
        from runbook_lib import wiring
        from runbook_lib.clients.http import HttpSession
        from runbook_lib.settings import Settings

        settings = Settings.load()
        with HttpSession.of(settings) as session:
            return self.notes(list(dict.fromkeys(tickets)), wiring.zendesk(settings, session).comments)

    def notes(self, tickets: Sequence[int], read: Callable[[int], Iterable[Comment]]) -> list[Finding]:
        from runbook_lib.records import notes  # which takes time, and few verifications need

        folder, ledgers = self._archive.folder, self.ledgers(tickets)
        return [each for one in ledgers for each in notes.compare(one, folder / str(one.ticket_id), read)]

    def ticket_of(self, path: Path) -> int | None:
        """The ticket in whose folder a path lies, or None."""
        folder = path.absolute().parent
        named = folder.name if folder.parent.resolve() == self._archive.folder else ""
        return int(named) if named.isascii() and named.isdigit() and str(int(named)) == named else None

    def ledger_of(self, path: Path) -> Ledger | None:
        ticket_id = self.ticket_of(path)
        return None if ticket_id is None else self.ledgers([ticket_id])[0]

    def runs_of(self, path: Path) -> list[Run]:
        ledger = self.ledger_of(path)
        return [run for run in ledger.runs if run.record == path.name] if ledger else []

    def sealed_as(self, digest: str) -> Run | None:
        return next(iter(self._everywhere.get(digest, ())), None)

    def ledgers(self, tickets: Sequence[int]) -> list[Ledger]:
        unread = [ticket_id for ticket_id in tickets if ticket_id not in self._read]
        self._read |= {ledger.ticket_id: ledger for ledger in self._archive.ledgers(unread)}
        return [self._read[ticket_id] for ticket_id in tickets]

    @cached_property
    def _everywhere(self) -> dict[str, list[Run]]:
        """The sealed records of all tickets, by digest; read only when a file has no seal of its own."""
        self._may_look_at_others()
        found: dict[str, list[Run]] = {}
        for ledger in self.ledgers(self._archive.tickets()):
            for run in ledger.runs:
                if run.sha256:
                    found.setdefault(run.sha256, []).append(run)
        return found

    def _strays(self) -> set[str]:
        """The digests of the files that no line names, of the tickets that were read."""
        self._may_look_at_others()
        runs = [run for ledger in self._read.values() for run in ledger.runs if run.state is State.UNSEALED]
        return {content.sha256 for run in runs if (content := self._content(self._path(run)))}

    def _may_look_at_others(self) -> None:
        if self._alone:
            raise OtherTicketsError

    def _content(self, path: str) -> FileDigest | None:
        """As `content_of`, but each file is read once."""
        if path not in self._contents:
            self._contents[path] = content_of(path)
        return self._contents[path]

    def _ticket(self, ledger: Ledger) -> Iterator[Finding]:
        yield from ledger.problems
        for run in ledger.runs:
            if run.split:
                yield Finding.of(run, Code.SPLIT, run.split)
            if run.state in _SEALED and run.sha256:
                yield from self._sealed(run)
            elif run.state is State.UNSEALED:
                yield self._unnamed(str(run.ticket_id), self._path(run), str(run.record))
            elif run.state is State.RUNNING and self._is_left(run):
                yield Finding.of(run, Code.UNSEALED, _UNENDED)
            else:
                state = run.state if run.state in _OPEN else State.INTERRUPTED
                end = within_sentence(run_ending_words(run.outcome, run.status, performed=run.performed))
                yield Finding.of(run, Code(state), _OPEN[state].format(end=end))

    def _is_left(self, run: Run) -> bool:
        """Whether a record is there for longer than it takes to seal it, and to read the journals."""
        try:
            return run.record is not None and time.time() - os.lstat(self._path(run)).st_mtime > SEALING_S
        except OSError:
            return False

    def _path(self, run: Run) -> str:
        return f"{self._archive.folder}/{run.ticket_id}/{run.record}"

    def _sealed(self, run: Run) -> Iterator[Finding]:
        path = self._path(run)
        if run.state is State.ADOPTED:
            yield Finding.of(run, Code.ADOPTED, f"was {ADOPTED_WORDS}.")
        if run.state is State.SET_ASIDE:
            yield Finding.of(run, Code.SET_ASIDE, "is sealed only by a journal that was set aside.")
        content, put_back = self._content(path), _PUT_BACK.format(ticket=run.ticket_id)
        if content is None and os.path.lexists(path):
            yield Finding.of(run, Code.UNREADABLE, "cannot be read, or is a link or no file.")
        elif content is None:
            if run.sha256 not in self._strays():
                yield Finding.of(run, Code.MISSING, f"was sealed, but is not there any more. {put_back}")
        elif content.sha256 == run.sha256:
            if content.mode & 0o222:
                yield Finding.of(
                    run, Code.WRITABLE, "is unaltered, but could be written to; it was expected read-only."
                )
        elif (other := self.sealed_as(content.sha256)) and self._path(other) != path:
            words = f"was replaced by the bytes of {_place(other)}. Move it elsewhere as evidence. {put_back}"
            yield Finding.of(run, Code.REPLACED, words)
        else:
            words = "was altered: it does not have the SHA-256 that it was sealed with."
            yield Finding.of(run, Code.ALTERED, f"{words} Move it elsewhere as evidence. {put_back}")

    def _unnamed(self, ticket: str, path: str, name: str) -> Finding:
        content = self._content(path)
        if content is None:
            return Finding(ticket, name, Code.UNREADABLE, f"{name} cannot be read, or is a link or no file.")
        other = self.sealed_as(content.sha256)
        if other is None:
            words = "is not sealed: no journal tells of it. `runbook records adopt` seals what papermill has made."
            return Finding(ticket, name, Code.UNSEALED, f"{name} {words}")
        gone = "" if os.path.lexists(self._path(other)) else ", which is not there any more"
        return Finding(ticket, name, Code.MOVED, f"{name} has the bytes of {_place(other)}{gone}.")

    def _unnamed_file(self, path: Path, ledger: Ledger | None) -> Verification:
        """A file that its folder's journal does not name; if that is damaged, the file cannot be identified."""
        if not os.path.lexists(path):
            raise InputError(f"There is no record {path}. Give a ticket's number, or the path of a record.")
        problems = self._ticket(ledger) if ledger and ledger.problems else ()
        of_journals = [one for one in problems if one.is_defect and (one.subject == FILE_NAME or key_of(one.subject))]
        unnamed = of_journals or [self._unnamed(str(ledger.ticket_id) if ledger else "", str(path), path.name)]
        return Verification(1 if ledger else 0, tuple(unnamed))


def content_of(path: str) -> FileDigest | None:
    """What a regular file holds, or None. Reading by hand saves a sixth of `hashlib.file_digest`'s time."""
    found = hashlib.sha256()
    try:
        with files.opened(path) as handle:
            while part := os.read(handle, READ_BYTES):
                found.update(part)
            return FileDigest(found.hexdigest(), os.fstat(handle).st_mode)
    except (OSError, ValueError):  # a name that no file can have
        return None


Alone = tuple[int, Verification, Ledger | None]
"""A ticket, what came out, and what was read, if that is kept."""


def _alone(archive: Archive, keep: bool, tickets: Sequence[int]) -> list[Alone]:
    """What comes out of those of the tickets that need no look at others."""
    verifier, found = Verifier(archive, alone=True), list[Alone]()
    for ledger in archive.read(tickets):
        with suppress(OtherTicketsError):
            found.append((ledger.ticket_id, verifier.one(ledger), ledger if keep else None))
    return found


def _place(run: Run) -> str:
    return f"{run.record} of ticket {run.ticket_id}"

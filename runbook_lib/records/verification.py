"""Whether the records are what was sealed: each defect by its own name. Only reads, and needs only public keys.

    a record      unsealed, altered, replaced, missing, moved, interrupted, unrecorded, not_noted
    a journal     broken_chain, altered_journal, truncated, missing_journal, other_ticket, unsigned, foreign_key,
                  misnamed_journal, newer_version, unreadable
    a writer      unknown_writer, missing_writer: another machine's part that cannot be checked, or is not here
    only told     adopted, untrusted_writer, writable, running_or_interrupted, set_aside, checkpoint

A record is judged by all of its bytes, never by what it says of itself. The ticket's notes, which lie elsewhere, show
what the folder alone cannot: that a journal was cut, replaced or removed together with its head.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path

from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.messages import Seal, find_seal
from runbook_lib.domain.models import Comment
from runbook_lib.ledger.chains import FILE_NAME, digest, file_name, key_of, whole_lines
from runbook_lib.records.archive import MANY_TICKETS, Archive, Ledger, opened, processes
from runbook_lib.records.runs import ADOPTED_WORDS, Run, State

SEALING_S = 60.0
PARTS = 4
"""So many portions of tickets for each process, so that none waits long for another."""
_SEALED = (State.SEALED, State.ADOPTED, State.MISSING, State.SET_ASIDE)


class Code(StrEnum):
    """A defect's own name; the last six only tell."""

    UNSEALED = "unsealed"
    ALTERED = "altered"
    REPLACED = "replaced"
    MISSING = "missing"
    MOVED = "moved"
    INTERRUPTED = "interrupted"
    UNRECORDED = "unrecorded"
    NOT_NOTED = "not_noted"
    NOTES_UNREADABLE = "notes_unreadable"
    NO_TICKET = "no_ticket"
    UNKNOWN_WRITER = "unknown_writer"
    MISSING_WRITER = "missing_writer"
    FOREIGN_KEY = "foreign_key"
    MISNAMED_JOURNAL = "misnamed_journal"
    BROKEN_CHAIN = "broken_chain"
    ALTERED_JOURNAL = "altered_journal"
    TRUNCATED = "truncated"
    MISSING_JOURNAL = "missing_journal"
    OTHER_TICKET = "other_ticket"
    UNSIGNED = "unsigned"
    NEWER_VERSION = "newer_version"
    UNREADABLE = "unreadable"
    ADOPTED = "adopted"
    UNTRUSTED_WRITER = "untrusted_writer"
    CHECKPOINT = "checkpoint"
    WRITABLE = "writable"
    RUNNING = "running_or_interrupted"
    SET_ASIDE = "set_aside"


_NOTICES = (*Code,)[-6:]


@dataclass(frozen=True)
class Finding:
    """Something that was found about a record or a journal.

    Attributes:
        ticket: The ticket's number, or the name of a folder that is none's.
        subject: The file.
        code: What it is.
        words: The same in a sentence.
        line: The journal's line that shows it, or None.
    """

    ticket: str
    subject: str
    code: Code
    words: str
    line: int | None = None

    @property
    def is_defect(self) -> bool:
        """Whether something is wrong; else it is only told."""
        return self.code not in _NOTICES


@dataclass(frozen=True)
class Verification:
    """What came out.

    Attributes:
        sealed: How many sealed records were looked at.
        tickets: How many tickets.
        findings: What was found, by ticket.
        records: The sealed records that were looked at, by ticket and name.
    """

    sealed: int
    tickets: int
    findings: tuple[Finding, ...]
    records: frozenset[tuple[str, str]] = frozenset()

    @property
    def defects(self) -> int:
        """How many of the findings are defects."""
        return sum(finding.is_defect for finding in self.findings)

    @property
    def adopted(self) -> int:
        """How many of the sealed records were adopted: nobody vouches for what is in them."""
        return sum(finding.code is Code.ADOPTED for finding in self.findings)

    @property
    def has_strangers(self) -> bool:
        """Whether a part was verified only by the key that lies beside it, which nobody here has trusted."""
        return any(finding.code is Code.UNTRUSTED_WRITER for finding in self.findings)

    @property
    def good(self) -> int:
        """How many of the sealed records are what was sealed, without any defect of their own."""
        wrong = {(finding.ticket, finding.subject) for finding in self.findings if finding.is_defect}
        return self.sealed - len(self.records & wrong)

    def codes(self, run: Run) -> list[Code]:
        """The defects of a run's record."""
        own = (str(run.ticket_id), run.record)
        return [each.code for each in self.findings if each.is_defect and (each.ticket, each.subject) == own]

    def holds(self, run: Run) -> bool:
        """Whether a run's record was verified, and is what was sealed."""
        return (str(run.ticket_id), run.record) in self.records and not self.codes(run)

    @property
    def words(self) -> str:
        """What came out, in a sentence: defects and good records are counted apart."""
        what = f"{_count(self.sealed, 'sealed record')} of {_count(self.tickets, 'ticket')}"
        strange = " Not every writer is trusted here yet." if self.has_strangers else ""
        taken = f" {self.adopted} of them {ADOPTED_WORDS}." if self.adopted else ""
        if self.is_good:
            return f"All is well: {what} {'was' if self.sealed == 1 else 'were'} verified.{taken}{strange}"
        verb = "is" if self.good == 1 else "are"
        return f"{_count(self.defects, 'defect')}; {self.good} of {what} {verb} good.{taken}{strange}"

    @property
    def is_good(self) -> bool:
        """Whether there is no defect."""
        return not any(finding.is_defect for finding in self.findings)


class OtherTicketsError(Exception):
    """What a file is can only be said by looking at the other tickets, too."""


class Verifier:
    """Verifies the records of one profile; what it has read of a ticket is kept.

    Args:
        archive: Where they are.
        alone: Whether no other ticket may be looked at for one; what needs that raises `OtherTicketsError`.
    """

    def __init__(self, archive: Archive, *, alone: bool = False) -> None:
        self._archive, self._alone = archive, alone
        self._read: dict[int, Ledger] = {}
        self._hashed: dict[Path, str | None] = {}

    def tickets(self, tickets: Sequence[int]) -> Verification:
        """Verify these tickets; many in several processes, which read each file once and hash it."""
        found = alone(self._archive, tickets) if len(tickets) >= MANY_TICKETS else {}
        for ledger in self._ledgers([ticket_id for ticket_id in tickets if not found.get(ticket_id)]):
            found[ledger.ticket_id] = self._one(ledger)
        parts = [part for ticket_id in dict.fromkeys(tickets) if (part := found[ticket_id])]
        records = frozenset(record for part in parts for record in part.records)
        findings = tuple(finding for part in parts for finding in part.findings)
        return Verification(sum(part.sealed for part in parts), len(parts), findings, records)

    def one_alone(self, ledger: Ledger) -> Verification | None:
        """Verify a ticket, or None if that takes a look at the others."""
        try:
            return self._one(ledger)
        except OtherTicketsError:
            return None

    def _one(self, ledger: Ledger) -> Verification:
        sealed = [run for run in ledger.runs if run.state in _SEALED and run.sha256]
        records = frozenset((str(run.ticket_id), str(run.record)) for run in sealed)
        return Verification(len(sealed), 1, tuple(self._ticket(ledger)), records)

    def everything(self) -> Verification:
        """Verify every ticket, and name the folders that are none's."""
        found = self.tickets(self._archive.tickets())
        strangers = [
            Finding(problem.folder, problem.folder, Code.NO_TICKET, problem.words)
            for problem in self._archive.strangers()
        ]
        return replace(found, findings=(*found.findings, *strangers))

    def record(self, path: Path) -> Verification:
        """Verify one file: in its ticket's folder by that ticket's journal, elsewhere by all journals.

        Raises:
            InputError: There is no such file, and no journal tells of one.
        """
        ticket_id = self.ticket_of(path)
        ledgers = [] if ticket_id is None else self._ledgers([ticket_id])
        if not any(run.record == path.name for ledger in ledgers for run in ledger.runs):
            return self._stranger(path, ledgers)
        found = [finding for ledger in ledgers for finding in self._ticket(ledger)]
        told = [run for run in ledgers[0].runs if run.record == path.name]
        subjects = {path.name, FILE_NAME, *(file_name(run.writer) for run in told)}
        mine = tuple(finding for finding in found if finding.subject in subjects)
        sealed = sum(run.state in _SEALED for run in told)
        records = frozenset((str(run.ticket_id), path.name) for run in told if run.state in _SEALED)
        return Verification(sealed, 1, mine, records)

    def notes(self, tickets: Sequence[int], read: Callable[[int], Iterable[Comment]]) -> list[Finding]:
        """Compare what the tickets' notes keep with what is here, both ways.

        Args:
            tickets: Which ones; a ticket whose folder is gone is one, too.
            read: Reads a ticket's comments.
        """
        return [finding for ledger in self._ledgers(tickets) for finding in self._notes(ledger, read)]

    def ticket_of(self, path: Path) -> int | None:
        """The ticket in whose folder a path lies, or None."""
        folder = path.absolute().parent
        named = folder.name if folder.parent.resolve() == self._archive.folder else ""
        return int(named) if named.isascii() and named.isdigit() and str(int(named)) == named else None

    def sealed_as(self, digest: str) -> Run | None:
        """The sealed record that has these bytes, or None."""
        return next(iter(self._everywhere.get(digest, ())), None)

    def _ledgers(self, tickets: Sequence[int]) -> list[Ledger]:
        unread = [ticket_id for ticket_id in tickets if ticket_id not in self._read]
        self._read |= {ledger.ticket_id: ledger for ledger in self._archive.ledgers(unread)}
        return [self._read[ticket_id] for ticket_id in tickets]

    @cached_property
    def _everywhere(self) -> dict[str, list[Run]]:
        """The sealed records of all tickets, by digest; read only when a file has no seal of its own."""
        self._may_look_at_others()
        found: dict[str, list[Run]] = {}
        for ledger in self._ledgers(self._archive.tickets()):
            for run in ledger.runs:
                if run.sha256:
                    found.setdefault(run.sha256, []).append(run)
        return found

    def _strays(self) -> dict[str | None, Path]:
        """The files that no line names, by digest, of the tickets that were read."""
        self._may_look_at_others()
        runs = [run for ledger in self._read.values() for run in ledger.runs if run.state is State.UNSEALED]
        return {self._digest(self._path(run)): self._path(run) for run in runs}

    def _may_look_at_others(self) -> None:
        if self._alone:
            raise OtherTicketsError

    def _digest(self, path: Path) -> str | None:
        """As `digest_of`, but each file is read once."""
        if path not in self._hashed:
            self._hashed[path] = digest_of(path)
        return self._hashed[path]

    def _ticket(self, ledger: Ledger) -> Iterator[Finding]:
        for problem in ledger.problems:
            yield Finding(problem.folder, problem.file, Code(problem.code), problem.words, problem.line)
        for run in ledger.runs:
            if run.state in _SEALED and run.sha256:
                yield from self._sealed(run)
            elif run.state is State.UNSEALED:
                yield self._unsealed(run)
            elif run.state is State.RUNNING and self._is_left(run):
                words = "is not sealed: it is there, but its run has no end in the journal, which was cut or copied in "
                yield _found(run, Code.UNSEALED, words + "part, or was broken off just then.")
            else:
                yield _open(run)

    def _is_left(self, run: Run) -> bool:
        """Whether a record is there for longer than it takes to seal it, and to read the journals."""
        try:
            return run.record is not None and time.time() - self._path(run).lstat().st_mtime > SEALING_S
        except OSError:
            return False

    def _path(self, run: Run) -> Path:
        return self._archive.folder / str(run.ticket_id) / str(run.record)

    def _sealed(self, run: Run) -> Iterator[Finding]:
        path = self._path(run)
        if run.state is State.ADOPTED:
            yield _found(run, Code.ADOPTED, f"was {ADOPTED_WORDS}.")
        if run.state is State.SET_ASIDE:
            yield _found(run, Code.SET_ASIDE, "is sealed only by a journal that was set aside.")
        if not os.path.lexists(path):
            if run.sha256 not in self._strays():
                yield _found(run, Code.MISSING, "was sealed, but is not there any more.")
            return
        digest = self._digest(path)
        if digest is None:
            yield _found(run, Code.UNREADABLE, "cannot be read, or is a link or no file.")
        elif digest == run.sha256:
            if path.stat().st_mode & 0o222:
                yield _found(run, Code.WRITABLE, "is unaltered, but could be written to; it was expected read-only.")
        elif other := self.sealed_as(digest):
            yield _found(run, Code.REPLACED, f"was replaced by the bytes of {_place(other)}.")
        else:
            yield _found(run, Code.ALTERED, "was altered: it does not have the SHA-256 that it was sealed with.")

    def _unsealed(self, run: Run) -> Finding:
        return self._unnamed(str(run.ticket_id), self._path(run), str(run.record))

    def _unnamed(self, ticket: str, path: Path, name: str) -> Finding:
        """What a file is that no line of its folder's journal names."""
        digest = self._digest(path)
        if digest is None:
            return Finding(ticket, name, Code.UNREADABLE, f"{name} cannot be read, or is a link or no file.")
        other = self.sealed_as(digest)
        if other is None:
            words = "is not sealed: no journal tells of it. `runbook records adopt` seals what papermill has made."
            return Finding(ticket, name, Code.UNSEALED, f"{name} {words}")
        gone = "" if os.path.lexists(self._path(other)) else ", which is not there any more"
        return Finding(ticket, name, Code.MOVED, f"{name} has the bytes of {_place(other)}{gone}.")

    def _stranger(self, path: Path, ledgers: Sequence[Ledger]) -> Verification:
        """A file that its folder's journal does not name; if that is damaged, nobody can say what the file is.

        Raises:
            InputError: There is none.
        """
        if not os.path.lexists(path):
            raise InputError(f"There is no record {path}. Give a ticket's number, or the path of a record.")
        problems = [finding for ledger in ledgers if ledger.problems for finding in self._ticket(ledger)]
        told = [finding for finding in problems if key_of(finding.subject) is not None and finding.is_defect]
        if told:
            return Verification(0, len(ledgers), tuple(told))
        return Verification(0, len(ledgers), (self._unnamed(path.absolute().parent.name, path, path.name),))

    def _notes(self, ledger: Ledger, read: Callable[[int], Iterable[Comment]]) -> Iterator[Finding]:
        ticket = str(ledger.ticket_id)
        try:
            notes = [note for note in read(ledger.ticket_id) if not note.public and not _is_end_users(note)]
            found = [find_seal(note.body) for note in notes]
        except RunbookError as exc:
            yield Finding(ticket, "notes", Code.NOTES_UNREADABLE, f"The notes of ticket {ticket} cannot be read: {exc}")
            return
        seals = [seal for seal in found if seal]
        lines = _lines(self._archive.folder / ticket)
        yield from dict.fromkeys(finding for seal in seals for finding in _compared(ledger, seal, lines))
        noted = {seal.record for seal in seals}
        for run in ledger.runs:
            if run.state in (State.SEALED, State.MISSING) and run.to_note and run.record not in noted:
                yield _found(run, Code.NOT_NOTED, "was sealed, but no note on the ticket keeps its SHA-256.")


def digest_of(path: Path) -> str | None:
    """The SHA-256 of a regular file, or None; links are not followed."""
    try:
        with opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def alone(archive: Archive, tickets: Sequence[int]) -> dict[int, Verification | None]:
    """Verify tickets in several processes, each by itself; None for those that take a look at others."""
    workers = os.cpu_count() or 1
    parts = [tickets[start :: workers * PARTS] for start in range(workers * PARTS)]
    with processes(workers) as pool:
        return {number: one for part in pool.map(partial(_alone, archive), parts) for number, one in part}


def _alone(archive: Archive, tickets: Sequence[int]) -> list[tuple[int, Verification | None]]:
    verifier = Verifier(archive, alone=True)
    return [(ledger.ticket_id, verifier.one_alone(ledger)) for ledger in archive.read(tickets)]


def _open(run: Run) -> Finding:
    """A run that left no seal."""
    match run.state:
        case State.RUNNING:
            return _found(run, Code.RUNNING, "belongs to a run that has not ended: it goes on, or was broken off.")
        case State.UNRECORDED:
            return _found(run, Code.UNRECORDED, f"could not be written; the run ended as {run.outcome or run.status}.")
        case State.SET_ASIDE:
            return _found(run, Code.SET_ASIDE, "is named only by a journal that was set aside, and is not sealed.")
        case State.UNKNOWN_WRITER:
            return _found(run, Code.UNKNOWN_WRITER, "is sealed, if at all, by an unknown writer: it is not verified.")
    return _found(run, Code.INTERRUPTED, "belongs to a run that was broken off: it has no end in the journal.")


def _found(run: Run, code: Code, words: str) -> Finding:
    subject = run.record or f"the record of {run.runbook or 'a run'}"
    return Finding(str(run.ticket_id), subject, code, f"{subject} {words}", run.line)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _place(run: Run) -> str:
    return f"{run.record} of ticket {run.ticket_id}"


@dataclass(frozen=True)
class _Lines:
    """The SHA-256 of the lines of each part of a ticket's journal, by writer, and of those that were set aside."""

    now: Mapping[str, Sequence[str]]
    before: frozenset[str]

    def hold(self, seal: Seal) -> bool:
        """Whether the line that a note keeps is here, in whichever part."""
        parts = self.now.values()
        return seal.head in self.before or any(part[seal.lines - 1 : seal.lines] == [seal.head] for part in parts)


def _lines(folder: Path) -> _Lines:
    parts = {key: _digests(path) for path in folder.glob("journal*.jsonl") if (key := key_of(path.name)) is not None}
    old = [line for path in sorted(folder.glob("journal-until-*.jsonl")) for line in _digests(path)]
    return _Lines({key: part for key, part in parts.items() if part}, frozenset(old))


def _digests(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError:
        return []
    return [digest(line) for line in whole_lines(content)]


def _compared(ledger: Ledger, seal: Seal, lines: _Lines) -> Iterator[Finding]:
    """What one note says that is not so here."""
    ticket = str(ledger.ticket_id)
    file = file_name(seal.key)
    is_own = any(problem.file == file and problem.code == Code.MISSING_JOURNAL for problem in ledger.problems)
    if seal.key and seal.key not in lines.now and not is_own and not lines.hold(seal):
        words = (
            f"A note on the ticket keeps the SHA-256 of {seal.record}, by writer {seal.key}, whose part of the journal,"
        )
        words += f" {file}, is not here. Copy the ticket's folder from that machine, too."
        yield Finding(ticket, file, Code.MISSING_WRITER, words)
        return
    run = next((run for run in ledger.runs if run.record == seal.record and run.sha256), None)
    says = f"A note on the ticket keeps the SHA-256 of {seal.record}"
    if run is None:
        words = f"{says}, but no journal that can be relied on tells of that record."
        yield Finding(ticket, seal.record, Code.MISSING, words)
    elif run.sha256 != seal.sha256:
        words = f"{says}, but the journal has another one: the record and the journal were replaced."
        yield Finding(ticket, seal.record, Code.ALTERED, words)
    if lines.hold(seal):
        return
    count = len(lines.now.get(seal.key, ()))
    if not count:
        words = f"{says} and its line in the journal, but there is no journal."
        yield Finding(ticket, file, Code.MISSING_JOURNAL, words)
    elif count < seal.lines:
        words = f"A note on the ticket keeps line {seal.lines} of {file}, which ends after line {count}."
        yield Finding(ticket, file, Code.TRUNCATED, words, count)
    else:
        words = f"A note on the ticket keeps line {seal.lines} of {file}, which is another one now."
        yield Finding(ticket, file, Code.ALTERED_JOURNAL, words, seal.lines)


def _is_end_users(comment: Comment) -> bool:
    """Whether an end user wrote it: then it keeps nothing of ours, whatever it says."""
    return comment.author is not None and comment.author.role == "end-user"

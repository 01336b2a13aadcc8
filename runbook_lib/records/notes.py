"""A ticket's notes beside its journal: what a note keeps, and the folder alone cannot show. Only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from runbook_lib import files
from runbook_lib.domain.errors import RunbookError
from runbook_lib.domain.messages import Seal, find_seal
from runbook_lib.domain.models import Comment
from runbook_lib.ledger.chains import digest, file_name, key_of, whole_lines
from runbook_lib.records.archive import Ledger
from runbook_lib.records.findings import Code, Finding
from runbook_lib.records.runs import State


def compare(ledger: Ledger, folder: Path, read: Callable[[int], Iterable[Comment]]) -> Iterator[Finding]:
    """Compare what a ticket's notes keep with what is in its folder, both ways; one that is gone has lost all."""
    ticket = str(ledger.ticket_id)
    try:
        notes = [note for note in read(ledger.ticket_id) if not note.public]
        # What an end user wrote keeps nothing of ours, whatever it says
        kept = [find_seal(note.body) for note in notes if not (note.author and note.author.role == "end-user")]
    except RunbookError as exc:
        yield Finding(ticket, "notes", Code.NOTES_UNREADABLE, f"The notes of ticket {ticket} cannot be read: {exc}")
        return
    seals = [seal for seal in kept if seal]
    if seals:
        lines = _Lines(folder)
        yield from dict.fromkeys(finding for seal in seals for finding in _compared(ledger, seal, lines))
    noted = {seal.record for seal in seals}
    for run in ledger.runs:
        if run.state in (State.SEALED, State.MISSING) and run.to_note and run.record not in noted:
            yield Finding.of(run, Code.NOT_NOTED, "was sealed, but no note on the ticket keeps its SHA-256.")


class _Lines:
    """The SHA-256 of the lines of each part of a ticket's journal, by writer, and of those that were set aside."""

    def __init__(self, folder: Path) -> None:
        parts = {key: _digests(path) for path in folder.glob("journal.*.jsonl") if (key := key_of(path.name))}
        self.now = {key: part for key, part in parts.items() if part}
        self.before = {line for path in folder.glob("journal-until-*.jsonl") for line in _digests(path)}

    def hold(self, seal: Seal) -> bool:
        parts = self.now.values()
        return seal.head in self.before or any(part[seal.lines - 1 : seal.lines] == [seal.head] for part in parts)


def _digests(path: Path) -> list[str]:
    try:
        content = files.read(path)
    except OSError:
        return []
    return [digest(line) for line in whole_lines(content)]


def _compared(ledger: Ledger, seal: Seal, lines: _Lines) -> Iterator[Finding]:
    ticket, file = str(ledger.ticket_id), file_name(seal.key)
    says = f"A note on the ticket keeps the SHA-256 of {seal.record}"
    is_own = any(problem.subject == file and problem.code == Code.MISSING_JOURNAL for problem in ledger.problems)
    if seal.key not in lines.now and not is_own and not lines.hold(seal):
        words = f"{says}, by writer {seal.key}, whose part of the journal, {file}, is not here. Copy the ticket's "
        yield Finding(ticket, file, Code.MISSING_WRITER, f"{words}folder from that machine, too.")
        return
    sealed = {run.sha256 for run in ledger.runs if run.record == seal.record and run.sha256}
    if not sealed:
        words = f"{says}, but no journal that can be relied on tells of that record."
        yield Finding(ticket, seal.record, Code.MISSING, words)
    elif seal.sha256 not in sealed:
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
        words = f"A note on the ticket keeps line {seal.lines} of {file}, which was changed since."
        yield Finding(ticket, file, Code.ALTERED_JOURNAL, words, seal.lines)

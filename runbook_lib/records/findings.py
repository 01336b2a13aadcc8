"""What was found about records and journals: each defect by its own name, and the sum of it. Looks at nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from runbook_lib.domain.plain_text import count
from runbook_lib.records.runs import ADOPTED_WORDS, Run


class Code(StrEnum):
    """A finding's own name; those of the last group are no defects."""

    # a record
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
    # a journal, or a part of it by another writer
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
    # notices
    ADOPTED = "adopted"
    UNTRUSTED_WRITER = "untrusted_writer"
    CHECKPOINT = "checkpoint"
    WRITABLE = "writable"
    RUNNING = "running_or_interrupted"
    SET_ASIDE = "set_aside"
    SPLIT = "split"


_NOTICES = (*Code,)[-7:]
UNPROVEN_WORDS = "proven by a key that is trusted here"
RecordId = tuple[str, str, str]
"""A record's ticket, name and writer."""
_OF_JOURNALS = {
    "altered": Code.ALTERED_JOURNAL,
    "missing": Code.MISSING_JOURNAL,
    "misnamed": Code.MISNAMED_JOURNAL,
}


def journal_code(problem: str) -> Code:
    """The code of a `JournalError`'s problem, which no record's defect has."""
    return _OF_JOURNALS.get(problem) or Code(problem)


@dataclass(frozen=True)
class Finding:
    ticket: str  # the ticket's number, or the name of a folder of the outputs that belongs to no ticket; or ""
    subject: str  # the file
    code: Code
    words: str
    line: int | None = None  # the number of the journal line that shows it, or None

    @classmethod
    def of(cls, run: Run, code: Code, words: str) -> Self:
        """What was found about a run's record; the words follow its name."""
        subject = run.record or f"the record of {run.runbook or 'a run'}"
        return cls(str(run.ticket_id), subject, code, f"{subject} {words}", run.line)

    @property
    def is_defect(self) -> bool:
        return self.code not in _NOTICES

    @property
    def plain(self) -> dict[str, Any]:
        return {**vars(self), "is_defect": self.is_defect}

    @property
    def as_problem(self) -> dict[str, Any]:
        """What `records list --json` and the review say of a journal."""
        about = {"folder": self.ticket, "code": self.code, "words": self.words, "line": self.line}
        return {**about, "file": self.subject}


@dataclass(frozen=True)
class Verification:
    """What came out. A record is known by its ticket, its name and its writer: two may say that one is theirs."""

    tickets: int
    findings: tuple[Finding, ...]
    records: frozenset[RecordId] = frozenset()  # the sealed records that were looked at
    proven: frozenset[RecordId] = frozenset()  # those of them that a key vouches for that is trusted here

    @classmethod
    def of_runs(cls, runs: Sequence[Run], findings: Iterable[Finding]) -> Self:
        """What came out of the runs of one ticket that have a seal."""
        proven = frozenset(_id(run) for run in runs if run.is_vouched_for)
        return cls(1, tuple(findings), frozenset(map(_id, runs)), proven)

    @classmethod
    def of(cls, parts: Iterable[Self], more: Iterable[Finding] = ()) -> Self:
        """What came out of several parts, and what else was found; each finding is listed once."""
        several = list(parts)
        findings = dict.fromkeys([*(finding for part in several for finding in part.findings), *more])
        records = frozenset().union(*(part.records for part in several))
        proven = frozenset().union(*(part.proven for part in several))
        return cls(sum(part.tickets for part in several), tuple(findings), records, proven)

    @property
    def sealed(self) -> int:
        return len(self.records)

    @property
    def defects(self) -> int:
        return sum(finding.is_defect for finding in self.findings)

    @property
    def adopted(self) -> int:
        """How many of the sealed records were adopted: their contents are not guaranteed."""
        return sum(finding.code is Code.ADOPTED for finding in self.findings)

    @property
    def has_untrusted_writers(self) -> bool:
        """Whether a part was verified only by the key that lies beside it, which is not trusted here."""
        return any(finding.code is Code.UNTRUSTED_WRITER for finding in self.findings)

    @property
    def good(self) -> int:
        """How many of the sealed records have no defect of their own, and are proven by a key that is trusted here."""
        wrong = {(finding.ticket, finding.subject) for finding in self.findings if finding.is_defect}
        return sum((ticket, name) not in wrong for ticket, name, _ in self.proven)

    def codes(self, run: Run) -> list[Code]:
        own = (str(run.ticket_id), run.record)
        return [each.code for each in self.findings if each.is_defect and (each.ticket, each.subject) == own]

    def looked_at(self, run: Run) -> bool:
        return _id(run) in self.records

    def holds(self, run: Run) -> bool:
        """Whether a run's record was verified, and is what was sealed by a key that is trusted here."""
        return _id(run) in self.proven and not self.codes(run)

    @property
    def plain(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("sealed", "tickets", "defects", "adopted")}
        findings = [finding.plain for finding in self.findings]
        return {"good": self.is_good, "good_records": self.good, **counts, "findings": findings}

    @property
    def words(self) -> str:
        """What came out, in a sentence: defects and good records are counted apart."""
        tickets = {ticket for ticket, _, _ in self.records}
        what = f"{count(self.sealed, 'sealed record')} of {count(len(tickets), 'ticket')}"
        strange = " Not every writer is trusted here yet." if self.has_untrusted_writers else ""
        taken = f" {self.adopted} of them {ADOPTED_WORDS}." if self.adopted else ""
        if self.is_good and self.records > self.proven:
            return f"No defects; {self.good} of {what} {UNPROVEN_WORDS}.{taken}{strange}"
        if self.is_good:
            return f"All is well: {what} {'was' if self.sealed == 1 else 'were'} verified.{taken}{strange}"
        verb = "is" if self.good == 1 else "are"
        return f"{count(self.defects, 'defect')}; {self.good} of {what} {verb} good.{taken}{strange}"

    @property
    def is_good(self) -> bool:
        return not self.defects


def _id(run: Run) -> RecordId:
    return str(run.ticket_id), str(run.record), run.writer

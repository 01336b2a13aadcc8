"""A reviewer signs a record off: a line in the reviewer's own part of the ticket's journal. Changes no record.

The line has who, when, their words, and the record's name and SHA-256. So it counts only for exactly the bytes that
were sealed, and only where the reviewer's key is trusted. What is damaged cannot be signed off.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runbook_lib.domain.errors import InputError
from runbook_lib.domain.events import EventKind
from runbook_lib.ledger.journal import Journal
from runbook_lib.records.archive import Archive
from runbook_lib.records.runs import Run
from runbook_lib.records.verification import Verifier
from runbook_lib.settings import Settings

MOST_CHARS = 300
"""Of a reviewer's words."""

_OTHERS = ("unknown_writer", "missing_writer")
"""What another part of the journal may be without keeping a reviewer from their own."""


def sign_off(paths: Sequence[Path], words: str, settings: Settings, reviewer: str) -> None:
    """Verify all of these records, then sign each off.

    Raises:
        InputError: A record cannot be signed off, or the words are none; nothing was written.
        UnavailableError: The disk does not take it.
    """
    line = words.strip()
    if not line or len(line) > MOST_CHARS or not line.isprintable():
        raise InputError(f"--words is no line of 1 to {MOST_CHARS} characters; say in plain words what you found.")
    verifier = Verifier(Archive.of(settings))
    for run in [_checked(path, verifier) for path in dict.fromkeys(paths)]:
        fields = {"record": run.record, "sha256": run.sha256, "operator": reviewer, "words": line}
        line_of_it = {"kind": EventKind.SIGNED_OFF, **fields}.items()
        journal = Journal.of(settings, run.ticket_id)
        if not any(line_of_it <= entry.items() for entry in journal.entries()):  # the same said once more
            journal.append(EventKind.SIGNED_OFF, **fields)


def _checked(path: Path, verifier: Verifier) -> Run:
    found, ledger = verifier.record(path), verifier.ledger_of(path)
    runs = [run for run in verifier.runs_of(path) if run.sha256]
    defects = [str(finding.code) for finding in found.findings if finding.is_defect]
    others = [problem for problem in ledger.problems if problem.is_defect] if ledger else []
    defects += [problem.code for problem in others if problem.code not in _OTHERS]
    proven = [run for run in runs if found.holds(run)]
    if runs and not (proven or defects):
        raise InputError(
            f"{path.name} cannot be signed off: no key that is trusted here proves it. Nothing was written. "
            "`runbook keys list` shows whose it is; `runbook keys trust` takes it in."
        )
    if defects or not proven:
        why = ", ".join(dict.fromkeys(defects)) or "not sealed"
        raise InputError(
            f"{path.name} cannot be signed off ({why}). Nothing was written. `runbook records verify` says what is "
            "wrong; tell the owner of the machine that it came from."
        )
    return proven[-1]

"""Taking in a notebook that plain papermill has executed: it becomes a sealed record of its ticket.

The bytes stay what they are, since they are what somebody vouches for; the journal says who. What is refused: a
notebook that did not run, is of another ticket, is sealed already, or holds a license or a secret.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.errors import InputError, RunbookError, UnavailableError
from runbook_lib.journal import Journal
from runbook_lib.models import Status
from runbook_lib.records.archive import Archive
from runbook_lib.records.reading import Record, mapping, read, text
from runbook_lib.records.runs import SUFFIX
from runbook_lib.records.verification import Verifier
from runbook_lib.redaction import Redactor
from runbook_lib.settings import Settings

READ_ONLY = 0o444
_PERSON_NEEDED = ("PersonNeededError", "OutcomeUnknownError", "NeedsAnswerError")
_FOREIGN_SECRET = re.compile(
    r"BEGIN [A-Z ]{0,60}(?:PRIVATE KEY|LICENSE)"
    r"|\bglp(?:at|tt)-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bBearer [\w.~+/-]{16,}"
)
"""A license, a private key, or a token of GitLab or Slack that is not configured here.

Source: the vendors' own documentation.
"""


def adopt(path: Path, ticket_id: int, settings: Settings, operator: str) -> Path:
    """Copy a notebook into its ticket's folder, read-only, and seal it; returns the record.

    A file that lies in the ticket's folder already is not left there twice.

    Args:
        path: The notebook that papermill has made.
        ticket_id: The ticket.
        settings: Where records are, and which secrets must not be in one.
        operator: Who vouches for it.

    Raises:
        InputError: It is none of ours, of another ticket, sealed already, or holds a license or a secret.
        UnavailableError: The folder cannot be written.
    """
    found = read(path)
    runbook, started_at = _origin(found, path, ticket_id)
    _refuse_secrets(found, path, settings)
    digest = hashlib.sha256(found.content).hexdigest()
    if sealed := Verifier(Archive.of(settings)).sealed_as(digest):
        raise InputError(f"{path} is sealed already, as {sealed.record} of ticket {sealed.ticket_id}.")
    journal = Journal.of(settings, ticket_id)
    record = journal.folder / f"{started_at:%Y%m%dT%H%M%S}{started_at.microsecond // 1000:03d}Z-{runbook}{SUFFIX}"
    in_place = _same(path, record)
    if os.path.lexists(record) and not in_place:
        raise InputError(f"{record} is there already; two records cannot have the same start.")
    _copy(found.content, record)
    try:
        journal.append("record_adopted", record=record.name, sha256=digest, operator=operator, **_told(found, runbook))
    except RunbookError:
        if not in_place:
            record.unlink(missing_ok=True)
        raise
    if not in_place and _same(path.parent, record.parent):
        path.unlink()
    return record


def _origin(found: Record, path: Path, ticket_id: int) -> tuple[str, datetime]:
    """The runbook of an executed notebook, and when it began.

    Raises:
        InputError: It is no executed notebook of ours, or of another ticket.
    """
    steps = found.steps
    runbook = text(steps[0].get("runbook")) if steps else ""
    try:
        started_at = datetime.fromisoformat(text(found.papermill.get("start_time"))).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise InputError(f"{path} was not executed by papermill: it does not say when it began.") from exc
    if not re.fullmatch(r"\w{1,80}", runbook):
        raise InputError(f"{path} is no executed runbook: no step in it shows a result.")
    tickets = {step.get("ticket_id") for step in steps}
    if tickets != {ticket_id}:
        named = ", ".join(sorted(str(ticket) for ticket in tickets))
        raise InputError(f"{path} is of ticket {named}, not of {ticket_id}. Pass the ticket that it is of.")
    return runbook, started_at


def _refuse_secrets(found: Record, path: Path, settings: Settings) -> None:
    """Look for a license or a secret, however the file writes its letters.

    Raises:
        InputError: There is one; the message does not hold it.
    """
    sources = [cell.source for cell in found.cells]
    shown = [words for cell in found.cells for output in cell.outputs for words in (output.text, output.html)]
    everything = "\n".join([*sources, *shown, found.content.decode("utf-8", "replace")])
    if Redactor.of(settings).text(everything) != everything or _FOREIGN_SECRET.search(everything):
        raise InputError(f"{path} holds a license or a secret, and cannot become a record. Run it with `runbook run`.")


def _told(found: Record, runbook: str) -> dict[str, object]:
    """What the notebook says of its run, for the journal."""
    last = found.steps[-1]
    errors = [output.text for cell in found.cells for output in cell.outputs if output.is_error]
    all_ran = all(cell.status == "completed" for cell in found.cells if cell.kind == "code")
    status = Status.COMPLETED if all_ran and not errors else Status.FAILED
    if any(error.startswith(_PERSON_NEEDED) for error in errors):
        status = Status.NEEDS_ANSWER
    parameters = mapping(found.papermill.get("parameters"))
    outcome = text(last.get("outcome")) if status is Status.COMPLETED else ""
    return {
        "runbook": runbook,
        "performed": parameters.get("perform") is True or any(step.get("performed") is True for step in found.steps),
        "status": status,
        "outcome": outcome or None,
        "summary": text(last.get("summary"))[:500],
    }


def _copy(content: bytes, record: Path) -> None:
    """Write the record in one piece, read-only.

    Raises:
        UnavailableError: The folder does not take it; nothing of it is left there.
    """
    part = record.with_name(f".{record.name}.part")
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(READ_ONLY)
        part.replace(record)
    except OSError as exc:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise UnavailableError(f"The record {record} cannot be written: {exc.strerror}.") from exc


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)

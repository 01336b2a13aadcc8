"""Taking in a notebook that plain papermill has executed: it becomes a sealed record of its ticket.

The bytes stay what they are from then on; the journal says who took them in. What is in them is not guaranteed, since
where they were before is unknown; each place that shows such a record says so. What is refused: a notebook
that did not run, is of another ticket, contradicts itself, is sealed already, or holds a license or a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_lib import files
from runbook_lib.domain.errors import PERSON_NEEDED, InputError, RunbookError, UnavailableError
from runbook_lib.domain.events import EventKind, finite
from runbook_lib.domain.models import Status
from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.chains import digest
from runbook_lib.ledger.journal import Journal
from runbook_lib.records.archive import Archive
from runbook_lib.records.reading import Record, mapping, read, text
from runbook_lib.records.verification import Verifier
from runbook_lib.redaction import Redactor
from runbook_lib.settings import Settings

CLOCKS_S = 5.0
"""How far a manifest's moments may be from papermill's, which are taken within the same run."""
_RUN_IT = "Run the runbook's own notebook anew, and adopt what that leaves."
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

    Raises:
        InputError: It is none of ours, of another ticket, contradicts itself, is sealed already, or holds a license or
            a secret.
        UnavailableError: The folder cannot be written.
    """
    found = read(path)
    runbook, started_at = _origin(found, path, ticket_id)
    _refuse_contradictions(found, path, {"ticket_id": ticket_id, "runbook": runbook, "profile": settings.profile})
    _refuse_secrets(found, path, settings)
    sha256 = digest(found.content)
    if sealed := Verifier(Archive.of(settings)).sealed_as(sha256):
        raise InputError(f"{path} is sealed already, as {sealed.record} of ticket {sealed.ticket_id}.")
    journal = Journal.of(settings, ticket_id)
    _refuse_changed_copy(found, path, journal)
    record = journal.record_path(started_at, runbook)
    in_place = _same(path, record)
    if os.path.lexists(record) and not in_place:
        raise InputError(f"{record} is there already; two records cannot have the same start.")
    with files.explained(f"The record {record} cannot be written", kind=UnavailableError):
        files.make_folder(record.parent)
        files.write(record, found.content, mode=files.SEALED)
    try:
        journal.append(
            EventKind.RECORD_ADOPTED,
            record=record.name,
            sha256=sha256,
            operator=operator,
            **_journal_fields(found, runbook),
        )
    except RunbookError:
        if not in_place:
            record.unlink(missing_ok=True)
        raise
    if not in_place and _same(path.parent, record.parent):
        path.unlink()
    return record


def _origin(found: Record, path: Path, ticket_id: int) -> tuple[str, datetime]:
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


def _refuse_contradictions(found: Record, path: Path, about: Mapping[str, object]) -> None:
    """A manifest is of the run that the cells show; one that a record kept from the run before is of another."""
    manifest, last = found.manifest, found.steps[-1]
    pairs = [(name, manifest.get(name), known) for name, known in about.items()]
    pairs += [("runbook", step.get("runbook"), about["runbook"]) for step in found.steps]
    if manifest.get("status") == Status.COMPLETED:
        pairs += [(name, manifest.get(name), last.get(name)) for name in ("outcome", "performed")]
    for name, one, other in pairs:
        if one is not None and other is not None and one != other:
            words = f"{path} contradicts itself: {name} is {clean(str(one))} in one place and {clean(str(other))}"
            raise InputError(f"{words} in another. It was edited, or a record was run again. {_RUN_IT}")
    if not _is_of_this_run(manifest, found.papermill):
        raise InputError(f"{path} has the manifest of another run than the one that its cells show. {_RUN_IT}")


def _refuse_changed_copy(found: Record, path: Path, journal: Journal) -> None:
    """Refuse what says that it is a record of this ticket which was sealed, but has other bytes."""
    name = re.split(r"[/\\]", text(found.papermill.get("output_path")))[-1]
    if any(line.get("kind") == EventKind.RUN_ENDED and line.get("record") == name for line in journal.entries()):
        raise InputError(f"{path} is a changed copy of {clean(name)}, which its run has sealed. That record stands.")


def _is_of_this_run(manifest: Mapping[str, Any], papermill: Mapping[str, Any]) -> bool:
    """Whether what papermill ran lies within the run that a manifest describes, as far as both say."""
    began, ended = _moment(manifest.get("started_at")), _moment(manifest.get("ended_at"))
    start, end = _moment(papermill.get("start_time")), _moment(papermill.get("end_time"))
    pairs = ((began, start), (end, ended), (start, ended))
    return not any(one and other and one > other + timedelta(seconds=CLOCKS_S) for one, other in pairs)


def _moment(value: object) -> datetime | None:
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text(value))
        return moment.astimezone(UTC) if moment.tzinfo else None
    return None


def _refuse_secrets(found: Record, path: Path, settings: Settings) -> None:
    """Look for a license or a secret, however the file writes its letters."""
    sources = [cell.source for cell in found.cells]
    shown = [words for cell in found.cells for output in cell.outputs for words in (output.text, output.html)]
    everything = "\n".join([*sources, *shown, found.content.decode("utf-8", "replace")])
    if Redactor.of(settings).text(everything) != everything or _FOREIGN_SECRET.search(everything):
        raise InputError(f"{path} holds a license or a secret, and cannot become a record. Run it with `runbook run`.")


def _journal_fields(found: Record, runbook: str) -> dict[str, object]:
    last = found.steps[-1]
    errors = [output.text for cell in found.cells for output in cell.outputs if output.is_error]
    all_ran = all(cell.status == "completed" for cell in found.cells if cell.kind == "code")
    status = Status.COMPLETED if all_ran and not errors else Status.FAILED
    if any(error.startswith(PERSON_NEEDED) for error in errors):
        status = Status.NEEDS_ANSWER
    parameters = mapping(found.papermill.get("parameters"))
    outcome = text(last.get("outcome")) if status is Status.COMPLETED else ""
    return {
        "runbook": runbook,
        "performed": parameters.get("perform") is True or any(step.get("performed") is True for step in found.steps),
        "status": status,
        "outcome": outcome or None,
        **({"next_runbook": following} if (following := text(last.get("next_runbook"))) else {}),
        "summary": text(last.get("summary"))[:500],
        "seconds": finite(found.papermill.get("duration")),
    }


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)

"""One run: from a runbook, a ticket and parameters to a record. The only module that writes records.

Everything that can be told before a kernel starts is told before: the runbook's name, the parameters, the settings.
Once a run has begun it leaves a record, however it ends; a reader never sees half of one.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runbook_lib import answers, engine
from runbook_lib.display import MIME
from runbook_lib.errors import InputError, OutcomeUnknownError, PersonNeededError, UnavailableError
from runbook_lib.journal import Journal
from runbook_lib.models import Status
from runbook_lib.settings import Settings

_PERSON_NEEDED = {PersonNeededError.__name__, OutcomeUnknownError.__name__, "NeedsAnswerError"}


@dataclass(frozen=True)
class Report:
    """What a run came to; as JSON, the contract of `runbook run --json`.

    Attributes:
        ticket_id: The ticket.
        runbook: The runbook.
        performed: Whether it changed things; False for a rehearsal.
        status: How the run ended.
        outcome: How the case ended, or in a rehearsal would; None if it has not.
        summary: One or two sentences.
        record: The executed notebook's path.
        effects: Each effect's name, state, summary and evidence.
        missing: The parameters that a person has to give.
        seconds: How long the run took.
    """

    ticket_id: int
    runbook: str
    performed: bool
    status: Status
    outcome: str | None
    summary: str
    record: str
    effects: list[dict[str, Any]]
    missing: list[str]
    seconds: float


def runbooks(settings: Settings) -> list[str]:
    """The names of the runbooks there are."""
    return sorted(path.stem for path in settings.notebooks.glob("*.ipynb"))


def template(settings: Settings, runbook: str) -> Path:
    """The notebook of a runbook.

    Raises:
        InputError: There is none of this name.
    """
    known = runbooks(settings)
    if runbook not in known:
        if not known:
            raise InputError(f"No notebooks are in {settings.notebooks}; set RUNBOOK_NOTEBOOKS to their folder.")
        raise InputError(f"There is no runbook {runbook!r}{_did_you_mean(runbook, known)} Known: {', '.join(known)}.")
    return settings.notebooks / f"{runbook}.ipynb"


def check(notebook: Path, ticket_id: object, given: Mapping[str, object], *, perform: bool) -> dict[str, Any]:
    """The parameters of a run, checked against the notebook's own parameters cell.

    Raises:
        InputError: A name is unknown to the notebook, or a value is impossible.
    """
    known = engine.parameters(notebook)
    for name in given:
        if name not in known:
            raise InputError(
                f"{notebook.stem} has no parameter {name!r}{_did_you_mean(name, known)} Known: {', '.join(known)}."
            )
        if name in ("ticket_id", "perform"):
            raise InputError(f"{name} is not passed with -p: give the ticket as argument, and --perform to perform.")
    values = {"ticket_id": ticket_id, "perform": perform, **given}
    return {name: answers.QUESTIONS[name].plain(value) for name, value in values.items()}


def run(
    runbook: str,
    ticket_id: object,
    given: Mapping[str, object],
    *,
    perform: bool,
    settings: Settings,
    progress: bool = False,
) -> Report:
    """Run a runbook on a ticket and leave the record.

    Args:
        runbook: Its name.
        ticket_id: The ticket's number.
        given: Further parameters, as typed.
        perform: Whether to change things.
        settings: Complete settings; the kernel loads the same from the environment.
        progress: Whether to show a progress bar.

    Raises:
        InputError: Something is wrong before the run begins; there is no record.
        UnavailableError: The outputs folder takes no record.
    """
    notebook = template(settings, runbook)
    values = check(notebook, ticket_id, given, perform=perform)
    started_at = datetime.now(UTC)
    clock = time.monotonic()
    folder = settings.ticket_folder(values["ticket_id"])
    journal = Journal(folder)
    record = _claim(folder, f"{started_at:%Y%m%dT%H%M%S}{started_at.microsecond // 1000:03d}Z-{runbook}")
    name = record.name
    journal.append("run_started", runbook=runbook, record=name, performed=perform, operator=settings.operator)
    with tempfile.TemporaryDirectory(prefix="runbook-") as private:
        execution = engine.execute(notebook, Path(private) / "run.ipynb", values, progress=progress)
    report = _report(execution, values, runbook, record, seconds=time.monotonic() - clock)
    digest = _write(record, execution.notebook, _manifest(report, values, settings, notebook, started_at))
    journal.append("run_ended", record=name, sha256=digest, status=report.status, outcome=report.outcome)
    return report


def _claim(folder: Path, stem: str) -> Path:
    """Reserve the record's name, so that a folder that takes no files is told before anything runs.

    Raises:
        UnavailableError: The folder cannot be written to.
    """
    record = folder / f"{stem}.ipynb"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise UnavailableError(
            f"No record can be written to {folder} ({exc.strerror}), so nothing was run. Check RUNBOOK_OUTPUTS."
        ) from exc
    if record.exists():
        raise UnavailableError(f"The record {record} exists already. Run again.")
    return record


def _report(
    execution: engine.Execution, values: Mapping[str, Any], runbook: str, record: Path, *, seconds: float
) -> Report:
    """What the cells' own data says, with the status of the run."""
    shown = _results(execution.notebook)
    last: Mapping[str, Any] = shown[-1] if shown else {}
    status = execution.status
    if execution.error_name in _PERSON_NEEDED:
        status = Status.NEEDS_ANSWER
    words = execution.error_words or str(last.get("summary", ""))
    if execution.error_name and last.get("error") != execution.error_name:
        words = f"{execution.error_name}: {words} This is a bug or a broken installation; the record has the details."
    return Report(
        ticket_id=values["ticket_id"],
        runbook=runbook,
        performed=bool(values["perform"]),
        status=status,
        outcome=last.get("outcome") if status is Status.COMPLETED else None,
        summary=words,
        record=str(record),
        effects=list(last.get("effects", [])),
        missing=list(last.get("missing", [])),
        seconds=round(seconds, 1),
    )


def _results(notebook: Any) -> list[Mapping[str, Any]]:
    """The data of every step that was shown, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]


def _manifest(
    report: Report, values: Mapping[str, Any], settings: Settings, notebook: Path, started_at: datetime
) -> dict[str, Any]:
    said = asdict(report)
    return {
        **{key: said[key] for key in ("ticket_id", "runbook", "performed", "status", "outcome", "summary", "effects")},
        "profile": settings.profile,
        "operator": settings.operator,
        "started_at": started_at.isoformat(timespec="milliseconds"),
        "ended_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "parameters": dict(values),
        "template_sha256": hashlib.sha256(notebook.read_bytes()).hexdigest(),
        "versions": {name: version(name) for name in ("license-runbook", "papermill")},
    }


def _write(record: Path, notebook: Any, manifest: Mapping[str, Any]) -> str:
    """Write the record in one piece; returns its SHA-256."""
    import nbformat

    notebook.metadata["runbook"] = dict(manifest)
    papermill = notebook.metadata.get("papermill", {})
    papermill.update(input_path=f"{manifest['runbook']}.ipynb", output_path=record.name)
    content = (str(nbformat.writes(notebook)) + "\n").encode()  # type: ignore[no-untyped-call]
    with tempfile.NamedTemporaryFile(dir=record.parent, prefix=".", suffix=".part", delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part = Path(file.name)
    part.chmod(0o644)
    part.replace(record)
    return hashlib.sha256(content).hexdigest()


def _did_you_mean(word: str, known: Mapping[str, object] | list[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else "."

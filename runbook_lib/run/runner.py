"""One run: from a runbook, a ticket and parameters to a record. The only module that writes records.

What is wrong with the parameters is reported before, by `intake`; a ticket that does not exist, by `ticket_check`.
Once the journal says that a run has begun, a record and the journal's word of its end follow, short of `kill -9`; a
reader never sees half of a record. The journal's word holds the record's digest: that seals it. What a record says of
itself, its *manifest*, is described by `record.schema.json`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runbook_lib import files
from runbook_lib.display import STEP_MIME
from runbook_lib.domain.errors import PERSON_NEEDED, RunbookError, UnavailableError
from runbook_lib.domain.events import SEEN, EventKind, RunEvents
from runbook_lib.domain.models import EffectState, Status
from runbook_lib.domain.state_words import run_ending_words, within_sentence
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.redaction import Redactor
from runbook_lib.run import banner, engine, forks, intake
from runbook_lib.run.signals import Signals
from runbook_lib.settings import Settings

SCHEMA = 1
"""The version of the manifest."""


@dataclass(frozen=True)
class Report:
    """The result of a run; as JSON, the contract of `runbook run --json`."""

    ticket_id: int
    runbook: str
    performed: bool  # whether it changed things; False for a rehearsal
    status: Status
    outcome: str | None  # how the case ended, or in a rehearsal would; None if it has not
    summary: str  # one or two sentences
    record: str  # the executed notebook's path
    effects: list[dict[str, Any]]  # each effect's name, state, summary and evidence
    missing: list[str]  # the parameters that a person has to give
    next_runbook: str | None  # the runbook that goes on with the ticket, or None
    seconds: float  # how long the run took
    notice: str = ""  # what else the reader should know, or "" (then it is not in the contract)

    def contract(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "notice" or value}


def run(
    runbook: str,
    ticket_id: object,
    given: Mapping[str, object],
    *,
    perform: bool,
    settings: Settings,
    batch: str = "",
    kernel: Callable[[], forks.KernelProcess] = forks.spawned,
) -> Report:
    """Run a runbook on a ticket and leave the record.

    Args:
        given: Further parameters, as typed.
        settings: Complete settings; the kernel loads the same from the environment.
        batch: The batch that it belongs to, by its name in the journals.
        kernel: Starts a kernel's process, or has one ready.

    Raises:
        InputError: Something is wrong before the run begins; there is no record.
        UnavailableError: The outputs folder takes no record.
    """
    this = _Run.checked(runbook, ticket_id, given, perform=perform, settings=settings)
    with KeyRing.of(settings).in_use():
        with closing(kernel()) as process, Signals.noted() as signals:
            notebook = this.begin(batch)
            execution = this.execute(notebook, process, signals)
            report = this.end(notebook, execution)
        return replace(report, notice=_after(settings, this.journal)) if perform else report


@dataclass(frozen=True)
class _Run:
    """A run of a runbook on a ticket, from its first line in the journal to its last; `clock` is monotonic."""

    runbook: str
    notebook: Path
    template_sha256: str
    values: Mapping[str, Any]
    settings: Settings
    journal: Journal
    record: Path
    started_at: datetime
    clock: float

    @classmethod
    def checked(
        cls, runbook: str, ticket_id: object, given: Mapping[str, object], *, perform: bool, settings: Settings
    ) -> _Run:
        """A run whose input is right and whose record can be written. Raises as `run`."""
        notebook = intake.template(settings, runbook)
        values = intake.check(notebook, ticket_id, given, perform=perform)
        settings.check_account(ticket_id)
        started_at, clock = datetime.now(UTC), time.monotonic()
        digest = hashlib.sha256(notebook.read_bytes()).hexdigest()
        journal = Journal.of(settings, values["ticket_id"])
        record = _writable(journal.record_path(started_at, runbook))
        return cls(runbook, notebook, digest, values, settings, journal, record, started_at, clock)

    @property
    def performs(self) -> bool:
        return bool(self.values["perform"])

    def begin(self, batch: str) -> Any:
        """Note the beginning; returns the notebook to be executed.

        The notebook gets the run's name for `perform`, not True: it performs in this run alone (`Case.open`). So a
        record that is run again, by whatever program, only rehearses, and says so.
        """
        perform = self.record.stem if self.performs else False
        executed = engine.prepared(self.notebook, {**self.values, "perform": perform})
        self.journal.append(
            EventKind.RUN_STARTED,
            runbook=self.runbook,
            record=self.record.name,
            performed=self.performs,
            operator=self.settings.operator,
            pid=os.getpid(),
            **({"batch": batch} if batch else {}),
        )
        return executed

    def execute(self, executed: Any, kernel: forks.KernelProcess, signals: Signals) -> engine.Execution:
        """Run the cells, each noted in the journal before; whatever stops them is part of the result, not raised."""
        cancelled = engine.Execution(Status.CANCELLED, error_words="The run was cancelled before its end.")
        try:
            with signals.end_this():
                execution = engine.execute(
                    executed,
                    Redactor.of(self.settings),
                    kernel=kernel,
                    cell_limit_s=self.settings.cell_limit_s + self.settings.wait_s,
                    run_limit_s=self.settings.run_limit_s + self.settings.wait_s,
                    on_cell=lambda cell: self.journal.append(
                        EventKind.CELL_STARTED, record=self.record.name, cell=cell
                    ),
                )
            ended_by_signal = signals.received and execution.status is Status.KILLED
            return cancelled if ended_by_signal else execution
        except KeyboardInterrupt:
            return cancelled
        except RunbookError as exc:
            return engine.Execution(Status.FAILED, error_words=str(exc))
        # Everything: a run has begun and may have changed things, so that its record must be written, whatever broke.
        except Exception as exc:
            words = " ".join(str(exc).split())[:500]
            return engine.Execution(Status.FAILED, type(exc).__name__, words, traceback.format_exc())

    def end(self, executed: Any, execution: engine.Execution) -> Report:
        """Write the record, and note the end with its digest. Raises UnavailableError if it cannot be written."""
        from runbook_lib.run.papermill_engine import say_what_ran

        redactor = Redactor.of(self.settings)
        say_what_ran(executed)
        executed = redactor.data(executed)
        report = self._report(_results(executed), execution)
        report = replace(report, summary=redactor.text(report.summary))
        manifest = redactor.data(self._manifest(report, execution, executed))
        kept = ("status", "outcome", "summary", "missing", "seconds")
        ended = {name: getattr(report, name) for name in kept} | _next(report)
        ended["to_note"] = report.performed and bool(report.effects)  # a ticket that was not taken gets no note
        try:
            digest = _write(self.record, executed, manifest)
        except OSError as exc:
            with suppress(UnavailableError):  # the same disk; the exception says it all
                self.journal.append(EventKind.RUN_ENDED, record=None, sha256=None, **ended)
            end = run_ending_words(report.outcome, report.status, report.next_runbook, performed=report.performed)
            raise UnavailableError(
                f"The run ended ({within_sentence(end)}), but its record {self.record} cannot be written "
                f"({exc.strerror}). Free the disk, then run again: what is done already is found, and not repeated."
            ) from exc
        self.journal.append(EventKind.RUN_ENDED, record=self.record.name, sha256=digest, **ended)
        return report

    def _report(self, shown: Sequence[Mapping[str, Any]], execution: engine.Execution) -> Report:
        """What the cells' own data says, with the status of the run."""
        last: Mapping[str, Any] = shown[-1] if shown else {}
        status = Status.NEEDS_ANSWER if execution.error_name in PERSON_NEEDED else execution.status
        words = execution.error_words or str(last.get("summary", ""))
        if status in (Status.KILLED, Status.CANCELLED):
            words = f"{words} Run again: what is done already is found, and not repeated."
        if execution.error_name and last.get("error") != execution.error_name:
            said = ": ".join(filter(None, (execution.error_name, execution.error_words.rstrip("."))))
            why = "This is a bug or a broken installation; the record has the details."
            words = f"{said}. {forks.TOO_LITTLE if execution.error_name == MemoryError.__name__ else why}"
        return Report(
            ticket_id=self.values["ticket_id"],
            runbook=self.runbook,
            performed=self.performs,
            status=status,
            outcome=last.get("outcome") if status is Status.COMPLETED else None,
            summary=words,
            record=str(self.record),
            effects=self._with_makers(last.get("effects", [])),
            missing=list(last.get("missing", [])),
            next_runbook=last.get("next_runbook"),
            seconds=round(time.monotonic() - self.clock, 1),
        )

    def _with_makers(self, effects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The effects; one that was there has the record of the run that made or found it, if known."""
        runs: list[RunEvents] = []
        with suppress(RunbookError):  # of a damaged journal the record is written all the same
            runs = [run for run in self.journal.history().performing_runs if run.start]
        found = []
        for effect in effects:
            seen = (run.start.record for run in runs if run.start and _has_seen(run, effect.get("evidence")))
            record = next(seen, "") if effect["state"] == EffectState.ALREADY_DONE else ""
            found.append({**effect, "run": record} if record not in ("", self.record.name) else dict(effect))
        return found

    def _manifest(self, report: Report, execution: engine.Execution, executed: Any) -> dict[str, Any]:
        """What a record says of itself; `record.schema.json` describes it."""
        kept = ("ticket_id", "runbook", "performed", "status", "outcome", "summary", "effects", "missing", "seconds")
        facts, steps = asdict(report), _results(executed)
        return {
            "schema": SCHEMA,
            "profile": self.settings.profile,
            "operator": self.settings.operator,
            "started_at": self.started_at.isoformat(timespec="milliseconds"),
            "parameters": self.values,
            "template_sha256": self.template_sha256,
            "versions": {name: version(name) for name in ("license-runbook", "papermill")},
            **{key: facts[key] for key in kept},
            **_next(report),
            "ended_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "facts": next((step["facts"] for step in reversed(steps) if "facts" in step), []),
            "decisions": [{key: step.get(key) for key in ("step", "state", "summary")} for step in steps],
            "cells": [  # how each ended, and after how many seconds: None if it did not run to an end
                {"id": cell.id, "status": state["status"], "seconds": state.get("duration")}
                for cell, state in ((cell, cell.metadata["papermill"]) for cell in executed.cells)
                if cell.cell_type == "code"
            ],
            **({"traceback": execution.traceback} if execution.traceback else {}),
        }


def _after(settings: Settings, journal: Journal) -> str:
    """Note the seal, delete what was posted twice, push to the share; returns what the reader should know, or ""."""
    from runbook_lib.changes.late_posts import remove_late_posts
    from runbook_lib.changes.sealing import note_seals  # brings the network along, which a rehearsal needs none of
    from runbook_lib.ledger.sharing import SharedRun

    notices = [note_seals(settings, int(journal.folder.name)), remove_late_posts(settings, journal)]
    if shared := SharedRun.of(settings, journal):
        notices.append(shared.finish())
    return " ".join(filter(None, notices))


def _writable(record: Path) -> Path:
    """Look whether a record can be written, so that a folder that takes no files is reported before anything runs."""
    folder = record.parent
    try:
        files.make_folder(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise UnavailableError(
            f"No record can be written to {folder} ({exc.strerror}), so nothing was run. Check RUNBOOK_OUTPUTS."
        ) from exc
    if record.exists():
        raise UnavailableError(f"The record {record} exists already. Run again.")
    return record


def _has_seen(run: RunEvents, evidence: object) -> bool:
    """Whether a run has made an effect, or found it, with this evidence."""
    return any(event.kind in SEEN and event.evidence == evidence for event in run.effects)


def _results(notebook: Any) -> list[Mapping[str, Any]]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["data"][STEP_MIME] for output in outputs if STEP_MIME in output.get("data", {})]


def _next(report: Report) -> dict[str, str]:
    return {"next_runbook": report.next_runbook} if report.next_runbook else {}


def _write(record: Path, notebook: Any, manifest: Mapping[str, Any]) -> str:
    """Write the record in one piece, read-only; returns its SHA-256. Raises OSError, and leaves nothing of it then."""
    from runbook_lib.run.papermill_engine import write

    pages = {page for step in _results(notebook) for page in step.get("pages", ())}
    banner.add(notebook, manifest, pages)
    notebook.metadata["runbook"] = dict(manifest)
    papermill = notebook.metadata.setdefault("papermill", {})
    papermill.update(input_path=f"{manifest['runbook']}.ipynb", output_path=record.name)
    content = write(record, notebook)
    record.chmod(files.SEALED)
    return hashlib.sha256(content).hexdigest()

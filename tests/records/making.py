"""Sealed records made directly, without kernels, as the runner would leave them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_lib.display import STEP_MIME
from runbook_lib.domain.messages import Seal, seal_note
from runbook_lib.domain.models import Comment
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.records.archive import Archive, Ledger
from runbook_lib.records.verification import Verifier

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
WORDS = "In scope: this runbook applies."


@dataclass(frozen=True)
class Shelf:
    """The outputs of a practice profile.

    Attributes:
        outputs: Where they are.
    """

    outputs: Path

    @property
    def archive(self) -> Archive:
        """As the commands see it."""
        return Archive(self.outputs / "sandbox", "sandbox", self.outputs / "sandbox" / ".keys")

    @property
    def keys(self) -> KeyRing:
        """The ring that signs."""
        return KeyRing(self.archive.keys)

    def folder(self, ticket: int) -> Path:
        """A ticket's folder."""
        return self.archive.folder / str(ticket)

    def journal(self, ticket: int) -> Journal:
        """A ticket's journal."""
        return Journal(self.folder(ticket), f"sandbox/{ticket}", self.keys)

    def head(self, ticket: int) -> Path:
        """The file that says how far a ticket's journal has come."""
        return next((self.archive.keys / "heads" / f"sandbox-{ticket}").glob("*.json"))

    def restart(self, ticket: int) -> Path:
        """Damage a journal, and set it aside; returns where it is now."""
        with self.journal(ticket).path.open("ab") as file:
            file.write(b"damaged\n")
        kept = self.journal(ticket).restart(because="a line was damaged", operator="grace")
        assert kept is not None
        return kept

    def name(self, ticket: int, runbook: str = "weekend_license") -> str:
        """The name of a ticket's next record; each begins a minute after the one before."""
        count = len([entry for entry in self.journal(ticket).entries() if entry["kind"] == "run_started"])
        return self.journal(ticket).record_path(START + timedelta(minutes=count), runbook).name

    def begin(self, ticket: int, runbook: str = "weekend_license", *, performed: bool = True) -> str:
        """The beginning of a run; returns its record's name."""
        name = self.name(ticket, runbook)
        started = {"runbook": runbook, "record": name, "performed": performed, "operator": "grace"}
        self.journal(ticket).append("run_started", **started)
        return name

    def end(self, ticket: int, name: str, content: bytes | None = None, **fields: Any) -> Path:
        """The end of a run: the record, read-only, and its seal."""
        path = self.folder(ticket) / name
        path.write_bytes(content or notebook(ticket))
        path.chmod(0o400)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        ended = {"status": "completed", "outcome": "license_issued", "seconds": 1.5, "to_note": True, **fields}
        self.journal(ticket).append("run_ended", record=name, sha256=digest, **ended)
        return path

    def seal(self, ticket: int, runbook: str = "weekend_license", *, performed: bool = True, **fields: Any) -> Path:
        """A whole run; returns its record."""
        return self.end(ticket, self.begin(ticket, runbook, performed=performed), **{"to_note": performed, **fields})

    def ledger(self, ticket: int) -> Ledger:
        """What is known of a ticket."""
        return self.archive.ledgers([ticket])[0]

    def defects(self) -> list[tuple[str, str]]:
        """What is wrong anywhere: code and file."""
        found = Verifier(self.archive).everything().findings
        return [(finding.code, finding.subject) for finding in found if finding.is_defect]

    def notes(self, ticket: int) -> list[Comment]:
        """The notes that keep a ticket's seals, as long as its journal is whole."""
        parts = [path.read_bytes() for path in sorted(self.folder(ticket).glob("journal.*.jsonl"))]
        lines = [line for part in parts for line in part.splitlines()]
        ends = [(json.loads(line), hashlib.sha256(line).hexdigest()) for line in lines]
        ended = [(e, digest) for e, digest in ends if e["kind"] == "run_ended"]
        seals = [Seal(e["record"], e["sha256"], e["n"], digest, e["key"]) for e, digest in ended]
        return [Comment(number, 1, seal_note(seal), False, START) for number, seal in enumerate(seals)]


def notebook(ticket: int, **changes: Any) -> bytes:
    """A small record: an opening, a step, and a step that showed a picture of its result."""
    manifest = {
        "schema": 1,
        "ticket_id": ticket,
        "runbook": "weekend_license",
        "profile": "sandbox",
        "operator": "grace",
        "performed": True,
        "status": "completed",
        "outcome": "license_issued",
        "summary": "10-day Ultimate trial for 250 users.",
        "seconds": 1.5,
        "parameters": {"ticket_id": ticket, "perform": True},
        "facts": [{"name": "plan", "value": "premium", "source": "ticket", "detail": "organization field plan"}],
        "decisions": [{"step": "scope", "title": "Decide the scope", "state": "in scope", "summary": WORDS}],
        "effects": [{"name": "reply", "state": "done", "summary": "public reply", "evidence": {"summary": "reply 7"}}],
        "versions": {"license-runbook": "0.1.0"},
    }
    made = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"runbook": manifest, "papermill": papermill(ticket)},
        "cells": [markdown("# Weekend license emergency"), step(ticket)],
    }
    return json.dumps({**made, **changes}, indent=1).encode()


def papermill(ticket: int) -> dict[str, Any]:
    """What papermill notes of a run."""
    parameters = {"ticket_id": ticket, "perform": True}
    return {"start_time": "2026-11-21T10:00:00.123456+00:00", "parameters": parameters}


def markdown(source: str) -> dict[str, Any]:
    """A Markdown cell."""
    return {"cell_type": "markdown", "id": "opening", "metadata": {}, "source": source}


def step(ticket: int, **outputs: Any) -> dict[str, Any]:
    """The cell of a step, with what it shows."""
    data = {"runbook": "weekend_license", "ticket_id": ticket, "step": "scope", "outcome": "license_issued"}
    shown = {"text/plain": f"[in scope] {WORDS}", "text/html": f"<div><p>{WORDS}</p></div>", STEP_MIME: data, **outputs}
    return {
        "cell_type": "code",
        "id": "scope",
        "execution_count": 1,
        "metadata": {"papermill": {"status": "completed", "duration": 0.25}},
        "source": "case.scope()",
        "outputs": [{"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": shown}],
    }

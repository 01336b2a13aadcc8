"""The list of 10,000 records, beside what others need for the same: reading the notebooks, and hashing them.

`scrapbook` has had no release since 2021, and is no dependency. What its `read_notebooks` does with each file is
papermill's `load_notebook_node`, which is measured in its place: on a part of the records, and scaled up.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.rows import CannotMeasureError, Row, alternate, run
from benchmarks.runs import executed
from runbook_lib.ledger.chains import file_name
from runbook_lib.ledger.heads import Head, Heads
from runbook_lib.ledger.keyring import KeyRing, Signer

TICKETS, RUNS = 2_500, 4
PAIRS = 3
EFFECTS = 5
"""Effects of each ticket's performed run, two lines each."""
READ_OF = 40
"""One record of so many is read as a notebook: all of them would take minutes."""
PLACE = "TICKET-NUMBER"
"""Stands in a record for what makes it another one than all others."""
START = datetime(2026, 1, 1, tzinfo=UTC)


def listing(folder: Path) -> Iterator[Row]:
    """`runbook records list` for 10,000 records, beside reading them with papermill, and hashing them."""
    record = executed(folder)
    made = json.loads(record)
    made["metadata"]["place"] = PLACE
    cells = [cell["id"] for cell in made["cells"] if cell["cell_type"] == "code"]
    many = folder / "many"
    paths = _make(many / "sandbox", json.dumps(made, indent=1).encode(), cells)
    name = f"records list, {len(paths):,} records of {len(record) / 1000:.0f} kB"
    reading = alternate(lambda: _list(many), lambda: _read(paths), PAIRS)
    read_s, ratio = reading.theirs_s * READ_OF, reading.ratio / READ_OF
    yield Row(name, f"{reading.ours_s:.2f} s", f"papermill's reader {read_s:.0f} s", ratio)
    hashing = alternate(lambda: _list(many), lambda: _hash(paths), PAIRS)
    yield Row(name, f"{hashing.ours_s:.2f} s", f"SHA-256 of the bytes {hashing.theirs_s:.2f} s", hashing.ratio)


def _make(profile: Path, record: bytes, cells: list[str]) -> list[Path]:
    """Tickets with a journal each, as the runner leaves them, but written at once."""
    ring = KeyRing(profile / ".keys")
    signer = ring.signer()
    paths = []
    for ticket in range(100_001, 100_001 + TICKETS):
        folder = profile / str(ticket)
        folder.mkdir(parents=True)
        for number in range(RUNS):
            path = folder / f"{START + timedelta(minutes=number):%Y%m%dT%H%M%S}000Z-weekend_license.ipynb"
            path.write_bytes(record.replace(PLACE.encode(), b"%d-%d" % (ticket, number)))
            paths.append(path)
        _journal(folder, ring, signer, list(_events(paths[-RUNS:], cells)))
    return paths


def _journal(folder: Path, ring: KeyRing, signer: Signer, events: list[tuple[str, dict[str, Any]]]) -> None:
    """Write a ticket's journal and its head. Source: `runbook_lib.ledger.chains`, the form of a line."""
    lines: list[bytes] = []
    before = "0" * 64
    for number, (kind, fields) in enumerate(events, start=1):
        at = (START + timedelta(seconds=number)).isoformat(timespec="milliseconds")
        entry = {"v": 2, "n": number, "ticket": f"sandbox/{folder.name}", "at": at, "kind": kind, **fields}
        entry |= {"prev": before, "key": signer.key_id}
        signature = base64.b64encode(signer.sign(b"journal-line-2", _encoded(entry))).decode()
        lines.append(_encoded({**entry, "sig": signature}))
        before = hashlib.sha256(lines[-1]).hexdigest()
    (folder / file_name(signer.key_id)).write_bytes(b"".join(line + b"\n" for line in lines))
    first, head = hashlib.sha256(lines[0]).hexdigest(), Head(len(lines), before)
    Heads(ring.folder).keep(f"sandbox/{folder.name}", signer.key_id, first, head, folder)


def _events(paths: list[Path], cells: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rehearsals, then a run that performs."""
    for path in paths:
        performed = path is paths[-1]
        yield (
            "run_started",
            {
                "runbook": "weekend_license",
                "record": path.name,
                "performed": performed,
                "operator": "practice.engineer",
            },
        )
        for cell in cells:
            yield "cell_started", {"record": path.name, "cell": cell}
        for effect in range(EFFECTS if performed else 0):
            about = {"effect": "note", "operation_id": f"sandbox-{path.parent.name}-{effect}"}
            yield "intended", about
            yield "done", {**about, "evidence": {"summary": "internal note", "url": "", "reference": "1"}}
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield (
            "run_ended",
            {"record": path.name, "sha256": digest, "status": "completed", "outcome": "license_issued", "seconds": 7.5},
        )


def _encoded(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def _list(folder: Path) -> None:
    """The command as its user runs it."""
    command = [sys.executable, "-m", "runbook_lib.cli", "records", "list", "--json"]
    environment = {**os.environ, "RUNBOOK_OUTPUTS": str(folder), "RUNBOOK_PROFILE": "sandbox"}
    found = json.loads(run(command, environment))
    if len(found["runs"]) != TICKETS * RUNS or found["problems"]:
        raise CannotMeasureError(f"{len(found['runs'])} runs were listed, and {len(found['problems'])} problems.")


def _read(paths: list[Path]) -> None:
    """A part of the records as `scrapbook` reads them."""
    from papermill.iorw import load_notebook_node

    for path in paths[::READ_OF]:
        load_notebook_node(str(path))


def _hash(paths: list[Path]) -> None:
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")

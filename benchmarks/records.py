"""10,000 records: listing, verifying and reviewing them, beside what others need for the same; and a run beside many.

`scrapbook` has had no release since 2021, and is no dependency. What its `read_notebooks` does with each file is
papermill's `load_notebook_node`, which is measured in its place: on a part of the records, and scaled up.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.rows import CannotMeasureError, Row, alternate, processor_s, run, seconds
from benchmarks.runs import executed, practice
from runbook_lib.ledger.chains import file_name
from runbook_lib.ledger.heads import Head, Heads
from runbook_lib.ledger.keyring import KeyRing, Signer
from runbook_lib.records.archive import Archive

TICKETS, RUNS = 2_500, 4
PAIRS = 3
EFFECTS = 5
"""Effects of each ticket's performed run, two lines each."""
READ_OF = 40
"""One record of so many is read as a notebook: all of them would take minutes."""
PLACE = "TICKET-NUMBER"
"""Stands in a record for what makes it another one than all others."""
OTHERS = 100_000
LIST_S, TICKET_S, REVIEW_S, VERIFY_RATIO, GROWTH = 1.0, 0.2, 3.0, 1.5, 1.1
RECORDS = [sys.executable, "-m", "runbook_lib.cli", "records"]
LIST = [*RECORDS, "list"]
REVIEW = [sys.executable, "-c", "from runbook_lib.records.review import Review; print(Review.open())"]
START = datetime(2026, 1, 1, tzinfo=UTC)


def listing(folder: Path) -> Iterator[Row]:
    """10,000 records listed, reviewed and verified, beside reading them with papermill, and hashing them."""
    record = executed(folder)
    made = json.loads(record)
    made["metadata"]["place"] = PLACE
    cells = [cell["id"] for cell in made["cells"] if cell["cell_type"] == "code"]
    many = folder / "many"
    paths = _make(many / "sandbox", json.dumps(made, indent=1).encode(), cells)
    size = f"{len(paths):,} records of {len(record) / 1000:.0f} kB"
    variables = _environment(folder, many)
    reading = alternate(lambda: _list(variables), lambda: _read(paths), PAIRS)
    beside = f"papermill's reader {reading.theirs_s * READ_OF:.0f} s"
    yield Row(f"records list, {size}", f"{reading.ours_s:.2f} s", beside, reading.ratio / READ_OF)
    yield _stated("records list, from the second on", reading.ours_s, LIST_S)
    yield _stated("records list --ticket", _median(lambda: run([*LIST, "--ticket", "100500"], variables)), TICKET_S)
    yield _stated("review, its first table", _median(lambda: run(REVIEW, variables)), REVIEW_S)
    archive = Archive(many / "sandbox", "sandbox", many / "sandbox" / ".keys")
    some, everything = archive.tickets()[: TICKETS // 4], archive.tickets()
    growth = alternate(lambda: archive.read(everything), lambda: archive.read(some), PAIRS)
    beside = f"a quarter of them {growth.theirs_s:.2f} s"
    yield Row("reading all journals", f"{growth.ours_s:.2f} s", beside, growth.ratio, 4 * GROWTH)
    files = [path for path in many.rglob("*") if path.is_file()]
    for figure, clock in (("records verify", time.perf_counter), ("records verify, processor seconds", processor_s)):
        hashing = alternate(lambda: _verify(variables), lambda: _hash(files), PAIRS, clock)
        beside = f"SHA-256 of all files {hashing.theirs_s:.2f} s"
        yield Row(figure, f"{hashing.ours_s:.2f} s", beside, hashing.ratio, VERIFY_RATIO)


def beside_many(folder: Path) -> Iterator[Row]:
    """`runbook run` with 100,000 other tickets in the folder, beside one with none."""
    command = [sys.executable, "-m", "runbook_lib.cli", "run", "weekend_license", "1001"]
    with practice(folder / "full") as full, practice(folder / "empty") as empty:
        for ticket in range(100_001, 100_001 + OTHERS):
            (Path(full["RUNBOOK_OUTPUTS"]) / "sandbox" / str(ticket)).mkdir()
        pairs = alternate(lambda: run(command, full), lambda: run(command, empty))
    name = f"runbook run beside {OTHERS:,} tickets"
    yield Row(name, f"{pairs.ours_s:.2f} s", f"beside none {pairs.theirs_s:.2f} s", pairs.ratio, 1.05)


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
            path.chmod(0o400)
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


def _environment(folder: Path, outputs: Path) -> dict[str, str]:
    """No index but the benchmark's own. Source: the XDG base directories, which platformdirs follows on Linux."""
    places = {"RUNBOOK_OUTPUTS": str(outputs), "XDG_CACHE_HOME": str(folder / "cache")}
    return {**os.environ, **places, "RUNBOOK_PROFILE": "sandbox"}


def _list(variables: dict[str, str]) -> None:
    """The command as its user runs it."""
    found = json.loads(run([*LIST, "--json"], variables))
    if len(found["runs"]) != TICKETS * RUNS or found["problems"]:
        raise CannotMeasureError(f"{len(found['runs'])} runs were listed, and {len(found['problems'])} problems.")


def _verify(variables: dict[str, str]) -> None:
    """As `_list`."""
    found = json.loads(run([*RECORDS, "verify", "--json"], variables))
    if found["good_records"] != TICKETS * RUNS or not found["good"]:
        raise CannotMeasureError(f"{found['good_records']} records are good, and {found['defects']} defects.")


def _median(call: Callable[[], object]) -> float:
    """The median of some times, in seconds; the first one warms up."""
    return statistics.median([seconds(call) for _ in range(PAIRS + 1)][1:])


def _stated(figure: str, measured_s: float, stated_s: float) -> Row:
    return Row(figure, f"{measured_s:.2f} s", f"stated {stated_s:.1f} s", measured_s / stated_s, 1.0)


def _read(paths: list[Path]) -> None:
    """A part of the records as `scrapbook` reads them."""
    from papermill.iorw import load_notebook_node

    for path in paths[::READ_OF]:
        load_notebook_node(str(path))


def _hash(paths: list[Path]) -> None:
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")

"""The team's share with 100,000 objects, compared with its mirror: how long, and in how much memory."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.rows import Row
from runbook_lib.ledger.comparison import Comparison
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.ledger.share import Share
from runbook_lib.settings import Settings

MANY, FEW = 25_000, 2_500
"""Tickets, with four objects each."""
RECORDS = 3
CONTENT = b"{}" * 500
LINES = b"{}\n" * 10
KEY = "0123456789abcdef"


def comparing(folder: Path) -> Iterator[Row]:
    """`runbook records verify --share` on 100,000 objects in a folder, beside a tenth of them."""
    took, memory = {}, {}
    for tickets in (FEW, MANY):
        comparison = _made(folder / str(tickets), tickets)
        started = time.perf_counter()
        differences = [each for each in comparison().differences() if each.code != "unknown_writer"]
        took[tickets] = time.perf_counter() - started
        if differences:
            raise AssertionError(differences[0])
        tracemalloc.start()
        for _ in comparison().differences():
            pass
        memory[tickets] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    each = RECORDS + 1
    few, many = f"{FEW * each:,}", f"{MANY * each:,}"
    yield Row(
        f"{many} objects compared", f"{took[MANY]:.1f} s", f"{few}: {took[FEW]:.1f} s", took[MANY] / took[FEW], 20
    )
    grown = memory[MANY] - memory[FEW]
    yield Row("... memory", f"{memory[MANY]:.1f} MB", f"{few}: {memory[FEW]:.1f} MB", grown / 10, 1)


def _made(folder: Path, tickets: int) -> Callable[[], Comparison]:
    """A share and its mirror, alike."""
    share, mirror = folder / "share", folder / "outputs" / "sandbox"
    for place in (share, mirror):
        place.mkdir(parents=True)
    for ticket in range(1, tickets + 1):
        there, here = share / "sandbox" / str(ticket), mirror / str(ticket)
        (there / "journal" / KEY).mkdir(parents=True)
        here.mkdir()
        names = [f"20261128T01020300{number}Z-weekend_license-01234567.ipynb" for number in range(RECORDS)]
        for place in (there, here):
            (place / names[0]).write_bytes(CONTENT)
            for name in names[1:]:
                os.link(place / names[0], place / name)
        (there / "journal" / KEY / "00000001-00000010.jsonl").write_bytes(LINES)
        (here / f"journal.{KEY}.jsonl").write_bytes(LINES)
    settings = Settings(outputs=folder / "outputs", share=str(share))

    def comparison() -> Comparison:
        found = Share.of(settings)
        if found is None:
            raise AssertionError("a share is set")
        return Comparison(found, mirror, KeyRing.of(settings))

    return comparison

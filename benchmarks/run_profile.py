"""`python -m benchmarks.run_profile`: where the seconds of one run go, by what its journal and the clock say."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from tabulate import tabulate

from benchmarks.rows import run
from benchmarks.runs import RUNBOOK, practice

RUNS = 5
"""The one with the median time is shown."""
BAR_CHARS_PER_S = 100
TICKET = "1001"


def main() -> int:
    """Run a ticket several times, and print the parts of the run that took the median time."""
    with tempfile.TemporaryDirectory() as name, practice(Path(name)) as variables:
        run(_command(), variables)  # files are in memory then
        profiles = [measured(Path(name), variables) for _ in range(RUNS)]
    sys.stdout.write(table(sorted(profiles, key=lambda parts: sum(parts.values()))[RUNS // 2]) + "\n")
    return 0


def measured(folder: Path, variables: Mapping[str, str]) -> dict[str, float]:
    """The seconds of each part of a run that is rehearsed now, in their order."""
    begun = datetime.now(UTC)
    run(_command(), variables)
    ended = datetime.now(UTC)
    (journal,) = (folder / "outputs" / "sandbox" / TICKET).glob("journal.*.jsonl")
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    own = [(_part(line), at) for line in lines if (at := datetime.fromisoformat(line["at"])) >= begun]
    own[-2] = (f"{own[-2][0]}; the record is written", own[-2][1])
    steps = [("Python, imports, checks; the kernel is forked", begun), *own, ("", ended)]
    return {part: (following - at).total_seconds() for (part, at), (_, following) in pairwise(steps)}


def table(parts: Mapping[str, float]) -> str:
    """The parts with a bar for each, and their sum."""
    rows = [(part, f"{seconds:.3f}", "█" * round(seconds * BAR_CHARS_PER_S)) for part, seconds in parts.items()]
    rows.append(("total", f"{sum(parts.values()):.3f}", ""))
    return tabulate(rows, headers=("part", "seconds", ""), disable_numparse=True, colalign=("left", "right", "left"))


def _part(line: Mapping[str, str]) -> str:
    """What is done from this line of the journal to the next."""
    if line["kind"] == "cell_started":
        return f"cell {line['cell']}"
    return {"run_started": "papermill; the kernel answers", "run_ended": "kernel and process end"}[line["kind"]]


def _command() -> list[str]:
    return [*RUNBOOK, "run", "weekend_license", TICKET]


if __name__ == "__main__":
    sys.exit(main())

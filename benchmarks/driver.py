"""Runs benchmarks one after the other, prints each row when it is measured, and goes on when one cannot be."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from benchmarks.rows import CannotMeasureError, Row
from runbook_lib.domain.errors import RunbookError

ALL_MET, MISSED, NOT_MEASURED = 0, 1, 3
"""Exit statuses. A goal that is missed counts for more than a figure that is missing; 2 is a wrong command line."""
EXPECTED = (CannotMeasureError, RunbookError, subprocess.SubprocessError, OSError, ImportError)
"""What keeps a benchmark from being measured on some machine. Anything else is a defect of the benchmark."""
LINE = "{:<44} {:>10}   {:<31} {:>6}   {:<13} {}"
HEADS = ("figure", "median", "beside", "ratio", "goal", "")

Benchmark = Callable[[Path], Iterator[Row]]
"""Yields a row as soon as it is measured; is given a folder of its own, which is empty."""


def run_all(benchmarks: Mapping[str, Benchmark], out: TextIO) -> int:
    """Run benchmarks and print their rows.

    Args:
        benchmarks: By name, in this order.
        out: Where the table goes, line by line.

    Returns:
        `ALL_MET`, `MISSED` or `NOT_MEASURED`.
    """
    _print(LINE.format(*HEADS).rstrip(), out)
    rows: list[Row] = []
    failed: list[str] = []
    for name, benchmark in benchmarks.items():
        try:
            with tempfile.TemporaryDirectory() as folder:
                for row in benchmark(Path(folder)):
                    rows.append(row)
                    _print(_line(row), out)
        except EXPECTED as exc:
            failed.append(name)
            _print(f"{name:<44} not measured: {reason(exc)}", out)
    missed = sum(row.is_missed for row in rows)
    met = sum(row.goal is not None for row in rows) - missed
    _print(f"Goals: {met} met, {missed} missed. Not measured: {', '.join(failed) or 'none'}.", out)
    if missed:
        return MISSED
    return NOT_MEASURED if failed else ALL_MET


def reason(error: BaseException) -> str:
    """Why something could not be measured, on one line."""
    if isinstance(error, subprocess.CalledProcessError):
        written = (error.stderr or b"").decode(errors="replace").strip() or "it said nothing"
        return f"`{_command(error.cmd)}` ended with status {error.returncode}: {written.splitlines()[-1].strip()}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"`{_command(error.cmd)}` took longer than {error.timeout:.0f} s."
    return " ".join(str(error).split()) or type(error).__name__


def _command(words: list[str]) -> str:
    """A command without its program's folder."""
    return " ".join([Path(words[0]).name, *words[1:4]])


def _line(row: Row) -> str:
    goal = "none" if row.goal is None else f"at most {row.goal:g}"
    verdict = "" if row.goal is None else "MISSED" if row.is_missed else "met"
    return LINE.format(row.figure, row.measured, row.beside, f"{row.ratio:.3g}", goal, verdict).rstrip()


def _print(line: str, out: TextIO) -> None:
    out.write(line + "\n")
    out.flush()

"""The list of runs as a file for other programs: CSV, JSON lines or Parquet. Writes one file, in one piece."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runbook_lib import files
from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.records.runs import MOMENTS, Run

COLUMNS = (*Run.__dataclass_fields__, "note")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula. Source: OWASP, CSV injection."""
_NEXT_CELL = re.compile(r"([;|\t\r\n]\s*[\"']?)(?=[=+@＝＋－＠-])")
"""Where another cell may begin with one, in a spreadsheet that separates them by another sign than the comma."""


def export(runs: Sequence[Run], form: str, path: Path, *, force: bool = False) -> None:
    """Write runs to a file, in one of `FORMATS`.

    Raises:
        InputError: The file is there already, or the format needs a package that is not installed.
        UnavailableError: The file cannot be written.
    """
    refuse_to_replace(path, force=force)
    rows = [{name: _whole(value) for name, value in run.plain.items()} for run in runs]
    write(path, FORMATS[form](rows), force=force)


def write(path: Path, content: bytes, *, force: bool = False) -> None:
    """Write a file in one piece, for its user alone: it has customers' data. Raises as `export`."""
    refuse_to_replace(path, force=force)
    with files.explained(f"{path} cannot be written", kind=UnavailableError):
        files.write(path, content)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> bytes:
    """CSV with a line of heads; lists are joined by blanks, and no cell is a formula."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([[_cell(row[name]) for name in columns] for row in rows])
    return file.getvalue().encode()


def as_json_lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()


def as_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Parquet, with moments in UTC. Raises InputError if pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise InputError(
            "Parquet needs pyarrow, which is not installed. Run `pip install pyarrow`, or export to csv or jsonl."
        )
    import pandas as pd

    table = pd.DataFrame([dict(row) for row in rows], columns=list(COLUMNS))
    for name in MOMENTS:
        table[name] = pd.to_datetime(table[name], utc=True, format="ISO8601")
    table = table.astype({"ticket_id": "int64", "seconds": "float64", "performed": "boolean", "line": "Int64"})
    file = io.BytesIO()
    table.to_parquet(file, engine="pyarrow", index=False)
    return file.getvalue()


FORMATS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], bytes]] = {
    "csv": table,
    "jsonl": as_json_lines,
    "parquet": as_parquet,
}


def refuse_to_replace(path: Path, *, force: bool = False) -> None:
    """Before anything is made that would go there. Raises as `export`."""
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UnavailableError(f"{path} cannot be written: {path.parent} is no folder that takes files.")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UnavailableError(f"{path} cannot be written: it is no file. Give a file's name.")
    if os.path.lexists(path) and not force:
        raise InputError(f"{path} is there already. Give another name, or pass --force to replace it.")


def _whole(value: Any) -> Any:
    """A value whose texts are all characters; half a one becomes an escape."""
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _cell(value: object) -> object:
    words = " ".join(value) if isinstance(value, list) else value
    if not isinstance(words, str):
        return words
    return "'" * words.startswith(FORMULA_STARTS) + _NEXT_CELL.sub(r"\1'", words)

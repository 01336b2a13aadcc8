"""The list as a file: complete in each format, no formula in CSV, in one piece, and never over another file."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from runbook_lib import files
from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.records import exporting
from runbook_lib.records.exporting import COLUMNS, FORMATS, export
from runbook_lib.records.runs import Run, State
from tests.records.making import START

RUN = Run(1001, State.SEALED, "a.ipynb", "weekend_license", START, 1.5, "grace", True, "completed", "license_issued")
STRAY = Run(1002, State.UNSEALED, "b.ipynb", needs_person=True)


def test_csv(tmp_path: Path) -> None:
    """A line of heads, then one for each run; lists are joined."""
    export([replace(RUN, missing=("plan", "expires_on")), STRAY], "csv", tmp_path / "x.csv")
    first, second = csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text(encoding="utf-8"), newline=""))
    assert list(COLUMNS) == list(first)
    assert ("1001", "2026-11-21T10:00:00.000+00:00", "1.5", "True", "plan expires_on") == tuple(
        first[name] for name in ("ticket_id", "started_at", "seconds", "performed", "missing")
    )
    assert ("unsealed", "", "") == (second["state"], second["started_at"], second["performed"])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_of_csv_is_a_formula(tmp_path: Path, start: str) -> None:
    """Whatever a text begins with, also the first of a list."""
    words = f"{start}cmd|' /C calc'!A0"
    export([replace(RUN, summary=words, missing=(words,), record=words)], "csv", tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert {f"'{words}"} == {row["summary"], row["missing"], row["record"]}


@pytest.mark.parametrize("mark", [";", "|", "\t", "\r\n", "; ", ';"'])
def test_no_later_cell_is_a_formula(tmp_path: Path, mark: str) -> None:
    """A spreadsheet may separate cells by another sign than the comma."""
    export([replace(RUN, summary=f"x{mark}=HYPERLINK(A1)")], "csv", tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        assert [f"x{mark}'=HYPERLINK(A1)"] == [row["summary"] for row in csv.DictReader(file)]


def test_json_lines(tmp_path: Path) -> None:
    """The same as `list --json`, one run a line, whatever line breaks a text holds."""
    run = replace(RUN, summary="a\nb\u2028c 日本")
    export([run, STRAY], "jsonl", tmp_path / "x.jsonl")
    lines = (tmp_path / "x.jsonl").read_bytes().split(b"\n")
    assert [run.plain, STRAY.plain] == [json.loads(line) for line in lines[:-1]]
    assert b"" == lines[-1]


@pytest.mark.parametrize("runs", [[RUN, STRAY], [STRAY], []], ids=["two", "without a start", "none"])
def test_parquet(tmp_path: Path, runs: list[Run]) -> None:
    """With types: moments in UTC, numbers, yes and no."""
    import pandas as pd  # here, since each process of the tests loads this module

    export(runs, "parquet", tmp_path / "x.parquet")
    table = pd.read_parquet(tmp_path / "x.parquet")
    kinds = {name: str(table.dtypes[name]) for name in ("ticket_id", "seconds", "performed", "line")}
    assert {"ticket_id": "int64", "seconds": "float64", "performed": "boolean", "line": "Int64"} == kinds
    assert isinstance(table.dtypes["started_at"], pd.DatetimeTZDtype)
    assert [run.ticket_id for run in runs] == table["ticket_id"].tolist()
    if RUN in runs:
        assert START == table["started_at"][0]


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to install it, and nothing is written."""
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install pyarrow"):
        export([RUN], "parquet", tmp_path / "x.parquet")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("form", FORMATS)
def test_half_a_character(tmp_path: Path, form: str) -> None:
    """A file name may hold one; each format takes it as an escape."""
    export([replace(RUN, record="\udcff.ipynb")], form, tmp_path / "x")
    assert (tmp_path / "x").stat().st_size


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    """Unless --force is given; a dangling link is there, too."""
    path = tmp_path / "x.csv"
    path.write_text("mine")
    with pytest.raises(InputError, match="--force"):
        export([RUN], "csv", path)
    assert "mine" == path.read_text()
    export([RUN], "csv", path, force=True)
    assert "mine" != path.read_text(encoding="utf-8")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(InputError, match="--force"):
        export([RUN], "csv", tmp_path / "link")


@pytest.mark.parametrize("place", ["missing/x.csv", "."])
def test_a_place_that_takes_no_file(tmp_path: Path, place: str) -> None:
    """One sentence says why; nothing is left."""
    with pytest.raises(UnavailableError, match="cannot be written"):
        export([RUN], "csv", tmp_path / place, force=True)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("force", [True, False])
def test_a_device_is_not_replaced(tmp_path: Path, force: bool) -> None:
    """Nor a pipe, or a link to one."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(UnavailableError, match="it is no file"):
            export([RUN], "csv", tmp_path / name, force=force)
        with pytest.raises(OSError, match="it is no file"):
            files.write(tmp_path / name, b"")
    assert (True, True) == ((tmp_path / "pipe").is_fifo(), (tmp_path / "link").is_symlink())


def test_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk fails, the old file is there and nothing else."""
    path = tmp_path / "x.csv"
    path.write_text("mine")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting.os, "fsync", fail)
    with pytest.raises(UnavailableError, match="No space left"):
        export([RUN], "csv", path, force=True)
    assert (["x.csv"], "mine") == ([found.name for found in tmp_path.iterdir()], path.read_text())

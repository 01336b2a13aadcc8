"""What others may leave in a ticket's folder: each is named or passed over, and everything else is shown as before."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.cli.main import main
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.records.exporting import FORMULA_STARTS
from runbook_lib.records.page import LONGEST_HTML
from runbook_lib.records.review import Review
from runbook_lib.records.verification import Verifier
from tests.records.making import Shelf, markdown, notebook, step
from tests.records.test_forgeries import Forger

COMMANDS = (
    *(["list"], ["list", "--open"], ["verify"], ["verify", "--json"], ["show", "1002"]),
    *(["show", "1001"], ["show", "1001", "--html", "page.html", "--force"], ["export", "x.csv", "--format", "csv"]),
)
KEY = "0123456789abcdef"


def record(forger: Forger) -> Path:
    """Where a record would be that no journal names."""
    return forger.folder / f"20261121T235900000Z-weekend_license-{forger.shelf.keys.signer().key_id[:8]}.ipynb"


def stray(content: bytes) -> Callable[[Forger], object]:
    return lambda forger: record(forger).write_bytes(content)


def named(name: str) -> Callable[[Forger], object]:
    return lambda forger: (forger.folder / os.fsdecode(name.encode("utf-8", "surrogatepass"))).write_bytes(
        notebook(1001)
    )


def line(**fields: Any) -> Callable[[Forger], object]:
    """A line by another writer, signed and linked as it should be."""
    return lambda forger: forger.chain({"kind": "run_ended", **fields}, last=forger.keys, name=part(forger))


def part(forger: Forger) -> str:
    return f"journal.{forger.keys.signer().key_id}.jsonl"


def unreadable(forger: Forger) -> None:
    path = record(forger)
    path.write_bytes(notebook(1001))
    path.chmod(0)


def replace_by(kind: str, name: str) -> Callable[[Forger], object]:
    """Something that is no file, where one is expected."""

    def put(forger: Forger) -> None:
        path = forger.folder / name.format(key=forger.shelf.keys.signer().key_id)
        path.unlink(missing_ok=True)
        makes: dict[str, Callable[[Path], object]] = {
            "pipe": os.mkfifo,
            "folder": Path.mkdir,
            "link": lambda at: at.symlink_to("/dev/zero"),
        }
        makes[kind](path)

    return put


def huge_html(forger: Forger) -> None:
    shown = {"text/html": "<div>" * LONGEST_HTML, "text/plain": "x" * 200_000}
    record(forger).write_bytes(notebook(1001, cells=[markdown("# x"), step(1001, **shown)]))


FILES: dict[str, Callable[[Forger], object]] = {
    "cut in the middle": stray(notebook(1001)[:700]),
    "NaN": stray(notebook(1001).replace(b"1.5", b"NaN")),
    "a number without end": stray(notebook(1001).replace(b"1.5", b"1" * 5000)),
    "byte-order mark": stray(b"\xef\xbb\xbf" + notebook(1001)),
    "CRLF": stray(notebook(1001).replace(b"\n", b"\r\n")),
    "UTF-16": stray(notebook(1001).decode().encode("utf-16")),
    "a list": stray(b"[]"),
    "a word": stray(b'"notebook"'),
    "empty": stray(b""),
    "nested without end": stray(b"[" * 100_000),
    "nbformat 3": stray(notebook(1001, nbformat=3)),
    "nbformat 99": stray(notebook(1001, nbformat=99)),
    "nbformat true": stray(notebook(1001, nbformat=True)),
    "cells of other kinds": stray(notebook(1001, cells=[1, None, "x", [], {"cell_type": 7, "outputs": [1]}])),
    "metadata of another kind": stray(notebook(1001, metadata=[])),
    "huge outputs": huge_html,
    "no permission": unreadable,
    "name in another case": lambda forger: shutil.copy(
        forger.record, forger.record.with_name(forger.record.name.upper())
    ),
    "name with a line break": named("a\nrunbook: all is well.ipynb"),
    "name with direction marks": named("\u202elluf\u202c.ipynb"),
    "name with escapes": named("\x1b[2J\x1b[31m.ipynb"),
    "name with escapes of no notebook": lambda forger: (
        record(forger).with_name("20270101T000000000Z-\x1b[2J.ipynb").touch()
    ),
    "name that is no UTF-8": named("\udce9.ipynb"),
    "name like an option": named("--force.ipynb"),
    "name like a formula": named("=HYPERLINK(1).ipynb"),
    "journal is a pipe": replace_by("pipe", f"journal.{KEY}.jsonl"),
    "journal is a folder": replace_by("folder", f"journal.{KEY}.jsonl"),
    "journal is a link": replace_by("link", f"journal.{KEY}.jsonl"),
    "journal of nobody is a pipe": replace_by("pipe", "journal.jsonl"),
    "public key is a pipe": replace_by("pipe", f"journal.{KEY}.pub"),
    "own public key is a pipe": replace_by("pipe", "journal.{key}.pub"),
    "record is a pipe": replace_by("pipe", "20261121T235900000Z-weekend_license.ipynb"),
    "record is a link": replace_by("link", "20261121T235900000Z-weekend_license.ipynb"),
    "journal without lines": lambda forger: (forger.folder / f"journal.{KEY}.jsonl").write_bytes(b""),
    "journal of zeros": lambda forger: (forger.folder / f"journal.{KEY}.jsonl").write_bytes(b"\0" * 100_000),
    "journal in UTF-16": lambda forger: (forger.folder / f"journal.{KEY}.jsonl").write_bytes(
        forger.shelf.journal(1001).path.read_bytes().decode().encode("utf-16")
    ),
}
SIGNED: dict[str, Callable[[Forger], object]] = {
    "future version": line(v=3, record="x.ipynb"),
    "version of another kind": line(v="2", record="x.ipynb"),
    "no time": lambda forger: forger.chain({"kind": "run_ended", "at": None}, last=forger.keys, name=part(forger)),
    "a time before all": line(at="0001-01-01T00:00:00+23:59", record="x.ipynb", sha256="0" * 64),
    "a time after all": line(kind="run_started", at="9999-12-31T23:59:59-23:59", record="x.ipynb", performed=True),
    "seen of another kind": line(kind="run_started", seen={"x": 7, "": [], KEY: {"lines": "many"}}),
    "seen as a list": line(kind="run_started", seen=[["x", 1]]),
    "set aside under an odd name": line(kind="restarted", kept_as="\0", sha256="0" * 64),
    "set aside elsewhere": line(kind="restarted", kept_as="../../../../etc/passwd", sha256="0" * 64),
    "set aside is a folder": line(kind="restarted", kept_as="..", sha256="0" * 64),
    "record elsewhere": line(record="../1002/x.ipynb", sha256="0" * 64),
    "record that is a number": line(record=7, sha256=[], operator={}, missing="x", seconds="1", status=[]),
    "operator is a formula": line(record="x.ipynb", sha256="0" * 64, operator="=cmd|' /C calc'!A0", outcome="+1"),
    "operator with escapes": line(
        record="x.ipynb", sha256="0" * 64, operator="\x1b[2J\u202e\n", summary="\x1b]0;x\x07"
    ),
    "answer of a stranger": line(kind="answered", operation_id="sandbox-1001-case", there=True, evidence=7),
    "only cells": line(kind="cell_started", record="x.ipynb", cell=7),
}
HOSTILE = FILES | SIGNED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "is_trusted"),
    [(name, is_trusted) for name in HOSTILE for is_trusted in (False, True) if name in SIGNED or not is_trusted],
)
def test_rest_is_shown_as_before(
    configured: Shelf, name: str, is_trusted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command ends with its words and no traceback, and the records that were good before are good."""
    shelf = configured
    good = {path.name for path in (shelf.seal(1001), shelf.seal(1002))}
    forger = Forger(shelf)
    if is_trusted:
        shelf.keys.trust(forger.keys.signer().public_pem)
    HOSTILE[name](forger)
    for command in COMMANDS:
        assert main(["records", *command]) in (0, 1, 2)
        said = capsys.readouterr()
        assert not {"\x1b", "\u202e", "\x07", "\0"} & {*said.out, *said.err}
        assert "Traceback" not in said.err
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        assert [] == [cell for row in csv.reader(file) for cell in row if cell.startswith(FORMULA_STARTS)]
    (tmp_path / "x.csv").unlink()
    for words in (["keys", "list"], ["journal", "show", "1001"], ["journal", "show", "1002"]):
        assert main(words) in (0, 1, 2)
    capsys.readouterr()
    verifier = Verifier(shelf.archive)
    verified, ledgers = verifier.everything(), verifier.ledgers(shelf.archive.tickets())
    assert good == {run.record for ledger in ledgers for run in ledger.runs if verified.holds(run)}
    review = Review.open(since="2000-01-01")
    shown = "".join(repr(step()) for step in (review.runs, review.people, review.open_ends, review.timeline))
    shown += repr(review.verification())
    assert "all genuine" in shown or "defect" in shown
    assert not {"\x1b", "\u202e"} & {*shown}


@pytest.mark.parametrize(
    "name", ["{key}", "own key under another name"], ids=["another key under its name", "under another name"]
)
def test_public_key_counts_by_itself(shelf: Shelf, tmp_path: Path, name: str) -> None:
    """A file's name does not make a key another one."""
    shelf.seal(1001)
    stranger, own = KeyRing(tmp_path / "stranger").signer(), shelf.keys.signer().key_id
    (shelf.archive.keys / f"20200101T000000000000Z-{name.format(key=own)}.pub").write_bytes(stranger.public_pem)
    assert shelf.keys.trusts(stranger.key_id)
    assert [] == shelf.defects()

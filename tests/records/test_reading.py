"""What a record says, and files that are none: named in a sentence, never a traceback."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.domain.errors import InputError
from runbook_lib.records import reading
from runbook_lib.records.reading import read
from tests.records.making import WORDS, notebook, step


def at(tmp_path: Path, content: bytes) -> Path:
    """A file with some content."""
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    return path


def test_a_record(tmp_path: Path) -> None:
    """Its manifest, its cells with how they ended, and what each step showed."""
    found = read(at(tmp_path, notebook(1001)))
    opening, scope = found.cells
    assert ("x.ipynb", 1001, "markdown") == (found.name, found.manifest["ticket_id"], opening.kind)
    assert ("scope", "code", "case.scope()", "completed", 0.25) == (
        scope.id,
        scope.kind,
        scope.source,
        scope.status,
        scope.seconds,
    )
    assert (f"[in scope] {WORDS}", f"<div><p>{WORDS}</p></div>") == (scope.outputs[0].text, scope.outputs[0].html)
    assert [1001] == [data["ticket_id"] for data in found.steps]


def test_the_manifest_knows_better_how_a_cell_ended(tmp_path: Path) -> None:
    """Than papermill, which calls everything completed."""
    made = json.loads(notebook(1001))
    made["metadata"]["runbook"]["cells"] = [{"id": "scope", "status": "timed_out", "seconds": 600}]
    cell = read(at(tmp_path, json.dumps(made).encode())).cells[1]
    assert ("timed_out", 600.0) == (cell.status, cell.seconds)


OUTPUTS: dict[str, tuple[dict[str, Any], str]] = {
    "a stream": ({"output_type": "stream", "text": ["a\n", "b"]}, "a\nb"),
    "an error": (
        {"output_type": "error", "ename": "E", "evalue": "no", "traceback": ["\x1b[31mE\x1b[0m: no"]},
        "E: no",
    ),
    "an error without a traceback": ({"output_type": "error", "ename": "E", "evalue": "no"}, "E: no"),
    "colors": ({"output_type": "display_data", "data": {"text/plain": "\x1b[1;32mok\x1b[0m"}}, "ok"),
    "nothing": ({}, ""),
    "odd": ({"output_type": 7, "data": ["x"]}, ""),
    "odd data": ({"output_type": "display_data", "data": {"text/plain": {"x": 1}, "text/html": 7}}, ""),
    "odd lines": ({"output_type": "stream", "text": ["a", 7, None, "b"]}, "ab"),
    "an odd error": ({"output_type": "error", "traceback": 7, "ename": None, "evalue": []}, ": "),
}


@pytest.mark.parametrize(("output", "expected"), OUTPUTS.values(), ids=OUTPUTS)
def test_outputs(tmp_path: Path, output: dict[str, Any], expected: str) -> None:
    """As text; what is of another kind than expected is taken for nothing."""
    cell = {**step(1001), "outputs": [output]}
    (found,) = read(at(tmp_path, notebook(1001, cells=[cell]))).cells[0].outputs
    assert expected == found.text


@pytest.mark.parametrize(("encoded", "is_image"), [("iVBORw0KGgoAAAAN", True), ("PHN2Zz4=", False), ("%%%", False)])
def test_only_a_png_is_an_image(tmp_path: Path, encoded: str, is_image: bool) -> None:
    """Whatever calls itself one."""
    cell = step(1001, **{"image/png": encoded})
    (found,) = read(at(tmp_path, notebook(1001, cells=[cell]))).cells[0].outputs
    assert is_image == (found.png is not None)


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no notebook"),
    "text": (b"hello", "no notebook"),
    "half of one": (notebook(1001)[:500], "only a part"),
    "invalid UTF-8": (notebook(1001).replace(b"scope", b"sc\xffpe"), "no notebook"),
    "a list": (b"[]", "has no cells"),
    "no cells": (b'{"nbformat": 4}', "has no cells"),
    "cells that are none": (b'{"nbformat": 4, "cells": 7}', "has no cells"),
    "nbformat 3": (notebook(1001, nbformat=3), "another format"),
    "nbformat of another kind": (notebook(1001, nbformat="4"), "another format"),
    "a newer schema": (notebook(1001, metadata={"runbook": {"schema": 2}}), "newer version"),
    "an odd schema": (notebook(1001, metadata={"runbook": {"schema": "2"}}), "newer version"),
    "a deep one": (b"[" * 10**5, "no notebook"),
    "a number of 5,000 digits": (b'{"nbformat": 4, "cells": [], "x": ' + b"9" * 5000 + b"}", "no notebook"),
}


@pytest.mark.parametrize(("content", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_record(tmp_path: Path, content: bytes, words: str) -> None:
    """The message has the path and the reason."""
    path = at(tmp_path, content)
    with pytest.raises(InputError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file"),
        (Path.mkdir, "it is no file"),
        (os.mkfifo, "it is no file"),
        (lambda path: path.symlink_to("/dev/null"), "it is a link"),
    ],
    ids=["nothing", "folder", "pipe", "link"],
)
def test_what_is_no_file(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    """It is neither followed nor waited for."""
    make(tmp_path / "x.ipynb")
    with pytest.raises(InputError, match=words):
        read(tmp_path / "x.ipynb")


def test_what_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before it is read."""
    monkeypatch.setattr(reading, "LARGEST_BYTES", 10)
    with pytest.raises(InputError, match="10 bytes at most"):
        read(at(tmp_path, notebook(1001)))


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": []},
        {"metadata": {"runbook": 7, "papermill": "x"}},
        {"metadata": {"runbook": {"cells": [7, {"id": []}]}}},
        {"cells": [7, None, {}, {"cell_type": 7, "id": 7, "source": {}, "metadata": [], "outputs": {}}]},
    ],
)
def test_odd_parts_are_taken_for_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    """The rest of the record is read."""
    assert "x.ipynb" == read(at(tmp_path, notebook(1001, **changes))).name

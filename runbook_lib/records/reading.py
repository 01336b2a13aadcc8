"""What a record says: its manifest and its cells, as plain data. Judges nothing, and trusts nothing of it.

A record may have been forged or broken, so that each value is taken only if it is of the kind expected. The notebook
is read as JSON, without nbformat: that would refuse a whole record for one odd cell.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib import files
from runbook_lib.display import STEP_MIME
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.events import finite
from runbook_lib.domain.plain_text import size

SCHEMA = 1
"""The newest form of a manifest that is understood here."""
NOTEBOOK_FORMAT = 4
LARGEST_BYTES = 400_000_000
"""Larger files are not read. Outputs are cut when they are shown, so that a huge one is no reason to refuse."""
_TERMINAL_COLORS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Output:
    text: str
    html: str = ""  # it as HTML, not sanitized, or ""
    png: bytes | None = None  # it as an image, or None
    data: Mapping[str, Any] = field(default_factory=dict)  # what a step shows to programs, or nothing
    is_error: bool = False  # whether it is an error


@dataclass(frozen=True)
class Cell:
    id: str  # its id in the runbook
    kind: str  # `code`, `markdown` or `raw`
    source: str
    status: str  # how it ended: `completed`, `failed`, `pending` (it never ran)
    seconds: float | None  # how long it took, or None
    outputs: tuple[Output, ...]
    tags: tuple[str, ...] = ()  # its tags, such as papermill's `injected-parameters`


@dataclass(frozen=True)
class Record:
    """A record as it says of itself; the manifest, what the runner noted, is empty if papermill alone made it."""

    name: str
    content: bytes = field(repr=False)
    manifest: Mapping[str, Any]
    papermill: Mapping[str, Any]
    cells: tuple[Cell, ...]

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        return [output.data for cell in self.cells for output in cell.outputs if output.data]


def read(path: Path) -> Record:
    """Read a record.

    Raises:
        InputError: It is no notebook, or one that cannot be read here; the message says which.
    """
    content = _content(path)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{path} is no notebook, or only a part of one: it cannot be read as JSON.") from exc
    cells = found.get("cells") if isinstance(found, dict) else None
    if not isinstance(cells, list):
        raise InputError(f"{path} is no notebook: it has no cells.")
    if found.get("nbformat") != NOTEBOOK_FORMAT:
        raise InputError(f"{path} is a notebook of another format; expected version {NOTEBOOK_FORMAT} of nbformat.")
    metadata = mapping(found.get("metadata"))
    manifest = mapping(metadata.get("runbook"))
    schema = manifest.get("schema", SCHEMA)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise InputError(f"{path} was written by a newer version of this runbook. Update it, then look again.")
    noted = {text(cell.get("id")): cell for cell in mappings(manifest.get("cells"))}
    return Record(path.name, content, manifest, mapping(metadata.get("papermill")), tuple(_cells(cells, noted)))


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: object) -> tuple[str, ...]:
    """The texts in a list; nothing of any other value."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def text(value: object) -> str:
    """The value if it is a text, or a text in lines; else ""."""
    return value if isinstance(value, str) else "".join(texts(value))


def _content(path: Path) -> bytes:
    with (
        files.explained(f"The record {path} cannot be read"),
        files.opened(path) as handle,
        os.fdopen(handle, "rb", closefd=False) as file,
    ):
        found = os.fstat(handle).st_size
        if found > LARGEST_BYTES:
            raise InputError(f"{path} has {size(found)}; a record has {size(LARGEST_BYTES)} at most.")
        return file.read()


def _cells(cells: list[Any], noted: Mapping[str, Mapping[str, Any]]) -> Iterator[Cell]:
    """The cells; how one ended, the manifest decides before papermill."""
    for cell in mappings(cells):
        name = text(cell.get("id"))
        metadata = mapping(cell.get("metadata"))
        about = {**mapping(metadata.get("papermill")), **noted.get(name, {})}
        seconds = finite(about.get("seconds", about.get("duration")))
        kind, tags = text(cell.get("cell_type")), texts(metadata.get("tags"))
        outputs = tuple(_output(output) for output in mappings(cell.get("outputs")))
        yield Cell(name, kind, text(cell.get("source")), text(about.get("status")), seconds, outputs, tags)


def _output(output: Mapping[str, Any]) -> Output:
    kind, data = output.get("output_type"), mapping(output.get("data"))
    if kind == "stream":
        return Output(_plain(text(output.get("text"))))
    if kind == "error":
        words = f"{text(output.get('ename'))}: {text(output.get('evalue'))}"
        return Output(_plain("\n".join(texts(output.get("traceback"))) or words), is_error=True)
    return Output(
        _plain(text(data.get("text/plain"))),
        html=text(data.get("text/html")),
        png=_png(text(data.get("image/png"))),
        data=mapping(data.get(STEP_MIME)),
    )


def _plain(words: str) -> str:
    return _TERMINAL_COLORS.sub("", words)


def _png(encoded: str) -> bytes | None:
    try:
        content = base64.b64decode(encoded, validate=False)
    except (binascii.Error, ValueError):
        return None
    return content if content.startswith(b"\x89PNG\r\n\x1a\n") else None

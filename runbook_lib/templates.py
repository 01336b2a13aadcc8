"""The runbooks' notebooks as files: their parameters, their headings, and copies with a ticket filled in.

Runs nothing, and knows nothing of how a notebook is run.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib import files
from runbook_lib.domain.errors import InputError

COPIES = "open"
"""The folder, beside the runbooks, of the copies that have a ticket's number filled in."""
_MADE = "runbook_copy"
"""Where a copy says of which cells it was made."""
ANSWERS = "runbook_answers"
"""Where a copy keeps what was answered in it."""


def defaults(notebook: Path) -> dict[str, object]:
    """The parameters of a runbook, from its `parameters` cell: name to default, in the cell's order.

    Raises:
        InputError: It cannot be read, or its parameters are no plain literals.
    """
    source = "\n".join("".join(cell["source"]) for cell in _read(notebook)["cells"] if _has_parameters(cell))
    try:
        return {
            ast.unparse(node.target): ast.literal_eval(node.value)
            for node in ast.parse(source).body
            if isinstance(node, ast.AnnAssign) and node.value
        }
    except (SyntaxError, ValueError) as exc:
        raise InputError(f"The parameters of {notebook} are no plain literals ({exc}).") from exc


def titles(notebook: Path) -> dict[str, str]:
    """The headings above a runbook's steps, by the ids of the cells below them; its parameters are no step.

    Raises:
        InputError: It cannot be read.
    """
    found, heading = {}, ""
    for cell in _read(notebook)["cells"]:
        first = "".join(cell["source"]).partition("\n")[0]
        if cell["cell_type"] == "markdown" and first.startswith("#"):
            heading = first.lstrip("# ")
        elif cell["cell_type"] == "code" and not _has_parameters(cell):
            found[str(cell["id"])] = heading
    return found


@dataclass(frozen=True)
class Copy:
    """A copy of a runbook, with a ticket filled in."""

    path: Path
    was_renewed: bool  # whether there was another one before, which was not changed by hand
    lacks: Mapping[str, object]  # the values that it does not have, since it was changed by hand and kept


def copy(notebook: Path, name: str, values: Mapping[str, object]) -> Copy:
    """Copy a runbook with parameters filled in. One there already is renewed, unless it was changed by hand.

    Raises:
        InputError: The runbook, or the copy that is there, cannot be read.
        OSError: The copy cannot be written.
    """
    path = notebook.parent / COPIES / name
    before = _read(path) if path.exists() else None
    if before and not _is_untouched(before):
        has = defaults(path)
        return Copy(path, False, {name: value for name, value in values.items() if has.get(name, value) != value})
    files.make_folder(path.parent)
    content = write_marked(notebook, path, values)
    return Copy(path, bool(before) and before != content, {})


def write_marked(notebook: Path, path: Path, values: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Write a runbook elsewhere, marked as a copy, with parameters filled in; returns what was written.

    Raises:
        InputError: The runbook cannot be read.
        OSError: The copy cannot be written.
    """
    content = _read(notebook)
    for cell in filter(_has_parameters, content["cells"]):
        lines = "".join(cell["source"]).split("\n")
        cell["source"] = "\n".join(_filled(line, values or {}) for line in lines).splitlines(keepends=True)
    content["metadata"][_MADE] = _digest(content)
    files.write(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return content


def named(notebooks: Path, name: str) -> Path | None:
    """The notebook with this name in a folder, or None."""
    return next((path for path in notebooks.glob("*.ipynb") if path.stem == name), None)


def fresh(runbook: Path, values: Mapping[str, object] | None = None) -> Path:
    """A new copy of a runbook, in place of the last one: JupyterLab saves what customers wrote into what it opens.

    Where no copy can be made nothing can be saved either, and it is the runbook itself.
    """
    copy = runbook.parent / COPIES / runbook.name
    try:
        files.make_folder(copy.parent)
        write_marked(runbook, copy, values)
    except OSError:
        return runbook
    return copy


def _is_untouched(content: Mapping[str, Any]) -> bool:
    """Whether a copy is as it was made: nothing was changed in its cells, none was run, and it keeps no answers."""
    ran = any(cell.get("outputs") or cell.get("execution_count") for cell in content["cells"])
    metadata = content.get("metadata", {})
    return not ran and ANSWERS not in metadata and metadata.get(_MADE) == _digest(content)


def _digest(content: Mapping[str, Any]) -> str:
    cells = [[cell["cell_type"], "".join(cell["source"])] for cell in content["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _read(notebook: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
        for cell in content["cells"]:
            _ = cell["source"], cell["cell_type"], cell["metadata"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InputError(f"The runbook {notebook} cannot be read ({exc}).") from exc
    return content


def _has_parameters(cell: Mapping[str, Any]) -> bool:
    return cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", ())


def _filled(line: str, values: Mapping[str, object]) -> str:
    """A line of the parameters cell, such as `plan: str = "unknown"  # words`, with its value filled in."""
    name, colon, rest = line.partition(":")
    if not colon or name not in values:
        return line
    kind, _, words = rest.partition("=")
    return f"{name}:{kind}= {values[name]!r}  # {words.partition('  # ')[2]}"

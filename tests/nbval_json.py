"""A pytest plugin for nbval: data of JSON types is sanitized as its text, where nbval itself sanitizes only text."""

from __future__ import annotations

import json
from typing import Any

from nbval.plugin import IPyNbCell

_sanitize_text = IPyNbCell.sanitize


def _sanitize(cell: IPyNbCell, value: Any) -> Any:
    words = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return _sanitize_text(cell, words)


def pytest_configure() -> None:
    """Put it in place of nbval's own."""
    IPyNbCell.sanitize = _sanitize

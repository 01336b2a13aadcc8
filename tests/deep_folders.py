"""Folders in each other, more than Python lets a function call itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEVELS = 1200


@contextmanager
def deepest_in(folder: Path) -> Iterator[Path]:
    """The deepest of them; what is in it and they are removed again, since pytest's own way calls itself."""
    nested = [folder]
    for _ in range(LEVELS):
        nested.append(nested[-1] / "a")
        nested[-1].mkdir()
    try:
        yield nested[-1]
    finally:
        for path in nested[-1].iterdir():
            path.unlink()
        for made in reversed(nested[1:]):
            made.rmdir()

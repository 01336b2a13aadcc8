"""Finds blocks of Base64 in a text, such as a whole file, and decodes them. Pure; `finder` looks at what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from runbook_lib.domain.envelopes import unbase64

LEAST_CHARS = 120
"""A shorter block holds no file with a license, compressed ones included."""
MOST_BLOCKS = 5
"""Blocks of one text and alphabet that are decoded."""
GAP_CHARS = 16
"""How far apart the lines of one block may stand, as with the marks of a quote."""
_RUN = re.compile(r"[A-Za-z0-9+/]{20,}")
_LAST = re.compile(r"[^A-Za-z0-9+/=]{0,8}([A-Za-z0-9+/]{1,19})(?![A-Za-z0-9+/])")
_URL_SAFE = str.maketrans("-_", "+/")
"""The two letters of the other alphabet. Source: RFC 4648, 5."""

Block = tuple[int, int, bytes]
"""From where to where it stands, and what it encodes."""


def blocks(text: str) -> Iterator[Block]:
    """The first few blocks of each alphabet."""
    yield from islice(_of_alphabet(text), MOST_BLOCKS)
    if "-" in text or "_" in text:
        others = (one for one in _of_alphabet(text.translate(_URL_SAFE)) if {"-", "_"} & set(text[one[0] : one[1]]))
        yield from islice(others, MOST_BLOCKS)


def _of_alphabet(text: str) -> Iterator[Block]:
    return filter(None, (_decoded(text, block) for block in _groups(_RUN.finditer(text))))


def _groups(runs: Iterator[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Runs that stand near each other, as the lines of one block do."""
    block: list[re.Match[str]] = []
    for run in runs:
        if block and run.start() - block[-1].end() > GAP_CHARS:
            yield block
            block = []
        block.append(run)
    if block:
        yield block


def _decoded(text: str, block: list[re.Match[str]]) -> Block | None:
    """A block with its last, short line; None if it is too short."""
    last = _LAST.match(text, block[-1].end())
    letters = "".join((*(run[0] for run in block), last[1] if last else ""))
    if len(letters) < LEAST_CHARS:
        return None
    return block[0].start(), (last or block[-1]).end(), unbase64(letters)

"""Finds licenses in Base32 and Base85, by how an encoded license begins. Pure; `finder` looks at what they hold.

Base85 has the signs of most escapes among its letters, so the text is searched as it is. A piece from the middle is
not recognized.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice

from runbook_lib.domain.base64_blocks import MOST_BLOCKS, Block

MOST_CHARS = 64 * 1024
"""Longest block that is decoded."""
_GAP = r"\s{1,3}(?:> ?){0,3}"
"""What stands between two lines, also where they are quoted."""


def _unbase32(letters: str) -> bytes:
    letters = letters.rstrip("=").upper()
    kept = letters[: len(letters) - (len(letters) % 8 in (1, 3, 6))]
    return base64.b32decode(kept + "=" * (-len(kept) % 8))


_BASE32 = ("MV4UU22ZLBJG", "FUWS2LJNFUWS2LJN", "D6FQQA")
_ENCODINGS: tuple[tuple[tuple[str, ...], str, Callable[[str], bytes]], ...] = (
    (_BASE32, "A-Z2-7=", _unbase32),
    (tuple(map(str.lower, _BASE32)), "a-z2-7=", _unbase32),
    (("WqC?#Sy)nN", "EiElAEiElA", "ABzY8"), r"0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-", base64.b85decode),
    (("AU-m`=]eR8", "/M/P+/M/P+", "+,^C)"), "!-uz", base64.a85decode),
)
"""How a license, its BEGIN line and a gzip file begin in each encoding; its letters; its decoder."""


def blocks(text: str) -> Iterator[Block]:
    """The first few blocks of each encoding and beginning."""
    for marks, letters, decode in _ENCODINGS:
        for mark in marks:
            if mark in text:
                for found in islice(re.finditer(re.escape(mark), text), MOST_BLOCKS):
                    yield from _decoded(text, found.start(), letters, decode)


def _decoded(text: str, at: int, letters: str, decode: Callable[[str], bytes]) -> Iterator[Block]:
    """A block of these letters, whose last line may be shorter than the others: as it stands, and as a quote."""
    lines = rf"[{letters}]+(?:(?:{_GAP}[{letters}]{{20,}})+(?:{_GAP}[{letters}]{{1,19}}(?![^\s~]))?)?"
    if found := re.compile(lines).match(text, at, at + MOST_CHARS):
        for gap in (r"\s+", _GAP):
            with suppress(ValueError):
                yield *found.span(), decode(re.sub(gap, "", found[0]))

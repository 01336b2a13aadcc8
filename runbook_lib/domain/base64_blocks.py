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
_RUN = re.compile("[A-Za-z0-9+/]{20,}")
_BLOCK = re.compile(
    rf"{_RUN.pattern}(?:[\s\S]{{1,16}}?{_RUN.pattern})*"
    r"(?:[^A-Za-z0-9+/=]{0,8}([A-Za-z0-9+/]{1,19})(?![A-Za-z0-9+/]))?"
)
"""Long runs of letters at most 16 characters apart, as with the marks of a quote, and a shorter last one."""
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
    for found in _BLOCK.finditer(text):
        letters = "".join(_RUN.findall(found[0])) + (found[1] or "")
        if len(letters) >= LEAST_CHARS:
            yield *found.span(), unbase64(letters)

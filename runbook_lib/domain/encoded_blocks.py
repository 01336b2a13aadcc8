"""Finds blocks of Base64 in a text, such as a whole file, and decodes them. Pure; `finder` looks at what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice

from runbook_lib.domain.base64_pieces import unbase64
from runbook_lib.domain.content_kinds import is_of_known_kind

LEAST_CHARS = 120
"""A shorter block holds no file with a license."""
LEAST_PACKED_CHARS = 24
"""A shorter block holds nothing that is compressed, or 8 characters in UTF-16: a piece of a license, or a secret."""
MOST_BLOCKS = 5
"""Blocks of one text and alphabet that are decoded."""
MOST_STARTS = 3
"""Beginnings within a block from which it is decoded too."""
Block = tuple[int, int, bytes]
"""From where to where it stands, and what it encodes."""

_RUN = re.compile("[A-Za-z0-9+/]{20,}")
_BASE64 = re.compile(
    rf"{_RUN.pattern}(?:[^=]{{1,16}}?{_RUN.pattern})*"
    r"(?:[^A-Za-z0-9+/=]{0,8}([A-Za-z0-9+/]{1,19})(?![A-Za-z0-9+/]))?"
)
"""Long runs of letters at most 16 characters apart, as with the marks of a quote, then a shorter one; `=` ends it."""
_PACKED = "H4sI|eA[E-H]|eF[4-7]|eJ[w-z]|eN[o-r]|Qlpo|/Td6|UEsDB"  # gzip, zlib (four levels), bzip2, xz, zip
_SHORT = re.compile(rf"{_PACKED}|(?:[A-Za-z0-9+/][AQgw][AB][A-Za-z0-9+/]A[A-H][A-Za-z0-9+/]A){{2}}")
"""What a short block that is decoded begins like, or has in it: letters of two bytes."""
_BEGINNING = re.compile(
    f"{_PACKED}|"
    "LS0tLS|ZXlK|LQAt|ZQB5|AC0A|AGUA|//4t|//5l|/v8A|77u/"  # a license and its BEGIN line, also in UTF-16 and with a BOM
)
"""How a file that may be or hold a license begins in Base64."""


def in_base64(text: str) -> Iterator[Block]:
    """The first few blocks of each alphabet of Base64. Source for the second one: RFC 4648, 5."""
    if len(text) < LEAST_PACKED_CHARS:
        return
    yield from _of_alphabet(_BASE64.finditer(text))
    if "-" in text or "_" in text:
        others = text.replace("-", "+").replace("_", "/")
        blocks = (found for found in _BASE64.finditer(others) if {"-", "_"} & set(text[found.start() : found.end()]))
        yield from _of_alphabet(blocks)


def _of_alphabet(blocks: Iterable[re.Match[str]]) -> Iterator[Block]:
    joined = ((found, runs := _RUN.findall(found[0]), "".join(runs) + (found[1] or "")) for found in blocks)
    for found, runs, letters in islice((one for one in joined if _may_hold_files(one[2])), MOST_BLOCKS):
        yield *found.span(), _read(runs, letters)


def _may_hold_files(letters: str) -> bool:
    if len(letters) >= LEAST_CHARS:
        return True
    is_hex = letters.islower()  # or a name: what `_SHORT` finds has letters in upper case, and most blocks are digests
    return len(letters) >= LEAST_PACKED_CHARS and not is_hex and bool(_SHORT.search(letters))


def _read(runs: list[str], letters: str) -> bytes:
    """What a block encodes, without a word before it that was joined to it as a line would be.

    Such a word shifts the letters or hides how a file begins, so they are decoded from the first place that gives one.
    """
    shifted = [length for length in accumulate(map(len, runs[:-1])) if length % 4]
    marked = [found.start() for found in islice(_BEGINNING.finditer(letters), MOST_STARTS)]
    readings = (unbase64(letters[start:]) for start in (0, *shifted[:MOST_STARTS], *marked))
    return next(filter(is_of_known_kind, readings), unbase64(letters))

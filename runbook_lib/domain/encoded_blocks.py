"""Finds blocks of Base64, Base32 and Base85 in a text, such as a whole file, and decodes them. Pure.

`finder` looks at what they hold. Any long block of Base64 is decoded. One of Base32 is decoded where its letters can be
those of a packed file or of ASCII; from each of eight letters, since it may be a piece from the middle. Base85, whose
letters are those of most texts, is decoded only where it begins as an encoded license does, so that a piece from its
middle is not recognized.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import accumulate, islice

from runbook_lib.domain.base64_pieces import base64_letters, unbase64
from runbook_lib.domain.content_kinds import Kind, is_of_known_kind, magic
from runbook_lib.domain.envelopes import LEAST_CHARS as LEAST_LETTERS
from runbook_lib.domain.envelopes import material

LEAST_CHARS = 120
"""A shorter block of Base64 holds no file with a license, compressed ones included."""
MOST_CHARS = 64 * 1024
"""Longest block of Base32 or Base85 that is decoded."""
MOST_BLOCKS = 5
"""Blocks of one text and alphabet that are decoded."""
Block = tuple[int, int, bytes]
"""From where to where it stands, and what it encodes."""

_RUN = re.compile("[A-Za-z0-9+/]{20,}")
_BASE64 = re.compile(
    rf"{_RUN.pattern}(?:[^=]{{1,16}}?{_RUN.pattern})*"
    r"(?:[^A-Za-z0-9+/=]{0,8}([A-Za-z0-9+/]{1,19})(?![A-Za-z0-9+/]))?"
)
"""Long runs of letters at most 16 characters apart, as with the marks of a quote, then a shorter one; `=` ends it."""
_BEGINNING = re.compile(
    "H4sI|eA[E-H]|eF[4-7]|eJ[w-z]|eN[o-r]|Qlpo|/Td6|UEsDB|"  # gzip, zlib (four levels), bzip2, xz, zip
    "LS0tLS|ZXlK|LQAt|ZQB5|AC0A|AGUA|//4t|//5l|/v8A|77u/"  # a license and its BEGIN line, also in UTF-16 and with a BOM
)
"""How a file that may be or hold a license begins in Base64."""
MOST_STARTS = 3
"""Beginnings within a block from which it is decoded too."""
_URL_SAFE = str.maketrans("-_", "+/")
"""The two letters of the other alphabet. Source: RFC 4648, 5."""
_GAP = r"\s{1,3}(?:>{1,3} ){0,3}"
"""What stands between two lines of Base32 or Base85: also `> `, but no `>` alone, which is a letter of Base85."""


def in_base64(text: str) -> Iterator[Block]:
    """The first few blocks of each alphabet of Base64."""
    yield from _of_alphabet(_BASE64.finditer(text))
    if "-" in text or "_" in text:
        others = text.translate(_URL_SAFE)
        blocks = (found for found in _BASE64.finditer(others) if {"-", "_"} & set(text[found.start() : found.end()]))
        yield from _of_alphabet(blocks)


def _of_alphabet(blocks: Iterable[re.Match[str]]) -> Iterator[Block]:
    joined = ((found, runs := _RUN.findall(found[0]), "".join(runs) + (found[1] or "")) for found in blocks)
    for found, runs, letters in islice((one for one in joined if len(one[2]) >= LEAST_CHARS), MOST_BLOCKS):
        yield *found.span(), _read(runs, letters)


def _read(runs: list[str], letters: str) -> bytes:
    """What a block encodes, without a word before it that was joined to it as a line would be.

    Such a word shifts the letters or hides how a file begins, so they are decoded from the first place that gives one.
    """
    shifted = [length for length in accumulate(map(len, runs[:-1])) if length % 4]
    marked = [found.start() for found in islice(_BEGINNING.finditer(letters), MOST_STARTS)]
    readings = (unbase64(letters[start:]) for start in (0, *shifted[:MOST_STARTS], *marked))
    return next(filter(is_of_known_kind, readings), unbase64(letters))


_HEX = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_TO_HEX = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _HEX)


def _unbase32hex(letters: str) -> bytes:
    """The bytes of letters of Base32hex in either case, which are the digits of a number to the base 32."""
    size, rest = divmod(5 * len(letters), 8)
    return (int(letters, 32) >> rest).to_bytes(size)


def _of_lines(letters: str) -> re.Pattern[str]:
    """Lines of these letters, of which the last may be short."""
    line = f"[{letters}]{{20,}}"
    return re.compile(rf"{line}(?:{_GAP}{line})*(?:{_GAP}[{letters}]{{1,19}}(?![^\s=]))?")


_BASE32 = tuple(
    (_of_lines(letters), to_hex)
    for letters, to_hex in (("A-Z2-7", _TO_HEX), ("a-z2-7", _TO_HEX), ("0-9A-V", {}), ("0-9a-v", {}))
)
"""Alphabets in which any long block is decoded, and how they become Base32hex. Source: RFC 4648, 6 and 7."""
_ANY_BASE32 = _of_lines("0-9A-Za-z")
"""Within what it finds lies every block of each of them: one search instead of four."""
_GZIP = re.compile("3U5GG0")
"""How a gzip file begins in Base32hex: a word before it hides that."""
_PACKED = re.compile(".{0,7}(?:3U5G|89D6|VKRNKM|F2E|F3D)")
"""How gzip, bzip2, xz and zlib files begin there, with up to seven letters before them."""
_ASCII = re.compile("(?:[0-9A-F][014589CDGHKLOPST].[0-7G-N][02468ACEGIKMOQSU].[0-389ABGHIJOPQR].){6}")
"""Thirty bytes of ASCII there: of eight letters, five have a bit that is 0. A piece of a license has more of them."""
_BASE85: tuple[tuple[tuple[str, ...], str, Callable[[str], bytes]], ...] = (
    (("WqC?#Sy)nN", "EiElAEiElA", "ABzY8"), r"0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-", base64.b85decode),
    (("AU-m`=]eR8", "/M/P+/M/P+", "+,^C)"), "!-uz", base64.a85decode),
)
"""How a license, its BEGIN line and a gzip file begin in each encoding; its letters; its decoder."""


def in_rare_encodings(text: str) -> Iterator[Block]:
    """The blocks of Base32 and Base85 that may be a license.

    Args:
        text: The text as it is: Base85 has the signs of most escapes among its letters.
    """
    yield from _in_base32(text)
    yield from _in_base85(text)


def _in_base32(text: str) -> Iterator[Block]:
    """The blocks of Base32 that are a file or a part of a license, wherever they were cut."""
    spans = [found.span() for found in _ANY_BASE32.finditer(text)]
    long = [(start, end) for start, end in spans if end - start >= LEAST_CHARS]
    for alphabet, to_hex in _BASE32:
        for found in (one for span in long for one in alphabet.finditer(text, *span)):
            letters = re.sub(_GAP, "", found[0])[:MOST_CHARS].upper().translate(to_hex)
            begins = [one.start() for one in islice(_GZIP.finditer(letters), MOST_STARTS)]
            if len(letters) >= LEAST_CHARS and (begins or _PACKED.match(letters) or _ASCII.search(letters)):
                readings = (_unbase32hex(letters[start:]) for start in (*range(8), *begins))
                yield from ((*found.span(), one) for one in islice(filter(_is_of_license, readings), 1))


def _is_of_license(content: bytes) -> bool:
    text = content.decode("latin-1")
    has_letters = len(base64_letters(text)) >= LEAST_LETTERS
    return magic(content)[0] is Kind.PACKED or (has_letters and bool(material(text)))


def _in_base85(text: str) -> Iterator[Block]:
    """The first few blocks of Base85 that begin as a license does."""
    for marks, letters, decode in _BASE85:
        for mark in marks:
            if mark in text:
                for found in islice(re.finditer(re.escape(mark), text), MOST_BLOCKS):
                    yield from _decoded(text, found.start(), letters, decode)


def _decoded(text: str, at: int, letters: str, decode: Callable[[str], bytes]) -> Iterator[Block]:
    """A block of these letters, whose last line may be shorter than the others, or a word after it; none if damaged."""
    lines = re.compile(rf"[{letters}]+(?:{_GAP}[{letters}]{{20,}})*")
    if whole := lines.match(text, at, at + MOST_CHARS):
        last = re.compile(rf"{_GAP}[{letters}]{{1,19}}(?![^\s~])").match(text, whole.end())
        for end in (last.end(), whole.end()) if last else (whole.end(),):
            with suppress(ValueError):
                yield at, end, decode(re.sub(_GAP, "", text[at:end]))
                break

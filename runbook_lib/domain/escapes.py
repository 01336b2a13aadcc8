"""Resolves the escapes of a text, and keeps the original place of every character. Pure; it knows no license.

An escape is a character in HTML, percent-encoding, JSON, a string literal, quoted-printable or a log; a line of a dump;
a run of bytes as hex digits or as numbers; uuencode; the number in front of a line; or what is not seen, as a color.
Every search is linear.
"""

from __future__ import annotations

import binascii
import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

_NUMBER = r"(?:0x[0-9A-Fa-f]{1,2}|[0-9]{1,3})(?![0-9A-Za-z])"
_ESCAPE = re.compile(
    # With what each of them begins: without it, all of them would be tried at each character
    r"(?=[&%\\#=\0\u00ad\u200b-\u200f\u2060\ufeff\x1b^‹]|(?<![0-9A-Za-z])(?:[0-9]|[A-Fa-f][0-9A-Fa-f])|0x|ESC|"
    r"begin |(?m:^)[ \t>])(?:"
    r"&(?:amp;){0,3}(?:\#[0-9]{1,7};?|\#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};)"
    r"|%(?:25){0,3}(?P<percent>[0-9A-Fa-f]{2})"
    r"|(?m:^)[ \t>]{0,20}[0-9A-Fa-f]{4,16}(?::[ \t]{1,2}(?P<dump>(?:[0-9A-Fa-f]{2,8}(?=\s|\Z)[ \t]?){1,16})"
    r"|[ \t]{1,3}(?P<words>(?:[0-9A-Fa-f]{4}(?=\s|\Z)[ \t]{0,2}){1,8})"
    r"|[ \t]{1,3}(?P<pairs>(?:[0-9A-Fa-f]{2}(?=\s|\Z)[ \t]{0,2}){1,16}))"
    r"[ \t]{0,60}(?:\|?[^\s|][^\r\n|]{0,15}\|?|\|[^\r\n]{1,17})?(?:\r?\n|\Z)"
    r"|(?:\\{1,4}x|0x|(?<![0-9A-Za-z]))(?=[0-9 :,;\r\n-]{0,60}[A-Fa-f])"
    r"(?P<digits>(?:[0-9A-Fa-f]{2}(?![g-zG-Z])[ :,;-]{0,2}(?:\\?\r?\n {0,4})?){20,})"
    r"|\\{1,8}(?:u(?P<unicode>[0-9A-Fa-f]{4})|u\{(?P<braced>[0-9A-Fa-f]{1,6})\}|x(?P<hex>[0-9A-Fa-f]{2})"
    r"|(?P<octal>[0-3][0-7]{2})|(?P<letter>[nrtfv/\"'\\]))"
    r"|\#(?P<syslog>0[0-3][0-7])"
    r"|=(?![0-9A-Fa-f]{40})(?P<quoted>[0-9A-Fa-f]{2})|=[ \t]{0,8}\r?\n"
    r"|[\0\u00ad\u200b-\u200f\u2060\ufeff]{1,1000}|(?:\x1b|ESC|\^\[)\[[0-9;]{0,20}[A-Za-z]"
    r"|%u(?P<wide>[0-9A-Fa-f]{4})|‹U\+(?P<named>[0-9A-F]{4,6})›"
    rf"|(?<![0-9A-Za-z.])(?P<bytes>(?:{_NUMBER}(?:[,;]\\?\s{{0,12}}|\s{{1,4}})){{20,}}(?:{_NUMBER})?)"  # a Buffer
    r"|begin [0-7]{3,4} [^\r\n]{1,255}\r?\n(?P<uu>(?:[!-M][ -`]{1,80}\r?\n){1,3000})"
    r"|(?m:^)[ \t]{0,20}[0-9]{1,8}(?:[:.)|][ \t]{1,8}|[ \t]{2,8}|[ \t](?=\S{8})))"
)
"""An escape; see the module's docstring. Source for `#012`: rsyslog, *escapeControlCharactersOnReceive*."""
_BLANKS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_NOT_ASCII = bytes(range(0x80, 0x100))
_OCTAL = ("octal", "syslog")
_HEX = ("percent", "unicode", "braced", "hex", "quoted", "named", "wide")
_PLAIN_LETTERS = {
    code: unicodedata.normalize("NFKC", chr(code))
    for code in (*range(0xFF01, 0xFF5F), *range(0x1D400, 0x1D800))
    if len(unicodedata.normalize("NFKC", chr(code))) == 1
}
"""Full-width and mathematical letters, which some editors put in place of plain ones."""
_HAS_THEM = re.compile("[\uff01-\uff5e\U0001d400-\U0001d7ff]")


@dataclass(frozen=True)
class View:
    """A text with some characters removed or replaced, and the original place of each."""

    text: str = field(repr=False)  # the remaining characters
    edges: list[int] = field(repr=False)  # where each piece begins in `text`, and where the last one ends
    # The span of each piece in the original text. A piece of another length is an escape as a whole
    origins: list[tuple[int, int]] = field(repr=False)

    @classmethod
    def of(cls, pieces: Iterable[tuple[str, int, int]]) -> View:
        """The view of these pieces, each with its span in the original text; empty ones are left out."""
        kept = [piece for piece in pieces if piece[0]]
        edges = accumulate((len(piece) for piece, _, _ in kept), initial=0)
        return cls("".join(piece for piece, _, _ in kept), list(edges), [piece[1:] for piece in kept])

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span in the original text of a part of the view, which must not be empty."""
        first, last = bisect_right(self.edges, start) - 1, bisect_right(self.edges, end - 1) - 1
        begins, ends = self.origins[first][0], self.origins[last][1]
        if self._is_plain(first):
            begins += start - self.edges[first]
        if self._is_plain(last):
            ends -= self.edges[last + 1] - end
        return begins, ends

    def _is_plain(self, piece: int) -> bool:
        """Whether a piece stands in the original text as it is."""
        begins, ends = self.origins[piece]
        return ends - begins == self.edges[piece + 1] - self.edges[piece]


def decoded(text: str) -> View:
    return View.of(_pieces(text.translate(_PLAIN_LETTERS) if _HAS_THEM.search(text) else text))


def _pieces(text: str) -> Iterator[tuple[str, int, int]]:
    at = 0
    for found in _ESCAPE.finditer(text):
        yield text[at : found.start()], at, found.start()
        yield _meant(found), *found.span()
        at = found.end()
    yield text[at:], at, len(text)


def _meant(found: re.Match[str]) -> str:
    """What an escape stands for; "" for what only lays it out, a space if there is no character."""
    kind, code = found.lastgroup, found[found.lastgroup] if found.lastgroup else ""
    if kind in _HEX or kind in _OCTAL:
        point = int(code, 8 if kind in _OCTAL else 16)
        return chr(point) if point <= 0x10FFFF else " "
    if kind == "letter":
        return _BLANKS.get(code, code)
    if kind:
        return _bytes(kind, code) or found[0]
    if found[0].startswith("&"):
        name = found[0].strip("&;").rpartition("amp;")[2]  # escaped several times, as `&amp;gt;`
        meant = html.unescape(f"&{name};")
        return meant if len(meant) == 1 else " "
    return ""


def _bytes(kind: str, code: str) -> str:
    """The characters that a run of encoded bytes stands for; "" if most of them are no plain text."""
    try:
        if kind == "uu":
            content = b"".join(binascii.a2b_uu(line) for line in code.splitlines())
        elif kind == "bytes":
            content = bytes(int(number, 16 if "x" in number else 10) for number in re.findall(r"\w+", code))
        else:
            words = [bytes.fromhex(word) for word in re.findall("[0-9A-Fa-f]{2,}", code)]
            content = b"".join(word[::-1] if kind == "words" else word for word in words)
    except ValueError:  # binascii.Error is one; a number above 255, half a byte
        return ""
    plain = len(content.translate(None, _NOT_ASCII))
    return content.decode("utf-8", "replace") if 4 * plain >= 3 * len(content) else ""

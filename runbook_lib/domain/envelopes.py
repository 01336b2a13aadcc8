"""Locates licenses in a text, however the text wraps them. The finder and redaction use it.

A license is an envelope: Base64 of `{"data":"...","key":"...","iv":"..."}`, whose values are Base64 again. People quote
it, cut it, and send it through programs that escape it, so two views of a text are searched: `decoded` resolves the
escapes; the skeleton keeps only the Base64 letters of that.
Base64 that decodes to Base64 is part of a license, even without its beginning. Every search is linear.

No I/O, no clock, and nothing is decrypted: that is `license`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, groupby, pairwise

from runbook_lib.domain.base64_pieces import (
    LEAST_BYTES,
    NEAR_CHARS,
    base64_letters,
    base64_of,
    letter_count,
    merged,
    pieces,
    unbase64,
)
from runbook_lib.domain.escapes import View, decoded

_OPENINGS = ('{"', '{ "', '{\n  "', '{\n    "', '{\n\t"', '{\r\n  "')
HEADS = tuple(base64_of(f'{opening}{name}":') for opening in _OPENINGS for name in ("data", "key", "iv"))
"""Base64 of `{"data":`, with which every envelope of the gem begins (source: FACTS 6), of the other two parts, and of
JSON as other programs lay it out, which the gem reads, too."""
LINE_CHARS = 60
"""Width of a Base64 line and of a boundary line. Source: Ruby's `Base64.encode64`; the gem's `Boundary`."""
LEAST_CHARS = LEAST_BYTES * 4 // 3
"""A shorter text has no part of a license."""
BOUNDARY_CHARS = 400
"""Longest distance between the words of a boundary line."""
MOST_CHARS = 64 * 1024
"""Longest envelope; real ones have 2 to 4 kB."""

_TAG = re.compile(r"</?[A-Za-z!][^<>]{0,400}>")
_PIECE = re.compile(rf"{_TAG.pattern}|[A-Za-z0-9+/]+")
_LONG_RUN = re.compile(r"[A-Za-z0-9+/]{27,}")
_LINE = re.compile(r"[A-Za-z0-9+/]{32,}")
"""Long enough to be a line of a license, whatever surrounds it."""
_SHORT = re.compile(r"[A-Za-z0-9+/]{1,31}")
MOST_MENDED = 10
"""Licenses of one text that are reassembled from lines."""
OTHER_SIGNS = "other signs between its lines were left out"
AFTER_CHARS = 200
"""Longest distance from the last long line to the short one after it."""
_NAME = re.compile(r"[\"':]{0,2}(data|key|iv)[\"']?\s{0,3}(?::|=>|=)\s{0,3}[|>\"'-]{0,4}\s{0,20}(?=[A-Za-z0-9+/]{20})")
"""A part of an envelope that was decoded already, as `base64 -d`, Ruby or YAML shows it."""
_VALUE = re.compile(
    r"(?:[A-Za-z0-9+/=]{16,}\s{0,20})*(?:[A-Za-z0-9+/]{1,15}(?=[=\"'\r\n]|\Z)={0,2})?\s{0,20}[\"']?[\s,]{0,20}"
)
_ENVELOPE = re.compile(rb'[A-Za-z0-9+/=\\":, \t\r\n]*\}?')
"""An envelope's JSON after its first brace; a second one begins another envelope."""


@dataclass(frozen=True)
class Envelope:
    """A license in a text."""

    start: int  # where it begins in the text, with its BEGIN line
    end: int  # where it ends, with its END line
    body: str = field(repr=False)  # its Base64 in one line, padded; never shown
    is_whole: bool = True  # whether it is complete; otherwise `body` is its beginning
    notes: tuple[str, ...] = ()  # what was repaired, for the reader
    where: str = ""  # in which member of a file it stood, or ""

    @property
    def text(self) -> str:
        """The license file as the gem writes it, with its boundary lines."""
        return f"{boundary_line('BEGIN')}\n{in_lines(self.body)}{boundary_line('END')}"


def in_lines(letters: str) -> str:
    """Base64 in lines of 60 characters, each ended by a newline, as Ruby's `Base64.encode64` has it."""
    return "".join(f"{letters[at : at + LINE_CHARS]}\n" for at in range(0, len(letters), LINE_CHARS))


def boundary_line(word: str) -> str:
    return f"{word} GITLAB LICENSE".center(LINE_CHARS, "-")


def locate(text: str) -> list[Envelope]:
    """Every license in a text, in order: complete ones, and those whose end is missing or damaged."""
    return Search(text).found


def without(text: str, also: Iterable[tuple[int, int, str]] = ()) -> str:
    """A text without licenses, complete or cut, and pieces of them, and with other spans replaced by words, too."""
    found = Search(text).spans() if len(text) >= LEAST_CHARS else []
    return replaced(text, [*((*span, "[license]") for span in found), *also])


def replaced(text: str, spans: list[tuple[int, int, str]]) -> str:
    """A text with spans replaced by words; of overlapping spans the first one's word is used."""
    pieces, at = [], 0
    for start, end, word in sorted(spans):
        if start >= at:
            pieces += [text[at:start], word]
        at = max(at, end)
    return "".join([*pieces, text[at:]])


class Search:
    """One search through one text.

    Args:
        view: It, as `decoded` has it, if that is there already.
    """

    def __init__(self, text: str, view: View | None = None) -> None:
        self._text = text
        self.view = view or decoded(text)  # the text with its escapes resolved
        self._letters = _kept_letters(self.view.text)

    @cached_property
    def _skeleton(self) -> View:
        """The letters with their places; costly, so made only where something was found."""
        return _skeleton(self.view.text)

    @cached_property
    def found(self) -> list[Envelope]:
        letters, at, left = self._letters, 0, MOST_MENDED
        found: list[Envelope] = []
        for start in self._beginnings:
            if start < at:
                continue
            size, is_whole = _extent(letters, start)
            at = start + letter_count(size)
            envelope = self._envelope(start, at, is_whole=is_whole)
            if not is_whole and left:
                left -= 1
                envelope = self._from_lines(start, envelope) or envelope
            found.append(envelope)
        return found

    def _from_lines(self, start: int, cut: Envelope) -> Envelope | None:
        """A license with other text between its lines: the `+` of a diff, time stamps, colors, code.

        Only pieces long enough to be a line are used: all of them, the longest of each line of the text, or those
        outside its tags. After the last one comes the piece that completes the envelope.
        """
        begins = self._skeleton.origin(start, start + 1)[0]
        text = self.view.text[begins : begins + 2 * MOST_CHARS]
        lines = list(_LINE.finditer(text))
        if len(lines) < 2 or lines[0].start():
            return None
        ends = [end.start() for end in re.finditer("\n", text)]
        by_row = groupby(lines, key=lambda line: bisect_right(ends, line.start()))
        longest = [max(of_row, key=lambda line: len(line[0])) for _, of_row in by_row]
        bare = _TAG.sub(lambda tag: " " * len(tag[0]), text)
        found = (
            _joined(text, lines)
            or _joined(text, longest)
            or (_joined(bare, list(_LINE.finditer(bare))) if bare != text else None)
        )
        if found is None:
            return None
        body, end = found
        return Envelope(cut.start, self.view.origin(begins, begins + end)[1], _padded(body), notes=(OTHER_SIGNS,))

    def spans(self) -> list[tuple[int, int]]:
        letters = self._letters
        spans = [span for shift in range(4) for span in pieces(unbase64(letters[shift:]), shift)]
        spans += [(start, start + letter_count(_extent(letters, start)[0])) for start in self._beginnings]
        spans += self._between_boundaries()
        bounded = [(start, min(end, len(letters))) for start, end in spans]
        found = [self._origin(*self._with_boundaries(*span)) for span in merged(bounded)]
        found += [self.view.origin(*one) for one in _decoded_envelopes(self.view.text)]
        return sorted(found + [(one.start, one.end) for one in self.found if OTHER_SIGNS in one.notes])

    @cached_property
    def _beginnings(self) -> list[int]:
        """The places where an envelope begins: at a known head, or after a BEGIN line."""
        letters = self._letters
        heads = (start for head in HEADS for start in _finds(letters, head))
        after = (end for _, end in self._boundaries("BEGIN") if letters.startswith(("ey", "ew"), end))
        return sorted(at for at in {*heads, *after} if _extent(letters, at)[0] >= LEAST_BYTES)

    def _boundaries(self, word: str) -> Iterator[tuple[int, int]]:
        letters = self._letters
        for start in _finds(letters, word):
            end = letters.find("LICENSE", start + len(word), start + BOUNDARY_CHARS)
            if end >= 0:
                yield start, end + len("LICENSE")

    def _between_boundaries(self) -> Iterator[tuple[int, int]]:
        """The spans from a BEGIN to an END line that have a long run of Base64 letters."""
        begins = list(self._boundaries("BEGIN"))
        places, free = [end for _, end in begins], 0
        for end_start, end_end in self._boundaries("END"):
            place = bisect_right(places, end_start) - 1
            if place < free or end_start - places[place] > MOST_CHARS:
                continue
            if _LONG_RUN.search(self.view.text, *self._skeleton.origin(begins[place][0], end_end)):
                yield begins[place][0], end_end
            free = place + 1

    def _with_boundaries(self, start: int, end: int) -> tuple[int, int]:
        """A span of the skeleton with the boundary lines directly around it."""
        letters = self._letters
        begin = letters.rfind("BEGIN", max(0, start - BOUNDARY_CHARS), start)
        if begin >= 0 and letters.endswith("LICENSE", begin, start):
            start = begin
        word = letters.find("END", end, end + NEAR_CHARS)
        after = letters.find("LICENSE", word, word + BOUNDARY_CHARS) if word >= 0 else -1
        if after >= 0:
            end = after + len("LICENSE")
        return start, end

    def _origin(self, start: int, end: int) -> tuple[int, int]:
        """The span in the text of a span of the skeleton, with the dashes of its boundary lines, or its padding."""
        shown = self.view.text
        begins, ends = self._skeleton.origin(start, end)
        if self._letters.startswith("BEGIN", start):
            while begins and shown[begins - 1] == "-":
                begins -= 1
        while shown[ends : ends + 1] in ("=", "-"):
            ends += 1
        begins, ends = self.view.origin(begins, ends)
        while self._text[ends : ends + 1] == "=":  # at a line's end it was decoded as quoted-printable
            ends += 1
        return begins, ends

    def _envelope(self, start: int, end: int, *, is_whole: bool) -> Envelope:
        body = self._letters[start:end]
        outer = self._with_boundaries(start, end)
        notes = []
        if outer[0] < start and is_whole and outer[1] == end:
            notes.append("its END line is missing")
        return Envelope(*self._origin(*outer), _padded(body) if is_whole else body, is_whole, tuple(notes))


def _decoded_envelopes(text: str) -> Iterator[tuple[int, int]]:
    """The spans of envelopes whose three parts stand in a row, by their names."""
    if not all(name in text for name in ("iv", "key", "data")):
        return
    named = ((name, _VALUE.match(text, name.end())) for name in _NAME.finditer(text))
    parts = [(name.start(), name[1], (value or name).end()) for name, value in named]
    for three in zip(parts, parts[1:], parts[2:], strict=False):
        in_a_row = all(end >= start for (_, _, end), (start, _, _) in pairwise(three))
        if in_a_row and len({name for _, name, _ in three}) == len(three):
            yield three[0][0], three[2][2]


def _skeleton(text: str) -> View:
    """The Base64 letters of a text. Of tags only long runs are kept."""
    return View.of(
        (part[0], *part.span())
        for found in _PIECE.finditer(text)
        for part in ([found] if not found[0].startswith("<") else _LONG_RUN.finditer(text, *found.span()))
    )


def _kept_letters(text: str) -> str:
    return base64_letters(_TAG.sub(lambda tag: " ".join(_LONG_RUN.findall(tag[0])), text))


def _finds(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


def _extent(letters: str, start: int) -> tuple[int, bool]:
    """The number of an envelope's bytes from a place of the skeleton on, and whether it is complete."""
    size, at, chunk = 0, start, 256
    while at < min(len(letters), start + MOST_CHARS):
        plain = unbase64(letters[at : at + chunk])
        found = _ENVELOPE.match(plain, 1 if at == start and plain.startswith(b"{") else 0)
        fits = found.end() if found else 0
        size += fits
        if plain[:fits].endswith(b"}"):
            return size, True
        if fits < len(plain):
            break
        at, chunk = at + chunk, 4 * chunk
    return size, False


def _joined(text: str, lines: list[re.Match[str]]) -> tuple[str, int] | None:
    """The letters of an envelope that stands in these pieces of a text, and where it ends; None if it is not whole."""
    mark = "+" if all(line[0].startswith("+") for line in lines[1:]) else ""
    row_end = "+" if all(line[0].endswith("+") for line in lines[:-1]) else ""  # psql's, after the widest rows
    words = [line[0].removeprefix(mark).removesuffix(row_end) for line in lines]
    letters = letter_count(_extent("".join(words), 0)[0])
    count = bisect_right(list(accumulate(map(len, words))), letters)  # words that lie completely within them
    if not count:
        return None
    at = lines[count - 1].end()
    ends = (found for size in (_LINE, _SHORT) for found in size.finditer(text, at, at + AFTER_CHARS))
    for word, end in (("", at), *((one[0].removeprefix(mark), one.end()) for one in ends)):
        body = "".join((*words[:count], word))
        size, is_whole = _extent(body, 0)
        if is_whole:
            return body[: letter_count(size)], end
    return None


def _padded(body: str) -> str:
    return body + "=" * (-len(body) % 4)

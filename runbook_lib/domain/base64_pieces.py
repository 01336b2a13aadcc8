"""Finds pieces of licenses in Base64 letters: Base64 that decodes to Base64. Pure; `envelopes` finds the letters.

Every search is linear.
"""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Iterator

LEAST_BYTES = 27
"""Base64 of this many Base64 letters is part of a license: too long for chance, or for an alphabet in a file."""
NEAR_CHARS = 8
"""Pieces at most this far apart are joined: the gap is the edge of a cut or damaged piece."""

_BASE64 = (string.ascii_letters + string.digits + "+/").encode()
_NO_BASE64 = bytes(set(range(256)) - set(_BASE64))
_INNER = bytes(one in _BASE64 + b"=\\" for one in range(256))
"""The characters of an envelope's values, with escaped line ends: 1 for each of them, 0 for other bytes."""
_RUN = b"\1" * 8
"""A shorter run of inner characters says nothing."""
_END = b'"}'
_JOINTS = (b'","key":"', b'","iv":"', b'","data":"', b"\r\n", b"\n", _END)
"""Separators between the values, and between lines of a license that was encoded as a whole; and its end."""
_BEFORE = re.compile(
    rb"(?:[A-Za-z0-9+/=\\]*(?:%b)|%b)\Z"
    % (b"|".join(_JOINTS), b"|".join(joint[at:] for joint in _JOINTS for at in range(1, len(joint))))
)
_AFTER = re.compile(
    rb"%b|(?:%b)[A-Za-z0-9+/=\\]*|%b"
    % (_END, b"|".join(_JOINTS[:-1]), b"|".join(joint[:at] for joint in _JOINTS for at in range(len(joint) - 1, 0, -1)))
)


def base64_letters(text: str) -> str:
    return text.encode("ascii", "ignore").translate(None, _NO_BASE64).decode()


def base64_of(text: str) -> str:
    """The letters of Base64 with which a text begins, whatever follows it."""
    return base64.b64encode(text.encode()).decode()[: len(text) * 4 // 3]


def unbase64(letters: str) -> bytes:
    """The bytes of Base64 letters without padding; a single letter left over at the end is ignored."""
    kept = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return base64.b64decode(kept + "=" * (-len(kept) % 4))


def letter_count(size: int) -> int:
    """The number of Base64 letters for `size` bytes, without padding."""
    return (size * 4 + 2) // 3


def pieces(plain: bytes, shift: int) -> Iterator[tuple[int, int]]:
    """The spans of Base64 of Base64 in the skeleton, which was decoded from this place on."""
    start = end = 0
    for first, last in _inner_runs(plain):
        if plain[end:first] not in _JOINTS:
            yield from _piece(plain, start, end, shift)
            start = first
        end = last
    yield from _piece(plain, start, end, shift)


def _piece(plain: bytes, start: int, end: int, shift: int) -> Iterator[tuple[int, int]]:
    """The span of the letters that some bytes were decoded from, if these and their separators are long enough."""
    before = _BEFORE.search(plain, max(0, start - LEAST_BYTES), start)
    after = _AFTER.match(plain, end, end + LEAST_BYTES)
    start, end = before.start() if before else start, after.end() if after else end
    if end - start >= LEAST_BYTES:
        yield shift + start * 4 // 3, shift + letter_count(end)


def _inner_runs(plain: bytes) -> Iterator[tuple[int, int]]:
    """The spans of the long runs of an envelope's inner characters."""
    kinds = plain.translate(_INNER)
    start = kinds.find(_RUN)
    while start >= 0:
        end = kinds.find(0, start)
        end = end if end >= 0 else len(kinds)
        yield start, end
        start = kinds.find(_RUN, end)


def merged(spans: list[tuple[int, int]], near: int = NEAR_CHARS) -> list[tuple[int, int]]:
    """Spans in order, with those joined that overlap or nearly touch."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + near:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found

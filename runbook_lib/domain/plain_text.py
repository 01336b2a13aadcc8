"""Any text as harmless plain text: no license, no secret, control and direction characters named, length bounded.

What customers wrote is shown only through here. Escaping for HTML is `display`'s own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

CELL_LIMIT = 240
"""Characters of one value that are shown; longer text says how long it is."""
PREVIEW_LIMIT = 4000


def clean(value: object, limit: int = CELL_LIMIT) -> str:
    """One line of harmless text: control, format and direction characters are named, length is bounded.

    Licenses, activation codes and secrets are taken out first: what is cut, quoted or laid out is not found by a later
    search.
    """
    return _shown(_without_secrets(str(value)), limit)


def clean_lines(value: str, limit: int = PREVIEW_LIMIT) -> str:
    """As `clean`, but line ends stay."""
    return _shown(_without_secrets(value).replace("\r\n", "\n"), limit, kept="\n")


def size(count: int) -> str:
    """A file's size for people: bytes in, "12 kB" out."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number of things, as *1 step* or *2 steps*."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, as *a, b and c*."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def has_secret(text: str) -> bool:
    """Whether a text has a license in it, or something of the form of a secret."""
    return _without_secrets(text) != text


def _without_secrets(text: str) -> str:
    return _remembered(text) if len(text) <= PREVIEW_LIMIT else _searched(text)


@lru_cache(maxsize=1024)  # a card says the same as text and as HTML, and again when it is shown anew
def _remembered(text: str) -> str:
    return _searched(text)


def _searched(text: str) -> str:
    from runbook_lib.domain import (
        content_kinds,
        envelopes,
        secret_forms,
    )  # a command's help needs none, to come at once

    codes = ((*span, "[activation code]") for span in content_kinds.activation_codes(text))
    return envelopes.without(text, [*secret_forms.spans(text), *codes])


def _shown(whole: str, limit: int, kept: str = "") -> str:
    cut = whole[: limit + 1]
    words = cut if cut.isprintable() else "".join(char if char == kept else _visible(char) for char in cut)
    return words if len(words) <= limit else f"{words[:limit]}… ({len(whole):,} characters)"


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    kind = unicodedata.category(char)
    if char in "\n\t\r" or kind.startswith("Z"):
        return " "
    return f"‹U+{ord(char):04X}›"

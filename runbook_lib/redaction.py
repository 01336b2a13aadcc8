"""No secret of the settings, no license, no activation code and no key of a known form gets through here.

This holds however a secret is spelled, cut or laid out. A key that no setting knows, such as a customer's own token, is
found by its form (`secret_forms`).

Used twice. What others wrote passes when it enters the program (`Redactor.entering`, by the clients), before anything
cuts, quotes or lays it out. Whatever is written passes once more (`Redactor.data`, by runner, engine and journal); that
net is for what was not foreseen: an exception's message, a print that was left in a cell.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

from runbook_lib.domain import base64_pieces, content_kinds, envelopes, escapes, finder, secret_forms
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.secret_forms import lower_case
from runbook_lib.job_settings import JobSettings
from runbook_lib.settings import Settings

LEAST_CHARS = 6
"""Shorter values are no secrets worth the name, and would be found in half of all words."""
PIECE_CHARS = 8
"""A part of a secret with so many characters counts as the secret: a service may cut it, or a line break it."""
REMEMBERED_CHARS = 4_000_000
"""Characters of texts that are not searched again: a record passes several times, a page of issues with each look."""
WORD_CHARS = 30
"""Longest word, with the marks before it, that the search for encoded licenses may take for their last line."""
_STRIDE = PIECE_CHARS // 2
"""Each piece has a block of so many characters that begins at a multiple of it."""
_LICENSE, _CODE, _ENCODED = "[license]", "[activation code]", "[encoded secret]"
_URL_SAFE = str.maketrans("+/", "-_")


class Redacted(str):
    """Text with something taken out of it; `original` is what it was."""

    original: str


def original(text: str) -> str:
    """Text as it came in: for the finder of licenses, and for what is sent back as it was. Never show it."""
    return text.original if isinstance(text, Redacted) else text


class Redactor:
    """Takes secrets and licenses out of text.

    Args:
        secrets: The secrets by name; the name is what stands in their place.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        given = {value: name for name, value in secrets.items()}
        values = {_core(value, given): name for value, name in given.items()}
        meant = {escapes.decoded(value).text: name for value, name in values.items()}
        twice = {quote(value, safe=""): name for value, name in values.items() if "%" in value}
        self._known: dict[str, str] = {}
        self._room = REMEMBERED_CHARS
        plain = {**twice, **meant, **values}  # a secret may look as if it were escaped itself
        whole = {value: name for value, name in {**plain, **given}.items() if len(value) >= LEAST_CHARS}
        digits = {value.encode().hex(): name for value, name in whole.items()}
        self._names = _lower({**digits, **whole})
        longest_first = sorted(self._names, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        once = _in_base64(plain)
        self._pieces = _Pieces(_lower({**_in_base64(once), **once, **plain}), _lower(digits))

    @classmethod
    def of(cls, settings: Settings | JobSettings) -> Redactor:
        """For every secret of the settings; the same one each time, which remembers what it has seen."""
        return _redactor(tuple(settings.secrets().items()))

    @classmethod
    def of_environment(cls) -> Redactor:
        """For whatever is configured, also where a part of it is missing or wrong."""
        for load in (Settings.load, Settings.local):
            try:
                return cls.of(load())
            except InputError:
                continue
        return cls.of(Settings.unchecked())

    def text(self, text: str) -> str:
        if len(text) < LEAST_CHARS:
            return text
        shown = self._known.get(text)
        if shown is None:
            spans = list(self._spans(text))
            shown = envelopes.replaced(text, spans) if spans else str(text)
            if len(text) < self._room:
                self._room -= len(text)
                self._known[str(text)] = shown
        return text if shown == text else shown

    def data(self, value: Any) -> Any:
        """Anything that JSON can hold, without them; dicts keep their type."""
        return _each(value, self.text)

    def search_ahead(self, value: Any, most_chars: int) -> None:
        """Search what will be written later, but for longer texts; the result is remembered."""
        _each(value, lambda text: self.text(text) if len(text) <= most_chars else text)

    def entering(self, value: Any) -> Any:
        """As `data`, for what others wrote: each text that is not the same afterwards remembers its `original`."""
        return _each(value, self._entering)

    def _entering(self, text: str) -> str:
        shown = self.text(text)
        if shown == text:
            return text
        redacted = Redacted(shown)
        redacted.original = text
        return redacted

    def _spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What is taken out: from where to where, and the word in its place."""
        view = escapes.decoded(text)
        yield from self._readable(text)
        if view.text != text:
            yield from ((*view.origin(start, end), word) for start, end, word in self._readable(view.text))
        # By the length of the text as it is: what an escape stands for is shorter.
        plain = envelopes.Search(text, view).spans() if len(text) >= envelopes.LEAST_CHARS else []
        yield from ((*span, _LICENSE) for span in plain)
        known = partial(_is_within, others=base64_pieces.merged(plain, 0))
        for start, end, is_license in finder.encoded(text, view, known, lambda inner: any(self._readable(inner))):
            yield start, end, _LICENSE if is_license else _ENCODED

    def _readable(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What is no license and can be read in a text as it is."""
        if self._secrets:
            lower = lower_case(text)  # a service may keep a name, which is where it was pasted, in one case
            yield from ((*found.span(), f"[{self._names[found[0]]}]") for found in self._secrets.finditer(lower))
            yield from self._pieces.spans(lower)
        yield from secret_forms.spans(text)
        yield from ((*span, _CODE) for span in content_kinds.activation_codes(text))


def _is_within(span: tuple[int, int], others: Sequence[tuple[int, int]]) -> bool:
    """Whether one of the others, which are in order, covers a span, but for a word before or after the license."""
    start, end = span
    near = others[max(0, bisect_right(others, span) - 1) : bisect_left(others, (end,))]
    return any(max(first - start, end - last) < WORD_CHARS for first, last in near if start < last)


@lru_cache(maxsize=16)
def _redactor(secrets: tuple[tuple[str, str], ...]) -> Redactor:
    return Redactor(dict(secrets))


class _Pieces:
    """Finds parts of secrets in time that grows with the text only, however many secrets there are.

    Args:
        secrets: Each secret's name, by its value.
        digits: The same by its hex digits, two of which are one character.
    """

    def __init__(self, secrets: Mapping[str, str], digits: Mapping[str, str]) -> None:
        self._digits = frozenset(digits)
        self._names = {value: name for value, name in {**digits, **secrets}.items() if len(value) >= PIECE_CHARS}
        self._blocks: dict[str, list[tuple[str, int]]] = {}
        for value in self._names:
            for at in range(len(value) - _STRIDE + 1):
                self._blocks.setdefault(value[at : at + _STRIDE], []).append((value, at))

    def spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        """From where to where a part of a secret stands, and the word in its place."""
        done = 0
        places = range(0, len(text) - _STRIDE + 1, _STRIDE)
        for at in [at for at in places if text[at : at + _STRIDE] in self._blocks]:
            for value, place in self._blocks[text[at : at + _STRIDE]] if at >= done else ():
                start, end = _common(text, at, value, place)
                if end - start >= PIECE_CHARS * (2 if value in self._digits else 1):
                    done = max(done, end)
                    yield start, end, f"[{self._names[value]}]"


def _lower(names: Mapping[str, str]) -> dict[str, str]:
    return {lower_case(value): name for value, name in names.items()}


def _common(text: str, at: int, value: str, place: int) -> tuple[int, int]:
    """From where to where two texts agree around places where they do."""
    start, end = at, at + _STRIDE
    while start > 0 and place - (at - start) > 0 and text[start - 1] == value[place - (at - start) - 1]:
        start -= 1
    while end < len(text) and place + end - at < len(value) and text[end] == value[place + end - at]:
        end += 1
    return start, end


def _core(value: str, others: Iterable[str]) -> str:
    """The part of a secret that is secret by itself: of a cookie its value, not its name."""
    return min(
        (other for other in others if len(other) >= LEAST_CHARS and value.endswith(other)), key=len, default=value
    )


def _in_base64(secrets: Mapping[str, str]) -> dict[str, str]:
    """Each secret's name by the letters that Base64 has for it in both alphabets, whatever stands around it."""
    found: dict[str, str] = {}
    for value, name in secrets.items():
        for before in range(3):
            content = bytes(before) + value.encode()
            letters = base64.b64encode(content)[-(-before * 4 // 3) : len(content) * 4 // 3].decode()
            found |= {letters: name, letters.translate(_URL_SAFE): name}
    return found


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """Anything that JSON can hold, with each text changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return type(value)({change(key): _each(item, change) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return [_each(item, change) for item in value]
    return value

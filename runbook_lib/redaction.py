"""The second net: whatever is written passes here, and no known secret or license text gets through.

The first net is construction: secrets are `SecretStr`, and a license is shown as its fingerprint. This one is for what
nobody thought of: an exception's message, a vendor's error body, a print that was left in a cell.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from runbook_lib.errors import InputError
from runbook_lib.settings import JobSettings, Settings

LEAST_CHARS = 6
"""Shorter values are no secrets worth the name, and would be found in half of all words."""

_LICENSE = re.compile(
    r"-{0,60}BEGIN [A-Z ]{0,60}LICENSE(?:.*?END [A-Z ]{0,60}LICENSE-{0,60}|(?:[A-Za-z0-9+/=\s-]|\\[nr])*)", re.DOTALL
)
"""A license file with its boundary lines, also one that was cut off, or that stands in a literal."""
_ENVELOPE = re.compile(r"eyJkYXRhIjoi(?:[A-Za-z0-9+/=\s]|\\[nr]){80,}")
"""A license file without them: Base64 of `{"data":"...`. Source: FACTS, the license file."""


class Redactor:
    """Takes secrets and licenses out of text.

    Args:
        secrets: The secrets by name; the name is what stands in their place.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        words = {form: name for name, value in secrets.items() for form in _forms(value) if len(value) >= LEAST_CHARS}
        self._names = words
        longest_first = sorted(words, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if words else None

    @classmethod
    def of(cls, *settings: Settings | JobSettings) -> Redactor:
        """For every secret of some settings."""
        return cls({name: value for one in settings for name, value in one.secrets().items()})

    @classmethod
    def of_environment(cls) -> Redactor:
        """For whatever is configured, also where a part of it is missing or wrong."""
        for load in (Settings.load, Settings.local):
            try:
                return cls.of(load())
            except InputError:
                continue
        return cls({})

    def text(self, text: str) -> str:
        """A text without them."""
        if self._secrets:
            text = self._secrets.sub(lambda found: f"[{self._names[found[0]]}]", text)
        return _ENVELOPE.sub("[license]", _LICENSE.sub("[license]", text))

    def data(self, value: Any) -> Any:
        """Anything that JSON can hold, without them; dicts keep their type."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            found = {self.text(key): self.data(item) for key, item in value.items()}
            return type(value)(found)
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value


def _forms(value: str) -> Iterable[str]:
    """How a secret may be spelled: as it is, in HTML, in an address, in a literal."""
    return {value, html.escape(value), quote(value, safe=""), json.dumps(value)[1:-1], repr(value)[1:-1]}

"""The contents of a ticket's files: each is fetched once in a case. Only reads."""

from __future__ import annotations

from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import Attachment
from runbook_lib.domain.plain_text import size

MOST_FILES = 300
"""Files of one ticket that are looked at; what is left out is named."""
KEPT_BYTES = 100_000_000
"""Bytes that are kept in memory; what would exceed them is fetched again."""


class Downloads:
    """What was fetched for one case. What could not be fetched is not remembered: the next try may succeed.

    Args:
        zendesk: Where the files are.
        limit: Bytes; a larger file is not fetched.
    """

    def __init__(self, zendesk: Zendesk, limit: int) -> None:
        self._zendesk = zendesk
        self._limit = limit
        self._kept: dict[int, bytes] = {}
        self._room = KEPT_BYTES

    def content(self, file: Attachment) -> bytes:
        """A file's bytes.

        Raises:
            InputError: It is larger than the limit.
            RefusedError, UnavailableError: It could not be fetched.
        """
        if file.id in self._kept:
            return self._kept[file.id]
        if file.size > self._limit:
            raise InputError(f"It has {size(file.size)}, more than the limit of {size(self._limit)}.")
        content = self._zendesk.download(file, self._limit)
        if len(content) <= self._room:
            self._kept[file.id] = content
            self._room -= len(content)
        return content

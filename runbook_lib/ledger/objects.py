"""The names of the objects in the team's share, below a profile; `share` has the whole layout."""

from __future__ import annotations

import re
from dataclasses import dataclass

CLAIMS = "claims"
TICKET = re.compile("[1-9][0-9]{0,18}")
_SEGMENT = re.compile(r"journal/([0-9a-f]{16})/([0-9]{8})-([0-9]{8})\.jsonl")
_RECORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.ipynb")


@dataclass(frozen=True, order=True)
class Segment:
    """Lines of a writer's part, as one object.

    Attributes:
        first, last: The numbers of its lines.
    """

    key: str
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def name(self) -> str:
        """Its name below the ticket."""
        return f"journal/{self.key}/{self.first:08}-{self.last:08}.jsonl"


def segment(name: str) -> Segment | None:
    """The segment that an object below a ticket is by its name; or None."""
    found = _SEGMENT.fullmatch(name)
    if not found or not 1 <= int(found[2]) <= int(found[3]):
        return None
    return Segment(found[1], int(found[2]), int(found[3]))


def is_record(name: str) -> bool:
    """Whether an object below a ticket is a record by its name."""
    return _RECORD.fullmatch(name) is not None

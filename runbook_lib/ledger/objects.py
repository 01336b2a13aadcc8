"""The objects in the team's share: their names, of which `share` has the layout, and what stands above a public key."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime

from runbook_lib.domain.plain_text import clean

CLAIMS = "claims"
TICKET = re.compile("[1-9][0-9]{0,18}")
_SEGMENT = re.compile(r"journal/([0-9a-f]{16})/([0-9]{8})-([0-9]{8})\.jsonl")
_RECORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.ipynb")
_STRAY = re.compile(
    r"(?:\A|/)(?:[.~@#$]|(?:desktop\.ini|thumbs\.db|lost\+found|icon\r)(?:/|\Z))"
    r"|[ck]onfli[ck]?t[^/]*\Z| \([0-9]{1,3}\)\.\w+\Z",
    re.IGNORECASE,
)
"""What Windows, macOS, a NAS, Dropbox, Nextcloud, Syncthing and Google Drive leave in a folder that they keep."""


@dataclass(frozen=True, order=True)
class Segment:
    """Lines of a writer's part, by their numbers, as one object."""

    key: str
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def name(self) -> str:
        return f"journal/{self.key}/{self.first:08}-{self.last:08}.jsonl"


def segment(name: str) -> Segment | None:
    found = _SEGMENT.fullmatch(name)
    if not found or not 1 <= int(found[2]) <= int(found[3]):
        return None
    return Segment(found[1], int(found[2]), int(found[3]))


def is_record(name: str) -> bool:
    return _RECORD.fullmatch(name) is not None


def is_stray(path: str) -> bool:
    """Whether a file is of an operating system or a sync program, by its name: `desktop.ini`, a conflicted copy."""
    return _STRAY.search(path) is not None


def published(pem: bytes, owner: str) -> bytes:
    about = {"Owner": owner, "Machine": socket.gethostname(), "Published": f"{datetime.now(UTC):%Y-%m-%d}"}
    return "".join(f"{name}: {clean(words, 100)}\n" for name, words in about.items()).encode() + pem


def publisher(content: bytes) -> dict[str, str]:
    """What stands above a published key: `Owner`, `Machine`, `Published`."""
    above = content.partition(b"-----BEGIN")[0].decode("utf-8", errors="replace")
    pairs = (line.partition(": ")[::2] for line in above.splitlines())
    return {name: clean(words, 100) for name, words in pairs if name in ("Owner", "Machine", "Published")}

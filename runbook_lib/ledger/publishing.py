"""What stands above a public key in the team's share: whose it is, by the publisher's own word."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

from runbook_lib.domain.plain_text import clean


def published(pem: bytes, owner: str) -> bytes:
    """A public key as it is published: with its owner and machine, by their own word."""
    about = {"Owner": owner, "Machine": socket.gethostname(), "Published": f"{datetime.now(UTC):%Y-%m-%d}"}
    return "".join(f"{name}: {clean(words, 100)}\n" for name, words in about.items()).encode() + pem


def publisher(content: bytes) -> dict[str, str]:
    """What stands above a published key: `Owner`, `Machine`, `Published`."""
    above = content.partition(b"-----BEGIN")[0].decode("utf-8", errors="replace")
    pairs = (line.partition(": ")[::2] for line in above.splitlines())
    return {name: clean(words, 100) for name, words in pairs if name in ("Owner", "Machine", "Published")}

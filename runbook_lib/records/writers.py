"""Who wrote what is here: each key with its owner, its machine, and when it was first and last used. Only reads."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from runbook_lib.domain.errors import RunbookError
from runbook_lib.domain.events import Event
from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.ledger.objects import publisher
from runbook_lib.ledger.share import Share
from runbook_lib.records.archive import Archive
from runbook_lib.settings import Settings

LOOK_S = 10.0
"""How long the share is read for what its keys say of themselves."""


@dataclass
class Writer:
    key: str
    state: str  # `signs`, `trusted` or `not trusted`
    owner: str = ""  # the operators of its runs, or who has published it
    machine: str = ""  # where it was published from, by its own word
    first_used: str = ""  # the moment of its first line here, UTC; "" without one
    last_used: str = ""  # the same of its last line


def writers(settings: Settings, ring: KeyRing) -> list[Writer]:
    found: dict[str, Writer] = {}
    for key in ring.trusted():
        found[key] = Writer(key, "signs" if key == ring.signing_key else "trusted")
    for ticket in Archive.of(settings).tickets():
        for part in Journal.of(settings, ticket).parts():
            for event in (Event(entry) for entry, _ in part.lines):
                key, at = event.writer, event.text("at")[:19]
                one = found.setdefault(key, Writer(key, "not trusted"))
                one.first_used = min(one.first_used or at, at)
                one.last_used = max(one.last_used, at)
                one.owner = clean(event.text("operator"), 60) or one.owner
    with suppress(RunbookError):  # what the share adds is only words
        if share := Share.of(settings, seconds=LOOK_S):
            for one in found.values():
                about = publisher(share.read(f"keys/{one.key}.pem") or b"")
                one.owner, one.machine = one.owner or about.get("Owner", ""), about.get("Machine", "")
    return list(found.values())

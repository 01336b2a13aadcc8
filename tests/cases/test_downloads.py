"""A ticket's file is fetched once in a case."""

from __future__ import annotations

import pytest

from runbook_lib.cases import downloads
from runbook_lib.cases.downloads import Downloads
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.domain.models import Attachment
from tests.clients.wire import Answer, Wire, reply

DESK = "https://team.zendesk.com"


def file(number: int, *, size: int = 3) -> Attachment:
    """A file that was scanned."""
    return Attachment(number, f"{number}.txt", f"{DESK}/{number}", "text/plain", size, malware="malware_not_found")


def fetched(*answers: Answer) -> tuple[Downloads, Wire]:
    """The files of a case, and the wire that they come by."""
    wire = Wire(*answers)
    return Downloads(Zendesk(DESK, {}, wire.session), limit=10), wire


def test_a_file_is_fetched_once() -> None:
    """Whoever asks for it; another one is fetched by itself."""
    found, wire = fetched(reply(content=b"one"), reply(content=b"two"))
    assert [b"one", b"one", b"two"] == [found.content(file(1)), found.content(file(1)), found.content(file(2))]
    assert 2 == len(wire.requests)


def test_what_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try may succeed."""
    monkeypatch.setattr("runbook_lib.clients.retrying.ATTEMPTS", 1)
    found, _ = fetched(reply(503), reply(content=b"one"))
    with pytest.raises(UnavailableError):
        found.content(file(1))
    assert b"one" == found.content(file(1))


def test_what_is_too_large_is_not_fetched() -> None:
    """By the size that the ticket states."""
    found, wire = fetched(reply(content=b"one"))
    with pytest.raises(InputError, match="more than the limit"):
        found.content(file(1, size=11))
    assert [] == wire.requests


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is more is fetched again."""
    monkeypatch.setattr(downloads, "KEPT_BYTES", 4)
    found, wire = fetched(reply(content=b"one"), reply(content=b"two"), reply(content=b"two"))
    for number in (1, 2, 1, 2):
        found.content(file(number))
    assert 3 == len(wire.requests)

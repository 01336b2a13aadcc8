"""The journal on a real disk: what is acknowledged is there, what is damaged is told, one process at a time."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib import journal as journal_module
from runbook_lib.errors import InputError, UnavailableError
from runbook_lib.journal import Journal
from runbook_lib.models import Evidence

EVIDENCE = {"summary": "message 1", "url": "https://slack.example/1", "reference": "1.2"}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """The journal of a ticket that has none yet."""
    return Journal(tmp_path / "sandbox" / "1001")


def kinds(journal: Journal) -> list[str]:
    return [entry["kind"] for entry in journal.entries()]


# -- writing and reading


def test_append_and_read(journal: Journal) -> None:
    """What is appended is read back, in order, each line with its moment."""
    journal.append("run_started", performed=True, operator="grace")
    journal.append("intended", effect="slack_post", operation_id="op-1", nested={"a": [1, None]})

    first, second = journal.entries()

    assert ("run_started", True, "grace") == (first["kind"], first["performed"], first["operator"])
    assert {"a": [1, None]} == second["nested"]
    at = datetime.fromisoformat(first["at"])
    assert (timedelta(0), True) == (at.utcoffset(), abs(datetime.now(UTC) - at) < timedelta(minutes=1))


def test_nothing_yet(journal: Journal) -> None:
    """A ticket without a journal has no entries, and reading makes none."""
    assert [] == journal.entries()
    assert journal.settled("op-1") is None
    assert not journal.folder.exists()


@pytest.mark.parametrize(
    "text",
    ["Ärger mit Łódź – 日本語 🚒", "line\nbreak\r\n", "\u2028\u2029\x85", 'quote " \\ {}', "\x00\x1b", ""],
    ids=["letters", "line breaks", "Unicode line breaks", "JSON", "control characters", "empty"],
)
def test_any_text_is_one_line(journal: Journal, text: str) -> None:
    """Whatever a text holds, its entry is one line, readable as UTF-8."""
    journal.append("note", text=text)
    journal.append("note", text="next")

    assert [text, "next"] == [entry["text"] for entry in journal.entries()]
    assert 2 == journal.path.read_bytes().count(b"\n")


def test_letters_stay_readable(journal: Journal) -> None:
    """A person can read the journal with any editor."""
    journal.append("note", text="Łódź")

    assert "Łódź" in journal.path.read_text(encoding="utf-8")


def test_appending_keeps_what_is_there(journal: Journal) -> None:
    """Append-only: earlier bytes never change."""
    journal.append("one")
    before = journal.path.read_bytes()
    journal.append("two")

    assert journal.path.read_bytes().startswith(before)


def test_on_disk_before_return(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole line is in the file when it is synced, and it is synced before `append` returns."""
    synced: list[bytes] = []
    real = os.fsync

    def spy(descriptor: int) -> None:
        synced.append(journal.path.read_bytes())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    for kind in ("one", "two"):
        journal.append(kind)
        assert journal.path.read_bytes() == synced[-1]
    assert [1, 1, 2, 2] == [content.count(b"\n") for content in synced], "the line, then the folder that names the file"


# -- crashes and damage


@pytest.mark.parametrize("torn", [b"{", b'{"at": "2026', '{"kind": "tör'.encode()[:-2], b"\x00" * 40, b"\xff\xfe"])
def test_a_torn_last_line_is_healed(journal: Journal, torn: bytes) -> None:
    """A line that a crash cut off was never acknowledged: it does not count, and the next append removes it."""
    journal.append("one")
    with journal.path.open("ab") as file:
        file.write(torn)

    assert ["one"] == kinds(journal)
    journal.append("two")
    assert ["one", "two"] == kinds(journal)
    assert torn not in journal.path.read_bytes().split(b"\n")


def test_only_a_torn_line(journal: Journal) -> None:
    """A crash in the very first line leaves an empty journal."""
    journal.folder.mkdir(parents=True)
    journal.path.write_bytes(b'{"at": "2026')

    assert [] == journal.entries()
    journal.append("one")
    assert ["one"] == kinds(journal)


def test_a_whole_line_that_misses_its_newline_does_not_count(journal: Journal) -> None:
    """The newline is what completes a line; without it nobody was told that it is there."""
    journal.append("done", operation_id="op-1", evidence=EVIDENCE)
    journal.path.write_bytes(journal.path.read_bytes()[:-1])

    assert journal.settled("op-1") is None


@pytest.mark.parametrize(
    "line",
    [
        b'{"at": "2026',
        b"",
        b"null",
        b"[]",
        b'"kind"',
        b"7",
        b'{"kin": "done"}',
        b'{"kind": "\xff"}',
        b"\x00\x00",
        b"[" * 10**5,
    ],
)
def test_a_damaged_line_is_refused(journal: Journal, line: bytes) -> None:
    """Damage anywhere else is told with its line, and the file is left as it is."""
    journal.append("one")
    journal.append("two")
    journal.append("three")
    lines = journal.path.read_bytes().splitlines(keepends=True)
    damaged = lines[0] + line + b"\n" + lines[2]
    journal.path.write_bytes(damaged)

    for ask in (journal.entries, lambda: journal.settled("op-1")):
        with pytest.raises(InputError, match=r"^Line 2 of .*journal\.jsonl cannot be read"):
            ask()
    assert damaged == journal.path.read_bytes()


# -- a disk that does not take it


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files of this process may not grow beyond `size` bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_full_disk(journal: Journal, room: int) -> None:
    """If the disk takes only a part of a line, none of it counts, and what was there stays."""
    journal.append("one")
    before = journal.path.read_bytes()

    with room_for(len(before) + room), pytest.raises(UnavailableError) as caught:
        journal.append("done", operation_id="op-1", evidence=EVIDENCE)

    assert str(journal.path) in str(caught.value)
    assert before == journal.path.read_bytes()
    journal.append("two")
    assert ["one", "two"] == kinds(journal)


def test_a_failing_sync(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that the disk did not confirm does not count as written."""
    journal.append("one")

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UnavailableError, match="Input/output error"):
        journal.append("done", operation_id="op-1", evidence=EVIDENCE)

    assert ["one"] == kinds(journal)
    assert journal.settled("op-1") is None


def unusable(path: Path) -> None:
    """Makes a folder impossible: a file is in its place (permissions would not stop root)."""
    path.parent.mkdir(parents=True)
    path.write_text("in the way")


def test_a_folder_that_cannot_be_written(journal: Journal) -> None:
    """Without a folder nothing is written and nothing is locked; both are told in a sentence."""
    unusable(journal.folder)

    with pytest.raises(UnavailableError, match=r"journal\.jsonl cannot be written"):
        journal.append("one")
    with pytest.raises(UnavailableError, match="1001 cannot be used"), journal.lock():
        raise AssertionError("locked what is not there")


# -- what is settled


@pytest.mark.parametrize("kind", ["done", "adopted"])
def test_settled(journal: Journal, kind: str) -> None:
    """Done and adopted effects are there; the evidence comes back as it was given."""
    journal.append("intended", operation_id="op-1")
    journal.append(kind, operation_id="op-1", evidence=EVIDENCE)
    journal.append("run_ended", status="completed")

    assert Evidence(**EVIDENCE) == journal.settled("op-1")
    assert journal.settled("op-2") is None
    assert journal.settled("op") is None


@pytest.mark.parametrize(
    "evidence",
    [None, [], "message 1", 7, {}, {"url": "x"}, {"summary": 1}, {"summary": None}, {"summary": "x", "more": "y"}],
)
@pytest.mark.parametrize("kind", ["done", "adopted"])
def test_evidence_of_another_shape_is_refused(journal: Journal, kind: str, evidence: object) -> None:
    """Nobody can say whether the effect is there, so the line is told as any other damage."""
    journal.append("run_started")
    journal.append(kind, operation_id="op-1", evidence=evidence)
    journal.append("run_ended")

    with pytest.raises(InputError, match=r"^Line 2 of .*journal\.jsonl cannot be read"):
        journal.settled("op-1")
    assert journal.settled("op-2") is None


def test_missing_evidence_is_refused(journal: Journal) -> None:
    """The same holds for a line without any."""
    journal.append("done", operation_id="op-1")

    with pytest.raises(InputError, match=r"^Line 1 of .*journal\.jsonl cannot be read"):
        journal.settled("op-1")


@pytest.mark.parametrize("kind", ["intended", "not_done", "run_started", "planned"])
def test_not_settled(journal: Journal, kind: str) -> None:
    """An intention is no effect, nor is anything else."""
    journal.append(kind, operation_id="op-1", evidence=EVIDENCE)

    assert journal.settled("op-1") is None


def test_the_newest_evidence_counts(journal: Journal) -> None:
    """If there are two, the later one holds."""
    journal.append("done", operation_id="op-1", evidence={"summary": "first"})
    journal.append("adopted", operation_id="op-1", evidence={"summary": "second"})

    assert Evidence("second") == journal.settled("op-1")


# -- several processes


HOLD = """
import sys
from pathlib import Path
from runbook_lib.journal import Journal
with Journal(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    sys.stdin.read()
"""
APPEND = """
import sys
from pathlib import Path
from runbook_lib.journal import Journal
journal = Journal(Path(sys.argv[1]))
for number in range(25):
    with journal.lock():
        journal.append("note", by=sys.argv[2], number=number, text="x" * 5000)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock; killed at the end."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "locked\n" == process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_another_process_has_the_ticket(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another run is on the ticket, this one waits a little and says so; other tickets are free."""
    monkeypatch.setattr(journal_module, "LOCK_WAIT_S", 0.05)
    with holder(journal.folder):
        with pytest.raises(UnavailableError, match="Another run is changing ticket 1001"), journal.lock():
            raise AssertionError("two runs on one ticket")
        with Journal(journal.folder.with_name("1002")).lock():
            pass


def test_the_lock_ends_with_its_process(journal: Journal) -> None:
    """A killed run keeps nobody out."""
    with holder(journal.folder) as process:
        process.kill()
        process.wait()
        with journal.lock():
            journal.append("one")


def test_the_lock_ends_with_its_block(journal: Journal) -> None:
    """An error inside passes through as it is, and frees the ticket."""
    error = TimeoutError("inside")
    with pytest.raises(TimeoutError) as caught, journal.lock():
        raise error
    assert error is caught.value
    with journal.lock():
        pass


def test_two_processes_write(journal: Journal) -> None:
    """Lines of two processes stand whole, one after the other."""
    command = [sys.executable, "-c", APPEND, str(journal.folder)]
    writers = [subprocess.Popen([*command, name]) for name in "ab"]

    assert [0, 0] == [writer.wait(timeout=30) for writer in writers]
    found: dict[str, list[Any]] = {"a": [], "b": []}
    for entry in journal.entries():
        found[entry["by"]].append(entry["number"])
    assert {"a": list(range(25)), "b": list(range(25))} == found
    assert all(json.loads(line) for line in journal.path.read_bytes().splitlines())

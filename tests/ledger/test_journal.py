"""The journal on a real disk: what is acknowledged is there, what is damaged is reported, one process at a time."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from runbook_lib.domain.errors import InputError, JournalError, UnavailableError
from runbook_lib.domain.models import Evidence
from runbook_lib.ledger import chains
from runbook_lib.ledger import journal as journal_module
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from tests.small_disk import room_for

EVIDENCE = {"summary": "message 1", "url": "https://slack.example/1", "reference": "1.2"}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """The journal of a ticket that has none yet."""
    return at(tmp_path / "sandbox" / "1001")


def at(folder: Path, ticket: str = "sandbox/1001", keys: str = ".keys") -> Journal:
    """The journal in a folder, with the keys beside it."""
    return Journal(folder, ticket, KeyRing(folder.parent / keys))


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
    journal.append("zero")  # the key is made
    synced: list[bytes] = []
    real = os.fsync

    def spy(descriptor: int) -> None:
        synced.append(journal.path.read_bytes())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    for kind in ("one", "two"):
        journal.append(kind)
        assert journal.path.read_bytes() == synced[-1]
    assert [2, 2, 3, 3] == [content.count(b"\n") for content in synced], "the line, the head"


# -- crashes and damage


def head_of(journal: Journal) -> Path:
    """The file that says how far the journal has come."""
    (path,) = (journal.folder.parent / ".keys" / "heads" / "sandbox-1001").glob("*.json")
    return path


@pytest.mark.parametrize("torn", [b"{", b'{"at": "2026', '{"kind": "tör'.encode()[:-2], b"\x00" * 40, b"\xff\xfe"])
def test_a_torn_last_line_is_healed(journal: Journal, torn: bytes) -> None:
    """A line that a crash cut off was never acknowledged: it does not count, and the next append removes it."""
    journal.append("one")
    with journal.path.open("ab") as file:
        file.write(torn)

    assert ["one"] == kinds(journal)
    journal.append("two")
    assert ["one", "two"] == kinds(journal)
    assert len(torn) == journal.entries()[1]["healed_bytes"]
    assert torn not in journal.path.read_bytes().split(b"\n")


def test_only_a_torn_line(journal: Journal) -> None:
    """A crash in the very first line leaves an empty journal."""
    journal.folder.mkdir(parents=True)
    journal.path.write_bytes(b'{"at": "2026')

    assert [] == journal.entries()
    journal.append("one")
    assert ["one"] == kinds(journal)


def test_a_line_without_its_newline_does_not_count(journal: Journal) -> None:
    """The newline is what completes a line; without it no caller has learned that it is there."""
    journal.append("one")
    before = journal.path.read_bytes()
    head = head_of(journal).read_bytes()
    journal.append("done", operation_id="op-1", evidence=EVIDENCE)
    journal.path.write_bytes(journal.path.read_bytes()[:-1])
    head_of(journal).write_bytes(head)  # the line comes before the head

    assert journal.settled("op-1") is None
    journal.append("two")
    assert ["one", "two"] == kinds(journal)
    assert journal.path.read_bytes().startswith(before)


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
    """Damage anywhere else is reported with its line, and the file is left as it is."""
    journal.append("one")
    journal.append("two")
    journal.append("three")
    lines = journal.path.read_bytes().splitlines(keepends=True)
    damaged = lines[0] + line + b"\n" + lines[2]
    journal.path.write_bytes(damaged)

    for ask in (journal.entries, lambda: journal.settled("op-1")):
        with pytest.raises(InputError, match=r"^Line 2 of .*journal\.\w+\.jsonl cannot be read"):
            ask()
    assert damaged == journal.path.read_bytes()


# -- what the chain, the signatures and the head are for


@pytest.fixture
def three(journal: Journal) -> Journal:
    """A journal of three lines."""
    for kind in ("one", "two", "three"):
        journal.append(kind, words=f"this is {kind}")
    return journal


def lines_of(journal: Journal) -> list[bytes]:
    return journal.path.read_bytes().splitlines(keepends=True)


def resigned(journal: Journal, line: bytes, **changes: Any) -> bytes:
    """A line with other contents, signed by a key of the ring: what only an owner of the key can do."""
    entry = {**json.loads(line), **changes}
    entry.pop("sig")
    signature = KeyRing(journal.folder.parent / ".keys").signer().sign(b"journal-line-2", encoded(entry))
    return encoded({**entry, "sig": base64.b64encode(signature).decode()}) + b"\n"


def encoded(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def foreign_part(journal: Journal) -> list[bytes]:
    """Three lines that are signed by another key."""
    other = at(journal.folder.with_name("other"), keys=".other-keys")
    for kind in ("one", "two", "three"):
        other.append(kind)
    return lines_of(other)


def foreign(journal: Journal) -> bytes:
    """A line like the third, signed by another key."""
    return foreign_part(journal)[2]


TAMPERING: dict[str, tuple[Callable[[Journal, list[bytes]], list[bytes]], str, int | None]] = {
    "a changed character": (lambda j, x: [x[0], x[1].replace(b"this is", b"that is"), x[2]], "altered", 2),
    "a changed number": (lambda j, x: [x[0], x[1].replace(b'"n":2', b'"n":3'), x[2]], "altered", 2),
    "a blank more": (lambda j, x: [x[0], x[1].replace(b'"n":2', b'"n": 2'), x[2]], "altered", 2),
    "no signature": (lambda j, x: [x[0], b'{"v":2,"kind":"two"}\n', x[2]], "unsigned", 2),
    "a signature that is none": (
        lambda j, x: [x[0], encoded({**json.loads(x[1]), "sig": "no"}) + b"\n", x[2]],
        "altered",
        2,
    ),
    "version 1": (lambda j, x: [b'{"at": "2026-11-21T10:00:00+00:00", "kind": "run_started"}\n'], "unsigned", 1),
    "a newer version": (lambda j, x: [*x, resigned(j, x[2], v=3)], "newer_version", 4),
    "removed": (lambda j, x: [x[0], x[2]], "broken_chain", 2),
    "swapped": (lambda j, x: [x[1], x[0], x[2]], "broken_chain", 1),
    "duplicated": (lambda j, x: [x[0], x[1], x[1], x[2]], "broken_chain", 3),
    "another one in its place": (lambda j, x: [x[0], resigned(j, x[1], words="no"), x[2]], "broken_chain", 3),
    "another last one": (lambda j, x: [x[0], x[1], resigned(j, x[2], words="no")], "broken_chain", 3),
    "appended with another key": (lambda j, x: [*x, foreign(j)], "foreign_key", 4),
    "another writer's part under this name": (lambda j, x: foreign_part(j), "misnamed", 1),
    "of another ticket": (lambda j, x: [x[0], x[1], resigned(j, x[2], ticket="sandbox/1002")], "other_ticket", 3),
    "cut at the end": (lambda j, x: x[:2], "truncated", 2),
    "all but the newline cut": (lambda j, x: [x[0], x[1], x[2][:-1]], "truncated", 2),
    "emptied": (lambda j, x: [], "missing", None),
}


@pytest.mark.parametrize(("change", "problem", "line"), TAMPERING.values(), ids=TAMPERING)
def test_tampering(three: Journal, change: Callable[..., list[bytes]], problem: str, line: int | None) -> None:
    """Each kind of damage has its own error, with its line and the way out; nothing is read, written or overwritten."""
    damaged = b"".join(change(three, lines_of(three)))
    three.path.write_bytes(damaged)

    for ask in (three.entries, lambda: three.settled("op-1"), lambda: three.append("four")):
        with pytest.raises(JournalError) as caught:
            ask()
        assert (problem, line) == (caught.value.problem, caught.value.line)
        way_out = "Update it" if problem == "newer_version" else "runbook journal restart 1001 --because"
        assert way_out in str(caught.value)
    assert damaged == three.path.read_bytes()


def test_every_problem_is_tried() -> None:
    """The list above leaves out none of the problems that the error's class names."""
    named = set(re.findall(r"`(\w+)`", str(JournalError.__doc__))) - {"problem", "line"}
    assert named == {problem for _, problem, _ in TAMPERING.values()} | {"unreadable", "unknown_writer"}


def test_a_journal_that_is_gone(three: Journal) -> None:
    """Removing the ticket's folder does not go unnoticed on the machine that wrote it."""
    shutil.rmtree(three.folder)

    with pytest.raises(JournalError, match=r"is gone; it had 3 lines.*runbook journal restart 1001") as caught:
        three.append("four")
    assert "missing" == caught.value.problem
    assert not three.path.exists() or b"" == three.path.read_bytes()


@pytest.mark.parametrize("seed", range(40))
def test_any_flipped_bit(three: Journal, seed: int) -> None:
    """Wherever a bit flips, the journal is not read as it was, nor as anything else."""
    rng = random.Random(seed)
    content = bytearray(three.path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    three.path.write_bytes(content)

    with pytest.raises(InputError):
        three.entries()


def test_a_crash_between_line_and_head(three: Journal) -> None:
    """The line is on disk before the head: a head that is one behind is caught up with, and no damage."""
    head = head_of(three).read_bytes()
    three.append("four")
    head_of(three).write_bytes(head)

    assert ["one", "two", "three", "four"] == kinds(three)
    three.append("five")
    assert {"lines": 5} == {"lines": json.loads(head_of(three).read_bytes())["lines"]}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"lines": 3}'])
def test_a_head_that_cannot_be_read(three: Journal, content: bytes) -> None:
    """It is reported, and not taken for no journal."""
    head_of(three).write_bytes(content)

    with pytest.raises(
        InputError, match=r"sandbox-1001/\w+-\w+\.json.* cannot be read\. To go on, .*journal restart 1001"
    ):
        three.append("four")
    assert three.restart(because="head broken", operator="grace") is not None
    assert ["restarted"] == kinds(three)


def test_another_machine_continues_with_its_own_part(three: Journal) -> None:
    """The part that was brought here stays as it is; the new one says how far that had come."""
    before = three.path.read_bytes()
    here = at(three.folder, keys=".keys-of-another-machine")
    here.append("four")

    assert ["one", "two", "three", "four"] == kinds(here) == kinds(three)
    assert before == three.path.read_bytes()
    assert {"lines": 3, "sha256": hashlib.sha256(lines_of(three)[2][:-1]).hexdigest()}.items() <= (
        here.entries()[3]["seen"][three.writer].items()
    )


def test_an_unknown_writers_part_is_no_damage(three: Journal) -> None:
    """Without its public key nothing can be said of it, and it is not shown as history."""
    (three.folder / f"journal.{three.writer}.pub").unlink()
    here = at(three.folder, keys=".keys-of-another-machine")
    here.append("four")

    assert ["four"] == kinds(here)
    unknown = here.parts()[1] if here.parts()[0].is_own else here.parts()[0]
    assert (True, 3, "unknown_writer") == (
        unknown.is_unknown,
        len(unknown.lines),
        getattr(unknown.error, "problem", ""),
    )


def test_rotation_begins_a_part(three: Journal) -> None:
    """What a retired key signed stays valid, as the first part of one history."""
    ring = KeyRing(three.folder.parent / ".keys")
    before, after = ring.signing_key, ring.rotate()
    three.append("four")

    assert [before] * 3 + [after] == [entry["writer"] for entry in three.entries()]
    assert ["one", "two", "three", "four"] == kinds(at(three.folder)) == [each["kind"] for each in three.own_entries()]


def test_rotation_while_a_line_is_written_breaks_no_part(three: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is of the key that it was begun with, from its file's name to its signature."""
    ring = KeyRing(three.folder.parent / ".keys")
    before = ring.signing_key
    monkeypatch.setattr(chains.Reader, "one", lambda *given, one=chains.Reader.one: (one(*given), ring.rotate())[0])
    three.append("four")

    monkeypatch.undo()
    assert [before] * 4 == [entry["writer"] for entry in three.entries()]


def test_lost_keys_leave_a_part_of_another_writer(three: Journal) -> None:
    """The public key beside it still verifies it; a new key begins a part of its own."""
    shutil.rmtree(three.folder.parent / ".keys")
    again = at(three.folder)
    again.append("four")

    assert ["one", "two", "three", "four"] == kinds(again)
    assert ["four"] == [entry["kind"] for entry in again.own_entries()]


def test_a_folder_that_was_moved_keeps_its_head(three: Journal, tmp_path: Path) -> None:
    """Wherever it stands, a part that was cut shows."""
    moved = three.folder.parent.rename(tmp_path / "moved")
    there = at(moved / "1001")
    assert ["one", "two", "three"] == kinds(there)
    there.path.write_bytes(b"".join(lines_of(there)[:2]))
    with pytest.raises(JournalError) as caught:
        there.entries()
    assert "truncated" == caught.value.problem


# -- what other writers say


@pytest.fixture
def colleague(journal: Journal) -> Journal:
    """Another machine's journal of the same ticket, in the same folder."""
    return at(journal.folder, keys=".keys-of-a-colleague")


def trust(journal: Journal, other: Journal) -> None:
    """Take the other one's key into the ring."""
    ring = KeyRing(journal.folder.parent / ".keys")
    ring.trust((journal.folder / f"journal.{other.writer}.pub").read_bytes())


@pytest.mark.parametrize("trusted", [True, False])
def test_another_writers_word_is_a_claim(journal: Journal, colleague: Journal, trusted: bool) -> None:
    """It never settles an effect by itself; what a person here has answered goes before it."""
    colleague.append("intended", operation_id="op-1")
    assert colleague.open_since("op-1") == journal.open_since("op-1")
    colleague.append("done", operation_id="op-1", evidence=EVIDENCE)
    if trusted:
        trust(journal, colleague)

    assert (None, None) == (journal.settled("op-1"), journal.open_since("op-1"))
    claim = journal.claimed("op-1")
    assert claim is not None
    assert (Evidence(**EVIDENCE), trusted, colleague.writer) == (claim.evidence, claim.is_trusted, claim.writer)
    journal.append("answered", operation_id="op-1", there=False, evidence=None)
    assert journal.claimed("op-1") is None


def test_an_unknown_writers_word_is_a_claim_too(journal: Journal, colleague: Journal) -> None:
    """Only to look, and to ask a person."""
    colleague.append("done", operation_id="op-1", evidence=EVIDENCE)
    (journal.folder / f"journal.{colleague.writer}.pub").unlink()
    claim = journal.claimed("op-1")
    assert claim is not None
    assert not claim.is_trusted


def test_another_writers_failure_is_of_its_own_attempt(journal: Journal, colleague: Journal) -> None:
    """What this machine intended stays open."""
    journal.append("intended", operation_id="op-1")
    colleague.append("intended", operation_id="op-1")
    colleague.append("not_done", operation_id="op-1")
    assert journal.open_since("op-1") is not None
    assert ["op-1"] == journal.history().open_operations


@pytest.mark.parametrize(
    "at", ["soon", "2026-11-29T02:00:00", "9999-12-31T23:59:59-23:59", "2099-01-01T00:00:00Z", "", 7]
)
def test_another_writers_moment_is_limited_by_its_file(journal: Journal, at: object) -> None:
    """Whatever it says, nothing that it intended begins later, and a person may say *no* in time."""
    signer = KeyRing(journal.folder.parent / ".keys-of-a-stranger").signer()
    line = {"v": 2, "n": 1, "ticket": journal.ticket, "at": at, "kind": "intended", "operation_id": "op-1"}
    line |= {"prev": "0" * 64, "key": signer.key_id}
    signature = base64.b64encode(signer.sign(chains.DOMAIN, chains.encoded(line))).decode()
    path = journal.folder / chains.file_name(signer.key_id)
    journal.folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(chains.encoded({**line, "sig": signature}) + b"\n")
    (journal.folder / f"journal.{signer.key_id}.pub").write_bytes(signer.public_pem)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert datetime.fromtimestamp(1_000_000_000, UTC) == journal.open_since("op-1")


def test_another_writers_damaged_part_stops_the_run(journal: Journal, colleague: Journal) -> None:
    """Nothing is done by a journal that was changed, by any writer, until a person has set it aside."""
    colleague.append("done", operation_id="op-1", evidence=EVIDENCE)
    journal.append("run_started")
    colleague.path.write_bytes(colleague.path.read_bytes().replace(b"message 1", b"message 2"))
    with pytest.raises(JournalError):
        journal.append("intended", operation_id="op-1")
    kept = journal.restart(because="edited", operator="grace")
    assert kept is not None
    assert ["run_started", "restarted"] == kinds(journal)


def test_another_machines_clock_does_not_matter(journal: Journal, colleague: Journal, monkeypatch: Any) -> None:
    """A colleague's clock that is ahead does not stop a run."""
    monkeypatch.setattr(journal_module, "datetime", Clock)
    monkeypatch.setattr(Clock, "shift", timedelta(hours=1))
    colleague.append("run_started")
    monkeypatch.setattr(Clock, "shift", timedelta(0))
    journal.append("run_started")
    assert 2 == len(kinds(journal))


def test_restart(three: Journal) -> None:
    """A journal that cannot be relied on is kept under another name; the new one says why, and of what."""
    damaged = three.path.read_bytes().replace(b"this is two", b"this is 2!!")
    three.path.write_bytes(damaged)

    kept = three.restart(because="line 2 was edited", operator="grace")

    assert kept is not None
    assert damaged == kept.read_bytes()
    (entry,) = three.entries()
    assert ("restarted", "line 2 was edited", "grace", kept.name) == (
        entry["kind"],
        entry["because"],
        entry["operator"],
        entry["kept_as"],
    )
    assert hashlib.sha256(damaged).hexdigest() == entry["sha256"]
    assert 3 == entry["head"]["lines"]
    three.append("four")
    assert ["restarted", "four"] == kinds(three)


def test_restart_that_cannot_read_a_part_keeps_its_head(three: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try still says how far the part had come."""
    three.path.write_bytes(three.path.read_bytes().replace(b"this is two", b"this is 2!!"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", Mock(side_effect=OSError(errno.EIO, os.strerror(errno.EIO))))
        with pytest.raises(UnavailableError):
            three.restart(because="line 2 was edited", operator="grace")

    three.restart(because="line 2 was edited", operator="grace")

    assert [3] == [entry["head"]["lines"] for entry in three.entries()]


def test_restart_of_what_is_gone(three: Journal) -> None:
    """There may be nothing left to keep."""
    shutil.rmtree(three.folder)

    assert three.restart(because="disk lost", operator="grace") is None
    assert ["restarted"] == kinds(three)


class Clock(datetime):
    """A clock that can be set."""

    shift = timedelta(0)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) + cls.shift


@pytest.mark.parametrize("back_s", [-3600, 0, 60, 180, 86_400])
def test_a_clock_that_jumps_back(three: Journal, monkeypatch: pytest.MonkeyPatch, back_s: int) -> None:
    """With a wrong clock nothing new is begun; what has happened already is written down all the same."""
    monkeypatch.setattr(journal_module, "datetime", Clock)
    monkeypatch.setattr(Clock, "shift", timedelta(seconds=-back_s))
    for kind in ("run_started", "intended"):
        if back_s > journal_module.CLOCK_TOLERANCE_S:
            with pytest.raises(UnavailableError, match=r"This machine's clock says .* Set the clock"):
                three.append(kind)
        else:
            three.append(kind)
    three.append("done", operation_id="op-1", evidence=EVIDENCE)
    assert Evidence(**EVIDENCE) == three.settled("op-1")


@pytest.mark.parametrize("forward_s", [7200, 90, 0, -90])
def test_clock_set_since_an_effect_was_intended(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, forward_s: int
) -> None:
    """What was sent a moment ago may still show: a clock that was set says nothing of the time that has passed."""
    journal.append("intended", operation_id="op-1")
    monkeypatch.setattr(journal_module, "datetime", Clock)
    monkeypatch.setattr(Clock, "shift", timedelta(seconds=forward_s))
    opened_at = journal.open_since("op-1")
    assert opened_at is not None
    assert abs(Clock.now(UTC) - opened_at) < timedelta(seconds=30)


def test_the_way_out_of_a_clock_that_was_wrong(three: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it was the last line's clock that was wrong, the journal is begun anew."""
    monkeypatch.setattr(journal_module, "datetime", Clock)
    monkeypatch.setattr(Clock, "shift", timedelta(days=-30))
    with pytest.raises(UnavailableError, match=r"If it is right, run `runbook journal restart 1001"):
        three.append("run_started")
    assert three.restart(because="the clock was ahead", operator="grace") is not None
    three.append("run_started")


def test_a_journal_that_holds_is_not_restarted(three: Journal) -> None:
    """It would forget what was intended."""
    with pytest.raises(InputError, match="can be relied on, so there is no reason"):
        three.restart(because="why not", operator="grace")
    assert ["one", "two", "three"] == kinds(three)


def test_after_a_restart_everything_may_have_been_intended(three: Journal) -> None:
    """What the old journal knew is lost, so an effect counts as intended until then."""
    three.path.write_bytes(three.path.read_bytes().replace(b"this is two", b"this is 2!!"))
    three.restart(because="edited", operator="grace")
    (entry,) = three.entries()
    assert datetime.fromisoformat(entry["at"]) == three.open_since("op-1")
    three.append("not_done", operation_id="op-1")
    assert three.open_since("op-1") is None


def test_two_folders_with_one_ring(three: Journal, tmp_path: Path) -> None:
    """Each has its own head: the one is no damage of the other."""
    other = Journal(tmp_path / "elsewhere" / "1001", "sandbox/1001", KeyRing(three.folder.parent / ".keys"))
    assert [] == other.entries()
    other.append("one")
    assert (["one"], ["one", "two", "three"]) == (kinds(other), kinds(three))


READ = """
import sys
from pathlib import Path
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
folder = Path(sys.argv[1])
journal = Journal(folder, "sandbox/1001", KeyRing(folder.parent / ".keys"))
for _ in range(150):
    journal.entries()
"""


@pytest.mark.slow
def test_reading_while_another_process_writes(three: Journal) -> None:
    """A line that was just written is never taken for a damage."""
    readers = [subprocess.Popen([sys.executable, "-c", READ, str(three.folder)]) for _ in range(2)]
    while any(reader.poll() is None for reader in readers):
        three.append("note")
    assert [0, 0] == [reader.returncode for reader in readers]


# -- unknown outcomes


def test_open_since(journal: Journal) -> None:
    """An effect that was intended is open until its end is known, by the journal or from a person."""
    assert journal.open_since("op-1") is None
    journal.append("intended", operation_id="op-1")
    opened_at = journal.open_since("op-1")
    assert opened_at is not None
    assert abs(datetime.now(UTC) - opened_at) < timedelta(minutes=1)
    journal.append("unknown", operation_id="op-1", reason="lost")
    assert opened_at == journal.open_since("op-1")
    assert ["op-1"] == journal.history().open_operations
    journal.append("not_done", operation_id="op-1", reason="refused")
    assert (None, []) == (journal.open_since("op-1"), journal.history().open_operations)


@pytest.mark.parametrize("there", [True, False])
def test_a_persons_answer(journal: Journal, there: bool) -> None:
    """Who has looked settles it: there, with their word as evidence, or not there. A new try makes it open again."""
    journal.append("intended", operation_id="op-1")
    journal.append("answered", operation_id="op-1", there=there, evidence=EVIDENCE if there else None)

    assert there is journal.answer("op-1")
    assert (Evidence(**EVIDENCE) if there else None) == journal.settled("op-1")
    assert (None, []) == (journal.open_since("op-1"), journal.history().open_operations)
    assert ["op-1"] == journal.history().answerable, "a wrong answer can be corrected"
    journal.append("intended", operation_id="op-1")
    assert journal.answer("op-1") is None
    assert ["op-1"] == journal.history().open_operations


# -- a disk that does not take it


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
    """Without a folder nothing is written and nothing is locked; both are reported in a sentence."""
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
    """Whether the effect is there is unknown, so the line is reported like any other damage."""
    journal.append("run_started")
    journal.append(kind, operation_id="op-1", evidence=evidence)
    journal.append("run_ended")

    with pytest.raises(InputError, match=r"^Line 2 of .*journal\.\w+\.jsonl cannot be read"):
        journal.settled("op-1")
    assert journal.settled("op-2") is None


def test_missing_evidence_is_refused(journal: Journal) -> None:
    """The same holds for a line without any."""
    journal.append("done", operation_id="op-1")

    with pytest.raises(InputError, match=r"^Line 1 of .*journal\.\w+\.jsonl cannot be read"):
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
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
folder = Path(sys.argv[1])
with Journal(folder, "sandbox/1001", KeyRing(folder.parent / ".keys")).lock():
    print("locked", flush=True)
    sys.stdin.read()
"""
APPEND = """
import sys
from pathlib import Path
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
folder = Path(sys.argv[1])
journal = Journal(folder, "sandbox/1001", KeyRing(folder.parent / ".keys"))
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
        with at(journal.folder.with_name("1002")).lock():
            pass


def test_the_lock_ends_with_its_process(journal: Journal) -> None:
    """A killed run does not keep the lock."""
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


# -- reading again


def test_same_bytes_are_checked_once(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a command asks; other bytes are checked anew, even where size and time are the same."""
    counted: list[str] = []
    real = KeyRing.verify
    monkeypatch.setattr(KeyRing, "verify", lambda *a, **o: counted.append(a[1]) or real(*a, **o))
    journal.append("run_started", operator="grace")
    for ask in (journal.entries, journal.history, lambda: journal.settled("op-1")):
        ask()
    assert 1 == len(counted)
    before = journal.path.stat()
    journal.path.write_bytes(journal.path.read_bytes().replace(b"grace", b"brace"))
    os.utime(journal.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(JournalError, match="was altered"):
        journal.entries()


def test_key_that_arrives_later_makes_a_part_known(journal: Journal, tmp_path: Path) -> None:
    """What could not be verified is looked at again."""
    journal.append("done", operation_id="op-1", evidence=EVIDENCE)
    public = next(journal.folder.glob("journal.*.pub"))
    aside = public.rename(tmp_path / public.name)
    reader = at(journal.folder, keys=".other")
    assert [] == reader.entries()
    aside.rename(public)
    assert ["done"] == kinds(reader)

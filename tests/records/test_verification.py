"""Tampering: each kind is found and named, and what is whole is called so."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.domain.errors import InputError, JournalError, RefusedError
from runbook_lib.domain.models import Comment
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.records import verification
from runbook_lib.records.archive import Archive
from runbook_lib.records.findings import Code
from runbook_lib.records.verification import READ_BYTES, Verifier
from tests.documents import documented
from tests.records.making import START, WORDS, Shelf, notebook


def part(shelf: Shelf) -> str:
    """The file that this machine writes."""
    return shelf.journal(1001).path.name


@pytest.fixture
def record(shelf: Shelf) -> Path:
    """A sealed record of ticket 1001; ticket 1002 has one, too."""
    shelf.seal(1002)
    return shelf.seal(1001)


def change(path: Path, old: bytes, new: bytes) -> None:
    """Change a file's bytes behind everybody's back."""
    content = path.read_bytes()
    assert old in content
    path.chmod(0o644)
    path.write_bytes(content.replace(old, new, 1))
    path.chmod(0o444)


def test_whole_records_are_good(shelf: Shelf, record: Path) -> None:
    """Nothing is found, and the counts say how much was looked at."""
    found = Verifier(shelf.archive).everything()
    assert (True, 2, 2, ()) == (found.is_good, found.sealed, found.tickets, found.findings)


@pytest.mark.parametrize("what", ["whole", "altered", "replaced", "missing", "moved", "stray", "journal", "running"])
def test_several_processes_find_the_same(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Also where a ticket is judged by what the others have."""
    paths = [shelf.seal(ticket) for ticket in (1003, 1001, 1002, 1004)]
    first, second, third, _ = paths
    match what:
        case "altered":
            change(first, b"case.scope()", b"case.scape()")
        case "replaced":
            first.unlink()
            shutil.copy(second, first)
        case "missing":
            second.unlink()
        case "moved":
            third.rename(second.parent / third.name.replace("weekend", "weekday"))
        case "stray":
            (first.parent / "out.ipynb").write_bytes(notebook(1))
        case "journal":
            change(shelf.journal(1001).path, b"grace", b"brace")
        case "running":
            shelf.begin(1001)
    expected = Verifier(shelf.archive).everything()
    monkeypatch.setattr(verification, "MANY_TICKETS", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert expected == Verifier(shelf.archive).everything()
    assert (what == "whole") == (not expected.findings)


def test_notes_need_no_second_reading(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many tickets, what the other processes read is kept for the comparison with the notes."""
    for ticket in (1001, 1002, 1003):
        shelf.seal(ticket)
    monkeypatch.setattr(verification, "MANY_TICKETS", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    verifier = Verifier(shelf.archive, keeps=True)
    assert verifier.everything().is_good
    read: list[Path] = []
    monkeypatch.setattr(Path, "read_bytes", read.append)
    found = verifier.notes([1001, 1002, 1003], lambda _: [])
    assert ([], 3 * ["not_noted"]) == (read, [each.code for each in found])


def test_one_signature_covers_every_line(shelf: Shelf, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line's; a line that was exchanged before it is named all the same, even signed by the same key."""
    counted: list[bytes] = []
    real = KeyRing.verify
    monkeypatch.setattr(KeyRing, "verify", lambda *a, **o: counted.append(a[2]) or real(*a, **o))
    assert Verifier(shelf.archive).tickets([1001]).is_good
    assert 1 == len(counted)
    change(shelf.journal(1001).path, b'"performed":true', b'"performed":null')
    (finding,) = Verifier(shelf.archive).tickets([1001]).findings
    assert (Code.ALTERED_JOURNAL, 1) == (finding.code, finding.line)


# -- records


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"case.scope()", b"case.scape()"),
        (b"[in scope]", b"[no scope]"),
        (b'"outcome": "license_issued"', b'"outcome": "license_issuet"'),
        (b"{", b"{ "),
    ],
    ids=["a cell", "an output", "the metadata", "a blank more"],
)
def test_a_changed_character(shelf: Shelf, record: Path, old: bytes, new: bytes) -> None:
    """Anywhere in the file; what was found says what to do next."""
    change(record, old, new)
    assert [("altered", record.name)] == shelf.defects()
    assert "`runbook journal show 1001`" in Verifier(shelf.archive).everything().findings[0].words


def test_any_flipped_bit(shelf: Shelf) -> None:
    """Wherever a bit flips, it is found."""
    record = shelf.seal(1001)
    record.chmod(0o644)
    whole = record.read_bytes()
    for seed in range(200):
        rng = random.Random(seed)
        content = bytearray(whole)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        record.write_bytes(content)
        assert [("altered", record.name)] == shelf.defects(), f"seed {seed}"


def test_replaced_by_another_valid_record(shelf: Shelf, record: Path) -> None:
    """The words say by which; a record of another ticket is found, too."""
    other = next(shelf.folder(1002).glob("*.ipynb"))
    record.unlink()
    shutil.copy(other, record)
    (finding,) = Verifier(shelf.archive).tickets([1001]).findings
    assert "replaced" == finding.code
    assert f"{other.name} of ticket 1002. Move it elsewhere" in finding.words


def test_removed(shelf: Shelf, record: Path) -> None:
    """The journal knows that it was there."""
    record.unlink()
    assert [("missing", record.name)] == shelf.defects()


def test_renamed(shelf: Shelf, record: Path) -> None:
    """One finding has both names."""
    record.rename(record.with_name("better.ipynb"))
    assert [("moved", "better.ipynb")] == shelf.defects()
    words = Verifier(shelf.archive).tickets([1001]).findings[0].words
    assert f"better.ipynb has the bytes of {record.name} of ticket 1001, which is not there any more." == words


def test_moved_to_another_ticket(shelf: Shelf, record: Path) -> None:
    """The finding says where it is now."""
    record.rename(shelf.folder(1002) / "20261121T110000000Z-weekend_license.ipynb")
    assert [("moved", "20261121T110000000Z-weekend_license.ipynb")] == shelf.defects()


def test_a_copy_beside_the_record(shelf: Shelf, record: Path) -> None:
    """It is no record, though its bytes are a record's."""
    shutil.copy(record, record.with_name("copy.ipynb"))
    assert [("moved", "copy.ipynb")] == shelf.defects()


def test_an_unsealed_notebook(shelf: Shelf, record: Path) -> None:
    """Whatever is in it: a notebook, a part of one, or nothing of the kind."""
    for name, content in {
        "a.ipynb": notebook(1001, more=1),
        "b.ipynb": notebook(1001)[:99],
        "c.ipynb": b"\xff\xfe",
    }.items():
        (shelf.folder(1001) / name).write_bytes(content)
    assert [("unsealed", name) for name in ("a.ipynb", "b.ipynb", "c.ipynb")] == shelf.defects()


def test_an_interrupted_run(shelf: Shelf, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record, if there is one, is not sealed. As long as it may still go on, that is only a notice."""
    from runbook_lib.records import runs

    name = shelf.begin(1001)
    found = Verifier(shelf.archive).tickets([1001])
    assert (["running_or_interrupted"], True) == ([finding.code for finding in found.findings], found.is_good)
    monkeypatch.setattr(runs, "STILL_RUNNING", runs.timedelta(0))
    assert [("interrupted", name)] == shelf.defects()


def test_an_unrecorded_run(shelf: Shelf, record: Path) -> None:
    """Its record could not be written."""
    shelf.begin(1001)
    shelf.journal(1001).append("run_ended", record=None, sha256=None, status="failed", outcome=None)
    assert [("unrecorded", "the record of weekend_license")] == shelf.defects()


def test_a_writable_record_is_no_defect(shelf: Shelf, record: Path) -> None:
    """But it is a notice."""
    record.chmod(0o644)
    found = Verifier(shelf.archive).everything()
    assert (["writable"], True) == ([finding.code for finding in found.findings], found.is_good)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_something_else_in_a_records_place(shelf: Shelf, record: Path, kind: str) -> None:
    """A link is not followed, even to the same bytes; a pipe is not waited for."""
    kept = record.rename(shelf.outputs / "kept.ipynb")
    {"link": lambda: record.symlink_to(kept), "pipe": lambda: os.mkfifo(record), "folder": record.mkdir}[kind]()
    assert [("unreadable", record.name)] == shelf.defects()


def test_something_else_without_a_line(shelf: Shelf, record: Path) -> None:
    """Named, not opened."""
    (record.parent / "link.ipynb").symlink_to(record)
    assert [("unreadable", "link.ipynb")] == shelf.defects()


@pytest.mark.slow
def test_a_huge_output(shelf: Shelf) -> None:
    """A file of many portions is hashed like any other."""
    content = notebook(1001, padding="x" * (20 * READ_BYTES))
    middle = 10 * READ_BYTES
    record = shelf.end(1001, shelf.begin(1001), content)
    assert [] == shelf.defects()
    record.chmod(0o644)
    with record.open("r+b") as file:
        file.seek(middle)
        file.write(b"y" if content[middle : middle + 1] == b"x" else b"x")
    assert [("altered", record.name)] == shelf.defects()


def test_a_folder_that_is_no_tickets(shelf: Shelf, record: Path) -> None:
    """A copy of a ticket's folder is named."""
    shutil.copytree(record.parent, shelf.archive.folder / "1001-copy")
    assert [("no_ticket", "1001-copy")] == shelf.defects()


def test_an_odd_folder_hides_nothing(shelf: Shelf, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be read, as *lost+found*, is named; a link is not followed, wherever it leads."""
    (shelf.archive.folder / "lost+found").mkdir()
    (shelf.archive.folder / "elsewhere").symlink_to(record.parent)
    scandir = os.scandir

    def refuse(place: str) -> Any:
        if str(place).endswith("lost+found"):
            raise PermissionError(13, "Permission denied")
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refuse)
    assert [("unreadable", "lost+found")] == shelf.defects()
    assert 1001 in [run.ticket_id for ledger in shelf.archive.listed() for run in ledger.runs]


# -- journals


def lines(shelf: Shelf) -> list[bytes]:
    """The lines of the journal of ticket 1001."""
    return shelf.journal(1001).path.read_bytes().splitlines(keepends=True)


def resigned(keys: KeyRing, line: bytes, **changes: Any) -> bytes:
    """A line with other contents, signed again by some ring: what an owner of a key can do."""
    entry = {**json.loads(line), **changes, "key": keys.signer().key_id}
    entry.pop("sig")
    plain = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()
    signature = base64.b64encode(keys.signer().sign(b"journal-line-2", plain)).decode()
    return json.dumps({**entry, "sig": signature}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


JOURNALS: dict[str, tuple[Callable[[Shelf, list[bytes]], list[bytes]], str]] = {
    "changed": (lambda s, x: [x[0], x[1].replace(b"license_issued", b"out_of_scope"), *x[2:]], "altered_journal"),
    "removed": (lambda s, x: [x[0], *x[2:]], "broken_chain"),
    "swapped": (lambda s, x: [x[1], x[0], *x[2:]], "broken_chain"),
    "duplicated": (lambda s, x: [x[0], x[1], x[1], *x[2:]], "broken_chain"),
    "appended with another key": (
        lambda s, x: [*x, resigned(KeyRing(s.outputs / "other"), x[-1], n=len(x) + 1)],
        "foreign_key",
    ),
    "cut at the end": (lambda s, x: x[:-1], "truncated"),
    "of another ticket": (
        lambda s, x: [*x[:-1], resigned(s.keys, x[-1], ticket="sandbox/1002")],
        "other_ticket",
    ),
    "unsigned": (lambda s, x: [b'{"v":2,"kind":"run_started"}\n', *x[1:]], "unsigned"),
    "newer": (lambda s, x: [*x, resigned(s.keys, x[-1], v=3)], "newer_version"),
    "no JSON": (lambda s, x: [x[0], b"\xff\n", *x[2:]], "unreadable"),
    "emptied": (lambda s, x: [], "missing_journal"),
}


@pytest.mark.parametrize(("tamper", "code"), JOURNALS.values(), ids=JOURNALS)
def test_a_journal_that_was_touched(shelf: Shelf, record: Path, tamper: Callable[..., list[bytes]], code: str) -> None:
    """Found by its own name, and the other ticket stays good."""
    shelf.seal(1001)
    shelf.journal(1001).path.write_bytes(b"".join(tamper(shelf, lines(shelf))))
    assert [(code, part(shelf))] == shelf.defects()


def test_every_problem_of_a_journal_has_a_code() -> None:
    """None that `JournalError` names is left out."""
    from runbook_lib.records.union import journal_code

    named = str(JournalError.__doc__).split("One of ")[1].split(".")[0].replace("`", "").replace("\n", "")
    problems = [word.strip() for word in named.split(",")]
    assert 11 == len(problems)
    assert {journal_code(problem) for problem in problems} <= {str(code) for code in Code}


def test_a_rotated_key(shelf: Shelf, record: Path) -> None:
    """What it signed stays valid, and verifying needs no private key."""
    shelf.keys.rotate()
    shelf.seal(1001)
    for path in shelf.archive.keys.glob("*.key"):
        path.unlink()
    assert [] == shelf.defects()


def test_a_journal_of_another_machine(shelf: Shelf, record: Path) -> None:
    """Its key lies beside the journal, or it is of an unknown writer, until that is trusted."""
    here = Archive(shelf.archive.folder, "sandbox", shelf.outputs / "keys-of-here")
    found = Verifier(here).everything()
    assert (True, ["untrusted_writer"] * 2) == (found.is_good, [finding.code for finding in found.findings])
    for path in shelf.archive.folder.glob("*/journal.*.pub"):
        path.unlink()
    found = Verifier(here).everything()
    assert (False, {"unknown_writer"}) == (found.is_good, {finding.code for finding in found.findings})
    KeyRing(here.keys).trust(shelf.keys.signer().public_pem)
    assert ((), True) == ((found := Verifier(here).everything()).findings, found.is_good)


def test_a_restart_is_reported(shelf: Shelf, record: Path) -> None:
    """What was sealed before it is looked at by the old seal, and is only a notice as long as it holds."""
    shelf.restart(1001)
    found = Verifier(shelf.archive).tickets([1001])
    assert (["set_aside"], True) == ([finding.code for finding in found.findings], found.is_good)
    change(record, WORDS.encode(), WORDS.upper().encode())
    assert [("altered", record.name)] == shelf.defects()


# -- one record


def test_one_record(shelf: Shelf, record: Path) -> None:
    """Only what is about it is found, not its neighbour's defect."""
    other = shelf.seal(1001)
    change(other, WORDS.encode(), WORDS.upper().encode())
    verifier = Verifier(shelf.archive)
    assert verifier.record(record).is_good
    assert ["altered"] == [finding.code for finding in verifier.record(other).findings]


@pytest.mark.parametrize("place", ["elsewhere.ipynb", "sandbox/1002/copy.ipynb"])
def test_a_record_in_another_place(shelf: Shelf, record: Path, place: str) -> None:
    """It is found by its bytes."""
    path = shelf.outputs / place
    shutil.copy(record, path)
    assert ["moved"] == [finding.code for finding in Verifier(shelf.archive).record(path).findings]


def test_a_record_of_a_damaged_journal_is_not_good(shelf: Shelf, record: Path) -> None:
    """Whether it is what was sealed cannot be decided."""
    path = shelf.journal(1001).path
    path.write_bytes(path.read_bytes()[:-1])
    assert ["truncated"] == [finding.code for finding in Verifier(shelf.archive).record(record).findings]


def test_a_missing_record_by_its_path(shelf: Shelf, record: Path) -> None:
    """The journal names it, and no other name."""
    record.unlink()
    assert ["missing"] == [finding.code for finding in Verifier(shelf.archive).record(record).findings]
    with pytest.raises(InputError, match="There is no record"):
        Verifier(shelf.archive).record(record.with_name("nothing.ipynb"))


# -- the ticket's notes


def compare(shelf: Shelf, notes: list[Comment]) -> list[tuple[str, str]]:
    """What the notes of ticket 1001 say that is not so."""
    return [(found.code, found.subject) for found in Verifier(shelf.archive).notes([1001], lambda _: notes)]


def test_notes_that_agree(shelf: Shelf, record: Path) -> None:
    """Other comments do not matter, nor do rehearsals without a note."""
    shelf.seal(1001, performed=False)
    notes = [note for note in shelf.notes(1001) if record.name in note.body]
    assert [] == compare(shelf, [Comment(90, 1, "Thank you!", True, START), *notes])


def test_a_record_that_was_not_noted(shelf: Shelf, record: Path) -> None:
    """A performed run leaves a note; one that is public does not count."""
    assert [("not_noted", record.name)] == compare(shelf, [])
    public = [replace(note, public=True) for note in shelf.notes(1001)]
    assert [("not_noted", record.name)] == compare(shelf, public)


def test_a_folder_that_was_removed_with_its_keys(shelf: Shelf, record: Path) -> None:
    """The notes show that there was another writer, but not that it was this machine."""
    notes, name = shelf.notes(1001), part(shelf)
    shutil.rmtree(record.parent)
    shutil.rmtree(shelf.archive.keys)
    assert [("missing_writer", name)] == compare(shelf, notes)


def test_a_folder_that_was_removed(shelf: Shelf, record: Path) -> None:
    """The notes tell, and so does the head."""
    notes = shelf.notes(1001)
    shutil.rmtree(record.parent)
    assert [("missing", record.name), ("missing_journal", part(shelf))] == compare(shelf, notes)


def test_a_journal_that_was_cut_with_its_head(shelf: Shelf, record: Path) -> None:
    """Here the notes alone can tell."""
    before, head = lines(shelf), shelf.head(1001)
    kept = head.read_bytes()
    last = shelf.seal(1001)
    notes = shelf.notes(1001)
    shelf.journal(1001).path.write_bytes(b"".join(before))
    head.write_bytes(kept)
    last.unlink()
    assert [] == shelf.defects()
    assert [("missing", last.name), ("truncated", part(shelf))] == compare(shelf, notes)


def test_a_journal_that_was_made_anew(shelf: Shelf, record: Path) -> None:
    """With the key and the head an own journal can be written; the notes keep another line and another record."""
    notes = shelf.notes(1001)
    shutil.rmtree(record.parent)
    shelf.head(1001).unlink()
    shelf.end(1001, shelf.begin(1001), notebook(1001) + b"\n")
    assert [] == shelf.defects()
    assert [("altered", record.name), ("altered_journal", part(shelf))] == compare(shelf, notes)


def test_notes_of_before_a_restart(shelf: Shelf, record: Path) -> None:
    """The line that they keep is in the journal that was set aside."""
    notes = shelf.notes(1001)
    shelf.restart(1001)
    shelf.seal(1001)
    assert [] == compare(shelf, [*notes, *shelf.notes(1001)])


def test_notes_that_cannot_be_read(shelf: Shelf, record: Path) -> None:
    """The ticket is named, and the next one is looked at."""

    def read(ticket: int) -> list[Comment]:
        if ticket == 1001:
            raise RefusedError("Ticket 1001 does not exist.", status=404)
        return []

    found = Verifier(shelf.archive).notes([1001, 1002], read)
    assert [("1001", "notes_unreadable"), ("1002", "not_noted")] == [(each.ticket, each.code) for each in found]


def test_the_readme_names_every_code() -> None:
    """In its table, and no other."""
    readme = documented()
    table = readme[readme.index("| `verify` says |") :].split("\n\n")[0]
    first_columns = [row.split("|")[1] for row in table.splitlines() if row]
    named = set(re.findall(r"`(\w+)`", " ".join(first_columns)))
    assert {str(code) for code in Code} == named - {"verify"}


@pytest.mark.parametrize("what", ["nothing", "a file", "a broken link", "a link to the folder"])
def test_ticket_without_its_folder_is_missed(shelf: Shelf, tmp_path: Path, what: str) -> None:
    """Whatever stands in the folder's place."""
    shelf.seal(1001)
    folder = shelf.folder(1001)
    moved = folder.rename(tmp_path / "away")
    match what:
        case "a file":
            folder.write_text("")
        case "a broken link":
            folder.symlink_to("nowhere")
        case "a link to the folder":
            folder.symlink_to(moved)
    assert {"nothing": ["missing_journal"]}.get(what, ["unreadable"]) == [code for code, _ in shelf.defects()]

"""The index of the list: it tells what the files tell, or nothing."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runbook_lib.cli.main import main
from runbook_lib.records import archive as archive_module
from runbook_lib.records import index as index_module
from runbook_lib.records import verification
from runbook_lib.records.archive import Archive, Ledger
from runbook_lib.records.index import Index
from runbook_lib.records.review import Review
from tests.records.making import Shelf

TICKETS = (1001, 1002, 1003)


@pytest.fixture
def shelf(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Three tickets that count as many, and whose files count as old; the cache is the test's own."""
    monkeypatch.setattr(index_module, "user_cache_path", lambda _: tmp_path / "cache")
    monkeypatch.setattr(index_module, "SETTLED_S", 0.0)
    for module in (archive_module, verification):
        monkeypatch.setattr(module, "MANY_TICKETS", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # other processes are not what is tested
    for ticket in TICKETS:
        shelf.seal(ticket, missing=["plan"], summary="done", seconds=1.5)
    return shelf


def cached(shelf: Shelf) -> Path:
    """The index's file."""
    return Index(shelf.archive.folder, shelf.archive.keys).path


def listed(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Ledger], list[int]]:
    """What a list tells, and the tickets whose files it read."""
    read: list[int] = []
    real = Archive.ledgers

    def spy(self: Archive, tickets: list[int] | None = None) -> list[Ledger]:
        read.extend(tickets or [])
        return real(self, tickets)

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "ledgers", spy)
        return shelf.archive.listed(), read


def test_second_list_reads_no_journal(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """And tells the same, to the last field."""
    first, read = listed(shelf, monkeypatch)
    assert ([*TICKETS], shelf.archive.ledgers()) == (read, first)
    assert (first, []) == listed(shelf, monkeypatch)


def test_index_is_private(shelf: Shelf) -> None:
    """It has customers' data."""
    shelf.archive.listed()
    assert (0o600, 0o700) == tuple(stat.S_IMODE(p.stat().st_mode) for p in (cached(shelf), cached(shelf).parent))


def _new_run(shelf: Shelf) -> None:
    shelf.seal(1002)


def _record_gone(shelf: Shelf) -> None:
    next(shelf.folder(1002).glob("*.ipynb")).unlink()


def _record_added(shelf: Shelf) -> None:
    (shelf.folder(1002) / "sub").mkdir()
    (shelf.folder(1002) / "sub" / "new.ipynb").write_bytes(b"{}")


def _journal_altered(shelf: Shelf) -> None:
    path = shelf.journal(1002).path
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"grace", b"brace"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _journal_gone(shelf: Shelf) -> None:
    shelf.journal(1002).path.unlink()


def _head_altered(shelf: Shelf) -> None:
    shelf.head(1002).write_bytes(b"x")


@pytest.mark.parametrize(
    "change", [_new_run, _record_gone, _record_added, _journal_altered, _journal_gone, _head_altered]
)
def test_changed_ticket_is_read_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, change: Callable[[Shelf], None]
) -> None:
    """That one alone; the list is what the files tell."""
    listed(shelf, monkeypatch)
    change(shelf)
    assert (shelf.archive.ledgers(), [1002]) == listed(shelf, monkeypatch)


def test_new_trusted_key_reads_all_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is trusted is another question then."""
    listed(shelf, monkeypatch)
    shelf.keys.trust(Shelf(tmp_path / "other").keys.signer().public_pem)
    assert [*TICKETS] == listed(shelf, monkeypatch)[1]


def test_new_team_key_reads_all_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The team's file of trusted keys says whom to believe, as the ring does."""
    with_team = replace(shelf.archive, team=tmp_path / "team.pem")
    monkeypatch.setattr(Shelf, "archive", with_team)
    listed(shelf, monkeypatch)
    (tmp_path / "team.pem").write_bytes(Shelf(tmp_path / "other").keys.signer().public_pem)
    assert [*TICKETS] == listed(shelf, monkeypatch)[1]


def test_running_and_damaged_tickets_are_not_kept(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one changes with time, and the other has to be found by reading it."""
    shelf.begin(1001)
    _journal_altered(shelf)
    listed(shelf, monkeypatch)
    assert [1001, 1002] == listed(shelf, monkeypatch)[1]


def test_recently_changed_ticket_is_not_kept(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second change within one tick of the clock would not show."""
    monkeypatch.setattr(index_module, "SETTLED_S", 60.0)
    listed(shelf, monkeypatch)
    assert [*TICKETS] == listed(shelf, monkeypatch)[1]


def _garbage(path: Path) -> None:
    path.write_bytes(b"\xff no JSON" * 1000)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _list(path: Path) -> None:
    path.write_text("[1001, 1002, 1003]")


def _deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def _odd_rows(path: Path) -> None:
    rows = json.loads(path.read_text())
    odd = ([[{"ticket_id": 1}], []], "[", None)
    path.write_text(json.dumps({n: [rows[n][0], found] for n, found in zip(rows, odd, strict=True)}))


def _odd_keys(path: Path) -> None:
    path.write_text(json.dumps({f"ticket {n}": row for n, row in json.loads(path.read_text()).items()}))


def _gone(path: Path) -> None:
    shutil.rmtree(path.parent)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("damage", [_garbage, _empty, _list, _deep, _odd_rows, _odd_keys, _gone, _folder, _link])
def test_unusable_index_is_ignored(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    """It costs one scan, and is made anew where its place allows it; what a link leads to stays as it is."""
    expected, _ = listed(shelf, monkeypatch)
    damage(cached(shelf))
    assert (expected, [*TICKETS]) == listed(shelf, monkeypatch)
    assert (expected, [*TICKETS] if damage is _folder else []) == listed(shelf, monkeypatch)


def test_forged_index_does_not_reach_verify(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may say that all is sealed; verifying reads the files."""
    listed(shelf, monkeypatch)
    monkeypatch.setattr(Index, "read", lambda _: pytest.fail("the index was asked"))
    _journal_altered(shelf)
    assert [("altered_journal", shelf.journal(1002).path.name)] == shelf.defects()


def test_forgotten_tickets_leave_the_index(shelf: Shelf) -> None:
    """It does not grow for ever, and keeps no customer's data that is gone."""
    shelf.archive.listed()
    shutil.rmtree(shelf.folder(1003))
    shutil.rmtree(shelf.head(1003).parent)
    shelf.archive.listed()
    assert ["1001", "1002"] == list(json.loads(cached(shelf).read_text()))


def test_verified_review_tells_nothing_of_the_index(configured: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    """Who has changed the index cannot have it shown as verified."""
    shelf = configured
    shelf.archive.listed()
    words = cached(shelf).read_text().replace("grace", "mallory")
    cached(shelf).write_text(words.replace('"signed_off":[]', '"signed_off":["x"]'))
    assert 0 == main(["records", "list"])
    assert "mallory" in capsys.readouterr().out
    assert "3 not reviewed" in repr(Review.open(since="2000-01-01").verification())

"""Finding records: every ticket is read, whatever is wrong with one of them, and no record is opened."""

from __future__ import annotations

import builtins
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.records import archive as archive_module
from runbook_lib.records.archive import Archive
from runbook_lib.records.runs import State
from tests.deep_folders import deepest_in
from tests.records.making import Shelf, notebook


def states(shelf: Shelf, ticket: int = 1001) -> list[State]:
    """What is known of a ticket's records."""
    return [run.state for run in shelf.ledger(ticket).runs]


def problems(shelf: Shelf) -> list[str]:
    """What is wrong with any ticket's journal."""
    return [problem.code for ledger in shelf.archive.ledgers() for problem in ledger.problems]


def test_nothing_yet(shelf: Shelf) -> None:
    """A profile that was never used has no records, and looking makes none."""
    assert ([], []) == (shelf.archive.tickets(), shelf.archive.ledgers())
    assert not shelf.outputs.exists()


def test_tickets_in_the_order_of_their_numbers(shelf: Shelf) -> None:
    """Not of their names."""
    for ticket in (1001, 999, 20):
        shelf.seal(ticket)
    assert [20, 999, 1001] == [ledger.ticket_id for ledger in shelf.archive.ledgers()]


def test_no_record_is_opened(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list reads journals and file names alone."""
    shelf.seal(1001)
    opened: list[str] = []
    for module, name in ((builtins, "open"), (os, "open"), (Path, "read_bytes"), (Path, "open")):
        real = getattr(module, name)

        def spy(path: Any, *more: Any, real: Any = real, **options: Any) -> Any:
            opened.append(str(path))
            return real(path, *more, **options)

        monkeypatch.setattr(module, name, spy)
    assert [State.SEALED] == states(shelf)
    assert [path for path in opened if path.endswith(shelf.journal(1001).path.name)]
    assert [] == [path for path in opened if path.endswith(".ipynb")]


def test_notebook_without_a_line_is_unsealed(shelf: Shelf) -> None:
    """Beside the sealed ones."""
    shelf.seal(1001)
    (shelf.folder(1001) / "out.ipynb").write_bytes(notebook(1001))
    assert [State.SEALED, State.UNSEALED] == states(shelf)


def test_a_damaged_journal_is_a_problem_of_its_ticket_alone(shelf: Shelf) -> None:
    """The rest is listed."""
    for ticket in (1001, 1002, 1003):
        shelf.seal(ticket)
    path = shelf.journal(1002).path
    path.write_bytes(path.read_bytes().replace(b"grace", b"brace"))
    assert ["altered_journal"] == problems(shelf)
    assert [1, 0, 1] == [len(ledger.runs) for ledger in shelf.archive.ledgers()]


def test_a_folder_without_a_journal(shelf: Shelf) -> None:
    """Named, with its notebooks; an empty one is nothing."""
    shelf.folder(1001).mkdir(parents=True)
    assert ([], []) == (states(shelf), problems(shelf))
    (shelf.folder(1001) / "out.ipynb").write_bytes(notebook(1001))
    assert ([State.UNSEALED], ["missing_journal"]) == (states(shelf), problems(shelf))


def test_a_ticket_whose_folder_is_gone(shelf: Shelf) -> None:
    """The head, kept with the keys, tells that there was one."""
    shelf.seal(1001)
    shutil.rmtree(shelf.folder(1001))
    assert ["missing_journal"] == problems(shelf)


def test_a_journal_that_cannot_be_read(shelf: Shelf) -> None:
    """Named, whatever is in its place."""
    shelf.seal(1001)
    shelf.journal(1001).path.unlink()
    shelf.journal(1001).path.mkdir()
    assert ["unreadable"] == problems(shelf)


def test_a_head_that_cannot_be_read(shelf: Shelf) -> None:
    """Named, too."""
    shelf.seal(1001)
    shelf.head(1001).write_text("{")
    assert ["unreadable"] == problems(shelf)


def test_a_ticket_folder_that_is_a_link(shelf: Shelf) -> None:
    """It is not followed."""
    shelf.seal(1001)
    shelf.folder(1002).symlink_to(shelf.folder(1001))
    assert ["unreadable"] == problems(shelf)


def test_very_deep_folder_is_read(shelf: Shelf) -> None:
    """More folders in each other than Python lets a function call itself."""
    shelf.seal(1001)
    with deepest_in(shelf.folder(1001)) as place:
        (place / "stray.ipynb").write_bytes(notebook(1001))
        assert [State.SEALED, State.UNSEALED] == states(shelf)


def test_strangers(shelf: Shelf) -> None:
    """A copy of a folder is named; what belongs to the practice world, or holds no notebook, is not."""
    shelf.seal(1001)
    for name in ("1001-copy", "01001", ".world", "empty"):
        shutil.copytree(shelf.folder(1001), shelf.archive.folder / name)
    for path in (shelf.archive.folder / "empty").glob("*.ipynb"):
        path.unlink()
    assert ["01001", "1001-copy"] == sorted(problem.ticket for problem in shelf.archive.other_folders())
    assert [1001] == shelf.archive.tickets()


def test_a_journal_that_was_set_aside_still_tells_of_its_runs(shelf: Shelf) -> None:
    """As such, however often; a run may have ended in the next one."""
    shelf.seal(1001)
    shelf.restart(1001)
    name = shelf.begin(1001, "weekday_triage")
    shelf.restart(1001)
    shelf.end(1001, name)
    assert ([State.SET_ASIDE, State.SEALED], []) == (states(shelf), problems(shelf))
    assert ["weekend_license", "weekday_triage"] == [run.runbook for run in shelf.ledger(1001).runs]


@pytest.mark.parametrize(
    ("change", "problem"),
    [(lambda path: path.write_bytes(b"{}\n"), "altered_journal"), (Path.unlink, "missing_journal")],
)
def test_a_journal_that_was_set_aside_and_touched(shelf: Shelf, change: Any, problem: str) -> None:
    """The restart's own line, signed, holds its SHA-256."""
    shelf.seal(1001)
    kept = shelf.restart(1001)
    change(kept)
    assert [problem] == problems(shelf)


def test_lines_of_a_journal_that_was_set_aside_may_be_broken(shelf: Shelf) -> None:
    """That may be why; those that can be read are read."""
    shelf.seal(1001)
    with shelf.journal(1001).path.open("ab") as file:
        file.write(b"[1]\n\xff\xfe\n" + b"[" * 10**5 + b'\n{"kind": 7, "at": 7}\n')
    shelf.journal(1001).restart(because="broken", operator="grace")
    assert ([State.SET_ASIDE], []) == (states(shelf), problems(shelf))


def test_several_processes_read_the_same(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same order, where there are many tickets."""
    for ticket in (1003, 1001, 1002):
        shelf.seal(ticket)
    alone = shelf.archive.ledgers()
    monkeypatch.setattr(archive_module, "MANY_TICKETS", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert alone == shelf.archive.ledgers()
    assert [1002, 1001] == [ledger.ticket_id for ledger in shelf.archive.ledgers([1002, 1001])]


def test_a_ring_that_serves_two_folders(shelf: Shelf, tmp_path: Path) -> None:
    """What the other one had is not missed here."""
    shelf.seal(1001)
    other = Archive(tmp_path / "other" / "sandbox", "sandbox", shelf.archive.keys)
    assert [] == other.tickets()

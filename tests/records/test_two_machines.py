"""Two machines' folders brought together by copying: two honest writers are no tampering, and one history is shown."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.cli.main import main
from runbook_lib.domain.models import Comment
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.records.archive import Archive
from runbook_lib.records.findings import Verification
from runbook_lib.records.page import verdict
from runbook_lib.records.review_rows import timeline
from runbook_lib.records.runs import State
from runbook_lib.records.verification import Verifier
from tests.records.making import Shelf


@pytest.fixture
def ada(tmp_path: Path) -> Shelf:
    """One laptop."""
    return Shelf(tmp_path / "ada")


@pytest.fixture
def grace(tmp_path: Path) -> Shelf:
    """Another one."""
    return Shelf(tmp_path / "grace")


def bring(source: Shelf, target: Shelf, ticket: int = 1001) -> None:
    """Copy a ticket's folder into another machine's, as `cp -ru` does: what is older never replaces what is newer."""
    for path in source.folder(ticket).iterdir():
        target.folder(ticket).mkdir(parents=True, exist_ok=True)
        copied = target.folder(ticket) / path.name
        if not copied.exists() or path.stat().st_mtime_ns > copied.stat().st_mtime_ns:
            copied.unlink(missing_ok=True)
            shutil.copy2(path, copied)


def trust(shelf: Shelf, other: Shelf) -> None:
    """Take the other machine's key into the ring."""
    for path in other.keys.folder.glob("*.pub"):
        shelf.keys.trust(path.read_bytes())


def verified(shelf: Shelf) -> Verification:
    """What verifying everything comes to."""
    return Verifier(shelf.archive).everything()


def codes(shelf: Shelf) -> list[str]:
    """What is found, defects and notices."""
    return [str(finding.code) for finding in verified(shelf).findings]


def own_part(shelf: Shelf) -> Path:
    """The part that a machine writes."""
    return shelf.journal(1001).path


@pytest.fixture
def both(ada: Shelf, grace: Shelf) -> Shelf:
    """Ada's folder, with Grace's copied into it; each had a run of the same ticket, in the same second."""
    for shelf in (ada, grace):
        shelf.seal(1001)
    trust(ada, grace)
    bring(grace, ada)
    return ada


def test_two_folders_copied_into_one(both: Shelf, grace: Shelf) -> None:
    """Nothing is found, each run is listed once, and no name clashes."""
    found = verified(both)
    assert ((), 2, 2, 1) == (found.findings, found.sealed, found.good, found.tickets)
    runs = both.ledger(1001).runs
    assert [State.SEALED] * 2 == [run.state for run in runs]
    assert {both.journal(1001).writer, grace.journal(1001).writer} == {run.writer for run in runs}
    assert 2 == len({run.record for run in runs})


def test_one_history_by_the_clock(both: Shelf) -> None:
    """The lines of both stand in one story, each in its own order."""
    entries = both.journal(1001).entries()
    assert sorted(entry["at"] for entry in entries) == [entry["at"] for entry in entries]
    begun = [(moment.who, moment.words) for moment in timeline(entries) if "began" in moment.words]
    assert [("grace", "began weekend_license (performed)")] * 2 == begun


def test_the_folder_is_complete_in_itself(both: Shelf, tmp_path: Path) -> None:
    """On a third machine the keys beside the journals verify it; the page says that they are not trusted."""
    third = Archive(both.archive.folder, "sandbox", tmp_path / "keys-of-a-third")
    found = Verifier(third).everything()
    assert (True, 2, 0) == (found.is_good, found.sealed, found.good)
    assert ["untrusted_writer"] * 2 == [each.code for each in found.findings]
    assert "0 of 2 sealed records of 1 ticket proven by a key that is trusted here" in found.words
    assert "Not every writer is trusted here yet." in found.words
    record = next(both.folder(1001).glob("*.ipynb"))
    assert verdict(Verifier(third).record(record))[0].endswith("by a writer whose key is not trusted here.")


def test_copying_back_and_forth(both: Shelf, grace: Shelf) -> None:
    """Each goes on in its own part, whatever it was brought."""
    trust(grace, both)
    bring(both, grace)
    grace.seal(1001)
    both.seal(1001)
    bring(grace, both)
    bring(both, grace)
    assert ([], []) == (codes(both), codes(grace))
    assert [4, 4] == [len(shelf.ledger(1001).runs) for shelf in (both, grace)]


def test_the_notes_of_both_machines(both: Shelf) -> None:
    """Each names its writer."""
    notes = both.notes(1001)
    assert 2 == len({note.body.partition("of writer ")[2][:16] for note in notes})
    assert [] == Verifier(both.archive).notes([1001], lambda _: notes)


def test_a_missing_writers_note_is_no_cut(ada: Shelf, grace: Shelf) -> None:
    """A note of a machine whose folder was never brought here."""
    ada.seal(1001)
    grace.seal(1001)
    notes: list[Comment] = [*ada.notes(1001), *grace.notes(1001)]
    (finding,) = Verifier(ada.archive).notes([1001], lambda _: notes)
    assert ("missing_writer", own_part(grace).name) == (finding.code, finding.subject)


@pytest.mark.parametrize("kept", ["records", "public key", "another writer's word"])
def test_a_missing_writers_part(both: Shelf, grace: Shelf, kept: str) -> None:
    """A record's name, a public key, or a line of another writer shows that there is one."""
    if kept == "another writer's word":
        both.seal(1001)
    (both.folder(1001) / own_part(grace).name).unlink()
    if kept != "public key":
        (both.folder(1001) / f"journal.{grace.journal(1001).writer}.pub").unlink()
    if kept != "records":
        next(both.folder(1001).glob(f"*-{grace.journal(1001).writer[:8]}.ipynb")).unlink()
    assert ["missing_writer"] == codes(both)
    assert {State.SEALED} == {run.state for run in both.ledger(1001).runs}


def test_a_cut_part_is_noticed_by_a_machine_that_saw_it_whole(both: Shelf, grace: Shelf) -> None:
    """Its own head is on the other machine; what this machine has written since tells."""
    both.seal(1001)
    path = both.folder(1001) / own_part(grace).name
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    findings = [f for f in verified(both).findings if f.is_defect]
    assert [("truncated", path.name)] == [(f.code, f.subject) for f in findings]


def test_a_part_that_was_copied_in_mid_run(ada: Shelf, grace: Shelf) -> None:
    """It is a beginning of what it is now, and no damage; the whole of it replaces it later."""
    name = grace.begin(1001)
    trust(ada, grace)
    bring(grace, ada)
    ada.seal(1001)
    assert ["running_or_interrupted"] == codes(ada)
    grace.end(1001, name)
    bring(grace, ada)
    assert [] == codes(ada)


def rename(path: Path, name: str) -> None:
    path.rename(path.with_name(name))


def copy(path: Path, name: str) -> None:
    shutil.copy(path, path.with_name(name))


@pytest.mark.parametrize(
    ("change", "name", "expected"),
    [
        (rename, "journal.backup.jsonl", {"misnamed_journal", "missing_writer"}),
        (rename, f"journal.{'0' * 16}.jsonl", {"misnamed_journal", "missing_writer"}),
        (copy, "journal.backup.jsonl", {"misnamed_journal"}),
        (copy, f"journal.{'0' * 16}.jsonl", {"misnamed_journal"}),
        (copy, "journal.jsonl", {"misnamed_journal"}),
        (rename, f"JOURNAL.{'A' * 16}.JSONL", {"misnamed_journal", "missing_writer"}),
    ],
    ids=["renamed", "renamed to a key", "copied", "copied to a key", "copied to the name of none", "upper case"],
)
def test_a_part_under_another_name(
    both: Shelf, grace: Shelf, change: Callable[[Path, str], None], name: str, expected: set[str]
) -> None:
    """It is named for what it is, and no line of it counts twice."""
    change(both.folder(1001) / own_part(grace).name, name)
    assert expected == set(codes(both))
    records = [run.record for run in both.ledger(1001).runs]
    assert len(records) == len(set(records))


def test_one_writers_part_in_the_others_place(both: Shelf, grace: Shelf) -> None:
    """The part that stood there is gone: its head tells, or that the lines are another writer's."""
    shutil.copy(both.folder(1001) / own_part(grace).name, own_part(both))
    assert {"misnamed_journal"} == set(codes(both))


def test_an_altered_part_leaves_the_others_good(both: Shelf, grace: Shelf) -> None:
    """Only its own runs are missing; its record is no stray file."""
    path = both.folder(1001) / own_part(grace).name
    path.write_bytes(path.read_bytes().replace(b"license_issued", b"out_of_scope"))
    assert [("altered_journal", path.name)] == both.defects()
    assert [both.journal(1001).writer] == [run.writer for run in both.ledger(1001).runs]


def test_records_of_an_unknown_writer(both: Shelf, grace: Shelf) -> None:
    """They are listed as such, and are neither tampered with nor verified."""
    for path in (*both.folder(1001).glob(f"journal.{grace.journal(1001).writer}.pub"), *foreign_keys(both)):
        path.unlink()
    assert {State.SEALED, State.UNKNOWN_WRITER} == {run.state for run in both.ledger(1001).runs}
    found = verified(both)
    assert (False, 1, 1, {"unknown_writer"}) == (
        found.is_good,
        found.sealed,
        found.good,
        {f.code for f in found.findings},
    )


def foreign_keys(shelf: Shelf) -> list[Path]:
    """The public keys in a ring that it took from others."""
    return [path for path in shelf.keys.folder.glob("*.pub") if not path.stem.endswith(f"-{shelf.keys.signing_key}")]


def test_a_key_beside_the_journal_is_its_own_name(both: Shelf, grace: Shelf, tmp_path: Path) -> None:
    """Another key under that name does not verify: it is as if there were none."""
    stranger = KeyRing(tmp_path / "stranger").signer()
    for path in foreign_keys(both):
        path.unlink()
    (both.folder(1001) / f"journal.{grace.journal(1001).writer}.pub").write_bytes(stranger.public_pem)
    assert {"unknown_writer"} == set(codes(both))


def test_a_part_set_aside_may_be_brought_again(both: Shelf, grace: Shelf) -> None:
    """From the machine that has it whole; then it counts, and the damaged one is only named."""
    path = both.folder(1001) / own_part(grace).name
    path.write_bytes(path.read_bytes().replace(b"license_issued", b"out_of_scope"))
    both.journal(1001).restart(because="edited", operator="ada")
    assert ["set_aside"] == codes(both)
    shutil.copy2(own_part(grace), path)
    assert ([], [State.SEALED] * 2) == (codes(both), [run.state for run in both.ledger(1001).runs])


def test_everything_is_private(both: Shelf) -> None:
    """Whatever the umask: the journals, the keys, the heads, the locks and their folders."""
    made = list((both.archive.keys / "heads").rglob("*"))
    made += [*both.folder(1001).glob("journal*"), *both.folder(1001).glob(".*lock"), both.folder(1001)]
    loose = {path.name for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077}
    assert set() == loose


def test_hidden_notebooks_and_those_below_are_named(both: Shelf) -> None:
    """JupyterLab's own copies are named as such."""
    folder = both.folder(1001)
    for name in (".hidden.ipynb", "below/deep/x.ipynb", ".ipynb_checkpoints/x-checkpoint.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps({"name": name}))
    found = [(str(f.code), f.subject, f.is_defect) for f in verified(both).findings]
    assert sorted(found) == [
        ("checkpoint", ".ipynb_checkpoints/x-checkpoint.ipynb", False),
        ("unsealed", ".hidden.ipynb", True),
        ("unsealed", "below/deep/x.ipynb", True),
    ]


def test_a_part_that_was_copied_in_its_middle(both: Shelf, grace: Shelf) -> None:
    """The record is there and its seal is not: all is not well, though the lines that came are."""
    part = both.folder(1001) / own_part(grace).name
    part.write_bytes(b"".join(part.read_bytes().splitlines(keepends=True)[:1]))
    record = both.folder(1001) / str(grace.ledger(1001).runs[0].record)
    assert ["running_or_interrupted"] == codes(both)  # it may be on its way into the journal
    os.utime(record, (0, 0))
    assert ["unsealed"] == codes(both)


def stranger(shelf: Shelf, tmp_path: Path, kind: str, **fields: object) -> None:
    """A line in the folder by a key that is not trusted."""
    journal = Journal(shelf.folder(1001), "sandbox/1001", KeyRing(tmp_path / "stranger"))
    journal.append("share_unreachable")  # the first line has a `seen` of its own
    journal.append(kind, **fields)


@pytest.mark.parametrize("first", ["", "0" * 8])
def test_a_stranger_calls_no_trusted_part_cut(both: Shelf, grace: Shelf, tmp_path: Path, first: str) -> None:
    """Nor hides that one is, by another word on how far it had come."""
    both.seal(1001)
    path = both.folder(1001) / own_part(grace).name
    parts = [chain for chain in both.journal(1001).parts() if chain.digests]
    seen = {chain.key: {"first": first or chain.first, "lines": 99, "sha256": "0" * 64} for chain in parts}
    stranger(both, tmp_path, "claim_seen", seen=seen)
    assert ["untrusted_writer"] == codes(both)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert {"untrusted_writer", "truncated"} <= {*codes(both)}


def test_a_stranger_hides_no_missing_part(both: Shelf, grace: Shelf, tmp_path: Path) -> None:
    """By a line that it was set aside; its own machine may say so."""
    both.seal(1001)
    path = both.folder(1001) / own_part(grace).name
    path.unlink()
    path.with_suffix(".pub").unlink()
    next(both.folder(1001).glob(f"*-{grace.journal(1001).writer[:8]}.ipynb")).unlink()
    assert ["missing_writer"] == codes(both)
    stranger(both, tmp_path, "restarted", part=path.name, because="it was damaged", operator="ada")
    assert {"missing_writer", "untrusted_writer"} == {*codes(both)}


@pytest.mark.parametrize("how", ["ring lost", "rotated", "set aside and rotated"])
def test_run_whose_key_was_lost_is_listed_once(configured: Shelf, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By `list` and by `verify`, which name both journals and no defect."""
    name, before = configured.begin(1001), configured.journal(1001).writer
    if how == "ring lost":
        shutil.rmtree(configured.archive.keys)
    else:
        if how != "rotated":
            configured.restart(1001)
        configured.keys.rotate()
    configured.end(1001, name)
    found = verified(configured)
    assert (1, 1, True) == (found.sealed, found.good, found.is_good)
    assert "split" in codes(configured)
    assert 0 == main(["records", "list"])
    shown = capsys.readouterr().out
    assert 2 == shown.count(name)  # its row, and the line below
    assert f"journals of writers {before} and {configured.journal(1001).writer}" in shown

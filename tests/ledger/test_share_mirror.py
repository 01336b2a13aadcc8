"""Push, pull and compare: one log of several machines, and what a person with write access did to it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from runbook_lib.domain.errors import RunbookError
from runbook_lib.ledger import mirror, pushing
from runbook_lib.ledger.comparison import Comparison, Difference, bounded
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.ledger.objects import publisher
from runbook_lib.ledger.share import Share, Stored
from runbook_lib.records.archive import Archive
from runbook_lib.records.verification import Verifier
from runbook_lib.settings import Settings
from tests.ledger import share_server
from tests.ledger.share_server import Faulty


@pytest.fixture(scope="module")
def server() -> Iterator[Faulty]:
    with share_server.running() as found:
        yield found


class Machine:
    """One laptop, with its outputs, its key, and the share."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.settings = Settings(outputs=folder, operator=folder.name, **settings)  # type: ignore[arg-type]
        self.folder = folder / "sandbox"

    @property
    def keys(self) -> KeyRing:
        return KeyRing.of(self.settings)

    @property
    def share(self) -> Share:
        found = Share.of(self.settings)
        assert found
        return found

    def journal(self, ticket: int) -> Journal:
        return Journal.of(self.settings, ticket)

    def run(self, ticket: int, content: bytes = b"{}") -> Path:
        """Leave a sealed record of a run."""
        journal = self.journal(ticket)
        record = journal.record_path(datetime.now(UTC), "weekend_license")
        about = {"runbook": "weekend_license", "record": record.name}
        journal.append("run_started", **about, performed=True, operator=self.settings.operator, pid=1)
        record.write_bytes(content)
        record.chmod(0o400)
        sealed = {"record": record.name, "sha256": sha256(content).hexdigest()}
        journal.append("run_ended", **sealed, status="completed", outcome=None)
        return record

    def push(self) -> mirror.Transferred:
        tickets = [self.journal(number) for number in Archive.of(self.settings).tickets()]
        return pushing.push(self.share, tickets, self.keys, self.settings.operator, lambda: None)

    def pull(self, **more: object) -> mirror.Transferred:
        return mirror.pull(self.share, self.folder, self.keys, **more)  # type: ignore[arg-type]

    def compare(self) -> list[tuple[str, str]]:
        """The codes and objects of the differences, without what only tells of an unknown writer."""
        found = Comparison(self.share, self.folder, self.keys).differences()
        return [(each.code, each.path) for each in found if each.code != "unknown_writer"]

    def verified(self) -> set[str]:
        return {finding.code for finding in Verifier(Archive.of(self.settings)).everything().findings}


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, server: Faulty) -> dict[str, str]:
    server.fault = lambda number, when: None
    if request.param == "folder":
        (tmp_path / "share").mkdir()
        return {"share": str(tmp_path / "share")}
    found = {"share": f"s3://team/{tmp_path.name}", "share_endpoint": server.url, "share_region": "us-east-1"}
    return {**found, "share_account": "AKIA", "share_secret": "hush"}


@pytest.fixture
def alice(tmp_path: Path, place: dict[str, str]) -> Machine:
    return Machine(tmp_path / "alice", place)


@pytest.fixture
def lead(tmp_path: Path, place: dict[str, str]) -> Machine:
    return Machine(tmp_path / "lead", place)


def write(machine: Machine, path: str, content: bytes | None) -> None:
    """Replace, add or remove an object, as a person with all rights can."""
    import obstore

    if content is None:
        obstore.delete(machine.share._store, path)
    else:
        obstore.put(machine.share._store, path, content)


def paths(machine: Machine) -> list[str]:
    return [each.path for each in machine.share.objects("sandbox")]


def test_layout_is_as_stated(alice: Machine) -> None:
    record = alice.run(1001)
    assert 1 == alice.push().records
    key = alice.keys.signing_key
    assert {f"sandbox/1001/{record.name}", f"sandbox/1001/journal/{key}/00000001-00000002.jsonl"} == set(paths(alice))
    published = alice.share.read(f"keys/{key}.pem")
    assert published
    assert "alice" == publisher(published)["Owner"]


def test_new_lines_are_a_new_object(alice: Machine) -> None:
    alice.run(1001)
    alice.push()
    assert (0, 0, 0) == (lambda moved: (moved.tickets, moved.records, moved.lines))(alice.push())
    alice.run(1001)
    moved = alice.push()
    assert (1, 1, 2) == (moved.tickets, moved.records, moved.lines)
    segments = sorted(path.rpartition("/")[2] for path in paths(alice) if "/journal/" in path)
    assert ["00000001-00000002.jsonl", "00000003-00000004.jsonl"] == segments


def test_folder_without_its_notes_pushes_nothing_twice(alice: Machine) -> None:
    """What was pushed is listed where it was not kept."""
    alice.run(1001)
    alice.push()
    for kept in alice.folder.rglob(".share-*"):
        kept.unlink()
    assert 0 == alice.push().lines


def test_lead_sees_both_machines(alice: Machine, lead: Machine, tmp_path: Path, place: dict[str, str]) -> None:
    """One ticket worked on by two: the mirror verifies, and unknown writers are no defect."""
    bob = Machine(tmp_path / "bob", place)
    for machine in (alice, bob, alice):
        machine.run(1001)
        machine.push()
    assert (1, 3, 6) == (lambda moved: (moved.tickets, moved.records, moved.lines))(lead.pull())
    assert {"untrusted_writer"} == lead.verified()
    assert (0, 0) == (lambda moved: (moved.records, moved.lines))(lead.pull())
    assert [] == lead.compare()
    for machine in (alice, bob):
        lead.keys.trust(machine.keys.signer().public_pem)
    assert set() == lead.verified()


def test_pulled_records_are_never_pushed(alice: Machine, lead: Machine) -> None:
    """An edited mirror changes nothing in the share, and is reported."""
    record = alice.run(1001)
    alice.push()
    lead.pull()
    copy = lead.folder / "1001" / record.name
    copy.chmod(0o600)
    copy.write_bytes(b"forged")
    assert 0 == lead.push().records
    assert [("replaced", f"sandbox/1001/{record.name}")] == lead.compare()
    assert "altered" in lead.verified()


def test_altered_record_is_not_pushed(alice: Machine) -> None:
    record = alice.run(1001)
    record.chmod(0o600)
    record.write_bytes(b"altered")
    assert 0 == alice.push().records


def test_pull_is_for_a_ticket_or_since_a_day(alice: Machine, lead: Machine) -> None:
    alice.run(1001)
    alice.run(1002)
    alice.push()
    assert 0 == lead.pull(since=datetime.now(UTC).date() + timedelta(days=2)).records
    assert 1 == lead.pull(ticket_id=1002).records
    assert "in part" in mirror.freshness("share", lead.folder)
    assert 1 == lead.pull(since=datetime.now(UTC).date() - timedelta(days=2)).records
    lead.pull()
    assert "As pulled from" in mirror.freshness("share", lead.folder)
    lead.pull(ticket_id=1001)
    assert "As pulled from" in mirror.freshness("share", lead.folder)
    (lead.folder / mirror.STAMP).write_text('{"share": "x", "at": "2026-01-01T00:00:00", "what": ""}')
    assert "Nothing was pulled" in mirror.freshness("share", lead.folder)


def test_mirror_is_private(alice: Machine, lead: Machine) -> None:
    record = alice.run(1001)
    alice.push()
    lead.pull()
    assert 0o400 == (lead.folder / "1001" / record.name).stat().st_mode & 0o777
    assert 0 == (lead.folder / "1001").stat().st_mode & 0o077


def test_lost_laptop_gets_its_own_part_back(alice: Machine) -> None:
    alice.run(1001)
    alice.push()
    path = alice.journal(1001).path
    content = path.read_bytes()
    path.unlink()
    alice.pull()
    assert content == path.read_bytes()


def test_restarted_journal_is_reported_not_overwritten(alice: Machine) -> None:
    """Its key has other lines in the share; a new key goes on."""
    alice.run(1001)
    alice.push()
    path = alice.journal(1001).path
    path.write_bytes(path.read_bytes().replace(b"completed", b"forgotten"))
    alice.journal(1001).restart(because="edited", operator="alice")
    alice.run(1001)
    alice.run(1001)
    assert "runbook keys rotate" in alice.push().trouble[0]
    alice.keys.rotate()
    alice.run(1001)
    assert 1 == alice.push().records


@pytest.mark.parametrize("how", ["copy", "backup"])
def test_a_fork_of_own_lines_is_reported_where_it_was_made(
    alice: Machine, lead: Machine, tmp_path: Path, how: str, place: dict[str, str]
) -> None:
    """Another machine with a copy of the folder and the key, or this one with an older copy: a new key goes on."""
    alice.run(1001)
    alice.push()
    shutil.copytree(tmp_path / "alice", tmp_path / "older")
    alice.run(1001)
    alice.push()
    forked = Machine(tmp_path / "older", place)
    if how == "backup":
        shutil.rmtree(tmp_path / "alice")
        (tmp_path / "older").rename(tmp_path / "alice")
        forked = alice
    forked.run(1001)
    forked.run(1001)
    (trouble,) = forked.push().trouble
    assert "is an older copy" in trouble
    assert "runbook keys rotate" in trouble
    forked.keys.rotate()
    forked.run(1001)
    assert 2 == forked.push().lines
    assert [] == lead.pull().trouble
    assert "broken_chain" not in lead.verified()


@pytest.mark.parametrize("runs", [(2, 1), (1, 2)])
def test_two_copies_that_push_in_the_same_moment(
    alice: Machine, tmp_path: Path, place: dict[str, str], monkeypatch: pytest.MonkeyPatch, runs: tuple[int, int]
) -> None:
    """Neither has seen the other's lines when it pushes its own; the next reader gets the error."""
    alice.run(1001)
    alice.push()
    shutil.copytree(tmp_path / "alice", tmp_path / "copy")
    other = Machine(tmp_path / "copy", place)
    for machine, times in zip((alice, other), runs, strict=True):
        for _ in range(times):
            machine.run(1001)
    objects = Share.objects

    def meanwhile(share: Share, prefix: str) -> list[Stored]:
        found = list(objects(share, prefix))
        if prefix.endswith("/1001"):
            monkeypatch.setattr(Share, "objects", objects)
            other.push()
        return found

    monkeypatch.setattr(Share, "objects", meanwhile)
    (trouble,) = alice.push().trouble
    assert "another machine has a copy of it and of its key" in trouble


def test_lost_keys_are_published_again(alice: Machine, lead: Machine) -> None:
    """Of a retired key, too; the other tickets of the same machine see no difference."""
    alice.run(1001)
    alice.push()
    alice.keys.rotate()
    for ticket in (1001, 1002):
        alice.run(ticket)
    alice.push()
    for key in alice.keys.trusted():
        write(alice, f"keys/{key}.pem", None)
    assert ["removed"] * 3 == [code for code, _ in alice.compare()]  # by two tickets' notes, of which one has both
    alice.push()
    assert [] == alice.compare()
    assert [] == lead.pull().trouble


@pytest.mark.parametrize("stale", ["nothing", "the first lines only"])
def test_stale_listing_makes_no_wrong_object(
    alice: Machine, lead: Machine, monkeypatch: pytest.MonkeyPatch, stale: str
) -> None:
    """As of a network folder that answers from its cache: what is pushed once more has the same lines."""
    alice.run(1001)
    alice.push()
    alice.run(1001)
    alice.push()
    for kept in alice.folder.rglob(".share-*"):
        kept.unlink()
    whole = Share.objects
    seen = slice(0 if stale == "nothing" else 1)
    with monkeypatch.context() as patch:
        patch.setattr(Share, "objects", lambda share, prefix: iter(list(whole(share, prefix))[seen]))
        alice.run(1001)
        assert [] == alice.push().trouble
    assert [] == lead.pull().trouble
    lead.keys.trust(alice.keys.signer().public_pem)
    assert (set(), [], []) == (lead.verified(), lead.compare(), alice.compare())


@pytest.mark.parametrize("what", ["record", "lines", "key"])
def test_replaced_object_is_named(alice: Machine, lead: Machine, what: str) -> None:
    record = alice.run(1001)
    alice.push()
    lead.pull()
    key = alice.keys.signing_key
    path = {
        "record": f"sandbox/1001/{record.name}",
        "lines": f"sandbox/1001/journal/{key}/00000001-00000002.jsonl",
        "key": f"keys/{key}.pem",
    }[what]
    write(alice, path, b"[" + (alice.share.read(path) or b"")[1:] if what != "key" else b"forged")
    assert ("replaced", path) in lead.compare()
    assert ("replaced", path) in alice.compare()


@pytest.mark.parametrize("what", ["record", "lines", "key"])
def test_removed_object_is_named(alice: Machine, lead: Machine, what: str) -> None:
    """By who pushed it, and for records and lines by who has pulled it."""
    record = alice.run(1001)
    alice.push()
    lead.pull()
    key = alice.keys.signing_key
    path = {
        "record": f"sandbox/1001/{record.name}",
        "lines": f"sandbox/1001/journal/{key}/00000001-00000002.jsonl",
        "key": f"keys/{key}.pem",
    }[what]
    write(alice, path, None)
    assert [("removed", path)] == alice.compare()
    if what != "key":
        assert [("removed", path)] == lead.compare()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("20261128T010203000Z-weekend_license-0123abcd.ipynb", "not_pulled"),
        ("journal/0123456789abcdef/00000001-00000001.jsonl", "not_pulled"),
        ("journal/0123456789abcdef/00000002-00000001.jsonl", "odd"),
        ("note.txt", "odd"),
        ("deep/er/x.ipynb", "odd"),
        ("-x.ipynb", "odd"),
        ("desktop.ini", "stray"),
        ("@eaDir/x.ipynb", "stray"),
        ("x (conflicted copy 2026-11-30).ipynb", "stray"),
        ("x.sync-conflict-20261130-101112-ABCDEFG.ipynb", "stray"),
    ],
)
def test_added_object_is_named(alice: Machine, name: str, code: str) -> None:
    """What is no object of a runbook is not pulled either; no trouble is what a sync program leaves there."""
    alice.run(1001)
    alice.push()
    write(alice, f"sandbox/1001/{name}", b"{}\n")
    assert (code, f"sandbox/1001/{name}") in alice.compare()
    moved = alice.pull()
    assert (code == "stray") is bool(moved.strays)
    assert (code == "odd") is any(f"{name} is no object" in words for words in moved.trouble)
    assert (code == "not_pulled" and name.endswith("ipynb")) is (alice.folder / "1001" / name).exists()


def test_names_that_differ_in_case_do_not_clash(alice: Machine, lead: Machine) -> None:
    """On a disk that ignores case one would replace the other."""
    record = alice.run(1001)
    alice.push()
    write(alice, f"sandbox/1001/{record.name.upper().replace('.IPYNB', '.ipynb')}", b"other")
    moved = lead.pull()
    assert 1 == moved.records
    assert "only in case" in moved.trouble[0]
    assert "case" in [code for code, _ in lead.compare()]


def test_forged_lines_are_not_brought(alice: Machine, lead: Machine) -> None:
    """Behind a colleague's lines, without the colleague's key: they would keep everybody off the ticket."""
    alice.run(1001)
    alice.push()
    key = alice.keys.signing_key
    first = alice.share.read(f"sandbox/1001/journal/{key}/00000001-00000002.jsonl") or b""
    write(alice, f"sandbox/1001/journal/{key}/00000003-00000003.jsonl", first.splitlines(keepends=True)[0])
    assert "00000003.jsonl was not brought: its writer did not sign it" in lead.pull().trouble[0]
    assert {"untrusted_writer"} == lead.verified()
    lead.journal(1001).append("run_started", runbook="weekend_license", performed=False)
    assert [("not_pulled", f"sandbox/1001/journal/{key}/00000003-00000003.jsonl")] == alice.compare()


def test_forged_key_is_not_taken(alice: Machine, lead: Machine) -> None:
    alice.run(1001)
    alice.push()
    stranger = KeyRing(lead.folder / ".other").signer().public_pem
    write(alice, f"keys/{alice.keys.signing_key}.pem", stranger)
    assert "is not the key of writer" in lead.pull().trouble[0]
    assert "unknown_writer" in lead.verified()


RECORD, TICKET = "*.ipynb", ""
"""What is deleted on request: the ticket's records, or all of its folder."""


@pytest.mark.parametrize(
    ("what", "where", "owner", "lead_says"),
    [
        (RECORD, "owner", ({"missing"}, ["not_pulled"]), (set(), [])),
        (RECORD, "share", (set(), ["removed"]), (set(), ["removed"])),
        (RECORD, "share lead", (set(), ["removed"]), ({"missing"}, [])),
        (RECORD, "share lead owner", ({"missing"}, ["removed"]), ({"missing"}, [])),
        (TICKET, "owner", ({"missing_journal"}, ["not_pulled", "not_pulled"]), (set(), [])),
        (TICKET, "lead", (set(), []), (set(), ["not_pulled", "not_pulled"])),
        (TICKET, "share lead owner", ({"missing_journal"}, []), (set(), [])),
    ],
)
def test_deletion_on_request_is_named_as_documented(
    alice: Machine, lead: Machine, what: str, where: str, owner: object, lead_says: object
) -> None:
    """By `verify`, and with `--share`; the other ticket stays good, and nothing brings the records back."""
    gone, _ = alice.run(1001), alice.run(1002)
    alice.push()
    lead.pull()
    lead.keys.trust(alice.keys.signer().public_pem)
    if "share" in where:
        for path in [path for path in paths(alice) if path.startswith("sandbox/1001/")]:
            if what == TICKET or path.endswith(gone.name):
                write(alice, path, None)
    for machine in [machine for name, machine in (("owner", alice), ("lead", lead)) if name in where]:
        folder = machine.folder / "1001"
        shutil.rmtree(folder) if what == TICKET else (folder / gone.name).unlink()
    said = [(machine.verified(), [code for code, _ in machine.compare()]) for machine in (alice, lead)]
    assert [owner, lead_says] == said
    if "share" in where:
        assert (0, 0) == (alice.push().records, lead.pull().records)


def test_not_pushed_is_no_defect(alice: Machine) -> None:
    alice.run(1001)
    found = list(Comparison(alice.share, alice.folder, alice.keys).differences())
    assert {"not_pushed"} == {each.code for each in found}
    assert not any(each.is_defect for each in found)


def test_team_file_trusts_its_keys(alice: Machine, lead: Machine, tmp_path: Path, place: dict[str, str]) -> None:
    """With words between the keys, as a team keeps it in its repository."""
    alice.run(1001)
    alice.push()
    team = tmp_path / "team.pem"
    team.write_bytes(b"# Alice\n" + alice.keys.signer().public_pem + b"\n# Bob\n")
    trusting = Machine(lead.folder.parent, {**place, "trusted_keys": str(team)})
    trusting.pull()
    assert set() == trusting.verified()


def test_fault_while_pulling_leaves_what_was_brought(tmp_path: Path, server: Faulty) -> None:
    """The next pull brings the rest, wherever it broke."""
    server.fault = lambda number, when: None
    place = {"share": f"s3://team/{tmp_path.name}", "share_endpoint": server.url, "share_region": "us-east-1"}
    place |= {"share_account": "AKIA", "share_secret": "hush"}
    alice = Machine(tmp_path / "alice", place)
    for ticket in (1001, 1002):
        alice.run(ticket)
    alice.push()
    for at in range(1, 9):
        lead = Machine(tmp_path / f"lead-{at}", place)
        server.calls.clear()
        server.fault = lambda number, when, at=at: (403, "AccessDenied") if number >= at else None
        try:
            lead.pull()
        except RunbookError as exc:
            assert "AccessDenied" in str(exc)
        server.fault = lambda number, when: None
        lead.pull()
        assert {"untrusted_writer"} == lead.verified()


def test_links_in_the_share_are_not_followed(tmp_path: Path) -> None:
    """A person with write access to the folder cannot have other files read."""
    share = tmp_path / "share"
    (share / "sandbox" / "1001").mkdir(parents=True)
    (tmp_path / "secret").write_text("hush")
    (share / "sandbox" / "1001" / "20261128T010203000Z-x-0123abcd.ipynb").symlink_to(tmp_path / "secret")
    lead = Machine(tmp_path / "lead", {"share": str(share)})
    assert 0 == lead.pull().records


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
@pytest.mark.parametrize("what", ["keys/{key}.pem", "sandbox/1001/journal/{key}/00000001-00000002.jsonl"])
def test_what_is_no_file_in_the_share_is_not_waited_for(tmp_path: Path, kind: str, what: str) -> None:
    """A person with write access to the folder can put anything in an object's place."""
    (tmp_path / "share").mkdir()
    alice, lead = (Machine(tmp_path / name, {"share": str(tmp_path / "share")}) for name in ("alice", "lead"))
    alice.run(1001)
    alice.push()
    path = tmp_path / "share" / what.format(key=alice.keys.signing_key)
    path.unlink()
    makes: dict[str, Callable[[Path], object]] = {
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
        "link": lambda at: at.symlink_to("/dev/zero"),
    }
    makes[kind](path)
    began = time.monotonic()
    for call in (lead.pull, lead.compare, alice.compare):
        with suppress(RunbookError):
            call()
    assert time.monotonic() - began < 60
    assert "untrusted_writer" not in lead.verified()


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "link to a file"])
@pytest.mark.parametrize(
    "what", ["1001/journal.*.jsonl", "1001/*.ipynb", ".pulled.json", ".keys/heads/*/*.json", "1003/.share-*"]
)
def test_what_is_no_file_in_the_mirror_is_not_waited_for(tmp_path: Path, kind: str, what: str) -> None:
    """A journal's part in whose place is something else is named, and the other tickets are brought."""
    (tmp_path / "share").mkdir()
    alice, lead = (Machine(tmp_path / name, {"share": str(tmp_path / "share")}) for name in ("alice", "lead"))
    alice.run(1001)
    lead.run(1003)
    alice.push()
    lead.push()
    lead.pull()
    (path,) = lead.folder.glob(what)
    kept = path.rename(tmp_path / "kept")
    makes: dict[str, Callable[[Path], object]] = {
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
        "link": lambda at: at.symlink_to(at.name),
        "link to a file": lambda at: at.symlink_to(kept),
    }
    makes[kind](path)
    alice.run(1001)
    alice.run(1002)
    alice.push()
    try:
        words = " ".join(lead.pull().trouble)
    except RunbookError as exc:
        words = str(exc)
    lead.verified()
    for call in (lead.compare, lead.push):
        with suppress(RunbookError):
            call()
    if what.startswith("1001/journal"):
        assert f"{path} cannot be read" in words
        assert (lead.folder / "1002").is_dir()


def test_what_a_killed_create_left_is_no_object(tmp_path: Path) -> None:
    """obstore writes beside the object's name first; neither `pull` nor `verify` takes that for tampering."""
    (tmp_path / "share").mkdir()
    alice, lead = (Machine(tmp_path / name, {"share": str(tmp_path / "share")}) for name in ("alice", "lead"))
    record = alice.run(1001)
    alice.push()
    for left in (f"sandbox/1001/{record.name}#1", f"keys/{alice.keys.signing_key}.pem#12"):
        (tmp_path / "share" / left).write_bytes(b"half")
    assert [] == lead.pull().trouble
    assert [] == lead.compare()


def test_foreign_files_in_the_share_are_passed_over(tmp_path: Path) -> None:
    """Each is named in plain characters, none is fetched, and the records are brought."""
    (tmp_path / "share").mkdir()
    alice, lead = (Machine(tmp_path / name, {"share": str(tmp_path / "share")}) for name in ("alice", "lead"))
    record = alice.run(1001)
    alice.push()
    names = ("a\nb", "\u202egpj.exe", "\x1b[2J", "=1+1", "Thumbs.db", "x" * 200, "journal.jsonl", "-rf", "\udce9")
    for folder in ("sandbox/1001", "sandbox/1001/journal/x", "sandbox/odd", "sandbox", "keys", "sandbox/claims"):
        place = tmp_path / "share" / folder
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            (place / os.fsdecode(name.encode("utf-8", "surrogateescape"))).write_bytes(b"x")
    moved = lead.pull()
    assert (1, True) == (moved.records, (lead.folder / "1001" / record.name).exists())
    assert {"untrusted_writer"} == lead.verified()
    found = list(Comparison(lead.share, lead.folder, lead.keys).differences())
    assert {"odd", "stray", "replaced", "unknown_writer"} == {each.code for each in found}
    said = "".join([*moved.trouble, *moved.strays, *(f"{each.path}{each.words}" for each in found)])
    assert not {"\n", "\u202e", "\x1b"} & {*said}


def test_reviewer_gets_no_advice_to_restart(alice: Machine, lead: Machine) -> None:
    """A colleague's part that was edited here is brought again, not begun anew."""
    alice.run(1001)
    alice.push()
    lead.pull()
    path = lead.folder / "1001" / f"journal.{alice.keys.signing_key}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"completed", b"forgotten"))
    words = [finding.words for finding in Verifier(Archive.of(lead.settings)).everything().findings]
    assert any("records pull" in each for each in words)
    assert not any("restart" in each for each in words)


def test_many_differences_are_counted() -> None:
    """Of each kind the first are shown; a wiped share is no table of 100,000 rows."""
    found = bounded([Difference("removed", str(number), "") for number in range(5)] + [Difference("odd", "x", "")], 3)
    assert ["0", "1", "2", "x", ""] == [each.path for each in found]
    assert (2, "2 more.", True) == (found[-1].count, found[-1].words, found[-1].is_defect)
    assert 5 == sum(each.count for each in found if each.code == "removed")


@pytest.mark.parametrize("path", ["sandbox/1001.txt", "sandbox/readme", "sandbox/01001/x.ipynb", "sandbox/1002"])
def test_object_beside_the_tickets_is_odd(alice: Machine, lead: Machine, path: str) -> None:
    """It is named, and keeps nothing else from being pulled."""
    alice.run(1001)
    alice.push()
    write(alice, path, b"x")
    moved = lead.pull()
    assert (1, 1) == (moved.records, len(moved.trouble))
    assert [("odd", path)] == lead.compare()

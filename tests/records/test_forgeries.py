"""Records that were forged, edited or moved, with keys and without: none is ever called genuine."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from runbook_lib.ledger.chains import file_name
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.records import page, review_rows
from runbook_lib.records.reading import read
from runbook_lib.records.verification import Verifier
from tests.records.making import Shelf, notebook

EDITED = notebook(1001).replace(b"250 users", b"999 users")


class Forger:
    """Who can write to the outputs, and has a key of their own, but none that is trusted."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.folder = shelf, shelf.folder(1001)
        self.keys = KeyRing(shelf.outputs / "forger")
        self.journal = Journal(self.folder, "sandbox/1001", self.keys)
        (self.record,) = self.folder.glob("*.ipynb")

    def edit(self, content: bytes = EDITED) -> str:
        """Put other bytes into the record's place; returns their SHA-256."""
        self.record.unlink()
        self.record.write_bytes(content)
        self.record.chmod(0o400)
        return hashlib.sha256(content).hexdigest()

    def another_name(self) -> None:
        """Go on with a record that never was, with the owner's key in its name."""
        self.record = self.record.with_name(self.record.name.replace("T1000", "T1111"))
        self.record.touch()

    def seal(self, kind: str, **changes: Any) -> None:
        """Seal the edited record with the forger's key."""
        sha256 = self.edit()
        fields = {"status": "completed", "outcome": "license_issued", "operator": "grace", **changes}
        self.journal.append(kind, record=self.record.name, sha256=sha256, **fields)

    def chain(self, *entries: dict[str, Any], last: KeyRing, name: str) -> None:
        """Write lines that are linked, and of which only the last one is really signed."""
        before, lines = "0" * 64, []
        for number, entry in enumerate(entries, start=1):
            line = {"v": 2, "n": number, "ticket": "sandbox/1001", "at": "2026-11-21T10:00:00.000+00:00", **entry}
            key = entry.pop("key", last.signer().key_id)
            line = {**{name: value for name, value in line.items() if name != "key"}, "prev": before, "key": key}
            signature = last.signer().sign(b"journal-line-2", encoded(line))
            lines.append(encoded({**line, "sig": base64.b64encode(signature).decode()}))
            before = hashlib.sha256(lines[-1]).hexdigest()
        (self.folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
        last.signer().leave_public_key(self.folder)


def encoded(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def edit_bytes(forger: Forger) -> None:
    forger.edit()


def edit_banner(forger: Forger) -> None:
    forger.edit(forger.record.read_bytes().replace(b"# Weekend", b"GENUINE. # Weekend"))


def add_blank(forger: Forger) -> None:
    forger.edit(forger.record.read_bytes() + b"\n")


def reseal(forger: Forger) -> None:
    """The record gets a second seal, of the forger's key, after its own."""
    forger.seal("run_ended")


def reseal_backdated(forger: Forger) -> None:
    """As if the forger's seal had been there before."""
    started = {"kind": "run_started", "record": forger.record.name, "runbook": "weekend_license", "performed": True}
    ended = {"kind": "run_ended", "record": forger.record.name, "sha256": forger.edit(), "status": "completed"}
    forger.chain(started, ended, last=forger.keys, name=file_name(forger.keys.signer().key_id))


def adopt(forger: Forger) -> None:
    forger.seal("record_adopted")


def begin_again(forger: Forger) -> None:
    """The forger says that the same record began, and ended, in a run of theirs."""
    forger.journal.append("run_started", record=forger.record.name, runbook="weekend_license", performed=True)
    forger.seal("run_ended")


def new_record(forger: Forger) -> None:
    """A run that never was, in the name of an engineer."""
    forger.another_name()
    forger.journal.append("run_started", record=forger.record.name, operator="grace", performed=True)
    forger.seal("run_ended")


def lines_of_another_key(forger: Forger) -> None:
    """A part of the forger's, in which only the last line is signed, and the others name the key that is trusted."""
    forger.another_name()
    key = forger.shelf.keys.signer().key_id
    ended = {"kind": "run_ended", "record": forger.record.name, "sha256": forger.edit(), "status": "completed"}
    forger.chain({**ended, "key": key}, {"kind": "restarted"}, last=forger.keys, name=forger.journal.path.name)


def set_aside(forger: Forger) -> None:
    """A journal without signatures, which a line of the forger names as set aside; its record never was."""
    forger.another_name()
    ended = {"kind": "run_ended", "record": forger.record.name, "sha256": forger.edit(), "status": "completed"}
    content = encoded({**ended, "key": forger.shelf.keys.signer().key_id}) + b"\n"
    (forger.folder / "journal-until-1.jsonl").write_bytes(content)
    kept = {"kept_as": "journal-until-1.jsonl", "sha256": hashlib.sha256(content).hexdigest()}
    forger.journal.append("restarted", **kept, because="it was damaged", operator="grace")


def set_aside_by_owner(forger: Forger) -> None:
    """A line was forged in the owner's own journal, who has set it aside since."""
    path = forger.shelf.journal(1001).path
    sha256 = hashlib.sha256(forger.record.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes().replace(sha256.encode(), forger.edit().encode()))
    forger.shelf.journal(1001).restart(because="a line was altered", operator="grace")


def swap_tickets(forger: Forger) -> None:
    """The record of another ticket, under this one's name."""
    forger.edit(forger.shelf.seal(1002).read_bytes())


def replay(forger: Forger) -> None:
    """An older record of the ticket in place of the last one."""
    older = forger.record.read_bytes()
    forger.record = forger.shelf.end(1001, forger.shelf.begin(1001), EDITED)
    forger.edit(older)


def cut_tail(forger: Forger) -> None:
    """The last seal is cut off, and the record is sealed anew, by the forger."""
    path = forger.shelf.journal(1001).path
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    forger.edit()


def splice(forger: Forger) -> None:
    """The first lines of one honest chain, and the last ones of another."""
    other = Shelf(forger.shelf.outputs / "other")
    shutil.copytree(forger.shelf.archive.keys, other.archive.keys)
    shutil.rmtree(other.archive.keys / "heads")
    other.end(1001, other.begin(1001), EDITED)
    mine, theirs = forger.shelf.journal(1001).path, other.journal(1001).path
    mine.write_bytes(mine.read_bytes().splitlines(keepends=True)[0] + theirs.read_bytes().splitlines(keepends=True)[1])
    forger.edit()


def misname_key(forger: Forger) -> None:
    """The forger's public key lies beside the journal under the name of the one that is trusted."""
    key = forger.shelf.keys.signer().key_id
    (forger.folder / f"journal.{key}.pub").write_bytes(forger.keys.signer().public_pem)
    path = forger.shelf.journal(1001).path
    sha256 = hashlib.sha256(forger.record.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes().replace(sha256.encode(), forger.edit().encode()))


def new_head(forger: Forger) -> None:
    """The whole journal is made anew by the forger's key, under the owner's name."""
    path = forger.shelf.journal(1001).path
    forger.seal("run_ended")
    path.write_bytes(forger.journal.path.read_bytes())
    forger.journal.path.unlink()


FORGERIES = (
    *(edit_bytes, edit_banner, add_blank, reseal, reseal_backdated, adopt, begin_again, new_record, set_aside),
    *(lines_of_another_key, set_aside_by_owner, swap_tickets, replay, cut_tail, splice, misname_key, new_head),
)


OTHERS_RECORDS = (reseal, reseal_backdated, adopt, begin_again)
"""What a colleague's key, which is trusted, does not make genuine either: the record is of another one."""


@pytest.mark.parametrize(
    ("forgery", "is_trusted"), [(one, False) for one in FORGERIES] + [(one, True) for one in OTHERS_RECORDS]
)
def test_no_forgery_is_called_genuine(
    configured: Shelf, forgery: Callable[[Forger], None], is_trusted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not by `verify`, not in the list, not on the record's page, and not in the review's sentence."""
    shelf = configured
    shelf.seal(1001)
    forger = Forger(shelf)
    if is_trusted:
        shelf.keys.trust(forger.keys.signer().public_pem)
    forgery(forger)

    verifier = Verifier(shelf.archive)
    found, runs = verifier.everything(), [run for one in shelf.archive.ledgers() for run in one.runs]
    forged = [run for run in runs if run.record == forger.record.name and run.ticket_id == 1001]
    assert forged or not found.is_good
    assert [] == [run for run in forged if found.holds(run)]
    assert found.good <= len(runs) - len(forged)
    said = review_rows.verdict(found, runs)
    assert "all genuine" not in said and (", genuine" not in said or not found.is_good)
    alone, record = verifier.record(forger.record), read(forger.record)
    for shown in (page.verdict(alone)[0], page.as_text(record, alone), page.as_html(record, alone)):
        assert "Verified: sealed and unaltered" not in shown


def test_verdict_counts_what_is_proven_and_what_is_not(shelf: Shelf) -> None:
    """Beside a genuine record one of a stranger, one that was adopted, and one that was edited."""
    shelf.seal(1001)
    new_record(Forger(shelf))
    adopted = shelf.folder(1003) / "20261121T100000000Z-weekend_license.ipynb"
    adopted.parent.mkdir()
    adopted.write_bytes(notebook(1003))
    about = {"record": adopted.name, "sha256": hashlib.sha256(adopted.read_bytes()).hexdigest(), "operator": "grace"}
    shelf.journal(1003).append("record_adopted", **about)
    edited = shelf.seal(1002)
    edited.unlink()
    edited.write_bytes(EDITED)
    found, runs = Verifier(shelf.archive).everything(), [run for one in shelf.archive.ledgers() for run in one.runs]
    words = "4 records of 1 engineer: 1 genuine, 1 adopted, 1 not genuine, 1 not proven by a key that is trusted here"
    assert review_rows.verdict(found, runs).startswith(words)
    assert [adopted.name] == [run.record for run in runs if found.holds(run) and run.note]


def claims(forger: Forger, kind: str) -> list[dict[str, Any]]:
    """Lines by which a forger says that all is done."""
    name = "20261121T120000000Z-weekend_license.ipynb"
    began = {"kind": "run_started", "record": name, "runbook": "weekend_license", "performed": True}
    reply = {"effect": "reply", "operation_id": "sandbox-1001-reply", "evidence": {}}
    later = {"at": "2099-11-21T10:00:00.000+00:00"}
    return {
        "end": [
            {**began, **later},
            {"kind": "run_ended", "record": name, "status": "completed", "outcome": "license_issued", **later},
        ],
        "done": [{"kind": "done", **reply, **later}],
        "case": [{"kind": "answered", "operation_id": "sandbox-1001-case", "there": True, **later}],
    }[kind]


def of_a_stranger(forger: Forger, kind: str) -> None:
    forger.chain(*claims(forger, kind), last=forger.keys, name=file_name(forger.keys.signer().key_id))


def of_no_known_key(forger: Forger, kind: str) -> None:
    of_a_stranger(forger, kind)
    (forger.folder / f"journal.{forger.keys.signer().key_id}.pub").unlink()


def as_if_set_aside(forger: Forger, kind: str) -> None:
    key = forger.shelf.keys.signer().key_id
    lines = [encoded({"key": key, "n": 1, "ticket": "sandbox/1001", **one}) for one in claims(forger, kind)]
    content = b"".join(line + b"\n" for line in lines)
    (forger.folder / "journal-until-1.jsonl").write_bytes(content)
    kept = {"kept_as": "journal-until-1.jsonl", "sha256": hashlib.sha256(content).hexdigest()}
    forger.journal.append("restarted", **kept, because="it was damaged", operator="grace")


@pytest.mark.parametrize("left", ["unknown effect", "question", "customer"])
@pytest.mark.parametrize("kind", ["end", "done", "case"])
@pytest.mark.parametrize("forgery", [of_a_stranger, of_no_known_key, as_if_set_aside])
def test_no_forgery_closes_what_is_open(
    shelf: Shelf, forgery: Callable[[Forger, str], None], kind: str, left: str
) -> None:
    """What a run left for a person stays in the list of open ends, whatever a writer says who is not trusted."""
    name = shelf.begin(1001)
    if left == "unknown effect":
        shelf.journal(1001).append("unknown", effect="reply", operation_id="sandbox-1001-reply", reason="lost")
    waits = {"outcome": "waiting_for_customer"} if left == "customer" else {"status": "needs_answer", "outcome": None}
    shelf.end(1001, name, **waits)
    forgery(Forger(shelf), kind)

    (run,) = [run for run in shelf.ledger(1001).runs if run.record == name]
    assert (True, False, left == "customer") == (run.needs_person, run.ended_by_hand, bool(run.waits_for))
    if left == "unknown effect":
        journal = shelf.journal(1001)
        assert ["sandbox-1001-reply"] == [*run.unknown] == journal.history().open_operations
        assert "sandbox-1001-reply" in journal.history().answerable

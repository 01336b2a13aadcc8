"""A record is sealed: its digest in the journal and on the ticket, its manifest complete, its file read-only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import nbformat
import pytest

from runbook_lib.domain.messages import Seal, find_seal, seal_note
from runbook_lib.settings import ROOT
from tests.practice import World, start
from tests.run_here import ran_here

pytestmark = pytest.mark.slow

SCHEMA = json.loads((ROOT / "runbook_lib" / "record.schema.json").read_text())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from start(tmp_path_factory.mktemp("sealing") / "outputs")


def journal(world: World, ticket_id: int) -> list[dict[str, object]]:
    return list(json.loads(world.runbook("journal", "show", ticket_id, "--json").stdout))


@pytest.mark.parametrize(
    ("ticket_id", "runbook", "perform", "given"),
    [
        (1001, "weekend_license", True, {}),
        (1002, "weekend_license", False, {}),
        (1005, "weekend_license", False, {"user_count": "1"}),
        (1901, "weekend_license", False, {}),
        (2003, "weekday_triage", True, {}),
        (2004, "start_here", False, {}),
        (3001, "license_not_received", True, {}),
    ],
)
def test_every_manifest_is_as_described(
    here: World,
    monkeypatch: pytest.MonkeyPatch,
    ticket_id: int,
    runbook: str,
    perform: bool,
    given: dict[str, str],
) -> None:
    """Whatever the runbook and its end; the published schema describes it, and knows no more than that."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(here.outputs))
    report = ran_here(runbook, ticket_id, given, perform=perform)
    manifest = nbformat.read(report.record, as_version=4).metadata["runbook"]

    jsonschema.Draft202012Validator(SCHEMA).validate(manifest)
    assert (report.summary, report.status) == (manifest["summary"], manifest["status"])


def test_a_performed_record_is_sealed(here: World) -> None:
    """In the journal, and once on the ticket, with the place in the journal; the file is read-only."""
    ran = here.runbook("run", "weekend_license", 1009, "--perform", "--json")
    jsonschema.Draft202012Validator(SCHEMA).validate(ran.record.metadata["runbook"])
    record = Path(ran.report["record"])
    digest = hashlib.sha256(record.read_bytes()).hexdigest()

    entries = journal(here, 1009)
    ended = next(entry for entry in entries if entry["kind"] == "run_ended")
    assert (digest, record.name, "license_issued") == (ended["sha256"], ended["record"], ended["outcome"])
    (part,) = record.parent.glob("journal.*.jsonl")
    lines = part.read_bytes().splitlines()
    head = hashlib.sha256(lines[int(str(ended["n"])) - 1]).hexdigest()
    writer = part.name.split(".")[1]
    assert [Seal(record.name, digest, int(str(ended["n"])), head, writer)] == here.seals(1009)
    assert f"-{writer[:8]}.ipynb" == record.name[-15:]
    assert 0o400 == record.stat().st_mode & 0o777

    again = here.runbook("run", "weekend_license", 1009, "--perform", "--json")
    assert [record.name, Path(again.report["record"]).name] == [seal.record for seal in here.seals(1009)]


def test_a_rehearsal_is_sealed_in_the_journal_only(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes nothing, on the ticket neither."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(here.outputs))
    ran_here("weekend_license", 1011, {}, perform=False)
    assert [] == here.seals(1011)
    assert journal(here, 1011)[-1]["sha256"]


def test_a_note_that_could_not_be_sent(own_world: World) -> None:
    """The run has its outcome all the same, it is reported, and the next one catches up."""
    own_world.inject("zendesk", "error", method="PUT", skip=1, times=None, status=503)
    first = own_world.runbook("run", "weekend_license", 1003, "--perform", "--json", RUNBOOK_WAIT_S="1")
    assert (0, "out_of_scope") == (first.status, first.report["outcome"])
    assert "The record is sealed, but the ticket could not take its digest; the next run adds it." in first.stderr
    assert [] == own_world.seals(1003)

    own_world.clear_faults()
    second = own_world.runbook("run", "weekend_license", 1003, "--perform", "--json")
    names = [Path(ran.report["record"]).name for ran in (first, second)]
    assert (names, "") == ([seal.record for seal in own_world.seals(1003)], second.stderr)


def test_a_ticket_that_changed_meanwhile_takes_the_note(own_world: World) -> None:
    """Two runs that end at once, as of two engineers: the ticket is read again, and the note sent once."""
    own_world.inject("zendesk", "error", method="PUT", skip=1, times=1, status=409)
    ran = own_world.runbook("run", "weekend_license", 1003, "--perform", "--json")
    assert (0, "") == (ran.status, ran.stderr)
    assert [Path(ran.report["record"]).name] == [seal.record for seal in own_world.seals(1003)]


def test_a_seal_is_read_as_it_was_written() -> None:
    """Also with the line ends of a mail; nothing else passes for one."""
    seal = Seal("20261121T100000000Z-weekend_license.ipynb", "a" * 64, 12, "b" * 64, "c" * 16)
    assert seal == find_seal(seal_note(seal)) == find_seal(seal_note(seal).replace("\n", "\r\n") + "\r\n")
    for text in ("", "License runbook: record x", seal_note(seal).replace("a" * 64, "a" * 63), "x" + seal_note(seal)):
        assert find_seal(text) is None


def test_no_canary_in_anything_that_is_left(own_world: World) -> None:
    """A secret in a vendor's error body and in what the customer wrote; licenses on the ticket and in the tracker."""
    token = own_world.descriptor["settings"]["slack_token"]
    own_world.change("UPDATE comments SET body = body || ? WHERE ticket_id = 1001", f" my token is {token}")
    own_world.inject("slack", "refuse", error=f"no_{token}", path="chat.postMessage", times=None)

    ran = own_world.runbook("run", "weekend_license", 1001, "--perform", "--json")

    assert "unavailable" == ran.report["effects"][-1]["state"]
    secrets = [str(value) for name, value in own_world.descriptor["settings"].items() if "token" in name]
    secrets += [own_world.descriptor["settings"]["customersdot_cookie"].partition("=")[2]]
    left = [path for path in (own_world.outputs / "sandbox" / "1001").rglob("*") if path.is_file()]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in left] + [ran.stdout, ran.stderr]
    assert len(left) >= 2
    assert [] == [secret for secret in secrets for text in texts if secret in text]
    assert [] == [text for text in texts if "BEGIN GITLAB" in text or "eyJkYXRhIjoi" in text]
    assert any("[slack_token]" in text for text in texts)

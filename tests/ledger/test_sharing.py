"""The push at the end of a run: wherever the share fails, the run stands, the journal says so, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.ledger.sharing import LATER, SharedRun
from tests.ledger import share_server
from tests.ledger.share_server import Faulty
from tests.ledger.test_share_mirror import Machine
from tests.practice import World

REFUSAL = (503, "SlowDown")


@pytest.fixture(scope="module")
def server() -> Iterator[Faulty]:
    with share_server.running() as found:
        yield found


def place(server: Faulty, name: str, *, seconds: str = "60") -> dict[str, str]:
    """The settings of an empty share, with how long a call may take there."""
    server.fault = lambda number, when: None
    server.calls.clear()
    settings = {"share": f"s3://team/{name}", "share_endpoint": server.url, "share_region": "us-east-1"}
    return {**settings, "share_account": "AKIA", "share_secret": "hush", "share_s": seconds}


def end(machine: Machine) -> str:
    """A run that ends, as the runner ends it."""
    shared = SharedRun.of(machine.settings, machine.journal(1001))
    assert shared
    return shared.finish()


def kinds(machine: Machine) -> list[str]:
    return [entry["kind"] for entry in machine.journal(1001).entries()]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("stays_down", [True, False], ids=["stays-down", "is-back"])
@pytest.mark.parametrize("call", [1, 2])
def test_fault_at_any_call_of_the_end_is_made_up_for(
    tmp_path: Path, server: Faulty, call: int, when: str, stays_down: bool
) -> None:
    """A second run's end: its lines, then its record. A lost answer is asked for again while there is time."""
    settings = place(server, f"end-{call}-{when}-{stays_down}")
    alice = Machine(tmp_path / "alice", settings)
    alice.run(1001)
    assert "" == end(alice)
    record = alice.run(1001)
    server.calls.clear()
    server.fault = lambda number, then: (
        REFUSAL if (number, then) == (call, when) or (stays_down and number > call) else None
    )
    trouble = end(Machine(alice.settings.outputs, {**settings, "share_s": "2"}) if stays_down else alice)
    server.fault = lambda number, then: None
    assert bool(trouble) is stays_down
    if stays_down:
        assert "The team's share could not be used" in trouble
        assert trouble.endswith(f"The record is on this machine only. {LATER}")
    assert ("share_unreachable" in kinds(alice)) is stays_down

    alice.push()
    assert record.read_bytes() == alice.share.read(f"sandbox/1001/{record.name}")
    assert [] == alice.compare()
    lead = Machine(tmp_path / "lead", place(server, f"end-{call}-{when}-{stays_down}"))
    assert 2 == lead.pull().records
    assert alice.journal(1001).path.read_bytes() == (lead.folder / "1001" / alice.journal(1001).path.name).read_bytes()
    assert {"untrusted_writer"} == lead.verified()


def test_run_lists_the_share_once(tmp_path: Path, server: Faulty) -> None:
    """Before its first effect, whatever the number of effects: a fork of its own lines shows by that.

    And one claim is created twice, to see that the service refuses the second.
    """
    alice = Machine(tmp_path / "alice", place(server, tmp_path.name))
    alice.run(1001)
    alice.push()
    shared = SharedRun.of(alice.settings, alice.journal(1001))
    assert shared
    server.calls.clear()
    for number in range(4):
        alice.journal(1001).append("intended", effect="reply", operation_id=f"sandbox-1001-{number}")
        assert shared.take(f"sandbox-1001-{number}") is None
    assert ["GET /team", *["PUT"] * (4 + 4 + 1)] == [call.split(" /team/")[0] for call in server.calls]


def test_record_that_was_not_pushed_does_not_delay_a_claim(tmp_path: Path, server: Faulty) -> None:
    """It may be large: before an effect there is time for the lines and the claim alone; the end makes up for it."""
    alice = Machine(tmp_path / "alice", place(server, tmp_path.name))
    record = alice.run(1001)
    shared = SharedRun.of(alice.settings, alice.journal(1001))
    assert shared
    assert shared.take("sandbox-1001-reply") is None
    assert not [call for call in server.calls if record.name in call]
    assert "" == end(alice)
    assert [f"PUT /team/{tmp_path.name}/sandbox/1001/{record.name}"] == [c for c in server.calls if record.name in c]


def test_disk_that_takes_no_note_hides_no_trouble(tmp_path: Path, server: Faulty) -> None:
    """The journal cannot be written either: the reader learns of the share all the same."""
    alice = Machine(tmp_path / "alice", place(server, "full", seconds="2"))
    alice.run(1001)
    server.fault = lambda number, when: REFUSAL
    lock = alice.folder / "1001" / ".journal.lock"
    lock.unlink()
    lock.mkdir()
    assert "could not be used" in end(alice)


@pytest.mark.slow
@pytest.mark.parametrize("what", [".ipynb", ".jsonl", ""], ids=["record", "lines", "nothing"])
def test_run_ends_as_it_would_without_a_share(own_world: World, server: Faulty, what: str) -> None:
    """Its exit status is its own; the terminal and the journal say what is missing, and one push brings it."""
    share = {
        f"RUNBOOK_{name.upper()}": value
        for name, value in place(server, f"run{what}", seconds="2" if what else "60").items()
    }
    dead: list[int] = []

    def fault(number: int, when: str) -> tuple[int, str] | None:
        call = server.calls[number - 1]
        if what and (dead or (call.startswith("PUT") and call.endswith(what) and own_world.seals(1003))):
            dead.append(number)
            return REFUSAL
        return None

    server.fault = fault
    ran = own_world.runbook("run", "weekend_license", "1003", "--perform", "--json", RUNBOOK_OPERATOR="ada", **share)
    server.fault = lambda number, when: None
    assert (0, "completed") == (ran.status, ran.report["status"]), ran.stderr
    assert ("The record is on this machine only." in ran.stderr) is bool(what)
    pushed = own_world.runbook("records", "push", RUNBOOK_OPERATOR="ada", **share)
    assert f"Pushed to {share['RUNBOOK_SHARE']}: {'1 record' if what else '0 records'} and " in pushed.stdout
    verified = own_world.runbook("records", "verify", "--share", RUNBOOK_OPERATOR="ada", **share)
    assert (0, True) == (verified.status, "The mirror and the share are alike." in verified.stdout), verified.stdout

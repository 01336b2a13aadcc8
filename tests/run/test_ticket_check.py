"""A wrong number is reported at once and begins no run; a ticket that is refused or cannot be read leaves a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.practice import Ran, World

pytestmark = pytest.mark.slow
WRONG = "Ticket 999999 does not exist in Zendesk, or you may not see it. Check the number."


@pytest.fixture
def machine(world: World, tmp_path: Path) -> World:
    """The world as a machine sees it that has run nothing."""
    return world.seen_from(tmp_path / "outputs")


def said_once(ran: Ran) -> bool:
    """Whether that is all that the command came to."""
    return (2, 1) == (ran.status, (ran.stdout + ran.stderr).count(WRONG))


def left_nothing(machine: World) -> bool:
    """Whether no folder, record, journal or key is there of it."""
    names = {path.name for path in (machine.outputs / "sandbox").iterdir()}
    return not list(machine.outputs.rglob("*.ipynb")) and names <= {".world", ".turn.lock"}


@pytest.mark.parametrize("words", [(), ("--json",), ("--perform",)])
@pytest.mark.parametrize("runbook", ["weekend_license", "auto", "start_here"])
def test_unknown_ticket_is_reported_once(machine: World, runbook: str, words: tuple[str, ...]) -> None:
    assert said_once(machine.runbook("run", runbook, 999_999, *words))
    assert left_nothing(machine)


def test_lab_of_an_unknown_ticket_leaves_nothing(machine: World) -> None:
    assert said_once(machine.runbook("lab", 999_999, "--no-browser"))
    assert left_nothing(machine)


@pytest.mark.parametrize(("number", "words"), [(1901, "use its number"), (1909, "use that number")])
@pytest.mark.parametrize("command", [("run", "auto"), ("run", "weekend_license"), ("lab",)])
def test_closed_or_merged_ticket_is_a_wrong_number(
    machine: World, command: tuple[str, ...], number: int, words: str
) -> None:
    """Whatever is done with it, also when performing: exit status 2, and nothing is left or changed."""
    before = machine.contents()
    ran = machine.runbook(*command, number, "--no-browser" if command == ("lab",) else "--perform")
    assert (2, True) == (ran.status, words in ran.stderr)
    assert left_nothing(machine) and before == machine.contents()


def test_unknown_ticket_of_a_batch_stops_no_other(machine: World) -> None:
    ran = machine.runbook("batch", 999_999, 1001, "--json")
    ends = [(one["exit_status"], one["end"], one["record"] is None) for one in ran.report["tickets"]]
    assert (2, [(2, "not run", True), (0, "license_issued", False)]) == (ran.status, ends)
    assert WRONG == ran.report["tickets"][0]["summary"]
    assert not (machine.outputs / "sandbox" / "999999").exists()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_ticket_is_reported_first(own_world: World, status: int) -> None:
    own_world.inject("zendesk", "refuse", status=status, method="GET", times=None)
    ran = own_world.runbook("run", "weekend_license", 1001, "--json")
    assert (1, "failed") == (ran.status, ran.report["status"])
    assert ran.stderr.startswith(f"Zendesk refused ({status})")
    assert Path(ran.report["record"]).is_file()


def test_zendesk_that_is_down_is_recorded(own_world: World) -> None:
    """The run waits for it as long as its budget lasts."""
    own_world.inject("zendesk", "error", status=503, times=None)
    ran = own_world.runbook("run", "weekend_license", 1001, "--json", RUNBOOK_WAIT_S="1")
    assert (1, "failed") == (ran.status, ran.report["status"])
    assert Path(ran.report["record"]).is_file()

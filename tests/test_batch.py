"""Batches in a practice world, by the command line: each ticket as if run alone, whatever becomes of the others."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.practice import Ran, World

pytestmark = [pytest.mark.apart, pytest.mark.slow]
LIST = """\
ticket;runbook;expires_on;billable_users;maximum_users
1001;;;;
1002;weekend_license;2026-11-05;40;44
1003;auto;;;
1003;auto;;;
x;;;;
1005;weekend_licence;;;
1006;weekend_license;31.2.2026;;
4711;;;;
"""


def batch(world: World, content: str, *words: object) -> Ran:
    """Run a list."""
    path = world.outputs.parent / "list.csv"
    path.write_text(content, encoding="utf-8-sig")
    return world.runbook("batch", path, *words)


def ended(ran: Ran) -> dict[int, tuple[str, int]]:
    """Each line's end and exit status."""
    return {ticket["line"]: (ticket["end"], ticket["exit_status"]) for ticket in ran.report["tickets"]}


def runs(world: World, ticket_id: int) -> list[dict[str, Any]]:
    """The runs of a ticket, as `records list` has them."""
    return list(world.runbook("records", "list", "--ticket", ticket_id, "--json").report["runs"])


def test_a_list_with_wrong_lines_is_rehearsed(own_world: World) -> None:
    """Every line ends as it would alone; nothing is changed, everything is sealed, the worst is the exit status."""
    before = own_world.contents()
    table = own_world.outputs.parent / "table.csv"
    ran = batch(own_world, LIST, "--json", "--csv", table)
    assert {
        2: ("license_issued", 0),
        3: ("license_issued", 0),
        4: ("out_of_scope", 0),
        5: ("not run", 2),
        6: ("not run", 2),
        7: ("not run", 2),
        8: ("not run", 2),
        9: ("failed", 1),
    } == ended(ran)
    assert 1 == ran.status
    assert "did you mean" in ran.report["tickets"][5]["summary"]
    assert before == own_world.contents()
    assert 0 == own_world.runbook("records", "verify").status
    assert ["1001", "1002"] == [row["ticket"] for row in csv.DictReader(table.read_text().splitlines())][:2]
    assert 2 == batch(own_world, LIST, "--csv", table).status  # it is there


def test_the_same_as_each_alone(own_world: World) -> None:
    """Performed at once: each effect once, each record sealed."""
    ran = batch(own_world, "1001\n1005\n2003\n", "--perform", "--workers", 3, "--json")
    assert [("license_issued", 0), ("license_issued", 0), ("resolved_itself", 0)] == list(ended(ran).values())
    assert [(1, 1), (1, 1)] == [(len(own_world.posts(n)), len(own_world.issues(n))) for n in (1001, 1005)]
    again = batch(own_world, "1001\n1005\n2003\n", "--perform", "--json")
    assert list(ended(ran).values()) == list(ended(again).values())
    assert [(1, 1), (1, 1)] == [(len(own_world.posts(n)), len(own_world.issues(n))) for n in (1001, 1005)]
    assert 0 == own_world.runbook("records", "verify", "--ticket-notes").status


def test_an_interrupted_batch_goes_on_where_it_was(own_world: World) -> None:
    """Ctrl-C lets what runs end; the same command runs only the rest."""
    tickets = [1001, 1002, 1003, 1004, 1005, 1006]
    command = [sys.executable, "-m", "runbook_lib.cli", "batch", *map(str, tickets), "--workers", "1"]
    process = subprocess.Popen(command, env=own_world.environment, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        assert "Rehearsing 6 of 6" in process.stdout.readline()
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert 130 == process.returncode
    assert "to its end" in rest
    said = (first + rest).partition("\nticket")[0]
    done = [ticket for ticket in tickets if f"  {ticket}  " in said]
    assert 0 < len(done) < len(tickets)
    assert f"{len(tickets) - len(done)} not run" in rest

    again = own_world.runbook("batch", *tickets, "--workers", 2)
    assert 0 == again.status, again.stderr
    assert f"Rehearsing {len(tickets) - len(done)} of 6" in again.stdout
    assert "Finished before" in again.stdout
    assert {1} == {len(runs(own_world, ticket)) for ticket in (1003, 1004, 1006)}
    whole = own_world.runbook("batch", *tickets)
    assert "Rehearsing 6 of 6" in whole.stdout  # a batch that has ended is no more gone on with


def test_ctrl_c_twice_cancels_what_runs(own_world: World) -> None:
    """The run that is cancelled has its record, and nothing is left running."""
    own_world.inject("zendesk", "delay", seconds=20, times=None)
    command = [sys.executable, "-m", "runbook_lib.cli", "batch", "1001", "--workers", "1"]
    process = subprocess.Popen(command, env=own_world.environment, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        process.stdout.readline()
        deadline = time.monotonic() + 30
        while not runs(own_world, 1001) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert "1 run goes on to its end" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert 130 == process.returncode
    assert ["cancelled"] == [run["status"] for run in runs(own_world, 1001)]


def test_a_warm_process_that_dies_is_done_without(own_world: World) -> None:
    """The tickets are run by the real Python then."""
    ran = own_world.runbook("batch", 1003, 1004, "--json", WARM_PYTHON_OFF="1")
    assert [("out_of_scope", 0), ("out_of_scope", 0)] == list(ended(ran).values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("1001", "list.csv"), "is no ticket's number"),
        (("nowhere.csv",), "cannot be read"),
        (("1001", "--workers", "0"), "--workers"),
        (("1001", "--workers", "1000"), "at most"),
    ],
)
def test_bad_usage_is_told_before_anything_runs(own_world: World, words: tuple[str, ...], said: str) -> None:
    ran = own_world.runbook("batch", *words)
    assert 2 == ran.status
    assert said in ran.stderr
    assert 1 == len(ran.stderr.strip().splitlines())
    assert [] == list((own_world.outputs / "sandbox").glob("1*"))


def test_a_list_by_standard_input(own_world: World) -> None:
    command = [sys.executable, "-m", "runbook_lib.cli", "batch", "--json"]
    done = subprocess.run(command, env=own_world.environment, input="1003\n1004\n", capture_output=True, text=True)
    assert ["out_of_scope"] * 2 == [ticket["end"] for ticket in json.loads(done.stdout)["tickets"]]


def test_an_output_folder_that_takes_nothing(own_world: World, tmp_path: Path) -> None:
    folder = own_world.outputs / "sandbox" / ".batches"
    folder.write_text("in the way")
    ran = own_world.runbook("batch", 1003)
    assert 1 == ran.status
    assert "nothing was run" in ran.stderr

"""Batches in a practice world, by the command line: each ticket as if run alone, whatever becomes of the others."""

from __future__ import annotations

import csv
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.practice import Ran, World, start
from tests.run import held
from tests.run.processes import children, descendants, wait_for_end

pytestmark = [pytest.mark.apart, pytest.mark.slow]
PYTHON = Path(sys.prefix) / "bin" / "python"
"""With a process id and standard files of its own, which a warm one has not."""
LIST = """\
ticket;runbook;expires_on;billable_users;maximum_users
1001;;;;
1002;weekend_license;2026-11-05;40;44
1003;auto;;;
1003;auto;;;
x;;;;
1005;weekend_licence;;;
1006;weekend_license;31.2.2026;;
1003.0;weekend_license;;;
4711;;;;
1901;weekend_license;;;
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that rehearsals share."""
    yield from start(tmp_path_factory.mktemp("outputs"))


@pytest.fixture
def machine(served: World, tmp_path: Path) -> Iterator[World]:
    """That world, seen from a machine that has run nothing; a test may rehearse in it and inject faults."""
    yield served.seen_from(tmp_path / "outputs")
    served.clear_faults()


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


def test_a_list_with_wrong_lines_is_rehearsed(machine: World) -> None:
    """Every line ends as it would alone; nothing is changed, everything is sealed, the worst is the exit status."""
    before = machine.contents()
    table = machine.outputs.parent / "table.csv"
    ran = batch(machine, LIST, "--json", "--csv", table)
    assert {
        2: ("license_issued", 0),
        3: ("license_issued", 0),
        4: ("out_of_scope", 0),
        5: ("not run", 2),
        6: ("not run", 2),
        7: ("not run", 2),
        8: ("not run", 2),
        9: ("not run", 2),
        10: ("not run", 2),
        11: ("not run", 2),
    } == ended(ran)
    assert 2 == ran.status
    assert "did you mean" in ran.report["tickets"][5]["summary"]
    assert before == machine.contents()
    assert 0 == machine.runbook("records", "verify").status
    assert ["1001", "1002"] == [row["ticket"] for row in csv.DictReader(table.read_text().splitlines())][:2]
    assert 2 == batch(machine, LIST, "--csv", table).status  # it is there


def test_the_same_as_each_alone(own_world: World) -> None:
    """Performed at once: each effect once, each record sealed."""
    rows = "1001,weekend_license\n2003,weekday_triage\n"
    for _ in range(2):
        ran = batch(own_world, rows, "--perform", "--workers", 2, "--json")
        assert [("license_issued", 0), ("resolved_itself", 0)] == list(ended(ran).values())
        assert (1, 1) == (len(own_world.posts(1001)), len(own_world.issues(1001)))
    assert 0 == own_world.runbook("records", "verify", "--ticket-notes").status


def test_an_interrupted_batch_goes_on_where_it_was(machine: World) -> None:
    """Ctrl-C lets what runs end; the same command runs only the rest."""
    tickets = [1001, 1002, 1003, 1004]
    listed = machine.outputs.parent / "list.csv"
    listed.write_text("".join(f"{ticket},weekend_license\n" for ticket in tickets))
    command = [sys.executable, "-m", "runbook_lib.cli", "batch", str(listed), "--workers", "1"]
    process = subprocess.Popen(command, env=machine.environment, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        assert "Rehearsing 4 of 4" in process.stdout.readline()
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert 130 == process.returncode
    assert "to its end" in rest
    said = (first + rest).partition("\nticket")[0]
    done = [ticket for ticket in tickets if f"  {ticket}  " in said]
    assert 0 < len(done) < len(tickets)
    assert f"{len(tickets) - len(done)} not run" in rest

    again = machine.runbook("batch", listed, "--workers", 2, COLUMNS="70")
    assert 0 == again.status, again.stderr
    assert f"Rehearsing {len(tickets) - len(done)} of 4" in again.stdout
    assert "License issued" in again.stdout
    assert "license_issued" not in again.stdout
    assert "Finished before" in again.stdout
    assert 70 >= max(map(len, again.stdout.partition("\nticket")[0].splitlines()))  # the terminal's width
    assert {1} == {len(runs(machine, ticket)) for ticket in (1003, 1004)}
    with subprocess.Popen(command, env=machine.environment, stdout=subprocess.PIPE, text=True) as whole:
        assert whole.stdout
        assert "Rehearsing 4 of 4" in whole.stdout.readline()  # a batch that has ended is no more gone on with
        whole.send_signal(signal.SIGHUP)  # its terminal is closed
        whole.stdout.read()
    assert 130 == whole.returncode


def test_done_without_a_warm_process(machine: World) -> None:
    """The ticket is run by the real Python then; the list comes by standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "runbook_lib.cli", "batch", "--json"],
        env={**machine.environment, "WARM_PYTHON_OFF": "1"},
        input="1003,weekend_license\n",
        capture_output=True,
        text=True,
    )
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert [("out_of_scope", 0)] == list(ended(ran).values())


@dataclass(frozen=True)
class Interruption:
    """What comes in the middle of a batch's first ticket.

    Attributes:
        comes: Does it; returns what the batch printed.
        status: The exit status of the batch.
        words: What the batch prints of its tickets.
        left: How many of the two tickets the same command then runs.
        ends: How the first ticket's runs ended, when all is done; "" for one that did not.
        python: The batch's; the warm one does not have the process id that it is known by.
    """

    comes: Callable[[World, subprocess.Popen[str]], str]
    status: int
    words: str
    left: int
    ends: tuple[str, ...]
    python: Path | None = None


def ctrl_c_in_a_terminal(world: World, process: subprocess.Popen[str]) -> str:
    """The terminal sends it to every process of its group; what runs goes on to its end all the same."""
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout
    assert "1 run goes on to its end" in process.stdout.readline()
    held.release(world)
    return process.communicate(timeout=60)[0]


def terminate_after_ctrl_c(_: World, process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    assert process.stdout
    assert "1 run goes on to its end" in process.stdout.readline()
    process.terminate()
    return process.communicate(timeout=60)[0]


def close_terminal(_: World, process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGHUP)
    return process.communicate(timeout=60)[0]


def kill_warm_process(_: World, process: subprocess.Popen[str]) -> str:
    """What it ran is cancelled, with its record; the rest is run by the real Python."""
    os.kill(warm_process(process), signal.SIGKILL)
    return process.communicate(timeout=60)[0]


def kill_batch(world: World, process: subprocess.Popen[str]) -> str:
    """Nothing that it has started goes on; until then no other process runs the same list."""
    refused = world.runbook("batch", world.outputs.parent / "list.csv", "--perform")
    assert (1, True) == (refused.status, "Another process runs this list right now" in refused.stderr)
    below = descendants(process.pid)
    process.kill()
    words = process.communicate(timeout=60)[0]
    wait_for_end(below)
    return words


def kill_machine(_: World, process: subprocess.Popen[str]) -> str:
    """Every process of the batch at once."""
    below = descendants(process.pid)
    assert len(below) > 3, "the warm process, a run and its kernel"
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (process.pid, *below):
            os.kill(pid, number)
    words = process.communicate(timeout=60)[0]
    wait_for_end(below)
    return words


INTERRUPTIONS = {
    "Ctrl-C": Interruption(ctrl_c_in_a_terminal, 130, "1 license issued, 1 not run", 1, ("completed",), PYTHON),
    "SIGTERM after Ctrl-C": Interruption(
        terminate_after_ctrl_c, 130, "1 cancelled, 1 not run", 2, ("cancelled", "completed")
    ),
    "terminal closed": Interruption(close_terminal, 130, "1 cancelled, 1 not run", 2, ("cancelled", "completed")),
    "warm process killed": Interruption(
        kill_warm_process, 130, "1 cancelled, 1 waiting for customer", 1, ("cancelled", "completed"), PYTHON
    ),
    "batch killed": Interruption(kill_batch, -signal.SIGKILL, "", 2, ("cancelled", "completed"), PYTHON),
    "machine killed": Interruption(kill_machine, -signal.SIGKILL, "", 2, ("", "completed"), PYTHON),
}
RARE = ("terminal closed", "machine killed")
"""The first cancels as SIGTERM does; the other kills a batch, as another does, and its run, as `tests/faults` does."""


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=pytest.mark.rare) if what in RARE else what for what in INTERRUPTIONS]
)
def test_nothing_is_done_twice(own_world: World, what: str) -> None:
    """Whatever comes in the middle: the same command does what is missing, and nothing again."""
    wanted = INTERRUPTIONS[what]
    held.hold(own_world)
    listed = own_world.outputs.parent / "list.csv"
    listed.write_text(held.LIST)
    command = [wanted.python or sys.executable, "-m", "runbook_lib.cli", "batch", str(listed), "--perform"]
    with subprocess.Popen(
        [*command, "--workers", "1"],
        env=own_world.environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout
            assert "Performing 2 of 2" in process.stdout.readline()
            held.wait_until_held(own_world)
            words = wanted.comes(own_world, process)
        finally:
            process.kill()
    assert (wanted.status, True) == (process.returncode, wanted.words in words), words

    held.release(own_world)
    again = own_world.runbook("batch", listed, "--perform", "--workers", 1)

    assert (0, True) == (again.status, f"Performing {wanted.left} of 2" in again.stdout), again.stdout
    table = again.stdout.partition("\nticket")[2]
    assert (True, False) == ("License issued" in table, "License issued: " in table), "the end is there once"
    assert held.ONCE == held.left(own_world)
    assert sorted(wanted.ends) == sorted(run["status"] for run in runs(own_world, 1001))
    assert 0 == own_world.runbook("records", "verify", "--ticket-notes").status


def warm_process(process: subprocess.Popen[str]) -> int:
    """The warm Python of a batch."""
    return next(pid for pid in children(process.pid) if b".warm" in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_a_damaged_journal(machine: World) -> None:
    """It is its own ticket's, as the batch goes on."""
    assert 0 == machine.runbook("batch", 1003, "--workers", 1).status
    part = next((machine.outputs / "sandbox" / "1003").glob("journal.*.jsonl"))
    part.write_bytes(part.read_bytes().replace(b"start_here", b"start_Here"))
    again = machine.runbook("batch", 1003, 1004, "--workers", 1, "--json")
    assert [2, 0] == [status for _, status in ended(again).values()]


def test_started_with_its_standard_files_closed(machine: World) -> None:
    """Nothing is read, nothing is printed, and no other file takes their place."""
    command = f"exec {PYTHON} -m runbook_lib.cli batch 1003 --csv table.csv <&- >&- 2>&-"
    folder = machine.outputs.parent
    assert 0 == subprocess.run(["/bin/sh", "-c", command], env=machine.environment, cwd=folder).returncode
    assert "out_of_scope" in (folder / "table.csv").read_text()
    command = f"exec {PYTHON} -m runbook_lib.cli batch <&-"
    done = subprocess.run(["/bin/sh", "-c", command], env=machine.environment, capture_output=True, text=True)
    assert (2, True) == (done.returncode, "The list is empty" in done.stderr)


def test_what_is_wrong_with_a_command_is_reported_first(machine: World, tmp_path: Path) -> None:
    """In one line; nothing is run."""
    for status, words, message in (
        (2, ("1001", "list.csv"), "is no ticket's number"),
        (2, ("nowhere.csv",), "cannot be read"),
        (2, ("1001", "--workers", "1000"), "1<=x<=64"),
        (2, ("1001", "--csv", "pyproject.toml"), "pass --force"),
        (1, ("1001", "--csv", tmp_path / "nowhere" / "table.csv"), "cannot be written"),
    ):
        ran = machine.runbook("batch", *words)
        assert (status, "", 1) == (ran.status, ran.stdout, len(ran.stderr.strip().splitlines())), words
        assert message in ran.stderr
    assert [] == list((machine.outputs / "sandbox").glob("1*"))


def test_a_list_from_a_terminal_is_asked_for(machine: World) -> None:
    """Without a word, the command would seem to hang."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "runbook_lib.cli", "batch", "-"],
        env=machine.environment,
        stdin=theirs,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        assert process.stderr
        assert "Ctrl-D ends it" in process.stderr.readline()
        os.write(ours, b"x\n\x04")
        assert "The list begins with 'x'" in process.stderr.readline()
    os.close(ours)


def test_a_full_disk_for_the_output(own_world: World) -> None:
    """What runs goes on to its end, nothing more is begun, and the same command goes on with the rest."""
    listed = own_world.outputs.parent / "list.csv"
    listed.write_text("1003,weekend_license\n1004,weekend_license\n")
    command = [sys.executable, "-m", "runbook_lib.cli", "batch", str(listed), "--workers", "1"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, env=own_world.environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (1, True) == (done.returncode, "Free the disk, then run the same command again" in done.stderr)
    assert 0 == own_world.runbook("batch", listed).status
    assert {1} == {len(runs(own_world, ticket)) for ticket in (1003, 1004)}


def test_an_output_folder_that_takes_nothing(machine: World) -> None:
    folder = machine.outputs / "sandbox" / ".batches"
    folder.write_text("in the way")
    ran = machine.runbook("batch", 1003)
    assert 1 == ran.status
    assert "nothing was run" in ran.stderr


def test_retry_after_is_for_all_workers(machine: World) -> None:
    """One run hears it; the others wait too, in place of being refused one after the other."""
    machine.inject("zendesk", "limit", retry_after=4)
    listed = "".join(f"{ticket},weekend_license\n" for ticket in (1003, 1004, 1005))
    ran = batch(machine, listed, "--workers", 3, "--json")
    assert [0, 0, 0] == [status for _, status in ended(ran).values()]
    assert 1 == machine.injected()["zendesk"]["limit"]
    assert min(ticket["seconds"] for ticket in ran.report["tickets"]) >= 1.5

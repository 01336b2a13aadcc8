"""A kill at each point between two journal lines of a performing run: of the runner, of the kernel, of both.

Points are enumerated, not sampled: before and after each line that a run without a kill writes. The run is the
command that a user types, with a real kernel; what kills it is `murder`, which the run's Python loads at its start.
After each kill the same command runs once more, and the world must be as if nothing had happened.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.faults import series
from tests.faults.night import restore
from tests.practice import World

MURDER = Path(__file__).with_name("murder")
"""Holds a `sitecustomize`, which Python runs at its start."""
VICTIMS = ("runner", "kernel", "both")
AT_A_TIME = 30
"""Kills in one world; a line is printed after each share."""
TICKET, RUNBOOK, OUTCOME = 1001, "weekend_license", "license_issued"


@dataclass(frozen=True)
class Killed:
    """What came of one kill.

    Attributes:
        point: The number of the point, from 1; odd ones are before a line, even ones after it.
        victim: Who was killed.
        happened: Whether the run came to the point and died there.
        outcome: What the run after it came to.
        differs: How the world then differs from one in which nothing had happened; empty if it does not.
    """

    point: int
    victim: str
    happened: bool
    outcome: str | None
    differs: dict[str, Any]

    @property
    def is_right(self) -> bool:
        """Whether it is as if nothing had happened."""
        return self.happened and self.outcome == OUTCOME and not self.differs


def main(at_once: int) -> bool:
    """Kill everybody everywhere, and print the table; returns whether anything went wrong."""
    started = time.monotonic()
    os.environ["MURDER_AT_CELLS"] = "yes"
    with series.practice() as (world, _):
        points = count_points(world)
    jobs = [(point, victim) for victim in VICTIMS for point in range(1, points + 1)]
    found: list[Killed] = []
    with ProcessPoolExecutor(at_once) as pool:
        shares = [pool.submit(_share, jobs[begin : begin + AT_A_TIME]) for begin in range(0, len(jobs), AT_A_TIME)]
        for share in as_completed(shares):
            found.extend(share.result())
            print(f"{len(found)} of {len(jobs)} kills, {time.monotonic() - started:.0f} s", flush=True)
    rows = [
        (victim, sum(k.victim == victim for k in found), sum(k.victim == victim and not k.is_right for k in found))
        for victim in VICTIMS
    ]
    print(f"{points} points in a performing run of ticket {TICKET}: before and after each of its journal's lines.")
    print(tabulate(rows, headers=("killed", "points", "went wrong")), end="\n\n")
    for killed in found:
        if not killed.is_right:
            print(killed)
    print(f"Took {time.monotonic() - started:.0f} s.\n")
    return any(not killed.is_right for killed in found)


def _share(jobs: list[tuple[int, str]]) -> list[Killed]:
    with series.practice() as (world, pristine):
        expected = clean_run(world)
        return [kill(world, pristine, expected, point, victim) for point, victim in jobs]


def count_points(world: World) -> int:
    """How many points a run without a kill has. The world is used up by it."""
    with tempfile.TemporaryDirectory() as folder:
        counter = Path(folder) / "events"
        ran = world.runbook("run", RUNBOOK, TICKET, "--perform", "--json", **_murder(counter, 0, ""))
        assert OUTCOME == ran.report["outcome"], ran.stderr
        return int(counter.read_text())


def clean_run(world: World) -> dict[str, Any]:
    """What a run without a kill makes of the world."""
    ran = world.runbook("run", RUNBOOK, TICKET, "--perform", "--json")
    assert OUTCOME == ran.report["outcome"], ran.stderr
    return contents(world)


def kill(world: World, pristine: Path, expected: dict[str, Any], point: int, victim: str) -> Killed:
    """One run with a kill, then the same command again."""
    restore(world, pristine)
    for name in (str(TICKET), ".keys"):
        shutil.rmtree(world.outputs / "sandbox" / name, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        counter = Path(folder) / "events"
        command = [sys.executable, "-m", "runbook_lib.cli", "run", RUNBOOK, str(TICKET), "--perform", "--json"]
        subprocess.run(
            command,
            env={**world.environment, **_murder(counter, point, victim)},
            capture_output=True,
            timeout=120,
            check=False,
        )
        happened = (Path(folder) / "events.died").exists()
        _wait_for_orphans(Path(folder) / "events.kernel")
    again = world.runbook("run", RUNBOOK, TICKET, "--perform", "--json", RUNBOOK_SETTLE_S="1")
    outcome = again.report["outcome"] if again.stdout else again.stderr
    world.wait_for_pipelines()
    found = contents(world)
    differs = {name: (expected[name], found[name]) for name in expected if expected[name] != found[name]}
    return Killed(point, victim, happened, outcome, differs)


def _murder(counter: Path, point: int, victim: str) -> dict[str, str]:
    return {
        "PYTHONPATH": f"{MURDER}{os.pathsep}{Path.cwd()}",
        "MURDER_COUNTER": str(counter),
        "MURDER_POINT": str(point),
        "MURDER_VICTIM": victim,
    }


def _wait_for_orphans(pid_file: Path) -> None:
    """A kernel whose runner died ends by itself; until then it may still do what it was about to do."""
    if not pid_file.exists():
        return
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid_file.read_text()}").exists() and not _is_zombie(pid_file.read_text()):
        assert time.monotonic() < deadline, "a kernel outlives its runner"
        time.sleep(0.05)


def _is_zombie(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def contents(world: World) -> dict[str, Any]:
    """Everything that a run changes, but for numbers and times."""
    return {
        "comments": sorted((row["body"][:60], row["public"]) for row in world.comments(TICKET)),
        "posts": world.posts(TICKET),
        "mails": Counter(row["envelope_to"] for row in world.rows("SELECT envelope_to FROM mails")),
        "issues": sorted((issue["title"], issue["state"]) for issue in world.issues(TICKET)),
        "pipelines": [row["status"] for row in world.rows("SELECT status FROM pipelines")],
        "ticket": world.rows("SELECT status, assignee_id FROM tickets WHERE id = ?", TICKET),
    }

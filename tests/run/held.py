"""A list whose first ticket is held in the middle: its license is ordered, and the job that mails it waits."""

from __future__ import annotations

import time
from collections import Counter

from tests.faults.night import NIGHTS, there
from tests.practice import World

LIST = "1001,weekend_license\n1002,weekend_license\n"
ONCE = dict.fromkeys(("mail", "note", "reply", "slack_post", "screenshots_request", "issue", "pipeline"), 1)
"""What the two tickets leave in the world, however often the list is performed."""


def hold(world: World) -> None:
    """Let the job of a license wait from now on."""
    world.inject("pipelines", "stall")


def wait_until_held(world: World) -> None:
    """Wait until the license is ordered."""
    deadline = time.monotonic() + 60
    while not world.rows("SELECT 1 FROM pipelines"):
        assert time.monotonic() < deadline, "no license is ordered"
        time.sleep(0.02)


def release(world: World) -> None:
    """Let the job go on, and wait for its end."""
    world.clear_faults()
    world.wait_for_pipelines()


def left(world: World) -> dict[str, int]:
    """What the two tickets have left in the world, by name."""
    found = Counter(issue=len(world.issues(1001)), pipeline=len(world.rows("SELECT 1 FROM pipelines")))
    for night in NIGHTS[:2]:
        found += there(world, night)
    return dict(found)

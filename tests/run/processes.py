"""The processes below a command, as Linux has them."""

from __future__ import annotations

import time
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    return [found for child in children(pid) for found in (child, *descendants(child))]


def children(pid: int) -> list[int]:
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


def wait_for_end(pids: list[int]) -> None:
    """Wait until none of these processes lives."""
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}/exe").exists() for pid in pids):  # a zombie has none
        assert time.monotonic() < deadline, "a process does not end"
        time.sleep(0.05)

"""Several processes that read records at once, one for each processor. Starts no more than that, and reads nothing."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from runbook_lib.domain.errors import UnavailableError

Item = TypeVar("Item")
Found = TypeVar("Found")
PARTS = 4
"""Portions of work for each process, so that none waits long for another."""


def in_processes(work: Callable[[Sequence[Item]], Sequence[Found]], items: Sequence[Item]) -> list[Found]:
    """What `work` makes of all items, which it is given in portions; in no order.

    Processes are forked, which is faster, where that is safe: on Linux, as long as there is one thread.

    Raises:
        UnavailableError: A process was killed.
    """
    is_safe = sys.platform == "linux" and threading.active_count() == 1
    workers = os.cpu_count() or 1
    portions = [items[start :: workers * PARTS] for start in range(workers * PARTS)]
    context = multiprocessing.get_context("fork" if is_safe else "spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context, initializer=gc.disable) as pool:  # no circles are read
            return [one for found in pool.map(work, portions) for one in found]
    except BrokenProcessPool as exc:
        words = "A process that read records was killed, perhaps since the machine had no memory left."
        raise UnavailableError(f"{words} Nothing was changed. Run again, or name the tickets to read.") from exc

"""Several processes that read records at once, one for each processor. Starts no more than that, and reads nothing."""

from __future__ import annotations

import gc
import multiprocessing
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from runbook_lib.domain.errors import UnavailableError

Part = TypeVar("Part")
Found = TypeVar("Found")


def in_processes(work: Callable[[Part], Found], parts: Sequence[Part], workers: int) -> list[Found]:
    """What `work` makes of each part, in their order.

    Processes are forked, which is faster, where that is safe: on Linux, as long as there is one thread.

    Raises:
        UnavailableError: A process was killed.
    """
    is_safe = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if is_safe else "spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context, initializer=gc.disable) as pool:  # no circles are read
            return list(pool.map(work, parts))
    except BrokenProcessPool as exc:
        words = "A process that read records was killed, perhaps since the machine had no memory left."
        raise UnavailableError(f"{words} Nothing was changed. Run again, or name the tickets to read.") from exc

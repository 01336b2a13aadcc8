"""Whether a Dask cluster makes progress with a batch: each worker's heartbeat says how many of its tickets it runs.

Dask waits without end for a scheduler or a worker that no longer answers. What is asked here gets an answer in time, or
none. Knows no ticket and imports no dask.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from typing import Any

from runbook_lib.ledger.share import within

ANSWER_S = 20.0
"""How long a scheduler and its workers may take to answer."""
STALLED_S = 60.0
"""How long no worker may run a ticket while tickets wait for their end."""
SILENT_S = 10.0
"""How long no heartbeat has come from a worker that is not well; usually there are two each second."""
PAUSED = "The workers run nothing of this list: they are paused, or busy with other work. Free or restart them."
LOOK_S = 2.0
"""Seconds between two questions to the scheduler."""


class Pulse:
    """Whether anything of a batch goes on in a cluster; several threads may ask.

    Each worker's heartbeat says by `metric` how many tickets of the batch it runs.
    """

    def __init__(self, client: Any, metric: str) -> None:
        self._client, self._metric = client, metric
        self._lock = threading.Lock()
        self._beats: dict[str, tuple[float, float]] = {}  # each worker's last one, by its clock and by ours
        self._patience_s = STALLED_S
        self._worked_at = self._looked_at = time.monotonic()
        self._lost = ""

    @property
    def is_given_up(self) -> bool:
        return bool(self._lost)

    def note_work(self) -> None:
        self._worked_at = time.monotonic()

    def shorten_patience(self) -> None:
        """Give up sooner: what runs has been cancelled, and ends within seconds where it can be reached."""
        self._patience_s = ANSWER_S
        self.note_work()

    def give_up(self, problem: str) -> str:
        """Give up, for this reason if it is the first; returns the first."""
        self._lost = self._lost or problem
        return self._lost

    def problem(self) -> str:
        """Why nothing goes on, in a sentence, once that has lasted too long; else ""."""
        with self._lock:
            if not self._lost and time.monotonic() - self._looked_at >= LOOK_S:
                problem = self.look() or PAUSED
                self._looked_at = time.monotonic()
                if self._looked_at - self._worked_at > self._patience_s:
                    self.give_up(problem)
            return self._lost

    def look(self) -> str:
        """Ask the scheduler for the last heartbeats; returns what is wrong with it or a worker, or ""."""
        try:
            known = within(ANSWER_S, lambda: self._client.sync(self._client.scheduler.identity, n_workers=-1))
        except (Exception, CancelledError):  # whatever is raised where a connection is lost
            return "The scheduler does not answer. Restart it."
        workers, now = known["workers"], time.monotonic()
        for address, worker in workers.items():
            if self._beats.get(address, (None, now))[0] != worker["last_seen"]:
                self._beats[address] = worker["last_seen"], now
                if worker["metrics"].get(self._metric):
                    self._worked_at = now
        silent = ", ".join(address for address in workers if now - self._beats[address][1] > SILENT_S)
        if not workers:
            return "The scheduler has no workers. Start some with `dask worker ADDRESS`."
        return f"No heartbeat comes from the worker {silent}. Restart or stop it." if silent else ""

"""What the heartbeats of a cluster's workers say, by a scheduler that answers as each test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib.ledger.share import within
from runbook_lib.run import pulse
from runbook_lib.run.pulse import Pulse


@dataclass
class Client:
    """Dask's client, connected to a scheduler with these workers."""

    workers: dict[str, Any] = field(default_factory=dict)
    wait: Callable[[], object] = bool

    @property
    def scheduler(self) -> Client:
        return self

    def sync(self, call: Callable[..., Any], **given: Any) -> Any:
        return call(**given)

    def identity(self, n_workers: int) -> dict[str, Any]:
        assert -1 == n_workers, "of all workers, not only the first"
        self.wait()
        return {"workers": self.workers}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANSWER_S", "STALLED_S", "SILENT_S", "LOOK_S"):
        monkeypatch.setattr(pulse, name, 0.0)


def worker(last_seen: float, running: int = 0) -> dict[str, Any]:
    return {"tcp://10.0.0.7:1": {"last_seen": last_seen, "metrics": {"batch": running}}}


def test_a_worker_that_runs_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on as long as heartbeats come that say so, and a little longer."""
    now = [0.0]
    monkeypatch.setattr(pulse, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(pulse, "STALLED_S", 60.0)
    client = Client()
    watch = Pulse(client, "batch")
    for now[0], running in ((50, 1), (100, 1), (150, 0)):
        client.workers = worker(now[0], running)
        assert "" == watch.problem()
    now[0] = 161
    assert "No heartbeat comes" in watch.problem()


@pytest.mark.parametrize(
    ("workers", "words"),
    [({}, "The scheduler has no workers."), (worker(1), "they are paused, or busy with other work")],
    ids=["no workers", "paused"],
)
def test_nothing_runs(workers: dict[str, Any], words: str) -> None:
    """It gets the request, and stays lost."""
    client = Client(workers)
    watch = Pulse(client, "batch")
    assert words in watch.problem()
    client.workers = worker(2, running=1)
    assert words in watch.problem()
    assert watch.is_given_up


def test_a_worker_that_hangs() -> None:
    """What its last heartbeat said counts no more."""
    watch = Pulse(Client(worker(1, running=1)), "batch")
    assert "" == watch.look()
    assert "No heartbeat comes from the worker tcp://10.0.0.7:1." in watch.problem()


def test_a_scheduler_that_hangs() -> None:
    release = threading.Event()
    watch = Pulse(Client(wait=release.wait), "batch")
    assert "The scheduler does not answer. Restart it." == watch.problem()
    release.set()


@pytest.mark.parametrize("error", [ConnectionError, CancelledError, KeyError])
def test_a_scheduler_that_is_gone(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    assert "The scheduler does not answer. Restart it." == Pulse(Client(wait=fail), "batch").problem()


def test_the_first_reason_is_kept() -> None:
    watch = Pulse(Client(), "batch")
    assert ["one", "one", "one"] == [watch.give_up("one"), watch.give_up("two"), watch.problem()]


def test_what_is_raised_is_raised_here() -> None:
    """By Dask also what is no `Exception`."""
    with pytest.raises(KeyboardInterrupt):
        within(5, lambda: (_ for _ in ()).throw(KeyboardInterrupt))

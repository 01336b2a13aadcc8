"""A batch on a real Dask scheduler with worker processes: as if run here, whatever becomes of a worker."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from distributed.client import ClosedClientError
from distributed.comm.core import CommClosedError

from runbook_lib.run import cluster as cluster_place
from runbook_lib.run.batch_list import BatchRow
from runbook_lib.run.pulse import Pulse
from runbook_lib.settings import ROOT, Settings
from tests.practice import Ran, World
from tests.run import held

pytestmark = [pytest.mark.apart, pytest.mark.slow]
PYTHON = str(Path(sys.prefix) / "bin" / "python")
IMPATIENT = "tests.impatient"
START_S = 60
CUSTOMIZATION = """
import os, sys
sys.executable = sys_executable
with open(f"{__file__}.{os.getpid()}", "w") as file:
    file.write(os.readlink("/proc/self"))
"""
"""What Python runs at the start of a scheduler, a worker and a run. A warm one has another process id than it knows."""


@contextmanager
def running(folder: Path, environment: dict[str, str], ready: str, *command: str) -> Iterator[tuple[int, str]]:
    """A process of Dask's, once it has written what `ready` matches: its process and the first group."""
    log = folder / f"{len(list(folder.glob('*.log')))}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder)
    try:
        deadline = time.monotonic() + START_S
        while not (found := re.search(ready, log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process.pid, found[1]
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


class Cluster:
    """A scheduler and its workers, each with outputs of its own, as on a machine of its own."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._stack = stack
        self.world = world
        self.folder = world.outputs.parent / "cluster"
        self.folder.mkdir()
        (self.folder / "sitecustomize.py").write_text(f"sys_executable = {sys.executable!r}{CUSTOMIZATION}")
        self._customized = os.pathsep.join([str(self.folder), str(ROOT)])
        words = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.scheduler, self.address = self._start(
            {**world.environment, "PYTHONPATH": self._customized},
            r"Scheduler at: +(tcp://\S+)",
            sys.executable,
            "-m",
            "dask",
            *words,
        )
        self.workers: list[tuple[int, World]] = []

    def _start(self, environment: dict[str, str], ready: str, *command: str) -> tuple[int, str]:
        return self._stack.enter_context(running(self.folder, environment, ready, *command))

    def add_worker(self, python: str | None = None, **environment: str) -> None:
        """Let one more worker join, warm; without a nanny, so that it is gone when it is killed."""
        own = self.world.seen_from(self.folder / f"worker-{len(self.workers)}")
        environment = {"PYTHONPATH": self._customized, **environment}
        words = f"-m dask worker {self.address} --host 127.0.0.1 --no-dashboard --no-nanny --nthreads 1".split()
        pid, _ = self._start({**own.environment, **environment}, r"(Registered to)", python or sys.executable, *words)
        self.workers.append((pid, own))

    @contextmanager
    def stopped(self, pid: int) -> Iterator[None]:
        """Meanwhile the scheduler or a worker hangs."""
        os.kill(self.real(pid), signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.real(pid), signal.SIGCONT)

    def real(self, pid: int) -> int:
        """The system's process id of the scheduler or a worker, which a warm one does not have."""
        return int((self.folder / f"sitecustomize.py.{pid}").read_text())

    def batch(self, *words: object, address: str = "") -> Ran:
        """Run a batch on it."""
        return self.world.runbook("batch", *words, "--scheduler", address or self.address, module=IMPATIENT)


@pytest.fixture
def cluster(own_world: World) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(own_world, stack)


def tickets_of(ran: Ran) -> list[tuple[Any, ...]]:
    """What a batch says of each ticket, wherever it ran."""
    names = ("ticket", "runbook", "end", "exit_status", "missing", "summary")
    return [tuple(ticket[name] for name in names) for ticket in ran.report["tickets"]]


def test_the_same_as_here(cluster: Cluster) -> None:
    """The same results; the records are here, private and verified, though other machines made them."""
    tickets = ("1001,weekend_license", "1003,auto", "4711,weekend_license")
    path = cluster.folder / "list.csv"
    path.write_text("\n".join(tickets))
    cluster.add_worker()
    cluster.add_worker()
    ran = cluster.batch(path, "--json")
    assert tickets_of(cluster.world.runbook("batch", path, "--json")) == tickets_of(ran)
    records = [Path(ticket["record"]) for ticket in ran.report["tickets"] if ticket["record"]]
    assert len(tickets) - 1 == len(records), "4711 does not exist"
    assert {0o400} == {record.stat().st_mode & 0o777 for record in records}
    assert {True} == {record.is_relative_to(cluster.world.outputs) for record in records}
    assert 0 == cluster.world.runbook("records", "verify").status


def worker_of(cluster: Cluster, ticket: int) -> int:
    """The worker that runs a ticket."""
    (found,) = (pid for pid, own in cluster.workers if (own.outputs / "sandbox" / str(ticket)).exists())
    return found


def started(cluster: Cluster, *words: object) -> subprocess.Popen[str]:
    """A batch in a process of its own."""
    command = [sys.executable, "-m", IMPATIENT, "batch", *map(str, words), "--scheduler", cluster.address]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=cluster.world.environment, stdout=pipe, stderr=pipe, text=True)


def kill_worker(cluster: Cluster, process: subprocess.Popen[str]) -> Iterator[None]:
    """Another one takes its ticket."""
    cluster.add_worker()
    os.kill(worker_of(cluster, 1001), signal.SIGKILL)
    held.release(cluster.world)
    yield


def press_ctrl_c_twice(cluster: Cluster, process: subprocess.Popen[str]) -> Iterator[None]:
    """What runs on a worker is cancelled there, and its record comes back."""
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert "1 run goes on to its end" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    yield


def stop_worker(cluster: Cluster, process: subprocess.Popen[str]) -> Iterator[None]:
    """It is not waited for; and its run goes on at the same time as that of the next batch."""
    worker = worker_of(cluster, 1001)
    folder = next(own.outputs for pid, own in cluster.workers if pid == worker) / "sandbox" / "1001"
    with cluster.stopped(worker):
        yield
    deadline = time.monotonic() + START_S
    while not any("run_ended" in path.read_text() for path in folder.glob("journal.*.jsonl")):
        assert time.monotonic() < deadline, "the worker's run does not end"
        time.sleep(0.05)


def kill_scheduler(cluster: Cluster, process: subprocess.Popen[str]) -> Iterator[None]:
    os.kill(cluster.scheduler, signal.SIGKILL)
    yield


INTERRUPTIONS = {
    "worker killed": (kill_worker, 0, ["license_issued", "waiting_for_customer"], ""),
    "Ctrl-C twice": (press_ctrl_c_twice, 130, ["cancelled", "not run"], ""),
    "worker hangs": (stop_worker, 130, ["interrupted", "not run"], "No heartbeat comes from the worker tcp://"),
    "scheduler killed": (kill_scheduler, 130, ["interrupted", "not run"], "The scheduler is gone. Restart it. Then"),
}
RARE = ("scheduler killed",)
"""What is said of it is tested below, and what goes on elsewhere meanwhile by a worker that hangs."""


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=pytest.mark.rare) if what in RARE else what for what in INTERRUPTIONS]
)
def test_nothing_is_done_twice(cluster: Cluster, what: str) -> None:
    """Whatever comes in the middle: the same command, here without the cluster, does what is missing."""
    interrupt, status, ends, words = INTERRUPTIONS[what]
    cluster.add_worker()
    held.hold(cluster.world)
    listed = cluster.folder / "list.csv"
    listed.write_text(held.LIST)
    with started(cluster, listed, "--perform", "--json") as process:
        try:
            assert process.stderr
            assert "Performing 2 of 2" in process.stderr.readline()
            held.wait_until_held(cluster.world)
            with contextmanager(interrupt)(cluster, process):
                out, err = process.communicate(timeout=60)
                held.release(cluster.world)
                again = cluster.world.runbook("batch", listed, "--perform")
        finally:
            process.kill()
    tickets = Ran(process.returncode, out, err).report["tickets"]
    assert (status, ends) == (process.returncode, [ticket["end"] for ticket in tickets]), err
    assert words in tickets[0]["summary"]
    assert ("not run" in ends) == ("  1002  " not in err), "what is not begun has no line"
    assert (0, held.ONCE) == (again.status, held.left(cluster.world)), again.stdout


@dataclass
class Client:
    """Dask's client of a scheduler whose tasks are run, or refused, here."""

    submit: Callable[..., Future[Any]]

    def get_executor(self, *, pure: bool) -> Client:
        assert not pure, "each ticket is run, whatever ran before"
        return self

    def nthreads(self) -> dict[str, int]:
        return {"tcp://10.0.0.7:1": 3, "tcp://10.0.0.8:1": 1}


def ran(*submitted: Callable[..., Future[Any]]) -> list[tuple[int, str]]:
    """What comes of tickets, one after the other, whose tasks are submitted so."""
    client = Client(lambda *_: next(results)())
    results = iter(submitted)
    place = cluster_place.Cluster(client, "runbook-1", Pulse(client, "runbook-1"), Settings.local())
    assert 4 == place.room
    return [place.run(BatchRow(number, "1001"))[::2] for number, _ in enumerate(submitted)]


def raised(error: BaseException) -> Callable[[], Future[Any]]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return lambda: future


def closed() -> Future[Any]:
    raise ClosedClientError


def test_a_late_worker_that_differs_from_the_others() -> None:
    """What it raises is its ticket's; the others go on."""
    words = "It failed on its worker ({}). See what the worker prints."
    assert [(1, words.format("ModuleNotFoundError")), (1, words.format("KeyError"))] == ran(
        raised(ModuleNotFoundError("runbook_lib")), raised(KeyError("runbook-1"))
    )


@pytest.mark.parametrize(
    "gone", [closed, raised(CancelledError()), raised(CommClosedError())], ids=["closed", "cancelled", "in between"]
)
def test_nothing_is_begun_when_the_scheduler_is_gone(gone: Callable[[], Future[Any]]) -> None:
    assert [(-signal.SIGINT, f"The scheduler is gone. Restart it. {cluster_place.AGAIN}")] == ran(gone)
    with pytest.raises(CancelledError):
        ran(gone, gone)


class Recorder:
    """Passes on what goes to a scheduler and back, and keeps it."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("tcp://").partition(":")
        self._to = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.passed = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                called = socket.create_connection(self._to)
                for source, target in ((caller, called), (called, caller)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with source, suppress(OSError):
            while part := source.recv(1 << 16):
                self.passed += part
                target.sendall(part)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Take no more."""
        self._listener.close()


def test_no_secret_travels(cluster: Cluster) -> None:
    """What passes the scheduler holds the ticket and its record, and nothing that opens a door."""
    cluster.add_worker()
    recorder = Recorder(cluster.address)
    path = cluster.folder / "list.csv"
    path.write_text("ticket,expires_on\n1001,2026-11-05\n")
    ran = cluster.batch(path, "--perform", "--json", address=recorder.address)
    recorder.close()
    assert [0] == [row[3] for row in tickets_of(ran)]
    assert b"2026-11-05" in recorder.passed
    assert b"license_issued" in recorder.passed
    secrets = {name: value for name, value in cluster.world.descriptor["settings"].items() if "token" in name}
    keys = {str(key): key.read_text().split("\n")[1] for key in cluster.folder.rglob("*.key")}
    assert len(secrets) >= 3
    assert keys
    assert [] == [name for name, value in {**secrets, **keys}.items() if str(value).encode() in recorder.passed]


def test_a_cluster_that_is_not_ready(cluster: Cluster, tmp_path: Path) -> None:
    """Each is reported in one line before anything runs."""

    def refused(*, address: str = "") -> str:
        ran = cluster.batch(1003, address=address)
        assert (True, "") == (ran.status in (1, 2), ran.stdout.partition("\n")[2]), ran.stdout
        assert 1 == len(ran.stderr.strip().splitlines()), ran.stderr
        return ran.stderr

    assert "no address" in refused(address="nowhere")
    assert "no address" in refused(address="tcp://host:port")
    assert "hunter2" not in refused(address="tls://me:hunter2@127.0.0.1:9")
    assert "No Dask scheduler answers" in refused(address="tcp://127.0.0.1:9")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "No Dask scheduler answers" in refused(address=f"tcp://127.0.0.1:{port}")
        assert "needs certificates" in refused(address=f"tls://127.0.0.1:{port}")
    assert "has no workers" in refused()
    cluster.add_worker()
    with cluster.stopped(cluster.workers[0][0]):
        assert "No heartbeat comes from the worker tcp://" in refused()
    (tmp_path / "empty").mkdir()
    cluster.add_worker(RUNBOOK_NOTEBOOKS=str(tmp_path / "empty"))
    assert "notebooks is" in refused()
    assert [] == list((cluster.world.outputs / "sandbox").glob("1*"))


def test_a_worker_of_another_version(cluster: Cluster, tmp_path: Path) -> None:
    """Dask's own table of versions is not shown beside the sentence."""
    cluster.add_worker(
        PYTHONPATH=changed(
            tmp_path,
            "import distributed.versions as versions\n"
            "real = versions.get_package_info\n"
            "versions.get_package_info = lambda names: {**real(names), 'distributed': '1999.1.0'}\n",
        )
    )
    ran = cluster.batch(1003)
    assert (1, True, 1) == (ran.status, "runs distributed 1999.1.0" in ran.stderr, ran.stderr.count("\n")), ran.stderr


def test_a_worker_that_cannot_prepare(cluster: Cluster, tmp_path: Path) -> None:
    """Whatever it raises is one line."""
    cluster.add_worker(
        PYTHONPATH=changed(
            tmp_path,
            "from runbook_lib.run import warm\ndef started(*_):\n    raise PermissionError\nwarm.started = started\n",
        )
    )
    ran = cluster.batch(1003)
    assert (1, True, 1) == (ran.status, "not ready (PermissionError)" in ran.stderr, ran.stderr.count("\n")), ran.stderr


def changed(folder: Path, code: str) -> str:
    """The PYTHONPATH of a worker whose Python runs this at its start."""
    (folder / "sitecustomize.py").write_text(code)
    return os.pathsep.join([str(folder), str(ROOT)])

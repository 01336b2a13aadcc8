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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.settings import ROOT
from tests.practice import Ran, World

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
        real = int((self.folder / f"sitecustomize.py.{pid}").read_text())
        os.kill(real, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(real, signal.SIGCONT)

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


def begun(cluster: Cluster, ticket: int) -> int:
    """The worker that is in the middle of a ticket, once there is one."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        for pid, own in cluster.workers:
            journals = (own.outputs / "sandbox" / str(ticket)).glob("journal.*.jsonl")
            if any("cell_started" in path.read_text() for path in journals):
                return pid
        time.sleep(0.05)
    raise AssertionError(f"{ticket} does not start")


def started(cluster: Cluster, *words: object) -> subprocess.Popen[str]:
    """A batch in a process of its own."""
    command = [sys.executable, "-m", IMPATIENT, "batch", *map(str, words), "--scheduler", cluster.address]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=cluster.world.environment, stdout=pipe, stderr=pipe, text=True)


def test_a_worker_that_is_killed(cluster: Cluster) -> None:
    """Another one takes its ticket; nothing is lost, and nothing is done twice."""
    cluster.add_worker()
    cluster.add_worker()
    cluster.world.inject("zendesk", "delay", seconds=1, times=6)
    with started(cluster, 1001, 1005, 1003, "--perform", "--json") as process:
        os.kill(begun(cluster, 1001), signal.SIGKILL)
        out, err = process.communicate(timeout=120)
    ran = Ran(process.returncode, out, err)
    assert [0, 0, 0] == [ticket["exit_status"] for ticket in ran.report["tickets"]]
    counted = [(len(cluster.world.posts(n)), len(cluster.world.issues(n))) for n in (1001, 1005)]
    assert [(1, 1), (1, 1)] == counted


def test_ctrl_c_twice(cluster: Cluster) -> None:
    """What runs on a worker is cancelled there, and its record comes back."""
    cluster.add_worker()
    cluster.world.inject("zendesk", "delay", seconds=20, times=None)
    with started(cluster, 1001, 1003, "--json") as process:
        begun(cluster, 1001)
        process.send_signal(signal.SIGINT)
        assert process.stderr
        assert "1 run goes on to its end" in process.stderr.readline() + process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    ran = Ran(process.returncode, out, err)
    assert (130, ["cancelled", "not run"]) == (ran.status, [ticket["end"] for ticket in ran.report["tickets"]])
    assert "cancelled" in Path(ran.report["tickets"][0]["record"]).read_text()


def test_warm_process_of_a_worker_dies(cluster: Cluster) -> None:
    """What it ran is cancelled, with its record; the rest is run by the real Python."""
    cluster.add_worker(
        PYTHON, PYTHONPATH=str(ROOT)
    )  # which starts its warm process itself, as the children's names say
    cluster.world.inject("zendesk", "delay", seconds=2, times=5)
    with started(cluster, 1001, 1003, "--json") as process:
        worker = begun(cluster, 1001)
        children = Path(f"/proc/{worker}/task").glob("*/children")
        below = [int(pid) for path in children for pid in path.read_text().split()]
        (server,) = (pid for pid in below if b"runbook_lib.run.warm" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(server, signal.SIGKILL)
        out, err = process.communicate(timeout=120)
    ran = Ran(process.returncode, out, err)
    assert ["cancelled", "out_of_scope"] == [ticket["end"] for ticket in ran.report["tickets"]]


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
    (tmp_path / "empty").mkdir()
    cluster.add_worker(RUNBOOK_NOTEBOOKS=str(tmp_path / "empty"))
    assert "notebooks is" in refused()
    assert [] == list((cluster.world.outputs / "sandbox").glob("1*"))


def test_a_worker_of_another_version(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import distributed.versions as versions\n"
        "real = versions.get_package_info\n"
        "versions.get_package_info = lambda names: {**real(names), 'distributed': '1999.1.0'}\n"
    )
    cluster.add_worker(PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    ran = cluster.batch(1003)
    assert (1, True) == (ran.status, "runs distributed 1999.1.0" in ran.stderr), ran.stderr

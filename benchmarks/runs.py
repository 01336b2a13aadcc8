"""What a run costs beside plain papermill, and what its parts cost."""

from __future__ import annotations

import os
import resource
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import nbformat

from benchmarks.rows import Row, alternate, run, seconds, within
from runbook_lib.run.batch import usual_workers
from runbook_lib.run.warm import COLD
from runbook_lib.sandbox import server
from runbook_lib.sandbox.seeding import make_world
from runbook_lib.settings import ROOT

NOTEBOOK = ROOT / "notebooks" / "weekend_license.ipynb"
RUNBOOK = [sys.executable, "-m", "runbook_lib.cli"]
PAPERMILL = [sys.executable, "-m", "papermill"]
NOTHING = [sys.executable, "-c", "pass"]
MANY = [
    *map(str, (*range(1002, 1012), 1021, 1022, 1023, 1042, 1904, 1907)),
    *map(str, (*range(2001, 2008), 2901, 2902, *range(3002, 3007))),
]
"""Practice tickets whose rehearsal comes to an end."""
COPIED, COPIES = 1002, range(5001, 5035)
"""A ticket without files, and the numbers of its copies, which make a list of 64."""
COPY = """
INSERT INTO tickets SELECT {copy}, subject, status, requester_id, assignee_id, organization_id, tags, created_at,
    updated_at FROM tickets WHERE id = {ticket};
INSERT INTO audits (ticket_id, author_id, channel, client, custom, changes, created_at)
    SELECT {copy}, author_id, channel, client, custom, changes, created_at FROM audits WHERE ticket_id = {ticket};
INSERT INTO comments (ticket_id, audit_id, author_id, body, public, created_at)
    SELECT {copy}, (SELECT MIN(id) FROM audits WHERE ticket_id = {copy}), author_id, body, public, created_at
    FROM comments WHERE ticket_id = {ticket};
"""
LOOP = """
import sys, papermill
for ticket in sys.argv[3:]:
    papermill.execute_notebook(sys.argv[1], sys.argv[2], {"ticket_id": int(ticket)}, progress_bar=False)
"""
PEAK = "print('peak', next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
"""Linux only. `ru_maxrss` would not do: a new process begins with the peak of the one that started it."""
DEMO_STATED_S = 30
"""Source: README, "about half a minute"."""


def against_papermill(folder: Path) -> Iterator[Row]:
    """`runbook run`, with its checks, journal and record, beside the papermill command on the same notebook."""
    ours = [*RUNBOOK, "run", "weekend_license", "1001"]
    theirs = [*PAPERMILL, str(NOTEBOOK), str(folder / "out.ipynb"), "-p", "ticket_id", "1001"]
    with practice(folder) as variables:
        used: list[float] = []
        pairs = alternate(
            lambda: used.append(_processor_s(lambda: run(ours, variables))),
            lambda: used.append(_processor_s(lambda: run(theirs, variables))),
        )
        cold = alternate(lambda: run(ours, {**variables, COLD: "1"}), lambda: run(theirs, variables), pairs=3)
    beside = f"papermill {pairs.theirs_s:.2f} s"
    yield Row("runbook run, rehearsed", f"{pairs.ours_s:.2f} s", beside, pairs.ratio, goal=0.45)
    own, other = statistics.median(used[2::2]), statistics.median(used[3::2])
    yield Row("  seconds of processor", f"{own:.2f} s", f"papermill {other:.2f} s", own / other)
    yield Row(
        "  where processes are not forked", f"{cold.ours_s:.2f} s", f"papermill {cold.theirs_s:.2f} s", cold.ratio
    )


def batch(folder: Path) -> Iterator[Row]:
    """`runbook batch` beside a loop over `papermill.execute_notebook`, on the same 64 tickets, rehearsed."""
    tickets = [*MANY, *map(str, COPIES)]
    theirs = [sys.executable, "-c", LOOP, str(NOTEBOOK), str(folder / "loop.ipynb"), *tickets]
    listed = folder / "list.csv"
    listed.write_text("".join(f"{ticket},weekend_license\n" for ticket in tickets))
    ours = [*RUNBOOK, "batch", str(listed)]
    with practice(folder) as variables:
        _copy_tickets(folder / "outputs" / "sandbox" / ".world" / "world.sqlite")
        peaks: list[float] = []
        pairs = alternate(
            lambda: peaks.append(_peak_of_batch_mb(ours, variables)), lambda: run(theirs, variables), pairs=1
        )
    beside = f"papermill in a loop {pairs.theirs_s:.1f} s"
    yield Row(f"runbook batch, {len(tickets)} tickets", f"{pairs.ours_s:.1f} s", beside, pairs.ratio, goal=0.2)
    workers = usual_workers()
    yield Row("  memory of all its processes", f"{peaks[-1]:.0f} MB", f"{workers} workers", peaks[-1] / workers)


def _copy_tickets(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        for copy in COPIES:
            connection.executescript(COPY.format(ticket=COPIED, copy=copy))


def _peak_of_batch_mb(command: Sequence[str], variables: Mapping[str, str]) -> float:
    """Run a command; the most memory of its processes together, what they share counted once. Linux only."""
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, env=variables, stdin=nothing, stdout=nothing, stderr=nothing)  # noqa: S603
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, sum(map(_own_mb, _descendants(process.pid))))
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=b"")
    return peak


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _descendants(int(child))


def _own_mb(pid: int) -> float:
    """A process's memory; of what it shares its part. Source: Linux, proc(5), `Pss`."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1000
    return 0.0


def cluster(folder: Path) -> Iterator[Row]:
    """`runbook batch` on two workers of a Dask cluster on this machine, beside the same here."""
    listed = folder / "list.csv"
    listed.write_text("".join(f"{ticket},weekend_license\n" for ticket in MANY))
    here = [*RUNBOOK, "batch", str(listed), "--workers", "2"]
    with practice(folder) as variables, _workers(folder, variables) as address:
        there = [*RUNBOOK, "batch", str(listed), "--scheduler", address]
        pairs = alternate(lambda: run(there, variables), lambda: run(here, variables), pairs=1)
    beside = f"runbook batch here {pairs.theirs_s:.1f} s"
    yield Row(f"the same on a cluster, {len(MANY)} tickets", f"{pairs.ours_s:.1f} s", beside, pairs.ratio, goal=2.0)


@contextmanager
def _workers(folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """A Dask scheduler with two workers; yields its address."""
    file = folder / "scheduler.json"
    place = ["--scheduler-file", str(file), "--no-dashboard"]
    with ExitStack() as stack:
        for words in (("scheduler", "--host", "127.0.0.1", "--port", "0"), *[("worker", "--nthreads", "1")] * 2):
            stack.enter_context(_running([sys.executable, "-m", "dask", *words, *place], variables, folder))
        import distributed

        with distributed.Client(scheduler_file=str(file), timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            yield client.scheduler.address


@contextmanager
def _running(command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Iterator[None]:
    """A process that is ended at the end."""
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, env=variables, cwd=folder, stdout=nothing, stderr=nothing)  # noqa: S603
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _processor_s(call: Callable[[], object]) -> float:
    """The seconds of processor that the processes of a call took: on a busy machine steadier than its time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def help_text(_folder: Path) -> Iterator[Row]:
    """The shortest command beside the shortest Python program."""
    pairs = alternate(lambda: run([*RUNBOOK, "--help"]), lambda: run(NOTHING))
    yield Row(
        "runbook --help",
        f"{pairs.ours_s * 1000:.0f} ms",
        f"python -c pass {pairs.theirs_s * 1000:.0f} ms",
        pairs.ratio,
        goal=5,
    )


def kernel_memory(folder: Path) -> Iterator[Row]:
    """The peak memory of the kernel that ran the notebook, beside one that ran nothing."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cell = nbformat.v4.new_code_cell(PEAK)
    with practice(folder) as variables:
        notebook.cells.append(cell)
        ours = _peak_mb(notebook, folder / "full.ipynb", variables)
        notebook.cells = [cell]
        empty = _peak_mb(notebook, folder / "empty.ipynb", variables)
    yield Row("kernel's peak memory", f"{ours:.0f} MB", f"empty kernel {empty:.0f} MB", ours / empty)


def sandbox_start(folder: Path) -> Iterator[Row]:
    """Until the sandbox answers, beside a Python that does nothing."""
    make_world(folder / "world", datetime.now(UTC).date())
    pairs = alternate(lambda: _started(folder / "world"), lambda: run(NOTHING))
    beside = f"python -c pass {pairs.theirs_s * 1000:.0f} ms"
    yield Row("start of the sandbox, until it answers", f"{pairs.ours_s:.2f} s", beside, pairs.ratio)


def demo(folder: Path) -> Iterator[Row]:
    """All practice tickets, without the installation."""
    variables = _environment(folder)
    yield within("make demo, installed", seconds(lambda: run([*RUNBOOK, "demo"], variables)), DEMO_STATED_S)


@contextmanager
def practice(folder: Path) -> Iterator[dict[str, str]]:
    """A practice world that is served; yields the environment of commands that use it."""
    world = folder / "outputs" / "sandbox" / ".world"
    make_world(world, datetime.now(UTC).date())
    with server.shared(world):
        yield _environment(folder / "outputs")


def executed(folder: Path) -> bytes:
    """The weekend notebook, run by papermill on ticket 1001."""
    path = folder / "executed.ipynb"
    with practice(folder) as variables:
        run([*PAPERMILL, str(NOTEBOOK), str(path), "-p", "ticket_id", "1001"], variables)
    return path.read_bytes()


def _environment(outputs: Path) -> dict[str, str]:
    """No setting of the reader's own."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("RUNBOOK_")}
    return {**kept, "RUNBOOK_PROFILE": "sandbox", "RUNBOOK_OUTPUTS": str(outputs)}


def _peak_mb(notebook: nbformat.NotebookNode, path: Path, variables: dict[str, str]) -> float:
    nbformat.write(notebook, path)
    run([*PAPERMILL, str(path), str(path), "-p", "ticket_id", "1001"], variables)
    last = nbformat.read(path, as_version=4).cells[-1].outputs[0]["text"]
    return int(last.split()[1]) / 1000


def _started(world: Path) -> None:
    with server.shared(world):
        return

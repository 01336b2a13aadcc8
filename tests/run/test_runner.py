"""One run, with small notebooks and real kernels: once it has begun, a record and the journal's last line follow."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.display import STEP_MIME
from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.domain.models import Status
from runbook_lib.ledger.journal import Journal
from runbook_lib.run import banner, engine, intake, papermill_engine, runner
from runbook_lib.settings import ROOT, Settings
from tests.small_disk import room_for

PARAMETERS = 'ticket_id: int = 1\nperform: bool = False\nscreenshots: str = "unknown"'
GIF = b"GIF89a\x01\x00\x01\x00"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings for a notebook of the test's own."""
    monkeypatch.setenv("RUNBOOK_PROFILE", "sandbox")
    (tmp_path / "notebooks").mkdir()
    return Settings.local(outputs=tmp_path / "outputs", notebooks=tmp_path / "notebooks")


def write(settings: Settings, *cells: str) -> None:
    """Make the runbook `small` of these cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [nbformat.v4.new_code_cell(text) for text in (PARAMETERS, *cells)]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, settings.notebooks / "small.ipynb")


def run(settings: Settings, **given: object) -> runner.Report:
    """Run it in this process."""
    return runner.run("small", 7, given, perform=False, settings=settings)


def last_entry(settings: Settings) -> dict[str, Any]:
    """The journal's last line."""
    return Journal.of(settings, 7).entries()[-1]


def states(record: str | Path) -> str:
    """How each code cell after the banner and the parameters ended: c(ompleted), f(ailed), p(ending)."""
    cells = nbformat.read(record, as_version=4).cells
    return "".join(cell.metadata.papermill.status[0] for cell in [c for c in cells if c.id != banner.CELL][2:])


def assert_recorded(settings: Settings, report: dict[str, Any], status: Status) -> None:
    """Report, record and journal agree."""
    record = Path(report["record"])
    manifest = nbformat.read(record, as_version=4).metadata["runbook"]
    ended = last_entry(settings)
    assert [status] * 3 == [report["status"], manifest["status"], ended["status"]]
    assert report["summary"] == manifest["summary"]
    digest = hashlib.sha256(record.read_bytes()).hexdigest()
    assert ("run_ended", record.name, digest) == (ended["kind"], ended["record"], ended["sha256"])


def journal_files(settings: Settings) -> set[str]:
    """What a run leaves beside its record: its part of the journal, the key that verifies it, the lock."""
    writer = Journal.of(settings, 7).writer
    return {f"journal.{writer}.jsonl", f"journal.{writer}.pub", ".journal.lock"}


def test_a_run_to_the_end(settings: Settings) -> None:
    """Every cell is completed, and nothing but record and journal is left."""
    write(settings, "1 + 1", "ticket_id")
    report = run(settings)
    assert_recorded(settings, vars(report), Status.COMPLETED)
    assert "cc" == states(report.record)
    names = {path.name for path in Path(report.record).parent.iterdir()}
    assert {Path(report.record).name, *journal_files(settings)} == names


def test_an_error_in_a_cell(settings: Settings) -> None:
    """The class and the message are shown; later cells did not run."""
    write(settings, "1", "raise LookupError('nowhere')", "3")
    report = run(settings)
    assert_recorded(settings, vars(report), Status.FAILED)
    assert report.summary.startswith("LookupError: nowhere. This is a bug")
    assert "cfp" == states(report.record)


def test_a_dead_kernel(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    """It is no bug of ours; the record says which cell it died in."""
    write(settings, "1", "import os; os._exit(1)", "3")
    report = run(settings)
    assert_recorded(settings, vars(report), Status.KILLED)
    assert "The kernel died before the end of the notebook. There may be too little memory" in report.summary
    assert "bug" not in report.summary
    assert "cfp" == states(report.record)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (signal.SIGKILL, Status.KILLED, "died at its start."),
        (signal.SIGSTOP, Status.FAILED, "did not answer within 1 s"),
    ],
)
def test_a_kernel_that_does_not_come_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals, status: Status, words: str
) -> None:
    """Nothing has run; what to look at is said, and that it is a bug is not."""

    def disturb(client: Any) -> None:
        with suppress(ProcessLookupError):
            os.kill(client.parent.provisioner.pid, sent)

    write(settings, "1")
    monkeypatch.setattr("runbook_lib.run.kernels.KernelClient.kernel_info", disturb)
    execute = papermill_engine.RunbookEngine.execute_managed_notebook
    monkeypatch.setattr(papermill_engine.RunbookEngine, "execute_managed_notebook", partial(execute, start_timeout=1))
    report = run(settings)
    assert_recorded(settings, vars(report), status)
    assert report.summary.startswith(f"The kernel {words}")
    assert ("There may be too little memory" in report.summary, "bug" in report.summary) == (True, False)
    assert "p" == states(report.record)


def test_a_cell_without_memory(settings: Settings) -> None:
    """It is no bug, and says nothing of the step before."""
    write(settings, "raise MemoryError")
    assert run(settings).summary.startswith("MemoryError. There may be too little memory")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("two\nlines")])
def test_whatever_breaks_the_run_leaves_a_record(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Here the kernel cannot be started: the notebook is recorded as it is, with its parameters and the traceback."""
    write(settings, "1")

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(engine, "execute", broken)
    report = run(settings)
    assert_recorded(settings, vars(report), Status.FAILED)
    words = " ".join(str(error).split())
    assert report.summary.startswith(f"{type(error).__name__}: {words}. This is a bug")
    assert "p" == states(report.record)
    notebook = nbformat.read(report.record, as_version=4)
    assert "ticket_id = 7" in notebook.cells[2].source
    assert type(error).__name__ in notebook.metadata["runbook"]["traceback"]


def test_a_long_folder_for_temporary_files(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's path may have 107 bytes, so that the kernel's are put elsewhere."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    write(settings, "1")
    assert_recorded(settings, vars(run(settings)), Status.COMPLETED)


def test_a_disk_that_takes_no_record(settings: Settings) -> None:
    """The journal still says how the run ended, and that it has no record; no part of one is left."""
    write(settings, "print('x' * 30_000)")
    with room_for(20_000), pytest.raises(UnavailableError) as caught:
        run(settings)
    assert "The run ended (completed)" in str(caught.value)
    assert "File too large" in str(caught.value)
    ended = last_entry(settings)
    assert ("run_ended", None, "completed") == (ended["kind"], ended["record"], ended["status"])
    assert journal_files(settings) == {path.name for path in settings.ticket_folder(7).iterdir()}


# -- signals


def started(settings: Settings) -> subprocess.Popen[str]:
    """The same run in a process of its own, as soon as the journal says that it has begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.small_run", str(settings.outputs), str(settings.notebooks)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: any(path.stat().st_size for path in settings.ticket_folder(7).glob("journal.*.jsonl")))
    return process


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "It did not happen within 30 s"
        time.sleep(0.005)


@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 3), (signal.SIGTERM, 1), (signal.SIGHUP, 1)])
def test_a_signal_in_a_cell_cancels_the_run(
    settings: Settings, tmp_path: Path, number: signal.Signals, times: int
) -> None:
    """The kernel is stopped and the record says which cell it was in, however often the signal comes."""
    mark = tmp_path / "pid"
    waiting = f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(60)"
    write(settings, "1", waiting, "3")
    with started(settings) as process:
        wait_for(lambda: mark.exists() and bool(mark.read_text()))
        for _ in range(times):
            process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (0, "") == (process.returncode, err)
    report = json.loads(out)
    assert_recorded(settings, report, Status.CANCELLED)
    assert "cancelled" in report["summary"]
    assert "bug" not in report["summary"]
    assert "cfp" == states(report["record"])
    wait_for(lambda: not Path(f"/proc/{mark.read_text()}").exists())


def test_a_signal_while_an_output_comes_in_leaves_the_last_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads the outputs goes on, and takes in the traceback that says where the cell was."""
    write(settings, "import time; print('x', flush=True); time.sleep(60)")
    process_message = papermill_engine.Client.process_message

    def interrupted(client: papermill_engine.Client, message: Any, cell: Any, cell_index: int) -> Any:
        if message["msg_type"] == "stream":
            signal.raise_signal(signal.SIGINT)
        return process_message(client, message, cell, cell_index)

    monkeypatch.setattr(papermill_engine.Client, "process_message", interrupted)
    report = run(settings)
    outputs = nbformat.read(report.record, as_version=4).cells[-1].outputs
    assert (Status.CANCELLED, "KeyboardInterrupt") == (report.status, outputs[-2].get("ename"))


@pytest.mark.parametrize(("number", "after_s"), [(signal.SIGINT, 0.3), (signal.SIGTERM, 0), (signal.SIGTERM, 0.6)])
def test_a_signal_before_the_first_cell_cancels_the_run(
    settings: Settings, number: signal.Signals, after_s: float
) -> None:
    """No traceback, neither of the run nor of a kernel that has hardly begun; no cell ran."""
    write(settings, "import time; time.sleep(60)")
    with started(settings) as process:
        time.sleep(after_s)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (0, "") == (process.returncode, err)
    assert_recorded(settings, json.loads(out), Status.CANCELLED)


IN_A_LOOP = """
import asyncio.selector_events, os, signal

runner, made = os.getpid(), asyncio.selector_events.BaseSelectorEventLoop._make_self_pipe

def interrupted(loop):
    if os.getpid() == runner:
        os.kill(runner, signal.SIGTERM)
    made(loop)

asyncio.selector_events.BaseSelectorEventLoop._make_self_pipe = interrupted
"""


def test_a_signal_while_the_event_loop_is_made(settings: Settings, tmp_path: Path) -> None:
    """It would complain on standard error when it is collected."""
    write(settings, "1")
    (tmp_path / "sitecustomize.py").write_text(IN_A_LOOP)
    done = subprocess.run(
        [Path(sys.prefix) / "bin" / "python", "-m", "tests.small_run", settings.outputs, settings.notebooks],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert_recorded(settings, json.loads(done.stdout), Status.CANCELLED)


def test_a_signal_while_the_record_is_written_waits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run has ended; what is left to do is done."""
    write(settings, "1")
    assert Journal.of(settings, 7).writer  # the key is made before a run begins
    real = os.fsync

    def interrupted(descriptor: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        real(descriptor)

    def executed(*_: object, **__: object) -> engine.Execution:
        patched.setattr(os, "fsync", interrupted)
        return engine.Execution(Status.COMPLETED)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patched:
        patched.setattr(engine, "execute", executed)
        report = run(settings)
    assert_recorded(settings, vars(report), Status.COMPLETED)
    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


# -- what is reported before


def test_screenshots_are_looked_at_before_the_run(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel gets absolute paths of files that are images."""
    write(settings)
    monkeypatch.chdir(tmp_path)
    Path("a.gif").write_bytes(GIF)
    notebook = intake.template(settings, "small")
    found = intake.check(notebook, 7, {"screenshots": '["a.gif"]'}, perform=False)
    assert [str(tmp_path / "a.gif")] == found["screenshots"]
    assert "unknown" == intake.check(notebook, 7, {"screenshots": "unknown"}, perform=False)["screenshots"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("nowhere.png", "cannot be read: No such file"), ("folder", "cannot be read"), ("text.png", "is no PNG, JPEG")],
)
def test_a_screenshot_that_cannot_be_used(settings: Settings, tmp_path: Path, name: str, words: str) -> None:
    """It is reported with its path, and nothing begins."""
    write(settings)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(InputError, match=words) as caught:
        run(settings, screenshots=str(tmp_path / name))
    assert str(tmp_path / name) in str(caught.value)
    assert not settings.outputs.exists()


def test_a_part_that_is_damaged_meanwhile_costs_no_record(settings: Settings) -> None:
    """It is only not known which earlier run made what was there."""
    folder = settings.ticket_folder(7)
    effect = {"name": "reply", "state": "already_done", "summary": "reply", "evidence": {"summary": "reply 7"}}
    result = {"step": "close", "state": "s", "summary": "done", "outcome": "license_issued", "effects": [effect]}
    shown = f"from IPython.display import display\ndisplay({{{STEP_MIME!r}: {result!r}}}, raw=True)"
    other = folder / f"journal.{'a' * 16}.jsonl"
    write(settings, shown, f"from pathlib import Path\n_ = Path({str(other)!r}).write_text('nonsense\\n')")
    report = run(settings)
    assert (Status.COMPLETED, [effect]) == (report.status, report.effects)
    assert Path(report.record).exists()

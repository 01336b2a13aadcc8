"""Kernels that start first: forked where that is safe, spawned elsewhere; the same to their notebook either way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.domain.errors import UnavailableError
from runbook_lib.run import forks
from runbook_lib.run.forks import Forked, Spawned
from runbook_lib.run.warm import COLD
from runbook_lib.settings import ROOT
from tests.endings import _write

pytestmark = pytest.mark.slow
PYTHON = Path(sys.prefix) / "bin" / "python"
"""A warm one shares its imports with the tests."""
SEEN = """
import gc, json, os, pathlib, signal, sys
paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
files = [os.readlink(path) for path in paths if os.path.exists(path)]
print(json.dumps({
    "command": pathlib.Path("/proc/self/cmdline").read_text(),
    "files": [file for file in files if file.startswith("/") and not file.startswith(("/dev", "/proc"))],
    "session": os.getsid(0) == os.getpid(),
    "input": sys.__stdin__.read() if sys.__stdin__ else "",
    "main": sorted(name for name in vars(sys.modules["__main__"]) if name in ("main", "runner", "given")),
    "path": sys.path[0],
    "term": str(signal.getsignal(signal.SIGTERM)),
}))
"""


def ran(folder: Path, cell: str, **environment: str) -> dict[str, Any]:
    """The report of a small notebook with this cell."""
    _write(folder / "notebooks" / "small.ipynb", cell)
    command = [PYTHON, "-m", "tests.small_run", str(folder / "outputs"), str(folder / "notebooks")]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=True
    )
    return dict(json.loads(done.stdout))


def seen(folder: Path, **environment: str) -> dict[str, object]:
    """What a cell sees of its process."""
    report = ran(folder, SEEN, **environment)
    assert "completed" == report["status"], report
    cells = nbformat.read(report["record"], as_version=4).cells
    return dict(
        json.loads(next(o.text for cell in cells for o in cell.get("outputs", []) if o.get("name") == "stdout"))
    )


def test_a_kernel_is_the_same_forked_and_spawned(tmp_path: Path) -> None:
    """A session of its own, nothing to read, no file of its runner's; only its command tells them apart."""
    forked, spawned = seen(tmp_path / "forked"), seen(tmp_path / "spawned", **{COLD: "1"})
    assert "tests.small_run" in str(forked.pop("command"))
    assert "ipykernel_launcher" in str(spawned.pop("command"))
    for found in (forked, spawned):
        own = [str(file) for file in found.pop("files")]  # type: ignore[attr-defined]
        assert [] == [file for file in own if "outputs" in file or "journal" in file or ".lock" in file]
    assert spawned == forked


DAMAGED = """
import sys
import tempfile

class Damaged:
    def find_spec(self, name, path=None, target=None):
        if name == "runbook_lib.damaged":
            raise EOFError("marshal data too short")

sys.meta_path.insert(0, Damaged())
"""
"""A module whose compiled form was cut off by a full disk."""


def test_a_module_that_does_not_load_is_named_by_its_cell(tmp_path: Path) -> None:
    """The kernel, which imports it before the cell does, goes on."""
    (tmp_path / "sitecustomize.py").write_text(DAMAGED)
    report = ran(tmp_path, "from runbook_lib.damaged import anything", PYTHONPATH=str(tmp_path))
    assert ("failed", True) == (report["status"], "EOFError: marshal data too short" in report["summary"]), report


def test_a_process_with_threads_does_not_fork(tmp_path: Path) -> None:
    """They would be missing in the kernel, with the locks that they hold."""
    _write(tmp_path / "small.ipynb", "1")
    ends = threading.Event()
    thread = threading.Thread(target=ends.wait)
    thread.start()
    try:
        with closing(forks.KernelPool(1, tmp_path / "small.ipynb")) as ahead:
            kernel = ahead.take()
            kernel.close()
        assert isinstance(kernel, Spawned)
    finally:
        ends.set()
        thread.join()


def test_unused_kernels_are_ended(tmp_path: Path) -> None:
    """With their folders, whether they have been started or not."""
    for kind in (lambda: Forked([]), Spawned):
        waiting, begun = kind(), kind()
        begun.start()
        for kernel in (waiting, begun):
            kernel.close()
            assert kernel.poll() is not None
            assert not kernel.folder.exists()


@pytest.mark.parametrize("broken", ["tempfile.mkdtemp", "jupyter_client.connect.write_connection_file", "os.fork"])
def test_no_kernel_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """It is reported before the run begins, and nothing is left of it."""

    def full(*words: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    _write(tmp_path / "small.ipynb", "1")
    monkeypatch.setattr(tempfile, "tempdir", str(folder := tmp_path / "t"))
    folder.mkdir()
    monkeypatch.setattr(broken, full)
    monkeypatch.setattr(forks, "_is_alone", lambda: True)
    with pytest.raises(UnavailableError, match="No space left"):
        forks.KernelPool(1, tmp_path / "small.ipynb")
    monkeypatch.setattr("subprocess.Popen", full)
    with pytest.raises(UnavailableError, match="No space left"):
        forks.spawned()
    assert [] == list(folder.iterdir())


def test_a_module_that_is_missing_is_the_cells_affair(tmp_path: Path) -> None:
    """The kernel starts all the same."""
    kernel = Forked(["runbook_lib.no_such_module"])
    kernel.start()
    assert kernel.poll() is None
    kernel.close()

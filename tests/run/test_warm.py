"""The warm Python, wherever Python and the files for a moment lie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runbook_lib.run import warm

CALLS = """
import subprocess
from runbook_lib.run import warm
with warm.started(("this",), ("json",)) as python:
    for words in (["-m", "this"], ["-c", "import sys; print(sys.argv[1])", "a b"]):
        print(subprocess.run([python, *words], capture_output=True, text=True).stdout.splitlines()[0])
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a b", "a'b", "x" * 200])
def test_a_folder_that_a_first_line_cannot_name(tmp_path: Path, name: str) -> None:
    """With a blank or a quote in it, or long: the system takes no such interpreter in a script's first line."""
    (tmp_path / name).symlink_to(sys.prefix)
    command = [str(tmp_path / name / "bin" / "python"), "-c", CALLS]
    cold = {**os.environ, "PYTHONDEVMODE": ""}
    ran = subprocess.run(command, capture_output=True, text=True, env=cold, check=True, timeout=60)
    assert ["The Zen of Python, by Tim Peters", "a b"] == ran.stdout.splitlines()


def test_where_temporary_files_cannot_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a /tmp that is mounted `noexec`: then the real Python does it."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with warm.started(("this",), ()) as python:
        assert python is None

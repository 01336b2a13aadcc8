"""`runbook lab`: JupyterLab where notebooks and records are, with the practice world running beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runbook_lib.cli import _root
from runbook_lib.settings import ROOT
from tests.practice import World


def test_it_runs_beside_the_practice_world(tmp_path: Path) -> None:
    """It says where to watch that, and shows the folder that notebooks and records are in."""
    home = tmp_path / "home"
    home.mkdir()
    quiet = {"ServerApp": {"allow_root": True, "open_browser": False, "port": 0}}
    (home / "jupyter_server_config.json").write_text(json.dumps(quiet))
    own = {"JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home)}
    with (home / "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "runbook_lib.cli", "lab"],
            env={**World(tmp_path / "outputs").environment, **own},
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 90
        while not (told := [text for path in home.glob("jpserver-*.json") if (text := path.read_text())]):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)
    assert str(_root(ROOT / "notebooks", tmp_path / "outputs")) == json.loads(told[0])["root_dir"]
    assert "/control-room" in (home / "said").read_text()


@pytest.mark.parametrize(
    ("notebooks", "outputs", "expected"),
    [
        ("/home/ada/runbook/notebooks", "/home/ada/runbook/outputs", "/home/ada/runbook"),
        ("/home/ada/runbook/notebooks", "/home/ada/records", "/home/ada"),
        ("/home/ada/runbook/notebooks", "/srv/records", "/home/ada/runbook"),
    ],
)
def test_what_it_shows(notebooks: str, outputs: str, expected: str) -> None:
    """Never the whole disk, wherever the records are."""
    assert Path(expected) == _root(Path(notebooks), Path(outputs))

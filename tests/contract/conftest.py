"""A sandbox that the vendors' own clients talk to, over real sockets."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.sandbox.server import running
from tests.practice import copy_world

JOB = """
import os, sys
sys.exit(os.environ["LICENSE_USERS"] == "0")
"""

SERVE = """
import sys
from pathlib import Path
from runbook_lib.sandbox.serving import serve
serve(Path(sys.argv[1]), job_command=[sys.executable, "-c", sys.argv[2]])
"""


def wait_for(find: Callable[[], Any]) -> Any:
    """What `find` finds, once it finds something; fails after ten seconds."""
    deadline = time.monotonic() + 60
    while not (found := find()):
        assert time.monotonic() < deadline, "It did not happen within 10 s"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="session")
def vendor_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the world that the vendors' clients use."""
    folder = tmp_path_factory.mktemp("contract") / "world"
    copy_world(folder)
    return folder


@pytest.fixture(scope="session")
def vendor_sandbox(vendor_folder: Path) -> Iterator[dict[str, Any]]:
    """The descriptor of a running sandbox; a short program stands in for Mechanizer."""
    command = [sys.executable, "-c", SERVE, str(vendor_folder), JOB]
    with subprocess.Popen(command) as process:
        try:
            yield wait_for(lambda: running(vendor_folder))
        finally:
            process.terminate()
    assert process.returncode == 0


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Waits until something is there, and fails after ten seconds."""
    return wait_for

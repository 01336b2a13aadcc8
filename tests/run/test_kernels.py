"""The end of a kernel, whatever a cancelled run has left."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

LEAVES_A_SOCKET = """
import zmq
from runbook_lib.run import kernels

with kernels.started("python3") as manager:
    left = zmq.Socket(manager.context, zmq.DEALER)
print("over", flush=True)
left.close()
"""


def test_half_made_socket_does_not_delay_the_end() -> None:
    """A signal may come between the making of a socket and its registration: the context does not know it then."""
    ran = subprocess.run(
        [sys.executable, "-c", LEAVES_A_SOCKET], capture_output=True, text=True, timeout=30, check=False
    )
    assert (0, "over\n", "") == (ran.returncode, ran.stdout, ran.stderr)

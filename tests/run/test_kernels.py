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


MISSES_A_CANCELLATION = """
import asyncio
from jupyter_core.utils import run_sync
from runbook_lib.run import kernels

async def waits():
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(3600)

async def begin():
    asyncio.get_running_loop().left = asyncio.ensure_future(waits())
    await asyncio.sleep(0)

with kernels.started("python3"):
    run_sync(begin)()
print("over", flush=True)
"""


def test_task_that_misses_a_cancellation_is_cancelled_again() -> None:
    """Else the end of its kernel would be waited for without end."""
    ran = subprocess.run(
        [sys.executable, "-c", MISSES_A_CANCELLATION], capture_output=True, text=True, timeout=30, check=False
    )
    assert (0, "over\n", "") == (ran.returncode, ran.stdout, ran.stderr)

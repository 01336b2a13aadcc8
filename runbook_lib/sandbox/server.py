"""A practice world's server, seen from outside: make a world, serve it, find the server, start one beside.

This module stays light to import, since every command looks for a server; `serving` holds what is heavy.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from runbook_lib.errors import InputError, UnavailableError
from runbook_lib.sandbox.seeding import make_world
from runbook_lib.sandbox.world import DESCRIPTOR_NAME, HEALTH_PATH, world_date

__all__ = ["BAD_USAGE", "background", "make_world", "running", "serve", "world_date"]

Descriptor = dict[str, Any]

HEALTH_TIMEOUT_S = 2.0
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0

BAD_USAGE = 2
"""Exit status of `python -m runbook_lib.sandbox` for what the caller can put right."""

_STEP_S = 0.01


def serve(
    folder: Path,
    *,
    port: int = 0,
    until_stdin_closes: bool = False,
    job_command: Sequence[str] | None = None,
) -> None:
    """Serves the world in a folder until SIGINT or SIGTERM. It prints nothing. To be called in the main thread.

    Args:
        folder: The world's folder.
        port: The port on 127.0.0.1; 0 takes a free one.
        until_stdin_closes: Stop as well when standard input ends, as it does when the parent process does.
        job_command: What pipelines run in place of Mechanizer.

    Raises:
        InputError: There is no world; it is served already; or the port is taken.
    """
    # Here, since web and mail server take longer to import than most commands take to run.
    from runbook_lib.sandbox import serving

    serving.serve(folder, port=port, until_stdin_closes=until_stdin_closes, job_command=job_command)


def running(folder: Path) -> Descriptor | None:
    """What describes the server of a world, if there is one and it answers within `HEALTH_TIMEOUT_S`.

    Args:
        folder: The world's folder.

    Returns:
        The contents of `running.json`, or None; a file left by a killed server counts as none.
    """
    try:
        descriptor: Descriptor = json.loads((folder / DESCRIPTOR_NAME).read_text(encoding="utf-8"))
        return descriptor if _answers(descriptor) else None
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None


@contextmanager
def background(folder: Path) -> Iterator[Descriptor]:
    """Serves a world from a process of its own, for as long as the `with` block lasts.

    The process stops by itself if this one dies: its standard input ends then.

    Args:
        folder: The world's folder.

    Yields:
        The contents of `running.json`.

    Raises:
        InputError: As `serve`.
        UnavailableError: The server did not come up within `START_TIMEOUT_S`.
    """
    command = [sys.executable, "-m", "runbook_lib.sandbox", str(folder), "--until-stdin-closes"]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            start_new_session=True,  # Ctrl-C is for the parent, which may still have something to write down
        )
        try:
            yield _started(folder, process, complaints)
        finally:
            _stop(process)


def _answers(descriptor: Descriptor) -> bool:
    """Whether the described server is there, and serves the described world."""
    port = int(str(descriptor["url"]).rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", HEALTH_PATH)
        return bool(json.load(connection.getresponse())["world"] == descriptor["world"])
    finally:
        connection.close()


def _started(folder: Path, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> Descriptor:
    """Waits until a server that is starting answers."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _not_started(folder, process.returncode, complaints)
        if _is_described(folder, process.pid) and (descriptor := running(folder)):
            return descriptor
        time.sleep(_STEP_S)
    raise UnavailableError(f"The sandbox in {folder} did not answer within {START_TIMEOUT_S:.0f} s. Try again.")


def _is_described(folder: Path, pid: int) -> bool:
    """Whether `running.json` is there, and is by that process."""
    try:
        return bool(json.loads((folder / DESCRIPTOR_NAME).read_text(encoding="utf-8"))["pid"] == pid)
    except (OSError, ValueError, KeyError):
        return False


def _not_started(folder: Path, status: int, complaints: IO[bytes]) -> InputError | UnavailableError:
    complaints.seek(0)
    last_line = (complaints.read().decode(errors="replace").strip() or "It said nothing.").splitlines()[-1]
    if status == BAD_USAGE:
        return InputError(last_line)
    return UnavailableError(f"The sandbox in {folder} did not start (exit status {status}): {last_line}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a server by ending its standard input; by force if that takes too long."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

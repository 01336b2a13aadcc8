"""A practice world's server, seen from outside: make a world, serve it, find the server, start one beside.

This module stays light to import, since every command looks for a server; `serving` holds what is heavy.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.sandbox.world import DESCRIPTOR_NAME, HEALTH_PATH, USERS_NAME, world_date

__all__ = [
    "BAD_USAGE",
    "background",
    "make_world",
    "one_at_a_time",
    "running",
    "serve",
    "shared",
    "wait_for_stopping",
    "world_date",
]

Descriptor = dict[str, Any]
_Wait = Callable[[Path, subprocess.Popen[bytes], IO[bytes]], Descriptor]

HEALTH_TIMEOUT_S = 2.0
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
TURN_TIMEOUT_S = 60.0

BAD_USAGE = 2
"""Exit status of `python -m runbook_lib.sandbox` for what the caller can put right."""

_STEP_S = 0.01


def make_world(folder: Path, on: date) -> None:
    """As `seeding.make_world`, which is imported only where a world is made."""
    from runbook_lib.sandbox import seeding

    seeding.make_world(folder, on)


def serve(
    folder: Path,
    *,
    port: int = 0,
    while_used: bool = False,
    job_command: Sequence[str] | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serves the world in a folder until SIGINT or SIGTERM. It prints nothing. To be called in the main thread.

    Args:
        folder: The world's folder.
        port: The port on 127.0.0.1; 0 takes the world's last one, or else a free one.
        while_used: Stop as well when no process uses the world (any more).
        job_command: What pipelines run in place of Mechanizer.
        ready: Called with the address once requests are taken.

    Raises:
        InputError: There is no world; it is served already; or the port is taken.
    """
    # Here, since web and mail server take longer to import than most commands take to run.
    from runbook_lib.sandbox import serving

    serving.serve(folder, port=port, while_used=while_used, job_command=job_command, ready=ready)


def running(folder: Path) -> Descriptor | None:
    """What describes the server of a world, if there is one and it answers within `HEALTH_TIMEOUT_S`.

    Args:
        folder: The world's folder.

    Returns:
        The contents of `running.json`, or None; a file left by a killed server counts as none.
    """
    try:
        descriptor: Descriptor = json.loads((folder / DESCRIPTOR_NAME).read_text(encoding="utf-8"))
        is_of_it = descriptor["folder"] == str(folder.resolve())  # or else the folder was copied from a running one
        return descriptor if is_of_it and _answers(descriptor) else None
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None


@contextmanager
def background(folder: Path, *, python: str = "") -> Iterator[Descriptor]:
    """Serves a world from a process of its own, for as long as the `with` block lasts, or others use the world.

    Args:
        folder: The world's folder.
        python: What starts Python, in place of the usual.

    Yields:
        The contents of `running.json`.

    Raises:
        InputError: As `serve`.
        UnavailableError: The server did not come up within `START_TIMEOUT_S`.
    """
    with _using(folder) as users, _launched(folder, users, _started, python) as descriptor:
        yield descriptor


@contextmanager
def shared(folder: Path) -> Iterator[Descriptor]:
    """Uses a world's server together with others: the one that runs, or else one from a process of its own.

    Whoever uses a world holds a shared lock on a file in it, which the system lets go of however a process ends. A
    server that was started here runs until it gets that lock for itself alone, and keeps it until it has gone; so this
    waits for one that is just stopping.

    Args:
        folder: The world's folder.

    Yields:
        The contents of `running.json`.

    Raises:
        InputError: There is no world.
        UnavailableError: No server came up within `START_TIMEOUT_S`.
    """
    with ExitStack() as stack:
        users = stack.enter_context(_using(folder))
        yield running(folder) or stack.enter_context(_launched(folder, users, _started_by_anyone))


def wait_for_stopping(folder: Path) -> None:
    """Waits until a world's server that is just stopping has gone; returns at once where there is none."""
    with suppress(FileNotFoundError), (folder / USERS_NAME).open("rb") as users:
        fcntl.flock(users, fcntl.LOCK_SH)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Keeps other processes from making a world, setting it aside or starting its server meanwhile.

    Raises:
        UnavailableError: Another process takes longer than `TURN_TIMEOUT_S`, or the folder cannot be written to.
    """
    try:
        turn = FileLock(folder.parent / ".turn.lock", timeout=TURN_TIMEOUT_S).acquire()
    except Timeout as exc:
        raise UnavailableError(
            f"Another command is starting the practice world in {folder.parent}. Try again when it is done."
        ) from exc
    except OSError as exc:
        raise UnavailableError(
            f"The practice world cannot be kept in {folder.parent} ({exc.strerror}). Check RUNBOOK_OUTPUTS."
        ) from exc
    with turn:
        yield


@contextmanager
def _using(folder: Path) -> Iterator[IO[bytes]]:
    """Holds the users' lock of a world; waits for a server that is just stopping.

    Raises:
        InputError: There is no world.
    """
    if world_date(folder) is None:
        raise InputError(f"There is no practice world in {folder}. Make one first.")
    with (folder / USERS_NAME).open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield users


@contextmanager
def _launched(folder: Path, users: IO[bytes], wait: _Wait, python: str = "") -> Iterator[Descriptor]:
    """A server in a process of its own, which stops when nobody uses the world; `wait` waits until it answers."""
    command = [python or sys.executable, "-m", "runbook_lib.sandbox", str(folder), "--while-used"]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            start_new_session=True,  # Ctrl-C is for the parent, which may still have something to write down
        )
        try:
            yield wait(folder, process, complaints)
        finally:
            _wait_for_end(process, users)


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


def _started_by_anyone(folder: Path, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> Descriptor:
    """Waits until a server answers: the one that is starting, or the one that was quicker."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if descriptor := running(folder):
            return descriptor
        if process.poll() not in (None, BAD_USAGE):  # bad usage can only be that the world is served already
            raise _not_started(folder, process.returncode, complaints)
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


def _wait_for_end(process: subprocess.Popen[bytes], users: IO[bytes]) -> None:
    """Uses the world no more, and waits for its server, by force if it takes too long. One that others use goes on."""
    fcntl.flock(users, fcntl.LOCK_UN)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while process.poll() is None and not _has_users(users):
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(_STEP_S)


def _has_users(users: IO[bytes]) -> bool:
    """Whether others use the world. A lock for one alone is a server's, which stops."""
    try:
        fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        fcntl.flock(users, fcntl.LOCK_UN)

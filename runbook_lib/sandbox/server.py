"""A practice world's server, seen from outside: find it, or start one in another process.

It stays light to import, since every command looks for a server; what runs in the server's process is in `serving`.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.sandbox.world import BAD_USAGE, DESCRIPTOR_NAME, HEALTH_PATH, USERS_NAME, world_date

Descriptor = dict[str, Any]

HEALTH_TIMEOUT_S = 2.0
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
TURN_TIMEOUT_S = 60.0

_STEP_S = 0.01


def running(folder: Path) -> Descriptor | None:
    """The contents of a world's `running.json`, if its server answers within `HEALTH_TIMEOUT_S`; or else None."""
    path = folder / DESCRIPTOR_NAME
    try:
        written = path.read_bytes()
        descriptor: Descriptor = json.loads(written)
        is_its_own = descriptor["folder"] == str(folder.resolve())  # or else the folder was copied from a running one
        # What answers may be a new server on the port of a killed one, whose description this is; it removes that first
        is_current = is_its_own and _answers(descriptor) and path.read_bytes() == written
        return descriptor if is_current else None
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None


@contextmanager
def shared(folder: Path, *, python: str = "") -> Iterator[Descriptor]:
    """Uses a world's server together with others, the one that runs or else a new one; yields its `running.json`.

    Each user of a world holds a shared lock on a file in it, which the system releases however a process ends. A
    server that was started here, by another Python if one is given, runs until it gets that lock for itself alone, and
    keeps it until it ends; so this waits for a server that is just stopping.

    Raises:
        InputError: There is no world.
        UnavailableError: No server came up within `START_TIMEOUT_S`.
    """
    if world_date(folder) is None:
        raise InputError(f"There is no practice world in {folder}. Make one first.")
    with (folder / USERS_NAME).open("ab") as users, ExitStack() as stack:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield running(folder) or stack.enter_context(_launched(folder, users, python or sys.executable))


def wait_for_stopping(folder: Path) -> None:
    """Waits until a stopping server of the world has ended; returns at once where there is none."""
    with suppress(FileNotFoundError), (folder / USERS_NAME).open("rb") as users:
        fcntl.flock(users, fcntl.LOCK_SH)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Keeps other processes from making or moving a world, or starting its server, within the `with` block.

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
def _launched(folder: Path, users: IO[bytes], python: str) -> Iterator[Descriptor]:
    """Starts a server, which stops when the world has no user."""
    command = [python, "-m", "runbook_lib.sandbox", str(folder), "--while-used"]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            start_new_session=True,  # Ctrl-C is for the parent, which may still have something to write down
        )
        try:
            yield _wait_for_start(folder, process, complaints)
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


def _wait_for_start(folder: Path, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> Descriptor:
    """Waits until a server answers: this one, or one that another process has started."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        status = process.poll()
        if descriptor := running(folder):
            return descriptor
        if status not in (None, BAD_USAGE):  # bad usage can only be that it is served already
            complaints.seek(0)
            last_line = (complaints.read().decode(errors="replace").strip() or "It printed nothing.").splitlines()[-1]
            raise UnavailableError(f"The sandbox in {folder} did not start (exit status {status}): {last_line}")
        time.sleep(_STEP_S)
    raise UnavailableError(f"The sandbox in {folder} did not answer within {START_TIMEOUT_S:.0f} s. Try again.")


def _wait_for_end(process: subprocess.Popen[bytes], users: IO[bytes]) -> None:
    """Releases the world, and waits for its server, by force if it takes too long; not if it has other users."""
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
        return False
    except BlockingIOError:
        return True
    finally:
        fcntl.flock(users, fcntl.LOCK_UN)

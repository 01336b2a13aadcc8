"""Files and folders with customers' data: for their user alone, whatever the umask, and written in one piece."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from io import FileIO
from itertools import takewhile
from pathlib import Path

from runbook_lib.domain.errors import InputError, RunbookError

FILE, FOLDER, SEALED = 0o600, 0o700, 0o400
"""The permissions of a private file, of a private folder, and of a record, which is never written to again."""
LARGEST_BYTES = 100_000_000
"""Bytes that are read of what a person names: a list, a license, a key."""
OTHERS = 0o077
"""The permissions that the group and everybody else would have."""


@contextmanager
def explained(what: str, advice: str = "", *, kind: type[RunbookError] = InputError) -> Iterator[None]:
    """Turns an error of the disk into a sentence for a person: `what` went wrong, then the reason."""
    try:
        yield
    except OSError as exc:
        raise kind(f"{what}: {exc.strerror}.{advice}") from exc


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for its user alone; one that is there is tightened.

    Raises:
        OSError: It cannot be made.
    """
    missing = list(takewhile(lambda folder: not folder.exists(), (path, *path.parents)))
    for folder in reversed(missing):
        folder.mkdir(mode=FOLDER, exist_ok=True)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    tighten(path)


def tighten(path: Path) -> None:
    """Take away what others may do with a file or a folder; what belongs to another user stays as it is."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        with suppress(PermissionError):
            path.chmod(mode & ~OTHERS)


def address(path: Path) -> str:
    """A path as a link in a notebook: from the folder that it runs in."""
    return os.path.relpath(path, Path.cwd()).replace(os.sep, "/")


def keeps_permissions(folder: Path) -> bool:
    """Whether a private file in a folder is private there. Raises OSError if it takes none."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        return not os.fstat(probe.fileno()).st_mode & OTHERS


def opener(path: str, flags: int) -> int:
    """For `open`: a file that is made is private, and a pipe in its place is not waited for."""
    return os.open(path, flags | os.O_NONBLOCK, FILE)


def sync(path: Path) -> None:
    """Put a file, or the names in a folder, on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def opened(path: str | Path) -> Iterator[int]:
    """A regular file's handle, to be read; a link is not followed, and a pipe is not waited for.

    Raises:
        OSError: It is none, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as exc:
        if exc.errno != errno.ELOOP:
            raise
        raise OSError(exc.errno, "it is a link, which is not followed", str(path)) from exc
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        yield handle
    finally:
        os.close(handle)


def read(path: Path) -> bytes:
    """What a file holds that others may have put there. Raises as `opened`."""
    with opened(path) as handle, os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
        return file.read()


def given(path: str | Path) -> bytes:
    """What a person names: a file, also a link or a pipe, or `-` for standard input.

    Raises:
        OSError: It cannot be read, or does not end within `LARGEST_BYTES`, as a device.
    """
    with nullcontext(sys.stdin.buffer) if str(path) == "-" else Path(path).open("rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST_BYTES // 1_000_000} MB", str(path))
    return content


def write(path: Path, content: bytes, *, mode: int = FILE) -> None:
    """Write a private file in one piece, and wait until it is on disk.

    Raises:
        OSError: The disk does not take it, or a device is in its place; nothing of it is left there.
    """
    if path.exists() and not path.is_file():  # of a device, a file would take the place
        raise OSError(errno.EINVAL, "it is no file", str(path))
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        with open(part, "xb", opener=opener) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(mode)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def append(file: FileIO, content: bytes, *, after: int) -> None:
    """Put content behind the first `after` bytes of an open file, on disk.

    Raises:
        OSError: The disk does not take it; nothing of it counts.
    """
    file.truncate(after)
    try:
        if file.write(content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(after)
        raise

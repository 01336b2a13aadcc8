"""The ticket's journal: append-only JSON lines, on disk before the step that they announce.

One line is one event: a run begins or ends, an effect is intended, done, adopted or not done. A line that a crash
cut off was never acknowledged and is removed by the next append; any other damage is refused.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from runbook_lib.errors import InputError, UnavailableError
from runbook_lib.models import Evidence

FILE_NAME = "journal.jsonl"
LOCK_WAIT_S = 10.0
_SETTLED = ("done", "adopted")


class Journal:
    """The journal of one ticket, in the ticket's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME

    def append(self, kind: str, **fields: Any) -> None:
        """Write one line and wait until it is on disk.

        Raises:
            UnavailableError: The disk does not take it; whatever it announces must not happen.
        """
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "kind": kind, **fields}, ensure_ascii=False) + "\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (
                FileLock(self.folder / ".journal.lock", timeout=LOCK_WAIT_S),
                self.path.open("a+b", buffering=0) as file,
            ):
                file.seek(0)
                _add_line(file, line.encode(), after=_whole_lines(file.read()))
            _sync_folder(self.folder)
        except OSError as exc:
            raise UnavailableError(
                f"The journal {self.path} cannot be written ({exc.strerror}). Free the disk, then run again: "
                "what was sent already is found, not sent twice."
            ) from exc

    def entries(self) -> list[dict[str, Any]]:
        """All lines, oldest first.

        Raises:
            InputError: A line cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise InputError(f"The journal {self.path} cannot be read: {exc.strerror}.") from exc
        lines = content[: _whole_lines(content)].split(b"\n")[:-1]
        return [self._entry(number, line) for number, line in enumerate(lines, start=1)]

    def settled(self, operation_id: str) -> Evidence | None:
        """The evidence of an effect that is there already, or None.

        Raises:
            InputError: The line with the evidence cannot be read.
        """
        for number, entry in reversed(list(enumerate(self.entries(), start=1))):
            if entry.get("operation_id") == operation_id and entry["kind"] in _SETTLED:
                return self._evidence(number, entry)
        return None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes on this machine off the ticket.

        Raises:
            UnavailableError: Another process has it for longer than `LOCK_WAIT_S`, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            held = FileLock(self.folder / ".lock", timeout=LOCK_WAIT_S).acquire()
        except Timeout as exc:
            raise UnavailableError(
                f"Another run is changing ticket {self.folder.name} right now. Wait for it, then run again."
            ) from exc
        except OSError as exc:
            raise UnavailableError(f"The folder {self.folder} cannot be used ({exc.strerror}).") from exc
        with held:
            yield

    def _entry(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            entry = json.loads(line)
            entry["kind"]
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            raise self._damaged(number) from exc
        return dict(entry)

    def _evidence(self, number: int, entry: dict[str, Any]) -> Evidence:
        try:
            evidence = Evidence(**entry["evidence"])
        except (KeyError, TypeError) as exc:
            raise self._damaged(number) from exc
        if not all(isinstance(text, str) for text in vars(evidence).values()):
            raise self._damaged(number)
        return evidence

    def _damaged(self, number: int) -> InputError:
        return InputError(
            f"Line {number} of {self.path} cannot be read. Nothing was changed; keep the file and ask a colleague."
        )


def _sync_folder(folder: Path) -> None:
    """Put a new file's name on disk too, not only its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _add_line(file: FileIO, line: bytes, *, after: int) -> None:
    """Put a line behind the first `after` bytes, on disk; if that fails, none of it counts."""
    file.truncate(after)
    try:
        if file.write(line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(after)
        raise


def _whole_lines(content: bytes) -> int:
    """The length of the content up to the last complete line."""
    return content.rfind(b"\n") + 1

"""The ticket's journal: append-only JSON lines, on disk before the step that they announce.

What holds, and is checked whenever a journal is read:

    one line is one event: a run begins or ends, an effect is intended, done, adopted or not done ...
    each line names its ticket, its number, and the SHA-256 of the line before: none is missing, moved or foreign
    each line is signed by a key of the ring: none is altered
    the *head*, kept with the keys, names the last line: none is cut off, and the journal itself is not gone

A line that a crash cut off was never acknowledged, and is removed by the next append. Any other damage is refused;
the way out is `restart`, which keeps the damaged journal beside the new one.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from runbook_lib.errors import InputError, JournalError, UnavailableError
from runbook_lib.keyring import KeyRing, Validity
from runbook_lib.models import Evidence
from runbook_lib.redaction import Redactor
from runbook_lib.settings import Settings

FILE_NAME = "journal.jsonl"
VERSION = 2
"""Of a line's form; version 1 was neither chained nor signed."""
LOCK_WAIT_S = 10.0
CLOCK_TOLERANCE_S = 120.0
"""How far the clock may have gone back since the last line before nothing new is begun."""
_DOMAIN = b"journal-line-2"
_OWN = ("v", "n", "ticket", "at", "kind", "prev", "key", "sig")
"""What `append` writes by itself."""
_SHOWN = ("at", "kind", "n")
"""Of these, what a reader gets."""
_BEGINNINGS = ("run_started", "intended")
"""Lines that announce something, and may be refused; the others tell what has happened already."""
_SETTLED = ("done", "adopted")
_ENDINGS = (*_SETTLED, "not_done", "answered")
_START = "0" * 64


@dataclass(frozen=True)
class Head:
    """How far a journal has come: the number of its last line, and that line's SHA-256."""

    lines: int
    sha256: str


class Journal:
    """The journal of one ticket, in the ticket's folder.

    Args:
        folder: The ticket's folder.
        ticket: Profile and number, such as `live/1001`: what each line is bound to.
        keys: The ring that signs and verifies.
        redactor: What no line may hold.
    """

    def __init__(self, folder: Path, ticket: str, keys: KeyRing, redactor: Redactor | None = None) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self.ticket = ticket
        self._keys = keys
        self._redactor = redactor or Redactor({})

    @classmethod
    def of(cls, settings: Settings, ticket_id: int) -> Journal:
        """The journal of a ticket, as configured."""
        folder = settings.ticket_folder(ticket_id)
        return cls(folder, f"{settings.profile}/{ticket_id}", KeyRing(settings.key_folder), Redactor.of(settings))

    def append(self, kind: str, **fields: Any) -> None:
        """Write one line and wait until it is on disk.

        Raises:
            UnavailableError: The disk does not take it, or the clock has gone back; whatever it announces must not
                happen.
            JournalError: What is there cannot be relied on; nothing is written.
        """
        with self._writing(), self.path.open("a+b", buffering=0) as file:
            file.seek(0)
            content = file.read()
            entries = self._checked(content, self._head())
            if kind in _BEGINNINGS:
                self._check_clock(entries)
            whole = _whole_lines(content)
            torn = {"healed_bytes": len(content) - whole} if len(content) > whole else {}
            line = self._line(kind, {**fields, **torn}, after=_head(entries))
            _add_line(file, line + b"\n", after=whole)
            _sync_folder(self.folder)
            self._keep_head(Head(len(entries) + 1, _digest(line)))

    def entries(self) -> list[dict[str, Any]]:
        """All lines, oldest first, each checked; without what `append` added by itself but `at`, `kind` and `n`.

        Raises: As `lines`.
        """
        return [entry for entry, _ in self.lines()]

    def lines(self) -> list[tuple[dict[str, Any], str]]:
        """As `entries`, each with its line's SHA-256.

        Raises:
            JournalError: A line, or the whole, cannot be relied on.
            InputError: The file cannot be read.
        """
        head = self._head()  # first: whoever appends meanwhile writes the line before the head
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as exc:
            raise InputError(f"The journal {self.path} cannot be read: {exc.strerror}.") from exc
        return self._checked(content, head)

    def settled(self, operation_id: str) -> Evidence | None:
        """The evidence of an effect that is there already, by the journal or by a person's word; or None.

        Raises:
            JournalError: The journal cannot be relied on.
        """
        ends = [entry for entry in self._of(operation_id) if entry["kind"] in (*_SETTLED, "answered")]
        is_there = bool(ends) and (ends[-1]["kind"] in _SETTLED or bool(ends[-1].get("there")))
        return self._evidence(ends[-1]) if is_there else None

    def open_since(self, operation_id: str) -> datetime | None:
        """When an effect was last intended, if nobody knows what became of it; else None.

        A journal that was begun anew does not know: there, every effect may have been intended until then.
        """
        for entry in reversed(self._of(operation_id)):
            if entry["kind"] in _ENDINGS:
                return None
            if entry["kind"] == "intended":
                return datetime.fromisoformat(entry["at"])
        anew = [entry["at"] for entry in self.entries() if entry["kind"] == "restarted"]
        return datetime.fromisoformat(anew[-1]) if anew else None

    def answer(self, operation_id: str) -> bool | None:
        """What a person last said of an operation whose end was unknown, if that was the last of it; else None."""
        last = self._of(operation_id)[-1:]
        return bool(last[0].get("there")) if last and last[0]["kind"] == "answered" else None

    def open_operations(self) -> list[str]:
        """The operations of which nobody knows what became of them, by id, oldest first."""
        return [name for name, kind in self._last_kinds() if kind in ("intended", "unknown")]

    def answerable(self) -> list[str]:
        """The operations that a person may say something of, oldest first: those that no run has seen to be there."""
        return [name for name, kind in self._last_kinds() if kind not in _SETTLED]

    def _last_kinds(self) -> list[tuple[str, str]]:
        last = {entry["operation_id"]: entry["kind"] for entry in self.entries() if "operation_id" in entry}
        return list(last.items())

    def _of(self, operation_id: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries() if entry.get("operation_id") == operation_id]

    def restart(self, *, because: str, operator: str) -> Path | None:
        """Set a journal that cannot be relied on aside, and begin a new one that says so.

        Args:
            because: Why, in the operator's words.
            operator: Who does it.

        Returns:
            Where the old one is now, or None if it was gone.

        Raises:
            InputError: It can be relied on.
            UnavailableError: The folder cannot be written.
        """
        self._refuse_to_restart_what_holds()
        lost: Head | None = None
        with self._writing():
            kept = self.folder / f"journal-until-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.jsonl"
            old = self.path.read_bytes() if self.path.exists() else None
            with suppress(InputError):  # it is what cannot be relied on
                lost = self._head()
            if old is not None:
                self.path.rename(kept)
            self._head_path.unlink(missing_ok=True)
        digest = None if old is None else _digest(old)
        before = None if lost is None else {"lines": lost.lines, "sha256": lost.sha256}
        name = None if old is None else kept.name
        self.append("restarted", because=because, operator=operator, kept_as=name, sha256=digest, head=before)
        return None if old is None else kept

    def _refuse_to_restart_what_holds(self) -> None:
        try:
            self._check_clock(self.lines())
        except (InputError, UnavailableError):
            return
        raise InputError(f"The journal {self.path} can be relied on, so there is no reason to begin a new one.")

    @contextmanager
    def lock(self, wait_s: float | None = None, *, then: str = "run again") -> Iterator[None]:
        """Keep other processes on this machine off the ticket.

        Args:
            wait_s: How long another process is waited for; `LOCK_WAIT_S` if not given.
            then: What to do once the other process has ended.

        Raises:
            UnavailableError: Another process has it for longer than that, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            held = FileLock(self.folder / ".lock", timeout=LOCK_WAIT_S if wait_s is None else wait_s).acquire()
        except Timeout as exc:
            raise UnavailableError(
                f"Another run is changing ticket {self.folder.name} right now. Wait for it, then {then}."
            ) from exc
        except OSError as exc:
            raise UnavailableError(f"The folder {self.folder} cannot be used ({exc.strerror}).") from exc
        with held:
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Where this process alone writes; an error of the disk is told in a sentence."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".journal.lock", timeout=LOCK_WAIT_S):
                yield
        except OSError as exc:  # a time-out of the lock is one, too
            raise UnavailableError(
                f"The journal {self.path} cannot be written ({exc.strerror or exc}). Make the folder writable, or free "
                "the disk, then run again: what was sent already is found, not sent twice."
            ) from exc

    def _line(self, kind: str, fields: Mapping[str, Any], *, after: Head) -> bytes:
        """A line, without its line break: encoded, chained, signed."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = {"v": VERSION, "n": after.lines + 1, "ticket": self.ticket, "at": at, "kind": kind}
        entry |= self._redactor.data(dict(fields))
        if clash := set(fields) & set(_OWN):
            raise ValueError(f"fields of the journal's own: {clash}")
        signer = self._keys.signer()
        entry |= {"prev": after.sha256, "key": signer.key_id}
        signature = signer.sign(_DOMAIN, _encoded(entry))
        return _encoded({**entry, "sig": base64.b64encode(signature).decode()})

    def _checked(self, content: bytes, kept: Head | None) -> list[tuple[dict[str, Any], str]]:
        """The entries of a journal, each with its line's SHA-256; `kept` is the head that was kept.

        Raises:
            JournalError: The first defect.
        """
        found = self._chained(content) or self._each(content)
        self._check_head(found, kept)
        return found

    def _chained(self, content: bytes) -> list[tuple[dict[str, Any], str]]:
        """The entries if the chain is whole and its last line is signed: that signature covers every line before.

        Returns:
            Nothing if anything is not as expected; then each line is checked, to name the first defect.
        """
        found: list[tuple[dict[str, Any], str]] = []
        before = _START
        lines = content[: _whole_lines(content)].split(b"\n")[:-1]
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                return []
            if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str) or entry.get("v") != VERSION:
                return []
            if (entry.get("n"), entry.get("prev"), entry.get("ticket")) != (number, before, self.ticket):
                return []
            before = _digest(line)
            found.append(({name: entry[name] for name in entry if name in _SHOWN or name not in _OWN}, before))
        try:
            if lines:
                self._check_signature(len(lines), lines[-1], json.loads(lines[-1]))
        except JournalError:
            return []
        return found

    def _each(self, content: bytes) -> list[tuple[dict[str, Any], str]]:
        """The entries, each with its signature checked.

        Raises:
            JournalError: The first defect.
        """
        found: list[tuple[dict[str, Any], str]] = []
        head = Head(0, _START)
        for line in content[: _whole_lines(content)].split(b"\n")[:-1]:
            found.append((self._entry(head.lines + 1, line, head.sha256), _digest(line)))
            head = _head(found)
        return found

    def _entry(self, number: int, line: bytes, before: str) -> dict[str, Any]:
        """One line, checked by itself and against the one before."""
        try:
            entry = dict(json.loads(line))
            kind, version = entry["kind"], entry.get("v", 1)
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            raise self._defect("unreadable", "cannot be read", number) from exc
        if not isinstance(kind, str) or not isinstance(version, int):
            raise self._defect("unreadable", "cannot be read", number)
        if version > VERSION:
            raise JournalError(
                "newer_version",
                f"Line {number} of {self.path} was written by a newer version of this runbook. Update it, then run "
                "again; nothing was changed.",
                number,
            )
        if version < VERSION or "sig" not in entry:
            raise self._defect("unsigned", "is not signed", number)
        self._check_signature(number, line, entry)
        if entry.get("ticket") != self.ticket:
            raise self._defect("other_ticket", f"is of ticket {entry.get('ticket')}, not of {self.ticket}", number)
        if entry.get("n") != number or entry.get("prev") != before:
            raise self._defect("broken_chain", "does not follow the line before: one was removed or moved", number)
        return {name: value for name, value in entry.items() if name in _SHOWN or name not in _OWN}

    def _check_signature(self, number: int, line: bytes, entry: Mapping[str, Any]) -> None:
        unsigned = {name: value for name, value in entry.items() if name != "sig"}
        try:
            signature = base64.b64decode(entry["sig"], validate=True)
        except (binascii.Error, TypeError, ValueError) as exc:
            raise self._defect("altered", "was altered", number) from exc
        if _encoded(entry) != line:
            raise self._defect("altered", "was altered", number)
        validity = self._keys.verify(str(entry.get("key")), signature, _DOMAIN, _encoded(unsigned))
        if validity is Validity.UNKNOWN_KEY:
            raise JournalError(
                "unknown_key",
                f"Line {number} of {self.path} is signed by a key that is not in the ring {self._keys.folder}, as from "
                "another machine. If you trust that machine, run `runbook keys trust FILE` with its public key "
                f"(…-{entry.get('key')}.pub); otherwise {self._way_out()}",
                number,
            )
        if validity is Validity.BAD:
            raise self._defect("altered", "was altered", number)

    def _check_head(self, found: list[tuple[dict[str, Any], str]], head: Head | None) -> None:
        """A journal ends where the head says, or later: the line comes first, and a crash may be in between."""
        if head is None or head.lines == 0:
            return
        if not found:
            raise JournalError(
                "missing",
                f"The journal {self.path} is gone; it had {head.lines} lines. Bring it back from a backup; otherwise "
                f"{self._way_out()}",
            )
        if len(found) < head.lines:
            raise JournalError(
                "truncated",
                f"The journal {self.path} ends after line {len(found)}, but it had {head.lines}. Bring it back from a "
                f"backup; otherwise {self._way_out()}",
                len(found),
            )
        if found[head.lines - 1][1] != head.sha256:
            raise self._defect("broken_chain", "is not the line that was written", head.lines)

    def _check_clock(self, entries: list[tuple[dict[str, Any], str]]) -> None:
        if not entries:
            return
        last, now = datetime.fromisoformat(entries[-1][0]["at"]), datetime.now(UTC)
        if last - now > timedelta(seconds=CLOCK_TOLERANCE_S):
            raise UnavailableError(
                f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, but the ticket's journal goes on to "
                f"{last:%Y-%m-%d %H:%M} UTC. Set the clock, then run again; nothing was changed. If it is right, "
                + self._way_out()
            )

    @property
    def _head_path(self) -> Path:
        """One for each folder, since a ring may serve several."""
        place = _digest(str(self.folder.absolute()).encode())[:8]
        return self._keys.folder / "heads" / f"{self.ticket.replace('/', '-')}-{place}.json"

    def _head(self) -> Head | None:
        """The head that was kept; None if there is none.

        Raises:
            InputError: It cannot be read.
        """
        try:
            return Head(**json.loads(self._head_path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as exc:
            raise InputError(
                f"{self._head_path}, which says how far the journal has come, cannot be read. To go on, "
                + self._way_out()
            ) from exc

    def _keep_head(self, head: Head) -> None:
        """Replace the head, in one piece.

        Raises:
            OSError: The disk does not take it.
        """
        path = self._head_path
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}")
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"lines": head.lines, "sha256": head.sha256}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def _evidence(self, entry: Mapping[str, Any]) -> Evidence:
        try:
            evidence = Evidence(**entry["evidence"])
        except (KeyError, TypeError) as exc:
            raise self._defect("unreadable", "cannot be read", entry["n"]) from exc
        if not all(isinstance(text, str) for text in vars(evidence).values()):
            raise self._defect("unreadable", "cannot be read", entry["n"])
        return evidence

    def _defect(self, problem: str, words: str, number: int) -> JournalError:
        message = f"Line {number} of {self.path} {words}. Nothing was changed. Compare it with a backup; otherwise "
        return JournalError(problem, message + self._way_out(), number)

    def _way_out(self) -> str:
        number = self.ticket.rpartition("/")[2]
        return (
            f"run `runbook journal restart {number} --because WORDS`, which keeps the old journal and begins a new "
            "one; what was done is found again, not repeated."
        )


def _encoded(entry: Mapping[str, Any]) -> bytes:
    """A line's one and only form; half a character of a bad text stays an escape."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _head(found: list[tuple[dict[str, Any], str]]) -> Head:
    return Head(len(found), found[-1][1]) if found else Head(0, _START)


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

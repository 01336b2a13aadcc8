"""The mirror of the team's share, in the outputs' own folders: pulls what is not here.

What was pulled is never pushed, so that an edited mirror changes nothing in the share. What is here is never fetched
again, nor replaced: `comparison` finds where the two differ.

    .pulled.json   when the mirror was last brought up to date
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from runbook_lib import files
from runbook_lib.domain.errors import UnavailableError
from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.chains import Reader, file_name
from runbook_lib.ledger.journal import LOCK_WAIT_S
from runbook_lib.ledger.keyring import KeyRing, beside_name, public_pem
from runbook_lib.ledger.objects import CLAIMS, TICKET, Segment, is_record, is_stray, segment
from runbook_lib.ledger.share import Share, Stored

Item = TypeVar("Item")
Result = TypeVar("Result")
WORKERS = 16
AHEAD = 4 * WORKERS
"""Tickets that are worked on at once, so that a long listing is not held in memory."""
STAMP = ".pulled.json"


@dataclass
class Transferred:
    """What was pushed, or pulled, what could not be, and what is no part of the share, in a sentence each."""

    tickets: int = 0
    records: int = 0
    lines: int = 0
    trouble: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    def add(self, other: Transferred) -> None:
        self.tickets += bool(other.records or other.lines)
        self.records += other.records
        self.lines += other.lines
        self.trouble += other.trouble
        self.strays += other.strays


def pull(
    share: Share,
    folder: Path,
    keys: KeyRing,
    *,
    since: date | None = None,
    ticket_id: int | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Transferred:
    """Bring what is in the share and not here; of our own key's nothing is changed that is here.

    With `since` only tickets of which something was added on this day or later, by the share's clock.

    Raises:
        RefusedError: The share says no.
        UnavailableError: It cannot be reached, or the disk takes no more; what was brought stays.
    """
    moved, started_at, bring = Transferred(), datetime.now(UTC), _Puller(share, folder, keys)
    prefix = folder.name if ticket_id is None else f"{folder.name}/{ticket_id}"
    grouped = groupby(share.objects(prefix), key=lambda each: each.path.split("/")[1])
    wanted = (
        (name, objects)
        for name, objects in ((name, list(group)) for name, group in grouped if name != CLAIMS)
        if since is None or any(each.at.astimezone(UTC).date() >= since for each in objects)
    )
    try:
        for brought in in_parallel(lambda pair: bring.ticket(*pair), wanted):
            moved.add(brought)
            progress()
        _stamp(folder, share, started_at, "" if since is None and ticket_id is None else "part")
    except OSError as exc:
        raise UnavailableError(
            f"{folder} cannot be written to ({exc.strerror}). Free the disk or mend the folder, then pull again."
        ) from exc
    return moved


def freshness(share: str, folder: Path) -> str:
    try:
        fields = json.loads(files.read(folder / STAMP))
        at = datetime.fromisoformat(fields["at"])
        minutes = int((datetime.now(UTC) - at).total_seconds() // 60)
        url, what = str(fields["share"]), str(fields["what"])
    except (OSError, ValueError, KeyError, TypeError):
        return (
            f"Nothing was pulled from {share} yet: only this machine's own records are here (`runbook records pull`)."
        )
    age = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
    part = " in part" if what else ""
    return f"As pulled{part} from {url} at {at:%Y-%m-%d %H:%M} UTC, {age} ago."


class _Puller:
    def __init__(self, share: Share, folder: Path, keys: KeyRing) -> None:
        self._share, self._folder, self._keys = share, folder, keys
        self._pems: dict[str, bytes | None] = {}

    def ticket(self, name: str, objects: list[Stored]) -> Transferred:
        strays = [each for each in objects if is_stray(each.path)]
        moved = Transferred(strays=[f"{clean(each.path)} is no part of the share; left alone." for each in strays])
        objects = [each for each in objects if not is_stray(each.path)]
        if objects and not TICKET.fullmatch(name):
            moved.trouble.append(f"{clean(objects[0].path)} is no object of a ticket; it was not fetched.")
            return moved
        place = self._folder / name
        here = {path.name.casefold(): path.name for path in place.iterdir()} if place.is_dir() else {}
        segments: dict[str, list[Segment]] = {}
        for each in objects:
            rest, shown = each.path.removeprefix(f"{self._folder.name}/{name}/"), clean(each.path)
            if found := segment(rest):
                segments.setdefault(found.key, []).append(found)
            elif not is_record(rest):
                moved.trouble.append(f"{shown} is no object of a ticket; it was not fetched.")
            elif here.setdefault(rest.casefold(), rest) != rest:
                moved.trouble.append(f"{shown} differs from {here[rest.casefold()]} only in case; not fetched.")
            elif (place / rest).exists():
                continue
            elif (content := self._share.read(each.path)) is None:
                moved.trouble.append(f"{each.path} was removed from the share while it was read.")
            else:
                files.make_folder(place)
                files.write(place / rest, content, mode=files.SEALED)
                moved.records += 1
        for key, parts in segments.items():
            self._lines(place, name, key, parts, moved)
        return moved

    def _lines(self, place: Path, ticket: str, key: str, parts: list[Segment], moved: Transferred) -> None:
        path = place / file_name(key)
        files.make_folder(place)
        self._leave_key(place, key, moved)
        with FileLock(place / ".journal.lock", timeout=LOCK_WAIT_S, mode=files.FILE):
            try:
                content = files.read(path)
            except FileNotFoundError:
                content = b""
            except OSError as exc:
                moved.trouble.append(f"{path} cannot be read ({exc.strerror}). Remove it, then pull again.")
                return
            if content and key == self._keys.signing_key:
                return
            had = count = content.count(b"\n")
            content = content[: content.rfind(b"\n") + 1]
            for part in sorted(parts, key=lambda part: (part.first, part.last)):
                if part.last <= count:
                    continue
                name = f"{self._folder.name}/{ticket}/{part.name}"
                lines = (self._share.read(name) or b"").splitlines(keepends=True)
                if part.first > count + 1 or len(lines) != part.last - part.first + 1 or not lines[-1].endswith(b"\n"):
                    moved.trouble.append(f"{name} does not follow line {count}: one was removed, or it was replaced.")
                    break
                more = content + b"".join(lines[count + 1 - part.first :])
                if why := self._why_not(path, more, ticket):
                    moved.trouble.append(f"{name} {why}")
                    break
                content, count = more, part.last
            if count > had:
                files.write(path, content)
                moved.lines += count - had

    def _why_not(self, path: Path, content: bytes, ticket: str) -> str:
        """Why a part cannot be relied on with further lines, so that they are not brought; "" if it can."""
        error = Reader(path.parent, f"{self._folder.name}/{ticket}", self._keys).checked(path, content).error
        if error is None or error.problem == "unknown_writer":
            return ""
        if error.problem == "newer_version":
            return "was written by a newer version of this runbook. Update it, then pull again."
        words = "was not brought: its writer did not sign it, or what is here was edited"
        return f"{words} ({error.problem}). `runbook records verify` says whether it is what is here."

    def _leave_key(self, place: Path, key: str, moved: Transferred) -> None:
        path = place / beside_name(key)
        if path.exists():
            return
        if key not in self._pems:
            self._pems[key] = public_pem(self._share.read(f"keys/{key}.pem") or b"", key)
        if pem := self._pems[key]:
            files.write(path, pem)
        else:
            moved.trouble.append(f"keys/{key}.pem is missing, or is not the key of writer {key}.")


def _stamp(folder: Path, share: Share, at: datetime, what: str) -> None:
    """Keep when the mirror was brought up to date; a pull in part leaves what is said of the whole."""
    if what and freshness(share.url, folder).startswith(f"As pulled from {share.url} "):
        return
    files.make_folder(folder)
    fields = {"share": share.url, "at": at.isoformat(timespec="seconds"), "what": what}
    files.write(folder / STAMP, json.dumps(fields).encode())


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of work on each item, in order; no more than `AHEAD` are taken from the items at once."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

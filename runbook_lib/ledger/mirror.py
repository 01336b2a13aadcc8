"""The mirror of the team's share, in the outputs' own folders: pushes what is ours, pulls what is not here.

Only what this machine's own parts of the journal say is pushed: their lines, and the records that they seal, as sealed.
What was pulled is never pushed, so that an edited mirror changes nothing in the share. What is here is never fetched
again, nor replaced: `comparison` finds where the two differ.

    <ticket>/.share-<digest of the address>   what was pushed from here: the SHA-256 and the name of each object
    .pulled.json                              when the mirror was last brought up to date
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from runbook_lib import files
from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.chains import Chain, Reader
from runbook_lib.ledger.journal import LOCK_WAIT_S, Journal
from runbook_lib.ledger.keyring import KeyRing, beside_name, public_pem
from runbook_lib.ledger.objects import CLAIMS, TICKET, Segment, is_record, segment
from runbook_lib.ledger.publishing import published
from runbook_lib.ledger.share import Share, Stored

Item = TypeVar("Item")
Result = TypeVar("Result")
WORKERS = 16
AHEAD = 4 * WORKERS
"""So many tickets are under way at once, so that a long listing is not held in memory."""
STAMP = ".pulled.json"
_SEALS = ("run_ended", "record_adopted")


@dataclass
class Moved:
    """What was pushed, or pulled.

    Attributes:
        tickets: The tickets of which something was moved.
        records: The records.
        lines: The lines of journals.
        trouble: What could not be moved, in a sentence each.
    """

    tickets: int = 0
    records: int = 0
    lines: int = 0
    trouble: list[str] = field(default_factory=list)

    def add(self, other: Moved) -> None:
        """Count what was moved of a ticket."""
        self.tickets += bool(other.records or other.lines)
        self.records += other.records
        self.lines += other.lines
        self.trouble += other.trouble


class Pushed:
    """What was pushed from a ticket's folder, and is not asked for again.

    Raises:
        InputError: The notes cannot be read, or written.
    """

    def __init__(self, folder: Path, share: Share) -> None:
        digest = hashlib.sha256(share.url.encode()).hexdigest()[:8]
        self._path = folder / f".share-{digest}"
        self.objects: dict[str, str] = {}
        with suppress(FileNotFoundError), self._named():
            lines = files.read(self._path).decode(errors="replace").splitlines()
            self.objects = {name: sha256 for sha256, _, name in (line.partition(" ") for line in lines) if name}

    def note(self, name: str, content: bytes) -> None:
        """Keep that an object is there."""
        self.objects[name] = hashlib.sha256(content).hexdigest()
        with self._named(), open(self._path, "a", encoding="utf-8", opener=files.opener) as file:
            file.write(f"{self.objects[name]} {name}\n")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as exc:
            raise InputError(f"{self._path} cannot be read or written: {exc.strerror}.") from exc


def push_ticket(share: Share, journal: Journal, keys: KeyRing, owner: str) -> Moved:
    """Push what our own parts of a ticket's journal hold that is not in the share yet.

    Args:
        share: The share.
        journal: The ticket's journal.
        keys: The ring, whose public key is published.
        owner: Whose key it is.

    Raises:
        RefusedError: The share says no.
        UnavailableError: It cannot be reached.
        InputError: A file cannot be read.
    """
    own = [part for part in journal.parts() if part.is_own and part.key and part.raw]
    if not own:
        return Moved()
    push = _Push(share, journal)
    for part in own:
        push.key(part.key, keys.pem_of(part.key), owner)
        push.lines(part)
        for entry, _ in part.summary:
            if entry["kind"] in _SEALS and is_record(name := str(entry.get("record"))):
                push.record(journal.folder / name, entry.get("sha256"))
    return push.moved


class _Push:
    """Pushes of one ticket.

    What the share holds of it is known by what was noted here; it is listed only where nothing was.
    """

    def __init__(self, share: Share, journal: Journal) -> None:
        self.moved = Moved()
        self._share, self._ticket = share, journal.ticket
        self._pushed = Pushed(journal.folder, share)
        paths = [name for name in self._pushed.objects if name.startswith(f"{journal.ticket}/")]
        paths = paths or [each.path for each in share.objects(journal.ticket)]
        self._names = {path.removeprefix(f"{journal.ticket}/") for path in paths}

    def key(self, key: str, pem: bytes | None, owner: str) -> None:
        """Publish a public key; one that is there already stays, whatever stands above it."""
        name = f"keys/{key}.pem"
        if pem and name not in self._pushed.objects:
            content = published(pem, owner)
            self._pushed.note(name, self._share.create(name, content) or content)

    def lines(self, part: Chain) -> None:
        """Push the lines behind those that are there."""
        there = [found for name in self._names if (found := segment(name)) and found.key == part.key]
        latest = max(there, key=lambda each: each.last, default=Segment(part.key, 1, 0))
        new = Segment(part.key, latest.last + 1, len(part.raw))
        is_followed = not latest.last or self._holds(latest.name, _lines(part, latest))
        if is_followed and (not len(new) or self._create(new.name, _lines(part, new))):
            self.moved.lines += len(new)
        else:
            self.moved.trouble.append(
                f"{self._share.url} holds other lines of writer {part.key} on {self._ticket} than {part.path}: the "
                "journal was restarted, or the share was changed (`runbook records verify --share`). Run `runbook "
                "keys rotate`; what is written after that is pushed."
            )

    def record(self, path: Path, sha256: object) -> None:
        """Push a record with the bytes that were sealed; `verify` reports one that is missing or altered."""
        if path.name in self._names:
            return
        try:
            content = files.read(path)
        except OSError:
            return
        if hashlib.sha256(content).hexdigest() != sha256:
            return
        if self._create(path.name, content):
            self.moved.records += 1
        else:
            words = f"{self._share.url} holds another record under the name {self._ticket}/{path.name}."
            self.moved.trouble.append(words)

    def _holds(self, name: str, content: bytes) -> bool:
        """Whether an object of the ticket is this content, by what was noted, or else by the share."""
        path = f"{self._ticket}/{name}"
        if noted := self._pushed.objects.get(path):
            return noted == hashlib.sha256(content).hexdigest()
        return self._share.read(path) == content

    def _create(self, name: str, content: bytes) -> bool:
        """Create an object of the ticket; returns whether the share holds it now, and not something else."""
        path = f"{self._ticket}/{name}"
        if self._share.create(path, content) is not None:
            return False
        self._names.add(name)
        self._pushed.note(path, content)
        return True


def _lines(part: Chain, which: Segment) -> bytes:
    return b"".join(line + b"\n" for line in part.raw[which.first - 1 : which.last])


def push(share: Share, journals: Iterable[Journal], keys: KeyRing, owner: str, progress: Callable[[], None]) -> Moved:
    """Push what is not in the share yet, of many tickets. Raises as `push_ticket`."""
    moved = Moved()
    for found in in_parallel(lambda journal: push_ticket(share, journal, keys, owner), journals):
        moved.add(found)
        progress()
    return moved


def pull(
    share: Share,
    folder: Path,
    keys: KeyRing,
    *,
    since: date | None = None,
    ticket_id: int | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Moved:
    """Bring what is in the share and not here.

    Args:
        share: The share.
        folder: The profile's outputs.
        keys: The ring; of its own key nothing is changed that is here.
        since: Only tickets of which something was added on this day or later, by the share's clock.
        ticket_id: Only this ticket.
        progress: Called for each ticket.

    Raises:
        RefusedError: The share says no.
        UnavailableError: It cannot be reached, or the disk takes no more; what was brought stays.
    """
    moved, started_at, bring = Moved(), datetime.now(UTC), _Bringer(share, folder, keys)
    found = by_ticket(share, folder.name, ticket_id)
    wanted = ((name, objects) for name, objects in found if since is None or _is_since(objects, since))
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


def by_ticket(share: Share, profile: str, ticket_id: int | None = None) -> Iterator[tuple[str, list[Stored]]]:
    """The objects of a profile, ticket by ticket in the order of names; claims are no ticket."""
    prefix = profile if ticket_id is None else f"{profile}/{ticket_id}"
    for name, objects in groupby(share.objects(prefix), key=lambda each: each.path.split("/")[1]):
        if name != CLAIMS:
            yield name, list(objects)


def freshness(share: str, folder: Path) -> str:
    """How fresh the mirror is, in a sentence."""
    try:
        fields = json.loads(files.read(folder / STAMP))
        at = datetime.fromisoformat(fields["at"])
        url, what = str(fields["share"]), str(fields["what"])
    except (OSError, ValueError, KeyError, TypeError):
        return (
            f"Nothing was pulled from {share} yet: only this machine's own records are here (`runbook records pull`)."
        )
    minutes = int((datetime.now(UTC) - at).total_seconds() // 60)
    age = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
    part = " in part" if what else ""
    return f"As pulled{part} from {url} at {at:%Y-%m-%d %H:%M} UTC, {age} ago."


class _Bringer:
    """Brings tickets' objects into their folders."""

    def __init__(self, share: Share, folder: Path, keys: KeyRing) -> None:
        self._share, self._folder, self._keys = share, folder, keys
        self._pems: dict[str, bytes | None] = {}

    def ticket(self, name: str, objects: list[Stored]) -> Moved:
        """Bring one ticket's."""
        moved = Moved()
        if not TICKET.fullmatch(name):
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
            elif not (place / rest).exists():
                moved.records += self._record(place / rest, each.path, moved)
        for key, parts in segments.items():
            moved.lines += self._lines(place, name, key, parts, moved)
        return moved

    def _record(self, path: Path, name: str, moved: Moved) -> int:
        content = self._share.read(name)
        if content is None:
            moved.trouble.append(f"{name} was removed from the share while it was read.")
            return 0
        files.make_folder(path.parent)
        files.write(path, content, mode=files.SEALED)
        return 1

    def _lines(self, place: Path, ticket: str, key: str, parts: list[Segment], moved: Moved) -> int:
        """Put the lines that are not here behind a writer's part."""
        path = place / f"journal.{key}.jsonl"
        files.make_folder(place)
        self._leave_key(place, key, moved)
        with FileLock(place / ".journal.lock", timeout=LOCK_WAIT_S, mode=files.FILE):
            try:
                content = files.read(path)
            except FileNotFoundError:
                content = b""
            except OSError as exc:
                moved.trouble.append(f"{path} cannot be read ({exc.strerror}). Remove it, then pull again.")
                return 0
            if content and key == self._keys.signing_key:
                return 0
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
        return count - had

    def _why_not(self, path: Path, content: bytes, ticket: str) -> str:
        """Why a part cannot be relied on with further lines, so that they are not brought; "" if it can."""
        error = Reader(path.parent, f"{self._folder.name}/{ticket}", self._keys).checked(path, content).error
        if error is None or error.problem == "unknown_writer":
            return ""
        if error.problem == "newer_version":
            return "was written by a newer version of this runbook. Update it, then pull again."
        words = "was not brought: its writer did not sign it, or what is here was edited"
        return f"{words} ({error.problem}). `runbook records verify` says whether it is what is here."

    def _leave_key(self, place: Path, key: str, moved: Moved) -> None:
        path = place / beside_name(key)
        if path.exists():
            return
        if key not in self._pems:
            self._pems[key] = public_pem(self._share.read(f"keys/{key}.pem") or b"", key)
        if pem := self._pems[key]:
            files.write(path, pem)
        else:
            moved.trouble.append(f"keys/{key}.pem is missing, or is not the key of writer {key}.")


def _is_since(objects: list[Stored], since: date) -> bool:
    return any(each.at.astimezone(UTC).date() >= since for each in objects)


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

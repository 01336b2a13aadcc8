"""The ticket's journal: append-only JSON lines, on disk before the step that they announce. One writer, one chain.

The journal is the union of the parts that its writers left in the ticket's folder (`chains`): copying the folders of
several machines into one brings them together. A line is added to the part of the key that signs now, and to no other.
The first line of a part, and each line that begins something, names how far the other parts in the folder had come
(`seen`): so one that is cut later, or taken away, shows even where its own head is not kept.

Whether an effect is there already (`settled`, `claimed`, `open_since`):

    this machine's parts    what they say counts
    other writers' parts    never enough by themselves: what they say is looked for in the world first. If it is not
                            found, a writer whose key is in the ring is believed, and any other is a person's to judge
    damaged parts           nothing is done by any journal of the ticket until a person has set the part aside

A line that a crash cut off was never acknowledged, and is removed by the next append. Any other damage is refused;
the way out is `restart`, which keeps the damaged part beside the new one.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from runbook_lib import files
from runbook_lib.clients.budget import uptime
from runbook_lib.domain.errors import InputError, JournalError, UnavailableError
from runbook_lib.domain.events import BEGINNINGS, Event, EventKind, History, Operation, finite
from runbook_lib.domain.models import Evidence
from runbook_lib.ledger import chains
from runbook_lib.ledger.chains import Chain, Entry, Reader
from runbook_lib.ledger.heads import Head, Heads, way_out
from runbook_lib.ledger.keyring import KeyRing, Signer
from runbook_lib.redaction import Redactor
from runbook_lib.settings import Settings

LOCK_WAIT_S = 10.0
CLOCK_TOLERANCE_S = 120.0
"""How far the clock may have gone back since the last line before nothing new is begun."""


@dataclass(frozen=True)
class Claim:
    """What another writer says of an effect: that it is there; the evidence is None if it cannot be read."""

    writer: str
    evidence: Evidence | None
    is_trusted: bool


class Journal:
    """The journal of one ticket, such as `live/1001`, to which each line is bound, in the ticket's folder."""

    def __init__(self, folder: Path, ticket: str, keys: KeyRing, redactor: Redactor | None = None) -> None:
        self.folder = folder
        self.ticket = ticket
        self._keys = keys
        self._heads = Heads(keys.folder)
        self._reader = Reader(folder, ticket, keys)
        self._redactor = redactor or Redactor({})

    @classmethod
    def of(cls, settings: Settings, ticket_id: int) -> Journal:
        folder = settings.ticket_folder(ticket_id)
        return cls(folder, f"{settings.profile}/{ticket_id}", KeyRing.of(settings), Redactor.of(settings))

    @property
    def path(self) -> Path:
        """The part that this machine writes, as long as there is a key."""
        return self.folder / chains.file_name(self._keys.signing_key or "")

    @property
    def writer(self) -> str:
        """The key that signs; made if there is none.

        Raises:
            InputError: It cannot be read.
            UnavailableError: It cannot be made.
        """
        return self._keys.signer().key_id

    def record_path(self, started_at: datetime, runbook: str) -> Path:
        """Where the record of a run goes: its start in UTC, by which it sorts, the runbook, and a part of the key.

        Raises: As `writer`.
        """
        at = started_at.astimezone(UTC)
        stamp = f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z"
        return self.folder / f"{stamp}-{runbook}-{self.writer[: chains.KEY_DIGITS]}.ipynb"

    def append(self, kind: EventKind, **fields: Any) -> None:
        """Write one line and wait until it is on disk.

        Raises:
            UnavailableError: The disk does not take it, or the clock has gone back; whatever it announces must not
                happen.
            JournalError: What is there cannot be relied on; nothing is written.
        """
        with self._writing():
            signer = self._keys.signer()  # one for the whole line: the key may be rotated at any time
            path = self.folder / chains.file_name(signer.key_id)
            names_others = kind in BEGINNINGS or not path.exists()
            parts = _reliable(self._reader.all() if names_others else [self._reader.one(path)])
            own = next((chain for chain in parts if chain.path == path), Chain(path, signer.key_id))
            if names_others:
                fields |= _seen(own, parts)
            if kind in BEGINNINGS:
                self._check_clock(own)
                fields["uptime"] = uptime()
            self._add(own, kind, fields, signer)

    def _add(self, own: Chain, kind: EventKind, fields: Mapping[str, Any], signer: Signer) -> None:
        """Put a line behind our own part, then keep the head. Raises OSError if the disk does not take it."""
        signer.leave_public_key(self.folder)
        with open(own.path, "a+b", buffering=0, opener=files.opener) as file:
            size = file.seek(0, os.SEEK_END)
            torn = {"healed_bytes": size - own.whole} if size > own.whole else {}
            line = self._line(kind, {**fields, **torn}, own.head, signer)
            files.append(file, line + b"\n", after=own.whole)
        files.tighten(own.path)
        if not size:  # the file is new in it
            files.sync(self.folder)
        digest = chains.digest(line)
        first = own.first or digest
        self._heads.keep(self.ticket, own.key, first, Head(own.head.lines + 1, digest), self.folder)

    def parts(self) -> list[Chain]:
        """Every writer's part, also those that cannot be relied on. Raises InputError if a file cannot be read."""
        return self._reader.all()

    def entries(self) -> list[Entry]:
        """All lines of all known writers as one history; `n` counts within the part of `writer`.

        Raises:
            JournalError: A part, or the whole, cannot be relied on.
            InputError: A file cannot be read.
        """
        return chains.merged(chain for chain in self._relied() if not chain.is_unknown)

    def own_entries(self) -> list[Entry]:
        """As `entries`, but only what this machine wrote."""
        return chains.merged(chain for chain in self._relied() if chain.is_own)

    def history(self) -> History:
        """The history of all lines of all known writers. Raises as `entries`."""
        entries = self.entries()
        trusted = {key for key in {str(entry["writer"]) for entry in entries} if self._keys.trusts(key)}
        return History(Event(entry, is_trusted=entry["writer"] in trusted) for entry in entries)

    def own_seals(self) -> list[tuple[Event, str]]:
        """The lines of our own by which a record was sealed, each with its SHA-256. Raises as `entries`."""
        found = [(Event(entry), digest) for chain in self._relied() if chain.is_own for entry, digest in chain.summary]
        return [
            (event, digest) for event, digest in found if event.kind == EventKind.RUN_ENDED and event.text("sha256")
        ]

    def settled(self, operation_id: str) -> Evidence | None:
        """The evidence of an effect that is there already, by our own parts or by a person's word in them; or None.

        Raises:
            JournalError: The journal cannot be relied on.
        """
        end = _operation(_merged_own(self._relied()), operation_id).last_end
        return self._evidence(end) if end and end.says_there else None

    def claimed(self, operation_id: str) -> Claim | None:
        """The claim of another writer that an effect is there, unless a person here has judged it since.

        Of several writers one whose key is in the ring goes first.

        Raises:
            JournalError: The journal cannot be relied on.
        """
        parts = self._relied()
        if _operation(_merged_own(parts), operation_id).answer is not None:
            return None
        for is_trusted in (True, False):
            others = [chain for chain in parts if not chain.is_own and chain.is_trusted is is_trusted]
            end = _operation(chains.merged(others, cells=False), operation_id).last_end
            if end and end.says_there:
                with suppress(JournalError):
                    return Claim(end.writer, self._evidence(end), is_trusted)
                return Claim(end.writer, None, False)
        return None

    def open_since(self, operation_id: str) -> datetime | None:
        """When an effect was last intended, by any writer, if its end is unknown; else None.

        Of this machine's own lines it is the moment by the clock as it is now, which may have been set since.
        A journal that was restarted cannot say: every effect may have been intended before that.
        """
        parts = self._relied()
        history = History.of(_merged_own(parts))
        own = history.operations.get(operation_id, Operation())
        ended = max((_moment(event) for event in own.events if event.ends), default=datetime.min.replace(tzinfo=UTC))
        others = (_intended_at(chain, operation_id) for chain in parts if not chain.is_own)
        found = [at for at in others if at and at > ended]
        if all(event.kind == EventKind.UNKNOWN for event in own.events):
            found += map(_moment, history.restarts)
        found += [_by_present_clock(own.intended)] if own.intended else []
        return max(found, default=None)

    def answer(self, operation_id: str) -> bool | None:
        return _operation(_merged_own(self._relied()), operation_id).answer

    def _relied(self) -> list[Chain]:
        return _reliable(self._reader.all())

    def restart(self, *, because: str, operator: str) -> Path | None:
        """Set the parts that cannot be relied on aside, and go on in one of our own that says so.

        Returns where the last one of them is now, or None if they were gone.

        Raises:
            InputError: They can be relied on.
            UnavailableError: The folder cannot be written.
        """
        with self._writing():
            set_aside = [self._set_aside(path) for path in self.damaged()]
        for part in set_aside:
            self.append(EventKind.RESTARTED, because=because, operator=operator, **part)
        kept = [part["kept_as"] for part in set_aside if part["kept_as"]]
        return self.folder / kept[-1] if kept else None

    def damaged(self) -> list[Path]:
        """The files of the parts that cannot be relied on; writes nothing. InputError where there is none."""
        try:
            parts = self._reader.all()
        except InputError:  # a head, or a file, that cannot be read: it is not known whose
            return [self.path]
        if damaged := [chain.path for chain in parts if chain.is_damaged]:
            return damaged
        try:
            self._check_clock(next((chain for chain in parts if chain.path == self.path), Chain(self.path, "")))
        except UnavailableError:
            return [self.path]
        if not parts:
            raise InputError(f"There is no journal in {self.folder} to set aside. Check the ticket's number.")
        raise InputError(f"The journal {self.path} can be relied on, so there is no reason to begin a new one.")

    def _set_aside(self, path: Path) -> dict[str, Any]:
        kept_as = sha256 = None
        if path.is_file():
            kept_as = f"journal-until-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.jsonl"
            sha256 = chains.digest(path.read_bytes())  # before its head goes: a part that cannot be read keeps that
        lost = self._heads.forget(self.ticket, chains.key_of(path.name) or "", self.folder)
        if kept_as:
            path.rename(self.folder / kept_as)
        return {"kept_as": kept_as, "sha256": sha256, "head": lost and asdict(lost), "part": path.name}

    @contextmanager
    def lock(self, *, then: str = "run again") -> Iterator[None]:
        """Keep other processes on this machine off the ticket.

        Raises:
            UnavailableError: Another process has it for longer than `LOCK_WAIT_S`, or the folder cannot be written.
        """
        try:
            files.make_folder(self.folder)
            held = FileLock(self.folder / ".lock", timeout=LOCK_WAIT_S, mode=files.FILE).acquire()
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
        """Keep other processes from writing; an error of the disk becomes a sentence."""
        try:
            files.make_folder(self.folder)
            with FileLock(self.folder / ".journal.lock", timeout=LOCK_WAIT_S, mode=files.FILE):
                yield
        except OSError as exc:  # a time-out of the lock is one, too
            raise UnavailableError(
                f"The journal {self.path} cannot be written ({exc.strerror or exc}). Make the folder writable, or free "
                "the disk, then run again: what was sent already is found, not sent twice."
            ) from exc

    def _line(self, kind: EventKind, fields: Mapping[str, Any], after: Head, signer: Signer) -> bytes:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = {"v": chains.VERSION, "n": after.lines + 1, "ticket": self.ticket, "at": at, "kind": kind}
        entry |= self._redactor.data(dict(fields))
        if clash := set(fields) & {*chains.OWN, "writer"}:
            raise ValueError(f"fields of the journal's own: {clash}")
        entry |= {"prev": after.sha256, "key": signer.key_id}
        signature = signer.sign(chains.DOMAIN, chains.encoded(entry))
        return chains.encoded({**entry, "sig": base64.b64encode(signature).decode()})

    def _check_clock(self, own: Chain) -> None:
        """Only our own part counts: another machine has another clock."""
        if not own.raw:
            return
        last, now = datetime.fromisoformat(json.loads(own.raw[-1])["at"]), datetime.now(UTC)
        if last - now > timedelta(seconds=CLOCK_TOLERANCE_S):
            raise UnavailableError(
                f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, but the ticket's journal goes on to "
                f"{last:%Y-%m-%d %H:%M} UTC. Set the clock, then run again; nothing was changed. If it is right, "
                + way_out(self.ticket)
            )

    def _evidence(self, event: Event) -> Evidence:
        with suppress(TypeError):
            evidence = Evidence(**event.evidence)
            if all(isinstance(text, str) for text in vars(evidence).values()):
                return evidence
        path = self.folder / chains.file_name(event.writer)
        raise chains.defect("unreadable", path, "cannot be read", event.number or 0, self.ticket)


def _reliable(parts: list[Chain]) -> list[Chain]:
    """The parts; raises the JournalError of the first that is damaged."""
    for chain in parts:
        if chain.error and chain.is_damaged:
            raise chain.error
    return parts


def _seen(own: Chain, parts: list[Chain]) -> dict[str, Any]:
    """How far the other parts have come, as far as our own does not say so yet."""
    known: dict[str, Any] = {}
    for entry, _ in own.summary:
        known |= entry.get("seen") or {}
    now = {
        chain.key: {"first": chain.first, "lines": chain.head.lines, "sha256": chain.head.sha256}
        for chain in parts
        if chain.path != own.path and chain.digests
    }
    new = {key: head for key, head in now.items() if known.get(key) != head}
    return {"seen": new} if new else {}


def _merged_own(parts: Iterable[Chain]) -> list[Entry]:
    return chains.merged((chain for chain in parts if chain.is_own), cells=False)


def _operation(entries: Iterable[Entry], operation_id: str) -> Operation:
    return History.of(entries).operations.get(operation_id, Operation())


def _moment(event: Event) -> datetime:
    return event.at or datetime.now(UTC)


def _by_present_clock(event: Event) -> datetime:
    """When a line was written on this machine since it was started, however its clock was set since; else `_moment`."""
    at, then, now = _moment(event), event.entry.get("uptime"), uptime()
    if not now or not isinstance(then, list) or then[:1] != [now[0]] or (ran_s := finite(then[-1])) is None:
        return at
    meant = datetime.now(UTC) - timedelta(seconds=now[1] - ran_s)
    return meant if abs(meant - at) > timedelta(seconds=1) else at


def _intended_at(chain: Chain, operation_id: str) -> datetime | None:
    """When another writer last intended an operation, if that has no end there: not after its file was written.

    File systems stamp by a coarse clock, so a moment before the line's own is none.
    """
    intended = _operation((entry for entry, _ in chain.summary), operation_id).intended
    if intended is None:
        return None
    at = _moment(intended)
    with suppress(OSError, OverflowError, ValueError):
        written_at = datetime.fromtimestamp(chain.path.stat().st_mtime, UTC)
        return written_at if at - written_at > timedelta(seconds=1) else at
    return at

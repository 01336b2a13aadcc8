"""The parts of a ticket's journal, one for each writer: files of JSON lines, chained and signed. Reads, never writes.

    journal.<key>.jsonl   what the owner of a key wrote, on one machine: all its lines are signed by that key
    journal.<key>.pub     that key's public part, so that a ticket's folder can be verified wherever it is copied to

What holds of each, and is checked whenever it is read:

    one line is one event: a run begins or ends, an effect is intended, done, adopted or not done ...
    each line names its ticket, its number, and the SHA-256 of the line before: none is missing, moved or foreign
    each line is signed by the writer: none is altered
    the *head*, kept with its writer's keys, names the last line: none is cut off, and the part is not gone

How trust follows: a line holds the SHA-256 of the one before, and its signature covers that. So one good signature, of
the last line, says of every line that it is, byte by byte, what the writer has once written there; the others are
hashed, not verified. Only where that does not come out is each signature verified, to name the first bad line.

A part whose key is nowhere to be found is of an *unknown writer*: nothing can be said of it, and it is no damage.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import heapq
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from runbook_lib import files
from runbook_lib.domain.errors import JournalError
from runbook_lib.ledger.heads import FIRST_DIGITS, Head, Heads, KeptHead, way_out
from runbook_lib.ledger.keyring import KeyRing, Validity

FILE_NAME = "journal.jsonl"
"""What a ticket's journal is called where no part of it is meant; no file has this name."""
KEY_DIGITS = 8
"""Digits of the writer's key in a record's name, so that two machines never give the same one."""
VERSION = 2
"""Of a line's form; version 1 was neither chained nor signed."""
DOMAIN = b"journal-line-2"
START = "0" * 64
_SIGNATURE = 88 + len('"}')
_AFTER_KEY = len('","sig":"') + _SIGNATURE
_TAIL = len(',"prev":"') + 64 + len('","key":"') + 16 + _AFTER_KEY
"""Bytes at the end of a line: the signature; all that follows the key; and that with the link to the line before."""
_OF_A_CELL = b'"kind":"cell_started"'
_SEEN = b'"seen":'
"""In a line that says no more than that a cell began, and in one that names how far other parts had come."""
OWN = ("v", "n", "ticket", "at", "kind", "prev", "key", "sig")
"""What a line has of itself."""
_HIDDEN = ("v", "ticket", "prev", "key", "sig")
_NAMED = re.compile(r"journal\.([0-9a-f]{16})\.jsonl")

_ANOTHERS = "set the file aside, and copy or pull (`runbook records pull`) it again from its machine or the share."
"""What to do about another machine's part: its journal cannot be restarted here."""

Entry = dict[str, Any]


@dataclass(frozen=True)
class Chain:
    """One writer's part. Three of four lines say only that a cell began, which no list of runs needs."""

    path: Path
    key: str
    raw: tuple[bytes, ...] = field(default=(), repr=False)  # its lines; none if the part is damaged
    digests: tuple[str, ...] = field(default=(), repr=False)  # the SHA-256 of each
    summary: tuple[tuple[Entry, str], ...] = field(default=(), repr=False)  # the entries but the cells', with digests
    error: JournalError | None = None  # why it cannot be relied on, or None
    is_own: bool = False  # whether this key ring wrote it
    is_trusted: bool = False  # whether its key is in the ring; else it lies beside the journal, or nowhere
    whole: int = 0  # how many bytes its whole lines have; what comes after was never acknowledged

    @property
    def is_unknown(self) -> bool:
        """Whether the writer is unknown: its lines are read, but nothing proves them."""
        return self.error is not None and self.error.problem == "unknown_writer"

    @property
    def is_damaged(self) -> bool:
        return self.error is not None and not self.is_unknown

    @property
    def first(self) -> str:
        return self.digests[0][:FIRST_DIGITS] if self.digests else ""

    @property
    def head(self) -> Head:
        return Head(len(self.digests), self.digests[-1]) if self.digests else Head(0, START)

    @cached_property
    def lines(self) -> list[tuple[Entry, str]]:
        return [(_shown(json.loads(line)), digest) for line, digest in zip(self.raw, self.digests, strict=True)]


def file_name(key: str) -> str:
    return f"journal.{key}.jsonl" if key else FILE_NAME


def key_of(name: str) -> str | None:
    """The writer whose part a file is by its name; None for any other file."""
    found = _NAMED.fullmatch(name)
    return found[1] if found else None


def merged(chains: Iterable[Chain], *, cells: bool = True) -> list[Entry]:
    """The lines of several parts as one history: by their moments, and each part in its own order.

    A line that stands in two files counts once. Without `cells` the lines on cells are left out.
    """
    parts = [_timed(chain.key, chain.lines if cells else chain.summary) for chain in chains]
    found = heapq.merge(*parts, key=lambda line: line[0])
    return list({sha256: entry for _, entry, sha256 in found}.values())


def _timed(key: str, lines: Iterable[tuple[Entry, str]]) -> Iterator[tuple[tuple[str, str], Entry, str]]:
    """Each line with a moment that never goes back, whatever the writer's clock did, and its SHA-256."""
    latest = ""
    for entry, sha256 in lines:
        latest = max(latest, str(entry.get("at", "")))
        yield (latest, key), entry, sha256


def encoded(entry: Mapping[str, Any]) -> bytes:
    """A line's one and only form; half a character of a bad text stays an escape."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def whole_lines(content: bytes) -> list[bytes]:
    """The lines of a file without their line breaks; one that has none yet was never acknowledged."""
    return content.split(b"\n")[:-1]


class Reader:
    """Reads and checks the parts of one ticket's journal: each line is bound to the ticket, such as `live/1001`."""

    def __init__(self, folder: Path, ticket: str, keys: KeyRing) -> None:
        self._folder, self._ticket, self._keys = folder, ticket, keys
        self._heads = Heads(keys.folder)
        self._known: dict[Path, tuple[bytes, Chain]] = {}

    def all(self, listed: Iterable[str] | None = None) -> list[Chain]:
        """Every part that is there, or missing of our own. Raises InputError if a file or a head cannot be read."""
        # The heads first: a process that appends meanwhile writes the line before the head.
        kept = self._heads.of(self._ticket, self._folder)
        names = {file_name(each.key) for each in kept}
        here = _names_in(self._folder) if listed is None else listed
        names |= set(filter(key_of, here))
        return [self._read(self._folder / name, kept) for name in sorted(names)]

    def one(self, path: Path) -> Chain:
        """One part; empty if it is not there. Raises as `all`."""
        return self._read(path, self._heads.of(self._ticket, self._folder))

    def _read(self, path: Path, kept: list[KeptHead]) -> Chain:
        key = key_of(path.name) or ""
        content = b""
        advice = " Move it away or make it readable, then run again."
        with files.explained(f"The journal {path} cannot be read", advice), suppress(FileNotFoundError):
            content = files.read(path)
        mine = [each for each in kept if each.key == key]
        known = self._known.get(path)
        found = known[1] if known and known[0] == content else self.checked(path, content)
        if found.is_trusted and not found.error:  # the same bytes are as good the next time
            self._known[path] = (content, found)
        is_own = bool(mine) or key == self._keys.signing_key
        found = replace(found, is_own=is_own and not found.is_unknown)
        if found.error and found.is_damaged and not is_own:
            words = str(found.error).replace(way_out(self._ticket), _ANOTHERS)
            found = replace(found, error=JournalError(found.error.problem, words, found.error.line))
        for each in [each for each in mine if found.first and each.first == found.first] or mine:
            if not found.error and (error := self._against_head(found, each)):
                found = replace(found, error=error)
        return replace(found, raw=(), digests=(), summary=()) if found.is_damaged else found

    def checked(self, path: Path, content: bytes) -> Chain:
        """A part as its file has it, or would have it; where it has to end is not looked at.

        Of a whole chain the last signature is enough; otherwise each line is checked, to name the first defect.
        """
        key, lines = key_of(path.name) or "", whole_lines(content)
        found = Chain(path, key, whole=content.rfind(b"\n") + 1)
        check = _File(path, key, self._ticket, self._keys)
        digests = check.linked(lines)
        with suppress(JournalError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            if digests and check.validity(len(lines), lines[-1], json.loads(lines[-1])) is Validity.GOOD:
                return _filled(found, lines, digests, is_trusted=self._keys.trusts(key))
        try:
            digests, error = check.each(lines)
        except JournalError as exc:
            return replace(found, error=exc)
        is_trusted = not error and (not lines or self._keys.trusts(key))
        return _filled(replace(found, error=error), lines, digests, is_trusted=is_trusted)

    def _against_head(self, chain: Chain, kept: KeptHead) -> JournalError | None:
        """A part ends where its head says, or later: the line comes first, and a crash may be in between."""
        head, count = kept.head, len(chain.digests)
        if not count:
            words = f"The journal {chain.path} is gone; it had {head.lines} lines. Bring it back from a backup"
            return JournalError("missing", f"{words}; otherwise {way_out(self._ticket)}")
        if chain.first != kept.first:
            return defect("broken_chain", chain.path, "is not the line that was written", 1, self._ticket)
        if count < head.lines:
            words = f"The journal {chain.path} ends after line {count}, but it had {head.lines}. Bring it back from a"
            return JournalError("truncated", f"{words} backup; otherwise {way_out(self._ticket)}", count)
        if chain.digests[head.lines - 1] != head.sha256:
            return defect("broken_chain", chain.path, "is not the line that was written", head.lines, self._ticket)
        return None


def _names_in(folder: Path) -> list[str]:
    with files.explained(f"The folder {folder} cannot be read"), suppress(FileNotFoundError):
        return os.listdir(folder)  # noqa: PTH208 - names are all that is needed
    return []


def _filled(chain: Chain, lines: Sequence[bytes], digests: Sequence[str], *, is_trusted: bool = False) -> Chain:
    """A part with its lines; raises if one is no entry, which cannot be where each was checked."""
    pairs = [pair for pair in zip(lines, digests, strict=True) if _OF_A_CELL not in pair[0] or _SEEN in pair[0]]
    entries = json.loads(b"[" + b",".join(line for line, _ in pairs) + b"]")
    if len(entries) != len(pairs) or not all(isinstance(entry["kind"], str) for entry in entries):
        raise TypeError("each line is an entry of some kind")
    summary = tuple((_shown(entry), sha256) for entry, (_, sha256) in zip(entries, pairs, strict=True))
    return replace(chain, raw=tuple(lines), digests=tuple(digests), summary=summary, is_trusted=is_trusted)


class _File:
    def __init__(self, path: Path, key: str, ticket: str, keys: KeyRing) -> None:
        self._path, self._key, self._ticket, self._keys = path, key, ticket, keys

    def linked(self, lines: list[bytes]) -> list[str]:
        """The lines' digests, if each has the form of a line, its place, and a link to the one before; else nothing.

        All name one key: the last signature says nothing of what another key is said to have signed.
        """
        begin = b'{"v":%d,"n":%%d,"ticket":"%s","at":"' % (VERSION, self._ticket.encode())
        key = b'","key":"' + self._key.encode() + b'","sig":"'
        digests = [hashlib.sha256(line).hexdigest() for line in lines]
        links = b',"prev":"' + (key + b',"prev":"').join(map(str.encode, (START, *digests[:-1]))) + key
        tails = b"".join([line[-_TAIL:-_SIGNATURE] for line in lines])  # shorter than the links if a line is too short
        begins = [begin % number for number in range(1, len(lines) + 1)]
        return digests if tails == links and all(map(bytes.startswith, lines, begins)) else []

    def each(self, lines: list[bytes]) -> tuple[list[str], JournalError | None]:
        """The lines' digests, each one checked, and the first unknown writer. Raises JournalError at a defect."""
        digests, unknown = [START], None
        for number, line in enumerate(lines, start=1):
            key = self._check(number, line, digests[-1])
            unknown = unknown or (self._unknown(number, key) if key else None)
            digests.append(digest(line))
        return digests[1:], unknown

    def _check(self, number: int, line: bytes, before: str) -> str:
        """One line, checked by itself and against the one before; returns its key if that is unknown, or ""."""
        try:
            entry = dict(json.loads(line))
            kind, version = entry["kind"], entry.get("v", 1)
            if not isinstance(kind, str) or not isinstance(version, int):
                raise TypeError("a line has a kind and a version")
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            raise self._defect("unreadable", "cannot be read", number) from exc
        if version > VERSION:
            raise JournalError(
                "newer_version",
                f"Line {number} of {self._path} was written by a newer version of this runbook. Update it, then run "
                "again; nothing was changed.",
                number,
            )
        if version < VERSION or "sig" not in entry:
            raise self._defect("unsigned", "is not signed", number)
        self._check_writer(number, entry)
        validity = self.validity(number, line, entry)
        if entry.get("ticket") != self._ticket:
            raise self._defect("other_ticket", f"is of ticket {entry.get('ticket')}, not of {self._ticket}", number)
        if entry.get("n") != number or entry.get("prev") != before:
            raise self._defect("broken_chain", "does not follow the line before: one was removed or moved", number)
        return str(entry.get("key")) if validity is Validity.UNKNOWN_KEY else ""

    def _check_writer(self, number: int, entry: Mapping[str, Any]) -> None:
        """A part has one writer: another one's key means that the file, or the line, was put there."""
        key = str(entry.get("key"))
        if key == self._key:
            return
        if number == 1:
            words = f"{self._path} holds what writer {key} wrote. Rename it to {file_name(key)}, or remove it if that"
            raise JournalError("misnamed", f"{words} is there already; otherwise {way_out(self._ticket)}", number)
        raise self._defect("foreign_key", f"is signed by another key than the lines before, {key}", number)

    def validity(self, number: int, line: bytes, entry: Mapping[str, Any]) -> Validity:
        """Check the signature of a line: good, or of an unknown key. Raises JournalError if the line was altered."""
        unsigned = {name: value for name, value in entry.items() if name != "sig"}
        try:
            signature = base64.b64decode(entry["sig"], validate=True)
        except (KeyError, binascii.Error, TypeError, ValueError) as exc:
            raise self._defect("altered", "was altered", number) from exc
        beside = self._path.parent
        found = self._keys.verify(str(entry.get("key")), signature, DOMAIN, encoded(unsigned), beside=beside)
        if found is Validity.BAD or encoded(entry) != line:
            raise self._defect("altered", "was altered", number)
        return found

    def _unknown(self, number: int, key: str) -> JournalError:
        return JournalError(
            "unknown_writer",
            f"{self._path} is of an unknown writer, {key}: its public key is neither in the ring nor beside the "
            f"journal, so that it cannot be said whether it is genuine. Bring journal.{key}.pub from that machine, or "
            f"run `runbook keys trust FILE` with its public key (…-{key}.pub).",
            number,
        )

    def _defect(self, problem: str, words: str, number: int) -> JournalError:
        return defect(problem, self._path, words, number, self._ticket)


def _shown(entry: Entry) -> Entry:
    """A line for readers: without the fields that only the chain needs, and with `key` as `writer`."""
    writer = str(entry.get("key"))
    for name in _HIDDEN:
        entry.pop(name, None)
    entry["writer"] = writer
    return entry


def defect(problem: str, path: Path, words: str, number: int, ticket: str) -> JournalError:
    """The error for a line, with what a person can do."""
    message = f"Line {number} of {path} {words}. Nothing was changed. Compare it with a backup; otherwise "
    return JournalError(problem, message + way_out(ticket), number)

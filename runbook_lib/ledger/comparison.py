"""The mirror and the share, object by object: what was replaced, removed or added by a person who can write there.

Both are read in the order of names, ticket by ticket, so that any number of objects takes the memory of a few tickets.
A content is fetched only where the share's listing does not state its MD5, or states another one.
"""

from __future__ import annotations

import hashlib
import heapq
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from runbook_lib import files
from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.chains import digest, key_of, whole_lines
from runbook_lib.ledger.keyring import KeyRing, public_pem
from runbook_lib.ledger.mirror import in_parallel
from runbook_lib.ledger.objects import CLAIMS, TICKET, Segment, is_record, is_stray, segment
from runbook_lib.ledger.pushing import Pushed
from runbook_lib.ledger.share import Share, Stored, names_in

NOTICES = ("not_pushed", "not_pulled", "unknown_writer", "stray")
"""What is only reported: none of it says that anything was tampered with."""
MOST = 1000
"""Differences of one kind that are shown one by one."""
GONE = "It was created from here, or listed, and is gone."
STRAY = "It is a file of an operating system or a sync program, and no part of the share."
ODD = "It is no object that a runbook creates: it was added by other means."


@dataclass(frozen=True)
class Difference:
    """Objects that the mirror and the share do not have alike: `replaced`, `removed`, `odd`, `case`, or a notice."""

    code: str
    path: str
    words: str
    count: int = 1

    @property
    def is_defect(self) -> bool:
        return self.code not in NOTICES


def bounded(differences: Iterable[Difference], most: int = MOST) -> list[Difference]:
    """The first of each code, and how many more there are of it."""
    shown: list[Difference] = []
    counts = Counter[str]()
    for each in differences:
        counts[each.code] += 1
        if counts[each.code] <= most:
            shown.append(each)
    more = {code: count - most for code, count in counts.items() if count > most}
    return shown + [Difference(code, "", f"{count:,} more.", count) for code, count in more.items()]


class Comparison:
    def __init__(
        self, share: Share, folder: Path, keys: KeyRing, progress: Callable[[], object] = lambda: None
    ) -> None:
        self._share, self._folder, self._keys, self._progress = share, folder, keys, progress
        self._unknown_writers: set[str] = set()

    def differences(self) -> Iterator[Difference]:
        """Each difference. Raises as `Share.objects`."""
        for found in in_parallel(lambda pair: list(self._ticket(*pair)), self._joined()):
            yield from found
            self._progress()
        for each in self._share.objects("keys"):
            name = each.path.removeprefix("keys/").removesuffix(".pem")
            if is_stray(each.path):
                yield Difference("stray", clean(each.path), STRAY)
            elif public_pem(self._share.read(each.path) or b"", name) is None:
                yield Difference("replaced", clean(each.path), "It is not the key that its name says.")
        for key in sorted(self._unknown_writers):
            words = f"Writer {key} is not trusted here. `runbook keys list` shows its owner, by its own word."
            yield Difference("unknown_writer", f"keys/{key}.pem", words)

    def _joined(self) -> Iterator[tuple[str, list[Stored]]]:
        """Each ticket of the share or of the mirror, with its objects in the share; both sides come in one order."""
        here = ((name, None) for name in names_in(self._folder) if name[-1] == "/" and TICKET.fullmatch(name[:-1]))
        there = ((each.path.partition("/")[2], each) for each in self._share.objects(self._folder.name))
        both: Iterator[tuple[str, Stored | None]] = heapq.merge(here, there, key=lambda pair: os.fsencode(pair[0]))
        for name, pairs in groupby(both, key=lambda pair: pair[0][: pair[0].find("/") + 1]):
            if name != f"{CLAIMS}/":
                yield name[:-1], [each for _, each in pairs if each]

    def _ticket(self, name: str, objects: list[Stored]) -> Iterator[Difference]:
        yield from (Difference("stray", clean(each.path), STRAY) for each in objects if is_stray(each.path))
        objects = [each for each in objects if not is_stray(each.path)]
        if not TICKET.fullmatch(name):
            yield from (Difference("odd", clean(each.path), ODD) for each in objects)
            return
        here = _Mirrored(self._folder / name, f"{self._folder.name}/{name}/", self._share)
        listed = {each.path.removeprefix(here.prefix): each for each in objects}
        expected: dict[str, str] = {}  # the SHA-256 of what an object should hold
        for rest, each in listed.items():
            content = here.content(rest)
            if content is None:
                yield _not_here(each.path, rest, here)
            elif not _states(each, content):
                expected[each.path] = digest(content)
        for path, sha256 in here.pushed.items():
            if not path.startswith(here.prefix):  # a claim or a key, of which no listing was read
                expected[path] = sha256
            elif path.removeprefix(here.prefix) not in listed:
                yield Difference("removed", path, GONE)
        for path, found in zip(expected, self._share.digests(expected), strict=True):
            if not found:
                yield Difference("removed", path, GONE)
            elif found != expected[path]:
                yield Difference("replaced", path, f"It is not what is in {here.folder}, or was created from here.")
        self._unknown_writers |= {key for key in here.writers(listed) if not self._keys.trusts(key)}
        yield from self._missing(here, listed)

    def _missing(self, here: _Mirrored, listed: Collection[str]) -> Iterator[Difference]:
        """What is here, or has to be, and was neither listed nor pushed from here."""
        own = self._keys.signing_key or ""
        known = {*listed, *(path.removeprefix(here.prefix) for path in here.pushed)}
        for name in sorted(here.records - known):
            yield _not_there(here.prefix + name, is_own=name.endswith(f"-{own[:8]}.ipynb"))
        for key in sorted(here.writers(known)):
            count = 0
            for each in sorted(found for name in known if (found := segment(name)) and found.key == key):
                if each.first > count + 1:
                    path = here.prefix + Segment(key, count + 1, each.first - 1).name
                    yield Difference("removed", path, "It is gone from the share: later lines of its writer are there.")
                count = max(count, each.last)
            if count < here.count(key):
                yield _not_there(here.prefix + Segment(key, count + 1, here.count(key)).name, is_own=key == own)


class _Mirrored:
    """One ticket's folder, as the share should have it."""

    def __init__(self, folder: Path, prefix: str, share: Share) -> None:
        self.folder, self.prefix = folder, prefix
        self.pushed = Pushed(folder, share).objects
        paths = folder.iterdir() if folder.is_dir() else ()
        names = [path.name for path in paths if path.is_file() and not path.is_symlink()]
        self.records = {name for name in names if is_record(name)}
        self.spelled = {name.casefold(): name for name in self.records}
        parts = {key: folder / name for name in names if (key := key_of(name))}
        self._lines = {key: whole_lines(files.read(path)) for key, path in parts.items()}

    def content(self, name: str) -> bytes | None:
        """What an object of this ticket should hold, or None if that is not here."""
        if found := segment(name):
            lines = self._lines.get(found.key, [])[found.first - 1 : found.last]
            return b"".join(line + b"\n" for line in lines) if len(lines) == len(found) else None
        return files.read(self.folder / name) if name in self.records else None

    def writers(self, listed: Collection[str]) -> set[str]:
        return {*self._lines, *(found.key for name in listed if (found := segment(name)))}

    def count(self, key: str) -> int:
        return len(self._lines.get(key, []))


def _not_there(path: str, *, is_own: bool) -> Difference:
    if is_own:
        return Difference("not_pushed", path, "It was not pushed yet. Run `runbook records push`.")
    return Difference("removed", path, "It is here, of another machine, and is gone from the share.")


def _not_here(path: str, name: str, here: _Mirrored) -> Difference:
    if not (segment(name) or is_record(name)):
        return Difference("odd", clean(path), ODD)
    if other := here.spelled.get(name.casefold()):
        return Difference("case", path, f"It differs from {other} only in case.")
    return Difference("not_pulled", path, "It is not here: it is new, or was added by other means. Pull, then verify.")


def _states(stored: Stored, content: bytes) -> bool:
    """Whether the listing itself says that an object has this content."""
    return stored.size == len(content) and stored.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()

"""The mirror and the share, object by object: what was replaced, removed or added by somebody who can write there.

Both are read in the order of names, ticket by ticket, so that any number of objects takes the memory of one ticket.
A content is fetched only where the share's listing does not state its MD5, or states another one.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.keyring import KeyRing, public_pem
from runbook_lib.ledger.mirror import CLAIMS, Pushed, Segment, is_record, segment
from runbook_lib.ledger.share import Share, Stored

NOTICES = ("not_pushed", "not_pulled", "unknown_writer")
"""What is only told: nothing of it says that anything was tampered with."""
_TICKET = re.compile("[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Difference:
    """An object that the mirror and the share do not have alike.

    Attributes:
        code: `replaced`, `removed`, `odd`, `case`, or one of `NOTICES`.
        path: The object.
        words: What it means, in a sentence.
    """

    code: str
    path: str
    words: str

    @property
    def is_defect(self) -> bool:
        """Whether somebody has changed something."""
        return self.code not in NOTICES


class Comparison:
    """The differences between a profile's mirror and the share.

    Args:
        share: The share.
        folder: The profile's outputs.
        keys: The ring: whose writers are known.
        progress: Called for each ticket.
    """

    def __init__(self, share: Share, folder: Path, keys: KeyRing, progress: Callable[[], None] = lambda: None) -> None:
        self._share, self._folder, self._keys, self._progress = share, folder, keys, progress
        self._own = keys.signing_key
        self._strangers: set[str] = set()
        self.objects = 0

    def differences(self) -> Iterator[Difference]:
        """Each difference. Raises as `Share.objects`."""
        for name, objects in self._joined():
            self.objects += len(objects)
            if name == CLAIMS:
                continue
            yield from self._ticket(name, objects)
            self._progress()
        yield from self._keys_differences()

    def _joined(self) -> Iterator[tuple[str, list[Stored]]]:
        """Each ticket of the share or of the mirror, with its objects in the share."""
        names = (path.name for path in self._folder.iterdir() if path.is_dir() and _TICKET.fullmatch(path.name))
        here: Iterator[tuple[str, list[Stored]]] = ((name, []) for name in sorted(names, key=_order))
        theirs = groupby(self._share.objects(self._folder.name), key=lambda each: each.path.split("/")[1])
        there = ((name, list(objects)) for name, objects in theirs)
        both = heapq.merge(here, there, key=lambda pair: _order(pair[0]))
        for name, pairs in groupby(both, key=lambda pair: pair[0]):
            yield name, [each for _, objects in pairs for each in objects]

    def _ticket(self, name: str, objects: list[Stored]) -> Iterator[Difference]:
        place, prefix = self._folder / name, f"{self._folder.name}/{name}/"
        pushed = Pushed(place, self._share).objects
        there: dict[str, Stored] = {}
        for each in objects:
            rest = each.path.removeprefix(prefix)
            if _TICKET.fullmatch(name) and (segment(rest) or is_record(rest)):
                there[rest] = each
            else:
                yield Difference("odd", clean(each.path), "It is no object that a runbook creates. Somebody added it.")
        yield from self._records(place, there, pushed)
        yield from self._journals(place, there, pushed)
        yield from self._gone(pushed, objects)

    def _gone(self, pushed: dict[str, str], objects: list[Stored]) -> Iterator[Difference]:
        """What was pushed from here and is not there any more; claims are looked for one by one."""
        listed = {each.path for each in objects}
        for path, sha256 in pushed.items():
            if path.startswith((f"{self._folder.name}/{CLAIMS}/", "keys/")):
                content = self._share.read(path)
                if content is None:
                    yield Difference("removed", path, "It was created from here, and is gone.")
                elif hashlib.sha256(content).hexdigest() != sha256:
                    yield Difference("replaced", path, "It is not what was created from here.")
            elif path not in listed:
                yield Difference("removed", path, "It was pushed from here, and is gone.")

    def _records(self, place: Path, there: dict[str, Stored], pushed: dict[str, str]) -> Iterator[Difference]:
        names = [path.name for path in place.iterdir() if path.is_file()] if place.is_dir() else []
        here = {name for name in names if is_record(name)}
        spelled = {name.casefold(): name for name in here}
        for name, each in there.items():
            if not is_record(name):
                continue
            if name not in here and name.casefold() in spelled:
                yield Difference("case", each.path, f"It differs from {spelled[name.casefold()]} only in case.")
            elif name not in here:
                yield self._not_here(each.path)
            elif not self._is_same(each, (place / name).read_bytes()):
                yield Difference("replaced", each.path, f"It is not what {place / name} holds.")
        for name in sorted(here - there.keys()):
            yield from self._not_there(f"{self._folder.name}/{place.name}/{name}", self._is_ours(name), pushed)

    def _is_ours(self, name: str) -> bool:
        """Whether a record is of this machine, by its name; one of an earlier version does not tell."""
        part = re.search(r"-([0-9a-f]{8})\.ipynb$", name)
        return part is None or part[1] == (self._own or "")[:8]

    def _journals(self, place: Path, there: dict[str, Stored], pushed: dict[str, str]) -> Iterator[Difference]:
        segments: dict[str, list[tuple[Segment, Stored]]] = {}
        for name, each in there.items():
            if found := segment(name):
                segments.setdefault(found.key, []).append((found, each))
        paths = sorted(place.glob("journal.*.jsonl")) if place.is_dir() else []
        here = {path.name.split(".")[1]: path for path in paths}
        for key in sorted({*segments, *here}):
            if not self._keys.trusts(key):
                self._strangers.add(key)
            lines = here[key].read_bytes().splitlines(keepends=True) if key in here else []
            parts = sorted(segments.get(key, []), key=lambda pair: (pair[0].first, pair[0].last))
            yield from self._part(place, key, lines, parts, pushed)

    def _part(
        self, place: Path, key: str, lines: list[bytes], parts: list[tuple[Segment, Stored]], pushed: dict[str, str]
    ) -> Iterator[Difference]:
        """One writer's lines here, and its segments there."""
        count = 0
        for part, each in parts:
            if part.first > count + 1:
                name = f"{self._folder.name}/{place.name}/{Segment(key, count + 1, part.first - 1).name}"
                if name not in pushed:
                    yield Difference("removed", name, f"Lines {count + 1} to {part.first - 1} of {key} are gone.")
            count = max(count, part.last)
            if part.last > len(lines):
                yield self._not_here(each.path)
            elif not self._is_same(each, b"".join(lines[part.first - 1 : part.last])):
                yield Difference("replaced", each.path, f"It is not what lines {part.first} to {part.last} hold here.")
        if count < len(lines):
            name = f"{self._folder.name}/{place.name}/{Segment(key, count + 1, len(lines)).name}"
            is_told = any(
                path.startswith(name.rpartition("/")[0]) for path in pushed.keys() - {e.path for _, e in parts}
            )
            if not is_told:
                yield from self._not_there(name, key == self._own, pushed)

    def _keys_differences(self) -> Iterator[Difference]:
        for each in self._share.objects("keys"):
            self.objects += 1
            name = each.path.removeprefix("keys/").removesuffix(".pem")
            if public_pem(self._share.read(each.path) or b"", name) is None:
                yield Difference("replaced", clean(each.path), "It is not the key that its name says.")
        for key in sorted(self._strangers):
            words = f"Writer {key} is not trusted here. `runbook keys list` tells whose key it says it is."
            yield Difference("unknown_writer", f"keys/{key}.pem", words)

    def _not_here(self, path: str) -> Difference:
        return Difference("not_pulled", path, "It is not here: new, or added by somebody. Pull, then verify.")

    def _not_there(self, path: str, is_ours: bool, pushed: dict[str, str]) -> Iterator[Difference]:
        if path in pushed:
            return  # `_gone` tells it
        if is_ours:
            yield Difference("not_pushed", path, "It was not pushed yet. Run `runbook records push`.")
        else:
            yield Difference("removed", path, "It is here, of another machine, and is gone from the share.")

    def _is_same(self, stored: Stored, content: bytes) -> bool:
        if stored.size != len(content):
            return False
        if stored.md5 and stored.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest():
            return True
        return self._share.read(stored.path) == content


def _order(name: str) -> bytes:
    """Where a folder of the mirror stands in a listing of the share."""
    return f"{name}/".encode()

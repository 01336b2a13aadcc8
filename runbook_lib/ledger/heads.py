"""The last line of each journal that this key ring has written, kept with the keys, so that a cut journal shows.

    heads/<profile>-<ticket>/<key>-<first line>.json   one for each chain, wherever its folder stands

A chain is known by its key and by the start of its first line's SHA-256, so that a folder that was moved still has its
head, and two folders with one ring have one each. A head also says where its chain was last written: one that is there
still is not missed elsewhere.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runbook_lib import files
from runbook_lib.domain.errors import InputError

FIRST_DIGITS = 8
"""Digits of the first line's SHA-256 that name a chain."""
_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}\.json")


@dataclass(frozen=True)
class Head:
    lines: int
    sha256: str


@dataclass(frozen=True)
class KeptHead:
    """A head that was kept: of which chain, by the start of its first line's SHA-256, and where that was written."""

    key: str
    first: str
    head: Head
    folder: str


class Heads:
    def __init__(self, keys: Path) -> None:
        self._folder = keys / "heads"

    def of(self, ticket: str, folder: Path) -> list[KeptHead]:
        """The heads of a ticket, such as `live/1001`, that are in its folder or missed. Raises InputError."""
        found = [self._kept(path, ticket) for path in self.files(ticket)]
        return [kept for kept in found if not _is_elsewhere(kept, folder)]

    def keep(self, ticket: str, key: str, first: str, head: Head, folder: Path) -> None:
        """Replace a head, in one piece. Raises OSError if the disk does not take it."""
        place = self._folder / _named(ticket)
        files.make_folder(place)
        fields = {"lines": head.lines, "sha256": head.sha256, "folder": str(folder.resolve())}
        files.write(place / f"{key}-{first[:FIRST_DIGITS]}.json", json.dumps(fields).encode())

    def forget(self, ticket: str, key: str, folder: Path) -> Head | None:
        """Remove the heads of a part that is set aside; returns what one said, if it can be read. Raises OSError."""
        lost = None
        for path in self.files(ticket):
            if path.stem.startswith(f"{key}-"):
                with suppress(InputError):
                    kept = self._kept(path, ticket)
                    if _is_elsewhere(kept, folder):
                        continue
                    lost = kept.head
                path.unlink(missing_ok=True)
        return lost

    def lost_tickets(self, profile: str, folder: Path, here: Collection[str]) -> Iterator[str]:
        """The numbers of the tickets that a profile's folder has lost: it had journals of them, and has no folder.

        A file or a broken link in a folder's place is none of the folders that are `here`.
        """
        try:
            names = sorted(os.listdir(self._folder))  # noqa: PTH208 - as in `files`
        except OSError:
            return
        for name in names:
            number = name.removeprefix(f"{profile}-")
            is_number = name.startswith(f"{profile}-") and number.isdigit() and number not in here
            if is_number and self._is_missed(profile, number, folder):
                yield number

    def _is_missed(self, profile: str, number: str, folder: Path) -> bool:
        try:
            return bool(self.of(f"{profile}/{number}", folder / number))
        except InputError:
            return True

    def are_of(self, ticket: str, folder: Path) -> bool:
        """Whether all heads of a ticket are of chains in its folder. Raises InputError if one cannot be read."""
        return all(self._kept(path, ticket).folder == str(folder.resolve()) for path in self.files(ticket))

    def files(self, ticket: str) -> list[Path]:
        place = f"{self._folder}/{_named(ticket)}"
        try:
            names = sorted(os.listdir(place))  # noqa: PTH208 - of thousands of tickets
        except (FileNotFoundError, NotADirectoryError):
            names = []
        return [Path(place, name) for name in names if _NAME.fullmatch(name)]

    def _kept(self, path: Path, ticket: str) -> KeptHead:
        try:
            fields = json.loads(files.read(path))
            head, folder = Head(fields["lines"], fields["sha256"]), fields["folder"]
            if not (isinstance(head.lines, int) and isinstance(head.sha256, str) and isinstance(folder, str)):
                raise TypeError
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
            words = f"{path}, which says how far the journal has come, cannot be read. To go on, {way_out(ticket)}"
            raise InputError(words) from exc
        key, _, first = path.stem.partition("-")
        return KeptHead(key, first, head, folder)


def way_out(ticket: str) -> str:
    return (
        f"run `runbook journal restart {ticket.rpartition('/')[2]} --because WORDS`, which keeps the old journal and "
        "begins a new one; what was done is found again, not repeated."
    )


def _is_elsewhere(kept: KeptHead, folder: Path) -> bool:
    """Whether a chain is still where it was last written, and that is another folder: then it is not missed here."""
    is_here = kept.folder == str(folder) or Path(kept.folder) == folder.resolve()
    return not is_here and (Path(kept.folder) / f"journal.{kept.key}.jsonl").exists()


def _named(ticket: str) -> str:
    return ticket.replace("/", "-")

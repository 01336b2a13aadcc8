"""Pushes what is ours to the team's share: the lines of our own parts of the journal, and the records that they seal.

What was pushed is noted here, and not asked for again. Before new lines are pushed, and once all are, the share is
listed: if it holds others by the same key, this folder or its key is not the only one of its kind, and only a new key
helps. Of two that push in the same moment one at least learns of it.

    <ticket>/.share-<digest of the address>   what was pushed from here: the SHA-256 and the name of each object
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from runbook_lib import files
from runbook_lib.ledger.chains import Chain, digest
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.ledger.mirror import Transferred, in_parallel
from runbook_lib.ledger.objects import Segment, is_record, published, segment
from runbook_lib.ledger.share import Share

_SEALS = ("run_ended", "record_adopted")


class Pushed:
    """The notes on what was pushed from a ticket's folder, so that the share is not asked for it again.

    Raises:
        InputError: The notes cannot be read, or written.
    """

    def __init__(self, folder: Path, share: Share) -> None:
        self._path = folder / f".share-{digest(share.url.encode())[:8]}"
        self.objects: dict[str, str] = {}
        with files.explained(f"{self._path} cannot be read or written"), suppress(FileNotFoundError):
            lines = files.read(self._path).decode(errors="replace").splitlines()
            self.objects = {name: sha256 for sha256, _, name in (line.partition(" ") for line in lines) if name}

    def note(self, name: str, content: bytes) -> None:
        self.objects[name] = digest(content)
        with (
            files.explained(f"{self._path} cannot be read or written"),
            open(self._path, "a", encoding="utf-8", opener=files.opener) as file,
        ):
            file.write(f"{self.objects[name]} {name}\n")


def push_ticket(
    share: Share,
    journal: Journal,
    keys: KeyRing,
    owner: str,
    *,
    lists: bool = True,
    records: bool = True,
    missing_keys: Collection[str] = (),
) -> Transferred:
    """Push what our own parts of a ticket's journal hold that is not in the share yet.

    Args:
        lists: Whether the share is listed around the push of new lines: it may hold others of the same key, where this
            folder is an older copy, or another machine has one.
        records: Whether records are pushed, too, which may be large: the time before an effect is for its claim.
        missing_keys: The objects of published keys that are gone, and are created again.

    Raises:
        RefusedError: The share says no.
        UnavailableError: It cannot be reached.
        InputError: A file cannot be read.
    """
    own = [part for part in journal.parts() if part.is_own and part.raw]
    if not own:
        return Transferred()
    push = _Push(share, journal, lists=lists, looks_again=records, missing_keys=missing_keys)
    for part in own:
        push.key(part.key, keys.pem_of(part.key), owner)
        push.lines(part)
        for entry, _ in part.summary if records else ():
            if entry["kind"] in _SEALS and is_record(name := str(entry.get("record"))):
                push.record(journal.folder / name, entry.get("sha256"))
    return push.moved


class _Push:
    """Pushes of one ticket.

    What the share holds of it is known by what was noted here; it is listed where nothing was, or once for new lines.
    """

    def __init__(
        self, share: Share, journal: Journal, *, lists: bool, looks_again: bool, missing_keys: Collection[str]
    ) -> None:
        self.moved = Transferred()
        self._share, self._ticket = share, journal.ticket
        self._pushed = Pushed(journal.folder, share)
        self._names: set[str] = set()
        self._learn(self._pushed.objects)
        self._lists, self._looks_again = lists or not self._names, looks_again
        self._missing_keys = missing_keys

    def _learn(self, paths: Iterable[str]) -> None:
        prefix = f"{self._ticket}/"
        self._names |= {path.removeprefix(prefix) for path in paths if path.startswith(prefix)}

    def _list(self) -> None:
        if self._lists:
            self._learn(each.path for each in self._share.objects(self._ticket))

    def key(self, key: str, pem: bytes | None, owner: str) -> None:
        """Publish a public key; one that is there already stays, whatever stands above it."""
        name = f"keys/{key}.pem"
        if pem and (name not in self._pushed.objects or name in self._missing_keys):
            content = published(pem, owner)
            self._pushed.note(name, self._share.create(name, content) or content)

    def lines(self, part: Chain) -> None:
        """Push the lines behind those that are there."""
        is_new = self._latest(part.key).last < len(part.raw)
        if is_new:
            self._list()
        latest = self._latest(part.key)
        new = Segment(part.key, latest.last + 1, len(part.raw))
        is_followed = not latest.last or self._holds(latest.name, _lines(part, latest))
        is_pushed = is_followed and (not len(new) or self._create(new.name, _lines(part, new)))
        if is_pushed and is_new and self._looks_again:
            self._list()
        # Two objects with the same lines of a writer: only two machines with one key can have made them
        overlap = any(one.last >= other.first for one, other in pairwise(self._segments(part.key)))
        if is_pushed and not overlap:
            self.moved.lines += len(new)
        else:
            self.moved.trouble.append(
                f"{self._share.url} holds other lines of writer {part.key} on {self._ticket} than {part.path}: the "
                "journal was restarted, this folder is an older copy, another machine has a copy of it and of its key, "
                "or the share was changed (`runbook records verify --share`). Run `runbook keys rotate`; what is "
                "written after that is pushed."
            )

    def _latest(self, key: str) -> Segment:
        """The last lines of a writer that are there, as far as it is known."""
        return max(self._segments(key), key=lambda each: each.last, default=Segment(key, 1, 0))

    def _segments(self, key: str) -> list[Segment]:
        return sorted(found for name in self._names if (found := segment(name)) and found.key == key)

    def record(self, path: Path, sha256: object) -> None:
        """Push a record with the bytes that were sealed; `verify` reports one that is missing or altered."""
        if path.name in self._names:
            return
        try:
            content = files.read(path)
        except OSError:
            return
        if digest(content) != sha256:
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
            return noted == digest(content)
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


def push(
    share: Share, journals: Iterable[Journal], keys: KeyRing, owner: str, progress: Callable[[], object]
) -> Transferred:
    """Push what is not in the share yet, of many tickets, and keys that are gone. Raises as `push_ticket`.

    This machine's key is published also before its first run, so that a colleague can trust it by then.
    """
    moved, there, signer = Transferred(), {each.path for each in share.objects("keys")}, keys.signer()
    if (own := f"keys/{signer.key_id}.pem") not in there:
        content = published(signer.public_pem, owner)
        share.create(own, content)
        share.check_create_only(own, content)
    gone = {path for key in keys.trusted() if (path := f"keys/{key}.pem") not in there}
    for found in in_parallel(lambda one: push_ticket(share, one, keys, owner, missing_keys=gone), journals):
        moved.add(found)
        progress()
    return moved

"""Where the records are: the folders of a profile, each read with its journal. Only reads; opens no record.

A journal is the union of its writers' parts. One that cannot be relied on gives no runs but a problem; the others, and
the other tickets, are read all the same. A part that was set aside by a restart is read as far as it can be, if it is
the one whose SHA-256 the restart's own line holds; its runs have the state `set_aside`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from runbook_lib import files
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.events import Event, EventKind, History
from runbook_lib.ledger.chains import FILE_NAME, Chain, Reader, digest, merged, whole_lines
from runbook_lib.ledger.heads import Heads
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.records import union
from runbook_lib.records.findings import Code, Finding
from runbook_lib.records.runs import Run, State, runs_of, unsealed

if TYPE_CHECKING:
    from runbook_lib.settings import Placed

MANY_TICKETS = 400
"""From here on several processes read, since each line's signature takes its time."""


@dataclass(frozen=True)
class Ledger:
    """What is known of one ticket: its runs, oldest first, or its problems, or both."""

    ticket_id: int
    runs: tuple[Run, ...] = ()
    problems: tuple[Finding, ...] = ()

    @property
    def plain(self) -> list[Any]:
        return [[run.plain for run in self.runs], [vars(problem) for problem in self.problems]]

    @classmethod
    def from_plain(cls, ticket_id: int, plain: Any) -> Self | None:
        """What `plain` made of one, or None if it is anything else."""
        try:
            runs, problems = plain
            found = tuple(Finding(**{**problem, "code": Code(problem["code"])}) for problem in problems)
            return cls(ticket_id, tuple(map(Run.from_plain, runs)), found)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


@dataclass(frozen=True)
class Archive:
    folder: Path  # the folder with a folder for each ticket
    profile: str  # the profile that each line of a journal names
    keys: Path  # the folder of the key ring; only its public keys are used
    team: Path | None = None  # the file of the public keys that the team trusts, or None

    @classmethod
    def of(cls, placed: Placed) -> Self:
        folder = placed.outputs.resolve() / placed.profile
        return cls(folder, placed.profile, placed.key_folder, placed.trusted_keys)

    def tickets(self) -> list[int]:
        """The tickets that have a folder, or had a journal of this key ring."""
        here = self._folders()
        lost = Heads(self.keys).lost_tickets(self.profile, self.folder, here)
        return sorted({int(name) for name in (*lost, *here) if _is_ticket(name)})

    def other_folders(self) -> list[Finding]:
        """The folders that are no ticket's and hold notebooks, or cannot be read. A link is not followed."""
        found: list[Finding] = []
        for name in sorted(self._folders()):
            folder = self.folder / name
            if _is_ticket(name) or name.startswith(".") or folder.is_symlink():
                continue
            try:
                if notebooks(folder):
                    words = "is no ticket's folder, but holds notebooks. Its name was expected to be a ticket's number."
                    found.append(Finding(name, name, Code.NO_TICKET, f"{name} {words}"))
            except InputError as exc:
                found.append(Finding(name, name, Code.UNREADABLE, str(exc)))
        return found

    def ledgers(self, tickets: Sequence[int] | None = None) -> list[Ledger]:
        """What is known of these tickets, or of all, in their order.

        Raises:
            InputError: A public key cannot be read.
        """
        wanted = self.tickets() if tickets is None else tickets
        if len(wanted) < MANY_TICKETS or os.cpu_count() == 1:
            return self.read(wanted)
        from runbook_lib.records.processes import in_processes  # which takes time, and few tickets do not need

        found = {ledger.ticket_id: ledger for ledger in in_processes(self.read, wanted)}
        return [found[ticket_id] for ticket_id in wanted]

    def listed(self, tickets: Sequence[int] | None = None) -> list[Ledger]:
        """As `ledgers`, or of all tickets, for a list that is not verified: what the index has is taken from it."""
        wanted = self.tickets() if tickets is None else tickets
        if tickets is not None or len(wanted) < MANY_TICKETS:
            return self.ledgers(wanted)
        from runbook_lib.records.index import Index  # few tickets do not need it

        index, heads = Index(self.folder, self.keys, self.team), Heads(self.keys)
        stamps = {n: index.stamp(self.folder / str(n), heads.files(f"{self.profile}/{n}")) for n in wanted}
        known = index.read()
        same = {n: plain for n, (stamp, plain) in known.items() if stamp and stamp == stamps.get(n)}
        found = {n: ledger for n, plain in same.items() if (ledger := Ledger.from_plain(n, plain))}
        unknown = [ticket_id for ticket_id in wanted if ticket_id not in found]
        fresh = {ledger.ticket_id: ledger for ledger in self.ledgers(unknown)}
        kept = {n: (stamps[n], one.plain) for n, one in fresh.items() if stamps[n] and self._lasts(one, heads)}
        if kept or known.keys() - found.keys():
            index.write({n: known[n] for n in found} | kept)
        found |= fresh
        return [found[ticket_id] for ticket_id in wanted]

    def defects(self, ledgers: Iterable[Ledger], *, of_all: bool = True) -> list[Finding]:
        """What of these journals cannot be relied on; if they are all there are, the other folders, too."""
        found = [problem for ledger in ledgers for problem in ledger.problems if problem.is_defect]
        return found + self.other_folders() if of_all else found

    def _lasts(self, ledger: Ledger, heads: Heads) -> bool:
        """Whether what was found follows from the ticket's own files alone: not from the time, nor other folders."""
        is_over = all(run.status or run.state is State.UNSEALED for run in ledger.runs)
        ticket, folder = f"{self.profile}/{ledger.ticket_id}", self.folder / str(ledger.ticket_id)
        is_whole = not any(problem.is_defect for problem in ledger.problems)
        return is_over and is_whole and heads.are_of(ticket, folder)

    def read(self, tickets: Iterable[int]) -> list[Ledger]:
        ring = KeyRing(self.keys, self.team)
        return [self._ledger(ticket_id, ring) for ticket_id in tickets]

    def _folders(self) -> set[str]:
        why = f"The folder {self.folder} cannot be read"
        with files.explained(why), suppress(FileNotFoundError), os.scandir(self.folder) as found:
            return {item.name for item in found if item.is_dir()}
        return set()

    def _ledger(self, ticket_id: int, ring: KeyRing) -> Ledger:
        folder = Path(f"{self.folder}/{ticket_id}")
        try:
            if os.path.islink(folder):  # noqa: PTH114 - of thousands of tickets
                words = f"The folder {folder} is a link, which is not followed. Put the ticket's own folder there."
                raise InputError(words)
            paths = union.paths_in(folder)
            chains = Reader(folder, f"{self.profile}/{ticket_id}", ring).all(paths)
        except InputError as exc:
            problem = Finding(str(ticket_id), FILE_NAME, Code.UNREADABLE, str(exc))
            return Ledger(ticket_id, problems=(problem,))
        names = union.notebooks(paths)
        problems = union.problems(folder, chains, paths)
        events, set_aside = _events(folder, chains, ring)
        runs = runs_of(ticket_id, History(events), names)
        names -= {run.record or "" for run in runs}
        left = [unsealed(ticket_id, name) for name in sorted(union.unnamed(names, chains))] if names else ()
        return Ledger(ticket_id, (*runs, *left), (*problems, *set_aside))


def notebooks(folder: Path) -> set[str]:
    """The notebooks in a folder, hidden ones and those in folders below it included, by their paths from it.

    Raises:
        InputError: It cannot be read.
    """
    return union.notebooks(union.paths_in(folder))


def _is_ticket(name: str) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,17}", name) is not None


def _events(folder: Path, chains: Sequence[Chain], ring: KeyRing) -> tuple[list[Event], list[Finding]]:
    """All lines, oldest first, those of parts that were set aside included; and what is wrong with these."""
    trusted = {one.key for one in chains if ring.trusts(one.key)}
    lines = merged([one for one in chains if not one.error], cells=False)
    known = [Event(entry, is_trusted=entry["writer"] in trusted) for entry in lines]
    strange = merged([one for one in chains if one.is_unknown], cells=False)
    unknown = [Event(entry, is_unknown=True) for entry in strange]
    events, problems, seen = unknown + known, [], set()
    waiting = [event for event in known if event.kind == EventKind.RESTARTED]
    while waiting:
        restart = waiting.pop(0)
        name = restart.text("kept_as")
        if name and name not in seen:
            seen.add(name)
            old, defects = _set_aside(folder, name, restart.text("sha256"))
            problems += defects
            waiting += [event for event in old if event.kind == EventKind.RESTARTED]
            events = old + events
    return events, problems


def _set_aside(folder: Path, name: str, sha256: str) -> tuple[list[Event], list[Finding]]:
    """The lines of a journal that was set aside, as far as they can be read; or its defect."""
    path = folder / Path(name).name
    try:
        content = files.read(path)
    except (OSError, ValueError):  # a name with a zero byte
        words = f"The journal {path}, which was set aside, is gone or cannot be read."
        return [], [Finding(folder.name, name, Code.MISSING_JOURNAL, words)]
    if digest(content) != sha256:
        words = f"The journal {path} was altered after it had been set aside."
        return [], [Finding(folder.name, name, Code.ALTERED_JOURNAL, words)]
    return [Event({**entry, "writer": entry.get("key")}, set_aside=True) for entry in _readable(content)], []


def _readable(content: bytes) -> Iterator[dict[str, Any]]:
    for line in whole_lines(content + b"\n"):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield entry

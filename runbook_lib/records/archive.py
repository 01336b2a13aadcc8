"""Where the records are: the folders of a profile, each read with its journal. Only reads; opens no record.

A journal that cannot be relied on gives no runs but a problem, and the other tickets are read all the same. A journal
that was set aside by a restart is read as far as it can be, if it is the one whose SHA-256 the restart's own line
holds; its runs are told as `set_aside`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Self

from runbook_lib.errors import InputError, JournalError
from runbook_lib.journal import Journal
from runbook_lib.keyring import KeyRing
from runbook_lib.records.runs import SUFFIX, Event, Run, finished, stray, together
from runbook_lib.settings import Settings

MANY_TICKETS = 400
"""From here on several processes read, since each line's signature takes its time."""


@dataclass(frozen=True)
class Problem:
    """Why a folder's journal tells nothing that can be relied on.

    Attributes:
        folder: The folder's name; a ticket's number, unless it is no ticket's folder.
        code: The defect, in one word.
        words: The defect, in a sentence.
        line: The journal's line that shows it, or None.
    """

    folder: str
    code: str
    words: str
    line: int | None = None


@dataclass(frozen=True)
class Ledger:
    """What is known of one ticket: its runs, oldest first, or its problems, or both."""

    ticket_id: int
    runs: tuple[Run, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Archive:
    """The records of one profile.

    Attributes:
        folder: The folder with a folder for each ticket.
        profile: The profile that each line of a journal names.
        keys: The folder of the key ring; only its public keys are used.
    """

    folder: Path
    profile: str
    keys: Path

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The records of the profile, as configured."""
        return cls(settings.outputs.resolve() / settings.profile, settings.profile, settings.key_folder)

    def tickets(self) -> list[int]:
        """The tickets that have a folder, or had a journal on this machine."""
        return sorted({int(name) for name in (*self._heads(), *self._folders()) if _is_ticket(name)})

    def strangers(self) -> list[Problem]:
        """The folders that hold notebooks and are no ticket's."""
        names = [name for name in self._folders() if not _is_ticket(name) and not name.startswith(".")]
        words = "is no ticket's folder, but holds notebooks. Its name was expected to be a ticket's number."
        return [Problem(name, "no_ticket", f"{name} {words}") for name in names if notebooks(self.folder / name)]

    def ledgers(self, tickets: Sequence[int] | None = None) -> list[Ledger]:
        """What is known of these tickets, or of all, in their order.

        Raises:
            InputError: A public key cannot be read.
        """
        asked = self.tickets() if tickets is None else list(tickets)
        workers = os.cpu_count() or 1
        if len(asked) < MANY_TICKETS or workers == 1:
            return self._read(asked)
        parts = [asked[start::workers] for start in range(workers)]
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = [ledger for part in pool.map(self._read, parts) for ledger in part]
        place = {ticket_id: number for number, ticket_id in enumerate(asked)}
        return sorted(found, key=lambda ledger: place[ledger.ticket_id])

    def _read(self, tickets: Iterable[int]) -> list[Ledger]:
        ring = KeyRing(self.keys)
        return [self._ledger(ticket_id, ring) for ticket_id in tickets]

    def _heads(self) -> list[str]:
        """The tickets of which a head is kept; a ring may keep those of other folders, too.

        Source: `Journal._head_path`.
        """
        heads = (self.keys / "heads").glob(f"{self.profile}-*-*.json")
        parts = [path.stem.removeprefix(f"{self.profile}-").rpartition("-") for path in heads]
        return [name for name, _, place in parts if place == self._place(name)]

    def _place(self, name: str) -> str:
        return hashlib.sha256(str((self.folder / name).absolute()).encode()).hexdigest()[:8]

    def _folders(self) -> list[str]:
        try:
            with os.scandir(self.folder) as found:
                return [item.name for item in found if item.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise InputError(f"The folder {self.folder} cannot be read: {exc.strerror}.") from exc

    def _ledger(self, ticket_id: int, ring: KeyRing) -> Ledger:
        folder = self.folder / str(ticket_id)
        if folder.is_symlink():
            words = f"The folder {folder} is a link, which is not followed. Put the ticket's own folder there."
            return Ledger(ticket_id, problems=(Problem(str(ticket_id), "unreadable", words),))
        try:
            names = notebooks(folder)
            entries = Journal(folder, f"{self.profile}/{ticket_id}", ring).entries()
            events, problems = _events(folder, entries)
            runs = together(ticket_id, events)
        except JournalError as exc:
            return Ledger(ticket_id, problems=(Problem(str(ticket_id), journal_code(exc.problem), str(exc), exc.line),))
        except InputError as exc:
            return Ledger(ticket_id, problems=(Problem(str(ticket_id), "unreadable", str(exc)),))
        if names and not entries:
            words = f"The folder {folder} holds notebooks, but no journal. Bring the journal back from a backup."
            problems.append(Problem(str(ticket_id), "missing_journal", words))
        named = {run.record for run in runs}
        strays = [stray(ticket_id, name) for name in sorted(names - named)]
        told = [finished(run, runs, names) for run in runs]
        return Ledger(ticket_id, (*told, *strays), tuple(problems))


def journal_code(problem: str) -> str:
    """A journal's defect in a word that no record's defect has."""
    return {"altered": "altered_journal", "missing": "missing_journal"}.get(problem, problem)


def notebooks(folder: Path) -> set[str]:
    """The names of the notebooks in a folder, hidden ones aside; none if there is no such folder.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            return {item.name for item in found if item.name.endswith(SUFFIX) and not item.name.startswith(".")}
    except FileNotFoundError:
        return set()
    except OSError as exc:
        raise InputError(f"The folder {folder} cannot be read: {exc.strerror}.") from exc


def opened(path: Path) -> BufferedReader:
    """A regular file, to be read; a link is not followed, and a pipe is not waited for.

    Raises:
        OSError: It is none, or cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return os.fdopen(handle, "rb")


def _is_ticket(name: str) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,17}", name) is not None


def _events(folder: Path, entries: Sequence[Mapping[str, Any]]) -> tuple[list[Event], list[Problem]]:
    """All lines, oldest first, those of journals that were set aside included; and what is wrong with these."""
    events, problems = [Event(entry) for entry in entries], []
    while events and events[0].kind == "restarted" and (name := events[0].text("kept_as")):
        old, problem = _set_aside(folder, name, events[0].text("sha256"))
        problems += [Problem(folder.name, *problem)] if problem else []
        if not old:
            break
        events = old + events
    return events, problems


def _set_aside(folder: Path, name: str, sha256: str) -> tuple[list[Event], tuple[str, str] | None]:
    """The lines of a journal that was set aside, as far as they can be read; or its defect."""
    path = folder / Path(name).name
    try:
        content = path.read_bytes()
    except OSError:
        return [], ("missing_journal", f"The journal {path}, which was set aside, is gone or cannot be read.")
    if hashlib.sha256(content).hexdigest() != sha256:
        return [], ("altered_journal", f"The journal {path} was altered after it had been set aside.")
    return [Event(entry, set_aside=True) for entry in _readable(content)], None


def _readable(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.split(b"\n"):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield entry

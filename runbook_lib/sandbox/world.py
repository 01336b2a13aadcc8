"""A practice world: a folder with its database and its signing key, its date and its tokens. Not the server."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from runbook_lib.domain.errors import InputError
from runbook_lib.sandbox.store import Row, Store

DATABASE_NAME = "world.sqlite"
PRIVATE_KEY_NAME = "license-key.pem"
PUBLIC_KEY_NAME = "license-key.pub"
DESCRIPTOR_NAME = "running.json"  # describes the world's server while it runs
USERS_NAME = "users.lock"  # each user of the world's server holds a shared lock on it

HEALTH_PATH = "/sandbox"  # says which world is served
FAULTS_PATH = "/sandbox/faults"  # takes faults
CONTROL_ROOM_PATH = "/control-room"  # shows, side by side and live, what a runbook does

VERSION = "5"  # of what the server needs of a world; one of another version is not served
SUPPORT_DOMAIN = "support.example"  # of the engineers' addresses; the name before it is an engineer's username
REAL_CLOCK = "real_clock"  # the setting of a world whose clock skips nothing: as at Zendesk, updates share their second
BAD_USAGE = 2  # exit status of `python -m runbook_lib.sandbox` for what the caller can correct


@dataclass(frozen=True)
class World:
    folder: Path  # where it lives, absolute
    store: Store
    settings: dict[str, str]  # names and values fixed when the world was made: its id, its date, every token
    now: Callable[[], datetime]  # the world's clock: an aware UTC time
    skip: Callable[[float], None] = lambda seconds: None  # lets that many seconds pass at once

    @property
    def id(self) -> str:
        """Random hexadecimal digits that identify this world."""
        return self.settings["world"]

    @property
    def date(self) -> date:
        return date.fromisoformat(self.settings["date"])

    def scopes(self, vendor: str) -> list[str]:
        """What a vendor's token may do now; a test can change it while the world is served."""
        return str(self.require("SELECT value FROM settings WHERE name = ?", f"{vendor}_scopes")["value"]).split(",")

    def require(self, sql: str, *values: str | int | bytes | None) -> Row:
        """The one row that must exist. `LookupError` if the id is unknown."""
        found = self.store.row(sql, *values)
        if found is None:
            raise LookupError(f"No row for {values!r} in: {sql}")
        return found


class Clock:
    """Shows the real time of day, in UTC, always on the same day; and is ahead of it by what was skipped."""

    def __init__(self, day: date, not_before: datetime) -> None:
        """Takes the latest stamp that the world holds: no later one may be earlier."""
        self._day = day
        self._ahead = timedelta()
        self._ahead = max(timedelta(), not_before - self.now())

    def now(self) -> datetime:
        return datetime.combine(self._day, datetime.now(UTC).timetz()) + self._ahead

    def skip(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


def to_the_second(moment: datetime) -> str:
    """A stamp as Zendesk writes it, `2026-11-22T09:30:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def to_the_millisecond(moment: datetime) -> str:
    """A stamp as GitLab writes it, `2026-11-22T09:30:00.123Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """Opens the world in a folder, and closes its database at the end. Raises InputError if there is none."""
    path = folder / DATABASE_NAME
    if not path.is_file():
        raise InputError(f"There is no practice world in {folder}. Make one first.")
    with ExitStack() as stack:
        try:
            store = Store(path)
            stack.callback(store.close)
            settings = {row["name"]: row["value"] for row in store.rows("SELECT name, value FROM settings")}
            (latest,) = store.rows("SELECT max(updated_at) AS stamp FROM tickets")
            clock = Clock(date.fromisoformat(settings["date"]), datetime.fromisoformat(latest["stamp"]))
        except (sqlite3.DatabaseError, KeyError) as exc:
            raise InputError(f"{path} is not a practice world. Remove its folder, and make a new one.") from exc
        if settings.get("version") != VERSION:
            raise InputError(
                f"The practice world in {folder} was made by another version of this runbook. Begin a new one with "
                "`runbook sandbox --new`; the old one is kept."
            )
        yield World(folder.resolve(), store, settings, clock.now, clock.skip)


def world_date(folder: Path) -> date | None:
    """The date of the world in a folder, or None without one. Raises InputError if a file in its place is none."""
    if not (folder / DATABASE_NAME).is_file():
        return None
    with opened(folder) as practice:
        return practice.date

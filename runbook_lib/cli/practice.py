"""The practice world behind a command: the one that runs already, or one for as long as the command takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_lib.domain.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from runbook_lib.settings import Settings


@contextmanager
def world(local: Settings) -> Iterator[None]:
    """In the sandbox profile a running practice world; in the live profile nothing."""
    if local.profile == "live":
        yield
        return
    from runbook_lib.sandbox import server

    folder = local.world_folder
    with ExitStack() as stack:
        with server.one_at_a_time(folder):
            make(folder, None)
            stack.enter_context(server.shared(folder))
        yield


def make(folder: Path, wanted: date | None) -> None:
    """Make a world of the date given, or of today, unless there is one. Raises InputError if its date is another."""
    from datetime import UTC, datetime

    from runbook_lib.sandbox.world import world_date

    found = world_date(folder)
    if found is None:
        from runbook_lib.sandbox.seeding import make_world

        make_world(folder, wanted or datetime.now(UTC).date())
    elif wanted and wanted != found:
        raise InputError(f"The practice world in {folder.parent} is of {found}. Pass --new to begin one of {wanted}.")


def set_aside(folder: Path) -> None:
    """Keep an old world with its records under another name. Raises InputError if it is running."""
    from datetime import UTC, datetime

    from runbook_lib.sandbox import server

    if server.running(folder):
        raise InputError("The practice world is running. Stop it first, then begin a new one.")
    if folder.parent.exists():
        folder.parent.rename(folder.parent.with_name(f"sandbox-until-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))


def control_room(local: Settings) -> str:
    """Where the practice world is watched, or "" where there is none."""
    from runbook_lib.sandbox import server
    from runbook_lib.sandbox.world import CONTROL_ROOM_PATH

    found = server.running(local.world_folder) if local.profile != "live" else None
    return f"{found['url']}{CONTROL_ROOM_PATH}" if found else ""

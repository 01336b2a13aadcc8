"""The practice world: the commands `lab`, `sandbox` and `demo`, and the world that other commands need to run in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean

if TYPE_CHECKING:
    from datetime import date

    from runbook_lib.settings import Settings

PORT = click.IntRange(0, 65535)
PORT.name = "port number"  # what a message calls it


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


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[TICKET|NOTEBOOK] [OPTION OF JUPYTERLAB]...")
def lab(words: Sequence[str]) -> int:
    """Open JupyterLab on the runbook that a ticket needs, filled in and rehearsed, with the practice world running.

    Without a ticket it opens start_here, which asks for one; with a notebook's name, such as review_records, that one.
    Options are passed on to JupyterLab, such as --no-browser, --port 8890, or --allow-root, without which it does not
    start as root; after `--` also those that this command has itself, as in runbook lab -- --help.
    """
    from runbook_lib.settings import Settings

    local = Settings.local()
    first, options = _first(words, local)
    what = f"{clean(first, 200)} is looked up, and" if first else "The runbooks are prepared, and"
    click.echo(f"{what} JupyterLab is starting; Ctrl-C stops it ...")  # before what takes long to import
    from runbook_lib.cli import lab as jupyterlab

    with jupyterlab.started(local) as server, world(local):
        if address := control_room(local):
            click.echo(f"Watch what happens to the practice world at {address}")
        return server.run(first, options)


def _first(words: Sequence[str], local: Settings) -> tuple[str | None, Sequence[str]]:
    """What is opened first, if the first word names it, and JupyterLab's options.

    Raises:
        InputError: It is neither a ticket's number nor the name of a notebook.
    """
    if not words or words[0].startswith("-"):
        return None, words
    from runbook_lib import templates
    from runbook_lib.domain import parameters

    if templates.named(local.notebooks, words[0]) is None:
        parameters.parse("ticket_id", words[0])
    return words[0], words[1:]


@click.command
@click.option("--port", type=PORT, default=0, metavar="N", help="Default: its last, or any free.")
@click.option("--date", "day", metavar="YYYY-MM-DD", help="The practice world's date. Default: today.")
@click.option("--new", is_flag=True, help="Begin a new world; the old one and its records are kept.")
def sandbox(port: int, day: str | None, new: bool) -> int:
    """Keep the practice world running, for notebooks and papermill, until Ctrl-C."""
    from runbook_lib.domain import parameters
    from runbook_lib.sandbox import server, serving
    from runbook_lib.sandbox.world import CONTROL_ROOM_PATH, world_date
    from runbook_lib.settings import Settings

    wanted = None if day is None else parameters.day("--date", day)
    local = Settings.local()
    if local.profile == "live":
        words = "RUNBOOK_PROFILE is live; the practice world needs the profile sandbox."
        raise InputError(f"{words} Run `RUNBOOK_PROFILE=sandbox runbook sandbox`.")
    folder = local.world_folder
    with ExitStack() as turn:
        turn.enter_context(server.one_at_a_time(folder))
        server.wait_for_stopping(folder)
        if new:
            set_aside(folder)
        make(folder, wanted)
        if address := control_room(local):
            raise InputError(
                f"The practice world is being served already: see {address}. Use that server, or stop it first."
            )
        click.echo(f"The practice world of {world_date(folder)} is starting; stop it with Ctrl-C.")

        def ready(url: str) -> None:
            turn.close()
            click.echo(f"Open {url}{CONTROL_ROOM_PATH} to watch runbooks at work;")
            click.echo("notebooks and commands find it by themselves.")

        serving.serve(folder, port=port, ready=ready)
    return exit_status.DONE


@click.command
def demo() -> int:
    """Take every practice ticket through its runbook, performed, in a practice world of its own."""
    click.echo("Preparing the practice tickets.", err=True)
    from runbook_lib.cli import demo as practice_tickets
    from runbook_lib.settings import Settings

    return practice_tickets.main(Settings.local(profile="sandbox"))

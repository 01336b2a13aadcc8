"""The commands on a ticket's journal, and on the keys that sign it: `answer`, `journal` and `keys`."""

from __future__ import annotations

import getpass
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.cli import options
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import InputError

if TYPE_CHECKING:
    from runbook_lib.ledger.journal import Journal
    from runbook_lib.ledger.keyring import KeyRing


@click.command
@options.ticket
@click.argument("operation")
@click.argument("there", metavar="yes|no", type=click.Choice(("yes", "no")))
@click.option("--because", default="", metavar="WORDS", help="What you saw; kept in the journal.")
def answer(ticket: str, operation: str, there: str, because: str) -> int:
    """Say whether an effect is there.

    That is, one that the runbook could not do, was refused, or could not learn the end of: also one that was done
    by hand. The message of the run names the OPERATION, such as slack_post, and where to look; the next run goes on
    from the answer. The operation `case` is the whole: yes says that the case has ended, in whatever way, and closes
    its open ends; no opens them again.
    """
    from runbook_lib.domain.events import CASE
    from runbook_lib.ledger import answering
    from runbook_lib.settings import Settings

    settings, number = Settings.local(), options.ticket_number(ticket)
    noted = answering.note(settings, number, operation, is_there=there == "yes", because=because)
    is_case = operation in (CASE, f"{settings.profile}-{number}-{CASE}")
    then = "To correct it, answer anew." if is_case else "Now run again; to correct it, answer anew."
    click.echo(f"Noted: {noted}. {then}")
    return exit_status.DONE


@click.group(no_args_is_help=False)
def journal() -> None:
    """Read a ticket's journal, or begin a new one."""


@click.group(no_args_is_help=False)
def keys() -> None:
    """The keys that sign the journals."""


@journal.command()
@options.ticket
@options.as_json
def show(ticket: str, as_json: bool) -> int:
    """Check a ticket's journal and show its lines."""
    found = _journal(ticket)
    entries = found.entries()
    parts = found.parts()
    if not parts:
        number = found.ticket.partition("/")[2]  # it may be a wrong one, and leaves no folder
        raise InputError(f"Ticket {number} has no journal here, so that there is nothing to show. Check the number.")
    for chain in parts:
        if chain.error:
            click.echo(f"runbook: {chain.error}", err=True)
    if as_json:
        click.echo(json.dumps(entries, indent=2, ensure_ascii=False))
        return exit_status.DONE
    from runbook_lib.cli import tables
    from runbook_lib.domain.events import History
    from runbook_lib.domain.plain_text import clean
    from runbook_lib.records.review_rows import line_detail, line_words, rehearsal_ends

    prefix = f"{found.ticket.replace('/', '-')}-"
    history, rows = History.of(entries), []
    rehearsed = rehearsal_ends(history)
    for event in history.events:
        about = " · ".join(filter(None, (event.operation.removeprefix(prefix), line_detail(event))))
        line = (event.writer[:8], str(event.number), event.text("at")[:19], line_words(event, rehearsed), about)
        rows.append([clean(word, 300) for word in line])
    heads = ("writer", "line", "at (UTC)", "what happened", "operation, and what it rests on")
    click.echo(tables.fitted(rows, heads) if rows else "No line of it can be shown.")
    return exit_status.DONE


@journal.command(short_help="Set a damaged journal aside.")
@options.ticket
@click.option("--because", required=True, metavar="WORDS", help="Why; kept in the new journal.")
def restart(ticket: str, because: str) -> int:
    """Set a journal that cannot be relied on aside, under another name, and begin a new one that says so.

    What the old one says of effects is found again at the services, not repeated.
    """
    from runbook_lib.ledger import answering
    from runbook_lib.settings import Settings

    found, because = _journal(ticket), answering.checked(because)
    if not because:
        raise InputError("--because is empty; say in a few words why the journal cannot be relied on.")
    found.damaged()  # or else it is refused before the lock, which makes the ticket's folder
    with found.lock():
        kept = found.restart(because=because, operator=Settings.local().operator or getpass.getuser())
    old = f"the old one is {kept}" if kept else "there was no old one"
    click.echo(f"A new journal was begun; {old}.")
    return exit_status.DONE


@keys.command("list")
def list_keys() -> int:
    """Show the keys: which one signs, which are trusted, and whose they are, by the records that are here."""
    from runbook_lib.cli import tables
    from runbook_lib.records.writers import writers
    from runbook_lib.settings import Settings

    settings = Settings.local()
    ring = _key_ring()
    rows = [
        (each.key, each.state, each.owner, each.machine, each.first_used, each.last_used)
        for each in writers(settings, ring)
    ]
    if rows:
        heads = ("key", "state", "owner", "machine", "first used (UTC)", "last used (UTC)")
        click.echo(tables.table(rows, heads))
    if ring.signing_key is None:
        click.echo(f"No key yet in {ring.folder}; the first performing run makes one.")
    return exit_status.DONE


@keys.command()
def rotate() -> int:
    """Make a new key to sign with; what older ones signed stays valid."""
    click.echo(f"{_key_ring().rotate()} signs from now on; what older keys signed stays valid.")
    return exit_status.DONE


@keys.command()
@click.argument("key", metavar="KEY|FILE")
def trust(key: str) -> int:
    """Trust another machine's public key: the KEY that was published to the team's share, or a FILE (...-ID.pub).

    Ask its owner whether the key is theirs: what the share says of a key, comes from anyone who can write there.
    """
    from runbook_lib.cli import share_commands

    if re.fullmatch("[0-9a-f]{16}", key) and not Path(key).exists():
        pem = share_commands.published_pem(key)
    else:
        pem = options.content(key)
    click.echo(f"{_key_ring().trust(pem)} is trusted: what it signed is valid here.")
    return exit_status.DONE


def _key_ring() -> KeyRing:
    from runbook_lib.ledger.keyring import KeyRing
    from runbook_lib.settings import Settings

    return KeyRing.of(Settings.local())


def _journal(ticket: str) -> Journal:
    from runbook_lib.ledger.journal import Journal
    from runbook_lib.settings import Settings

    return Journal.of(Settings.local(), options.ticket_number(ticket))

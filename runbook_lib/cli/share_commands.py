"""The commands on the team's share: `records push` and `pull`, and what `verify --share` and `keys` read from it."""

from __future__ import annotations

import getpass
from datetime import date
from typing import TYPE_CHECKING, NoReturn

import click

from runbook_lib.cli import completion, options
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import count

if TYPE_CHECKING:
    from tqdm import tqdm

    from runbook_lib.ledger.comparison import Difference
    from runbook_lib.ledger.mirror import Transferred
    from runbook_lib.ledger.share import Share
    from runbook_lib.settings import Settings


@click.command()
def push() -> int:
    """Push this machine's records and journals to the team's share, as far as they are not there yet."""
    from runbook_lib.ledger import pushing
    from runbook_lib.ledger.journal import Journal
    from runbook_lib.ledger.keyring import KeyRing
    from runbook_lib.records.archive import Archive

    settings, share = opened()
    journals = (Journal.of(settings, ticket) for ticket in Archive.of(settings).tickets())
    owner = settings.operator or getpass.getuser()
    with _progress("Pushing") as bar:
        moved = pushing.push(share, journals, KeyRing.of(settings), owner, bar.update)
    return _report(f"Pushed to {share.url}", moved)


@click.command()
@click.option("--since", metavar="YYYY-MM-DD", help="Only tickets with something new since this day, in UTC.")
@click.option("--ticket", metavar="N", shell_complete=completion.tickets, help="Only this ticket.")
def pull(since: str | None, ticket: str | None) -> int:
    """Bring the team's records and journals here, as far as they are not here yet."""
    from runbook_lib.domain import parameters
    from runbook_lib.ledger import mirror
    from runbook_lib.ledger.keyring import KeyRing

    settings, share = opened()
    day: date | None = parameters.day("--since", since) if since else None
    number = options.ticket_number(ticket) if ticket else None
    folder = settings.outputs.resolve() / settings.profile
    with _progress("Pulling") as bar:
        moved = mirror.pull(share, folder, KeyRing.of(settings), since=day, ticket_id=number, progress=bar.update)
    return _report(f"Pulled from {share.url}", moved)


def differences() -> list[Difference]:
    """How the mirror and the share differ.

    Raises:
        InputError: No share is set, or a file of the mirror cannot be read.
        UnavailableError: The share cannot be reached.
    """
    from runbook_lib.ledger.comparison import Comparison, bounded
    from runbook_lib.ledger.keyring import KeyRing

    settings, share = opened()
    folder = settings.outputs.resolve() / settings.profile
    try:
        with _progress("Comparing") as bar:
            return bounded(Comparison(share, folder, KeyRing.of(settings), bar.update).differences())
    except OSError as exc:
        raise InputError(f"{exc.filename or folder} cannot be read: {exc.strerror}.") from exc


def difference_words(found: list[Difference]) -> str:
    from runbook_lib.cli import tables

    defects = sum(each.count for each in found if each.is_defect)
    rows = [(each.code, each.path, each.words) for each in found]
    table = tables.table(rows, ("share", "object", "in words")) if rows else ""
    words = (
        f"{defects} object{'s' if defects > 1 else ''} of the share replaced, removed or added."
        if defects
        else ("Nothing in the share was tampered with." if found else "The mirror and the share are alike.")
    )
    return f"{table}\n\n{words}".strip()


def freshness() -> list[str]:
    """How fresh the mirror is, in words, if there is a share. The other settings take longer to read than a ticket."""
    from runbook_lib.variables import Places

    placed = Places.read()
    if not placed.share:
        return []
    from runbook_lib.ledger import mirror

    return [mirror.freshness(placed.share, placed.outputs.resolve() / placed.profile)]


def published_pem(key: str) -> bytes:
    """A public key that was published to the share. Raises InputError if there is none of this id."""
    from runbook_lib.ledger.keyring import public_pem

    _, share = opened()
    pem = public_pem(share.read(f"keys/{key}.pem") or b"", key)
    if pem is None:
        raise InputError(f"{share.url} holds no key {key}. `runbook keys list` shows those that are known here.")
    return pem


def opened() -> tuple[Settings, Share]:
    """The settings and the share. Raises InputError if no share is set, or it cannot be used."""
    from runbook_lib.ledger.share import EXPECTED, Share
    from runbook_lib.settings import Settings

    settings = Settings.local()
    share = Share.of(settings)
    if share is None:
        raise InputError(f"RUNBOOK_SHARE is not set; expected {EXPECTED}.")
    return settings, share


def _report(what: str, moved: Transferred) -> int:
    for words in (*moved.strays, *moved.trouble):
        click.echo(f"runbook: {words}", err=True)
    found = [(moved.records, "record"), (moved.lines, "journal line"), (moved.tickets, "ticket")]
    records, lines, tickets = (count(*one) for one in found)
    click.echo(f"{what}: {records} and {lines} of {tickets}.")
    return exit_status.FAILED if moved.trouble else exit_status.DONE


def _progress(what: str) -> tqdm[NoReturn]:
    from tqdm import tqdm

    return tqdm(desc=what, unit=" tickets", disable=None, leave=False)

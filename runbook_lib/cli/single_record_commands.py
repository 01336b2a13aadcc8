"""The commands on single records: `records show` and `sign-off`."""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.cli import options, record_sources, share_commands
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import InputError


@click.command()
@click.argument("record", metavar="RECORD|TICKET", type=click.Path())
@click.option("--html", type=options.FILE, metavar="FILE", help="Write one HTML page instead, which needs no network.")
@options.force
def show(record: str, html: Path | None, force: bool) -> int:
    """Show a record, or the last one of a ticket; verified first."""
    from runbook_lib.records import exporting, page, reading

    path = _record(record)
    verifier = record_sources.verifier()
    verification = verifier.record(path)
    more = [f"Signed off by {words}" for words in verifier.signed_off(path)]
    more += filter(None, [share_commands.freshness(record_sources.places())])
    content = reading.read(path)
    if html is None:
        click.echo(page.as_text(content, verification, more))
        return exit_status.DONE
    exporting.write(html, page.as_html(content, verification, more).encode(), force=force)
    click.echo("\n".join([*page.summary(content, verification, more), f"Page: {html}"]))
    return exit_status.DONE


def _record(word: str) -> Path:
    """A record by its path, or the last one of a ticket: names begin with the start, and sort by it."""
    if not word.isdigit():
        return Path(word)
    from runbook_lib.records.archive import notebooks

    place = record_sources.archive().folder / str(record_sources.ticket_number(word))
    names = [name for name in notebooks(place) if "/" not in name and not name.startswith(".")]
    # Other notebooks only if there is no record.
    names.sort(key=lambda name: (re.match("[0-9]{8}T[0-9]{9}Z-", name) is not None, name))
    if not names:
        raise InputError(f"Ticket {word} has no record in {place}. `runbook records list` shows all records.")
    return place / names[-1]


def _account() -> str:
    """The name of this machine's account, where no operator is set; who sits there says whether it is theirs."""
    name = getpass.getuser()
    if sys.stdin.isatty() and not click.confirm(f"RUNBOOK_OPERATOR is not set. Sign off as {name}, as this account is"):
        raise InputError("Nothing was signed off. Set RUNBOOK_OPERATOR to the name that your signature is to have.")
    return name


@click.command("sign-off", short_help="Say that you have reviewed records.")
@click.argument("what", nargs=-1, required=True, metavar="RECORD|TICKET...", type=click.Path())
@click.option("--words", required=True, metavar="WORDS", help="What you found, in one line; kept in the journal.")
def sign_off(what: Sequence[str], words: str) -> int:
    """Sign records off as a reviewer; of a ticket, its last one.

    Each is verified first. The line goes into your own part of the ticket's journal, with the record's SHA-256; the
    record stays as it is.
    """
    from runbook_lib.records.sign_off import sign_off as signed
    from runbook_lib.settings import Settings

    settings = Settings.local()
    paths = [_record(word) for word in what]
    reviewer = settings.operator or _account()
    click.echo(f"To be signed off as {reviewer}.")
    signed(paths, words, settings, reviewer)
    click.echo("\n".join(f"Signed off by {reviewer}: {path}" for path in paths))
    if settings.share:
        click.echo("`runbook records push` brings it to the team's share.")
    return exit_status.DONE

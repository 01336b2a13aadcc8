"""What the commands on records start from: the archive, its verifier, and a ticket's number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from runbook_lib.cli import share_commands

if TYPE_CHECKING:
    from runbook_lib.records.archive import Archive
    from runbook_lib.records.verification import Verifier
    from runbook_lib.variables import Places


def ticket_number(word: str) -> int:
    """A ticket's number. Raises InputError if it is none."""
    if re.fullmatch("[1-9][0-9]{0,11}", word):
        return int(word)
    from runbook_lib.domain import answers  # what people paste takes longer to understand than a ticket to read

    return int(str(answers.parse("ticket_id", word)))


def verifier(*, keeps: bool = False) -> Verifier:
    from runbook_lib.records.verification import Verifier

    return Verifier(archive(), keeps=keeps)


def archive() -> Archive:
    from runbook_lib.records.archive import Archive

    return Archive.of(places())


def places() -> Places:
    """Where things are; the other settings take longer to read than a ticket."""
    from runbook_lib.variables import Places

    return Places.read()


def show_freshness() -> None:
    """How fresh the mirror of the team's share is, if there is one."""
    if words := share_commands.freshness(places()):
        click.echo(words)

"""Options and arguments that several commands have, and reading the files that they name."""

from __future__ import annotations

import re
from pathlib import Path

import click

from runbook_lib import files
from runbook_lib.cli import completion

FILE = click.Path(path_type=Path)
"""A file's path; whether it is there is found out by opening it."""
ticket = click.argument("ticket", metavar="TICKET", shell_complete=completion.tickets)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
force = click.option("--force", is_flag=True, help="Replace FILE if it is there.")
perform = click.option("--perform", is_flag=True, help="Change things; without it everything is only rehearsed.")


def content(name: str | Path, what: str = "file") -> bytes:
    """The bytes of a file that was named, or of standard input for `-`. Raises InputError if it cannot be read."""
    with files.explained(f"The {what} {name} cannot be read", " Check the path."):
        return files.given(name)


def ticket_number(word: str) -> int:
    """A ticket's number. Raises InputError if it is none."""
    if re.fullmatch("[1-9][0-9]{0,11}", word):
        return int(word)
    from runbook_lib.domain import parameters  # what people paste takes longer to understand than a ticket to read

    return int(str(parameters.parse("ticket_id", word)))

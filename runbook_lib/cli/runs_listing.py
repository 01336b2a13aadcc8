"""The list of runs: the filters that choose among them, the table, and the lines below it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runbook_lib.cli import completion, options, share_commands
from runbook_lib.domain.plain_text import clean

if TYPE_CHECKING:
    from runbook_lib.records.archive import Archive
    from runbook_lib.records.findings import Finding
    from runbook_lib.records.runs import Run, RunFilter

_NOT_VERIFIED = "The records were not verified. To verify them: `runbook records verify`."
Command = TypeVar("Command", bound=Callable[..., Any])

_FILTERS = (
    click.option(
        "--ticket",
        "tickets",
        multiple=True,
        metavar="N",
        shell_complete=completion.tickets,
        help="Only this ticket; may be repeated.",
    ),
    click.option("--runbook", metavar="NAME", shell_complete=completion.runbooks, help="Only runs of this runbook."),
    click.option("--outcome", metavar="NAME", help="Only cases that ended so, such as license_issued."),
    click.option("--status", metavar="NAME", help="Only runs that ended so, such as needs_answer."),
    click.option("--operator", metavar="NAME", help="Only runs of this person."),
    click.option("--since", metavar="YYYY-MM-DD", help="The first day, in UTC."),
    click.option("--until", metavar="YYYY-MM-DD", help="The last day, in UTC."),
    click.option("--open", "open_only", is_flag=True, help="Only what still needs a person."),
    click.option("--unreviewed", is_flag=True, help="Only records that no reviewer has signed off."),
)


def with_filters(command: Command) -> Command:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def archived() -> Archive:
    from runbook_lib.records.archive import Archive
    from runbook_lib.variables import Places

    places = Places.read()
    if places.trusted_keys:  # one that cannot be read is a wrong setting, and no ticket's defect
        from runbook_lib.ledger.keyring import KeyRing

        KeyRing.of(places).trusted()
    return Archive.of(places)


def find(wanted: RunFilter) -> tuple[list[Run], list[Finding]]:
    archive = archived()
    ledgers = archive.listed(wanted.tickets or None)
    runs = [run for ledger in ledgers for run in ledger.runs if wanted.matches(run)]
    return runs, archive.defects(ledgers, of_all=not wanted.tickets)


def run_filter(tickets: Sequence[str], open_only: bool, unreviewed: bool, **values: str | None) -> RunFilter:
    """The filters, checked. Raises InputError if one has an impossible value."""
    from runbook_lib.records.runs import RunFilter

    numbers = tuple(dict.fromkeys(options.ticket_number(word) for word in tickets))
    given = {name: value for name, value in values.items() if value}
    wanted = RunFilter()
    if given:
        from runbook_lib.records import filters  # whose checks take longer to import than a ticket to read

        wanted = filters.wanted(given, option="--")
    return replace(wanted, tickets=numbers, open_only=open_only, unreviewed=unreviewed)


def table(runs: Sequence[Run]) -> str:
    from runbook_lib.cli import tables
    from runbook_lib.domain.state_words import run_ending_words

    word = functools.cache(clean)  # the same few, in thousands of runs
    ending = functools.cache(lambda performed, *words: clean(run_ending_words(*words, performed=performed)))
    rows = [
        (
            run.ticket_id,
            word(run.runbook),
            f"{run.started_at:%Y-%m-%d %H:%M}" if run.started_at else "",
            "" if run.seconds is None else f"{run.seconds:.1f}",
            word(run.operator, 40),
            {True: "yes", False: "no", None: ""}[run.performed],
            ending(run.performed, run.outcome, run.status, run.next_runbook),
            _state(run),
            _record(run.record or "", word),
        )
        for run in runs
    ]
    heads = ("ticket", "runbook", "started (UTC)", "s", "operator", "performed", "outcome", "state", "record")
    return tables.table(rows, heads)


def _record(name: str, word: Callable[..., str]) -> str:
    """A record's name; what follows its start is the same in thousands of runs."""
    start, mark, rest = name.partition("Z-")
    is_start = mark and re.fullmatch("[0-9]{8}T[0-9]{9}", start)
    return f"{start}{mark}{word(rest, 100)}" if is_start else word(name, 100)


def _state(run: Run) -> str:
    """What is known of a run's record; that it is sealed is only what the journal says."""
    from runbook_lib.records.runs import State

    if run.state not in (State.SEALED, State.ADOPTED):
        return run.state
    return f"{run.note or run.state}, not verified"


def show_runs(runs: Sequence[Run], otherwise: str) -> None:
    click.echo(f"{table(runs)}\n\n{_NOT_VERIFIED}" if runs else otherwise)
    show_remarks(runs)


def show_remarks(runs: Sequence[Run]) -> None:
    """Below the list: what rests on a person's word, which records are signed off, and which runs two journals have."""
    by_hand = [(run, "by hand:", words) for run in runs for words in run.by_hand]
    signed_off = [(run, f"{run.record}, signed off by", words) for run in runs for words in run.signed_off]
    split = [(run, str(run.record), run.split) for run in runs if run.split]
    for run, what, words in (*by_hand, *signed_off, *split):
        click.echo(f"\nTicket {run.ticket_id}, {what} {clean(words, 500)}")


def show_open_ends(runs: Sequence[Run]) -> None:
    """A row for each ticket, and below them what is open, with how it goes on."""
    from runbook_lib.records.open_ends import OR, newest_of_tickets, open_ends, tickets_words

    archive = archived()
    ends = open_ends(runs, archive.folder, archive.profile)
    show_runs(newest_of_tickets(ends), "Nothing is open.")
    click.echo(f"\n{tickets_words(ends)}" if ends else "", nl=bool(ends))
    for end in ends:
        click.echo(f"\nTicket {end.run.ticket_id}, {end.kind}: {clean(end.words, 1000)}")
        click.echo(f"    {clean(end.command, 1000)}".replace(OR, f"\n   {OR}"))


def show_problems(problems: Sequence[Finding]) -> None:
    """Below all: how fresh the mirror of the team's share is, if there is one, and what is wrong with journals."""
    for words in share_commands.freshness():
        click.echo(words)
    for problem in problems:
        click.echo(f"runbook: {problem.code}: {clean(problem.words, 1000)}", err=True)

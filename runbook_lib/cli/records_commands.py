"""The commands on records: `records list`, `show`, `verify`, `sign-off`, `export` and `adopt`."""

from __future__ import annotations

import getpass
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runbook_lib.cli import options, practice, runs_listing, share_commands
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean, count

if TYPE_CHECKING:
    from runbook_lib.records.archive import Ledger
    from runbook_lib.records.findings import Finding, Verification


@click.group(no_args_is_help=False)
def records() -> None:
    """Find, read, verify and export records."""


records.add_command(share_commands.push)
records.add_command(share_commands.pull)


@records.command("list")
@runs_listing.with_filters
@options.as_json
def list_runs(as_json: bool, **filters: Any) -> int:
    """List the runs, from the journals; no record is looked at."""
    runs, problems = runs_listing.find(runs_listing.run_filter(**filters))
    if filters["open_only"]:
        from runbook_lib.records.open_ends import oldest_first

        runs = oldest_first(runs)
    if as_json:
        rows = ",\n  ".join(json.dumps(run.plain) for run in runs)  # a run a line: indenting takes long
        named = json.dumps([each.as_problem for each in problems], indent=2)
        click.echo(f'{{"runs": [\n  {rows}\n], "problems": {named}}}')
        return exit_status.DONE
    if filters["open_only"]:
        runs_listing.show_open_ends(runs)
    else:
        runs_listing.show_runs(runs, "No runs.")
    runs_listing.show_problems(problems)
    return exit_status.DONE


@records.command()
@click.argument("file", type=options.FILE)
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(("csv", "jsonl", "parquet")),
    help="The extra `parquet` brings the last one.",
)
@options.force
@runs_listing.with_filters
def export(file: Path, form: str, force: bool, **filters: Any) -> int:
    """Write the list of runs to a file."""
    from runbook_lib.records import exporting

    runs, problems = runs_listing.find(runs_listing.run_filter(**filters))
    exporting.export(runs, form, file, force=force)
    click.echo(f"{count(len(runs), 'run')} {'was' if len(runs) == 1 else 'were'} written to {file}.")
    runs_listing.show_problems(problems)
    return exit_status.DONE


@records.command(short_help="Check records and journals.")
@click.argument("what", nargs=-1, metavar="[TICKET|RECORD]...", type=click.Path())
@click.option("--ticket-notes", is_flag=True, help="Compare with the notes on the tickets, too.")
@click.option("--share", "with_share", is_flag=True, help="Compare with the team's share, object by object, too.")
@options.as_json
def verify(what: Sequence[str], ticket_notes: bool, with_share: bool, as_json: bool) -> int:
    """Check that records are what was sealed, and that the journals are whole.

    Without arguments it checks every ticket. With --ticket-notes it also compares them with the notes on the tickets,
    which shows what was removed here. Exit status: 0 all is well, 1 there are defects, 2 bad usage.
    """
    from runbook_lib.records.findings import Verification
    from runbook_lib.records.verification import Verifier

    verifier = Verifier(runs_listing.archived(), keeps=ticket_notes)
    tickets = [options.ticket_number(word) for word in what if word.isdigit()]
    paths = [Path(word) for word in what if not word.isdigit()]
    parts = [verifier.record(path) for path in paths]
    parts += [verifier.tickets(tickets)] if tickets else []
    parts += [] if what else [verifier.everything()]
    noted: list[Finding] = []
    if ticket_notes:
        from runbook_lib.settings import Settings  # whose import takes longer than reading a ticket

        of_paths = [ticket_id for path in paths if (ticket_id := verifier.ticket_of(path)) is not None]
        with practice.world(Settings.local()):
            noted = verifier.ticket_notes([*tickets, *of_paths] if what else runs_listing.archived().tickets())
    _refuse_unknown(verifier.ledgers(tickets), noted)
    result = Verification.of(parts, noted)
    compared = share_commands.differences() if with_share else []
    if as_json:
        share = {"share": [{**vars(each), "is_defect": each.is_defect} for each in compared]} if with_share else {}
        click.echo(json.dumps({**result.plain, **share}, indent=2))
    else:
        words = [f"\n{share_commands.difference_words(compared)}"] if with_share else []
        click.echo("\n".join([_words(result), *words, *share_commands.freshness()]))
    is_good = result.is_good and not any(each.is_defect for each in compared)
    return exit_status.DONE if is_good else exit_status.FAILED


def _refuse_unknown(ledgers: Sequence[Ledger], noted: Sequence[Finding]) -> None:
    """A number of no ticket that has left anything is a wrong one, and not one of which all is well."""
    left = {each.ticket for each in noted}  # a note may name what is gone here altogether
    for one in ledgers:
        if not (one.runs or one.problems or str(one.ticket_id) in left):
            what = f"Ticket {one.ticket_id} has neither a record nor a journal in {runs_listing.archived().folder}"
            raise InputError(f"{what}. Check the number.")


def _words(result: Verification) -> str:
    from runbook_lib.cli import tables

    rows = [(clean(f.ticket, 40) or "–", f.code, clean(f.words, 1000)) for f in result.findings]
    heads = ("ticket", "what", "in words")
    table = tables.fitted(rows, heads) if rows else ""
    return f"{table}\n\n{result.words}" if table else result.words


@records.command(short_help="Seal what plain papermill has made.")
@click.argument("file", type=options.FILE)
@click.option("--ticket", required=True, metavar="N", help="The ticket that it is of.")
def adopt(file: Path, ticket: str) -> int:
    """Take in a notebook that plain papermill has executed.

    It is copied into the ticket's folder, read-only, and sealed.
    """
    from runbook_lib.records import adoption
    from runbook_lib.records.runs import ADOPTED_WORDS
    from runbook_lib.settings import Settings

    settings = Settings.local()
    record = adoption.adopt(file, options.ticket_number(ticket), settings, settings.operator or getpass.getuser())
    click.echo(f"It is a record of ticket {ticket} now, {ADOPTED_WORDS}: {record}")
    return exit_status.DONE


@records.command()
@click.argument("record", metavar="RECORD|TICKET", type=click.Path())
@click.option("--all", "whole", is_flag=True, help="All of it: facts, effects with their addresses, and every cell.")
@click.option("--html", type=options.FILE, metavar="FILE", help="Write one HTML page instead, which needs no network.")
@options.force
def show(record: str, whole: bool, html: Path | None, force: bool) -> int:
    """Show a record, or the last one of a ticket; verified first.

    It shows the outcome, its evidence, the effects and the decisions; with --all everything. Of a ticket, the first
    line says how its case ended, also where a later try failed. The exit status is 0 also of a record with a defect,
    which is named on top; `records verify` has one for that.
    """
    from runbook_lib.records import exporting, open_ends, page, reading
    from runbook_lib.records.verification import Verifier

    path = _record(record)
    verifier = Verifier(runs_listing.archived())
    verification = verifier.record(path)
    ledger = verifier.ledger_of(path) if record.isdigit() else None
    stands = [clean(words, 1000) for words in open_ends.standing(ledger.runs, path)] if ledger else []
    unaltered = verifier.runs_of(path) if verification.is_good else []
    more = [f"Signed off by {words}" for run in unaltered for words in run.signed_off]
    more += share_commands.freshness()
    content = reading.read(path)
    if html is None:
        shown = (page.as_text if whole else page.as_brief_text)(content, verification, more)
        click.echo("\n".join([shown, *stands] if verification.defects else [*stands, shown]))
        return exit_status.DONE
    more = [*stands, *more]
    exporting.write(html, page.as_html(content, verification, more).encode(), force=force)
    click.echo("\n".join([*page.summary(content, verification, more), f"Page: {html}"]))
    return exit_status.DONE


def _record(word: str) -> Path:
    """A record by its path, or the last one of a ticket: names begin with the start, and sort by it."""
    if not word.isdigit():
        return Path(word)
    from runbook_lib.records.archive import notebooks

    place = runs_listing.archived().folder / str(options.ticket_number(word))
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


@records.command("sign-off", short_help="Say that you have reviewed records.")
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

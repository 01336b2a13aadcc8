"""The commands on records: `records list`, `verify`, `export` and `adopt`, and the group that has the others."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runbook_lib.cli import options, practice, record_sources, runs_listing, share_commands, single_record_commands
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean, count

if TYPE_CHECKING:
    from runbook_lib.ledger.comparison import Difference
    from runbook_lib.records.findings import Finding, Verification
    from runbook_lib.records.verification import Verifier

_NOT_VERIFIED = (
    "The records were not verified. To verify them: `runbook records list --verify`, or `runbook records verify`."
)


@click.group(no_args_is_help=False)
def records() -> None:
    """Find, read, verify and export records."""


records.add_command(share_commands.push)
records.add_command(share_commands.pull)
records.add_command(single_record_commands.show)
records.add_command(single_record_commands.sign_off)


@records.command("list")
@runs_listing.with_filters
@click.option("--verify", is_flag=True, help="Verify each record; without it none is looked at.")
@options.as_json
def list_runs(verify: bool, as_json: bool, **filters: Any) -> int:
    """List the runs, from the journals."""
    verifier, found = record_sources.verifier(keeps=True) if verify else None, None
    wanted = runs_listing.run_filter(**filters)
    runs, problems = runs_listing.find(wanted, verifier)
    if verifier:
        tickets = list(dict.fromkeys(run.ticket_id for run in runs))
        found = verifier.tickets(tickets)  # and what is shown as verified is what was read for that, not the index
        runs = [run for one in verifier.ledgers(tickets) for run in one.runs if wanted.matches(run)]
    if filters["open_only"]:
        from runbook_lib.records.open_ends import oldest_first

        runs = oldest_first(runs)
    if as_json:
        listed = [{**run.plain, "verified": None if found is None else found.holds(run)} for run in runs]
        rows = ",\n  ".join(json.dumps(row) for row in listed)  # a run a line: indenting takes longer than all the rest
        click.echo(
            f'{{"runs": [\n  {rows}\n], "problems": {json.dumps([each.as_problem for each in problems], indent=2)}}}'
        )
        return exit_status.DONE
    click.echo(runs_listing.table(runs, found) if runs else "Nothing is open." if filters["open_only"] else "No runs.")
    if runs:
        click.echo(f"\n{found.words if found else _NOT_VERIFIED}")
    runs_listing.show_remarks(runs)
    if filters["open_only"]:
        runs_listing.show_open_ends(runs)
    record_sources.show_freshness()
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
    record_sources.show_freshness()
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

    verifier = record_sources.verifier(keeps=ticket_notes)
    tickets = [record_sources.ticket_number(word) for word in what if word.isdigit()]
    if not ticket_notes:  # a note may name what is gone here altogether
        _refuse_unknown(tickets)
    paths = [Path(word) for word in what if not word.isdigit()]
    parts = [verifier.record(path) for path in paths]
    parts += [verifier.tickets(tickets)] if tickets else []
    parts += [] if what else [verifier.everything()]
    noted: list[Finding] = []
    if ticket_notes:
        of_paths = [ticket_id for path in paths if (ticket_id := verifier.ticket_of(path)) is not None]
        noted = _notes(verifier, [*tickets, *of_paths] if what else record_sources.archive().tickets())
    result = Verification.of(parts, noted)
    compared = share_commands.differences() if with_share else []
    click.echo(_json(result, compared if with_share else None) if as_json else _words(result))
    if with_share and not as_json:
        click.echo(f"\n{share_commands.difference_words(compared)}")
    if not as_json:
        record_sources.show_freshness()
    is_good = result.is_good and not any(each.is_defect for each in compared)
    return exit_status.DONE if is_good else exit_status.FAILED


def _refuse_unknown(tickets: Sequence[int]) -> None:
    """A number of no ticket that has left anything here is a wrong one, and not one of which all is well."""
    archive = record_sources.archive()
    known = archive.tickets() if tickets else []
    if unknown := next((one for one in tickets if one not in known), None):
        raise InputError(f"Ticket {unknown} has neither a record nor a journal in {archive.folder}. Check the number.")


def _notes(verifier: Verifier, tickets: Sequence[int]) -> list[Finding]:
    from runbook_lib import wiring
    from runbook_lib.clients.http import Session
    from runbook_lib.settings import Settings

    with practice.world(Settings.local()):
        settings = Settings.load()
        with Session.of(settings) as session:
            comments = wiring.zendesk(settings, session).comments
            return verifier.notes(list(dict.fromkeys(tickets)), comments)


def _words(result: Verification) -> str:
    from runbook_lib.cli import tables

    rows = [(clean(f.ticket, 40), f.code, clean(f.words, 1000)) for f in result.findings]
    heads = ("ticket", "what", "in words")
    table = tables.fitted(rows, heads) if rows else ""
    return f"{table}\n\n{result.words}" if table else result.words


def _json(result: Verification, compared: Sequence[Difference] | None) -> str:
    more = {} if compared is None else {"share": [{**vars(each), "is_defect": each.is_defect} for each in compared]}
    findings = [finding.plain for finding in result.findings]
    counts = {name: getattr(result, name) for name in ("sealed", "tickets", "defects", "adopted")}
    return json.dumps(
        {"good": result.is_good, "good_records": result.good, **counts, "findings": findings, **more}, indent=2
    )


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
    record = adoption.adopt(
        file, record_sources.ticket_number(ticket), settings, settings.operator or getpass.getuser()
    )
    click.echo(f"It is a record of ticket {ticket} now, {ADOPTED_WORDS}: {record}")
    return exit_status.DONE

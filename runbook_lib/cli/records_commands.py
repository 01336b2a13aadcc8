"""The commands on records: `records list`, `show`, `sign-off`, `verify`, `export` and `adopt`."""

from __future__ import annotations

import functools
import getpass
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runbook_lib.cli import completion, options, practice, share_commands
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean

if TYPE_CHECKING:
    from runbook_lib.ledger.comparison import Difference
    from runbook_lib.records.archive import Archive
    from runbook_lib.records.findings import Finding, Verification
    from runbook_lib.records.reading import Record
    from runbook_lib.records.runs import Run, RunFilter
    from runbook_lib.records.verification import Verifier
    from runbook_lib.settings import Settings
    from runbook_lib.variables import Places

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
_NOT_VERIFIED = (
    "The records were not verified. To verify them: `runbook records list --verify`, or `runbook records verify`."
)


def _filters(command: Command) -> Command:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.group(short_help="Find, read, verify and export records.", no_args_is_help=False)
def records() -> None:
    """Find, read, verify and export records."""


records.add_command(share_commands.push)
records.add_command(share_commands.pull)


@records.command("list")
@_filters
@click.option("--verify", is_flag=True, help="Verify each record; without it none is looked at.")
@options.as_json
def list_runs(verify: bool, as_json: bool, **filters: Any) -> int:
    """List the runs, from the journals."""
    verifier, found = _verifier(keeps=True) if verify else None, None
    runs, problems = _found(verifier, **filters)
    if verifier:
        tickets, wanted = list(dict.fromkeys(run.ticket_id for run in runs)), _wanted(**filters)
        found = verifier.tickets(tickets)  # and what is shown as verified is what was read for that, not the index
        runs = [run for one in verifier.ledgers(tickets) for run in one.runs if wanted.matches(run)]
    if as_json:
        listed = [{**run.plain, "verified": None if found is None else found.holds(run)} for run in runs]
        rows = ",\n  ".join(json.dumps(row) for row in listed)  # a run a line: indenting takes longer than all the rest
        click.echo(
            f'{{"runs": [\n  {rows}\n], "problems": {json.dumps([each.as_problem for each in problems], indent=2)}}}'
        )
        return exit_status.DONE
    click.echo(_table(runs, found) if runs else "Nothing is open." if filters["open_only"] else "No runs.")
    if runs:
        click.echo(f"\n{found.words if found else _NOT_VERIFIED}")
    _say_by_hand(runs)
    _say_signed_off(runs)
    if filters["open_only"]:
        _say_next(runs)
    _say_freshness()
    _tell(problems)
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
@_filters
def export(file: Path, form: str, force: bool, **filters: Any) -> int:
    """Write the list of runs to a file."""
    from runbook_lib.records import exporting

    runs, problems = _found(None, **filters)
    exporting.export(runs, form, file, force=force)
    click.echo(f"{len(runs)} runs were written to {file}.")
    _say_freshness()
    _tell(problems)
    return exit_status.DONE


def _found(verifier: Verifier | None, **filters: Any) -> tuple[list[Run], list[Finding]]:
    """The runs that are asked for, and what is wrong with journals; who verifies reads the same files but once."""
    wanted, archive = _wanted(**filters), _archive()
    ledgers = (verifier or archive).listed(wanted.tickets or None)
    problems = [problem for ledger in ledgers for problem in ledger.problems if problem.is_defect]
    runs = [run for ledger in ledgers for run in ledger.runs if wanted.matches(run)]
    return runs, problems if wanted.tickets else [*problems, *archive.strangers()]


def _wanted(
    tickets: Sequence[str],
    runbook: str | None,
    outcome: str | None,
    status: str | None,
    operator: str | None,
    since: str | None,
    until: str | None,
    open_only: bool,
    unreviewed: bool,
) -> RunFilter:
    """The filters, checked.

    Raises:
        InputError: One has an impossible value.
    """
    from runbook_lib.domain.models import Outcome, Status
    from runbook_lib.records.runs import RunFilter

    for name, value, known in (("outcome", outcome, Outcome), ("status", status, Status)):
        if value is not None and value not in list(known):
            raise InputError(f"--{name} is {value!r}; expected one of {', '.join(known)}.")
    return RunFilter(
        tickets=tuple(dict.fromkeys(_ticket(word) for word in tickets)),
        runbook=runbook,
        outcome=outcome,
        status=status,
        operator=operator,
        open_only=open_only,
        unreviewed=unreviewed,
        since=_day("--since", since),
        until=_day("--until", until),
    )


def _day(option: str, word: str | None) -> date | None:
    """A day, or None if the option was not given.

    Raises:
        InputError: It is none.
    """
    if not word:
        return None
    from runbook_lib.domain import answers  # as in `_ticket`

    return answers.day(option, word)


def _table(runs: Sequence[Run], found: Verification | None) -> str:
    """The runs; `found` is what verifying them came to, or None if they were not verified."""
    from runbook_lib.cli import tables

    word = functools.cache(clean)  # the same few, in thousands of runs
    rows = [
        (
            run.ticket_id,
            word(run.runbook),
            f"{run.started_at:%Y-%m-%d %H:%M}" if run.started_at else "",
            "" if run.seconds is None else f"{run.seconds:.1f}",
            word(run.operator, 40),
            {True: "yes", False: "no", None: ""}[run.performed],
            word(run.outcome or run.status),
            _state(run, found),
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


def _state(run: Run, found: Verification | None) -> str:
    """What is known of a run's record; that it is sealed is only what the journal says, unless it was verified."""
    from runbook_lib.records.runs import State

    if run.state not in (State.SEALED, State.ADOPTED):
        return run.state
    words = run.note or run.state
    if found is None:
        return f"{words}, not verified"
    why_not = "not verified" if run.is_trusted else "its writer is not trusted here"
    return f"{words}, {'verified' if found.holds(run) else ', '.join(found.codes(run)) or why_not}"


def _say_by_hand(runs: Sequence[Run]) -> None:
    """Below the list: what rests on a person's word, and on whose."""
    for run in runs:
        for words in run.by_hand:
            click.echo(f"\nTicket {run.ticket_id}, by hand: {clean(words, 500)}")


def _say_signed_off(runs: Sequence[Run]) -> None:
    """Below the list: which records a reviewer has signed off."""
    for run in runs:
        for words in run.signed_off:
            click.echo(f"\nTicket {run.ticket_id}, {run.record}, signed off by {clean(words, 500)}")


def _say_next(runs: Sequence[Run]) -> None:
    """Below the list: what happened with each open end, and the next command."""
    from runbook_lib.records.open_ends import open_ends

    archive = _archive()
    for end in open_ends(runs, archive.folder, archive.profile):
        click.echo(
            f"\nTicket {end.run.ticket_id}, {end.kind}: {clean(end.words, 1000)}\n    {clean(end.command, 1000)}"
        )


def _tell(problems: Sequence[Finding]) -> None:
    for problem in problems:
        click.echo(f"runbook: {problem.code}: {clean(problem.words, 1000)}", err=True)


@records.command()
@click.argument("record", metavar="RECORD|TICKET", type=click.Path())
@click.option("--html", type=options.FILE, metavar="FILE", help="Write one HTML page instead, which needs no network.")
@click.option("--with-records", is_flag=True, help="Of a review's report: the page of each record in it, too.")
@options.force
def show(record: str, html: Path | None, with_records: bool, force: bool) -> int:
    """Show a record, or the last one of a ticket; verified first."""
    from runbook_lib.records import exporting, page, reading, report

    path = _last_record(record) if record.isdigit() else Path(record)
    verifier = _verifier()
    verification = verifier.record(path)
    more = [f"Signed off by {words}" for words in verifier.signed_off(path)]
    more += filter(None, [share_commands.freshness(_places())])
    content = reading.read(path)
    if with_records and (html is None or not report.is_report(content)):
        raise InputError("--with-records goes with --html, and with a report that the review has left.")
    if html is None:
        click.echo(page.as_text(content, verification, more))
        return exit_status.DONE
    outputs = _archive().folder
    for replaced in (html, *([report.pages_folder(html)] if with_records else [])):
        exporting.refuse_to_replace(replaced, force=force)
    written = list(_record_pages(content, html, verifier)) if with_records else []
    shown = page.as_html(content, verification, more, lambda address: report.link(address, html, outputs, written))
    exporting.write(html, shown.encode(), force=force)
    click.echo("\n".join([*page.summary(content, verification, more), f"Page: {html}"]))
    if with_records:
        there = f"{len(written)} pages in {report.pages_folder(html)}; send the folder along"
        click.echo(f"Records: {there if written else 'none that the report links is here'}.")
    return exit_status.DONE


def _record_pages(content: Record, html: Path, verifier: Verifier) -> Iterator[Path]:
    """Write the page of each record that a report links, verified first; one that cannot be read is told."""
    from runbook_lib import files
    from runbook_lib.records import exporting, page, reading, report

    for path, target in report.record_pages(content, html, _archive().folder):
        try:
            signed_off = [f"Signed off by {words}" for words in verifier.signed_off(path)]
            shown = page.as_html(reading.read(path), verifier.record(path), signed_off)
        except InputError as exc:
            click.echo(f"runbook: {exc}", err=True)
            continue
        files.make_folder(target.parent)
        exporting.write(target, shown.encode(), force=True)
        yield target


def _last_record(ticket: str) -> Path:
    """The last record of a ticket: names begin with the start, and sort by it; other notebooks only if there is none.

    Raises:
        InputError: There is none.
    """
    from runbook_lib.records.archive import notebooks

    place = _archive().folder / str(_ticket(ticket))
    names = [name for name in notebooks(place) if "/" not in name and not name.startswith(".")]
    names.sort(key=lambda name: (re.match("[0-9]{8}T[0-9]{9}Z-", name) is not None, name))
    if not names:
        raise InputError(f"Ticket {ticket} has no record in {place}. `runbook records list` shows all records.")
    return place / names[-1]


def _account() -> str:
    """The name of this machine's account, where no operator is set; who sits there says whether it is theirs.

    Raises:
        InputError: It is not.
    """
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

    settings = _settings()
    paths = [_last_record(word) if word.isdigit() else Path(word) for word in what]
    reviewer = settings.operator or _account()
    click.echo(f"To be signed off as {reviewer}.")
    signed(paths, words, settings, reviewer)
    click.echo("\n".join(f"Signed off by {reviewer}: {path}" for path in paths))
    if settings.share:
        click.echo("`runbook records push` brings it to the team's share.")
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

    verifier = _verifier(keeps=ticket_notes)
    tickets = [_ticket(word) for word in what if word.isdigit()]
    paths = [Path(word) for word in what if not word.isdigit()]
    parts = [verifier.record(path) for path in paths]
    parts += [verifier.tickets(tickets)] if tickets else []
    parts += [] if what else [verifier.everything()]
    noted: list[Finding] = []
    if ticket_notes:
        of_paths = [ticket_id for path in paths if (ticket_id := verifier.ticket_of(path)) is not None]
        noted = _notes(verifier, [*tickets, *of_paths] if what else _archive().tickets())
    result = Verification.of(parts, noted)
    compared = share_commands.differences() if with_share else []
    click.echo(_json(result, compared if with_share else None) if as_json else _words(result))
    if with_share and not as_json:
        click.echo(f"\n{share_commands.difference_words(compared)}")
    if not as_json:
        _say_freshness()
    is_good = result.is_good and not any(each.is_defect for each in compared)
    return exit_status.DONE if is_good else exit_status.FAILED


def _say_freshness() -> None:
    """How fresh the mirror of the team's share is, if there is one."""
    if words := share_commands.freshness(_places()):
        click.echo(words)


def _notes(verifier: Verifier, tickets: Sequence[int]) -> list[Finding]:
    from runbook_lib import wiring
    from runbook_lib.clients.http import Session
    from runbook_lib.settings import Settings

    with practice.world(_settings()):
        settings = Settings.load()
        with Session.of(settings) as session:
            comments = wiring.zendesk(settings, session).comments
            return verifier.notes(list(dict.fromkeys(tickets)), comments)


def _words(result: Verification) -> str:
    from runbook_lib.cli import tables

    rows = [(clean(f.ticket, 40), f.code, clean(f.words, 1000)) for f in result.findings]
    heads = ("ticket", "what", "in words")
    table = tables.table(rows, heads, [None, None, 84]) if rows else ""
    return f"{table}\n\n{result.words}" if table else result.words


def _json(result: Verification, compared: Sequence[Difference] | None) -> str:
    more = {} if compared is None else {"share": [{**vars(each), "is_defect": each.is_defect} for each in compared]}
    findings = [{**vars(finding), "is_defect": finding.is_defect} for finding in result.findings]
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

    settings = _settings()
    record = adoption.adopt(file, _ticket(ticket), settings, settings.operator or getpass.getuser())
    click.echo(f"It is a record of ticket {ticket} now, {ADOPTED_WORDS}: {record}")
    return exit_status.DONE


def _ticket(word: str) -> int:
    """A ticket's number.

    Raises:
        InputError: It is none.
    """
    if re.fullmatch("[1-9][0-9]{0,11}", word):
        return int(word)
    from runbook_lib.domain import answers  # what people paste takes longer to understand than a ticket to read

    return int(str(answers.parse("ticket_id", word)))


def _verifier(*, keeps: bool = False) -> Verifier:
    from runbook_lib.records.verification import Verifier

    return Verifier(_archive(), keeps=keeps)


def _archive() -> Archive:
    from runbook_lib.records.archive import Archive

    return Archive.of(_places())


def _places() -> Places:
    """Where things are; the other settings take longer to read than a ticket."""
    from runbook_lib.variables import Places

    return Places.read()


def _settings() -> Settings:
    from runbook_lib.settings import Settings

    return Settings.local()

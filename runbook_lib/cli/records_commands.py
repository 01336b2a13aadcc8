"""The commands on records: `records list`, `show`, `verify`, `export` and `adopt`."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.domain.errors import InputError

if TYPE_CHECKING:
    from runbook_lib.records.runs import Run, Wanted
    from runbook_lib.records.union import Problem
    from runbook_lib.records.verification import Finding, Verification, Verifier
    from runbook_lib.settings import Settings

    Practice = Callable[[Settings], AbstractContextManager[None]]

GOOD, DEFECTS = 0, 1
FORMATS = ("csv", "jsonl", "parquet")
_NOT_VERIFIED = (
    "Not verified: no record was looked at. `runbook records list --verify` does, and `runbook records verify`."
)
_VERIFY_HELP = """\
Checks that records are what was sealed, and that the journals are whole. Without arguments it checks every ticket.
With --ticket-notes it also compares them with the notes on the tickets, which shows what was removed here. Exit
status: 0 all is well, 1 there are defects, 2 bad usage."""
_ADOPT_HELP = """\
Takes in a notebook that plain papermill has executed: copies it into the ticket's folder, read-only, and seals it."""


def add_commands(commands: Any, practice: Practice) -> None:
    """Add them to the parser's commands; `practice` keeps a practice world running while it is needed."""
    records = commands.add_parser("records", help="find, read, verify and export records")
    records_commands = records.add_subparsers(required=True, metavar="COMMAND")

    listing = records_commands.add_parser("list", help="list the runs, from the journals")
    _add_filters(listing)
    listing.add_argument("--verify", action="store_true", help="verify each record; without it none is looked at")
    listing.add_argument("--json", action="store_true", help="print one JSON object: runs and problems")
    listing.set_defaults(command=_list)

    show = records_commands.add_parser("show", help="show a record, or the last one of a ticket; verified first")
    show.add_argument("record", metavar="RECORD|TICKET", help="a record's path, or a ticket's number")
    show.add_argument("--html", type=Path, metavar="FILE", help="write one HTML page instead, which needs no network")
    show.add_argument("--force", action="store_true", help="replace FILE if it is there")
    show.set_defaults(command=_show)

    verify = records_commands.add_parser("verify", help="check records and journals", description=_VERIFY_HELP)
    verify.add_argument("what", nargs="*", metavar="TICKET|RECORD", help="tickets' numbers or records' paths")
    verify.add_argument("--ticket-notes", action="store_true", help="compare with the notes on the tickets, too")
    verify.add_argument("--json", action="store_true", help="print one JSON object")
    verify.set_defaults(command=lambda given: _verify(given, practice))

    export = records_commands.add_parser("export", help="write the list of runs to a file")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument("--format", required=True, choices=FORMATS, help="parquet needs the extra `parquet`")
    export.add_argument("--force", action="store_true", help="replace FILE if it is there")
    _add_filters(export)
    export.set_defaults(command=_export)

    adopt = records_commands.add_parser("adopt", help="seal what plain papermill has made", description=_ADOPT_HELP)
    adopt.add_argument("file", type=Path, metavar="FILE", help="the executed notebook")
    adopt.add_argument("--ticket", required=True, metavar="N", help="the ticket that it is of")
    adopt.set_defaults(command=_adopt)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ticket", action="append", default=[], metavar="N", help="only this ticket; may be repeated")
    parser.add_argument("--runbook", metavar="NAME", help="only runs of this runbook")
    parser.add_argument("--outcome", metavar="NAME", help="only cases that ended so, such as license_issued")
    parser.add_argument("--status", metavar="NAME", help="only runs that ended so, such as needs_answer")
    parser.add_argument("--operator", metavar="NAME", help="only runs of this person")
    parser.add_argument("--since", metavar="YYYY-MM-DD", help="the first day, in UTC")
    parser.add_argument("--until", metavar="YYYY-MM-DD", help="the last day, in UTC")
    parser.add_argument("--open", action="store_true", help="only what somebody still has to look after")


def _list(given: argparse.Namespace) -> int:
    from runbook_lib.records.archive import Archive
    from runbook_lib.records.verification import Verifier

    runs, problems = _found(given)
    tickets = list(dict.fromkeys(run.ticket_id for run in runs))
    found = Verifier(Archive.of(_settings())).tickets(tickets) if given.verify else None
    if given.json:
        listed = [{**run.plain, "verified": None if found is None else found.holds(run)} for run in runs]
        rows = ",\n  ".join(json.dumps(row) for row in listed)  # a run a line: indenting takes longer than all the rest
        _say(f'{{"runs": [\n  {rows}\n], "problems": {json.dumps([vars(p) for p in problems], indent=2)}}}')
        return GOOD
    _say(_table(runs, found) if runs else "Nothing is open." if given.open else "No runs.")
    if runs:
        _say(f"\n{found.words if found else _NOT_VERIFIED}")
    _say_by_hand(runs)
    if given.open:
        _say_next(runs)
    _tell(problems)
    return GOOD


def _export(given: argparse.Namespace) -> int:
    from runbook_lib.records import exporting

    runs, problems = _found(given)
    exporting.export(runs, given.format, given.file, force=given.force)
    _say(f"{len(runs)} runs were written to {given.file}.")
    _tell(problems)
    return GOOD


def _found(given: argparse.Namespace) -> tuple[list[Run], list[Problem]]:
    """The runs that are asked for, and what is wrong with journals."""
    from runbook_lib.records.archive import Archive

    wanted = _wanted(given)
    archive = Archive.of(_settings())
    ledgers = archive.listed(wanted.tickets or None)
    problems = [problem for ledger in ledgers for problem in ledger.problems if not problem.is_notice]
    runs = [run for ledger in ledgers for run in ledger.runs if wanted.takes(run)]
    return runs, problems if wanted.tickets else [*problems, *archive.strangers()]


def _wanted(given: argparse.Namespace) -> Wanted:
    """The filters, checked.

    Raises:
        InputError: One has an impossible value.
    """
    from runbook_lib.domain import answers
    from runbook_lib.domain.models import Outcome, Status
    from runbook_lib.records.runs import Wanted

    for name, known in (("outcome", Outcome), ("status", Status)):
        value = getattr(given, name)
        if value is not None and value not in [str(word) for word in known]:
            raise InputError(f"--{name} is {value!r}; expected one of {', '.join(known)}.")
    days = {name: answers.day(f"--{name}", value) for name in ("since", "until") if (value := getattr(given, name))}
    return Wanted(
        tickets=tuple(dict.fromkeys(_ticket(word) for word in given.ticket)),
        runbook=given.runbook,
        outcome=given.outcome,
        status=given.status,
        operator=given.operator,
        open_only=given.open,
        **days,
    )


def _table(runs: Sequence[Run], found: Verification | None) -> str:
    """The runs; `found` is what verifying them came to, or None if they were not verified."""
    from tabulate import tabulate

    from runbook_lib.domain.plain_text import clean

    rows = [
        (
            run.ticket_id,
            clean(run.runbook),
            f"{run.started_at:%Y-%m-%d %H:%M}" if run.started_at else "",
            "" if run.seconds is None else f"{run.seconds:.1f}",
            clean(run.operator, 40),
            {True: "yes", False: "no", None: ""}[run.performed],
            clean(run.outcome or run.status),
            _state(run, found),
            clean(run.record or "", 100),
        )
        for run in runs
    ]
    heads = ("ticket", "runbook", "started (UTC)", "s", "operator", "performed", "outcome", "state", "record")
    return tabulate(rows, headers=heads, disable_numparse=True)


def _state(run: Run, found: Verification | None) -> str:
    """What is known of a run's record; that it is sealed is only what the journal says, unless it was verified."""
    from runbook_lib.records.runs import State

    if run.state not in (State.SEALED, State.ADOPTED):
        return run.state
    words = run.note or run.state
    if found is None:
        return f"{words}, not verified"
    return f"{words}, {'verified' if found.holds(run) else ', '.join(found.codes(run)) or 'not verified'}"


def _say_by_hand(runs: Sequence[Run]) -> None:
    """Below the list: what rests on a person's word, and on whose."""
    from runbook_lib.domain.plain_text import clean

    for run in runs:
        for words in run.by_hand:
            _say(f"\nTicket {run.ticket_id}, by hand: {clean(words, 500)}")


def _say_next(runs: Sequence[Run]) -> None:
    """Below the list: what happened with each open end, and the command that goes on."""
    from runbook_lib.domain.plain_text import clean
    from runbook_lib.records.archive import Archive
    from runbook_lib.records.open_ends import open_ends

    archive = Archive.of(_settings())
    for end in open_ends(runs, archive.folder, archive.profile):
        _say(f"\nTicket {end.run.ticket_id}, {end.kind}: {clean(end.words, 1000)}\n    {clean(end.command, 1000)}")


def _tell(problems: Sequence[Problem]) -> None:
    """What is wrong with journals, beside the list."""
    from runbook_lib.domain.plain_text import clean

    for problem in problems:
        sys.stderr.write(f"runbook: {problem.code}: {clean(problem.words, 1000)}\n")


def _show(given: argparse.Namespace) -> int:
    from runbook_lib.records import exporting, page, reading
    from runbook_lib.records.archive import Archive
    from runbook_lib.records.verification import Verifier

    archive = Archive.of(_settings())
    path = _last_record(archive.folder, given.record) if given.record.isdigit() else Path(given.record)
    verification = Verifier(archive).record(path)
    record = reading.read(path)
    if given.html is None:
        _say(page.as_text(record, verification))
        return GOOD
    exporting.write(given.html, page.as_html(record, verification).encode(), force=given.force)
    _say("\n".join([*page.verdict(verification), f"Page: {given.html}"]))
    return GOOD


def _last_record(folder: Path, ticket: str) -> Path:
    """The last record of a ticket: names begin with the start, and sort by it.

    Raises:
        InputError: There is none.
    """
    from runbook_lib.records.archive import notebooks

    place = folder / str(_ticket(ticket))
    names = sorted(name for name in notebooks(place) if "/" not in name and not name.startswith("."))
    if not names:
        raise InputError(f"Ticket {ticket} has no record in {place}. `runbook records list` shows what there is.")
    return place / names[-1]


def _verify(given: argparse.Namespace, practice: Practice) -> int:
    from runbook_lib.records.archive import Archive
    from runbook_lib.records.verification import Verification, Verifier

    local = _settings()
    archive = Archive.of(local)
    verifier = Verifier(archive)
    tickets = [_ticket(word) for word in given.what if word.isdigit()]
    paths = [Path(word) for word in given.what if not word.isdigit()]
    parts = [verifier.record(path) for path in paths]
    parts += [verifier.tickets(tickets)] if tickets else []
    parts += [] if given.what else [verifier.everything()]
    findings = [finding for part in parts for finding in part.findings]
    if given.ticket_notes:
        of_paths = [ticket_id for path in paths if (ticket_id := verifier.ticket_of(path)) is not None]
        asked = [*tickets, *of_paths] if given.what else archive.tickets()
        findings += _notes(verifier, asked, local, practice)
    unique = tuple(dict.fromkeys(findings))
    records = frozenset(record for part in parts for record in part.records)
    result = Verification(sum(part.sealed for part in parts), sum(part.tickets for part in parts), unique, records)
    _say(_json(result) if given.json else _words(result))
    return GOOD if result.is_good else DEFECTS


def _notes(verifier: Verifier, tickets: Sequence[int], local: Settings, practice: Practice) -> list[Finding]:
    """What the notes on the tickets say that is not so here."""
    from runbook_lib.clients.http import Session
    from runbook_lib.clients.zendesk import Zendesk
    from runbook_lib.settings import Settings

    with practice(local):
        settings = Settings.load()
        with Session.of(settings) as session:
            zendesk = Zendesk(settings.zendesk_url, settings.zendesk_credentials(), session)
            return list(verifier.notes(list(dict.fromkeys(tickets)), zendesk.comments))


def _words(result: Verification) -> str:
    from tabulate import tabulate

    from runbook_lib.domain.plain_text import clean

    rows = [(clean(f.ticket, 40), f.code, clean(f.words, 1000)) for f in result.findings]
    heads = ("ticket", "what", "in words")
    table = tabulate(rows, headers=heads, disable_numparse=True, maxcolwidths=[None, None, 84]) if rows else ""
    return f"{table}\n\n{result.words}" if table else result.words


def _json(result: Verification) -> str:
    findings = [{**vars(finding), "is_defect": finding.is_defect} for finding in result.findings]
    counts = {name: getattr(result, name) for name in ("sealed", "tickets", "defects", "adopted")}
    return json.dumps({"good": result.is_good, "good_records": result.good, **counts, "findings": findings}, indent=2)


def _adopt(given: argparse.Namespace) -> int:
    from runbook_lib.records.adoption import adopt

    settings = _settings()
    record = adopt(given.file, _ticket(given.ticket), settings, settings.operator or getpass.getuser())
    from runbook_lib.records.runs import ADOPTED_WORDS

    _say(f"It is a record of ticket {given.ticket} now, {ADOPTED_WORDS}: {record}")
    return GOOD


def _ticket(word: str) -> int:
    """A ticket's number.

    Raises:
        InputError: It is none.
    """
    from runbook_lib.domain import answers

    return int(str(answers.parse("ticket_id", word)))


def _settings() -> Settings:
    from runbook_lib.settings import Settings

    return Settings.local()


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")

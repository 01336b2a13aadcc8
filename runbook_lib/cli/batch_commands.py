"""The command `runbook batch`: many tickets, one bar, a line for each as it ends, and a table."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.cli import options, practice
from runbook_lib.domain.errors import InputError

if TYPE_CHECKING:
    from runbook_lib.run.batch import Ending
    from runbook_lib.run.batch_list import BatchRow
    from runbook_lib.settings import Settings

MOST_WORKERS = 64
LINE_CHARS = 200
CUT_CHARS = 20
"""What `clean` adds to a line that it cuts."""
COLUMNS = ("line", "ticket", "runbook", "end", "summary", "missing", "record", "seconds", "exit_status")


@click.command
@click.argument("what", nargs=-1, metavar="[LIST|TICKET]...", type=click.Path(allow_dash=True))
@options.perform
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_WORKERS),
    metavar="N",
    help="How many at once. Default: one more than there are cores.",
)
@click.option("--scheduler", default="", metavar="ADDRESS", help="Run on the workers of this Dask scheduler.")
@options.as_json
@click.option("--csv", "csv_file", type=options.FILE, metavar="FILE", help="Write the table to a file as well.")
@options.force
def batch(
    what: Sequence[str],
    perform: bool,
    workers: int | None,
    scheduler: str,
    as_json: bool,
    csv_file: Path | None,
    force: bool,
) -> int:
    """Run many tickets, several at once.

    LIST is a CSV file with the columns ticket, runbook (or auto, which is also the default) and any parameter; `-` is
    standard input. Tickets' numbers can be given in its place. Without --perform it rehearses. A batch that was
    interrupted goes on where it was when the same command is given again. Exit status: that of the worst ticket.
    """
    from tqdm import tqdm

    from runbook_lib.records import exporting
    from runbook_lib.run import batch as runs
    from runbook_lib.run import batch_list
    from runbook_lib.settings import Settings

    began = time.monotonic()
    local = Settings.local()
    if csv_file:
        exporting.refuse_to_replace(csv_file, force=force)
    rows = batch_list.once([_checked(row, local, perform=perform) for row in _rows(what)])
    out = sys.stderr if as_json else sys.stdout
    with practice.world(local), tqdm(total=len(rows), unit="ticket", disable=None, leave=False) as bar:

        def notify(what: str | Ending) -> None:
            bar.update(not isinstance(what, str))
            bar.write(what if isinstance(what, str) else _line(what), file=out)
            out.flush()

        endings = runs.run(rows, local, perform=perform, workers=workers or 0, scheduler=scheduler, notify=notify)
    _report(endings, round(time.monotonic() - began, 1), as_json=as_json, perform=perform)
    if csv_file:
        exporting.write(csv_file, exporting.table([ending.plain for ending in endings], COLUMNS), force=force)
    return runs.worst(endings)


def _rows(what: Sequence[str]) -> list[BatchRow]:
    from runbook_lib.domain import pasted
    from runbook_lib.domain.parameters import QUESTIONS
    from runbook_lib.run import batch_list

    if what and all(pasted.ticket(word) is not None for word in what):
        return batch_list.of_tickets(what)
    if len(what) > 1:
        wrong = next(word for word in what if pasted.ticket(word) is None)
        raise InputError(f"{wrong!r} is no ticket's number. Give tickets' numbers, or one CSV file.")
    if not what and sys.stdin.isatty():
        raise InputError("No tickets. Give tickets' numbers or a CSV file, or send a list to standard input.")
    name = what[0] if what else "-"
    if name == "-" and sys.stdin.isatty():
        click.echo("Type the list, one ticket in a line; Ctrl-D ends it.", err=True)
    return batch_list.read(options.content(name, "list"), set(QUESTIONS))


def _checked(row: BatchRow, local: Settings, *, perform: bool) -> BatchRow:
    """A row with what is wrong with it, as far as that is known before anything runs."""
    from runbook_lib.redaction import Redactor
    from runbook_lib.run import intake

    row = replace(row, **Redactor.of(local).data(vars(row)))  # the table repeats what a user may have pasted
    if row.problem:
        return row
    try:
        runbook, answers = intake.first(local, row.runbook, row.answers)
        intake.check(intake.template(local, runbook), row.ticket, answers, perform=perform)
    except InputError as exc:
        return replace(row, problem=str(exc))
    return row


def _line(ending: Ending) -> str:
    """An ending in one line of the terminal, or of 200 characters elsewhere; the table has it whole."""
    from runbook_lib.domain.plain_text import clean

    runbook = ending.report.get("runbook") or ending.row.runbook
    columns = shutil.get_terminal_size((LINE_CHARS + CUT_CHARS, 0)).columns
    limit = min(LINE_CHARS, max(CUT_CHARS, columns - CUT_CHARS))
    words = "" if ending.summary.startswith(ending.words) else f"{ending.words}. "
    return clean(f"  {ending.row.ticket or '?'}  {runbook}: {words}{ending.summary}", limit)


def _what(ending: Ending) -> str:
    """The summary without the words of the ending, which stand beside it in the table."""
    return re.sub(rf"\A(Finished before: )?{re.escape(ending.words)}(?:[:.] +|\.?\Z)", r"\1", ending.summary)


def _report(endings: Sequence[Ending], seconds: float, *, as_json: bool, perform: bool) -> None:
    from runbook_lib.domain.plain_text import clean, count
    from runbook_lib.domain.state_words import within_sentence

    if as_json:
        tickets = [ending.plain for ending in endings]
        counts = dict(Counter(ending.end for ending in endings).most_common())
        click.echo(json.dumps({"tickets": tickets, "counts": counts, "seconds": seconds}, indent=2))
        return
    from runbook_lib.cli import tables

    rows = [
        (clean(e.row.ticket, 40), clean(str(e.plain["runbook"]), 30), e.words, clean(_what(e), 2000)) for e in endings
    ]
    heads = ("ticket", "runbook", "end", "what")
    table = tables.fitted(rows, heads)
    by_words = Counter(ending.words for ending in endings).most_common()
    counted = ", ".join(f"{number} {within_sentence(words)}" for words, number in by_words)
    done = "performed" if perform else "rehearsed"
    click.echo(f"\n{table}\n\n{count(len(endings), 'ticket')} {done} in {seconds} s: {counted}")

"""The list of a batch: which tickets, by which runbook, with which answers. Reads text; pure.

A list is CSV as people make it: with or without a byte-order mark, a line of heads or quotes, separated by commas,
semicolons or tabs. What is wrong with one line is that line's problem, and the others go on; what is wrong with the
heads concerns every line, and is reported before anything begins.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from runbook_lib.domain import pasted
from runbook_lib.domain.errors import InputError

AUTO = "auto"
TICKET, RUNBOOK = "ticket", "runbook"
_SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)
"""The first line that names the separator to Excel."""
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""How a text begins that names its encoding. Source: Unicode, byte-order mark."""
_REFUSED = {
    "perform": "Leave the column out, and pass --perform to perform the whole list",
    "ticket_id": f"Call the column {TICKET}",
}


@dataclass(frozen=True)
class Row:
    """One ticket of a list.

    Attributes:
        line: Where it stands, from 1.
        ticket: The ticket, as it was written.
        runbook: A runbook's name, or `auto`.
        answers: Parameters by name, as written; empty cells are left out.
        problem: Why it cannot be run, in a sentence; "" if it can.
    """

    line: int
    ticket: str
    runbook: str = AUTO
    answers: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def read(content: bytes, parameters: Collection[str]) -> list[Row]:
    """The tickets of a list, in its order.

    Args:
        content: The file.
        parameters: The names that may stand in the heads beside `ticket` and `runbook`.

    Raises:
        InputError: It is no text, is empty, or a head is unknown, missing or there twice.
    """
    lines = _lines(_text(content))
    first = next(lines, None)
    if first and pasted.ticket(first[1][0]) is None:
        heads = _heads(first[1], parameters)
    else:
        heads, lines = [TICKET, RUNBOOK], chain([first] if first else [], lines)
    rows = [_row(number, cells, heads) for number, cells in lines]
    if not rows:
        raise InputError("The list is empty: one line for each ticket is expected.")
    return _once(rows)


def of_tickets(tickets: Sequence[str]) -> list[Row]:
    """The rows of tickets that were named one by one."""
    return _once([Row(number, ticket) for number, ticket in enumerate(tickets, 1)])


def _text(content: bytes) -> str:
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as exc:
        raise InputError("The list is not UTF-8 text. Save it as CSV UTF-8.") from exc
    if "\0" in text:
        raise InputError("The list is no text but another kind of file. Save it as CSV UTF-8.")
    return text.replace("\ufeff", "")  # also of a file that was put behind another one


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that is not empty, in stripped cells, with the number of the line where it begins.

    Raises:
        InputError: A quoted cell does not end, or is larger than any answer.
    """
    lines = list(io.StringIO(text, newline=""))  # `splitlines` would also end a line at U+2028 and the like in a cell
    named = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    if named:
        lines[0] = "\n"
    first = next((line for line in lines if line.strip()), "")
    separator = named[1] if named else max(_SEPARATORS, key=first.count)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield number, stripped
            number = reader.line_num + 1
    except csv.Error as exc:
        raise InputError(
            f"Line {reader.line_num} of the list cannot be read as CSV ({exc}). Check its quotes."
        ) from exc


def _heads(cells: Sequence[str], parameters: Collection[str]) -> list[str]:
    """The names of the columns.

    Raises:
        InputError: One is unknown, empty or there twice; or there is none for the ticket.
    """
    heads = [cell.lower() for cell in cells]
    while heads and not heads[-1]:
        heads.pop()
    known = [TICKET, RUNBOOK, *sorted(set(parameters) - set(_REFUSED))]
    for head in heads:
        if head in _REFUSED:
            raise InputError(f"The list has a column {head!r}. {_REFUSED[head]}.")
        if head not in known:
            close = difflib.get_close_matches(head, known, 1)
            guess = f" Did you mean {close[0]}?" if close else f" Known: {', '.join(known)}."
            raise InputError(f"The list has a column {head!r}, which is no parameter.{guess}")
        if heads.count(head) > 1:
            raise InputError(f"The list has the column {head!r} twice; keep one.")
    if TICKET not in heads:
        raise InputError(f"The list has no column {TICKET!r}, which holds the tickets' numbers.")
    return heads


def _row(line: int, cells: Sequence[str], heads: Sequence[str]) -> Row:
    given = {name: cell for name, cell in zip(heads, cells, strict=False) if cell}
    row = Row(line, given.pop(TICKET, ""), given.pop(RUNBOOK, AUTO), given)
    if any(cells[len(heads) :]):
        return replace(row, problem=f"It has {len(cells)} cells where {len(heads)} are expected. Check its quotes.")
    return row


def _once(rows: Sequence[Row]) -> list[Row]:
    """The rows; one whose ticket has come before has that as its problem, and one without a ticket, too."""
    found: list[Row] = []
    lines: dict[int, int] = {}
    for row in rows:
        number = pasted.ticket(row.ticket)
        before = None if number is None else lines.setdefault(number, row.line)
        if row.problem:
            found.append(row)
        elif number is None:
            shown = repr(row.ticket[:40])
            found.append(
                replace(row, problem=f"{shown} is no ticket's number or address." if row.ticket else "No ticket.")
            )
        elif before != row.line:
            found.append(replace(row, problem=f"Ticket {number} stands in line {before} already, and is run once."))
        else:
            found.append(row)
    return found

"""The list of a batch: which tickets, by which runbook, with which answers. Reads text; pure.

A list is CSV as people make it: with or without a byte-order mark, a line of heads, quotes or comments (`# ...`),
separated by commas, semicolons or tabs. What is wrong with one line is that line's problem, and the others go on; what
is wrong with the heads concerns every line, and is reported before anything begins.
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
from runbook_lib.run.intake import AUTO

TICKET, RUNBOOK = "ticket", "runbook"
LONGEST_SHOWN = 40
"""Characters of a cell that a message repeats: a line of a license file is longer, and alone not known for one."""
_SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)
"""The first line that names the separator to Excel."""
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""How a text begins that names its encoding. Source: Unicode, byte-order mark."""
_DECIMALS = re.compile(r"([0-9]+)[.,]0{1,2}")
"""How a spreadsheet may write whole numbers; three digits would be thousands."""
_COMMENT = re.compile(r"#\s*[^\s\d#]|#+\s*$")
"""What begins a line that is none of a ticket; `#1001` may be one."""
_REFUSED = {
    "perform": "Leave the column out, and pass --perform to perform the whole list",
    **dict.fromkeys(("ticket_id", "id"), f"Call the column {TICKET}"),
}


@dataclass(frozen=True)
class BatchRow:
    """One ticket of a list."""

    line: int  # where it stands, from 1
    ticket: str  # the ticket, as it was written
    runbook: str = AUTO  # a runbook's name, or `auto`
    answers: Mapping[str, str] = field(default_factory=dict)  # parameters by name, as written; empty cells are left out
    problem: str = ""  # why it cannot be run, in a sentence; "" if it can

    @property
    def number(self) -> int:
        """The ticket's number; 0 if it has none, which is a problem."""
        return pasted.ticket(self.ticket) or 0


def read(content: bytes, parameters: Collection[str]) -> list[BatchRow]:
    """The tickets of a list, in its order; parameters may stand in its heads beside `ticket` and `runbook`.

    Raises:
        InputError: It is no text, is empty, or a head is unknown, missing or there twice.
    """
    lines = _lines(_text(content))
    first = next(lines, None)
    if first and pasted.ticket(_ticket(first[1][0])) is None:
        heads = _heads(first[1], parameters)
    else:
        heads, lines = [TICKET, RUNBOOK], chain([first] if first else [], lines)
    rows = [_row(number, cells, heads) for number, cells in lines]
    if not rows:
        raise InputError("The list is empty: one line for each ticket is expected.")
    return _without_comments(rows)


def of_tickets(tickets: Sequence[str]) -> list[BatchRow]:
    return [_numbered(BatchRow(number, ticket)) for number, ticket in enumerate(tickets, 1)]


def once(rows: Sequence[BatchRow]) -> list[BatchRow]:
    """The rows; one whose ticket is run by an earlier row has that as its problem."""
    lines: dict[int, int] = {}
    found = []
    for row in rows:
        before = row.line if row.problem else lines.setdefault(row.number, row.line)
        words = f"Ticket {row.number} stands in line {before} already, and is run once."
        found.append(row if before == row.line else replace(row, problem=words))
    return found


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
    """Each line that is not empty, in stripped cells, with the number of the line where it begins."""
    lines = list(io.StringIO(text, newline=""))  # `splitlines` would also end a line at U+2028 and the like in a cell
    named = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    if named:
        lines[0] = "\n"
    first = next((line for line in lines if line.strip() and not _COMMENT.match(line.strip())), "")
    separator = named[1] if named else max(_SEPARATORS, key=first.count)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped) and not _COMMENT.match(stripped[0]):
                yield number, stripped
            number = reader.line_num + 1
    except csv.Error as exc:
        raise InputError(
            f"Line {reader.line_num} of the list cannot be read as CSV ({exc}). Check its quotes."
        ) from exc


def _heads(cells: Sequence[str], parameters: Collection[str]) -> list[str]:
    heads = [re.sub(r"[\s-]+", "_", pasted.plain(cell).lower()) for cell in cells]
    while heads and not heads[-1]:
        heads.pop()
    known = [TICKET, RUNBOOK, *sorted(set(parameters) - set(_REFUSED))]
    if not {*known, *_REFUSED} & set(heads):
        shown = repr(cells[0]) if len(cells[0]) <= LONGEST_SHOWN else f"{len(cells[0])} characters"
        raise InputError(
            f"The list begins with {shown}; expected a ticket's number, or heads, {TICKET!r} among them. "
            "Put one ticket in a line, and separate cells by commas, semicolons or tabs."
        )
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


def _row(line: int, cells: Sequence[str], heads: Sequence[str]) -> BatchRow:
    given = {name: cell for name, cell in zip(heads, cells, strict=False) if cell}
    row = BatchRow(line, _ticket(given.pop(TICKET, "")), given.pop(RUNBOOK, AUTO).lower(), given)
    if any(cells[len(heads) :]):
        words = f"It has {len(cells)} cells where {len(heads)} are expected. Check its quotes; a line has one ticket."
        return replace(row, problem=words)
    return _numbered(row)


def _ticket(cell: str) -> str:
    """A ticket's cell without a spreadsheet's decimals."""
    found = _DECIMALS.fullmatch(cell)
    return found[1] if found else cell


def _numbered(row: BatchRow) -> BatchRow:
    """The row; that it has no ticket is its problem."""
    if row.number:
        return row
    if len(row.ticket) > LONGEST_SHOWN:
        return replace(row, ticket="", problem=f"{len(row.ticket)} characters are no ticket's number or address.")
    return replace(row, problem=f"{row.ticket!r} is no ticket's number or address." if row.ticket else "No ticket.")


def _without_comments(rows: Sequence[BatchRow]) -> list[BatchRow]:
    """The rows; beside tickets without `#`, one that begins with it may have been taken out, and is not run."""
    hashed = {row.line for row in rows if row.ticket.startswith("#") and not row.problem}
    if all(row.line in hashed or row.problem for row in rows):
        return list(rows)
    words = "{} may be a ticket or a line that was taken out. Write the number alone, or remove the line."
    return [replace(row, problem=words.format(repr(row.ticket))) if row.line in hashed else row for row in rows]

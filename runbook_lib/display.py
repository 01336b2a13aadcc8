"""Results as plain data, and their text: a `Card` holds parts (paragraph, table, timeline, preview).

`text` here and `html` in `card_html` render the same content. Every string goes through `clean`, so that customer text
stays text: licenses are taken out, control characters and direction marks are named, and length is bounded.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tabulate import tabulate

from runbook_lib.domain.models import Answer, Verdict, Window
from runbook_lib.domain.plain_text import CELL_LIMIT, PREVIEW_LIMIT, clean, clean_lines

STEP_MIME = "application/vnd.license-runbook.step+json"
"""The part of a cell's output that a program reads; HTML and text show the same to people."""
PROGRESS = "runbook_progress"
"""Marks a line, in its output's metadata, that names what a cell waits for."""
_WIDTH = 100
_MARKS = {Answer.YES: "✓", Answer.NO: "✗", Answer.UNKNOWN: "?"}


class Tone(StrEnum):
    """What a card says at a glance; the word beside the color says the same."""

    GOOD = "#2da44e"
    PLAN = "#8957e5"
    STOP = "#d1434b"
    ASK = "#bf8700"
    PLAIN = "#768390"


@dataclass(frozen=True)
class Paragraph:
    """A sentence or two; strong ones carry the decision."""

    words: str
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under heads."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str | Link]]  # the values, or links; each row as long as the heads, if there are any
    whole: Sequence[int] = ()  # the columns, beside the first, whose short values are not broken over lines, by place
    in_view: bool = False  # whether it is never folded: it says what to do, or what was done
    longest: int = CELL_LIMIT  # characters of a value that are shown


@dataclass(frozen=True)
class Preview:
    """The exact text of a message; one to copy is folded, under a button that does so."""

    label: str
    words: str
    to_copy: bool = False


@dataclass(frozen=True)
class Fold:
    """What only some readers want to see: one line, which opens. Without a label, a text has its parts as they are."""

    parts: Sequence[Part]
    label: str = ""


@dataclass(frozen=True)
class Link:
    """A link of ours, to a web page or to a notebook as seen from this one; anything else is shown as text."""

    label: str
    url: str


@dataclass(frozen=True)
class Stop:
    """One place on a decision path."""

    words: str  # the question, or what is done there
    taken: bool  # whether the path leads over it
    answer: str = ""  # the answer there, or ""
    evidence: str = ""  # what the answer rests on, or ""


@dataclass(frozen=True)
class Links:
    """Links in one line, each under its label."""

    links: Sequence[Link]


@dataclass(frozen=True)
class DecisionPath:
    """A way through a decision tree: the stops taken, in order, then those that were not."""

    stops: Sequence[Stop]


Part = Paragraph | Table | Window | Preview | Fold | Link | Links | DecisionPath
"""What a card can hold; a window is shown as a timeline of its days, with the emergency marked."""


@dataclass(frozen=True)
class Card:
    title: str
    state: str  # one or two words: done, planned, stopped
    tone: Tone  # the accent that goes with the state
    badge: str  # where this is: practice or live, rehearsal or performing
    parts: tuple[Part, ...] = ()
    quiet: bool = False  # whether there is nothing to look at: a page shows it as one grey line
    is_headed: bool = False  # whether a notebook's heading right above has its title, so that a page shows it once
    # Web addresses that the run has from our services: in a paragraph, one is shown as a link with words
    pages: Collection[str] = ()


def folded(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts with what the conclusion rests on folded, at the end: tables, timelines, paths, and texts of others."""
    kinds = Table | Window | DecisionPath | Preview
    details = [one for one in parts if isinstance(one, kinds) and not (isinstance(one, Table) and one.in_view)]
    shown = tuple(one for one in parts if one not in details)
    return (*shown, Fold(details)) if details else shown


def verdict_parts(verdict: Verdict) -> tuple[Part, ...]:
    """A verdict's timeline and its rulings."""
    rows = [(f"{_MARKS[r.holds]} {r.holds}", r.rule, r.reason, r.origin) for r in verdict.rulings]
    table = Table(("", "rule", "reason", "source"), rows, longest=PREVIEW_LIMIT)
    return (verdict.window, table) if verdict.window else (table,)


def window_words(window: Window) -> str:
    return (
        f"expired {window.expires_on} · grace period to {window.grace_ends_on} · "
        f"runbook applies to {window.last_day_on} · emergency {window.emergency_on}"
    )


def text(card: Card) -> str:
    """A card as plain text, for terminals and for `grep`."""
    lines = [f"[{clean(card.state)}] {clean(card.title)} ({clean(card.badge)})"]
    for part in card.parts:
        lines += textwrap.indent(_part_text(part), "  ").split("\n")
    return "\n".join(lines)


def _part_text(part: Part) -> str:
    match part:
        case Paragraph(words):
            return textwrap.fill(clean(words, PREVIEW_LIMIT), _WIDTH, break_on_hyphens=False)
        case Table(heads, rows, longest=longest):
            cells = [[_cell_text(cell, longest) for cell in row] for row in rows]
            names = [clean(head) for head in heads]
            columns = len(names) or len(rows[0])
            widths = [None if i < columns - 2 else 48 for i in range(columns)]
            if columns == 2:  # what the labels leave
                widths[1] = _WIDTH - 4 - min(48, max(map(len, (*names[:1], *(row[0] for row in cells)))))
            return tabulate(
                cells,
                headers=names if any(names) else (),
                tablefmt="simple" if any(names) else "plain",
                disable_numparse=True,
                maxcolwidths=widths,
                break_on_hyphens=False,
            )
        case Window():
            return window_words(part)
        case Preview(label, words):
            return f"{clean(label)}:\n" + textwrap.indent(clean_lines(words), "| ", lambda _: True)
        case Fold(parts, label):
            inner = "\n".join(map(_part_text, parts))
            return f"{clean(label)}:\n{textwrap.indent(inner, '  ')}" if label else inner
        case Link(label, url):
            return f"{clean(label)}: {clean(url)}"
        case Links(links):
            return "\n".join(f"{clean(one.label)}: {clean(one.url)}" for one in links)
        case DecisionPath(stops):
            return "\n".join(_stop_text(number, stop) for number, stop in enumerate(stops, start=1))


def _stop_text(number: int, stop: Stop) -> str:
    words = f"{number}. {clean(stop.words)}" if stop.taken else f"{number}. (not taken) {clean(stop.words)}"
    if stop.taken and stop.answer:
        words += f" -> {clean(stop.answer)}"
    if stop.taken and stop.evidence:
        words += f": {clean(stop.evidence)}"
    return textwrap.fill(words, _WIDTH, break_on_hyphens=False)


def _cell_text(cell: str | Link, longest: int) -> str:
    """A value, and below it the web address that it leads to, which is broken as late as can be."""
    words = clean(cell_words(cell), longest)
    return f"{words}\n{clean(cell.url)}" if isinstance(cell, Link) and is_web(cell.url) else words


def cell_words(cell: str | Link) -> str:
    return cell.label if isinstance(cell, Link) else cell


def is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))

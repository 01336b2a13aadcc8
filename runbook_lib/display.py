"""How results look: HTML and plain text from plain data, the same content in both.

A `Card` holds parts (paragraph, table, timeline, preview); `html` and `text` render it. Every string goes through
`clean`, so that customer text stays text: licenses are taken out, control characters and direction marks are named,
length is bounded, and `htpy` escapes the rest.

Styles are inline and without CSS variables, scripts or SVG, because a record that is opened again is untrusted and
JupyterLab then keeps little else. Text takes the theme's own color; only accents are colored, and legible on both
light and dark. Source: JupyterLab's HTML sanitizer, `allowedStyles`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import htpy as h
from tabulate import tabulate

from runbook_lib.domain import linked_pages
from runbook_lib.domain.models import Answer, Verdict, Window
from runbook_lib.domain.plain_text import PREVIEW_LIMIT, clean, clean_lines

MIME = "application/vnd.license-runbook.step+json"
"""The part of a cell's output that a program reads; HTML and text show the same to people."""
_WIDTH = 100
_SHORT = 52
"""Characters of a value that may stay on one line in a column that is kept whole."""
_LONGEST_WORD = 24
"""Characters of a word that a table never breaks; a longer one, such as an address, would widen it past the window."""
_HYPHENED = re.compile(rf"(?<!\S)((?=\S*-)\S{{1,{_LONGEST_WORD}}})(?!\S)")
_KEEP_WORDS = "overflow-wrap:break-word"
"""Of a table's cell: what its card says of narrow tables does not count there."""
_GREY = "rgba(128,128,128,0.35)"
_LINE = f"1px solid {_GREY}"
_NOTEBOOK = re.compile(r"(\.\./)*([\w-]+/)*[\w-]+\.ipynb")
"""The address of a notebook, as seen from another one: no scheme, no host."""
_COPY = (
    "const text=this.parentElement.querySelector('pre');getSelection().selectAllChildren(text);"
    "(navigator.clipboard?navigator.clipboard.writeText(text.textContent):Promise.resolve(document.execCommand('copy')))"
    ".then(()=>{this.textContent='Copied'},()=>{this.textContent='Selected: press Ctrl+C'})"
)
"""Copies the text below the button, or at least selects it. It is the same for every text, so that none can be part of
it; where a page is not trusted, JupyterLab leaves a button that does nothing, and the text is selected by hand."""
_MARKS = {Answer.YES: "✓", Answer.NO: "✗", Answer.UNKNOWN: "?"}


class Tone(StrEnum):
    """What a card says at a glance; the word beside the color says the same."""

    GOOD = "#2da44e"
    PLAN = "#8957e5"
    STOP = "#d1434b"
    ASK = "#bf8700"
    PLAIN = "#768390"


_ANSWER_TONES: dict[str, Tone] = {Answer.NO: Tone.STOP, Answer.UNKNOWN: Tone.ASK}


@dataclass(frozen=True)
class Paragraph:
    """A sentence or two; strong ones carry the decision."""

    words: str
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under heads.

    Attributes:
        heads: The columns' names.
        rows: The values, or links; each row as long as the heads.
        whole: The columns, beside the first, whose short values are not broken over lines, by place.
        in_view: Whether it is never folded: it says what to do, or what was done.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str | Link]]
    whole: Sequence[int] = ()
    in_view: bool = False


@dataclass(frozen=True)
class Timeline:
    """The days around an expiry, with the emergency marked."""

    window: Window


@dataclass(frozen=True)
class Preview:
    """The exact text that somebody gets to read."""

    label: str
    words: str


@dataclass(frozen=True)
class ExactWords:
    """The exact text that somebody gets to read, folded away, to be copied."""

    label: str
    words: str


@dataclass(frozen=True)
class Fold:
    """What only some readers want to see: one line, which opens."""

    label: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Details:
    """What a conclusion rests on: folded on a page; a text has it as it is."""

    parts: Sequence[Part]


@dataclass(frozen=True)
class Item:
    """One line of a checklist.

    Attributes:
        mark: Its state at a glance.
        state: The same in words.
        words: What it is.
        where: Where it is, or would be.
        url: The address of that, or "".
    """

    mark: str
    state: str
    words: str
    where: str
    url: str = ""


@dataclass(frozen=True)
class Checklist:
    """What is to be done and what is done, a line each."""

    items: Sequence[Item]


@dataclass(frozen=True)
class Link:
    """A link of ours, to a web page or to a notebook as seen from this one; anything else is shown as text."""

    label: str
    url: str


@dataclass(frozen=True)
class Stop:
    """One place on a decision path.

    Attributes:
        words: The question, or what is done there.
        taken: Whether the path leads over it.
        answer: The answer there, or "".
        evidence: What the answer rests on, or "".
    """

    words: str
    taken: bool
    answer: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Links:
    """Links in one line, each under its label."""

    links: Sequence[Link]


@dataclass(frozen=True)
class DecisionPath:
    """A way through a decision tree: the stops taken, in order, then those that were not."""

    stops: Sequence[Stop]


Part = Paragraph | Table | Timeline | Preview | ExactWords | Fold | Details | Checklist | Link | Links | DecisionPath


@dataclass(frozen=True)
class Card:
    """One result.

    Attributes:
        title: The step, or what the card is about.
        state: One or two words: done, planned, stopped ...
        tone: The accent that goes with the state.
        badge: Where this is: practice or live, rehearsal or performing.
        parts: The content, top to bottom.
        quiet: Whether there is nothing to look at: a page shows it as one grey line.
        pages: Web addresses that the run has from our services: in a paragraph, one is shown as a link with words.
    """

    title: str
    state: str
    tone: Tone
    badge: str
    parts: tuple[Part, ...] = ()
    quiet: bool = False
    pages: Collection[str] = ()


def folded(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts with what the conclusion rests on folded, at the end: tables, timelines, paths, and texts of others."""
    details = [one for one in parts if isinstance(one, Table | Timeline | DecisionPath | Preview) and not _stays(one)]
    shown = tuple(one for one in parts if one not in details)
    return (*shown, Details(details)) if details else shown


def _stays(part: Part) -> bool:
    return isinstance(part, Table) and part.in_view


def verdict_parts(verdict: Verdict) -> tuple[Part, ...]:
    """A verdict's timeline and its rulings."""
    rows = [(f"{_MARKS[r.holds]} {r.holds}", r.rule, r.reason, r.origin) for r in verdict.rulings]
    table = Table(("", "rule", "reason", "source"), rows)
    return (Timeline(verdict.window), table) if verdict.window else (table,)


def window_words(window: Window) -> str:
    """A window's dates in one line."""
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


def html(card: Card) -> str:
    """A card as one self-contained piece of HTML."""
    if card.quiet:
        words = " ".join(part.words for part in card.parts if isinstance(part, Paragraph))
        style = f"margin:4px 0px;padding:2px 14px;font-size:13px;opacity:0.75;border-left:4px solid {_GREY}"
        return str(h.div(style=style)[clean(card.title), " · ", h.bdi[clean(words, PREVIEW_LIMIT)]])
    head = h.div(style="display:flex;gap:12px;align-items:center;flex-wrap:wrap;margin-bottom:4px")[
        h.span(style="font-weight:bold;font-size:15px")[clean(card.title)],
        h.span(style=f"border:1px solid {card.tone.value};border-radius:9px;padding:0px 8px;font-size:12px")[
            clean(card.state)
        ],
        h.span(style="font-size:12px;opacity:0.75")[clean(card.badge)],
    ]
    # Both wraps: the sanitizer knows only the first, the second also narrows tables, so the last one kept counts.
    box = (
        f"border:{_LINE};border-left:4px solid {card.tone.value};border-radius:4px;padding:8px 14px;"
        "margin:4px 0px;max-width:1000px;overflow-wrap:break-word;overflow-wrap:anywhere"
    )
    return str(h.div(style=box)[head, [_part_html(part, card) for part in card.parts]])


def _part_text(part: Part) -> str:
    match part:
        case Paragraph(words):
            return textwrap.fill(clean(words, PREVIEW_LIMIT), _WIDTH)
        case Table(heads, rows):
            cells = [[clean(_cell_text(cell)) for cell in row] for row in rows]
            widths = [None if i < len(heads) - 2 else 48 for i in range(len(heads))]
            names = [clean(head) for head in heads]
            return tabulate(cells, headers=names, tablefmt="simple", disable_numparse=True, maxcolwidths=widths)
        case Timeline(window):
            return window_words(window)
        case Preview(label, words) | ExactWords(label, words):
            return f"{clean(label)}:\n" + textwrap.indent(clean_lines(words), "| ", lambda _: True)
        case Fold(label, parts):
            return "\n".join([f"{clean(label)}:", *(textwrap.indent(_part_text(one), "  ") for one in parts)])
        case Details(parts):
            return "\n".join(map(_part_text, parts))
        case Checklist(items):
            return "\n".join(_item_text(item) for item in items)
        case Link(label, url):
            return f"{clean(label)}: {clean(url)}"
        case Links(links):
            return "\n".join(f"{clean(one.label)}: {clean(one.url)}" for one in links)
        case DecisionPath(stops):
            return "\n".join(_stop_text(number, stop) for number, stop in enumerate(stops, start=1))


def _part_html(part: Part, card: Card) -> h.Node:
    match part:
        case Paragraph(words, strong):
            weight = "bold" if strong else "normal"
            return h.p(style=f"margin:6px 0px;font-weight:{weight}")[h.bdi[_sentence(words, card.pages)]]
        case Table():
            return _table(part)
        case Timeline(window):
            return _timeline(window)
        case Preview(label, words):
            return h.div(style="margin:6px 0px")[
                h.div(style="font-size:12px;opacity:0.75")[clean(label)], _words_as_they_are(words)
            ]
        case ExactWords(label, words):
            copy = h.button(type="button", onclick=_COPY, style="font-size:12px;margin:4px 0px")["Copy"]
            return _folded(label, h.div[copy, _words_as_they_are(words)])
        case Fold(label, parts):
            return _folded(label, [_part_html(one, card) for one in parts])
        case Details(parts):
            return _folded("Details", [_part_html(one, card) for one in parts])
        case Checklist(items):
            return _checklist(items)
        case Link(label, url):
            shown = _linked(label, url) if _is_web(url) else [clean(label), ": ", _linked(clean(url), url)]
            return h.p(style="margin:6px 0px")[shown]
        case Links(links):
            shown = [[" · " if place else "", _linked(one.label, one.url)] for place, one in enumerate(links)]
            return h.p(style="margin:6px 0px")[shown]
        case DecisionPath(stops):
            last = max((place for place, stop in enumerate(stops) if stop.taken), default=None)
            accents = [card.tone if place == last else None for place in range(len(stops))]
            return h.ol(style="margin:6px 0px;padding:0px 0px 0px 24px")[
                [_stop_html(stop, accent) for stop, accent in zip(stops, accents, strict=True)]
            ]


def _linked(words: str, url: str) -> h.Node:
    """Words as a link, if the address is one of ours."""
    if _is_web(url) or _NOTEBOOK.fullmatch(url):
        return h.a(href=url, rel="noreferrer", target="_blank")[h.bdi[clean(words)]]
    return h.bdi[clean(words)]


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _sentence(words: str, pages: Collection[str]) -> h.Node:
    pieces = linked_pages.pieces(clean(words, PREVIEW_LIMIT), pages)
    return [_linked(piece, url) if url else piece for piece, url in pieces]


def _cell_text(cell: str | Link) -> str:
    """A value with the web address that it leads to."""
    return f"{cell.label} {cell.url}" if isinstance(cell, Link) and _is_web(cell.url) else _label(cell)


def _label(cell: str | Link) -> str:
    return cell.label if isinstance(cell, Link) else cell


def _words_as_they_are(words: str) -> h.Node:
    frame = f"border:{_LINE};border-radius:4px;padding:8px 10px;margin:2px 0px"
    return h.pre(style=f"{frame};white-space:pre-wrap;word-break:normal")[clean_lines(words)]


def _folded(label: str, inner: h.Node) -> h.Node:
    return h.details(style="margin:4px 0px")[
        h.summary(style="cursor:pointer;font-size:13px")[h.bdi[clean(label)]],
        h.div(style="padding:0px 0px 0px 14px")[inner],
    ]


def _item_text(item: Item) -> str:
    where = f" ({clean(item.where)}{': ' if item.where and item.url else ''}{clean(item.url)})"
    return f"{item.mark} {clean(item.state)}: {clean(item.words)}{where if item.where or item.url else ''}"


def _checklist(items: Sequence[Item]) -> h.Node:
    cell = f"text-align:left;vertical-align:top;padding:3px 14px 3px 0px;border-bottom:{_LINE}"
    return h.table(style="border-collapse:collapse;margin:6px 0px;font-size:13px;width:auto")[
        h.tbody[
            [
                h.tr[
                    h.td(style=f"{cell};white-space:nowrap")[f"{one.mark} {clean(one.state)}"],
                    h.td(style=f"{cell};white-space:normal")[h.bdi[clean(one.words)]],
                    h.td(style=f"{cell};white-space:normal")[_linked(one.where, one.url)],
                ]
                for one in items
            ]
        ]
    ]


def _stop_text(number: int, stop: Stop) -> str:
    said = f"{number}. {clean(stop.words)}" if stop.taken else f"{number}. (not taken) {clean(stop.words)}"
    if stop.taken and stop.answer:
        said += f" -> {clean(stop.answer)}"
    if stop.taken and stop.evidence:
        said += f": {clean(stop.evidence)}"
    return textwrap.fill(said, _WIDTH)


def _stop_html(stop: Stop, accent: Tone | None) -> h.Node:
    """A stop with its answer and evidence; the last one taken, where the path ends, stands in an accented box."""
    if not stop.taken:
        return h.li(style="opacity:0.45;font-size:13px;margin:2px 0px")[h.bdi[clean(stop.words)], " (not taken)"]
    style = "margin:6px 0px;font-weight:normal"
    if accent:
        edge = f"border:{_LINE};border-left:4px solid {accent.value};border-radius:4px"
        style = f"margin:6px 0px;font-weight:bold;{edge};padding:4px 10px"
    return h.li(style=style)[
        h.bdi[clean(stop.words)],
        _pill(stop.answer) if stop.answer else None,
        h.div(style="font-size:12px;opacity:0.75;font-weight:normal")[h.bdi[clean(stop.evidence)]]
        if stop.evidence
        else None,
    ]


def _pill(answer: str) -> h.Node:
    color = _ANSWER_TONES.get(answer, Tone.GOOD).value
    style = f"border:1px solid {color};border-radius:9px;padding:0px 8px;font-size:12px;font-weight:bold"
    return [" → ", h.span(style=style)[clean(answer)]]


def _table(table: Table) -> h.Node:
    cell = f"text-align:left;vertical-align:top;padding:3px 14px 3px 0px;border-bottom:{_LINE}"
    head_cell = cell + f";{_KEEP_WORDS};font-size:12px;opacity:0.75;font-weight:normal"
    heads = [(head, ";white-space:nowrap" if place in table.whole else "") for place, head in enumerate(table.heads)]
    return h.table(style="border-collapse:collapse;margin:6px 0px;font-size:13px;width:auto")[
        h.thead[h.tr[[h.th(style=head_cell + wrap, scope="col")[clean(head)] for head, wrap in heads]]],
        h.tbody[
            [h.tr[[h.td(style=cell + wrap)[value] for value, wrap in _columns(row, table.whole)]] for row in table.rows]
        ],
    ]


def _columns(row: Sequence[str | Link], whole: Sequence[int]) -> list[tuple[h.Node, str]]:
    """Each value with its style: the first column holds labels and stays on one line, others if they are short."""
    stays = [place == 0 or (place in whole and len(_label(cell)) <= _SHORT) for place, cell in enumerate(row)]
    shown = [_linked(cell.label, cell.url) if isinstance(cell, Link) else h.bdi[_unbroken(cell)] for cell in row]
    wraps = [f";white-space:{'nowrap' if stay else 'normal'}" for stay in stays]
    keeps = [max(map(len, _label(cell).split()), default=0) <= _LONGEST_WORD for cell in row]
    styles = [wrap + (f";{_KEEP_WORDS}" if keep else "") for wrap, keep in zip(wraps, keeps, strict=True)]
    return list(zip(shown, styles, strict=True))


def _unbroken(cell: str) -> h.Node:
    """A text whose dates and options stay whole, which a browser would break behind a hyphen."""
    parts = _HYPHENED.split(clean(cell))
    return [h.span(style="white-space:nowrap")[part] if place % 2 else part for place, part in enumerate(parts)]


def _timeline(window: Window) -> h.Node:
    """A strip of days: expiry, grace period, window, and where the emergency falls."""
    first = min(window.expires_on, window.emergency_on)
    last = max(window.last_day_on, window.emergency_on)
    days = [first + timedelta(days=n) for n in range(min((last - first).days + 1, 45))]
    base = "height:14px;padding:0px;min-width:15px;text-align:center;font-size:11px;line-height:14px;border:"
    cells = [
        h.td(style=f"{base}{_LINE};background-color:{_shade(day, window)}", title=str(day))[
            "▲" if day == window.emergency_on else "\u00a0"
        ]
        for day in days
    ]
    return h.div(style="margin:8px 0px", role="img", aria_label=window_words(window))[
        h.table(style="border-collapse:collapse;margin:0px")[h.tbody[h.tr[cells]]],
        h.div(style="font-size:12px;margin-top:3px")[
            _swatch("rgba(191,135,0,0.45)"),
            f"grace period: {window.expires_on} to {window.grace_ends_on}  ",
            _swatch("rgba(45,164,78,0.55)"),
            f"runbook applies: to {window.last_day_on}  ",
            f"▲ emergency: {window.emergency_on}",
        ],
    ]


def _shade(day: date, window: Window) -> str:
    if window.grace_ends_on <= day <= window.last_day_on:
        return "rgba(45,164,78,0.55)"
    if window.expires_on <= day < window.grace_ends_on:
        return "rgba(191,135,0,0.45)"
    return "rgba(128,128,128,0.12)"


def _swatch(color: str) -> h.Node:
    return h.span(style=f"background-color:{color};padding:0px 7px;margin:0px 5px 0px 12px")["\u00a0"]

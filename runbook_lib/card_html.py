"""A card as HTML, for JupyterLab, the page of a record, and a browser without either.

`htpy` escapes what `clean` leaves of a text. Styles are inline and without CSS variables, scripts or SVG, because a
record that is opened again is untrusted and JupyterLab then keeps little else. Text takes the theme's own color; only
accents are colored, and legible on both light and dark. Source: JupyterLab's HTML sanitizer, `allowedStyles`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, timedelta

import htpy as h

from runbook_lib.display import (
    Card,
    DecisionPath,
    Fold,
    Link,
    Links,
    Paragraph,
    Part,
    Preview,
    Stop,
    Table,
    Tone,
    cell_words,
    is_web,
    window_words,
)
from runbook_lib.domain.models import Answer, Window
from runbook_lib.domain.plain_text import PREVIEW_LIMIT, clean, clean_lines

_SHORT = 52
"""Characters of a value that may stay on one line in a column that is kept whole."""
_LONGEST_WORD = 24
"""Characters of a word that a table never breaks; a longer one, such as an address, would widen it past the window."""
_LONGEST_IN_SENTENCE = 48
"""The same in a sentence, which has the whole width."""
_FINGERPRINT = r"\(?SHA256:[0-9a-f]{32}[).,;]*"
_HYPHENED, _HYPHENED_IN_SENTENCE = (
    re.compile(rf"(?<!\S)((?=\S*-)\S{{1,{longest}}}|{_FINGERPRINT})(?!\S)")
    for longest in (_LONGEST_WORD, _LONGEST_IN_SENTENCE)
)
_PATHS = re.compile(rf"(?<=[^/\s]/)(?=[^/\s])(?<=\S{{{_LONGEST_WORD}}})")
"""Behind the slashes within a long word: an address is broken there rather than within a name."""
_KEEP_WORDS = "overflow-wrap:break-word"
"""Of a table's cell: what its card says of narrow tables does not count there."""
_GREY = "rgba(128,128,128,0.35)"
_LINE = f"1px solid {_GREY}"
_SMALL = "font-size:12px;opacity:0.75"
_NOTEBOOK = re.compile(r"(\.\./)*([\w-]+/)*[\w-]+\.ipynb")
"""The address of a notebook, as seen from another one: no scheme, no host."""
_COPY = (
    "const text=this.parentElement.querySelector('pre');getSelection().selectAllChildren(text);"
    "(navigator.clipboard?navigator.clipboard.writeText(text.textContent):Promise.resolve(document.execCommand('copy')))"
    ".then(()=>{this.textContent='Copied'},()=>{this.textContent='Selected: press Ctrl+C'})"
)
"""Copies the text below the button, or at least selects it. It is the same for every text, so that none can be part of
it; where a page is not trusted, JupyterLab leaves a button that does nothing, and the text is selected by hand."""
_ADDRESS = re.compile(r"https?://[^\s<>“”()]+?(?=[.,;:]*(?:[\s<>“”()]|$))")
_PAGES = ((r"/-/issues/(\d+)", "issue"), (r"/-/pipelines/(\d+)", "pipeline"), (r"/agent/tickets/(\d+)", "ticket"))
"""The names of the pages that a run finds, by their paths."""
_ANSWER_TONES: dict[str, Tone] = {Answer.NO: Tone.STOP, Answer.UNKNOWN: Tone.ASK}
_GRACE, _APPLIES, _OTHER = "rgba(191,135,0,0.45)", "rgba(45,164,78,0.55)", "rgba(128,128,128,0.12)"


def html(card: Card) -> str:
    """A card as one self-contained piece of HTML."""
    if card.quiet:
        words = " ".join(part.words for part in card.parts if isinstance(part, Paragraph))
        style = f"margin:4px 0px;padding:2px 14px;font-size:13px;opacity:0.75;border-left:4px solid {_GREY}"
        return str(
            h.div(".runbook-quiet", style=style)[h.span[clean(card.title), " · "], h.bdi[clean(words, PREVIEW_LIMIT)]]
        )
    head = h.div(style="display:flex;gap:12px;align-items:center;flex-wrap:wrap;margin-bottom:4px")[
        None if card.is_headed else h.span(style="font-weight:bold;font-size:15px")[clean(card.title)],
        _pill(card.state, card.tone),
        h.span(style=_SMALL)[clean(card.badge)],
    ]
    # Both wraps: the sanitizer knows only the first, the second also narrows tables, so the last one kept counts.
    box = (
        f"border:{_LINE};border-left:4px solid {card.tone.value};border-radius:4px;padding:8px 14px;"
        "margin:4px 0px;max-width:1000px;overflow-wrap:break-word;overflow-wrap:anywhere"
    )
    return str(h.div(style=box)[head, [_part(part, card) for part in card.parts]])


def _part(part: Part, card: Card) -> h.Node:
    match part:
        case Paragraph(words, strong):
            weight = "bold" if strong else "normal"
            return h.p(style=f"margin:6px 0px;font-weight:{weight}")[h.bdi[_sentence(words, card.pages)]]
        case Table():
            return _table(part)
        case Window():
            return _timeline(part)
        case Preview(label, words, to_copy):
            if not to_copy:
                return h.div(style="margin:6px 0px")[h.div(style=_SMALL)[clean(label)], _words_as_they_are(words)]
            copy = h.button(type="button", onclick=_COPY, style="font-size:12px;margin:4px 0px")["Copy"]
            return _folded(label, h.div[copy, _words_as_they_are(words)])
        case Fold(parts, label):
            return _folded(label or "Details", [_part(one, card) for one in parts])
        case Link(label, url):
            shown = linked(label, url) if _is_ours(url) else [clean(label), ": ", clean(url)]
            return h.p(style="margin:6px 0px")[shown]
        case Links(links):
            shown = [[" · " if place else "", linked(one.label, one.url)] for place, one in enumerate(links)]
            return h.p(style="margin:6px 0px")[shown]
        case DecisionPath(stops):
            last = max((place for place, stop in enumerate(stops) if stop.taken), default=None)
            return h.ol(style="margin:6px 0px;padding:0px 0px 0px 24px")[
                [_stop(stop, card.tone if place == last else None) for place, stop in enumerate(stops)]
            ]


def linked(words: str, url: str, *, style: str | None = None) -> h.Node:
    """Words as a link, if the address is one of ours."""
    if _is_ours(url):
        return h.a(href=url, rel="noreferrer", target="_blank", style=style)[h.bdi[clean(words)]]
    return h.bdi[clean(words)]


def _is_ours(url: str) -> bool:
    """Whether an address leads to a web page or to a notebook."""
    return is_web(url) or _NOTEBOOK.fullmatch(url) is not None


def _sentence(words: str, pages: Collection[str]) -> h.Node:
    """Words, in which an address of these pages is a link; any other, which a customer may have written, is words."""
    pieces, shown, end = [], clean(words, PREVIEW_LIMIT), 0
    for found in _ADDRESS.finditer(shown):
        if found[0] in pages:
            pieces += [_unbroken(shown[end : found.start()], _HYPHENED_IN_SENTENCE), _whole(_page_link(found[0]))]
            end = found.end()
    return [*pieces, _unbroken(shown[end:], _HYPHENED_IN_SENTENCE)]


def _page_link(address: str) -> h.Node:
    named = (f"{kind} {found[1]}" for path, kind in _PAGES if (found := re.search(path, address)))
    return linked(next(named, "this page"), address)


def _words_as_they_are(words: str) -> h.Node:
    frame = f"border:{_LINE};border-radius:4px;padding:8px 10px;margin:2px 0px"
    return h.pre(style=f"{frame};white-space:pre-wrap;word-break:normal")[clean_lines(words)]


def _folded(label: str, inner: h.Node) -> h.Node:
    return h.details(style="margin:4px 0px")[
        h.summary(style="cursor:pointer;font-size:13px")[h.bdi[clean(label)]],
        h.div(style="padding:0px 0px 0px 14px")[inner],
    ]


def _stop(stop: Stop, accent: Tone | None) -> h.Node:
    """A stop with its answer and evidence; the last one taken, where the path ends, stands in an accented box."""
    if not stop.taken:
        return h.li(style="opacity:0.45;font-size:13px;margin:2px 0px")[h.bdi[clean(stop.words)], " (not taken)"]
    style = "margin:6px 0px;font-weight:normal"
    if accent:
        edge = f"border:{_LINE};border-left:4px solid {accent.value};border-radius:4px"
        style = f"margin:6px 0px;font-weight:bold;{edge};padding:4px 10px"
    return h.li(style=style)[
        h.bdi[clean(stop.words)],
        [" → ", _pill(stop.answer, _ANSWER_TONES.get(stop.answer, Tone.GOOD), ";font-weight:bold")]
        if stop.answer
        else None,
        h.div(style=f"{_SMALL};font-weight:normal")[h.bdi[clean(stop.evidence)]] if stop.evidence else None,
    ]


def _pill(words: str, tone: Tone, weight: str = "") -> h.Node:
    style = f"border:1px solid {tone.value};border-radius:9px;padding:0px 8px;font-size:12px{weight}"
    return h.span(style=style)[clean(words)]


def _table(table: Table) -> h.Node:
    cell = f"text-align:left;vertical-align:top;padding:3px 14px 3px 0px;border-bottom:{_LINE}"
    head_cell = f"{cell};{_KEEP_WORDS};{_SMALL};font-weight:normal"
    heads = [(head, ";white-space:nowrap" if place in table.whole else "") for place, head in enumerate(table.heads)]
    return h.table(style="border-collapse:collapse;margin:6px 0px;font-size:13px;width:auto")[
        h.thead[h.tr[[h.th(style=head_cell + wrap, scope="col")[clean(head)] for head, wrap in heads]]]
        if heads
        else None,
        h.tbody[[h.tr[[h.td(style=cell + wrap)[value] for value, wrap in _columns(row, table)]] for row in table.rows]],
    ]


def _columns(row: Sequence[str | Link], table: Table) -> list[tuple[h.Node, str]]:
    """Each value with its style: the first column holds labels and stays on one line, others if they are short."""
    columns: list[tuple[h.Node, str]] = []
    for place, cell in enumerate(row):
        words = cell_words(cell)
        stays = place == 0 or (place in table.whole and len(words) <= _SHORT)
        keeps = max(map(len, words.split()), default=0) <= _LONGEST_WORD
        style = f";white-space:{'nowrap' if stays else 'normal'}{f';{_KEEP_WORDS}' if keeps else ''}"
        shown = linked(cell.label, cell.url) if isinstance(cell, Link) else h.bdi[_unbroken(clean(cell, table.longest))]
        columns.append((shown, style))
    return columns


def _unbroken(words: str, whole: re.Pattern[str] = _HYPHENED) -> h.Node:
    """A text whose dates and options stay whole, which a browser would break behind a hyphen; see also `_PATHS`."""
    parts = whole.split(words)
    return [_whole(part) if place % 2 else _broken(part) for place, part in enumerate(parts)]


def _whole(words: h.Node) -> h.Node:
    return h.span(style="white-space:nowrap")[words]


def _broken(words: str) -> h.Node:
    first, *others = _PATHS.split(words)
    return [first, [[h.wbr, piece] for piece in others]]


def _timeline(window: Window) -> h.Node:
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
            _swatch(_GRACE),
            f"grace period: {window.expires_on} to {window.grace_ends_on}  ",
            _swatch(_APPLIES),
            f"runbook applies: to {window.last_day_on}  ",
            f"▲ emergency: {window.emergency_on}",
        ],
    ]


def _shade(day: date, window: Window) -> str:
    if window.grace_ends_on <= day <= window.last_day_on:
        return _APPLIES
    return _GRACE if window.expires_on <= day < window.grace_ends_on else _OTHER


def _swatch(color: str) -> h.Node:
    return h.span(style=f"background-color:{color};padding:0px 7px;margin:0px 5px 0px 12px")["\u00a0"]

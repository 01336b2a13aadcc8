"""A record as text for the terminal, and as one HTML page that needs no network and runs no script.

A step's own HTML is shown as it looked in the notebook, since its timeline and its decision path say at a glance what
text says in many lines. It is trusted no more than any stranger's: a record can be forged, so that nh3 keeps only the
tags and styles that `display` uses, and the page's policy lets a browser neither load nor run anything. What such
HTML may still draw stays within its own cell: the verification above it cannot be painted over.

Markdown cells go the same way, their own HTML being shown as text. A diagram in Mermaid's language stays its source.

A license found in a record, as in one of an older version or of a stranger, is not shown.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import htpy as h
import mistune
import nh3
from markupsafe import Markup
from tabulate import tabulate

from runbook_lib.display import Tone
from runbook_lib.domain.parameters import UNKNOWN
from runbook_lib.domain.plain_text import clean, clean_lines
from runbook_lib.domain.state_words import QUIET, effect_words, ending_words, run_ending_words, within_sentence
from runbook_lib.records.findings import Verification
from runbook_lib.records.reading import Cell, Output, Record, mapping, mappings
from runbook_lib.redaction import Redactor
from runbook_lib.run import banner
from runbook_lib.run.intake import REVIEW

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may load: nothing; styles that are in the page, and images that are in it. Source: CSP Level 3."""
LONGEST_HTML = 500_000
LONGEST_SOURCE = 20_000
LONGEST_TEXT = 2_000_000
"""Characters of a text that are read; far fewer are shown."""
_DECIDED = ("step", "state", "summary")
_SENTENCE = 76
"""Characters in a line of what a step came to."""
SENTENCES = 2000
"""Characters of a summary; the advice is at its end."""
_TAGS = {
    *("a", "bdi", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li"),
    *("ol", "p", "pre", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul", "details"),
    "summary",
}
_ATTRIBUTES = {"*": {"style", "title"}, "a": {"href"}, "th": {"scope"}, "div": {"role", "aria-label"}}
_STYLES = {
    *("align-items", "background-color", "border", "border-bottom", "border-collapse", "border-left", "border-radius"),
    *("display", "flex-wrap", "font-size", "font-weight", "gap", "height", "line-height", "margin", "margin-bottom"),
    *("margin-top", "max-width", "min-width", "opacity", "overflow-wrap", "padding", "text-align", "vertical-align"),
    *("white-space", "width", "word-break", "cursor"),
}
_STYLE_SHEET = Path(__file__).with_suffix(".css")
_ABOUT = (
    *("ticket_id", "runbook", "profile", "operator", "performed", "status", "outcome", "next_runbook"),
    *("summary", "started_at", "ended_at", "seconds", "template_sha256"),
)
_LISTS = {
    "facts": ("name", "value", "source", "detail"),
    "effects": ("name", "state", "summary", "evidence"),
    "decisions": ("step", "title", "state", "summary"),
}
_IN_WORDS: Mapping[str, Callable[[str], str]] = {
    "status": lambda name: ending_words(name).lower(),
    "state": effect_words,
}
"""The values that are names for programs, and how people read them."""


def as_text(record: Record, verification: Verification, more: Sequence[str] = ()) -> str:
    """A record for the terminal, below what was verified and what more is known of it, in lines.

    The banner and the lists come first: the outcome, its evidence and the effects. Then how it was run, then the cells.
    """
    known, unknown = _about(record)
    parts = ["\n".join(summary(record, verification, more))]
    parts += _banner_texts(record, verification)
    for title, heads, rows in _tables(record):
        table = tabulate(rows, headers=heads, disable_numparse=True, maxcolwidths=48, break_on_hyphens=False)
        parts.append(f"{title}\n{table}")
    parts.append(f"the run\n{tabulate(known, tablefmt='plain', disable_numparse=True)}")
    parts += [f"left unknown: {', '.join(unknown)}"] if unknown else []
    shown = [cell for cell in record.cells if cell.kind == "code" and cell.id != banner.CELL]
    parts += [_cells_text(why, list(cells)) for why, cells in groupby(shown, _nothing_to_do)]
    return "\n\n".join(parts)


def as_brief_text(record: Record, verification: Verification, more: Sequence[str] = ()) -> str:
    """What of `as_text` fits a screen: the banner, and a line for each step. A record without these is shown whole."""
    shown = _banner_texts(record, verification)
    decisions = mappings(record.manifest.get("decisions"))
    if not (shown and decisions):
        return as_text(record, verification, more)
    said = record.manifest.get("summary")  # by the last step, too
    rows = [[_value(one.get(name)) for name in _DECIDED] for one in decisions if one.get("summary") != said]
    table = tabulate(rows, tablefmt="plain", disable_numparse=True, maxcolwidths=[None, None, _SENTENCE])
    lines = "\n".join(summary(record, verification, more))
    return "\n\n".join([lines, *shown, f"decisions\n{table}", "Facts, addresses and every cell: --all."])


def _banner_texts(record: Record, verification: Verification) -> list[str]:
    """The banner; of a record that was just verified without the line that says how to check it."""
    texts = [_outputs_text(cell).splitlines() for cell in record.cells if cell.id == banner.CELL]
    return ["\n".join(one for one in lines if not (verification.good and banner.CHECK in one)) for lines in texts]


def as_html(record: Record, verification: Verification, more: Sequence[str] = ()) -> str:
    """A record as one page, below what was verified and what more is known of it, in lines."""
    tone = Tone.GOOD if verification.is_good and verification.sealed else Tone.STOP
    tone = Tone.ASK if tone is Tone.GOOD and (verification.adopted or not verification.good) else tone
    title = f"Record {clean(record.name)}"
    if is_report := _is_report(record, verification):
        title, tone = f"Review of the records: {clean(record.name)}", _report_tone(record)
    head = h.head[
        h.meta(charset="utf-8"),
        h.meta(http_equiv="Content-Security-Policy", content=POLICY),
        h.meta(name="viewport", content="width=device-width"),
        h.title[title],
        h.style[Markup(_STYLE_SHEET.read_text(encoding="utf-8"))],  # noqa: S704 - our own file
    ]
    body = h.body[
        h.h1[title],
        h.div(".verdict", style=f"border-color:{tone.value}")[
            [h.div[line] for line in summary(record, verification, more)]
        ],
        _report(record) if is_report else _record(record),
    ]
    return f"{h.html(lang='en')[head, body]}\n"


def _record(record: Record) -> h.Node:
    known, unknown = _about(record)
    return [
        [h.div(".shown")[_output_html(one)] for cell in record.cells if cell.id == banner.CELL for one in cell.outputs],
        h.h2["The run"],
        h.table(".facts")[h.tbody[[h.tr[h.th(scope="row")[name], h.td[value]] for name, value in known]]],
        h.details[h.summary["Parameters left unknown"], ", ".join(unknown)] if unknown else None,
        [[h.h2[title.capitalize()], _table(heads, rows)] for title, heads, rows in _tables(record)],
        h.h2["The notebook"],
        [_folded(label, [cell for _, cell in some]) for label, some in groupby(_labelled(record), lambda one: one[0])],
    ]


def _report(record: Record) -> h.Node:
    """The words and results of a review, without its code; links to records, which stay where they are, are dropped."""
    shown = [cell for cell in record.cells if not banner.is_folded(cell.id, cell.tags)]
    return h.div(".report")[
        [
            _cell_html(cell)
            if cell.kind == "markdown"
            else [h.div(".shown")[_output_html(one)] for one in cell.outputs]
            for cell in shown
        ]
    ]


def _report_tone(record: Record) -> Tone:
    """By what the review says of itself, but never good: nothing vouches for it."""
    good = [step.get("good") for step in record.steps if step.get("step") == "verification"]
    return Tone.PLAIN if not good or good[-1] is True else Tone.STOP


def verdict(verification: Verification) -> list[str]:
    findings = [f"{finding.code}: {clean(finding.words, 400)}" for finding in verification.findings]
    if verification.is_good and verification.sealed:
        words = "Not verified: it is sealed only by a journal that was set aside."
        if verification.good:
            words = "Unaltered since it was adopted." if verification.adopted else "Verified: sealed and unaltered."
        elif verification.has_untrusted_writers:
            words = "Sealed and unaltered, by a writer whose key is not trusted here."
        return [words, *findings]
    return findings or ["Not sealed."]


def summary(record: Record, verification: Verification, more: Sequence[str] = ()) -> list[str]:
    """What was verified, and what more is known, in lines; a review's report is no record, and nothing seals it."""
    if _is_report(record, verification):
        return [clean(words, SENTENCES) for words in _report_lines(record)]
    return [*verdict(verification), *(clean(words, 400) for words in more)]


def _is_report(record: Record, verification: Verification) -> bool:
    """Whether it is what a review has left, which no runner has made and nothing seals."""
    is_reviews = any(step.get("runbook") == REVIEW for step in record.steps)
    return is_reviews and not (record.manifest or verification.sealed)


def _report_lines(record: Record) -> list[str]:
    summaries = [step.get("summary") for step in record.steps if step.get("step") == "verification"]
    words = next((words for words in reversed(summaries) if isinstance(words, str)), "the records were not verified")
    more = "Tickets and issues are links. A record is read with `runbook records show TICKET`, where the records are."
    return [f"This report says: {words}", "It is no record itself, and nothing seals it.", more]


def _about(record: Record) -> tuple[list[tuple[str, str]], list[str]]:
    manifest, outcome = dict(record.manifest), record.manifest.get("outcome")
    if isinstance(outcome, str):
        ended = run_ending_words(outcome, "", performed=manifest.get("performed") is not False)
        manifest["outcome"] = within_sentence(ended)
    given = mapping(manifest.get("parameters"))
    unknown = [name for name, value in given.items() if value == UNKNOWN]
    rows = [(name, manifest[name]) for name in _ABOUT if manifest.get(name) not in (None, "")]
    shown = [(name.replace("_", " "), _value(value, name)) for name, value in rows]
    more = [(f"parameter {name}", value) for name, value in given.items() if name not in unknown]
    more += [(f"version {name}", value) for name, value in mapping(manifest.get("versions")).items()]
    shown += [(clean(_safe(name)), _value(value)) for name, value in more]
    return shown or [("", "papermill made it; there is no manifest")], [clean(_safe(name)) for name in unknown]


def _tables(record: Record) -> Iterable[tuple[str, list[str], list[list[str]]]]:
    for title, known in _LISTS.items():
        items = mappings(record.manifest.get(title))
        heads = [head for head in known if any(head in item for item in items)]
        if heads:
            yield title, heads, [[_value(item.get(head), head) for head in heads] for item in items]


def _value(value: Any, name: str = "") -> str:
    """A value of the manifest as one line: an evidence by its summary and where to see it, an outcome in words."""
    found = mapping(value)
    if "summary" in found:
        return clean(_safe(f"{found['summary']} {found.get('url') or ''}".strip()), SENTENCES)
    if isinstance(value, str) and name in _IN_WORDS:
        value = _IN_WORDS[name](value)
    return "" if value is None else clean(_safe(_words(value)), SENTENCES)


def _words(value: Any) -> str:
    """A value's text; a number of too many digits for Python to write is only described."""
    try:
        return str(value)
    except (ValueError, RecursionError):
        return "(a value that cannot be shown)"


def _status(cell: Cell) -> str:
    took = "" if cell.seconds is None else f", {cell.seconds:.1f} s"
    return f"{clean(cell.status) or 'unknown'}{took}"


def _nothing_to_do(cell: Cell) -> str:
    """Why a step that shows nothing else had nothing to do, or ""."""
    shown = [output.data for output in cell.outputs]
    is_idle = cell.status == "completed" and len(shown) == 1 and shown[0].get("state") in QUIET
    return str(shown[0].get("summary")) if is_idle else ""


def _cells_text(why: str, cells: Sequence[Cell]) -> str:
    """Cells as text; several in a row that had nothing to do for the same reason are shown as one."""
    if not why:
        return "\n\n".join(map(_cell_text, cells))
    return f"--- {', '.join(clean(cell.id) for cell in cells)} [skipped]\n{clean(_safe(why), SENTENCES)}"


def _cell_text(cell: Cell) -> str:
    return f"--- {clean(cell.id)} [{_status(cell)}]\n{_outputs_text(cell)}".rstrip()


def _outputs_text(cell: Cell) -> str:
    return "\n".join(clean_lines(_safe(output.text)) for output in cell.outputs if output.text)


def _labelled(record: Record) -> Iterator[tuple[str, Cell]]:
    """The cells but for the banner, which is above; each with the line under which it is folded, or ""."""
    label, found = "", list[tuple[str, Cell]]()
    for cell in reversed(record.cells):
        if banner.is_folded(cell.id, cell.tags):
            label = "Instructions and parameters"
        elif cell.kind == "code":
            label = _nothing_to_do(cell)
        if cell.id != banner.CELL:
            found.append((label, cell))  # a heading stands above its step
    return reversed(found)


def _folded(label: str, cells: Sequence[Cell]) -> h.Node:
    shown = [_cell_html(cell) for cell in cells]
    titles = [cell.source.partition("\n")[0].lstrip("# ") for cell in cells if cell.kind == "markdown"]
    steps = "" if banner.is_folded(cells[0].id, cells[0].tags) else f"{', '.join(titles)} · "
    return h.details[h.summary[clean(_safe(f"{steps}{label}"), SENTENCES)], shown] if label else shown


def _cell_html(cell: Cell) -> h.Node:
    if cell.kind == "markdown":
        render = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])
        return h.div(".shown")[_harmless(str(render(_safe(cell.source)[:LONGEST_SOURCE])))]
    mark = ".cell.failed" if cell.status == "failed" or any(output.is_error for output in cell.outputs) else ".cell"
    return h.section(mark)[
        h.details(".about")[
            h.summary[f"{clean(cell.id)} · {_status(cell)}"], h.pre[clean_lines(_safe(cell.source), LONGEST_SOURCE)]
        ],
        [h.div(".shown")[_output_html(output)] for output in cell.outputs],
    ]


def _output_html(output: Output) -> h.Node:
    if output.html and len(output.html) <= LONGEST_HTML:
        return _harmless(_safe(output.html))
    if output.png:
        image = base64.b64encode(output.png).decode()
        return h.img(src=f"data:image/png;base64,{image}", alt=clean(_safe(output.text)) or "an image")
    return h.pre[clean_lines(_safe(output.text))] if output.text else None


def _safe(words: str) -> str:
    """Words without licenses; of more than is ever shown, the beginning."""
    return Redactor({}).text(words[:LONGEST_TEXT])


def _harmless(html: str) -> Markup:
    """HTML with nothing in it but the tags, attributes and styles that `display` uses, and links to the web."""

    def link(tag: str, attribute: str, value: str) -> str | None:
        return value if attribute != "href" or value.startswith(("https://", "http://")) else None

    kept = nh3.clean(
        html.encode("utf-8", "replace").decode(),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=link,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer",
    )
    return Markup(kept)  # noqa: S704 - made harmless just above


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> h.Node:
    return h.table(".facts")[
        h.thead[h.tr[[h.th(scope="col")[head] for head in heads]]],
        h.tbody[[h.tr[[h.td[value] for value in row]] for row in rows]],
    ]

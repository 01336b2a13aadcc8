"""How a record begins: that it is one, of what, on what evidence, and how to check it.

What only helps to run the notebook is folded.

Says nothing that the manifest does not; whether the file is genuine it cannot say itself, only how to find out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from runbook_lib.card_html import html
from runbook_lib.display import Card, Paragraph, Part, Table, Tone, text
from runbook_lib.domain.models import ENDINGS, EffectState, Status
from runbook_lib.domain.parameters import in_words, label_of, labels
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.state_words import effect_words, ending_words, run_ending_words
from runbook_lib.form_words import labelled

CELL = "record-banner"
"""The id of the cell."""
CHECK = "runbook records verify"
"""The command in the line that says how to check the record."""
_INSTRUCTIONS = ("opening", "parameters-words")
_STAMP = re.compile(r"\A(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d).*")
"""The start of a run, in UTC, as its record's name begins with it."""
_SETTLED = ("done", "already_done", "adopted")


def add(notebook: Any, manifest: Mapping[str, Any], pages: Collection[str] = ()) -> None:
    """Put the banner on top of an executed notebook, and fold its parameters and instructions.

    Where its words name one of the web pages that services gave the run, that is a link.
    """
    for cell in notebook.cells:
        if is_folded(cell.id, cell.metadata.get("tags", ())):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
    card = replace(banner(manifest), pages=pages)
    node = type(notebook)  # nbformat's, without the import of it
    data = {"text/html": html(labelled(card)), "text/plain": text(card)}
    shown = node(output_type="display_data", data=data, metadata={})
    metadata = {"jupyter": {"source_hidden": True}, "papermill": {"status": "completed"}, "tags": ["nbval-skip"]}
    cell = node(cell_type="code", id=CELL, metadata=metadata, execution_count=None, source="", outputs=[shown])
    notebook.cells.insert(0, cell)


def is_folded(cell_id: str, tags: Collection[str]) -> bool:
    """Whether a cell is there to run the notebook rather than to read its record."""
    return cell_id in (CELL, *_INSTRUCTIONS) or bool({"parameters", "injected-parameters"} & set(tags))


def banner(manifest: Mapping[str, Any]) -> Card:
    """Who, when, outcome, evidence, what is open, and how to check."""
    performed = "performed" if manifest["performed"] else "rehearsal, nothing was changed"
    place = "LIVE" if manifest["profile"] == "live" else "PRACTICE"
    would_be = manifest["outcome"] and not manifest["performed"]
    outcome, status, following = manifest["outcome"], manifest["status"], manifest.get("next_runbook")
    ended = run_ending_words(outcome, status, following, performed=manifest["performed"])
    began, over = (str(manifest[name])[:16].replace("T", " ") for name in ("started_at", "ended_at"))
    rows = [
        ("who", manifest["operator"]),
        ("when", f"{began} to {over[11:] if began[:10] == over[:10] else over} UTC"),
        ("how it ended", ended),
        *_group("on what evidence", _facts(manifest)),
        *_effects(manifest),
        ("what is open", "; ".join(_open(manifest)) or "nothing"),
    ]
    parts: tuple[Part, ...] = (
        Paragraph(str(manifest["summary"]), strong=True),
        Table(("", ""), [(name, clean(str(value), 400)) for name, value in rows]),
        Paragraph(f"To check that this file is what was sealed: {CHECK} {manifest['ticket_id']}"),
    )
    title = f"RECORD of ticket {manifest['ticket_id']}, {manifest['runbook']}"
    is_decided = manifest["outcome"] or manifest.get("next_runbook")
    tone = Tone.PLAN if would_be else Tone.STOP if not is_decided else Tone.ASK if any(_undone(manifest)) else Tone.GOOD
    return Card(title, ended, tone, f"{place} · {performed}", parts)


def _group(name: str, lines: Iterable[str]) -> list[tuple[str, str]]:
    """Rows under one name, which stands beside the first."""
    return [(name if place == 0 else "", line) for place, line in enumerate(lines)]


def _facts(manifest: Mapping[str, Any]) -> Iterator[str]:
    """The facts, in a line for each source."""
    by_source: dict[str, list[str]] = {}
    for fact in manifest["facts"]:
        by_source.setdefault(str(fact["source"]), []).append(f"{label_of(fact['name'])} {in_words(fact['value'])}")
    for source, facts in by_source.items():
        yield f"{ending_words(source)}: {', '.join(facts)}"


def _effects(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The evidence of what this run did or found, then that of each run before it that did the rest."""
    by_run: dict[str, list[str]] = {}
    for effect in manifest["effects"]:
        if evidence := effect.get("evidence"):
            found = ", found there" if effect["state"] == EffectState.ADOPTED else ""
            by_run.setdefault(effect.get("run", ""), []).append(f"{effect['summary']}: {evidence['summary']}{found}")
    yield from _group("evidence of each change", by_run.pop("", []))
    for record, lines in by_run.items():
        began = _STAMP.sub(r"\1-\2-\3 \4:\5 UTC", record)
        yield from _group("made by an earlier run", [f"of {began}:", *lines])


def _open(manifest: Mapping[str, Any]) -> Iterator[str]:
    ending = ENDINGS.get(manifest["outcome"])
    if manifest["performed"] and ending and ending.waits_for:
        yield ending.waits_for_what
    if manifest["performed"] and manifest["status"] == Status.COMPLETED and manifest.get("next_runbook"):
        yield f"goes on with {manifest['next_runbook']}"
    if manifest["missing"]:
        yield f"to be answered: {labels(manifest['missing'])}"
    elif not (ending or manifest.get("next_runbook")):
        yield f"this run has no outcome; how the ticket stands: runbook records show {manifest['ticket_id']}"
    yield from _undone(manifest)


def _undone(manifest: Mapping[str, Any]) -> Iterator[str]:
    for effect in manifest["effects"]:
        if manifest["performed"] and effect["state"] not in _SETTLED:
            yield f"{effect_words(effect['state']).capitalize()}: {effect['summary']}"

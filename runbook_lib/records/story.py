"""A ticket's journal as a story: each line in words, cells that ran one after the other in one. Reads no file.

What a line holds is taken for nothing if it is not of the kind expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from runbook_lib.records.runs import CASE, Event

_EFFECTS = {
    "intended": "{effect}: about to be done",
    "done": "{effect}: done",
    "adopted": "{effect}: found there, not repeated",
    "not_done": "{effect}: not done",
    "unknown": "{effect}: nobody knows whether it is there",
}


@dataclass(frozen=True)
class Moment:
    """One line of the story.

    Attributes:
        at: When, in UTC, to the second, or "".
        words: What happened.
        detail: What it rests on, or what came of it, or "".
    """

    at: str
    words: str
    detail: str = ""


def story(entries: Iterable[Mapping[str, Any]]) -> list[Moment]:
    """The lines of a journal in words, oldest first."""
    events = [Event(entry) for entry in entries]
    groups = groupby(events, key=lambda event: (event.kind == "cell_started", event.record or ""))
    return [moment for (are_cells, _), group in groups for moment in _told(list(group), are_cells=are_cells)]


def _told(events: list[Event], *, are_cells: bool) -> Iterator[Moment]:
    if not are_cells:
        yield from (Moment(_at(event), _words(event), _detail(event)) for event in events)
        return
    names = [event.text("cell") for event in events]
    words = f"{len(names)} cells, from {names[0]} to {names[-1]}" if len(names) > 1 else f"the cell {names[0]}"
    yield Moment(_at(events[0]), words)


def _at(event: Event) -> str:
    return f"{event.at:%Y-%m-%d %H:%M:%S}" if event.at else ""


def _words(event: Event) -> str:
    operator, effect = event.text("operator") or "somebody", event.text("effect") or event.text("operation_id")
    match event.kind:
        case "run_started":
            mode = "performed" if event.entry.get("performed") is True else "rehearsal"
            return f"{operator} began {event.text('runbook') or 'a run'} ({mode})"
        case "run_ended":
            return f"the run ended: {event.text('outcome') or event.text('status') or 'nobody says how'}"
        case "record_adopted":
            return f"{operator} took in a notebook of {event.text('runbook') or 'a run'}"
        case "answered" if event.text("operation_id").endswith(f"-{CASE}"):
            return f"{operator} said that the case {'has ended' if event.entry.get('there') is True else 'is open'}"
        case "answered":
            place = "there" if event.entry.get("there") is True else "not there"
            return f"{operator} said of {effect}: it is {place}"
        case "restarted":
            return f"{operator} set the journal aside, and began a new one"
        case kind:
            return _EFFECTS.get(kind, kind or "a line that says nothing").format(effect=effect or "an effect")


def _detail(event: Event) -> str:
    evidence = event.entry.get("evidence")
    told = evidence if isinstance(evidence, dict) else {}
    proof = [str(told[name]) for name in ("summary", "url") if told.get(name)]
    unsealed = event.kind == "run_ended" and not event.text("sha256")
    return " · ".join(
        [
            *filter(None, [event.text("summary"), event.text("reason"), event.text("because"), *proof]),
            *(["no record could be written"] if unsealed else []),
        ]
    )

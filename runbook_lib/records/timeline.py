"""A ticket's journal in words: its timeline; cells that ran one after the other are one moment. Reads no file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from runbook_lib.domain.events import EFFECTS, Event, Kind
from runbook_lib.domain.state_words import run_ending_words


@dataclass(frozen=True)
class Moment:
    """One line of the timeline: when, in UTC, to the second, what happened, and what it rests on or came to; or ""."""

    at: str
    words: str
    detail: str = ""


def timeline(entries: Iterable[Mapping[str, Any]]) -> list[Moment]:
    """The lines of a journal in words, oldest first."""
    groups = groupby(map(Event, entries), key=lambda event: (event.kind == Kind.CELL_STARTED, event.record or ""))
    return [moment for (are_cells, _), group in groups for moment in _moments(list(group), are_cells=are_cells)]


def _moments(events: list[Event], *, are_cells: bool) -> Iterator[Moment]:
    if not are_cells:
        yield from (Moment(_at(event), _words(event), _detail(event)) for event in events)
        return
    names = [event.text("cell") for event in events]
    words = f"{len(names)} cells, from {names[0]} to {names[-1]}" if len(names) > 1 else f"the cell {names[0]}"
    yield Moment(_at(events[0]), words)


def _at(event: Event) -> str:
    return f"{event.at:%Y-%m-%d %H:%M:%S}" if event.at else ""


def _words(event: Event) -> str:
    operator = event.text("operator") or "somebody"
    match event.kind:
        case Kind.RUN_STARTED:
            mode = "performed" if event.performed else "rehearsal"
            return f"{operator} began {event.text('runbook') or 'a run'} ({mode})"
        case Kind.RUN_ENDED:
            outcome, status, following = map(event.text, ("outcome", "status", "next_runbook"))
            return f"the run ended: {run_ending_words(outcome, status or 'outcome unknown', following).lower()}"
        case Kind.RECORD_ADOPTED:
            return f"{operator} took in a notebook of {event.text('runbook') or 'a run'}"
        case Kind.RESTARTED:
            return f"{operator} set the journal aside, and began a new one"
        case Kind.SIGNED_OFF:
            return f"{operator} signed off {event.record or 'a record'}"
    if event.is_of_the_case:
        return f"{operator} said that the case {'has ended' if event.says_there else 'is open'}"
    if event.kind not in EFFECTS:
        return event.kind or "a line that says nothing"
    words = {"operator": operator, "effect": event.effect.replace("_", " ") or "an effect"}
    return EFFECTS[event.kind].timeline.format(**words, place="there" if event.says_there else "not there")


def _detail(event: Event) -> str:
    words = [event.text(name) for name in ("summary", "reason", "because", "words")]
    proof = [str(event.evidence[name]) for name in ("summary", "url") if event.evidence.get(name)]
    is_unsealed = event.kind == Kind.RUN_ENDED and not event.text("sha256")
    return " · ".join([*filter(None, words), *proof, *(["no record could be written"] if is_unsealed else [])])

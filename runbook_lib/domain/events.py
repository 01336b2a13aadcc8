"""The lines of a ticket's journal as events, and the one fold from them to the ticket's history. Reads no file.

    run_started, cell_started, run_ended      a run, by its record's name
    record_adopted                            a notebook that papermill alone has made, sealed afterwards
    intended, done, adopted, not_done,        an effect, by its operation id; no run is named: it is of the
        unknown                               performing run that its writer began last
    answered                                  a person's word on an operation, or on the case itself
    restarted                                 a part of the journal was set aside, and another begun
    signed_off                                a reviewer has read a record: its name, its SHA-256, and their words

A field that is not of the kind expected counts as absent: an event never raises for what its line holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

SUFFIX = ".ipynb"
CASE = "case"
"""The operation by which a person says that a ticket's case has ended."""


class Kind(StrEnum):
    """What a line tells of."""

    RUN_STARTED = "run_started"
    CELL_STARTED = "cell_started"
    RUN_ENDED = "run_ended"
    RECORD_ADOPTED = "record_adopted"
    INTENDED = "intended"
    DONE = "done"
    ADOPTED = "adopted"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"
    ANSWERED = "answered"
    RESTARTED = "restarted"
    SIGNED_OFF = "signed_off"


BEGINNINGS = (Kind.RUN_STARTED, Kind.INTENDED)
"""Lines that announce something, and may be refused; the others tell what has happened already."""


class Meaning(NamedTuple):
    """What a line says of an operation.

    Attributes:
        is_open: Whether it is unknown if the effect is there.
        is_there: Whether a run has seen that the effect is there.
        timeline: The line in words, with a place for the effect's name.
        progress: What came of the effect, for the reader who watches the run.
    """

    is_open: bool
    is_there: bool
    timeline: str
    progress: str


_NOT_KNOWN = "Unknown. The next run checks before it sends."
EFFECTS: Mapping[str, Meaning] = {
    Kind.INTENDED: Meaning(True, False, "{effect}: about to be done", _NOT_KNOWN),
    Kind.UNKNOWN: Meaning(True, False, "{effect}: nobody knows whether it is there", _NOT_KNOWN),
    Kind.NOT_DONE: Meaning(False, False, "{effect}: not done", "not done"),
    Kind.DONE: Meaning(False, True, "{effect}: done", "done"),
    Kind.ADOPTED: Meaning(False, True, "{effect}: found there, not repeated", "was there already"),
    Kind.ANSWERED: Meaning(False, False, "{operator} said of {effect}: it is {place}", "answered"),
}
"""The kinds of lines that are about an operation."""


class Event(NamedTuple):
    """A line of a journal, and what is the matter with that journal.

    Attributes:
        entry: The line's fields, and its `writer`.
        set_aside: Whether the journal was set aside.
        is_unknown: Whether its writer is unknown.
        is_trusted: Whether its writer's key is trusted here.
    """

    entry: Mapping[str, Any]
    set_aside: bool = False
    is_unknown: bool = False
    is_trusted: bool = True

    def text(self, name: str) -> str:
        """A text of the line, or ""."""
        found = self.entry.get(name)
        return found if isinstance(found, str) else ""

    @property
    def kind(self) -> str:
        return self.text("kind")

    @property
    def writer(self) -> str:
        return self.text("writer")

    @property
    def operation(self) -> str:
        return self.text("operation_id")

    @property
    def effect(self) -> str:
        """An effect's name, or the operation's."""
        return self.text("effect") or self.operation

    @property
    def number(self) -> int | None:
        """The line's number in its part."""
        found = self.entry.get("n")
        return found if isinstance(found, int) else None

    @property
    def at(self) -> datetime | None:
        """When it was written, in UTC, or None."""
        try:
            moment = datetime.fromisoformat(self.text("at"))
            return moment.astimezone(UTC) if moment.tzinfo else None
        except (ValueError, OverflowError):
            return None

    @property
    def record(self) -> str | None:
        """The record's file name; one that leads elsewhere is none."""
        name = self.text("record")
        return name if name.endswith(SUFFIX) and "/" not in name and "\0" not in name else None

    @property
    def performed(self) -> bool | None:
        """Whether a run changes things, or None if the line does not say."""
        found = self.entry.get("performed")
        return found if isinstance(found, bool) else None

    @property
    def seconds(self) -> float | None:
        return finite(self.entry.get("seconds"))

    @property
    def missing(self) -> tuple[str, ...]:
        found = self.entry.get("missing")
        return tuple(word for word in found if isinstance(word, str)) if isinstance(found, list) else ()

    @property
    def evidence(self) -> Mapping[str, Any]:
        found = self.entry.get("evidence")
        return found if isinstance(found, dict) else {}

    @property
    def is_open(self) -> bool:
        """Whether, after it, it is unknown if the effect is there."""
        meaning = EFFECTS.get(self.kind)
        return meaning is not None and meaning.is_open

    @property
    def ends(self) -> bool:
        """Whether it says, for every writer, whether the effect is there: a run saw it, or a person was asked."""
        meaning = EFFECTS.get(kind := self.kind)
        return kind == Kind.ANSWERED or (meaning is not None and meaning.is_there)

    @property
    def says_there(self) -> bool:
        return self.ends and (self.kind != Kind.ANSWERED or self.entry.get("there") is True)

    @property
    def says_absent(self) -> bool:
        return self.kind == Kind.ANSWERED and not self.says_there

    @property
    def is_of_the_case(self) -> bool:
        """Whether a person says something of the whole case."""
        return self.kind == Kind.ANSWERED and re.fullmatch(rf"[a-z]+-[0-9]+-{CASE}", self.operation) is not None


@dataclass
class RunEvents:
    """The events of one run, in their order.

    Attributes:
        end: The line of its end, or by which it was adopted, or None.
        cells: The lines by which its cells were begun.
        effects: The lines on operations while it was the performing run that its writer began last.
    """

    start: Event | None = None
    end: Event | None = None
    events: list[Event] = field(default_factory=list)
    cells: list[Event] = field(default_factory=list)
    effects: list[Event] = field(default_factory=list)

    @property
    def writer(self) -> str:
        """Who wrote of it; "" before the first line."""
        first = self.start or self.end
        return first.writer if first else ""

    @property
    def runbook(self) -> str:
        """The runbook, or ""."""
        return self.start.text("runbook") if self.start else ""

    @property
    def performed(self) -> bool:
        return self.start is not None and self.start.performed is True

    @property
    def open_effect(self) -> Event | None:
        """The effect that was announced last, unless something came of it."""
        last = self.effects[-1] if self.effects else None
        return last if last and last.kind == Kind.INTENDED else None

    @property
    def last_effects(self) -> list[Event]:
        """The last line on each effect, in the order of their beginning."""
        return list({event.operation: event for event in self.effects if event.text("effect")}.values())


@dataclass
class Attempt:
    """What one writer tried of an operation.

    Attributes:
        run: The key in `History.runs` of the run that tried, or "".
        last: The last line on it; that an effect is there ends the attempts of all writers.
    """

    run: str
    last: Event

    @property
    def closedness(self) -> int:
        """0 if it is open, 1 if a person has answered, 2 if a run knows."""
        return 0 if self.last.is_open else 1 if self.last.kind == Kind.ANSWERED else 2


@dataclass
class Operation:
    """All lines on one operation, and by writer, what became of the attempts."""

    events: list[Event] = field(default_factory=list)
    attempts: dict[str, Attempt] = field(default_factory=dict)

    def take(self, event: Event, run: str) -> None:
        """The next line. That one writer's attempt came to nothing says nothing of another's."""
        self.events.append(event)
        if event.ends:
            for attempt in self.attempts.values():
                attempt.last = event
            self.attempts.setdefault(event.writer, Attempt("", event))
        else:
            self.attempts[event.writer] = Attempt(run, event)

    @property
    def last_end(self) -> Event | None:
        """The last line that says, for every writer, whether the effect is there."""
        return next((event for event in reversed(self.events) if event.ends), None)

    @property
    def answer(self) -> bool | None:
        """What a person says, if that is the last line on it; else None."""
        last = self.events[-1] if self.events else None
        return last.says_there if last and last.kind == Kind.ANSWERED else None

    @property
    def intended_at(self) -> str:
        """When it was last intended, by the lines of one writer, unless they say what became of it; or ""."""
        for event in reversed(self.events):
            if event.kind == Kind.INTENDED or not event.is_open:
                return event.text("at") if event.is_open else ""
        return ""

    @property
    def least_closed(self) -> Attempt:
        """The attempt of which least is known."""
        return min(self.attempts.values(), key=lambda attempt: attempt.closedness)


class History:
    """What the lines of a ticket's journal come to.

    Args:
        events: The lines, oldest first.

    Attributes:
        events: The same.
        runs: The runs, by the record's name, in the order of their beginning. Another writer's line on a record says
            nothing of the run that has left it: it is a run of its own, under the name of both.
        operations: By operation id.
        restarts: The lines by which parts were set aside.
        sign_offs: The lines by which reviewers sign records off, by the record's name.
        case_ended: The line by which somebody whose key is trusted says that the case has ended, unless taken back.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self.events: list[Event] = []
        self.runs: dict[str, RunEvents] = {}
        self.operations: dict[str, Operation] = {}
        self.restarts: list[Event] = []
        self.sign_offs: dict[str, list[Event]] = {}
        self.case_ended: Event | None = None
        self._performing: dict[str, str] = {}
        for event in events:
            self._take(event)

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> History:
        return cls(Event(entry) for entry in entries)

    @cached_property
    def performing_runs(self) -> list[RunEvents]:
        return [run for run in self.runs.values() if run.performed]

    @property
    def open_operations(self) -> list[str]:
        """The ids of the operations whose result is unknown, oldest first."""
        return [name for name, operation in self.operations.items() if operation.least_closed.closedness == 0]

    @property
    def answerable(self) -> list[str]:
        """The operations that a person may say something of: those that no run has seen to be there."""
        seen = (Kind.DONE, Kind.ADOPTED)
        return [name for name, operation in self.operations.items() if operation.least_closed.last.kind not in seen]

    def _take(self, event: Event) -> None:
        self.events.append(event)
        kind = event.kind
        if kind in EFFECTS:
            if event.operation:
                self._operate(event)
            return
        match kind:
            case Kind.RUN_STARTED:
                key = self._key(event, event.record or f"without a record, line {event.number} of {event.writer}")
                self.runs[key] = RunEvents(event, events=[event])
                if event.performed:
                    self._performing[event.writer] = key
            case Kind.CELL_STARTED:
                if run := self.runs.get(self._key(event, event.record or "")):
                    run.cells.append(event)
                    run.events.append(event)
            case Kind.RUN_ENDED | Kind.RECORD_ADOPTED:
                key = self._key(event, event.record or self._last_open(event.writer))
                run = self.runs.setdefault(key, RunEvents())
                run.end = event
                run.events.append(event)
            case Kind.RESTARTED:
                self.restarts.append(event)
            case Kind.SIGNED_OFF:
                self.sign_offs.setdefault(event.record or "", []).append(event)

    def _operate(self, event: Event) -> None:
        if event.is_of_the_case and event.is_trusted:
            self.case_ended = event if event.says_there else None
        run = self._performing.get(event.writer, "")
        if run in self.runs:
            self.runs[run].effects.append(event)
            self.runs[run].events.append(event)
        self.operations.setdefault(event.operation, Operation()).take(event, run)

    def _key(self, event: Event, name: str) -> str:
        """The key of the run of this name that a line is on: a run has one writer."""
        run = self.runs.get(name)
        return name if run is None or run.writer == event.writer else f"{name}, by {event.writer}"

    def _last_open(self, writer: str) -> str:
        """The run that an end without a record belongs to: the writer's last one that has none yet."""
        mine = (key for key, run in reversed(self.runs.items()) if run.start and run.start.writer == writer)
        return next((key for key in mine if self.runs[key].end is None), "")


def finite(value: object) -> float | None:
    """A number that can be shown and stored, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None

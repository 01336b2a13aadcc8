"""The lines of a ticket's journal as events, and the one fold from them to the ticket's history. Reads no file.

    run_started, cell_started, run_ended      a run, by its record's name
    record_adopted                            a notebook that plain papermill made, and that was sealed afterwards
    intended, done, adopted, not_done,        an effect, by its operation id; it names no run, and belongs to the
        unknown                               performing run that its writer began last
    answered                                  a person's answer about an operation, or about the case itself
    restarted                                 a part of the journal was set aside, and a new one begun
    signed_off                                a reviewer has read a record: its name, its SHA-256, and a comment
    claim_seen                                another machine holds the claim of an operation in the team's share
    share_unreachable                         a run could not use the team's share, and why

A field of an unexpected type counts as absent: an event never raises for the contents of its line.
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
REPEATED = "seal_note"
"""The effect that the next run makes up for, so that it is no open end."""


class EventKind(StrEnum):
    """What a line reports."""

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
    CLAIM_SEEN = "claim_seen"
    SHARE_UNREACHABLE = "share_unreachable"


BEGINNINGS = (EventKind.RUN_STARTED, EventKind.INTENDED)
"""Lines that announce something, and may be refused; the others report what has happened already."""
SEEN = (EventKind.DONE, EventKind.ADOPTED)
"""By these a run has seen that the effect is there."""
_ENDS = (EventKind.RUN_ENDED, EventKind.RECORD_ADOPTED)
_OPEN = (EventKind.INTENDED, EventKind.UNKNOWN)
"""After these it is unknown whether the effect is there."""


class Meaning(NamedTuple):
    """The meaning of a line for an operation, in words."""

    timeline: str  # the line as a sentence, with a placeholder for the effect's name
    progress: str  # the state of the effect, for the reader who watches the run


_NOT_KNOWN = "Unknown. The next run checks before it sends."
EFFECTS: Mapping[str, Meaning] = {
    EventKind.INTENDED: Meaning("{effect}: about to be done", _NOT_KNOWN),
    EventKind.UNKNOWN: Meaning("{effect}: unknown whether it is there", _NOT_KNOWN),
    EventKind.NOT_DONE: Meaning("{effect}: not done", "not done"),
    EventKind.DONE: Meaning("{effect}: done", "done"),
    EventKind.ADOPTED: Meaning("{effect}: found, not repeated", "found, not repeated"),
    EventKind.ANSWERED: Meaning("answered for {effect}: it is {place}", "answered"),
}
"""The kinds of lines that are about an operation."""


class Event(NamedTuple):
    """A line of a journal, and the condition of that journal."""

    entry: Mapping[str, Any]  # the line's fields, and its `writer`
    set_aside: bool = False  # whether the journal was set aside
    is_unknown: bool = False  # whether its writer is unknown
    is_trusted: bool = True  # whether its writer's key is trusted here

    def text(self, name: str) -> str:
        found = self.entry.get(name)
        return found if isinstance(found, str) else ""

    @property
    def is_believed(self) -> bool:
        """Whether it may end what other writers began: a key that is trusted here has signed it."""
        return self.is_trusted and not (self.is_unknown or self.set_aside)

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
        return self.kind in _OPEN

    @property
    def ends(self) -> bool:
        """Whether it settles, for every writer, if the effect is there: a run saw it, or a person has answered."""
        return self.kind in (*SEEN, EventKind.ANSWERED)

    @property
    def says_there(self) -> bool:
        return self.ends and (self.kind != EventKind.ANSWERED or self.entry.get("there") is True)

    @property
    def says_absent(self) -> bool:
        return self.kind == EventKind.ANSWERED and not self.says_there

    @property
    def is_of_the_case(self) -> bool:
        """Whether it is a person's answer about the whole case."""
        return self.kind == EventKind.ANSWERED and re.fullmatch(rf"[a-z]+-[0-9]+-{CASE}", self.operation) is not None


@dataclass
class RunEvents:
    events: list[Event] = field(default_factory=list)

    @property
    def start(self) -> Event | None:
        return next((event for event in self.events[:1] if event.kind == EventKind.RUN_STARTED), None)

    @property
    def end(self) -> Event | None:
        """The line of its end, or by which it was adopted."""
        return next((event for event in reversed(self.events) if event.kind in _ENDS), None)

    @property
    def cells(self) -> list[Event]:
        return [event for event in self.events if event.kind == EventKind.CELL_STARTED]

    @property
    def effects(self) -> list[Event]:
        """The lines on operations while it was the performing run that its writer began last."""
        return [event for event in self.events if event.kind in EFFECTS]

    @property
    def writer(self) -> str:
        """The writer of its lines; "" before the first one."""
        return self.events[0].writer if self.events else ""

    @property
    def runbook(self) -> str:
        return self.start.text("runbook") if self.start else ""

    @property
    def performed(self) -> bool:
        return self.start is not None and self.start.performed is True

    @property
    def open_effect(self) -> Event | None:
        """The effect that was announced last, if its result is not known."""
        return next((event for event in self.effects[-1:] if event.kind == EventKind.INTENDED), None)

    @property
    def last_effects(self) -> list[Event]:
        """The last line on each effect, in the order of their beginning."""
        return list({event.operation: event for event in self.effects if event.text("effect")}.values())


@dataclass
class Attempt:
    """The attempt of one writer at an operation."""

    run: str  # the key in `History.runs` of the run that tried, or ""
    last: Event  # the last line on it; that an effect is there ends the attempts of all writers

    @property
    def closedness(self) -> int:
        """0 if it is open, 1 if a person has answered, 2 if a run has settled it."""
        return 0 if self.last.is_open else 1 if self.last.kind == EventKind.ANSWERED else 2


@dataclass
class Operation:
    """All lines about one operation, and the attempts by writer."""

    events: list[Event] = field(default_factory=list)
    attempts: dict[str, Attempt] = field(default_factory=dict)

    def take(self, event: Event, run: str) -> None:
        """Add the next line. A failed attempt of one writer leaves those of the others open.

        A line that is not believed settles no attempt that is.
        """
        self.events.append(event)
        if event.ends:
            for attempt in self.attempts.values():
                if event.is_believed or not attempt.last.is_believed:
                    attempt.last = event
            self.attempts.setdefault(event.writer, Attempt("", event))
        else:
            self.attempts[event.writer] = Attempt(run, event)

    @property
    def last_end(self) -> Event | None:
        """The last line that settles, for every writer, whether the effect is there."""
        return next((event for event in reversed(self.events) if event.ends), None)

    @property
    def answer(self) -> bool | None:
        """A person's answer, if that is the last line; else None."""
        last = self.events[-1] if self.events else None
        return last.says_there if last and last.kind == EventKind.ANSWERED else None

    @property
    def intended(self) -> Event | None:
        """The line by which it was last intended, unless a later line has the result."""
        for event in reversed(self.events):
            if event.kind == EventKind.INTENDED or not event.is_open:
                return event if event.is_open else None
        return None

    @property
    def least_closed(self) -> Attempt:
        return min(self.attempts.values(), key=lambda attempt: attempt.closedness)


class History:
    """The history of a ticket, from the lines of its journal.

    Attributes:
        events: The lines, oldest first.
        runs: The runs, by the record's name, in the order of their beginning. Another writer's line about a record
            is not part of the run that left the record: it is a run of its own, under both names.
        restarts: The lines by which parts were set aside.
        sign_offs: The lines by which reviewers sign records off, by the record's name.
        case_ended: The line by which a person whose key is trusted says that the case has ended, unless taken back.
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
        """The operations that a person may answer for: those whose effect no run has seen."""
        return [name for name, operation in self.operations.items() if operation.least_closed.last.kind not in SEEN]

    @property
    def questions(self) -> dict[str, Event]:
        """The last line of each operation that only a person can end, unless a further run does; by its id."""
        asked = {} if self.case_ended else self.operations
        return {name: one.least_closed.last for name, one in asked.items() if self._is_asked(one.least_closed)}

    def _is_asked(self, attempt: Attempt) -> bool:
        """Whether it is not known if an effect is there; or it is not, and its run has an outcome or is the last."""
        if attempt.last.is_open:
            return True
        run = self.runs.get(attempt.run)
        if attempt.last.kind != EventKind.NOT_DONE or attempt.last.effect == REPEATED or run is None:
            return False
        return run is self.performing_runs[-1] or bool(run.end and run.end.text("outcome"))

    def _take(self, event: Event) -> None:
        self.events.append(event)
        kind = event.kind
        if kind in EFFECTS:
            if event.operation:
                self._operate(event)
            return
        match kind:
            case EventKind.RUN_STARTED:
                key = self._key(event, event.record or f"without a record, line {event.number} of {event.writer}")
                self.runs[key] = RunEvents([event])
                if event.performed:
                    self._performing[event.writer] = key
            case EventKind.CELL_STARTED:
                if run := self.runs.get(self._key(event, event.record or "")):
                    run.events.append(event)
            case EventKind.RUN_ENDED | EventKind.RECORD_ADOPTED:
                key = self._key(event, event.record or self._last_open(event.writer))
                self.runs.setdefault(key, RunEvents()).events.append(event)
            case EventKind.RESTARTED:
                self.restarts.append(event)
            case EventKind.SIGNED_OFF:
                self.sign_offs.setdefault(event.record or "", []).append(event)

    def _operate(self, event: Event) -> None:
        if event.is_of_the_case and event.is_believed:
            self.case_ended = event if event.says_there else None
        run = self._performing.get(event.writer, "")
        if run in self.runs:
            self.runs[run].events.append(event)
        self.operations.setdefault(event.operation, Operation()).take(event, run)

    def _key(self, event: Event, name: str) -> str:
        """The key of the run that a line with this record's name belongs to: a run has one writer."""
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

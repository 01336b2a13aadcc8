"""The runs that a journal's lines tell of, and which of them are asked for. Reads no file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Any, Self

from runbook_lib.domain.events import CASE, Event, History, Kind, RunEvents
from runbook_lib.domain.models import Outcome, Status

MOMENTS = ("started_at", "since")
"""The fields of a run that are moments."""
STILL_RUNNING = timedelta(hours=1)
"""As long as a run may still be going that began and has no end in the journal. No lock is held during a whole run, so
that nobody can tell a run that is going from one that was broken off; after this time it is called interrupted."""
ADOPTED_WORDS = "adopted: nobody vouches for its contents"
_NAME = re.compile(r"(\d{8}T\d{9})Z-(\w{1,80}?)(?:-([0-9a-f]{8}))?\.ipynb")
_LATER = "seal_note"
"""The effect that any later run makes up for, so that nobody has to look after it."""
_WAITS_FOR = {Outcome.WAITING_FOR_CUSTOMER: "customer", Outcome.ESCALATED: "expert"}
_NEEDS_ANOTHER_RUN = (Status.NEEDS_ANSWER, Status.INTERRUPTED)


class State(StrEnum):
    """What is known of a run's record from the journal and the folder's file names."""

    SEALED = "sealed"
    ADOPTED = "adopted"
    RUNNING = "running_or_interrupted"
    INTERRUPTED = "interrupted"
    UNRECORDED = "unrecorded"
    UNSEALED = "unsealed"
    MISSING = "missing"
    SET_ASIDE = "set_aside"
    UNKNOWN_WRITER = "unknown_writer"


@dataclass(frozen=True)
class Run:
    """One run of a ticket; or, `unsealed`, a notebook in its folder that no line of the journal names.

    Attributes:
        state: What is known of the record.
        record: The record's file name, or None if none could be written.
        runbook, started_at, seconds: None or "" if nobody says.
        operator: Who ran it, or adopted it.
        performed: Whether it changed things, or None if nobody says.
        status: How the run ended, or "".
        outcome: How the case ended, or "".
        missing: The parameters that a person had to give.
        unknown: The operations that it began, and of which nobody knows what became of them.
        needs_person: Whether it is an open end: somebody still has to do something about it.
        sha256: The record's digest, or "" if it is not sealed.
        line: The number of the journal's line that holds the digest, or None.
        to_note: Whether the ticket was to get a note of its record.
        writer: The key whose journal tells of it, or "".
        undone: The operations that it could not do, although it came to an outcome, and that nobody has done since.
        by_hand: What people say of its operations: each one's name, who says it, and what they saw.
        waits_for: Whom the case waits for: customer, expert, or somebody who performs what was rehearsed; or "".
        since: From when on it waits, or None.
        ended_by_hand: Whether a person has said since that the case has ended.
        signed_off: Who signed its record off, as it is sealed, when, and with which words.
    """

    ticket_id: int
    state: State
    record: str | None
    runbook: str = ""
    started_at: datetime | None = None
    seconds: float | None = None
    operator: str = ""
    performed: bool | None = None
    status: str = ""
    outcome: str = ""
    summary: str = ""
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    needs_person: bool = False
    sha256: str = ""
    line: int | None = None
    to_note: bool = False
    writer: str = ""
    undone: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    waits_for: str = ""
    since: datetime | None = None
    ended_by_hand: bool = False
    signed_off: tuple[str, ...] = ()

    @property
    def is_unreviewed(self) -> bool:
        """Whether its record waits for a reviewer."""
        return self.state in (State.SEALED, State.ADOPTED) and not self.signed_off

    @property
    def note(self) -> str:
        """What has to stand beside the record wherever it is shown, or ""."""
        return ADOPTED_WORDS if self.state is State.ADOPTED else ""

    @property
    def halfway(self) -> bool:
        """Whether it was to change things and ended without an outcome; a rehearsal leaves nothing halfway."""
        return bool(self.performed) and not self.outcome and self.status not in ("", Status.COMPLETED)

    @property
    def plain(self) -> dict[str, Any]:
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        found = {"started_at": self.started_at, "since": self.since}
        moments = {name: moment and moment.isoformat(timespec="milliseconds") for name, moment in found.items()}
        return {**values, "state": str(self.state), **moments, "note": self.note}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What `plain` made of a run.

        Raises:
            ValueError, TypeError, KeyError: It is anything else.
        """
        told: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()
        }
        told |= {name: told[name] and datetime.fromisoformat(told[name]) for name in MOMENTS}
        note, state = told.pop("note"), State(told.pop("state"))
        run = cls(state=state, **told)
        if note != run.note or not all(isinstance(told[name], str) for name in _TEXTS):
            raise ValueError("a run of another form")
        return run


_TEXTS = tuple(name for name, known in Run.__dataclass_fields__.items() if known.default == "")


_SAME = ("runbook", "outcome", "status", "operator")


@dataclass(frozen=True)
class Wanted:
    """Which runs are asked for; what is empty does not matter.

    Attributes:
        since, until: The first and the last day, in UTC.
        unreviewed: Only records that no reviewer has signed off.
    """

    tickets: tuple[int, ...] = ()
    runbook: str | None = None
    outcome: str | None = None
    status: str | None = None
    operator: str | None = None
    since: date | None = None
    until: date | None = None
    open_only: bool = False
    unreviewed: bool = False

    def takes(self, run: Run) -> bool:
        same = all(getattr(self, name) in (None, getattr(run, name)) for name in _SAME)
        here = not self.tickets or run.ticket_id in self.tickets
        is_left = (run.needs_person or not self.open_only) and (run.is_unreviewed or not self.unreviewed)
        return here and same and self._in_time(run) and is_left

    def _in_time(self, run: Run) -> bool:
        if self.since is None and self.until is None:
            return True
        if run.started_at is None:
            return False
        day = run.started_at.astimezone(UTC).date()
        return (self.since or day) <= day <= (self.until or day)


def of_history(ticket_id: int, history: History) -> list[Run]:
    """The runs that a ticket's history tells of, as far as its lines go, in the order of their beginning."""
    found = {key: _of_events(ticket_id, key, events) for key, events in history.runs.items()}
    last: dict[str, dict[str, Event]] = {}
    for name, operation in history.operations.items():
        for attempt in operation.attempts.values():
            last.setdefault(attempt.run, {})[name] = attempt.last
    everything = [_reviewed(run, history.sign_offs.get(run.record or "", ())) for run in found.values()]
    found = dict(zip(found, everything, strict=True))
    runs = [_operated(run, last.get(key, {}), everything, history.case_ended) for key, run in found.items()]
    place = max((place for place, run in enumerate(runs) if run.ended_by_hand), default=None)
    if place is not None and history.case_ended:
        by_hand = (*runs[place].by_hand, _said(CASE, history.case_ended))
        runs[place] = replace(runs[place], by_hand=by_hand)
    return runs


def _of_events(ticket_id: int, key: str, events: RunEvents) -> Run:
    """A run as its first and its last line tell of it, or, without the first one, the record's name."""
    start, end = events.start, events.end
    if start:
        found: dict[str, Any] = {"state": _unusual(start) or State.RUNNING, "record": start.record}
        found |= {"started_at": start.at, "writer": start.writer, **_told(start)}
    else:
        started_at, runbook = _by_name(key)
        found = {"state": State.RUNNING, "record": None, "started_at": started_at, "runbook": runbook}
    if end:
        found |= _ended(end, found["started_at"], found.get("performed"))
    return Run(ticket_id, **found)


def _ended(end: Event, started_at: datetime | None, performed: object) -> dict[str, Any]:
    """What the line of a run's end tells of it."""
    is_adopted = end.kind == Kind.RECORD_ADOPTED  # at whatever time, so that this is not how long the run took
    is_sealed = end.record is not None and bool(end.text("sha256"))
    usual = State.ADOPTED if is_adopted else State.SEALED if is_sealed else State.UNRECORDED
    at, to_note = end.at, end.entry.get("to_note")
    took = at - started_at if at and started_at and not is_adopted else None
    return {
        **{"status": "unknown", "seconds": round(took.total_seconds(), 1) if took else None, **_told(end)},
        "record": end.record,
        "state": _unusual(end) or usual,
        "sha256": end.text("sha256") if is_sealed else "",
        "to_note": bool(performed) if to_note is None else to_note is True,
        "line": end.number,
        "writer": end.writer,
    }


def _unusual(event: Event) -> State | None:
    """The state of every run of a journal that something is the matter with."""
    return State.SET_ASIDE if event.set_aside else State.UNKNOWN_WRITER if event.is_unknown else None


def _told(event: Event) -> dict[str, Any]:
    """What a run's first and its last line may both say, as far as this one does."""
    found: dict[str, Any] = {name: event.text(name) for name in ("runbook", "operator", "status", "outcome", "summary")}
    found |= {"missing": event.missing, "seconds": event.seconds, "performed": event.performed}
    return {name: value for name, value in found.items() if value not in (None, "", ())}


def _operated(run: Run, last: Mapping[str, Event], runs: Sequence[Run], ended: Event | None) -> Run:
    """A run with what became of its operations, by the last line on each, as long as nobody ended the case."""
    told: dict[str, Any] = {}
    if last:
        told["by_hand"] = tuple(_said(name, event) for name, event in last.items() if event.kind == Kind.ANSWERED)
    if ended and ended.at and run.started_at and run.started_at < ended.at:
        told["ended_by_hand"] = True
    elif last:
        undone = [n for n, event in last.items() if _is_undone(run, event) or _is_withdrawn(run, event, runs)]
        told |= {"undone": tuple(undone), "unknown": tuple(name for name, event in last.items() if event.is_open)}
    return replace(run, **told) if told else run


def _reviewed(run: Run, sign_offs: Sequence[Event]) -> Run:
    """A run with its sign-offs: those of exactly the bytes that were sealed, by writers that are trusted here."""
    counted = [one for one in sign_offs if one.is_trusted and not (one.is_unknown or one.set_aside)]
    told = tuple(_sign_off_words(one, run) for one in counted if run.sha256 and one.text("sha256") == run.sha256)
    return replace(run, signed_off=told) if told else run


def _sign_off_words(event: Event, run: Run) -> str:
    """A sign-off in words; who reviews what they did themselves is told apart."""
    who = event.text("operator") or "somebody"
    own = " (who also ran it)" if who == run.operator else ""
    return f"{who}{own}, {f'{event.at:%Y-%m-%d}' if event.at else 'on an unknown day'}: {event.text('words')}"


def _is_undone(run: Run, event: Event) -> bool:
    """Whether a run came to an outcome without an effect, as its last line says, and a further run has to do it."""
    refused = event.kind == Kind.NOT_DONE and event.text("effect") != _LATER
    return bool(run.outcome) and (refused or event.says_absent)


def _is_withdrawn(run: Run, event: Event, runs: Sequence[Run]) -> bool:
    """Whether a person says that an effect is not there after all, since the case came to its outcome without it.

    A run that began after these words has taken them into account.
    """
    if not event.says_absent:
        return False
    later = [one for one in runs if one.performed and _began_after(one, run.started_at)]
    heard = any(_began_after(one, event.at) for one in later)
    return any(one.outcome for one in later) and not heard


def finished(runs: Sequence[Run], names: Collection[str]) -> list[Run]:
    """A ticket's runs with their last word: how each ended if the journal does not say, and whether it is open.

    They come in the order of their beginning; `names` are the notebooks that are there.
    """
    settled: dict[tuple[str, bool], datetime] = {}
    for run in runs:
        if run.outcome and run.started_at:
            for performed in (True, False) if run.performed else (False,):
                key = (run.runbook, performed)
                settled[key] = max(run.started_at, settled.get(key, run.started_at))
    waiting = {id(run): (whom, since) for run, whom, since in _waiting(runs)}
    return [_finished(run, names, settled, *waiting.get(id(run), ("", None))) for run in runs]


def _finished(
    run: Run,
    names: Collection[str],
    settled: Mapping[tuple[str, bool], datetime],
    waits_for: str,
    since: datetime | None,
) -> Run:
    """One of them; `settled` has when a run of each runbook last began that came to an outcome, by what it may do."""
    told: dict[str, Any] = {}
    status, state = run.status, run.state
    if not status and datetime.now(UTC) - (run.started_at or datetime.min.replace(tzinfo=UTC)) > STILL_RUNNING:
        status = Status.INTERRUPTED
        state = State.INTERRUPTED if state is State.RUNNING else state
    if state in (State.SEALED, State.ADOPTED) and run.record not in names:
        state = State.MISSING
    if (status, state) != (run.status, run.state):
        run = replace(run, status=status, state=state)
    if not run.ended_by_hand:
        settled_at = settled.get((run.runbook, bool(run.performed)))
        is_settled = settled_at is not None and run.started_at is not None and settled_at > run.started_at
        waits = (status in _NEEDS_ANOTHER_RUN or run.halfway) and not is_settled
        told |= {"waits_for": waits_for, "since": since} if waits_for else {}
        told |= {"needs_person": True} if waits or run.unknown or run.undone or waits_for else {}
    return replace(run, **told) if told else run


def _waiting(runs: Sequence[Run]) -> Iterator[tuple[Run, str, datetime | None]]:
    """The runs since which the case waits: the last performed and the last rehearsed one, whom for, and since when."""
    for performed in (True, False):
        ends = [run for run in runs if run.outcome and run.started_at and bool(run.performed) is performed]
        if not ends:
            continue
        last = ends[-1]
        if performed:
            whom = _WAITS_FOR.get(Outcome(last.outcome), "") if last.outcome in list(Outcome) else ""
        else:
            never = not any(run.performed for run in runs)
            whom = "performing" if never and last.performed is False and last.outcome != Outcome.OUT_OF_SCOPE else ""
        if whom:
            _, same = next(groupby(reversed(ends), key=attrgetter("outcome")))
            yield last, whom, [*same][-1].started_at


def _began_after(run: Run, moment: datetime | None) -> bool:
    """Whether a run began after a moment, as far as both are known."""
    return run.started_at is not None and moment is not None and run.started_at > moment


def _said(operation: str, event: Event) -> str:
    name = re.sub(r"^[a-z]+-[0-9]+-", "", operation)
    if event.evidence.get("summary"):
        return f"{name}: {event.evidence['summary']}"
    because = f": {event.text('because')}" if event.text("because") else ""
    return f"{name}: {event.text('operator') or 'somebody'} says that it is not there{because}"


def key_part(name: str) -> str:
    """The writer's part in a record's name, or "" where it has none."""
    found = _NAME.fullmatch(name)
    return (found[3] or "") if found else ""


def stray(ticket_id: int, name: str) -> Run:
    started_at, runbook = _by_name(name)
    return Run(ticket_id, State.UNSEALED, name, runbook, started_at, needs_person=True)


def _by_name(name: str) -> tuple[datetime | None, str]:
    """The start and the runbook that a record's file name tells."""
    found = _NAME.fullmatch(name)
    if not found:
        return None, ""
    try:
        return datetime.strptime(f"{found[1]}000+0000", "%Y%m%dT%H%M%S%f%z"), found[2]
    except ValueError:
        return None, found[2]

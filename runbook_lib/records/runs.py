"""The runs of a ticket, from its history; and the filter that chooses among runs. Reads no file.

A run has one writer: a line of another key about the same record is a run of its own. But a run may begin under a key
that is then lost or changed, and end under another. So a run without an end takes one from another key, if

    the run is trusted     -> that key is trusted, too
    the run is a stranger's -> the record's name shows that it is of the key that began it
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Any, Self

from runbook_lib.domain.events import CASE, REPEATED, SEEN, SUFFIX, Event, EventKind, History, RunEvents
from runbook_lib.domain.models import ENDINGS, Outcome, Status
from runbook_lib.ledger.chains import KEY_DIGITS

MOMENTS = ("started_at", "since")
"""The fields of a run that are moments."""
STILL_RUNNING = timedelta(hours=1)
"""How long a run without an end in the journal may still be running. No lock is held for the whole run, so a run in
progress and an interrupted one look alike; after this time it is called interrupted."""
ADOPTED_WORDS = "adopted: its contents are not guaranteed"
UNKNOWN_PERSON = "unknown person"
_NAME = re.compile(r"(\d{8}T\d{9})Z-(\w{1,80}?)(?:-([0-9a-f]{8}))?\.ipynb")
_NEEDS_ANOTHER_RUN = (Status.NEEDS_ANSWER, Status.INTERRUPTED)
_RECORDED = ("runbook", "operator", "status", "outcome", "next_runbook", "summary")


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


@dataclass
class Run:
    """One run of a ticket; or, `unsealed`, a notebook in its folder that no journal line names."""

    ticket_id: int
    state: State  # what is known of the record
    record: str | None  # the record's file name, or None if none could be written
    runbook: str = ""
    started_at: datetime | None = None
    seconds: float | None = None
    operator: str = ""  # who ran it, or adopted it
    performed: bool | None = None  # whether it changed things, or None if unknown
    status: str = ""  # how the run ended, or ""
    outcome: str = ""  # how the case ended, or ""
    summary: str = ""
    missing: tuple[str, ...] = ()  # the parameters that a person had to give
    unknown: tuple[str, ...] = ()  # the operations that it began and whose result is unknown
    needs_person: bool = False  # whether it is an open end: a person still has to act
    sha256: str = ""  # of the record, or "" if it is not sealed
    line: int | None = None  # the number of the journal line that holds the digest
    to_note: bool = False  # whether a note on the ticket was to keep the seal
    writer: str = ""  # the key whose journal has its end, or its beginning if it has no end
    undone: tuple[str, ...] = ()  # the operations that it could not do although it has an outcome, and still not done
    by_hand: tuple[str, ...] = ()  # what people reported: the operation's name, and who reported what
    waits_for: str = ""  # customer, expert, next_runbook, or performing (of what was rehearsed)
    since: datetime | None = None  # when it began to wait
    ended_by_hand: bool = False  # whether a person has reported since that the case has ended
    signed_off: tuple[str, ...] = ()  # who signed off these bytes, when, and with which words
    is_trusted: bool = True  # whether the key of its writer is trusted here
    writers: tuple[str, ...] = ()  # whose journals have it: two if the key was lost or changed meanwhile
    next_runbook: str = ""  # the runbook that goes on, where it handed over

    @property
    def is_believed(self) -> bool:
        """Whether what it says of itself counts for other runs: a key that is trusted here vouches for its lines."""
        return self.is_trusted and self.state not in (State.SET_ASIDE, State.UNKNOWN_WRITER)

    @property
    def is_vouched_for(self) -> bool:
        """Whether its seal is worth what a key says that is trusted here; what was set aside, no key vouches for."""
        return self.is_trusted and self.state in (State.SEALED, State.ADOPTED)

    @property
    def is_unreviewed(self) -> bool:
        return self.state in (State.SEALED, State.ADOPTED) and not self.signed_off

    @property
    def note(self) -> str:
        """What is shown beside the record everywhere, or ""."""
        return ADOPTED_WORDS if self.state is State.ADOPTED else ""

    @property
    def split(self) -> str:
        """What is said of a run that two keys tell of, after its record's name; "" of any other."""
        names = " and ".join(self.writers)
        words = f"stands in the journals of writers {names}: the key was lost or changed meanwhile."
        return words if len(self.writers) > 1 else ""

    @property
    def halfway(self) -> bool:
        """Whether it performed and ended without an outcome; a rehearsal leaves nothing halfway."""
        return bool(self.performed) and not self.outcome and self.status not in ("", Status.COMPLETED)

    @property
    def hands_over(self) -> bool:
        """Whether another runbook goes on with the ticket, so that its own outcome says nothing of how that stands."""
        return bool(self.next_runbook) and self.status == Status.COMPLETED

    def start(self) -> datetime:
        """When it began, to sort by: without a known start before all others."""
        return self.started_at or datetime.min.replace(tzinfo=UTC)

    @property
    def plain(self) -> dict[str, Any]:
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        found = {"started_at": self.started_at, "since": self.since}
        moments = {name: moment and moment.isoformat(timespec="milliseconds") for name, moment in found.items()}
        return {**values, "state": str(self.state), **moments, "note": self.note}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What `plain` made of a run. Raises ValueError, TypeError, KeyError if it is anything else."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in plain.items()}
        values |= {name: values[name] and datetime.fromisoformat(values[name]) for name in MOMENTS}
        note, state = values.pop("note"), State(values.pop("state"))
        run = cls(state=state, **values)
        if note != run.note or not all(isinstance(values[name], str) for name in _TEXTS):
            raise ValueError("a run of another form")
        return run


_TEXTS = tuple(name for name, field in Run.__dataclass_fields__.items() if field.default == "")


@dataclass(frozen=True)
class RunFilter:
    """Which runs to show; what is empty does not matter. Days are in UTC."""

    tickets: tuple[int, ...] = ()
    runbook: str | None = None
    outcome: str | None = None
    status: str | None = None
    operator: str | None = None
    since: date | None = None
    until: date | None = None
    open_only: bool = False
    unreviewed: bool = False

    def matches(self, run: Run) -> bool:
        names = ("runbook", "outcome", "status", "operator")
        return (
            (not self.tickets or run.ticket_id in self.tickets)
            and all(getattr(self, name) in (None, getattr(run, name)) for name in names)
            and self._in_period(run)
            and (run.needs_person or not self.open_only)
            and (run.is_unreviewed or not self.unreviewed)
        )

    def _in_period(self, run: Run) -> bool:
        if self.since is None and self.until is None:
            return True
        if run.started_at is None:
            return False
        day = run.started_at.astimezone(UTC).date()
        return (self.since or day) <= day <= (self.until or day)


def runs_of(ticket_id: int, history: History, names: Collection[str]) -> list[Run]:
    """The runs in a ticket's history, in the order of their beginning; `names` are the notebooks in its folder."""
    joined, ended_by = _joined(history)
    found = {key: _recorded(ticket_id, key, events) for key, events in joined.items()}
    runs = list(found.values())
    last: dict[str, dict[str, Event]] = {}
    for name, operation in history.operations.items():
        for writer, attempt in operation.attempts.items():
            key = "" if attempt.last.ends else ended_by.get(writer, "")
            last.setdefault(attempt.run or key, {})[name] = attempt.last
    for key, run in found.items():
        _add_operations(run, last.get(key, {}), runs, history.case_ended)
        _add_sign_offs(run, history.sign_offs.get(run.record or "", ()))
    closed = [run for run in runs if run.ended_by_hand]
    if closed and history.case_ended:
        closed[-1].by_hand += (_reported(CASE, history.case_ended),)
    _add_open_ends(runs, names)
    return runs


def _joined(history: History) -> tuple[dict[str, RunEvents], dict[str, str]]:
    """The runs of a history by their keys, those that two keys tell of as one; an end that is believed goes first.

    With them, by each writer who ended a run that another key began, that run's key.
    """
    runs, ended_by = dict(history.runs), {}
    ends = [(key, run.end) for key, run in runs.items() if run.start is None and run.end and run.end.record]
    for key, end in sorted(ends, key=lambda pair: not pair[1].is_believed):
        if name := next((name for name, run in runs.items() if _is_ended_by(run, end)), None):
            runs[name] = RunEvents([*runs[name].events, *runs.pop(key).events])
            ended_by[end.writer] = name
    return runs, ended_by


def _is_ended_by(run: RunEvents, end: Event) -> bool:
    """Whether another key's line about a run's record is its end."""
    start, own = run.start, run.end
    if start is None or start.record != end.record or (own and not own.set_aside):
        return False
    if start.is_believed:
        return end.is_believed
    return str(start.record).endswith(f"-{start.writer[:KEY_DIGITS]}{SUFFIX}")


def _recorded(ticket_id: int, key: str, events: RunEvents) -> Run:
    """A run as its first and its last line describe it; without the first one, as the record's name does."""
    if start := events.start:
        run = Run(ticket_id, _state_of_part(start) or State.RUNNING, start.record, started_at=start.at)
        run.writer, run.is_trusted = start.writer, start.is_trusted
        _read_line(run, start)
    else:
        started_at, runbook = by_name(key)
        run = Run(ticket_id, State.RUNNING, None, runbook, started_at)
    if end := events.end:
        _read_end(run, end)
    run.writers = tuple(dict.fromkeys(filter(None, map(attrgetter("writer"), events.events))))
    return run


def _read_line(run: Run, event: Event) -> None:
    for name in _RECORDED:
        if value := event.text(name):
            setattr(run, name, value)
    run.missing = event.missing or run.missing
    if (seconds := event.seconds) is not None:
        run.seconds = seconds
    if (performed := event.performed) is not None:
        run.performed = performed


def _read_end(run: Run, end: Event) -> None:
    sha256 = end.text("sha256") if end.record else ""
    is_adopted = end.kind == EventKind.RECORD_ADOPTED
    sealed = State.ADOPTED if is_adopted else State.SEALED if sha256 else State.UNRECORDED
    run.to_note = end.entry.get("to_note") is True
    run.status = "unknown"
    _read_line(run, end)
    run.state = _state_of_part(end) or sealed
    run.record, run.sha256, run.line, run.writer = end.record, sha256, end.number, end.writer
    run.is_trusted = end.is_trusted


def _state_of_part(event: Event) -> State | None:
    return State.SET_ASIDE if event.set_aside else State.UNKNOWN_WRITER if event.is_unknown else None


def _add_operations(run: Run, last: Mapping[str, Event], runs: Sequence[Run], ended: Event | None) -> None:
    """What became of a run's operations, by the last line on each; nothing is open once a person ended the case."""
    last = {name: event for name, event in last.items() if event.kind not in SEEN}
    run.by_hand = tuple(_reported(name, event) for name, event in last.items() if event.kind == EventKind.ANSWERED)
    if ended and ended.at and run.started_at and run.started_at < ended.at:
        run.ended_by_hand = True
        return
    run.undone = tuple(n for n, event in last.items() if _is_undone(run, event) or _is_withdrawn(run, event, runs))
    run.unknown = tuple(name for name, event in last.items() if event.is_open)


def _add_sign_offs(run: Run, sign_offs: Sequence[Event]) -> None:
    """The sign-offs of exactly the bytes that were sealed, by writers that are trusted here."""
    counted = [one for one in sign_offs if one.is_believed and run.sha256 and one.text("sha256") == run.sha256]
    run.signed_off = tuple(_sign_off(one, run) for one in counted)


def _sign_off(event: Event, run: Run) -> str:
    """A sign-off in words; a reviewer of their own run is marked, and one with the key of the run."""
    who = event.text("operator") or UNKNOWN_PERSON
    with_its_key = " (with the key of that run)" if event.writer == run.writer else ""
    own = " (who also ran it)" if who == run.operator else with_its_key
    return f"{who}{own}, {f'{event.at:%Y-%m-%d}' if event.at else 'on an unknown day'}: {event.text('words')}"


def _is_undone(run: Run, event: Event) -> bool:
    """Whether a run reached an outcome without an effect, as its last line says, so that a further run has to do it."""
    if not run.outcome:
        return False
    return event.says_absent or (event.kind == EventKind.NOT_DONE and event.text("effect") != REPEATED)


def _is_withdrawn(run: Run, event: Event, runs: Sequence[Run]) -> bool:
    """Whether a person reported, after the case reached its outcome, that an effect is absent after all.

    A run that began after that report has taken it into account.
    """
    if not event.says_absent:
        return False
    later = [one for one in _counting_for(run, runs) if one.performed and _began_after(one, run.started_at)]
    return any(one.outcome for one in later) and not any(_began_after(one, event.at) for one in later)


def _add_open_ends(runs: Sequence[Run], names: Collection[str]) -> None:
    """Complete each run: how it ended if the journal does not say, and whether a person still has to act."""
    for counting in ([run for run in runs if run.is_believed], runs):
        for run, whom, since in _waiting(counting):
            if not run.ended_by_hand:
                run.waits_for, run.since = whom, since
    for run in runs:
        _add_state(run, names)
        needs_run = (run.status in _NEEDS_ANOTHER_RUN or run.halfway) and not _is_settled(run, runs)
        run.needs_person = not run.ended_by_hand and bool(needs_run or run.unknown or run.undone or run.waits_for)


def _counting_for(run: Run, runs: Iterable[Run]) -> Iterator[Run]:
    """The runs that say something of another one: what is not believed says nothing of what is."""
    return (one for one in runs if one.is_believed or not run.is_believed)


def _is_settled(run: Run, runs: Iterable[Run]) -> bool:
    return any(
        one.outcome and one.runbook == run.runbook and (one.performed or not run.performed)
        for one in _counting_for(run, runs)
        if _began_after(one, run.started_at)
    )


def _add_state(run: Run, names: Collection[str]) -> None:
    if not run.status and datetime.now(UTC) - run.start() > STILL_RUNNING:
        run.status = Status.INTERRUPTED
        run.state = State.INTERRUPTED if run.state is State.RUNNING else run.state
    if run.state in (State.SEALED, State.ADOPTED) and run.record not in names:
        run.state = State.MISSING


def _waiting(runs: Sequence[Run]) -> Iterator[tuple[Run, str, datetime | None]]:
    """The last performed and the last rehearsed run if the case waits since then: what for, and since when.

    So does what was handed over last, until the next runbook is performed.
    """
    handed_over = [run for run in runs if run.performed and run.hands_over and run.started_at]
    if handed_over and not _is_taken_over(last := handed_over[-1], runs):
        yield last, "next_runbook", last.started_at
    for performed in (True, False):
        ends = [run for run in runs if run.outcome and run.started_at and bool(run.performed) is performed]
        ends = [run for run in ends if not run.hands_over]
        if not ends:
            continue
        last = ends[-1]
        if performed:
            whom = ENDINGS[last.outcome].waits_for if last.outcome in ENDINGS else ""
        else:
            never = not any(run.performed for run in runs)
            whom = "performing" if never and last.performed is False and last.outcome != Outcome.OUT_OF_SCOPE else ""
        if whom:
            _, same = next(groupby(reversed(ends), key=attrgetter("outcome")))
            yield last, whom, [*same][-1].started_at


def _is_taken_over(run: Run, runs: Iterable[Run]) -> bool:
    """Whether the next runbook was performed since; or ever to an outcome, where the wrong runbook was begun."""
    own = [one for one in runs if one.performed and one.runbook == run.next_runbook]
    return any(_began_after(one, run.started_at) or (run.outcome and one.outcome) for one in own)


def _began_after(run: Run, moment: datetime | None) -> bool:
    return run.started_at is not None and moment is not None and run.started_at > moment


def _reported(operation: str, event: Event) -> str:
    name = re.sub(r"^[a-z]+-[0-9]+-", "", operation)
    if event.evidence.get("summary"):
        return f"{name}: {event.evidence['summary']}"
    because = f": {event.text('because')}" if event.text("because") else ""
    return f"{name}: {event.text('operator') or UNKNOWN_PERSON} says that it is not there{because}"


def key_part(name: str) -> str:
    """The writer's part in a record's name, or "" where it has none."""
    found = _NAME.fullmatch(name)
    return (found[3] or "") if found else ""


def unsealed(ticket_id: int, name: str) -> Run:
    started_at, runbook = by_name(name)
    return Run(ticket_id, State.UNSEALED, name, runbook, started_at, needs_person=True)


def by_name(name: str) -> tuple[datetime | None, str]:
    """When the run of a record began, and its runbook, as far as the record's name tells."""
    found = _NAME.fullmatch(name)
    if not found:
        return None, ""
    try:
        return datetime.strptime(f"{found[1]}000+0000", "%Y%m%dT%H%M%S%f%z"), found[2]
    except ValueError:
        return None, found[2]

"""The tables of a review, a ticket's journal in words, and the one sentence on top of a verification. Reads no file.

Each table is its heads, its rows, and the columns whose values stay on one line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_lib import files
from runbook_lib.display import Link, Table
from runbook_lib.domain.events import EFFECTS, Event, EventKind, History
from runbook_lib.domain.models import Status
from runbook_lib.domain.plain_text import count
from runbook_lib.domain.state_words import operation_words, run_ending_words, within_sentence
from runbook_lib.records.case_facts import CaseFacts
from runbook_lib.records.findings import UNPROVEN_WORDS, Verification
from runbook_lib.records.open_ends import OpenEnd, open_since
from runbook_lib.records.runs import Run, State, by_name

NONE = "–"
SENTENCES = 1000
"""Characters of what is open that are shown, as `records list --open` does."""
_BY_A_PERSON = (
    EventKind.RUN_STARTED,
    EventKind.RECORD_ADOPTED,
    EventKind.RESTARTED,
    EventKind.SIGNED_OFF,
    EventKind.ANSWERED,
)
_MODES = {True: "", False: " (rehearsal)", None: ""}


def is_secondary(run: Run) -> bool:
    """Whether it changed nothing itself: a rehearsal, or a run after which another runbook went on."""
    return run.performed is False or bool(run.next_runbook)


def runs_table(runs: Iterable[Run], facts: Callable[[Run], CaseFacts], folder: Path) -> Table:
    heads = ("started (UTC)", "ticket", "customer", "users", "ended as", "runbook", "operator", "record", "reviewed by")
    rows = [_run_row(run, facts(run), folder) for run in runs]
    return Table(heads, rows, whole=(1, 3, 7))


def open_ends_table(
    ends: Sequence[OpenEnd], facts: Callable[[Run], CaseFacts], now: datetime, *, for_page: bool
) -> Table:
    """What is open; a page says what to do in JupyterLab, a terminal names the command."""
    heads = ("open for", "ticket", "operator", "why, and what to do", *(() if for_page else ("command",)))
    rows = []
    for end in ends:
        about = (age(end, now), _ticket(end.run, facts(end.run)), end.run.operator or NONE)
        kind = end.kind.capitalize()
        rows.append((*about, *((f"{kind}. {end.page_words}",) if for_page else (f"{kind}. {end.words}", end.command))))
    return Table(heads, rows, whole=(1,), longest=SENTENCES)


def people_table(runs: Sequence[Run], wanted: Sequence[Run], ends: Iterable[OpenEnd]) -> Table:
    """Who is on what: each engineer's selected runs, their last one, open tickets, and unreviewed records."""
    open_tickets: dict[str, list[int]] = {}
    for end in ends:
        open_tickets.setdefault(end.run.operator, []).append(end.run.ticket_id)
    names = sorted({run.operator for run in wanted} | open_tickets.keys())
    heads = ("engineer", "selected runs", "last run (UTC)", "tickets with open ends", "records not reviewed")
    rows = []
    for name in names:
        mine = [run for run in runs if run.operator == name]
        last = max((run.started_at for run in mine if run.started_at), default=None)
        tickets = ", ".join(map(str, dict.fromkeys(open_tickets.get(name, ()))))
        left = sum(run.is_unreviewed for run in mine)
        count = sum(run.operator == name for run in wanted)
        rows.append((name or "unknown", str(count), moment(last), tickets or NONE, str(left or NONE)))
    return Table(heads, rows, whole=(2,))


def verdict(verified: Verification, runs: Iterable[Run]) -> str:
    """What verifying came to, in one sentence: how many records of how many engineers, genuine, and reviewed."""
    looked_at = [run for run in runs if verified.looked_at(run)]
    people, left = len({run.operator for run in looked_at}), sum(run.is_unreviewed for run in looked_at)
    what = f"{count(verified.sealed, 'record')} of {count(people, 'engineer')}"
    if not verified.sealed:
        return "There is no sealed record." if verified.is_good else f"{count(verified.defects, 'defect')}."
    wrong = sum(bool(verified.codes(run)) for run in looked_at)
    unproven = verified.sealed - verified.good - wrong
    adopted = sum(run.state is State.ADOPTED and verified.holds(run) for run in looked_at)
    kinds = (("genuine", verified.good - adopted), ("adopted", adopted), ("not genuine", wrong))
    counts = [f"{number} {words}" for words, number in (*kinds, (f"not {UNPROVEN_WORDS}", unproven)) if number]
    genuine = f": {', '.join(counts)}"
    if verified.good - adopted == verified.sealed:
        genuine = ", all genuine" if verified.sealed > 1 else ", genuine"
    beside = verified.defects - wrong
    more = f"; {count(beside, 'other defect')}" if beside > 0 else ""
    return f"{what}{genuine}{more}; {f'{left} not reviewed' if left else 'all reviewed'}."


def age(end: OpenEnd, now: datetime) -> str:
    since = open_since(end.run)
    if since is None:
        return NONE
    passed = max(now - since, timedelta())
    hours, minutes = passed.seconds // 3600, passed.seconds // 60 % 60
    return f"{passed.days} d {hours} h" if passed.days else f"{hours} h {minutes} min"


def moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else NONE


def _run_row(run: Run, facts: CaseFacts, folder: Path) -> tuple[str | Link, ...]:
    words = run_ending_words(run.outcome, run.status, run.next_runbook, performed=run.performed)
    ended = f"{words or NONE}{'' if run.outcome else _MODES[run.performed]}"
    outcome = Link(ended, facts.issue_url) if facts.issue_url else ended
    who = (run.runbook.replace("_", " ") or NONE, run.operator or NONE)
    reviewed = "; ".join(run.signed_off) or ("not yet" if run.is_unreviewed else NONE)
    customer = (facts.organization or NONE, facts.users or NONE)
    return (moment(run.started_at), _ticket(run, facts), *customer, outcome, *who, _record(run, folder), reviewed)


def _ticket(run: Run, facts: CaseFacts) -> str | Link:
    return Link(str(run.ticket_id), facts.ticket_url) if facts.ticket_url else str(run.ticket_id)


def _record(run: Run, folder: Path) -> str | Link:
    state = run.note or run.state.replace("_", " ")
    if not run.record:
        return state
    path = folder / str(run.ticket_id) / run.record
    return Link(state, files.address(path))


@dataclass(frozen=True)
class Moment:
    """One line of the timeline: when, in UTC, to the second, who, what happened, and what it rests on or came to."""

    at: str
    who: str
    words: str
    detail: str = ""


def timeline(entries: Iterable[Mapping[str, Any]]) -> list[Moment]:
    """The lines but for a run's steps; one that stopped says at which, also where the journal has no end of it."""
    history = History.of(entries)
    rehearsed = rehearsal_ends(history)
    last_steps = {(one.writer, one.record): one for run in history.runs.values() for one in run.cells[-1:]}
    ended = {(run.end.writer, run.end.record) for run in history.runs.values() if run.end}
    operators: dict[str, str] = {}
    moments = []
    for event in history.events:
        key = (event.writer, event.record)
        last_step = last_steps.get(key)
        step = last_step.text("cell").replace("_", " ") if last_step else ""
        if event.kind == EventKind.RUN_STARTED:
            operators[event.writer] = event.text("operator")
        who = event.text("operator") or operators.get(event.writer, "")
        if event.kind == EventKind.CELL_STARTED:
            if event is last_step and key not in ended:
                moments.append(Moment(_at(event), who, f"the step {step}, the last that was begun"))
            continue
        has_stopped = event.kind == EventKind.RUN_ENDED and event.text("status") not in ("", Status.COMPLETED)
        words = f"{_words(event, rehearsed)}{f', in the step {step}' if has_stopped and step else ''}"
        moments.append(Moment(_at(event), who, words, line_detail(event)))
    return moments


def _at(event: Event) -> str:
    return f"{event.at:%Y-%m-%d %H:%M:%S}" if event.at else ""


def rehearsal_ends(history: History) -> list[Event]:
    """The ends of rehearsals, which do not say themselves that they are."""
    return [run.end for run in history.runs.values() if run.end and run.start and run.start.performed is False]


def line_words(event: Event, rehearsed: Collection[Event]) -> str:
    """What happened, with who did it where the line says so; `rehearsed` is what `rehearsal_ends` found."""
    is_by_a_person, words = event.kind in _BY_A_PERSON, _words(event, rehearsed)
    return f"{event.text('operator') or 'somebody'} {words}" if is_by_a_person else words


def _words(event: Event, rehearsed: Collection[Event]) -> str:
    match event.kind:
        case EventKind.RUN_STARTED:
            mode = "performed" if event.performed else "rehearsal"
            return f"began {event.text('runbook') or 'a run'} ({mode})"
        case EventKind.CELL_STARTED:
            return f"the cell {event.text('cell').replace('_', ' ')}"
        case EventKind.RUN_ENDED:
            outcome, status, following = map(event.text, ("outcome", "status", "next_runbook"))
            performed = event not in rehearsed
            words = run_ending_words(outcome, status or "outcome unknown", following, performed=performed)
            return f"the run{' ended:' if performed or not outcome else ''} {within_sentence(words)}"
        case EventKind.RECORD_ADOPTED:
            return f"took in a notebook of {event.text('runbook') or 'a run'}"
        case EventKind.RESTARTED:
            return "set the journal aside, and began a new one"
        case EventKind.SIGNED_OFF:
            started_at, _ = by_name(event.record or "")
            return f"signed off {f'the record of {moment(started_at)}' if started_at else 'a record'}"
    if event.is_of_the_case:
        return f"said that the case {'has ended' if event.says_there else 'is open'}"
    if event.kind not in EFFECTS:
        return event.kind or "a line that says nothing"
    effect, place = operation_words(event.effect or "an effect"), "there" if event.says_there else "not there"
    return EFFECTS[event.kind].timeline.format(effect=effect, place=place)


def line_detail(event: Event) -> str:
    """What that rests on or came to, or ""."""
    words = [event.text(name) for name in ("summary", "reason", "because", "words")]
    proof = [str(event.evidence[name]) for name in ("summary", "url") if event.evidence.get(name)]
    is_unsealed = event.kind == EventKind.RUN_ENDED and not event.text("sha256")
    return " · ".join([*filter(None, words), *proof, *(["no record could be written"] if is_unsealed else [])])

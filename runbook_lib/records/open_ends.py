"""How a ticket stands, and what still needs a person, with what comes next: by a command, or in JupyterLab.

Reads no file.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from runbook_lib import form_words
from runbook_lib.domain.events import CASE
from runbook_lib.domain.models import Status
from runbook_lib.domain.parameters import arguments, label_of, ways
from runbook_lib.domain.plain_text import count, listed
from runbook_lib.domain.state_words import ending_words, operation_words, run_ending_words, within_sentence
from runbook_lib.records.runs import Run, State

_ASKED, _STOPPED = "It stopped to ask a person.", "It stopped before its end."
_WITH_EXPERT = "The expert has it since {since}; the note on the ticket has the details."
_HANDED_OVER = "It goes on with {following} since {since}."
_REHEARSED = "Only rehearsed, on {since}: {end}."
_ENDED_BY_HAND = "a person reported that the case has ended"
OR = " or: "
"""What stands between the commands of one open end."""


class OpenEndKind(StrEnum):
    NEEDS_ANSWER = "needs an answer"
    UNKNOWN = "unknown outcome"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    UNSEALED = "unsealed"
    UNDONE = "not done yet"
    CUSTOMER = "waiting for the customer"
    EXPERT = "with the expert"
    HANDED_OVER = "handed over"
    REHEARSED = "rehearsed, never performed"


_RUN_AGAIN = (OpenEndKind.NEEDS_ANSWER, OpenEndKind.INTERRUPTED, OpenEndKind.FAILED, OpenEndKind.REHEARSED)
"""What a further run goes on for."""


@dataclass(frozen=True)
class OpenEnd:
    kind: OpenEndKind
    run: Run
    words: str
    command: str  # or several, with OR between them
    operation: str = ""  # the name of the one that it is about, or ""

    @property
    def what(self) -> tuple[object, ...]:
        """What is open, apart from the run that has it."""
        if self.kind in _RUN_AGAIN:
            return (self.run.ticket_id, _RUN_AGAIN)
        return (self.run.ticket_id, self.kind, self.operation or self.run.record)

    @property
    def page_words(self) -> str:
        """What happened, and what to do in JupyterLab; a command only where there is no other way."""
        run, it, since = self.run, operation_words(self.operation), _since(self.run)
        open_it = f"Open {run.runbook or 'start_here'} with ticket {run.ticket_id}"
        labels = [listed([f"“{label_of(name)}”" for name in names]) for names in ways(run.missing)]
        answer = f", answer {' or '.join(labels)}" if labels else ""
        go_on = f"{open_it}{answer}, and {'press “Perform and record”' if run.performed else 'run all cells'}"
        in_terminal = f"say so in a terminal: {_answer(run, CASE)}."
        match self.kind:
            case OpenEndKind.UNKNOWN:
                words = f"Nobody knows whether the {it} is there. {open_it}, look, and press “It is there” or "
                return f"{words}“It is not there”."
            case OpenEndKind.UNDONE:
                return f"The {it} is not there yet. {go_on}; or do it by hand, and press “It is there”."
            case OpenEndKind.UNSEALED:
                return f"{self.words} In a terminal: {self.command}."
            case OpenEndKind.INTERRUPTED:
                return f"The run was interrupted. {go_on}: effects that were made are found, and not repeated."
            case OpenEndKind.NEEDS_ANSWER:
                return f"{form_words.words(run.summary or _ASKED)} {go_on}."
            case OpenEndKind.FAILED:
                happened = form_words.words(first_sentence(run.summary or _STOPPED))
                return f"{happened} Put that right. {go_on}: what is done already is found, and not repeated."
            case OpenEndKind.CUSTOMER:
                words = f"It waits for the customer since {since}. {go_on} when they have answered."
                return f"{words} If the case has ended otherwise, {in_terminal}"
            case OpenEndKind.EXPERT:
                return f"{_WITH_EXPERT.format(since=since)} When the case has ended, {in_terminal}"
            case OpenEndKind.HANDED_OVER:
                words = f"{_HANDED_OVER.format(following=run.next_runbook, since=since)} Open {run.next_runbook} with "
                words += f"ticket {run.ticket_id}, and press “Perform and record”."
                return f"{words} If the case has ended otherwise, {in_terminal}"
            case OpenEndKind.REHEARSED:
                words = f"{_REHEARSED.format(since=since, end=_end(run))} {open_it}, enter the answers of its record, "
                return f"{words}and press “Perform and record”. If the case has ended otherwise, {in_terminal}"


def open_ends(runs: Iterable[Run], folder: Path, profile: str) -> list[OpenEnd]:
    """The open ends of runs, the oldest first: it has waited longest.

    Of several runs of a ticket that a further run goes on for, the newest is one: the newest performed one, if any.
    One that is not believed never stands in place of one that is.
    Operations are named by the profile whose records they are; the folder has the tickets' folders.
    """
    ends = [end for run in oldest_first(runs) if run.needs_person for end in _of(run, folder, profile)]
    newest = {end.what: end for end in sorted(ends, key=_rank)}
    return [end for end in ends if newest[end.what] is end]


def tickets_words(ends: Collection[OpenEnd]) -> str:
    """How many tickets have open ends, and of which kinds."""
    kinds = Counter(end.kind for end in ends)
    tickets = count(len({end.run.ticket_id for end in ends}), "ticket")
    verb = "is" if tickets == "1 ticket" else "are"
    return f"{tickets} {verb} open ({'; '.join(f'{kind}: {kinds[kind]}' for kind in OpenEndKind if kinds[kind])})."


def newest_of_tickets(ends: Iterable[OpenEnd]) -> list[Run]:
    """The newest run with an open end of each ticket, of those that are believed, in the order of their open ends."""
    newest: dict[int, Run] = {}
    for end in ends:
        one = newest.get(end.run.ticket_id, end.run)
        newest[end.run.ticket_id] = max(one, end.run, key=lambda run: (run.is_believed, run.start()))
    return list(newest.values())


def oldest_first(runs: Iterable[Run]) -> list[Run]:
    """Runs in the order of their open ends; one of unknown age is the last."""
    return sorted(runs, key=lambda run: open_since(run) or datetime.max.replace(tzinfo=UTC))


def open_since(run: Run) -> datetime | None:
    """Since when a run has an open end, or None if that is not known."""
    return run.since or run.started_at


def standing(runs: Iterable[Run], shown: Path) -> list[str]:
    """How a ticket stands, in a line or two: what became of it, the newest last, and where the record of that is.

    `shown` is the record that is shown below that. What handed over is named only as long as nothing goes on from it.
    """
    every = [run for run in runs if run.is_believed and run.started_at and run.state is not State.UNSEALED]
    believed = [run for run in every if not run.hands_over]
    performed = [run for run in believed if run.performed is not False]  # None: the line that says so is lost
    ended = [run for run in performed if run.outcome]
    tried = performed[performed.index(ended[-1]) + 1 :] if ended else performed or believed
    firsts = [next(same) for _, same in groupby(ended, attrgetter("outcome", "performed", "ended_by_hand"))]
    what = "a later try" if ended else "the last run" if performed else "only rehearsed,"
    said = [(run, f"{ending_words(run.outcome)} on {_moment(run.started_at)}{_unknown(run)}") for run in firsts]
    said += [(run, f"{what} on {_moment(run.started_at)}{_unknown(run)}: {_end(run)}") for run in tried[-1:]]
    words = [one for _, one in said]
    if any(run.ended_by_hand for run in every):
        words.insert(sum(run.ended_by_hand for run, _ in said), _ENDED_BY_HAND)
    words = [*(["no outcome yet"] if performed and not ended else []), ", then ".join(words)]
    handed_over = [run for run in every if run.waits_for == "next_runbook"]
    words += [f"goes on with {run.next_runbook} since {_since(run)}" for run in handed_over]
    for state, of in (("not done yet", attrgetter("undone")), ("unknown whether there", attrgetter("unknown"))):
        names = [operation_words(name) for run in every for name in of(run)]
        words += [f"{state}: {listed(names)}"] if names else []
    if not any(words):
        return []
    lines = [f"Ticket {every[-1].ticket_id}: {'; '.join(filter(None, words))}."]
    if ended and ended[-1].record != shown.name:
        path = str(shown.parent / str(ended[-1].record))
        where = f"The record of that outcome: {shlex.join(['runbook', 'records', 'show', path])}"
        is_there = ended[-1].record and ended[-1].state is not State.MISSING
        lines.append(where if is_there else "The record of that outcome is not on this machine.")
    return lines


def first_sentence(words: str) -> str:
    """What happened, without what to do about it."""
    sentence, stop, _ = words.partition(". ")
    return f"{sentence}." if stop else sentence


def _rank(end: OpenEnd) -> tuple[bool, bool, datetime]:
    return end.run.is_believed, bool(end.run.performed), end.run.start()


def _of(run: Run, folder: Path, profile: str) -> Iterator[OpenEnd]:
    prefix = f"{profile}-{run.ticket_id}-"
    for operation in run.unknown:
        name = operation.removeprefix(prefix)
        words = f"Look whether {name} is there. Say yes or no, then run again."
        yield OpenEnd(OpenEndKind.UNKNOWN, run, words, _answer(run, name), name)
    if run.state is State.UNSEALED:
        path = str(folder / str(run.ticket_id) / str(run.record))
        words = (
            "No journal names this file. Remove it if it is a copy of a record, which `runbook records verify` finds "
            "out; else seal it if you know where it comes from."
        )
        command = ["runbook", "records", "adopt", path, "--ticket", str(run.ticket_id)]
        yield OpenEnd(OpenEndKind.UNSEALED, run, words, shlex.join(command))
    elif run.status == Status.INTERRUPTED:
        words = "The run was interrupted. Run again: effects that were made are found, and not repeated."
        yield OpenEnd(OpenEndKind.INTERRUPTED, run, words, _again(run))
    elif run.status == Status.NEEDS_ANSWER:
        words = f"{run.summary or _ASKED} Find out, then run again."
        yield OpenEnd(OpenEndKind.NEEDS_ANSWER, run, words, _again(run))
    elif run.halfway:
        happened = first_sentence(run.summary or _STOPPED)
        words = f"{happened} Put that right, then run again: what is done already is found, and not repeated."
        yield OpenEnd(OpenEndKind.FAILED, run, words, _again(run))
    for operation in run.undone:
        name = operation.removeprefix(prefix)
        words = f"{name} is not there yet. Run again to complete it; or do it by hand, and say so: "
        words += f"{_answer(run, name)}."
        yield OpenEnd(OpenEndKind.UNDONE, run, words, _again(run), name)
    yield from _waiting(run)


def _waiting(run: Run) -> Iterator[OpenEnd]:
    """Of a case that waits for a person: since when, and what to do then."""
    ended, since = _answer(run, CASE), _since(run)
    if run.waits_for == "customer":
        words = f"It waits for the customer since {since}. When they have answered, run again with what they sent; "
        words += f"if the case has ended otherwise, say so: {ended}."
        yield OpenEnd(OpenEndKind.CUSTOMER, run, words, _again(run))
    elif run.waits_for == "expert":
        words = f"{_WITH_EXPERT.format(since=since)} Report it when the case has ended."
        yield OpenEnd(OpenEndKind.EXPERT, run, words, ended)
    elif run.waits_for == "next_runbook":
        words = f"{_HANDED_OVER.format(following=run.next_runbook, since=since)} Run that; "
        words += f"if the case has ended otherwise, say so: {ended}."
        command = ["runbook", "run", run.next_runbook, str(run.ticket_id), "--perform"]
        yield OpenEnd(OpenEndKind.HANDED_OVER, run, words, shlex.join(command))
    elif run.waits_for:
        words = f"{_REHEARSED.format(since=since, end=_end(run))} Perform it with the "
        words += f"answers of its record; or, if the case has ended otherwise, say so: {ended}."
        yield OpenEnd(OpenEndKind.REHEARSED, run, words, f"{_again(run)} --perform")


def _since(run: Run) -> str:
    return _moment(run.since)


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "an unknown day"


def _unknown(run: Run) -> str:
    return " (unknown whether performed)" if run.performed is None else ""


def _end(run: Run) -> str:
    words = within_sentence(run_ending_words(run.outcome, run.status or "not ended yet", performed=run.performed))
    return f"it {words}" if run.outcome and run.performed is False else words


def _answer(run: Run, operation: str) -> str:
    return shlex.join(["runbook", "answer", str(run.ticket_id), operation, "yes"])


def _again(run: Run) -> str:
    """The command that runs it again, with what was missing to fill in; several, if there are several ways."""
    command = shlex.join(["runbook", "run", run.runbook or "auto", str(run.ticket_id)])
    given, perform = map(arguments, ways(run.missing) or [[]]), "--perform" if run.performed else ""
    return OR.join(" ".join(filter(None, (command, one, perform))) for one in given)

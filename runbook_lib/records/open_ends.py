"""What still needs a person, each with the command that comes next. Reads no file."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from runbook_lib.domain.answers import QUESTIONS
from runbook_lib.domain.events import CASE
from runbook_lib.domain.models import Status
from runbook_lib.domain.state_words import ending_words
from runbook_lib.records.runs import Run, State


class Kind(StrEnum):
    NEEDS_ANSWER = "needs an answer"
    UNKNOWN = "unknown outcome"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    UNSEALED = "unsealed"
    UNDONE = "not done yet"
    CUSTOMER = "waiting for the customer"
    EXPERT = "with the expert"
    REHEARSED = "rehearsed, never performed"


@dataclass(frozen=True)
class OpenEnd:
    kind: Kind
    run: Run
    words: str
    command: str


def open_ends(runs: Iterable[Run], folder: Path, profile: str) -> list[OpenEnd]:
    """The open ends of runs, the oldest first: it has waited longest for somebody to act.

    Operations are named by the profile whose records they are; the folder has the tickets' folders.
    """
    return [end for run in oldest_first(runs) if run.needs_person for end in _of(run, folder, profile)]


def oldest_first(runs: Iterable[Run]) -> list[Run]:
    """Runs in the order of their open ends; one that nobody knows the age of is the last."""
    return sorted(runs, key=lambda run: open_since(run) or datetime.max.replace(tzinfo=UTC))


def open_since(run: Run) -> datetime | None:
    """Since when a run has an open end, or None if that is not known."""
    return run.since or run.started_at


def first_sentence(words: str) -> str:
    """What happened, without what to do about it."""
    sentence, stop, _ = words.partition(". ")
    return f"{sentence}." if stop else sentence


def _of(run: Run, folder: Path, profile: str) -> Iterator[OpenEnd]:
    prefix = f"{profile}-{run.ticket_id}-"
    for operation in run.unknown:
        name = operation.removeprefix(prefix)
        words = f"Look whether {name} is there. Say yes or no, then run again."
        yield OpenEnd(Kind.UNKNOWN, run, words, shlex.join(["runbook", "answer", str(run.ticket_id), name, "yes"]))
    if run.state is State.UNSEALED:
        path = str(folder / str(run.ticket_id) / str(run.record))
        words = "No journal names this file. Seal it if you know where it comes from; otherwise remove it."
        command = ["runbook", "records", "adopt", path, "--ticket", str(run.ticket_id)]
        yield OpenEnd(Kind.UNSEALED, run, words, shlex.join(command))
    elif run.status == Status.INTERRUPTED:
        words = "The run was interrupted. Run again: effects that were made are found, and not repeated."
        yield OpenEnd(Kind.INTERRUPTED, run, words, _again(run))
    elif run.status == Status.NEEDS_ANSWER:
        words = f"{run.summary or 'It stopped to ask a person.'} Find out, then run again."
        yield OpenEnd(Kind.NEEDS_ANSWER, run, words, _again(run))
    elif run.halfway:
        happened = first_sentence(run.summary or "It stopped before its end.")
        words = f"{happened} Put that right, then run again: what is done already is found, and not repeated."
        yield OpenEnd(Kind.FAILED, run, words, _again(run))
    for operation in run.undone:
        name = operation.removeprefix(prefix)
        answer = shlex.join(["runbook", "answer", str(run.ticket_id), name, "yes"])
        words = f"{name} is not there yet. Run again to complete it; or do it by hand, and say so: {answer}."
        yield OpenEnd(Kind.UNDONE, run, words, _again(run))
    yield from _waiting(run)


def _waiting(run: Run) -> Iterator[OpenEnd]:
    """Of a case that waits for a person: since when, and what to do then."""
    ended = shlex.join(["runbook", "answer", str(run.ticket_id), CASE, "yes"])
    when = f"{run.since:%Y-%m-%d %H:%M} UTC" if run.since else "an unknown day"
    if run.waits_for == "customer":
        words = (
            f"It waits for the customer since {when}. When they have answered, run again with what they sent; if the "
        )
        yield OpenEnd(Kind.CUSTOMER, run, f"{words}case has ended otherwise, say so: {ended}.", _again(run))
    elif run.waits_for == "expert":
        words = f"The expert has it since {when}; the note on the ticket has the details. "
        words += "Report it when the case has ended."
        yield OpenEnd(Kind.EXPERT, run, words, ended)
    elif run.waits_for:
        end = ending_words(run.outcome).lower()
        words = f"It was rehearsed on {when}, would end as {end}, and was never performed. Perform it with the "
        words += f"answers of its record; or, if the case has ended otherwise, say so: {ended}."
        yield OpenEnd(Kind.REHEARSED, run, words, f"{_again(run)} --perform")


def _again(run: Run) -> str:
    """The command that runs it again, with what was missing to fill in."""
    examples = {name: QUESTIONS[name].example if name in QUESTIONS else "VALUE" for name in run.missing}
    given = " ".join(f"-p {shlex.quote(name)} {example}" for name, example in examples.items())
    words = [shlex.join(["runbook", "run", run.runbook or "auto", str(run.ticket_id)]), given]
    return " ".join(filter(None, [*words, "--perform" if run.performed else ""]))

"""Runs that two keys tell of: one that began under a key that was lost or changed ends under another. Reads no file.

A run has one writer, and another key's line about its record is a run of its own. Only a run without an end takes one
from another key, and only if a stranger does not thereby end what is trusted here. A run that a stranger began ends
under another key only if the record's name shows that it is of the key that began it.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.domain.events import SUFFIX, Event, History, RunEvents
from runbook_lib.ledger.chains import KEY_DIGITS


def words(writers: Sequence[str]) -> str:
    """What is said of a run by more than one writer, after its record's name; "" of any other."""
    if len(writers) < 2:
        return ""
    return f"stands in the journals of writers {' and '.join(writers)}: the key was lost or changed meanwhile."


def joined(history: History) -> tuple[dict[str, RunEvents], dict[str, str]]:
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

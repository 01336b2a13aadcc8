"""The filters of a review: its parameters, their checks, and the runs that they mean. Reads no file.

A filter's value is plain text, dates as YYYY-MM-DD; "" takes all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from runbook_lib.domain import parameters
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import Outcome, Status
from runbook_lib.domain.parameters import UNKNOWN, Question
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.state_words import ending_words
from runbook_lib.records.runs import RunFilter

DAYS = 7
"""Length of the period if no first day is given."""
_FILTERS = (
    Question("since", f"the first day, YYYY-MM-DD, in UTC; unknown takes {DAYS} days", parameters.day),
    Question("until", "the last day, YYYY-MM-DD, in UTC; unknown is today", parameters.day),
    Question("runbook", "only this runbook, such as weekend_license", parameters.line),
    Question("outcome", "only cases that ended so, such as escalated", parameters.one_of(*Outcome)),
    Question("status", "only runs that ended so, such as failed", parameters.one_of(*Status)),
    Question("operator", "only the runs of this person", parameters.line),
    Question("ticket", "only this ticket, and its timeline", parameters.ticket),
)
FILTERS: Mapping[str, Question] = {question.name: question for question in _FILTERS}
TICKET_NOTES = Question(
    "ticket_notes", "True also compares with the notes on the tickets", parameters.flag, optional=False
)
PARAMETERS: Mapping[str, Question] = {**FILTERS, TICKET_NOTES.name: TICKET_NOTES}
"""Every parameter of the notebook, by name."""


def checked(given: Mapping[str, object], today: date) -> dict[str, str]:
    """The notebook's parameters, `unknown` where not passed, as all filters' values; the period ends today by default.

    Raises:
        InputError: A value is impossible, or no filter has this name.
    """
    if other := [name for name in given if name not in FILTERS]:
        raise InputError(f"The review has no parameter {other[0]!r}; known are {', '.join(PARAMETERS)}.")
    plain = {name: question.plain(given.get(name, UNKNOWN)) for name, question in FILTERS.items()}
    values = {name: "" if value == UNKNOWN else str(value) for name, value in plain.items()}
    until = date.fromisoformat(values["until"]) if values["until"] else today
    since = values["since"] or (until - timedelta(days=DAYS - 1)).isoformat()
    values |= {"since": since, "until": until.isoformat()}
    wanted(values)
    return values


def wanted(values: Mapping[str, str], option: str = "") -> RunFilter:
    """The runs that filters mean; `option`, such as `--`, stands before a filter's name where it is given.

    Raises:
        InputError: A value is impossible, or the period ends before it begins.
    """
    given = {name: value for name, value in values.items() if value and value != UNKNOWN}
    found = {name: FILTERS[name].read(option + name, value) for name, value in given.items()}
    ticket = found.pop("ticket", None)
    meant = RunFilter(tickets=() if ticket is None else (int(str(ticket)),), **found)  # type: ignore[arg-type]
    if meant.since and meant.until and meant.since > meant.until:
        words = f"{option}since is {meant.since}, which is after {option}until, {meant.until}."
        raise InputError(f"{words} Exchange them, or change one.")
    return meant


def words(wanted: RunFilter) -> str:
    ends = {name: ending_words(value).lower() for name in ("outcome", "status") if (value := getattr(wanted, name))}
    named = {"runbook": wanted.runbook, **ends, "operator": wanted.operator}
    tickets = [f"ticket {ticket_id}" for ticket_id in wanted.tickets]
    return ", ".join([_period(wanted), *tickets, *(f"{name} {clean(value)}" for name, value in named.items() if value)])


def _period(wanted: RunFilter) -> str:
    if wanted.since and wanted.until:
        return f"{wanted.since} to {wanted.until}"
    if wanted.since:
        return f"from {wanted.since}"
    return f"until {wanted.until}" if wanted.until else "all days"

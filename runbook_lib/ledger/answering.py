"""A person's answer whether an operation's effect is there: checked, then noted in the ticket's journal.

The one way to answer, for `runbook answer` and for the buttons in JupyterLab; the next run goes on from the answer.
"""

from __future__ import annotations

import getpass
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from runbook_lib.domain.errors import InputError
from runbook_lib.domain.events import CASE, EventKind
from runbook_lib.ledger.journal import Journal
from runbook_lib.settings import Settings

MOST_CHARS = 300
"""Of a reason that is given."""


def note(
    settings: Settings,
    ticket_id: int,
    operation: str,
    *,
    is_there: bool,
    because: str = "",
    asked: Collection[str] = (),
) -> str:
    """Note an answer, once: the same one again adds no line.

    Args:
        operation: Its id, or its name on the ticket, such as `slack_post`; `case` is the whole.
        because: What the person saw.
        asked: The ids of operations that a rehearsal asks about, which the journal need not know.

    Returns:
        What was noted: *slack_post is there*.

    Raises:
        InputError: There is nothing to answer, or it is too early for a *no*.
        UnavailableError: Another process has the ticket, or the journal cannot be written.
    """
    journal, because = Journal.of(settings, ticket_id), checked(because)
    prefix = f"{settings.profile}-{ticket_id}-"
    name = operation.removeprefix(prefix)
    operation_id, is_case = prefix + name, name == CASE
    if not asked and not journal.entries():
        raise InputError(
            f"Ticket {ticket_id} has no journal here, so that there is nothing to answer. Check the number."
        )
    state = ("over" if is_there else "still open") if is_case else "there" if is_there else "not there"
    subject = "the case" if is_case else "it"
    operator = settings.operator or getpass.getuser()
    said = f"{operator} says that {subject} is {state}"
    evidence = {"summary": f"{said}: {because}" if because else said, "url": "", "reference": ""}
    given = {"evidence": evidence} if is_there else {"evidence": None, "because": because}
    line = {"operation_id": operation_id, "there": is_there, "operator": operator, **given}
    with journal.lock(then="answer again"):
        if not is_case:
            _refuse_what_is_settled(journal, operation_id, prefix, asked)
            if not is_there:
                _refuse_too_early(journal.open_since(operation_id), name, settings.settle_s)
        of_it = [entry for entry in journal.entries() if entry.get("operation_id") == operation_id]
        if not of_it or any(of_it[-1].get(field) != value for field, value in line.items()):
            journal.append(EventKind.ANSWERED, **line)
    return f"{subject if is_case else name} is {state}"


def checked(words: str) -> str:
    """A reason that was given, without blanks around it; InputError if a journal would not keep it."""
    if len(words) > MOST_CHARS or not words.isprintable():
        raise InputError(f"--because is no line of up to {MOST_CHARS} characters; say it in fewer, plain words.")
    return words.strip()


def _refuse_what_is_settled(journal: Journal, operation_id: str, prefix: str, asked: Collection[str]) -> None:
    """Only what no run has seen to be there can be answered."""
    if operation_id in (answerable := journal.history().answerable):
        return
    name, number = operation_id.removeprefix(prefix), journal.ticket.partition("/")[2]
    if evidence := journal.settled(operation_id):
        raise InputError(
            f"{name} on ticket {number} is done already ({evidence.summary}), so there is nothing to answer. Run again "
            "to go on."
        )
    if operation_id in asked:
        return
    known = ", ".join(dict.fromkeys([*(one.removeprefix(prefix) for one in answerable), CASE]))
    raise InputError(
        f"Ticket {number} has no operation {name!r} in its journal here. Those that can be answered: {known}."
    )


def _refuse_too_early(opened_at: datetime | None, name: str, settle_s: float) -> None:
    """What was sent a moment ago may still show: *no* is an answer only after that."""
    sure_at = opened_at and opened_at + timedelta(seconds=settle_s)
    if sure_at and datetime.now(UTC) < sure_at:
        raise InputError(
            f"{name} may still take effect until {sure_at:%H:%M:%S} UTC. Look again after that, and answer then."
        )

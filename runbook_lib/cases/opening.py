"""What opening a case reads: the ticket, its journal, and whether a run that is named is under way. Changes nothing."""

from __future__ import annotations

import re

from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.models import Ticket
from runbook_lib.ledger.journal import Journal
from runbook_lib.settings import Settings

RUN_NAME = re.compile(r"\d{8}T\d{9}Z-[\w.-]+")
"""A run's name, which is its record's; see `runner.run`."""


def ticket(zendesk: Zendesk, number: int) -> Ticket:
    """Read a ticket.

    Raises:
        InputError: It was merged, or is closed.
        RunbookError: It cannot be read.
    """
    found = zendesk.ticket(number)
    if found.is_merged:
        into = zendesk.merged_into(number)
        other = f"into ticket {into}: use that number" if into else "into another one, which its last comment names"
        raise InputError(f"Ticket {found.id} was merged {other}. Nothing was changed.")
    if found.status == "closed":
        raise InputError(
            f"Ticket {found.id} is closed, and Zendesk takes no more changes to it. "
            "Ask the customer to open a follow-up ticket, and use its number."
        )
    return found


def run_named(perform: object) -> str:
    """The run that the parameter `perform` names, or ""."""
    return perform if isinstance(perform, str) and RUN_NAME.fullmatch(perform) else ""


def is_under_way(settings: Settings, ticket_id: int, run: str) -> bool:
    """Whether a performing run of a ticket has begun and has not ended."""
    found = Journal.of(settings, ticket_id).history().runs.get(f"{run}.ipynb")
    return found is not None and found.performed and found.end is None


def place() -> str:
    """Practice or live, where there is no case to ask."""
    try:
        return "LIVE" if Settings.local().profile == "live" else "PRACTICE"
    except RunbookError:
        return ""

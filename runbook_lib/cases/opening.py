"""What opening a case reads: the ticket, its journal, and whether a run that is named is under way. Changes nothing."""

from __future__ import annotations

import re

from runbook_lib.cases.services import Services
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.models import Ticket
from runbook_lib.ledger.effects import Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.sharing import SharedRun
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


def effects(settings: Settings, services: Services, ticket_id: int, *, perform: bool) -> Effects:
    """What applies the effects of a ticket, or in a rehearsal looks for them."""
    journal = Journal.of(settings, ticket_id)
    shared = SharedRun.of(settings, journal) if perform else None
    return Effects(journal, services.budget, settle_s=settings.settle_s, perform=perform, shared=shared)


def run_named(perform: object) -> str:
    """The run that the parameter `perform` names, or ""."""
    return perform if isinstance(perform, str) and RUN_NAME.fullmatch(perform) else ""


def is_under_way(settings: Settings, ticket_id: int, run: str) -> bool:
    """Whether a performing run of a ticket has begun and has not ended."""
    lines = [line for line in Journal.of(settings, ticket_id).entries() if line.get("record") == f"{run}.ipynb"]
    began = any(line["kind"] == "run_started" and line.get("performed") is True for line in lines)
    return began and all(line["kind"] != "run_ended" for line in lines)


def place() -> str:
    """Practice or live, where there is no case to ask."""
    try:
        return "LIVE" if Settings.local().profile == "live" else "PRACTICE"
    except RunbookError:
        return ""

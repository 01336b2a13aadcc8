"""Opening a case: its ticket, its services, and whether a run that is named is under way. Changes nothing."""

from __future__ import annotations

import re
from typing import NamedTuple

from runbook_lib import wiring
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.events import History
from runbook_lib.domain.models import Ticket
from runbook_lib.ledger.effects import Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.results import ProgressLine
from runbook_lib.settings import Settings
from runbook_lib.wiring import Services

RUN_NAME = re.compile(r"\d{8}T\d{9}Z-[\w.-]+")
"""A run's name, which is its record's; see `runner.run`."""


class OpenedTicket(NamedTuple):
    """A ticket that was read, and what its case works with; `note` is what the reader should know of this execution."""

    ticket: Ticket
    settings: Settings
    services: Services
    effects: Effects
    note: str = ""


def opened(ticket_id: object, perform: object, *, is_interactive: bool) -> OpenedTicket:
    """Read a ticket and get ready; the arguments are those of `Case.open`. Raises RunbookError."""
    number = int(str(parameters.parse("ticket_id", ticket_id)))
    run = perform if isinstance(perform, str) and RUN_NAME.fullmatch(perform) else ""
    performing = bool(run or parameters.parse("perform", perform))
    if performing and is_interactive:
        raise InputError(
            "In JupyterLab this notebook only rehearses, so that every change has its record. Set perform back to "
            "False; the button in the last cell performs. A record stays as it is: the runbooks are in notebooks/."
        )
    settings = Settings.load()
    settings.check_account(ticket_id)
    services = wiring.connect(settings, say=ProgressLine().say)
    ticket = services.zendesk.open_ticket(number)
    note = ""
    if run and not _is_under_way(settings, number, run):
        performing = False
        note = f"The run {run} has ended. This is its record, run again: it only rehearses."
    elif performing and not run:
        note = (
            "Not started by runbook run, so that nothing seals this notebook. "
            f"Once it is executed: runbook records adopt NOTEBOOK --ticket {number}"
        )
    effects = wiring.effects(settings, number, services.budget, perform=performing)
    return OpenedTicket(ticket, settings, services, effects, note)


def opened_again(settings: Settings, services: Services, number: int) -> OpenedTicket:
    """The same ticket, or another one, on the same services, for a rehearsal. Raises RunbookError."""
    services.budget.renew()
    ticket = services.zendesk.open_ticket(number)
    return OpenedTicket(ticket, settings, services, wiring.effects(settings, number, services.budget, perform=False))


def _is_under_way(settings: Settings, ticket_id: int, run: str) -> bool:
    """Whether a performing run of this machine has begun on a ticket and has not ended."""
    found = History.of(Journal.of(settings, ticket_id).own_entries()).runs.get(f"{run}.ipynb")
    return found is not None and found.performed and found.end is None


def place() -> str:
    """Practice or live, where there is no case to ask."""
    try:
        return "LIVE" if Settings.local().profile == "live" else "PRACTICE"
    except RunbookError:
        return ""

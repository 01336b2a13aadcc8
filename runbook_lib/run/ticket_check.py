"""Whether a ticket can be read, found out before anything of its run starts."""

from __future__ import annotations

from contextlib import suppress

from runbook_lib import wiring
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import Session
from runbook_lib.domain import answers
from runbook_lib.domain.errors import RefusedError, UnavailableError
from runbook_lib.settings import Settings

PATIENCE_S = 2.0
"""How long Zendesk may take to answer; it is asked once."""


def check(settings: Settings, ticket_id: object) -> None:
    """Refuse a ticket that does not exist, or that these credentials may not read.

    Where Zendesk cannot be reached nothing is known of the ticket: its run waits for Zendesk, and records that.

    Args:
        settings: Complete settings.
        ticket_id: The ticket's number or address, as given.

    Raises:
        InputError: It is neither, or an address of another Zendesk account.
        RefusedError: Zendesk refused; nothing was run.
    """
    number = int(str(answers.parse("ticket_id", ticket_id)))
    settings.check_account(ticket_id)
    with Session.of(settings, budget=Budget(0)) as pool, suppress(UnavailableError):
        try:
            wiring.zendesk(settings, pool).ticket(number, patience_s=PATIENCE_S)
        except RefusedError as exc:
            words = f"{exc} Nothing was run, so there is no record."
            raise RefusedError(words, status=exc.status, code=exc.code, fault=exc.fault) from exc

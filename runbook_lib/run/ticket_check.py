"""Whether a ticket can be read and takes changes, found out while its kernel starts: a wrong number begins no run."""

from __future__ import annotations

from runbook_lib import wiring
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import HttpSession
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import InputError, RefusedError, UnavailableError
from runbook_lib.settings import Settings

PATIENCE_S = 2.0
"""How long Zendesk may take to answer; it is asked once."""


def refusal(settings: Settings, ticket_id: object) -> str:
    """Why Zendesk refuses the ticket; "" if it does not, or if it cannot be reached, which its run waits for.

    Raises:
        InputError: It is no number or address, an address of another Zendesk account; there is no such ticket; or it
            was merged, or is closed.
    """
    number = int(str(parameters.parse("ticket_id", ticket_id)))
    settings.check_account(ticket_id)
    with HttpSession.of(settings, budget=Budget(0)) as pool, pool.budget.hurried(PATIENCE_S):
        try:
            wiring.zendesk(settings, pool).open_ticket(number)
        except RefusedError as exc:
            if exc.status == 404:
                raise InputError(str(exc)) from exc
            return str(exc)
        except UnavailableError:
            return ""
    return ""

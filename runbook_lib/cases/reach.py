"""Whether the operator can do what a runbook needs, and whether the requester gets it: better known before than after.

A license that went out cannot be taken back, and one whose reply reaches nobody helps nobody.
"""

from __future__ import annotations

from runbook_lib.cases.base import Case
from runbook_lib.clients.zendesk_refusals import ROLE
from runbook_lib.domain.errors import PersonNeededError
from runbook_lib.domain.models import Person
from runbook_lib.domain.plain_text import clean


def check_operator(case: Case) -> None:
    """Make sure that Zendesk lets the operator take tickets and reply publicly.

    Raises:
        PersonNeededError: It does not.
    """
    if found := case.services.zendesk.obstacle(case.me):
        raise PersonNeededError(f"{clean(case.me.name)} {found}. {ROLE} Nothing was sent.")


def check_reply_arrives(case: Case, requester: Person, *, instead: str = "") -> None:
    """Make sure that a public reply would reach the requester. Without an address the engineer has been asked for one.

    Args:
        case: The case.
        requester: Who opened the ticket, as just read.
        instead: The other way on, after "run again"; or "".

    Raises:
        PersonNeededError: The operator may not send one, the requester is suspended, or no mail goes to them.
    """
    check_operator(case)
    name = clean(requester.name)
    if requester.suspended:
        raise PersonNeededError(
            f"{name}, who opened ticket {case.ticket.id}, is suspended in Zendesk: no reply reaches them. If they are "
            f"the customer, unsuspend them there (their profile > Unsuspend access), then run again{instead}. "
            "No reply was sent."
        )
    if requester.email and (state := case.services.zendesk.undeliverable(requester)):
        raise PersonNeededError(
            f"Zendesk sends no mail to {clean(requester.email)} ({clean(state)}), so no reply reaches {name}. Correct "
            f"the address in their profile there, or ask them for another one, then run again{instead}. "
            "No reply was sent."
        )

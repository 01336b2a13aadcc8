"""What has to hold right before a change is sent: preconditions of effects. They only read.

A license that went out cannot be taken back, and one whose reply reaches no one is of no use; so some of them are also
checked before a license is ordered.
"""

from __future__ import annotations

from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.clients.zendesk_refusals import ROLE
from runbook_lib.domain.errors import NeedsAnswerError, PersonNeededError
from runbook_lib.domain.models import Person, Ticket
from runbook_lib.domain.plain_text import clean


def nothing_to_check(_: object = None) -> None:
    """The precondition of an effect that is always allowed."""


def check_operator(zendesk: Zendesk, operator: Person) -> None:
    """PersonNeededError unless Zendesk lets the operator take tickets and reply publicly."""
    if found := zendesk.obstacle(operator):
        raise PersonNeededError(f"{clean(operator.name)} {found}. {ROLE} Nothing was sent.")


def check_reply_arrives(zendesk: Zendesk, operator: Person, ticket: Ticket, *, instead: str = "") -> None:
    """Make sure that a public reply would reach the requester. Without an address the engineer has been asked for one.

    Args:
        zendesk: Where the ticket is.
        operator: Who would send it.
        ticket: The ticket, with its requester.
        instead: The other way on, after "run again"; or "".

    Raises:
        PersonNeededError: The operator may not send one, the requester is suspended, or no mail goes to them.
    """
    check_operator(zendesk, operator)
    requester, name = ticket.requester, clean(ticket.requester.name)
    if requester.suspended:
        raise PersonNeededError(
            f"{name}, who opened ticket {ticket.id}, is suspended in Zendesk: no reply reaches them. If they are "
            f"the customer, unsuspend them there (their profile > Unsuspend access), then run again{instead}. "
            "No reply was sent."
        )
    if requester.email and (state := zendesk.undeliverable(requester)):
        raise PersonNeededError(
            f"Zendesk sends no mail to {clean(requester.email)} ({clean(state)}), so no reply reaches {name}. Correct "
            f"the address in their profile there, or ask them for another one, then run again{instead}. "
            "No reply was sent."
        )


def check_still_assigned(ticket: Ticket, operator: Person) -> None:
    """Make sure that the ticket, as it was just read, is still the operator's, who has taken it.

    Raises:
        NeedsAnswerError: A colleague has taken it since.
        PersonNeededError: It is no one's.
    """
    if ticket.assignee_id is None:
        raise PersonNeededError(
            f"Ticket {ticket.id} is assigned to no one, so nothing more is sent. Run again: the runbook takes it first."
        )
    if ticket.assignee_id != operator.id:
        whose = clean(ticket.assignee_name or "a colleague")
        raise NeedsAnswerError(
            f"Ticket {ticket.id} was yours when this run began, and is {whose}'s now, so nothing more is sent. Talk to "
            "them; to take it over, pass take_over as True.",
            missing=("take_over",),
        )

"""The ticket is the operator's."""

from __future__ import annotations

from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import NeedsAnswerError
from runbook_lib.domain.models import Evidence, Person, Ticket
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import ExactText, Target


class Assignment:
    """The ticket is assigned to the operator.

    It can change at any time, so the ticket itself is read and not the journal: the operation id holds the
    stamp of the ticket that was read.

    Args:
        ticket: The ticket as just read (`Zendesk.settled_ticket`).
        operator: Whose it is to be.
        prefix: What the operation ids of this ticket begin with.
    """

    name = "assignment"
    conditional = True
    texts: tuple[ExactText, ...] = ()

    def __init__(self, zendesk: Zendesk, ticket: Ticket, operator: Person, *, prefix: str, take_over: bool) -> None:
        self._zendesk, self._ticket, self._operator, self._take_over = zendesk, ticket, operator, take_over
        self._previous = ticket.assignee_name if ticket.assignee_id not in (None, operator.id) else None
        stamp = "".join(filter(str.isalnum, ticket.updated_stamp))
        self.operation_id = f"{prefix}{self.name}-{operator.id}-{stamp}"
        self.summary = f"assign ticket {ticket.id} to {operator.name}"
        self.where = f"on ticket {ticket.id} whose it is"
        self.target = Target(f"ticket {ticket.id}", ticket.url)

    def find(self) -> Evidence | None:
        """Who has the ticket; the same reading of it is the one that `perform` updates."""
        self._ticket = self._zendesk.settled_ticket(self._ticket.id)
        return self._evidence() if self._ticket.assignee_id == self._operator.id else None

    def check(self) -> None:
        """A colleague's ticket is left alone; NeedsAnswerError if a colleague has it, and it may not be taken."""
        if self._ticket.assignee_id is not None and not self._take_over:
            raise NeedsAnswerError(
                f"Ticket {self._ticket.id} is assigned to {clean(self._ticket.assignee_name or 'a colleague')}. Talk "
                "to them first; to take it over, pass take_over as True.",
                missing=("take_over",),
            )

    def perform(self) -> Evidence:
        self._zendesk.assign(self._ticket, self._operator, self.operation_id)
        return self._evidence()

    def _evidence(self) -> Evidence:
        taken = f", taken over from {clean(self._previous)}" if self._previous else ""
        return Evidence(f"assigned to {self._operator.name}{taken}", self._ticket.url, str(self._operator.id))

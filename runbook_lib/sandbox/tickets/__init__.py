"""The practice tickets as data, each with what its run must come to: what the demo, tests and documents read."""

from __future__ import annotations

from runbook_lib.sandbox.tickets import bad, mail, week, weekend
from runbook_lib.sandbox.tickets.model import Expected, PracticeTicket

__all__ = ["EXPECTED", "TICKETS"]

TICKETS: tuple[PracticeTicket, ...] = (*weekend.TICKETS, *bad.TICKETS, *week.TICKETS, *mail.TICKETS)
"""Every practice ticket of a new world."""

EXPECTED: dict[PracticeTicket, Expected] = {
    ticket: ticket.expected for ticket in sorted(TICKETS, key=lambda ticket: ticket.id) if ticket.expected
}
"""What the demo runs, by their ids, and what each must come to."""

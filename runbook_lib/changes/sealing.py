"""The ticket keeps the digest of each record: an internal note, once, so that removing or replacing a record shows.

A record is sealed by its digest in the journal. This is the copy outside of this machine. It changes nothing else, and
a note that cannot be sent now is sent by the next performing run.
"""

from __future__ import annotations

from runbook_lib import wiring
from runbook_lib.changes.comments import CommentToPost
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import HttpSession
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import RefusedError, RunbookError
from runbook_lib.domain.messages import Seal, seal_note
from runbook_lib.ledger.effects import Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.settings import Settings

CONFLICT = 409
"""Zendesk's status where the ticket has changed since it was read, such as by a colleague's run that ends now, too.
Nothing was sent, and a digest is right whatever else the ticket says: it is read again, and asked once more."""
WAIT_S = 15.0
"""Seconds that all of it may wait: the run is over, and a person wants to read how it ended."""


def note_seals(settings: Settings, ticket_id: int) -> str:
    """Note the digest of every sealed record of a performed run that the ticket does not have yet.

    Returns "", or why one could not be noted.
    """
    journal, budget = Journal.of(settings, ticket_id), Budget(WAIT_S)
    if not _waiting(settings, journal, ticket_id):
        return ""
    with HttpSession.of(settings, budget=budget) as pool:
        zendesk = wiring.zendesk(settings, pool)
        effects = Effects(journal, budget, settle_s=0, perform=True)
        for may_repeat in (True, False):
            try:
                _note(settings, zendesk, effects, journal, ticket_id)
                break
            except RunbookError as exc:
                if not (may_repeat and isinstance(exc, RefusedError) and exc.status == CONFLICT):
                    words = "The record is sealed, but the ticket could not take its digest; the next run adds it."
                    return f"{words} {exc}"
    return ""


def _note(settings: Settings, zendesk: Zendesk, effects: Effects, journal: Journal, ticket_id: int) -> None:
    ticket = zendesk.ticket(ticket_id)
    for seal in _waiting(settings, journal, ticket_id):
        summary = f"internal note with the digest of {seal.record}"
        operation_id = _operation(settings, ticket_id, seal)
        effects.apply(CommentToPost(zendesk, ticket, operation_id, seal_note(seal), name="seal_note", summary=summary))


def _waiting(settings: Settings, journal: Journal, ticket_id: int) -> list[Seal]:
    """The seals that the ticket does not have yet, oldest first."""
    return [seal for seal in _seals(journal) if journal.settled(_operation(settings, ticket_id, seal)) is None]


def _seals(journal: Journal) -> list[Seal]:
    """The records that this machine has sealed and that are to be noted, oldest first; others note theirs."""
    return [
        Seal(event.text("record"), event.text("sha256"), event.number or 0, digest, event.writer)
        for event, digest in journal.own_seals()
        if event.entry.get("to_note")
    ]


def _operation(settings: Settings, ticket_id: int, seal: Seal) -> str:
    return f"{settings.profile}-{ticket_id}-seal-{seal.record.removesuffix('.ipynb')}"

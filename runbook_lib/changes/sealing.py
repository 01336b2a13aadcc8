"""The ticket keeps the digest of each record: an internal note, once, so that removing or replacing a record shows.

A record is sealed by its digest in the journal. This is the copy outside of this machine. It changes nothing else, and
a note that cannot be sent now is sent by the next performing run.
"""

from __future__ import annotations

from runbook_lib import wiring
from runbook_lib.changes.comments import CommentToPost
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import HttpSession
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
    prefix = f"{settings.profile}-{ticket_id}-seal-"
    if not _waiting(journal, prefix):
        return ""
    with HttpSession.of(settings, budget=budget) as pool:
        zendesk, effects = wiring.zendesk(settings, pool), Effects(journal, budget, settle_s=0, perform=True)
        for may_repeat in (True, False):
            try:
                ticket = zendesk.ticket(ticket_id)
                for operation_id, seal in _waiting(journal, prefix):
                    summary, words = f"internal note with the digest of {seal.record}", seal_note(seal)
                    note = CommentToPost(zendesk, ticket, operation_id, words, name="seal_note", summary=summary)
                    effects.apply(note)
                break
            except RunbookError as exc:
                if not (may_repeat and isinstance(exc, RefusedError) and exc.status == CONFLICT):
                    words = "The record is sealed, but the ticket could not take its digest; the next run adds it."
                    return f"{words} {exc}"
    return ""


def _waiting(journal: Journal, prefix: str) -> list[tuple[str, Seal]]:
    """The seals of this machine that are to be noted and are not yet, oldest first, each under its operation id."""
    seals = (
        Seal(event.text("record"), event.text("sha256"), event.number or 0, digest, event.writer)
        for event, digest in journal.own_seals()
        if event.entry.get("to_note")
    )
    found = [(f"{prefix}{seal.record.removesuffix('.ipynb')}", seal) for seal in seals]
    return [(operation_id, seal) for operation_id, seal in found if journal.settled(operation_id) is None]

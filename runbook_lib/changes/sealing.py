"""The ticket keeps the digest of each record: an internal note, once, so that removing or replacing a record shows.

A record is sealed by its digest in the journal. This is the copy outside of this machine. It changes nothing else, and
a note that cannot be sent now is sent by the next performing run.
"""

from __future__ import annotations

from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import Session
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import NotAsSentError, RunbookError
from runbook_lib.domain.messages import Seal, seal_note
from runbook_lib.domain.models import Evidence, KeptComment
from runbook_lib.ledger.effects import Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.settings import Settings

WAIT_S = 15.0
"""Seconds that all of it may wait: the run is over, and somebody wants to read how it ended."""


class SealNote:
    """The internal note with a record's digest. An effect.

    Args:
        zendesk: The ticket's Zendesk.
        ticket_id: The ticket.
        operation_id: One for each record.
        seal: What the note keeps.
    """

    name = "seal_note"
    conditional = True

    def __init__(self, zendesk: Zendesk, ticket_id: int, operation_id: str, seal: Seal) -> None:
        self._zendesk, self._ticket_id, self._seal = zendesk, ticket_id, seal
        self.operation_id = operation_id
        self.summary = f"internal note with the digest of {seal.record}"
        self.where = f"on ticket {ticket_id} for the {self.summary}"

    def find(self) -> Evidence | None:
        """The note that carries this operation id."""
        self._ticket = self._zendesk.settled_ticket(self._ticket_id)
        found = self._zendesk.find_comment(self._ticket_id, self.operation_id)
        return None if found is None else self._as_sent(found)

    def perform(self) -> Evidence:
        """Send it."""
        body = seal_note(self._seal)
        return self._as_sent(
            self._zendesk.add_comment(self._ticket, body, public=False, operation_id=self.operation_id)
        )

    def _as_sent(self, kept: KeptComment) -> Evidence:
        if difference := kept.difference(public=False):
            raise NotAsSentError(f"On ticket {self._ticket_id}: {difference}")
        return Evidence(f"internal note {kept.id}", self._ticket.url, str(kept.id))


def note_seals(settings: Settings, ticket_id: int) -> str:
    """Note the digest of every sealed record of a performed run that the ticket does not have yet.

    Returns:
        "", or why one could not be noted.
    """
    journal = Journal.of(settings, ticket_id)
    waiting = [seal for seal in _seals(journal) if journal.settled(_operation(settings, ticket_id, seal)) is None]
    if not waiting:
        return ""
    budget = Budget(WAIT_S)
    with Session.of(settings, budget=budget) as pool:
        zendesk = Zendesk(settings.zendesk_url, settings.zendesk_credentials(), pool)
        effects = Effects(journal, budget, settle_s=0, perform=True)
        try:
            for seal in waiting:
                effects.apply(SealNote(zendesk, ticket_id, _operation(settings, ticket_id, seal), seal))
        except RunbookError as exc:
            return f"The record is sealed, but the ticket could not take its digest; the next run adds it. {exc}"
    return ""


def _seals(journal: Journal) -> list[Seal]:
    """The records that this machine has sealed and that are to be noted, oldest first; others note theirs."""
    return [
        Seal(event.text("record"), event.text("sha256"), event.number or 0, digest, event.writer)
        for event, digest in journal.own_seals()
        if event.entry.get("to_note")
    ]


def _operation(settings: Settings, ticket_id: int, seal: Seal) -> str:
    return f"{settings.profile}-{ticket_id}-seal-{seal.record.removesuffix('.ipynb')}"

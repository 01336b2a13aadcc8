"""Comments on the ticket: public replies and internal notes, with or without files.

A comment is sent as a safe update against the stamp that was read *before* looking: if anything has happened to the
ticket since, Zendesk refuses it. So of two changes that are based on the same reading it takes only the first
(`conditional`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from runbook_lib.changes.guards import nothing_to_check
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import NotAsSentError, OutcomeUnknownError, RefusedError, UnavailableError
from runbook_lib.domain.kept_comment import KeptComment
from runbook_lib.domain.models import Evidence, Ticket
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import ExactText, Target


@dataclass(frozen=True)
class Upload:
    name: str
    content_type: str
    content: bytes


@dataclass
class CommentToPost:
    """A comment that is sent once; or, without a body, one of an earlier run that is only looked for."""

    conditional: ClassVar[bool] = True
    zendesk: Zendesk
    ticket: Ticket
    operation_id: str  # what the comment carries
    body: str
    _: KW_ONLY
    name: str  # what kind of comment, as the journal has it
    summary: str
    public: bool = False  # whether it is a reply, or else an internal note
    evidence: str = ""  # what to call it as evidence; by default what it is
    files: Sequence[Upload] = ()
    link: str = ""  # where its evidence is, if not on the ticket
    # Its precondition: raises, given the ticket as just read, if it may not be sent now
    may_be_sent: Callable[[Ticket], None] = nothing_to_check

    @property
    def kind(self) -> str:
        return "public reply" if self.public else "internal note"

    @property
    def where(self) -> str:
        return f"on ticket {self.ticket.id} for the {self.summary}"

    @property
    def target(self) -> Target:
        return Target(f"ticket {self.ticket.id}", self.ticket.url)

    @property
    def texts(self) -> tuple[ExactText, ...]:
        return (ExactText(self.kind, self.body),)

    def find(self) -> Evidence | None:
        """The comment that carries this operation id; NotAsSentError if it is there, and not as it was sent."""
        self.ticket = self.zendesk.settled_ticket(self.ticket.id)
        found = self.zendesk.find_comment(self.ticket.id, self.operation_id)
        return None if found is None else self._as_sent(found)

    def _as_sent(self, kept: KeptComment) -> Evidence:
        """The evidence of a comment that is kept as it was sent; NotAsSentError if it is not."""
        names = tuple(file.name for file in self.files)
        if difference := kept.difference(public=self.public, file_names=names):
            raise NotAsSentError(f"On ticket {self.ticket.id}: {clean(difference, 600)}")
        return Evidence(f"{self.evidence or self.kind} {kept.id}", self.link or self.ticket.url, str(kept.id))

    def check(self) -> None:
        """Its precondition, for the ticket as `find` has read it."""
        self.may_be_sent(self.ticket)

    def perform(self) -> Evidence:
        tokens = [self.zendesk.upload(file.name, file.content, file.content_type) for file in self.files]
        kept = self.zendesk.add_comment(
            self.ticket, self.body, public=self.public, operation_id=self.operation_id, uploads=tokens
        )
        if kept.public is None:  # the answer names no comment, which may be there all the same
            kept = self._looked_for() or kept
        return self._as_sent(kept)

    def _looked_for(self) -> KeptComment | None:
        """The comment after it was sent; OutcomeUnknownError if it cannot be looked for, since it may be there."""
        try:
            return self.zendesk.find_comment(self.ticket.id, self.operation_id)
        except (RefusedError, UnavailableError) as exc:
            raise OutcomeUnknownError(
                f"Zendesk has taken the update of ticket {self.ticket.id}, names no comment, and cannot be asked: {exc}"
            ) from exc

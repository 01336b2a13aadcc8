"""Comments on the ticket: public replies and internal notes, with or without files.

A comment is sent as a safe update against the stamp that was read *before* looking, so whatever happens in between
makes Zendesk refuse it; of two changes made on the same reading, one (`conditional`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook_lib.changes.guards import nothing_to_check
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import NotAsSentError
from runbook_lib.domain.kept_comment import KeptComment
from runbook_lib.domain.models import Evidence, Ticket
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import ExactText, Target


@dataclass(frozen=True)
class Upload:
    """A file that goes with a comment."""

    name: str
    content_type: str
    content: bytes


class SentComment:
    """A comment that a run may have sent; this only looks for it.

    Args:
        zendesk: Where the ticket is.
        ticket: The ticket.
        operation_id: What the comment carries.
        name: What kind of comment, as the journal has it.
        summary: What it is, in one line.
        public: Whether it is a reply, or else an internal note.
        evidence: What to call it as evidence; by default what it is.
        file_names: The files that it holds.
    """

    texts: tuple[ExactText, ...] = ()

    def __init__(
        self,
        zendesk: Zendesk,
        ticket: Ticket,
        operation_id: str,
        *,
        name: str,
        summary: str,
        public: bool = False,
        evidence: str = "",
        file_names: tuple[str, ...] = (),
    ) -> None:
        self._zendesk, self._ticket, self._public, self._file_names = zendesk, ticket, public, file_names
        self.operation_id, self.name, self.summary = operation_id, name, summary
        self.kind = "public reply" if public else "internal note"
        self._called, self._url = evidence or self.kind, ticket.url
        self.where = f"on ticket {ticket.id} for the {summary}"
        self.target = Target(f"ticket {ticket.id}", ticket.url)

    def find(self) -> Evidence | None:
        """The comment that carries this operation id.

        Raises:
            NotAsSentError: It is there, and not as it was sent.
        """
        self._ticket = self._zendesk.settled_ticket(self._ticket.id)
        found = self._zendesk.find_comment(self._ticket.id, self.operation_id)
        return None if found is None else self._as_sent(found)

    def _as_sent(self, kept: KeptComment) -> Evidence:
        """The evidence of a comment that is kept as it was sent.

        Raises:
            NotAsSentError: It is not.
        """
        if difference := kept.difference(public=self._public, file_names=self._file_names):
            raise NotAsSentError(f"On ticket {self._ticket.id}: {clean(difference, 600)}")
        return Evidence(f"{self._called} {kept.id}", self._url, str(kept.id))


class Comment(SentComment):
    """A comment that is to be sent, once.

    Args:
        zendesk: As for `SentComment`, and so are the options.
        ticket: The same.
        operation_id: The same.
        body: Its exact text.
        check: Its precondition, given the ticket as just read.
        files: The files that go with it.
        link: Where its evidence is, if not on the ticket.
    """

    conditional = True

    def __init__(
        self,
        zendesk: Zendesk,
        ticket: Ticket,
        operation_id: str,
        body: str,
        *,
        name: str,
        summary: str,
        public: bool = False,
        evidence: str = "",
        check: Callable[[Ticket], None] = nothing_to_check,
        files: Sequence[Upload] = (),
        link: str = "",
    ) -> None:
        names = tuple(file.name for file in files)
        super().__init__(
            zendesk,
            ticket,
            operation_id,
            name=name,
            summary=summary,
            public=public,
            evidence=evidence,
            file_names=names,
        )
        self._body, self._check, self._files = body, check, files
        self._url = link or ticket.url
        self.texts = (ExactText(self.kind, body),)

    def check(self) -> None:
        """Its precondition, for the ticket as `find` has read it."""
        self._check(self._ticket)

    def perform(self) -> Evidence:
        """Upload its files, then send it."""
        tokens = [self._zendesk.upload(file.name, file.content, file.content_type) for file in self._files]
        kept = self._zendesk.add_comment(
            self._ticket, self._body, public=self._public, operation_id=self.operation_id, uploads=tokens
        )
        return self._as_sent(kept)

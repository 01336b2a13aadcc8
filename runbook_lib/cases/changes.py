"""The changes that runbooks make to the ticket and to Slack, each with its way of being found again.

A change to the ticket is sent as a safe update against the stamp that was read *before* looking, so whatever
happens in between makes Zendesk refuse it; of two changes made on the same reading, one (`conditional`). Slack knows
nothing of the kind: whoever has posted looks again, and takes a second post of the same operation back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from runbook_lib.cases.base import Case
from runbook_lib.cases.reach import check_reply_arrives
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain import image_types, messages
from runbook_lib.domain.errors import (
    InputError,
    NeedsAnswerError,
    NotAsSentError,
    OutcomeUnknownError,
    RefusedError,
    UnavailableError,
)
from runbook_lib.domain.models import Evidence, KeptComment, Person, Ticket
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import ExactText, Target
from runbook_lib.ocr import MAX_BYTES

PATIENCE_S = 5.0
"""How long a rehearsal waits for Slack."""


class Assignment:
    """The ticket belongs to the operator.

    This is a state, which anybody may change at any time, so the ticket itself is asked and not the journal: the
    operation id holds the stamp of the ticket that was read.

    Args:
        case: The case.
        agent: The operator.
        take_over: Whether a colleague's ticket may be taken.
    """

    name = "assignment"
    conditional = True

    def __init__(self, case: Case, agent: Person, *, take_over: bool) -> None:
        self._zendesk, self._agent, self._take_over = case.services.zendesk, agent, take_over
        self._ticket = self._zendesk.settled_ticket(case.ticket.id)
        self._before = self._ticket.assignee_name if self._ticket.assignee_id not in (None, agent.id) else None
        stamp = "".join(filter(str.isalnum, self._ticket.updated_stamp))
        self.operation_id = case.operation(f"{self.name}-{agent.id}-{stamp}")
        self.summary = f"assign ticket {case.ticket.id} to {agent.name}"
        self.where = f"on ticket {case.ticket.id} whose it is"
        self.target, self.texts = Target(f"ticket {case.ticket.id}", case.ticket.url), ()

    def find(self) -> Evidence | None:
        """Who has the ticket; the same reading of it is the one that `perform` updates.

        Raises:
            NeedsAnswerError: A colleague has it, and it may not be taken.
        """
        self._ticket = self._zendesk.settled_ticket(self._ticket.id)
        holder = self._ticket.assignee_id
        if holder == self._agent.id:
            return self._evidence()
        if holder is not None and not self._take_over:
            name = clean(self._ticket.assignee_name or "a colleague")
            raise NeedsAnswerError(
                f"Ticket {self._ticket.id} is assigned to {name}. Talk to them first; to take it over, "
                "pass take_over as True.",
                missing=("take_over",),
            )
        return None

    def perform(self) -> Evidence:
        """Assign it."""
        self._zendesk.assign(self._ticket, self._agent, self.operation_id)
        return self._evidence()

    def _evidence(self) -> Evidence:
        taken = f", taken over from {clean(self._before)}" if self._before else ""
        return Evidence(f"assigned to {self._agent.name}{taken}", self._ticket.url, str(self._agent.id))


class Comment:
    """A comment on the ticket: a public reply, or an internal note."""

    conditional = True
    file_names: tuple[str, ...] = ()

    def __init__(self, case: Case, name: str, body: str, *, public: bool, summary: str) -> None:
        self.name = name
        self.where = f"on ticket {case.ticket.id} for the {summary}"
        self._case = case
        self.operation_id = case.operation(name)
        self.summary = summary
        self._zendesk: Zendesk = case.services.zendesk
        self._ticket: Ticket = case.ticket
        self._body, self._public = body, public
        self.target = Target(f"ticket {case.ticket.id}", case.ticket.url)
        self.texts = (ExactText("public reply" if public else "internal note", body),)

    def find(self) -> Evidence | None:
        """The comment that carries this operation id.

        Raises:
            NotAsSentError: It is there, and not as it was sent.
            PersonNeededError: It is not there, and a public reply would not reach the requester.
        """
        self._ticket = self._zendesk.settled_ticket(self._ticket.id)
        found = self._zendesk.find_comment(self._ticket.id, self.operation_id)
        if found is None:
            if self._public:
                check_reply_arrives(self._case, self._ticket.requester, instead=self._case.by_hand(self.operation_id))
            return None
        return self._as_sent(found)

    def perform(self) -> Evidence:
        """Send it."""
        return self._send(())

    def _send(self, uploads: Sequence[str]) -> Evidence:
        self._case.check_still_mine(self._ticket)
        kept = self._zendesk.add_comment(
            self._ticket, self._body, public=self._public, operation_id=self.operation_id, uploads=uploads
        )
        return self._as_sent(kept)

    def _as_sent(self, kept: KeptComment) -> Evidence:
        """The evidence of a comment that is kept as it was sent.

        Raises:
            NotAsSentError: It is not.
        """
        if difference := kept.difference(public=self._public, file_names=self.file_names):
            raise NotAsSentError(f"On ticket {self._ticket.id}: {clean(difference, 600)}")
        return self._evidence(kept.id)

    def _evidence(self, comment_id: int) -> Evidence:
        kind = "public reply" if self._public else "internal note"
        return Evidence(f"{kind} {comment_id}", self._ticket.url, str(comment_id))


class Screenshots(Comment):
    """Image files added to the ticket as an internal comment; the same files are added once."""

    def __init__(self, case: Case, paths: Sequence[str]) -> None:
        self._files = [_image(Path(path)) for path in paths]
        digest = hashlib.sha256(b"".join(content for _, _, content in self._files)).hexdigest()[:12]
        self.file_names = tuple(name for name, _, _ in self._files)
        super().__init__(
            case,
            "screenshots",
            messages.screenshots_note(len(self._files)),
            public=False,
            summary=f"add {', '.join(self.file_names)} to the ticket",
        )
        self.operation_id = case.operation(f"screenshots-{digest}")

    def perform(self) -> Evidence:
        """Upload the files, then send the comment that holds them."""
        tokens = [self._zendesk.upload(name, content, kind) for name, kind, content in self._files]
        return self._send(tokens)


class LicenseCopy(Comment):
    """The copy of an issued license as an attachment of a public reply; the same license is sent once."""

    file_names = (messages.COPY_FILE_NAME,)

    def __init__(self, case: Case, body: str, text: str, digest: str) -> None:
        super().__init__(
            case, "license_copy", body, public=True, summary="public reply with the copy of the license attached"
        )
        self._text = text
        self.operation_id = case.operation(f"license_copy-{digest}")

    def perform(self) -> Evidence:
        """Upload the file, then send the reply that holds it."""
        token = self._zendesk.upload(messages.COPY_FILE_NAME, self._text.encode(), "application/octet-stream")
        return self._send((token,))


@dataclass(frozen=True)
class SlackPost:
    """A post in the team's channel."""

    case: Case
    words: str
    name: str = "slack_post"
    conditional: bool = False

    @property
    def operation_id(self) -> str:
        """One post of a name per ticket."""
        return self.case.operation(self.name)

    @property
    def summary(self) -> str:
        """Where it goes."""
        return f"post in {self.case.settings.slack_channel}"

    @property
    def target(self) -> Target:
        """The channel, by the address that opens it in whatever program the reader has.

        Source: https://docs.slack.dev/interactivity/deep-linking, *app_redirect*.
        """
        settings = self.case.settings
        address = urljoin(settings.slack_url, f"/app_redirect?channel={settings.slack_channel_id}")
        return Target(settings.slack_channel, address)

    @property
    def texts(self) -> tuple[ExactText, ...]:
        """The post."""
        return (ExactText(f"post in {self.case.settings.slack_channel}", self.words),)

    @property
    def where(self) -> str:
        """Where a person sees it."""
        return f"in {self.case.settings.slack_channel} for a post with the link of ticket {self.case.ticket.id}"

    def find(self) -> Evidence | None:
        """The message that carries this operation id, since the ticket was opened; the first, if there are two."""
        found = self._posts()
        return self._evidence(found[0]) if found else None

    def perform(self) -> Evidence:
        """Post it."""
        case = self.case
        case.check_still_mine()
        return self._evidence(case.services.slack.post(case.settings.slack_channel_id, self.words, self.operation_id))

    def take_back(self) -> None:
        """Delete every later post of the same operation, as of another machine at the same moment.

        Raises:
            RefusedError: Slack does not let the bot; the message says what to delete by hand.
        """
        case = self.case
        try:
            later_posts = self._posts()[1:]
        except (RefusedError, UnavailableError):  # the next run looks again; what is done stays done
            return
        try:
            for later in later_posts:
                case.services.slack.delete(case.settings.slack_channel_id, later)
        except RefusedError as exc:
            raise RefusedError(
                f"A second post of the same is in {case.settings.slack_channel}, and could not be taken back: {exc} "
                "Delete the later one by hand, then run again.",
                code=exc.code,
            ) from exc
        except (UnavailableError, OutcomeUnknownError):  # the next run looks again
            return

    def _posts(self) -> list[str]:
        case = self.case
        patience_s = None if case.perform else PATIENCE_S
        return case.services.slack.find(
            case.settings.slack_channel_id, self.operation_id, case.ticket.created_at, patience_s=patience_s
        )

    def _evidence(self, ts: str) -> Evidence:
        return Evidence(f"message {ts} in {self.case.settings.slack_channel}", reference=ts)


class ByHand(Comment):
    """A license that the engineer made by hand, kept as an internal note with the evidence: one per ticket."""

    def __init__(self, case: Case, evidence: str, users: int) -> None:
        body = messages.by_hand_note(evidence, users)
        super().__init__(case, "license_by_hand", body, public=False, summary="note that the license was made by hand")
        self._link = evidence

    def _evidence(self, comment_id: int) -> Evidence:
        url = self._link if self._link.startswith("https://") else self._ticket.url
        return Evidence(f"made by hand, internal note {comment_id}", url, str(comment_id))


def screenshots_request(case: Case) -> Comment:
    """The public reply that asks the customer for both screenshots."""
    return Comment(
        case,
        "screenshots_request",
        messages.screenshots_request(),
        public=True,
        summary="public reply that asks the customer for both screenshots",
    )


def _image(path: Path) -> tuple[str, str, bytes]:
    """A file's name, type and content.

    Raises:
        InputError: It is missing, too large, or no image.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"The screenshot {path} is larger than {MAX_BYTES:,} bytes; give a smaller image.")
        content = path.read_bytes()
    except OSError as exc:
        raise InputError(f"The screenshot {path} cannot be read: {exc.strerror}. Check the path.") from exc
    kind = image_types.media_type(content)
    if kind is None:
        what = image_types.advice(content) or f"no {image_types.TAKEN} image. Give the image file itself"
        raise InputError(f"The screenshot {path} is {what}.")
    return path.name, kind, content

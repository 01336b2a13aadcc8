"""A post in the team's channel. Slack has no conditional post: a run looks again, and deletes a second one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook_lib.changes.guards import nothing_to_check
from runbook_lib.clients.slack import Slack
from runbook_lib.domain.errors import OutcomeUnknownError, RefusedError, UnavailableError
from runbook_lib.domain.models import Evidence, Ticket
from runbook_lib.domain.plan import ExactText, Target


@dataclass(frozen=True)
class Channel:
    """The team's channel: its id for Slack, its name and its address for people."""

    id: str
    name: str
    url: str


class SentPost:
    """A post of one ticket that a run may have made; this only looks for it.

    Args:
        slack: Where the channel is.
        channel: The channel.
        ticket: The ticket.
        operation_id: What the message carries.
        name: What kind of post, as the journal has it.
        patience_s: How long looking may take; None tries for as long as for anything.
    """

    texts: tuple[ExactText, ...] = ()

    def __init__(
        self,
        slack: Slack,
        channel: Channel,
        ticket: Ticket,
        operation_id: str,
        *,
        name: str,
        patience_s: float | None = None,
    ) -> None:
        self._slack, self._channel, self._ticket, self._patience_s = slack, channel, ticket, patience_s
        self.operation_id, self.name = operation_id, name
        self.summary = f"post in {channel.name}"
        self.where = f"in {channel.name} for a post with the link of ticket {ticket.id}"
        self.target = Target(channel.name, channel.url)

    def find(self) -> Evidence | None:
        """The message that carries this operation id, since the ticket was opened; the first, if there are two."""
        found = self._posts()
        return self._evidence(found[0]) if found else None

    def _posts(self) -> list[str]:
        opened_at = self._ticket.created_at
        return self._slack.find(self._channel.id, self.operation_id, opened_at, patience_s=self._patience_s)

    def _evidence(self, ts: str) -> Evidence:
        return Evidence(f"message {ts} in {self._channel.name}", reference=ts)


class SlackPost(SentPost):
    """A post that is to be made, once.

    Args:
        slack: As for `SentPost`, and so are the options.
        channel: The same.
        ticket: The same.
        operation_id: The same.
        words: Its exact text, as Slack's markup.
        check: Its precondition.
    """

    conditional = False

    def __init__(
        self,
        slack: Slack,
        channel: Channel,
        ticket: Ticket,
        operation_id: str,
        words: str,
        *,
        name: str,
        patience_s: float | None = None,
        check: Callable[[], None] = nothing_to_check,
    ) -> None:
        super().__init__(slack, channel, ticket, operation_id, name=name, patience_s=patience_s)
        self._words, self.check = words, check
        self.texts = (ExactText(f"post in {channel.name}", words),)

    def perform(self) -> Evidence:
        """Post it."""
        return self._evidence(self._slack.post(self._channel.id, self._words, self.operation_id))

    def remove_duplicates(self) -> None:
        """Delete every later post of the same operation, as of another machine at the same moment.

        Raises:
            RefusedError: Slack does not let the bot; the message says what to delete by hand.
        """
        try:
            later_posts = self._posts()[1:]
        except (RefusedError, UnavailableError):  # the next run looks again; what is done stays done
            return
        try:
            for later in later_posts:
                self._slack.delete(self._channel.id, later)
        except RefusedError as exc:
            raise RefusedError(
                f"A second post of the same is in {self._channel.name}, and could not be taken back: {exc} "
                "Delete the later one by hand, then run again.",
                code=exc.code,
            ) from exc
        except (UnavailableError, OutcomeUnknownError):  # the next run looks again
            return

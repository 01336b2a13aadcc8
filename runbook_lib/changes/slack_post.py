"""A post in the team's channel. Slack has no conditional post: a run looks again, and deletes a second one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Self
from urllib.parse import urljoin

from runbook_lib.changes.guards import nothing_to_check
from runbook_lib.clients.slack import Slack
from runbook_lib.domain.errors import OutcomeUnknownError, RefusedError, UnavailableError
from runbook_lib.domain.models import Evidence, Ticket
from runbook_lib.domain.plan import ExactText, Target
from runbook_lib.settings import Settings


def is_post(name: str) -> bool:
    """Whether an effect of the journal is a post, by its name."""
    return name.endswith("_post")


@dataclass(frozen=True)
class Channel:
    """The team's channel: its id for Slack, its name and its address for people."""

    id: str
    name: str
    url: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As configured; its address opens it in whatever program the reader has.

        Source: https://docs.slack.dev/interactivity/deep-linking, *app_redirect*.
        """
        address = urljoin(settings.slack_url, f"/app_redirect?channel={settings.slack_channel_id}")
        return cls(settings.slack_channel_id, settings.slack_channel, address)


@dataclass
class SlackPost:
    """A post of one ticket that is made once; or, without words, one of an earlier run that is only looked for."""

    conditional: ClassVar[bool] = False
    slack: Slack
    channel: Channel
    ticket: Ticket
    operation_id: str  # what the message carries
    words: str  # its exact text, as Slack's markup
    _: KW_ONLY
    name: str  # what kind of post, as the journal has it; it ends in `_post`
    patience_s: float | None = None  # how long looking may take; None tries for as long as for anything
    check: Callable[[], None] = nothing_to_check

    def __post_init__(self) -> None:
        if not is_post(self.name):
            raise ValueError(f"A post is named “{self.name}”: by the end `_post` a run knows those that may show late.")

    @property
    def summary(self) -> str:
        return f"post in {self.channel.name}"

    @property
    def where(self) -> str:
        return f"in {self.channel.name} for a post with the link of ticket {self.ticket.id}"

    @property
    def target(self) -> Target:
        return Target(self.channel.name, self.channel.url)

    @property
    def texts(self) -> tuple[ExactText, ...]:
        return (ExactText(self.summary, self.words),)

    def find(self) -> Evidence | None:
        """The message that carries this operation id, since the ticket was opened; the first, if there are two."""
        found = self.posts()
        return self._evidence(found[0]) if found else None

    def posts(self) -> list[str]:
        """Every message that carries this operation id, oldest first. Raises as `Slack.find`."""
        opened_at = self.ticket.created_at
        return self.slack.find(self.channel.id, self.operation_id, opened_at, patience_s=self.patience_s)

    def remove_duplicates(self) -> None:
        """Delete every later post of the same operation, as of another machine at the same moment.

        Raises:
            RefusedError: Slack does not let the bot; the message says what to delete by hand.
        """
        try:
            found = self.posts()
        except (RefusedError, UnavailableError):  # the next run looks again; what is done stays done
            return
        self.keep_first(found)

    def keep_first(self, posts: Sequence[str]) -> None:
        """Delete all of these posts but the first. Raises as `remove_duplicates`."""
        try:
            for later in posts[1:]:
                self.slack.delete(self.channel.id, later)
        except RefusedError as exc:
            raise RefusedError(
                f"A second post of the same is in {self.channel.name}, and could not be taken back: {exc} "
                "Delete the later one by hand, then run again.",
                code=exc.code,
            ) from exc
        except (UnavailableError, OutcomeUnknownError):  # the next run looks again
            return

    def perform(self) -> Evidence:
        return self._evidence(self.slack.post(self.channel.id, self.words, self.operation_id))

    def _evidence(self, ts: str) -> Evidence:
        return Evidence(f"message {ts} in {self.channel.name}", reference=ts)

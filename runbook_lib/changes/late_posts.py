"""A post that a run sent twice, since the first was not seen, and that may show after the run's last effect.

Looked for once more when the run is over; nothing is posted, and only a second post of the same is deleted. One that
shows later still is deleted by the next performing run, and until then the reader knows of it.
"""

from __future__ import annotations

from itertools import pairwise

from runbook_lib import wiring
from runbook_lib.changes.slack_post import Channel, SlackPost, is_post
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import HttpSession
from runbook_lib.domain.errors import RunbookError
from runbook_lib.domain.events import Event, EventKind, RunEvents
from runbook_lib.ledger.journal import Journal
from runbook_lib.settings import Settings

PATIENCE_S = 5.0
"""How long looking may take: the run is over, and a person wants to read how it ended."""


def remove_late_posts(settings: Settings, journal: Journal) -> str:
    """Delete what has shown meanwhile of the posts that the last performing run sent again.

    Returns "", or which post may still show, and what to do then.
    """
    resent = _resent(journal)
    if not resent:
        return ""
    channel, words = Channel.of(settings), []
    with HttpSession.of(settings, budget=Budget(PATIENCE_S)) as pool:
        slack = wiring.slack(settings, pool)
        try:
            ticket = wiring.zendesk(settings, pool).ticket(int(journal.folder.name))
            for event, sent in resent:
                post = SlackPost(slack, channel, ticket, event.operation, "", name=event.effect, patience_s=PATIENCE_S)
                found = post.posts()
                post.keep_first(found)
                words += [_words(channel, sent)] if len(found) < sent else []
        except RunbookError as exc:
            words.append(f"{_words(channel, 2)} {exc}")
    return " ".join(words)


def _words(channel: Channel, sent: int) -> str:
    return (
        f"The post in {channel.name} was sent {sent} times, since it was not seen at first. If it shows twice, run "
        "again, or delete the later one by hand."
    )


def _resent(journal: Journal) -> list[tuple[Event, int]]:
    """The posts that the last performing run sent, and that were sent before: each with how often, by any writer."""
    history = journal.history()
    runs = [run for run in history.performing_runs if run.writer == journal.writer]
    last = runs[-1] if runs else RunEvents()
    posts = [event for event in last.last_effects if is_post(event.effect) and event.says_there]
    resent = []
    for event in posts:  # sent as often as it was intended, but where that was refused, or not sent after all
        lines = pairwise(history.operations[event.operation].events)
        sent = sum(one.kind == EventKind.INTENDED and then.kind != EventKind.NOT_DONE for one, then in lines)
        resent += [(event, sent)] if sent > 1 else []
    return resent

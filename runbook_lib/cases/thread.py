"""The authors of a ticket's comments: the requester, an agent, or another person. Reads nothing and sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from runbook_lib.display import Part, Preview
from runbook_lib.domain.models import Comment, Ticket
from runbook_lib.domain.plain_text import clean

MESSAGE_LIMIT = 1500
"""Characters of a message that are shown; the ticket has the rest."""


def by_customer(thread: Iterable[Comment], ticket: Ticket, *, after: datetime | None = None) -> list[Comment]:
    """The public comments of the requester and of other end users, oldest first; only those after a moment, if given.

    An agent's comment does not count, even if the agent is the requester too.
    """
    theirs = [comment for comment in thread if comment.public and _is_customers(comment, ticket)]
    return theirs if after is None else [comment for comment in theirs if comment.created_at > after]


def telling(thread: Sequence[Comment], ticket: Ticket) -> list[Comment]:
    """The comments that may describe the instance: the customer's, notes of colleagues, and what opened the ticket.

    The first one may be a colleague's, who writes down a call. A runbook's own note counts for nothing.
    """
    return [
        comment
        for at, comment in enumerate(thread)
        if at == 0
        or comment.author_id == ticket.requester.id
        or _is_customers(comment, ticket)
        or not (comment.public or "license runbook" in comment.body.casefold())
    ]


def first_message(thread: Sequence[Comment], ticket: Ticket) -> tuple[Part, ...]:
    """Where another person opened the ticket, the first comment under their name, and the requester's own first one.

    What the requester opened it with is on the ticket's card.
    """
    theirs = next((comment for comment in thread if comment.public and comment.author_id == ticket.requester.id), None)
    shown = [one for one in (*thread[:1], theirs) if one] if theirs not in thread[:1] else []
    return tuple(Preview(_heading(comment, ticket), comment.body[:MESSAGE_LIMIT]) for comment in shown)


def opened_by_agent(thread: Sequence[Comment]) -> bool:
    """Whether an agent opened the ticket: then its subject is not in the customer's words."""
    author = thread[0].author if thread else None
    return author is not None and author.is_agent


def _heading(comment: Comment, ticket: Ticket) -> str:
    if comment.author_id == ticket.requester.id:
        return "what the requester wrote" if comment.public else "an internal note by the requester"
    author = comment.author
    name = clean(author.name, 60) if author and author.name else f"user {comment.author_id}"
    who = f"{name} of support" if author and author.is_agent else f"{name}, who is not the requester,"
    return f"what {who} wrote" if comment.public else f"an internal note by {name}"


def _is_customers(comment: Comment, ticket: Ticket) -> bool:
    author = comment.author
    if author is not None and author.role:
        return not author.is_agent
    return comment.author_id == ticket.requester.id

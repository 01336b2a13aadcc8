"""Who wrote what on a ticket."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from runbook_lib.cases.cards import ticket_parts
from runbook_lib.cases.thread import by_customer, first_message, opened_by_agent, telling
from runbook_lib.display import Preview
from runbook_lib.domain.models import Comment, Person, Ticket

AT = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
ADA = Person(11, "Ada", "ada@customer.example", "end-user")
BOB = Person(12, "Bob", "bob@customer.example", "end-user")
GRACE = Person(21, "Grace", "grace@support.example", "agent")
TICKET = Ticket(1001, "s", "open", AT, "stamp", ADA, None, None, None, "https://desk.example/1001")


def said(author: Person, body: str = "words", *, public: bool = True) -> Comment:
    """A comment."""
    return Comment(1, author.id, body, public, AT, (), author)


def headings(*thread: Comment) -> list[str]:
    """Under which heading each message is shown."""
    return [part.label for part in first_message(thread, TICKET) if isinstance(part, Preview)]


def test_first_comment_of_the_requester() -> None:
    """The usual ticket: its card has it."""
    assert [] == headings(said(ADA), said(GRACE))


def test_long_message_is_whole_in_the_details() -> None:
    """Its first lines are in view."""
    for words, shown in (("b" * 240, []), ("b" * 241, ["b" * 241])):
        parts = ticket_parts(replace(TICKET, description=words))
        assert shown == [part.words for part in parts if isinstance(part, Preview)]


def test_ticket_that_an_agent_opened() -> None:
    """The agent's words are the agent's; the requester's own follow."""
    assert ["what Grace of support wrote", "what the requester wrote"] == headings(said(GRACE), said(ADA))
    assert opened_by_agent([said(GRACE)])


def test_internal_note_is_shown_as_one() -> None:
    """It is not taken for what the customer wrote."""
    assert ["an internal note by Grace"] == headings(said(GRACE, public=False))


def test_another_end_user() -> None:
    """Somebody in copy is not the requester."""
    assert ["what Bob, who is not the requester, wrote"] == headings(said(BOB))


def test_only_end_users_speak_for_the_customer() -> None:
    """Neither an agent nor an internal note complains in the customer's name."""
    thread = [said(GRACE), said(BOB), said(ADA), said(ADA, public=False)]
    assert [thread[1], thread[2]] == by_customer(thread, TICKET)


def test_who_may_tell_how_the_instance_is() -> None:
    """Also who is in copy, a colleague's note, and the call that a colleague wrote down; no reply, no note of a run."""
    thread = [said(GRACE, "They called."), said(BOB), said(ADA), said(GRACE, "A reply"), said(GRACE, public=False)]
    thread += [said(GRACE, "Weekend license runbook: made", public=False)]
    assert [*thread[:3], thread[4]] == telling(thread, TICKET)


def test_author_that_zendesk_does_not_name() -> None:
    """Then only the requester's own number counts."""
    unknown = Comment(1, 11, "b", True, AT)
    assert [unknown] == by_customer([unknown, Comment(2, 99, "b", True, AT)], TICKET)
    assert ["what user 99, who is not the requester, wrote"] == headings(Comment(2, 99, "b", True, AT))


def test_empty_thread() -> None:
    """Nothing is shown."""
    assert [] == headings()

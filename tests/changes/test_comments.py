"""A comment: what Zendesk answers is compared with what was sent, and looked for where it names none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from runbook_lib.changes.comments import CommentToPost
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import NotAsSentError, OutcomeUnknownError, UnavailableError
from runbook_lib.domain.kept_comment import KeptComment
from runbook_lib.domain.models import Person, Ticket

TICKET = Ticket(1001, "", "open", datetime(2026, 1, 1, tzinfo=UTC), "", Person(1, "A", None), None, None, None, "")


class Desk:
    """A Zendesk whose answers name no comment; `kept` is what it has then."""

    def __init__(self, kept: KeptComment | Exception | None) -> None:
        self.kept = kept

    def add_comment(self, *args: object, **given: object) -> KeptComment:
        return KeptComment(900, None)

    def find_comment(self, *args: object) -> KeptComment | None:
        if isinstance(self.kept, Exception):
            raise self.kept
        return self.kept


def sent(kept: KeptComment | Exception | None) -> Any:
    desk = cast(Zendesk, Desk(kept))
    reply = CommentToPost(
        desk, TICKET, "op", "Hello", name="reply", summary="", public=True, may_be_sent=lambda ticket: None
    )
    return reply.perform()


def test_a_comment_that_the_answer_does_not_name_is_found() -> None:
    """It is there, so that none is to be posted by hand beside it."""
    assert "901" == sent(KeptComment(901, True)).reference


@pytest.mark.parametrize("kept", [None, KeptComment(900, None)])
def test_a_comment_that_is_nowhere(kept: KeptComment | None) -> None:
    """Then a person is to post it."""
    with pytest.raises(NotAsSentError, match=r"keeps no comment of it\. Post it by hand"):
        sent(kept)


def test_a_comment_that_cannot_be_looked_for_may_be_there() -> None:
    """It was taken: that it was not sent is not said, since a person would send it once more."""
    with pytest.raises(OutcomeUnknownError, match="names no comment, and cannot be asked"):
        sent(UnavailableError("It is down."))

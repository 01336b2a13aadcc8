"""The title that an ended job's issue gets: written once, and never over a title that was edited."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from runbook_lib.changes.issue_title import IssueTitle
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.domain.errors import PersonNeededError
from runbook_lib.domain.titles import Mark
from tests.clients.wire import Wire, reply

TITLE = "[In progress] - Creating a license under ada@customer.example for 250 users"
ISSUE = {"iid": 7, "title": TITLE, "state": "opened", "labels": [], "web_url": "https://git.example/7"}
ISSUE |= {"created_at": "2026-11-21T09:04:00Z", "description": "Operation: `live-1001-license-1`\n\ntext"}
SETTLED = {"title": TITLE.replace("[In progress] - Creating", "[Success] - Created"), "state": "closed"}


@pytest.mark.parametrize("change", [{"title": "Done by hand"}, {"state": "closed"}])
def test_changed_meanwhile_is_left_alone(change: dict[str, str]) -> None:
    """Between the look and the change: a person's title stays, and the next run decides anew."""
    wire = Wire(reply(json=ISSUE), reply(json=ISSUE), reply(json=ISSUE | change))
    effect = settled(wire)
    assert effect.find() is None
    with pytest.raises(PersonNeededError, match="has changed meanwhile"):
        effect.perform()
    assert {"GET"} == {request.method for request in wire.requests}


def test_what_is_settled_is_found() -> None:
    assert settled(Wire(reply(json=ISSUE), reply(json=ISSUE | SETTLED))).find() is not None


@pytest.mark.parametrize(
    ("title", "whose"), [(TITLE, "ada@customer.example for 250"), ("Done by hand", "bob@other.example for 9")]
)
def test_the_jobs_own_title_says_whose_it_is(title: str, whose: str) -> None:
    """The license went to the job's address, although the requester has changed; a title by hand does not say it."""
    effect = settled(Wire(reply(json=ISSUE | {"title": title})), whose=("bob@other.example", 9))
    assert [f"[Success] - Created a license under {whose} users"] == [text.words for text in effect.texts]


def settled(wire: Wire, whose: tuple[str, int] = ("ada@customer.example", 250)) -> IssueTitle:
    """The effect for the issue as it was just read."""
    gitlab = GitLab("https://git.example", SecretStr("t"), wire.session)
    return IssueTitle(gitlab, 1, gitlab.issue(1, 7), "live-1001-settled_issue-7-sent", mark=Mark.SUCCESS, whose=whose)

"""A post of which two came to be there: the later one is deleted as soon as a run sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from runbook_lib.changes.slack_post import Channel, SlackPost, is_post
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import HttpSession
from runbook_lib.clients.slack import Slack
from runbook_lib.domain.models import EffectState, Person, Ticket
from runbook_lib.ledger.effects import Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing


@dataclass
class Workspace:
    """Slack; the first post is taken, and shows only after a while."""

    posts: dict[str, str] = field(default_factory=dict)
    late: str = ""
    may_delete: bool = True

    def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content or b"{}")
        match request.url.path.rpartition("/")[2]:
            case "conversations.history":
                messages = [
                    {"ts": ts, "metadata": {"event_payload": {"operation_id": op}}} for ts, op in self.posts.items()
                ]
                return httpx.Response(200, json={"ok": True, "messages": messages})
            case "chat.delete" if self.may_delete:
                del self.posts[body["ts"]]
                return httpx.Response(200, json={"ok": True})
            case "chat.delete":
                return httpx.Response(200, json={"ok": False, "error": "cant_delete_message"})
        operation = body["metadata"]["event_payload"]["operation_id"]
        if not self.late:
            self.late = operation
            raise httpx.ReadTimeout("", request=request)
        return httpx.Response(200, json={"ok": True, "ts": self.show(operation), "channel": "C1"})

    def show(self, operation: str) -> str:
        ts = str(100 + len(self.posts))
        self.posts[ts] = operation
        return ts


@pytest.mark.parametrize("may_delete", [True, False])
def test_late_post_is_deleted_with_the_next_effect(tmp_path: Path, may_delete: bool) -> None:
    """One that may not be deleted holds nothing back; its own effect reports it."""
    workspace, budget = Workspace(may_delete=may_delete), Budget(60, sleep=lambda seconds: None)
    journal = Journal(tmp_path / "1001", "sandbox/1001", KeyRing(tmp_path / "keys"))
    with HttpSession(loopback=True, budget=budget, transport=httpx.MockTransport(workspace.answer)) as session:
        slack = Slack("https://slack.example/api/", SecretStr("x"), session)
        channel, effects = Channel("C1", "#team", ""), Effects(journal, budget, settle_s=0, perform=True)
        at = datetime(2026, 1, 1, tzinfo=UTC)
        ticket = Ticket(1001, "", "open", at, "", Person(1, "A", None), None, None, None, "")
        posts = [SlackPost(slack, channel, ticket, f"op-{number}", "words", name="slack_post") for number in "12"]
        assert effects.apply(posts[0]).state is EffectState.DONE
        workspace.show(workspace.late)
        assert ["op-1", "op-1"] == list(workspace.posts.values())
        assert effects.apply(posts[1]).state is EffectState.DONE
    assert ["op-1", *["op-1"] * (not may_delete), "op-2"] == list(workspace.posts.values())


def test_a_post_is_known_by_its_name() -> None:
    """So that one that shows late is found in the journal, whatever kind of post it is."""
    assert (True, True, False) == (is_post("slack_post"), is_post("expert_post"), is_post("note"))
    ticket = Ticket(1001, "", "open", datetime(2026, 1, 1, tzinfo=UTC), "", Person(1, "A", None), None, None, None, "")
    with HttpSession(loopback=True, budget=Budget(60)) as session, pytest.raises(ValueError, match="`_post`"):
        SlackPost(
            Slack("https://slack.example/api/", SecretStr("x"), session),
            Channel("C1", "", ""),
            ticket,
            "op",
            "",
            name="hello",
        )

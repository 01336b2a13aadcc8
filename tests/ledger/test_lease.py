"""A look holds for a while: what would be sent later is not sent, and is looked for again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from runbook_lib.clients.budget import Budget, Lease, StaleLookError
from runbook_lib.clients.http import HttpSession
from runbook_lib.clients.slack import Slack
from runbook_lib.domain.models import EffectState, Evidence
from runbook_lib.ledger import effects
from runbook_lib.ledger.effects import Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing


@pytest.mark.parametrize("clock", ["time", "clock_gettime"])
def test_either_clock_ends_it(monkeypatch: pytest.MonkeyPatch, clock: str) -> None:
    """The wall clock may have been set back; the other one may stand still while the machine sleeps."""
    lease, now = Lease(60), getattr(time, clock)
    lease.check()
    monkeypatch.setattr(time, clock, lambda *which: now(*which) + 61)
    with pytest.raises(StaleLookError, match=r"61 s after looking .* more than 60 s"):
        lease.check()


@dataclass
class Channel:
    """Slack, which is limiting requests at first; `colleague` posts meanwhile."""

    colleague: bool
    posts: list[str] = field(default_factory=list)
    refusals: int = 1

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("conversations.history"):
            metadata = {"event_payload": {"operation_id": "op"}}
            messages = [{"ts": str(number), "metadata": metadata} for number, _ in enumerate(self.posts, 1)]
            return httpx.Response(200, json={"ok": True, "messages": messages})
        if self.refusals:
            self.refusals -= 1
            self.posts += ["colleague"] * self.colleague
            return httpx.Response(429, headers={"Retry-After": "0.3"})
        self.posts.append("us")
        return httpx.Response(200, json={"ok": True, "ts": str(len(self.posts)), "channel": "C1"})


@dataclass
class Post:
    slack: Slack
    name: str = "slack_post"
    operation_id: str = "op"
    summary: str = "post"
    where: str = "there"
    conditional: bool = False

    def check(self) -> None:
        """Nothing forbids it."""

    def find(self) -> Evidence | None:
        found = self.slack.find("C1", "op", datetime(2026, 1, 1, tzinfo=UTC))
        return Evidence("post", reference=found[0]) if found else None

    def perform(self) -> Evidence:
        return Evidence("post", reference=self.slack.post("C1", "words", "op"))


@pytest.mark.parametrize(("colleague", "state"), [(True, EffectState.ADOPTED), (False, EffectState.DONE)])
def test_write_that_had_to_wait_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colleague: bool, state: EffectState
) -> None:
    monkeypatch.setattr(effects, "LEAST_LEASE_S", 0.25)
    channel, budget = Channel(colleague), Budget(60)
    journal = Journal(tmp_path / "1001", "sandbox/1001", KeyRing(tmp_path / "keys"))
    with HttpSession(loopback=True, budget=budget, transport=httpx.MockTransport(channel.answer)) as session:
        post = Post(Slack("https://slack.example/api/", SecretStr("x"), session))
        done = Effects(journal, budget, settle_s=0, perform=True).apply(post)
    assert done.state is state
    assert len(channel.posts) == 1
    kinds = [entry["kind"] for entry in journal.entries()]
    assert kinds[:2] == ["intended", "not_done"]


def test_look_that_never_holds_sends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "LEAST_LEASE_S", -1.0)
    channel, budget = Channel(colleague=False), Budget(60)
    journal = Journal(tmp_path / "1001", "sandbox/1001", KeyRing(tmp_path / "keys"))
    with HttpSession(loopback=True, budget=budget, transport=httpx.MockTransport(channel.answer)) as session:
        post = Post(Slack("https://slack.example/api/", SecretStr("x"), session))
        with pytest.raises(StaleLookError):
            Effects(journal, budget, settle_s=-2, perform=True).apply(post)
    assert [] == channel.posts
    assert [] == journal.history().open_operations

"""Waiting is bounded by one sum, and shown."""

from __future__ import annotations

from runbook_lib.clients.budget import Budget


def test_waits_add_up() -> None:
    """What is left gets less with each wait; a wait that is longer than that is not made."""
    slept: list[float] = []
    said: list[str] = []
    budget = Budget(10, say=said.append, sleep=slept.append)

    assert budget.wait(4, "waiting for Slack")
    assert budget.wait(4)
    assert not budget.wait(4, "waiting for Slack")
    assert ([4, 4], 2) == (slept, budget.left_s)
    assert ["waiting for Slack (10 s of waiting left)"] == said


def test_a_moment_is_there_for_every_run() -> None:
    """It does not count."""
    slept: list[float] = []
    budget = Budget(0, sleep=slept.append)
    budget.pause(0.25)
    assert [0.25] == slept


def test_other_seconds_count_too() -> None:
    """Time that was lost otherwise is spent as well; there is never less than nothing left."""
    budget = Budget(10, sleep=lambda seconds: None)
    budget.spend(12)
    assert 0 == budget.left_s
    assert not budget.wait(0.1)
    budget.renew()
    assert 10 == budget.left_s

"""A ticket that cannot be read is reported at once, and its run leaves a record as every run does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.practice import World

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("runbook", ["weekend_license", "auto"])
def test_an_unknown_ticket_is_reported_first(world: World, runbook: str) -> None:
    ran = world.runbook("run", runbook, 999_999, "--json")
    assert (1, "failed") == (ran.status, ran.report["status"])
    first = ran.stderr.splitlines()[0]
    assert first.startswith("Ticket 999999 does not exist in Zendesk, or you may not see it. Check the number.")
    assert Path(ran.report["record"]).is_file()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_ticket_is_reported_first(own_world: World, status: int) -> None:
    own_world.inject("zendesk", "refuse", status=status, method="GET", times=None)
    ran = own_world.runbook("run", "weekend_license", 1001, "--json")
    assert (1, "failed") == (ran.status, ran.report["status"])
    assert ran.stderr.startswith(f"Zendesk refused ({status})")


def test_zendesk_that_is_down_is_recorded(own_world: World) -> None:
    """The run waits for it as long as its budget lasts."""
    own_world.inject("zendesk", "error", status=503, times=None)
    ran = own_world.runbook("run", "weekend_license", 1001, "--json", RUNBOOK_WAIT_S="1")
    assert (1, "failed") == (ran.status, ran.report["status"])
    assert Path(ran.report["record"]).is_file()

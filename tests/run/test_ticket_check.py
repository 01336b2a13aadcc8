"""A ticket that cannot be read is reported before its run begins; a service that is down is the run's own affair."""

from __future__ import annotations

import pytest

from tests.practice import World

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("runbook", ["weekend_license", "auto"])
def test_an_unknown_ticket_leaves_no_record(world: World, runbook: str) -> None:
    ran = world.runbook("run", runbook, 999_999, "--json")
    assert (1, "") == (ran.status, ran.stdout)
    assert "Ticket 999999 does not exist in Zendesk, or you may not see it." in ran.stderr
    assert "Nothing was run, so there is no record." in ran.stderr
    assert not (world.outputs / "sandbox" / "999999").exists()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_ticket_leaves_no_record(own_world: World, status: int) -> None:
    own_world.inject("zendesk", "refuse", status=status, method="GET")
    ran = own_world.runbook("run", "weekend_license", 1001, "--json")
    assert (1, "") == (ran.status, ran.stdout)
    assert "Nothing was run" in ran.stderr


def test_zendesk_that_is_down_is_recorded(own_world: World) -> None:
    """The run waits for it as long as its budget lasts."""
    own_world.inject("zendesk", "error", status=503, times=None)
    ran = own_world.runbook("run", "weekend_license", 1001, "--json", RUNBOOK_WAIT_S="1")
    assert (1, "failed") == (ran.status, ran.report["status"])

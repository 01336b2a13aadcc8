"""A notification never holds back a license, and a failure never hides the plan: in JupyterLab and by the command."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain.errors import UnavailableError
from tests.cases.walking import PARAMETERS, Screen, button_of, plan, press, run, state
from tests.practice import World
from tests.practice_cells import cells
from tests.run_here import run_here

pytestmark = [pytest.mark.apart, pytest.mark.slow]

ADDRESS = "maya.lindqvist@nordlicht-analytics.example"
DOWN: dict[str, Any] = {"kind": "error", "status": 503, "times": None}
TROUBLES: dict[str, dict[str, Any]] = {
    "down": DOWN,
    "missing scope": {"kind": "refuse", "error": "missing_scope", "path": "conversations.history", "times": None},
    "posting refused": {"kind": "refuse", "error": "restricted_action", "path": "chat.postMessage", "times": None},
}


def there(world: World) -> tuple[int, int, int]:
    """Mails, comments and posts."""
    return len(world.mails(ADDRESS)), len(world.comments(1001)), len(world.posts(1001))


def run_weekday(case: WeekdayTriage) -> None:
    """Run the cells of the weekday notebook, which asks for no user figures."""
    for name in case.order:
        getattr(case, name)(
            **{one: value for one, value in PARAMETERS.get(name, {}).items() if one != "billable_users"}
        )


# -- in JupyterLab


def test_the_plan_and_the_button_stay(here: World, screen: Screen) -> None:
    """A press gives the customer the license; when Slack is back, the next one makes up for the post, once."""
    here.inject("slack", **DOWN)
    case = WeekendLicense.open(1001)
    button_of(case).runs = run_here
    run(case)
    shown = " ".join(plan(case).split())
    assert "[to be performed] The plan" in shown and "/agent/tickets/1001>" in shown
    assert "[unavailable] Tell the team" in screen.card("Tell the team")
    assert "You can perform all the same: it is tried again then." in shown
    shown = " ".join(press(case).split())
    assert "[License issued]" in shown and "Not done: post in #support_licensing-subscription." in shown
    assert "performed: License issued" in state(case)
    assert (1, 2, 0) == there(here)
    here.clear_faults()
    assert "[License issued]" in press(case)
    assert (1, 2, 1) == there(here)


def test_an_expert_is_planned_with_slack_down(here: World, screen: Screen) -> None:
    """The plan stays; but a case that no expert knows of is not escalated, and a press says so."""
    here.inject("slack", **DOWN)
    case = WeekdayTriage.open(2001)
    button_of(case).runs = run_here
    run_weekday(case)
    assert "[unavailable] Engage an expert" in screen.card("Engage an expert")
    assert "[to be performed] The plan" in plan(case)
    shown = " ".join(press(case).split())
    assert "No expert was engaged yet. Not done: post in #support_licensing-subscription." in shown
    assert "Press “Perform and record” again, or do it by hand and press “It is there”." in shown
    here.clear_faults()
    run_weekday(case)
    assert "[Escalated]" in press(case)
    assert 1 == len(here.posts(2001))


def test_the_tracker_is_down(here: World, screen: Screen) -> None:
    """Where a license would be issued it is needed: the card says so. The weekday workflow goes on without it."""
    here.inject("gitlab", **DOWN, path="/issues")
    weekend = WeekendLicense.open(1001)
    with pytest.raises(UnavailableError, match="GitLab"):
        run(weekend)
    assert "[stopped] Collect the facts" in screen.card("Collect the facts")
    weekday = WeekdayTriage.open(2001)
    run_weekday(weekday)
    assert "Whether this ticket has a license already could not be looked at" in screen.card("Collect the facts")
    assert "[to be performed] The plan" in plan(weekday)
    here.clear_faults()
    run(weekend)
    assert "[to be performed] The plan" in plan(weekend)


# -- by the command, or by its cells


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_case_has_its_outcome_with_an_open_end(own_world: World, trouble: str) -> None:
    """And the reason, and the way on; the next run makes up for it, once."""
    own_world.inject("slack", **TROUBLES[trouble])
    report = cells(own_world, "weekend_license", 1001, perform=True).report
    post = report["effects"][-1]
    assert ("license_issued", "slack_post", "unavailable") == (report["outcome"], post["name"], post["state"])
    assert "or do it by hand and say so: `runbook answer 1001 slack_post yes`." in report["summary"]
    own_world.clear_faults()
    again = cells(own_world, "weekend_license", 1001, perform=True).report
    assert "done" == again["effects"][-1]["state"]
    assert (1, 2, 1) == there(own_world)


def test_a_post_by_hand_ends_what_the_command_left_open(own_world: World) -> None:
    """It is listed until a person reports it, whom the next run names; with Slack still refusing, that run ends."""
    own_world.change("UPDATE channels SET is_member = 0")
    ran = own_world.runbook("run", "weekend_license", 1001, "--perform", "--json")
    assert (0, "completed", "license_issued") == (ran.status, ran.report["status"], ran.report["outcome"])
    post = ran.report["effects"][-1]
    assert ("slack_post", "unavailable", None) == (post["name"], post["state"], post["evidence"])
    listed = own_world.runbook("records", "list", "--open").stdout
    assert "Ticket 1001, not done yet: slack_post is not there yet. Run again to complete it" in listed
    said = ("--because", "posted it myself")
    assert 0 == own_world.runbook("answer", 1001, "slack_post", "yes", *said, RUNBOOK_OPERATOR="ada").status
    post = cells(own_world, "weekend_license", 1001, perform=True).report["effects"][-1]
    assert "already_done" == post["state"]
    assert "ada says that it is there: posted it myself" == post["evidence"]["summary"]
    listed = own_world.runbook("records", "list").stdout
    assert "Ticket 1001, by hand: slack_post: ada says that it is there: posted it myself" in listed
    assert "Nothing is open." in own_world.runbook("records", "list", "--open").stdout
    assert 0 == own_world.runbook("records", "verify").status


def test_a_post_whose_answer_was_lost(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is there is not known yet: the run completes, and the next one looks before it posts."""
    own_world.inject("slack", "reset", commits=False, path="chat.postMessage")
    own_world.inject("slack", "error", path="conversations.history", skip=1, times=None)
    ran = own_world.runbook("run", "weekend_license", 1001, "--perform", "--json", RUNBOOK_SETTLE_S="1")
    assert (0, "license_issued") == (ran.status, ran.report["outcome"])
    assert "Then run `runbook answer 1001 slack_post yes` if it is there" in ran.report["summary"]
    assert (
        "Ticket 1001, unknown outcome: Look whether slack_post" in own_world.runbook("records", "list", "--open").stdout
    )
    own_world.clear_faults()
    monkeypatch.setenv("RUNBOOK_SETTLE_S", "1")
    assert "done" == cells(own_world, "weekend_license", 1001, perform=True).report["effects"][-1]["state"]
    assert (1, 2, 1) == there(own_world)


def test_an_expert_informed_by_hand(own_world: World) -> None:
    """Without Slack no expert has the case, so that it has no outcome; a person's word ends it."""
    own_world.inject("slack", **DOWN)
    stopped = cells(own_world, "weekday_triage", 2001, perform=True)
    assert isinstance(stopped.error, UnavailableError) and "No expert was engaged yet." in str(stopped.error)
    assert 0 == own_world.runbook("answer", 2001, "expert_post", "yes").status
    assert "escalated" == cells(own_world, "weekday_triage", 2001, perform=True).report["outcome"]

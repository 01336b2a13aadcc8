"""The plan of a case: its steps' effects with their exact texts, before any card is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.domain.errors import RefusedError
from runbook_lib.domain.models import EffectState, Outcome
from runbook_lib.domain.plan import Plan
from tests.cases.walking import PNG, run
from tests.practice import World, start

pytestmark = pytest.mark.slow


@pytest.fixture
def practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A practice world without a person at JupyterLab."""
    for world in start(tmp_path / "outputs"):
        monkeypatch.setenv("RUNBOOK_OUTPUTS", str(world.outputs))
        yield world


def rehearsed(**given: Any) -> Plan:
    """The plan of a weekend emergency."""
    case = WeekendLicense.open(1001)
    run(case, **given)
    return case.plan()


def test_it_has_every_action_with_its_exact_text(practice: World) -> None:
    """In the order of the steps, each with its target and its operation id."""
    plan = rehearsed()
    assert (1001, Outcome.LICENSE_ISSUED) == (plan.ticket_id, plan.outcome)
    assert ["assignment", "license", "reply", "note", "slack_post"] == [one.name for one in plan.actions]
    assert plan.actions == plan.to_do
    texts = {one.name: "\n".join(text.words for text in one.texts) for one in plan.actions}
    assert "user count: 250" in texts["license"]
    assert texts["reply"].startswith("Hello") and "we have sent a temporary license" in texts["reply"]
    assert "/agent/tickets/1001" in texts["slack_post"]
    assert "Step 2: Generate the trial license" == plan.actions[1].step
    assert "/agent/tickets/1001" in plan.actions[2].target.url
    assert "sandbox-1001-reply" == plan.actions[2].operation_id
    assert ("the fingerprint of the license",) == plan.actions[3].texts[0].placeholders[1:]


def test_it_names_what_it_rests_on(practice: World) -> None:
    """The answers that the run is given, and of each name the fact that counts."""
    plan = rehearsed(plan="starter")
    assert ("starter", "unknown") == (plan.answers["plan"], plan.answers["user_count"])
    assert ("plan", "starter", "engineer") in {(one.name, one.value, one.source) for one in plan.readings}
    assert 1 == sum(one.name == "plan" for one in plan.readings)


def test_two_rehearsals_make_equal_plans(practice: World, tmp_path: Path) -> None:
    """Until an answer, a fact, a file's content or the ticket is another one."""
    plan = rehearsed()
    assert plan == rehearsed()
    assert plan != rehearsed(user_count="300")
    image = tmp_path / "dashboard.png"
    image.write_bytes(PNG)
    with_image = rehearsed(screenshots=str(image))
    image.write_bytes(PNG + b"1")
    assert with_image != rehearsed(screenshots=str(image))
    practice.change("UPDATE tickets SET updated_at = '2026-11-22T09:00:00Z' WHERE id = 1001")
    assert plan != rehearsed()


def test_mechanizers_link_is_its_pipelines(practice: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where GitLab does not say where that is, the project; that makes no other plan."""
    plan = rehearsed()
    (order,) = (one for one in plan.actions if one.name == "license")
    url = practice.descriptor["url"]
    assert order.target.url.startswith(url) and order.target.url.endswith("/-/pipelines")
    assert 200 == httpx.get(order.target.url, follow_redirects=True, trust_env=False).status_code

    def refused(*_: object, **__: object) -> str:
        raise RefusedError("GitLab says no")

    monkeypatch.setattr(GitLab, "project_url", refused)
    other = rehearsed()
    assert plan == other
    assert [f"{url}/projects/51000177"] == [one.target.url for one in other.actions if one.name == "license"]


def test_slack_that_is_down_makes_no_other_plan(practice: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named as a trouble."""
    plan = rehearsed()
    monkeypatch.setenv("RUNBOOK_WAIT_S", "1")
    practice.inject("slack", "error", status=503, times=1000)
    troubled = rehearsed()
    assert plan == troubled
    assert "You can perform all the same" in " ".join(one.trouble for one in troubled.actions)


def test_what_was_performed_is_found_by_the_next_plan(practice: World) -> None:
    """With its evidence, and nothing is sent."""
    plan = rehearsed()
    assert 0 == practice.runbook("run", "weekend_license", 1001, "--perform").status
    later = rehearsed()
    assert plan != later and plan.is_done_by(later)
    assert [(one.texts, bool(one.evidence)) for one in later.actions] == [((), True)] * len(later.actions)
    assert {EffectState.ALREADY_DONE, EffectState.ADOPTED} >= {one.state for one in later.actions}


def test_out_of_scope_plan_has_only_the_assignment(practice: World) -> None:
    """Its outcome is part of the plan."""
    plan = rehearsed(deployment="gitlab_com")
    assert (Outcome.OUT_OF_SCOPE, ["assignment"]) == (plan.outcome, [one.name for one in plan.actions])


def test_the_experts_post_is_in_the_weekday_plan(practice: World) -> None:
    """With the note."""
    case = WeekdayTriage.open(2002)
    run(case)
    plan = case.plan()
    assert Outcome.ESCALATED == plan.outcome
    assert ["assignment", "expert_post", "expert_note"] == [one.name for one in plan.actions]


@pytest.mark.parametrize(
    ("answers", "in_scope", "words"),
    [
        ({}, "yes: emergency of 2026-11-21, 1 day after the instance went read-only (at most 3 days)", "new license"),
        (
            {"expires_on": "2026-11-07"},
            "yes: emergency of 2026-11-21, the day on which the instance went read-only (at most 3 days)",
            "new license",
        ),
        (
            {"expires_on": "2027-01-01"},
            "no: The license runs until 2027-01-01 and has not expired on 2026-11-21.",
            "not yet: runs until 2027-01-01 (engineer)",
        ),
    ],
)
def test_the_summary_says_why(practice: World, answers: dict[str, str], in_scope: str, words: str) -> None:
    """With the days; and nothing of a new license where none will be made."""
    case = WeekendLicense.open(1001)
    run(case, **answers)
    assert in_scope == case.summary["In scope"]
    assert words in str(case.summary)
    assert in_scope.startswith("yes") == ("new license" in case.summary["Users"])
    said = str(case.close().data["summary"])
    assert ("but 2026-11-06 (license file" in said) == bool(answers), "what counts contradicts what was found"
    run(case, deployment="gitlab_com")
    assert "new license" not in case.summary["Users"]

"""Plans are compared by what the reader sees, not by what could not be looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.domain.models import EffectState, Evidence, Outcome
from runbook_lib.domain.plan import LATER_FINGERPRINT, LATER_LINK, Action, ExactText, Plan, PlanFact, Target, ToCome

POST = Action(
    operation_id="sandbox-1001-slack_post",
    name="slack_post",
    step="Tell the team",
    summary="post in #support",
    target=Target("#support"),
    texts=(ExactText("post in #support", "A license for 250 users"),),
)
PLAN = Plan(1001, Outcome.LICENSE_ISSUED, (POST,), {"user_count": "250"}, (PlanFact("plan", "premium", "engineer"),))
THERE = replace(POST, state=EffectState.ADOPTED, evidence=Evidence("message 1"), texts=())


OTHER = replace(POST, name="reply", operation_id="sandbox-1001-reply")


@pytest.mark.parametrize(
    "change",
    [
        {"ticket_id": 1002},
        {"outcome": None},
        {"actions": ()},
        {"actions": (replace(POST, operation_id="sandbox-1001-slack_post-2"),)},
        {"actions": (replace(POST, texts=(ExactText("post in #support", "A license for 300 users"),)),)},
        {"actions": (replace(POST, target=Target("#other")),)},
        {"actions": (THERE,)},
        {"answers": {"user_count": "unknown"}},
        {"readings": ()},
    ],
)
def test_any_difference_makes_another_plan(change: dict[str, Any]) -> None:
    """Also one that the texts do not show: an answer, a file's digest in an operation id, a fact."""
    assert replace(PLAN, **change) != PLAN


def test_the_headline_says_what_is_to_come_until_it_is_done() -> None:
    """Whatever else is left to do then. That a job was started is not that it has issued a license."""
    license = replace(POST, name="license", operation_id="sandbox-1001-license-1")
    to_come = ToCome("license", "A license will be issued")
    plan = replace(PLAN, actions=(license, POST), gist="250 users", to_come=to_come)
    assert "A license will be issued: 250 users" == plan.headline
    done = replace(license, state=EffectState.DONE)
    assert "License issued: 250 users" == replace(plan, actions=(done, POST)).headline
    assert "License issued" == PLAN.headline


def test_trouble_makes_no_other_plan() -> None:
    """The run looks again."""
    troubled = replace(PLAN, actions=(replace(POST, trouble="Slack cannot be reached."),))
    assert PLAN == troubled


def test_another_id_counts_only_of_what_is_to_be_done() -> None:
    """What is there already has got one by another change of the ticket, such as a note."""
    there, planned = (replace(PLAN, actions=(replace(one, operation_id="other"),)) for one in (THERE, POST))
    assert replace(PLAN, actions=(THERE,)) == there
    assert replace(PLAN, actions=(POST,)) != planned


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (replace(PLAN, actions=(THERE,)), True),
        (replace(PLAN, actions=(THERE,), readings=()), True),
        (replace(PLAN, actions=()), True),
        (PLAN, False),
        (replace(PLAN, actions=(THERE,), outcome=Outcome.OUT_OF_SCOPE), False),
        (replace(PLAN, actions=(THERE,), answers={}), False),
    ],
)
def test_a_plan_is_done_when_nothing_is_left_to_do(later: Plan, expected: bool) -> None:
    """With the same outcome, from the same answers."""
    assert expected == PLAN.is_done_by(later)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"actions": (THERE, OTHER)}, True),
        ({"actions": (OTHER,)}, True),
        ({}, True),
        ({"actions": (THERE,)}, False),
        ({"actions": (THERE, replace(OTHER, texts=()))}, False),
        ({"actions": (THERE, OTHER, replace(OTHER, operation_id="sandbox-1001-third"))}, False),
        ({"actions": (OTHER,), "outcome": Outcome.ESCALATED}, False),
        ({"actions": (OTHER,), "answers": {}}, False),
        ({"actions": (OTHER,), "readings": ()}, False),
    ],
)
def test_rest_of_a_plan_has_nothing_new_to_do(change: dict[str, Any], expected: bool) -> None:
    """As it was read, for the same reasons."""
    read = replace(PLAN, actions=(POST, OTHER))
    assert expected == replace(read, **change).is_rest_of(read)


def test_a_text_names_its_placeholders() -> None:
    """What is known only after the license was issued."""
    note = ExactText("internal note", f"license {LATER_FINGERPRINT}: {LATER_LINK}")
    assert ("the link of the license", "the fingerprint of the license") == note.placeholders
    assert () == POST.texts[0].placeholders

"""The questions of a page whether something is there: asked as long as they are open, answered once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain.errors import OutcomeUnknownError
from runbook_lib.ledger.journal import Journal
from runbook_lib.settings import Settings
from tests.cases.test_slack_down import run_weekday
from tests.cases.test_weekend_license import die
from tests.cases.walking import (
    Screen,
    answer,
    asked,
    button_of,
    ended,
    plan,
    press,
    run,
    sit_down,
    text_of,
)
from tests.practice import World
from tests.run_here import run_here

pytestmark = [pytest.mark.apart, pytest.mark.slow]

THERE, ABSENT = "It is there", "It is not there"
DOWN: dict[str, Any] = {"kind": "error", "status": 503, "times": None}


def performed(runbook: Any = WeekendLicense, ticket_id: int = 1001) -> Any:
    """A case whose button was pressed."""
    case = runbook.open(ticket_id)
    button_of(case).runs = run_here
    (run_weekday if runbook is WeekdayTriage else run)(case)
    press(case)
    return case


def lines(ticket_id: int = 1001) -> list[dict[str, Any]]:
    """The answers in the ticket's journal."""
    return [dict(one) for one in Journal.of(Settings.load(), ticket_id).entries() if one["kind"] == "answered"]


def lose_the_post(world: World) -> None:
    """It is made, its answer is lost, and looking fails from then on."""
    world.inject("slack", "reset", commits=True, path="chat.postMessage")
    world.inject("slack", "error", path="conversations.history", skip=3, times=None)


def test_post_by_hand_ends_the_question(here: World) -> None:
    """As by the command: the plan is made anew, and there is nothing left to press."""
    here.inject("slack", **DOWN)
    case = performed()
    said = " ".join(text_of(button_of(case).widget.output).split())
    assert "Press “Perform and record” again, or do it by hand and press “It is there”." in said
    assert ["slack post"] == asked(case)
    below = button_of(case).answers.box.children[0].children[0].value
    assert "not done." in below and "try again" not in below, "that is said right above"
    assert "Noted: the slack post is there." in answer(case, THERE)
    assert [] == asked(case)
    (line,) = lines()
    assert ("sandbox-1001-slack_post", True) == (line["operation_id"], line["there"])
    assert f"{line['operator']} says that it is there" == line["evidence"]["summary"]
    assert "Nothing is left to do." in text_of(button_of(case).widget.output)
    assert button_of(case).widget.button.disabled


def test_what_a_run_has_left_takes_one_press(here: World) -> None:
    """It is the rest of the plan that was read; the page no longer says that Slack is down."""
    here.inject("slack", **DOWN)
    case = performed()
    assert "[performed, 1 open] The plan" in plan(case)
    assert "Try again later" not in plan(case)
    here.clear_faults()
    assert "[License issued]" in press(case)
    assert "[performed] The plan" in plan(case)
    assert (1, [], True) == (len(here.posts(1001)), asked(case), button_of(case).widget.button.disabled)


def test_no_is_refused_as_long_as_it_may_show(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the time from when it can be answered; then the next press goes on from it."""
    monkeypatch.setenv("RUNBOOK_SETTLE_S", "1")
    lose_the_post(here)
    performed()
    monkeypatch.setenv("RUNBOOK_SETTLE_S", "300")
    case = WeekendLicense.open(1001)
    run(case)
    assert ["slack post"] == asked(case)
    shown = answer(case, ABSENT)
    assert re.search(r"✗ slack post may still take effect until \d\d:\d\d:\d\d UTC\. Look again after that", shown)
    assert ([], ["slack post"]) == (lines(), asked(case))
    here.clear_faults()
    assert "Noted: the slack post is there." in answer(case, THERE)
    assert 1 == len(here.posts(1001))


def test_question_is_asked_in_every_page(here: World) -> None:
    """A restarted kernel, and a second tab; the same answer again adds nothing."""
    here.inject("slack", **DOWN)
    first = performed()
    second = WeekendLicense.open(1001)
    run(second)
    assert ["slack post"] == asked(first) == asked(second)
    assert "[noted]" in answer(first, THERE)
    assert "[noted]" in answer(second, THERE)
    assert 1 == len(lines())
    assert [] == asked(second)
    third = WeekendLicense.open(1001)
    run(third)
    assert [] == asked(third)


def test_wrong_click_is_taken_back(here: World) -> None:
    """By the other button, which stays until a run goes on from the answer."""
    here.inject("slack", **DOWN)
    case = performed()
    answer(case, THERE)
    here.clear_faults()
    assert "Noted: the slack post is not there." in answer(case, ABSENT)
    assert [True, False] == [line["there"] for line in lines()]
    assert "[License issued]" in press(case), "what has changed meanwhile is no other plan"
    assert 1 == len(here.posts(1001))
    assert () == button_of(case).answers.box.children


def test_double_click_answers_once(here: World) -> None:
    """Also where the second click was made before the question had gone."""
    here.inject("slack", **DOWN)
    case = performed()
    buttons = button_of(case).answers.box.children[0].children[1].children
    for _ in range(2):
        buttons[0].click()
    assert ended(button_of(case).widget.worker)
    buttons[0].click()
    assert ended(button_of(case).widget.worker)
    assert 1 == len(lines())


def test_settled_question_is_refused(here: World) -> None:
    """A run of another page has seen it meanwhile."""
    here.inject("slack", **DOWN)
    case, other = performed(), WeekendLicense.open(1001)
    here.clear_faults()
    button_of(other).runs = run_here
    run(other)
    press(other)
    assert "✗ slack post on ticket 1001 is done already" in answer(case, THERE)
    assert [] == lines()


def test_expert_notified_by_hand(here: World) -> None:
    """The case goes on from the answer at the next press."""
    here.inject("slack", **DOWN)
    case = performed(WeekdayTriage, 2001)
    assert "expert post" in asked(case)
    assert "Noted: the expert post is there." in answer(case, THERE, place=asked(case).index("expert post"))
    assert "[Escalated]" in press(case)


def test_question_below_the_step_that_waits_for_it(
    issued: World, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail with an unknown outcome, which no performing run has asked about: the answer goes on to the plan."""
    sit_down(issued, monkeypatch)
    die(issued, said="The mail is being sent.")
    case = WeekendLicense.open(1001)
    with pytest.raises(OutcomeUnknownError, match="Then press “It is there” or “It is not there”"):
        run(case)
    for name in case.order[case.order.index("issue_license") + 1 :]:
        with pytest.raises(OutcomeUnknownError):
            getattr(case, name)()
    assert ["license mail"] == asked(case)
    assert button_of(case).answers.box in screen.below("Step 2: Generate the trial license")
    assert "Noted: the license mail is there." in answer(case, THERE)
    assert ([], True) == (asked(case), lines()[0]["there"])
    assert "[to be performed] The plan" in plan(case)

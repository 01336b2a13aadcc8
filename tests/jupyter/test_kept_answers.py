"""A copy keeps what was answered in it, for a kernel that comes later; the page's part is in the browser's tests."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import IPython
import pytest

from runbook_lib import templates
from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.jupyter.session import NOTEBOOK
from runbook_lib.settings import ROOT
from tests.cases.walking import NOTHING, ROBIN, entered, form, row, run, session, sources, state
from tests.practice import World

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(here: World, tmp_path: Path) -> Path:
    """The copy that this kernel was started for."""
    path = tmp_path / "copy.ipynb"
    templates.write_marked(ROOT / "notebooks" / "weekend_license.ipynb", path)
    IPython.get_ipython().user_ns[NOTEBOOK] = str(path)
    return path


def page_saves(copy: Path) -> dict[str, Any]:
    """What the page does with what the kernel shows it last; returns the answers that the copy has then."""
    from ipywidgets.widgets.widget import _instances

    shown = [str(one.value) for one in _instances.values() if "data-runbook-answers" in str(getattr(one, "value", ""))]
    found = re.search('data-runbook-answers="([^"]*)"', shown[-1])
    assert found
    content = json.loads(copy.read_text())
    content["metadata"][templates.ANSWERS] = answers = json.loads(unescape(found[1]))
    copy.write_text(json.dumps(content))
    return dict(answers)


def answered(copy: Path, **entered: str) -> WeekendLicense:
    """The first kernel: the facts of ticket 1001 with these answers, which the page has saved."""
    case = WeekendLicense.open(1001)
    run(case, "collect_facts")
    for name, words in entered.items():
        session(case).enter(name, words)
    page_saves(copy)
    return case


def test_a_new_kernel_has_the_answers(here: World, copy: Path) -> None:
    """They count as they did, are shown as typed before, and can be changed; nothing is performed."""
    answered(copy, plan="starter", expires_on="2026-11-05")
    again = WeekendLicense.open(1001)
    run(again)
    assert "Plan: starter · Expired on: 2026-11-05 (typed before)" == form(again, "collect_facts").answered
    assert row(again, "collect_facts", "plan").message.endswith("typed before")
    assert "2 answers typed before" in state(again)
    assert ["engineer", "engineer"] == sources(again, "plan", "expires_on")
    assert "would end: License issued" in state(again)
    assert [] == [*here.comments(1001), *here.posts(1001)]
    row(again, "collect_facts", "plan").input.value = "ultimate"
    assert "yours" == row(again, "collect_facts", "plan").message
    assert (
        "Plan: ultimate (your answer) · Expired on: 2026-11-05 (typed before)" == form(again, "collect_facts").answered
    )


def test_a_confirmed_value_stays_confirmed(copy: Path) -> None:
    """As it was read off the screenshot and compared with it."""
    case = WeekendLicense.open(1908)
    run(case, "collect_facts")
    for name in ("plan", "billable_users"):
        row(case, "collect_facts", name).confirm_buttons[0].click()
    before = dict(entered(case))
    page_saves(copy)
    again = WeekendLicense.open(1908)
    run(again, "collect_facts")
    assert before == entered(again)
    assert "✓ confirmed" in row(again, "collect_facts", "plan").confirm_buttons[0].description
    assert "confirmed by the engineer" in str(again.facts.best("plan"))


def test_an_emptied_answer_does_not_come_back(copy: Path) -> None:
    """What counts is what stood in the form last."""
    case = answered(copy, plan="starter", expires_on="2026-11-05")
    row(case, "collect_facts", "plan").input.value = ""
    page_saves(copy)
    assert {"expires_on": "2026-11-05"} == entered(WeekendLicense.open(1001))


def test_a_parameter_changed_since_counts(copy: Path) -> None:
    """As in the kernel that it was entered in."""
    answered(copy, plan="starter", expires_on="2026-11-05")
    again = WeekendLicense.open(1001)
    again.take()
    again.collect_facts(**{**NOTHING, "plan": "ultimate"})
    assert "ultimate" == str(again.facts.value("plan"))
    assert "Expired on: 2026-11-05 (typed before)" == form(again, "collect_facts").answered


def test_answers_stay_with_their_case(copy: Path) -> None:
    """Neither another ticket nor another runbook has them; nor has the live ticket of the same number."""
    answered(copy, plan="starter")
    assert {} == entered(WeekendLicense.open(1005))
    assert {} == entered(WeekdayTriage.open(1001))
    assert {"plan": "starter"} == entered(WeekendLicense.open(1001))
    content = json.loads(copy.read_text())
    content["metadata"][templates.ANSWERS]["of"][0] = "live"
    copy.write_text(json.dumps(content))
    assert {} == entered(WeekendLicense.open(1001))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("subscription", "activation code: 4ErGgQVqkmT2PXkzb9PGxvYZ"),
        ("issued_evidence", "-----BEGIN GITLAB LICENSE----- eyJkYXRhIjoiQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoifQ=="),
        ("expires_on", "2026-02-30"),
    ],
)
def test_licenses_and_wrong_answers_are_not_kept(copy: Path, name: str, words: str) -> None:
    """They are not even shown to the page."""
    case = answered(copy, plan="starter", **{name: words})
    assert words == entered(case)[name]
    assert {"plan": "starter"} == page_saves(copy)["entered"]


def test_secrets_are_not_kept(copy: Path) -> None:
    """Whichever was pasted into a field."""
    case = answered(copy, plan="starter")
    secrets = case.settings.secrets().values()
    assert secrets
    for secret in secrets:
        session(case).enter("issued_evidence", f"{secret}.gitlab-license")
        assert {"plan": "starter"} == page_saves(copy)["entered"]


def test_a_colleague_is_asked_about_anew(here: World, copy: Path) -> None:
    """By then another one may have the ticket."""
    here.change(ROBIN, 1001)
    case = WeekendLicense.open(1001)
    case.take(take_over=False)
    session(case).enter("take_over", "yes")
    page_saves(copy)
    assert "needs you" == WeekendLicense.open(1001).take(take_over=False).card.state


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {"of": ["sandbox", "weekend_license", 1001]},
        {"entered": [["plan"]], "confirmed": 1, "passed": {}},
        {"of": ["sandbox", "weekend_license", 1001], "entered": {"plan": 5, "x": "y"}, "confirmed": [], "passed": {}},
    ],
)
def test_a_file_that_was_tampered_with(copy: Path, kept: object) -> None:
    """The case begins without answers, as where the file is gone."""
    content = json.loads(copy.read_text())
    content["metadata"][templates.ANSWERS] = kept
    copy.write_text(json.dumps(content))
    assert {} == entered(WeekendLicense.open(1001))
    copy.unlink()
    assert {} == entered(WeekendLicense.open(1001))


def test_a_copy_with_answers_is_not_renewed(copy: Path) -> None:
    """Also where its outputs were cleared."""
    answered(copy, plan="starter")
    kept = copy.parent / "open" / "1001.ipynb"
    kept.parent.mkdir()
    kept.write_bytes(copy.read_bytes())
    templates.copy(copy, kept.name, {"ticket_id": 1001})
    assert templates.ANSWERS in json.loads(kept.read_text())["metadata"]

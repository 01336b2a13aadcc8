"""What CustomersDot's licenses come to as facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from runbook_lib.cases.knowledge import Purchases, purchase_facts
from runbook_lib.domain.models import SoldLicense

ON = date(2026, 11, 21)


def sold(plan: str | None, name: str = "A-S1", *, trial: bool = False) -> SoldLicense:
    return SoldLicense(5, name, plan, date(2025, 11, 6), date(2026, 11, 6), 120, cloud=True, trial=trial)


@pytest.mark.parametrize("plan", ["premium", "ultimate", "starter"])
def test_paid_plan_is_a_fact(plan: str) -> None:
    facts, notes = purchase_facts([sold(plan)], ON)
    assert (plan, []) == ({fact.name: fact.value for fact in facts}["plan"], notes)


@pytest.mark.parametrize("plan", ["premium_plus", "silver", "premium, ultimate", "free", "<b>premium</b>"])
def test_other_plan_is_a_note(plan: str) -> None:
    """It is never taken for the plan that it resembles, and does not go unseen."""
    facts, notes = purchase_facts([sold(plan)], ON)
    assert "plan" not in {fact.name for fact in facts}
    assert [f"CustomersDot names a plan that is not known here: {plan} (license 5)."] == notes


def test_missing_plan_says_nothing() -> None:
    facts, notes = purchase_facts([sold(None)], ON)
    assert ("plan" in {fact.name for fact in facts}, notes) == (False, [])


@pytest.mark.parametrize(
    ("name", "trial", "why"),
    [("", True, "is a trial"), ("A-S1", True, "is a trial"), ("", False, "has no subscription")],
)
def test_license_that_was_not_bought_is_a_note(name: str, trial: bool, why: str) -> None:
    """A prospect with a trial has no paid plan; beside a paid license, the trial changes nothing."""
    other = sold("ultimate", name, trial=trial)
    assert ([], [f"License 5 in CustomersDot {why}: it shows no paid plan."]) == purchase_facts([other], ON)
    assert purchase_facts([sold("premium")], ON)[0] == purchase_facts([sold("premium"), other], ON)[0]
    assert [] == Purchases((), (other,)).subscriptions


@pytest.mark.parametrize(
    ("ends_on", "expires_on"),
    [(date(2026, 11, 5), date(2026, 11, 6)), (date(2026, 11, 20), None), (date(2026, 12, 1), None), (None, None)],
)
def test_a_later_extension_leaves_the_expiry_open(ends_on: date | None, expires_on: date | None) -> None:
    """An extension by Sales does not rule a customer out, so the day before it does not decide. Source: seeds."""
    extension = replace(sold("ultimate", "", trial=True), expires_on=ends_on)
    facts, notes = purchase_facts([sold("premium"), extension], ON)
    values = {fact.name: fact.value for fact in facts}
    assert (expires_on, "premium") == (values.get("expires_on"), values["plan"])
    assert (expires_on is None) == any("may be an extension" in note for note in notes)

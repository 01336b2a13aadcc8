"""Which runbook a ticket belongs to."""

from __future__ import annotations

import pytest

from runbook_lib.domain.models import Answer, Ruling, Verdict
from runbook_lib.domain.routing import Mail, Route, route

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
SATURDAY = Ruling("On a weekend?", YES, "It is Saturday.", "")
MONDAY = Ruling("On a weekend?", NO, "It is Monday.", "")
NO_MENTION = Mail(UNKNOWN, "It is not mentioned.", on_file=False)


def scope(deployment: Answer = YES, plan: Answer = YES) -> Verdict:
    """A verdict of two rules."""
    return Verdict(
        (
            Ruling("Self-managed?", deployment, "SaaS.", "", rests_on=("deployment",)),
            Ruling("Paid plan?", plan, "Free.", "", ("plan",), rests_on=("plan",)),
        )
    )


@pytest.mark.parametrize(
    ("verdict", "weekend", "mail", "expected"),
    [
        (scope(), SATURDAY, NO_MENTION, "weekend_license"),
        (scope(), MONDAY, NO_MENTION, "weekday_triage"),
        (scope(plan=UNKNOWN), SATURDAY, NO_MENTION, "weekend_license"),
        (scope(deployment=UNKNOWN), MONDAY, NO_MENTION, "weekday_triage"),
        (scope(deployment=NO), SATURDAY, NO_MENTION, None),
        (scope(deployment=NO), SATURDAY, Mail(YES, "He says so.", on_file=True), None),
        (scope(plan=NO), SATURDAY, NO_MENTION, None),
        (scope(plan=NO), SATURDAY, Mail(YES, "He says so.", on_file=True), "license_not_received"),
        (scope(), SATURDAY, Mail(YES, "He says so.", on_file=False), "license_not_received"),
        (scope(), MONDAY, Mail(YES, "He says so.", on_file=True), "license_not_received"),
        (scope(), MONDAY, Mail(YES, "He says so.", on_file=False), "weekday_triage"),
        (scope(), SATURDAY, Mail(NO, "She says no.", on_file=True), "weekend_license"),
        (scope(), SATURDAY, Mail(UNKNOWN, "It is not mentioned.", on_file=True), "weekend_license"),
    ],
)
def test_a_ticket_goes_to_one_runbook_or_to_none(
    verdict: Verdict, weekend: Ruling, mail: Mail, expected: str | None
) -> None:
    """SaaS first, then a missing mail, then the scope, then the calendar."""
    assert expected == route(verdict, weekend, mail).runbook


def test_the_reason_is_the_one_that_decided() -> None:
    """The calendar's, the mail's, or every rule that says no."""
    assert Route("weekday_triage", "It is Monday.") == route(scope(), MONDAY, NO_MENTION)
    mail = Mail(YES, "He says so.", on_file=True)
    assert Route("license_not_received", "He says so.") == route(scope(), MONDAY, mail)
    assert "Free." in route(scope(plan=NO), MONDAY, NO_MENTION).reason
    assert Route(None, "SaaS.") == route(scope(deployment=NO), MONDAY, NO_MENTION)

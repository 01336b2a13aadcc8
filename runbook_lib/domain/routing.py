"""Which runbook a ticket belongs to: pure, from the scope's rulings, the calendar, and what is known of the mail.

Source: both seeds, *Overview* and *Scope*; weekend seed, *Considerations* 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.domain.models import Answer, Ruling, Verdict

ROUTER = "start_here"
"""Tells which runbook a ticket belongs to."""
WEEKEND, WEEKDAY, NOT_RECEIVED = "weekend_license", "weekday_triage", "license_not_received"
ISSUING = (WEEKEND, WEEKDAY)
"""Those that `NOT_RECEIVED` may hand over to."""


@dataclass(frozen=True)
class Mail:
    """What is known of a license mail."""

    missing: Answer  # whether the customer says that it has not come; UNKNOWN if it is not mentioned
    why: str  # who says so, or what the tracker holds
    on_file: bool  # whether the tracker has an issue for this address in this emergency


@dataclass(frozen=True)
class Route:
    """Where a ticket goes on: a runbook, or None with the reason and what to do instead."""

    runbook: str | None
    reason: str


def route(scope: Verdict, weekend: Ruling, mail: Mail) -> Route:
    """Choose the runbook. What is not known yet does not stop the ticket: the runbook itself asks for it.

    A missing mail goes before the scope, since a license that was issued is sent again whatever the scope is. During
    the week the customer's words alone do not count as long as the tracker knows of no license.
    """
    against = [ruling for ruling in scope.rulings if ruling.holds is Answer.NO]
    saas = next((ruling for ruling in against if "deployment" in ruling.rests_on), None)
    if saas:
        return Route(None, saas.reason)
    if mail.missing is Answer.YES and (mail.on_file or weekend.holds is Answer.YES):
        return Route(NOT_RECEIVED, mail.why)
    if against:
        return Route(None, "This is no license emergency. " + " ".join(ruling.reason for ruling in against))
    return Route(WEEKEND if weekend.holds is Answer.YES else WEEKDAY, weekend.reason)

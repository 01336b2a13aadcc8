"""The scope of an emergency: what the rules say of what is known, and what a person has to settle first. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, cast

from runbook_lib.cases.knowledge import Knowledge
from runbook_lib.domain import evidence, identity, policy
from runbook_lib.domain.errors import InputError, NeedsAnswerError
from runbook_lib.domain.models import Answer, Fact, Ruling, Source, Verdict

_OF_LICENSE = ("deployment", "plan", "expires_on")


def verdict(known: Knowledge, *of_workflow: Ruling) -> Verdict:
    """The rulings of every emergency workflow, and a workflow's own."""
    value: Callable[[str], Any] = known.facts.value
    decisive = policy.ScopeFacts(
        emergency_on=known.emergency_on,
        deployment=value("deployment"),
        account_type=value("account_type"),
        plan=value("plan"),
        expires_on=value("expires_on"),
        blocked_on=_blocked_on(known, known.facts.best("expires_on")),
        requester_email=known.email,
        unsettled=unsettled(known),
    )
    scope = policy.scope(decisive, known.rules)
    return Verdict((*scope.rulings, identity.ruling(known.who), *of_workflow), scope.window)


def against(verdict: Verdict) -> str:
    """The reasons for which a case is out of scope, in sentences."""
    return " ".join(ruling.reason for ruling in verdict.rulings if ruling.holds is Answer.NO)


def unsettled(known: Knowledge) -> dict[str, tuple[str, str]]:
    """The facts that decide nothing until a person settles them: the reason and the parameter, by fact."""
    found = evidence.open_questions(known.facts, known.unusable, lambda fact: _in_window(known, fact))
    expiry = known.facts.best("expires_on")
    if known.installed.question and (expiry is None or expiry.source in evidence.OURS):
        found["expires_on"] = (known.installed.question, "installed_license")
    if identity.ruling(known.who).holds is Answer.YES:
        return found
    for name in _OF_LICENSE:
        fact = known.facts.best(name)
        if name not in found and fact and fact.source is Source.LICENSE_FILE:
            reason = f"Only {fact.detail} says {name} {fact.value}, and it is not known whose license that is."
            found[name] = (reason, "identity_confirmed")
    return found


def question(known: Knowledge, missing: tuple[str, ...]) -> NeedsAnswerError | None:
    """The error that asks a person to settle some of the missing parameters.

    None if there is nothing to ask, or if the ticket has its license already.
    """
    reasons = {parameter: reason for reason, parameter in unsettled(known).values()}
    reasons["identity_confirmed"] = identity.ruling(known.who).reason
    asked = () if known.existing_license else tuple(name for name in missing if name in reasons)
    return NeedsAnswerError(" ".join(reasons[name] for name in asked), missing=asked) if asked else None


def _in_window(known: Knowledge, expiry: Fact) -> Answer:
    expires_on, blocked_on = cast(date, expiry.value), _blocked_on(known, expiry)
    try:
        window = policy.license_window(expires_on, known.emergency_on, known.rules, blocked_on=blocked_on)
    except InputError:
        return Answer.NO  # past the calendar's end
    return policy.window_ruling(window, known.rules).holds


def _blocked_on(known: Knowledge, expiry: Fact | None) -> date | None:
    """The day from which the instance is read-only, where the expiry is that of a license file."""
    of_file = expiry is not None and expiry.source is Source.LICENSE_FILE
    return cast(date | None, known.facts.value("blocked_on")) if of_file else None

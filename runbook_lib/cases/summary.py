"""A case in five lines, for who has to decide at a glance: who, what they pay for, when it expired, scope, users."""

from __future__ import annotations

from runbook_lib.domain import answers
from runbook_lib.domain.models import Answer, Facts, Ticket, Verdict
from runbook_lib.domain.plain_text import clean

_FIGURES = {
    "users_in_license": "in the license",
    "billable_users": "billable",
    "maximum_users": "at most so far",
    "users_over_license": "over the license",
}
NOT_KNOWN = "not known yet"


def lines(
    ticket: Ticket, facts: Facts, verdict: Verdict | None, *, has_scope: bool, users: int | None = None
) -> dict[str, str]:
    """What is known of a case now, by label; before facts were collected, only who has opened the ticket."""
    named = (ticket.organization.name if ticket.organization else "no organization", ticket.requester.email or "")
    who = {"Who": ", ".join(clean(one, 120) for one in (ticket.requester.name, *named) if one)}
    if not facts.known:
        return who
    scope = {"In scope": _scope(verdict)} if has_scope else {}
    return who | {
        "Pays for": _pays_for(facts),
        "Expired": _expired(facts, verdict),
        **scope,
        "Users": _users(facts, users),
    }


def _pays_for(facts: Facts) -> str:
    plan, deployment = facts.best("plan"), facts.best("deployment")
    words = [f"{str(plan.value).capitalize()} ({plan.source})" if plan else f"plan {NOT_KNOWN}"]
    words += [answers.in_words(deployment.value)] if deployment else []
    return ", ".join(words)


def _expired(facts: Facts, verdict: Verdict | None) -> str:
    expiry = facts.best("expires_on")
    if expiry is None:
        return NOT_KNOWN
    grace = f", grace period to {verdict.window.grace_ends_on}" if verdict and verdict.window else ""
    return f"{expiry.value} ({expiry.source}){grace}"


def _scope(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not decided yet"
    why = " ".join(ruling.reason for ruling in verdict.rulings if ruling.holds is verdict.in_scope)
    if verdict.in_scope is not Answer.YES:
        return f"{'no' if verdict.in_scope is Answer.NO else 'not decided yet'}: {why}"
    window = verdict.window
    return (
        f"yes: the emergency is of {window.emergency_on}, the runbook applies until {window.last_day_on}"
        if window
        else "yes"
    )


def _users(facts: Facts, chosen: int | None) -> str:
    figures = [f"{fact.value} {words}" for name, words in _FIGURES.items() if (fact := facts.best(name))]
    new = [f"{chosen} for the new license"] if chosen else []
    return ", ".join((*new, *figures)) or NOT_KNOWN

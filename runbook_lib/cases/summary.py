"""A case in five lines, for who has to decide at a glance: who, what they pay for, when it expired, scope, users."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.display import Table
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


@dataclass(frozen=True)
class CaseSummary:
    """What is known of a case now, a line each; a line that nothing has been looked up for is "".

    Attributes:
        who: The requester, their organization and address.
        pays_for: The plan and where it runs.
        expired: The day, and the end of the grace period.
        scope: Whether the runbook applies, and why.
        users: How many, by each figure, and those of the new license.
    """

    who: str
    pays_for: str = ""
    expired: str = ""
    scope: str = ""
    users: str = ""

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """Each with its label."""
        labels = ("Who", "Pays for", "Expired", "In scope", "Users")
        lines = zip(labels, (self.who, self.pays_for, self.expired, self.scope, self.users), strict=True)
        return tuple(line for line in lines if line[1])

    @property
    def table(self) -> Table:
        """The lines as a card shows them."""
        return Table(("", ""), self.lines, in_view=True)


def of_ticket(ticket: Ticket) -> CaseSummary:
    """What the ticket itself says."""
    named = (ticket.organization.name if ticket.organization else "no organization", ticket.requester.email or "")
    return CaseSummary(", ".join(clean(one, 120) for one in (ticket.requester.name, *named) if one))


def of_facts(
    ticket: Ticket, facts: Facts, verdict: Verdict | None, *, has_scope: bool, users: int | None = None
) -> CaseSummary:
    """What the facts say, and the verdict on them.

    Args:
        ticket: The ticket.
        facts: Those that were collected; none before.
        verdict: The decision on the scope, once there is one.
        has_scope: Whether the runbook decides the scope.
        users: Of the new license, once they are chosen.
    """
    who = of_ticket(ticket).who
    if not facts.known:
        return CaseSummary(who)
    scope = _scope(verdict) if has_scope else ""
    return CaseSummary(who, _pays_for(facts), _expired(facts, verdict), scope, _users(facts, users))


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

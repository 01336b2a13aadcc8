"""What is known of a case: the facts and what they come from, as one value that the steps fill in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Self, cast

from runbook_lib.cases.unread import Unread
from runbook_lib.domain import evidence, identity, policy
from runbook_lib.domain.models import (
    Account,
    Answer,
    Comment,
    Fact,
    Facts,
    Ruling,
    SoldLicense,
    Source,
    Ticket,
)
from runbook_lib.domain.plain_text import clean

Calendar = Callable[[datetime, date, policy.Rules], Ruling]
"""A rule for the day: from when the ticket was opened, the emergency's date (UTC) and the team's rules."""


@dataclass(frozen=True)
class Issuance:
    users: int  # the ordered user count
    url: str  # the address of the evidence
    # The license file, never shown; None if there is only the engineer's answer
    text: str | None = field(repr=False, default=None)
    identity: str = "not read"  # its fingerprint, or a phrase instead
    expires_on: date | None = None  # the first day on which it is not valid; None until it was read
    issued_at: datetime | None = None  # None if there is only the engineer's answer

    @classmethod
    def made_by_hand(cls, url: str, users: int) -> Self:
        """A license of which the engineer's evidence is all that is known."""
        return cls(users, url, identity="made by hand, not read by the runbook")

    @property
    def evidence(self) -> str:
        """Which license it is, and where that can be seen."""
        label = "License fingerprint: " if self.identity.startswith("SHA256:") else "License "
        return f"{label}{self.identity} ({self.url})"


@dataclass(frozen=True)
class Purchases:
    """A requester's accounts and licenses in CustomersDot."""

    # The accounts of exactly their address, or None if they could not be read
    accounts: tuple[Account, ...] | None = None
    licenses: tuple[SoldLicense, ...] | None = None  # the licenses of those accounts, or None
    trouble: str = ""  # why they could not be read, or ""
    unread: tuple[Unread, ...] = ()  # CustomersDot itself, if it is configured but could not be read

    @property
    def subscriptions(self) -> list[str]:
        """The names of the subscriptions that the accounts list, each once."""
        return list(dict.fromkeys(one.subscription_name for one in self.licenses or () if _is_bought(one)))

    def of(self, subscription: str | None) -> list[SoldLicense]:
        return [one for one in self.licenses or () if one.subscription_name == subscription]

    def is_cloud(self, subscription: str | None) -> bool | None:
        """Whether a subscription's newest license is an online cloud license; None if not known."""
        known = [one for one in self.of(subscription) if one.cloud is not None]
        return max(known, key=lambda one: one.expires_on or date.min).cloud if known else None


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    ticket: Ticket  # the ticket as it was when the case was opened
    rules: policy.Rules
    thread: tuple[Comment, ...] = ()
    facts: Facts = field(default_factory=Facts)
    attached: tuple[evidence.Attached, ...] = ()  # the licenses on the ticket that are signed by the expected key
    installed: evidence.Installed = field(default_factory=evidence.Installed)  # the one of them that the instance has
    purchases: Purchases = field(default_factory=Purchases)
    # Organization fields with unexpected values, in words, by fact
    unusable: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()  # the things that could not be read
    # The license that this ticket has from an earlier run or a colleague, or None
    existing_license: Issuance | None = None
    identity_confirmed: Answer = Answer.UNKNOWN  # the engineer's answer whether this is the customer
    account_by_hand: bool = False  # whether the engineer has found the requester's account where the runbook found none

    @property
    def emergency_on(self) -> date:
        """The emergency's date: the day on which the ticket was opened (UTC), or the engineer's answer."""
        return cast(date | None, self.facts.value("emergency_on")) or self.ticket.created_at.date()

    @property
    def began_on(self) -> date:
        """The first day on which a license can have been issued for this emergency: `window_days` before it."""
        days_known = (self.emergency_on - date.min).days
        return self.emergency_on - timedelta(days=min(self.rules.window_days, days_known))

    @property
    def email(self) -> str | None:
        return cast(str | None, self.facts.value("requester_email"))

    def day_ruling(self, calendar: Calendar) -> Ruling:
        return calendar(self.ticket.created_at, self.emergency_on, self.rules)

    @property
    def notes_on_later(self) -> list[str]:
        """Notes on licenses that are still valid, which the instance may have rejected."""
        later = [license for license in self.attached if license.works_on(self.emergency_on, self.rules.grace_days)]
        return evidence.too_few_users(later, self.attached, self.facts)

    @property
    def who(self) -> identity.IdentitySources:
        """Who the customer is, by our records and by the licenses on the ticket."""
        organization, domain_of = self.ticket.organization, identity.domain_of
        requester = identity.NamedParty("the requester", domains=domain_of(self.ticket.requester.email or self.email))
        ours = [
            identity.NamedParty(f"CustomersDot account {account.id}", account.company, domain_of(account.email), True)
            for account in self.purchases.accounts or ()
        ]
        if organization:
            ours.insert(0, identity.NamedParty("the organization", organization.name, organization.domains))
        if self.account_by_hand:
            ours.append(identity.NamedParty("CustomersDot account found by the engineer", "", requester.domains, True))
        licenses = [identity.NamedParty(one.name, one.company, domain_of(one.email)) for one in self.attached]
        not_looked = self.purchases.trouble.rstrip(".")
        return identity.IdentitySources(tuple(ours), requester, tuple(licenses), self.identity_confirmed, not_looked)


def purchase_facts(licenses: Sequence[SoldLicense], emergency_on: date) -> tuple[list[Fact], list[str]]:
    """Facts and notes from the licenses of a single subscription: the one that had expired by the emergency counts.

    A renewed license is only noted, since the instance does not have it yet. So is one that was not bought: a trial's
    plan and dates are not those of what the customer pays for. One that ends later may have extended it, and then the
    expiry is not known from here.
    """
    bought = [one for one in licenses if _is_bought(one)]
    names = {one.subscription_name for one in bought}
    ended = [one for one in bought if one.expires_on and one.expires_on <= emergency_on]
    notes = [
        f"CustomersDot has a license of {one.subscription_name} that runs until {one.expires_on}."
        for one in bought
        if one.expires_on and one.expires_on > emergency_on
    ]
    others = [one for one in licenses if not _is_bought(one)]
    for one in others:
        why = "is a trial" if one.trial else "has no subscription"
        notes.append(f"License {one.id} in CustomersDot {why}: it shows no paid plan.")
    if len(names) != 1 or not ended:
        return [], notes
    last = max(ended, key=lambda one: one.expires_on or date.min)
    where = f"license {last.id}"
    if last.plan and last.plan not in policy.PAID_PLANS:
        notes.append(f"CustomersDot names a plan that is not known here: {clean(last.plan, 40)} ({where}).")
    later = [one for one in others if (one.expires_on or date.max) > (last.expires_on or date.max)]
    if later:
        notes.append(f"License {later[0].id} ends after {where}, and may be an extension: ask when it expired.")
    found = {
        "deployment": "self_managed",
        "expires_on": None if later else last.expires_on,
        "plan": last.plan if last.plan in policy.PAID_PLANS else None,
        "users_in_license": last.users,
    }
    return [Fact(name, value, Source.CUSTOMERSDOT, where) for name, value in found.items() if value is not None], notes


def _is_bought(license: SoldLicense) -> bool:
    """Whether a license is of a subscription. Source: GitLab handbook; trials have none, nor have internal licenses."""
    return bool(license.subscription_name) and not license.trial

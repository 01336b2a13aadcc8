"""The requester's CustomersDot accounts and what was sold to them, as facts. Only reads; it is optional everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from runbook_lib.cases.unread import Unread
from runbook_lib.clients.customersdot import CustomersDot
from runbook_lib.domain import policy
from runbook_lib.domain.errors import RefusedError, UnavailableError
from runbook_lib.domain.models import Account, Fact, SoldLicense, Source
from runbook_lib.domain.plain_text import clean

NOT_CONFIGURED = "CustomersDot is not configured here (RUNBOOK_CUSTOMERSDOT_COOKIE)."


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


def look_up(cdot: CustomersDot | None, email: str | None) -> Purchases:
    if cdot is None:
        return Purchases(trouble=NOT_CONFIGURED)
    if email is None:
        return Purchases(trouble="The ticket shows no usable address to look for.")
    try:
        accounts = tuple(cdot.accounts(email))
        return Purchases(accounts, tuple(one for a in accounts for one in cdot.licenses(a)))
    except (RefusedError, UnavailableError) as exc:
        return Purchases(trouble=str(exc), unread=(Unread.of("CustomersDot", exc, Source.CUSTOMERSDOT),))


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
    found: list[tuple[str, object | None]] = [("deployment", "self_managed")]
    found.append(("expires_on", None if later else last.expires_on))
    found.append(("plan", last.plan if last.plan in policy.PAID_PLANS else None))
    found.append(("users_in_license", last.users))
    return [Fact(name, value, Source.CUSTOMERSDOT, where) for name, value in found if value is not None], notes


def _is_bought(license: SoldLicense) -> bool:
    """Whether a license is of a subscription. Source: GitLab handbook; trials have none, nor have internal licenses."""
    return bool(license.subscription_name) and not license.trial

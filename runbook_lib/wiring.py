"""The one place that builds API clients from settings, and what applies the effects of a ticket."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from runbook_lib.clients.budget import Budget
from runbook_lib.clients.customersdot import CustomersDot
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.http import HttpSession
from runbook_lib.clients.slack import Slack
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.job_settings import JobSettings
from runbook_lib.ledger.effects import Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.sharing import SharedRun
from runbook_lib.settings import Settings

_NO_TOKEN = SecretStr("")
"""Of a service that is not configured, and so is not asked for anything."""


@dataclass(frozen=True)
class Services:
    """The API clients of one run, on one connection pool."""

    budget: Budget
    zendesk: Zendesk
    gitlab: GitLab
    slack: Slack
    customersdot: CustomersDot | None


def connect(settings: Settings, *, say: Callable[[str], None]) -> Services:
    """Build the clients on one connection pool, which is closed when they are no longer used."""
    budget = Budget(settings.wait_s, say=say)
    pool = HttpSession.of(settings, budget=budget)
    services = Services(
        budget=budget,
        zendesk=zendesk(settings, pool),
        gitlab=gitlab(settings, pool),
        slack=slack(settings, pool),
        customersdot=customersdot(settings, pool) if settings.customersdot_cookie else None,
    )
    weakref.finalize(services, pool.close)
    return services


def zendesk(settings: Settings, pool: HttpSession) -> Zendesk:
    return Zendesk(settings.zendesk_url, settings.zendesk_credentials(), pool, mapped_host=settings.zendesk_mapped_host)


def gitlab(settings: Settings | JobSettings, pool: HttpSession) -> GitLab:
    return GitLab(settings.gitlab_url, settings.gitlab_token or _NO_TOKEN, pool)


def slack(settings: Settings, pool: HttpSession) -> Slack:
    return Slack(settings.slack_url, settings.slack_token or _NO_TOKEN, pool)


def customersdot(settings: Settings, pool: HttpSession) -> CustomersDot:
    return CustomersDot(settings.customersdot_url, settings.customersdot_cookie or _NO_TOKEN, pool)


def effects(settings: Settings, ticket_id: int, budget: Budget, *, perform: bool) -> Effects:
    """What applies the effects of a ticket, or in a rehearsal looks for them."""
    journal = Journal.of(settings, ticket_id)
    shared = SharedRun.of(settings, journal) if perform else None
    return Effects(journal, budget, settle_s=settings.settle_s, perform=perform, shared=shared)

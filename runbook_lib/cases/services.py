"""The API clients of one run."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

from runbook_lib.clients.budget import Budget
from runbook_lib.clients.customersdot import CustomersDot
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.http import Session
from runbook_lib.clients.slack import Slack
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import InputError
from runbook_lib.results import ProgressLine
from runbook_lib.settings import Settings


@dataclass(frozen=True)
class Services:
    """The API clients of one run, on one connection pool."""

    budget: Budget
    zendesk: Zendesk
    gitlab: GitLab | None
    slack: Slack
    customersdot: CustomersDot | None


def connect(settings: Settings) -> Services:
    """Build the clients on one connection pool, which is closed when they are no longer used."""
    budget = Budget(settings.wait_s, say=ProgressLine().say)
    pool = Session.of(settings, budget=budget)
    gitlab = GitLab(settings.gitlab_url, settings.gitlab_token, pool) if settings.gitlab_token else None
    if settings.slack_token is None:
        raise InputError("RUNBOOK_SLACK_TOKEN is missing.")
    services = Services(
        budget=budget,
        zendesk=Zendesk(
            settings.zendesk_url, settings.zendesk_credentials(), pool, mapped_host=settings.zendesk_mapped_host
        ),
        gitlab=gitlab,
        slack=Slack(settings.slack_url, settings.slack_token, pool),
        customersdot=(
            CustomersDot(settings.customersdot_url, settings.customersdot_cookie, pool)
            if settings.customersdot_cookie
            else None
        ),
    )
    weakref.finalize(services, pool.close)
    return services

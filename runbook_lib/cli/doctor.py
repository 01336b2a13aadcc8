"""Checks the configuration against the services, with reads alone. It never writes, and never stops at one failure.

Each finding says what was seen and what to do; none holds a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import httpx

from runbook_lib import wiring
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.http import HttpSession
from runbook_lib.clients.refusals import CREDENTIALS, RIGHTS
from runbook_lib.clients.slack_refusals import READS, WRITES
from runbook_lib.clients.zendesk_refusals import ROLE
from runbook_lib.domain import license, messages
from runbook_lib.domain.errors import InputError, RefusedError, UnavailableError
from runbook_lib.domain.plain_text import clean
from runbook_lib.settings import Settings
from runbook_lib.variables import variable

PATIENCE_S = 10.0
"""How long one read may take; each is tried once."""
GITLAB_NEEDS = ("api",)
OPTIONAL = ("CustomersDot",)
"""What a run can do without."""


class Health(StrEnum):
    WORKING = "working"
    WRONG_CREDENTIALS = "wrong credentials"
    MISSING_SCOPE = "missing scope"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOT_CONFIGURED = "not configured"
    UNUSABLE = "unusable"


_STATES = {CREDENTIALS: Health.WRONG_CREDENTIALS, RIGHTS: Health.MISSING_SCOPE}
"""What a refusal's fault means for the service."""


@dataclass(frozen=True)
class Checked:
    service: str
    state: Health
    seen: str
    advice: str = ""


_GITLAB = ("gitlab_url", "gitlab_token")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "Zendesk": ("zendesk_url", "zendesk_oauth_token"),
    "GitLab": _GITLAB,
    "GitLab tracker": (*_GITLAB, "tracker_project_id"),
    "GitLab Mechanizer": (*_GITLAB, "mechanizer_project_id"),
    "Slack": ("slack_url", "slack_token", "slack_channel_id"),
    "CustomersDot": ("customersdot_url", "customersdot_cookie"),
}
"""The settings without which a service is not asked: its address first, then what a request is authorized with."""


def examine(settings: Settings, session: HttpSession | None = None) -> list[Checked]:
    pool = session or HttpSession.of(settings)
    try:
        with pool.budget.hurried(PATIENCE_S):
            return list(_findings(settings, pool))
    finally:
        if session is None:
            pool.close()


def healthy(findings: Sequence[Checked]) -> bool:
    """Whether a run would find all that it needs; what is optional may be missing."""
    return all(
        finding.state is Health.WORKING or (finding.state is Health.NOT_CONFIGURED and finding.service in OPTIONAL)
        for finding in findings
    )


def _findings(settings: Settings, pool: HttpSession) -> Iterator[Checked]:
    yield _probed("Zendesk", settings, lambda: _zendesk(settings, pool))
    gitlab = wiring.gitlab(settings, pool)
    yield _probed("GitLab", settings, lambda: _gitlab(gitlab))
    yield _probed("GitLab tracker", settings, lambda: _tracker(settings, gitlab))
    if settings.issuer == "mechanizer":
        yield _probed("GitLab Mechanizer", settings, lambda: _mechanizer(settings, gitlab))
    yield _probed("Slack", settings, lambda: _slack(settings, pool))
    yield _probed("CustomersDot", settings, lambda: _customersdot(settings, pool))
    yield _public_key(settings)


def _probed(service: str, settings: Settings, probe: Callable[[], Checked | str]) -> Checked:
    """A probe's finding, or what its failure means; what is not configured is not probed."""
    needed = _needed(service, settings)
    if missing := [name for name in needed if not getattr(settings, name)]:
        return _not_configured(service, missing)
    try:
        seen = probe()
    except RefusedError as exc:
        return Checked(service, _STATES.get(exc.fault, Health.REFUSED), exc.words, exc.advice)
    except UnavailableError as exc:
        seen, _, advice = str(exc).partition(". ")
        return Checked(
            service, Health.UNREACHABLE, seen, advice or "Check the address and the network, then try again."
        )
    except httpx.InvalidURL:
        wrong = f"{variable(needed[0])} is no address that can be called"
        return Checked(service, Health.UNREACHABLE, wrong, "Correct it, such as https://gitlab.com.")
    return seen if isinstance(seen, Checked) else Checked(service, Health.WORKING, seen)


def _not_configured(service: str, missing: Sequence[str]) -> Checked:
    variables = " and ".join(map(variable, missing))
    if service in OPTIONAL:
        seen, advice = "every question can be answered by hand", f"Optional: set {variables} to have them read."
    else:
        seen, advice = "not all of its settings are given", f"Set {variables}."
    return Checked(service, Health.NOT_CONFIGURED, seen, advice)


def _needed(service: str, settings: Settings) -> tuple[str, ...]:
    """As `_NEEDED`; for Zendesk an API token will do, as in `Settings.zendesk_credentials`."""
    by_mail = settings.zendesk_email and settings.zendesk_api_token and not settings.zendesk_oauth_token
    return ("zendesk_url", "zendesk_api_token") if service == "Zendesk" and by_mail else _NEEDED[service]


def _zendesk(settings: Settings, pool: HttpSession) -> Checked | str:
    """A list of tickets is the probe; `users/me` then tells as whom, and whether they may do what is needed.

    Source: Zendesk Support API, users/me: answers 200 with an anonymous user to credentials that do not hold.
    """
    zendesk = wiring.zendesk(settings, pool)
    zendesk.probe()
    me = zendesk.me()
    if found := zendesk.obstacle(me):
        return Checked("Zendesk", Health.MISSING_SCOPE, f"{clean(me.name)} {found}", ROLE)
    return f"tickets can be read, as {clean(me.name)}"


def _gitlab(gitlab: GitLab) -> Checked | str:
    """The token's own scopes; tokens that are not personal have no such page."""
    scopes = gitlab.scopes()
    if scopes is None:
        return "the token's scopes are not known: it has no page of its own"
    lacking = [scope for scope in GITLAB_NEEDS if scope not in scopes]
    return _lacks("GitLab", scopes, lacking) if lacking else f"the token has {', '.join(scopes)}"


def _tracker(settings: Settings, gitlab: GitLab) -> str:
    project = settings.tracker_project_id or 0
    gitlab.probe_issues(project, label=messages.LABEL)
    return f"the issues of project {project} can be read"


def _mechanizer(settings: Settings, gitlab: GitLab) -> str:
    project = settings.mechanizer_project_id or 0
    gitlab.probe_pipelines(project)
    return (
        f"the pipelines of project {project} can be read; "
        "the trigger token cannot be checked without starting a pipeline"
    )


def _slack(settings: Settings, pool: HttpSession) -> Checked | str:
    slack = wiring.slack(settings, pool)
    scopes = slack.scopes()
    if scopes is not None:
        lacking = [scope for scope in WRITES if scope not in scopes]
        if not set(READS) & set(scopes):  # which of them looking needs, depends on the channel
            lacking.append(" or ".join(READS))
        if lacking:
            return _lacks("Slack", scopes, lacking)
    slack.probe(settings.slack_channel_id)
    known = "the token's scopes are not known" if scopes is None else f"the token has {', '.join(scopes)}"
    return f"{settings.slack_channel} can be read; {known}"


def _customersdot(settings: Settings, pool: HttpSession) -> str:
    wiring.customersdot(settings, pool).probe()
    return "accounts can be read"


def _lacks(service: str, scopes: Sequence[str], lacking: Sequence[str]) -> Checked:
    seen = f"the token has {', '.join(scopes) or 'no scope'}"
    advice = f"{variable(_NEEDED[service][1])} also needs {' and '.join(lacking)}."
    return Checked(service, Health.MISSING_SCOPE, seen, advice)


def _public_key(settings: Settings) -> Checked:
    path = settings.license_public_key_file
    if path is None:
        return _not_configured("license key", ["license_public_key_file"])
    try:
        license.load_public_key(path.read_bytes())
    except OSError as exc:
        return Checked("license key", Health.UNUSABLE, f"{path}: {exc.strerror}", "Check the path.")
    except InputError as exc:
        return Checked("license key", Health.UNUSABLE, str(exc), "Give the PEM of the public key.")
    return Checked("license key", Health.WORKING, "licenses can be checked")

"""Checks the configuration against the services, with reads alone. It never writes, and never stops at one failure.

Each finding says what was seen and what to do; none holds a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import httpx

from runbook_lib import license, messages
from runbook_lib.clients.customersdot import CustomersDot
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.http import session as new_session
from runbook_lib.clients.slack import Slack
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.errors import InputError, RefusedError, UnavailableError
from runbook_lib.settings import Settings

PATIENCE_S = 10.0
"""How long one read may take; each is tried once."""
SLACK_NEEDS = ("chat:write", "channels:history")
GITLAB_NEEDS = ("api",)
_WRONG_CREDENTIALS = ("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive")


class State(StrEnum):
    """How a service stands."""

    WORKING = "working"
    WRONG_CREDENTIALS = "wrong credentials"
    MISSING_SCOPE = "missing scope"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOT_CONFIGURED = "not configured"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class Finding:
    """What was found for one service.

    Attributes:
        service: Its name.
        state: How it stands.
        seen: What was seen.
        advice: What to do, or "".
    """

    service: str
    state: State
    seen: str
    advice: str = ""


def examine(settings: Settings, session: httpx.Client | None = None) -> list[Finding]:
    """One finding for each service.

    Args:
        settings: Complete settings.
        session: The connection pool; by default one of its own.
    """
    pool = session or new_session(loopback=settings.profile == "sandbox")
    try:
        return list(_findings(settings, pool))
    finally:
        if session is None:
            pool.close()


def healthy(findings: Sequence[Finding]) -> bool:
    """Whether a run would find all that it needs; what is optional may be missing."""
    return all(finding.state in (State.WORKING, State.NOT_CONFIGURED) for finding in findings)


def _findings(settings: Settings, pool: httpx.Client) -> Iterator[Finding]:
    yield _told("Zendesk", lambda: _zendesk(settings, pool), "RUNBOOK_ZENDESK_OAUTH_TOKEN", "read and write")
    if settings.gitlab_token:
        gitlab = GitLab(settings.gitlab_url, settings.gitlab_token, pool)
        yield _told("GitLab", lambda: _gitlab(gitlab), "RUNBOOK_GITLAB_TOKEN", "api")
        yield _told("GitLab tracker", lambda: _tracker(settings, gitlab), "RUNBOOK_TRACKER_PROJECT_ID", "api")
        if settings.issuer == "mechanizer":
            yield _told(
                "GitLab Mechanizer", lambda: _mechanizer(settings, gitlab), "RUNBOOK_MECHANIZER_PROJECT_ID", "api"
            )
    else:
        yield Finding("GitLab", State.NOT_CONFIGURED, "no token", "Set RUNBOOK_GITLAB_TOKEN.")
    yield _told("Slack", lambda: _slack(settings, pool), "RUNBOOK_SLACK_TOKEN", " and ".join(SLACK_NEEDS))
    if settings.customersdot_cookie:
        yield _told("CustomersDot", lambda: _customersdot(settings, pool), "RUNBOOK_CUSTOMERSDOT_COOKIE", "admin")
    else:
        yield Finding(
            "CustomersDot", State.NOT_CONFIGURED, "no session cookie", "Optional: its questions are answered by hand."
        )
    yield _public_key(settings)


def _told(service: str, probe: Callable[[], Finding | str], setting: str, needs: str) -> Finding:
    """A probe's finding, or what its failure means."""
    try:
        seen = probe()
    except RefusedError as exc:
        if exc.status == 401 or exc.code in _WRONG_CREDENTIALS:
            return Finding(service, State.WRONG_CREDENTIALS, str(exc), f"Renew {setting}.")
        if exc.status == 403 or exc.code == "missing_scope":
            return Finding(service, State.MISSING_SCOPE, str(exc), f"{setting} needs {needs}.")
        return Finding(service, State.REFUSED, str(exc), f"Check {setting}, and that its user is a member.")
    except UnavailableError as exc:
        return Finding(service, State.UNREACHABLE, str(exc), "Check the address and the network, then try again.")
    return seen if isinstance(seen, Finding) else Finding(service, State.WORKING, seen)


def _zendesk(settings: Settings, pool: httpx.Client) -> str:
    """`users/me` answers anybody, so a list of tickets is the probe; it then tells as whom. Source: FACTS 4."""
    zendesk = Zendesk(settings.zendesk_url, settings.zendesk_credentials(), pool)
    zendesk.probe(patience_s=PATIENCE_S)
    return f"tickets can be read, as {zendesk.me().name}"


def _gitlab(gitlab: GitLab) -> Finding | str:
    """The token's own scopes; tokens that are not personal have no such page."""
    scopes = gitlab.scopes(patience_s=PATIENCE_S)
    if scopes is None:
        return "the token is accepted; its scopes are not told"
    return _scoped("GitLab", scopes, GITLAB_NEEDS, "RUNBOOK_GITLAB_TOKEN")


def _tracker(settings: Settings, gitlab: GitLab) -> str:
    project = settings.tracker_project_id or 0
    gitlab.probe_issues(project, label=messages.LABEL, patience_s=PATIENCE_S)
    return f"the issues of project {project} can be read"


def _mechanizer(settings: Settings, gitlab: GitLab) -> str:
    project = settings.mechanizer_project_id or 0
    gitlab.probe_pipelines(project, patience_s=PATIENCE_S)
    return f"the pipelines of project {project} can be read; the trigger token shows only when a pipeline is started"


def _slack(settings: Settings, pool: httpx.Client) -> Finding | str:
    if settings.slack_token is None:
        return Finding("Slack", State.NOT_CONFIGURED, "no token", "Set RUNBOOK_SLACK_TOKEN.")
    slack = Slack(settings.slack_url, settings.slack_token, pool)
    scopes = slack.scopes(patience_s=PATIENCE_S)
    if scopes is not None:
        found = _scoped("Slack", scopes, SLACK_NEEDS, "RUNBOOK_SLACK_TOKEN")
        if isinstance(found, Finding):
            return found
    slack.probe(settings.slack_channel_id, patience_s=PATIENCE_S)
    return f"{settings.slack_channel} can be read"


def _customersdot(settings: Settings, pool: httpx.Client) -> str:
    if settings.customersdot_cookie is None:
        raise AssertionError("asked without a cookie")
    CustomersDot(settings.customersdot_url, settings.customersdot_cookie, pool).probe(patience_s=PATIENCE_S)
    return "accounts can be read"


def _scoped(service: str, scopes: Sequence[str], needs: Sequence[str], setting: str) -> Finding | str:
    lacking = [scope for scope in needs if scope not in scopes]
    if lacking:
        return Finding(
            service,
            State.MISSING_SCOPE,
            f"the token has {', '.join(scopes) or 'no scope'}",
            f"{setting} also needs {' and '.join(lacking)}.",
        )
    return f"the token has {', '.join(scopes)}"


def _public_key(settings: Settings) -> Finding:
    path = settings.license_public_key_file
    if path is None:
        return Finding("license key", State.NOT_CONFIGURED, "no file", "Set RUNBOOK_LICENSE_PUBLIC_KEY_FILE.")
    try:
        license.load_public_key(path.read_bytes())
    except OSError as exc:
        return Finding("license key", State.UNUSABLE, f"{path}: {exc.strerror}", "Check the path.")
    except InputError as exc:
        return Finding("license key", State.UNUSABLE, str(exc), "Give the PEM of the public key.")
    return Finding("license key", State.WORKING, "licenses can be checked")

"""Checks the configuration against the services, with reads alone. It never writes, and never stops at one failure.

Each finding says what was seen and what to do; none holds a token.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import httpx

from runbook_lib import files, wiring
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.http import Session
from runbook_lib.clients.refusals import CREDENTIALS, RIGHTS
from runbook_lib.clients.slack_refusals import READS, WRITES
from runbook_lib.clients.zendesk_refusals import ROLE
from runbook_lib.domain import license, messages
from runbook_lib.domain.errors import InputError, RefusedError, UnavailableError
from runbook_lib.domain.plain_text import clean
from runbook_lib.settings import Settings

PATIENCE_S = 10.0
"""How long one read may take; each is tried once."""
GITLAB_NEEDS = ("api",)
OPTIONAL = ("CustomersDot",)
"""What a run can do without."""


class State(StrEnum):
    """How a service stands."""

    WORKING = "working"
    WRONG_CREDENTIALS = "wrong credentials"
    MISSING_SCOPE = "missing scope"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOT_CONFIGURED = "not configured"
    UNUSABLE = "unusable"
    OPEN_TO_OTHERS = "open to others"


_STATES = {CREDENTIALS: State.WRONG_CREDENTIALS, RIGHTS: State.MISSING_SCOPE}
"""What a refusal's fault means for the service."""


@dataclass(frozen=True)
class Finding:
    """What was found for one service."""

    service: str
    state: State
    seen: str
    advice: str = ""


@dataclass(frozen=True)
class _Access:
    """What the way to a service rests on, as names of settings: each must be given.

    Attributes:
        service: What the reader calls it.
        address: Where it is.
        credential: What a request is authorized with.
        place: What in it is requested, or "" for the service itself.
    """

    service: str
    address: str
    credential: str
    place: str = ""


_CUSTOMERSDOT = _Access("CustomersDot", "customersdot_url", "customersdot_cookie")
_GITLAB = _Access("GitLab", "gitlab_url", "gitlab_token")
_TRACKER = replace(_GITLAB, service="GitLab tracker", place="tracker_project_id")
_MECHANIZER = replace(_GITLAB, service="GitLab Mechanizer", place="mechanizer_project_id")
_SLACK = _Access("Slack", "slack_url", "slack_token", "slack_channel_id")


def examine(settings: Settings, session: Session | None = None) -> list[Finding]:
    """One finding for each service."""
    pool = session or Session.of(settings)
    try:
        with pool.budget.hurried(PATIENCE_S):
            return list(_findings(settings, pool))
    finally:
        if session is None:
            pool.close()


def healthy(findings: Sequence[Finding]) -> bool:
    """Whether a run would find all that it needs; what is optional may be missing."""
    return all(
        finding.state in (State.WORKING, State.OPEN_TO_OTHERS)
        or (finding.state is State.NOT_CONFIGURED and finding.service in OPTIONAL)
        for finding in findings
    )


def _findings(settings: Settings, pool: Session) -> Iterator[Finding]:
    yield _probed(_zendesk_access(settings), settings, lambda: _zendesk(settings, pool))
    gitlab = wiring.gitlab(settings, pool)
    yield _probed(_GITLAB, settings, lambda: _gitlab(gitlab))
    yield _probed(_TRACKER, settings, lambda: _tracker(settings, gitlab))
    if settings.issuer == "mechanizer":
        yield _probed(_MECHANIZER, settings, lambda: _mechanizer(settings, gitlab))
    yield _probed(_SLACK, settings, lambda: _slack(settings, pool))
    yield _probed(_CUSTOMERSDOT, settings, lambda: _customersdot(settings, pool))
    yield _public_key(settings)
    yield from _records(settings)


def _probed(access: _Access, settings: Settings, probe: Callable[[], Finding | str]) -> Finding:
    """A probe's finding, or what its failure means; what is not configured is not probed."""
    needed = (access.address, access.credential, access.place)
    if missing := [name for name in needed if name and not getattr(settings, name)]:
        return _not_configured(access.service, missing)
    try:
        seen = probe()
    except RefusedError as exc:
        return Finding(access.service, _STATES.get(exc.fault, State.REFUSED), exc.words, exc.advice)
    except UnavailableError as exc:
        return Finding(
            access.service, State.UNREACHABLE, str(exc), "Check the address and the network, then try again."
        )
    except httpx.InvalidURL:
        wrong = f"{_variable(access.address)} is no address that can be called"
        return Finding(access.service, State.UNREACHABLE, wrong, "Correct it, such as https://gitlab.com.")
    return seen if isinstance(seen, Finding) else Finding(access.service, State.WORKING, seen)


def _not_configured(service: str, missing: Sequence[str]) -> Finding:
    variables = " and ".join(map(_variable, missing))
    if service in OPTIONAL:
        seen, advice = "every question can be answered by hand", f"Optional: set {variables} to have them read."
    else:
        seen, advice = "not all of its settings are given", f"Set {variables}."
    return Finding(service, State.NOT_CONFIGURED, seen, advice)


def _variable(name: str) -> str:
    return f"RUNBOOK_{name.upper()}"


def _zendesk_access(settings: Settings) -> _Access:
    """As `Settings.zendesk_credentials`: the OAuth token goes first."""
    by_mail = settings.zendesk_email and settings.zendesk_api_token and not settings.zendesk_oauth_token
    credential = "zendesk_api_token" if by_mail else "zendesk_oauth_token"
    return _Access("Zendesk", "zendesk_url", credential)


def _zendesk(settings: Settings, pool: Session) -> Finding | str:
    """A list of tickets is the probe; `users/me` then tells as whom, and whether they may do what is needed.

    Source: Zendesk Support API, users/me: answers 200 with an anonymous user to credentials that do not hold.
    """
    zendesk = wiring.zendesk(settings, pool)
    zendesk.probe()
    me = zendesk.me()
    if found := zendesk.obstacle(me):
        return Finding("Zendesk", State.MISSING_SCOPE, f"{clean(me.name)} {found}", ROLE)
    return f"tickets can be read, as {clean(me.name)}"


def _gitlab(gitlab: GitLab) -> Finding | str:
    """The token's own scopes; tokens that are not personal have no such page."""
    scopes = gitlab.scopes()
    if scopes is None:
        return "the token's scopes are not known: it has no page of its own"
    lacking = [scope for scope in GITLAB_NEEDS if scope not in scopes]
    return _lacks(_GITLAB, scopes, lacking) if lacking else f"the token has {', '.join(scopes)}"


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


def _slack(settings: Settings, pool: Session) -> Finding | str:
    slack = wiring.slack(settings, pool)
    scopes = slack.scopes()
    if scopes is not None and (lacking := _lacking_for_slack(scopes)):
        return _lacks(_SLACK, scopes, lacking)
    slack.probe(settings.slack_channel_id)
    known = "the token's scopes are not known" if scopes is None else f"the token has {', '.join(scopes)}"
    return f"{settings.slack_channel} can be read; {known}"


def _customersdot(settings: Settings, pool: Session) -> str:
    wiring.customersdot(settings, pool).probe()
    return "accounts can be read"


def _lacking_for_slack(scopes: Sequence[str]) -> list[str]:
    """What a bot's token lacks. Which scope it needs for looking depends on the channel, so either will do here."""
    lacking = [scope for scope in WRITES if scope not in scopes]
    return lacking if set(READS) & set(scopes) else [*lacking, " or ".join(READS)]


def _lacks(access: _Access, scopes: Sequence[str], lacking: Sequence[str]) -> Finding:
    """The finding for a token that lacks a scope."""
    return Finding(
        access.service,
        State.MISSING_SCOPE,
        f"the token has {', '.join(scopes) or 'no scope'}",
        f"{_variable(access.credential)} also needs {' and '.join(lacking)}.",
    )


def _records(settings: Settings) -> Iterator[Finding]:
    """Records, journals and keys that others on this machine can read, as versions before this one left them."""
    place = settings.outputs.resolve() / settings.profile
    tickets = [*place.glob("[0-9]*"), *place.glob(".keys")]
    below = [Path(top, name) for one in tickets for top, folders, names in os.walk(one) for name in (*folders, *names)]
    loose = [path for path in (*tickets, *below) if not path.is_symlink() and path.stat().st_mode & files.OTHERS]
    if loose:
        seen = f"{len(loose)} files and folders in {place} can be read by others on this machine"
        yield Finding("records", State.OPEN_TO_OTHERS, seen, f"Run `chmod -R go= {shlex.quote(str(place))}`.")


def _public_key(settings: Settings) -> Finding:
    path = settings.license_public_key_file
    if path is None:
        return _not_configured("license key", ["license_public_key_file"])
    try:
        license.load_public_key(path.read_bytes())
    except OSError as exc:
        return Finding("license key", State.UNUSABLE, f"{path}: {exc.strerror}", "Check the path.")
    except InputError as exc:
        return Finding("license key", State.UNUSABLE, str(exc), "Give the PEM of the public key.")
    return Finding("license key", State.WORKING, "licenses can be checked")

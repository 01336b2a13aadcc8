"""The doctor: what each service's answer means, for each of them, with reads alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from runbook_lib.cli import doctor
from runbook_lib.cli.doctor import Checked, Health
from runbook_lib.clients.http import HttpSession
from runbook_lib.settings import Settings
from tests.practice import World

SERVICES = ("Zendesk", "GitLab", "GitLab tracker", "GitLab Mechanizer", "Slack", "CustomersDot", "license key")
HISTORY = "/api/conversations.history"
GOOD: dict[str, Any] = {
    "/api/v2/tickets.json": {"tickets": []},
    "/api/v2/users/me.json": {"user": {"id": 1, "name": "Grace"}},
    "/api/v4/personal_access_tokens/self": {"scopes": ["api"]},
    "/api/v4/projects/7/issues": [],
    "/api/v4/projects/8/pipelines": [],
    "/api/auth.test": {"ok": True},
    HISTORY: {"ok": True, "messages": []},
    "/admin/customer.json": [],
}


def examined(settings: Settings, seen: list[httpx.Request] | None = None, **changed: httpx.Response | Exception) -> Any:
    """What the doctor finds if some paths answer otherwise; by service."""

    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        other = changed.get(request.url.path)
        if isinstance(other, Exception):
            raise other
        if other is not None:
            return other
        headers = {"x-oauth-scopes": "chat:write,channels:history"}
        return httpx.Response(200, json=GOOD[request.url.path], headers=headers)

    pool = HttpSession(loopback=True, transport=httpx.MockTransport(answer))
    return {finding.service: finding for finding in doctor.examine(settings, pool)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A complete live configuration."""
    return Settings.model_construct(
        **{name: field.default for name, field in Settings.model_fields.items()}
        | {
            "profile": "live",
            "zendesk_url": "https://zendesk.example",
            "zendesk_oauth_token": secret("hush-z"),
            "gitlab_url": "https://gitlab.example",
            "gitlab_token": secret("hush-g"),
            "tracker_project_id": 7,
            "mechanizer_project_id": 8,
            "slack_url": "https://slack.example/api/",
            "slack_token": secret("hush-s"),
            "slack_channel_id": "C1",
            "customersdot_url": "https://customers.example",
            "customersdot_cookie": secret("session=hush-c"),
            "license_public_key_file": Path(__file__).parents[1] / "data/license-vectors/key.pub",
        }
    )


def secret(text: str) -> Any:
    """A secret as settings hold it."""
    return SecretStr(text)


def refusal(status: int, body: Any) -> Callable[[], httpx.Response]:
    """An answer, made anew for each test."""
    return lambda: httpx.Response(status, json=body)


def test_all_is_well(settings: Settings) -> None:
    """Each service is named once, and works; every request was a read."""
    seen: list[httpx.Request] = []
    found = examined(settings, seen)
    assert dict.fromkeys(SERVICES, Health.WORKING) == {name: finding.state for name, finding in found.items()}
    assert doctor.healthy(list(found.values()))
    assert {"GET"} == {request.method for request in seen}
    assert "Grace" in found["Zendesk"].seen
    assert "trigger token" in found["GitLab Mechanizer"].seen


@pytest.mark.parametrize(
    ("path", "answer", "service", "state"),
    [
        ("/api/v2/tickets.json", refusal(401, {"error": "invalid_token"}), "Zendesk", Health.WRONG_CREDENTIALS),
        ("/api/v2/tickets.json", refusal(403, {"error": "Forbidden"}), "Zendesk", Health.MISSING_SCOPE),
        ("/api/v2/tickets.json", refusal(502, {}), "Zendesk", Health.UNREACHABLE),
        ("/api/v2/users/me.json", refusal(200, {"user": {"id": None}}), "Zendesk", Health.WRONG_CREDENTIALS),
        (
            "/api/v4/personal_access_tokens/self",
            refusal(401, {"message": "401 Unauthorized"}),
            "GitLab",
            Health.WRONG_CREDENTIALS,
        ),
        ("/api/v4/personal_access_tokens/self", refusal(200, {"scopes": ["read_api"]}), "GitLab", Health.MISSING_SCOPE),
        ("/api/v4/personal_access_tokens/self", refusal(404, {"message": "404"}), "GitLab", Health.WORKING),
        ("/api/v4/projects/7/issues", refusal(404, {"message": "404"}), "GitLab tracker", Health.REFUSED),
        ("/api/v4/projects/7/issues", refusal(403, {"message": "403"}), "GitLab tracker", Health.MISSING_SCOPE),
        ("/api/v4/projects/8/pipelines", refusal(404, {"message": "404"}), "GitLab Mechanizer", Health.REFUSED),
        ("/api/auth.test", refusal(200, {"ok": False, "error": "invalid_auth"}), "Slack", Health.WRONG_CREDENTIALS),
        ("/api/auth.test", refusal(200, {"ok": False, "error": "token_expired"}), "Slack", Health.WRONG_CREDENTIALS),
        (HISTORY, refusal(200, {"ok": False, "error": "missing_scope"}), "Slack", Health.MISSING_SCOPE),
        (HISTORY, refusal(200, {"ok": False, "error": "not_in_channel"}), "Slack", Health.REFUSED),
        (HISTORY, refusal(200, {"ok": False, "error": "channel_not_found"}), "Slack", Health.REFUSED),
        ("/admin/customer.json", refusal(401, {"error": "sign in"}), "CustomersDot", Health.WRONG_CREDENTIALS),
        ("/admin/customer.json", refusal(403, {"error": "no"}), "CustomersDot", Health.MISSING_SCOPE),
        ("/admin/customer.json", refusal(500, {}), "CustomersDot", Health.UNREACHABLE),
    ],
)
def test_what_an_answer_means(
    settings: Settings, path: str, answer: Callable[[], httpx.Response], service: str, state: Health
) -> None:
    """The others are examined all the same; what to do is said, and no token."""
    found = examined(settings, **{path: answer()})
    assert state == found[service].state
    assert [name for name in SERVICES if name != service] == [
        name for name, finding in found.items() if finding.state is Health.WORKING and name != service
    ]
    if state is not Health.WORKING:
        assert found[service].advice
        assert not doctor.healthy(list(found.values()))
    assert "hush" not in repr(found)


def test_missing_scopes_of_slack_are_named(settings: Settings) -> None:
    """The header of every answer tells them."""
    answer = httpx.Response(200, json={"ok": True}, headers={"x-oauth-scopes": "chat:write"})
    found = examined(settings, **{"/api/auth.test": answer})["Slack"]
    assert (Health.MISSING_SCOPE, True) == (found.state, "channels:history" in found.advice)


def test_unknown_scopes_are_no_fault_of_a_token(settings: Settings) -> None:
    """What can be read speaks for itself."""
    answer = httpx.Response(200, json={"ok": True})
    found = examined(settings, **{"/api/auth.test": answer})["Slack"]
    assert (Health.WORKING, True) == (found.state, "not known" in found.seen)
    found = examined(settings, **{"/api/v4/personal_access_tokens/self": httpx.Response(404, json={})})["GitLab"]
    assert (Health.WORKING, True) == (found.state, "not known" in found.seen)


@pytest.mark.parametrize(
    ("path", "answer", "service", "settings_named"),
    [
        ("/api/v2/tickets.json", refusal(401, {}), "Zendesk", ["ZENDESK_OAUTH_TOKEN"]),
        ("/api/v2/tickets.json", refusal(404, {}), "Zendesk", ["ZENDESK_URL"]),
        ("/api/v4/projects/7/issues", refusal(401, {}), "GitLab tracker", ["GITLAB_TOKEN"]),
        ("/api/v4/projects/7/issues", refusal(403, {}), "GitLab tracker", ["GITLAB_TOKEN", "TRACKER_PROJECT_ID"]),
        ("/api/v4/projects/7/issues", refusal(404, {}), "GitLab tracker", ["TRACKER_PROJECT_ID", "GITLAB_TOKEN"]),
        ("/api/v4/projects/8/pipelines", refusal(404, {}), "GitLab Mechanizer", ["MECHANIZER_PROJECT_ID"]),
        (HISTORY, refusal(200, {"ok": False, "error": "not_in_channel"}), "Slack", ["SLACK_CHANNEL_ID"]),
        ("/api/auth.test", refusal(200, {"ok": False, "error": "account_inactive"}), "Slack", ["SLACK_TOKEN"]),
        ("/admin/customer.json", refusal(401, {}), "CustomersDot", ["CUSTOMERSDOT_COOKIE"]),
        ("/admin/customer.json", refusal(404, {}), "CustomersDot", ["CUSTOMERSDOT_URL"]),
    ],
)
def test_the_advice_names_the_setting_at_fault(
    settings: Settings, path: str, answer: Callable[[], httpx.Response], service: str, settings_named: list[str]
) -> None:
    """A project's number is not renewed when the token has expired."""
    advice = examined(settings, **{path: answer()})[service].advice
    assert settings_named == [name for name in settings_named if f"RUNBOOK_{name}" in advice]


def test_the_advice_names_the_credential_in_use(settings: Settings) -> None:
    """Zendesk has two kinds."""
    by_mail = {"zendesk_oauth_token": None, "zendesk_email": "a@b.example", "zendesk_api_token": secret("hush-a")}
    changed = {"/api/v2/tickets.json": httpx.Response(401, json={})}
    assert (
        "Renew RUNBOOK_ZENDESK_API_TOKEN." == examined(settings.model_copy(update=by_mail), **changed)["Zendesk"].advice
    )


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v2/tickets.json", "Zendesk"),
        ("/api/v2/users/me.json", "Zendesk"),
        ("/api/v4/personal_access_tokens/self", "GitLab"),
        ("/api/v4/projects/7/issues", "GitLab tracker"),
        ("/api/v4/projects/8/pipelines", "GitLab Mechanizer"),
        ("/api/auth.test", "Slack"),
        (HISTORY, "Slack"),
        ("/admin/customer.json", "CustomersDot"),
    ],
)
def test_a_page_in_place_of_an_answer_is_not_taken_for_one(settings: Settings, path: str, service: str) -> None:
    """As from a proxy, which answers 200; and a read that hangs is given up after the first time-out."""
    page = httpx.Response(200, html="<p>Sign in</p>")
    assert examined(settings, **{path: page})[service].state in (Health.UNREACHABLE, Health.WRONG_CREDENTIALS)
    seen: list[httpx.Request] = []
    found = examined(settings, seen, **{path: httpx.ReadTimeout("slow")})
    assert Health.UNREACHABLE is found[service].state
    assert {doctor.PATIENCE_S} == {request.extensions["timeout"]["read"] for request in seen}
    assert 1 == len([request for request in seen if request.url.path == path])


@pytest.mark.parametrize("field", ["zendesk_url", "gitlab_url", "slack_url", "customersdot_url"])
def test_an_impossible_address_does_not_stop_the_others(settings: Settings, field: str) -> None:
    """It passes as text, and cannot be called."""
    found = examined(settings.model_copy(update={field: "https://service.example:port"}))
    lame = [finding for finding in found.values() if finding.state is not Health.WORKING]
    assert list(SERVICES) == list(found)
    assert {Health.UNREACHABLE} == {finding.state for finding in lame}
    assert all(f"RUNBOOK_{field.upper()}" in finding.seen for finding in lame)


@pytest.mark.parametrize(
    ("field", "services"),
    [
        ("zendesk_url", ["Zendesk"]),
        ("zendesk_oauth_token", ["Zendesk"]),
        ("gitlab_token", ["GitLab", "GitLab tracker", "GitLab Mechanizer"]),
        ("tracker_project_id", ["GitLab tracker"]),
        ("mechanizer_project_id", ["GitLab Mechanizer"]),
        ("slack_token", ["Slack"]),
        ("slack_channel_id", ["Slack"]),
        ("license_public_key_file", ["license key"]),
    ],
)
def test_what_is_needed_may_not_be_missing(settings: Settings, field: str, services: list[str]) -> None:
    """It is not asked, the setting is named, and that is not healthy."""
    found = examined(settings.model_copy(update={field: None}))
    lacking = [finding for finding in found.values() if finding.state is Health.NOT_CONFIGURED]
    assert services == [finding.service for finding in lacking]
    assert [f"Set RUNBOOK_{field.upper()}."] * len(lacking) == [finding.advice for finding in lacking]
    assert not doctor.healthy(list(found.values()))


def test_a_service_that_is_down_is_unreachable(settings: Settings) -> None:
    """It is tried once, and the others go on."""
    seen: list[httpx.Request] = []
    found = examined(settings, seen, **{"/api/auth.test": httpx.ConnectTimeout("no")})
    assert Health.UNREACHABLE is found["Slack"].state
    assert Health.WORKING is found["CustomersDot"].state
    assert not found["Slack"].seen.endswith(found["Slack"].advice)
    assert 1 == len([request for request in seen if request.url.path == "/api/auth.test"])


def test_an_error_of_the_services_own_has_its_own_advice(settings: Settings) -> None:
    """The address and the network are all right."""
    found = examined(settings, **{"/api/auth.test": refusal(503, {})()})["Slack"]
    assert ("Slack answers with an error of its own (503)", "Try again later.") == (found.seen, found.advice)


def test_what_is_optional_may_be_missing(settings: Settings) -> None:
    """Without CustomersDot its questions are answered by hand; without Mechanizer licenses are made by hand."""
    found = examined(settings.model_copy(update={"customersdot_cookie": None, "issuer": "manual"}))
    assert Health.NOT_CONFIGURED is found["CustomersDot"].state
    assert "every question can be answered by hand" == found["CustomersDot"].seen
    assert "GitLab Mechanizer" not in found
    assert doctor.healthy(list(found.values()))


@pytest.mark.parametrize(
    ("content", "seen"), [(None, "No such file"), (b"not a key", "key")], ids=["missing", "no key"]
)
def test_a_key_that_cannot_be_used_is_named(
    settings: Settings, tmp_path: Path, content: bytes | None, seen: str
) -> None:
    """Without it no license could be checked."""
    path = tmp_path / "key.pub"
    if content is not None:
        path.write_bytes(content)
    found = examined(settings.model_copy(update={"license_public_key_file": path}))["license key"]
    assert isinstance(found, Checked)
    assert Health.UNUSABLE is found.state
    assert seen in found.seen


def test_the_command_shows_the_table_and_its_exit_status(own_world: World) -> None:
    """0 where all is well, 1 where something is not; nothing in the world is changed."""
    before = own_world.content()
    ran = own_world.runbook("doctor")
    assert (0, "Each service is asked; nothing is changed ...\n") == (ran.status, ran.stderr)
    assert [] == [name for name in SERVICES if name not in ran.stdout]
    assert before == own_world.content()
    own_world.change("UPDATE settings SET value = 'chat:write' WHERE name = 'slack_scopes'")
    ran = own_world.runbook("doctor", "--json")
    assert 1 == ran.status
    assert '"missing scope"' in ran.stdout

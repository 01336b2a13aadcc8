"""What is configured, from the environment, `.env`, secret files and the running sandbox; and what is refused."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import traceback
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from runbook_lib.configuration import about
from runbook_lib.domain import policy
from runbook_lib.domain.errors import InputError
from runbook_lib.job_settings import JobRequest, JobSettings
from runbook_lib.settings import Settings
from runbook_lib.variables import SETTINGS, Places
from tests import settings_table
from tests.configuration import without_configuration

KEY = Path(__file__).parent / "data" / "license-vectors" / "key.pub"
LIVE = {
    "PROFILE": "live",
    "OPERATOR": "grace",
    "ZENDESK_URL": "https://team.zendesk.com",
    "ZENDESK_OAUTH_TOKEN": "zd-oauth-hush",
    "GITLAB_URL": "https://gitlab.com",
    "GITLAB_TOKEN": "glpat-hush",
    "TRACKER_PROJECT_ID": "42",
    "MECHANIZER_PROJECT_ID": "43",
    "MECHANIZER_TRIGGER_TOKEN": "glptt-hush",
    "SLACK_TOKEN": "xoxb-hush",
    "SLACK_CHANNEL_ID": "C0123456789",
    "LICENSE_PUBLIC_KEY_FILE": str(KEY),
}
JOB = {
    "PROFILE": "live",
    "GITLAB_URL": "https://gitlab.com",
    "GITLAB_TOKEN": "glpat-hush",
    "TRACKER_PROJECT_ID": "42",
    "SIGNING_KEY_FILE": "/keys/license.key",
    "SMTP_HOST": "smtp.support.example",
    "SMTP_SENDER": "Support <support@gitlab.example>",
}
PRACTICE = {name for name, field in Settings.model_fields.items() if about(field)["practice"]}
SECRETS = {name: value for name, value in LIVE.items() if "hush" in value}


@pytest.fixture(autouse=True)
def env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where `.env` would be; nothing is configured yet."""
    root = tmp_path / "checkout"
    root.mkdir()
    return without_configuration(monkeypatch, root)


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An outputs folder of this test's own."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    return tmp_path / "outputs"


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which a server listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def set_all(monkeypatch: pytest.MonkeyPatch, values: dict[str, str | None]) -> None:
    """Sets `RUNBOOK_*` variables; None unsets one."""
    for name, value in values.items():
        if value is None:
            monkeypatch.delenv(f"RUNBOOK_{name}", raising=False)
        else:
            monkeypatch.setenv(f"RUNBOOK_{name}", value)


def running(outputs: Path, port: int, **settings: Any) -> None:
    """Describes a running sandbox, as it does itself."""
    url = f"http://127.0.0.1:{port}"
    services = {
        "zendesk_url": url,
        "zendesk_oauth_token": "practice-zendesk",
        "gitlab_url": url,
        "gitlab_token": "practice-gitlab",
        "tracker_project_id": 7,
        "mechanizer_project_id": 8,
        "mechanizer_trigger_token": "practice-trigger",
        "slack_url": f"{url}/api/",
        "customersdot_url": url,
        "slack_token": "practice-slack",
        "slack_channel_id": "CPRACTICE",
        "operator": "practice",
    }
    folder = outputs / "sandbox" / ".world"
    folder.mkdir(parents=True)
    described = {"url": url, "folder": str(folder.resolve()), "date": "2031-03-01"}
    descriptor = {**described, "settings": services | settings}
    (folder / "running.json").write_text(json.dumps(descriptor))


# -- live


def test_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """A complete live configuration is read from the environment, typed."""
    set_all(monkeypatch, LIVE)

    found = Settings.load()

    assert ("live", "grace", 42, 43) == (
        found.profile,
        found.operator,
        found.tracker_project_id,
        found.mechanizer_project_id,
    )
    assert found.license_public_key_file == KEY
    assert "https://slack.com/api/" == found.slack_url
    assert {"Authorization": "Bearer zd-oauth-hush"} == found.zendesk_credentials()


@pytest.mark.parametrize(
    "missing",
    [[name] for name in LIVE if name not in ("PROFILE", "ZENDESK_OAUTH_TOKEN")]
    + [["GITLAB_TOKEN", "SLACK_TOKEN"], ["OPERATOR", "TRACKER_PROJECT_ID", "MECHANIZER_PROJECT_ID"]],
    ids="+".join,
)
@pytest.mark.parametrize("empty", [None, ""], ids=["unset", "empty"])
def test_live_names_exactly_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, missing: list[str], empty: str | None
) -> None:
    """Every missing setting is named, and no other."""
    set_all(monkeypatch, LIVE | dict.fromkeys(missing, empty))

    with pytest.raises(InputError) as caught:
        Settings.load()
    names = ", ".join(f"RUNBOOK_{name}" for name in missing)
    assert str(caught.value).startswith(f"The profile is live, but these settings are missing: {names}. Copy .env")


@pytest.mark.parametrize(
    ("more", "complete"),
    [
        ({}, False),
        ({"ZENDESK_EMAIL": "a@b.example"}, False),
        ({"ZENDESK_API_TOKEN": "zd-api-hush"}, False),
        ({"ZENDESK_EMAIL": "a@b.example", "ZENDESK_API_TOKEN": "zd-api-hush"}, True),
    ],
)
def test_live_zendesk_credentials(monkeypatch: pytest.MonkeyPatch, more: dict[str, str], complete: bool) -> None:
    """An API token does instead of OAuth, together with its address."""
    set_all(monkeypatch, LIVE | {"ZENDESK_OAUTH_TOKEN": None} | more)

    if complete:
        pair = base64.b64encode(b"a@b.example/token:zd-api-hush").decode()
        assert {"Authorization": f"Basic {pair}"} == Settings.load().zendesk_credentials()
    else:
        with pytest.raises(InputError, match=r"missing: RUNBOOK_ZENDESK_OAUTH_TOKEN \(or RUNBOOK_ZENDESK_EMAIL and"):
            Settings.load()


def test_oauth_goes_before_the_api_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two Zendesk credentials the one that Zendesk keeps is used."""
    set_all(monkeypatch, LIVE | {"ZENDESK_EMAIL": "a@b.example", "ZENDESK_API_TOKEN": "zd-api-hush"})

    assert {"Authorization": "Bearer zd-oauth-hush"} == Settings.load().zendesk_credentials()


def test_the_manual_issuer_needs_no_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who makes licenses by hand does not configure Mechanizer."""
    pipeline = dict.fromkeys(["MECHANIZER_PROJECT_ID", "MECHANIZER_TRIGGER_TOKEN"])
    set_all(monkeypatch, LIVE | pipeline | {"ISSUER": "manual"})

    assert "manual" == Settings.load().issuer


def test_a_live_key_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The path is reported before anything runs, also where it is a folder."""
    for path in (tmp_path / "nowhere.pub", tmp_path):
        set_all(monkeypatch, LIVE | {"LICENSE_PUBLIC_KEY_FILE": str(path)})
        with pytest.raises(InputError, match=rf"RUNBOOK_LICENSE_PUBLIC_KEY_FILE is '{path}', which is no file"):
            Settings.load()


# -- practice and live apart


@pytest.mark.parametrize("name", ["ZENDESK_URL", "GITLAB_URL", "SLACK_URL"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8000",
        "127.9.9.9",
        "localhost",
        "LOCALHOST:80",
        "a.localhost",
        "[::1]:8000",
        "u@127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "localhost.",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
def test_live_refuses_this_machine(monkeypatch: pytest.MonkeyPatch, name: str, host: str) -> None:
    """A live run never talks to a sandbox."""
    set_all(monkeypatch, LIVE | {name: f"https://{host}/"})

    with pytest.raises(InputError, match=r"profile is live, but https://.* is on this machine; nothing was sent"):
        Settings.load()


@pytest.mark.parametrize("name", ["ZENDESK_URL", "GITLAB_URL", "SLACK_URL"])
@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_live_refuses_http(monkeypatch: pytest.MonkeyPatch, name: str, scheme: str) -> None:
    """Live credentials travel encrypted, however the scheme is written."""
    set_all(monkeypatch, LIVE | {name: f"{scheme}://gitlab.example"})

    with pytest.raises(InputError, match="not encrypted; live needs https"):
        Settings.load()


@pytest.mark.parametrize(
    "rest",
    [
        "[gitlab",
        "",
        "git lab.example",
        "☃.example",
        "xn--a.example",
        "a..b",
        ".example",
        f"{'a' * 64}.example",
        "host.example:abc",
        "host.example:99999",
        "host.example:0",
        "host.example\\\\evil",
        "host.example/?token=hush",
        "host.example/#hush",
    ],
)
def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch, rest: str) -> None:
    """An impossible address is one sentence, no traceback; without a query, which may hold a secret."""
    set_all(monkeypatch, LIVE | {"GITLAB_URL": f"https://{rest}"})

    with pytest.raises(
        InputError, match=r"^https://.* is no address; expected one such as https://gitlab\.com\.$"
    ) as caught:
        Settings.load()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["xn--bcher-kva.example", "203.0.113.7:8443", "[2001:db8::1]", "HOST.example.", "a_b.x"]
)
def test_an_address_of_any_usual_form(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    set_all(monkeypatch, LIVE | {"GITLAB_URL": f"https://{host}/gitlab/"})
    assert f"https://{host}/gitlab/" == Settings.load().gitlab_url


def test_sandbox_ignores_configured_services(monkeypatch: pytest.MonkeyPatch, outputs: Path, port: int) -> None:
    """In practice the running sandbox alone says where the services are, and with which tokens."""
    live = {name: value for name, value in LIVE.items() if name not in ("PROFILE", "OPERATOR")}
    set_all(monkeypatch, live | {"SLACK_URL": "https://slack.com/api/"})
    running(outputs, port)

    found = Settings.load()

    url = f"http://127.0.0.1:{port}"
    assert ("sandbox", url, url, f"{url}/api/") == (
        found.profile,
        found.zendesk_url,
        found.gitlab_url,
        found.slack_url,
    )
    assert (7, 8, "CPRACTICE") == (found.tracker_project_id, found.mechanizer_project_id, found.slack_channel_id)
    assert {"Authorization": "Bearer practice-zendesk"} == found.zendesk_credentials()
    tokens = (found.gitlab_token, found.slack_token, found.mechanizer_trigger_token)
    assert ["practice-gitlab", "practice-slack", "practice-trigger"] == [
        token.get_secret_value() for token in tokens if token
    ]


@pytest.mark.parametrize("source", ["environment", ".env", "secret files"])
def test_sandbox_refuses_live_settings(
    monkeypatch: pytest.MonkeyPatch, outputs: Path, port: int, env_file: Path, tmp_path: Path, source: str
) -> None:
    """Every setting but those of practice has its default or is the sandbox's, also where it could not be read."""
    foreign = {name: "hush live" for name in Settings.model_fields if name not in (*PRACTICE, "today")}
    if source == "environment":
        set_all(monkeypatch, {name.upper(): value for name, value in foreign.items()})
    elif source == ".env":
        env_file.write_text("".join(f"RUNBOOK_{name.upper()}='{value}'\n" for name, value in foreign.items()))
    else:
        for name, value in foreign.items():
            (tmp_path / f"runbook_{name}").write_text(value)
        monkeypatch.setenv("RUNBOOK_SECRETS_DIR", str(tmp_path))
    running(outputs, port)

    found = Settings.load()

    described = json.loads((found.world_folder / "running.json").read_text())["settings"]
    for name in foreign:
        value = getattr(found, name)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        assert described.get(name, Settings.model_fields[name].default) == plain, name


def test_practice_ignores_the_live_file(
    monkeypatch: pytest.MonkeyPatch, outputs: Path, port: int, env_file: Path
) -> None:
    """`.env` is the live configuration; who practices with other rules sets variables."""
    env_file.write_text("RUNBOOK_ISSUER=manual\nRUNBOOK_OPERATOR=live\nRUNBOOK_GRACE_DAYS=1\nRUNBOOK_WAIT_S=1\n")
    running(outputs, port)

    found = Settings.load()
    assert ("mechanizer", "practice", 14, 300) == (found.issuer, found.operator, found.grace_days, found.wait_s)

    set_all(monkeypatch, {"ISSUER": "manual", "OPERATOR": "grace", "GRACE_DAYS": "2", "WAIT_S": "3"})
    found = Settings.load()
    assert ("manual", "grace", 2, 3) == (found.issuer, found.operator, found.grace_days, found.wait_s)


def test_named_practice_never_opens_the_live_file(
    monkeypatch: pytest.MonkeyPatch, outputs: Path, port: int, env_file: Path
) -> None:
    """Not even a mistake in it matters, nor a folder of secrets that is not there."""
    env_file.write_text("RUNBOOK_PROFILE=live\nRUNBOOK_MISSPELT=1\nRUNBOOK_SECRETS_DIR=/nowhere\n")
    running(outputs, port)

    with pytest.raises(InputError, match="RUNBOOK_MISSPELT"):
        Settings.load()
    assert "sandbox" == Settings.load(profile="sandbox").profile
    set_all(monkeypatch, {"PROFILE": "sandbox"})
    assert "sandbox" == Settings.load().profile


def test_the_profile_in_the_live_file(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filled-in `.env` makes live the profile, and is then read."""
    env_file.write_text("".join(f"RUNBOOK_{name}='{value}'\n" for name, value in LIVE.items()))

    assert ("live", "https://gitlab.com") == (Settings.load().profile, Settings.load().gitlab_url)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["none", "byte-order mark"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_live_file_as_editors_write_it(env_file: Path, mark: str, ends: str) -> None:
    """The profile on its first line counts: practice in its place would be a surprise."""
    lines = [f"RUNBOOK_{name}={value}" for name, value in LIVE.items()]
    env_file.write_bytes((mark + ends.join(lines)).encode())
    assert ("live", "C0123456789") == (Settings.load().profile, Settings.load().slack_channel_id)


@pytest.mark.parametrize("mark", ["'", '"', " '", '" '])
def test_quotes_around_a_value_are_left_out(monkeypatch: pytest.MonkeyPatch, mark: str) -> None:
    """`docker run --env-file` keeps them, and no token begins with one."""
    set_all(monkeypatch, {name: f"{mark}{value}{mark[::-1]}" for name, value in LIVE.items()})
    found = Settings.load()
    assert ("live", KEY) == (found.profile, found.license_public_key_file)
    assert {"Authorization": "Bearer zd-oauth-hush"} == found.zendesk_credentials()


def test_the_users_folder_is_meant_by_its_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No shell has replaced it in `.env`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RUNBOOK_OUTPUTS", "~/records")
    assert tmp_path / "records" == Settings.local().outputs == Places.read().outputs


def test_live_file_that_is_no_text(env_file: Path) -> None:
    """It is reported, without its content."""
    env_file.write_bytes(b"RUNBOOK_SLACK_TOKEN=hush\xff")
    with pytest.raises(InputError, match=r"\.env cannot be read; expected text in UTF-8") as caught:
        Settings.local()
    assert "hush" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("profile", [" live", "live\n", "Live", "\u200bLIVE"])
def test_blanks_around_the_profile(monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    """They make no profile of their own, which would take the one's name and the other's settings."""
    set_all(monkeypatch, LIVE | {"PROFILE": profile})
    assert ("live", "https://gitlab.com") == (Settings.load().profile, Settings.load().gitlab_url)


@pytest.mark.parametrize(("own", "expected"), [(None, "practice"), ("grace", "grace")])
def test_sandbox_operator(
    monkeypatch: pytest.MonkeyPatch, outputs: Path, port: int, own: str | None, expected: str
) -> None:
    """Who sets a username practices under it."""
    set_all(monkeypatch, {"OPERATOR": own})
    running(outputs, port)

    assert expected == Settings.load().operator


@pytest.mark.parametrize("name", ["zendesk_url", "gitlab_url", "slack_url", "customersdot_url"])
@pytest.mark.parametrize(
    "address",
    ["https://team.zendesk.com", "http://10.0.0.1", "https://127.0.0.1.evil.example", "http://127.0.0.1@evil.example"],
)
def test_sandbox_refuses_another_machine(outputs: Path, port: int, name: str, address: str) -> None:
    """Whatever the description of the sandbox says, practice stays on this machine."""
    running(outputs, port, **{name: address})

    with pytest.raises(InputError, match=r"profile is sandbox, but .* is not on this machine; nothing was sent"):
        Settings.load()


def test_no_sandbox(outputs: Path) -> None:
    """Without a running sandbox the message says how to start one."""
    with pytest.raises(InputError, match=r"No sandbox is running for .*outputs\. Start one with `runbook sandbox`"):
        Settings.load()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    "content",
    [
        lambda: json.dumps({"url": f"http://127.0.0.1:{free_port()}", "date": "2026-11-22", "settings": {}}),
        lambda: '{"url": "http://127.0.0.1:80',
        lambda: "{}",
        lambda: "[]",
        lambda: '{"url": "http://127.0.0.1:no-port"}',
    ],
    ids=["no server", "torn", "empty", "no object", "no port"],
)
def test_stale_sandbox(outputs: Path, content: Any) -> None:
    """What a killed sandbox left behind is distinguished from a running one."""
    folder = outputs / "sandbox" / ".world"
    folder.mkdir(parents=True)
    (folder / "running.json").write_text(content())

    with pytest.raises(InputError, match=r"does not answer any more\. Start one with `runbook sandbox`"):
        Settings.load()


def test_local_needs_no_services(outputs: Path) -> None:
    """Paths and rules are there before any sandbox is."""
    found = Settings.local()

    assert outputs / "sandbox" / "1001" == found.ticket_folder(1001)
    assert outputs / "sandbox" / ".world" == found.world_folder


def test_profiles_keep_records_apart(monkeypatch: pytest.MonkeyPatch, outputs: Path) -> None:
    """The same ticket number in practice and live are two folders."""
    set_all(monkeypatch, LIVE)

    assert outputs / "live" / "1001" == Settings.load().ticket_folder(1001)


# -- the day


def test_now_in_practice_is_of_its_date(outputs: Path, port: int) -> None:
    """Practice happens on the sandbox's day, at the present time."""
    running(outputs, port)

    now = Settings.load().now()

    assert (date(2031, 3, 1), UTC) == (now.date(), now.tzinfo)
    apart = abs(datetime.combine(now.date(), datetime.now(UTC).timetz()) - now)
    assert min(apart, timedelta(days=1) - apart) < timedelta(minutes=1)


def test_now_in_live_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live run has no other day than today."""
    set_all(monkeypatch, LIVE)

    found = Settings.load()
    assert found.today is None
    assert abs(datetime.now(UTC) - found.now()) < timedelta(minutes=1)


# -- values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "Europe"),
        ("TIME_ZONE", "../../etc/passwd"),
        ("WEEKEND_STARTS", "Caturday 00:00"),
        ("WEEKEND_STARTS", "Saturday 24:00"),
        ("WEEKEND_ENDS", "Monday"),
        ("WEEKEND_ENDS", "saturday 00:00"),
        ("GRACE_DAYS", "-1"),
        ("GRACE_DAYS", "366"),
        ("GRACE_DAYS", "two weeks"),
        ("GRACE_DAYS", "1.5"),
        ("WINDOW_DAYS", "-1"),
        ("WINDOW_DAYS", "400"),
        ("WAIT_S", "0"),
        ("WAIT_S", "3601"),
        ("WAIT_S", "nan"),
        ("ATTACHMENT_LIMIT_BYTES", "0"),
        ("TRACKER_PROJECT_ID", "group/project"),
        ("MECHANIZER_PROJECT_ID", "-1"),
        ("SLACK_CHANNEL_ID", "#support"),
        ("SLACK_CHANNEL_ID", "https://team.slack.com/archives/C0123456789"),
        ("ISSUER", "somebody"),
    ],
)
def test_impossible_values(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A value that cannot be is refused by its setting's name, before anything runs."""
    set_all(monkeypatch, {"PROFILE": "live", name: value})

    with pytest.raises(InputError, match=rf"missing or impossible: RUNBOOK_{name} \(.+\)\. Correct "):
        Settings.local()


@pytest.mark.parametrize(
    "operator", ["two words", "-grace", "grace@gitlab.com", "gr\u00e4ce", "a" * 101, "a\nb", "<b>"]
)
@pytest.mark.parametrize("profile", ["sandbox", "live"])
def test_an_operator_that_mechanizer_would_refuse(monkeypatch: pytest.MonkeyPatch, profile: str, operator: str) -> None:
    """It is reported before the pipeline runs, not by its job."""
    set_all(monkeypatch, {"PROFILE": profile, "OPERATOR": operator})

    with pytest.raises(InputError, match=r"RUNBOOK_OPERATOR \(expected your GitLab username"):
        Settings.local()


TOKENS = ("ZENDESK_OAUTH_TOKEN", "ZENDESK_API_TOKEN", "GITLAB_TOKEN", "MECHANIZER_TRIGGER_TOKEN", "SLACK_TOKEN")


@pytest.mark.parametrize("name", TOKENS)
def test_blanks_around_a_token(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """They are no part of it: a file that was read into a variable ends in a newline."""
    set_all(monkeypatch, LIVE | {name: "\ufeff \thush-token\u200b\r\n"})

    assert "hush-token" == getattr(Settings.load(), name.lower()).get_secret_value()


@pytest.mark.parametrize("value", ["hush token", "hush\ntoken", "hush\x00token", "hush\x1b", "h\u00fcsh", " \n"])
@pytest.mark.parametrize("name", TOKENS)
def test_a_token_that_is_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What no header can hold is refused by its setting's name, without the value."""
    monkeypatch.setattr(os, "environ", {**os.environ, "RUNBOOK_PROFILE": "live", f"RUNBOOK_{name}": value})

    with pytest.raises(InputError, match=rf"RUNBOOK_{name} \(expected one word") as caught:
        Settings.local()
    assert value.strip() not in "".join(traceback.format_exception(caught.value)) or not value.strip()


@pytest.mark.parametrize("in_file", [False, True], ids=["environment", ".env"])
def test_an_empty_setting_is_not_set(monkeypatch: pytest.MonkeyPatch, env_file: Path, in_file: bool) -> None:
    """A line that was left empty in a template means the default, whatever the setting's kind."""
    names = ["PROFILE", "TIME_ZONE", "GRACE_DAYS", "TRACKER_PROJECT_ID", "LICENSE_PUBLIC_KEY_FILE"]
    empty = dict.fromkeys(names, "")
    if in_file:
        env_file.write_text("".join(f"RUNBOOK_{name}=\n" for name in empty))
    else:
        set_all(monkeypatch, dict(empty))

    found = Settings.local()

    assert ("sandbox", policy.Rules()) == (found.profile, found.rules)
    assert (None, None) == (found.tracker_project_id, found.license_public_key_file)


def test_all_impossible_values_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who mends a configuration learns everything in one go."""
    set_all(monkeypatch, {"GRACE_DAYS": "x", "TIME_ZONE": "x", "WAIT_S": "x"})  # in practice too

    with pytest.raises(InputError, match=r"RUNBOOK_GRACE_DAYS.*RUNBOOK_TIME_ZONE.*RUNBOOK_WAIT_S"):
        Settings.local()


def test_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeds' rules hold unless a team sets its own."""
    assert policy.Rules() == Settings.local().rules

    own = {"GRACE_DAYS": "0", "WINDOW_DAYS": "5", "TIME_ZONE": "Europe/Berlin"}
    set_all(monkeypatch, own | {"WEEKEND_STARTS": "friday 18:30", "WEEKEND_ENDS": "Monday 08:00"})

    assert (
        policy.Rules(
            grace_days=0,
            window_days=5,
            time_zone="Europe/Berlin",
            weekend_starts="friday 18:30",
            weekend_ends="Monday 08:00",
        )
        == Settings.local().rules
    )


# -- where values come from


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("RUNBOOK_ZENDESK_ULR", "; did you mean RUNBOOK_ZENDESK_URL?"),
        ("RUNBOOK_PROFIL", "; did you mean RUNBOOK_PROFILE?"),
        ("RUNBOOK_SMTP_HOSTS", "; did you mean RUNBOOK_SMTP_HOST?"),
        ("RUNBOOK_SECRET_DIR", "; did you mean RUNBOOK_SECRETS_DIR?"),
        ("RUNBOOK_WHAT_NOBODY_EVER_HEARD_OF", "."),
    ],
)
@pytest.mark.parametrize(("kind", "in_file"), [(Settings, False), (Settings, True), (JobSettings, False)])
def test_misspelt_setting(
    monkeypatch: pytest.MonkeyPatch,
    env_file: Path,
    kind: type[Settings | JobSettings],
    name: str,
    hint: str,
    in_file: bool,
) -> None:
    """An unknown setting is reported with the likely one; its value is not shown."""
    if in_file:
        env_file.write_text(f"{name}=hush\n")
    else:
        monkeypatch.setenv(name, "hush")

    with pytest.raises(InputError) as caught:
        kind.load()
    assert f"The setting {name} is unknown{hint}" == str(caught.value)


def test_other_programs_settings_are_none_of_ours(monkeypatch: pytest.MonkeyPatch, env_file: Path) -> None:
    """Only `RUNBOOK_` names are ours."""
    monkeypatch.setenv("MYRUNBOOK_URL", "x")
    env_file.write_text("PGPASSWORD=x\nrunbooks=3\n")

    assert "sandbox" == Settings.local().profile


def test_order_of_sources(monkeypatch: pytest.MonkeyPatch, env_file: Path, tmp_path: Path) -> None:
    """What is passed goes before the environment, that before `.env`, that before secret files."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    monkeypatch.setenv("RUNBOOK_PROFILE", "live")
    monkeypatch.setenv("RUNBOOK_SECRETS_DIR", str(secrets))
    seen = []
    (secrets / "runbook_gitlab_url").write_text("https://from.file")
    seen.append(Settings.local().gitlab_url)
    env_file.write_text("RUNBOOK_GITLAB_URL=https://from.dotenv\n")
    seen.append(Settings.local().gitlab_url)
    monkeypatch.setenv("RUNBOOK_GITLAB_URL", "https://from.environment")
    seen.append(Settings.local().gitlab_url)
    seen.append(Settings.local(gitlab_url="https://from.caller").gitlab_url)

    assert [f"https://from.{source}" for source in ("file", "dotenv", "environment", "caller")] == seen


@pytest.mark.parametrize("in_file", [False, True], ids=["environment", ".env"])
def test_secret_files(monkeypatch: pytest.MonkeyPatch, env_file: Path, tmp_path: Path, in_file: bool) -> None:
    """Tokens may lie in files of their own, with a newline at the end as editors leave it."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, value in SECRETS.items():
        (secrets / f"runbook_{name.lower()}").write_text(f"{value}\n")
    set_all(monkeypatch, {name: value for name, value in LIVE.items() if name not in SECRETS})
    if in_file:
        env_file.write_text(f"RUNBOOK_SECRETS_DIR={secrets}\n")
    else:
        monkeypatch.setenv("RUNBOOK_SECRETS_DIR", str(secrets))

    found = Settings.load()

    assert "Bearer zd-oauth-hush" == found.zendesk_credentials()["Authorization"]
    assert found.slack_token is not None
    assert "xoxb-hush" == found.slack_token.get_secret_value()


def test_no_secrets_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A secrets folder that is not there is reported, since everything in it would be missing."""
    monkeypatch.setenv("RUNBOOK_PROFILE", "live")
    monkeypatch.setenv("RUNBOOK_SECRETS_DIR", str(tmp_path / "nowhere"))

    with pytest.raises(InputError, match=r"RUNBOOK_SECRETS_DIR is '.*nowhere', which is no folder"):
        Settings.local()


@pytest.mark.parametrize(
    "wrong",
    [
        {"PROFILE": "x"},
        {"TRACKER_PROJECT_ID": "glpat-pasted-hush"},
        {"OPERATOR": ""},
        {"GITLAB_URL": "http://x.example"},
    ],
)
def test_secrets_stay_secret(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]) -> None:
    """No error, repr or traceback shows a token, not even one that was pasted into the wrong setting."""
    set_all(monkeypatch, LIVE | wrong)

    with pytest.raises(InputError) as caught:
        Settings.load()
    assert "hush" not in "".join(traceback.format_exception(caught.value))
    set_all(monkeypatch, LIVE)
    found = Settings.load()
    assert "hush" not in f"{found!r}{found}{found.model_dump()}{found.model_dump_json()}"


# -- the license job


def test_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job reads its own settings, and sends mail encrypted by default."""
    set_all(monkeypatch, JOB)

    found = JobSettings.load()

    assert ("starttls", 587, 42) == (found.smtp_security, found.smtp_port, found.tracker_project_id)
    assert found.today is None
    assert "hush" not in repr(found)


def test_job_never_reads_the_engineers_file(monkeypatch: pytest.MonkeyPatch, env_file: Path) -> None:
    """What a pipeline passes is all; a sandbox on an engineer's machine would else mix practice and live."""
    env_file.write_text("RUNBOOK_SMTP_USERNAME=live\nRUNBOOK_SMTP_PASSWORD=hush\nRUNBOOK_MISSPELT=1\n")
    set_all(monkeypatch, JOB)

    found = JobSettings.load()

    assert ("", None) == (found.smtp_username, found.smtp_password)


def test_job_secret_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """GitLab's variables of the type *file* may be used for secrets."""
    (tmp_path / "runbook_smtp_password").write_text(" two words\n")
    set_all(monkeypatch, JOB | {"SECRETS_DIR": str(tmp_path)})

    password = JobSettings.load().smtp_password
    assert password is not None
    assert "two words" == password.get_secret_value()


SENDERS = ["no-reply@support.example", "Support <no-reply@support.example>", '"Support, EMEA" <a@support.example>']


@pytest.mark.parametrize("sender", [*SENDERS, "GitLab Support (practice) <no-reply@support.example>"])
def test_job_sender(monkeypatch: pytest.MonkeyPatch, sender: str) -> None:
    """An address, with or without a name."""
    set_all(monkeypatch, JOB | {"SMTP_SENDER": sender})

    assert sender == JobSettings.load().smtp_sender


@pytest.mark.parametrize(
    "sender",
    [
        *("Support", "support@", "<>", "a@b.example, c@b.example", "Support, EMEA <a@b.example>", "a b@c.example", "<"),
        *(
            "Support <a@b.example>\nBcc: all@b.example",
            "Support\r\n <a@b.example>",
            "S\u00fcpport <a@b.example>",
            "team: a@b.example;",
        ),
    ],
)
def test_job_sender_that_is_none(monkeypatch: pytest.MonkeyPatch, sender: str) -> None:
    """It is reported before a license is signed."""
    set_all(monkeypatch, JOB | {"SMTP_SENDER": sender})

    with pytest.raises(InputError, match=r"RUNBOOK_SMTP_SENDER \(expected one mail address"):
        JobSettings.load()


def test_job_without_anything() -> None:
    """Every missing setting is named at once."""
    with pytest.raises(InputError) as caught:
        JobSettings.load()
    needs = [name for name in JOB if name != "PROFILE"]
    fields = "; ".join(f"RUNBOOK_{name} (Field required)" for name in needs)
    assert str(caught.value).startswith(f"These settings are missing or impossible: {fields}. Correct them where ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"TODAY": "2026-11-22"}, "RUNBOOK_TODAY is 2026-11-22, but live is the real day. Unset it"),
        ({"SMTP_SECURITY": "none"}, "RUNBOOK_SMTP_SECURITY is none"),
        ({"SMTP_SECURITY": "ssl"}, "RUNBOOK_SMTP_SECURITY"),
        ({"SMTP_PORT": "smtp"}, "RUNBOOK_SMTP_PORT"),
        ({"SMTP_HOST": "localhost"}, "live, but localhost is on this machine"),
        ({"SMTP_HOST": "127.0.0.1"}, "live, but 127.0.0.1 is on this machine"),
        ({"GITLAB_URL": "https://127.0.0.1"}, "live, but https://127.0.0.1 is on this machine"),
        ({"GITLAB_URL": "http://gitlab.com"}, "not encrypted"),
        ({"PROFILE": "sandbox"}, "sandbox, but https://gitlab.com is not on this machine"),
        (
            {"PROFILE": "sandbox", "GITLAB_URL": "http://127.0.0.1:1"},
            "sandbox, but smtp.support.example is not on this machine",
        ),
    ],
)
def test_job_refuses(monkeypatch: pytest.MonkeyPatch, change: dict[str, str], words: str) -> None:
    """A live job takes no practice settings, and a practice job reaches nothing live."""
    set_all(monkeypatch, JOB | change)

    with pytest.raises(InputError, match=words):
        JobSettings.load()


def test_practice_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A practice job may have its own day and plain mail on this machine."""
    practice = {"PROFILE": "sandbox", "GITLAB_URL": "http://127.0.0.1:1", "SMTP_HOST": "localhost"}
    set_all(monkeypatch, JOB | practice | {"SMTP_SECURITY": "none", "TODAY": "2031-03-01"})

    assert date(2031, 3, 1) == JobSettings.load().now().date()


def test_job_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job's input is taken as text, as it came; what is missing is empty."""
    monkeypatch.setenv("LICENSE_USERS", " 0x10 ")
    monkeypatch.setenv("LICENSE_EMAIL", "[1, 2]")

    assert ("", " 0x10 ", "[1, 2]", "", "") == tuple(dict(JobRequest.load()).values())


def test_secrets_stay_secret_even_from_pydantic() -> None:
    """Who builds settings without `load` gets pydantic's own error, without the value."""
    with pytest.raises(ValidationError) as caught:
        Settings(tracker_project_id="glpat-pasted-hush")
    assert "hush" not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize("cookie", ["_customersdot_session=0a1b2c%2F==--7f", " s=x\n"])
def test_a_session_cookie_has_a_name_and_a_value(monkeypatch: pytest.MonkeyPatch, cookie: str) -> None:
    """As the browser shows it; it is a secret."""
    set_all(monkeypatch, LIVE | {"CUSTOMERSDOT_COOKIE": cookie})
    found = Settings.load().customersdot_cookie
    assert found is not None
    assert cookie.strip() == found.get_secret_value()
    assert "x" not in repr(found).removeprefix("SecretStr")


@pytest.mark.parametrize("cookie", ["just-a-value", "a=b; c=d", "a=b\r\nHost: x", "=x", "s=ü"])
def test_a_session_cookie_of_another_form_is_refused(monkeypatch: pytest.MonkeyPatch, cookie: str) -> None:
    """Without its value in the message."""
    set_all(monkeypatch, LIVE | {"CUSTOMERSDOT_COOKIE": cookie})
    with pytest.raises(InputError, match="RUNBOOK_CUSTOMERSDOT_COOKIE") as caught:
        Settings.load()
    assert cookie not in str(caught.value)


ADDRESSES = ("hunter2@h", "me:hunter2@h/", "me:hun/ter2@h", "me:hunter2?x@h", "me:hunter2#@h", "h/?q=me@hunter2")


@pytest.mark.parametrize("name", ["ZENDESK_URL", "GITLAB_URL", "SLACK_URL"])
@pytest.mark.parametrize("address", [*(f"https://{one}" for one in ADDRESSES), "me:hunter2//@h", "ftp://hunter2@h"])
def test_live_refuses_a_password_in_an_address(monkeypatch: pytest.MonkeyPatch, name: str, address: str) -> None:
    """Credentials have settings of their own; the message does not repeat them."""
    set_all(monkeypatch, LIVE | {name: address})

    with pytest.raises(InputError) as caught:
        Settings.load()
    assert ("hun" in str(caught.value), "ter2" in str(caught.value)) == (False, False)


@pytest.mark.parametrize("host", ["https://help.team.example", "help.team.example/x", "127.0.0.1", "a b", "help"])
def test_mapped_host_is_a_name(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """It is sent credentials, so it has to be a plain name."""
    set_all(monkeypatch, LIVE | {"ZENDESK_MAPPED_HOST": host})

    with pytest.raises(InputError, match="RUNBOOK_ZENDESK_MAPPED_HOST"):
        Settings.load()


# -- what is made from the settings


def test_documents_agree_with_the_settings() -> None:
    """All are made by `python -m tests.settings_table`."""
    document = settings_table.DOCUMENT.read_text(encoding="utf-8")
    assert settings_table.example() == settings_table.EXAMPLE.read_text(encoding="utf-8")
    assert settings_table.with_table(document) == document
    source = settings_table.NAMES.read_text(encoding="utf-8")
    assert settings_table.with_names(source) == source
    assert '"share"' in settings_table.with_names("SETTINGS = (\n)\n")


def test_example_lines_hold_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever removes the `#` of a line has changed nothing; relative paths are of the checkout."""
    lines = [
        line.removeprefix("# ") for line in settings_table.example().splitlines() if "RUNBOOK_" in line and "=" in line
    ]
    (tmp_path / "all").write_text("\n".join(lines))
    given = {
        name.removeprefix("RUNBOOK_").lower(): value for name, value in dotenv_values(tmp_path / "all").items() if value
    }
    assert "live" == given.pop("profile")
    set_all(monkeypatch, JOB)
    for name, value in given.items():
        kind = Settings if name in Settings.model_fields else JobSettings
        default = kind.model_fields[name].default
        assert str(default.relative_to(settings_table.ROOT) if isinstance(default, Path) else default) == value, name


def test_example_covers_what_live_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever fills in each line without a `#` can go live."""
    lines = [line for line in settings_table.example().splitlines() if line.startswith("RUNBOOK_")]
    names = [line.partition("=")[0].removeprefix("RUNBOOK_") for line in lines]
    set_all(monkeypatch, {name: LIVE[name] for name in names})
    assert "live" == Settings.load().profile


def test_every_setting_has_words_and_secrets_are_marked() -> None:
    """In the table, where also its default and profile stand."""
    rows = {row.split("`")[1]: row for row in settings_table.table().splitlines() if row.startswith("| `")}
    kinds = [*Settings.model_fields.items(), *JobSettings.model_fields.items()]
    assert [] == [name for name, field in kinds if not field.description]
    secret = {f"RUNBOOK_{name.upper()}" for name, field in kinds if settings_table.is_secret(field)}
    assert {name for name, row in rows.items() if row.endswith(", a secret |")} == secret
    assert len(secret) == 8
    assert "| `RUNBOOK_WAIT_S` | `300` | practice, live |" in rows["RUNBOOK_WAIT_S"]


def test_practice_takes_nothing_that_reaches_a_live_service() -> None:
    """No address, account or secret is taken from variables on practice, but the share's, which practice can try."""
    reaches = re.compile(
        "^(?:zendesk|gitlab|tracker|mechanizer|slack|customersdot|license)_"
        "|url|host|mail|token|secret|key|cookie|password|account|channel|project|endpoint|smtp|sender"
    )
    of_the_share = {"share_endpoint", "share_account", "share_secret", "trusted_keys"}
    assert of_the_share == {name for name in PRACTICE if reaches.search(name)}


def test_loaded_settings_open_nothing(monkeypatch: pytest.MonkeyPatch, outputs: Path, port: int) -> None:
    """The sandbox is asked once, when they are loaded; a property opens no socket and no file."""
    running(outputs, port)
    found = Settings.load()
    for path in (outputs / "sandbox" / ".world").iterdir():
        path.unlink()
    monkeypatch.setattr(socket, "create_connection", None)
    assert (date(2031, 3, 1), date(2031, 3, 1)) == (found.today, found.now().date())
    assert found.world_folder == Settings.local().world_folder


def test_secret_file_that_is_no_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is reported, without its content."""
    (tmp_path / "runbook_slack_token").write_bytes(b"\xff\xfe hush")
    set_all(monkeypatch, LIVE | {"SLACK_TOKEN": None, "SECRETS_DIR": str(tmp_path)})
    with pytest.raises(InputError, match=r"RUNBOOK_SECRETS_DIR, .* cannot be read") as caught:
        Settings.load()
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_live_has_no_date_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor has practice one but the world's."""
    set_all(monkeypatch, LIVE | {"TODAY": "2026-11-22"})
    with pytest.raises(InputError, match=r"RUNBOOK_TODAY is 2026-11-22, but live is the real day\. Unset it"):
        Settings.load()
    set_all(monkeypatch, {"PROFILE": "sandbox"})
    assert Settings.local().today is None


def test_list_of_names_is_that_of_the_settings() -> None:
    """What tells a misspelt setting from a known one does not import the settings."""
    assert list(SETTINGS) == list(dict.fromkeys([*Settings.model_fields, *JobSettings.model_fields]))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"OUTPUTS": " /tmp/records ", "SHARE": " /mnt/team ", "TRUSTED_KEYS": "team.pem", "KEYS": "/not/on/practice"},
        {**LIVE, "KEYS": "keys", "NOTEBOOKS": "books"},
        LIVE,
    ],
)
@pytest.mark.parametrize("in_file", [False, True])
def test_places_are_those_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, env_file: Path, given: dict[str, str], in_file: bool
) -> None:
    """What reading records needs is read without the rest, and comes out the same."""
    if in_file:
        env_file.write_text("".join(f"RUNBOOK_{name}={value}\n" for name, value in given.items()))
    else:
        set_all(monkeypatch, given)
    places, settings = Places.read(), Settings.local()
    names = [*Places.__dataclass_fields__, "key_folder"]
    assert {name: getattr(settings, name) for name in names} == {name: getattr(places, name) for name in names}


@pytest.mark.parametrize(
    ("name", "said"), [("PROFILE", "RUNBOOK_PROFILE is 'x'; expected sandbox or live. Set"), ("OUTPUT", "did you mean")]
)
def test_places_tell_what_is_wrong(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    """A wrong profile, or a misspelt setting, would mean other records."""
    set_all(monkeypatch, {name: "x"})
    for read in (Places.read, Settings.local):
        with pytest.raises(InputError, match=said):
            read()

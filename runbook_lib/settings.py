"""The only reader of the environment: what is configured, checked before anything runs.

In the live profile values come from `RUNBOOK_*` variables, from `.env` in the project's folder, or from files in
`RUNBOOK_SECRETS_DIR` (one file per setting, named like the variable in lower case), and no address may be on loopback.

In the sandbox profile `.env` says at most which profile it is, and variables set no more than `_PRACTICE` names.
Everything else is of the services or of the team's live set-up: it comes from the running sandbox, or has its default,
and every address is on loopback. So nothing of practice reaches live systems, or the reverse.

The license job has variables and secret files, as a pipeline has; it never reads `.env`.
"""

from __future__ import annotations

import base64
import difflib
import json
import os
import re
import socket
from collections.abc import Mapping
from datetime import UTC, date, datetime
from email.utils import getaddresses
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runbook_lib.addresses import is_loopback
from runbook_lib.domain import answers, pasted, policy
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.messages import SLACK_CHANNEL

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: notebooks, outputs and `.env` are found here from any working directory."""

_LIVE_NEEDS = (
    "operator",
    "zendesk_url",
    "gitlab_url",
    "gitlab_token",
    "tracker_project_id",
    "slack_token",
    "slack_channel_id",
    "license_public_key_file",
)
_MECHANIZER_NEEDS = ("mechanizer_project_id", "mechanizer_trigger_token")
_PRACTICE = (
    *(
        "profile",
        "operator",
        "outputs",
        "notebooks",
        "issuer",
        "wait_s",
        "settle_s",
        "cell_limit_s",
        "run_limit_s",
        "attachment_limit_bytes",
    ),
    *("grace_days", "window_days", "time_zone", "weekend_starts", "weekend_ends"),
)
"""What variables may set in the sandbox profile."""


def _token(given: SecretStr) -> SecretStr:
    """A token without the blanks around it; a secret's file ends in one."""
    text = given.get_secret_value().strip()
    if not re.fullmatch("[!-~]+", text):
        raise ValueError("expected one word of plain letters, digits and signs")
    return SecretStr(text)


def _password(given: SecretStr) -> SecretStr:
    """A password: as a token, but blanks may be in it."""
    text = given.get_secret_value().strip()
    if not re.fullmatch("[ -~]+", text):
        raise ValueError("expected one line of plain letters, digits and signs")
    return SecretStr(text)


def _cookie(given: SecretStr) -> SecretStr:
    """A cookie as the browser shows it, name and value."""
    text = given.get_secret_value().strip()
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+=[!#-+./:<-\[\]-~0-9A-Za-z-]+", text):
        raise ValueError("expected one cookie as NAME=VALUE")
    return SecretStr(text)


Token = Annotated[SecretStr, AfterValidator(_token)]
Cookie = Annotated[SecretStr, AfterValidator(_cookie)]
Password = Annotated[SecretStr, AfterValidator(_password)]


class Profile(BaseSettings):
    """What both the runbooks and the license job need to know first."""

    model_config = SettingsConfigDict(
        env_prefix="RUNBOOK_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    profile: Literal["sandbox", "live"] = Field("sandbox", description="sandbox for practice, or live")

    @classmethod
    def _read(cls, *, env_file: Path | None = None, secrets: Path | None = None, **values: Any) -> Self:
        """Read the environment, then `.env`, then secret files, where these are given.

        Args:
            env_file: The path of `.env`.
            secrets: The folder of secret files.
            values: Settings that go before them all, by field name.

        Raises:
            InputError: A setting is missing or impossible; the message names each.
        """
        try:
            return cls(_env_file=env_file, _secrets_dir=secrets, **values)
        except ValidationError as exc:
            raise InputError(_wrong_settings(exc)) from None

    def now(self) -> datetime:
        """The present moment, UTC; on practice it is of the practice world's date."""
        moment = datetime.now(UTC)
        return datetime.combine(self.practice_date, moment.timetz()) if self.practice_date else moment

    @property
    def practice_date(self) -> date | None:
        """The practice world's date; None in the live profile."""
        return None

    def secrets(self) -> dict[str, str]:
        """Every secret by its setting's name: what must never be written anywhere."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value.get_secret_value() for name, value in given.items() if isinstance(value, SecretStr)}

    def _guard(self, *addresses: str | None) -> None:
        """Keep practice and live apart, by address."""
        for address in filter(None, addresses):
            try:
                parts = urlsplit(address if "//" in address else f"//{address}")
            except ValueError as exc:
                raise InputError(
                    f"{re.sub('[^/]*@', '', address)} is no address; expected one such as https://gitlab.com."
                ) from exc
            host = parts.hostname or ""
            address = re.sub("[^/]*@", "", address)  # messages must not show a password
            if self.profile == "sandbox" and not is_loopback(host):
                raise InputError(f"The profile is sandbox, but {address} is not on this machine; nothing was sent.")
            if self.profile == "live" and is_loopback(host):
                raise InputError(f"The profile is live, but {address} is on this machine; nothing was sent.")
            if self.profile == "live" and parts.scheme == "http":
                raise InputError(f"The address {address} is not encrypted; live needs https.")
            if parts.username is not None or parts.password is not None:
                raise InputError(
                    f"The address of {parts.hostname} has a user or a password in it. Leave them out: they would go to "
                    "records and logs; credentials have settings of their own."
                )


class Settings(Profile):
    """Everything that a runbook needs. Load it with `Settings.load()`."""

    operator: str = Field("", description="your username, as Mechanizer shall know you")
    outputs: Path = Field(ROOT / "outputs", description="where records and journals go")
    notebooks: Path = Field(ROOT / "notebooks", description="where the runbooks are")
    keys: Path | None = Field(None, description="where the keys that sign journals are; default: your data folder")

    zendesk_url: str = Field("", description="https://YOURTEAM.zendesk.com")
    zendesk_mapped_host: str = Field("", description="host-mapped domain of your Zendesk, such as help.team.example")
    zendesk_oauth_token: Token | None = Field(None, description="OAuth access token; preferred")
    zendesk_email: str = Field("", description="with an API token instead: the agent's address")
    zendesk_api_token: Token | None = Field(None, description="API token (Zendesk ends these in April 2027)")
    zendesk_field_plan: str = Field("plan", description="organization field that holds the plan")
    zendesk_field_deployment: str = Field("deployment", description="organization field: self_managed or gitlab_com")
    zendesk_field_account_type: str = Field("account_type", description="organization field: customer or prospect")
    zendesk_field_seats: str = Field("seats", description="organization field: users that were sold, as a number")

    gitlab_url: str = Field("", description="https://gitlab.com")
    gitlab_token: Token | None = Field(None, description="token with api scope for both projects")
    tracker_project_id: int | None = Field(None, description="internal-requests project, as a number")
    mechanizer_project_id: int | None = Field(None, description="project whose pipeline issues the license")
    mechanizer_ref: str = Field("main", description="its branch or tag")
    mechanizer_trigger_token: Token | None = Field(None, description="its pipeline trigger token")
    mechanizer_variable_username: str = Field("LICENSE_USERNAME", description="pipeline variable names")
    mechanizer_variable_users: str = "LICENSE_USERS"
    mechanizer_variable_email: str = "LICENSE_EMAIL"
    mechanizer_variable_operation: str = "LICENSE_OPERATION_ID"
    mechanizer_variable_ticket: str = "LICENSE_TICKET_URL"
    issuer: Literal["mechanizer", "manual"] = Field("mechanizer", description="who makes the license")

    slack_url: str = Field("https://slack.com/api/", description="the Web API")
    slack_token: Token | None = Field(None, description="bot token: chat:write, channels:history")
    slack_channel: str = Field(SLACK_CHANNEL, description="the channel's name, for the reader")
    slack_channel_id: str = Field("", description="its id, such as C0123456789")

    customersdot_url: str = Field("https://customers.gitlab.com", description="CustomersDot, for its admin pages")
    customersdot_cookie: Cookie | None = Field(None, description="session cookie of its admin, NAME=VALUE; optional")

    license_public_key_file: Path | None = Field(None, description="PEM of the key that licenses are checked with")

    grace_days: int = Field(policy.GRACE_DAYS, ge=0, le=365, description="days from expiry to the end of grace")
    window_days: int = Field(policy.WINDOW_DAYS, ge=0, le=365, description="days after it that are in scope")
    time_zone: str = Field("UTC", description="IANA name; weekend hours are read in it")
    weekend_starts: str = "Saturday 00:00"
    weekend_ends: str = "Monday 00:00"
    wait_s: float = Field(300, gt=0, le=3600, description="seconds that one run may spend waiting, in all")
    settle_s: float = Field(
        60, ge=0, le=3600, description="seconds after which a request whose answer was lost takes effect no more"
    )
    cell_limit_s: float = Field(300, gt=0, le=86_400, description="seconds that a cell may take, beside waiting")
    run_limit_s: float = Field(900, gt=0, le=86_400, description="seconds that a run may take, beside waiting")
    attachment_limit_bytes: int = Field(20_000_000, gt=0, description="larger files on a ticket are not fetched")

    @field_validator("zendesk_mapped_host")
    @classmethod
    def _plain_host(cls, name: str) -> str:
        if not re.fullmatch(r"([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}|", name):
            raise ValueError("expected a host name only, such as help.team.example")
        return name.lower()

    @field_validator("operator")
    @classmethod
    def _username(cls, name: str) -> str:
        if not re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})?", name):
            raise ValueError("expected your GitLab username: letters, digits, '.', '_' and '-', 100 at most")
        return name

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ValueError("expected an IANA name such as Europe/Berlin") from exc
        return name

    @field_validator("weekend_starts", "weekend_ends")
    @classmethod
    def _known_hour(cls, words: str) -> str:
        try:
            policy.week_minute(words)
        except InputError as exc:
            raise ValueError("expected a weekday and a time, such as Saturday 00:00") from exc
        return words

    @classmethod
    def load(cls, **values: Any) -> Self:
        """Read what is configured, and in the sandbox profile the running sandbox.

        Args:
            values: Settings that go before everything else, by field name.

        Raises:
            InputError: A setting is unknown, missing or impossible, or no sandbox is running.
        """
        settings = cls.local(**values)
        if settings.profile == "sandbox":
            services = {**settings._descriptor()["settings"], **values, "profile": "sandbox"}
            if settings.operator:
                services["operator"] = settings.operator
            settings = cls.local(**services)
        else:
            settings._check_complete()
        addresses = (settings.zendesk_url, settings.gitlab_url, settings.slack_url, settings.customersdot_url)
        settings._guard(*addresses)
        for address in addresses:
            if address and not address.lower().startswith(("https://", "http://")):
                raise InputError(f"The address {address} is incomplete; expected one such as https://gitlab.com.")
        return settings

    @classmethod
    def local(cls, **values: Any) -> Self:
        """The settings without the services: for what runs before or without them (paths, profile, rules).

        Practice that is asked for by name does not even open `.env`.

        Raises:
            InputError: A setting is unknown or impossible.
        """
        asked = values.get("profile") or os.environ.get("RUNBOOK_PROFILE")
        env_file = None if asked == "sandbox" else ROOT / ".env"
        found = _refuse_unknown(env_file)
        if (asked or Profile._read(env_file=env_file).profile) == "live":
            return cls._read(env_file=env_file, secrets=_secrets_folder(found), **values)
        of_live = {name: field.default for name, field in cls.model_fields.items() if name not in _PRACTICE}
        return cls._read(**{**of_live, **values})

    def check_account(self, ticket: object) -> None:
        """Refuse the web address of another Zendesk account's ticket: its number is another ticket here.

        Args:
            ticket: What was given as the ticket's number.

        Raises:
            InputError: It is such an address.
        """
        if isinstance(ticket, str) and pasted.is_other_account(ticket, self.zendesk_url):
            host = pasted.ticket_host(ticket)
            raise InputError(f"The ticket's address is at {host}, but this is set up for {self.zendesk_url}.")

    def differences(self, other: Settings) -> list[str]:
        """The names of the settings that another configuration has otherwise; limits of time and size are none."""
        names = (name for name in type(self).model_fields if not name.endswith(("_s", "_bytes")))
        return [name for name in names if getattr(self, name) != getattr(other, name)]

    @property
    def world_folder(self) -> Path:
        """Where the practice world of these outputs lives."""
        return self.outputs.resolve() / "sandbox" / ".world"

    @property
    def key_folder(self) -> Path:
        """The key ring: on practice it belongs to the practice world's outputs, and is not the live one."""
        if self.profile == "sandbox":
            return self.outputs.resolve() / "sandbox" / ".keys"
        return (self.keys or user_data_path("license-runbook") / "keys").resolve()

    @cached_property
    def practice_date(self) -> date | None:
        """The practice world's date; None in the live profile."""
        return date.fromisoformat(self._descriptor()["date"]) if self.profile == "sandbox" else None

    @property
    def rules(self) -> policy.Rules:
        """The scope rules as configured."""
        return policy.Rules(
            grace_days=self.grace_days,
            window_days=self.window_days,
            time_zone=self.time_zone,
            weekend_starts=self.weekend_starts,
            weekend_ends=self.weekend_ends,
        )

    def zendesk_credentials(self) -> dict[str, str]:
        """The header that Zendesk wants: an OAuth bearer token, or else the API token.

        Source: Zendesk API reference, security and authentication; API tokens end in April 2027.
        """
        if self.zendesk_oauth_token:
            return {"Authorization": f"Bearer {self.zendesk_oauth_token.get_secret_value()}"}
        return {"Authorization": f"Basic {self._zendesk_basic()}"}

    def _zendesk_basic(self) -> str:
        token = self.zendesk_api_token.get_secret_value() if self.zendesk_api_token else ""
        return base64.b64encode(f"{self.zendesk_email}/token:{token}".encode()).decode()

    def secrets(self) -> dict[str, str]:
        """Every secret by its setting's name, also as it goes into a header."""
        found = super().secrets()
        if self.zendesk_api_token:
            found["zendesk_api_token in a header"] = self._zendesk_basic()
        if self.customersdot_cookie:
            found["customersdot_cookie's value"] = self.customersdot_cookie.get_secret_value().partition("=")[2]
        return found

    def ticket_folder(self, ticket_id: int) -> Path:
        """Where a ticket's records and its journal are."""
        return self.outputs.resolve() / self.profile / str(ticket_id)

    def _check_complete(self) -> None:
        needs = _LIVE_NEEDS + (_MECHANIZER_NEEDS if self.issuer == "mechanizer" else ())
        missing = [f"RUNBOOK_{name.upper()}" for name in needs if not getattr(self, name)]
        if not (self.zendesk_oauth_token or (self.zendesk_email and self.zendesk_api_token)):
            missing.append("RUNBOOK_ZENDESK_OAUTH_TOKEN (or RUNBOOK_ZENDESK_EMAIL and RUNBOOK_ZENDESK_API_TOKEN)")
        if missing:
            raise InputError(f"The profile is live, but these settings are missing: {', '.join(missing)}.")
        if not (self.license_public_key_file and self.license_public_key_file.is_file()):
            raise InputError(
                f"RUNBOOK_LICENSE_PUBLIC_KEY_FILE is {str(self.license_public_key_file)!r}, which is no file; "
                "expected the PEM of the key that customers' licenses are checked with."
            )

    def _descriptor(self) -> dict[str, Any]:
        """What the running sandbox says of itself."""
        path = self.world_folder / "running.json"
        advice = "Start one with `runbook sandbox`, or set RUNBOOK_PROFILE=live."
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if found["folder"] != str(self.world_folder.resolve()):
                raise ValueError("copied from another world, with its address")
            parts = urlsplit(found["url"])
            socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2).close()
        except FileNotFoundError:
            raise InputError(f"No sandbox is running for {self.outputs}. {advice}") from None
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise InputError(f"The sandbox of {self.outputs} does not answer any more. {advice}") from exc
        return found


class JobSettings(Profile):
    """What the license job needs, as a CI pipeline passes it: in variables and secret files."""

    gitlab_url: str = Field(description="the GitLab that holds the tracker")
    gitlab_token: Token = Field(description="token with api scope for the tracker project")
    tracker_project_id: int = Field(description="internal-requests project, as a number")
    signing_key_file: Path = Field(description="PEM of the private key that signs licenses")
    smtp_host: str = Field(description="mail server")
    smtp_port: int = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str = ""
    smtp_password: Password | None = None
    smtp_sender: str = Field(description="the From address of the mail")
    today: date | None = Field(None, description="practice only: the date of the practice world")

    @field_validator("smtp_sender")
    @classmethod
    def _one_address(cls, text: str) -> str:
        wrong = ValueError("expected one mail address in plain ASCII, such as Support <support@team.example>")
        pairs = getaddresses([text])
        if not (text.isascii() and text.isprintable() and len(pairs) == 1 and text.endswith((pairs[0][1], ">"))):
            raise wrong
        try:
            answers.address("smtp_sender", pairs[0][1])
        except InputError as exc:
            raise wrong from exc
        return text

    @classmethod
    def load(cls, **values: Any) -> Self:
        """Read the environment and secret files, never `.env`: that is the engineer's, and a pipeline has none.

        Args:
            values: Settings that go before them, by field name.

        Raises:
            InputError: A setting is unknown, missing or impossible, or practice and live are mixed.
        """
        settings = cls._read(secrets=_secrets_folder(_refuse_unknown(None)), **values)
        if settings.profile == "live" and settings.today:
            raise InputError("RUNBOOK_TODAY is for practice; a live license starts on the real day.")
        settings._guard(settings.gitlab_url, settings.smtp_host)
        if settings.profile == "live" and settings.smtp_security == "none":
            raise InputError("RUNBOOK_SMTP_SECURITY is none; a live license travels encrypted: starttls or tls.")
        return settings

    @property
    def practice_date(self) -> date | None:
        """The date set for practice."""
        return self.today


class JobRequest(BaseSettings):
    """The license job's input, as text: pipeline variables as they came."""

    model_config = SettingsConfigDict(env_prefix="LICENSE_", extra="ignore", frozen=True)

    username: str = ""
    users: str = ""
    email: str = ""
    operation_id: str = ""
    ticket_url: str = ""


def _refuse_unknown(env_file: Path | None) -> dict[str, str | None]:
    """What is set, by variable; a misspelt setting is told, not ignored."""
    found = {**(dotenv_values(env_file) if env_file else {}), **os.environ}
    known = {f"RUNBOOK_{name.upper()}" for kind in (Settings, JobSettings) for name in kind.model_fields}
    known.add("RUNBOOK_SECRETS_DIR")
    for name in sorted(found):
        if name.startswith("RUNBOOK_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else "."
            raise InputError(f"The setting {name} is unknown{hint}")
    return found


def _secrets_folder(found: Mapping[str, str | None]) -> Path | None:
    """The folder of secret files, if one is set."""
    folder = found.get("RUNBOOK_SECRETS_DIR")
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise InputError(f"RUNBOOK_SECRETS_DIR is {folder!r}, which is no folder; expected one file per secret.")
    return Path(folder)


def _wrong_settings(exc: ValidationError) -> str:
    """What is wrong, by setting, without the values (they may be secrets)."""
    told = [f"RUNBOOK_{str(e['loc'][0]).upper()} ({e['msg'].removeprefix('Value error, ')})" for e in exc.errors()]
    return f"These settings are missing or impossible: {'; '.join(told)}."


__all__ = ["ROOT", "JobRequest", "JobSettings", "Profile", "Settings"]

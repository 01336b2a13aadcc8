"""What is configured, checked and resolved once, before anything runs. Each setting is declared in one place.

In the live profile values come from `RUNBOOK_*` variables, from `.env` in the project's folder, or from files in
`RUNBOOK_SECRETS_DIR` (one file per setting, named like the variable in lower case), and no address may be on loopback.

In the sandbox profile `.env` says at most which profile it is, and variables set only what is declared for practice.
Everything else is of the services or of the team's live set-up: it comes from the running sandbox, or has its default,
and every address is on loopback. So nothing of practice reaches live systems, or the reverse.

The license job has variables and secret files, as a pipeline has; it never reads `.env`.
"""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Mapping
from datetime import UTC, date, datetime
from email.utils import getaddresses
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from runbook_lib.addresses import is_loopback
from runbook_lib.domain import pasted, policy
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.messages import SLACK_CHANNEL
from runbook_lib.variables import ROOT, SETTINGS, as_given, chosen, key_folder, passed, variable, with_prefix


def _setting(
    words: str, default: Any = ..., *, practice: bool = False, needed: bool = False, group: str = "", **limits: Any
) -> Any:
    """Declare a setting; `.env.example` and docs/live.md are made from it (`python -m tests.settings_table`).

    Args:
        words: What it is, for the reader.
        default: Its value if it is not set.
        practice: Whether a variable may set it in the sandbox profile; the others matter only live.
        needed: Whether it has to be given for a live run.
        group: The heading of the settings that begin with it.
        limits: What values are taken.
    """
    about: dict[str, Any] = {"practice": practice, "needed": needed, "group": group}
    return Field(default, description=words, json_schema_extra=about, **limits)


def _secret(pattern: str, expected: str) -> AfterValidator:
    """A check of a secret, without the blanks around it (a secret's file ends in one), that does not repeat it."""

    def checked(given: SecretStr) -> SecretStr:
        text = given.get_secret_value().strip()
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return SecretStr(text)

    return AfterValidator(checked)


_COOKIE = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+=[!#-+./:<-\[\]-~0-9A-Za-z-]+"
_HOST = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f]*:[0-9a-f:.]*")
"""A name, or an address in digits, as `urlsplit` has it."""
Token = Annotated[SecretStr, _secret("[!-~]+", "one word of plain letters, digits and signs")]
Cookie = Annotated[SecretStr, _secret(_COOKIE, "one cookie as NAME=VALUE")]
Password = Annotated[SecretStr, _secret("[ -~]+", "one line of plain letters, digits and signs")]


class Profile(BaseModel):
    """What both the runbooks and the license job need to know first."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        defer_build=True,  # most commands need one of the kinds
    )

    profile: Literal["sandbox", "live"] = _setting("`sandbox` for practice, or `live`", "sandbox", practice=True)
    today: date | None = _setting("the date of the practice world, set by the practice world itself", None)

    @classmethod
    def _resolve(cls, found: Mapping[str, str], values: Mapping[str, Any]) -> Self:
        """Check what was found, by variable, and what goes before it, by field.

        Raises:
            InputError: A setting is missing or impossible; the message names each.
        """
        given = {name: found[variable(name)] for name in cls.model_fields if variable(name) in found}
        try:
            settings = cls(**{**given, **values})
        except ValidationError as exc:
            raise InputError(_wrong_settings(exc)) from None
        if settings.profile == "live" and settings.today:
            raise InputError("RUNBOOK_TODAY is for practice; live is the real day.")
        return settings

    def now(self) -> datetime:
        """The present moment, UTC; on practice it is of the practice world's date."""
        moment = datetime.now(UTC)
        return datetime.combine(self.today, moment.timetz()) if self.today else moment

    @property
    def practice_date(self) -> date | None:
        """The practice world's date; None in the live profile."""
        return self.today

    def secrets(self) -> dict[str, str]:
        """Every secret by its setting's name: what must never be written anywhere."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value.get_secret_value() for name, value in given.items() if isinstance(value, SecretStr)}

    def _guard(self, *addresses: str | None) -> None:
        """Keep practice and live apart, by address."""
        for address in filter(None, addresses):
            given, address = address, _shown(address)
            try:
                parts = urlsplit(given if "//" in given else f"//{given}")
                host = _host(parts)
            except ValueError as exc:
                raise InputError(f"{address} is no address; expected one such as https://gitlab.com.") from exc
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

    operator: str = _setting("your username, as Mechanizer shall know you", "", practice=True, needed=True)
    outputs: Path = _setting("folder of records and journals", ROOT / "outputs", practice=True)
    notebooks: Path = _setting("folder of the runbooks", ROOT / "notebooks", practice=True)
    keys: Path | None = _setting("folder of the keys that sign the journals; by default your own data folder", None)

    zendesk_url: str = _setting("such as https://YOURTEAM.zendesk.com", "", needed=True, group="Zendesk")
    zendesk_mapped_host: str = _setting("only if your Zendesk has a domain of its own, such as help.team.example", "")
    zendesk_oauth_token: Token | None = _setting("OAuth token with read and write; it acts as you", None, needed=True)
    zendesk_email: str = _setting("in place of OAuth, until April 2027: your address, and an API token", "")
    zendesk_api_token: Token | None = _setting("the API token that belongs to the address", None)
    zendesk_field_plan: str = _setting("your organization field for the plan", "plan")
    zendesk_field_deployment: str = _setting(
        "your organization field for the deployment: `self_managed` or `gitlab_com`", "deployment"
    )
    zendesk_field_account_type: str = _setting(
        "your organization field for the account type: `customer` or `prospect`", "account_type"
    )
    zendesk_field_seats: str = _setting("your organization field for the users that were sold", "seats")

    gitlab_url: str = _setting("such as https://gitlab.com", "", needed=True, group="GitLab")
    gitlab_token: Token | None = _setting(
        "api scope; Maintainer of Mechanizer's project, since pipeline variables are read", None, needed=True
    )
    tracker_project_id: int | None = _setting("the internal-requests project, as a number", None, needed=True)
    mechanizer_project_id: int | None = _setting(
        "the project whose pipeline runs `runbook mechanizer`", None, needed=True
    )
    mechanizer_trigger_token: Token | None = _setting("the trigger token of that pipeline", None, needed=True)
    mechanizer_ref: str = _setting("the branch or tag of Mechanizer's pipeline", "main")
    mechanizer_variable_username: str = _setting("its pipeline variable for your username", "LICENSE_USERNAME")
    mechanizer_variable_users: str = _setting("its pipeline variable for the number of users", "LICENSE_USERS")
    mechanizer_variable_email: str = _setting("its pipeline variable for the recipient's address", "LICENSE_EMAIL")
    mechanizer_variable_operation: str = _setting("its pipeline variable for the operation id", "LICENSE_OPERATION_ID")
    mechanizer_variable_ticket: str = _setting("its pipeline variable for the ticket's address", "LICENSE_TICKET_URL")
    issuer: Literal["mechanizer", "manual"] = _setting(
        "who issues licenses; with `manual` the notebook lists what to type, and asks for the evidence",
        "mechanizer",
        practice=True,
    )

    slack_url: str = _setting("the address of Slack's Web API", "https://slack.com/api/", group="Slack")
    slack_token: Token | None = _setting("bot token with chat:write and channels:history", None, needed=True)
    slack_channel: str = _setting("the channel's name, for the reader", SLACK_CHANNEL)
    slack_channel_id: str = _setting("the channel's id, such as C0123456789", "", needed=True)

    customersdot_url: str = _setting(
        "the address of CustomersDot", "https://customers.gitlab.com", group="CustomersDot, optional"
    )
    customersdot_cookie: Cookie | None = _setting("the cookie of your session in its admin, NAME=VALUE", None)

    license_public_key_file: Path | None = _setting(
        "PEM of the key that customers' licenses are checked with", None, needed=True, group="Licenses"
    )

    grace_days: int = _setting(
        "days from expiry to the end of grace",
        policy.GRACE_DAYS,
        practice=True,
        group="Rules, with the workflow's own values",
        ge=0,
        le=365,
    )
    window_days: int = _setting("days after it that are in scope", policy.WINDOW_DAYS, practice=True, ge=0, le=365)
    time_zone: str = _setting("IANA name; weekend hours are read in it", "UTC", practice=True)
    weekend_starts: str = _setting("when the weekend begins", "Saturday 00:00", practice=True)
    weekend_ends: str = _setting("when the weekend ends", "Monday 00:00", practice=True, validate_default=True)

    share: str = _setting(
        "the team's audit log: a folder, `s3://`, `gs://` or `az://`",
        "",
        practice=True,
        group="The team's share, optional",
    )
    share_endpoint: str = _setting("its address, where it is not the cloud's own, such as MinIO's", "", practice=True)
    share_region: str = _setting("its region", "", practice=True)
    share_account: str = _setting(
        "access key id, or Azure's account name; by default the cloud's own variables and roles", "", practice=True
    )
    share_secret: Password | None = _setting(
        "secret access key, Azure's account key, or Google's service account key (JSON in one line)",
        None,
        practice=True,
    )
    share_s: float = _setting(
        "seconds that one run may spend on the share, in all; half of them at its end", 10, practice=True, gt=0, le=600
    )
    trusted_keys: Path | None = _setting("file of the public keys (PEM) that the team trusts", None, practice=True)

    wait_s: float = _setting(
        "seconds that one run may spend waiting, in all", 300, practice=True, group="Limits", gt=0, le=3600
    )
    settle_s: float = _setting(
        "seconds after which a request whose answer was lost takes effect no more", 60, practice=True, ge=0, le=3600
    )
    cell_limit_s: float = _setting("seconds that a cell may take, beside waiting", 300, practice=True, gt=0, le=86_400)
    run_limit_s: float = _setting("seconds that a run may take, beside waiting", 900, practice=True, gt=0, le=86_400)
    attachment_limit_bytes: int = _setting("larger files on a ticket are not fetched", 20_000_000, practice=True, gt=0)

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
    def _known_hour(cls, words: str, info: ValidationInfo) -> str:
        try:
            policy.week_minute(words)
        except InputError as exc:
            raise ValueError("expected a weekday and a time, such as Saturday 00:00") from exc
        if words.casefold() == str(info.data.get("weekend_starts")).casefold():
            raise ValueError("expected another hour than the one at which the weekend begins")
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
            sandbox = settings._descriptor()
            services = {**sandbox["settings"], **values, "profile": "sandbox", "today": sandbox["date"]}
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
        practice = (name for name, field in cls.model_fields.items() if about(field)["practice"])
        return cls._resolve(chosen(values.get("profile"), SETTINGS, list(practice)), values)

    @classmethod
    def unchecked(cls) -> Settings:
        """The secrets as configured, without any check, to remove them from text where another setting is wrong."""
        names = [name for name, field in cls.model_fields.items() if is_secret(field)]
        found = as_given([*names, "zendesk_email"])
        given: dict[str, Any] = {n: SecretStr(value) if n in names else value for n, value in found.items()}
        return cls.model_construct(**given)

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the addresses of the services that people open begin with."""
        return self.zendesk_url, self.gitlab_url, self.customersdot_url

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
        """The folder of the key ring."""
        return key_folder(self.profile, self.outputs, self.keys)

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
        """Raise InputError where a live run would lack something, and name all of it."""
        missing = [variable(name) for name in self._needed() if not getattr(self, name)]
        if not (self.zendesk_oauth_token or (self.zendesk_email and self.zendesk_api_token)):
            missing.append("RUNBOOK_ZENDESK_OAUTH_TOKEN (or RUNBOOK_ZENDESK_EMAIL and RUNBOOK_ZENDESK_API_TOKEN)")
        if missing:
            raise InputError(f"The profile is live, but these settings are missing: {', '.join(missing)}.")
        if not (self.license_public_key_file and self.license_public_key_file.is_file()):
            raise InputError(
                f"RUNBOOK_LICENSE_PUBLIC_KEY_FILE is {str(self.license_public_key_file)!r}, which is no file; "
                "expected the PEM of the key that customers' licenses are checked with."
            )

    def _needed(self) -> list[str]:
        """What has to be given for a live run, but for Zendesk's credentials, of which there are two kinds."""
        needed = [name for name, field in type(self).model_fields.items() if about(field)["needed"]]
        spared = ("mechanizer_project_id", "mechanizer_trigger_token") if self.issuer == "manual" else ()
        return [name for name in needed if name not in (*spared, "zendesk_oauth_token")]

    def _descriptor(self) -> dict[str, Any]:
        """What the running sandbox says of itself."""
        path = self.world_folder / "running.json"
        advice = "Start one with `runbook sandbox`, or set RUNBOOK_PROFILE=live."
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if found["folder"] != str(self.world_folder.resolve()):
                raise ValueError("copied from another world, with its address")
            date.fromisoformat(found["date"])
            parts = urlsplit(found["url"])
            socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2).close()
        except FileNotFoundError:
            raise InputError(f"No sandbox is running for {self.outputs}. {advice}") from None
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise InputError(f"The sandbox of {self.outputs} does not answer any more. {advice}") from exc
        return found


class JobSettings(Profile):
    """What the license job needs, as a CI pipeline passes it: in variables and secret files."""

    gitlab_url: str = _setting("the GitLab that holds the tracker")
    gitlab_token: Token = _setting("token with api scope for the tracker project")
    tracker_project_id: int = _setting("internal-requests project, as a number")
    signing_key_file: Path = _setting("PEM of the private key that signs licenses")
    smtp_host: str = _setting("the mail server")
    smtp_port: int = _setting("the mail server's port", 587)
    smtp_security: Literal["starttls", "tls", "none"] = _setting("`starttls` or `tls`", "starttls")
    smtp_username: str = _setting("the user, where the mail server asks for one", "")
    smtp_password: Password | None = _setting("the password of that user", None)
    smtp_sender: str = _setting("the From address of the mail, such as Support <support@team.example>")

    @field_validator("smtp_sender")
    @classmethod
    def _one_address(cls, text: str) -> str:
        from runbook_lib.domain import answers  # which imports what only the job needs, for addresses

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
        settings = cls._resolve(passed(SETTINGS), values)
        settings._guard(settings.gitlab_url, settings.smtp_host)
        if settings.profile == "live" and settings.smtp_security == "none":
            raise InputError("RUNBOOK_SMTP_SECURITY is none; a live license travels encrypted: starttls or tls.")
        return settings


class JobRequest(BaseModel):
    """The license job's input, as text: pipeline variables as they came."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    username: str = ""
    users: str = ""
    email: str = ""
    operation_id: str = ""
    ticket_url: str = ""

    @classmethod
    def load(cls) -> Self:
        """Read the `LICENSE_*` variables."""
        return cls.model_validate(with_prefix("LICENSE_"))


def about(field: FieldInfo) -> dict[str, Any]:
    """What `_setting` says of a field beside its words and default."""
    return dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting must never be shown."""
    return "SecretStr" in str(field.annotation)


def _host(parts: SplitResult) -> str:
    """The host of an address that can be asked.

    Raises:
        ValueError: It has none, or one that is no name in the network's own spelling, an impossible port, or a query.
    """
    host = parts.hostname or ""
    if not _HOST.fullmatch(host) or parts.port == 0 or parts.query or parts.fragment:
        raise ValueError("no address of a service")
    host.encode().decode("idna")
    return host


def _shown(address: str) -> str:
    """An address as messages show it: without what may be a password, before an @ or after a ? or #."""
    scheme = re.match("(?:[a-z]+:)?//|", address, re.IGNORECASE)
    start = scheme[0] if scheme else ""
    rest = address.removeprefix(start)
    return start + ("..." if re.search("[?#].*@", rest, re.DOTALL) else re.split("[?#]", rest.rpartition("@")[2])[0])


def _wrong_settings(exc: ValidationError) -> str:
    """What is wrong, by setting, without the values (they may be secrets)."""
    told = [f"{variable(str(e['loc'][0]))} ({e['msg'].removeprefix('Value error, ')})" for e in exc.errors()]
    return f"These settings are missing or impossible: {'; '.join(told)}."


__all__ = ["ROOT", "JobRequest", "JobSettings", "Profile", "Settings", "about", "is_secret"]

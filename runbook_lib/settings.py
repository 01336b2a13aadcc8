"""What is configured, checked and resolved once, before anything runs. Each setting is declared in one place.

In the live profile values come from `RUNBOOK_*` variables, from `.env` in the project's folder, or from files in
`RUNBOOK_SECRETS_DIR` (one file per setting, named like the variable in lower case), and no address may be on loopback.

In the sandbox profile `.env` says at most which profile it is, and variables set only what is declared for practice.
Everything else is of the services or of the team's live set-up: it comes from the running sandbox, or has its default,
and every address is on loopback. So nothing of practice reaches live systems, or the reverse.

The license job's are in `job_settings`.
"""

from __future__ import annotations

import base64
import json
import socket
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr, StringConstraints, ValidationInfo, field_validator

from runbook_lib.configuration import Cookie, Password, Profile, Token, about, is_secret, matching, setting
from runbook_lib.domain import pasted, policy
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.messages import SLACK_CHANNEL
from runbook_lib.variables import ROOT, Places, as_given, chosen, key_folder, variable

_USERNAME = matching(
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})?", "your GitLab username: letters, digits, '.', '_' and '-', 100 at most"
)
_HOST = matching(r"([a-z0-9-]{1,63}\.)+[a-z]{2,63}|", "a host name only, such as help.team.example")
_CHANNEL = matching("[A-Za-z0-9]*", "the channel's id, such as C0123456789, which ends its address in Slack")


class Settings(Profile):
    """Everything that a runbook needs. Load it with `Settings.load()`."""

    operator: Annotated[str, _USERNAME] = setting(
        "your username, as Mechanizer shall know you", "", practice=True, needed=True
    )
    outputs: Path = setting("folder of records and journals", ROOT / "outputs", practice=True)
    notebooks: Path = setting("folder of the runbooks", ROOT / "notebooks", practice=True)
    keys: Path | None = setting("folder of the keys that sign the journals; by default your own data folder", None)

    zendesk_url: str = setting("such as https://YOURTEAM.zendesk.com", "", needed=True, group="Zendesk")
    zendesk_mapped_host: Annotated[str, StringConstraints(to_lower=True), _HOST] = setting(
        "only if your Zendesk has a domain of its own, such as help.team.example", ""
    )
    zendesk_oauth_token: Token | None = setting("OAuth token with read and write; it acts as you", None, needed=True)
    zendesk_email: str = setting("in place of OAuth, until April 2027: your address, and an API token", "")
    zendesk_api_token: Token | None = setting("the API token that belongs to the address", None)
    zendesk_field_plan: str = setting("your organization field for the plan", "plan")
    zendesk_field_deployment: str = setting(
        "your organization field for the deployment: `self_managed` or `gitlab_com`", "deployment"
    )
    zendesk_field_account_type: str = setting(
        "your organization field for the account type: `customer` or `prospect`", "account_type"
    )
    zendesk_field_seats: str = setting("your organization field for the users that were sold", "seats")

    gitlab_url: str = setting("such as https://gitlab.com", "", needed=True, group="GitLab")
    gitlab_token: Token | None = setting(
        "api scope; Maintainer of Mechanizer's project, since pipeline variables are read", None, needed=True
    )
    tracker_project_id: int | None = setting("the internal-requests project, as a number", None, needed=True, ge=0)
    mechanizer_project_id: int | None = setting(
        "the project whose pipeline runs `runbook mechanizer`", None, needed=True, ge=0
    )
    mechanizer_trigger_token: Token | None = setting("the trigger token of that pipeline", None, needed=True)
    mechanizer_ref: str = setting("the branch or tag of Mechanizer's pipeline", "main")
    mechanizer_variable_username: str = setting("its pipeline variable for your username", "LICENSE_USERNAME")
    mechanizer_variable_users: str = setting("its pipeline variable for the number of users", "LICENSE_USERS")
    mechanizer_variable_email: str = setting("its pipeline variable for the recipient's address", "LICENSE_EMAIL")
    mechanizer_variable_operation: str = setting("its pipeline variable for the operation id", "LICENSE_OPERATION_ID")
    mechanizer_variable_ticket: str = setting("its pipeline variable for the ticket's address", "LICENSE_TICKET_URL")
    issuer: Literal["mechanizer", "manual"] = setting(
        "who issues licenses; with `manual` the notebook lists what to type, and asks for the evidence",
        "mechanizer",
        practice=True,
    )

    slack_url: str = setting("the address of Slack's Web API", "https://slack.com/api/", group="Slack")
    slack_token: Token | None = setting("bot token with chat:write and channels:history", None, needed=True)
    slack_channel: str = setting("the channel's name, for the reader", SLACK_CHANNEL)
    slack_channel_id: Annotated[str, _CHANNEL] = setting("the channel's id, such as C0123456789", "", needed=True)

    customersdot_url: str = setting(
        "the address of CustomersDot", "https://customers.gitlab.com", group="CustomersDot, optional"
    )
    customersdot_cookie: Cookie | None = setting("the cookie of your session in its admin, NAME=VALUE", None)

    license_public_key_file: Path | None = setting(
        "PEM of the key that customers' licenses are checked with", None, needed=True, group="Licenses"
    )

    grace_days: int = setting(
        "days from expiry to the end of grace",
        policy.GRACE_DAYS,
        practice=True,
        group="Rules, with the workflow's own values",
        ge=0,
        le=365,
    )
    window_days: int = setting("days after it that are in scope", policy.WINDOW_DAYS, practice=True, ge=0, le=365)
    time_zone: str = setting("IANA name; weekend hours are read in it", "UTC", practice=True)
    weekend_starts: str = setting("when the weekend begins", "Saturday 00:00", practice=True)
    weekend_ends: str = setting("when the weekend ends", "Monday 00:00", practice=True, validate_default=True)

    share: str = setting(
        "the team's audit log: a folder, `s3://`, `gs://` or `az://`",
        "",
        practice=True,
        group="The team's share, optional",
    )
    share_endpoint: str = setting("its address, where it is not the cloud's own, such as MinIO's", "", practice=True)
    share_region: str = setting("its region", "", practice=True)
    share_account: str = setting(
        "access key id, or Azure's account name; by default the cloud's own variables and roles", "", practice=True
    )
    share_secret: Password | None = setting(
        "secret access key, Azure's account key, or Google's service account key (JSON in one line)",
        None,
        practice=True,
    )
    share_s: float = setting(
        "seconds that one run may spend on the share, in all; half of them at its end", 10, practice=True, gt=0, le=600
    )
    trusted_keys: Path | None = setting("file of the public keys (PEM) that the team trusts", None, practice=True)

    wait_s: float = setting(
        "seconds that one run may spend waiting, in all", 300, practice=True, group="Limits", gt=0, le=3600
    )
    settle_s: float = setting(
        "seconds after which a request whose answer was lost takes effect no more", 60, practice=True, ge=0, le=3600
    )
    cell_limit_s: float = setting("seconds that a cell may take, beside waiting", 300, practice=True, gt=0, le=86_400)
    run_limit_s: float = setting("seconds that a run may take, beside waiting", 900, practice=True, gt=0, le=86_400)
    attachment_limit_bytes: int = setting("larger files on a ticket are not fetched", 20_000_000, practice=True, gt=0)

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
        settings.guard_addresses(*addresses)
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
        return cls.resolve(chosen(values.get("profile"), list(practice)), values)

    @classmethod
    def unchecked(cls) -> Settings:
        """The secrets as configured, without any check, to remove them from text where another setting is wrong."""
        names = [name for name, field in cls.model_fields.items() if is_secret(field)]
        found = as_given([*names, "zendesk_email"])
        given: dict[str, Any] = {n: SecretStr(value) if n in names else value for n, value in found.items()}
        return cls.model_construct(**given)

    def check_account(self, ticket: object) -> None:
        """InputError for the web address of another Zendesk account's ticket: its number is another ticket here."""
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
        return key_folder(self.profile, self.outputs, self.keys)

    @property
    def rules(self) -> policy.Rules:
        return policy.Rules(**{field.name: getattr(self, field.name) for field in fields(policy.Rules)})

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
        return self.outputs.resolve() / self.profile / str(ticket_id)

    def _check_complete(self) -> None:
        """Raise InputError where a live run would lack something, and name all of it."""
        spared = ["zendesk_oauth_token"]  # there are two kinds of Zendesk's credentials
        spared += ["mechanizer_project_id", "mechanizer_trigger_token"] if self.issuer == "manual" else []
        needed = [name for name, field in type(self).model_fields.items() if about(field)["needed"]]
        missing = [variable(name) for name in needed if name not in spared and not getattr(self, name)]
        if not (self.zendesk_oauth_token or (self.zendesk_email and self.zendesk_api_token)):
            missing.append("RUNBOOK_ZENDESK_OAUTH_TOKEN (or RUNBOOK_ZENDESK_EMAIL and RUNBOOK_ZENDESK_API_TOKEN)")
        if missing:
            raise InputError(
                f"The profile is live, but these settings are missing: {', '.join(missing)}. Copy .env.example to .env "
                "and fill it in; docs/live.md says what each is."
            )
        if not (self.license_public_key_file and self.license_public_key_file.is_file()):
            raise InputError(
                f"RUNBOOK_LICENSE_PUBLIC_KEY_FILE is {str(self.license_public_key_file)!r}, which is no file; "
                "expected the PEM of the key that customers' licenses are checked with. Set it to that file's path."
            )

    def _descriptor(self) -> dict[str, Any]:
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


Placed = Settings | Places
"""What says where records and keys are."""

__all__ = ["ROOT", "Placed", "Settings"]

"""What the license job is given: its own settings, and the order as its pipeline passes it.

The job has variables and secret files, as a pipeline has; it never reads `.env`.
"""

from __future__ import annotations

from email.utils import getaddresses
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator

from runbook_lib.configuration import Password, Profile, Token, setting
from runbook_lib.domain.errors import InputError
from runbook_lib.variables import passed, with_prefix


class JobSettings(Profile):
    """What the license job needs, as a CI pipeline passes it: in variables and secret files."""

    gitlab_url: str = setting("the GitLab that holds the tracker")
    gitlab_token: Token = setting("token with api scope for the tracker project")
    tracker_project_id: int = setting("internal-requests project, as a number")
    signing_key_file: Path = setting("PEM of the private key that signs licenses")
    smtp_host: str = setting("the mail server")
    smtp_port: int = setting("the mail server's port", 587)
    smtp_security: Literal["starttls", "tls", "none"] = setting("`starttls` or `tls`", "starttls")
    smtp_username: str = setting("the user, where the mail server asks for one", "")
    smtp_password: Password | None = setting("the password of that user", None)
    smtp_sender: str = setting("the From address of the mail, such as Support <support@team.example>")

    @field_validator("smtp_sender")
    @classmethod
    def _one_address(cls, text: str) -> str:
        from runbook_lib.domain import parameters  # which imports what only the job needs, for addresses

        wrong = ValueError("expected one mail address in plain ASCII, such as Support <support@team.example>")
        pairs = getaddresses([text])
        if not (text.isascii() and text.isprintable() and len(pairs) == 1 and text.endswith((pairs[0][1], ">"))):
            raise wrong
        try:
            parameters.address("smtp_sender", pairs[0][1])
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
        settings = cls.resolve(passed(), values)
        settings.guard_addresses(settings.gitlab_url, settings.smtp_host)
        if settings.profile == "live" and settings.smtp_security == "none":
            words = "RUNBOOK_SMTP_SECURITY is none, but a live license travels encrypted."
            raise InputError(f"{words} Set it to starttls or tls, whichever the mail server takes.")
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
        return cls.model_validate(with_prefix("LICENSE_"))

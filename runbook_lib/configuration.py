"""How a setting is declared and checked, and what every kind of configuration has: the profile and its guard.

Nothing of practice reaches live systems, or the reverse: each address is checked against the profile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from runbook_lib.addresses import is_loopback
from runbook_lib.domain.errors import InputError
from runbook_lib.variables import variable


def setting(
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


def matching(pattern: str, expected: str) -> AfterValidator:
    """A check of a text, or of a secret, that says what is expected and does not repeat what was given."""

    def checked(given: str | SecretStr) -> str | SecretStr:
        text = given.get_secret_value() if isinstance(given, SecretStr) else given
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return given

    return AfterValidator(checked)


_COOKIE = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+=[!#-+./:<-\[\]-~0-9A-Za-z-]+"
_HOST = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f]*:[0-9a-f:.]*")
"""A name, or an address in digits, as `urlsplit` has it."""
_ONE_WORD = "(?!https?://)[!-~]+"
Token = Annotated[SecretStr, matching(_ONE_WORD, "one word of plain letters, digits and signs, and no web address")]
Cookie = Annotated[SecretStr, matching(_COOKIE, "one cookie as NAME=VALUE")]
Password = Annotated[SecretStr, matching("[ -~]+", "one line of plain letters, digits and signs")]


class Profile(BaseModel):
    """What both the runbooks and the license job need to know first."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        defer_build=True,  # most commands need one of the kinds
    )

    profile: Literal["sandbox", "live"] = setting("`sandbox` for practice, or `live`", "sandbox", practice=True)
    today: date | None = setting("the date of the practice world, set by the practice world itself", None)

    @classmethod
    def resolve(cls, found: Mapping[str, str], values: Mapping[str, Any]) -> Self:
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
            raise InputError(
                f"RUNBOOK_TODAY is {settings.today}, but live is the real day. Unset it: it is for practice."
            )
        return settings

    def now(self) -> datetime:
        """The present moment, UTC; on practice it is of the practice world's date."""
        moment = datetime.now(UTC)
        return datetime.combine(self.today, moment.timetz()) if self.today else moment

    def secrets(self) -> dict[str, str]:
        """Every secret by its setting's name: what must never be written anywhere."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value.get_secret_value() for name, value in given.items() if isinstance(value, SecretStr)}

    def guard_addresses(self, *addresses: str | None) -> None:
        """Keep practice and live apart, by address."""
        for address in filter(None, addresses):
            given, address = address, _shown(address)
            try:
                parts = urlsplit(given if "//" in given else f"//{given}")
                host = _host(parts)
            except ValueError as exc:
                raise InputError(f"{address} is no address; expected one such as https://gitlab.com.") from exc
            if self.profile == "sandbox" and not is_loopback(host):
                words = f"The profile is sandbox, but {address} is not on this machine; nothing was sent."
                raise InputError(f"{words} Correct the address, or set RUNBOOK_PROFILE=live for real tickets.")
            if self.profile == "live" and is_loopback(host):
                words = f"The profile is live, but {address} is on this machine; nothing was sent."
                raise InputError(f"{words} Correct the address, or set RUNBOOK_PROFILE=sandbox for practice.")
            if self.profile == "live" and parts.scheme == "http":
                raise InputError(f"The address {address} is not encrypted; live needs https. Begin it with https://.")
            if parts.username is not None or parts.password is not None:
                raise InputError(
                    f"The address of {parts.hostname} has a user or a password in it. Leave them out: they would go to "
                    "records and logs; credentials have settings of their own."
                )


def about(field: FieldInfo) -> dict[str, Any]:
    """What `setting` says of a field beside its words and default."""
    return dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}


def is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


def _host(parts: SplitResult) -> str:
    """The host of an address that can be requested.

    ValueError for none, one that is no name in the network's own spelling, an impossible port, or a query.
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


_KINDS = {"int_parsing": "expected a whole number", "float_parsing": "expected a number"}


def _wrong_settings(exc: ValidationError) -> str:
    """What is wrong, by setting, without the values (they may be secrets)."""
    said = (
        (variable(str(e["loc"][0])), _KINDS.get(e["type"], e["msg"].removeprefix("Value error, ")))
        for e in exc.errors()
    )
    wrong = [f"{name} ({words})" for name, words in said]
    where = "Correct them where they are set: in the environment, .env or a file of RUNBOOK_SECRETS_DIR."
    return f"These settings are missing or impossible: {'; '.join(wrong)}. {where}"

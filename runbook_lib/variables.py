"""The variables that configure us: from the environment, from `.env`, and from files of secrets.

Light to import, since completion in a shell and the list of records need no more; what all the other values mean is
for `settings`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from runbook_lib.domain.errors import InputError
from runbook_lib.domain.pasted import trimmed

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: notebooks, outputs and `.env` are found here from any working directory."""
ENV_FILE = ROOT / ".env"
SECRETS = "RUNBOOK_SECRETS_DIR"
"""The folder of secret files: one file per setting, named like the variable in lower case."""
_PREFIX, _PROFILE = "RUNBOOK_", "RUNBOOK_PROFILE"
_WORDS = (_PROFILE, "RUNBOOK_ISSUER", "RUNBOOK_SMTP_SECURITY")
"""Variables with one of a few words, in any case."""
SETTINGS = (
    *("profile", "today", "operator", "outputs", "notebooks", "keys", "zendesk_url", "zendesk_mapped_host"),
    *("zendesk_oauth_token", "zendesk_email", "zendesk_api_token", "zendesk_field_plan", "zendesk_field_deployment"),
    *("zendesk_field_account_type", "zendesk_field_seats", "gitlab_url", "gitlab_token", "tracker_project_id"),
    *("mechanizer_project_id", "mechanizer_trigger_token", "mechanizer_ref", "mechanizer_variable_username"),
    *("mechanizer_variable_users", "mechanizer_variable_email", "mechanizer_variable_operation"),
    *("mechanizer_variable_ticket", "issuer", "slack_url", "slack_token", "slack_channel", "slack_channel_id"),
    *("customersdot_url", "customersdot_cookie", "license_public_key_file", "grace_days", "window_days", "time_zone"),
    *("weekend_starts", "weekend_ends", "share", "share_endpoint", "share_region", "share_account", "share_secret"),
    *("share_s", "trusted_keys", "wait_s", "settle_s", "cell_limit_s", "run_limit_s", "attachment_limit_bytes"),
    *("signing_key_file", "smtp_host", "smtp_port", "smtp_security", "smtp_username", "smtp_password", "smtp_sender"),
)
"""The names of all settings. `settings` says what each is, in the same order, which a test compares."""
_PRACTICE_PLACES = ("outputs", "notebooks", "trusted_keys", "share")
"""Those of `Places` that a variable may set on practice."""


@dataclass(frozen=True)
class Places:
    """Where things are: the settings that reading records needs, by the same names. The others are not looked at."""

    profile: str
    outputs: Path
    notebooks: Path
    keys: Path | None
    trusted_keys: Path | None
    share: str

    @classmethod
    def read(cls, *, strict: bool = True) -> Self:
        """Read them. `strict` and errors as of `chosen`."""
        found = chosen(None, _PRACTICE_PLACES, strict=strict)
        given = {name: found.get(variable(name), "").strip() for name in cls.__dataclass_fields__}
        outputs, notebooks = (Path(given[name] or ROOT / name) for name in ("outputs", "notebooks"))
        keys, team = (Path(given[name]) if given[name] else None for name in ("keys", "trusted_keys"))
        return cls(given["profile"], outputs, notebooks, keys, team, given["share"])

    @property
    def key_folder(self) -> Path:
        return key_folder(self.profile, self.outputs, self.keys)


def key_folder(profile: str, outputs: Path, keys: Path | None) -> Path:
    """The key ring: on practice it belongs to the practice world's outputs, and is not the live one."""
    if profile == "sandbox":
        return outputs.resolve() / "sandbox" / ".keys"
    if keys:
        return keys.resolve()
    from platformdirs import user_data_path  # practice does not need it

    return user_data_path("license-runbook").resolve() / "keys"


def variable(setting: str) -> str:
    return f"{_PREFIX}{setting.upper()}"


def chosen(profile: str | None, practice: Collection[str], *, strict: bool = True) -> dict[str, str]:
    """What is set for the profile, which is the one given, or else what the environment or `.env` says.

    Practice takes nothing else from `.env`, and where it is asked for by name the file is not even opened.

    Args:
        profile: The profile, if it is asked for by name.
        practice: The settings that variables may set on practice.
        strict: Whether a misspelt variable is refused, and secret files are read.

    Raises:
        InputError: A variable is unknown, the profile is none, or the secret files cannot be read.
    """
    found = _ours(os.environ, strict=strict)
    profile = profile or found.get(_PROFILE, "")
    in_file = {} if profile == "sandbox" else _ours(_lines(ENV_FILE), strict=strict)
    profile = profile or in_file.get(_PROFILE, "sandbox")
    if profile not in ("sandbox", "live"):
        advice = "Set one of the two in the environment or in .env, or leave it out for practice."
        raise InputError(f"{_PROFILE} is {profile!r}; expected sandbox or live. {advice}")
    if profile == "live":
        found = {**in_file, **found}
        found = _with_secrets(found) if strict else found
    else:
        found = {name: value for name, value in found.items() if name in {variable(setting) for setting in practice}}
    return {**found, _PROFILE: profile}


def as_given(names: Collection[str]) -> dict[str, str]:
    """Some settings by name, unchecked, whatever is wrong with others. Practice does not read `.env`, see `chosen`."""
    found = _ours(os.environ, strict=False)
    with suppress(InputError):  # loading the settings reports it
        if found.get(_PROFILE) != "sandbox":
            found = {**_ours(_lines(ENV_FILE), strict=False), **found}
    with suppress(InputError):
        found = _with_secrets(found, names)
    return {name: found[variable(name)] for name in names if variable(name) in found}


def passed() -> dict[str, str]:
    """What a pipeline passes: in variables and secret files, never in `.env`.

    Raises:
        InputError: A variable is unknown, or the secret files cannot be read.
    """
    return _with_secrets(_ours(os.environ, strict=True))


def with_prefix(prefix: str) -> dict[str, str]:
    """Variables of the environment as they came, by the rest of their names in lower case."""
    return {name.removeprefix(prefix).lower(): value for name, value in os.environ.items() if name.startswith(prefix)}


def _lines(env_file: Path) -> Mapping[str, str | None]:
    """What `.env` sets; a byte-order mark is not part of its first name."""
    if not env_file.exists():
        return {}
    from dotenv import dotenv_values  # completion seldom needs it

    try:
        return dotenv_values(env_file, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):  # whose message would show a part of what is in it
        raise InputError(
            f"{env_file} cannot be read; expected text in UTF-8 that you may read. Save it so, or remove it."
        ) from None


def _ours(source: Mapping[str, str | None], *, strict: bool) -> dict[str, str]:
    """Our variables of a source, without those that are empty; if `strict`, a misspelt one is reported, not ignored."""
    ours = {name.upper(): _plain(value) for name, value in source.items() if value and name.upper().startswith(_PREFIX)}
    ours |= {name: ours[name].casefold() for name in _WORDS if name in ours}
    names = {variable(setting) for setting in SETTINGS} | {SECRETS}
    for name in sorted(source) if strict else ():
        if name.startswith(_PREFIX) and name not in names:
            import difflib  # only a mistake needs it

            close = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {close[0]}?" if close else "."
            raise InputError(f"The setting {name} is unknown{hint}")
    return ours


def _plain(value: str) -> str:
    """A value without the quotes that `docker run --env-file` leaves around it; `~/` is the user's own folder.

    Blanks and invisible characters around it came with copying.
    """
    value = trimmed(value)
    quoted = re.fullmatch(r"""(["'])(.*)\1""", value, re.DOTALL)
    value = trimmed(quoted[2]) if quoted else value
    return os.path.expanduser(value) if value.startswith("~/") else value  # noqa: PTH111 - Path raises without a home


def _with_secrets(found: dict[str, str], names: Collection[str] = SETTINGS) -> dict[str, str]:
    if not (folder := found.get(SECRETS)):
        return found
    if not Path(folder).is_dir():
        raise InputError(
            f"{SECRETS} is {folder!r}, which is no folder; expected one file per secret. Correct it, or unset it."
        )
    wanted = {variable(setting).lower() for setting in names}
    try:
        paths = [path for path in Path(folder).iterdir() if path.name.lower() in wanted and path.is_file()]
        secrets = {path.name.upper(): trimmed(path.read_text(encoding="utf-8-sig")) for path in paths}
    except (OSError, UnicodeDecodeError):
        words = f"A file in {SECRETS}, {folder}, cannot be read; expected text for each secret"
        raise InputError(f"{words}, readable for you. Correct its contents or its rights.") from None
    return {**{name: value for name, value in secrets.items() if value}, **found}

"""The command `license read`: what each license in a file says, and never the license itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runbook_lib.cli import options
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import InputError, LicenseError

if TYPE_CHECKING:
    from runbook_lib.domain.license import ExaminedLicense, PublicKey


@click.group(no_args_is_help=False)
def license() -> None:
    """Work with license files."""


@license.command()
@click.argument("file", type=options.FILE)
@click.option("--public-key", type=options.FILE, metavar="PEM", help="Default: the one of the profile.")
@options.as_json
def read(file: Path, public_key: Path | None, as_json: bool) -> int:
    """Check a license file and show what it says, never the license."""
    click.echo(_report(options.content(file), options.content(public_key or _configured_key()), as_json=as_json))
    return exit_status.DONE


def _configured_key() -> Path:
    from runbook_lib.sandbox.world import PUBLIC_KEY_NAME
    from runbook_lib.settings import Settings

    local = Settings.local()
    if local.profile == "live":
        path, advice = local.license_public_key_file, "or set RUNBOOK_LICENSE_PUBLIC_KEY_FILE"
    else:
        path, advice = local.world_folder / PUBLIC_KEY_NAME, "or make a practice world: `runbook sandbox`"
    if path is None or not path.exists():
        raise InputError(f"There is no public key to check with; pass --public-key PEM, {advice}.")
    return path


def _report(content: bytes, public_key: bytes, *, as_json: bool) -> str:
    from tabulate import tabulate

    from runbook_lib.domain.license import load_public_key

    found = _examined(content, load_public_key(public_key))
    if as_json:
        return json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False)
    head = [f"{len(found)} licenses are in this file; GitLab itself takes the last one."] if len(found) > 1 else []
    tables = [tabulate(_rows(facts), tablefmt="plain", disable_numparse=True) for facts in found]
    return "\n\n".join([*head, *tables])


def _examined(content: bytes, key: PublicKey) -> list[dict[str, Any]]:
    """What each license says, with its fingerprint, where it was, and what is odd about it."""
    from runbook_lib.domain import finder
    from runbook_lib.domain.content_kinds import Kind
    from runbook_lib.domain.license import examine

    found = finder.look(content)
    own_kinds = (Kind.LICENSE, Kind.TEXT, Kind.EMPTY, Kind.BINARY)
    if not found.licenses and found.kind not in own_kinds:
        words = " ".join((f"This is {found.words}, and holds no license.", *found.notes, found.advice)).strip()
        raise LicenseError("not_a_license", words)
    if not found.licenses:
        return [_facts(content, examine(content, key))]
    return [_facts(one.text, examine(one.text, key), one.where, one.notes) for one in found.licenses]


def _facts(
    content: bytes | str, reading: ExaminedLicense, where: str = "", notes: Sequence[str] = ()
) -> dict[str, Any]:
    from runbook_lib.domain.license import fingerprint
    from runbook_lib.domain.license_contents import facts

    odd = list(dict.fromkeys((*notes, *reading.notes)))
    more = ({"where": where} if where else {}) | ({"notes": odd} if odd else {})
    return {**facts(reading.license), "fingerprint": fingerprint(content), **more}


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    from runbook_lib.domain.plain_text import clean

    return [(name, clean(_plain(value))) for name, value in facts.items() if value not in (None, {}, False)]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return "; ".join(value) if isinstance(value, list) else str(value)

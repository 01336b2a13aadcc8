"""`runbook license read`: what each license in a file says, and never the license itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from runbook_lib.domain import finder, license
from runbook_lib.domain.content_kinds import Kind
from runbook_lib.domain.errors import LicenseError
from runbook_lib.domain.plain_text import clean

_NAMELESS = (Kind.LICENSE, Kind.TEXT, Kind.EMPTY, Kind.BINARY)
"""Of these `license` itself says best what is wrong with them."""


def report(content: bytes, public_key: bytes, *, as_json: bool) -> str:
    """What the licenses in a file say, to be printed; in JSON one object for one license, a list for several.

    Raises:
        LicenseError: There is none, or one that cannot be used.
    """
    found = _said(content, license.load_public_key(public_key))
    if as_json:
        return json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False)
    head = [f"{len(found)} licenses are in this file; GitLab itself takes the last one."] if len(found) > 1 else []
    tables = [tabulate(_rows(facts), tablefmt="plain", disable_numparse=True) for facts in found]
    return "\n\n".join([*head, *tables])


def _said(content: bytes, key: license.PublicKey) -> list[dict[str, Any]]:
    """What each license says, with its fingerprint, where it was, and what is odd about it."""
    found = finder.look(content)
    if not found.licenses and found.kind not in _NAMELESS:
        words = " ".join((f"This is {found.words}, and holds no license.", *found.notes, found.advice)).strip()
        raise LicenseError("not_a_license", words)
    if not found.licenses:
        return [_facts(content, license.examine(content, key))]
    return [_facts(one.text, license.examine(one.text, key), one.where, one.notes) for one in found.licenses]


def _facts(
    content: bytes | str, reading: license.Reading, where: str = "", notes: Sequence[str] = ()
) -> dict[str, Any]:
    odd = list(dict.fromkeys((*notes, *reading.notes)))
    more = ({"where": where} if where else {}) | ({"notes": odd} if odd else {})
    return {**license.facts(reading.license), "fingerprint": license.fingerprint(content), **more}


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, clean(_plain(value))) for name, value in facts.items() if value not in (None, {}, False)]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return "; ".join(value) if isinstance(value, list) else str(value)

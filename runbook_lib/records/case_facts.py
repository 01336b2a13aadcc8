"""What a sealed record says of its case for a list of many: customer, users, and where the ticket and issue are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.domain.errors import InputError
from runbook_lib.ledger.chains import digest
from runbook_lib.records.reading import Record, mapping, mappings, read, text
from runbook_lib.records.runs import Run

_ISSUE = re.compile(r"https?://\S+/-/issues/\d+")
"""The address of an issue. Source: GitLab's routes, the same for every project."""
_TICKET = re.compile(r"https?://[^\s/]+/agent/tickets/\d+")
"""The address of a ticket. Source: Zendesk's agent interface."""


@dataclass(frozen=True)
class CaseFacts:
    """What a list shows of a case; "" is what the record does not say."""

    organization: str = ""
    users: str = ""
    ticket_url: str = ""
    issue_url: str = ""


def case_facts(run: Run, folder: Path) -> CaseFacts:
    """What the record of a run says, if its bytes are those that were sealed; else nothing."""
    if not run.record or not run.sha256:
        return CaseFacts()
    try:
        record = read(folder / run.record)
    except InputError:
        return CaseFacts()
    if digest(record.content) != run.sha256:
        return CaseFacts()
    steps = record.steps
    organization = next((text(step["organization"]) for step in steps if step.get("organization")), "")
    users = next((str(step["users"]) for step in reversed(steps) if isinstance(step.get("users"), int)), "")
    addresses = [*_addresses(record), *(text(step.get("ticket_url")) for step in steps)]
    found = {"ticket_url": _first(_TICKET, addresses), "issue_url": _first(_ISSUE, addresses)}
    return CaseFacts(organization, users or _seats(record), **found)


def _addresses(record: Record) -> Iterator[str]:
    yield text(record.manifest.get("summary"))
    for effect in mappings(record.manifest.get("effects")):
        evidence = mapping(effect.get("evidence"))
        yield text(evidence.get("url"))
        yield text(evidence.get("reference"))


def _first(pattern: re.Pattern[str], words: list[str]) -> str:
    return next((found[0] for one in words if (found := pattern.search(one))), "")


def _seats(record: Record) -> str:
    """The users that the facts state, where no count was chosen: our records before what the customer sends."""
    facts: list[Any] = [
        fact for fact in mappings(record.manifest.get("facts")) if fact.get("name") == "users_in_license"
    ]
    ours = [fact for fact in facts if fact.get("source") in ("organization", "CustomersDot")]
    return next((text(fact.get("value")) for fact in (*ours, *facts)), "")

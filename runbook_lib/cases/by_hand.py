"""Licenses that a person makes by hand: the values to type, and the evidence afterwards."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from runbook_lib import files
from runbook_lib.cases.base import Case
from runbook_lib.cases.issuing import OrderReader
from runbook_lib.cases.knowledge import Issuance
from runbook_lib.domain import finder, orders, policy
from runbook_lib.domain.errors import InputError, OutcomeUnknownError
from runbook_lib.domain.models import Ticket
from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.effects import EffectResult


def check_nothing_under_way(case: Case, email: str, users: int) -> None:
    """Make sure that Mechanizer is not at work for this ticket, before a person makes a license by hand.

    Raises:
        OutcomeUnknownError: It is, or may be.
    """
    if not case.settings.mechanizer_project_id:
        return
    step = orders.decide(OrderReader(case, email, users).read()[-1])
    is_open = case.effects.is_open(step.order.operation_id)
    if step.do not in (orders.NextAction.PERFORM, orders.NextAction.SETTLED) or is_open:
        seen = "it was started a moment ago" if is_open else step.why.rstrip(".")
        raise OutcomeUnknownError(
            f"Mechanizer is at work for this ticket ({seen}), so no license is made by hand. Wait for it, then run "
            "again with RUNBOOK_ISSUER=mechanizer."
        )


def manual_form(ticket: Ticket, email: str, users: int, starts_on: date) -> list[tuple[str, str]]:
    """What to type into the form *Trials for SM*, field by field. Source: GitLab handbook."""
    return [
        ("Email", email),
        ("Users", str(users)),
        ("Plan code", policy.TRIAL_PLAN),
        ("Starts at", str(starts_on)),
        ("Expires at", str(starts_on + timedelta(days=policy.TRIAL_DAYS))),
        ("Note", f"Weekend emergency, ticket {ticket.id}"),
        ("Ticket link", ticket.url),
    ]


def manual_issuance(given: str, users: int) -> Issuance:
    """The license that the engineer made, from its link or its file.

    Raises:
        InputError: It is neither a web address nor a readable file with one license.
    """
    if given.startswith("https://"):
        return Issuance(users, given, identity="made by hand, not read by the runbook")
    try:
        found = finder.look(files.given(given))
    except (OSError, ValueError) as exc:
        raise InputError(
            f"issued_evidence is {clean(given)!r}; expected the license's https link, or the path of its file."
        ) from exc
    name = clean(Path(given).name, 80)
    if len(found.licenses) != 1:
        raise InputError(
            f"issued_evidence names {name}, which is {found.words} with {len(found.licenses) or 'no'} licenses in it. "
            "Give a file that holds the license that was issued, and no other."
        )
    return Issuance(users, f"file {name}", found.licenses[0].text)


def made_by_hand(made: EffectResult, users: int) -> Issuance:
    """A license that only the engineer's note records."""
    return Issuance(users, made.proven.url, identity="made by hand, not read by the runbook")

"""What the ticket itself tells: facts from the licenses on it and from its organization.

Only reads. Whatever cannot be used becomes a note that says why, never a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from runbook_lib import answers
from runbook_lib.cases.base import Case
from runbook_lib.cases.license_files import HeldLicense, LicenseFiles
from runbook_lib.cases.unread import Unread
from runbook_lib.display import clean
from runbook_lib.errors import InputError
from runbook_lib.models import Comment, Fact, Source
from runbook_lib.policy import PAID_PLANS


def license_facts(
    case: Case, thread: Iterable[Comment], emergency_on: date
) -> tuple[list[Fact], list[str], list[Unread]]:
    """Facts from the licenses on the ticket whose signature holds, notes on all, and what could not be read.

    Several may be there, such as an earlier extension by Sales. One of them counts: the one that had begun by the
    emergency's date and ends last. A paid plan is taken from the newest full license, since a trial proves none.
    """
    files = LicenseFiles(case)
    files.look(thread)
    notes = list(files.notes)
    held: list[HeldLicense] = []
    for found in files.held:
        notes.append(_identity(found, case))
        if found.license.starts_on > emergency_on:
            notes.append(f"{clean(found.file_name, 200)} does not count: it starts on {found.license.starts_on}.")
        else:
            held.append(found)
    if len(held) > 1:
        notes.append("Several licenses hold: the one that ends last counts. An earlier extension changes nothing.")
    held.sort(key=lambda one: one.license.expires_on or date.max, reverse=True)
    facts, more = _facts_of(held)
    return facts, notes + more, files.unread


def ticket_facts(case: Case) -> tuple[list[Fact], list[str]]:
    """Facts from the ticket's organization and requester, and notes on what could not be used."""
    ticket, settings = case.ticket, case.settings
    fields = ticket.organization.fields if ticket.organization else {}
    keys = {
        "deployment": settings.zendesk_field_deployment,
        "account_type": settings.zendesk_field_account_type,
        "plan": settings.zendesk_field_plan,
    }
    given = [(name, fields.get(key), f"organization field {key}") for name, key in keys.items()]
    given.append(("requester_email", ticket.requester.email, "requester"))
    facts: list[Fact] = []
    notes: list[str] = []
    for name, raw, where in given:
        if raw in (None, ""):
            continue
        try:
            value = answers.parse(name, raw)
        except InputError as exc:
            notes.append(f"The {where} was not used: {exc}")
            continue
        if value is not None:
            facts.append(Fact(name, value, Source.TICKET, where))
    return facts, notes


def _facts_of(held: Sequence[HeldLicense]) -> tuple[list[Fact], list[str]]:
    """What the files prove, the one that counts first. A trial says nothing of a paid plan. Source: seeds, *Scope*."""
    if not held:
        return [], []
    first = held[0]
    facts = [Fact("deployment", "self_managed", Source.LICENSE_FILE, first.file_name)]
    notes = []
    full = next((h for h in held if h.license.plan in PAID_PLANS and not h.license.is_trial), None)
    if full:
        facts.append(Fact("plan", full.license.plan, Source.LICENSE_FILE, full.file_name))
    if first.license.expires_on:
        facts.append(Fact("expires_on", first.license.expires_on, Source.LICENSE_FILE, first.file_name))
    else:
        notes.append(f"{clean(first.file_name, 200)} has no expiry date; ask what the instance itself shows.")
    if first.license.block_changes_on:
        facts.append(Fact("blocked_on", first.license.block_changes_on, Source.LICENSE_FILE, first.file_name))
    try:
        users = answers.count("users_in_license", first.license.user_count, least=1)
        facts.append(Fact("users_in_license", users, Source.LICENSE_FILE, first.file_name))
    except InputError as exc:
        notes.append(f"The user count of {clean(first.file_name, 200)} was not used: {exc}")
    return facts, notes


def _identity(held: HeldLicense, case: Case) -> str:
    """Which license a file is and whom it names, with a warning if that seems to be somebody else."""
    company = str(held.license.licensee.get("Company", ""))
    email = str(held.license.licensee.get("Email", ""))
    words = (
        f"{clean(held.file_name, 200)} is signed by the expected key; {held.fingerprint}, "
        f"licensed to {clean(company, 80) or 'no company'} <{clean(email, 80) or 'no address'}>."
    )
    ticket = case.ticket
    organization = ticket.organization.name if ticket.organization else ""
    same_company = company.casefold() == organization.casefold()
    same_domain = _domain(email) == _domain(ticket.requester.email or "")
    return words if same_company or same_domain else words + " Make sure that this is the customer who asks."


def _domain(address: str) -> str:
    return address.rpartition("@")[2].casefold()

"""What the ticket itself tells: the licenses on it, their facts, and those of its organization.

Only reads. Whatever cannot be used becomes a note that says why, never a fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from runbook_lib.cases.license_files import HeldLicense, LicenseFiles
from runbook_lib.domain import answers, evidence
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import Fact, Source, Ticket
from runbook_lib.domain.pasted import plain
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.policy import PAID_PLANS
from runbook_lib.settings import Settings

_OF_ORGANIZATION = ("deployment", "account_type", "plan", "users_in_license")


def attached_licenses(files: LicenseFiles, emergency_on: date) -> tuple[tuple[evidence.Attached, ...], list[str]]:
    """The licenses on the ticket whose key is the expected one and that have begun, and notes on all that was read."""
    notes = list(files.notes)
    held: list[evidence.Attached] = []
    for found in files.held:
        one = _attached(found)
        notes.append(_named(one))
        if found.license.starts_on > emergency_on:
            notes.append(f"{one.name} does not count: it starts on {found.license.starts_on}.")
            continue
        held.append(one)
        if one.users is None:
            notes.append(f"{one.name} has no user count that can be used ({clean(found.license.user_count, 40)}).")
        if one.plan and one.plan not in PAID_PLANS:
            notes.append(f"{one.name} names a plan that is not known here: {clean(one.plan, 40)}.")
    return tuple(held), notes


def license_facts(
    held: Sequence[evidence.Attached], installed: evidence.Attached | None
) -> tuple[list[Fact], list[str]]:
    """Facts from the licenses on the ticket: dates and users of the installed one, the plan of a full one.

    A trial says nothing of a paid plan. Source: seeds, *Scope*.
    """
    facts: list[Fact] = []
    notes: list[str] = []
    in_order = sorted(held, key=lambda one: (one is installed, one.expires_on or date.max), reverse=True)
    if full := next((one for one in in_order if one.plan in PAID_PLANS and not one.is_trial), None):
        facts.append(Fact("plan", full.plan, Source.LICENSE_FILE, full.name))
    if held:
        facts.insert(0, Fact("deployment", "self_managed", Source.LICENSE_FILE, in_order[0].name))
    if installed is None:
        return facts, notes
    given = (
        ("expires_on", installed.expires_on),
        ("blocked_on", installed.blocked_on),
        ("users_in_license", installed.users),
    )
    facts += [Fact(name, value, Source.LICENSE_FILE, installed.name) for name, value in given if value is not None]
    if installed.expires_on is None:
        notes.append(f"{installed.name} has no expiry date; ask what the instance itself shows.")
    if len(held) > 1:
        notes.append(f"Several licenses hold: {installed.name} counts. An earlier extension changes nothing.")
    return facts, notes


def ticket_facts(ticket: Ticket, settings: Settings) -> tuple[list[Fact], list[str], dict[str, str]]:
    """Facts from the ticket's organization and requester.

    Returns:
        The facts, notes on what could not be used, and of these the organization's fields by fact, in words.
    """
    fields = ticket.organization.fields if ticket.organization else {}
    keys = (
        settings.zendesk_field_deployment,
        settings.zendesk_field_account_type,
        settings.zendesk_field_plan,
        settings.zendesk_field_seats,
    )
    facts: list[Fact] = []
    unread: dict[str, str] = {}
    for name, key in zip(_OF_ORGANIZATION, keys, strict=True):
        try:
            value = _field(name, fields.get(key))
        except InputError:
            holds, expected = clean(fields[key], 60), _expected(name)
            unread[name] = f"The organization field {key} says “{holds}”, which is {expected}, so it was not used"
            continue
        if value is not None:
            facts.append(Fact(name, value, Source.ORGANIZATION, f"field {key}"))
    notes = [f"{words}." for words in unread.values()]
    try:
        if ticket.requester.email:
            email = answers.parse("requester_email", ticket.requester.email)
            facts.append(Fact("requester_email", email, Source.TICKET, "requester"))
    except InputError as exc:
        notes.append(f"The requester was not used: {exc}")
    return facts, notes, unread


def _field(name: str, raw: object) -> object | None:
    """The value of an organization field; a number of Zendesk's may come as a decimal or as text."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    return answers.count(name, raw, least=1) if name == "users_in_license" else answers.parse(name, raw)


def _expected(name: str) -> str:
    choices = answers.QUESTIONS[name].choices
    return f"none of {', '.join(choices)}" if choices else "no number of users"


def _attached(held: HeldLicense) -> evidence.Attached:
    """What counts of a license; its text stays where it was read."""
    found = held.license
    try:
        users: int | None = answers.count("users_in_license", found.user_count, least=1)
    except InputError:
        users = None
    return evidence.Attached(
        name=clean(held.file_name, 200),
        fingerprint=held.fingerprint,
        expires_on=found.expires_on,
        blocked_on=found.block_changes_on,
        users=users,
        plan=found.plan,
        is_trial=found.is_trial,
        company=clean(plain(str(found.licensee.get("Company") or "")), 120),
        email=clean(plain(str(found.licensee.get("Email") or "")), 120),
    )


def _named(one: evidence.Attached) -> str:
    """Which license a file is and whom it names."""
    return (
        f"{one.name} is signed by the expected key; fingerprint {one.fingerprint}, "
        f"licensed to {one.company or 'no company'} <{one.email or 'no address'}>."
    )

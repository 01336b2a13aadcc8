"""Gathers what is known of a case: from the engineer, the ticket and its files, CustomersDot and the tracker.

Only reads. Whatever cannot be used becomes a note that says why, never a fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import cast

from runbook_lib.cases.base import Case
from runbook_lib.cases.changes import sent_by_hand_note
from runbook_lib.cases.knowledge import Issuance, Knowledge, Purchases, purchase_facts
from runbook_lib.cases.license_files import LicenseFiles
from runbook_lib.cases.thread import telling
from runbook_lib.cases.tracker import Tracker
from runbook_lib.cases.unread import Unread
from runbook_lib.domain import evidence, parameters, working_words
from runbook_lib.domain.errors import InputError, RefusedError, UnavailableError
from runbook_lib.domain.models import Fact, Facts, Source, Ticket
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.policy import PAID_PLANS
from runbook_lib.settings import Settings

PATIENCE_S = 5.0
"""How long CustomersDot may take, where a runbook only adds its facts."""


def gather(case: Case, given: Mapping[str, object]) -> tuple[Knowledge, list[str]]:
    """What is known of a case, and notes on it.

    Args:
        case: The case.
        given: The engineer's answers, by parameter name; `unknown` without one.

    Raises:
        RunbookError: An answer is impossible, or something that the workflow needs cannot be read.
    """
    answered = _given_facts(given)
    thread = tuple(case.services.zendesk.comments(case.ticket.id))
    known = Knowledge(ticket=case.ticket, rules=case.known.rules, thread=thread, facts=answered)
    emergency_on = known.emergency_on
    files = LicenseFiles(case)
    files.look(thread)
    attached, notes = attached_licenses(files, emergency_on)
    own, own_notes, unusable = ticket_facts(case.ticket, case.settings)
    installed = _installed(replace(known, attached=attached))
    of_files, file_notes = license_facts(attached, installed.license)
    facts = Facts((*answered.known, *of_files, *own))
    purchases = _purchases(case, facts)
    sold, sold_notes = purchase_facts(purchases.licenses or (), emergency_on)
    facts = Facts((*facts.known, *sold))
    existing, existing_notes = _existing_license(case, facts)
    known = replace(
        known,
        facts=facts,
        attached=attached,
        installed=installed,
        purchases=purchases,
        unusable=unusable,
        unread=(*files.unread, *purchases.unread),
        existing_license=existing,
    )
    notes = [*existing_notes, *(one.words for one in files.unread), *notes, *file_notes, *known.notes_on_later]
    notes += [*own_notes, *_notes_on_accounts(case, known), *sold_notes]
    return known, notes + [_conflict_words(best, other) for best, other in facts.conflicts()]


def _given_facts(given: Mapping[str, object]) -> Facts:
    """The engineer's answers as facts; those in `confirmed` were read off a screenshot.

    A confirmed name that is no parameter of this runbook belongs to the next one, and is ignored; one without a value
    is an InputError, and so is an impossible value.
    """
    values = {name: value for name, raw in given.items() if (value := parameters.parse(name, raw)) is not None}
    confirmed = cast(tuple[str, ...], values.pop("confirmed", ()))
    if missing := [name for name in confirmed if name in given and name not in values]:
        raise InputError(f"confirmed names {', '.join(missing)}, but no value is given. Give it, or leave it out.")
    return Facts(tuple(_fact(name, value, given[name], name in confirmed) for name, value in values.items()))


def _fact(name: str, value: object, raw: object, confirmed: bool) -> Fact:
    """A parameter as a fact; with the given text, if that differs from the value."""
    source, where = (Source.SCREENSHOT, "confirmed by the engineer") if confirmed else (Source.ENGINEER, "parameter")
    text = clean(parameters.QUESTIONS[name].pasted(raw), 60)
    return Fact(name, value, source, f"{where}, read from “{text}”" if text else where)


def _installed(known: Knowledge) -> evidence.Installed:
    """The attached license that the instance has, by the engineer's answer or else by the ticket's words."""
    own = telling(known.thread, known.ticket)
    # What worked before the emergency's day says nothing of that day
    opening, *later = [one.body * (one.created_at.date() >= known.emergency_on) for one in own] or [""]
    return evidence.installed(
        known.attached,
        emergency_on=known.emergency_on,
        grace_days=known.rules.grace_days,
        in_trouble=working_words.speaks_of_trouble([known.ticket.subject, *(comment.body for comment in own)]),
        works=working_words.says_it_works(opening, later),
        answer=cast(str | None, known.facts.value("installed_license")),
    )


def _purchases(case: Case, facts: Facts) -> Purchases:
    """What CustomersDot has of the requester; it is optional everywhere."""
    cdot, email = case.services.customersdot, cast(str | None, facts.value("requester_email"))
    if cdot is None:
        return Purchases(trouble="CustomersDot is not configured here (RUNBOOK_CUSTOMERSDOT_COOKIE).")
    if email is None:
        return Purchases(trouble="The ticket shows no usable address to look for.")
    try:
        with case.services.budget.hurried(None if case.workflow.asks_accounts else PATIENCE_S):
            accounts = tuple(cdot.accounts(email))
            return Purchases(accounts, tuple(one for a in accounts for one in cdot.licenses(a)))
    except (RefusedError, UnavailableError) as exc:
        return Purchases(trouble=str(exc), unread=(Unread.of("CustomersDot", exc, Source.CUSTOMERSDOT),))


def _notes_on_accounts(case: Case, known: Knowledge) -> list[str]:
    """What it means that CustomersDot could not be read; nothing if it was."""
    trouble = known.purchases.trouble
    by_hand = f"Questions on the account are to be answered by hand. {trouble}"
    notes = [by_hand] if trouble and case.workflow.asks_accounts else []
    return notes + ([trouble] if trouble and case.services.customersdot and known.email else [])


def _existing_license(case: Case, facts: Facts) -> tuple[Issuance | None, list[str]]:
    """The license that the ticket has already; a note on it, or on why it is not known, if the workflow issues none."""
    try:
        if made := case.effects.adopt(sent_by_hand_note(case)):
            found: Issuance | None = Issuance.made_by_hand(made.proven.url, 0)
        else:
            email = cast(str | None, facts.value("requester_email"))
            found = Tracker(case, email).issuance_of_ticket() if email else None
    except (RefusedError, UnavailableError) as exc:
        if case.workflow.issues_license:
            raise
        return None, [f"Whether this ticket has a license already could not be looked at: {exc}"]
    note = f"This ticket has its license already: {found.url}. No second one is issued." if found else ""
    return found, [note] if note else []


def _conflict_words(best: Fact, other: Fact) -> str:
    return (
        f"{best.name}: {clean(best.value)} ({best.source}) counts; "
        f"the {other.source} says {clean(other.value)} ({clean(other.detail)})."
    )


def attached_licenses(files: LicenseFiles, emergency_on: date) -> tuple[tuple[evidence.Attached, ...], list[str]]:
    """The licenses on the ticket whose key is the expected one and that have begun, and notes on all that was read."""
    notes = list(files.notes)
    held: list[evidence.Attached] = []
    for one in files.held:
        if one.starts_on > emergency_on:
            notes.append(f"{one.name} does not count: it starts on {one.starts_on}.")
            continue
        held.append(one)
        if one.users is None:
            notes.append(f"{one.name} has no user count that can be used.")
        if one.is_cancellation:
            notes.append(f"{one.name} was issued when a subscription was canceled: it shows no paid plan.")
        if one.plan and one.plan not in PAID_PLANS:
            notes.append(f"{one.name} names a plan that is not known here: {clean(one.plan, 40)}.")
    return tuple(held), notes


def license_facts(
    held: Sequence[evidence.Attached], installed: evidence.Attached | None
) -> tuple[list[Fact], list[str]]:
    """Facts from the licenses on the ticket: dates and users of the installed one, the plan of a full one.

    A trial, and the license of a canceled subscription, say nothing of a paid plan. Source: seeds, *Scope*.
    """
    if not held:
        return [], []
    in_order = sorted(held, key=lambda one: (one is installed, one.expires_on or date.max), reverse=True)
    facts, notes = [Fact("deployment", "self_managed", Source.LICENSE_FILE, in_order[0].name)], list[str]()
    full = [one for one in in_order if one.plan in PAID_PLANS and not (one.is_trial or one.is_cancellation)]
    facts += [Fact("plan", one.plan, Source.LICENSE_FILE, one.name) for one in full[:1]]
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
    keys = {
        "deployment": settings.zendesk_field_deployment,
        "account_type": settings.zendesk_field_account_type,
        "plan": settings.zendesk_field_plan,
        "users_in_license": settings.zendesk_field_seats,
    }
    facts: list[Fact] = []
    unread: dict[str, str] = {}
    for name, key in keys.items():
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
            email = parameters.parse("requester_email", ticket.requester.email)
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
    return parameters.count(name, raw, least=1) if name == "users_in_license" else parameters.parse(name, raw)


def _expected(name: str) -> str:
    choices = parameters.QUESTIONS[name].choices
    return f"none of {', '.join(choices)}" if choices else "no number of users"

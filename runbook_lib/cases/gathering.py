"""What the ticket itself tells: facts from the license files on it and from its organization.

Only reads. Whatever cannot be used becomes a note that says why, never a fact.
"""

from __future__ import annotations

from collections.abc import Iterable

from runbook_lib import answers, license
from runbook_lib.cases.base import Case
from runbook_lib.display import clean, size
from runbook_lib.errors import InputError, RunbookError
from runbook_lib.models import Attachment, Comment, Fact, Source
from runbook_lib.policy import PAID_PLANS
from runbook_lib.settings import Settings

MOST_FILES = 10
"""License files that are read off one ticket; more are noted."""


def license_facts(case: Case, thread: Iterable[Comment]) -> tuple[list[Fact], list[str]]:
    """Facts from the license files on the ticket whose signature holds, and notes on the others.

    Several files may be there, such as an earlier extension by Sales: the one that ended last counts.
    """
    files = [a for comment in thread for a in comment.attachments if _may_be_license(a)]
    notes = [f"{len(files)} license files are on the ticket; the first {MOST_FILES} were read."] * (
        len(files) > MOST_FILES
    )
    if not files:
        return [], []
    public_key = load_public_key(case.settings)
    read: list[tuple[Attachment, license.License, str]] = []
    for file in files[:MOST_FILES]:
        try:
            content = _content(case, file)
            read.append((file, license.read(content, public_key), license.fingerprint(content)))
        except RunbookError as exc:
            notes.append(f"{clean(file.file_name, 80)} was not used: {exc}")
    read.sort(key=lambda item: str(item[1].expires_on or "9999"), reverse=True)
    facts = [fact for file, found, _ in read for fact in _facts_of(found, file.file_name)]
    notes += [f"{clean(file.file_name, 80)} is signed by the expected key; {identity}." for file, _, identity in read]
    if len(read) > 1:
        notes.append(
            "Several license files hold: the one that ended last counts. An earlier extension changes nothing."
        )
    return facts, notes


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


def is_image(attachment: Attachment) -> bool:
    """Whether a file calls itself an image."""
    return attachment.content_type.startswith("image/")


def load_public_key(settings: Settings) -> license.PublicKey:
    """The key that licenses are checked with.

    Raises:
        InputError: The file is not configured, missing, or no public key.
    """
    path = settings.license_public_key_file
    if path is None:
        raise InputError("RUNBOOK_LICENSE_PUBLIC_KEY_FILE is not set, so no license can be checked.")
    try:
        return license.load_public_key(path.read_bytes())
    except OSError as exc:
        raise InputError(f"The public key {path} cannot be read: {exc.strerror}.") from exc


def _content(case: Case, file: Attachment) -> bytes:
    limit = min(license.MAX_LICENSE_BYTES, case.settings.attachment_limit_bytes)
    if file.size > limit:
        raise InputError(f"it has {size(file.size)}, and a license file has a few kB.")
    return case.services.zendesk.download(file, limit)


def _may_be_license(file: Attachment) -> bool:
    name = file.file_name.lower()
    return not is_image(file) and (name.endswith(".gitlab-license") or "license" in name or "licence" in name)


def _facts_of(found: license.License, where: str) -> list[Fact]:
    """What one license file proves. A trial says nothing about a paid plan. Source: seeds, *Scope*."""
    facts = [Fact("deployment", "self_managed", Source.LICENSE_FILE, where)]
    if found.plan in PAID_PLANS and not found.is_trial:
        facts.append(Fact("plan", found.plan, Source.LICENSE_FILE, where))
    if found.expires_on:
        facts.append(Fact("expires_on", found.expires_on, Source.LICENSE_FILE, where))
    if found.user_count:
        facts.append(Fact("users_in_license", found.user_count, Source.LICENSE_FILE, where))
    return facts

"""The texts that are sent to customers, Slack, the ticket and the tracker. Pure.

No message is built from customer text. The variable parts are numbers, our links and checked addresses; each channel's
markup is escaped in any case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from runbook_lib.domain import envelopes
from runbook_lib.domain.plain_text import count
from runbook_lib.domain.policy import TRIAL_DAYS

SLACK_CHANNEL = "#support_licensing-subscription"
"""The team's channel. Source: weekend seed, *Step 2*."""
LABEL = "Mechanizer::Emergency License Generation"
"""The label of every issue that the license job opens. Source: weekend seed, *Considerations* 3."""
MAIL_SUBJECT = f"{TRIAL_DAYS}-day Trial GitLab License"
"""The subject of the mail with the license. Source: weekend seed, *Step 2*."""

NO_MAIL_YET = "The license has not been signed yet; no mail was sent."
"""The text of an issue whose job is running, or has crashed, before the mail."""

NO_LICENSE, NO_MAIL = "No license was sent.", "This job stopped without a mail"
"""What the text of a failure's issue and that of a duplicate's say first."""

COPY_FILE_NAME = "trial.gitlab-license"
"""The name of the file with the license, on the ticket."""

_FENCE = "`````"
_INSTALL = (
    "To install it, sign in to GitLab as an administrator, open Admin area > Settings > General, expand "
    "Add License, upload the file and confirm. The instance can be written to again at once."
)
_BRIDGE = (
    "It is a bridge until your regular license is settled; our License & Renewals team can help with that from the "
    "next working day on.\n\nGitLab Support"
)


def issue_description(operation_id: str, username: str, ticket_url: str, body: str) -> str:
    """An issue's description: the operation id, the ticket, the username, then `body`.

    The id is first, because the first one counts and the username may be any text.
    """
    return f"Operation: `{operation_id}`\n\nTicket: {ticket_url}\n\nRequested by:\n\n{fenced(username)}\n\n{body}"


def license_copy(text: str) -> str:
    return f"Copy of the license:\n\n{fenced(text)}"


def find_license(description: str) -> str | None:
    """The license file in a success issue's description, as the gem writes it, or None.

    It may be wrapped by the tracker's Markdown in any way, with or without boundary lines. The last complete one
    counts, as for the gem.
    """
    found = [envelope for envelope in envelopes.locate(description) if envelope.is_whole]
    return found[-1].text if found else None


def find_operation(description: str) -> str | None:
    return _find(r"^Operation: `([A-Za-z0-9_-]+)`$", description)


def find_ticket(description: str) -> str | None:
    """The ticket's address in an issue's description, or None."""
    return _find(r"^Ticket: (https?://\S+)$", description)


def failure_reason(description: str) -> str:
    """The reason in a failure issue, or a sentence that there is none."""
    found = _find(rf"^No license was sent\.\s+{_FENCE}\n(.*?)\n{_FENCE}", description)
    return "The issue does not say why." if found is None else found


def _find(pattern: str, description: str) -> str | None:
    found = re.search(pattern, description.replace("\r\n", "\n"), re.DOTALL | re.MULTILINE)
    return found[1] if found else None


def failure_body(reason: str) -> str:
    return f"{NO_LICENSE}\n\n{fenced(reason)}\n\nThe tool may be used again."


def duplicate_body(url: str) -> str:
    """The description of a duplicate; only the first issue has the operation id."""
    return f"{NO_MAIL}, because another one came first: {url}"


@dataclass(frozen=True)
class Seal:
    """The digest of a record, as a note on the ticket keeps it."""

    record: str
    sha256: str
    lines: int  # the number of the journal line with the same digest
    head: str  # that line's SHA-256
    key: str  # the writer of that journal


def seal_note(seal: Seal) -> str:
    """The internal note with a record's digest, by which a removed or replaced record is detected."""
    return (
        f"License runbook: record {seal.record}\nSHA-256 {seal.sha256}\n"
        f"Journal line {seal.lines} of writer {seal.key}, SHA-256 {seal.head}\n"
        "To check it: `runbook records verify`."
    )


def find_seal(body: str) -> Seal | None:
    pattern = (
        r"License runbook: record ([A-Za-z0-9._-]{1,120})\s+SHA-256 ([0-9a-f]{64})\s+"
        r"Journal line ([0-9]{1,9}) of writer ([0-9a-f]{16}), SHA-256 ([0-9a-f]{64})\s.*"
    )
    found = re.fullmatch(pattern, body.replace("\r\n", "\n").strip(), re.DOTALL)
    return Seal(found[1], found[2], int(found[3]), found[5], found[4]) if found else None


def fenced(text: str) -> str:
    """Text in a Markdown fence that it cannot close, so that no mention, quick action or markup in it takes effect.

    It must start a line; elsewhere it is no fence.
    """
    return f"{_FENCE}\n{re.sub('`{3,}', '``', text)}\n{_FENCE}"


def screenshots_request() -> str:
    """The public reply that asks for both screenshots. Source: weekend seed, *Step 1*."""
    return (
        "Hello,\n\n"
        "thank you for getting in touch; we are on this now. To get your instance working again over the weekend, "
        "we need to confirm your subscription. Please send us two screenshots, taken by an administrator of the "
        "instance:\n\n"
        "1. Admin Area > Overview > Dashboard\n"
        "2. Admin Area > License (in newer versions: Admin Area > Subscription)\n\n"
        "Both pages work while the instance is read-only. Please make sure that the plan, the end date and all user "
        "figures can be read. We go on as soon as we have them.\n\n"
        "GitLab Support"
    )


def license_sent(users: int, expires_on: date) -> str:
    return (
        "Hello,\n\n"
        f"we have sent a temporary license to the address from which this ticket was opened. The mail is titled "
        f'"{MAIL_SUBJECT}" and has the license as an attachment; if you do not see it, please look in the spam '
        "folder and tell us here.\n\n"
        f"The license is an Ultimate trial for {count(users, 'user')} and works until {expires_on}. "
        f"{_INSTALL}\n\n{_BRIDGE}"
    )


def license_copy_sent(users: int, expires_on: date) -> str:
    """The public reply with the copy of a license whose mail did not arrive."""
    return (
        "Hello,\n\n"
        "we are sorry that our mail did not reach you. The license that we made for you is attached to this reply. It "
        f"is an Ultimate trial for {count(users, 'user')} and works until {expires_on}. {_INSTALL}\n\n{_BRIDGE}"
    )


def license_copy_note(users: int, license_id: str, evidence_url: str) -> str:
    """The internal note that the copy was sent, for the next colleague."""
    return (
        f"License runbook: the mail with the emergency license ({count(users, 'user')}) had not come, so its copy was "
        f"sent with a public reply.\nLicense: {license_id}\nCopied from: {evidence_url}\nNo second license was issued."
    )


def nothing_found_note(reason: str) -> str:
    """The internal note that no license was on file; `reason` is the tracker's word for a failure, or ""."""
    why = f" An earlier try had failed:\n\n{reason}" if reason else ""
    return f"License runbook: the mail had not come, and the tracker had no license. One may be issued.{why}"


def license_note(users: int, license_id: str, evidence_url: str) -> str:
    """The internal note with the result, for the next colleague."""
    return (
        f"Weekend license runbook: an emergency license ({TRIAL_DAYS} days, Ultimate trial, {count(users, 'user')}) "
        f"was issued to the requester.\nLicense: {license_id}\nEvidence: {evidence_url}\n"
        "The regular license is still to be sorted out by License & Renewals."
    )


def screenshots_note(number: int) -> str:
    files = count(number, "screenshot")
    return f"{files} of the customer's instance, added by the engineer on call to confirm the subscription."


def slack_post(ticket_url: str, users: int) -> str:
    """The post to the team. Source: weekend seed, *Step 2*."""
    return (
        f"An emergency license was generated ({TRIAL_DAYS}-day Ultimate trial, {count(users, 'user')}): "
        f"<{slack_text(ticket_url)}>\nThe regular license is still to be sorted out."
    )


def resolved_question() -> str:
    """The public reply that asks the customer to confirm that the issue is solved. Source: weekday seed, flowchart."""
    return (
        "Hello,\n\n"
        "thank you for getting in touch. We have looked into it: your instance has been in touch with our licensing "
        "service since the license ran out, so the issue has likely resolved itself.\n\n"
        "Please confirm that you can work again: sign in as an administrator, open Admin Area > Subscription, and "
        "check that the end date lies in the future and that you can push. If something is still wrong, answer "
        "here with a screenshot of that page, and we go on at once.\n\n"
        "GitLab Support"
    )


def triage_note(path: Sequence[str], known: Sequence[str]) -> str:
    return f"Weekday license runbook.\n\nDecision path:\n{_bullets(path)}\n\nKnown so far:\n{_bullets(known)}"


def expert_post(ticket_url: str, path: Sequence[str], known: Sequence[str]) -> str:
    """The post that engages a License & Renewals expert, with where the engineer stopped. Source: weekday seed."""
    return (
        "License emergency during the week: a License & Renewals expert is needed for "
        f"<{slack_text(ticket_url)}>\n\nDecision path:\n{slack_text(_bullets(path))}\n\n"
        f"Known so far:\n{slack_text(_bullets(known))}"
    )


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def slack_text(text: str) -> str:
    """Text without Slack markup. Source: Slack documentation: only these three characters are special."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mail_body(users: int, starts_on: date, expires_on: date) -> str:
    return (
        "Hello,\n\n"
        f"attached is a temporary GitLab license: Ultimate trial, {count(users, 'user')}, valid from {starts_on} until "
        f"{expires_on} ({TRIAL_DAYS} days).\n\n{_INSTALL}\n\n"
        "If you have questions, please reply to your support ticket.\n\n"
        "GitLab Support\n"
    )


def by_hand_note(evidence: str, users: int) -> str:
    """The internal note that a license was made by hand, so that no other run makes a second one."""
    return (
        f"Weekend license runbook: an emergency license for {count(users, 'user')} was made by hand.\n"
        f"Evidence: {evidence}\nDo not issue another one."
    )

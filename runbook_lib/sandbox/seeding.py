"""Makes a new practice world: its keys, its tokens, its projects and channels, and the practice tickets."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from textwrap import indent

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runbook_lib.domain import license as license_file
from runbook_lib.domain import messages, policy, titles
from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.domain.license_contents import License
from runbook_lib.domain.titles import Mark
from runbook_lib.sandbox.screens import Screen, png
from runbook_lib.sandbox.store import Store, Value
from runbook_lib.sandbox.tickets import all_tickets, model
from runbook_lib.sandbox.tickets.model import Attachment, File, LicenseFile, PracticeTicket, Screenshot, UnstoredFile
from runbook_lib.sandbox.world import (
    DATABASE_NAME,
    PRIVATE_KEY_NAME,
    PUBLIC_KEY_NAME,
    VERSION,
    to_the_millisecond,
    to_the_second,
)

MECHANIZER_PROJECT_ID = 51000177
TRACKER_PROJECT_ID = 51000262
SLACK_CHANNEL_ID = "C07PRACTICE"

_ISSUED_USERS = 250
"""Of the licenses that earlier jobs issued."""

_OLD = "2024-01-15T08:00:00Z"


def make_world(folder: Path, on: date) -> None:
    """Makes a new world of a date in a folder that is empty or missing.

    Raises:
        InputError: There is a world, or something else, in the folder already.
        UnavailableError: The disk does not take it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty. Choose another folder for the new practice world, or remove it.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Made in a draft folder and moved into place in one step, so that no process opens half a world.
        draft = Path(tempfile.mkdtemp(prefix=".world-", dir=folder.parent))
        try:
            _fill(draft, on)
            draft.replace(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except (OSError, sqlite3.Error) as exc:
        raise UnavailableError(f"The practice world cannot be made in {folder.parent}: {exc}. Free the disk.") from exc


def _fill(folder: Path, on: date) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_keys(folder, key)
    path = folder / DATABASE_NAME
    path.touch(mode=0o600)
    with closing(Store(path)) as store:
        store.create_tables()
        with store.change():
            _add_settings(store, on)
            _add_places(store)
            _TicketWriter(store, key, on).write_all()


def _write_keys(folder: Path, key: rsa.RSAPrivateKey) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / PRIVATE_KEY_NAME).touch(mode=0o600)
    (folder / PRIVATE_KEY_NAME).write_bytes(private)
    (folder / PUBLIC_KEY_NAME).write_bytes(public)


def _add_settings(store: Store, on: date) -> None:
    """The world's name, date and tokens. The tokens have the vendors' formats, and open nothing else."""
    values = {
        "world": secrets.token_hex(16),
        "version": VERSION,
        "date": on.isoformat(),
        "zendesk_oauth_token": secrets.token_hex(32),
        "zendesk_api_token": secrets.token_urlsafe(30),
        "gitlab_token": f"glpat-{secrets.token_urlsafe(15)}",
        "mechanizer_gitlab_token": f"glpat-{secrets.token_urlsafe(15)}",
        "mechanizer_trigger_token": f"glptt-{secrets.token_hex(20)}",
        "mechanizer_project_id": str(MECHANIZER_PROJECT_ID),
        "mechanizer_ref": "main",
        "tracker_project_id": str(TRACKER_PROJECT_ID),
        "slack_token": f"xoxb-{secrets.randbelow(10**12):012d}-{secrets.token_urlsafe(18)}",
        "slack_channel_id": SLACK_CHANNEL_ID,
        "customersdot_cookie": f"_customersdot_session={secrets.token_hex(16)}",
        "gitlab_scopes": "api",
        "slack_scopes": "chat:write,channels:history",
        "operator": model.ENGINEER.email.partition("@")[0],
    }
    for name, value in values.items():
        store.insert("settings", name=name, value=value)


def _add_places(store: Store) -> None:
    for project_id, path, name in (
        (MECHANIZER_PROJECT_ID, "practice-support/toolbox/mechanizer", "Mechanizer"),
        (TRACKER_PROJECT_ID, "practice-support/internal-requests", "Internal Requests"),
    ):
        store.insert("projects", id=project_id, path=path, name=name, created_at=_OLD)
    store.insert("channels", id=SLACK_CHANNEL_ID, name="support_licensing-subscription", is_member=1)
    store.insert("channels", id="C07ELSEWHERE", name="support_team-chat", is_member=0)


class _TicketWriter:
    """Adds the tickets with all that belongs to them; the agents it adds at once."""

    def __init__(self, store: Store, key: rsa.RSAPrivateKey, world_date: date) -> None:
        self._store = store
        self._key = key
        self._world_date = world_date
        self._licenses = 0
        self._shared: dict[tuple[str, str], int] = {}
        self._person(model.ENGINEER, role="agent")
        self._colleague_id = self._person(model.COLLEAGUE, role="agent")

    @cached_property
    def _foreign_key(self) -> rsa.RSAPrivateKey:
        """A key other than the world's; a short one is made in a seventh of the time."""
        return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it protects nothing

    def write_all(self) -> None:
        """Adds ticket after ticket, then what the tracker holds, oldest first."""
        for ticket in all_tickets():
            self._ticket(ticket)
        issues = [
            (self._came_in_at(ticket) + timedelta(days=-issue.days_before, minutes=issue.minutes), issue, ticket)
            for ticket in all_tickets()
            for issue in ticket.issues
        ]
        for created_at, issue, ticket in sorted(issues, key=itemgetter(0)):
            self._issue(issue, created_at, ticket)

    def _came_in_at(self, ticket: PracticeTicket) -> datetime:
        return datetime.combine(ticket.date(self._world_date), ticket.at, UTC)

    def _ticket(self, ticket: PracticeTicket) -> None:
        came_in_at = self._came_in_at(ticket)
        updated_at = came_in_at + timedelta(minutes=max((note.after_minutes for note in ticket.notes), default=0))
        organization_id = self._company(ticket.company) if ticket.company else None
        requester_id = self._person(ticket.requester, role="end-user", organization_id=organization_id)
        self._store.insert(
            "tickets",
            id=ticket.id,
            subject=ticket.subject,
            status=ticket.status,
            requester_id=requester_id,
            assignee_id=self._colleague_id if ticket.assigned else None,
            organization_id=organization_id,
            tags=json.dumps(["emergency", "self-managed", *ticket.tags]),
            created_at=to_the_second(came_in_at),
            updated_at=to_the_second(updated_at),
        )
        author_id = self._colleague_id if ticket.opened_by_colleague else requester_id
        comment_id = self._comment(ticket.id, author_id, self._text(ticket), public=True, at=came_in_at)
        for attachment in ticket.attachments:
            self._attachment(comment_id, ticket, attachment)
        for account in ticket.accounts:
            self._account(account, ticket)
        for rows in ticket.seat_links:
            for days_before in range(rows.days_before[0], rows.days_before[1] - 1, -1):
                self._seat_link(rows, came_in_at.date(), days_before)
        for note in ticket.notes:
            at = came_in_at + timedelta(minutes=note.after_minutes)
            author_id = requester_id if note.by_requester else self._colleague_id
            self._comment(ticket.id, author_id, note.text, public=note.public, at=at)

    def _text(self, ticket: PracticeTicket) -> str:
        """What the requester wrote, with the license that they pasted."""
        text = ticket.text.replace("{long}", "A" * 4000)
        if ticket.pasted is None:
            return text
        return text.replace("{license}", indent(self._license_text(ticket, ticket.pasted), "> "))

    def _company(self, company: model.Company) -> int:
        fields = {name: value or None for name, value in asdict(company).items() if name != "name"}
        if company.seats is None:
            del fields["seats"]
        return self._once("organizations", company.name, name=company.name, fields=json.dumps(fields))

    def _person(self, person: model.Person, *, role: str, organization_id: int | None = None) -> int:
        return self._once("users", person.email, **asdict(person), role=role, organization_id=organization_id)

    def _once(self, table: str, name: str, /, **values: Value) -> int:
        """The id of a row that several tickets may share; the first one adds it."""
        if (table, name) not in self._shared:
            self._shared[table, name] = self._store.insert(table, **values, created_at=_OLD)
        return self._shared[table, name]

    def _comment(self, ticket_id: int, author_id: int, text: str, *, public: bool, at: datetime) -> int:
        common: dict[str, Value] = {"ticket_id": ticket_id, "author_id": author_id, "created_at": to_the_second(at)}
        audit_id = self._store.insert("audits", **common)
        return self._store.insert("comments", **common, audit_id=audit_id, body=text, public=public)

    def _attachment(self, comment_id: int, ticket: PracticeTicket, attachment: Attachment) -> None:
        content, content_type = self._content(ticket, attachment)
        domain = ticket.requester.email.rpartition("@")[2].removesuffix(".example")
        kept: dict[str, Value] = {"size": len(content)}
        if isinstance(attachment, UnstoredFile):
            kept = {"size": attachment.size, "source": attachment.source}
        self._store.insert(
            "attachments",
            comment_id=comment_id,
            token=secrets.token_urlsafe(18),
            file_name=attachment.name or f"{domain}.gitlab-license",
            content_type=content_type,
            content=content,
            access=attachment.access,
            malware=attachment.malware,
            **kept,
        )

    def _content(self, ticket: PracticeTicket, attachment: Attachment) -> tuple[bytes, str]:
        if isinstance(attachment, File):
            return attachment.content.encode("latin-1"), attachment.content_type
        if isinstance(attachment, Screenshot):
            expires_on = attachment.expires_on(ticket.date(self._world_date))
            return png(Screen(attachment, expires_on, ticket.company_name or ticket.requester.name)), "image/png"
        text = self._license_file(ticket, attachment) if isinstance(attachment, LicenseFile) else ""
        return text.encode(), "application/octet-stream"

    def _account(self, account: model.Account, ticket: PracticeTicket) -> None:
        person = account.person or ticket.requester
        first, _, last = person.name.partition(" ")
        customer_id = self._store.insert(
            "cdot_customers",
            email=person.email,
            first_name=first,
            last_name=last,
            company=account.company or ticket.company_name,
            **_stamps(_OLD),
        )
        for sold in account.licenses:
            expires_on = ticket.date(self._world_date) - timedelta(days=sold.expired_days)
            starts_on = expires_on - timedelta(days=365)
            self._store.insert(
                "cdot_licenses",
                customer_id=customer_id,
                **_subscription(sold.subscription),
                plan=sold.plan,
                users=sold.users,
                starts_at=starts_on.isoformat(),
                expires_at=expires_on.isoformat(),
                cloud_licensing_enabled=sold.cloud,
                **_stamps(to_the_millisecond(datetime.combine(starts_on, time(), UTC))),
            )

    def _seat_link(self, row: model.SeatLinks, ticket_on: date, days_before: int) -> None:
        at = row.at.replace(minute=(row.at.minute + days_before) % 60)
        received_on = ticket_on - timedelta(days=days_before)
        report_at = datetime.combine(received_on - timedelta(days=1), time(23, 59, 52), UTC)
        self._store.insert(
            "cdot_seat_links",
            license_starts_on=(ticket_on - timedelta(days=380)).isoformat(),
            **_subscription(row.subscription),
            report_timestamp=to_the_millisecond(report_at),
            hostname=row.hostname,
            instance_identifier=row.instance,
            license_md5=_digest(row.hostname),
            **_stamps(to_the_millisecond(datetime.combine(received_on, at, UTC))),
        )

    def _issue(self, issue: model.TrackerIssue, created_at: datetime, ticket: PracticeTicket) -> None:
        email = issue.email or ticket.requester.email
        title = titles.write(Mark.SUCCESS if issue.success else Mark.FAILURE, email, _ISSUED_USERS)
        body = messages.failure_body("The mail server 127.0.0.1:25 refused the mail: 451 4.3.0 Try again later")
        if issue.success:
            text = self._trial_text(issue, created_at.date())
            body = messages.license_copy(text) if issue.copy else "The copy was removed."
        stamp = to_the_millisecond(created_at)
        operation_id = f"by-hand-{_digest(title)[:12]}"
        ticket_url = f"https://practice-support.zendesk.example/agent/tickets/{ticket.id}"
        self._store.insert(
            "issues",
            iid=self._store.next_iid("issues", TRACKER_PROJECT_ID),
            project_id=TRACKER_PROJECT_ID,
            title=title,
            description=messages.issue_description(operation_id, "robin.weekend", ticket_url, body),
            state="closed" if issue.success else "opened",
            labels=json.dumps([messages.LABEL]),
            author="mechanizer-bot",
            **_stamps(stamp),
            closed_at=stamp if issue.success else None,
        )

    def _trial_text(self, issue: model.TrackerIssue, starts_on: date) -> str:
        """The ten-day license that an earlier job issued."""
        expires_on = starts_on + timedelta(days=policy.TRIAL_DAYS)
        content = License(
            licensee={"Name": "Emergency License", "Company": "Customer", "Email": "customer@example.com"},
            starts_on=starts_on,
            expires_on=expires_on,
            block_changes_on=expires_on,
            restrictions={"active_user_count": _ISSUED_USERS, "plan": policy.TRIAL_PLAN, "trial": True},
        )
        return self._signed(content, is_foreign=issue.foreign_key)

    def _license_file(self, ticket: PracticeTicket, file: LicenseFile) -> str:
        """A license as it is attached: a license file, or the export in which it is the first line's value.

        Source: GitLab documentation, *Export license usage*.
        """
        text = self._license_text(ticket, file)
        if not file.is_export:
            return text
        key = "\n".join(text.splitlines()[1:-1])
        rows = (
            ("License Key", key),
            ("Email", ticket.requester.email),
            ("Company", ticket.company_name),
            ("License End Date", file.expires_on(ticket.date(self._world_date))),
            ("", ""),
            ("Date", "Billable User Count"),
            ("2026-11-01 12:00:00", file.users - 7),
        )
        return "".join(f'"{name}","{value}"\n' for name, value in rows)

    def _license_text(self, ticket: PracticeTicket, file: LicenseFile) -> str:
        self._licenses += 1
        expires_on = file.expires_on(ticket.date(self._world_date))
        number = self._licenses
        names = {"id": 810000 + number, "subscription_name": f"A-S000{number:05d}"}
        restrictions = {"active_user_count": file.users, "plan": file.plan, **names}
        content = License(
            licensee={
                "Name": ticket.requester.name,
                "Company": file.company or ticket.company_name,
                "Email": file.email or ticket.requester.email,
            },
            starts_on=expires_on - timedelta(days=file.term_days),
            expires_on=expires_on,
            block_changes_on=expires_on + timedelta(days=policy.GRACE_DAYS),
            restrictions=restrictions | ({"trial": True} if file.trial else {}),
        )
        return self._signed(content, is_foreign=file.foreign_key)

    def _signed(self, content: License, *, is_foreign: bool) -> str:
        return license_file.write(content, self._foreign_key if is_foreign else self._key, boundary=True)


def _stamps(stamp: str) -> dict[str, Value]:
    return {"created_at": stamp, "updated_at": stamp}


def _subscription(name: str) -> dict[str, Value]:
    return {"zuora_subscription_name": name, "zuora_subscription_id": _digest(name)}


def _digest(text: str) -> str:
    """An id that looks like the vendors' own."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

"""Makes a new practice world: its keys, its tokens, its projects and channels, and the practice tickets."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runbook_lib import license as license_file
from runbook_lib.errors import InputError, UnavailableError
from runbook_lib.sandbox import tickets
from runbook_lib.sandbox.store import Store
from runbook_lib.sandbox.tickets import File, Generated, LicenseFile, Missing, PracticeTicket
from runbook_lib.sandbox.world import DATABASE_NAME, PRIVATE_KEY_NAME, PUBLIC_KEY_NAME, to_the_second

__all__ = ["make_world"]

MECHANIZER_PROJECT_ID = 51000177
TRACKER_PROJECT_ID = 51000262
SLACK_CHANNEL_ID = "C07PRACTICE"

_OLD = "2024-01-15T08:00:00Z"


def make_world(folder: Path, on: date) -> None:
    """Makes a new world in a folder that is empty or missing.

    Args:
        folder: Where the world shall live.
        on: The world's date; the practice tickets come from the Saturday before it.

    Raises:
        InputError: There is a world, or something else, in the folder already.
        UnavailableError: The disk does not take it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty. Choose another folder for the new practice world, or remove it.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Made aside and moved into place in one go, so that nobody ever opens half a world.
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
    """Writes everything that a world consists of."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_keys(folder, key)
    path = folder / DATABASE_NAME
    path.touch(mode=0o600)
    store = Store(path)
    try:
        store.create_tables()
        with store.change():
            _add_settings(store, on)
            _add_places(store)
            _Planter(store, key, tickets.emergency_date(on)).plant()
    finally:
        store.close()


def _write_keys(folder: Path, key: rsa.RSAPrivateKey) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    descriptor = os.open(folder / PRIVATE_KEY_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    (folder / PUBLIC_KEY_NAME).write_bytes(public)


def _add_settings(store: Store, on: date) -> None:
    """The world's name, date and tokens. The tokens look like the vendors' own, and are worth nothing elsewhere."""
    values = {
        "world": secrets.token_hex(16),
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
        "operator": tickets.ENGINEER.email.partition("@")[0],
    }
    for name, value in values.items():
        store.write("INSERT INTO settings (name, value) VALUES (?, ?)", name, value)


def _add_places(store: Store) -> None:
    """The two GitLab projects and the Slack channels."""
    for project_id, path, name in (
        (MECHANIZER_PROJECT_ID, "practice-support/toolbox/mechanizer", "Mechanizer"),
        (TRACKER_PROJECT_ID, "practice-support/internal-requests", "Internal Requests"),
    ):
        store.write(
            "INSERT INTO projects (id, path, name, created_at) VALUES (?, ?, ?, ?)", project_id, path, name, _OLD
        )
    for channel_id, name, is_member in (
        (SLACK_CHANNEL_ID, "support_licensing-subscription", 1),
        ("C07ELSEWHERE", "support_team-chat", 0),
    ):
        store.write("INSERT INTO channels (id, name, is_member) VALUES (?, ?, ?)", channel_id, name, is_member)


class _Planter:
    """Puts the practice tickets into a store."""

    def __init__(self, store: Store, key: rsa.RSAPrivateKey, emergency: date) -> None:
        self._store = store
        self._key = key
        self._emergency = emergency
        self._companies: dict[str, int] = {}
        self._people: dict[str, int] = {}
        self._licenses = 0

    def plant(self) -> None:
        """Adds the agents, then ticket after ticket."""
        for agent in (tickets.ENGINEER, tickets.COLLEAGUE):
            self._person(agent, role="agent", organization_id=None)
        for ticket in tickets.TICKETS:
            self._ticket(ticket)

    def _ticket(self, ticket: PracticeTicket) -> None:
        came_in_at = datetime.combine(self._emergency, ticket.at, UTC)
        updated_at = came_in_at + timedelta(minutes=max((note.after_minutes for note in ticket.notes), default=0))
        organization_id = self._company(ticket.company)
        requester_id = self._person(ticket.requester, role="end-user", organization_id=organization_id)
        colleague_id = self._people[tickets.COLLEAGUE.email]
        self._store.write(
            "INSERT INTO tickets (id, subject, status, requester_id, assignee_id, organization_id, created_at,"
            " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ticket.id,
            ticket.subject,
            ticket.status,
            requester_id,
            colleague_id if ticket.assigned else None,
            organization_id,
            to_the_second(came_in_at),
            to_the_second(updated_at),
        )
        comment_id = self._comment(ticket.id, requester_id, ticket.text, public=True, at=came_in_at)
        for attachment in ticket.attachments:
            self._attachment(comment_id, ticket, attachment)
        for note in ticket.notes:
            at = came_in_at + timedelta(minutes=note.after_minutes)
            self._comment(ticket.id, colleague_id, note.text, public=False, at=at)

    def _company(self, company: tickets.Company) -> int:
        fields = {"plan": company.plan, "deployment": company.deployment, "account_type": company.account_type}
        if company.name not in self._companies:
            self._companies[company.name] = self._store.write(
                "INSERT INTO organizations (name, fields, created_at) VALUES (?, ?, ?)",
                company.name,
                json.dumps(fields),
                _OLD,
            )
        return self._companies[company.name]

    def _person(self, person: tickets.Person, *, role: str, organization_id: int | None) -> int:
        if person.email not in self._people:
            self._people[person.email] = self._store.write(
                "INSERT INTO users (name, email, role, organization_id, created_at) VALUES (?, ?, ?, ?, ?)",
                person.name,
                person.email,
                role,
                organization_id,
                _OLD,
            )
        return self._people[person.email]

    def _comment(self, ticket_id: int, author_id: int, text: str, *, public: bool, at: datetime) -> int:
        stamp = to_the_second(at)
        audit_id = self._store.write(
            "INSERT INTO audits (ticket_id, author_id, channel, client, custom, changes, created_at)"
            " VALUES (?, ?, 'web', 'Practice browser', '{}', '[]', ?)",
            ticket_id,
            author_id,
            stamp,
        )
        return self._store.write(
            "INSERT INTO comments (ticket_id, audit_id, author_id, body, public, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            ticket_id,
            audit_id,
            author_id,
            text,
            int(public),
            stamp,
        )

    def _attachment(
        self, comment_id: int, ticket: PracticeTicket, attachment: LicenseFile | File | Missing | Generated
    ) -> None:
        content_type, source, size = "application/octet-stream", "stored", tickets.GENERATED_BYTES
        content: bytes | None = None
        if isinstance(attachment, LicenseFile):
            content = self._license_text(ticket, attachment).encode()
        elif isinstance(attachment, File):
            content, content_type = attachment.content, attachment.content_type
        elif isinstance(attachment, Missing):
            source, size = "missing", 1874
        else:
            source = "generated"
        self._store.write(
            "INSERT INTO attachments (comment_id, token, file_name, content_type, size, source, content)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            comment_id,
            secrets.token_urlsafe(18),
            attachment.name,
            content_type,
            size if content is None else len(content),
            source,
            content,
        )

    def _license_text(self, ticket: PracticeTicket, file: LicenseFile) -> str:
        """Signs the license that a customer attaches."""
        self._licenses += 1
        expires_on = file.expires_on(self._emergency)
        restrictions: dict[str, object] = {
            "active_user_count": file.users,
            "plan": file.plan,
            "id": 810000 + self._licenses,
            "subscription_name": f"A-S000{self._licenses:05d}",
        }
        if file.trial:
            restrictions["trial"] = True
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048) if file.foreign_key else self._key
        content = license_file.License(
            licensee={
                "Name": ticket.requester.name,
                "Company": ticket.company.name,
                "Email": ticket.requester.email,
            },
            starts_on=expires_on - timedelta(days=file.term_days),
            expires_on=expires_on,
            block_changes_on=expires_on + timedelta(days=tickets.GRACE_DAYS),
            restrictions=restrictions,
        )
        return license_file.write(content, key, boundary=True)

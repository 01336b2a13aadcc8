"""How the world's rows look as Zendesk JSON. It reads, and decides nothing.

Source: Zendesk's reference for Tickets, Ticket Comments, Ticket Audits, Attachments, Users and Organizations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

import htpy as h

from runbook_lib.sandbox.calls import Call, Json
from runbook_lib.sandbox.store import Row, columns

ANONYMOUS: Json = {
    **{"id": None, "name": "Anonymous user", "email": "invalid@example.com"},
    **{"role": "end-user", "active": False, "verified": False, "organization_id": None},
}
"""The user that `users/me` shows for unknown credentials."""

CUSTOM_ROLE: Json = {
    "id": 360000777,
    "name": "Advisor",
    "description": "May comment privately",
    "role_type": 0,
    "team_member_count": 1,
    "created_at": "2025-01-01T00:00:00Z",
    "updated_at": "2025-01-01T00:00:00Z",
    "configuration": {"ticket_access": "all", "ticket_comment_access": "none", "ticket_editing": True},
}
"""The custom role that agents have while the flag is up. Source: Zendesk Support API reference, custom roles."""


class Serializer:
    """Builds Zendesk's objects, with addresses that fit the request."""

    def __init__(self, call: Call) -> None:
        self.world, self.base_url, self.port = call.world, call.base_url, call.url.port or 80
        # The kinds of faults that are active and concern people
        self.flags = call.faults.flags("light_agent", "custom_role", "suspended", "undeliverable")

    def ticket(self, row: Row) -> Json:
        first = self.world.require(
            "SELECT body, public, author_id FROM comments WHERE ticket_id = ? ORDER BY id", row["id"]
        )
        return {
            **columns(row, "id", "created_at", "updated_at", "subject", "status"),
            **columns(row, "requester_id", "assignee_id", "organization_id"),
            **dict.fromkeys(("external_id", "type", "recipient", "group_id", "due_at")),
            **{name: [] for name in ("collaborator_ids", "follower_ids", "email_cc_ids", "custom_fields")},
            "url": f"{self.base_url}/api/v2/tickets/{row['id']}.json",
            "via": _via("web"),
            "raw_subject": row["subject"],
            "description": first["body"],
            "priority": "urgent",
            "submitter_id": first["author_id"],
            "has_incidents": False,
            "is_public": bool(first["public"]),
            "tags": json.loads(row["tags"]),
        }

    def user(self, row: Row) -> Json:
        is_agent = row["role"] == "agent"
        is_light, has_custom = (is_agent and flag in self.flags for flag in ("light_agent", "custom_role"))
        return {
            **columns(row, "id", "name", "email", "role", "organization_id", "created_at"),
            **{"time_zone": "UTC", "iana_time_zone": "Etc/UTC", "locale": "en-US", "phone": None},
            **{"active": True, "verified": True, "tags": [], "user_fields": {}},
            "url": f"{self.base_url}/api/v2/users/{row['id']}.json",
            "updated_at": row["created_at"],
            "suspended": not is_agent and "suspended" in self.flags,
            "moderator": is_agent,
            "only_private_comments": is_light,
            "restricted_agent": is_light or has_custom,
            "ticket_restriction": None if is_agent else "requested",
            "role_type": 1 if is_light else 0 if has_custom else None,
            "custom_role_id": CUSTOM_ROLE["id"] if has_custom else None,
        }

    def identity(self, row: Row) -> Json:
        """A person's address. Source: Zendesk Support API reference, user identities."""
        is_lost = row["role"] != "agent" and "undeliverable" in self.flags
        return {
            "url": f"{self.base_url}/api/v2/users/{row['id']}/identities/{row['id'] + 5_000_000}.json",
            "id": row["id"] + 5_000_000,
            "user_id": row["id"],
            "value": row["email"],
            **{"type": "email", "verified": True, "primary": True},
            **dict.fromkeys(("created_at", "updated_at"), row["created_at"]),
            "deliverable_state": "undeliverable" if is_lost else "deliverable",
            "undeliverable_count": 2 if is_lost else 0,
        }

    def organization(self, row: Row) -> Json:
        return {
            **columns(row, "id", "name", "created_at"),
            **{"domain_names": [], "details": None, "notes": None, "group_id": None, "tags": []},
            **{"shared_tickets": False, "shared_comments": False},
            "url": f"{self.base_url}/api/v2/organizations/{row['id']}.json",
            "updated_at": row["created_at"],
            "organization_fields": json.loads(row["fields"]),
        }

    def comment(self, row: Row, *, with_inline: bool = False) -> Json:
        """A comment as the list of a ticket's comments shows it.

        It has no `metadata.custom`: what came with the update is on the comment's audit only.
        """
        audit = self.world.require("SELECT * FROM audits WHERE id = ?", row["audit_id"])
        return {
            **self._text_of(row, with_inline=with_inline),
            "created_at": row["created_at"],
            "via": _via(audit["channel"]),
            "metadata": {"system": self._system(audit), "via": _via(audit["channel"])},
        }

    def audit(self, row: Row) -> Json:
        """One update of a ticket: its comment, if it has one, and every field that it changed."""
        comments = self.world.store.rows("SELECT * FROM comments WHERE audit_id = ? ORDER BY id", row["id"])
        changes = [
            {"id": row["id"] * 100 + number, **change}
            for number, change in enumerate(json.loads(row["changes"]), start=1)
        ]
        return {
            **columns(row, "id", "ticket_id", "created_at", "author_id"),
            "metadata": {"system": self._system(row), "custom": json.loads(row["custom"])},
            "events": [self._text_of(comment) for comment in comments] + changes,
            "via": _via(row["channel"]),
        }

    def attachment(self, row: Row) -> Json:
        """A file. Its content is on another host name, where credentials must not go; a private one's is on the
        account's own, which asks for them.

        Source: FACTS 4, Zendesk; attachments live on `zdusercontent.com` and the like; FACTS 6, private attachments.
        """
        path = f"attachments/token/{row['token']}/?name={quote(row['file_name'], safe='')}"
        is_open = row["access"] == "open"
        content_url = f"http://localhost:{self.port}/{path}" if is_open else f"{self.base_url}/private/{path}"
        return {
            **columns(row, "id", "file_name", "content_type", "size"),
            **{"width": None, "height": None, "deleted": False, "thumbnails": []},
            **dict.fromkeys(("content_url", "mapped_content_url"), content_url),
            "url": f"{self.base_url}/api/v2/attachments/{row['id']}.json",
            "inline": bool(row["inline"]),
            "malware_scan_result": row["malware"],
            "malware_access_override": False,
        }

    def users(self, user_ids: Iterable[int | None]) -> list[Json]:
        """The people with these ids, each once, for a sideload."""
        wanted = dict.fromkeys(user_id for user_id in user_ids if user_id is not None)
        return [self.user(self.world.require("SELECT * FROM users WHERE id = ?", user_id)) for user_id in wanted]

    def _text_of(self, comment: Row, *, with_inline: bool = False) -> Json:
        """What a comment and its audit event have in common; inline images only `with_inline`."""
        rows = self.world.store.rows("SELECT * FROM attachments WHERE comment_id = ? ORDER BY id", comment["id"])
        attachments = [row for row in rows if with_inline or not row["inline"]]
        return {
            **columns(comment, "id", "author_id", "body", "audit_id"),
            "type": "Comment",
            "html_body": _html(comment["body"]),
            "plain_body": comment["body"],
            "public": bool(comment["public"]),
            "attachments": [self.attachment(attachment) for attachment in attachments],
        }

    @staticmethod
    def _system(audit: Row) -> Json:
        return {"client": audit["client"], "ip_address": "127.0.0.1", "location": "Practice"}


def _via(channel: str) -> Json:
    return {"channel": channel, "source": {"from": {}, "to": {}, "rel": None}}


def _html(body: str) -> str:
    """A comment's text as the escaped HTML that Zendesk makes of it."""
    lines = body.split("\n")
    paragraph = h.p(dir="auto")[[[h.br if number else None, line] for number, line in enumerate(lines)]]
    return str(h.div(".zd-comment", dir="auto")[paragraph])

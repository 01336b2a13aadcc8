"""What an update does to a Zendesk ticket: refuse it, or change the ticket, comment, and leave an audit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.sandbox.calls import Refusal
from runbook_lib.sandbox.store import Row
from runbook_lib.sandbox.world import REAL_CLOCK, World, to_the_second

UPLOAD_LIFETIME = timedelta(minutes=60)
"""How long an upload's token can be used.

Source: Zendesk, Attachments, *Uploading files*.
"""

SECONDS_AFTER_UPDATE = 2
"""What the world's clock skips after an update: the next reading shows that the stamp's second has passed, so that a
client that makes sure of it need not wait."""

BODY_BYTES = 64 * 1024
"""Where Zendesk cuts a comment off, in bytes of UTF-8."""

_PRIVATE = frozenset({"private_comments", "light_agent", "custom_role"})
"""Flags by which every comment is an internal note."""
_STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


@dataclass(frozen=True)
class Update:
    world: World
    ticket: Row
    agent: Row
    client: str  # its User-Agent
    change: Mapping[str, Any]  # the `ticket` object that was sent; unknown fields are ignored, as Zendesk does
    flags: frozenset[str] = frozenset()  # kinds of faults that are active and concern updates

    def apply(self) -> int:
        """Makes the update, all of it or nothing; returns the id of its audit.

        Raises:
            Refusal: 409 for a stale `safe_update`; 422 for a closed ticket and for values that cannot be.
        """
        self._check_state()
        fields = self._new_fields()
        stamp = to_the_second(self.world.now())
        with self.world.store.change():
            audit_id = self._add_audit(fields, stamp)
            self._add_comment(audit_id, stamp)
            self.world.store.update("tickets", self.ticket["id"], **fields, updated_at=stamp)
        if REAL_CLOCK not in self.world.settings:
            self.world.skip(SECONDS_AFTER_UPDATE)
        return audit_id

    def _check_state(self) -> None:
        """Refuses a closed ticket, and a stale stamp.

        Source: the 422 as logged in Speedygeek/ZendeskApi_v2 issue 59; the 409 is Zendesk's `UpdateConflict`.
        Stamps have a resolution of one second: two updates within one second look the same.
        """
        if self.ticket["status"] == "closed":
            raise _invalid("status", "Status: closed prevents ticket update")
        if self.change.get("safe_update") and not self._stamp_is_current():
            text = "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data"
            raise Refusal(409, {"error": "UpdateConflict", "description": f"{text} and try again."})

    def _stamp_is_current(self) -> bool:
        try:
            seen_at = datetime.fromisoformat(str(self.change.get("updated_stamp")))
            return seen_at == datetime.fromisoformat(self.ticket["updated_at"])
        except (ValueError, TypeError):
            return False

    def _new_fields(self) -> dict[str, str | int | None]:
        """The ticket's columns that change, with their new values."""
        wanted: dict[str, str | int | None] = {}
        if "status" in self.change:
            wanted["status"] = status = self.change["status"]
            if status not in _STATUSES:
                raise _invalid("status", f"Status: {status} is not included in the list")
        if "assignee_id" in self.change:
            wanted["assignee_id"] = self._checked_assignee(self.change["assignee_id"])
            if self.ticket["status"] == "new" and wanted["assignee_id"]:
                wanted.setdefault("status", "open")  # Source: Zendesk, *About ticket statuses*
        return {name: value for name, value in wanted.items() if self.ticket[name] != value}

    def _checked_assignee(self, assignee_id: object) -> int | None:
        if assignee_id is None:
            return None
        sql = "SELECT id FROM users WHERE id = ? AND role = 'agent'"
        if (
            "light_agent" in self.flags
            or not isinstance(assignee_id, int)
            or not self.world.store.row(sql, assignee_id)
        ):
            raise _invalid("assignee", "Assignee: is invalid")
        return assignee_id

    def _add_audit(self, fields: Mapping[str, str | int | None], stamp: str) -> int:
        changes = [
            {"type": "Change", "field_name": name, "value": _text(value), "previous_value": _text(self.ticket[name])}
            for name, value in fields.items()
        ]
        return self.world.store.insert(
            "audits",
            ticket_id=self.ticket["id"],
            author_id=self.agent["id"],
            channel="api",
            client=self.client,
            custom=json.dumps(self.change.get("metadata") or {}),
            changes=json.dumps(changes),
            created_at=stamp,
        )

    def _add_comment(self, audit_id: int, stamp: str) -> None:
        comment = self.change.get("comment")
        if not isinstance(comment, dict):
            return
        is_public = self._is_public(comment)
        if is_public and "suspended" in self.flags:
            name = self._requester()["name"]  # Source: public reports, as mozilla/sumo issue 2670
            raise _invalid("requester", f"Requester: {name} is suspended.", error="UserSuspended")
        text = self._expanded(str(comment.get("body") or ""))
        body = text.encode()[:BODY_BYTES].decode(errors="ignore")  # whole characters only
        if not body and not comment.get("uploads"):
            raise _invalid("base", "Comment: cannot be blank")
        comment_id = self.world.store.insert(
            "comments",
            ticket_id=self.ticket["id"],
            audit_id=audit_id,
            author_id=self.agent["id"],
            body=body,
            public=is_public,
            created_at=stamp,
        )
        for token in () if "drop_files" in self.flags else comment.get("uploads") or []:
            self._attach(str(token), comment_id)

    def _is_public(self, comment: Mapping[str, Any]) -> bool:
        """Whether the customer gets to read a comment.

        Source: Zendesk, Ticket Comments: without `public` a comment is what the ticket's first one was, which for
        a ticket that a customer opened means public.
        """
        if self.flags & _PRIVATE:
            return False
        if comment.get("public") is not None:
            return bool(comment["public"])
        first = self.world.require("SELECT public FROM comments WHERE ticket_id = ? ORDER BY id", self.ticket["id"])
        return bool(first["public"])

    def _attach(self, token: str, comment_id: int) -> None:
        """Hands an upload's files to a comment; the token is used up by it."""
        upload = self.world.store.row("SELECT created_at FROM uploads WHERE token = ? AND NOT used", token)
        if upload is None or self.world.now() - datetime.fromisoformat(upload["created_at"]) >= UPLOAD_LIFETIME:
            raise _invalid("base", "Attachment: the upload token is invalid or has expired")
        self.world.store.write("UPDATE uploads SET used = 1 WHERE token = ?", token)
        self.world.store.write("UPDATE attachments SET comment_id = ? WHERE upload_token = ?", comment_id, token)

    def _expanded(self, body: str) -> str:
        """A comment with its placeholders filled in; unknown ones are removed.

        Source: Zendesk, *Placeholders reference*; they work in comments sent through the API as well.
        """
        requester = self._requester()
        organization = self.world.store.row(
            "SELECT name FROM organizations WHERE id = ?", self.ticket["organization_id"]
        )
        values = {
            "ticket.id": str(self.ticket["id"]),
            "ticket.title": self.ticket["subject"],
            "ticket.status": self.ticket["status"],
            "ticket.organization.name": organization["name"] if organization else "",
            "ticket.requester.name": requester["name"],
            "ticket.requester.first_name": requester["name"].partition(" ")[0],
            "ticket.requester.email": requester["email"],
            "current_user.name": self.agent["name"],
            "current_user.email": self.agent["email"],
        }
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), body)

    def _requester(self) -> Row:
        return self.world.require("SELECT * FROM users WHERE id = ?", self.ticket["requester_id"])


def _invalid(field: str, description: str, **more: str) -> Refusal:
    details = {field: [{"description": description, **more}]}
    body = {"error": "RecordInvalid", "description": "Record validation errors", "details": details}
    return Refusal(422, body)


def _text(value: str | int | None) -> str | None:
    """A field's value as audits write it: a string or null."""
    return None if value is None else str(value)

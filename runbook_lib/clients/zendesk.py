"""Zendesk Support: the ticket, its thread, its files, and the changes that the runbooks make to it.

Source for paths and bodies: Zendesk Support API reference, tickets, ticket comments, ticket audits, attachments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from runbook_lib.clients.http import Service
from runbook_lib.errors import RefusedError
from runbook_lib.models import Attachment, Comment, Organization, Person, Ticket


class Zendesk:
    """The tickets of one Zendesk account.

    Args:
        base_url: `https://TEAM.zendesk.com`.
        credentials: The `Authorization` header.
        session: The run's connection pool.
    """

    def __init__(self, base_url: str, credentials: Mapping[str, str], session: httpx.Client) -> None:
        self._service = Service("Zendesk", base_url, credentials, session, _explain)

    def ticket(self, ticket_id: int) -> Ticket:
        """A ticket with its requester, organization and assignee.

        Raises:
            RefusedError: There is no such ticket, or the credentials may not see it.
        """
        try:
            found = self._service.read_json(f"api/v2/tickets/{ticket_id}.json", {"include": "users,organizations"})
        except RefusedError as exc:
            if exc.status == 404:
                raise RefusedError(
                    f"Ticket {ticket_id} does not exist in Zendesk, or you may not see it. Check the number.",
                    status=404,
                ) from exc
            raise
        return self._ticket(found)

    def comments(self, ticket_id: int) -> list[Comment]:
        """The whole thread, oldest first."""
        pages = self._pages(f"api/v2/tickets/{ticket_id}/comments.json")
        return [_comment(item) for page in pages for item in page["comments"]]

    def find_comment(self, ticket_id: int, operation_id: str) -> int | None:
        """The id of the comment sent under an operation id, or None.

        The id comes back as `metadata.custom` on the comment's audit, not on the comment.
        """
        for page in self._pages(f"api/v2/tickets/{ticket_id}/audits.json"):
            for audit in page["audits"]:
                if ((audit.get("metadata") or {}).get("custom") or {}).get("operation_id") == operation_id:
                    return _comment_id(audit)
        return None

    def me(self) -> Person:
        """Whose credentials these are.

        Raises:
            RefusedError: Nobody's: Zendesk answers this call 200 with an anonymous user.
        """
        user = self._service.read_json("api/v2/users/me.json")["user"]
        if not user.get("id"):
            raise RefusedError("Zendesk does not accept these credentials. Check the Zendesk token.", status=401)
        return _person(user)

    def add_comment(
        self,
        ticket: Ticket,
        body: str,
        *,
        public: bool,
        operation_id: str,
        uploads: Sequence[str] = (),
    ) -> int:
        """Add a comment, if the ticket has not changed since `ticket` was read; returns the comment's id.

        `public` is always sent, since Zendesk would otherwise guess it and may mail the customer.

        Raises:
            RefusedError: The ticket is closed (422) or has changed (409); nothing was added.
            OutcomeUnknownError: The answer was lost.
        """
        comment = {"body": plain(body), "public": public, "uploads": list(uploads)}
        audit = self._update(ticket, {"comment": comment, "metadata": {"operation_id": operation_id}})["audit"]
        return _comment_id(audit)

    def assign(self, ticket: Ticket, agent: Person, operation_id: str) -> None:
        """Assign a ticket, if it has not changed since `ticket` was read. Raises as `add_comment`."""
        self._update(ticket, {"assignee_id": agent.id, "metadata": {"operation_id": operation_id}})

    def upload(self, file_name: str, content: bytes, content_type: str) -> str:
        """Upload a file; returns the token that a comment takes, good for 60 minutes."""
        answer = self._service.write_json(
            "POST",
            "api/v2/uploads.json",
            params={"filename": file_name},
            content=content,
            headers={"Content-Type": content_type},
        )
        return str(answer["upload"]["token"])

    def download(self, attachment: Attachment, limit: int) -> bytes:
        """A file's content, at most `limit` bytes; without credentials if it lies on another host.

        Raises:
            InputError: It is larger.
            RefusedError: It is missing.
        """
        return self._service.download(attachment.content_url, limit)

    def _update(self, ticket: Ticket, changes: Mapping[str, Any]) -> Any:
        body = {**changes, "safe_update": True, "updated_stamp": ticket.updated_stamp}
        path = f"api/v2/tickets/{ticket.id}.json"
        try:
            return self._service.write_json("PUT", path, json={"ticket": body})
        except RefusedError as exc:
            if exc.status == 409:
                raise RefusedError(
                    f"Ticket {ticket.id} has changed since it was read, so nothing was sent. Look at it and run again.",
                    status=409,
                ) from exc
            raise

    def _pages(self, path: str) -> Iterator[Any]:
        """Every page of a list, by cursor."""
        params = {"page[size]": "100"}
        while True:
            page = self._service.read_json(path, params)
            yield page
            meta = page.get("meta") or {}
            if not meta.get("has_more"):
                return
            params = {"page[size]": "100", "page[after]": meta["after_cursor"]}

    def _ticket(self, found: Any) -> Ticket:
        item = found["ticket"]
        people = {user["id"]: _person(user) for user in found.get("users", [])}
        organizations = {o["id"]: o for o in found.get("organizations", [])}
        organization = organizations.get(item.get("organization_id"))
        assignee = people.get(item.get("assignee_id"))
        return Ticket(
            id=item["id"],
            subject=item.get("subject") or "",
            status=item["status"],
            created_at=_moment(item["created_at"]),
            updated_stamp=item["updated_at"],
            requester=people.get(item["requester_id"], Person(item["requester_id"], "unknown")),
            organization=organization and _organization(organization),
            assignee_id=item.get("assignee_id"),
            assignee_name=assignee.name if assignee else None,
            url=f"{self._service.base_url}/agent/tickets/{item['id']}",
        )


def plain(body: str) -> str:
    """A comment's body without placeholders: Zendesk expands `{{...}}`, so the braces are kept apart."""
    return re.sub(r"\{(?=[{%])", "{\u200b", body)


def _person(user: Mapping[str, Any]) -> Person:
    return Person(user["id"], user.get("name") or "", user.get("email"))


def _organization(item: Mapping[str, Any]) -> Organization:
    return Organization(item["id"], item.get("name") or "", item.get("organization_fields") or {})


def _comment(item: Mapping[str, Any]) -> Comment:
    files = tuple(
        Attachment(
            id=a["id"],
            file_name=a.get("file_name") or "",
            content_url=a["content_url"],
            content_type=a.get("content_type") or "",
            size=a.get("size") or 0,
        )
        for a in item.get("attachments") or []
    )
    return Comment(
        id=item["id"],
        author_id=item["author_id"],
        body=item.get("body") or "",
        public=bool(item["public"]),
        created_at=_moment(item["created_at"]),
        attachments=files,
    )


def _comment_id(audit: Mapping[str, Any]) -> int:
    """The comment's id in an audit; the audit's own if it holds none."""
    return int(next((event["id"] for event in audit["events"] if event["type"] == "Comment"), audit["id"]))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _explain(body: Any) -> str:
    """Zendesk's three shapes of error; the details of a 422 say more than its title."""
    if details := body.get("details"):
        return "; ".join(str(d.get("description", d)) for many in details.values() for d in many)
    if errors := body.get("errors"):
        return "; ".join(str(e.get("detail") or e["title"]) for e in errors)
    error = body["error"]
    if isinstance(error, dict):
        return f"{error['title']}: {error['message']}"
    return str(body.get("description") or error)

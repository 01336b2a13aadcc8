"""The objects of Zendesk's answers as models, and a sign-in page that comes in place of a file. Pure.

Source: Zendesk Support API reference, tickets, ticket comments, ticket audits, users, attachments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runbook_lib.clients.answers import cursor, listed, model, moment, typed
from runbook_lib.domain.kept_comment import KeptComment
from runbook_lib.domain.models import Attachment, Comment, Organization, Person, Ticket
from runbook_lib.redaction import original

MERGED = "closed_by_merge"
"""The tag of a ticket that was merged into another one; its follow-up ticket, which is open, has it too.

Source: FACTS 6, Zendesk; Zendesk help, *Creating a follow-up for a closed ticket*: tags are taken over."""
_LOOKED_AT = 200_000
"""Bytes of a page in which its marks are looked for."""
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|meta)\b", re.IGNORECASE)
_SIGN_IN = re.compile(
    rb"""type\s*=\s*["']?password|/access/(?:login|unauthenticated|return_to)|/auth/v\d+/(?:login|signin)"""
    rb"""|samlrequest|sign[\s_-]?in\b|log[\s_-]?in\b""",
    re.IGNORECASE,
)


def ticket(found: Any, ticket_id: int, base_url: str) -> Ticket:
    """A ticket with its requester, organization and assignee, from what stands beside it.

    Raises:
        LookupError: It is another ticket, as a cache may answer; what is sent goes by this number.
    """
    item, people = found["ticket"], _people(found)
    if item["id"] != ticket_id:
        raise LookupError("another ticket")
    moment(item["updated_at"])  # what `settled_ticket` compares
    organizations = {one["id"]: one for one in found.get("organizations") or ()}
    organization = organizations.get(item.get("organization_id"))
    assignee = people.get(item.get("assignee_id"))
    return model(
        Ticket,
        item,
        subject=item.get("subject") or "",
        created_at=moment(item["created_at"]),
        updated_stamp=item["updated_at"],
        requester=people.get(item["requester_id"]) or model(Person, {"id": item["requester_id"], "name": "unknown"}),
        organization=organization and _organization(organization),
        assignee_id=item.get("assignee_id"),
        assignee_name=assignee and assignee.name,
        url=f"{base_url}/agent/tickets/{item['id']}",
        is_merged=item["status"] == "closed" and MERGED in (item.get("tags") or ()),
        description=item.get("description") or "",
    )


def next_page(page: Any) -> str:
    """The cursor of the next page; "" on the last. A page by number, which has `next_page`, was not requested."""
    meta = page.get("meta") or {}
    has_more = meta.get("has_more", page.get("next_page"))
    after = cursor(meta.get("after_cursor")) if has_more else ""
    if has_more and not after:
        raise LookupError("no cursor of the next page")
    return after


def user(answer: Any) -> Person | None:
    """The user in an answer of `users/me`; None for the anonymous user, the answer to bad credentials."""
    return person(answer["user"]) if answer["user"].get("id") else None


def person(user: Any) -> Person:
    return model(Person, user, name=user.get("name") or "")


def _people(answer: Any) -> dict[int, Person]:
    return {one.id: one for one in map(person, answer.get("users") or ())}


def identity(item: Any) -> tuple[str, str]:
    """An address of a user, and its delivery state."""
    return typed(str, item.get("value") or ""), typed(str, item.get("deliverable_state") or "")


def _organization(item: Any) -> Organization:
    """An organization; a domain may have been entered as an address of the web or with an at sign."""
    fields, listed = item.get("organization_fields"), typed(list[str], item.get("domain_names") or [])
    domains = [re.sub(r"^(?:https?://)?@?|/.*$", "", domain.strip()) for domain in listed]
    return model(Organization, item, name=item.get("name") or "", fields=fields, domains=domains)


def _attachment(item: Any) -> Attachment | None:
    """A file of a comment; None for a deleted one, which Zendesk does not keep.

    Source: Zendesk API reference, attachments, `deleted`.
    """
    if item.get("deleted") is True:
        return None
    return model(
        Attachment,
        item,
        file_name=item.get("file_name") or "",
        content_url=original(item.get("content_url") or ""),
        content_type=item.get("content_type") or "",
        size=item.get("size") or 0,
        malware=item.get("malware_scan_result"),
        malware_is_allowed=item.get("malware_access_override"),
        mapped_url=original(item.get("mapped_content_url") or ""),
    )


def _comment(item: Any) -> Comment:
    body = item.get("body") or item.get("plain_body") or ""  # a chat or a call may have only the second
    return model(
        Comment,
        item,
        body=body,
        raw=original(body),
        raw_html=original(item.get("html_body") or ""),
        created_at=moment(item["created_at"]),
        attachments=tuple(file for file in listed(item.get("attachments") or [], _attachment) if file is not None),
    )


def thread(page: Any) -> list[Comment]:
    """The comments of a page, each with its author from the page's `users`."""
    people = _people(page)
    return [replace(comment, author=people.get(comment.author_id)) for comment in listed(page["comments"], _comment)]


def audit(item: Mapping[str, Any]) -> tuple[str | None, int, KeptComment]:
    """An audit's operation id (or None), its author's id, and its comment."""
    custom = (item.get("metadata") or {}).get("custom") or {}
    operation_id = custom.get("operation_id")
    return operation_id, item["author_id"] if operation_id else 0, kept(item)


def kept(audit: Mapping[str, Any]) -> KeptComment:
    """The comment of an audit; without one, only the audit's own id."""
    event = next((event for event in audit["events"] if event["type"] == "Comment"), None)
    if event is None:
        return KeptComment(int(audit["id"]), None)
    names = tuple(str(file.get("file_name") or "") for file in event.get("attachments") or ())
    public = event.get("public")
    return KeptComment(int(event["id"]), public if isinstance(public, bool) else None, names)


def is_sign_in_page(content: bytes, headers: Mapping[str, str], attachment: Attachment) -> bool:
    """Whether a page came in place of a file: a private one answers 200 with HTML where there is no session.

    The headers are by lower-case name. Source: Zendesk help, *Private attachments*; FACTS 6.
    """
    text = content[:_LOOKED_AT].removeprefix(b"\xef\xbb\xbf")
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = text[2:].replace(b"\0", b"")
    if not _HTML.match(re.sub(rb"^(?:\s|<!--.*?-->|<\?xml.*?\?>)+", b"", text, flags=re.DOTALL)):
        return False
    if len(content) == attachment.size:  # just the file that is listed, whatever it says
        return False
    is_named_so = attachment.file_name.lower().endswith((".html", ".htm", ".xhtml"))
    is_offered = headers.get("content-disposition", "").lower().startswith("attachment")
    return bool(_SIGN_IN.search(text)) or not (is_named_so or is_offered)


def explain(body: Any) -> str:
    """Zendesk's three shapes of error; the details of a 422 say more than its title."""
    if details := body.get("details"):
        return "; ".join(_detail(d) for many in details.values() for d in (many if isinstance(many, list) else [many]))
    if errors := body.get("errors"):
        return "; ".join(str(e.get("detail") or e["title"]) for e in errors)
    error = body["error"]
    if isinstance(error, dict):
        return ": ".join(str(error[key]) for key in ("title", "message") if error.get(key))
    return str(body.get("description") or body.get("error_description") or error)


def _detail(said: Any) -> str:
    return str(said.get("description", said) if isinstance(said, dict) else said)

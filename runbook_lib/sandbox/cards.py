"""How the control room shows a comment, a mail, a post, an issue, a pipeline, and foreign text. Read-only.

Every text in it is foreign. `htpy` escapes it, `_visible` shows invisible control characters,
and the page's policy lets only its own script run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import htpy as h

from runbook_lib.sandbox.store import Row
from runbook_lib.sandbox.world import CONTROL_ROOM_PATH, to_the_second

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Of a page that runs no script and has no form."""

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

_STYLE_PATH = Path(__file__).with_suffix(".css")


def room(ticket_id: int | None) -> str:
    """The address of the control room, or of a ticket's page in it."""
    return CONTROL_ROOM_PATH if ticket_id is None else f"{CONTROL_ROOM_PATH}/{ticket_id}"


def document(title: str, body: h.Node, *, style: str = "", script: str | None = None, nonce: str = "") -> str:
    """A whole page as HTML, with its own CSS after the common one, and a script's address, if it has one."""
    head = [
        h.meta(charset="utf-8"),
        h.meta(name="viewport", content="width=device-width"),
        h.title[title],
        h.style[_STYLE_PATH.read_text(encoding="utf-8") + style],
        script and h.script(src=script, nonce=nonce, defer=True),
    ]
    return str(h.html(lang="en")[h.head[head], h.body[body]])


def _visible(text: str) -> str:
    """A text with its control and direction characters spelled out; line ends and tabs stay."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))


def untrusted(text: str) -> h.Node:
    """Foreign text, within a line."""
    return h.span(".foreign", dir="auto")[_visible(text)]


def _text(text: str) -> h.Node:
    """Foreign text, as a block that keeps its line ends."""
    return h.pre(".text.foreign", dir="auto")[_visible(text)]


def soft(*parts: h.Node) -> h.Node:
    return h.div(".soft")[[[" · " if number else None, part] for number, part in enumerate(parts)]]


def _attachments(file_names: Iterable[str]) -> h.Node:
    return [soft(["attached: ", untrusted(name)]) for name in file_names]


def ticket_facts(row: Row) -> h.Node:
    return soft(
        row["status"],
        f"assigned to {row['assignee']}" if row["assignee"] else "unassigned",
        [untrusted(row["requester"]), " <", untrusted(row["email"]), ">"],
        untrusted(row["company"] or "no organization"),
    )


def comment_card(row: Row, is_open: bool) -> h.Node:
    """A comment; its row has the `author`'s name and the names of its `files` too. Unless it is open, among comments
    of other tickets, its line begins with its ticket."""
    ticket_id = row["ticket_id"]
    about = () if is_open else (h.a(href=room(ticket_id))[f"#{ticket_id}"],)
    kind = "public" if row["public"] else "internal note"
    return h.div(id=f"comment-{row['id']}", class_=["comment", {"internal": not row["public"]}])[
        soft(*about, untrusted(row["author"]), row["created_at"], kind),
        _text(row["body"]),
        _attachments(json.loads(row["files"])),
    ]


def mail_card(row: Row, is_open: bool) -> h.Node:
    message = message_from_bytes(row["raw"], policy=policy.default)
    subject = str(message["subject"] or "(no subject)")
    body = message.get_body(preferencelist=("plain", "html"))
    return h.details(".card", id=f"mail-{row['id']}", open=is_open)[
        h.summary[h.b["To ", untrusted(", ".join(json.loads(row["envelope_to"])))], " ", untrusted(subject)],
        soft(row["received_at"], ["from ", untrusted(row["envelope_from"])]),
        _text("" if body is None else str(body.get_content())),
        _attachments(part.get_filename() or "unnamed" for part in message.iter_attachments()),
    ]


def message_card(row: Row, _: bool) -> h.Node:
    """A Slack message; its row has the `name` of its channel too."""
    posted_at = to_the_second(datetime.fromtimestamp(float(row["ts"]), UTC))
    metadata = json.loads(row["extras"]).get("metadata")
    return h.div(".card", id=f"message-{row['channel_id']}-{row['ts']}")[
        soft(f"#{row['name']}", posted_at),
        _text(row["text"]),
        soft("metadata", untrusted(json.dumps(metadata, ensure_ascii=False))) if metadata else None,
    ]


def issue_card(row: Row, is_open: bool) -> h.Node:
    return h.details(".card", id=f"issue-{row['iid']}", open=is_open)[
        h.summary[h.b[f"#{row['iid']} "], untrusted(row["title"])],
        soft(row["state"], row["created_at"], untrusted(", ".join(json.loads(row["labels"])))),
        _text(row["description"]),
    ]


def pipeline_card(row: Row, _: bool) -> h.Node:
    """A pipeline with what its job printed; it is long, and so stays closed."""
    return h.details(".card", id=f"pipeline-{row['id']}")[
        h.summary[h.b[f"#{row['id']} "], row["status"]],
        soft(row["created_at"], untrusted(row["variables"])),
        _text(row["trace"]),
    ]

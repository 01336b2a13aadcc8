"""The control room, the sandbox's one page: what the world contains, side by side and live, and what goes wrong in it.

It changes nothing but by the buttons for faults, whose calls are in `fault_calls`. Its script only asks for the panes
again, and replaces those that changed by what the server wrote. The page's policy keeps it to that: no other script
runs, and this one may not make HTML out of text.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import htpy as h
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from runbook_lib.sandbox.calls import Answer, Call, route
from runbook_lib.sandbox.cards import (
    HEADERS,
    comment_card,
    document,
    issue_card,
    mail_card,
    message_card,
    pipeline_card,
    room,
    soft,
    ticket_facts,
    untrusted,
)
from runbook_lib.sandbox.fault_calls import fault_card, presets
from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.store import Row
from runbook_lib.sandbox.world import CONTROL_ROOM_PATH, World

_SCRIPT_PATH = Path(__file__).with_suffix(".js")
_STYLE_PATH = Path(__file__).with_suffix(".css")
_SCRIPT_ADDRESS = f"{CONTROL_ROOM_PATH}/script.js"

_POLICY = (
    "default-src 'none'; script-src {script}; connect-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

_NEWEST = 100
"""How many cards a pane of the whole world shows; that of a ticket shows all."""


def routes() -> list[BaseRoute]:
    """Everything below `CONTROL_ROOM_PATH`, and the vendors' own addresses, which lead there."""
    to_issue = _to_card("issue", "SELECT description AS text FROM issues WHERE iid = ?")
    to_pipeline = _to_card("pipeline", "SELECT variables AS text FROM pipelines WHERE id = ?")
    return [
        route(CONTROL_ROOM_PATH, show),
        route(_SCRIPT_ADDRESS, show_script),
        route(f"{CONTROL_ROOM_PATH}/panes", show_panes),
        route(f"{CONTROL_ROOM_PATH}/{{id:int}}", show),
        route(f"{CONTROL_ROOM_PATH}/{{id:int}}/panes", show_panes),
        route("/", _to("")),
        route("/app_redirect", _to("#slack")),
        route("/projects/{id:int}", _to("#pipelines")),
        route("/{path:path}/-/pipelines", _to("#pipelines")),
        route("/agent/tickets/{id:int}", _to("/{id}")),
        route("/{path:path}/-/issues/{id:int}", to_issue),
        route("/{path:path}/-/pipelines/{id:int}", to_pipeline),
    ]


def _to(place: str) -> Callable[[Call], Answer]:
    """The endpoint of an address that leads to a place of the control room."""
    return lambda call: RedirectResponse(CONTROL_ROOM_PATH + place.format(**call.path))


def _to_card(kind: str, sql: str) -> Callable[[Call], Answer]:
    """The same for a card: on the page of the ticket that its text names, which leaves out no older cards."""

    def lead(call: Call) -> Answer:
        row = call.store.row(sql, call.path["id"])
        ticket = re.search(r"/agent/tickets/(\d+)", row["text"]) if row else None
        return RedirectResponse(f"{room(int(ticket[1]) if ticket else None)}#{kind}-{call.path['id']}")

    return lead


def show(call: Call) -> Answer:
    world, faults, ticket_id = call.world, call.faults, call.path.get("id")
    etag = _etag(world, faults)  # before the panes are read: a later change is sent by the next request
    panes = _panes(world, ticket_id)
    if panes is None:
        return _no_ticket(ticket_id)
    main = h.main(class_="ticket" if ticket_id else "world", data_panes=f"{room(ticket_id)}/panes", data_version=etag)
    body = [
        _header(world, ticket_id),
        main[panes],
        h.aside(".faults", aria_label="Faults")[_faults_pane(faults, ticket_id)],
    ]
    title = f"#{ticket_id} - Control room" if ticket_id else "Control room"
    style = _STYLE_PATH.read_text(encoding="utf-8")
    nonce = secrets.token_urlsafe(16)
    content = document(title, body, style=style, script=_SCRIPT_ADDRESS, nonce=nonce)
    return HTMLResponse(content, headers=_headers(f"'nonce-{nonce}'"))


def show_panes(call: Call) -> Answer:
    """The panes alone; nothing, if the client has them already as they are."""
    world, faults = call.world, call.faults
    etag = _etag(world, faults)
    headers = {**_headers(), "ETag": etag}
    if call.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    ticket_id = call.path.get("id")
    panes = _panes(world, ticket_id)
    if panes is None:
        return _no_ticket(ticket_id)
    content = h.fragment[_faults_pane(faults, ticket_id), panes]
    return HTMLResponse(str(content), headers=headers)


def show_script(call: Call) -> Answer:
    return Response(_SCRIPT_PATH.read_bytes(), media_type="text/javascript", headers=HEADERS)


def _headers(script: str = "'none'") -> dict[str, str]:
    """By a nonce only the page's one script runs, and nothing else that this server hands out."""
    return {**HEADERS, "Content-Security-Policy": _POLICY.format(script=script)}


def _etag(world: World, faults: Faults) -> str:
    active = hashlib.sha256(repr((faults.active(), faults.counts())).encode()).hexdigest()[:16]
    return f'"{world.store.version()}-{active}"'


def _header(world: World, ticket_id: int | None) -> h.Node:
    return h.header[
        h.h1["Control room", ticket_id and f": ticket #{ticket_id}"],
        h.nav(aria_label="Practice world")[h.a(href=CONTROL_ROOM_PATH)["All tickets"]] if ticket_id else None,
        h.p(".soft")[f"The practice world on {world.date:%A, %Y-%m-%d}, newest first. Nothing here is real."],
        h.p("#state", role="status")[h.noscript["Without scripts: reload to see what is new."]],
    ]


def _no_ticket(ticket_id: int | None) -> Response:
    body = [
        h.header[h.h1["Control room"]],
        h.main(".none")[
            h.p[f"There is no ticket #{ticket_id} in this world."],
            h.p[h.a(href=CONTROL_ROOM_PATH)["Choose one of those there are"]],
        ],
    ]
    return HTMLResponse(document("No such ticket", body), 404, _headers())


def _is_to(mail: Row, ticket: Row) -> bool:
    return ticket["email"].casefold() in [receiver.casefold() for receiver in json.loads(mail["envelope_to"])]


def _names_in(column: str) -> Callable[[Row, Row], bool]:
    """Whether a column holds the address of this ticket, and not of one whose number only begins like it."""
    return lambda row, ticket: re.search(rf"/agent/tickets/{ticket['id']}(?!\d)", row[column]) is not None


def _pane(
    pane_id: str, title: str, empty_text: str, cards: list[h.Node], *, above: h.Node = None, limit: int | None = None
) -> h.Node:
    """Cards, newest first, that are reached and scrolled by keyboard; with a limit, the world may have more of them."""
    count = f"newest {limit}" if len(cards) == limit else len(cards)
    heading = h.h2(id=f"{pane_id}-title")[f"{title} ({count})"]
    content = h.fragment[heading, above, cards or h.p(".soft")[empty_text]]
    digest = hashlib.sha256(str(content).encode()).hexdigest()[:16]  # by which the script sees what has changed
    return h.section(
        ".pane", id=pane_id, tabindex="0", aria_labelledby=f"{pane_id}-title", data_pane=True, data_digest=digest
    )[content]


@dataclass(frozen=True)
class _Kind:
    id: str
    title: str
    empty_text: str
    query: str  # newest first
    card: Callable[[Row, bool], h.Node]  # takes whether the card is open
    concerns: Callable[[Row, Row], bool]  # takes a row and a ticket

    def pane(self, world: World, ticket: Row | None, above: h.Node = None) -> h.Node:
        """The newest of the whole world, or all of a ticket."""
        limit = None if ticket else _NEWEST
        rows = world.store.rows(f"{self.query} LIMIT ?", limit or -1)
        cards = [self.card(row, ticket is not None) for row in rows if ticket is None or self.concerns(row, ticket)]
        return _pane(self.id, self.title, self.empty_text, cards, above=above, limit=limit)


_TICKETS = """
    SELECT tickets.*, users.name AS requester, users.email, organizations.name AS company, assignees.name AS assignee
    FROM tickets JOIN users ON users.id = requester_id
    LEFT JOIN organizations ON organizations.id = tickets.organization_id
    LEFT JOIN users AS assignees ON assignees.id = assignee_id ORDER BY tickets.id"""
_COMMENTS = """
    SELECT comments.*, users.name AS author,
    (SELECT json_group_array(file_name) FROM attachments WHERE comment_id = comments.id) AS files
    FROM comments JOIN users ON users.id = author_id ORDER BY comments.id DESC"""
_MAILS = "SELECT * FROM mails ORDER BY id DESC"
_ISSUES = "SELECT * FROM issues ORDER BY id DESC"
_PIPELINES = "SELECT * FROM pipelines ORDER BY id DESC"
_MESSAGES = "SELECT messages.*, name FROM messages JOIN channels ON channels.id = channel_id ORDER BY ts DESC"
_KINDS = (
    _Kind("thread", "Comments", "No comments.", _COMMENTS, comment_card, lambda row, t: row["ticket_id"] == t["id"]),
    _Kind("mail", "Mail to customers", "No mail has been sent.", _MAILS, mail_card, _is_to),
    _Kind("slack", "Slack posts", "Nothing has been posted.", _MESSAGES, message_card, _names_in("text")),
    _Kind("tracker", "Tracker issues", "No issues.", _ISSUES, issue_card, _names_in("description")),
    _Kind("pipelines", "Pipelines", "No pipeline has been started.", _PIPELINES, pipeline_card, _names_in("variables")),
)


def _panes(world: World, ticket_id: int | None) -> list[h.Node] | None:
    """The panes of the whole world or of a ticket; None if there is no such ticket."""
    tickets = world.store.rows(_TICKETS)
    ticket = next((row for row in tickets if row["id"] == ticket_id), None)
    if ticket is None and ticket_id is not None:
        return None
    if ticket is None:
        choices = _pane("tickets", "Tickets", "No tickets.", [_choice(row) for row in tickets])
        return [choices, *(kind.pane(world, None) for kind in _KINDS)]
    thread, *others = _KINDS
    above = h.div(".about")[h.b[untrusted(ticket["subject"])], ticket_facts(ticket)]
    return [replace(thread, title="Thread").pane(world, ticket, above), *(kind.pane(world, ticket) for kind in others)]


def _faults_pane(faults: Faults, ticket_id: int | None) -> h.Node:
    cards = [fault_card(fault, ticket_id) for fault in faults.active()]
    above = presets(faults, ticket_id)
    return _pane("faults", "Faults to practice with", "None: everything works.", cards, above=above)


def _choice(row: Row) -> h.Node:
    return h.div(".card.choice", id=f"choice-{row['id']}")[
        h.a(href=room(row["id"]))[h.b[f"#{row['id']} "], untrusted(row["subject"])],
        soft(row["status"], untrusted(row["requester"])),
    ]

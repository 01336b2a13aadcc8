"""The control room, the sandbox's one page: what the world contains, side by side and live, and what goes wrong in it.

It changes nothing but by the forms for faults, whose calls are in `fault_calls`. Its script only asks for the panes
again, and replaces those that changed by what the server wrote. The page's policy keeps it to that: no other script
runs, and this one may not make HTML out of text.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable
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
    soft,
    ticket_facts,
    ticket_rows,
    untrusted,
)
from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.faults_pane import fault_card, fault_form, presets
from runbook_lib.sandbox.store import Row
from runbook_lib.sandbox.world import CONTROL_ROOM_PATH, World

__all__ = ["page", "routes"]

_SCRIPT_PATH = Path(__file__).with_suffix(".js")
_STYLE_PATH = Path(__file__).with_suffix(".css")
_SCRIPT_ADDRESS = f"{CONTROL_ROOM_PATH}/script.js"

_POLICY = (
    "default-src 'none'; script-src {script}; connect-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

_NEWEST = 30
"""How many cards a pane of the whole world shows."""

_COMMENTS = (
    "SELECT comments.*, users.name AS author FROM comments JOIN users ON users.id = author_id"
    " WHERE ticket_id = coalesce(?, ticket_id) ORDER BY comments.id DESC LIMIT ?"
)
_MAILS = "SELECT * FROM mails ORDER BY id DESC LIMIT ?"
_MESSAGES = (
    "SELECT messages.*, channels.name FROM messages JOIN channels ON channels.id = channel_id ORDER BY ts DESC LIMIT ?"
)
_ISSUES = "SELECT * FROM issues ORDER BY id DESC LIMIT ?"
_PIPELINES = "SELECT * FROM pipelines ORDER BY id DESC LIMIT ?"
_ALL = -1  # as a LIMIT

_MAIL = ("mail", "Mail", "No mail has been sent.")
_SLACK = ("slack", "Slack", "Nobody has posted anything.")
_TRACKER = ("tracker", "Tracker", "No issues.")
_MECHANIZER = ("pipelines", "Pipelines", "No pipeline has been started.")
"""The id, title and empty text of the panes that every page has."""
_EVERYTHING = "all"
"""The parameter with which the panes of the whole world leave nothing out."""


@dataclass(frozen=True)
class Pane:
    """One part of the control room."""

    id: str
    title: str
    empty_text: str  # what it says when there are no cards
    cards: list[h.Node]  # what it shows, newest first
    above: h.Node = None  # between its heading and its cards
    limit: int | None = None  # how many cards it has at most, if there may be more in the world

    def html(self) -> h.Node:
        """The pane; it can be reached and scrolled by keyboard, and says by a digest what it shows."""
        number = len(self.cards)
        count = f"newest {number}" if number == self.limit else number
        heading = h.h2(id=f"{self.id}-title")[f"{self.title} ({count})"]
        content = h.fragment[heading, self.above, self.cards or h.p(".soft")[self.empty_text]]
        digest = hashlib.sha256(str(content).encode()).hexdigest()[:16]
        return h.section(
            ".pane", id=self.id, tabindex="0", aria_labelledby=f"{self.id}-title", data_pane=True, data_digest=digest
        )[content]


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
        address = f"{CONTROL_ROOM_PATH}/{ticket[1]}" if ticket else f"{CONTROL_ROOM_PATH}?{_EVERYTHING}"
        return RedirectResponse(f"{address}#{kind}-{call.path['id']}")

    return lead


def show(call: Call) -> Answer:
    return page(call, call.path.get("id"))


def page(call: Call, ticket_id: int | None, *, problem: str = "") -> Response:
    """The control room of a ticket or the whole world; `problem` says why a fault could not be added."""
    world, faults = call.world, call.faults
    etag = _etag(world, faults)  # before the panes are read: what changes meanwhile is asked for again
    is_all = _EVERYTHING in call.query
    panes = _panes(world, ticket_id, is_all=is_all)
    if panes is None:
        return _no_ticket(ticket_id)
    place = CONTROL_ROOM_PATH if ticket_id is None else f"{CONTROL_ROOM_PATH}/{ticket_id}"
    panes_address = f"{place}/panes" + (f"?{_EVERYTHING}" if is_all else "")
    main = h.main(class_="ticket" if ticket_id else "world", data_panes=panes_address, data_version=etag)
    body = [
        _header(world, ticket_id),
        h.aside(".faults", aria_label="What goes wrong on purpose")[
            _faults_pane(faults, ticket_id).html(), fault_form(ticket_id, problem=problem)
        ],
        main[[pane.html() for pane in panes]],
    ]
    title = f"#{ticket_id} - Control room" if ticket_id else "Control room"
    style = _STYLE_PATH.read_text(encoding="utf-8")
    nonce = secrets.token_urlsafe(16)
    content = document(title, body, style=style, script=_SCRIPT_ADDRESS, nonce=nonce)
    return HTMLResponse(content, 422 if problem else 200, _headers(f"'nonce-{nonce}'"))


def show_panes(call: Call) -> Answer:
    """The panes alone; nothing, if the client has them already as they are."""
    world, faults = call.world, call.faults
    etag = _etag(world, faults)
    headers = {**_headers(), "ETag": etag}
    if call.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    ticket_id = call.path.get("id")
    panes = _panes(world, ticket_id, is_all=_EVERYTHING in call.query)
    if panes is None:
        return _no_ticket(ticket_id)
    content = h.fragment[[pane.html() for pane in (_faults_pane(faults, ticket_id), *panes)]]
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
        h.nav(aria_label="Practice world")[
            ticket_id and h.a(href=CONTROL_ROOM_PATH)["All tickets"],
            not ticket_id and h.a(href=f"{CONTROL_ROOM_PATH}?{_EVERYTHING}")["Everything"],
        ],
        h.p(".soft")[f"{world.date:%A, %Y-%m-%d}. Nothing here is real. Newest first."],
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


def _panes(world: World, ticket_id: int | None, *, is_all: bool) -> list[Pane] | None:
    """The panes of the whole world or of a ticket; None if there is no such ticket."""
    tickets = ticket_rows(world)
    if ticket_id is None:
        return _of_world(world, tickets, None if is_all else _NEWEST)
    return next((_of_ticket(world, row) for row in tickets if row["id"] == ticket_id), None)


def _of_world(world: World, tickets: Iterable[Row], limit: int | None) -> list[Pane]:
    rows = world.store.rows
    number = _ALL if limit is None else limit
    comments = [_comment_with_ticket(world, row) for row in rows(_COMMENTS, None, number)]
    newest = [
        Pane("thread", "Comments", "No comments.", comments),
        Pane(*_MAIL, [mail_card(row) for row in rows(_MAILS, number)]),
        Pane(*_SLACK, [message_card(row) for row in rows(_MESSAGES, number)]),
        Pane(*_TRACKER, [issue_card(row) for row in rows(_ISSUES, number)]),
        Pane(*_MECHANIZER, [pipeline_card(row) for row in rows(_PIPELINES, number)]),
    ]
    choice = Pane("tickets", "Tickets", "No tickets.", [_choice(row) for row in tickets])
    return [choice, *(replace(pane, limit=limit) for pane in newest)]


def _of_ticket(world: World, ticket: Row) -> list[Pane]:
    rows = world.store.rows
    ticket_id = ticket["id"]
    comments = [comment_card(world, row) for row in rows(_COMMENTS, ticket_id, _ALL)]
    mails = [row for row in rows(_MAILS, _ALL) if _is_to(row, ticket["email"])]
    messages = [row for row in rows(_MESSAGES, _ALL) if _names(ticket_id, row["text"])]
    issues = [row for row in rows(_ISSUES, _ALL) if _names(ticket_id, row["description"])]
    pipelines = [row for row in rows(_PIPELINES, _ALL) if _names(ticket_id, row["variables"])]
    above = h.div(".about")[h.b[untrusted(ticket["subject"])], ticket_facts(ticket)]
    return [
        Pane("thread", "Thread", "No comments.", comments, above),
        Pane(*_MAIL, [mail_card(row, is_open=True) for row in mails]),
        Pane(*_SLACK, [message_card(row) for row in messages]),
        Pane(*_TRACKER, [issue_card(row, is_open=True) for row in issues]),
        Pane(*_MECHANIZER, [pipeline_card(row) for row in pipelines]),
    ]


def _faults_pane(faults: Faults, ticket_id: int | None) -> Pane:
    cards = [fault_card(fault, ticket_id) for fault in faults.active()]
    return Pane("faults", "Faults", "None: everything works.", cards, presets(faults, ticket_id))


def _choice(row: Row) -> h.Node:
    return h.div(".card.choice", id=f"choice-{row['id']}")[
        h.a(href=f"{CONTROL_ROOM_PATH}/{row['id']}")[h.b[f"#{row['id']} "], untrusted(row["subject"])],
        soft(row["status"], untrusted(row["requester"])),
    ]


def _comment_with_ticket(world: World, row: Row) -> h.Node:
    link = h.a(href=f"{CONTROL_ROOM_PATH}/{row['ticket_id']}")[f"#{row['ticket_id']}"]
    return comment_card(world, row, about=link)


def _is_to(mail: Row, address: str) -> bool:
    return address.casefold() in [receiver.casefold() for receiver in json.loads(mail["envelope_to"])]


def _names(ticket_id: int, text: str) -> bool:
    """Whether a text holds the address of this ticket, and not of one whose number only begins like it."""
    return re.search(rf"/agent/tickets/{ticket_id}(?!\d)", text) is not None

"""The stand-in for Zendesk Support: `/api/v2/...`, and the host that serves attachments.

Source: Zendesk's API reference; FACTS 4 for what was seen beyond it.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from urllib.parse import quote

from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount

from runbook_lib.sandbox.calls import Answer, Call, Json, Refusal, is_secret, positive, route
from runbook_lib.sandbox.faults import METHODS
from runbook_lib.sandbox.store import Row
from runbook_lib.sandbox.world import SUPPORT_DOMAIN, to_the_second
from runbook_lib.sandbox.zendesk_json import ANONYMOUS, CUSTOM_ROLE, Serializer
from runbook_lib.sandbox.zendesk_update import Update

_PAGE_SIZE = 100
_SIGN_IN = """<html><head><title>Sign in to Practice Support</title></head><body><h1>Sign in to Practice Support</h1>
<form action="/access/login" method="post"><input type="email" name="user[email]">
<input type="password" name="user[password]"></form></body></html>"""
_CHUNK = b"GITLAB LICENSE, ALL OF IT. " * 2427 + b"\n" * 7


def routes() -> list[BaseRoute]:
    """Everything that Zendesk answers. Every address works with and without `.json`."""
    endpoints = (
        ("/users/me", show_me, "GET"),
        ("/users/{id}", _show("user", "users", Serializer.user), "GET"),
        ("/users/{id}/identities", list_identities, "GET"),
        ("/custom_roles/{id}", show_custom_role, "GET"),
        ("/organizations/{id}", _show("organization", "organizations", Serializer.organization), "GET"),
        ("/attachments/{id}", _show("attachment", "attachments", Serializer.attachment), "GET"),
        ("/uploads", upload, "POST"),
        ("/tickets", list_tickets, "GET"),
        ("/tickets/{id}", show_ticket, "GET"),
        ("/tickets/{id}", update_ticket, "PUT"),
        ("/tickets/{id}/comments", list_comments, "GET"),
        ("/tickets/{id}/audits", list_audits, "GET"),
    )
    api = [route(path + end, endpoint, method) for path, endpoint, method in endpoints for end in (".json", "")]
    return [
        Mount("/api/v2", routes=[*api, route("/{rest:path}", no_such_endpoint, *METHODS)]),
        route("/attachments/token/{token}/", download),
        route("/private/attachments/token/{token}/", download_private),
    ]


def show_me(call: Call) -> Answer:
    """The owner of the credentials. Bad credentials get status 200 too, with an anonymous user.

    Source: FACTS 4; so it is no probe.
    """
    agent = _agent(call)
    return {"user": ANONYMOUS if agent is None else Serializer(call).user(agent)}


def _show(name: str, table: str, serialize: Callable[[Serializer, Row], Json]) -> Callable[[Call], Answer]:
    return lambda call: {name: serialize(Serializer(call), _row(call, table))}


def list_identities(call: Call) -> Answer:
    """What a person is known by, which is their address.

    Source: Zendesk Support API reference, user identities.
    """
    identity = Serializer(call).identity(_row(call, "users"))
    return {"identities": [identity], "meta": {"has_more": False}, "count": 1}


def show_custom_role(call: Call) -> Answer:
    """The one custom role that there may be. Source: Zendesk Support API reference, custom roles."""
    _signed_in(call)
    if call.path["id"] != str(CUSTOM_ROLE["id"]):
        raise _not_found()
    return {"custom_role": CUSTOM_ROLE}


def list_tickets(call: Call) -> Answer:
    _signed_in(call)
    serializer = Serializer(call)
    rows = call.store.rows("SELECT * FROM tickets ORDER BY id")
    page, paging = _page(call, rows)
    return {"tickets": [serializer.ticket(row) for row in page]} | paging


def show_ticket(call: Call) -> Answer:
    """One ticket; `include=users,organizations` puts the people and the organization beside it."""
    row = _row(call, "tickets")
    serializer = Serializer(call)
    answer: Json = {"ticket": serializer.ticket(row)}
    include = call.query.get("include", "").split(",")
    if "users" in include:
        answer["users"] = serializer.users([row["requester_id"], row["assignee_id"]])
    if "organizations" in include:
        organizations = call.store.rows("SELECT * FROM organizations WHERE id = ?", row["organization_id"])
        answer["organizations"] = [serializer.organization(organization) for organization in organizations]
    return answer


def update_ticket(call: Call) -> Answer:
    agent = _signed_in(call)
    ticket = _row(call, "tickets")
    try:
        change = call.fields()["ticket"]
    except (ValueError, KeyError):
        change = None
    if not isinstance(change, dict):
        raise Refusal(422, {"error": "Unprocessable Entity", "message": "Server could not parse JSON"})
    client = call.headers.get("user-agent", "")
    flags = call.faults.flags("private_comments", "light_agent", "custom_role", "suspended", "drop_files")
    update = Update(call.world, ticket, agent, client, change, flags)
    audit = call.world.require("SELECT * FROM audits WHERE id = ?", update.apply())
    serializer = Serializer(call)
    return {"ticket": serializer.ticket(_row(call, "tickets")), "audit": serializer.audit(audit)}


def list_comments(call: Call) -> Answer:
    rows, paging = _page_of_ticket(call, "comments")
    serializer = Serializer(call)
    with_inline = call.query.get("include_inline_images") == "true"
    answer: Json = {"comments": [serializer.comment(row, with_inline=with_inline) for row in rows]} | paging
    if "users" in call.query.get("include", "").split(","):
        answer["users"] = serializer.users(row["author_id"] for row in rows)
    return answer


def list_audits(call: Call) -> Answer:
    rows, paging = _page_of_ticket(call, "audits")
    serializer = Serializer(call)
    return {"audits": [serializer.audit(row) for row in rows]} | paging


def upload(call: Call) -> Answer:
    _signed_in(call)
    name = call.query.get("filename", "")
    if not name:
        raise Refusal(422, {"error": "RecordInvalid", "description": "Filename: cannot be blank"})
    with call.store.change():
        token = secrets.token_urlsafe(18)
        call.store.insert("uploads", token=token, created_at=to_the_second(call.world.now()))
        attachment_id = call.store.insert(
            "attachments",
            upload_token=token,
            token=secrets.token_urlsafe(18),
            file_name=name,
            content_type=call.headers.get("content-type", "application/binary"),
            size=len(call.body),
            content=call.body,
        )
    row = call.world.require("SELECT * FROM attachments WHERE id = ?", attachment_id)
    attachment = Serializer(call).attachment(row)
    answer = {"token": token, "attachment": attachment, "attachments": [attachment]}
    return JSONResponse({"upload": answer}, 201)


def download(call: Call) -> Answer:
    """An attachment's content. Its address is enough; a request with credentials is refused.

    The real host ignores credentials. This one refuses them, so that a test notices a client that leaks them.
    """
    if "authorization" in call.headers or "cookie" in call.headers:
        return PlainTextResponse("Credentials do not belong on this host.", 400)
    row = call.store.row("SELECT * FROM attachments WHERE token = ?", call.path["token"])
    if row is None or row["source"] == "missing":
        return PlainTextResponse("Not found", 404)
    if call.faults.hit("zendesk", "sign_in"):
        return HTMLResponse(_SIGN_IN)
    if row["access"] == "session" or row["malware"] == "malware_found":
        return PlainTextResponse("Forbidden", 403)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row['file_name'], safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    if row["source"] == "stored":
        return Response(row["content"], headers=headers, media_type=row["content_type"])
    headers["Content-Length"] = str(row["size"])
    chunks = (_CHUNK[: row["size"] - start] for start in range(0, row["size"], len(_CHUNK)))
    return StreamingResponse(chunks, headers=headers, media_type=row["content_type"])


def download_private(call: Call) -> Answer:
    """A private attachment: redirects a signed-in user to its content, and shows others the sign-in page, with 200.

    Source: FACTS 6, Zendesk, private attachments.
    """
    row = call.store.row("SELECT * FROM attachments WHERE token = ?", call.path["token"])
    if row is None:
        return PlainTextResponse("Not found", 404)
    if row["access"] == "session" or _agent(call) is None:
        return HTMLResponse(_SIGN_IN)
    address = f"http://localhost:{call.url.port or 80}/attachments/token/{row['token']}/"
    return RedirectResponse(f"{address}?name={quote(row['file_name'], safe='')}", 302)


def no_such_endpoint(call: Call) -> Answer:
    _signed_in(call)
    raise Refusal(404, {"error": "InvalidEndpoint", "description": "Not found"})


def _page_of_ticket(call: Call, table: str) -> tuple[Sequence[Row], Json]:
    sql = f"SELECT * FROM {table} WHERE ticket_id = ? ORDER BY id"  # noqa: S608 - a name in this code
    return _page(call, call.store.rows(sql, _row(call, "tickets")["id"]))


def _page(call: Call, rows: Sequence[Row]) -> tuple[Sequence[Row], Json]:
    """The rows of the requested page, and how the answer leads to the next one.

    Source: Zendesk, *Pagination*, by cursor; by page number, as its older clients read, is not modeled.
    """
    size = _integer(call.query.get("page[size]", str(_PAGE_SIZE)), "page[size]")
    if size > _PAGE_SIZE:
        raise _invalid_page(f"page[size] must be at most {_PAGE_SIZE}")
    start = 0
    if after := call.query.get("page[after]"):
        try:
            start = [row["id"] for row in rows].index(int(base64.urlsafe_b64decode(after))) + 1
        except ValueError:
            raise _invalid_page("page[after] is not a valid cursor") from None
    page = rows[start : start + size]
    has_more = len(rows) > start + size
    cursor = base64.urlsafe_b64encode(str(page[-1]["id"]).encode()).decode() if page else None
    following = str(call.url.include_query_params(**{"page[after]": cursor})) if has_more else None
    return page, {
        "meta": {"has_more": has_more, "after_cursor": cursor, "before_cursor": None},
        "links": {"prev": None, "next": following},
    }


def _invalid_page(detail: str) -> Refusal:
    """Zendesk's third form of an error. Source: FACTS 4; its code as in public reports of cursors that were cut."""
    error = {"code": "InvalidPaginationParameter", "title": "Invalid pagination parameter", "detail": detail}
    return Refusal(400, {"errors": [error]})


def _integer(text: str, name: str) -> int:
    if number := positive(text):
        return number
    message = f"You passed an invalid value for the {name} attribute. Invalid parameter: {name} must be an integer"
    raise Refusal(400, {"error": {"title": "Invalid attribute", "message": message}})


def _row(call: Call, table: str) -> Row:
    """The row with the id in the address, for agents only."""
    _signed_in(call)
    row_id = _integer(call.path["id"], "id")
    row = call.store.row(f"SELECT * FROM {table} WHERE id = ?", row_id)  # noqa: S608 - a name in this code
    if row is None:
        raise _not_found()
    return row


def _not_found() -> Refusal:
    return Refusal(404, {"error": "RecordNotFound", "description": "Not found"})


def _signed_in(call: Call) -> Row:
    agent = _agent(call)
    if agent is None:
        headers = {"WWW-Authenticate": 'Basic realm="Web Password"'}
        raise Refusal(401, {"error": "Couldn't authenticate you"}, headers)
    return agent


def _agent(call: Call) -> Row | None:
    """The agent that an OAuth token, or `email/token:API_TOKEN`, stands for; None for anything else."""
    scheme, credentials = call.credentials
    settings = call.world.settings
    email = None
    if scheme == "bearer" and is_secret(credentials, settings["zendesk_oauth_token"]):
        email = f"{settings['operator']}@{SUPPORT_DOMAIN}"
    elif scheme == "basic":
        name, _, token = _decoded(credentials).rpartition("/token:")
        email = name if is_secret(token, settings["zendesk_api_token"]) else None
    sql = "SELECT * FROM users WHERE email = ? AND role = 'agent'"
    return call.store.row(sql, email)


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        return ""

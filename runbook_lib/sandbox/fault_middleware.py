"""The middleware between the network and the web application: the date of every answer, and the faults.

Rate limits use each vendor's own error body; errors and wrong pages are a proxy's, the same for all.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus

import htpy as h
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from runbook_lib.sandbox.faults import WIRE_KINDS, Fault, Faults

_NO_LINGER = struct.pack("ii", 1, 0)
_SERVICES = {
    "/api/v2/": "zendesk",
    "/attachments/": "zendesk",
    "/private/": "zendesk",
    "/api/v4/": "gitlab",
    "/api/": "slack",
    "/admin/": "customersdot",
}
"""The service of each path prefix; the first match counts. The page and the sandbox's own calls have none."""


class Connection(H11Protocol):
    """uvicorn's HTTP connection, which shows its transport to the application in the `state` of every request.

    Source: uvicorn, `Config(http=)` takes a protocol class; ASGI, `state` of a scope is the server's to fill.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class FaultMiddleware:
    """ASGI middleware, for HTTP only: it dates every answer, and injects the faults."""

    def __init__(self, app: ASGIApp, faults: Faults, now: Callable[[], datetime]) -> None:
        self._app = app
        self._faults = faults
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        service = next((service for prefix, service in _SERVICES.items() if path.startswith(prefix)), None)
        send = self._dated(send)
        fault = service and self._faults.hit(service, *WIRE_KINDS, method=scope["method"], path=path)
        if fault:
            await self._hit(fault, scope, await _receive_all(receive), send)
        else:
            await self._app(scope, receive, send)

    async def _hit(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """Applies a fault to a request that has arrived completely, whether or not its client is still connected."""
        if fault.kind == "delay":
            with suppress(asyncio.CancelledError):  # a server that stops ends the wait
                await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
            return
        breaks = fault.kind in ("reset", "truncate")
        transport: asyncio.Transport | None = scope["state"]["transport"] if breaks else None
        answer = await self._handle(scope, receive) if fault.commits or fault.kind == "truncate" else []
        if transport is None:
            await _answer(fault, scope["path"])(scope, receive, send)
            return
        if fault.kind == "reset":
            reset(transport)
        else:  # the connection is closed after half of the answer's body
            body = b"".join(message.get("body", b"") for message in answer)
            await send(answer[0])
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _handle(self, scope: Scope, receive: Receive) -> list[Message]:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, keep)
        return answer

    def _dated(self, send: Send) -> Send:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Date"] = format_datetime(self._now(), usegmt=True)
            await send(message)

        return send_dated


async def _receive_all(receive: Receive) -> Receive:
    """Reads a request to its end, so that it can be handled without its client."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    waiting = iter(messages)

    async def receive_again() -> Message:
        return next(waiting, None) or await receive()

    return receive_again


def _answer(fault: Fault, path: str) -> Response:
    if fault.kind == "limit":
        return _too_many_requests(fault)
    if fault.kind == "refuse":
        return _refusal(fault, path)
    if fault.kind == "redirect":
        return Response(status_code=fault.status or 301, headers={"Location": f"https://elsewhere.example{path}"})
    status = HTTPStatus(fault.status or 200)
    title = f"{status.value} {status.phrase}" if fault.status else "Sign in to the network"
    page = h.html[h.head[h.title[title]], h.body[h.center[h.h1[title]], h.hr, h.center["proxy"]]]
    return HTMLResponse(str(page), status)


def _refusal(fault: Fault, path: str) -> Response:
    """A service's own way to say no.

    Source: Slack API reference, `missing_scope`; GitLab REST API, *Status codes* and the errors of a pipeline; Zendesk
    has three shapes of error (FACTS 4).
    """
    words, status = fault.error or "", fault.status or 200
    if fault.service == "slack":
        needed = "chat:write" if "/chat." in path else "channels:history,groups:history"
        more = {"needed": needed, "provided": "identify"} if words == "missing_scope" else {}
        return JSONResponse({"ok": False, "error": words, **more})
    if fault.service == "gitlab":
        message: object = {"base": [words]} if status in (400, 422) else f"{status} {words}"
        return JSONResponse({"message": message}, status)
    details = {"base": [{"description": words}]}
    bodies: dict[int, object] = {
        400: {"errors": [{"code": "BadRequest", "title": "Bad Request", "detail": words}]},
        403: {"error": {"title": "Forbidden", "message": words}},
        422: {"error": "RecordInvalid", "description": "Record validation errors", "details": details},
    }
    return JSONResponse(bodies.get(status, {"error": HTTPStatus(status).phrase, "description": words}), status)


def _too_many_requests(fault: Fault) -> Response:
    """A service's own rate-limit answer.

    Source: Zendesk, `APIRateLimitExceeded`; Slack, *Rate limits*, 429 and `ratelimited`; GitLab, `Gitlab::Throttle`,
    plain text. CustomersDot's is not public; it is of GitLab's make, and so answers like GitLab here.
    """
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.service == "zendesk":
        description = "Number of allowed API requests per minute exceeded"
        return JSONResponse({"error": "APIRateLimitExceeded", "description": description}, 429, headers)
    if fault.service == "slack":
        return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers)
    return PlainTextResponse("Retry later\n", 429, headers)


def reset(transport: asyncio.Transport) -> None:
    """Breaks a connection with a reset instead of an end; what is not sent yet is lost.

    Source: socket(7), `SO_LINGER` of 0 s; closing then sends RST.
    """
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()

"""How a stand-in says no, and how it reads what a client sent. It knows no vendor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.world import World

__all__ = ["Refusal", "faults_of", "fields_of", "refused", "world_of"]


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of the sandbox
    """Ends a request with a vendor's own error body.

    Attributes:
        status: The HTTP status.
        body: What the vendor would answer, as JSON.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers


async def refused(request: Request, exc: Exception) -> Response:
    """Turns a `Refusal` into its answer; what Starlette calls for one.

    Args:
        request: The request that it ended.
        exc: The refusal.
    """
    if not isinstance(exc, Refusal):
        raise exc
    return JSONResponse(exc.body, exc.status, exc.headers)


def world_of(request: Request) -> World:
    """The practice world that a request is about."""
    practice: World = request.app.state.world
    return practice


def faults_of(request: Request) -> Faults:
    """What goes wrong on purpose in that world."""
    faults: Faults = request.app.state.faults
    return faults


async def fields_of(request: Request) -> dict[str, Any]:
    """What a client sent: the query, and over it the JSON object or the form in the body.

    An empty body is no fields, whatever its type says.

    Source: `slack_sdk` says JSON for `auth.test` and sends nothing.

    Raises:
        ValueError: The body says that it is JSON, but it is not a JSON object, or holds half a character.
    """
    fields: dict[str, Any] = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        body = json.loads(await request.body() or b"{}")
        if not isinstance(body, dict):
            raise ValueError("Not a JSON object")
        json.dumps(body, ensure_ascii=False).encode()  # refuses lone surrogates, which no database keeps
        return fields | body
    async with request.form() as form:
        return fields | dict(form)

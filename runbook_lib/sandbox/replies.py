"""How a stand-in refuses a request, and how it reads what a client sent. It knows no vendor."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.world import World

__all__ = [
    "Refusal",
    "base_url",
    "credentials_of",
    "faults_of",
    "fields_of",
    "is_secret",
    "positive",
    "refused",
    "world_of",
]


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of the sandbox
    """Ends a request with a vendor's own error body."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers


async def refused(request: Request, exc: Exception) -> Response:
    """Turns a `Refusal` into its answer, as Starlette's exception handler."""
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


def base_url(request: Request) -> str:
    """The address that the server was asked at, without a trailing slash."""
    return f"{request.url.scheme}://{request.url.netloc}"


def credentials_of(request: Request) -> tuple[str, str]:
    """The scheme, in lower case, and the credentials of the `Authorization` header; empty where there is none."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), credentials


def is_secret(given: str, expected: str) -> bool:
    """Whether the given token is the expected one, compared in constant time."""
    return secrets.compare_digest(given.encode(), expected.encode())


def positive(text: str) -> int | None:
    """A number from 1 that a database can hold, in ASCII digits; or None."""
    return int(text) or None if text.isascii() and text.isdigit() and len(text) <= 18 else None


async def fields_of(request: Request) -> dict[str, Any]:
    """What a client sent: the query, and over it the JSON object or the form in the body.

    An empty body has no fields, also where its type is JSON.

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

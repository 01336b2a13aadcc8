"""Shared by all stand-ins: the request that an endpoint gets, its route, and refusals. Knows no vendor."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.store import Store
from runbook_lib.sandbox.world import World

Json = dict[str, Any]
Answer = Response | Json | list[Json]
"""What an endpoint returns: a response, or what is to be sent as JSON with status 200."""


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of the sandbox
    """Ends a request with a vendor's own error body."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers


class Call:
    """A request that has arrived completely, so that an endpoint answers it in one go, with nothing in between."""

    def __init__(self, request: Request, body: bytes, form: Json) -> None:
        self.body = body
        self.method = request.method
        self.headers = request.headers
        self.cookies = request.cookies
        self.path: Json = request.path_params
        self.query: QueryParams = request.query_params
        self.url = request.url
        self.world: World = request.app.state.world
        self.store: Store = self.world.store
        self.faults: Faults = request.app.state.faults
        self.start_pipeline: Callable[[int], None] = request.app.state.start_pipeline
        self._form = form

    @property
    def base_url(self) -> str:
        """The server's address in this request, without a trailing slash."""
        return f"{self.url.scheme}://{self.url.netloc}"

    @property
    def credentials(self) -> tuple[str, str]:
        """The scheme, in lower case, and the credentials of the `Authorization` header; empty where there is none."""
        scheme, _, credentials = self.headers.get("authorization", "").partition(" ")
        return scheme.lower(), credentials

    @property
    def is_json(self) -> bool:
        return self.headers.get("content-type", "").startswith("application/json")

    def fields(self) -> Json:
        """What was sent: the query, and over it the JSON object or the form in the body.

        An empty body has no fields, also where its type is JSON.

        Source: `slack_sdk` says JSON for `auth.test` and sends nothing.

        Raises:
            ValueError: The body says that it is JSON, but it is not a JSON object, or holds half a character.
        """
        if not self.is_json:
            return {**self.query, **self._form}
        body = json.loads(self.body or b"{}")
        if not isinstance(body, dict):
            raise ValueError("Not a JSON object")
        json.dumps(body, ensure_ascii=False).encode()  # refuses lone surrogates, which no database keeps
        return {**self.query, **body}


def route(path: str, endpoint: Callable[[Call], Answer], *methods: str) -> Route:
    """The route of an endpoint; `methods` are GET where none is given."""

    async def handle(request: Request) -> Response:
        body = await request.body()
        async with request.form() as form:
            answer = endpoint(Call(request, body, dict(form)))
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    return Route(path, handle, methods=methods or ("GET",))


async def refused(request: Request, exc: Exception) -> Response:
    """Turns a `Refusal` into its answer, as Starlette's exception handler."""
    if not isinstance(exc, Refusal):
        raise exc
    return JSONResponse(exc.body, exc.status, exc.headers)


def is_secret(given: str, expected: str) -> bool:
    """Whether the given token is the expected one, compared in constant time."""
    return secrets.compare_digest(given.encode(), expected.encode())


def positive(text: str) -> int | None:
    """A number from 1 that a database can hold, in ASCII digits; or None."""
    return int(text) or None if text.isascii() and text.isdigit() and len(text) <= 18 else None

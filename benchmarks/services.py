"""How long a service that fails, or does not answer, holds a run up: the README states it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx

from benchmarks.rows import CannotMeasureError, Row, seconds, within
from runbook_lib.clients.http import HttpSession, Service
from runbook_lib.domain.errors import OutcomeUnknownError, UnavailableError

TRIES_STATED = 4
FAILING_STATED_S = 10
"""Source: README, "which takes seconds"."""
SILENT_STATED_S = 20
CLOCK = 1.05
"""A time-out is a little longer than its number."""


def failing(_folder: Path) -> Iterator[Row]:
    """A service whose every answer is 503: the tries, and the time until the run stops."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(503)

    with HttpSession(loopback=True, transport=httpx.MockTransport(answer)) as session:
        service = _service("http://failing.example", session)

        def call() -> None:
            with suppress(UnavailableError):
                service.read("/")

        took_s = seconds(call)
    tries = len(requests)
    if not tries:
        raise CannotMeasureError("The client has sent no request.")
    off = max(tries / TRIES_STATED, TRIES_STATED / tries)
    yield Row("tries of a service that fails", f"{tries}", f"stated {TRIES_STATED}", off, goal=1)
    yield within("service that fails, until the run stops", took_s, FAILING_STATED_S)


def silent(_folder: Path) -> Iterator[Row]:
    """A service that accepts the connection and never answers: the time that one try takes."""
    with socket.create_server(("127.0.0.1", 0)) as server, HttpSession(loopback=True) as session:
        service = _service(f"http://127.0.0.1:{server.getsockname()[1]}", session)

        def call() -> None:
            with suppress(OutcomeUnknownError):
                service.write_json("POST", "/", dict)

        took_s = seconds(call)
    beside = f"stated {SILENT_STATED_S} s"
    yield Row("service that does not answer, one try", f"{took_s:.1f} s", beside, took_s / SILENT_STATED_S, goal=CLOCK)


def _service(url: str, session: HttpSession) -> Service:
    return Service("The service", url, {}, session, explain=lambda body: "")

"""An object store on loopback for the tests of the share, with faults where a test sets them: around a call."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest

from runbook_lib.domain.errors import RunbookError
from runbook_lib.ledger.share import Share

Wsgi = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]
BUCKET = "team"


class Faulty:
    """A server with a switch for each fault.

    Args:
        app: The store; S3 if not given.

    Attributes:
        url: Its address.
        calls: The requests that came, as "PUT path".
        fault: Called with the number of the request, from 1, and "before" or "after" it takes effect; what it returns
            is answered instead: a status and an error code, or None.
        is_locked: Whether it refuses an upload without a checksum, as S3 does in a bucket with Object Lock.
    """

    def __init__(self, app: Wsgi | None = None) -> None:
        self.url = ""
        self.calls: list[str] = []
        self.fault: Callable[[int, str], tuple[int, str] | None] = lambda number, when: None
        self.is_locked = False
        self._lock = threading.Lock()
        self._app = app or _s3()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        with self._lock:
            self.calls.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            number = len(self.calls)
        if refusal := self.fault(number, "before"):
            length = int(environ.get("CONTENT_LENGTH") or 0)
            environ["wsgi.input"].read(length)
            return _refuse(start, *refusal)
        if self.is_locked and environ["REQUEST_METHOD"] == "PUT" and "HTTP_X_AMZ_CHECKSUM_SHA256" not in environ:
            return _refuse(start, 400, "InvalidRequest")
        kept: list[Any] = []
        body = list(self._app(environ, lambda *args: kept.append(args)))  # type: ignore[arg-type,return-value]
        if refusal := self.fault(number, "after"):
            return _refuse(start, *refusal)
        start(*kept[-1][:2])
        return body


def _s3() -> Wsgi:
    """S3, one request after the other: moto looks and writes in two steps, between which a second writer fits."""
    from moto.server import DomainDispatcherApplication, create_backend_app  # half a second, for few tests

    app: Wsgi = DomainDispatcherApplication(create_backend_app)
    turn = threading.Lock()

    def in_turn(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        with turn:
            return list(app(environ, start))

    return in_turn


def _refuse(start: StartResponse, status: int, code: str) -> list[bytes]:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    start(f"{status} No", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def running() -> Iterator[Faulty]:
    """S3 with an empty bucket."""
    with serving(Faulty()) as app:
        httpx.post(f"{app.url}/moto-api/reset", timeout=60)
        httpx.put(f"{app.url}/{BUCKET}", timeout=60)
        app.calls.clear()
        yield app


@contextmanager
def serving(app: Faulty) -> Iterator[Faulty]:
    """A server on a free port."""
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    app.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)  # it looks so often for its end
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def assert_each_call_says(share: Share, kind: type[RunbookError], words: str) -> None:
    """Writing, reading and listing raise an error of this kind with these words, and no secret is in them."""
    for call in (
        lambda: share.create("live/1/x.json", b""),
        lambda: share.read("live/1/x.json"),
        lambda: list(share.objects("live")),
    ):
        with pytest.raises(kind) as caught:
            call()
        assert words in str(caught.value)
        assert "hush" not in str(caught.value)

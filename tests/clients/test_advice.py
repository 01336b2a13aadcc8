"""Connections that fail before there is a request, with real sockets: the reason is named, and a write was not sent."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import HttpSession, Service
from runbook_lib.domain.errors import OutcomeUnknownError, UnavailableError
from tests.clients.sockets import certified, listening


def both(url: str) -> list[str]:
    """What a read and a write say."""
    with HttpSession(loopback=False, budget=Budget(0)) as session:
        service, words = Service("Desk", url, {}, session, str), []
        for request in (lambda: service.read("api/x"), lambda: service.write_json("POST", "api/x", dict, json={})):
            with pytest.raises(UnavailableError) as caught:
                request()
            assert not isinstance(caught.value, OutcomeUnknownError)
            words.append(str(caught.value))
    return words


@pytest.mark.parametrize(
    ("host", "days", "is_trusted", "words"),
    [
        ("localhost", 1, False, "(self-signed certificate): check its address; if a proxy of yours signs for it, name"),
        ("localhost", -1, True, "(certificate has expired): check this machine's clock, and tell who runs the service"),
        ("localhost", 60, True, "(certificate is not yet valid): check this machine's clock, and tell who runs"),
        ("other.example", 1, True, "(Hostname mismatch, certificate is not valid for 'localhost'.): check its address"),
    ],
    ids=["self-signed", "expired", "of the future", "of another host"],
)
def test_refused_certificate_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, days: int, is_trusted: bool, words: str
) -> None:
    server, certificate = certified(tmp_path, host, days)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    def answer(connection: socket.socket) -> None:
        server.wrap_socket(connection, server_side=True).close()

    with listening(answer) as port:
        found = both(f"https://localhost:{port}")
    assert all(f"Its certificate is not accepted {words}" in each for each in found), found


def test_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with listening(answer) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        words = both("https://desk.example")
    assert all("The proxy refuses the connection: check HTTPS_PROXY" in each for each in words), words


def test_proxy_that_is_not_there_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert all("the network, the proxy in HTTPS_PROXY and its" in each for each in both("https://desk.example"))
    monkeypatch.setenv("NO_PROXY", "desk.invalid")
    assert all("Check the network and its address" in each for each in both("https://desk.invalid"))


def test_name_that_does_not_exist() -> None:
    """The top-level domain is reserved for names that never resolve. Source: RFC 6761, 6.4."""
    assert all("cannot be reached. Check the network" in each for each in both("https://desk.invalid"))

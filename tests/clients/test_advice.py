"""Connections that fail before there is a request, with real sockets: the reason is named, and a write was not sent."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import Service, Session
from runbook_lib.domain.errors import OutcomeUnknownError, UnavailableError


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port of this machine whose connections are answered one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server with a certificate that nobody signed."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    pem: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def both(url: str) -> list[str]:
    """What a read and a write say."""
    with Session(loopback=False, budget=Budget(0)) as session:
        service, words = Service("Desk", url, {}, session, str), []
        for request in (lambda: service.read("api/x"), lambda: service.write("POST", "api/x", json={})):
            with pytest.raises(UnavailableError) as caught:
                request()
            assert not isinstance(caught.value, OutcomeUnknownError)
            words.append(str(caught.value))
    return words


def test_self_signed_certificate_is_named(tls: ssl.SSLContext) -> None:
    def answer(connection: socket.socket) -> None:
        tls.wrap_socket(connection, server_side=True).close()

    with listening(answer) as port:
        words = both(f"https://127.0.0.1:{port}")
    assert all("Its certificate is not accepted (self" in each for each in words), words


def test_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with listening(answer) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        words = both("https://desk.example")
    assert all("The proxy refuses the connection: check HTTPS_PROXY" in each for each in words), words


def test_name_that_does_not_exist() -> None:
    """The top-level domain is reserved for names that never resolve. Source: RFC 6761, 6.4."""
    assert all("cannot be reached. Check the network" in each for each in both("https://desk.invalid"))

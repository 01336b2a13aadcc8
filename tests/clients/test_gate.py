"""Where downloads may go: addresses are checked after each look-up, and the connection goes to the one checked."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest

from runbook_lib.clients.gate import Gate
from runbook_lib.clients.http import HttpSession, Service
from runbook_lib.domain.errors import RefusedError, UnavailableError
from tests.clients.wire import PUBLIC

OWN = "https://team.zendesk.com"


def gate(*found: str, proxy: bool = False, practice: bool = False) -> Gate:
    """A gate for which each name has these addresses."""
    return Gate(practice=practice, resolve=lambda host, port: found or [PUBLIC], has_proxy=lambda host: proxy)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "0", "0.0.0.0"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
        *("[2002:7f00:1::]", "[64:ff9b:1::808:808]", "[fe80::1]", "[fe80::1%25eth0]", "[fc00::1]", "[ff02::1]"),
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "2852039166", "100.64.0.1", "224.0.0.1"),
        *(
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "[2001:db8::1]",
            "[fec0::1]",
            "[3fff::1]",
            "[2002:c0a8:101::]",
            "[64:ff9b::a00:1]",
        ),
        *("localhost", "localhost.", "a.localhost", "LOCALHOST"),
    ],
)
def test_no_address_that_is_not_public(host: str) -> None:
    """Loopback, private, link-local, multicast, reserved and wrapped addresses, in each spelling."""
    with pytest.raises(RefusedError, match="not fetched"):
        gate().request_for(f"https://{host}/a", OWN)


@pytest.mark.parametrize("url", ["http://files.example/a", "ftp://files.example/a", "file:///etc/passwd", "//x/a"])
def test_https_only(url: str) -> None:
    """Nothing travels unencrypted in live."""
    with pytest.raises(RefusedError, match="not fetched"):
        gate().request_for(url, OWN)


@pytest.mark.parametrize(
    "url", ["https://u:p@files.example/a", "https://team.zendesk.com@evil.example/", "https://[x/a"]
)
def test_user_in_the_address(url: str) -> None:
    """An address with a user in it misleads who reads it; the refusal does not repeat it."""
    with pytest.raises(RefusedError) as caught:
        gate().request_for(url, OWN)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize("found", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1"], ["fe80::1%eth0"], ["::ffff:10.0.0.1"]])
def test_name_of_an_address_that_is_not_public(found: Sequence[str]) -> None:
    """One bad address of a name is enough."""
    with pytest.raises(RefusedError, match="not a public address"):
        gate(*found).request_for("https://files.example/a", OWN)


def test_name_that_cannot_be_looked_up() -> None:
    """Without an address nothing is asked; behind a proxy it is the proxy that looks up."""

    def fail(host: str, port: int) -> Sequence[str]:
        raise OSError("no such host")

    with pytest.raises(UnavailableError, match="cannot be looked up"):
        Gate(practice=False, resolve=fail, has_proxy=lambda host: False).request_for("https://files.example/a", OWN)
    behind = Gate(practice=False, resolve=fail, has_proxy=lambda host: True)
    assert "https://files.example/a" == behind.request_for("https://files.example/a", OWN).url


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("hilfe.müller.example", "hilfe.xn--mller-kva.example"),
        ("t\u0435am.zendesk.com", "xn--tam-rdd.zendesk.com"),
        ("ｆiles.example", "files.example"),
        (f"{'ü' * 70}.example", ""),
        ("a..example", ""),
    ],
)
def test_name_with_other_letters(host: str, name: str) -> None:
    """Everything is done with its ASCII form, and a name without one is not requested."""
    if name:
        request = gate(PUBLIC).request_for(f"https://{host}/a", OWN)
        assert (name, name) == (request.headers["Host"], request.extensions["sni_hostname"])
    else:
        with pytest.raises(RefusedError, match="cannot be read"):
            gate(PUBLIC).request_for(f"https://{host}/a", OWN)


@pytest.mark.parametrize(
    ("found", "expected"), [(PUBLIC, f"https://{PUBLIC}:443/a?b"), ("2606:4700::1", "https://[2606:4700::1]:443/a?b")]
)
def test_connection_goes_to_the_checked_address(found: str, expected: str) -> None:
    """The name is looked up once, and stays in Host and in TLS."""
    request = gate(found).request_for("https://files.example/a?b", OWN)

    assert (expected, "files.example", "files.example") == (
        request.url,
        request.headers["Host"],
        request.extensions["sni_hostname"],
    )


@pytest.mark.parametrize(
    "url", ["https://files.example/a", "http://localhost:81/a", "http://10.0.0.1:80/a", "http://x:80/"]
)
def test_practice_stays_in_the_practice_world(url: str) -> None:
    """Another machine, port or scheme is not the practice world."""
    own = "http://127.0.0.1:80"
    with pytest.raises(RefusedError, match="not the practice world"):
        gate(practice=True).request_for(url, own)
    assert "http://localhost:80/a" == gate(practice=True).request_for("http://localhost:80/a", own).url


@pytest.mark.parametrize("target", ["https://127.1/x", "http://files.example/x", "https://169.254.169.254/latest"])
def test_redirect_is_checked(target: str) -> None:
    """A public address may not lead to one that is not."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["host"])
        return httpx.Response(302, headers={"Location": target})

    session = HttpSession(loopback=False, transport=httpx.MockTransport(answer), gate=gate())
    with session, pytest.raises(RefusedError, match="not fetched"):
        Service("Zendesk", OWN, {"Authorization": "s"}, session, str).download("https://files.example/a", 10)
    assert ["files.example"] == asked

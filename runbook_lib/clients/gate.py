"""Where a download may go: in live to public addresses by https only, in practice to the practice world only.

A name is looked up once. Each of its addresses is checked, and the connection goes to one of them, which defeats DNS
rebinding. Must not send anything.

Where the environment names a proxy for a host, the proxy looks the name up and connects; then only the name is
checked here, and the proxy has to refuse the rest.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from runbook_lib import addresses
from runbook_lib.domain.errors import RefusedError, UnavailableError

HTTPS_PORT = 443
Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class PinnedRequest:
    """httpx's arguments for a request to a checked address, with the name kept in `Host` and in TLS."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, str] = field(default_factory=dict)


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a name. Raises OSError if it has none."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def has_proxy(host: str) -> bool:
    """Whether the environment names a proxy for https to a host."""
    proxies = getproxies()
    return bool(proxies.get("https") or proxies.get("all")) and not proxy_bypass(host)


class Gate:
    """Checks each address of a download, also after a redirect."""

    def __init__(
        self, *, practice: bool, resolve: Resolve = resolve, has_proxy: Callable[[str], bool] = has_proxy
    ) -> None:
        self._practice = practice
        self._resolve = resolve
        self._has_proxy = has_proxy

    def request_for(self, url: str, own_url: str) -> PinnedRequest:
        """The request for a URL.

        Raises:
            RefusedError: Nothing may be fetched from there.
            UnavailableError: Its name cannot be looked up.
        """
        try:
            parts = urlsplit(url)
            port, host = parts.port, (parts.hostname or "").encode("idna").decode()
        except ValueError as exc:
            raise RefusedError("The address of the file cannot be read, so it was not fetched.") from exc
        if parts.username is not None or parts.password is not None or not host:
            raise RefusedError("The address of the file has a user or no host in it, so it was not fetched.")
        if self._practice:
            own = urlsplit(own_url)
            if (addresses.is_loopback(host), port, parts.scheme) != (True, own.port, own.scheme):
                raise RefusedError(f"The file is at {host}, which is not the practice world, so it was not fetched.")
            return PinnedRequest(url)
        if parts.scheme != "https":
            raise RefusedError(f"The file is offered at {host} without https, so it was not fetched.")
        return self._live_request(url, parts, host, port or HTTPS_PORT)

    def _live_request(self, url: str, parts: SplitResult, host: str, port: int) -> PinnedRequest:
        proxied = self._has_proxy(host)
        found = self._addresses(host, port, proxied=proxied)
        if not all(map(addresses.is_public, found)):
            raise RefusedError(f"The file is at {host}, which is not a public address, so it was not fetched.")
        if proxied or not found:
            return PinnedRequest(url)
        address = found[0]
        at = f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else str(address)
        name = host if port == HTTPS_PORT else f"{host}:{port}"
        pinned = parts._replace(netloc=f"{at}:{port}").geturl()
        # A kept connection would be reused for another name at this address, without a check of its certificate.
        return PinnedRequest(pinned, {"Host": name, "Connection": "close"}, {"sni_hostname": host})

    def _addresses(self, host: str, port: int, *, proxied: bool) -> list[addresses.Address]:
        if spelled := addresses.parse(host):
            return [spelled]
        if addresses.is_loopback(host):
            raise RefusedError(f"The file is at {host}, which is this machine, so it was not fetched.")
        try:
            found = [addresses.parse(text) for text in self._resolve(host, port)]
        except (OSError, UnicodeError) as exc:
            if proxied:
                return []
            raise UnavailableError(f"The name {host} of the file's address cannot be looked up. Try again.") from exc
        if not found or None in found:
            raise RefusedError(f"The name {host} of the file's address has no address that can be checked.")
        return [one for one in found if one is not None]

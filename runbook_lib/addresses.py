"""What an internet address is: this machine, public, or neither, in whatever spelling. Looks nothing up.

Source: RFC 6890 (special addresses), RFC 4291 (IPv4-mapped), RFC 3056 (6to4), RFC 6052 and RFC 8215 (NAT64).
"""

from __future__ import annotations

import ipaddress
import re
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("fec0::/10", "3fff::/20", "192.88.99.0/24")))
"""What Python's tables call global: site-local, documentation and the former relays of 6to4.

Source: RFC 3879, RFC 9637, RFC 7526."""
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NUMBERS = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", re.IGNORECASE)


def parse(host: str) -> Address | None:
    """The address that a host spells, or None if it is a name.

    Takes IPv4 as systems do (`127.1`, `0x7f000001`, `2130706433`, `0177.0.0.1`), IPv6 with brackets or a zone, and a
    dot at the end. Source: inet_aton(3); WHATWG URL, *IPv4 parser*.
    """
    text = host.strip().strip("[]").partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        if not _NUMBERS.fullmatch(text):
            return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or by any spelling of its address."""
    name = host.strip().rstrip(".").casefold()
    if name in ("localhost", "localhost.localdomain", "ip6-localhost") or name.endswith(".localhost"):
        return True
    address = parse(host)
    return address is not None and any(one.is_loopback or one.is_unspecified for one in (address, *_within(address)))


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, and so is each address that it wraps."""
    if address in _LOCAL_NAT64:
        return False
    within = _within(address)
    is_reserved = within and not getattr(address, "sixtofour", None)  # by what it wraps, which alone counts then
    return all(
        one.is_global
        and not (one.is_multicast or one.is_reserved or one.is_link_local or any(one in net for net in _NOT_PUBLIC))
        for one in (within if is_reserved else (address, *within))
    )


def _within(address: Address) -> tuple[Address, ...]:
    """The IPv4 addresses that an IPv6 address carries."""
    if not isinstance(address, ipaddress.IPv6Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in (_NAT64, _COMPATIBLE)):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(one for one in found if one is not None)

"""Connections that can be reset: how the application gets a request's transport, and how it resets it."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_NO_LINGER = struct.pack("ii", 1, 0)


class Connection(H11Protocol):
    """uvicorn's HTTP connection, which shows its transport to the application in the `state` of every request.

    Source: uvicorn, `Config(http=)` takes a protocol class; ASGI, `state` of a scope is the server's to fill.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def transport_of(scope: Scope) -> asyncio.Transport:
    """The transport that a request came by. Raises LookupError if that cannot be broken, as within one process."""
    transport: asyncio.Transport = scope["state"]["transport"]
    return transport


def reset(transport: asyncio.Transport) -> None:
    """Breaks a connection with a reset instead of an end; what is not sent yet is lost.

    Source: socket(7), `SO_LINGER` of 0 s; closing then sends RST.
    """
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()

"""The mail server that the practice Mechanizer sends through: real SMTP, every message kept in the world.

It takes mail for everybody but the people at `FULL_DOMAIN`, whose mailboxes are full.
"""

from __future__ import annotations

import asyncio
import json

from aiosmtpd.smtp import SMTP, Envelope, Session

from runbook_lib.sandbox.world import World, to_the_second

__all__ = ["FULL_DOMAIN", "serve_mail"]

FULL_DOMAIN = "mailbox-full.example"
"""Recipients of this domain are refused; ticket 1010's requester is one."""


async def serve_mail(world: World) -> asyncio.Server:
    """Starts the server in the running event loop, on a free port of 127.0.0.1.

    Args:
        world: Where the mail is kept.

    Returns:
        The listening server.
    """

    def session() -> SMTP:
        # Without a host name aiosmtpd looks this machine up in the DNS, which can take seconds.
        return SMTP(_Postbox(world), hostname="practice.example", enable_SMTPUTF8=True)

    return await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)


class _Postbox:
    """What aiosmtpd asks about every recipient and hands every message to."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Accepts a recipient, or answers why not.

        Source: RFC 3463, `X.2.2`.
        """
        if address.rpartition("@")[2].lower() == FULL_DOMAIN:
            return "552 5.2.2 Mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keeps a message as it came, byte for byte."""
        self._world.store.write(
            "INSERT INTO mails (envelope_from, envelope_to, raw, received_at) VALUES (?, ?, ?, ?)",
            envelope.mail_from or "",
            json.dumps(envelope.rcpt_tos),
            envelope.original_content or b"",
            to_the_second(self._world.now()),
        )
        return "250 2.0.0 OK"

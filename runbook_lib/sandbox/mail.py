"""The mail server that the practice Mechanizer sends through: real SMTP, every message kept in the world.

It takes mail for everybody but the people at `FULL_DOMAIN`, whose mailboxes are full, and but for what faults say.
"""

from __future__ import annotations

import asyncio
import json
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from runbook_lib.sandbox.fault_middleware import reset
from runbook_lib.sandbox.faults import LONGEST_S, Faults
from runbook_lib.sandbox.world import World, to_the_second

FULL_DOMAIN = "mailbox-full.example"
"""Recipients of this domain are refused; ticket 1010's requester is one."""


async def serve_mail(world: World, faults: Faults) -> asyncio.Server:
    """Starts the server in the running event loop, on a free port of 127.0.0.1."""

    def session() -> SMTP:
        # Without a host name aiosmtpd looks this machine up in the DNS, which can take seconds.
        handler, name = _MailHandler(world, faults), "practice.example"
        return SMTP(handler, hostname=name, enable_SMTPUTF8=True, timeout=LONGEST_S + 300)

    return await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)


class _MailHandler:
    """What aiosmtpd asks about every recipient and hands every message to."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Accepts a recipient, or answers why not.

        Source: RFC 3463, `X.2.2`.
        """
        if address.rpartition("@")[2].lower() == FULL_DOMAIN:
            return "552 5.2.2 Mailbox full"
        if fault := self._faults.hit("mail", "refuse"):
            return f"{fault.status} {fault.error}"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = self._faults.hit("mail", "hang", "reset")
        if fault is None or fault.commits:
            self._world.store.insert(
                "mails",
                envelope_from=envelope.mail_from or "",
                envelope_to=json.dumps(envelope.rcpt_tos),
                raw=envelope.original_content or b"",
                received_at=to_the_second(self._world.now()),
            )
        if fault and fault.kind == "reset":
            reset(cast("asyncio.Transport", server.transport))
            await asyncio.get_running_loop().create_future()  # aiosmtpd cancels this once it sees the reset
        if fault and fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        return "250 2.0.0 OK" if fault is None or fault.commits else "451 4.3.0 Not kept"

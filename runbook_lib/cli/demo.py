"""`runbook demo`: every practice ticket through its runbook, performed, in a practice world of its own.

It is one batch, in an environment without any setting but where the outputs go, so that it comes out the same
everywhere. The table compares what came out with what was expected,
every license that the customers got by mail is read again, and every record is verified.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

from tabulate import tabulate

from runbook_lib.domain import license
from runbook_lib.domain.models import Outcome, Status
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.routing import NOT_RECEIVED, WEEKDAY, WEEKEND
from runbook_lib.records.archive import Archive
from runbook_lib.records.verification import Verifier
from runbook_lib.run import batch, batch_list, ticket_runs, warm
from runbook_lib.run.batch_list import Row
from runbook_lib.sandbox import server
from runbook_lib.sandbox.world import opened
from runbook_lib.settings import Settings

MODULES = (*ticket_runs.MODULES, "runbook_lib.sandbox")
PRELOADED = (*ticket_runs.PRELOADED, "runbook_lib.sandbox.serving", "runbook_lib.mechanizer")
ISSUED, WAITING, OUT = Outcome.LICENSE_ISSUED, Outcome.WAITING_FOR_CUSTOMER, Outcome.OUT_OF_SCOPE
ESCALATED, RESOLVED, FOUND = Outcome.ESCALATED, Outcome.RESOLVED_ITSELF, Outcome.LICENSE_FOUND


@dataclass(frozen=True)
class Expected:
    """A practice ticket and what its run must come to.

    Attributes:
        ticket_id: The ticket.
        case: What is special about it.
        end: An outcome, or a status where the case cannot end.
        runbook: The runbook that it belongs to.
        auto: Whether it is run by its number alone, so that `start_here` has to choose that runbook.
    """

    ticket_id: int
    case: str
    end: Outcome | Status
    runbook: str = WEEKEND
    auto: bool = False


TICKETS = (
    Expected(1001, "Premium, grace period ended yesterday", ISSUED),
    Expected(1002, "nothing attached, nothing known", WAITING),
    Expected(1003, "grace period has 4 days to run", OUT),
    Expected(1004, "grace period ended 4 days ago", OUT),
    Expected(1005, "grace period ended exactly 3 days ago", ISSUED),
    Expected(1006, "a prospect", OUT),
    Expected(1007, "no paid plan", OUT),
    Expected(1008, "a GitLab.com subscription", OUT),
    Expected(1009, "after an earlier Sales extension", ISSUED),
    Expected(1010, "Mechanizer's job fails", Status.NEEDS_ANSWER),
    Expected(1011, "hostile text everywhere", ISSUED),
    Expected(1021, "license pasted into the comment, quoted", ISSUED),
    Expected(1022, "usage export in place of the license", ISSUED),
    Expected(1023, "activation code in place of the license", WAITING),
    Expected(1041, "license file that only a browser may open", Status.NEEDS_ANSWER),
    Expected(1042, "opened by a colleague; private license file", ISSUED),
    Expected(1043, "Zendesk found malware in the license file", Status.NEEDS_ANSWER),
    Expected(1061, "license file for a million users, 40 in our records", Status.NEEDS_ANSWER),
    Expected(1062, "somebody else's license, signed by the right key", Status.NEEDS_ANSWER),
    Expected(1063, "no organization: nothing of ours says who this is", Status.NEEDS_ANSWER),
    Expected(1064, "a renewal that the instance rejects", Status.NEEDS_ANSWER),
    Expected(2001, "weekday; requester has no CustomersDot account", ESCALATED, WEEKDAY, auto=True),
    Expected(2002, "account without access to the subscription", ESCALATED, WEEKDAY, auto=True),
    Expected(2003, "Seat Link row received that day, of the day before", RESOLVED, WEEKDAY, auto=True),
    Expected(2004, "last Seat Link row the day before", ESCALATED, WEEKDAY, auto=True),
    Expected(2005, "opened 03:30 UTC, no row yet that day", ESCALATED, WEEKDAY, auto=True),
    Expected(2006, "license file, which never syncs", ESCALATED, WEEKDAY, auto=True),
    Expected(2007, "two instances, one of them synced that day", RESOLVED, WEEKDAY, auto=True),
    Expected(3001, "mail not received; closed success issue", FOUND, NOT_RECEIVED, auto=True),
    Expected(3002, "mail not received; open failure issue", ISSUED, NOT_RECEIVED, auto=True),
    Expected(3003, "mail not received; no issue at all", ISSUED, NOT_RECEIVED, auto=True),
    Expected(3004, "mail not received; only other people's issues", ISSUED, NOT_RECEIVED, auto=True),
    Expected(3005, "mail not received; failure first, success later", FOUND, NOT_RECEIVED, auto=True),
    Expected(3006, "mail not received; a success months ago", ISSUED, NOT_RECEIVED, auto=True),
)


def main(settings: Settings) -> int:
    """Run the demo and print its table; returns 0 if every ticket came out as expected, else 1."""
    started = time.monotonic()
    outputs = settings.outputs.resolve() / f"demo-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder = outputs / "sandbox" / ".world"
    server.make_world(folder, datetime.now(UTC).date())
    sys.stdout.write(f"Performing {len(TICKETS)} practice tickets; this takes about half a minute.\n")
    sys.stdout.flush()
    endings = _performed(outputs, folder)
    rows = [_row(expected, ending) for expected, ending in zip(TICKETS, endings, strict=True)]
    heads = ("ticket", "case", "outcome", "as expected", "what happened")
    sys.stdout.write("\n" + tabulate(rows, headers=heads, maxcolwidths=[None, None, None, None, 72]) + "\n\n")
    licenses = _mailed(folder)
    issued = sum(expected.end is ISSUED for expected in TICKETS)
    sys.stdout.write(f"Mails: {len(licenses)} licenses were mailed, {len(set(licenses))} of them different.\n")
    verified = Verifier(Archive(outputs / "sandbox", "sandbox", outputs / "sandbox" / ".keys")).everything()
    defects = [finding for finding in verified.findings if finding.is_defect]
    sys.stdout.write(f"Records: {verified.sealed} are sealed and verified, {len(defects)} defects; in {outputs}\n")
    sys.stdout.write("".join(f"  {clean(str(defect), 300)}\n" for defect in defects))
    sys.stdout.write(f"Took {time.monotonic() - started:.0f} s.\n")
    right = all(row[3] == "yes" for row in rows) and len(licenses) == len(set(licenses)) == issued and not defects
    sys.stdout.write("All as expected.\n" if right else "NOT as expected; see the table.\n")
    return 0 if right else 1


def _performed(outputs: Path, folder: Path) -> list[batch.Ending]:
    """How each ticket ended, in their order; each is told as it ends."""
    rows = [Row(n, str(e.ticket_id), batch_list.AUTO if e.auto else e.runbook) for n, e in enumerate(TICKETS)]
    with ExitStack() as stack:
        python = str(stack.enter_context(warm.started(MODULES, PRELOADED)) or sys.executable)
        stack.enter_context(server.background(folder, python=python))
        order = ticket_runs.Order("demo", perform=True)
        place = ticket_runs.Processes(order, python, _environment(outputs))
        workers = batch.Workers(place, batch.usual_workers())
        stack.callback(workers.close)
        futures = [workers.submit(row) for row in rows]
        for future in as_completed(futures):
            sys.stdout.write(f"  {future.result().row.ticket}\n")
            sys.stdout.flush()
        return [future.result() for future in futures]


def _environment(outputs: Path) -> dict[str, str]:
    """No setting of the reader's own; `.env` is not read where the profile sandbox is asked for by name."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("RUNBOOK_")}
    return {**kept, "RUNBOOK_PROFILE": "sandbox", "RUNBOOK_OUTPUTS": str(outputs)}


def _row(expected: Expected, ending: batch.Ending) -> tuple[str, str, str, str, str]:
    outcome, status = ending.report.get("outcome"), ending.report.get("status", Status.FAILED)
    came = outcome or f"none ({status})"
    as_expected = (outcome or status, ending.report.get("runbook")) == (expected.end, expected.runbook)
    return str(expected.ticket_id), expected.case, came, "yes" if as_expected else "NO", clean(ending.summary, 600)


def _mailed(folder: Path) -> list[str]:
    """The fingerprint of every license in the practice mailboxes, each read with the practice key."""
    public_key = license.load_public_key((folder / "license-key.pub").read_bytes())
    found = []
    with opened(folder) as practice:
        for row in practice.store.rows("SELECT raw FROM mails"):
            mail = message_from_bytes(row["raw"], policy=policy.default)
            for attachment in mail.iter_attachments():
                text = attachment.get_content()
                license.read(text, public_key)
                found.append(license.fingerprint(text))
    return found

"""`runbook demo`: every practice ticket through its runbook, performed, in a practice world of its own.

It is one batch, in an environment without any setting but where the outputs go, so that it comes out the same
everywhere. The table compares what came out with what was expected,
every license that the customers got by mail is read again, and every record is verified.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import click
from tqdm import tqdm

from runbook_lib.cli import tables
from runbook_lib.domain import license
from runbook_lib.domain.models import Outcome, Status
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.state_words import run_ending_words
from runbook_lib.records.archive import Archive
from runbook_lib.records.open_ends import first_sentence
from runbook_lib.records.verification import Verifier
from runbook_lib.run import batch, intake, ticket_runs, warm
from runbook_lib.run.batch_list import BatchRow
from runbook_lib.sandbox import server
from runbook_lib.sandbox.seeding import make_world
from runbook_lib.sandbox.tickets import expected_ends
from runbook_lib.sandbox.tickets.model import Expected, PracticeTicket
from runbook_lib.sandbox.world import opened
from runbook_lib.settings import Settings

MODULES = (*ticket_runs.MODULES, "runbook_lib.sandbox")
PRELOADED = (
    *(*ticket_runs.PRELOADED, "runbook_lib.sandbox.serving", "runbook_lib.mechanizer"),
    *("runbook_lib.job_settings:JobSettings.model_rebuild", "runbook_lib.job_settings:JobRequest.model_rebuild"),
)


def main(settings: Settings) -> int:
    """Run the demo and print its table; returns 0 if every ticket came out as expected, else 1."""
    started = time.monotonic()
    outputs = settings.outputs.resolve() / f"demo-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder = outputs / "sandbox" / ".world"
    make_world(folder, datetime.now(UTC).date())
    click.echo(f"Performing {len(expected_ends())} practice tickets; this takes about half a minute.")
    endings = _performed(outputs, folder)
    rows = [_row(*pair, ending) for pair, ending in zip(expected_ends().items(), endings, strict=True)]
    heads = ("ticket", "case", "outcome", "as expected", "what happened")
    click.echo(f"\n{tables.fitted(rows, heads)}\n")
    licenses = _mailed(folder)
    issued = sum(expected.outcome is Outcome.LICENSE_ISSUED for expected in expected_ends().values())
    click.echo(f"Mails: {len(licenses)} licenses were mailed, {len(set(licenses))} of them different.")
    verified = Verifier(Archive(outputs / "sandbox", "sandbox", outputs / "sandbox" / ".keys")).everything()
    defects = [finding for finding in verified.findings if finding.is_defect]
    click.echo(f"Records: {verified.sealed} are sealed and verified, {len(defects)} defects; in {outputs}")
    for defect in defects:
        click.echo(f"  {clean(str(defect), 300)}")
    click.echo(f"Took {time.monotonic() - started:.0f} s.")
    right = all(row[3] == "yes" for row in rows) and len(licenses) == len(set(licenses)) == issued and not defects
    click.echo(f"All as expected.\n\n{_next(outputs)}" if right else "NOT as expected; see the table.")
    return 0 if right else 1


def _next(outputs: Path) -> str:
    """What to look at, and what to do then."""
    here = os.path.relpath(Path(sysconfig.get_path("scripts"), "runbook"))
    runbook = "runbook" if shutil.which("runbook") else shlex.quote(here)
    look = f"RUNBOOK_OUTPUTS={shlex.quote(os.path.relpath(outputs))} {runbook} records show 1001"
    do = "Then do the same ticket yourself, in JupyterLab:\n  make lab"
    return f"Next, read the record of a ticket:\n  {look}\n{do}"


def _performed(outputs: Path, folder: Path) -> list[batch.Ending]:
    rows = [
        BatchRow(line, str(ticket.id), intake.AUTO if expected.is_routed else expected.runbook)
        for line, (ticket, expected) in enumerate(expected_ends().items())
    ]
    with ExitStack() as stack:
        python = str(stack.enter_context(warm.started(MODULES, PRELOADED)) or sys.executable)
        stack.enter_context(server.shared(folder, python=python))
        order = ticket_runs.BatchOrder("demo", perform=True)
        place = ticket_runs.Processes(order, python, _environment(outputs))
        pool = ThreadPoolExecutor(batch.usual_workers())
        stack.callback(pool.shutdown, cancel_futures=True)
        futures = [pool.submit(batch.run_at, place, row) for row in rows]
        for _ in tqdm(as_completed(futures), total=len(rows), unit="ticket", disable=None, leave=False):
            pass
        return [future.result() for future in futures]


def _environment(outputs: Path) -> dict[str, str]:
    """No setting of the reader's own; `.env` is not read where the profile sandbox is asked for by name."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("RUNBOOK_")}
    return {**kept, "RUNBOOK_PROFILE": "sandbox", "RUNBOOK_OUTPUTS": str(outputs)}


def _row(ticket: PracticeTicket, expected: Expected, ending: batch.Ending) -> tuple[str, str, str, str, str]:
    outcome, status = ending.report.get("outcome"), ending.report.get("status", Status.FAILED)
    came = run_ending_words(outcome, status)
    is_right = (outcome or status, ending.report.get("runbook")) == (expected.end, expected.runbook)
    return str(ticket.id), ticket.case, came, "yes" if is_right else "NO", clean(first_sentence(ending.summary), 600)


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

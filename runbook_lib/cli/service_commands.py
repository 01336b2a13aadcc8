"""The commands `doctor` and `mechanizer`: what is configured, checked; and the pipeline's job."""

from __future__ import annotations

import json
import sys

import click

from runbook_lib.cli import options, practice
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import RunbookError


@click.command
@options.as_json
def doctor(as_json: bool) -> int:
    """Check the configuration against the services, and say what to do; changes nothing."""
    from runbook_lib.settings import Settings

    local = Settings.local()
    if not as_json or sys.stderr.isatty():
        click.echo("Each service is asked; nothing is changed ...", err=True)
    from runbook_lib.cli import doctor as examination

    with practice.world(local):
        findings = examination.examine(Settings.load())
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        from runbook_lib.cli import tables

        rows = [(f.service, f.state, f.seen, f.advice or "–") for f in findings]
        heads = ("service", "state", "what was seen", "what to do")
        click.echo(tables.fitted(rows, heads))
    return exit_status.DONE if examination.healthy(findings) else exit_status.FAILED


@click.command
def mechanizer() -> int:
    """Issue a license: the pipeline's job. It reads LICENSE_* and RUNBOOK_* variables."""
    from runbook_lib import mechanizer as job
    from runbook_lib.job_settings import JobRequest, JobSettings

    try:
        click.echo(job.main(JobRequest.load(), JobSettings.load()))
    except RunbookError as exc:
        click.echo(f"mechanizer: {exc}", err=True)
        return exit_status.FAILED
    return exit_status.DONE

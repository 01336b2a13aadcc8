"""The command `runbook run`: one ticket through its runbook, or through the one that `auto` finds."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import click

from runbook_lib import files, templates
from runbook_lib.cli import completion, options
from runbook_lib.domain import exit_status
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean, has_secret

if TYPE_CHECKING:
    from runbook_lib.run.forks import KernelPool
    from runbook_lib.run.runner import Report


@click.command
@click.argument("runbook", metavar="RUNBOOK|auto", shell_complete=completion.runbooks)
@options.ticket
@click.option(
    "-p",
    "--parameter",
    "pairs",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    shell_complete=completion.parameters,
    help="An answer, such as -p expires_on 2026-11-06; may be repeated. The names are in the notebook's parameters.",
)
@click.option(
    "-f",
    "--parameters-file",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="A JSON object of answers, or - for standard input; unlike arguments, other users do not see it.",
)
@options.perform
@options.as_json
@click.option("--batch", default="", hidden=True)
def run(
    runbook: str,
    ticket: str,
    pairs: Sequence[tuple[str, str]],
    parameters_file: str | None,
    perform: bool,
    as_json: bool,
    batch: str,
) -> int:
    """Run a runbook on a ticket.

    Without --perform it rehearses: it reads everything, changes nothing and shows what it would do. Either way it
    leaves an executed notebook as the record. `auto` runs start_here, then the runbook that it names.
    """
    from runbook_lib.run import intake
    from runbook_lib.settings import Settings

    local = Settings.local()
    answers = _answers([*_from_file(parameters_file), *pairs])
    first, own = intake.first(local, runbook, answers)
    notebook = intake.template(local, first)
    intake.check(notebook, ticket, own, perform=perform)
    if not as_json or sys.stderr.isatty():
        click.echo(_beginning(runbook, ticket, local.profile, perform=perform), err=True)

    from runbook_lib.cli import practice
    from runbook_lib.run import forks

    number = 2 if runbook == intake.AUTO else 1
    with closing(forks.KernelPool(number, notebook)) as kernels, practice.world(local):
        run_one = _runner(ticket, perform=perform, batch=batch, kernels=kernels)
        report = run_one(first, given=own)
        while runbook == intake.AUTO and report.next_runbook:
            if not as_json:
                click.echo(f"{_line(report.summary)}\nRecord: {report.record}\n")
            own = intake.then(local, report.next_runbook, answers)
            report = run_one(report.next_runbook, given=own)
    taken = templates.defaults(intake.template(local, report.next_runbook)) if report.next_runbook else {}
    further = {name: value for name, value in answers.items() if name in taken}
    _show(report, own, further, local.profile, as_json=as_json)
    return exit_status.of_run(report.status)


def _runner(ticket: str, *, perform: bool, batch: str, kernels: KernelPool) -> Callable[..., Report]:
    """What runs a runbook on the ticket; the ticket is looked up while the first kernel starts."""
    from runbook_lib.run import ticket_check
    from runbook_lib.settings import Settings

    settings = Settings.load()
    if refused := ticket_check.refusal(settings, ticket):
        click.echo(f"{_line(refused)} The run records this and ends ...", err=True)
    from runbook_lib.run.runner import run

    return partial(run, ticket_id=ticket, perform=perform, settings=settings, batch=batch, kernel=kernels.take)


def _show(
    report: Report, answers: Mapping[str, str], further: Mapping[str, str], profile: str, *, as_json: bool
) -> None:
    if as_json:
        import json

        click.echo(json.dumps(report.contract(), indent=2))
    else:
        click.echo(_words(report, profile, answers, further))
    if report.notice:
        click.echo(f"runbook: {_line(report.notice)}", err=True)


def _beginning(runbook: str, ticket: str, profile: str, *, perform: bool) -> str:
    place = "LIVE" if profile == "live" else "practice"
    what = "its runbook" if runbook == "auto" else runbook
    how = f"performing {what}" if perform else f"rehearsing {what}; nothing is changed"
    return f"Ticket {_line(ticket)} ({place}): {how} ..."


def _line(words: str) -> str:
    return clean(words, 2000)


def _from_file(name: str | None) -> list[tuple[str, str]]:
    if name is None:
        return []
    import json

    try:
        found = json.loads(files.given(name), object_pairs_hook=tuple, parse_int=str, parse_float=str)
    except (OSError, ValueError, RecursionError) as exc:
        raise InputError(f"The parameters file {name} cannot be read; expected a JSON object of answers.") from exc
    if not isinstance(found, tuple):
        raise InputError(f"The parameters file {name} is no JSON object of answers.")
    for key, value in found:
        if value is None or isinstance(value, tuple):
            raise InputError(
                f"{_line(key)} is {'null' if value is None else 'an object'} in the parameters file {name}; expected "
                "a text, a number, true, false or a list. Leave out what has no answer."
            )
    words = {True: "yes", False: "no"}
    return [
        (key, value if isinstance(value, str) else words[value] if isinstance(value, bool) else json.dumps(value))
        for key, value in found
    ]


def _answers(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"{', '.join(sorted(twice))} is given twice; give each parameter once.")
    return dict(pairs)


def _command(runbook: str, ticket_id: int, answers: Mapping[str, str]) -> str:
    # A secret may stand in a file of answers, and is not printed
    words = [word for name, value in answers.items() for word in ("-p", name, "VALUE" if has_secret(value) else value)]
    return shlex.join(["runbook", "run", runbook, str(ticket_id), *words])


def _words(report: Report, profile: str, answers: Mapping[str, str], further: Mapping[str, str]) -> str:
    """A report for the terminal; `answers` are those that the run was given, `further` those for the next runbook."""
    from runbook_lib.cli import tables
    from runbook_lib.domain import parameters
    from runbook_lib.domain.models import Status
    from runbook_lib.domain.state_words import effect_words, run_ending_words, within_sentence

    place = "LIVE" if profile == "live" else "practice"
    mode = f"{place}, performed" if report.performed else f"{place}, rehearsal"
    end = run_ending_words(report.outcome, report.status, report.next_runbook, performed=report.performed)
    head = f"{report.runbook}, ticket {report.ticket_id} ({mode}): {within_sentence(end)}"
    lines = [head, clean(report.summary, 2000)]
    rows = [
        (effect_words(e["state"]), clean(e["summary"]), clean((e["evidence"] or {}).get("summary", "")))
        for e in report.effects
    ]
    if rows:
        lines += ["", tables.fitted(rows, ("effect", "what", "evidence")), ""]
    command = _command(report.runbook, report.ticket_id, answers)
    if report.missing:
        perform = " --perform" if report.performed else ""
        given = {name: value for name, value in answers.items() if name not in report.missing}
        again = _command(report.runbook, report.ticket_id, given)
        lines.append("To answer, one of these:")
        lines += [f"    {again} {parameters.arguments(one)}{perform}" for one in parameters.ways(report.missing)]
        lines.append(f"    runbook lab {report.ticket_id}   (in JupyterLab, beside what is found)")
    is_elsewhere = bool(report.next_runbook and report.outcome)  # another runbook's ticket: nothing to perform here
    is_planned = report.status == Status.COMPLETED and "planned" in {effect["state"] for effect in report.effects}
    if is_planned and not is_elsewhere:
        lines.append(f"To perform it: {command} --perform")
    if report.next_runbook:
        lines.append(f"To go on: {_command(report.next_runbook, report.ticket_id, further)}")
    lines.append(f"Record: {report.record} ({report.seconds} s)")
    return "\n".join(lines)

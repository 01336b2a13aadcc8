"""Completion in a shell: of commands and options, and of runbooks, parameters and tickets.

It opens no notebook but the one that parameters are completed of, and knows only what stands in folders' names: a
shell waits for it at each press of the Tab key.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from runbook_lib.domain.errors import RunbookError
from runbook_lib.variables import ROOT, Places

MOST_TICKETS = 50


def answer(commands: click.Command, variable: str, wanted: str) -> int | None:
    """Print what a shell asks for by a variable, and return the exit status; None if no shell asks so."""
    from click.shell_completion import get_completion_class  # commands need it only here

    shell, _, action = wanted.partition("_")
    kind = get_completion_class(shell)
    if kind is None or action not in ("source", "complete"):
        return None
    completer = kind(commands, {}, "runbook", variable)
    if action == "source":
        click.echo(completer.source())
        return 0
    completer.ctx_args["obj"] = completer.get_completion_args()[0]
    click.echo(completer.complete())
    return 0


def runbooks(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """The runbooks there are, and `auto`."""
    names = sorted(path.stem for path in _notebooks().glob("*.ipynb") if path.stem != "review_records")
    return [name for name in ("auto", *names) if name.startswith(begun)]


def parameters(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """The parameters of the runbook that is named before, which were not given yet; or the values that one takes."""
    words: list[str] = context.find_root().obj or []
    if len(words) > 1 and words[-2] in parameter.opts:
        from runbook_lib.domain.parameters import QUESTIONS

        values = QUESTIONS[words[-1]].choices if words[-1] in QUESTIONS else ()
        return [value for value in values if value.startswith(begun)]
    given = {words[at + 1] for at, word in enumerate(words[:-1]) if word in parameter.opts}
    names = _parameters(context.params.get("runbook") or next(iter(context.args), ""))
    return [name for name in names if name.startswith(begun) and name not in (*given, "ticket_id", "perform")]


def tickets(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """The tickets that have a folder here, the last ones first."""
    try:
        places = Places.read(strict=False)
        with os.scandir(places.outputs / places.profile) as entries:
            numbers = [entry.name for entry in entries if entry.name.isdecimal() and entry.name.startswith(begun)]
    except (OSError, RunbookError):  # what is wrong with a setting is not shown in a shell
        return []
    return sorted(numbers, key=int, reverse=True)[:MOST_TICKETS]


def _parameters(runbook: str) -> list[str]:
    """The parameters of a runbook; with `auto` those of any."""
    if runbook == "auto":
        from runbook_lib.domain.parameters import QUESTIONS

        return list(QUESTIONS)
    if not re.fullmatch(r"\w+", runbook):
        return []
    from runbook_lib import templates

    try:
        return list(templates.defaults(_notebooks() / f"{runbook}.ipynb"))
    except RunbookError:
        return []


def _notebooks() -> Path:
    try:
        return Places.read(strict=False).notebooks
    except RunbookError:
        return ROOT / "notebooks"

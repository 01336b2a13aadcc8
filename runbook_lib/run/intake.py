"""What a run is given, checked before anything of it starts: the runbook's name, the ticket's number, the parameters.

With `auto` the runbook `start_here` is first, then each that the one before names, with the answers that it takes.

Light to import, so that a mistake is reported at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from runbook_lib import templates
from runbook_lib.domain import parameters, routing
from runbook_lib.domain.errors import InputError
from runbook_lib.settings import Settings

AUTO = "auto"
REVIEW = "review_records"
"""The notebook about all tickets, which is no runbook of one."""


def runbooks(settings: Settings) -> list[str]:
    return sorted(path.stem for path in settings.notebooks.glob("*.ipynb") if path.stem != REVIEW)


def template(settings: Settings, runbook: str) -> Path:
    """The notebook of a runbook. Raises InputError if there is none of this name."""
    if runbook == REVIEW:
        raise InputError(
            f"{REVIEW} is about all tickets, so it is not run on one. Open it in JupyterLab, or run "
            f"`papermill {settings.notebooks / REVIEW}.ipynb report.ipynb`."
        )
    known = runbooks(settings)
    if runbook not in known:
        if not known:
            raise InputError(f"No notebooks are in {settings.notebooks}; set RUNBOOK_NOTEBOOKS to their folder.")
        raise InputError(f"There is no runbook {runbook!r}{_did_you_mean(runbook, known)} Known: {', '.join(known)}.")
    return settings.notebooks / f"{runbook}.ipynb"


def check(notebook: Path, ticket_id: object, given: Mapping[str, object], *, perform: bool) -> dict[str, Any]:
    """The parameters of a run, checked against the notebook's own parameters cell; file paths become absolute.

    Raises:
        InputError: A name is unknown to the notebook, a value is impossible, or a file cannot be used.
    """
    known = templates.defaults(notebook)
    for name in given:
        if name not in known:
            raise InputError(
                f"{notebook.stem} has no parameter {name!r}{_did_you_mean(name, known)} Known: {', '.join(known)}."
            )
        if name in ("ticket_id", "perform"):
            raise InputError(f"{name} is not passed with -p: give the ticket as argument, and --perform to perform.")
    values = {"ticket_id": ticket_id, "perform": perform, **given}
    checked = {name: parameters.QUESTIONS[name].kept(value) for name, value in values.items()}
    if isinstance(checked.get("screenshots"), list):
        paths = [Path(path) for path in cast(list[str], checked["screenshots"])]
        from runbook_lib import ocr  # only screenshots need it

        for path in paths:
            ocr.screenshot(path)
        checked["screenshots"] = [str(path.absolute()) for path in paths]  # the kernel may look from another folder
    return checked


def first(settings: Settings, runbook: str, given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The runbook that is run first, with the answers that it takes.

    Raises:
        InputError: With `auto`: no runbook has a parameter of that name, or a value is impossible.
    """
    if runbook != AUTO:
        return runbook, dict(given)
    known = templates.defaults(template(settings, routing.ROUTER))
    for name, value in given.items():
        if name not in known:
            parameters.parse(name, value)
    return routing.ROUTER, {name: value for name, value in given.items() if name in known}


def then(settings: Settings, runbook: str, given: Mapping[str, str]) -> dict[str, str]:
    """The answers for a runbook: without those that only another one on this ticket's way asks for.

    That is `start_here`, and the runbook that it may hand over to. Unknown names stay, so that `check` refuses them.

    Raises:
        InputError: There is no such runbook.
    """
    known = templates.defaults(template(settings, runbook))
    others = {routing.ROUTER, routing.NOT_RECEIVED, *(routing.ISSUING if runbook == routing.NOT_RECEIVED else ())}
    elsewhere = {name for other in others for name in templates.defaults(template(settings, other))}
    return {name: value for name, value in given.items() if name in known or name not in elsewhere}


def _did_you_mean(word: str, known: Mapping[str, object] | list[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else "."

"""The way on from one runbook to the next, for a person in JupyterLab: a copy with the ticket filled in."""

from __future__ import annotations

import os
from pathlib import Path

from runbook_lib import templates
from runbook_lib.cases.base import Case
from runbook_lib.display import Link, Paragraph, Part
from runbook_lib.domain import answers
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean
from runbook_lib.results import is_interactive


def open_it(case: Case, runbook: str) -> tuple[Part, ...]:
    """In JupyterLab a link to a copy of the runbook with this ticket filled in; nothing elsewhere."""
    if not is_interactive():
        return ()
    try:
        copy = copy_of(case, runbook)
    except (OSError, InputError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else str(exc).rstrip(".")
        return (Paragraph(f"No copy can be made ({why}): open {runbook}.ipynb, and set ticket_id there."),)
    address = os.path.relpath(copy.path, Path.cwd()).replace(os.sep, "/")
    link = Link(f"Open {runbook} with ticket {case.ticket.id}", address)
    return (link, Paragraph(words)) if (words := _of_before(copy)) else (link,)


def copy_of(case: Case, runbook: str) -> templates.Copy:
    """A copy of a runbook with a case's ticket, and what was answered there, filled in.

    Raises:
        InputError: The runbook cannot be read.
        OSError: The copy cannot be written.
    """
    day = case.settings.today
    place = f"practice-{day}" if day else "live"
    template = case.settings.notebooks / f"{runbook}.ipynb"
    values = {"ticket_id": case.ticket.id, **case.steps.given}
    return templates.copy(template, f"{case.ticket.id}-{runbook}-{place}.ipynb", values)


def _of_before(copy: templates.Copy) -> str:
    """What to know of a copy that was there already."""
    lacks = [
        f"{answers.label_of(name)}: {clean(value)}" for name, value in copy.lacks.items() if value != answers.UNKNOWN
    ]
    if lacks:
        words = "Somebody has worked in this copy, so it was left as it is. It does not have"
        return f"{words}: {', '.join(lacks)}. Enter it there."
    if copy.was_renewed:
        return "It has your answers now. If it is open already: File > Reload Notebook from Disk."
    return ""

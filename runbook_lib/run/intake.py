"""What a run is given, checked before anything of it starts: the runbook's name, the ticket's number, the parameters.

Light to import, so that a mistake is reported at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from runbook_lib import templates
from runbook_lib.domain import answers, image_types
from runbook_lib.domain.errors import InputError
from runbook_lib.settings import Settings

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
    checked = {name: answers.QUESTIONS[name].kept(value) for name, value in values.items()}
    if isinstance(checked.get("screenshots"), list):
        checked["screenshots"] = [_image(Path(path)) for path in cast(list[str], checked["screenshots"])]
    return checked


def _image(path: Path) -> str:
    """The absolute path of an image file: the kernel may look from another folder."""
    try:
        with path.open("rb") as file:
            start = file.read(image_types.START_BYTES)
    except OSError as exc:
        raise InputError(f"The screenshot {path} cannot be read: {exc.strerror}. Check the path.") from exc
    if image_types.media_type(start) is None:
        what = image_types.advice(start) or f"no {image_types.ACCEPTED} image. Give the image file itself"
        raise InputError(f"The screenshot {path} is {what}.")
    return str(path.absolute())


def _did_you_mean(word: str, known: Mapping[str, object] | list[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else "."

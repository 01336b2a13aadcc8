"""What a cell shows: a card for people and plain data for programs, and whether a person is there to see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import IPython
from IPython.display import Pretty, clear_output, display

from runbook_lib.card_html import html
from runbook_lib.display import PROGRESS, STEP_MIME, Card, text
from runbook_lib.domain.plain_text import clean
from runbook_lib.form_words import labelled


@dataclass(frozen=True)
class StepResult:
    """What a step shows: a card for people, plain data for programs."""

    card: Card
    data: Mapping[str, Any]  # the same for a program
    asks: tuple[str, ...] = ()  # the parameters that a person could add here, for a form

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": html(labelled(self.card)), "text/plain": text(self.card), STEP_MIME: dict(self.data)}

    def __repr__(self) -> str:
        return text(self.card)


class ProgressLine:
    """One line that changes while a step waits; its last words stay in the record."""

    _shown = ""

    def say(self, words: str) -> None:
        """Replace the line, if it is new. Nothing else may have been shown by the cell before."""
        if words != self._shown:
            clear_output(wait=True)  # type: ignore[no-untyped-call]
            display(Pretty(clean(words)), metadata={PROGRESS: True})  # type: ignore[no-untyped-call]
        self._shown = words


def show(result: StepResult) -> None:
    display(result)  # type: ignore[no-untyped-call]


def is_interactive() -> bool:
    """Whether a person runs the cells: then the kernel may ask for input, under papermill it may not.

    Source: measured with JupyterLab, papermill, nbclient and nbval.
    """
    kernel = getattr(IPython.get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))

"""What a cell shows: a card for people and plain data for programs, and whether a person is there to see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from IPython import get_ipython
from IPython.display import display

from runbook_lib.display import MIME, Card, html, text


@dataclass(frozen=True)
class StepResult:
    """What a step shows: a card for people, plain data for programs.

    Attributes:
        card: The card.
        data: The same for a program.
        asks: The parameters that a person could add here, for a form.
    """

    card: Card
    data: Mapping[str, Any]
    asks: tuple[str, ...] = ()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": html(self.card), "text/plain": text(self.card), MIME: dict(self.data)}

    def __repr__(self) -> str:
        return text(self.card)


def show(result: StepResult) -> None:
    """Show a result before the end of its cell."""
    display(result)  # type: ignore[no-untyped-call]


def somebody_is_there() -> bool:
    """Whether a person runs the cells: then the kernel may ask for input, under papermill it may not.

    Source: measured with JupyterLab, papermill, nbclient and nbval.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))

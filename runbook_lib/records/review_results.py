"""What the steps of a review return: their cards and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from runbook_lib.display import Card, Paragraph, Part, Tone
from runbook_lib.domain.errors import RunbookError
from runbook_lib.domain.plain_text import clean
from runbook_lib.jupyter.forms import Form
from runbook_lib.records import plots
from runbook_lib.results import StepResult
from runbook_lib.run.intake import REVIEW

MOST_ROWS = 200
"""As many rows as a table shows; the rest is counted."""


@dataclass(frozen=True)
class FormResult(StepResult):
    """A result that is a form in JupyterLab, and a card elsewhere."""

    form: Form = field(kw_only=True)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {**self.form.view, **super()._repr_mimebundle_()}


@dataclass(frozen=True)
class Picture:
    png: bytes
    words: str

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image/png": self.png, "text/plain": self.words}, {"image/png": {"width": plots.WIDTH_PX}}

    def __repr__(self) -> str:
        return self.words


def data(state: str, summary: str) -> dict[str, Any]:
    """What each result gives to a program, as a case's steps do."""
    about = {"version": 1, "runbook": REVIEW, "ticket_id": None, "performed": False, "outcome": None, "effects": []}
    return {**about, "state": state, "summary": summary}


def stopped(title: str, badge: str, exc: RunbookError) -> StepResult:
    card = Card(title, "stopped", Tone.STOP, badge, (Paragraph(str(exc), strong=True),))
    return StepResult(card, {**data("failed", str(exc)), "step": title, "error": type(exc).__name__})


def rest(everything: Sequence[object]) -> tuple[Part, ...]:
    """A word on the rows that a table has no place for."""
    more = len(everything) - MOST_ROWS
    words = "more are left out here. Shorten the period, or use `runbook records list` or `export`."
    return (Paragraph(f"{more} {words}"),) if more > 0 else ()


def harmless(value: Any) -> Any:
    """Plain data that any JSON takes: texts without half characters, dates as text."""
    if isinstance(value, str):
        return clean(value, 2000)
    if isinstance(value, Mapping):
        return {name: harmless(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value

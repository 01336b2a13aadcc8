"""Asks a person whether something is there that the runbook could not do, or does not know the end of.

One row for each operation, with two buttons. The rows are widgets: they stand in every page as long as the question is
open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import htpy as h
import ipywidgets

from runbook_lib import form_words
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import Target
from runbook_lib.jupyter.widgets import close, new

_TEXT = "white-space:normal;line-height:1.5"
_BUTTON = {"width": "auto"}


@dataclass(frozen=True)
class Question:
    """One operation to be answered for."""

    operation_id: str
    name: str  # what kind of change, in words
    happened: str  # what is known of it, and where to look; or ""
    target: Target


class AnswerButtons:
    """The questions that are open.

    Args:
        on_answer: Called with the question and whether it is there.
    """

    def __init__(self, on_answer: Callable[[Question, bool], None]) -> None:
        self._on_answer = on_answer
        self._rows: dict[Question, Any] = {}
        self._note = new(ipywidgets.HTML)
        self.box = new(ipywidgets.VBox)

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple(self._rows)

    def renew(self, questions: Sequence[Question]) -> None:
        """Ask these from now on; the row of one that was there before stays."""
        former = self._rows
        self._rows = {one: former.pop(one, None) or self._row(one) for one in questions}
        self.box.children = (*self._rows.values(), self._note)
        close(*former.values())

    def say(self, words: str) -> None:
        self._note.value = str(h.div(style=f"{_TEXT};padding:2px 0px")[clean(form_words.words(words), 500)])

    def _row(self, question: Question) -> Any:
        target, name = question.target, clean(f"{question.name[:1].upper()}{question.name[1:]}", 100)
        link = h.a(href=target.url, target="_blank", rel="noopener")[clean(target.label, 100)] if target.url else None
        happened = clean(form_words.words(question.happened), 600)
        words = h.div(style=_TEXT)[h.b[f"{name}: is it there?"], " ", happened, *((" ", link) if link else ())]
        buttons = []
        for label, is_there in (("It is there", True), ("It is not there", False)):
            button = new(ipywidgets.Button, description=label, layout=_BUTTON, tooltip=f"{name}: {label.lower()}")
            button.on_click(lambda _, is_there=is_there: self._on_answer(question, is_there))
            buttons.append(button)
        children = [new(ipywidgets.HTML, value=str(words)), new(ipywidgets.HBox, children=buttons)]
        return new(ipywidgets.VBox, children=children, layout={"margin": "4px 0"})

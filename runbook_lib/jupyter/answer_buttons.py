"""Asks a person whether something is there that the runbook could not do, or does not know the end of.

One row for each operation, with two buttons. The rows are widgets: they stand in every page as long as the question is
open. What was answered stands there with the other button, for a wrong click, until a run goes on from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import htpy as h
import ipywidgets

from runbook_lib import form_words
from runbook_lib.card_html import linked
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import Target
from runbook_lib.jupyter.button import LABEL
from runbook_lib.jupyter.widgets import LINK, close, new

_BUTTON, _WRAP, _ROW = {"width": "auto"}, {"flex_flow": "row wrap", "align_items": "center"}, {"margin": "4px 0"}
_LABELS = {True: "It is there", False: "It is not there"}


@dataclass(frozen=True)
class OperationQuestion:
    """One operation to be answered for."""

    operation_id: str
    name: str  # what kind of change, in words
    happened: str  # what is known of it, and where to look; or ""
    target: Target
    is_absent: bool = False  # whether it is known not to be there: a person may do it by hand
    said: bool | None = None  # what was answered, and may be changed

    @property
    def offered(self) -> tuple[bool, ...]:
        """The answers that there are buttons for, by whether it is there."""
        if self.said is not None:
            return (not self.said,)
        return (True,) if self.is_absent else (True, False)


class AnswerButtons:
    """The questions that are open.

    Args:
        on_answer: Called with the question and whether it is there.
    """

    def __init__(self, on_answer: Callable[[OperationQuestion, bool], None]) -> None:
        self._on_answer = on_answer
        self._rows: dict[OperationQuestion, Any] = {}
        self.box = new(ipywidgets.VBox)

    @property
    def questions(self) -> tuple[OperationQuestion, ...]:
        """Those without an answer."""
        return tuple(one for one in self._rows if one.said is None)

    def renew(self, questions: Sequence[OperationQuestion]) -> None:
        """Ask these from now on; the row of one that was there before stays."""
        former = self._rows
        self._rows = {one: former.pop(one, None) or self._row(one) for one in questions}
        self.box.children = tuple(self._rows.values())
        close(*former.values())

    def say(self, question: OperationQuestion, words: str) -> None:
        """Say beside the buttons of a question why its answer was not taken."""
        if row := self._rows.get(question):
            row.children[1].children[-1].value = _html(words)

    def _row(self, question: OperationQuestion) -> Any:
        name = clean(f"{question.name[:1].upper()}{question.name[1:]}", 100)
        buttons = []
        for is_there in question.offered:
            label = _LABELS[is_there]
            button = new(ipywidgets.Button, description=label, layout=_BUTTON, tooltip=f"{name}: {label.lower()}")
            button.on_click(lambda _, is_there=is_there: self._on_answer(question, is_there))
            buttons.append(button)
        words = _html(*_words(question, name))
        line = new(ipywidgets.HBox, children=[*buttons, new(ipywidgets.HTML)], layout=_WRAP)
        return new(ipywidgets.VBox, children=[new(ipywidgets.HTML, value=words), line], layout=_ROW)


def _words(question: OperationQuestion, name: str) -> list[h.Node]:
    look = linked(question.target.label, question.target.url, style=LINK)
    if question.said is not None:
        return [f"{name}: you said that {_LABELS[question.said].lower()}. If that was wrong, change it: "]
    if question.is_absent:
        again = f" Press “{LABEL}” to try again; or do it by hand, then say so." if question.happened else ""
        return [h.b[f"{name}: not done."], f"{again} Where: ", look]
    return [h.b[f"{name}: is it there?"], f" {question.happened} Look: ", look]


def _html(*content: h.Node) -> str:
    said = (clean(form_words.words(one), 600) if isinstance(one, str) else one for one in content)
    return str(h.div(style="white-space:normal;line-height:1.5;padding:2px 0px")[*said])

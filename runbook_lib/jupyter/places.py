"""Where the steps of a case are shown: each with its card, its form, and whatever else is put below it.

All of it is kept by widgets: every page shows them as they are, also one that was loaded anew, and a second one. What a
cell itself shows is the card as it was at first; `runbook lab` saves the last one, for reading without the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
from IPython.display import display

from runbook_lib.display import Part, Tone
from runbook_lib.jupyter.forms import ASKS, WIDGET_MIME, Form
from runbook_lib.jupyter.widgets import close, new, outputs_of, shared
from runbook_lib.results import StepResult

SETTLED = "runbook-settled"
"""The class of a step that nothing waits for, and that has not stopped: `runbook lab` folds its rule and its code."""
SHORT = "runbook-short"
"""The class of such a step that asks nothing, either: `runbook lab` shows it as one line below its heading."""


class Place:
    """Where one step is shown.

    Args:
        form: Asks what the step needs.
        fold: The button that opens what may also be changed.
        on_toggle: Called when the answers of this step are opened or closed.
        is_short: Whether its card may become one line, once it asks nothing.

    Attributes:
        is_next: Whether the reader goes on here.
    """

    def __init__(self, form: Form, fold: Any, on_toggle: Callable[[bool], None], *, is_short: bool = True) -> None:
        self.card: StepResult | None = None  # what its card says now
        self.parts: tuple[Part, ...] = ()  # its parts when the step ran last
        self.asks: tuple[str, ...] = ()  # what its form asks
        self.is_needed = False  # whether nothing below goes on without that
        self.form, self.fold = form, fold
        self._on_toggle, self._is_short, self._is_folding, self.is_next = on_toggle, is_short, False, False
        self.fold.observe(self._toggled, names="value")
        self._output = new(ipywidgets.Output)
        self.box = new(ipywidgets.VBox, children=[self._output])

    def display(self) -> None:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        display({**self._output.outputs[0]["data"], WIDGET_MIME: view}, raw=True)  # type: ignore[no-untyped-call]

    def show(self, card: StepResult, below: Sequence[Any] | None = None) -> None:
        """Show this card, and below it these widgets, if they are others than before."""
        self.card = card
        is_settled = not self.is_needed and card.card.tone is not Tone.STOP
        self._mark(SETTLED, is_settled)
        self._mark(SHORT, self._is_short and is_settled and not self.asks)
        if (outputs := outputs_of(card._repr_mimebundle_())) != self._output.outputs:
            self._output.outputs = outputs
        if below is not None and (children := (self._output, *below)) != self.box.children:
            self.box.children = children

    def point(self, *, is_next: bool) -> None:
        """Say whether the reader goes on here; if not, there is a *Continue* only once something was answered."""
        self.is_next = is_next
        (self.form.box.add_class if self.is_needed else self.form.box.remove_class)(ASKS)
        has_answer = any(self.form.rows[one].is_answered for one in self.asks if one in self.form.rows)
        is_shown = is_next or not self.asks or self.fold.value or has_answer
        self.form.continue_button.layout = shared(ipywidgets.Layout, ("display", "" if is_shown else "none"))

    def close_answers(self) -> None:
        """Fold the answers that were opened, without calling `on_toggle`."""
        self._is_folding = True
        self.fold.value = False
        self._is_folding = False

    def retire(self) -> None:
        """Take away what can be pressed; the card stays to be read."""
        self.box.children = (self._output,)
        self.form.close()
        close(self.fold)

    def close(self) -> None:
        self.retire()
        close(self.box)

    def _toggled(self, change: Mapping[str, bool]) -> None:
        self.point(is_next=self.is_next)
        if not self._is_folding:
            self._on_toggle(change["new"])

    def _mark(self, name: str, is_so: bool) -> None:
        (self.box.add_class if is_so else self.box.remove_class)(name)

"""A button that works beside the kernel's own work, with what it does above it and what came of it below."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ipywidgets

from runbook_lib.jupyter.widgets import close, look_at, new, outputs_of

Work = Callable[[], Iterator[Mapping[str, Any]]]
"""Yields what to show, one after the other."""
LABEL, DONE = "Perform and record", "Done, nothing left to do"
"""What it says, and what it says when nothing is left to do and the case waits for no one."""
RESULT = "runbook-result"
"""The class of what came of a press."""


class Button:
    """A button below a description of what it does; one press at a time. Below it stands what comes of a press.

    All of it is kept by widgets, which every page shows as they are: a card in a cell's output stays what it was in a
    page that was loaded anew, or in a second one. There is no button before `renew`.

    Args:
        too_late: What a press comes to that was made before `renew`, and arrives after it.
        below: Widgets that stand below what came of a press.

    Attributes:
        done: What it says where nothing is left to do, so that it cannot be pressed; or "".
        worker: Does what was pressed last; None before the first press.
    """

    def __init__(self, *, too_late: Work, below: Sequence[Any] = ()) -> None:
        self._too_late, self._below = too_late, tuple(below)
        self._guard, self._is_busy, self.done, self._is_closed = threading.Lock(), False, "", False
        self.worker: threading.Thread | None = None
        self._press: Work = too_late
        self._former: list[Any] = []
        self.button, self.description = new(ipywidgets.Button), new(ipywidgets.Output)  # in no box yet
        self.output, self.details = new(ipywidgets.Output), new(ipywidgets.Output)
        self.output.add_class(RESULT)
        self.box = new(ipywidgets.VBox, children=[self.output, *below])

    def renew(self, description: Mapping[str, Any], details: Mapping[str, Any], press: Work) -> None:
        """Another button takes the place of this one, below what it does.

        Args:
            description: What a press of this very button does, to be read above it.
            details: More of that, to be read below what came of a press.
            press: Does it: yields what to show, one after the other. It runs beside the kernel's own work.
        """
        with self._guard:
            if self._is_closed:
                return
            self._former.append(self.button)
            self._press, previous, self.done = press, (self.description, self.details), ""
            self.description = new(ipywidgets.Output, outputs=outputs_of(description))
            self.details = new(ipywidgets.Output, outputs=outputs_of(details))
            self.button = new(ipywidgets.Button, layout={"width": "auto", "align_self": "flex-start"})
            self._look()
            self.button.on_click(self._clicked)
            self.box.children = (self.description, self.button, self.output, *self._below, self.details)
            close(*previous)

    def describe(self, description: Mapping[str, Any]) -> None:
        if (outputs := outputs_of(description)) != self.description.outputs:
            self.description.outputs = outputs

    def finish(self, done: str) -> None:
        with self._guard:
            self.done = done
            self._look()

    def follow(self, work: Work) -> None:
        """Show what something yields, as if it came of a press; does nothing while the button is at work."""
        with self._guard:
            self._begin(work)

    def show(self, bundle: Mapping[str, Any]) -> None:
        self.output.outputs = outputs_of(bundle)

    def close(self) -> None:
        """Take the button away; what it has begun goes on."""
        with self._guard:
            self._is_closed = True
        close(self.box, *self._former, self.button, self.description, self.details)

    def _clicked(self, button: object) -> None:
        with self._guard:
            self._begin(self._press if button is self.button else self._too_late, is_pressed=True)

    def _begin(self, work: Work, *, is_pressed: bool = False) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        self._look()
        self.worker = threading.Thread(target=self._work, args=(work, is_pressed), daemon=True)
        self.worker.start()

    def _work(self, work: Work, is_pressed: bool) -> None:
        try:
            for bundle in work():
                self.show(bundle)
            if is_pressed and not self._is_closed:
                look_at(self.output)
        finally:
            with self._guard:
                self._is_busy = False
                self._look()

    def _look(self) -> None:
        """Let the button look as it is now."""
        self.button.disabled = self._is_busy or bool(self.done)
        self.button.description = self.done or LABEL
        self.button.button_style = "" if self.done else "primary"

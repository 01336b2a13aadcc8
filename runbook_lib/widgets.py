"""The forms that ask. A form shows fields and keeps what was entered; it knows nothing of records or cases.

A choice is typed or taken from a list, since JupyterLab takes the arrow keys and the letters away from drop-down menus
for its own shortcuts. So it may be a word that is no choice, as any text may be wrong: who reads the form checks it.

What is entered is read by whoever runs the next cell. All values are plain text, dates as YYYY-MM-DD, and "" is an
empty field. Showing a form again shows the same fields, with what was entered in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

import ipywidgets

ALL = "all"
_STYLE = {"description_width": "96px"}


class Kind(Enum):
    """How a field is filled in."""

    DAY = "day"
    CHOICE = "choice"
    TEXT = "text"


@dataclass(frozen=True)
class Field:
    """One field of a form.

    Attributes:
        name: By which its value is read.
        label: What the reader sees beside it.
        kind: How it is filled in.
        choices: What is offered; only for a choice.
    """

    name: str
    label: str
    kind: Kind
    choices: Sequence[str] = ()


class Form:
    """Fields under each other, and below them a line that follows what is entered.

    Args:
        fields: What is asked.
        values: What is filled in at first.
        say: Puts what is entered into words.
    """

    def __init__(
        self, fields: Sequence[Field], values: Mapping[str, str], say: Callable[[Mapping[str, str]], str]
    ) -> None:
        self.widgets = {field.name: _widget(field, values.get(field.name, "")) for field in fields}
        self.said = ipywidgets.Label()
        self._say = say
        for widget in self.widgets.values():
            widget.observe(self._changed, names="value")
        self._box = ipywidgets.VBox([*self.widgets.values(), self.said])
        self._changed()

    @property
    def values(self) -> dict[str, str]:
        """What is entered now, by name."""
        return {name: _plain(widget.value) for name, widget in self.widgets.items()}

    @property
    def view(self) -> dict[str, Any]:
        """What shows the form in a cell's output; it can be shown in several."""
        return dict(self._box._repr_mimebundle_())

    def close(self) -> None:
        """Take the form away, with all that listens to it."""
        for widget in (*self.widgets.values(), self.said, self._box):
            widget.unobserve_all()
            widget.close()

    def _changed(self, change: object = None) -> None:
        self.said.value = self._say(self.values)


def _widget(field: Field, value: str) -> Any:
    shown = {"description": field.label, "style": _STYLE, "layout": ipywidgets.Layout(width="380px")}
    match field.kind:
        case Kind.DAY:
            return ipywidgets.DatePicker(value=date.fromisoformat(value) if value else None, **shown)
        case Kind.CHOICE:
            return ipywidgets.Combobox(options=tuple(field.choices), value=value, placeholder=ALL, **shown)
        case Kind.TEXT:
            return ipywidgets.Text(value=value, placeholder=ALL, **shown)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value or "")

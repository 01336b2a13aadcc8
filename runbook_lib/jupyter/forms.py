"""The forms that ask.

A choice is typed or taken from a list, since JupyterLab takes the arrow keys and the letters away from drop-down menus
for its own shortcuts; dates are typed as YYYY-MM-DD, the same everywhere. So anything may be wrong: a field says in
words, while it is typed, what it makes of it. All values are plain text, and "" is an empty field.

What is entered is read when the next cell runs, or at a press of *Continue*. Answers that were given stand in one
line, with a button that opens them again. Showing a form again shows the same fields, with what was entered in them.
Words that came from elsewhere are cleaned, and escaped by htpy.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import htpy as h
import ipywidgets
from markupsafe import Markup

from runbook_lib.cases import spoken
from runbook_lib.cases.pictures import Picture, Suggestion
from runbook_lib.domain import answers
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean
from runbook_lib.jupyter.page import close

MIME = "application/vnd.jupyter.widget-view+json"
_STYLE = {"description_width": "170px"}
_INPUT = {"width": "370px", "max_width": "98%", "min_width": "0"}
_WRAP = {"flex_flow": "row wrap", "align_items": "center", "max_width": "100%"}
_LEFT = {"align_items": "flex-start"}
_LINES = "white-space:normal;line-height:1.4"
ASKS = "runbook-asks"
"""The class of a form that the case waits for; `runbook lab` scrolls to it."""
_FOLD, _FOLDED, _ZOOM = "runbook-fold", "runbook-folded", "runbook-zoom"
_FOLDING = (
    f"<style>.{_FOLD}:not(.mod-active) + .{_FOLDED} {{ display: none; }}"
    f".{_ZOOM}:not([open]) img {{ max-width: 330px !important; }} .{_ZOOM} summary {{ cursor: zoom-in; }}</style>"
)
"""What is folded follows its button in the page itself: a kernel that runs a cell hears of a press only afterwards.

Source: ipykernel 7.4, `comm.comm.BaseComm._reply_subshell_for`: whatever subshell a page names, a message goes to the
thread that sent to this widget last, and that is the main one for each widget that a cell has just made.
"""


class Kind(Enum):
    """How a field is filled in."""

    CHOICE = "choice"
    TEXT = "text"
    FILES = "files"


@dataclass(frozen=True)
class Field:
    """One field of a form.

    Attributes:
        name: By which its value is read.
        label: What the reader sees beside it.
        kind: How it is filled in.
        choices: What is offered; only for a choice.
        found: What stands in it at first, or "".
        source: Who says so, or "".
        hint: What is shown in an empty field.
        check: Says in words what a value means; raises InputError for an impossible one. Never called with "".
        suggestions: What may be confirmed.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    choices: Sequence[str] = ()
    found: str = ""
    source: str = ""
    hint: str = ""
    check: Callable[[str], str] = field(default=lambda text: "", compare=False)
    suggestions: tuple[Suggestion, ...] = ()


Change = Callable[[str, str], None]
"""Called with a field's name and what was entered."""
Keep = Callable[[str, bytes], str]
"""Keeps an uploaded file, given its name and content; returns its path, or raises InputError."""


class Form:
    """Fields under each other.

    Args:
        fields: What is asked.
        folded: What may also be changed; behind `fold`, which has what was entered beside it.
        fold: The button that opens them. It is not the form's own: a press of it may be on its way from the page while
            another form takes the place of this one.
        pictures: What the values may be read off.
        notes: What else is to be known, a line each.
        entered: What was entered before, by name.
        on_change: Told of everything that is entered.
        confirmed: The fields whose suggestions were confirmed before.
        on_confirm: Told the name of a field whose suggestion was confirmed, after `on_change`.
        on_continue: Called when the answers are to be taken; without it there is no button for that.
        keep: Keeps uploaded files.
        summarize: Puts all values into words below the fields.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        *,
        folded: Sequence[Field] = (),
        fold: ipywidgets.ToggleButton | None = None,
        pictures: Sequence[Picture] = (),
        notes: Sequence[str] = (),
        entered: Mapping[str, str] | None = None,
        confirmed: Collection[str] = (),
        on_change: Change | None = None,
        on_confirm: Callable[[str], None] | None = None,
        on_continue: Callable[[], None] | None = None,
        keep: Keep | None = None,
        summarize: Callable[[Mapping[str, str]], str] | None = None,
    ) -> None:
        self.notes, self._foldable = tuple(notes), tuple(one.name for one in folded)
        self._on_change, self._summarize = on_change, summarize
        before, confirm = entered or {}, on_confirm or (lambda name: None)
        self.rows = {
            one.name: Row(
                one,
                before.get(one.name),
                self._changed,
                is_confirmed=one.name in confirmed,
                on_confirm=confirm,
                keep=keep,
            )
            for one in (*fields, *folded)
        }
        self.summary = ipywidgets.Label()
        self._line, self._message = ipywidgets.HTML(), ipywidgets.HTML()
        self.continue_button = ipywidgets.Button(description="Continue", button_style="primary")
        self.continue_button.on_click(lambda _: on_continue() if on_continue else None)
        going_on = [self.continue_button, self._message] if on_continue else []
        boxes = [self.rows[one.name].box for one in folded]
        self._folded = ipywidgets.VBox(boxes if fields else [*boxes, *going_on], layout={"width": "100%"})
        self._folded.add_class(_FOLDED)
        self._style = ipywidgets.HTML(_FOLDING, layout={"display": "none"})
        self._above = _above(pictures, notes)
        shown = [self._style, *self._above, *(self.rows[one.name].box for one in fields)]
        shown += going_on if fields else []
        shown += [self.summary] if summarize else []
        self._answers = ipywidgets.HBox([self._line, fold, self._folded] if fold and folded else [], layout=_WRAP)
        self.box = ipywidgets.VBox([*shown, self._answers], layout=_LEFT)
        self._refresh()

    @property
    def values(self) -> dict[str, str]:
        """What stands in every field now, by name."""
        return {name: row.text for name, row in self.rows.items()}

    @property
    def view(self) -> dict[str, Any]:
        """What shows the form in a cell's output; it can be shown in several."""
        return dict(self.box._repr_mimebundle_())

    def enter(self, name: str, text: str) -> None:
        """Put a text into a field, if the form has it."""
        if name in self.rows:
            self.rows[name].input.value = text

    def offer(self, notes: Sequence[str], suggestions: Mapping[str, Sequence[Suggestion]]) -> None:
        """Show what was read off the pictures meanwhile; the fields stay, with who types in one of them."""
        self.notes = tuple(notes)
        self._above[-1].value = _lines(notes)
        for name, row in self.rows.items():
            row.offer(suggestions.get(name, ()))

    def move(self) -> None:
        """Let what is typed from now on be handled by the thread that calls this.

        Source: ipykernel 7.4, `comm.comm.BaseComm.publish_msg`: messages go to the thread that sent the last one.
        """
        for row in self.rows.values():
            row.input.send_state("disabled")

    @property
    def answered(self) -> str:
        """The answers that were given, in one line; "" where there are none."""
        rows = [self.rows[name] for name in self._foldable if self.rows[name].is_answered]
        words = " · ".join(f"{row.label}: {row.text}" for row in rows)
        return f"{words} (your answer{'s' if len(rows) > 1 else ''})" if rows else ""

    @property
    def problems(self) -> tuple[str, ...]:
        """The labels of the fields that hold something impossible."""
        return tuple(row.label for row in self.rows.values() if row.message.startswith("✗"))

    def tell(self, words: str) -> None:
        """Say something beside the button that takes the answers."""
        self._message.value = str(h.div(style=_LINES)[clean(spoken.words(words), 500)])

    def close(self) -> None:
        """Take the form away, with all that listens to it."""
        for row in self.rows.values():
            row.close()
        pictures = [picture for widget in self._above for picture in getattr(widget, "children", ())]
        own = (self.summary, self._line, self._message, self.continue_button, self._style, self._folded, self._answers)
        close(*pictures, *self._above, *own, self.box)

    def _changed(self, name: str, text: str) -> None:
        self._refresh()
        if self._on_change is not None:
            self._on_change(name, text)

    def _refresh(self) -> None:
        self._line.value = str(h.div(style=f"{_LINES};padding:4px 8px 4px 0px")[h.bdi[clean(self.answered, 500)]])
        if self._summarize is not None:
            self.summary.value = self._summarize(self.values)


class Row:
    """One field: its input, whatever helps to fill it in, and a line that says what is in it."""

    def __init__(
        self,
        field: Field,
        entered: str | None,
        on_change: Change,
        *,
        is_confirmed: bool,
        on_confirm: Callable[[str], None],
        keep: Keep | None,
    ) -> None:
        self._field, self._on_change, self._on_confirm, self._keep = field, on_change, on_confirm, keep
        self._is_confirmed = is_confirmed
        self.widgets: list[Any] = []
        self.confirm_buttons: list[Any] = []
        self.input = self._own(_input(field, field.found if entered is None else entered))
        self.message = ""
        self.note = self._own(ipywidgets.HTML(layout={"max_width": "100%"}))
        self.input.observe(self._entered, names="value")
        line = [self.input, self.note]
        if field.kind is Kind.FILES:
            line.insert(1, self._uploads())
        line_box = self._own(ipywidgets.HBox(line, layout=_WRAP))
        self.box = self._own(ipywidgets.VBox([line_box], layout={"margin": "2px 0", "max_width": "100%"}))
        self.offer(field.suggestions)

    @property
    def text(self) -> str:
        """What stands in the field."""
        return str(self.input.value).strip()

    @property
    def label(self) -> str:
        """What the reader sees beside the field."""
        return self._field.label

    @property
    def is_answered(self) -> bool:
        """Whether the field's text was entered by a person."""
        return self.text not in ("", self._field.found)

    def close(self) -> None:
        """Take it away."""
        close(*self.widgets)

    def offer(self, suggestions: Sequence[Suggestion]) -> None:
        """Show what may be confirmed, below the field."""
        self._field = replace(self._field, suggestions=tuple(suggestions))
        self.confirm_buttons.clear()
        self.box.children = (self.box.children[0], *map(self._suggestion, suggestions))
        self._refresh()

    def _own(self, widget: Any) -> Any:
        self.widgets.append(widget)
        return widget

    def _entered(self, change: object) -> None:
        self._is_confirmed = False
        self._refresh()
        self._on_change(self._field.name, self.text)

    def _refresh(self) -> None:
        self._show_message(_note(self._field, self.text))
        for one, button in zip(self._field.suggestions, self.confirm_buttons, strict=True):
            is_this = self._is_confirmed and self.text == one.value
            button.description = f"{'✓ confirmed' if is_this else 'Confirm'} {clean(one.value, 40)}"
            button.button_style = "success" if is_this else ""

    def _show_message(self, words: str) -> None:
        """Say something beside the field; a long sentence is broken over lines, not cut."""
        self.message = clean(spoken.words(words))
        self.note.value = str(h.div(style=f"{_LINES};padding:4px 0px")[self.message])

    def _uploads(self) -> Any:
        button = self._own(
            ipywidgets.FileUpload(
                accept="image/png,image/jpeg,image/gif,image/webp",
                multiple=True,
                description="Choose files",
                layout={"width": "auto"},
            )
        )
        button.observe(lambda change: self.upload(change["new"]), names="value")
        return button

    def upload(self, uploaded: Sequence[Mapping[str, Any]]) -> None:
        """Keep files as the browser gives them, and name them in the field beside those that are there."""
        if not uploaded or self._keep is None:
            return
        try:
            paths = [self._keep(str(file["name"]), bytes(file["content"])) for file in uploaded]
        except InputError as exc:
            self._show_message(f"✗ {exc}")
            return
        paths = list(dict.fromkeys((*_files(self._field.name, self.text), *paths)))
        self.input.value = paths[0] if len(paths) == 1 else json.dumps(paths)

    def _suggestion(self, one: Suggestion) -> Any:
        button = self._own(ipywidgets.Button(layout={"width": "auto"}))

        def confirm(_: object) -> None:
            self.input.value = one.value
            self._is_confirmed = True
            self._on_confirm(self._field.name)
            self._refresh()

        button.on_click(confirm)
        self.confirm_buttons.append(button)
        words = h.div(style=_LINES)[clean(f"read off {one.where}; compare it with the picture", 160)]
        note = self._own(ipywidgets.HTML(str(words), layout={"max_width": "100%"}))
        picture = self._own(ipywidgets.HTML(picture_html(one.crop, f"the place where {one.value} was read")))
        return self._own(
            ipywidgets.HBox([picture, button, note], layout={**_WRAP, "margin": "0 0 4px 0", "padding": "0 0 0 176px"})
        )


def fold() -> ipywidgets.ToggleButton:
    """A button that unfolds what stands right beside it; it is followed by `_FOLDING`, not by the kernel."""
    button = ipywidgets.ToggleButton(description="Change an answer", icon="pencil", layout={"width": "auto"})
    button.add_class(_FOLD)
    return button


def _files(name: str, text: str) -> tuple[str, ...]:
    """The files that a field names; none where that is no list of files."""
    try:
        found = answers.parse(name, text) if text else ()
    except InputError:
        return ()
    return found if isinstance(found, tuple) else ()


def _above(pictures: Sequence[Picture], notes: Sequence[str]) -> list[Any]:
    """The images in a row, and the notes below them."""
    shown = [ipywidgets.HTML(_zoomed(one)) for one in pictures]
    row = [ipywidgets.HBox(shown, layout={"flex_flow": "row wrap"})] if shown else []
    return [*row, ipywidgets.HTML(_lines(notes))] if row or notes else []


def _lines(notes: Sequence[str]) -> str:
    """Each note as a line."""
    return "".join(str(h.div(style=_LINES)[clean(note, 500)]) for note in notes)


def _zoomed(picture: Picture) -> str:
    """A picture, small; opened, by a click or a key, it is large. The page does that by itself, without a script."""
    image = Markup(picture_html(picture.png, picture.words, width_px=1400))  # noqa: S704 - made by htpy
    return str(h.details(f".{_ZOOM}")[h.summary(title="Enlarge or reduce")[image, h.div[clean(picture.words, 80)]]])


def picture_html(png: bytes, words: str, *, width_px: int = 420) -> str:
    """An image within a form, with words for who cannot see it."""
    address = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    style = f"max-width:min({width_px}px,100%);border:1px solid rgba(128,128,128,0.35)"
    return str(h.img(src=address, alt=clean(words, 120), style=style))


def _input(field: Field, value: str) -> Any:
    shown = {"value": value, "description": field.label, "style": _STYLE, "layout": _INPUT}
    if field.kind is Kind.CHOICE:
        return ipywidgets.Combobox(options=tuple(field.choices), placeholder=field.hint, **shown)
    return ipywidgets.Text(placeholder=field.hint, **shown)


def _note(field: Field, text: str) -> str:
    """What to say of what stands in a field."""
    if not text and not field.found:
        return f"to be answered: {field.source}" if field.source else ""
    if not text:
        return f"empty, so this counts: {field.found} ({field.source})" if field.source else ""
    try:
        words = field.check(text)
    except InputError as exc:
        return f"✗ {exc}"
    said = field.source if text == field.found else "yours" if field.source else ""
    return " · ".join(part for part in (words, said) if part)

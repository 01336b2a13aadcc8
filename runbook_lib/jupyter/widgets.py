"""The forms that ask, the button that performs, and the page that shows them; nothing here knows records or cases.

A choice is typed or taken from a list, since JupyterLab takes the arrow keys and the letters away from drop-down menus
for its own shortcuts; dates are typed as YYYY-MM-DD, the same everywhere. So anything may be wrong: a field says in
words, while it is typed, what it makes of it. All values are plain text, and "" is an empty field.

What is entered is read by whoever runs the next cell. Showing a form again shows the same fields, with what was
entered in them. Words that came from elsewhere are cleaned, and escaped by htpy.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import htpy as h
import ipywidgets

from runbook_lib.domain import answers
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean

MIME = "application/vnd.jupyter.widget-view+json"
_STYLE = {"description_width": "170px"}
_INPUT = {"width": "370px", "max_width": "98%", "min_width": "0"}
_WRAP = {"flex_flow": "row wrap", "align_items": "center", "max_width": "100%"}
_INDENTED = {**_WRAP, "padding": "0 0 4px 176px"}
_LEFT = {"align_items": "flex-start"}
_FOLD, _FOLDED = "runbook-fold", "runbook-folded"
_FOLDING = f"<style>.{_FOLD}:not(.mod-active) + .{_FOLDED} {{ display: none; }}</style>"
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
class Suggestion:
    """A value that was read off an image, for a person to compare and confirm.

    Attributes:
        value: The value, as it would be typed.
        where: What it was read off.
        crop: The place on the image, as PNG.
    """

    value: str
    where: str
    crop: bytes


@dataclass(frozen=True)
class Picture:
    """An image to be shown beside the fields.

    Attributes:
        png: The image, small and made anew.
        words: What it is, for who cannot see it.
    """

    png: bytes
    words: str


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
Work = Callable[[], Iterator[Mapping[str, Any]]]
"""Yields what to show, one after the other."""
Keep = Callable[[str, bytes], str]
"""Keeps an uploaded file, given its name and content; returns its path, or raises InputError."""


class Form:
    """Fields under each other.

    Args:
        fields: What is asked.
        folded: What may also be changed; behind a button.
        fold: The button of the form before, which stays as it was pressed; see `release`.
        pictures: What the values may be read off.
        notes: What else is to be known, a line each.
        entered: What was entered before, by name.
        on_change: Told of everything that is entered.
        on_confirm: Told the name of a field whose suggestion was confirmed, after `on_change`.
        keep: Keeps uploaded files.
        say: Puts all values into words below the fields.
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
        on_change: Change | None = None,
        on_confirm: Callable[[str], None] | None = None,
        keep: Keep | None = None,
        say: Callable[[Mapping[str, str]], str] | None = None,
    ) -> None:
        self._on_change, self._say = on_change, say
        before, told = entered or {}, on_confirm or (lambda name: None)
        self.rows = {
            one.name: _Row(one, before.get(one.name), self._changed, on_confirm=told, keep=keep)
            for one in (*fields, *folded)
        }
        self.said = ipywidgets.Label()
        self.fold = fold or _fold()
        self._folded = ipywidgets.VBox([self.rows[one.name].box for one in folded]).add_class(_FOLDED)
        self._folding = ipywidgets.HTML(_FOLDING, layout={"display": "none"})
        self._above = _above(pictures, notes)
        shown = [*self._above, *(self.rows[one.name].box for one in fields)]
        shown += [self.fold, self._folded, self._folding] if folded else []
        self.box = ipywidgets.VBox([*shown, self.said] if say else shown, layout=_LEFT)
        self._speak()

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

    def close(self) -> None:
        """Take the form away, with all that listens to it."""
        close(self.release())

    def release(self) -> ipywidgets.ToggleButton:
        """Take the form away but for the fold's button: a press of it may still be on its way from the page.

        Returns:
            The button, for the form that takes the place of this one.
        """
        for row in self.rows.values():
            row.close()
        pictures = [picture for widget in self._above for picture in getattr(widget, "children", ())]
        close(*pictures, *self._above, self.said, self._folded, self._folding, self.box)
        return self.fold

    def _changed(self, name: str, text: str) -> None:
        self._speak()
        if self._on_change is not None:
            self._on_change(name, text)

    def _speak(self) -> None:
        if self._say is not None:
            self.said.value = self._say(self.values)


class _Row:
    """One field: its input, whatever helps to fill it in, and a line that says what is in it."""

    def __init__(
        self,
        field: Field,
        entered: str | None,
        on_change: Change,
        *,
        on_confirm: Callable[[str], None],
        keep: Keep | None,
    ) -> None:
        self._field, self._on_change, self._on_confirm, self._keep = field, on_change, on_confirm, keep
        self._parts: list[Any] = []
        self.input = self._own(_input(field, field.found if entered is None else entered))
        self.said = ""
        self.note = self._own(ipywidgets.HTML(layout={"max_width": "100%"}))
        self.input.observe(self._typed, names="value")
        line = [self.input, self.note]
        if field.kind is Kind.FILES:
            line.insert(1, self._uploads())
        suggestions = [self._suggestion(one) for one in field.suggestions]
        self.box = self._own(
            ipywidgets.VBox(
                [self._own(ipywidgets.HBox(line, layout=_WRAP)), *suggestions],
                layout={"margin": "2px 0", "max_width": "100%"},
            )
        )
        self._speak()

    @property
    def text(self) -> str:
        """What stands in the field."""
        return str(self.input.value).strip()

    def close(self) -> None:
        """Take it away."""
        close(*self._parts)

    def _own(self, widget: Any) -> Any:
        self._parts.append(widget)
        return widget

    def _typed(self, change: object) -> None:
        self._speak()
        self._on_change(self._field.name, self.text)

    def _speak(self) -> None:
        self._tell(_note(self._field, self.text))

    def _tell(self, words: str) -> None:
        """Say something beside the field; a long sentence is broken over lines, not cut."""
        self.said = clean(words)
        self.note.value = str(h.div(style="white-space:normal;line-height:1.4;padding:4px 0px")[self.said])

    def _uploads(self) -> Any:
        button = self._own(
            ipywidgets.FileUpload(
                accept="image/png,image/jpeg,image/gif,image/webp",
                multiple=True,
                description="Choose files",
                layout={"width": "auto"},
            )
        )
        button.observe(self._uploaded, names="value")
        return button

    def _uploaded(self, change: Mapping[str, Any]) -> None:
        if not change["new"] or self._keep is None:
            return
        try:
            paths = [self._keep(str(file["name"]), bytes(file["content"])) for file in change["new"]]
        except InputError as exc:
            self._tell(f"✗ {exc}")
            return
        paths = list(dict.fromkeys((*_files(self._field.name, self.text), *paths)))
        self.input.value = paths[0] if len(paths) == 1 else json.dumps(paths)

    def _suggestion(self, one: Suggestion) -> Any:
        use = self._own(ipywidgets.Button(description=f"Confirm {clean(one.value, 40)}", layout={"width": "auto"}))

        def confirm(button: object) -> None:
            self.input.value = one.value
            self._on_confirm(self._field.name)

        use.on_click(confirm)
        told = h.div(style="white-space:normal;line-height:1.4")[
            clean(f"read off {one.where}; compare it with the picture", 160)
        ]
        words = self._own(ipywidgets.HTML(str(told), layout={"max_width": "100%"}))
        picture = self._own(ipywidgets.HTML(picture_html(one.crop, f"the place where {one.value} was read")))
        return self._own(
            ipywidgets.HBox([picture, use, words], layout={**_WRAP, "margin": "0 0 4px 0", "padding": "0 0 0 176px"})
        )


class Button:
    """A button below what it does, one press at a time, and below it what comes of that. There is none before `renew`.

    All of it is kept by widgets, which every page shows as they are: a card in a cell's output stays what it was in a
    page that was loaded anew, or in a second one.

    Args:
        label: What it says.
        too_late: What a press comes to that was made before `renew`, and arrives after it.
    """

    def __init__(self, label: str, *, too_late: Work) -> None:
        self._label, self._too_late = label, too_late
        self._guard, self._works, self._is_closed = threading.Lock(), False, False
        self._worker: threading.Thread | None = None
        self._press: Work = too_late
        self._former: list[Any] = []
        self.button, self.does = ipywidgets.Button(), ipywidgets.Output()  # in no box yet
        self.output = ipywidgets.Output()
        self.box = ipywidgets.VBox([self.output], layout=_LEFT)

    def renew(self, does: Mapping[str, Any], press: Work) -> None:
        """Another button takes the place of this one, below what it does.

        Args:
            does: What a press of this very button does, to be read above it.
            press: Does it: yields what to show, one after the other. It runs beside the kernel's own work.
        """
        with self._guard:
            if self._is_closed:
                return
            self._former.append(self.button)
            self._press, before = press, self.does
            self.does = ipywidgets.Output(outputs=_outputs(does))
            self.button = ipywidgets.Button(
                description=self._label,
                button_style="primary",
                layout={"width": "auto"},
                disabled=self._works,
            )
            self.button.on_click(self._clicked)
            self.box.children = (self.does, self.button, self.output)
            close(before)

    def tell(self, does: Mapping[str, Any]) -> None:
        """Say anew what stands above the button, which stays the same."""
        self.does.outputs = _outputs(does)

    def follow(self, work: Work) -> None:
        """Show what something yields, as if it came of a press; nothing happens while the button is at work."""
        with self._guard:
            self._begin(work)

    def show(self, bundle: Mapping[str, Any]) -> None:
        """Replace what is shown below the button."""
        self.output.outputs = _outputs(bundle)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of what it does; returns whether that came."""
        if self._worker:
            self._worker.join(timeout_s)
        return not (self._worker and self._worker.is_alive())

    def close(self) -> None:
        """Take the button away; what it has begun goes on."""
        with self._guard:
            self._is_closed = True
        close(*self._former, self.button, self.does, self.output, self.box)

    def _clicked(self, button: object) -> None:
        with self._guard:
            self._begin(self._press if button is self.button else self._too_late)

    def _begin(self, work: Work) -> None:
        if self._works:
            return
        self._works = self.button.disabled = True
        self._worker = threading.Thread(target=self._work, args=(work,), daemon=True)
        self._worker.start()

    def _work(self, work: Work) -> None:
        try:
            for bundle in work():
                self.show(bundle)
        finally:
            with self._guard:
                self._works = self.button.disabled = False


class StateLine:
    """A line of HTML that can be shown in many places, and changes in all of them at once."""

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML()

    def say(self, words: h.Node) -> None:
        """Replace it."""
        self.widget.value = str(h.div[words])

    def close(self) -> None:
        """Take it away."""
        close(self.widget)


class Page:
    """The page that shows the forms, if there is one, and whether all that was entered there has arrived.

    A page sends a text while it is typed, but one message at a time: the rest of a word waits there until its beginning
    was handled here, and a cell that is run meanwhile would take the beginning for the word. So whoever reads what was
    entered asks the page first, and waits for its answer: of two numbers that only a page links, one is changed, and
    the other follows.

    The answer is heard beside the cell that waits, since JupyterLab (4.4 and later) sends what comes from widgets to a
    thread of its own in the kernel, a subshell (ipykernel 7 and later). The first answers may come before there is one,
    and a widget goes on where its last message was handled (ipykernel 7.4): so the page is asked again until then.

    Args:
        patience_s: How long a page may take for its answer. One that took longer is not asked again until it answers.
    """

    _TRIES, _ROUNDS = 8, 4

    def __init__(self, patience_s: float = 10.0) -> None:
        self._patience_s = patience_s
        self._turn, self._heard = threading.Lock(), threading.Condition()
        self._heard_on: threading.Thread | None = None
        self._tries = 1
        self._ask, self._answer = ipywidgets.IntText(1), ipywidgets.IntText(0)
        self._answer.observe(self._hear, names="value")
        self._link = ipywidgets.jsdlink((self._ask, "value"), (self._answer, "value"))

    @property
    def is_there(self) -> bool:
        """Whether a page has answered what it was asked last."""
        return bool(self._answer.value == self._ask.value)

    def settle(self) -> None:
        """Wait until everything has arrived that was entered before now.

        The first answer comes after all that the page had sent, which lets it send the rest; the second one after that,
        if one thread has handled them all. After a page was loaded anew its messages may come to another thread than
        before: then the first answer is waited for again. Where two pages show the forms, the quicker one answers.
        """
        heard_on: list[threading.Thread | None] = []
        with self._turn:
            while len(heard_on) < self._ROUNDS and (len(heard_on) < 2 or heard_on[-1] is not heard_on[-2]):
                if not self.is_there or self._heard_on is threading.current_thread():  # nobody hears while it waits
                    return
                self._ask.value += 1
                with self._heard:
                    self._heard.wait_for(lambda: self.is_there, self._patience_s)
                heard_on.append(self._heard_on)

    def close(self) -> None:
        """Ask nobody any more."""
        close(self._ask, self._answer, self._link)

    def _hear(self, change: object) -> None:
        with self._heard:
            self._heard_on = threading.current_thread()
            self._heard.notify_all()
        if self._heard_on is threading.main_thread() and self._tries < self._TRIES:
            self._tries += 1
            self._ask.value += 1


def close(*widgets: Any) -> None:
    """Take widgets away, with what listens to them and what they are drawn by."""
    for widget in widgets:
        for one in (widget, getattr(widget, "layout", None), getattr(widget, "style", None)):
            if one is not None:
                one.unobserve_all()
                one.close()


def _fold() -> ipywidgets.ToggleButton:
    """A button that unfolds what stands right below it; it is followed by `_FOLDING`, not by the kernel."""
    button = ipywidgets.ToggleButton(description="Change an answer", icon="pencil", layout={"width": "auto"})
    button.add_class(_FOLD)
    return button


def _outputs(bundle: Mapping[str, Any]) -> tuple[dict[str, Any]]:
    """What an output widget shows of a MIME bundle."""
    return ({"output_type": "display_data", "data": dict(bundle), "metadata": {}},)


def _files(name: str, text: str) -> tuple[str, ...]:
    """The files that a field names; none where that is no list of files."""
    try:
        found = answers.parse(name, text) if text else ()
    except InputError:
        return ()
    return found if isinstance(found, tuple) else ()


def _above(pictures: Sequence[Picture], notes: Sequence[str]) -> list[Any]:
    """The images in a row, and the notes below them."""
    shown = [
        ipywidgets.HTML(picture_html(one.png, one.words, width_px=330) + str(h.div[clean(one.words, 80)]))
        for one in pictures
    ]
    row = [ipywidgets.HBox(shown, layout={"flex_flow": "row wrap"})] if shown else []
    lines = [
        ipywidgets.HTML(str(h.div(style="white-space:normal;line-height:1.4")[clean(note, 500)])) for note in notes
    ]
    return [*row, *lines]


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

"""The forms of a notebook.

A choice is typed or taken from a list, since JupyterLab takes the arrow keys and the letters away from drop-down menus
for its own shortcuts; dates are typed as YYYY-MM-DD, the same everywhere. So anything may be wrong: a field says in
words what it makes of what was typed. All values are plain text, and "" is an empty field.

A field sends what is in it when it is left, as a whole, so that whatever is pressed or run afterwards finds all of it.
Answers that were given stand in one line, with a button that opens them again. A form that asks something else keeps
the fields that stay, with what is being typed in one of them. Words that came from elsewhere are cleaned, and escaped
by htpy.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import htpy as h
import ipywidgets
from markupsafe import Markup

from runbook_lib import form_words
from runbook_lib.cases.pictures import Picture, Pictures, Suggestion
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean
from runbook_lib.jupyter.widgets import LINK, close, new, shared

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
_STYLE = {"description_width": "170px"}
_INPUT = {"width": "370px", "max_width": "98%", "min_width": "0"}
_WRAP = {"flex_flow": "row wrap", "align_items": "center", "max_width": "100%"}
_LEFT = {"align_items": "flex-start"}
_CONFIRM = {"width": "auto", "margin": "2px 2px 2px 176px"}
_LINES = "white-space:normal;line-height:1.4"
ASKS = "runbook-asks"
"""The class of a form that the case waits for; `runbook lab` scrolls to it."""
_FOLD, _FOLDED, _ZOOM = "runbook-fold", "runbook-folded", "runbook-zoom"
_FOLDING = (
    f"<style>.{_FOLD}:not(.mod-active) + .{_FOLDED} {{ display: none; }}"
    f".{_ZOOM}:not([open]) img {{ max-width: 330px !important; }} .{_ZOOM}[open] summary {{ cursor: zoom-out; }}"
    f".{_ZOOM} summary {{ cursor: zoom-in; display: block; }}</style>"
)
"""What is folded follows its button in the page itself: a kernel that runs a cell hears of a press only afterwards."""


@dataclass(frozen=True)
class Field:
    name: str  # by which its value is read
    label: str
    choices: Sequence[str] = ()  # what is offered in a list; anything else may be typed
    found: str = ""  # what stands in it at first, or ""
    source: str = ""  # who says so, or ""
    hint: str = ""  # what is shown in an empty field
    # Says in words what a value means; raises InputError for an impossible one. Never called with ""
    check: Callable[[str], str] = field(default=lambda text: "", compare=False)
    suggestions: tuple[Suggestion, ...] = ()  # what may be confirmed
    is_typed_before: bool = False  # whether what was entered comes from a kernel that has ended since
    takes_files: bool = False  # whether files can be uploaded, whose names stand in it then

    @property
    def widget(self) -> Any:
        """The kind of its input."""
        return ipywidgets.Combobox if self.choices else ipywidgets.Text


Change = Callable[[str, str], None]
"""Called with a field's name and what was entered."""
Keep = Callable[[str, bytes], str]
"""Keeps an uploaded file, given its name and content; returns its path, or raises InputError."""


class Form:
    """Fields under each other.

    Args:
        fields: The first questions; see `renew`.
        fold: The button that opens what may also be changed, which has what was entered beside it. It is not the form's
            own: a press of it may be on its way from the page while another form takes the place of this one.
        on_change: Called with everything that is entered.
        on_confirm: Called with the name of a field whose suggestion was confirmed, after `on_change`.
        on_continue: Called when the answers are to be taken; without it there is no button for that.
        keep: Keeps uploaded files.
        summarize: Puts all values into words below the fields.
    """

    def __init__(
        self,
        fields: Sequence[Field] = (),
        *,
        fold: ipywidgets.ToggleButton | None = None,
        on_change: Change | None = None,
        on_confirm: Callable[[str], None] | None = None,
        on_continue: Callable[[], None] | None = None,
        keep: Keep | None = None,
        summarize: Callable[[Mapping[str, str]], str] | None = None,
    ) -> None:
        self.notes: tuple[str, ...] = ()
        self.rows: dict[str, Row] = {}
        self._on_change, self._summarize, self._fold = on_change, summarize, fold
        self._on_confirm, self._keep = on_confirm or (lambda name: None), keep
        self._foldable: tuple[str, ...] = ()
        self.summary = new(ipywidgets.Label)
        self._line, self._message, self._notes = (new(ipywidgets.HTML) for _ in range(3))
        self.continue_button = new(ipywidgets.Button, description="Continue", button_style="primary")
        self.continue_button.on_click(lambda _: on_continue() if on_continue else None)
        self._confirming = new(ipywidgets.HBox)
        self._replaced: tuple[Any, ...] = ()
        self._offer_all([])
        self._going_on = [self._confirming, self.continue_button, self._message] if on_continue else []
        self._folded = new(ipywidgets.VBox, layout={"width": "100%"})
        self._folded.add_class(_FOLDED)
        self._style = new(ipywidgets.HTML, value=_FOLDING, layout={"display": "none"})
        self._shown: tuple[Picture, ...] = ()
        self._pictures = new(ipywidgets.HBox, layout={"flex_flow": "row wrap"})
        self._answers = new(ipywidgets.HBox, layout=_WRAP)
        self.box = new(ipywidgets.VBox, layout=_LEFT)
        self.renew(fields)

    def renew(
        self,
        fields: Sequence[Field],
        *,
        folded: Sequence[Field] = (),
        pictures: Pictures = Pictures(),  # noqa: B008 (frozen)
        entered: Mapping[str, str] | None = None,
        confirmed: Collection[str] = (),
    ) -> None:
        """Ask this from now on; a field that was there before stays, with what is being typed in it.

        Args:
            fields: The questions.
            folded: What may also be changed.
            pictures: What the values may be read off.
            entered: What was entered before, by name.
            confirmed: The fields whose suggestions were confirmed before.
        """
        former, before = self.rows, entered or {}
        fields, compare = _read_off(fields)
        self._foldable = tuple(one.name for one in folded)
        self.rows = {}
        for one in (*fields, *folded):
            if one.name in former and former[one.name].field.widget is one.widget:
                row = former.pop(one.name)
            else:  # what was found on a second look may make a list of a text: that is another widget
                row = Row(one, self._changed, on_confirm=self._on_confirm, keep=self._keep)
            self.rows[one.name] = row
            row.renew(one, before.get(one.name), is_confirmed=one.name in confirmed)
        self.notes = pictures.notes
        notes = (*pictures.notes, *compare)
        self._notes.value = "".join(str(h.div(style=_LINES)[clean(note, 500)]) for note in notes)
        self._show_pictures(pictures.shown)
        boxes = [self.rows[one.name].box for one in folded]
        self._folded.children = boxes if fields else [*boxes, *self._going_on]
        self._answers.children = [self._line, self._fold, self._folded] if self._fold and folded else []
        shown = [self._style, self._pictures, self._notes, *(self.rows[one.name].box for one in fields)]
        shown += self._going_on if fields else []
        self.box.children = [*shown, *([self.summary] if self._summarize else []), self._answers]
        close(*(row.box for row in former.values()))
        self.tell("")
        self._refresh()

    def _show_pictures(self, wanted: tuple[Picture, ...]) -> None:
        if wanted != self._shown:
            previous, self._shown = self._pictures.children, wanted
            self._pictures.children = [new(ipywidgets.HTML, value=_zoomed(one)) for one in wanted]
            close(*previous)

    @property
    def values(self) -> dict[str, str]:
        return {name: row.text for name, row in self.rows.items()}

    @property
    def view(self) -> dict[str, Any]:
        """What shows the form in a cell's output; it can be shown in several."""
        return dict(self.box._repr_mimebundle_())

    def enter(self, name: str, text: str) -> None:
        if name in self.rows:
            self.rows[name].input.value = text

    @property
    def answered(self) -> str:
        """The answers that were given and can be taken, in one line; "" where there are none."""
        rows = [self.rows[name] for name in self._foldable if self.rows[name].is_answered]
        rows = [row for row in rows if not row.is_refused]
        before = [row for row in rows if row.field.is_typed_before]
        now = [row for row in rows if row not in before]
        parts = ((now, f"your answer{'s' if len(now) > 1 else ''}"), (before, "typed before"))
        return " · ".join(f"{' · '.join(row.summary for row in some)} ({whose})" for some, whose in parts if some)

    @property
    def problems(self) -> tuple[str, ...]:
        """The labels of the fields that hold something impossible."""
        return tuple(row.field.label for row in self.rows.values() if row.is_refused)

    def tell(self, words: str) -> None:
        self._message.value = str(h.div(style=_LINES)[clean(form_words.words(words), 500)])

    def close(self) -> None:
        self._answers.children = []  # with a button that is not the form's own
        close(self.box, self._line, self._folded, self.summary, self._message)
        close(self._confirming, *self._replaced, self.continue_button)

    @property
    def _to_confirm(self) -> list[tuple[Row, Suggestion]]:
        """The questions of which nothing is known but one value that was read, and read well."""
        rows = (row for name, row in self.rows.items() if name not in self._foldable)
        asked = [row for row in rows if not (row.text or row.field.found)]
        found = [(row, row.field.suggestions[0]) for row in asked if len(row.field.suggestions) == 1]
        return [(row, one) for row, one in found if one.is_sure]

    def _offer_all(self, offered: list[tuple[Row, Suggestion]]) -> None:
        """A button that confirms these values, and none that is read while its press is on its way from the page.

        The one that it replaces may have been pressed, too, and confirms what was shown with it.
        """

        def confirm(_: object) -> None:
            for row, one in self._to_confirm:
                if (row, one) in offered:
                    row.confirm(one)

        close(*self._replaced)
        self._offered, self._replaced = offered, self._confirming.children
        self.confirm_button = new(ipywidgets.Button)
        self.confirm_button.on_click(confirm)
        self._confirming.children = (self.confirm_button,)

    def _changed(self, name: str, text: str) -> None:
        self.tell("")
        self._refresh()
        if self._on_change is not None:
            self._on_change(name, text)

    def _refresh(self) -> None:
        line = h.div(style=f"{_LINES};padding:4px 8px 4px 0px")[h.bdi[clean(self.answered, 500)]]
        self._line.value = str(line) if self.answered else ""
        to_confirm = self._to_confirm
        if any(each not in self._offered for each in to_confirm):
            self._offer_all(to_confirm)
        number = len(to_confirm)
        self.confirm_button.description = f"Confirm these {number} values"
        display = ("display", "" if number > 1 else "none")
        self.confirm_button.layout = shared(ipywidgets.Layout, *_CONFIRM.items(), display)
        if self._summarize is not None:
            self.summary.value = self._summarize(self.values)


class Row:
    """One field: its input, whatever helps to fill it in, and a line that says what is in it."""

    def __init__(
        self, field: Field, on_change: Change, *, on_confirm: Callable[[str], None], keep: Keep | None
    ) -> None:
        self.field, self._on_change, self._on_confirm, self._keep = field, on_change, on_confirm, keep
        self._is_confirmed, self._renewing = False, 0
        self.confirm_buttons: list[Any] = []
        self.input = new(field.widget, description=field.label, style=_STYLE, layout=_INPUT, continuous_update=False)
        self.message = ""
        self.note = new(ipywidgets.HTML, layout={"max_width": "100%"})
        self.input.observe(self._entered, names="value")
        uploads = [self._uploads()] if field.takes_files else []
        self._offered = new(ipywidgets.VBox)
        self._line = new(ipywidgets.HBox, children=[self.input, *uploads, self._offered, self.note], layout=_WRAP)
        self.box = new(ipywidgets.VBox, children=[self._line], layout={"margin": "2px 0", "max_width": "100%"})

    def renew(self, field: Field, entered: str | None, *, is_confirmed: bool) -> None:
        suggestions, self.field = self.field.suggestions, field
        self._renewing, self._is_confirmed = threading.get_ident(), is_confirmed
        self.input.placeholder, self.input.value = field.hint, field.found if entered is None else entered
        if field.choices:
            self.input.options = tuple(field.choices)
        self._renewing = 0
        if field.suggestions != suggestions or not self.confirm_buttons:
            self._offer(field.suggestions)
        self._refresh()

    @property
    def text(self) -> str:
        return str(self.input.value).strip()

    @property
    def summary(self) -> str:
        return f"{self.field.label}: {self.text}"

    @property
    def is_answered(self) -> bool:
        """Whether the field's text was entered by a person."""
        return self.text not in ("", self.field.found)

    @property
    def is_refused(self) -> bool:
        """Whether the field holds something impossible."""
        return self.message.startswith("✗")

    def confirm(self, one: Suggestion) -> None:
        self.input.value = one.value
        self._is_confirmed = True
        self._on_confirm(self.field.name)
        self._refresh()

    def _offer(self, suggestions: Sequence[Suggestion]) -> None:
        previous = self._offered.children
        self.confirm_buttons.clear()
        self._offered.children = tuple(map(self._suggestion, suggestions))
        close(*previous)

    def _entered(self, change: object) -> None:
        if self._renewing == threading.get_ident():  # a person did not enter it
            return
        self._is_confirmed, self.field = False, replace(self.field, is_typed_before=False)
        self._refresh()
        self._on_change(self.field.name, self.text)

    def _refresh(self) -> None:
        self._show_message(_note(self.field, self.text))
        for one, button in zip(self.field.suggestions, self.confirm_buttons, strict=True):
            is_this = self._is_confirmed and self.text == one.value
            button.description = f"{'✓ confirmed' if is_this else 'Confirm'} {clean(one.value, 40)}"
            button.button_style = "success" if is_this else ""

    def _show_message(self, words: str) -> None:
        """Show words beside the field; a long sentence is broken over lines, not cut."""
        self.message = clean(form_words.words(words), 500)
        self.note.value = str(h.div(style=f"{_LINES};padding:4px 0px")[self.message])

    def _uploads(self) -> Any:
        button = new(
            ipywidgets.FileUpload,
            accept="image/png,image/jpeg,image/gif,image/webp",
            multiple=True,
            description="Choose files",
            layout={"width": "auto"},
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
        paths = list(dict.fromkeys((*named_files(self.field.name, self.text), *paths)))
        self.input.value = paths[0] if len(paths) == 1 else json.dumps(paths)

    def _suggestion(self, one: Suggestion) -> Any:
        """A button that confirms a value, beside the picture of the place where it was read."""
        button = new(ipywidgets.Button, layout={"width": "200px"})
        button.on_click(lambda _: self.confirm(one))
        self.confirm_buttons.append(button)
        image = Markup(picture_html(one.crop, f"the place where {one.value} was read"))  # noqa: S704 - made by htpy
        value = str(h.div[image, one.where and h.div(style=_LINES)[clean(f"read off {one.where}", 160)]])
        picture = new(ipywidgets.HTML, value=value, layout={"max_width": "420px"})
        return new(ipywidgets.HBox, children=[button, picture], layout=_WRAP)


def fold(label: str) -> ipywidgets.ToggleButton:
    """A button that unfolds what stands right beside it; it is followed by `_FOLDING`, not by the kernel."""
    button = new(ipywidgets.ToggleButton, description=label, icon="pencil", layout={"width": "auto"})
    button.add_class(_FOLD)
    return button


def named_files(name: str, text: str) -> tuple[str, ...]:
    """The files that a field names; none where that is no list of files."""
    try:
        found = parameters.parse(name, text) if text else ()
    except InputError:
        return ()
    return found if isinstance(found, tuple) else ()


def _read_off(fields: Sequence[Field]) -> tuple[list[Field], tuple[str, ...]]:
    """The fields, and what their suggestions have in common, said once: what to do, and where all were read."""
    found = {one.where for field in fields for one in field.suggestions}
    if len(found) == 1:
        cleared = [tuple(replace(one, where="") for one in field.suggestions) for field in fields]
        fields = [replace(field, suggestions=some) for field, some in zip(fields, cleared, strict=True)]
    read = f"Read off {found.copy().pop()}" if len(found) == 1 else "Read off the images"
    return list(fields), (f"{read}: compare each value with the picture beside it.",) if found else ()


def _zoomed(picture: Picture) -> str:
    """A picture, small; opened, by a click or a key, it is large. The page does that by itself, without a script."""
    image = Markup(picture_html(picture.png, picture.words, width_px=1400, most="none"))  # noqa: S704 - made by htpy
    caption = h.div[clean(picture.words, 80), ": ", h.span(style=LINK)["enlarge or reduce"]]
    return str(h.details(f".{_ZOOM}")[h.summary[image, caption]])


def picture_html(png: bytes, words: str, *, width_px: int = 420, most: str = "60px") -> str:
    """An image within a form, with a description for a reader who cannot see it."""
    address = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    style = f"max-width:min({width_px}px,100%);max-height:{most};border:1px solid rgba(128,128,128,0.35)"
    return str(h.img(src=address, alt=clean(words, 120), style=style))


def _note(field: Field, text: str) -> str:
    if not text and not field.found:
        return f"to be answered: {field.source}" if field.source else ""
    if not text:
        return f"empty, so this counts: {field.found} ({field.source})" if field.source else ""
    try:
        words = field.check(text)
    except InputError as exc:
        return f"✗ {exc}"
    mine = "typed before" if field.is_typed_before else "yours" if field.source else ""
    source = field.source if text == field.found else mine
    return " · ".join(part for part in (words, source) if part)

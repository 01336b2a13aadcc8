"""Forms: what is entered is what is read, and nothing is left behind. Widgets work without a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.cases.pictures import Suggestion
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.parameters import QUESTIONS
from runbook_lib.jupyter.forms import WIDGET_MIME, Field, Form, fold, picture_html
from runbook_lib.jupyter.widgets import close

PNG = b"\x89PNG\r\n\x1a\n and so on"
FIELDS = (
    Field(
        "plan",
        "Plan",
        ("premium", "free"),
        "premium",
        "license file",
        check=QUESTIONS["plan"].reading,
    ),
    Field("expires_on", "Expired on", hint="YYYY-MM-DD", check=QUESTIONS["expires_on"].reading),
)
TEXT, CHOICE = Field("name", "Name"), Field("name", "Name", ("a", "b"))
FILES = Field("screenshots", "Screenshots", takes_files=True)


class Heard(list[tuple[str, str]]):
    """What a form reported."""

    def __call__(self, name: str, words: str) -> None:
        self.append((name, words))


def listeners(form: Form) -> list[int]:
    """How many listen to each input."""
    inputs = [row.input for row in form.rows.values()]
    return [len(one._trait_notifiers.get("value", {}).get("change", [])) for one in inputs]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def form(heard: Heard) -> Iterator[Form]:
    """A form with one value that was found, and an empty field."""
    made = Form(FIELDS, on_change=heard)
    yield made
    made.close()


# -- a form


def test_it_begins_with_what_was_found(form: Form) -> None:
    """Each value with its source."""
    assert {"plan": "premium", "expires_on": ""} == form.values
    assert ("license file", "") == (form.rows["plan"].message, form.rows["expires_on"].message)


def test_what_is_entered_is_read_and_reported(form: Form, heard: Heard) -> None:
    """By running the next cell; spaces around it do not count."""
    form.rows["plan"].input.value = " free"
    assert ("free", [("plan", "free")]) == (form.values["plan"], heard)
    assert "yours" == form.rows["plan"].message


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2026-11-06", "Friday, 6 November 2026"),
        ("2026-02-30", "✗ “Expired on” is '2026-02-30'; expected a day that exists, as YYYY-MM-DD."),
        ("2026-11", "✗ “Expired on” is '2026-11'; expected a date as YYYY-MM-DD, such as 2026-11-06."),
        ("", ""),
    ],
)
def test_it_says_what_it_makes_of_a_value(form: Form, typed: str, expected: str) -> None:
    """In words."""
    form.rows["expires_on"].input.value = typed
    assert expected == form.rows["expires_on"].message


def test_an_emptied_field_says_what_counts_then(form: Form) -> None:
    """What was found."""
    form.rows["plan"].input.value = ""
    assert "empty, so this counts: premium (license file)" == form.rows["plan"].message


def test_what_was_entered_before_stands_in_it(heard: Heard) -> None:
    """A form that is made anew, as for a cell that is run again."""
    form = Form(on_change=heard)
    form.renew(FIELDS, entered={"plan": "free"})
    assert ("free", "yours", []) == (form.values["plan"], form.rows["plan"].message, heard)
    form.close()


def test_a_form_that_asks_more_keeps_its_fields(heard: Heard) -> None:
    """With who types in one of them; what is asked no more is taken away."""
    form = Form(FIELDS[1:], on_change=heard)
    row = form.rows["expires_on"]
    row.input.value = "2026-11-05"
    form.renew((FIELDS[1], FIELDS[0]), entered={"expires_on": "2026-11-05"})
    assert (row, "2026-11-05") == (form.rows["expires_on"], form.values["expires_on"])
    assert [("expires_on", "2026-11-05")] == heard
    form.renew(FIELDS[:1])
    assert (["plan"], None) == (list(form.rows), row.input.comm)
    form.close()


@pytest.mark.parametrize(
    ("before", "after", "options"),
    [
        (TEXT, CHOICE, ("a", "b")),
        (CHOICE, TEXT, None),
        (replace(TEXT, takes_files=True), CHOICE, ("a", "b")),
    ],
    ids=["a list", "no list any more", "a list in place of files"],
)
def test_a_field_of_another_kind_is_another_widget(before: Field, after: Field, options: object) -> None:
    """A second look finds names to choose from, or none any more; what was entered stays."""
    form = Form([before])
    former = form.rows["name"].input
    form.renew([after], entered={"name": "typed"})
    shown = form.rows["name"].input
    assert (options, "typed", None) == (getattr(shown, "options", None), form.values["name"], former.comm)
    form.close()


def test_a_field_sends_itself_as_a_whole(form: Form) -> None:
    """When it is left: a cell that is run afterwards finds all that was typed."""
    assert [False, False] == [row.input.continuous_update for row in form.rows.values()]


def test_a_choice_can_be_anything(form: Form) -> None:
    """It is typed like any text, since JupyterLab keeps the arrow keys from menus; the words say what is wrong."""
    assert ("premium", "free") == form.rows["plan"].input.options
    form.rows["plan"].input.value = "gold"
    assert form.rows["plan"].message.startswith("✗ plan is 'gold'; expected one of")


def test_given_answers_stand_in_a_line(heard: Heard) -> None:
    """Beside the button that opens them, which the page follows by itself."""
    button = fold("Change an answer")
    form = Form(fold=button, on_change=heard)
    form.renew(FIELDS[:1], folded=FIELDS[1:])
    beside = form.box.children[-1].children
    assert [form.rows["expires_on"].box] == list(beside[list(beside).index(button) + 1].children)
    assert "" == form.answered
    form.enter("expires_on", "2026-11-06")
    assert [("expires_on", "2026-11-06")] == heard
    assert "Expired on: 2026-11-06 (your answer)" == form.answered
    form.enter("expires_on", "31 June")
    assert ("", ("Expired on",)) == (form.answered, form.problems), "what is refused is no answer"
    assert "expected a day that exists" in form.rows["expires_on"].message
    form.close()
    assert button.comm is not None  # a press may be on its way while another form takes the place of this one
    close(button)


def test_continue_names_what_is_missing(heard: Heard) -> None:
    """What is impossible is named before anything goes on."""
    pressed: list[str] = []
    form = Form(FIELDS, on_change=heard, on_continue=lambda: pressed.append("continue"))
    form.continue_button.click()
    form.enter("expires_on", "2026-02-30")
    assert (["continue"], ("Expired on",)) == (pressed, form.problems)
    form.close()


def test_a_line_below_puts_everything_into_words() -> None:
    """And follows."""
    form = Form(FIELDS, summarize=lambda values: " ".join(values.values()))
    form.enter("expires_on", "2026-11-06")
    assert "premium 2026-11-06" == form.summary.value
    form.close()


def test_showing_it_again_shows_the_same_fields(form: Form) -> None:
    """With what was entered, and with nothing more that listens."""
    before, listening = form.view[WIDGET_MIME], listeners(form)
    form.enter("plan", "free")
    assert (before, listening) == (form.view[WIDGET_MIME], listeners(form))
    assert "free" == form.values["plan"]


def test_a_closed_form_listens_to_nothing(heard: Heard) -> None:
    """Nothing of it is left: no listener, no connection to a page."""
    form = Form((*FIELDS, FILES), on_change=heard, keep=lambda name, content: "x.png")
    widgets = [form.continue_button, form.summary, *within(form.box)]
    assert form.rows["plan"].input in widgets
    form.close()
    form.rows["plan"].input.value = "free"
    assert [] == heard
    assert [] == [widget for widget in widgets if widget.comm is not None]


def within(widget: Any) -> list[Any]:
    """A widget and all that is in it."""
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in within(child))]


def test_hostile_words_stay_words() -> None:
    """A source comes from a customer: it is escaped, its control characters named."""
    form = Form([Field("plan", "Plan", found="premium", source="<img src=x onerror=alert(1)>\u202e.png")])
    assert "<img src=x onerror=alert(1)>‹U+202E›.png" == form.rows["plan"].message
    assert "&lt;img src=x onerror=alert(1)&gt;‹U+202E›.png" in form.rows["plan"].note.value
    form.close()


# -- files and pictures


def uploaded(*names: str) -> tuple[dict[str, Any], ...]:
    """Files as the browser gives them."""
    return tuple({"name": name, "content": memoryview(PNG), "type": "image/png", "size": len(PNG)} for name in names)


def test_files_are_kept_and_named() -> None:
    """One as its path, several as a list."""
    kept: list[tuple[str, bytes]] = []

    def keep(name: str, content: bytes) -> str:
        kept.append((name, content))
        return f"kept-{len(kept)}.png"

    row = Form([FILES], keep=keep).rows["screenshots"]
    row.upload(uploaded("../../dash<b>.png"))
    assert ("kept-1.png", [("../../dash<b>.png", PNG)]) == (row.text, kept)
    row.upload(uploaded("a.png", "b.png"))
    assert '["kept-1.png", "kept-2.png", "kept-3.png"]' == row.text


def test_a_file_that_is_refused_changes_nothing() -> None:
    """The field says why."""

    def keep(name: str, content: bytes) -> str:
        raise InputError("a.txt is no image.")

    row = Form([FILES], keep=keep).rows["screenshots"]
    row.upload(uploaded("a.txt"))
    assert ("", "✗ a.txt is no image.") == (row.text, row.message)


def test_a_value_off_an_image_counts_only_when_confirmed(heard: Heard) -> None:
    """It stands beside its picture; the field stays empty until a press."""
    suggestion = Suggestion("250", "dashboard.png", PNG)
    form = Form([Field("billable_users", "Billable users", suggestions=(suggestion,))], on_change=heard)
    assert ("", []) == (form.values["billable_users"], heard)
    (confirm,) = form.rows["billable_users"].confirm_buttons
    assert "Confirm 250" == confirm.description
    confirm.click()
    assert ("250", [("billable_users", "250")]) == (form.values["billable_users"], heard)
    assert "✓ confirmed 250" == confirm.description
    form.enter("billable_users", "251")
    assert "Confirm 250" == confirm.description
    form.close()


@pytest.mark.parametrize("second", ["dashboard.png", "license.png"])
def test_where_all_values_were_read_is_said_once(second: str) -> None:
    """Above them; where it is not the same for all, each says its own."""
    places = ("dashboard.png", second)
    form = Form(
        [Field(one, one, suggestions=(Suggestion(one, where, PNG),)) for one, where in zip("ab", places, strict=True)]
    )
    shown = [str(widget.value) for widget in every(form.box) if hasattr(widget, "value")]
    assert 1 == sum("compare each value with the picture beside it" in one for one in shown)
    assert all(1 == sum(f"ead off {one}" in words for words in shown) for one in places)
    form.close()


def every(widget: Any) -> Iterator[Any]:
    """A widget with all that is in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def test_several_values_off_images_are_confirmed_by_one_press() -> None:
    """Those that were read well, one for an empty field; what was typed stays, and of two values neither is taken."""
    found = [Suggestion(words, "dashboard.png", PNG) for words in ("250", "251", "252")]
    doubtful = replace(found[2], is_sure=False)
    offered = {"a": found[:1], "b": found[1:2], "two": found[:2], "typed": found[2:], "doubtful": [doubtful]}
    confirmed: list[str] = []
    fields = [Field(name, name, suggestions=tuple(some)) for name, some in offered.items()]
    form = Form(fields, on_confirm=confirmed.append)
    form.enter("typed", "7")
    assert ("Confirm these 2 values", "") == (form.confirm_button.description, form.confirm_button.layout.display)
    form.confirm_button.click()
    assert {"a": "250", "b": "251", "two": "", "typed": "7", "doubtful": ""} == form.values
    assert (["a", "b"], "none") == (confirmed, form.confirm_button.layout.display)
    form.close()


def test_press_confirms_what_was_shown_with_it() -> None:
    """A value that is read while the press is on its way is not confirmed; nor is one that takes another's place."""
    found = [Suggestion(words, "dashboard.png", PNG) for words in ("250", "251", "252")]
    fields = [Field(name, name, suggestions=(one,)) for name, one in zip("abc", found, strict=True)]
    form = Form([*fields[:2], replace(fields[2], suggestions=())])
    shown = form.confirm_button
    form.renew(fields)
    assert "Confirm these 3 values" == form.confirm_button.description
    shown.click()
    assert {"a": "250", "b": "251", "c": ""} == form.values
    form.renew(fields, entered=dict.fromkeys("abc", ""))
    shown = form.confirm_button
    form.renew([replace(fields[0], suggestions=(found[2],)), *fields[1:]], entered=dict.fromkeys("abc", ""))
    shown.click()
    assert {"a": "", "b": "251", "c": "252"} == form.values
    form.close()


def test_a_picture_has_words_that_are_escaped() -> None:
    """For who cannot see it."""
    shown = picture_html(PNG, 'a "b" <script>')
    assert 'alt="a &#34;b&#34; &lt;script&gt;"' in shown
    assert shown.startswith('<img src="data:image/png;base64,iVBORw0KGgog')

"""Forms and the button: what is entered is what is read, and nothing is left behind. Widgets work without a kernel."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from runbook_lib.domain.answers import QUESTIONS
from runbook_lib.domain.errors import InputError
from runbook_lib.jupyter.widgets import MIME, Button, Field, Form, Kind, Page, StateLine, Suggestion, picture_html

PNG = b"\x89PNG\r\n\x1a\n and so on"
FIELDS = (
    Field("plan", "Plan", Kind.CHOICE, ("premium", "free"), "premium", "license file", check=QUESTIONS["plan"].said),
    Field("expires_on", "Expired on", hint="YYYY-MM-DD", check=QUESTIONS["expires_on"].said),
)
FILES = Field("screenshots", "Screenshots", Kind.FILES)


class Heard(list[tuple[str, str]]):
    """What a form told of."""

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
    assert ("license file", "") == (form.rows["plan"].said, form.rows["expires_on"].said)


def test_what_is_entered_is_read_and_told(form: Form, heard: Heard) -> None:
    """By whoever runs the next cell; spaces around it do not count."""
    form.rows["plan"].input.value = " free"
    assert ("free", [("plan", "free")]) == (form.values["plan"], heard)
    assert "yours" == form.rows["plan"].said


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2026-11-06", "Friday, 6 November 2026"),
        ("2026-02-30", "✗ expires_on is '2026-02-30'; expected a day that exists, as YYYY-MM-DD."),
        ("2026-11", "✗ expires_on is '2026-11'; expected a date as YYYY-MM-DD, such as 2026-11-06."),
        ("", ""),
    ],
)
def test_it_says_what_it_makes_of_a_value(form: Form, typed: str, expected: str) -> None:
    """While it is typed, in words."""
    form.rows["expires_on"].input.value = typed
    assert expected == form.rows["expires_on"].said


def test_an_emptied_field_says_what_counts_then(form: Form) -> None:
    """What was found."""
    form.rows["plan"].input.value = ""
    assert "empty, so this counts: premium (license file)" == form.rows["plan"].said


def test_what_was_entered_before_stands_in_it(heard: Heard) -> None:
    """A form that is made anew, as for a cell that is run again."""
    form = Form(FIELDS, entered={"plan": "free"}, on_change=heard)
    assert ("free", "yours", []) == (form.values["plan"], form.rows["plan"].said, heard)
    form.close()


def test_a_choice_can_be_anything(form: Form) -> None:
    """It is typed like any text, since JupyterLab keeps the arrow keys from menus; the words say what is wrong."""
    assert ("premium", "free") == form.rows["plan"].input.options
    form.rows["plan"].input.value = "gold"
    assert form.rows["plan"].said.startswith("✗ plan is 'gold'; expected one of")


def test_what_may_also_be_changed_is_folded_away(heard: Heard) -> None:
    """Right below its button, which the page follows by itself."""
    form = Form(FIELDS[:1], folded=FIELDS[1:], on_change=heard)
    below = form.box.children[form.box.children.index(form.fold) + 1]
    assert [form.rows["expires_on"].box] == list(below.children)
    form.enter("expires_on", "2026-11-06")
    assert [("expires_on", "2026-11-06")] == heard
    form.close()


def test_the_next_form_keeps_the_pressed_button() -> None:
    """A press may be on its way while a form is replaced: its button must still be there to take it."""
    former = Form(FIELDS[:1], folded=FIELDS[1:])
    form = Form(FIELDS, folded=FIELDS[1:], fold=former.release())
    former.fold.value = True
    assert form.fold.value
    assert form.fold.comm is not None
    assert former.box.comm is None
    form.close()
    assert former.fold.comm is None


def test_a_line_below_puts_everything_into_words() -> None:
    """And follows."""
    form = Form(FIELDS, say=lambda values: " ".join(values.values()))
    form.enter("expires_on", "2026-11-06")
    assert "premium 2026-11-06" == form.said.value
    form.close()


def test_showing_it_again_shows_the_same_fields(form: Form) -> None:
    """With what was entered, and with nothing more that listens."""
    before, listening = form.view[MIME], listeners(form)
    form.enter("plan", "free")
    assert (before, listening) == (form.view[MIME], listeners(form))
    assert "free" == form.values["plan"]


def test_a_closed_form_listens_to_nothing(heard: Heard) -> None:
    """Nothing of it is left: no listener, no connection to a page."""
    form = Form((*FIELDS, FILES), folded=(), on_change=heard, keep=lambda name, content: "x.png")
    widgets = [widget for row in form.rows.values() for widget in row._parts]
    form.close()
    form.rows["plan"].input.value = "free"
    assert [] == heard
    assert [] == [widget for widget in (*widgets, form.fold, form.said, form.box) if widget.comm is not None]


def test_hostile_words_stay_words() -> None:
    """A source comes from a customer: it is escaped, its control characters named."""
    form = Form([Field("plan", "Plan", found="premium", source="<img src=x onerror=alert(1)>\u202e.png")])
    assert "<img src=x onerror=alert(1)>‹U+202E›.png" == form.rows["plan"].said
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
    row._uploaded({"new": uploaded("../../dash<b>.png")})
    assert ("kept-1.png", [("../../dash<b>.png", PNG)]) == (row.text, kept)
    row._uploaded({"new": uploaded("a.png", "b.png")})
    assert '["kept-1.png", "kept-2.png", "kept-3.png"]' == row.text


def test_a_file_that_is_refused_changes_nothing() -> None:
    """The field says why."""

    def keep(name: str, content: bytes) -> str:
        raise InputError("a.txt is no image.")

    row = Form([FILES], keep=keep).rows["screenshots"]
    row._uploaded({"new": uploaded("a.txt")})
    assert ("", "✗ a.txt is no image.") == (row.text, row.said)


def test_a_value_off_an_image_counts_only_when_confirmed(heard: Heard) -> None:
    """It stands beside its picture; the field stays empty until somebody presses."""
    suggestion = Suggestion("250", "dashboard.png", PNG)
    form = Form([Field("billable_users", "Billable users", suggestions=(suggestion,))], on_change=heard)
    assert ("", []) == (form.values["billable_users"], heard)
    confirm = next(w for w in form.rows["billable_users"]._parts if w.__class__.__name__ == "Button")
    assert "Confirm 250" == confirm.description
    confirm.click()
    assert ("250", [("billable_users", "250")]) == (form.values["billable_users"], heard)
    form.close()


def test_a_picture_has_words_that_are_escaped() -> None:
    """For who cannot see it."""
    shown = picture_html(PNG, 'a "b" <script>')
    assert 'alt="a &#34;b&#34; &lt;script&gt;"' in shown
    assert shown.startswith('<img src="data:image/png;base64,iVBORw0KGgog')


# -- the button


DOES = {"text/plain": "the plan"}


def nothing() -> Iterator[Mapping[str, Any]]:
    """No press is too late."""
    yield from ()


def test_pressing_shows_one_thing_after_the_other() -> None:
    """The last one stays."""
    button = Button("Perform", too_late=nothing)
    button.renew(DOES, lambda: iter([{"text/plain": "begun"}, {"text/plain": "done"}]))
    button.button.click()
    assert button.wait(10)
    assert {"text/plain": "done"} == button.output.outputs[0]["data"]
    assert not button.button.disabled
    button.close()


def test_a_double_click_presses_once() -> None:
    """What comes while it works is ignored; afterwards it can be pressed again."""
    go_on, presses = threading.Event(), []

    def press() -> Iterator[Mapping[str, Any]]:
        presses.append("pressed")
        assert go_on.wait(10)
        yield {"text/plain": "done"}

    button = Button("Perform", too_late=nothing)
    button.renew(DOES, press)
    button.button.click()
    button.button.click()
    assert button.button.disabled
    go_on.set()
    assert button.wait(10)
    assert ["pressed"] == presses
    button.button.click()
    assert button.wait(10)
    assert ["pressed", "pressed"] == presses


@pytest.mark.parametrize("at_work", [False, True])
def test_a_press_of_a_button_that_was_renewed_is_too_late(at_work: bool) -> None:
    """It was meant for what stood beside the old one. The new one is as ready as the old one was, and presses."""
    go_on, presses = threading.Event(), []

    def press() -> Iterator[Mapping[str, Any]]:
        presses.append("pressed")
        assert go_on.wait(10)
        yield {"text/plain": "done"}

    button = Button("Perform", too_late=lambda: iter([{"text/plain": "too late"}]))
    button.renew(DOES, press)
    old = button.button
    if at_work:
        old.click()
    button.renew({"text/plain": "another plan"}, press)
    shown, new, _ = button.box.children
    assert ("another plan", button.button) == (shown.outputs[0]["data"]["text/plain"], new)
    assert at_work == new.disabled
    go_on.set()
    assert button.wait(10)
    old.click()
    assert button.wait(10)
    assert {"text/plain": "too late"} == button.output.outputs[0]["data"]
    assert (["pressed"] if at_work else []) == presses
    button.button.click()
    assert button.wait(10)
    assert {"text/plain": "done"} == button.output.outputs[0]["data"]
    button.close()


def test_there_is_no_button_before_there_is_a_plan() -> None:
    """What was begun elsewhere is followed all the same."""
    button = Button("Perform", too_late=nothing)
    assert [button.output] == list(button.box.children)
    button.follow(lambda: iter([{"text/plain": "under way"}]))
    assert button.wait(10)
    assert {"text/plain": "under way"} == button.output.outputs[0]["data"]
    button.close()


def test_the_state_line_is_the_same_everywhere() -> None:
    """One widget, shown in many places; its words are escaped."""
    line = StateLine()
    line.say("<b>3 of 10</b>")
    assert "<div>&lt;b&gt;3 of 10&lt;/b&gt;</div>" == line.widget.value


# -- the page


class Reader:
    """A page that answers beside the tests' own thread, as JupyterLab does over a subshell.

    Args:
        page: The kernel's side of it.
        typed: Words that were typed: the end of each is sent when the answer before it was handled.

    Attributes:
        arrived: What the kernel has handled.
    """

    def __init__(self, page: Page, typed: Sequence[str] = ()) -> None:
        self._page, self._typed, self.arrived = page, list(typed), list[str]()
        self._asked: queue.Queue[int | None] = queue.Queue()
        page._ask.observe(lambda change: self._asked.put(change["new"]), names="value")
        self._asked.put(page._ask.value)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        deadline = time.monotonic() + 30
        while not page.is_there:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def _read(self) -> None:
        may_send = False
        while (asked := self._asked.get()) is not None:
            if may_send and self._typed:
                self.arrived.append(self._typed.pop(0))
            may_send = asked > 1  # the first answer is that of a page that was just opened
            self._page._answer.value = asked

    def leave(self) -> None:
        """The page is closed."""
        self._asked.put(None)
        self._thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page(patience_s=0.05)
    yield made
    made.close()


def test_nobody_is_waited_for_where_no_page_is(page: Page) -> None:
    """In a run by papermill, for one."""
    page.settle()
    assert (False, 1) == (page.is_there, page._ask.value)


def test_what_waits_in_the_page_has_arrived(page: Page) -> None:
    """What the page may send when its first message was handled comes before the second answer."""
    page._patience_s = 60
    reader = Reader(page, ["2026-11-05"])
    page.settle()
    assert ["2026-11-05"] == reader.arrived
    reader.leave()


def test_answers_on_two_threads_prove_nothing(page: Page) -> None:
    """After a page was loaded anew the answers may overtake what it had sent: two in a row on one thread are needed."""
    page._patience_s = 60
    threads: list[threading.Thread] = []

    def answer(number: int) -> None:
        time.sleep(0.01)  # until somebody waits
        page._answer.value = number

    def on_its_own_thread(change: Mapping[str, int]) -> None:
        threads.append(threading.Thread(target=answer, args=(change["new"],)))
        threads[-1].start()

    Reader(page).leave()
    page._ask.unobserve_all()
    page._ask.observe(on_its_own_thread, names="value")
    page.settle()
    assert Page._ROUNDS == len(threads)
    for thread in threads:
        thread.join()


def test_a_page_that_was_closed_is_waited_for_once(page: Page) -> None:
    """And counts again when it answers."""
    Reader(page).leave()
    page.settle()
    assert (False, 2) == (page.is_there, page._ask.value)
    page.settle()
    assert 2 == page._ask.value
    Reader(page).leave()
    assert page.is_there


def test_a_page_that_is_heard_only_between_cells_is_not_waited_for(page: Page) -> None:
    """Its answer would come after the cell that waits. It is asked some times over, since that may change."""
    page._patience_s = 60
    page._ask.observe(lambda change: setattr(page._answer, "value", change["new"]), names="value")
    page._answer.value = 1
    assert (True, Page._TRIES) == (page.is_there, page._ask.value)
    page.settle()
    assert Page._TRIES == page._ask.value

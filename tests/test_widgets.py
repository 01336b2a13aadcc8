"""The form: what is entered in it is what is read, and nothing is left behind. Widgets work without a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import pytest

from runbook_lib.widgets import Field, Form, Kind

FIELDS = (
    Field("since", "since", Kind.DAY),
    Field("outcome", "outcome", Kind.CHOICE, ("escalated", "license_issued")),
    Field("ticket", "ticket", Kind.TEXT),
)
EMPTY = {"since": "", "outcome": "", "ticket": ""}
FILLED = {"since": "2026-11-16", "outcome": "escalated", "ticket": "1001"}


def said(values: Mapping[str, str]) -> str:
    """What the form says of what is entered."""
    return " ".join(values.values())


@pytest.fixture
def form() -> Iterator[Form]:
    """A form that is filled in."""
    made = Form(FIELDS, FILLED, said)
    yield made
    made.close()


def test_it_begins_with_what_is_given(form: Form) -> None:
    """And reads as plain text."""
    assert FILLED == form.values
    assert date(2026, 11, 16) == form.widgets["since"].value
    assert "2026-11-16 escalated 1001" == form.said.value


def test_what_is_entered_is_read(form: Form) -> None:
    """By whoever runs the next cell; the line below follows."""
    form.widgets["since"].value = None
    form.widgets["outcome"].value = "license_issued"
    form.widgets["ticket"].value = " 1002"
    assert {"since": "", "outcome": "license_issued", "ticket": " 1002"} == form.values
    assert " license_issued  1002" == form.said.value


def test_an_empty_form() -> None:
    """An empty field is an empty text."""
    form = Form(FIELDS, {}, said)
    assert EMPTY == form.values
    form.close()


def test_a_choice_is_offered_and_can_be_taken_back(form: Form) -> None:
    """Typed like any text, since JupyterLab keeps the arrow keys from menus."""
    assert ("escalated", "license_issued") == form.widgets["outcome"].options
    form.widgets["outcome"].value = ""
    assert "" == form.values["outcome"]


def test_a_value_that_is_no_choice_is_kept() -> None:
    """A parameter may name what no record has yet."""
    form = Form(FIELDS, {"outcome": "resolved_itself"}, said)
    assert "resolved_itself" == form.values["outcome"]
    form.close()


def test_showing_it_again_shows_the_same_fields(form: Form) -> None:
    """With what was entered, and with nothing more that listens."""
    before = form.view
    form.widgets["ticket"].value = "1003"
    listeners = [len(widget._trait_notifiers.get("value", {}).get("change", [])) for widget in form.widgets.values()]
    assert before == form.view
    assert "application/vnd.jupyter.widget-view+json" in before
    assert listeners == [
        len(widget._trait_notifiers.get("value", {}).get("change", [])) for widget in form.widgets.values()
    ]
    assert "1003" == form.values["ticket"]


def test_a_closed_form_listens_to_nothing() -> None:
    """Nothing of it is left."""
    heard: list[Mapping[str, str]] = []

    def listen(values: Mapping[str, str]) -> str:
        heard.append(values)
        return ""

    form = Form(FIELDS, FILLED, listen)
    form.close()
    form.widgets["ticket"].value = "9"
    assert [FILLED] == heard
    assert not [widget for widget in form.widgets.values() if widget.comm is not None]

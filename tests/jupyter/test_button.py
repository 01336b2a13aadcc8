"""A button: one press at a time, and none that was meant for another description."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from runbook_lib.jupyter.button import DONE, LABEL, Button

DOES, MORE = {"text/plain": "the plan"}, {"text/plain": "its texts"}


def nothing() -> Iterator[Mapping[str, Any]]:
    """No press is too late."""
    yield from ()


def test_pressing_shows_one_thing_after_the_other() -> None:
    """The last one stays."""
    button = Button(too_late=nothing)
    button.renew(DOES, MORE, lambda: iter([{"text/plain": "begun"}, {"text/plain": "done"}]))
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

    button = Button(too_late=nothing)
    button.renew(DOES, MORE, press)
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
def test_press_of_a_renewed_button_is_too_late(at_work: bool) -> None:
    """It was meant for what stood beside the old one. The new one is as ready as the old one was, and presses."""
    go_on, presses = threading.Event(), []

    def press() -> Iterator[Mapping[str, Any]]:
        presses.append("pressed")
        assert go_on.wait(10)
        yield {"text/plain": "done"}

    button = Button(too_late=lambda: iter([{"text/plain": "too late"}]))
    button.renew(DOES, MORE, press)
    old = button.button
    if at_work:
        old.click()
    button.renew({"text/plain": "another plan"}, MORE, press)
    shown, new, _, _ = button.box.children
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
    button = Button(too_late=nothing)
    assert [button.output] == list(button.box.children)
    button.follow(lambda: iter([{"text/plain": "under way"}]))
    assert button.wait(10)
    assert {"text/plain": "under way"} == button.output.outputs[0]["data"]
    button.close()


def test_button_without_work_cannot_be_pressed() -> None:
    """It is grey and says why, until there is something to do again."""
    button = Button(too_late=nothing)
    button.renew(DOES, MORE, lambda: iter([{"text/plain": "done"}]))
    button.finish(is_done=True)
    assert (DONE, "", True) == (button.button.description, button.button.button_style, button.button.disabled)
    button.follow(lambda: iter([{"text/plain": "under way"}]))
    assert button.wait(10)
    assert button.button.disabled
    button.renew(DOES, MORE, lambda: iter([]))
    assert (LABEL, "primary", False) == (
        button.button.description,
        button.button.button_style,
        button.button.disabled,
    )
    button.close()

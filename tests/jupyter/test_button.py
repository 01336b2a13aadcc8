"""A button: one press at a time, and none that was meant for another description."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from runbook_lib.jupyter.button import DONE, LABEL, Button
from tests.cases.walking import ended

DOES, MORE = {"text/plain": "the plan"}, {"text/plain": "its texts"}


def nothing() -> Iterator[Mapping[str, Any]]:
    """No press is too late."""
    yield from ()


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
    assert ended(button.worker, 10)
    assert ["pressed"] == presses
    button.button.click()
    assert ended(button.worker, 10)
    assert ["pressed", "pressed"] == presses


def test_button_without_work_cannot_be_pressed() -> None:
    """It is grey and says why, until there is something to do again."""
    button = Button(too_late=nothing)
    button.renew(DOES, MORE, lambda: iter([{"text/plain": "done"}]))
    button.finish(DONE)
    assert (DONE, "", True) == (button.button.description, button.button.button_style, button.button.disabled)
    button.follow(lambda: iter([{"text/plain": "under way"}]))
    assert ended(button.worker, 10)
    assert button.button.disabled
    button.renew(DOES, MORE, lambda: iter([]))
    assert (LABEL, "primary", False) == (
        button.button.description,
        button.button.button_style,
        button.button.disabled,
    )
    button.close()

"""Where a step is shown: what `runbook lab` makes short, and what it folds, goes by the classes of its place."""

from __future__ import annotations

import pytest

from runbook_lib.display import Card, Tone
from runbook_lib.jupyter.forms import Form, fold
from runbook_lib.jupyter.places import SETTLED, SHORT, Place
from runbook_lib.results import StepResult


@pytest.mark.parametrize(
    ("tone", "asks", "is_needed", "marks"),
    [
        (Tone.GOOD, (), False, {SETTLED, SHORT}),
        (Tone.ASK, (), False, {SETTLED, SHORT}),
        (Tone.ASK, ("plan",), False, {SETTLED}),
        (Tone.ASK, ("plan",), True, set()),
        (Tone.STOP, (), False, set()),
    ],
    ids=["done", "to be looked at", "asks", "waits for an answer", "stopped"],
)
def test_only_what_nothing_waits_for_is_settled(
    tone: Tone, asks: tuple[str, ...], is_needed: bool, marks: set[str]
) -> None:
    """And only what asks nothing is short; what was settled is so no more when it is asked again."""
    place = shown_place()
    place.asks, place.is_needed = asks, is_needed
    place.show(StepResult(Card("Step", "state", tone, "PRACTICE"), {}))
    assert marks == set(place.box._dom_classes)


def test_the_last_card_is_never_short() -> None:
    """It has the decision with its evidence."""
    assert {SETTLED} == set(shown_place(is_short=False).box._dom_classes)


def shown_place(*, is_short: bool = True) -> Place:
    """A place with a card that asks nothing."""
    button = fold("Change an answer")
    place = Place(Form(fold=button), button, lambda is_open: None, is_short=is_short)
    place.show(StepResult(Card("Step", "done", Tone.GOOD, "PRACTICE"), {}))
    return place

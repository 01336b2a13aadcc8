"""A person at JupyterLab, for tests: runs cells, fills in forms, presses the button. No kernel is needed."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import IPython
import pytest
from ipywidgets.widgets.widget import _instances

from runbook_lib.jupyter.forms import WIDGET_MIME, Form, Row
from runbook_lib.jupyter.perform_button import PerformButton
from runbook_lib.jupyter.session import Session
from runbook_lib.results import StepResult
from runbook_lib.settings import ROOT
from tests.practice import World

ROBIN = "UPDATE tickets SET assignee_id = (SELECT id FROM users WHERE name = 'Robin Weekend') WHERE id = ?"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20_000)


def text_of(output: Any) -> str:
    """What an output widget shows, as text."""
    return str(output.outputs[0]["data"]["text/plain"]) if output.outputs else ""


def sit_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """At JupyterLab, in the folder of the notebooks."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(world.outputs))
    monkeypatch.chdir(ROOT / "notebooks")
    monkeypatch.setattr("IPython.get_ipython", Shell().get)


class Shell:
    """IPython in a kernel of JupyterLab's, which may ask for input, and keeps the notebook's names."""

    def __init__(self) -> None:
        self.kernel = SimpleNamespace(_allow_stdin=True)
        self.user_ns: dict[str, object] = {}

    def get(self) -> Shell:
        return self


class Screen:
    """What JupyterLab shows below the cells: each place with its card as it is now, in the order of their cells."""

    def __init__(self) -> None:
        self._shown: dict[str, dict[str, Any]] = {}

    def show(self, bundle: dict[str, Any], *, raw: bool) -> None:
        """A cell shows a place, whose widget the page follows."""
        assert raw
        self._shown[bundle[WIDGET_MIME]["model_id"]] = bundle

    @property
    def cards(self) -> dict[str, str]:
        """The card of each place that was shown."""
        alive = {key: _instances[key] for key in self._shown if key in _instances}
        return {key: text_of(box.children[0]) for key, box in alive.items()}

    @property
    def first_cards(self) -> list[str]:
        """Each card as it was when its cell ran: what the notebook's file has."""
        return [str(bundle["text/plain"]) for bundle in self._shown.values()]

    def clear(self) -> None:
        """Forget what was shown."""
        self._shown.clear()

    def card(self, title: str) -> str:
        """The card of a step, as it is now; of the case that was opened last."""
        *_, found = [card for card in self.cards.values() if re.match(rf"\[[^]]*\] {re.escape(title)} \(", card)]
        return found

    def below(self, title: str) -> list[Any]:
        """The widgets below a step's card."""
        boxes = [_instances[key] for key in self._shown if key in _instances]
        return [one for box in boxes if f"] {title} (" in text_of(box.children[0]) for one in box.children[1:]]


def session(case: Any) -> Session:
    """What the notebook has in place of the bare case."""
    assert isinstance(case, Session)
    return case


def run(case: Any, until: str | None = None, **given: Any) -> None:
    """Run the cells, as Run All does, up to a step and with it."""
    for name in case.order:
        own = {one: given.get(one, default) for one, default in PARAMETERS.get(name, {}).items()}
        getattr(case, name)(**own)
        if name == until:
            return


def unknown(*names: str) -> dict[str, object]:
    return dict.fromkeys(names, "unknown")


PARAMETERS: dict[str, dict[str, object]] = {
    "take": {"take_over": False},
    "collect_facts": unknown(
        "plan", "expires_on", "deployment", "account_type", "requester_email", "billable_users", "confirmed"
    ),
    "confirm_identity": unknown("identity_confirmed"),
    "confirm_subscription": {**unknown("screenshots", "user_count"), "ask_customer": False},
    "choose_users": unknown("user_count"),
    "find_account": unknown("has_account"),
    "check_access": unknown("has_access"),
    "find_subscription": unknown("subscription"),
    "check_entry": unknown("entry_today"),
    "decide": {"escalate": False},
}
"""What the cells pass to the steps."""
NOTHING = PARAMETERS["collect_facts"]


def form(case: Any, step: str) -> Form:
    """A step's form, once the images are read."""
    assert session(case).input.images.wait(120)
    found = form_now(case, step)
    assert found
    return found


def form_now(case: Any, step: str) -> Form | None:
    """A step's form, whatever is being read; None where it asks nothing."""
    place = session(case).board.places.get(step)
    return place.form if place and place.form.rows else None


def fold(case: Any, step: str) -> Any:
    """The button that opens what may be changed in a step."""
    return session(case).board.places[step].fold


def entered(case: Any) -> Mapping[str, str]:
    """What was entered, by parameter."""
    return session(case).input.entered


def cards(case: Any) -> dict[str, StepResult]:
    """The card of each step that was shown, as it is now."""
    return {name: place.card for name, place in session(case).board.places.items() if place.card}


def ended(worker: threading.Thread | None, timeout_s: float = 120) -> bool:
    """Wait for the end of what a press has begun; whether that came."""
    if worker:
        worker.join(timeout_s)
    return not (worker and worker.is_alive())


def fields(case: Any, step: str) -> list[str]:
    """The fields that a step's form has."""
    found = form_now(case, step)
    return list(found.rows) if found else []


def row(case: Any, step: str, name: str) -> Row:
    """One field of a step's form."""
    return form(case, step).rows[name]


def suggested(case: Any, step: str, name: str) -> list[str]:
    """The buttons that confirm a value."""
    return [str(button.description) for button in row(case, step, name).confirm_buttons]


def state(case: Any) -> str:
    """What the state line says."""
    return session(case).board.state


def sources(case: Any, *names: str) -> list[str | None]:
    """Who says what counts."""
    return [fact and str(fact.source) for fact in map(case.facts.best, names)]


def keep_in_kernel(case: Any) -> None:
    """The notebook has this case, so that opening the ticket again goes on from it, as Run All does."""
    names = IPython.get_ipython().user_ns
    names[f"_{len(names)}"] = case


def button_of(case: Any) -> PerformButton:
    """The button below the last card, with what stands above and below it."""
    found = session(case).button
    assert found
    return found


def plan(case: Any) -> str:
    """What stands above the button and in its details, in every page."""
    widget = button_of(case).widget
    return f"{text_of(widget.description)}\n{text_of(widget.details)}"


def press(case: Any) -> str:
    """Press the button, and wait for its end; what is shown then."""
    widget = button_of(case).widget
    widget.button.click()
    assert ended(widget.worker)
    return text_of(widget.output)


def asked(case: Any) -> list[str]:
    """What the page asks whether it is there."""
    return [question.name for question in button_of(case).answers.questions]


def answer(case: Any, label: str, *, place: int = 0) -> str:
    """Press a button of one of these questions, and wait for its end; why it was not taken, or what came of it."""
    button = button_of(case)
    row = button.answers.box.children[place]
    *buttons, note = row.children[1].children
    next(one for one in buttons if one.description == label).click()
    assert ended(button.widget.worker)
    is_refused = row in button.answers.box.children
    return re.sub("<[^>]*>", "", note.value) if is_refused else text_of(button.widget.output)

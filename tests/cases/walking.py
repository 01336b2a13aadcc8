"""A person at JupyterLab, for tests: runs cells, fills in forms, presses the button. No kernel is needed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runbook_lib.cases import base
from runbook_lib.cases.walk import Walk
from runbook_lib.jupyter.widgets import Button
from runbook_lib.results import StepResult
from runbook_lib.settings import ROOT
from tests.practice import World

ROBIN = "UPDATE tickets SET assignee_id = (SELECT id FROM users WHERE name = 'Robin Weekend') WHERE id = ?"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20_000)


def sit_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """At JupyterLab, in the folder of the notebooks."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(world.outputs))
    monkeypatch.chdir(ROOT / "notebooks")
    monkeypatch.setattr(base, "somebody_is_there", lambda: True)


class Screen:
    """What JupyterLab shows: the last card under each display id."""

    def __init__(self) -> None:
        self.cards: dict[str, str] = {}
        self._known: set[str] = set()

    def show(self, shown: Any, display_id: str = "") -> None:
        if isinstance(shown, StepResult):
            self._known.add(display_id)
            self.cards[display_id] = repr(shown)

    def update(self, shown: StepResult, display_id: str) -> None:
        if display_id in self._known:
            self.cards[display_id] = repr(shown)

    def reload(self) -> None:
        """The page is loaded anew: its cards are there, but it does not know any more under which ids."""
        self._known.clear()

    def card(self, title: str) -> str:
        """The card of a step, as it is now; of the case that was opened last."""
        *_, found = [card for card in self.cards.values() if re.match(rf"\[[^]]*\] {re.escape(title)} \(", card)]
        return found


def way(case: Any) -> Walk:
    """The walk of a case."""
    assert case.walk
    return case.walk  # type: ignore[no-any-return]


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
    "confirm_subscription": {**unknown("screenshots"), "ask_customer": False},
    "choose_users": unknown("user_count"),
    "find_account": unknown("has_account"),
    "check_access": unknown("has_access"),
    "find_subscription": unknown("subscription"),
    "check_entry": unknown("entry_today"),
    "decide": {"escalate": False},
}
"""What the cells pass to the steps."""
NOTHING = PARAMETERS["collect_facts"]


def fields(case: Any, step: str) -> list[str]:
    """The fields that a step's form has."""
    form = way(case)._places[step].form
    return list(form.rows) if form else []


def row(case: Any, step: str, name: str) -> Any:
    """One field of a step's form."""
    return way(case)._places[step].form.rows[name]  # type: ignore[union-attr]


def state(case: Any) -> str:
    """What the state line says."""
    return re.sub(r"<[^>]+>", "", way(case)._state.widget.value)


def suggested(case: Any, step: str, name: str) -> list[str]:
    """The buttons that confirm a value."""
    return [part.description for part in row(case, step, name)._parts if hasattr(part, "click")]


def sources(case: Any, *names: str) -> list[str | None]:
    """Who says what counts."""
    return [fact and str(fact.source) for fact in map(case.facts.best, names)]


def in_the_kernel(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook has this case, so that opening the ticket again goes on from it, as Run All does."""
    monkeypatch.setattr(base, "get_ipython", lambda: type("Shell", (), {"user_ns": {"case": case}}))


def button_of(case: Any) -> Button:
    """The button below the last card, with what stands above and below it."""
    found = way(case)._press
    assert found is not None
    return found.button


def plan(case: Any) -> str:
    """What stands above the button, in every page."""
    return str(button_of(case).does.outputs[0]["data"]["text/plain"])


def press(case: Any) -> str:
    """Press the button, and wait for its end; what is shown then."""
    button = button_of(case)
    button.button.click()
    assert button.wait(120)
    return str(button.output.outputs[0]["data"]["text/plain"])

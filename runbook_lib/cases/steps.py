"""The steps of a case: each is a method under `@step`, and one code cell of the notebook.

Steps run in the order in which their class has them; once the case has its outcome, the rest say why they do nothing. A
step that cannot go on shows what is missing and raises, which stops *Run All* and papermill alike.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec

from runbook_lib.domain import parameters
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.models import Outcome
from runbook_lib.domain.plan import Action, ToCome
from runbook_lib.ledger.effects import EffectResult
from runbook_lib.results import StepResult, show


class Steps:
    """Which steps of a case were run, with which answers, and with which effects.

    Attributes:
        running: The one that runs, or ran last.
        ended_by: The one that gave the case its outcome, or "".
    """

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.order = names(kind)  # their names, as the notebook calls them
        self.done: set[str] = set()  # those that were run
        self.given: dict[str, str] = {}  # every answer so far, `unknown` too, as typed on the command line
        self.outcome: Outcome | None = None  # how the case ended, or in a rehearsal would end; None while it is open
        self.to_come: ToCome | None = None  # the change that the outcome rests on, if on one
        self.running = self.ended_by = ""
        self._applied: dict[str, list[tuple[EffectResult, Action]]] = {}

    def title(self, name: str) -> str:
        return str(getattr(getattr(self._kind, name, None), "title", ""))

    @property
    def is_needed(self) -> bool:
        """Whether later steps depend on the step that is running."""
        return bool(getattr(getattr(self._kind, self.running, None), "needed", True))

    @property
    def applied(self) -> list[tuple[EffectResult, Action]]:
        """The effects so far, in the order of the steps, each as a plan has it too."""
        return [one for of_step in self._applied.values() for one in of_step]

    def begin(self, name: str) -> None:
        """Begin a step: the effects and the outcome of it and those after it are forgotten, so that it decides anew.

        Raises:
            InputError: One before it has not been run.
        """
        place = self.order.index(name)
        if skipped := [earlier for earlier in self.order[:place] if earlier not in self.done]:
            raise InputError(f"Run the cells above first: the step {skipped[0]!r} has not been run.")
        for forgotten in self.order[place:]:
            self.done.discard(forgotten)
            self._applied.pop(forgotten, None)
            if self.ended_by == forgotten:
                self.outcome, self.to_come, self.ended_by = None, None, ""
        self.running = name

    def remember(self, result: EffectResult, action: Action) -> None:
        self._applied.setdefault(self.running, []).append((result, action))

    def end(self, outcome: Outcome, to_come: ToCome | None = None) -> None:
        """End the case with this outcome; the steps that follow do nothing."""
        self.outcome, self.to_come, self.ended_by = outcome, to_come, self.running

    def finish(self, name: str, given: Mapping[str, Any]) -> None:
        self.given.update({one: parameters.QUESTIONS[one].typed(value) for one, value in given.items()})
        self.done.add(name)


_P = ParamSpec("_P")
_Method = Callable[Concatenate[Any, _P], StepResult]
"""A step's method; the case that it is of is a `base.Case`, which is made of what is here."""


def names(kind: type) -> tuple[str, ...]:
    return tuple(name for name, one in vars(kind).items() if hasattr(one, "attempt"))


def step(title: str, *, always: bool = False, needed: bool = True) -> Callable[[_Method[_P]], _Method[_P]]:
    """Make a method a step of its case; a function of a case is one of each class that has it as an attribute.

    Args:
        title: The step's heading, the workflow's own words where it has some.
        always: Whether it runs even if the case has ended.
        needed: Whether what follows needs what it does. A step that only notifies is not: where that cannot be
            done, the case goes on, and the next run makes up for it.
    """

    def wrap(method: _Method[_P]) -> _Method[_P]:
        name = method.__name__
        signature = inspect.signature(method)
        defaults = {one.name: one.default for one in signature.parameters.values() if one.default is not one.empty}

        def attempt(case: Any, given: Mapping[str, Any]) -> StepResult:
            given = {**defaults, **given}  # so that a run takes none from the notebook's own cell
            case.steps.begin(name)
            over = case.steps.outcome is not None and not always
            found = case.nothing_to_do() if over else method(case, **given)  # type: ignore[call-arg]
            case.steps.finish(name, given)
            card = replace(found.card, title=title, is_headed=True)
            return replace(found, card=card, data={**found.data, "step": name})

        @functools.wraps(method)
        def run(case: Any, /, *args: _P.args, **given: _P.kwargs) -> StepResult:
            try:
                return attempt(case, given)
            except RunbookError as exc:
                show(case.stopped(title, exc))
                raise

        run.title = title  # type: ignore[attr-defined]
        run.needed = needed  # type: ignore[attr-defined]
        run.attempt = attempt  # type: ignore[attr-defined]
        return run

    return wrap

"""The steps of a case: each is a method under `@step`, and one code cell of the notebook.

Steps run in the order that the case states; once it has its outcome, the rest say why they do nothing. A step that
cannot go on shows what is missing and raises, which stops *Run All* and papermill alike.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from runbook_lib.domain import answers
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.models import Outcome
from runbook_lib.results import StepResult, show


class Steps:
    """Which steps of a case were run, and with which answers.

    Attributes:
        order: Their names, as the notebook calls them.
        done: The titles of those that were run, by name.
        given: Every answer so far, `unknown` too, as typed on the command line.
        running: The one that runs, or ran last.
        ended_by: The one that gave the case its outcome, or "".
    """

    def __init__(self, order: tuple[str, ...]) -> None:
        self.order = order
        self.done: dict[str, str] = {}
        self.given: dict[str, str] = {}
        self.running = self.ended_by = ""

    def begin(self, name: str) -> tuple[str, ...]:
        """Begin a step: it and those after it are not done any more; returns their names.

        Raises:
            InputError: One before it has not been run.
        """
        place = self.order.index(name)
        if skipped := [earlier for earlier in self.order[:place] if earlier not in self.done]:
            raise InputError(f"Run the cells above first: the step {skipped[0]!r} has not been run.")
        for later in self.order[place:]:
            self.done.pop(later, None)
        self.running = name
        return self.order[place:]

    def finish(self, name: str, title: str, given: Mapping[str, Any]) -> None:
        """A step was run with these parameters."""
        self.given.update({one: answers.QUESTIONS[one].typed(value) for one, value in given.items()})
        self.done[name] = title


class _HasSteps(Protocol):
    """A case, as far as a step needs it."""

    steps: Steps
    outcome: Outcome | None

    def begin(self, name: str) -> None: ...
    def nothing_to_do(self) -> StepResult: ...
    def stopped(self, title: str, exc: RunbookError) -> StepResult: ...


_C = TypeVar("_C", bound=_HasSteps)
_P = ParamSpec("_P")
_Method = Callable[Concatenate[_C, _P], StepResult]


def step(title: str, *, always: bool = False, needed: bool = True) -> Callable[[_Method[_C, _P]], _Method[_C, _P]]:
    """Make a method a step of its case.

    Args:
        title: The step's heading, the workflow's own words where it has some.
        always: Whether it runs even if the case has ended.
        needed: Whether what follows needs what it does. A step that only tells somebody is not: where that cannot be
            done, the case goes on, and the next run makes up for it.
    """

    def wrap(method: _Method[_C, _P]) -> _Method[_C, _P]:
        name = method.__name__
        defaults = {one.name: one.default for one in inspect.signature(method).parameters.values()}
        defaults = {one: value for one, value in defaults.items() if value is not inspect.Parameter.empty}

        def attempt(case: _C, given: Mapping[str, Any]) -> StepResult:
            given = {**defaults, **given}  # or a run would have what the notebook's file has
            case.begin(name)
            over = case.outcome is not None and not always
            found = case.nothing_to_do() if over else method(case, **given)  # type: ignore[call-arg]
            case.steps.finish(name, title, given)
            return replace(found, card=replace(found.card, title=title), data={**found.data, "step": name})

        @functools.wraps(method)
        def run(case: _C, /, *args: _P.args, **given: _P.kwargs) -> StepResult:
            try:
                return attempt(case, given)
            except RunbookError as exc:
                show(case.stopped(title, exc))
                raise

        run.is_step = True  # type: ignore[attr-defined]
        run.title = title  # type: ignore[attr-defined]
        run.needed = needed  # type: ignore[attr-defined]
        run.attempt = attempt  # type: ignore[attr-defined]
        return run

    return wrap

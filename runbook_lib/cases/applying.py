"""Applies the effects of a case, and remembers each for its plan and its last card."""

from __future__ import annotations

from typing import Protocol

from runbook_lib.cases.base import Case
from runbook_lib.domain.errors import OutcomeUnknownError, RefusedError, RunbookError, UnavailableError
from runbook_lib.domain.models import EffectState
from runbook_lib.domain.plan import Action, ExactText, Target
from runbook_lib.ledger.effects import Effect, EffectResult, Lookup


class Shown(Lookup, Protocol):
    """Something to be looked for that a plan can show: it knows where it is, and its exact texts."""

    @property
    def target(self) -> Target: ...
    @property
    def texts(self) -> tuple[ExactText, ...]: ...


class PlannedEffect(Shown, Effect, Protocol):
    """An effect that a plan can show."""


def apply(case: Case, effect: PlannedEffect) -> EffectResult:
    """Apply an effect and remember it for the plan and the summary.

    Raises:
        RunbookError: As `Effects.apply`; but a step that nothing waits for goes on without what cannot be reached.
    """
    try:
        applied = case.effects.apply(effect)
    except (RefusedError, UnavailableError, OutcomeUnknownError) as exc:
        if case.steps.is_needed:
            raise
        applied = _unavailable(case, effect, exc)
    return _remembered(case, effect, applied)


def look(case: Case, effect: Shown) -> EffectResult | None:
    """What is there already of an effect, remembered for plan and summary; None if nothing is."""
    found = case.effects.adopt(effect)
    return _remembered(case, effect, found) if found else None


def by_hand(case: Case, operation_id: str) -> str:
    """How a person ends an effect that cannot be done, after "run again"; "" in a rehearsal, which leaves none."""
    command = f"runbook answer {case.ticket.id} {operation_id.removeprefix(case.operation(''))} yes"
    return f", or do it by hand and say so: `{command}`" if case.perform else ""


def unfinished(case: Case) -> str:
    """What could not be done although the case has its outcome, and the way on; begins with a blank, or is ""."""
    return "".join(f" {effect.trouble}" for effect in case.applied if case.perform and effect.trouble)


def _remembered(case: Case, effect: Shown, result: EffectResult) -> EffectResult:
    action = Action(
        effect.operation_id,
        result.name,
        case.steps.title(case.steps.running),
        result.summary,
        effect.target,
        effect.texts if result.state is EffectState.PLANNED else (),
        result.state,
        result.evidence,
        result.trouble,
    )
    case.steps.remember(result, action)
    return result


def _unavailable(case: Case, effect: Effect, exc: RunbookError) -> EffectResult:
    """What becomes of an effect that nothing waits for: the next run makes up for it, or a person does."""
    if not case.perform:
        trouble = f"{exc} This could not be looked at; it is tried again when this is performed."
        return EffectResult(effect.name, effect.summary, EffectState.PLANNED, error=exc, trouble=trouble)
    if there := case.effects.journal.settled(effect.operation_id):  # once; a second one could not be taken back
        return EffectResult(effect.name, effect.summary, EffectState.ALREADY_DONE, there, exc, str(exc))
    way_on = "" if isinstance(exc, OutcomeUnknownError) else f" Run again{by_hand(case, effect.operation_id)}."
    trouble = f"Not done: {effect.summary}. {exc}{way_on}"
    return EffectResult(effect.name, effect.summary, EffectState.UNAVAILABLE, error=exc, trouble=trouble)

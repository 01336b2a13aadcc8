"""The last card of a case: its outcome with every effect; in a rehearsal the command that performs it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runbook_lib.cases import scope
from runbook_lib.cases.applying import unfinished
from runbook_lib.cases.base import Case
from runbook_lib.cases.cards import effect_parts
from runbook_lib.display import Part, Preview, Tone
from runbook_lib.domain.models import EffectState, Outcome
from runbook_lib.results import StepResult

_TONES = {
    Outcome.LICENSE_ISSUED: Tone.GOOD,
    Outcome.LICENSE_FOUND: Tone.GOOD,
    Outcome.RESOLVED_ITSELF: Tone.GOOD,
    Outcome.OUT_OF_SCOPE: Tone.STOP,
}


def closing_card(case: Case, ending: str, *more: Part, **data: Any) -> StepResult:
    """The last card.

    `ending` stands after the outcome's name, and is a whole sentence where the case has none. What is out of
    scope is said here.
    """
    words = _outcome_words(case, case.outcome, ending) if case.outcome else ending
    words += unfinished(case)
    planned = any(effect.state is EffectState.PLANNED for effect in case.applied)
    parts = (case.summary_table, *more, *(effect_parts(*case.applied, in_view=True) if case.applied else ()))
    parts += (Preview("to perform it", case.command),) if planned else ()
    tone = _TONES.get(case.outcome, Tone.ASK) if case.outcome else Tone.ASK
    tone = Tone.PLAN if planned else Tone.ASK if unfinished(case) else tone
    state, about = str(case.outcome or "goes on"), case.summary
    result = case.card(state, tone, words, *parts, closing=True, about=about, **data)
    if case.outcome:  # a name is for programs only
        result = replace(result, card=replace(result.card, state=case.outcome.words))
    return result


def _outcome_words(case: Case, outcome: Outcome, ending: str) -> str:
    if outcome is Outcome.OUT_OF_SCOPE and case.verdict:
        ending = f". {scope.against(case.verdict)} Nothing is sent to the customer: answer them yourself."
    return f"{'' if case.perform else 'Would end: '}{outcome.words}{ending}"

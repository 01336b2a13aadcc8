"""How effects look on cards, and what a program reads of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from runbook_lib.display import Paragraph, Part, Table, Tone
from runbook_lib.domain.models import EffectState, Evidence
from runbook_lib.ledger.effects import EffectResult

_STATE_WORDS = {
    EffectState.PLANNED: "planned",
    EffectState.DONE: "done",
    EffectState.ADOPTED: "found, not repeated",
    EffectState.ALREADY_DONE: "done before, not repeated",
    EffectState.UNAVAILABLE: "unavailable",
}


def effect_data(effect: EffectResult) -> dict[str, Any]:
    """An effect as a program reads it."""
    evidence = asdict(effect.evidence) if effect.evidence else None
    why = {"reason": effect.trouble} if effect.trouble else {}
    return {"name": effect.name, "state": effect.state, "summary": effect.summary, **why, "evidence": evidence}


def effect_parts(*effects: EffectResult) -> tuple[Part, ...]:
    """Effects as the reader sees them."""
    rows = [(_STATE_WORDS[e.state], e.summary, evidence_words(e.evidence)) for e in effects]
    troubles = tuple(Paragraph(effect.trouble, strong=True) for effect in effects if effect.trouble)
    return (*troubles, Table(("effect", "what", "evidence"), rows))


def effect_tone(effect: EffectResult) -> Tone:
    """Purple for a plan, green for what is there, amber for what could not be done or looked at."""
    if effect.trouble:
        return Tone.ASK
    return Tone.PLAN if effect.state is EffectState.PLANNED else Tone.GOOD


def effect_state(effect: EffectResult) -> str:
    """An effect's state in words."""
    return _STATE_WORDS[EffectState.UNAVAILABLE if effect.trouble else effect.state]


def evidence_words(evidence: Evidence | None) -> str:
    """Evidence in one line."""
    if evidence is None:
        return "–"
    return f"{evidence.summary} {evidence.url}".strip()

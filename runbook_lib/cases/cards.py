"""How a ticket, effects, a plan and a step that stopped look on cards, and what a program reads of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from runbook_lib.display import Card, Link, Paragraph, Part, Preview, Table, Tone
from runbook_lib.domain import answers
from runbook_lib.domain.errors import NeedsAnswerError, PersonNeededError, RunbookError
from runbook_lib.domain.models import EffectState, Evidence, Ticket
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import Action, ExactText, Plan, Reading
from runbook_lib.ledger.effects import EffectResult
from runbook_lib.results import StepResult

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
    notes = tuple(Paragraph(note) for note in dict.fromkeys(effect.note for effect in effects if effect.note))
    return (*troubles, *notes, Table(("effect", "what", "evidence"), rows))


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


def ticket_parts(ticket: Ticket) -> tuple[Part, ...]:
    """Who opened a ticket, when, and whose it is."""
    rows = [
        ("subject", ticket.subject),
        ("requester", f"{clean(ticket.requester.name)} <{clean(ticket.requester.email or 'no address')}>"),
        ("organization", ticket.organization.name if ticket.organization else "none"),
        ("opened", f"{ticket.created_at:%A %Y-%m-%d %H:%M} UTC"),
        ("status", ticket.status),
        ("assignee", ticket.assignee_name or "nobody"),
    ]
    return (Table((f"ticket {ticket.id}", ""), rows),)


def plan_parts(plan: Plan) -> tuple[Part, ...]:
    """What a plan rests on, its actions, a line each, where they go, and their exact texts."""
    parts: list[Part] = [Paragraph(trouble, strong=True) for trouble in plan.troubles]
    if plan.readings:
        parts.append(Paragraph(f"It rests on: {'; '.join(map(_reading_words, plan.readings))}."))
    if not plan.actions:
        return tuple(parts)
    rows = [(_STATE_WORDS[one.state], one.summary, _place_words(one)) for one in plan.actions]
    parts.append(Table(("effect", "what", "where"), rows))
    parts += dict.fromkeys(Link(one.target.label, one.target.url) for one in plan.actions if one.target.url)
    parts += (_preview(text) for one in plan.actions for text in one.texts)
    words = "At the end an internal note on the ticket names the record of the run and its SHA-256."
    return (*parts, Paragraph(words))


def _reading_words(reading: Reading) -> str:
    question = answers.QUESTIONS.get(reading.name)
    return f"{question.label if question else reading.name} {reading.value} ({reading.source})"


def _place_words(action: Action) -> str:
    """Where an action is, or where it would be."""
    return evidence_words(action.evidence) if action.evidence else action.target.label


def _preview(text: ExactText) -> Preview:
    later = f" ({' and '.join(text.placeholders)} are filled in when it is performed)" if text.placeholders else ""
    return Preview(f"{text.label}{later}", text.words)


def stopped(
    runbook: str,
    ticket_id: object,
    title: str,
    exc: RunbookError,
    *,
    badge: str,
    performed: bool = False,
    effects: Sequence[EffectResult] = (),
) -> StepResult:
    """The card of a step that cannot go on: what, and which parameters would help."""
    missing = exc.missing if isinstance(exc, NeedsAnswerError) else ()
    rows = [(name, answers.QUESTIONS[name].words) for name in missing]
    parts: tuple[Part, ...] = (Paragraph(str(exc), strong=True),)
    if rows:
        parts += (Table(("parameter to pass", "meaning"), rows),)
    person = isinstance(exc, PersonNeededError)
    state, tone = ("needs you", Tone.ASK) if person else ("stopped", Tone.STOP)
    data = {
        "version": 1,
        "runbook": runbook,
        "ticket_id": ticket_id if isinstance(ticket_id, int) else str(ticket_id)[:40],
        "step": title,
        "state": "needs_answer" if person else "failed",
        "summary": str(exc),
        "performed": performed,
        "outcome": None,
        "error": type(exc).__name__,
        "missing": list(missing),
        "effects": [effect_data(effect) for effect in effects],
    }
    return StepResult(Card(title, state, tone, badge, parts), data)

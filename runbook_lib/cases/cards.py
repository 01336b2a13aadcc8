"""How a ticket, a case, effects, a plan and a step that stopped look on cards, and what a program reads of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from runbook_lib.cases.thread import MESSAGE_LIMIT
from runbook_lib.display import Card, Fold, Link, Paragraph, Part, Preview, Table, Tone
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import NeedsAnswerError, PersonNeededError, RunbookError
from runbook_lib.domain.events import Event
from runbook_lib.domain.models import Answer, EffectState, Evidence, Facts, Ticket, Verdict
from runbook_lib.domain.plain_text import CELL_LIMIT, clean, count
from runbook_lib.domain.plan import Action, ExactText, Plan, Target
from runbook_lib.form_words import TO_PASS
from runbook_lib.ledger.effects import EffectResult
from runbook_lib.results import StepResult

_OPERATION_WORDS = {
    "intended": ("▸", "under way"),
    "done": ("✓", "done"),
    "adopted": ("✓", EffectState.ADOPTED.words),
    "not_done": ("✗", "not done"),
    "unknown": ("?", "not known"),
}
"""What the last line of an operation in a journal says."""
_FIGURES = {
    "users_in_license": "in the present license",
    "billable_users": "billable",
    "maximum_users": "at most so far",
    "users_over_license": "over the license",
}
NOT_KNOWN = "not known yet"
_ADVICE = re.compile(
    r"(?<=[.])\s(?=(?:Ask|Confirm|Hand over|If|Nothing is|Pass|Point them|The customer opens|The instance works|Use)\b)"
)
"""Where a reason goes on with what to do about it."""


def effect_data(effect: EffectResult) -> dict[str, Any]:
    evidence = asdict(effect.evidence) if effect.evidence else None
    why = {"reason": effect.trouble} if effect.trouble else {}
    return {"name": effect.name, "state": effect.state, "summary": effect.summary, **why, "evidence": evidence}


def effect_parts(*effects: EffectResult, in_view: bool = False) -> tuple[Part, ...]:
    rows = [(e.state.words, e.summary, _evidence(e.evidence)) for e in effects]
    troubles = tuple(Paragraph(effect.trouble, strong=True) for effect in effects if effect.trouble)
    notes = tuple(Paragraph(note) for note in dict.fromkeys(effect.note for effect in effects if effect.note))
    return (*troubles, *notes, Table(("effect", "what", "evidence"), rows, in_view=in_view))


def effect_tone(effect: EffectResult) -> Tone:
    """Purple for a plan, green for what is there, amber for what could not be done or looked at."""
    if effect.trouble:
        return Tone.ASK
    return Tone.PLAN if effect.state is EffectState.PLANNED else Tone.GOOD


def effect_state(effect: EffectResult) -> str:
    return (EffectState.UNAVAILABLE if effect.trouble else effect.state).words


def _evidence(evidence: Evidence | None) -> str | Link:
    return Link(evidence.summary, evidence.url) if evidence else "–"


def ticket_parts(ticket: Ticket) -> tuple[Part, ...]:
    rows = [
        ("requester", f"{clean(ticket.requester.name)} <{clean(ticket.requester.email or 'no address')}>"),
        ("organization", ticket.organization.name if ticket.organization else "none"),
        ("opened", f"{ticket.created_at:%A %Y-%m-%d %H:%M} UTC"),
        ("status", ticket.status),
        ("assignee", ticket.assignee_name or "nobody"),
    ]
    whole = Preview("first message", ticket.description[:MESSAGE_LIMIT])
    return (Table((f"ticket {ticket.id}", ""), rows), *([whole] if len(ticket.description) > CELL_LIMIT else []))


def summary(
    ticket: Ticket, facts: Facts, verdict: Verdict | None, *, has_scope: bool, users: int | None = None
) -> dict[str, str]:
    """A case in five lines, by label; before facts were collected, only who has opened the ticket."""
    named = (ticket.organization.name if ticket.organization else "no organization", ticket.requester.email or "")
    who = {"Who": ", ".join(clean(one, 120) for one in (ticket.requester.name, *named) if one)}
    if ticket.status in ("solved", "closed"):
        who["Ticket"] = f"is {ticket.status} already: read why before you go on"
    if not facts.known:
        return who
    scope = {"In scope": _scope(verdict)} if has_scope else {}
    return who | {
        "Pays for": _pays_for(facts),
        "Expired": _expired(facts, verdict, facts.value("emergency_on") or ticket.created_at.date()),
        **scope,
        "Users": _users(facts, users),
    }


def _pays_for(facts: Facts) -> str:
    plan, deployment = facts.best("plan"), facts.best("deployment")
    words = [f"{str(plan.value).capitalize()} ({plan.source})" if plan else f"plan {NOT_KNOWN}"]
    words += [parameters.in_words(deployment.value)] if deployment else []
    return ", ".join(words)


def _expired(facts: Facts, verdict: Verdict | None, day: object) -> str:
    expiry = facts.best("expires_on")
    if expiry is None:
        return NOT_KNOWN
    if isinstance(expiry.value, date) and isinstance(day, date) and day < expiry.value:
        return f"not yet: runs until {expiry.value} ({expiry.source})"
    grace = f", grace period to {verdict.window.grace_ends_on}" if verdict and verdict.window else ""
    return f"{expiry.value} ({expiry.source}){grace}"


def _scope(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not decided yet"
    # What happened, without what to do about it
    reasons = (_ADVICE.split(ruling.reason)[0] for ruling in verdict.rulings if ruling.holds is verdict.in_scope)
    why = ". ".join(reason.rstrip(".") for reason in reasons)
    if verdict.in_scope is not Answer.YES:
        return f"{'no' if verdict.in_scope is Answer.NO else 'not decided yet'}: {why}."
    if (window := verdict.window) is None:
        return "yes"
    days, most = window.days_after_grace, (window.last_day_on - window.grace_ends_on).days
    when = f"{count(days, 'day')} after" if days else "the day on which"
    return f"yes: emergency of {window.emergency_on}, {when} the instance went read-only (at most {count(most, 'day')})"


def _users(facts: Facts, chosen: int | None) -> str:
    figures = [f"{fact.value} {words}" for name, words in _FIGURES.items() if (fact := facts.best(name))]
    new = [f"{chosen} in the new license"] if chosen else []
    return ", ".join((*new, *figures)) or NOT_KNOWN


def plan_parts(plan: Plan, so_far: Mapping[str, Event] | None = None, headline: str = "") -> tuple[Part, ...]:
    """A plan's actions under a headline, its own by default.

    `so_far` has the journal's last line of each action, by its operation id.
    """
    last = so_far or {}
    rows = [_row(one, last.get(one.operation_id)) for one in plan.actions]
    if plan.to_do:
        noted = [event for event in last.values() if event.effect == "seal_note"]
        rows.append(_row(_seal_note(plan), next(reversed(noted), None)))
    not_read = (one.trouble for one in plan.actions if one.trouble and one.operation_id not in last)
    troubles = (Paragraph(trouble, strong=True) for trouble in dict.fromkeys(not_read))
    table = [Table((), rows, in_view=True)] if rows else []
    return (Paragraph(f"{headline or plan.headline}.", strong=True), *troubles, *table)


def plan_details(plan: Plan) -> tuple[Part, ...]:
    parts: list[Part] = [_exact(text) for one in plan.actions for text in one.texts]
    if plan.readings:
        readings = [Paragraph(f"{parameters.label_of(r.name)}: {r.value} ({r.source}).") for r in plan.readings]
        parts.append(Fold(readings, f"What it rests on ({count(len(readings), 'fact')})"))
    return tuple(parts)


def _seal_note(plan: Plan) -> Action:
    """What a run does at its end, after all steps."""
    place = f"ticket {plan.ticket_id}"
    target = next((one.target for one in plan.actions if one.target.label == place), Target(place))
    return Action("", "seal_note", "", "internal note with the record's SHA-256", target)


def _row(action: Action, last: Event | None) -> tuple[str, str, Link]:
    state, evidence = action.state, action.evidence
    if last is not None:
        mark, words = _OPERATION_WORDS.get(last.kind, ("?", "not known"))
        evidence = Evidence(**last.evidence) if last.evidence else evidence
    else:
        mark, words = "○" if state is EffectState.PLANNED else "✓", state.words
    if evidence is None:
        return f"{mark} {words}", action.summary, Link(action.target.label, action.target.url)
    return f"{mark} {words}", action.summary, Link(evidence.summary, evidence.url or action.target.url)


def _exact(text: ExactText) -> Preview:
    later = f" ({' and '.join(text.placeholders)} are filled in when it is performed)" if text.placeholders else ""
    return Preview(f"{text.label[:1].upper()}{text.label[1:]}{later}", text.words, to_copy=True)


def step_data(runbook: str, ticket_id: int | str, step: str, state: str, summary: str, **more: Any) -> dict[str, Any]:
    """What a program reads of a step, whatever its result."""
    common = {"version": 1, "runbook": runbook, "ticket_id": ticket_id, "step": step, "state": state}
    return {**common, "summary": summary, "performed": False, "outcome": None, "effects": [], **more}


def stopped(runbook: str, ticket_id: object, title: str, exc: RunbookError, *, badge: str) -> StepResult:
    """The card of a step that cannot go on: what, and which parameters would help."""
    missing = exc.missing if isinstance(exc, NeedsAnswerError) else ()
    rows = [(name, parameters.QUESTIONS[name].words) for name in missing]
    parts: tuple[Part, ...] = (Paragraph(str(exc), strong=True),)
    if rows:
        parts += (Table(TO_PASS, rows, in_view=True),)
    person = isinstance(exc, PersonNeededError)
    state, tone = ("needs you", Tone.ASK) if person else ("stopped", Tone.STOP)
    known = ticket_id if isinstance(ticket_id, int) else str(ticket_id)[:40]
    data = step_data(runbook, known, title, "needs_answer" if person else "failed", str(exc))
    data |= {"error": type(exc).__name__, "missing": list(missing)}
    return StepResult(Card(title, state, tone, badge, parts, is_headed=True), data)

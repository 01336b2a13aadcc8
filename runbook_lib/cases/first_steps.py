"""The steps that the emergency runbooks share: take the ticket, collect the facts, decide the scope.

Source: both seeds, *Scope* and *Out of Scope*. The rules are in `policy`; a workflow adds its own for the calendar.
"""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.cases import scope
from runbook_lib.cases.base import Case
from runbook_lib.cases.changes import apply, assignment
from runbook_lib.cases.gathering import gather
from runbook_lib.cases.steps import step
from runbook_lib.cases.thread import first_message
from runbook_lib.cases.unread import check_before_scope
from runbook_lib.changes.guards import check_operator
from runbook_lib.display import Fold, Paragraph, Part, Table, Tone, verdict_parts
from runbook_lib.domain import identity, parameters
from runbook_lib.domain.errors import PersonNeededError
from runbook_lib.domain.models import Answer, Outcome, Verdict
from runbook_lib.domain.plain_text import count
from runbook_lib.results import StepResult


@step("Take the ticket")
def take(case: Case, *, take_over: object = False) -> StepResult:
    """Assign the ticket to the operator, so that no other engineer works on it.

    Raises:
        NeedsAnswerError: A colleague has it and `take_over` is not given.
        PersonNeededError: The operator lacks rights in Zendesk.
    """
    allowed = bool(parameters.parse("take_over", take_over))
    check_operator(case.services.zendesk, case.me)
    done = apply(case, assignment(case, take_over=allowed))
    taken_over = allowed and case.ticket.assignee_id not in (None, case.me.id)
    whose = f"It was {case.ticket.assignee_name or 'a colleague'}'s, and take_over was given."
    return case.effect_card([done], *([Paragraph(whose)] if taken_over else []), taken_over=taken_over)


@step("Collect the facts")
def collect_facts(case: Case, /, **given: object) -> StepResult:
    """Collect the facts, each with its source. `given` is the engineer's answers, `unknown` without one."""
    case.known, notes = gather(case, given)
    case.forget()
    facts = case.facts
    rows = [
        (parameters.label_of(f.name), parameters.in_words(f.value), f.source, facts.standing(f), f.detail)
        for f in facts.known
    ]
    data = [{"name": f.name, "value": str(f.value), "source": f.source, "detail": f.detail} for f in facts.known]
    licenses = [
        (one.name, one.fingerprint, f"{one.company or 'no company'} <{one.email or 'no address'}>")
        for one in case.known.attached
    ]
    verdict = scope.verdict(case.known)
    asks = tuple(name for name in verdict.missing if name in given)
    asked = dict.fromkeys(ruling.reason for ruling in verdict.rulings if set(ruling.missing) & set(asks))
    parts: list[Part] = [Table(("fact", "value", "source", "", "where"), rows, whole=(2, 3))]
    parts += [Table(("signed by the expected key", "fingerprint", "licensed to"), licenses)] if licenses else []
    parts += first_message(case.known.thread, case.ticket)
    words = f"{count(len(rows), 'fact')} known."
    said = list[Part](map(Paragraph, notes))
    if asked:  # which comes first; what only explains it is folded
        folded: list[Part] = [Fold(said, count(len(notes), "note"))] if notes else []
        said = [*(Paragraph(reason, strong=True) for reason in asked), *folded]
    shown = (*said, *parts)
    return case.card("collected", Tone.GOOD, words, *shown, strong=not asked, asks=asks, facts=data, notes=notes)


@step("Confirm who this is")
def confirm_identity(case: Case, *, identity_confirmed: object = parameters.UNKNOWN) -> StepResult:
    """Compare the names in the licenses with our records; the engineer's answer overrides both."""
    answer = parameters.parse("identity_confirmed", identity_confirmed)
    case.known = replace(case.known, identity_confirmed=Answer.UNKNOWN if answer is None else Answer(str(answer)))
    who = case.known.who
    ruling = identity.ruling(who)
    named = [(record, "ours") for record in who.ours]
    named += [(replace(who.requester, where="requester"), "wrote the ticket")]
    named += [(license, identity.standing(license, who)) for license in who.licenses]
    rows = [(n.where, n.company or "–", ", ".join(n.domains) or "–", worth) for n, worth in named]
    table = Table(("who says so", "company", "mail domain", "what it is worth"), rows)
    state, tone, asks = {
        Answer.YES: ("confirmed", Tone.GOOD, ()),
        Answer.NO: ("not the customer", Tone.STOP, ()),
        Answer.UNKNOWN: ("open", Tone.ASK, ("identity_confirmed",)),
    }[ruling.holds]
    return case.card(state, tone, ruling.reason, table, asks=asks, holds=ruling.holds, said_by=who.identity_confirmed)


@step("Decide the scope")
def decide_scope(case: Case) -> StepResult:
    """Apply the scope rules; a single *no* ends the case.

    Raises:
        NeedsAnswerError: Our records and the customer's evidence contradict each other, or no record of ours
            identifies the customer.
    """
    known, verdict = case.known, verdict_now(case)
    case.verdict = verdict
    if not known.existing_license:
        check_before_scope(known.unread, known.facts, verdict.rulings)
    if verdict.in_scope is Answer.NO:
        against = scope.against(verdict)
        if known.existing_license:
            raise PersonNeededError(
                "By these answers the case is out of scope, but a license was issued already: "
                f"{known.existing_license.url}. Check the answers. {against}"
            )
        case.steps.end(Outcome.OUT_OF_SCOPE)
        return _scope_card(case, "out of scope", Tone.STOP, against, verdict)
    if case.workflow.settles_first and (question := scope.question(known, verdict.missing)):
        raise question
    if verdict.in_scope is Answer.UNKNOWN:
        words = f"Not decided yet; missing: {', '.join(verdict.missing)}."
        return _scope_card(case, "open", Tone.ASK, words, verdict)
    return _scope_card(case, "in scope", Tone.GOOD, "In scope: this runbook applies.", verdict)


def verdict_now(case: Case) -> Verdict:
    """What the rules say of what is known now, with the workflow's own for the day."""
    return scope.verdict(case.known, case.known.day_ruling(case.workflow.calendar))


def _scope_card(case: Case, state: str, tone: Tone, words: str, verdict: Verdict) -> StepResult:
    rulings = [{"rule": r.rule, "holds": r.holds, "reason": r.reason, "origin": r.origin} for r in verdict.rulings]
    return case.card(state, tone, words, *verdict_parts(verdict), in_scope=verdict.in_scope, rulings=rulings)

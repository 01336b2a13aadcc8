"""What both emergency workflows begin with: take the ticket, collect the facts, decide the scope.

Source: both seeds, *Scope* and *Out of Scope*. What decides is in `policy`; a workflow adds its own rule for the day.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, cast

from runbook_lib import answers, messages, policy
from runbook_lib.cases.base import Case, step
from runbook_lib.cases.by_hand import made_by_hand
from runbook_lib.cases.cards import effect_data, effect_parts, effect_state, effect_tone
from runbook_lib.cases.changes import Assignment, ByHand
from runbook_lib.cases.gathering import license_facts, ticket_facts
from runbook_lib.cases.issuing import Issuance, Tracker
from runbook_lib.cases.thread import first_message
from runbook_lib.cases.unread import Unread, check_before_scope
from runbook_lib.cases.walk import Prefill
from runbook_lib.display import Paragraph, Part, Table, Tone, clean, verdict_parts
from runbook_lib.errors import InputError, PersonNeededError
from runbook_lib.models import Answer, Fact, Facts, Outcome, Ruling, Source, TrackerIssue, Verdict
from runbook_lib.results import StepResult


class Emergency(Case, ABC):
    """A self-managed customer's license ran out.

    Attributes:
        facts: What is known, with sources.
        verdict: The scope decision.
        already: The license that this ticket has from an earlier run or a colleague, or None.
        unread: What on the ticket could not be looked at.
    """

    facts: Facts = Facts()
    verdict: Verdict | None = None
    already: Issuance | None = None
    unread: tuple[Unread, ...] = ()

    @step("Take the ticket")
    def take(self, *, take_over: object = False) -> StepResult:
        """Assign the ticket to the operator, so that nobody else works on it.

        Raises:
            NeedsAnswerError: A colleague has it and `take_over` is not given.
        """
        allowed = bool(answers.parse("take_over", take_over))
        me = self.me
        done = self.apply(Assignment(self, me, take_over=allowed))
        others = self.ticket.assignee_id not in (None, me.id)
        parts = effect_parts(done)
        if others and allowed:
            parts += (Paragraph(f"It was {self.ticket.assignee_name or 'a colleague'}'s, and take_over was given."),)
        return self.result(
            effect_state(done),
            effect_tone(done),
            parts,
            done.summary,
            effect=effect_data(done),
            taken_over=allowed and others,
        )

    @step("Collect the facts")
    def collect_facts(self, /, **given: object) -> StepResult:
        """Gather what is known, each fact with its source.

        Args:
            given: What the engineer knows, by parameter name; `unknown` where nothing is.
        """
        told = _told(given)
        self.thread = tuple(self.services.zendesk.comments(self.ticket.id))
        emergency_on = cast(date, told.value("emergency_on") or self.ticket.created_at.date())
        files, notes, unread = license_facts(self, self.thread, emergency_on)
        self.unread = tuple(unread)
        notes = [one.words for one in self.unread] + notes
        own, more_notes = ticket_facts(self)
        self.facts = Facts((*told.known, *files, *own))
        looked_up, others = self._look_up(emergency_on)
        self.facts = Facts((*self.facts.known, *looked_up))
        notes += more_notes + others
        notes += [_conflict_words(best, other) for best, other in self.facts.conflicts()]
        self.already = self._already()
        if self.already:
            notes.insert(0, f"This ticket has its license already: {self.already.url}. No second one is issued.")
        rows = [(f.name, str(f.value), f.source, self.facts.standing(f), f.detail) for f in self.facts.known]
        parts: tuple[Part, ...] = (Table(("fact", "value", "source", "", "where"), rows, whole=(2, 3)),)
        parts += tuple(Paragraph(note) for note in notes)
        parts += first_message(self.thread, self.ticket)
        return self.result(
            f"{len(rows)} known",
            Tone.GOOD,
            parts,
            f"{len(rows)} facts are known.",
            asks=tuple(name for name in self._scope().missing if name in given),
            facts=[
                {"name": f.name, "value": str(f.value), "source": f.source, "detail": f.detail}
                for f in self.facts.known
            ],
            notes=notes,
        )

    @step("Decide the scope")
    def decide_scope(self) -> StepResult:
        """Apply the scope rules; a single *no* ends the case."""
        self.verdict = self._verdict()
        parts = verdict_parts(self.verdict)
        against = [r for r in self.verdict.rulings if r.holds is Answer.NO]
        if not self.already:
            check_before_scope(self.unread, self.facts, self.verdict.rulings)
        if against:
            words = " ".join(ruling.reason for ruling in against)
            if self.already:
                raise PersonNeededError(
                    f"By these answers the case is out of scope, but a license was issued already: {self.already.url}. "
                    f"Check the answers. {words}"
                )
            self.end(Outcome.OUT_OF_SCOPE)
            return self._scope_result("out of scope", Tone.STOP, parts, words)
        if self.verdict.in_scope is Answer.UNKNOWN:
            words = f"Not decided yet; missing: {', '.join(self.verdict.missing)}."
            return self._scope_result("open", Tone.ASK, parts, words)
        return self._scope_result("in scope", Tone.GOOD, parts, "In scope: this runbook applies.")

    def found(self, name: str) -> Prefill | None:
        """The fact that counts without the engineer."""
        fact = self.facts.without_engineer().best(name)
        if fact is None:
            return None
        return Prefill(str(fact.value), f"{fact.source}, {fact.detail}" if fact.detail else str(fact.source))

    @property
    def emergency_on(self) -> date:
        """The emergency's date: the day on which the ticket was opened (UTC), unless the engineer says otherwise."""
        return cast(date | None, self.facts.value("emergency_on")) or self.ticket.created_at.date()

    @property
    def began_on(self) -> date:
        """The first day on which a license can have been issued for this emergency.

        In scope is whose grace period ended within the last days, so no earlier one belongs to it.
        """
        return self.emergency_on - timedelta(days=self.settings.rules.window_days)

    def issued_here(self, issue: TrackerIssue) -> bool:
        """Whether an issue is of a license that a runbook ordered for this ticket."""
        return (messages.find_operation(issue.description) or "").startswith(self.operation("license-"))

    def _look_up(self, emergency_on: date) -> tuple[list[Fact], list[str]]:
        """What a workflow knows from other places than the ticket: facts, and notes."""
        return [], []

    def _scope(self) -> Verdict:
        """What both workflows ask."""
        value: Callable[[str], Any] = self.facts.value
        facts = policy.ScopeFacts(
            emergency_on=self.emergency_on,
            deployment=value("deployment"),
            account_type=value("account_type"),
            plan=value("plan"),
            expires_on=value("expires_on"),
            blocked_on=value("blocked_on") if from_license_file(self.facts.best("expires_on")) else None,
            requester_email=value("requester_email"),
        )
        return policy.scope(facts, self.settings.rules)

    def _verdict(self) -> Verdict:
        scope = self._scope()
        return Verdict((*scope.rulings, self._calendar_ruling(self.emergency_on)), scope.window)

    @abstractmethod
    def _calendar_ruling(self, emergency_on: date) -> Ruling:
        """What the workflow asks of the day."""

    def _scope_result(self, state: str, tone: Tone, parts: tuple[Part, ...], words: str) -> StepResult:
        verdict = cast(Verdict, self.verdict)
        rulings = [{"rule": r.rule, "holds": r.holds, "reason": r.reason, "origin": r.origin} for r in verdict.rulings]
        parts = (Paragraph(words, strong=True), *parts)
        return self.result(state, tone, parts, words, in_scope=verdict.in_scope, rulings=rulings)

    def _already(self) -> Issuance | None:
        """The license that this ticket has already: from Mechanizer, or made by hand."""
        if made := self._effects.look(ByHand(self, "", 0)):
            return made_by_hand(made, 0)
        email = cast(str | None, self.facts.value("requester_email"))
        known = email and self.services.gitlab and self.settings.tracker_project_id
        return Tracker(self, email).issued() if known and email else None


def from_license_file(fact: Fact | None) -> bool:
    return fact is not None and fact.source is Source.LICENSE_FILE


def _told(given: Mapping[str, object]) -> Facts:
    """What the engineer knows; and what of it they confirmed beside a screenshot.

    A confirmed name that is no parameter of this runbook is of the next one, and is left to it.

    Raises:
        InputError: A value is impossible, or one is confirmed that was not given.
    """
    values = {name: value for name, raw in given.items() if (value := answers.parse(name, raw)) is not None}
    confirmed = cast(tuple[str, ...], values.pop("confirmed", ()))
    if missing := [name for name in confirmed if name in given and name not in values]:
        raise InputError(f"confirmed names {', '.join(missing)}, but no value is given. Give it, or leave it out.")
    of_screenshots = dict.fromkeys(confirmed, (Source.SCREENSHOT, "confirmed by the engineer"))
    of_engineer = (Source.ENGINEER, "parameter")
    return Facts(tuple(Fact(name, value, *of_screenshots.get(name, of_engineer)) for name, value in values.items()))


def _conflict_words(best: Fact, other: Fact) -> str:
    return (
        f"{best.name}: {clean(best.value)} ({best.source}) counts; "
        f"the {other.source} says {clean(other.value)} ({clean(other.detail)})."
    )

"""The first steps of both emergency workflows: take the ticket, collect the facts, decide the scope.

Source: both seeds, *Scope* and *Out of Scope*. The rules are in `policy`; a workflow adds its own for the calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, ClassVar, cast

from runbook_lib.cases.accounts import Purchases, look_up, purchase_facts
from runbook_lib.cases.base import Case, Prefill
from runbook_lib.cases.by_hand import made_by_hand
from runbook_lib.cases.cards import count, effect_data, effect_parts, effect_state, effect_tone
from runbook_lib.cases.changes import assignment, sent_by_hand_note
from runbook_lib.cases.gathering import attached_licenses, license_facts, ticket_facts
from runbook_lib.cases.license_files import LicenseFiles
from runbook_lib.cases.scope import Scope
from runbook_lib.cases.steps import step
from runbook_lib.cases.summary import CaseSummary, of_facts
from runbook_lib.cases.thread import first_message
from runbook_lib.cases.tracker import Issuance, Tracker
from runbook_lib.cases.unread import Unread, check_before_scope
from runbook_lib.changes.guards import check_operator
from runbook_lib.display import Paragraph, Part, Preview, Table, Tone, verdict_parts
from runbook_lib.domain import answers, evidence, identity, messages, policy
from runbook_lib.domain.errors import InputError, NeedsAnswerError, PersonNeededError, RefusedError, UnavailableError
from runbook_lib.domain.models import Answer, EffectState, Fact, Facts, Outcome, Ruling, Source, TrackerIssue, Verdict
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import Reading
from runbook_lib.ledger.effects import EffectResult
from runbook_lib.results import StepResult

_TONES = {
    Outcome.LICENSE_ISSUED: Tone.GOOD,
    Outcome.LICENSE_FOUND: Tone.GOOD,
    Outcome.RESOLVED_ITSELF: Tone.GOOD,
    Outcome.OUT_OF_SCOPE: Tone.STOP,
}


class Emergency(Case):
    """An emergency of a self-managed customer whose license has expired.

    Attributes:
        facts: The known facts, with sources.
        attached: The licenses on the ticket that are signed by the expected key.
        installed: The one of them that the instance has.
        purchases: The requester's accounts and licenses in CustomersDot.
        confirmed: The engineer's answer whether this is the customer.
        verdict: The scope decision.
        existing_license: The license that this ticket has from an earlier run or a colleague, or None.
        unread: The things on the ticket that could not be read.
    """

    look_up_patience_s: ClassVar[float | None] = 5.0
    """Seconds that CustomersDot may take; None for as long as any other read."""
    must_settle: ClassVar[bool] = True
    """Whether the case stops at the scope for what a person has to settle."""
    issues_license: ClassVar[bool] = True
    """Whether the workflow issues licenses, so that it has to know whether the ticket has one."""

    facts: Facts = Facts()
    attached: tuple[evidence.Attached, ...] = ()
    installed: evidence.Installed = evidence.Installed()
    purchases: Purchases = Purchases()
    confirmed: Answer = Answer.UNKNOWN
    _unusable: Mapping[str, str] = MappingProxyType({})
    verdict: Verdict | None = None
    existing_license: Issuance | None = None
    unread: tuple[Unread, ...] = ()

    @step("Take the ticket")
    def take(self, *, take_over: object = False) -> StepResult:
        """Assign the ticket to the operator, so that no other engineer works on it.

        Raises:
            NeedsAnswerError: A colleague has it and `take_over` is not given.
            PersonNeededError: The operator lacks rights in Zendesk.
        """
        allowed = bool(answers.parse("take_over", take_over))
        me = self.me
        check_operator(self.services.zendesk, me)
        done = self.apply(assignment(self, take_over=allowed))
        others = self.ticket.assignee_id not in (None, me.id)
        parts = effect_parts(done)
        if others and allowed:
            parts += (Paragraph(f"It was {self.ticket.assignee_name or 'a colleague'}'s, and take_over was given."),)
        return self._effect_card(done, parts, taken_over=allowed and others)

    @step("Collect the facts")
    def collect_facts(self, /, **given: object) -> StepResult:
        """Collect the facts, each with its source.

        Args:
            given: The engineer's answers, by parameter name; `unknown` without one.
        """
        given_facts = _given_facts(given)
        self.thread = tuple(self.services.zendesk.comments(self.ticket.id))
        emergency_on = cast(date, given_facts.value("emergency_on") or self.ticket.created_at.date())
        self.confirmed = Answer.UNKNOWN
        files = LicenseFiles(self)
        files.look(self.thread)
        self.unread = tuple(files.unread)
        self.attached, notes = attached_licenses(files, emergency_on)
        notes = [item.words for item in self.unread] + notes
        own, more_notes, self._unusable = ticket_facts(self.ticket, self.settings)
        self.installed = self._installed(emergency_on, given_facts)
        of_files, file_notes = license_facts(self.attached, self.installed.license)
        self.facts = Facts((*given_facts.known, *of_files, *own))
        looked_up, others = self._look_up(emergency_on)
        self.facts = Facts((*self.facts.known, *looked_up))
        notes += file_notes + self._notes_on_later(emergency_on) + more_notes + others
        notes += [_conflict_words(best, other) for best, other in self.facts.conflicts()]
        self.existing_license, not_looked = self._looked_for_license()
        notes = [not_looked, *notes] if not_looked else notes
        if self.existing_license:
            notes.insert(
                0, f"This ticket has its license already: {self.existing_license.url}. No second one is issued."
            )
        rows = [
            (answers.label_of(f.name), answers.in_words(f.value), f.source, self.facts.standing(f), f.detail)
            for f in self.facts.known
        ]
        parts: tuple[Part, ...] = (Table(("fact", "value", "source", "", "where"), rows, whole=(2, 3)),)
        parts += tuple(Paragraph(note) for note in notes)
        parts += first_message(self.thread, self.ticket)
        return self.result(
            f"{len(rows)} known",
            Tone.GOOD,
            parts,
            f"{count(len(rows), 'fact')} known.",
            asks=tuple(name for name in self._scope().verdict.missing if name in given),
            facts=[
                {"name": f.name, "value": str(f.value), "source": f.source, "detail": f.detail}
                for f in self.facts.known
            ],
            notes=notes,
        )

    @step("Confirm who this is")
    def confirm_identity(self, *, identity_confirmed: object = answers.UNKNOWN) -> StepResult:
        """Compare the names in the licenses with our records; the engineer's answer overrides both."""
        answer = answers.parse("identity_confirmed", identity_confirmed)
        self.confirmed = Answer.UNKNOWN if answer is None else Answer(str(answer))
        who = self._who()
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
        return self._card(state, tone, ruling.reason, table, asks=asks, holds=ruling.holds, said_by=who.confirmed)

    @step("Decide the scope")
    def decide_scope(self) -> StepResult:
        """Apply the scope rules; a single *no* ends the case.

        Raises:
            NeedsAnswerError: Our records and the customer's evidence contradict each other, or no record of ours
                identifies the customer.
        """
        self.verdict = self._verdict()
        parts = verdict_parts(self.verdict)
        against = [r for r in self.verdict.rulings if r.holds is Answer.NO]
        if not self.existing_license:
            check_before_scope(self.unread, self.facts, self.verdict.rulings)
        if against:
            words = " ".join(ruling.reason for ruling in against)
            if self.existing_license:
                raise PersonNeededError(
                    f"By these answers the case is out of scope, but a license was issued already: "
                    f"{self.existing_license.url}. "
                    f"Check the answers. {words}"
                )
            self.end(Outcome.OUT_OF_SCOPE)
            return self._scope_result("out of scope", Tone.STOP, parts, words)
        if self.must_settle and (question := self._question()):
            raise question
        if self.verdict.in_scope is Answer.UNKNOWN:
            words = f"Not decided yet; missing: {', '.join(self.verdict.missing)}."
            return self._scope_result("open", Tone.ASK, parts, words)
        return self._scope_result("in scope", Tone.GOOD, parts, "In scope: this runbook applies.")

    def found(self, name: str) -> Prefill | None:
        """The value that counts without the engineer's answers; empty where the sources contradict each other."""
        if name == "installed_license":
            names = tuple(license.name for license in self.attached)
            return Prefill("", "", (*names, evidence.NONE_OF_THEM)) if names else None
        if name in {parameter for _, parameter in self._scope().unsettled.values()}:
            values = dict.fromkeys(f"{f.source}: {f.value}" for f in self.facts.known if f.name == name)
            return Prefill("", "; ".join(values))
        fact = self.facts.without_engineer().best(name)
        if fact is None:
            return None
        return Prefill(str(fact.value), f"{fact.source}, {fact.detail}" if fact.detail else str(fact.source))

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The fact that counts, for each name."""
        best = [self.facts.best(name) for name in dict.fromkeys(fact.name for fact in self.facts.known)]
        return tuple(Reading(fact.name, str(fact.value), str(fact.source)) for fact in best if fact)

    @property
    def emergency_on(self) -> date:
        """The emergency's date: the day on which the ticket was opened (UTC), or the engineer's answer."""
        return cast(date | None, self.facts.value("emergency_on")) or self.ticket.created_at.date()

    @property
    def began_on(self) -> date:
        """The first day on which a license can have been issued for this emergency: the first day of its window."""
        return self.emergency_on - timedelta(days=self.settings.rules.window_days)

    def issued_here(self, issue: TrackerIssue) -> bool:
        """Whether an issue is of a license that a runbook ordered for this ticket."""
        return (messages.find_operation(issue.description) or "").startswith(self.operation("license-"))

    @property
    def summary(self) -> CaseSummary:
        """The case in five lines, as far as it is known now."""
        users, has_scope = getattr(self, "users", None), "decide_scope" in self.order
        return of_facts(self.ticket, self.facts, self.verdict, has_scope=has_scope, users=users)

    def _look_up(self, emergency_on: date) -> tuple[list[Fact], list[str]]:
        """Facts and notes from CustomersDot, if it is configured."""
        email, cdot = cast(str | None, self.facts.value("requester_email")), self.services.customersdot
        self.purchases = look_up(cdot, email, patience_s=self.look_up_patience_s)
        self.unread += self.purchases.unread
        facts, notes = purchase_facts(self.purchases.licenses or (), emergency_on)
        return facts, ([self.purchases.trouble] if cdot and email and self.purchases.trouble else []) + notes

    def _installed(self, emergency_on: date, given: Facts) -> evidence.Installed:
        """The attached license that the instance has, by the engineer's answer or else by the ticket's words."""
        own = [
            comment.body
            for comment in self.thread
            if comment.author_id == self.ticket.requester.id
            or not (comment.public or "license runbook" in comment.body.casefold())
        ]
        return evidence.installed(
            self.attached,
            emergency_on=emergency_on,
            grace_days=self.settings.rules.grace_days,
            works=evidence.says_it_works([self.ticket.subject, *own]),
            answer=cast(str | None, given.value("installed_license")),
        )

    def _notes_on_later(self, emergency_on: date) -> list[str]:
        """Notes on licenses that are still valid, which the instance may have rejected."""
        grace = self.settings.rules.grace_days
        later = [license for license in self.attached if license.works_on(emergency_on, grace)]
        return evidence.too_few_users(later, self.attached, self.facts)

    def _who(self) -> identity.IdentitySources:
        """The sources for the ruling on the identity."""
        organization, domain_of = self.ticket.organization, identity.domain_of
        ours = [
            identity.NamedParty(f"CustomersDot account {account.id}", account.company, domain_of(account.email))
            for account in self.purchases.accounts or ()
        ]
        if organization:
            ours.insert(0, identity.NamedParty("the organization", organization.name, organization.domains))
        return identity.IdentitySources(
            ours=tuple(ours),
            requester=identity.NamedParty("the requester", domains=domain_of(self.ticket.requester.email)),
            licenses=tuple(
                identity.NamedParty(found.name, found.company, domain_of(found.email)) for found in self.attached
            ),
            confirmed=self.confirmed,
            not_looked=self.purchases.trouble.rstrip("."),
        )

    def _scope(self) -> Scope:
        question = self.installed.question
        return Scope(
            facts=self.facts,
            emergency_on=self.emergency_on,
            rules=self.settings.rules,
            who=self._who(),
            unusable=self._unusable,
            installed_question=" ".join((question, *self._notes_on_later(self.emergency_on))) if question else "",
        )

    def _verdict(self) -> Verdict:
        scope = self._scope().verdict
        return Verdict((*scope.rulings, self._calendar_ruling(self.emergency_on)), scope.window)

    def _question(self) -> NeedsAnswerError | None:
        """What a person has to settle before the scope is decided; None if nothing, or if a license exists already."""
        return None if self.existing_license else self._scope().question(cast(Verdict, self.verdict).missing)

    def _calendar_ruling(self, emergency_on: date) -> Ruling:
        """The workflow's own rule for the day; by default that it is the weekend."""
        return policy.weekend_ruling(self.ticket.created_at, emergency_on, self.settings.rules)

    def _closing(self, words: str, *more: Part, **data: Any) -> StepResult:
        """The last card: the outcome with every effect; in a rehearsal the command that performs it."""
        words += self.unfinished
        planned = any(effect.state is EffectState.PLANNED for effect in self.applied)
        parts = (self.summary.table, *more, *(effect_parts(*self.applied, in_view=True) if self.applied else ()))
        parts += (Preview("to perform it", self.command),) if planned else ()
        tone = _TONES.get(self.outcome, Tone.ASK) if self.outcome else Tone.ASK
        tone = Tone.PLAN if planned else Tone.ASK if self.unfinished else tone
        result = self._card(
            str(self.outcome or "goes on"), tone, words, *parts, closing=True, about=dict(self.summary.lines), **data
        )
        if self.outcome:  # a name is for programs only
            result = replace(result, card=replace(result.card, state=self.outcome.words))
        return result

    def _card(self, state: str, tone: Tone, words: str, *parts: Part, **data: Any) -> StepResult:
        """A result whose summary stands first on its card."""
        return self.result(state, tone, (Paragraph(words, strong=True), *parts), words, **data)

    def _effect_card(self, done: EffectResult, parts: tuple[Part, ...], words: str = "", **data: Any) -> StepResult:
        """A result that is one effect; `words` replaces the effect's own summary."""
        words = words or done.summary
        return self.result(effect_state(done), effect_tone(done), parts, words, effect=effect_data(done), **data)

    def _out_of_scope_words(self) -> str:
        would = "" if self.perform else "Would end: "
        reasons = " ".join(r.reason for r in cast(Verdict, self.verdict).rulings if r.holds is Answer.NO)
        return f"{would}{Outcome.OUT_OF_SCOPE.words}. {reasons} Nothing is sent to the customer: answer them yourself."

    def _scope_result(self, state: str, tone: Tone, parts: tuple[Part, ...], words: str) -> StepResult:
        verdict = cast(Verdict, self.verdict)
        rulings = [{"rule": r.rule, "holds": r.holds, "reason": r.reason, "origin": r.origin} for r in verdict.rulings]
        return self._card(state, tone, words, *parts, in_scope=verdict.in_scope, rulings=rulings)

    def _looked_for_license(self) -> tuple[Issuance | None, str]:
        """The license that this ticket has already, and why it is not known, in a workflow that issues none."""
        try:
            return self._already(), ""
        except (RefusedError, UnavailableError) as exc:
            if self.issues_license:
                raise
            return None, f"Whether this ticket has a license already could not be looked at: {exc}"

    def _already(self) -> Issuance | None:
        """The license that this ticket has already: from Mechanizer, or made by hand."""
        if made := self.effects.adopt(sent_by_hand_note(self)):
            return made_by_hand(made, 0)
        email = cast(str | None, self.facts.value("requester_email"))
        known = email and self.services.gitlab and self.settings.tracker_project_id
        return Tracker(self, email).issued() if known and email else None


def _given_facts(given: Mapping[str, object]) -> Facts:
    """The engineer's answers as facts; those in `confirmed` were read off a screenshot.

    A confirmed name that is no parameter of this runbook belongs to the next one, and is ignored.

    Raises:
        InputError: A value is impossible, or one is confirmed that was not given.
    """
    values = {name: value for name, raw in given.items() if (value := answers.parse(name, raw)) is not None}
    confirmed = cast(tuple[str, ...], values.pop("confirmed", ()))
    if missing := [name for name in confirmed if name in given and name not in values]:
        raise InputError(f"confirmed names {', '.join(missing)}, but no value is given. Give it, or leave it out.")
    return Facts(tuple(_fact(name, value, given[name], name in confirmed) for name, value in values.items()))


def _fact(name: str, value: object, raw: object, confirmed: bool) -> Fact:
    """A parameter as a fact; with the given text, if that differs from the value."""
    source, where = (Source.SCREENSHOT, "confirmed by the engineer") if confirmed else (Source.ENGINEER, "parameter")
    text = clean(answers.QUESTIONS[name].pasted(raw), 60)
    return Fact(name, value, source, f"{where}, read from “{text}”" if text else where)


def _conflict_words(best: Fact, other: Fact) -> str:
    return (
        f"{best.name}: {clean(best.value)} ({best.source}) counts; "
        f"the {other.source} says {clean(other.value)} ({clean(other.detail)})."
    )

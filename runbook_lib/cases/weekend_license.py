"""The weekend emergency: confirm the subscription, issue the 10-day trial license, tell the team.

Source: weekend seed. The steps are those of the document, in its order; what decides is in `policy`, what is sent
in `messages`, how it is sent exactly once in `effects`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, ClassVar, cast

from runbook_lib import answers, messages, policy
from runbook_lib.cases.base import (
    Case,
    StepResult,
    effect_data,
    effect_parts,
    effect_state,
    effect_tone,
    evidence_words,
    step,
)
from runbook_lib.cases.changes import Assignment, Screenshots, SlackPost, screenshots_request
from runbook_lib.cases.changes import Comment as CommentEffect
from runbook_lib.cases.gathering import is_image, license_facts, ticket_facts
from runbook_lib.cases.issuing import (
    Issuance,
    Mechanizer,
    check_license,
    manual_form,
    manual_issuance,
    read_issuance,
)
from runbook_lib.display import Link, Paragraph, Part, Preview, Table, Tone, clean, verdict_parts
from runbook_lib.errors import InputError, NeedsAnswerError, PersonNeededError, UnavailableError
from runbook_lib.models import (
    Answer,
    Comment,
    EffectState,
    Evidence,
    Fact,
    Facts,
    Outcome,
    SeatAdvice,
    Source,
    Verdict,
)

MESSAGE_LIMIT = 1500
"""Characters of the first message that are shown; the ticket has the rest."""
_FIGURES = {
    "users_in_license": "in_license",
    "billable_users": "billable",
    "maximum_users": "maximum",
    "users_over_license": "over",
}


class WeekendLicense(Case):
    """A self-managed customer's license ran out, and it is the weekend."""

    runbook: ClassVar[str] = "weekend_license"

    facts: Facts = Facts()
    thread: tuple[Comment, ...] = ()
    verdict: Verdict | None = None
    users: int | None = None
    issuance: Issuance | None = None

    @step("Take the ticket")
    def take(self, *, take_over: object = False) -> StepResult:
        """Assign the ticket to the operator, so that nobody else works on it.

        Raises:
            NeedsAnswerError: A colleague has it and `take_over` is not given.
        """
        allowed = answers.parse("take_over", take_over)
        me = self.services.zendesk.me()
        ticket = self.ticket
        if ticket.assignee_id not in (None, me.id) and not allowed:
            raise NeedsAnswerError(
                f"Ticket {ticket.id} is assigned to {clean(ticket.assignee_name or 'a colleague')}. "
                "Talk to them first; to take it over, pass take_over as True.",
                missing=("take_over",),
            )
        done = self.apply(Assignment(self, me))
        return self.result(
            effect_state(done),
            effect_tone(done),
            effect_parts(done),
            done.summary,
            effect=effect_data(done),
            taken_over=bool(allowed and ticket.assignee_id not in (None, me.id)),
        )

    @step("Collect the facts")
    def collect_facts(self, /, **given: object) -> StepResult:
        """Gather what is known, each fact with its source.

        Args:
            given: What the engineer knows, by parameter name; `unknown` where nothing is.
        """
        told = (Fact(n, v, Source.ENGINEER, "parameter") for n, v in _parsed(given).items() if v is not None)
        self.thread = tuple(self.services.zendesk.comments(self.ticket.id))
        files, notes = license_facts(self, self.thread)
        own, more_notes = ticket_facts(self)
        self.facts = Facts((*told, *files, *own))
        notes += more_notes
        notes += [_conflict_words(best, other) for best, other in self.facts.conflicts()]
        rows = [(f.name, str(f.value), f.source, self.facts.standing(f), f.detail) for f in self.facts.known]
        parts: tuple[Part, ...] = (Table(("fact", "value", "source", "", "where"), rows),)
        parts += tuple(Paragraph(note) for note in notes)
        parts += tuple(Preview("what the requester wrote", first.body[:MESSAGE_LIMIT]) for first in self.thread[:1])
        return self.result(
            f"{len(rows)} known",
            Tone.GOOD,
            parts,
            f"{len(rows)} facts are known.",
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
        if against:
            self.end(Outcome.OUT_OF_SCOPE)
            words = " ".join(ruling.reason for ruling in against)
            return self._scope_result("out of scope", Tone.STOP, parts, words)
        if self.verdict.in_scope is Answer.UNKNOWN:
            words = f"Not decided yet; missing: {', '.join(self.verdict.missing)}."
            return self._scope_result("open", Tone.ASK, parts, words)
        return self._scope_result("in scope", Tone.GOOD, parts, "In scope: the weekend workflow applies.")

    @step("Step 1: Confirm customer subscription")
    def confirm_subscription(self, *, screenshots: object = answers.UNKNOWN) -> StepResult:
        """Add the given screenshots to the ticket, or ask the customer for both if something is not known.

        Raises:
            NeedsAnswerError: There are images on the ticket, and a person has to read the values off them.
        """
        parts: tuple[Part, ...] = ()
        paths = answers.parse("screenshots", screenshots)
        if paths is not None:
            done = self.apply(Screenshots(self, cast(tuple[str, ...], paths)))
            parts = effect_parts(done)
        missing = self._missing()
        if not missing:
            words = "The subscription is confirmed by the facts above; nothing has to be asked."
            return self.result("confirmed", Tone.GOOD, (Paragraph(words), *parts), words)
        images = [clean(a.file_name, 60) for c in self.thread for a in c.attachments if is_image(a)]
        if images or paths is not None:
            seen = ", ".join(images[:6]) or "the added screenshots"
            raise NeedsAnswerError(
                f"Read {_list(missing)} off the images on the ticket ({seen}) and pass them.", missing=missing
            )
        asked = self.apply(screenshots_request(self))
        self.end(Outcome.WAITING_FOR_CUSTOMER)
        words = f"Waiting for the customer: both screenshots are needed to learn {_list(missing)}."
        parts = (Paragraph(words, strong=True), *effect_parts(asked))
        parts += (Preview("public reply", messages.screenshots_request()),)
        return self.result(effect_state(asked), Tone.ASK, parts, words, missing=missing)

    @step("Choose the user count")
    def choose_users(self, *, user_count: object = answers.UNKNOWN) -> StepResult:
        """Suggest the user count, with the reason; the engineer's own number goes first if the instance takes it.

        Raises:
            NeedsAnswerError: No figure is known.
            InputError: The given count would be refused by the customer's instance.
        """
        advice = self._advice()
        chosen = cast(int | None, answers.parse("user_count", user_count))
        maximum = cast(int | None, self.facts.value("maximum_users"))
        if chosen and maximum and policy.accepted_users(chosen) < maximum:
            raise InputError(
                f"user_count is {chosen}, but the instance's maximum is {maximum}: it would refuse a license for fewer "
                f"than {advice.users} users. Pass {advice.users}, or correct maximum_users."
            )
        self.users = chosen or advice.users
        if self.users is None:
            raise NeedsAnswerError(advice.reason, missing=("billable_users", "maximum_users"))
        words = f"The license is for {self.users} users."
        own = f" The engineer chose {chosen} instead of the suggested {advice.users}." if chosen else ""
        parts = (Paragraph(words, strong=True), Paragraph(advice.reason + own))
        return self.result(f"{self.users} users", Tone.GOOD, parts, words, users=self.users, reason=advice.reason + own)

    @step("Step 2: Generate the trial license")
    def issue_license(self, *, issued_evidence: object = answers.UNKNOWN) -> StepResult:
        """Have Mechanizer make and mail the license, or list what to type where a person makes it.

        Raises:
            NeedsAnswerError: There is no usable address, or (issuer manual) no evidence yet.
            PersonNeededError: The job failed, or its end is not known.
            RefusedError: Slack would refuse the post, so that no license is issued which nobody is told of.
        """
        self._check_slack()
        email, users = self._recipient(), cast(int, self.users)
        if self.settings.issuer == "manual":
            return self._issue_by_hand(email, users, issued_evidence)
        mechanizer = Mechanizer(self, email, users)
        started = self.apply(mechanizer)
        form = (("your username", self.settings.operator), ("user count", str(users)), ("email", email))
        parts: tuple[Part, ...] = (Table(("Mechanizer", "value"), form), *effect_parts(started))
        if started.state is EffectState.PLANNED:
            words = f"Mechanizer would make a {policy.TRIAL_DAYS}-day Ultimate trial for {users} users and mail it."
            return self.result("planned", Tone.PLAN, (Paragraph(words), *parts), words, effect=effect_data(started))
        self.issuance = mechanizer.wait()
        parts += (Link("tracker issue", self.issuance.url),)
        words = f"A license for {self.issuance.users} users was issued."
        return self.result(effect_state(started), Tone.GOOD, parts, words, effect=effect_data(started))

    @step("Check the license")
    def check_license(self) -> StepResult:
        """Read the issued license and compare it with what was ordered.

        Raises:
            PersonNeededError: It is not the license that was ordered.
        """
        if self.issuance is None:
            words = "Nothing to check yet: in a rehearsal no license is issued."
            return self.result("planned", Tone.PLAN, (Paragraph(words),), words)
        if self.issuance.text is None:
            words = "The license itself was not given, so only the engineer's evidence stands for it."
            return self.result("not checked", Tone.ASK, (Paragraph(words, strong=True),), words)
        checks, found = check_license(self, self.issuance.text, cast(int, self.users))
        failed = [check for check in checks if not check.passed]
        if failed or found is None:
            raise PersonNeededError(
                "The license is not the one that was ordered: "
                + "; ".join(f"{c.what}: {c.seen}" for c in failed)
                + f". Compare {self.issuance.url} and talk to License & Renewals before the customer uses it."
            )
        self.issuance = read_issuance(self.issuance, found)
        rows = [("✓ yes", c.what, c.seen) for c in checks]
        parts = (Table(("", "check", "seen"), rows), Paragraph(f"License {self.issuance.identity}"))
        words = "The license is as ordered."
        data = [{"what": c.what, "passed": c.passed, "seen": c.seen} for c in checks]
        return self.result("as ordered", Tone.GOOD, parts, words, checks=data, license=self.issuance.identity)

    @step("Tell the team")
    def tell_team(self) -> StepResult:
        """Post to the Slack channel, with the ticket's link."""
        post = messages.slack_post(self.ticket.url, cast(int, self.users))
        done = self.apply(SlackPost(self, post))
        parts = (*effect_parts(done), Preview(f"post in {self.settings.slack_channel}", post))
        return self.result(effect_state(done), effect_tone(done), parts, done.summary, effect=effect_data(done))

    @step("Answer the customer")
    def answer_customer(self) -> StepResult:
        """A public reply that the license is in their mailbox, and an internal note for the next colleague."""
        expires_on = self._expires_on()
        reply = messages.license_sent(cast(int, self.users), expires_on)
        done = self.apply(CommentEffect(self, "reply", reply, public=True, summary="public reply to the customer"))
        found = self.issuance or Issuance(0, "(its link)", identity="(its fingerprint)")
        words = messages.license_note(cast(int, self.users), found.identity, found.url)
        note = CommentEffect(self, "note", words, public=False, summary="internal note with the result")
        noted = self.apply(note)
        parts = (*effect_parts(done, noted), Preview("public reply", reply), Preview("internal note", words))
        return self.result(effect_state(done), effect_tone(done), parts, done.summary, effect=effect_data(done))

    @step("Close the case", always=True)
    def close(self) -> StepResult:
        """What happened, with the evidence; in a rehearsal what would happen, and how to perform it."""
        if self.outcome is None:
            self.end(Outcome.LICENSE_ISSUED)
        words = self._closing_words()
        parts: tuple[Part, ...] = (Paragraph(words, strong=True),)
        parts += effect_parts(*self.applied) if self.applied else ()
        planned = [e for e in self.applied if e.state is EffectState.PLANNED]
        if planned:
            parts += (Preview("to perform it", self.command),)
        tone = {Outcome.LICENSE_ISSUED: Tone.GOOD, Outcome.OUT_OF_SCOPE: Tone.STOP}.get(
            cast(Outcome, self.outcome), Tone.ASK
        )
        return self.result(str(self.outcome), Tone.PLAN if planned else tone, parts, words, closing=True)

    def _verdict(self) -> Verdict:
        value: Callable[[str], Any] = self.facts.value
        emergency_on = value("emergency_on") or self.ticket.created_at.date()
        facts = policy.ScopeFacts(
            emergency_on=emergency_on,
            deployment=value("deployment"),
            account_type=value("account_type"),
            plan=value("plan"),
            expires_on=value("expires_on"),
            requester_email=value("requester_email"),
        )
        verdict = policy.scope(facts, self.settings.rules)
        weekend = policy.weekend_ruling(self.ticket.created_at, emergency_on, self.settings.rules)
        return Verdict((*verdict.rulings, weekend), verdict.window)

    def _scope_result(self, state: str, tone: Tone, parts: tuple[Part, ...], words: str) -> StepResult:
        verdict = cast(Verdict, self.verdict)
        rulings = [{"rule": r.rule, "holds": r.holds, "reason": r.reason, "origin": r.origin} for r in verdict.rulings]
        parts = (Paragraph(words, strong=True), *parts)
        return self.result(state, tone, parts, words, in_scope=verdict.in_scope, rulings=rulings)

    def _missing(self) -> tuple[str, ...]:
        """What is still to be learned: the verdict's facts, and a user figure."""
        missing = cast(Verdict, self.verdict).missing
        return missing if self._advice().users else (*missing, "billable_users", "maximum_users")

    def _advice(self) -> SeatAdvice:
        figures = {word: cast(int | None, self.facts.value(name)) for name, word in _FIGURES.items()}
        return policy.suggest_users(**figures)

    def _check_slack(self) -> None:
        """A refusal (a wrong token, a channel without the bot) is better known before than after.

        If Slack is only down the customer does not wait for it: the post then fails, and the next run makes it.
        """
        with suppress(UnavailableError):
            SlackPost(self, "").find()

    def _recipient(self) -> str:
        email = cast(str | None, self.facts.value("requester_email"))
        shown = [f.value for f in self.facts.known if f.name == "requester_email" and f.source is Source.TICKET]
        if email and shown and str(shown[0]).casefold() != email.casefold():
            raise InputError(
                f"requester_email is {email}, but the license goes to the person who opened the ticket, {shown[0]}. "
                "Leave requester_email as unknown."
            )
        if email is None:
            shown_address = clean(self.ticket.requester.email or "none", 80)
            raise NeedsAnswerError(
                f"The ticket shows no usable address of its requester ({shown_address}). "
                "Ask the person who opened it, and pass the address.",
                missing=("requester_email",),
            )
        return email

    def _issue_by_hand(self, email: str, users: int, issued_evidence: object) -> StepResult:
        starts_on = self.settings.now().date()
        rows = manual_form(self.ticket, email, users, starts_on)
        given = cast(str | None, answers.parse("issued_evidence", issued_evidence))
        parts: tuple[Part, ...] = (
            Paragraph(
                "Make the license by hand, in the form Trials for SM of CustomersDot, with exactly these values:"
            ),
            Table(("field", "value"), rows),
        )
        if given is None and self.perform:
            values = "; ".join(f"{field}: {value}" for field, value in rows)
            raise NeedsAnswerError(
                f"Make the license by hand in Trials for SM ({values}), then pass the link or the file of it.",
                missing=("issued_evidence",),
            )
        if given is None:
            words = "A person would make the license by hand, then pass issued_evidence."
            return self.result("planned", Tone.PLAN, parts, words, form=dict(rows))
        self.issuance = manual_issuance(given, users)
        words = "The engineer made the license by hand."
        parts += (Table(("evidence", ""), [("given by the engineer", given)]),)
        return self.result("made by hand", Tone.GOOD, parts, words, form=dict(rows), evidence=given)

    def _expires_on(self) -> date:
        if self.issuance and self.issuance.expires_on:
            return self.issuance.expires_on
        return self.settings.now().date() + timedelta(days=policy.TRIAL_DAYS)

    def _closing_words(self) -> str:
        would = "" if self.perform else "Would end as "
        match self.outcome:
            case Outcome.OUT_OF_SCOPE:
                reasons = [r.reason for r in cast(Verdict, self.verdict).rulings if r.holds is Answer.NO]
                return f"{would}out_of_scope. {' '.join(reasons)}"
            case Outcome.WAITING_FOR_CUSTOMER:
                tail = "Run again when the screenshots are there."
                return (
                    f"{would}waiting_for_customer: the screenshots were asked for. {tail}"
                    if self.perform
                    else (f"{would}waiting_for_customer: the screenshots would be asked for.")
                )
            case _:
                seen = (
                    f" {evidence_words(Evidence(self.issuance.identity, self.issuance.url))}" if self.issuance else ""
                )
                return f"{would}license_issued: {policy.TRIAL_DAYS}-day Ultimate trial for {self.users} users.{seen}"


def _parsed(given: Mapping[str, object]) -> dict[str, object]:
    return {name: answers.parse(name, raw) for name, raw in given.items()}


def _conflict_words(best: Fact, other: Fact) -> str:
    return (
        f"{best.name}: {clean(best.value)} ({best.source}) counts; "
        f"the {other.source} says {clean(other.value)} ({clean(other.detail)})."
    )


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)

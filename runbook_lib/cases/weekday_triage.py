"""The weekday emergency: follow the decision tree, then let the customer confirm, or engage an expert.

Source: weekday seed. The tree is in `triage`, and what it is answered from in `tree_answers`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import ClassVar, cast

from runbook_lib.cases import changes, first_steps, scope
from runbook_lib.cases.base import Case, Prefill, Workflow
from runbook_lib.cases.changes import apply
from runbook_lib.cases.closing import closing_card
from runbook_lib.cases.steps import step
from runbook_lib.cases.tree_answers import PARAMETERS, TreeAnswers
from runbook_lib.clients.customersdot import LICENSES, SEAT_LINKS, list_page
from runbook_lib.display import Link, Paragraph, Part, Preview, Table, Tone
from runbook_lib.domain import messages, parameters, pasted, policy, triage
from runbook_lib.domain.errors import (
    InputError,
    NeedsAnswerError,
    OutcomeUnknownError,
    PersonNeededError,
    RefusedError,
    UnavailableError,
)
from runbook_lib.domain.models import Answer, EffectState, Outcome, SeatLink, SoldLicense, Source
from runbook_lib.domain.plain_text import count
from runbook_lib.domain.plan import ToCome
from runbook_lib.results import StepResult

MOST_ROWS = 15
"""Newest Seat Link rows that are shown; the rule uses all."""
_KNOWN = ("deployment", "account_type", "plan", "expires_on", "users_in_license")


class WeekdayTriage(Case):
    """An emergency of a self-managed customer on a working day.

    Attributes:
        rows: The Seat Link rows of the subscription, newest first, or None.
        hints: What the rows mean, for information.
        decision: The outcome by the tree, or by the engineer's choice.
    """

    runbook: ClassVar[str] = "weekday_triage"
    workflow: ClassVar[Workflow] = Workflow(
        calendar=policy.weekday_ruling, asks_accounts=True, settles_first=False, issues_license=False
    )
    decision: Outcome | None = None

    def forget(self) -> None:
        self.tree = TreeAnswers(self)
        self.rows: tuple[SeatLink, ...] | None = None
        self.hints: tuple[str, ...] = ()

    take = first_steps.take
    collect_facts = first_steps.collect_facts
    confirm_identity = first_steps.confirm_identity
    decide_scope = first_steps.decide_scope

    @step("Does the requester have a CustomersDot account?")
    def find_account(self, *, has_account: object = parameters.UNKNOWN) -> StepResult:
        """Look for accounts of exactly the requester's address."""
        accounts, page = self.known.purchases.accounts, None
        if accounts is not None:
            found = ", ".join(f"account {account.id}" for account in accounts)
            page = _yes(bool(found)), f"{len(accounts)} found: {found}" if found else "none found"
        rows = [(f"account {a.id}", a.email, a.name, a.company) for a in accounts or ()]
        parts: tuple[Part, ...] = (Table(("CustomersDot", "email", "name", "company"), rows),) if rows else ()
        if len(rows) > 1:
            parts += (Paragraph("Several accounts have this address; the subscriptions of all of them are looked at."),)
        shown, reply = self.tree.answer("cdot", has_account, page, parts), self.tree.replies.get("cdot")
        by_hand = reply is not None and (reply.source, reply.answer) == (Source.ENGINEER, Answer.YES) and not accounts
        self.known = replace(self.known, account_by_hand=by_hand)
        return shown

    @step("Does that account see the subscription?")
    def check_access(self, *, has_access: object = parameters.UNKNOWN) -> StepResult:
        """Look at which licenses and subscriptions the accounts list."""
        page, names = None, self.known.purchases.subscriptions
        if self.known.purchases.licenses is not None:
            page = _yes(bool(names)), f"{count(len(names), 'subscription')} listed" if names else "none is listed"
        return self.tree.answer("sub", has_access, page, self._licenses_table())

    @step("Look for the subscription's name")
    def find_subscription(self, *, subscription: object = parameters.UNKNOWN) -> StepResult:
        """Read the subscription's name from the account; if there are several, the engineer names one.

        Raises:
            InputError: The given name is another spelling of several that the account lists.
        """
        given = cast(str | None, parameters.parse("subscription", subscription))
        names, tree = self.known.purchases.subscriptions, self.tree
        named = _listed(given, names)
        tree.subscription = named or (names[0] if len(names) == 1 else None)
        if waiting := tree.not_reached("license"):
            return waiting
        parts = self._licenses_table()
        if tree.subscription is None:
            why = (
                f"The account lists {len(names)} subscriptions; pass which one it is: {'; '.join(names)}."
                if names
                else "The subscription's name is not known; read it off the account's page and pass it."
            )
            return tree.still_open("license", why, parts)
        differs = f"CustomersDot lists {'; '.join(names)}" if named and names and named not in names else ""
        source = Source.ENGINEER if named else Source.CUSTOMERSDOT
        read = f", read from “{given}”" if named != given else ""
        evidence = f"subscription {tree.subscription}{read}"
        return tree.keep(triage.Reply("license", Answer.YES, source, evidence, differs), parts)

    @step("Look it up on the Seat Link page")
    def look_up_seat_link(self) -> StepResult:
        """Read the rows of the subscription, or give the page and what to type into it."""
        self.rows = None
        if waiting := self.tree.not_reached("seat_link"):
            return waiting
        name = cast(str, self.tree.subscription)
        rows, trouble = self._read_rows(name)
        page = list_page(self.settings.customersdot_url, SEAT_LINKS, name)
        where: tuple[Part, ...] = (Link("Seat Link page", page), Paragraph(f"Type into its search: {name}"))
        if rows is None:
            by_hand = triage.Reply("seat_link", Answer.YES, Source.ENGINEER, "to be looked up by hand")
            self.tree.replies["seat_link"] = by_hand
            return self.card("by hand", Tone.ASK, f"By hand: {trouble}", Paragraph(trouble), *where, link=page)
        self.rows, found = rows, count(len(rows), "row")
        self.tree.replies["seat_link"] = triage.Reply("seat_link", Answer.YES, Source.CUSTOMERSDOT, f"{found} found")
        words = f"{count(len(rows), 'Seat Link row')} of {name}."
        return self.card(found, Tone.GOOD, words, *self._rows_parts(rows), *where, link=page)

    @step("Is there an entry with the current date?")
    def check_entry(self, *, entry_today: object = parameters.UNKNOWN) -> StepResult:
        """Decide by the day on which the rows were received; the hints are for information."""
        facts, is_named, is_read = self._seat_link_facts(), self.tree.subscription is not None, self.rows is not None
        page = triage.entry_ruling(facts) if is_named and is_read else None
        # Where the rows could not be read, only that a license file has none
        self.hints = triage.hints(facts) if is_named and (is_read or facts.cloud is False) else ()
        return self.tree.answer("sub_status", entry_today, page, [Paragraph(f"Hint: {hint}") for hint in self.hints])

    @step("Decide")
    def decide(self, *, escalate: object = False) -> StepResult:
        """Decide by the tree: the issue has resolved itself, or an expert is needed.

        Raises:
            NeedsAnswerError: A question of the tree, or one about the facts, is open, and `escalate` is not given.
        """
        path, asked_for = self.tree.path, bool(parameters.parse("escalate", escalate))
        self.verdict = first_steps.verdict_now(self)
        if not asked_for and (question := scope.question(self.known, self.verdict.missing)):
            words = f"{question} If you cannot tell, pass escalate as True, and an expert settles it."
            raise NeedsAnswerError(words, missing=(*question.missing, "escalate"))
        if path.open_at is not None and not asked_for:
            raise self.tree.question(path.open_at)
        self.decision = Outcome.ESCALATED if asked_for else path.outcome
        state, tone, words, not_looked = "expert needed", Tone.ASK, "A License & Renewals expert is needed.", ""
        if self.decision is Outcome.RESOLVED_ITSELF:
            not_looked = self._check_not_engaged()
            words = "Likely the issue has resolved itself; the customer is asked to confirm."
            state, tone = "resolved itself", Tone.GOOD
        if self.decision is Outcome.ESCALATED:
            words = f"{words[:-1]}: {self.tree.why(self.decision)}"
        parts = [Paragraph(not_looked, strong=True)] if not_looked else []
        drawn, data, hints = self.tree.drawn, self.tree.data, list(self.hints)
        return self.card(state, tone, words, drawn, *parts, path=data, hints=hints, decision=self.decision)

    def _check_not_engaged(self) -> str:
        """Make sure that no expert was engaged for this ticket; returns why a rehearsal could not look for it, or "".

        Raises:
            PersonNeededError: One was.
            RunbookError: Slack cannot be read, and a reply to the customer would follow.
        """
        try:
            engaged = self.effects.adopt(changes.sent_post(self, name="expert_post"))
        except (RefusedError, UnavailableError) as exc:
            if self.perform:
                raise
            return f"Whether an expert was engaged already could not be looked at: {exc}"
        if engaged:
            raise PersonNeededError(
                "By these answers the issue has resolved itself, but an expert was engaged for this ticket already "
                f"({engaged.proven.summary}). Tell them; they settle it with the customer."
            )
        return ""

    @step("Confirm with the customer")
    def confirm_with_customer(self) -> StepResult:
        """If it resolved itself: a public reply that asks the customer to confirm, and a note with the path."""
        if self.decision is not Outcome.RESOLVED_ITSELF:
            return self.card("not taken", Tone.PLAIN, "Not this branch: the tree leads to an expert.", strong=False)
        reply = messages.resolved_question()
        sent = apply(self, changes.reply(self, "resolved_reply", reply, summary="public reply that asks to confirm"))
        note = messages.triage_note(self.tree.lines(self.decision), self._known_lines())
        noted = apply(self, changes.note(self, "triage_note", note, summary="internal note with the decision path"))
        to_come = ToCome(sent.name, "The customer will be asked to confirm that it works")
        self.steps.end(Outcome.RESOLVED_ITSELF, to_come)
        return self.effect_card([sent, noted], Preview("public reply", reply), Preview("internal note", note))

    @step("Engage an expert", needed=False)
    def engage_expert(self) -> StepResult:
        """A Slack post with the ticket's link, the path and what is known, and an internal note with the same.

        Raises:
            RunbookError: The post could not be made, so that no expert knows; a rehearsal plans it all the same.
        """
        path, known = self.tree.lines(self.decision), self._known_lines()
        post = messages.expert_post(self.ticket.url, path, known)
        posted = apply(self, changes.slack_post(self, post, name="expert_post"))
        if posted.state is EffectState.UNAVAILABLE:  # no expert knows of the case yet
            if isinstance(posted.error, OutcomeUnknownError):
                raise posted.error
            raise UnavailableError(f"No expert was engaged yet. {posted.trouble}")
        note = messages.triage_note([*path, "An expert was asked for in Slack."], known)
        noted = apply(self, changes.note(self, "expert_note", note, summary="internal note with the decision path"))
        self.steps.end(Outcome.ESCALATED, ToCome(posted.name, "An expert will be engaged"))
        kept = "" if posted.state in (EffectState.PLANNED, EffectState.DONE) else ", as it would read now"
        post_shown = Preview(f"post in {self.settings.slack_channel}{kept}", post)
        return self.effect_card([posted, noted], post_shown, Preview(f"internal note{kept}", note))

    @step("Close the case", always=True)
    def close(self) -> StepResult:
        """The outcome with the evidence; in a rehearsal the planned one, and how to perform it."""
        return closing_card(self, self._ending())

    def found(self, name: str) -> Prefill | None:
        """The value from CustomersDot, or the fact that counts; without the engineer's answers."""
        if name == "subscription":
            names = self.known.purchases.subscriptions
            source = str(Source.CUSTOMERSDOT) if names else ""
            return Prefill(names[0] if len(names) == 1 else "", source, tuple(names))
        nodes = {parameter: node for node, parameter in PARAMETERS.items()}
        reply = self.tree.replies.get(nodes.get(name, ""))
        if reply and reply.source is Source.CUSTOMERSDOT:
            return Prefill(str(reply.answer), str(reply.source))
        return super().found(name)

    def _read_rows(self, name: str) -> tuple[tuple[SeatLink, ...] | None, str]:
        """The Seat Link rows of a subscription, or None and why."""
        cdot = self.services.customersdot
        if cdot is None:
            return None, self.known.purchases.trouble
        try:
            return tuple(replace(row, hostname=_host(row.hostname)) for row in cdot.seat_links(name)), ""
        except (RefusedError, UnavailableError) as exc:
            return None, str(exc)

    def _rows_parts(self, rows: tuple[SeatLink, ...]) -> tuple[Part, ...]:
        facts = self._seat_link_facts()
        reports = [f"{row.report_at:%Y-%m-%d}" if row.report_at else "–" for row in rows]
        table = [
            (f"{row.created_at:%Y-%m-%d %H:%M}, report of {report}", row.hostname, triage.row_hints(row, facts))
            for row, report in zip(rows[:MOST_ROWS], reports, strict=False)
        ]
        shown = (Table(("received (UTC)", "instance", "what it means"), table),) if table else ()
        more = (Paragraph(f"The newest {MOST_ROWS} of {len(rows)} rows:"),) if len(rows) > MOST_ROWS else ()
        return (*more, *shown)

    def _licenses_table(self) -> tuple[Part, ...]:
        rows = [
            (one.subscription_name, one.plan or "–", f"{one.starts_on or '?'} to {one.expires_on or '?'}", _kind(one))
            for one in self.known.purchases.licenses or ()
        ]
        if not rows:
            return ()
        table = Table(("subscription", "plan", "license", "kind"), rows)
        if name := self.tree.subscription:
            return table, Link("licenses", list_page(self.settings.customersdot_url, LICENSES, name))
        return (table,)

    def _seat_link_facts(self) -> triage.SeatLinkFacts:
        return triage.SeatLinkFacts(
            rows=self.rows or (),
            opened_at=self.ticket.created_at,
            emergency_on=self.known.emergency_on,
            looked_at=self.settings.now(),
            cloud=self.known.purchases.is_cloud(self.tree.subscription),
        )

    def _known_lines(self) -> list[str]:
        """Checked facts, the subscription, the hints, and what is open about the scope."""
        best = [self.facts.best(name) for name in _KNOWN]
        lines = [f"{_labels(fact.name)}: {fact.value} ({fact.source})" for fact in best if fact]
        if name := self.tree.subscription:
            lines.append(f"subscription: {_plain(name)}")
        for found in self.known.purchases.of(self.tree.subscription):
            if (found.expires_on or date.min) > self.known.emergency_on:
                lines.append(f"renewed: CustomersDot has a license from {found.starts_on} to {found.expires_on}")
        missing = self.verdict.missing if self.verdict else ()
        return [*lines, *self.hints, *([f"not known: {_labels(*missing)}"] if missing else [])]

    def _ending(self) -> str:
        hints = " ".join((*self.tree.differing, *self.hints))
        if self.outcome is Outcome.RESOLVED_ITSELF:
            return f": the customer is asked to confirm that all is well. {hints}".rstrip()
        return f" to a License & Renewals expert: {self.tree.why(self.decision)} {hints}".rstrip()


def _labels(*names: str) -> str:
    return ", ".join(parameters.label_of(name).lower() for name in names)


def _yes(holds: bool) -> Answer:
    return Answer.YES if holds else Answer.NO


def _kind(one: SoldLicense) -> str:
    kind = {True: "cloud license, syncs", False: "license file, never syncs", None: "not said"}[one.cloud]
    return f"trial; {kind}" if one.trial else kind


def _host(name: str) -> str:
    """An instance's name, if it looks like one, since it is text of the customer."""
    return name if re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", name) else "(a name that cannot be shown)"


def _plain(name: str) -> str:
    """A subscription's name for notes and posts; one with unusual characters is only in the record."""
    return name if re.fullmatch(r"[\w .,/%+()#-]{1,100}", name) else "(see the record)"


def _listed(given: str | None, names: list[str]) -> str | None:
    """The listed name that differs from the given one in hyphens, blanks and case at most; else the given one.

    InputError if several do.
    """
    found = pasted.spelled(given, names) if given else ()
    if len(found) > 1:
        raise InputError(f"subscription is {given!r}; this may be {' or '.join(found)}. Pass the exact name of one.")
    return found[0] if found else given

"""The weekday emergency: follow the decision tree, then let the customer confirm, or engage an expert.

Source: weekday seed. The tree is in `triage`. Its questions are answered here, from CustomersDot if it is configured,
or else by the engineer, whose answer overrides the page's; where the two differ, both are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar, cast

from runbook_lib.cases import changes
from runbook_lib.cases.base import Prefill
from runbook_lib.cases.cards import effect_parts
from runbook_lib.cases.emergency import Emergency
from runbook_lib.cases.spoken import TO_PASS
from runbook_lib.cases.steps import step
from runbook_lib.clients.customersdot import customer_page, license_page, seat_link_page
from runbook_lib.display import DecisionPath, Link, Paragraph, Part, Preview, Stop, Table, Tone
from runbook_lib.domain import answers, identity, messages, pasted, policy, triage
from runbook_lib.domain.errors import (
    InputError,
    NeedsAnswerError,
    OutcomeUnknownError,
    PersonNeededError,
    RefusedError,
    RunbookError,
    UnavailableError,
)
from runbook_lib.domain.models import (
    Account,
    Answer,
    EffectState,
    Fact,
    Outcome,
    Ruling,
    SeatLink,
    SoldLicense,
    Source,
    Verdict,
)
from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.effects import EffectResult
from runbook_lib.results import StepResult

MOST_ROWS = 15
"""Newest Seat Link rows that are shown; the rule uses all."""
_PARAMETERS = {
    "cdot": "has_account",
    "sub": "has_access",
    "license": "subscription",
    "seat_link": "entry_today",
    "sub_status": "entry_today",
}
_KNOWN = ("deployment", "account_type", "plan", "expires_on", "users_in_license")


@dataclass(frozen=True)
class _Page:
    """The answer to a question by a CustomersDot page, with what the page shows."""

    answer: Answer
    words: str


class WeekdayTriage(Emergency):
    """An emergency of a self-managed customer on a working day.

    Attributes:
        rows: The Seat Link rows of the subscription, newest first, or None.
        subscription: The subscription's name, once it is known.
        replies: The answers so far, by the tree's node.
        decision: The outcome by the tree, or by the engineer's choice.
    """

    runbook: ClassVar[str] = "weekday_triage"
    look_up_patience_s: ClassVar[float | None] = None
    must_settle: ClassVar[bool] = False
    issues_license: ClassVar[bool] = False
    order: ClassVar[tuple[str, ...]] = (
        *("take", "collect_facts", "confirm_identity", "decide_scope"),
        *("find_account", "check_access", "find_subscription", "look_up_seat_link", "check_entry"),
        *("decide", "confirm_with_customer", "engage_expert", "close"),
    )

    rows: tuple[SeatLink, ...] | None = None
    subscription: str | None = None
    replies: dict[str, triage.Reply]
    decision: Outcome | None = None
    _notes: tuple[str, ...] = ()

    @step("Does the requester have a CustomersDot account?")
    def find_account(self, *, has_account: object = answers.UNKNOWN) -> StepResult:
        """Look for accounts of exactly the requester's address."""
        page = None
        if self.accounts is not None:
            words = [f"account {a.id}" for a in self.accounts]
            page = _Page(_yes(bool(words)), f"{len(words)} found: {', '.join(words)}" if words else "none found")
        rows = [(f"account {a.id}", a.email, a.name, a.company) for a in self.accounts or ()]
        parts: tuple[Part, ...] = (Table(("CustomersDot", "email", "name", "company"), rows),) if rows else ()
        if len(rows) > 1:
            parts += (Paragraph("Several accounts have this address; the subscriptions of all of them are looked at."),)
        return self._answer("cdot", has_account, page, parts)

    @step("Does that account see the subscription?")
    def check_access(self, *, has_access: object = answers.UNKNOWN) -> StepResult:
        """Look at which licenses and subscriptions the accounts list."""
        page = None
        if self.licenses is not None:
            names = self._names()
            page = _Page(
                _yes(bool(names)), f"{_count(len(names), 'subscription')} listed" if names else "none is listed"
            )
        return self._answer("sub", has_access, page, self._licenses_table())

    @step("Look for the subscription's name")
    def find_subscription(self, *, subscription: object = answers.UNKNOWN) -> StepResult:
        """Read the subscription's name from the account; if there are several, the engineer names one.

        Raises:
            InputError: The given name is another spelling of several that the account lists.
        """
        given = cast(str | None, answers.parse("subscription", subscription))
        names = self._names()
        named = _listed(given, names)
        self.subscription = named or (names[0] if len(names) == 1 else None)
        if waiting := self._not_reached("license"):
            return waiting
        parts = self._licenses_table()
        if self.subscription is None:
            why = (
                f"The account lists {len(names)} subscriptions; pass which one it is: {'; '.join(names)}."
                if names
                else "The subscription's name is not known; read it off the account's page and pass it."
            )
            return self._still_open("license", why, parts)
        differs = f"CustomersDot lists {'; '.join(names)}" if named and names and named not in names else ""
        source = Source.ENGINEER if named else Source.CUSTOMERSDOT
        read = f", read from “{given}”" if named != given else ""
        self._keep(triage.Reply("license", Answer.YES, source, f"subscription {self.subscription}{read}", differs))
        return self._replied("license", parts)

    @step("Look it up on the Seat Link page")
    def look_up_seat_link(self) -> StepResult:
        """Read the rows of the subscription, or give the page and what to type into it."""
        self.rows = None
        if waiting := self._not_reached("seat_link"):
            return waiting
        name = cast(str, self.subscription)
        rows, trouble = self._read_rows(name)
        page = seat_link_page(self.settings.customersdot_url, name)
        parts: tuple[Part, ...] = (Link("Seat Link page", page), Paragraph(f"Type into its search: {name}"))
        if rows is None:
            self._keep(triage.Reply("seat_link", Answer.YES, Source.ENGINEER, "to be looked up by hand"))
            return self.result("by hand", Tone.ASK, (Paragraph(trouble), *parts), f"By hand: {trouble}", link=page)
        self.rows = rows
        self._keep(triage.Reply("seat_link", Answer.YES, Source.CUSTOMERSDOT, f"{_count(len(rows), 'row')} found"))
        facts = self._seat_link_facts()
        table = [
            (f"{r.created_at:%Y-%m-%d %H:%M}, report of {_stamp(r)}", r.hostname, triage.row_hints(r, facts))
            for r in rows[:MOST_ROWS]
        ]
        heads = ("received (UTC)", "instance", "what it means")
        parts = ((Table(heads, table),) if table else ()) + parts
        if len(rows) > MOST_ROWS:
            parts = (Paragraph(f"The newest {MOST_ROWS} of {len(rows)} rows:"), *parts)
        words = f"{_count(len(rows), 'Seat Link row')} of {name}."
        return self._card(_count(len(rows), "row"), Tone.GOOD, words, *parts, link=page)

    @step("Is there an entry with the current date?")
    def check_entry(self, *, entry_today: object = answers.UNKNOWN) -> StepResult:
        """Decide by the day on which the rows were received; the hints are for information."""
        page = None
        hints: tuple[str, ...] = ()
        if self.rows is not None and self.subscription is not None:
            page = _Page(*triage.entry_ruling(self._seat_link_facts()))
        if self.subscription is not None:
            hints = triage.hints(self._seat_link_facts()) if page else self._file_hint()
        self._notes = hints
        return self._answer("sub_status", entry_today, page, tuple(Paragraph(f"Hint: {hint}") for hint in hints))

    @step("Decide")
    def decide(self, *, escalate: object = False) -> StepResult:
        """Decide by the tree: the issue has resolved itself, or an expert is needed.

        Raises:
            NeedsAnswerError: A question of the tree, or one about the facts, is open, and `escalate` is not given.
        """
        path = triage.walk(self.replies)
        asked_for = bool(answers.parse("escalate", escalate))
        self.verdict = self._verdict()
        if not asked_for and (question := self._question()):
            words = f"{question} If you cannot tell, pass escalate as True, and an expert settles it."
            raise NeedsAnswerError(words, missing=(*question.missing, "escalate"))
        if path.open_at is not None and not asked_for:
            raise self._open_question(path.open_at)
        self.decision = Outcome.ESCALATED if asked_for else path.outcome
        resolved = self.decision is Outcome.RESOLVED_ITSELF
        engaged, not_looked = self._engaged() if resolved else (None, "")
        if engaged:
            raise PersonNeededError(
                "By these answers the issue has resolved itself, but an expert was engaged for this ticket already "
                f"({engaged.proven.summary}). Tell them; they settle it with the customer."
            )
        drawn = DecisionPath([_stop(visit) for visit in path.visits])
        words = (
            "Likely the issue has resolved itself; the customer is asked to confirm."
            if resolved
            else "A License & Renewals expert is needed."
        )
        if path.open_at is not None:
            words += f" Still open: {path.open_at.words}"
        elif path.outcome is not self.decision:
            words += " The tree says that the issue has resolved itself; the engineer asks for an expert all the same."
        parts: tuple[Part, ...] = (drawn, *(Paragraph(f"Hint: {hint}") for hint in self._notes))
        parts += (Paragraph(not_looked, strong=True),) if not_looked else ()
        data = [_reply_data(visit) for visit in path.visits if visit.taken]
        tone = Tone.GOOD if resolved else Tone.ASK
        state = "resolved itself" if resolved else "expert needed"
        return self._card(state, tone, words, *parts, path=data, hints=list(self._notes), decision=self.decision)

    def _engaged(self) -> tuple[EffectResult | None, str]:
        """The post that engaged an expert for this ticket, if there is one; and why a rehearsal could not look for it.

        Raises:
            RunbookError: Slack cannot be read, and a reply to the customer would follow.
        """
        try:
            return self.effects.adopt(changes.sent_post(self, name="expert_post")), ""
        except (RefusedError, UnavailableError) as exc:
            if self.perform:
                raise
            return None, f"Whether an expert was engaged already could not be looked at: {exc}"

    @step("Confirm with the customer")
    def confirm_with_customer(self) -> StepResult:
        """If it resolved itself: a public reply that asks the customer to confirm, and a note with the path."""
        if self.decision is not Outcome.RESOLVED_ITSELF:
            words = "Not this branch: the tree leads to an expert."
            return self.result("not taken", Tone.PLAIN, (Paragraph(words),), words)
        reply = messages.resolved_question()
        sent = self.apply(changes.reply(self, "resolved_reply", reply, summary="public reply that asks to confirm"))
        note = messages.triage_note(self._path_lines(), self._known_lines())
        noted = self.apply(changes.note(self, "triage_note", note, summary="internal note with the decision path"))
        self.end(Outcome.RESOLVED_ITSELF)
        parts = (*effect_parts(sent, noted), Preview("public reply", reply), Preview("internal note", note))
        return self._effect_card(sent, parts)

    @step("Engage an expert", needed=False)
    def engage_expert(self) -> StepResult:
        """A Slack post with the ticket's link, the path and what is known, and an internal note with the same.

        Raises:
            RunbookError: The post could not be made, so that no expert knows; a rehearsal plans it all the same.
        """
        path, known = self._path_lines(), self._known_lines()
        post = messages.expert_post(self.ticket.url, path, known)
        posted = self.apply(changes.slack_post(self, post, name="expert_post"))
        if posted.state is EffectState.UNAVAILABLE:  # no expert knows of the case yet
            raise _not_engaged(posted)
        note = messages.triage_note([*path, "An expert was asked for in Slack."], known)
        noted = self.apply(changes.note(self, "expert_note", note, summary="internal note with the decision path"))
        self.end(Outcome.ESCALATED)
        kept = "" if posted.state in (EffectState.PLANNED, EffectState.DONE) else ", as it would read now"
        shown = (Preview(f"post in {self.settings.slack_channel}{kept}", post), Preview(f"internal note{kept}", note))
        parts = (*effect_parts(posted, noted), *shown)
        return self._effect_card(posted, parts)

    @step("Close the case", always=True)
    def close(self) -> StepResult:
        """The outcome with the evidence; in a rehearsal the planned one, and how to perform it."""
        return self._closing(self._closing_words())

    def forget(self) -> None:
        """Drop all look-ups and answers."""
        self.replies = {}
        self.rows = self.subscription = None
        self._notes = ()

    def found(self, name: str) -> Prefill | None:
        """The value from CustomersDot, or the fact that counts; without the engineer's answers."""
        if name == "subscription":
            names = self._names()
            return Prefill(names[0] if len(names) == 1 else "", str(Source.CUSTOMERSDOT), tuple(names))
        nodes = {parameter: node for node, parameter in _PARAMETERS.items()}
        reply = self.replies.get(nodes.get(name, ""))
        if reply and reply.source is Source.CUSTOMERSDOT:
            return Prefill(str(reply.answer), str(reply.source))
        return super().found(name)

    def _calendar_ruling(self, emergency_on: date) -> Ruling:
        return policy.weekday_ruling(self.ticket.created_at, emergency_on, self.settings.rules)

    def _look_up(self, emergency_on: date) -> tuple[list[Fact], list[str]]:
        """As for every emergency. Drops earlier answers, and adds a note if CustomersDot could not be read."""
        self.forget()
        facts, notes = super()._look_up(emergency_on)
        asks = (
            [f"Questions on the account are to be answered by hand. {self.purchases.trouble}"]
            if self.purchases.trouble
            else []
        )
        return facts, asks + notes

    @property
    def accounts(self) -> tuple[Account, ...] | None:
        """The requester's CustomersDot accounts, or None where they could not be read."""
        return self.purchases.accounts

    @property
    def licenses(self) -> tuple[SoldLicense, ...] | None:
        """The licenses of those accounts, or None."""
        return self.purchases.licenses

    def _who(self) -> identity.IdentitySources:
        """As for every emergency; an account that the engineer has found counts as a record of ours."""
        who = super()._who()
        reply = self.replies.get("cdot")
        if reply and reply.source is Source.ENGINEER and reply.answer is Answer.YES and not self.accounts:
            by_hand = identity.NamedParty("CustomersDot account found by the engineer", "", who.requester.domains)
            return replace(who, ours=(*who.ours, by_hand))
        return who

    def _read_rows(self, name: str) -> tuple[tuple[SeatLink, ...] | None, str]:
        """The Seat Link rows of a subscription, or None and why."""
        cdot = self.services.customersdot
        if cdot is None:
            return None, self.purchases.trouble
        try:
            return tuple(replace(row, hostname=_host(row.hostname)) for row in cdot.seat_links(name)), ""
        except (RefusedError, UnavailableError) as exc:
            return None, str(exc)

    def _answer(self, node: str, raw: object, page: _Page | None, parts: tuple[Part, ...]) -> StepResult:
        """Settle a yes-or-no question: the engineer's answer, or else the page's."""
        given = answers.parse(_PARAMETERS[node], raw)
        if waiting := self._not_reached(node):
            return waiting
        if given is not None:
            answer = Answer(str(given))
            differs = f"CustomersDot shows otherwise: {page.words}" if page and page.answer is not answer else ""
            evidence = f"CustomersDot agrees: {page.words}" if page and not differs else "answered by hand"
            self._keep(triage.Reply(node, answer, Source.ENGINEER, evidence, differs))
        elif page is not None:
            self._keep(triage.Reply(node, page.answer, Source.CUSTOMERSDOT, page.words))
        else:
            return self._still_open(node, self.purchases.trouble or "Nobody has looked yet.", parts)
        return self._replied(node, parts)

    def _not_reached(self, node: str) -> StepResult | None:
        """The result of a step whose question the path has not reached, or None. Drops its earlier answer."""
        places = list(_PARAMETERS)
        for later in places[places.index(node) :]:
            self.replies.pop(later, None)
        path = triage.walk(self.replies)
        if path.open_at is not None and path.open_at.id == node:
            return None
        words = (
            "Not asked: an answer above leads to an expert already."
            if path.open_at is None
            else f"Not asked yet: “{path.open_at.words}” is open."
        )
        return self.result("not reached", Tone.PLAIN, (Paragraph(words),), words)

    def _keep(self, reply: triage.Reply) -> None:
        self.replies[reply.node] = reply

    def _replied(self, node: str, parts: tuple[Part, ...]) -> StepResult:
        reply = self.replies[node]
        state = "found" if node == "license" else str(reply.answer)
        words = f"{state.capitalize()} ({reply.source}): {clean(reply.evidence)}."
        if reply.differs:
            parts = (Paragraph(f"The two differ, and the engineer decides. {clean(reply.differs)}."), *parts)
        tone = Tone.ASK if reply.differs or reply.answer is Answer.NO else Tone.GOOD
        return self._card(state, tone, words, *parts, reply=_data(reply))

    def _still_open(self, node: str, why: str, parts: tuple[Part, ...]) -> StepResult:
        """A question without an answer: where to look, what to type there, and which parameter to pass."""
        name = _PARAMETERS[node]
        meaning = Table(TO_PASS, [(name, answers.QUESTIONS[name].words)], in_view=True)
        parts = (*parts, *self._where(node), meaning)
        return self._card("open", Tone.ASK, why, *parts, asks=(name,), missing=[name])

    def _where(self, node: str) -> tuple[Part, ...]:
        page, value = self._page_of(node)
        return (Link("Look here", page), Paragraph(f"Type into its search: {value}")) if page else ()

    def _page_of(self, node: str) -> tuple[str, str]:
        """The page that answers a question, and what to type there; "" if it is not known."""
        url = self.settings.customersdot_url
        if node in ("seat_link", "sub_status") and self.subscription:
            return seat_link_page(url, self.subscription), self.subscription
        email = cast(str | None, self.facts.value("requester_email"))
        return (customer_page(url, email), email) if email else ("", "")

    def _open_question(self, node: triage.Node) -> NeedsAnswerError:
        page, value = self._page_of(node.id)
        where = f" Look at {page} (type {value})." if page else ""
        name = _PARAMETERS[node.id]
        return NeedsAnswerError(
            f"{node.words} is not answered.{where} Pass {name}; if you cannot look, pass escalate as True, "
            "and an expert goes on from here.",
            missing=(name, "escalate"),
        )

    def _names(self) -> list[str]:
        """The subscriptions that the accounts list, each once."""
        return list(dict.fromkeys(found.subscription_name for found in self.licenses or () if found.subscription_name))

    def _licenses_table(self) -> tuple[Part, ...]:
        rows = [
            (one.subscription_name, one.plan or "–", f"{one.starts_on or '?'} to {one.expires_on or '?'}", _kind(one))
            for one in self.licenses or ()
        ]
        if not rows:
            return ()
        link: tuple[Part, ...] = ()
        if self.subscription:
            link = (Link("licenses", license_page(self.settings.customersdot_url, self.subscription)),)
        return (Table(("subscription", "plan", "license", "kind"), rows), *link)

    def _seat_link_facts(self) -> triage.SeatLinkFacts:
        return triage.SeatLinkFacts(
            rows=self.rows or (),
            opened_at=self.ticket.created_at,
            emergency_on=self.emergency_on,
            looked_at=self.settings.now(),
            cloud=self._cloud(),
        )

    def _cloud(self) -> bool | None:
        """Whether the subscription's newest license is an online cloud license; None if not known."""
        known = [license for license in self._licenses_here() if license.cloud is not None]
        return max(known, key=lambda license: license.expires_on or date.min).cloud if known else None

    def _file_hint(self) -> tuple[str, ...]:
        return triage.hints(self._seat_link_facts()) if self._cloud() is False else ()

    def _path_lines(self) -> list[str]:
        """The path, without any text from a customer."""
        path = triage.walk(self.replies)
        lines = []
        for visit in path.visits:
            if visit.taken and visit.reply:
                differs = "; the page says otherwise" if visit.reply.differs else ""
                lines.append(f"{visit.node.words} {_answer_word(visit.reply)} ({visit.reply.source}{differs})")
        if path.open_at is not None:
            lines.append(f"{path.open_at.words} not known")
        elif path.outcome is not self.decision:
            lines.append("The engineer asks for an expert all the same")
        return lines

    def _known_lines(self) -> list[str]:
        """Checked facts, the subscription, the hints, and what is open about the scope."""
        best = [self.facts.best(name) for name in _KNOWN]
        lines = [f"{_labels(fact.name)}: {fact.value} ({fact.source})" for fact in best if fact]
        if self.subscription:
            lines.append(f"subscription: {_plain(self.subscription)}")
        lines += [f"renewed: {words}" for words in self._renewals()]
        lines += list(self._notes)
        missing = cast(Verdict, self.verdict).missing
        return lines + ([f"not known: {_labels(*missing)}"] if missing else [])

    def _renewals(self) -> list[str]:
        later = [found for found in self._licenses_here() if (found.expires_on or date.min) > self.emergency_on]
        return [f"CustomersDot has a license from {found.starts_on} to {found.expires_on}" for found in later]

    def _licenses_here(self) -> list[SoldLicense]:
        """The licenses of the subscription."""
        return [found for found in self.licenses or () if found.subscription_name == self.subscription]

    def _closing_words(self) -> str:
        would = "" if self.perform else "Would end: "
        differing = [_differing(reply) for reply in self.replies.values() if reply.differs]
        hints = " ".join((*self._notes, *differing))
        match self.outcome:
            case Outcome.OUT_OF_SCOPE:
                return self._out_of_scope_words()
            case Outcome.RESOLVED_ITSELF:
                words = "the customer is asked to confirm that all is well"
                return f"{would}{Outcome.RESOLVED_ITSELF.words}: {words}. {hints}".strip()
            case _:
                reason = self._path_lines()[-1]
                words = f"to a License & Renewals expert, since: {reason}"
                return f"{would}{Outcome.ESCALATED.words} {words}. {hints}".strip()


def _not_engaged(posted: EffectResult) -> RunbookError:
    """The error for a post that could not be made, so that no expert knows of the case."""
    if isinstance(posted.error, OutcomeUnknownError):
        return posted.error
    return UnavailableError(f"No expert was engaged yet. {posted.trouble}")


def _labels(*names: str) -> str:
    """Parameters for who is told of them by a note."""
    return ", ".join(answers.label_of(name).lower() for name in names)


def _yes(holds: bool) -> Answer:
    return Answer.YES if holds else Answer.NO


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _kind(one: SoldLicense) -> str:
    return {True: "cloud license, syncs", False: "license file, never syncs", None: "not said"}[one.cloud]


def _stamp(row: SeatLink) -> str:
    return f"{row.report_at:%Y-%m-%d}" if row.report_at else "–"


def _host(name: str) -> str:
    """An instance's name, if it looks like one, since it is text of the customer."""
    return name if re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", name) else "(a name that cannot be shown)"


def _plain(name: str) -> str:
    """A subscription's name for notes and posts; one with unusual characters is only in the record."""
    return name if re.fullmatch(r"[\w .,/%+()#-]{1,100}", name) else "(see the record)"


def _listed(given: str | None, names: list[str]) -> str | None:
    """The listed name that differs from the given one in hyphens, blanks and case at most; else the given one.

    Raises:
        InputError: Several listed names match.
    """
    found = pasted.spelled(given, names) if given else ()
    if len(found) > 1:
        raise InputError(f"subscription is {given!r}; this may be {' or '.join(found)}. Pass the exact name of one.")
    return found[0] if found else given


def _answer_word(reply: triage.Reply) -> str:
    return "done" if reply.node in ("license", "seat_link") else str(reply.answer)


def _stop(visit: triage.Visit) -> Stop:
    reply = visit.reply
    if reply is None:
        return Stop(visit.node.words, visit.taken)
    differs = f" {reply.differs}." if reply.differs else ""
    return Stop(visit.node.words, visit.taken, _answer_word(reply), f"{reply.source}: {reply.evidence}.{differs}")


def _differing(reply: triage.Reply) -> str:
    """The engineer's answer, and what CustomersDot shows."""
    if reply.node == "license":
        return f"The engineer named {clean(reply.evidence)}, but {clean(reply.differs)}."
    question = next(node.words for node in triage.NODES if node.id == reply.node)
    return f"Asked “{question}” the engineer answered {reply.answer}, but {clean(reply.differs)}."


def _data(reply: triage.Reply) -> dict[str, str]:
    return {name: getattr(reply, name) for name in ("answer", "source", "evidence", "differs")}


def _reply_data(visit: triage.Visit) -> dict[str, object]:
    return {"node": visit.node.id, "words": visit.node.words, **(_data(visit.reply) if visit.reply else {})}

"""A case: one ticket going through one runbook, step by step; the part that every runbook shares.

A step is a method under `steps.step`, and one code cell of the notebook. A runbook's class has its steps in the
notebook's order: its own, and by name those that it shares with others (`first_steps`).

No widget is imported here. In JupyterLab `open` hands the case to the front that is installed under `FRONT` (see
`jupyter.session`), and `case` in the notebook is that front, which stands in for the case.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import Any, ClassVar, Self, cast

from runbook_lib import form_words, templates
from runbook_lib.cases import cards, opening, scope, steps
from runbook_lib.cases.downloads import Downloads
from runbook_lib.cases.knowledge import Calendar, Knowledge
from runbook_lib.cases.opening import OpenedTicket
from runbook_lib.cases.steps import Steps
from runbook_lib.display import Card, Fold, Paragraph, Part, Table, Tone, folded
from runbook_lib.domain import evidence, parameters, policy
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.models import Facts, Outcome, Person, Verdict
from runbook_lib.domain.plain_text import PREVIEW_LIMIT
from runbook_lib.domain.plan import Plan, PlanFact
from runbook_lib.domain.state_words import QUIET
from runbook_lib.ledger.effects import EffectResult
from runbook_lib.results import StepResult, is_interactive, show

FRONT = "runbook_lib.front"
"""The entry point of what a person in JupyterLab works with: called with a case and the ticket's number as given."""


@dataclass(frozen=True)
class Prefill:
    """What is known of a parameter without the engineer."""

    value: str = ""  # as it would be typed, or ""
    source: str = ""  # who says so, or ""
    choices: tuple[str, ...] = ()  # what there is to choose from, if the runbook knows


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """What a runbook decides for the steps that it shares with others."""

    calendar: Calendar = policy.weekend_ruling  # its rule for the day
    # Whether its own questions are about the CustomersDot account, so that it waits for CustomersDot as for any other
    # service, and says what has to be answered by hand
    asks_accounts: bool = False
    settles_first: bool = True  # whether the case stops at the scope for what a person has to settle
    issues_license: bool = True  # whether it issues licenses, so that it has to know whether the ticket has one


class Case:
    """One ticket in one runbook. Open it with `open`, then call the steps in order.

    Attributes:
        ticket: The ticket as it was when the case was opened.
        note: What the reader should know of this execution, or "".
    """

    runbook: ClassVar[str]  # the notebook's name
    workflow: ClassVar[Workflow] = Workflow()  # what the runbook decides for the steps that it shares
    order: ClassVar[tuple[str, ...]]  # the names of the steps, as the notebook calls them
    # Whether the runbook changes anything, so that there is something to perform; else its card offers another ticket
    changes: ClassVar[bool] = True

    verdict: Verdict | None = None
    users: int | None = None  # for how many users the new license is, once that is chosen

    def __init_subclass__(cls) -> None:
        cls.order = steps.names(cls)

    def __init__(self, opened: OpenedTicket) -> None:
        self.ticket, self.settings, self.services, self.effects, self.note = opened
        self.downloads = Downloads(self.services.zendesk, self.settings.attachment_limit_bytes)
        self.steps = Steps(type(self))
        self.known = Knowledge(ticket=self.ticket, rules=self.settings.rules)
        self.forget()

    def forget(self) -> None:
        """Set what a runbook begins with; also called when it looks everything up again."""

    @classmethod
    def open(cls, ticket_id: object, *, perform: object = False) -> Self:
        """Read the ticket and get ready; changes nothing.

        Args:
            ticket_id: The ticket's number.
            perform: Whether the steps change things; or the name of the run that does, which is what a record holds:
                it performs as long as that run is under way, so that a record that is run again only rehearses.
                Refused in JupyterLab, where a notebook only rehearses.

        Raises:
            RunbookError: Shown as one sentence: wrong number, closed ticket, service down ...
        """
        person = is_interactive()
        try:
            case = cls(opening.opened(ticket_id, perform, is_interactive=person))
        except RunbookError as exc:
            stopped = cards.stopped(cls.runbook, ticket_id, "Open the ticket", exc, badge=opening.place())
            show(replace(stopped, card=form_words.card(stopped.card)) if person else stopped)
            raise
        return cast(Self, _front()(case, ticket_id)) if person else case

    def opened_again(self, ticket_id: int) -> Self:
        """A new case of this ticket, or another one, on the same services, which only rehearses. Raises as `open`."""
        return type(self)(opening.opened_again(self.settings, self.services, ticket_id))

    @property
    def outcome(self) -> Outcome | None:
        """How the case ended, or in a rehearsal would end; None while it is open."""
        return self.steps.outcome

    @property
    def facts(self) -> Facts:
        return self.known.facts

    @property
    def perform(self) -> bool:
        return self.effects.perform

    @property
    def command(self) -> str:
        """The command that performs this case with the answers so far."""
        return f"{self.command_for(self.runbook)} --perform"

    def command_for(self, runbook: str) -> str:
        """The command that rehearses a runbook on this ticket; with each answer that its file would have otherwise."""
        defaults = templates.defaults(self.settings.notebooks / f"{runbook}.ipynb")
        passed = {name: words for name, words in self.steps.given.items() if name in defaults}
        pairs = [
            word
            for name, words in passed.items()
            if words != parameters.QUESTIONS[name].typed(defaults[name])
            for word in ("-p", name, words)
        ]
        return shlex.join(["runbook", "run", runbook, str(self.ticket.id), *pairs])

    @property
    def place(self) -> str:
        """Practice, with its date, or live."""
        return "LIVE" if self.settings.profile == "live" else f"PRACTICE, {self.settings.today}"

    @property
    def badge(self) -> str:
        """Where the reader is; and whether this run is a rehearsal."""
        return f"{self.place} · {'performed' if self.perform else 'rehearsal, nothing is changed'}"

    def found(self, name: str) -> Prefill | None:
        """The value that counts without the engineer's answers; empty where the sources contradict each other."""
        if name == "installed_license":
            names = tuple(license.name for license in self.known.attached)
            return Prefill("", "", (*names, evidence.NONE_OF_THEM)) if names else None
        if name in {parameter for _, parameter in scope.unsettled(self.known).values()}:
            values = dict.fromkeys(f"{f.source}: {f.value}" for f in self.facts.known if f.name == name)
            return Prefill("", "; ".join(values))
        fact = self.facts.without_engineer().best(name)
        if fact is None:
            return None
        return Prefill(str(fact.value), f"{fact.source}, {fact.detail}" if fact.detail else str(fact.source))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self.ticket_card()._repr_mimebundle_()

    def __repr__(self) -> str:
        return repr(self.ticket_card())

    @property
    def right_runbook(self) -> str:
        """The runbook that goes on with the ticket, where this one is out of scope for that alone; or ""."""
        return self.verdict.instead if self.verdict and self.outcome is Outcome.OUT_OF_SCOPE else ""

    @property
    def summary(self) -> dict[str, str]:
        """The case in a few lines, by label, as far as it is known now."""
        has_scope, issues = "decide_scope" in self.order, self.outcome in (None, Outcome.LICENSE_ISSUED)
        users = self.users if issues and "choose_users" in self.steps.done else None
        return cards.summary(self.ticket, self.facts, self.verdict, has_scope=has_scope, users=users)

    @property
    def summary_table(self) -> Table:
        return Table(("", ""), tuple(self.summary.items()), in_view=True, longest=PREVIEW_LIMIT)

    def ticket_card(self) -> StepResult:
        """The case in a few lines, as far as it is known now, and the ticket as it was read."""
        note = (Paragraph(self.note),) if self.note else ()
        words = (("Subject", self.ticket.subject), ("Message", self.ticket.description))
        parts = (
            Table(("", ""), (*words, *self.summary.items()), in_view=True),
            *note,
            Fold(cards.ticket_parts(self.ticket)),
        )
        card = Card(f"Ticket {self.ticket.id}", "read", Tone.PLAIN, self.badge, parts)
        organization = self.ticket.organization.name if self.ticket.organization else ""
        facts = {"organization": organization, "ticket_url": self.ticket.url}
        return StepResult(card, self._data("open", "read", f"The ticket was read. {self.note}".rstrip(), **facts))

    def card(
        self,
        state: str,
        tone: Tone,
        words: str,
        *parts: Part,
        strong: bool = True,
        asks: tuple[str, ...] = (),
        **data: Any,
    ) -> StepResult:
        """What a step returns; the step's name and title are filled in by `@step`.

        Its card has the summary in view, in one line, and folds what that rests on.
        """
        shown = folded((Paragraph(words, strong=strong), *parts))
        card = Card("", state, tone, self.badge, shown, quiet=state in QUIET, pages=self.pages)
        return StepResult(card, self._data("", state, words, pages=self._named(words), **data), asks)

    def effect_card(self, effects: Sequence[EffectResult], *parts: Part, words: str = "", **data: Any) -> StepResult:
        """What a step returns that consists of effects, above all the first, whose summary `words` replaces."""
        first, shown = effects[0], (*cards.effect_parts(*effects), *parts)
        state, tone = cards.effect_state(first), cards.effect_tone(first)
        return self.card(state, tone, words or first.summary, *shown, effect=cards.effect_data(first), **data)

    def stopped(self, title: str, exc: RunbookError) -> StepResult:
        found = cards.stopped(self.runbook, self.ticket.id, title, exc, badge=self.badge)
        data = {**found.data, **self._so_far, "pages": self._named(str(exc))}
        return replace(found, card=replace(found.card, pages=self.pages), data=data)

    def _data(self, step: str, state: str, summary: str, **data: Any) -> dict[str, Any]:
        so_far = {**self._so_far, "outcome": self.outcome}
        return cards.step_data(self.runbook, self.ticket.id, step, state, summary, **so_far, **data)

    @property
    def _so_far(self) -> dict[str, Any]:
        return {"performed": self.perform, "effects": [cards.effect_data(effect) for effect in self.applied]}

    def _named(self, words: str) -> list[str]:
        """The pages whose addresses are in the words: a record's banner links them."""
        return sorted(page for page in self.pages if page in words)

    def plan(self) -> Plan:
        """What the steps so far would do, and the facts that this rests on."""
        actions = tuple(action for _, action in self.steps.applied)
        best = [self.facts.best(name) for name in dict.fromkeys(fact.name for fact in self.facts.known)]
        readings = tuple(PlanFact(fact.name, str(fact.value), str(fact.source)) for fact in best if fact)
        steps = self.steps
        return Plan(self.ticket.id, steps.outcome, actions, dict(steps.given), readings, self.gist, steps.to_come)

    @property
    def pages(self) -> frozenset[str]:
        """The web addresses that services gave this run, for what it found, made and would change."""
        actions = [action for _, action in self.steps.applied]
        found = [action.evidence.url for action in actions if action.evidence]
        targets = [action.target.url for action in actions]
        return frozenset((self.ticket.url, *found, *targets, *self.services.gitlab.pages)) - {""}

    @property
    def gist(self) -> str:
        """The plan's result in a few words; or ""."""
        return ""

    @functools.cached_property
    def me(self) -> Person:
        return self.services.zendesk.me()

    @property
    def applied(self) -> list[EffectResult]:
        return [result for result, _ in self.steps.applied]

    def nothing_to_do(self) -> StepResult:
        """What a step says once the case has its outcome."""
        ended = self.outcome.words if self.outcome else ""
        why = f"Nothing to do: the case ended in the step “{self.steps.title(self.steps.ended_by)}”: {ended}."
        return self.card("skipped", Tone.PLAIN, why, strong=False)

    def operation(self, name: str) -> str:
        """The operation id of an effect of this ticket: the same in every run and on every machine."""
        return f"{self.settings.profile}-{self.ticket.id}-{name}"


@functools.cache  # to look through all that is installed takes as long as a step
def _front() -> Callable[[Case, object], Any]:
    """What makes the installed front of a case, which stands in for it; InputError if there is none."""
    for front in entry_points(group=FRONT):
        found: Callable[[Case, object], Any] = front.load()
        return found
    raise InputError("This installation has no forms for JupyterLab. Install the project again: pip install -e .")

"""A case: one ticket going through one runbook, step by step; the part that every runbook shares.

A step is a method under `@step`, and one code cell of the notebook. Steps run in the order that the class states
(`order`); once the case has its outcome, the rest say why they do nothing. A step that cannot go on shows what is
missing and raises, which stops *Run All* and papermill alike.
"""

from __future__ import annotations

import functools
import inspect
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar

from IPython import get_ipython

from runbook_lib import templates
from runbook_lib.cases.cards import effect_data
from runbook_lib.cases.downloads import Downloads
from runbook_lib.cases.services import Progress, Services, connect
from runbook_lib.cases.walk import Prefill, Walk
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.display import Card, Paragraph, Part, Table, Tone
from runbook_lib.domain import answers
from runbook_lib.domain.errors import (
    InputError,
    NeedsAnswerError,
    OutcomeUnknownError,
    PersonNeededError,
    RefusedError,
    RunbookError,
    UnavailableError,
)
from runbook_lib.domain.models import Comment, EffectState, Evidence, Outcome, Person, Ticket
from runbook_lib.domain.plain_text import clean
from runbook_lib.ledger.effects import Effect, EffectResult, Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.results import StepResult, show, somebody_is_there
from runbook_lib.settings import Settings

RUN_NAME = re.compile(r"\d{8}T\d{9}Z-[\w.-]+")
"""A run's name, which is its record's; see `runner.run`."""


class Case:
    """One ticket in one runbook. Open it with `open`, then call the steps in order.

    Attributes:
        runbook: The notebook's name.
        order: The names of the steps, as the notebook calls them.
        ticket: The ticket as it was when the case was opened.
        thread: Its comments, once they were read.
        downloads: The contents of its files.
        outcome: How the case ended, or in a rehearsal would end; None while it is open.
        walk: What a person in JupyterLab has beside the cards; None where nobody is there.
        note: What the reader should know of this execution, or "".
        changes: Whether the runbook changes anything, so that there is something to perform.
        any_ticket: Whether JupyterLab asks for the ticket's number.
    """

    runbook: ClassVar[str]
    order: ClassVar[tuple[str, ...]]
    changes: ClassVar[bool] = True
    any_ticket: ClassVar[bool] = False

    def __init__(self, ticket: Ticket, settings: Settings, services: Services, effects: Effects) -> None:
        self.ticket = ticket
        self.thread: tuple[Comment, ...] = ()
        self.settings = settings
        self.services = services
        self.downloads = Downloads(services.zendesk, settings.attachment_limit_bytes)
        self.outcome: Outcome | None = None
        self._effects = effects
        self._applied: dict[str, list[EffectResult]] = {}
        self._done: dict[str, str] = {}
        self._running = ""
        self._given: dict[str, str] = {}
        self._operations: dict[str, list[str]] = {}
        self._ended_by = ""
        self._me: Person | None = None
        self.walk: Walk | None = None
        self.note = ""
        self.forget()

    def forget(self) -> None:
        """What a runbook begins with, and goes back to when it looks things up anew."""

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
        try:
            return cls._open(ticket_id, perform)
        except RunbookError as exc:
            show(_stopped(cls.runbook, ticket_id, "Open the ticket", exc, badge=_place()))
            raise

    @classmethod
    def _open(cls, ticket_id: object, perform: object) -> Self:
        number = int(str(answers.parse("ticket_id", ticket_id)))
        run = perform if isinstance(perform, str) and RUN_NAME.fullmatch(perform) else ""
        performing, person = bool(run or answers.parse("perform", perform)), somebody_is_there()
        if performing and person:
            raise InputError(
                "In JupyterLab this notebook only rehearses, so that every change has its record. Set perform back to "
                "False; the button in the last cell performs. A record stays as it is: the runbooks are in notebooks/."
            )
        settings = Settings.load()
        settings.check_account(ticket_id)
        services = connect(settings)
        ticket = _ticket(services.zendesk, number)
        again = bool(run) and not _is_under_way(Journal.of(settings, number), run)
        effects = _effects(settings, services, number, perform=performing and not again)
        case = cls(ticket, settings, services, effects)
        if again:
            case.note = f"The run {run} has ended. This is its record, run again: it only rehearses."
        elif performing and not run:
            case.note = (
                "Not started by runbook run, so that nothing seals this notebook. "
                f"Once it is executed: runbook records adopt NOTEBOOK --ticket {number}"
            )
        if person:
            case.walk = Walk(case, Progress().say, {"ticket_id": ticket_id}, before=_in_the_kernel(cls, ticket_id))
        return case

    def read_again(self, ticket_id: int) -> None:
        """Read the ticket, or another one, anew, as if the case had just been opened; changes nothing.

        Raises:
            RunbookError: As `open`.
        """
        settings, services, walk = self.settings, self.services, self.walk
        services.budget.renew()
        ticket = _ticket(services.zendesk, ticket_id)
        effects = _effects(settings, services, ticket_id, perform=False)
        fresh = type(self)(ticket, settings, services, effects)
        fresh.walk = walk
        self.__dict__ = fresh.__dict__  # at once: a form may be typed into meanwhile

    @property
    def perform(self) -> bool:
        """Whether this case changes things."""
        return self._effects.perform

    @property
    def command(self) -> str:
        """The command that performs this case with the answers so far."""
        return f"{self.command_for(self.runbook)} --perform"

    def command_for(self, runbook: str) -> str:
        """The command that rehearses a runbook on this ticket; with each answer that its file would have otherwise."""
        otherwise = templates.defaults(self.settings.notebooks / f"{runbook}.ipynb")
        told = {name: words for name, words in self._given.items() if name in otherwise}
        pairs = [
            word
            for name, words in told.items()
            if words != answers.QUESTIONS[name].typed(otherwise[name])
            for word in ("-p", name, words)
        ]
        return shlex.join(["runbook", "run", runbook, str(self.ticket.id), *pairs])

    @property
    def badge(self) -> str:
        """Where the reader is: practice or live, rehearsal or performing."""
        place = "LIVE" if self.settings.profile == "live" else f"PRACTICE, {self.settings.practice_date}"
        return f"{place} · {'performing' if self.perform else 'rehearsal, nothing is changed'}"

    def found(self, name: str) -> Prefill | None:
        """What is known of a parameter without the engineer, for the form that asks; a runbook says more."""
        return None

    @property
    def given(self) -> dict[str, str]:
        """Every answer so far, `unknown` too, as typed on the command line."""
        return dict(self._given)

    @property
    def done(self) -> dict[str, str]:
        """The titles of the steps that were run, by name."""
        return dict(self._done)

    def _ipython_display_(self) -> None:
        if self.walk is None:
            raise NotImplementedError  # IPython then shows it as any other value
        self.walk.show_ticket()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self.ticket_card()._repr_mimebundle_()

    def __repr__(self) -> str:
        return repr(self.ticket_card())

    def ticket_card(self) -> StepResult:
        ticket, organization = self.ticket, self.ticket.organization
        rows = [
            ("subject", ticket.subject),
            ("requester", f"{clean(ticket.requester.name)} <{clean(ticket.requester.email or 'no address')}>"),
            ("organization", organization.name if organization else "none"),
            ("opened", f"{ticket.created_at:%A %Y-%m-%d %H:%M} UTC"),
            ("status", ticket.status),
            ("assignee", ticket.assignee_name or "nobody"),
        ]
        parts: tuple[Part, ...] = (Table((f"ticket {ticket.id}", ""), rows),)
        if self.note:
            parts += (Paragraph(self.note),)
        card = Card(f"Ticket {ticket.id}", "read", Tone.PLAIN, self.badge, parts)
        return StepResult(card, self._data("open", "read", f"The ticket was read. {self.note}".rstrip()))

    def result(
        self,
        state: str,
        tone: Tone,
        parts: tuple[Part, ...],
        summary: str,
        asks: tuple[str, ...] = (),
        **data: Any,
    ) -> StepResult:
        """What a step returns; the step's name and title are filled in by `@step`."""
        return StepResult(Card("", state, tone, self.badge, parts), self._data("", state, summary, **data), asks)

    def stopped(self, title: str, exc: RunbookError) -> StepResult:
        """The card of a step that cannot go on."""
        return _stopped(self.runbook, self.ticket.id, title, exc, badge=self.badge, case=self)

    def apply(self, effect: Effect) -> EffectResult:
        """Apply an effect and remember it for the summary.

        Raises:
            RunbookError: As `Effects.apply`; but a step that nothing waits for goes on without what cannot be reached.
        """
        try:
            applied = self._effects.apply(effect)
        except (RefusedError, UnavailableError, OutcomeUnknownError) as exc:
            if self._is_needed:
                raise
            applied = self._unavailable(effect, exc)
        self._applied.setdefault(self._running, []).append(applied)
        self._operations.setdefault(self._running, []).append(effect.operation_id)
        return applied

    @property
    def _is_needed(self) -> bool:
        """Whether what follows the step that runs needs what it does."""
        return bool(getattr(getattr(type(self), self._running, None), "needed", True))

    def _unavailable(self, effect: Effect, exc: RunbookError) -> EffectResult:
        """What becomes of an effect that nothing waits for: the next run makes up for it, or a person does."""
        if not self.perform:
            trouble = f"{exc} This could not be looked at; it is tried again when this is performed."
            return EffectResult(effect.name, effect.summary, EffectState.PLANNED, error=exc, trouble=trouble)
        if there := self.evidence(effect.operation_id):  # once, and what is there a second time could not be taken back
            return EffectResult(effect.name, effect.summary, EffectState.ALREADY_DONE, there, exc, str(exc))
        way_on = "" if isinstance(exc, OutcomeUnknownError) else f" Run again{self.by_hand(effect.operation_id)}."
        trouble = f"Not done: {effect.summary}. {exc}{way_on}"
        return EffectResult(effect.name, effect.summary, EffectState.UNAVAILABLE, error=exc, trouble=trouble)

    def by_hand(self, operation_id: str) -> str:
        """How a person ends an effect that cannot be done, after "run again"; "" in a rehearsal, which leaves none."""
        said = f"runbook answer {self.ticket.id} {operation_id.removeprefix(self.operation(''))} yes"
        return f", or do it by hand and say so: `{said}`" if self.perform else ""

    @property
    def unfinished(self) -> str:
        """What could not be done although the case has its outcome, and the way on; begins with a blank, or is ""."""
        return "".join(f" {effect.trouble}" for effect in self.applied if self.perform and effect.trouble)

    def look(self, effect: Effect) -> EffectResult | None:
        """What is there already of an effect, remembered for the summary; None if nothing is."""
        found = self._effects.look(effect)
        if found:
            self._applied.setdefault(self._running, []).append(found)
        return found

    @property
    def me(self) -> Person:
        """The operator, as Zendesk knows them."""
        if self._me is None:
            self._me = self.services.zendesk.me()
        return self._me

    def check_still_mine(self, ticket: Ticket | None = None) -> None:
        """Make sure that no colleague has taken the ticket since this case took it.

        Args:
            ticket: The ticket as it was just read; read now if not given.

        Raises:
            NeedsAnswerError: A colleague has.
        """
        ticket = ticket or self.services.zendesk.ticket(self.ticket.id)
        if ticket.assignee_id != self.me.id:
            raise NeedsAnswerError(
                f"Ticket {ticket.id} was yours when this run began, and is {clean(ticket.assignee_name or 'nobody')}'s "
                "now, so nothing more is sent. Talk to them; to take it over, pass take_over as True.",
                missing=("take_over",),
            )

    def unknown(self, operation_id: str, name: str, words: str) -> OutcomeUnknownError:
        """As `Effects.unknown`."""
        return self._effects.unknown(operation_id, name, words)

    def is_open(self, operation_id: str) -> bool:
        """Whether an effect was intended, and nobody knows what became of it."""
        return self._effects.journal.open_since(operation_id) is not None

    def answer(self, operation_id: str) -> bool | None:
        """As `Effects.answer`."""
        return self._effects.answer(operation_id)

    def evidence(self, operation_id: str) -> Evidence | None:
        """As `Journal.settled`: that something is there, by the journal or by a person's word."""
        return self._effects.journal.settled(operation_id)

    def close_question(self, operation_id: str, name: str, evidence: Evidence) -> None:
        """As `Effects.close_question`."""
        self._effects.close_question(operation_id, name, evidence)

    def effects_of(self, step: str) -> list[EffectResult]:
        """The effects of one step so far."""
        return list(self._applied.get(step, ()))

    @property
    def applied(self) -> list[EffectResult]:
        """The effects so far, in the order of the steps."""
        return [effect for effects in self._applied.values() for effect in effects]

    @property
    def operations(self) -> tuple[str, ...]:
        """The operation ids of the effects so far, in the order of the steps."""
        return tuple(operation_id for operations in self._operations.values() for operation_id in operations)

    def end(self, outcome: Outcome) -> None:
        """The case has its outcome; the steps that follow do nothing."""
        self.outcome = outcome
        self._ended_by = self._running

    def operation(self, name: str) -> str:
        """The operation id of an effect of this ticket: the same in every run and on every machine."""
        return f"{self.settings.profile}-{self.ticket.id}-{name}"

    def _data(self, step: str, state: str, summary: str, **data: Any) -> dict[str, Any]:
        return {
            "version": 1,
            "runbook": self.runbook,
            "ticket_id": self.ticket.id,
            "step": step,
            "state": state,
            "summary": summary,
            "performed": self.perform,
            "outcome": self.outcome,
            "effects": [effect_data(effect) for effect in self.applied],
            **data,
        }


def _ticket(zendesk: Zendesk, number: int) -> Ticket:
    ticket = zendesk.ticket(number)
    if ticket.is_merged:
        into = zendesk.merged_into(number)
        other = f"into ticket {into}: use that number" if into else "into another one, which its last comment names"
        raise InputError(f"Ticket {ticket.id} was merged {other}. Nothing was changed.")
    if ticket.status == "closed":
        raise InputError(
            f"Ticket {ticket.id} is closed, and Zendesk takes no more changes to it. "
            "Ask the customer to open a follow-up ticket, and use its number."
        )
    return ticket


def _effects(settings: Settings, services: Services, ticket_id: int, *, perform: bool) -> Effects:
    journal = Journal.of(settings, ticket_id)
    return Effects(journal, services.budget, settle_s=settings.settle_s, perform=perform)


def _is_under_way(journal: Journal, run: str) -> bool:
    """Whether a performing run of this ticket has begun and has not ended."""
    found = journal.history().runs.get(f"{run}.ipynb")
    return found is not None and found.performed and found.end is None


def _in_the_kernel(kind: type[Case], ticket_id: object) -> Walk | None:
    """The walk through the same ticket that the notebook has so far, so that what was entered is not lost.

    IPython keeps every case that was shown; a walk that another one has taken over from is closed.
    """
    names: Mapping[str, object] = getattr(get_ipython(), "user_ns", {})
    walks = [case.walk for case in names.values() if type(case) is kind and case.walk]
    return next((walk for walk in walks if walk.opened_with == ticket_id and not walk.is_closed), None)


def _place() -> str:
    """Practice or live, where there is no case to ask."""
    try:
        return "LIVE" if Settings.local().profile == "live" else "PRACTICE"
    except RunbookError:
        return ""


_C = TypeVar("_C", bound=Case)
_P = ParamSpec("_P")
_Method = Callable[Concatenate[_C, _P], StepResult]


def step(title: str, *, always: bool = False, needed: bool = True) -> Callable[[_Method[_C, _P]], _Method[_C, _P]]:
    """Make a method a step of its case.

    Args:
        title: The step's heading, the workflow's own words where it has some.
        always: Whether it runs even if the case has ended.
        needed: Whether what follows needs what it does. A step that only tells somebody is not: where that cannot be
            done, the case goes on, and the next run makes up for it.
    """

    def wrap(method: _Method[_C, _P]) -> _Method[_C, _P]:
        left_out = {one.name: one.default for one in inspect.signature(method).parameters.values()}
        left_out = {one: value for one, value in left_out.items() if value is not inspect.Parameter.empty}

        def attempt(case: _C, given: Mapping[str, Any]) -> StepResult:
            name, given = method.__name__, {**left_out, **given}  # or a run would have what the notebook's file has
            _begin(case, name)
            over = case.outcome is not None and not always
            found = _nothing_to_do(case) if over else method(case, **given)  # type: ignore[call-arg]
            case._given.update({one: answers.QUESTIONS[one].typed(value) for one, value in given.items()})
            case._done[name] = title
            return _titled(found, name, title)

        @functools.wraps(method)
        def run(case: _C, /, *args: _P.args, **given: _P.kwargs) -> StepResult:
            if case.walk:
                return case.walk.step(method.__name__, given)
            try:
                return attempt(case, given)
            except RunbookError as exc:
                show(case.stopped(title, exc))
                raise

        run.is_step = True  # type: ignore[attr-defined]
        run.title = title  # type: ignore[attr-defined]
        run.needed = needed  # type: ignore[attr-defined]
        run.attempt = attempt  # type: ignore[attr-defined]
        return run

    return wrap


def _begin(case: Case, name: str) -> None:
    """Get ready for a step: those before it must have run; it and those after it are forgotten.

    So a cell that is run again with other answers decides anew, and a skipped cell is asked for by name.
    """
    names = case.order
    place = names.index(name)
    if skipped := [earlier for earlier in names[:place] if earlier not in case._done]:
        raise InputError(f"Run the cells above first: the step {skipped[0]!r} has not been run.")
    for later in names[place:]:
        case._done.pop(later, None)
        case._applied.pop(later, None)
        case._operations.pop(later, None)
        if case._ended_by == later:
            case.outcome, case._ended_by = None, ""
    case._running = name
    if case.walk:  # each cell that a person runs may wait anew
        case.services.budget.renew()


def _nothing_to_do(case: Case) -> StepResult:
    by = case._done.get(case._ended_by, case._ended_by)
    why = f"Nothing to do: the case ended as {case.outcome} in the step “{by}”."
    return case.result("skipped", Tone.PLAIN, (Paragraph(why),), why)


def _titled(found: StepResult, name: str, title: str) -> StepResult:
    return replace(found, card=replace(found.card, title=title), data={**found.data, "step": name})


def _stopped(
    runbook: str, ticket_id: object, title: str, exc: RunbookError, *, badge: str, case: Case | None = None
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
        "performed": bool(case and case.perform),
        "outcome": None,
        "error": type(exc).__name__,
        "missing": list(missing),
        "effects": [effect_data(effect) for effect in case.applied] if case else [],
    }
    return StepResult(Card(title, state, tone, badge, parts), data)

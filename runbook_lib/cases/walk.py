"""What a person in JupyterLab has beside the cards of a case: forms that ask, the state of the case, and the button.

A step's form shows what it needs first, then what may also be changed. What is entered counts in place of the cell's
parameter, until that cell passes another one. Whoever runs the next cell goes on from it: the steps above that it
changes are gone through again, and their cards follow. So no answer is lost, and no card is out of date.

Nothing here changes anything; the button below the last card is that of `press`.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import htpy as h
import ipywidgets
from IPython.display import display, update_display

from runbook_lib.cases.pictures import Album, Pictures, keep
from runbook_lib.cases.press import Press
from runbook_lib.display import Card, Paragraph, Part, Tone
from runbook_lib.domain import answers
from runbook_lib.domain.errors import InputError, NeedsAnswerError, RunbookError
from runbook_lib.domain.plain_text import clean
from runbook_lib.jupyter.widgets import Field, Form, Kind, Page, StateLine, close
from runbook_lib.results import StepResult

if TYPE_CHECKING:
    from runbook_lib.cases.base import Case

OPEN = "open"
"""The place of the ticket's card, beside those of the steps."""
_NOT_OFFERED = ("ticket_id", "perform", "take_over", "confirmed")
"""The parameters that no form offers unless a step asks for them."""


@dataclass(frozen=True)
class Prefill:
    """What is known of a parameter without the engineer.

    Attributes:
        value: As it would be typed, or "".
        source: Who says so, or "".
        choices: What there is to choose from, if the runbook knows.
    """

    value: str = ""
    source: str = ""
    choices: tuple[str, ...] = ()


@dataclass
class _Place:
    """Where a step is shown: its card, and the widgets below it."""

    display_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    box: Any = field(default_factory=lambda: ipywidgets.VBox())
    parts: tuple[Part, ...] = ()
    form: Form | None = None
    asks: tuple[str, ...] = ()
    content: tuple[tuple[tuple[Field, ...], tuple[Field, ...]], Pictures] | None = None


class Shown(StepResult):
    """A result that has been shown already, with what belongs to it."""

    def _ipython_display_(self) -> None:
        """Nothing more to show."""


class Walk:
    """A person's way through one case.

    Args:
        case: The case.
        say: Says in a cell what is under way, before anything else is shown there.
        opened_with: The parameters that it was opened with.
        before: A walk through the same ticket, whose answers are taken over.
    """

    def __init__(
        self,
        case: Case,
        say: Callable[[str], None],
        opened_with: Mapping[str, object],
        *,
        before: Walk | None = None,
    ) -> None:
        self._case = case
        self._page = before.leave() if before else Page()
        self._say, self._album = say, Album()
        self._given: dict[str, dict[str, object]] = {OPEN: dict(opened_with)}
        self._passed: dict[str, dict[str, object]] = {}
        self._used: dict[str, dict[str, object]] = {}
        self._results: dict[str, StepResult] = {}
        self._places: dict[str, _Place] = {}
        self._entered: dict[str, str] = {}
        self._confirmed: set[str] = set()
        self._press = Press(case, self._look_again, self._run_ended) if case.changes else None
        self._state = StateLine()
        self._pictures = Pictures()
        self._turn = threading.RLock()
        self._performed = ""
        self._answers_for = case.ticket.id
        self._not_open: RunbookError | None = None
        self.is_closed = False
        if before:
            self._entered, self._answers_for = dict(before._entered), before._answers_for
            self._confirmed = set(before._confirmed)
            self._passed, self._album = dict(before._passed), before._album

    @property
    def opened_with(self) -> object:
        """The ticket's number as the cell passed it."""
        return self._given[OPEN]["ticket_id"]

    def show_ticket(self) -> None:
        """The ticket's card; where any ticket may be opened, with a form for its number."""
        with self._turn:
            with suppress(RunbookError):  # the card says it, and so does the next cell, which needs the ticket
                self._other_ticket()
            self._show(OPEN, self._ticket_card(), ("ticket_id",) if self._case.any_ticket else ())

    def step(self, name: str, given: Mapping[str, object]) -> StepResult:
        """Run a step with the parameters of its cell and with what was entered, and show it.

        Raises:
            NeedsAnswerError: A step above is waiting for an answer.
            RunbookError: As the step itself, but that an answer that is missing here is asked for by a form.
        """
        with self._turn:
            self._page.settle()
            self._performed = ""
            self._take(name, given)
            if self._press:
                self._press.outdate()
            self._catch_up(name)
            self._outdate(name)
            try:
                result = self._attempt(name)
                asks = result.asks
            except NeedsAnswerError as exc:
                result, asks = self._case.stopped(self._title(name), exc), exc.missing
                if not asks:
                    self._show(name, result, ())
                    raise
            except RunbookError as exc:
                self._show(name, self._case.stopped(self._title(name), exc), None)
                raise
            self._show(name, result, asks)
            return Shown(result.card, result.data, result.asks)

    def leave(self) -> Page:
        """Take every widget away, once all that was entered has arrived; returns the page, for another walk.

        A run that was begun goes on.
        """
        self._page.settle()
        self._mark(self._case.order, "The ticket was opened again: run this cell again.")
        for place in self._places.values():
            if place.form:
                place.form.close()
            close(place.box)
        if self._press:
            self._press.button.close()
        self._state.close()
        self._places.clear()
        self.is_closed = True
        return self._page

    def close(self) -> None:
        """Leave, and need the page no more."""
        self.leave().close()

    # -- what is asked, and what was entered

    def _take(self, name: str, given: Mapping[str, object]) -> None:
        """Remember a cell's parameters; one that was changed there since goes before what was entered."""
        before = self._passed.get(name, {})
        for one, value in given.items():
            if one in before and before[one] != value:
                self._entered.pop(one, None)
        self._given[name] = self._passed[name] = dict(given)

    def _effective(self, name: str) -> dict[str, object]:
        given = self._given[name]
        entered = dict(self._entered)
        if confirmed := self._confirmed & entered.keys() & given.keys():
            entered["confirmed"] = ",".join(sorted(confirmed))
        return {one: entered.get(one) or value for one, value in given.items()}

    def enter(self, name: str, words: str) -> None:
        """Something was entered: remember it, and let every other form that asks the same show it."""
        self._confirmed.discard(name)
        self._entered[name] = words  # before anything else, so that it is not lost
        if words in ("", self._field(name).found):
            self._entered.pop(name, None)
        for place in list(self._places.values()):  # a cell that runs meanwhile may add to them
            if place.form and name in place.form.rows and place.form.values[name] != words:
                place.form.enter(name, words)

    def confirm(self, name: str) -> None:
        """What was just entered was read off a screenshot, and compared with it."""
        self._confirmed.add(name)

    def _field(self, name: str) -> Field:
        """A parameter as a form asks for it."""
        question = answers.QUESTIONS[name]
        known = self._case.found(name) or Prefill()
        passed = next((given[name] for given in list(self._given.values()) if name in given), answers.UNKNOWN)
        found, source = known.value, known.source
        if passed not in (answers.UNKNOWN, False):
            found, source = _typed(name, passed), "parameter"
        choices = known.choices or question.choices
        kind = Kind.FILES if name == "screenshots" else Kind.CHOICE if choices else Kind.TEXT
        read = self._pictures.suggestions.get(name, ())
        hint = " / ".join(choices) if choices else question.example
        return Field(name, question.label, kind, choices, found, source, hint, question.said, read)

    # -- going through the steps

    def _title(self, name: str) -> str:
        return str(getattr(type(self._case), name).title)

    def _attempt(self, name: str) -> StepResult:
        given = self._effective(name)
        self._used[name] = given
        self._results.pop(name, None)
        result: StepResult = getattr(type(self._case), name).attempt(self._case, given)
        self._results[name] = result
        return result

    def _catch_up(self, name: str) -> None:
        """Go through the steps above again that an answer, or a change of the ticket, has made out of date."""
        self._other_ticket()
        earlier = self._case.order[: self._case.order.index(name)]
        called = [one for one in earlier if one in self._given]
        for place, one in enumerate(called):
            if one not in self._case.done or self._used.get(one) != self._effective(one):
                self._again(called[place:])
                return

    def _again(self, names: Sequence[str]) -> None:
        for name in names:
            try:
                result = self._attempt(name)
            except RunbookError as exc:
                missing = exc.missing if isinstance(exc, NeedsAnswerError) else None
                self._follow(name, self._stopped_below(name, exc), missing)
                self._outdate(name)
                raise
            self._follow(name, result, result.asks)

    def _stopped_below(self, name: str, exc: RunbookError) -> StepResult:
        """Why a step cannot go on any more, above what it said until then; see `_outdate`."""
        stopped = self._case.stopped(self._title(name), exc)
        place = self._places.get(name)
        before = (Paragraph("Until then it said:", strong=True), *place.parts) if place and place.parts else ()
        return replace(stopped, card=replace(stopped.card, parts=(*stopped.card.parts, *before)))

    def _other_ticket(self) -> None:
        """Open the ticket whose number was entered; its card says what came of that."""
        before = self._case.ticket.id, self._not_open
        try:
            self._open_entered()
            self._not_open = None
        except RunbookError as exc:
            self._not_open = exc
            raise
        finally:
            if before != (self._case.ticket.id, self._not_open):
                self._follow(OPEN, self._ticket_card(), None)

    def _open_entered(self) -> None:
        given = self._effective(OPEN)["ticket_id"]
        number = int(str(answers.parse("ticket_id", given)))
        self._case.settings.check_account(given)
        if number == self._case.ticket.id:
            return
        self._case.read_again(number)
        self._used.clear()
        if number != self._answers_for:
            self._answers_for = number
            self._entered = {one: words for one, words in self._entered.items() if one == "ticket_id"}
            self._confirmed.clear()
            for name in self._places.keys() - {OPEN}:
                self._places[name].content = None  # its form has what was entered for the other one

    def _ticket_card(self) -> StepResult:
        """The ticket that is open, or why the one whose number was entered is not."""
        return self._case.stopped("Open the ticket", self._not_open) if self._not_open else self._case.ticket_card()

    def _look_again(self, press: Press) -> None:
        """Go through all steps as the ticket is now; what is waited for is said below the button, not in a cell."""
        budget = self._case.services.budget
        before = budget.say, self._say
        with self._turn:
            self._page.settle()
            budget.say = self._say = press.say
            try:
                self._case.read_again(self._case.ticket.id)
                self._used.clear()
                press.forget()
                self._follow(OPEN, self._ticket_card(), None)
                self._again([name for name in self._case.order if name in self._given])
            finally:
                budget.say, self._say = before
                if self.is_closed or not press.has_plan:
                    press.outdate()

    # -- what is shown

    def _outdate(self, name: str) -> None:
        """What is shown below a step that is run anew, or has stopped, is not so any more, and says so.

        It stays about as long: a page that shrinks above the button leaves whoever has pressed with nothing in view.
        """
        later = self._case.order[self._case.order.index(name) + 1 :]
        self._mark(later, "A step above was run again, or has stopped: run this cell again.")

    def _mark(self, names: Sequence[str], words: str) -> None:
        """Say of the cards of some steps that they are out of date, and why."""
        for one in names:
            if self._results.pop(one, None) and (place := self._places.get(one)):
                parts = (Paragraph(words, strong=True), *place.parts)
                card = Card(self._title(one), "out of date", Tone.PLAIN, self._case.badge, parts)
                update_display(StepResult(card, {}), display_id=place.display_id)  # type: ignore[no-untyped-call]

    def _show(self, name: str, result: StepResult, asks: tuple[str, ...] | None) -> None:
        place = self._places[name] = self._places.get(name) or _Place()
        result = self._as_shown(name, place, result)
        self._fill(name, place, asks)
        display(result, display_id=place.display_id)  # type: ignore[no-untyped-call]
        display(place.box)  # type: ignore[no-untyped-call]

    def _follow(self, name: str, result: StepResult, asks: tuple[str, ...] | None) -> None:
        """Let a card that is shown already say what is so now."""
        if place := self._places.get(name):
            result = self._as_shown(name, place, result)
            update_display(result, display_id=place.display_id)  # type: ignore[no-untyped-call]
            self._fill(name, place, asks)

    def _as_shown(self, name: str, place: _Place, result: StepResult) -> StepResult:
        """A step's result with all that its card has: the last one the plan. What it says is kept for `_outdate`."""
        if name not in self._results:
            return result
        if self._press and name == self._case.order[-1]:
            result = self._press.with_plan(result, self._results)
        place.parts = result.card.parts
        return result

    def _run_ended(self, words: str) -> None:
        self._performed = words
        self._say_state()

    def _fill(self, name: str, place: _Place, asks: tuple[str, ...] | None) -> None:
        """The widgets below a card: its form, the button, and the state of the case.

        What a form asked before, it asks on where a step could not say what it needs (`asks` is None).
        """
        place.asks = asks = place.asks if asks is None else asks
        self._pictures = self._look(asks)
        over = self._case.outcome is not None and name in self._results and not asks
        own = [] if over else [one for one in self._given.get(name, {}) if one not in (*asks, *_NOT_OFFERED)]
        fields = tuple(map(self._field, asks)), tuple(map(self._field, own))
        if (fields, self._pictures) != place.content:
            place.form = self._form(*fields, before=place.form)
        place.content = fields, self._pictures
        shown = [place.form.box] if place.form else []
        if name == self._case.order[-1] and self._press:
            shown.append(self._press.button.box)
        place.box.children = (*shown, self._state.widget)
        self._say_state()

    def _look(self, asks: Sequence[str]) -> Pictures:
        """The ticket's images, where a form asks for what they may show."""
        if not set(asks) & set(answers.ON_SCREENSHOTS):
            return Pictures()
        typed = self._entered.get("screenshots")
        try:
            paths = answers.parse("screenshots", typed) if typed else None
        except InputError:
            paths = None
        added = paths if isinstance(paths, tuple) else ()
        return self._album.look(self._case.thread, added, download=self._case.downloads.content, say=self._say)

    def _form(self, fields: Sequence[Field], folded: Sequence[Field], *, before: Form | None) -> Form | None:
        fold = None
        if before:
            self._page.settle()  # it may be typed in right now
            fold = before.release()
        if not fields and not folded:
            close(*[fold] if fold else [])
            return None
        return Form(
            fields,
            folded=folded,
            fold=fold,
            pictures=self._pictures.shown,
            notes=self._pictures.notes,
            entered=self._entered,
            on_change=self.enter,
            on_confirm=self.confirm,
            keep=self._keep,
        )

    def _keep(self, file_name: str, content: bytes) -> str:
        return keep(self._case.settings.ticket_folder(self._case.ticket.id), file_name, content)

    def _say_state(self) -> None:
        case = self._case
        done = [name for name in case.order if name in case.done]
        coming = next((name for name in case.order if name not in case.done), None)
        words = [f"{len(done)} of {len(case.order)} steps rehearsed"]
        words += [f"next: {self._title(coming)}"] if coming else []
        words.append(self._performed or (f"would end as {case.outcome}" if case.outcome else "no outcome yet"))
        place = h.b[case.badge.partition(" · ")[0]]
        style = "font-size:12px;line-height:1.5;opacity:0.9;padding:2px 0px;white-space:normal"
        self._state.say(h.div(style=style)[place, " · ", clean(" · ".join(words))])


def _typed(name: str, value: object) -> str:
    """A parameter's value as it would be typed into a form."""
    return "yes" if answers.QUESTIONS[name].plain(value) is True else answers.QUESTIONS[name].typed(value)

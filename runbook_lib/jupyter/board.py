"""What the notebook shows of a case: each step's current card, its form, and how far the case is.

It has the result of each step, and shows it; it runs no step, and decides nothing. The ticket has a place of its
own, `OPEN`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import htpy as h
import ipywidgets

from runbook_lib import form_words
from runbook_lib.cases.base import Case
from runbook_lib.display import Card, Link, Paragraph, Tone
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import RunbookError
from runbook_lib.domain.models import Outcome
from runbook_lib.domain.parameters import UNKNOWN
from runbook_lib.domain.plain_text import clean, count
from runbook_lib.jupyter.case_input import NOT_OFFERED, OPEN, CaseInput
from runbook_lib.jupyter.perform_button import PerformButton
from runbook_lib.jupyter.places import Place
from runbook_lib.jupyter.widgets import close, new
from runbook_lib.results import StepResult


class ShownResult(StepResult):
    """A result that has been shown already, with what belongs to it."""

    def _ipython_display_(self) -> None:
        """Nothing more to show."""


class Board:
    """What is shown of one case; `case` and `ticket_card` give its present state, `new_place` makes a step's place.

    Attributes:
        stopped: The step that could not go on, or "".
        performed: How the run that was performed has ended, or "".
    """

    def __init__(
        self,
        case: Callable[[], Case],
        case_input: CaseInput,
        button: PerformButton | None,
        ticket_card: Callable[[], StepResult],
        new_place: Callable[[str], Place],
    ) -> None:
        self._case, self._input, self._button = case, case_input, button
        self._ticket_card, self._new_place = ticket_card, new_place
        self.results: dict[str, StepResult] = {}  # the result of each step, while it is up to date
        self.stuck: set[str] = set()  # the steps that wait for an answer
        self.stopped = self.performed = self.reading = ""
        self.places: dict[str, Place] = {}  # where each step is shown
        self.former: dict[str, Place] = {}  # what another session has shown, until something else stands there
        self._state_line = new(ipywidgets.HTML)
        self._kept = new(ipywidgets.HTML, layout={"display": "none"})

    # -- cards

    def show(self, name: str, result: StepResult, asks: tuple[str, ...] | None) -> StepResult:
        """Show a result below its cell; the same place shows what becomes of it."""
        if former := self.former.pop(name, None):
            former.close()
        place = self.places[name] = self.places.get(name) or self._new_place(name)
        self._put(name, place, result, asks, is_needed=name in self.stuck)
        place.display()
        self.follow_ticket()
        return ShownResult(result.card, result.data, result.asks)

    def follow(self, name: str, result: StepResult, asks: tuple[str, ...] | None, *, is_needed: bool = False) -> None:
        """Update a card that is shown already."""
        if place := self.places.get(name):
            self._put(name, place, result, asks, is_needed=is_needed or name in self.stuck)

    def follow_ticket(self) -> None:
        self.follow(OPEN, self._ticket_card(), None)

    def end(self, outcome: Outcome | None, words: str) -> None:
        """A run that was performed has ended: the last card has how, in place of the one of the rehearsal."""
        self.performed = f"performed: {words}" if outcome else f"the run ended: {words}"
        if (place := self.places.get(self._case().order[-1])) and place.card:
            parts = tuple(one for one in place.card.card.parts if not isinstance(one, Paragraph))
            badge = f"{self._case().place} · performed"
            card = replace(place.card.card, state=words, tone=Tone.PLAIN, badge=badge, parts=parts)
            place.show(replace(place.card, card=card))
        self.show_state()

    def stop(self, step: str, exc: RunbookError) -> None:
        """Show why a step cannot go on any more, above what its card said until then; see `outdate_below`."""
        self.stopped = step if step in self.places else ""
        stopped = self._case().stopped(self._case().steps.title(step), exc)
        place = self.places.get(step)
        previous = (Paragraph("Before that:", strong=True), *place.parts) if place and place.parts else ()
        self.follow(step, replace(stopped, card=replace(stopped.card, parts=(*stopped.card.parts, *previous))), None)
        self.outdate_below(step)

    def outdate_below(self, step: str) -> None:
        """Mark as out of date what is shown below a step that is run anew, or has stopped.

        It stays about as long: a page that shrinks above the button would scroll it out of view.
        """
        self._outdate(self._below(step), "A step above was run again, or has stopped: run this cell again.")

    def quiet_below(self, step: str) -> None:
        """Below a step that waits for an answer, show one line for each step that waits for it."""
        self._quiet(self._below(step), "Waits for the answer above.")

    def forget_ticket(self, words: str) -> None:
        """Another ticket was opened, or none: clear what was shown of the one before."""
        for place in self.places.values():
            place.parts = ()
        self.stopped = ""
        self._quiet(self._case().order, words)

    def _quiet(self, steps: Sequence[str], words: str) -> None:
        for one in steps:
            self.results.pop(one, None)
            self.stuck.discard(one)
            self.follow(one, self.waiting(one, words), ())
        self.show_state()

    def waiting(self, step: str, words: str = "Waits for the answer above.") -> StepResult:
        parts = (Paragraph(words),)
        return StepResult(
            Card(self._case().steps.title(step), "waiting", Tone.PLAIN, self._case().badge, parts, quiet=True), {}
        )

    def retire(self) -> dict[str, Place]:
        """Take away what can be pressed; returns all places, whose cards stay to be read."""
        self._outdate(self._case().order, "The ticket was opened again: run this cell again.")
        places, self.places = {**self.former, **self.places}, {}
        for place in places.values():
            place.retire()
        if self._button:
            self._button.widget.close()
        close(self._state_line, self._kept)
        return places

    def next_place(self) -> Place:
        """Where the reader goes on: at what has stopped, at the first open question, or at the last card."""
        shown = [one for one in self._case().order if one in self.places]
        return self.places[self.stopped or (self._waiting_for_answers() or shown[-1:])[0]]

    @property
    def open_questions(self) -> list[str]:
        """The questions without an answer, or with *unknown*, that the steps below wait for, from the top."""
        waiting = [self.places[one] for one in self._waiting_for_answers()]
        return [ask for place in waiting for ask in place.asks if place.form.values[ask].lower() in ("", UNKNOWN)]

    def _waiting_for_answers(self) -> list[str]:
        """The steps whose form has to be filled in before anything goes on, from the top."""
        return [one for one in self._case().order if one in self.places and self.places[one].is_needed]

    def _below(self, step: str) -> tuple[str, ...]:
        order = self._case().order
        return order[order.index(step) + 1 :]

    def _outdate(self, steps: Sequence[str], words: str) -> None:
        for one in steps:
            self.stuck.discard(one)
            if self.results.pop(one, None) and (place := self.places.get(one)):
                parts = (Paragraph(words, strong=True), *place.parts)
                title, badge = self._case().steps.title(one), self._case().badge
                card = Card(title, "out of date", Tone.PLAIN, badge, parts, is_headed=True)
                place.show(StepResult(card, {}))

    def _put(
        self, name: str, place: Place, result: StepResult, asks: tuple[str, ...] | None, *, is_needed: bool
    ) -> None:
        """Put a card in a place, and below it the form, the button, and the state of the case.

        Where a step could not say what it needs (`asks` is None), its form goes on asking the same.
        """
        place.asks = place.asks if asks is None else asks
        place.is_needed = is_needed
        card = self._card_of(name, place, result)
        if card.card.quiet:
            place.show(card, ())
            return
        self._ask(name, place)
        is_last = name == self._case().order[-1]
        has_stopped = name != OPEN and name not in self.results and not is_needed
        shown = [place.form.box] if place.form.rows else []
        if self._button and (is_last or has_stopped):
            self._button.ask()
        shown += [self._button.answers.box] if has_stopped and not is_last and self._button else []
        shown += [self._button.widget.box] if is_last and self._button and not self._case().right_runbook else []
        shown += [self._state_line] if is_last or is_needed or name == OPEN else []
        shown += [self._kept] if name == OPEN else []
        place.show(card, shown)
        first = next(iter(self._waiting_for_answers()), None)
        for one, other in list(self.places.items()):
            other.point(is_next=one == first)
        self.show_state()

    def _card_of(self, name: str, place: Place, result: StepResult) -> StepResult:
        """A step's card as it is shown, with how many questions are open."""
        if name in self.results and self._button and name == self._case().order[-1]:
            result = self._with_plan(result, self._button)
        card = form_words.card(result.card)
        if name != OPEN and (place.asks or name in self.stuck):
            number = count(len(place.asks), "question")
            state = f"answer {number}" if place.is_needed else f"{number} open"
            card = replace(card, state=state, tone=Tone.ASK)
            if len(place.asks) < len(result.asks):
                card = form_words.without(replace(card, state="answer above"), self._above(name))
            if not (card.parts or place.asks):
                return self.waiting(name)
        if name in self.results:
            place.parts = card.parts
        return replace(result, card=card)

    def _above(self, step: str) -> Iterator[Card]:
        order = self._case().order
        return (place.card.card for one in order[: order.index(step)] if (place := self.places.get(one)) and place.card)

    def _with_plan(self, result: StepResult, button: PerformButton) -> StepResult:
        """The last step's card: below it stands the plan, in place of what it says of effects."""
        case, words = self._case(), tuple(part for part in result.card.parts if isinstance(part, Paragraph | Link))
        previous = button.last_record()
        if not case.right_runbook:
            button.renew(case.plan())
        return replace(result, card=replace(result.card, parts=(*words, case.summary_table, *previous)))

    # -- forms

    def asks_of(self, step: str, result: StepResult) -> tuple[str, ...]:
        """What a step's own form asks: not what belongs to a step above, whose form asks it from now on."""
        for one, place in list(self.places.items()):
            if place.is_needed and one != step and one in self.results:
                self.follow(one, self.results[one], self.results[one].asks)
        asks, order = result.asks, self._case().order
        for one in order[: order.index(step)] if step in self.stuck else ():
            theirs = tuple(ask for ask in asks if one in self.results and ask in self._input.given[one])
            if theirs := tuple(ask for ask in theirs if ask not in self._input.given[step]):
                asks = tuple(ask for ask in asks if ask not in theirs)
                own = tuple(ask for ask in self.results[one].asks if ask not in theirs)
                self.follow(one, self.results[one], (*own, *theirs), is_needed=True)
        return asks

    def enter(self, name: str, words: str) -> None:
        """Show what was entered in every other form that asks the same."""
        for place in list(self.places.values()):  # a cell that runs meanwhile may add to them
            if name in place.form.rows:
                if place.form.values[name] != words:
                    place.form.enter(name, words)
                place.point(is_next=place.is_next)

    def keep_answers(self) -> None:
        self._kept.value = self._input.kept_html

    def follow_reading(self, words: str) -> None:
        """Say which image is being read; once all were, offer in the open forms what was found."""
        self.reading = words
        self.show_state()
        for name, place in [] if words else list(self.places.items()):
            if set(place.asks) & set(parameters.ON_SCREENSHOTS) and place.form.rows:
                self._ask(name, place)

    def _ask(self, name: str, place: Place) -> None:
        """Renew a place's form: the open questions, and what the cell passes, to be changed."""
        pictures = self._input.look_at_images(place.asks)
        case = self._case()
        has_ended_it = case.steps.ended_by == name  # by its answers, perhaps
        is_over = case.outcome is not None and name in self.results and not (place.asks or has_ended_it)
        given = self._input.given.get(name, {})
        own = [] if is_over else [one for one in given if one not in (*place.asks, *NOT_OFFERED)]
        if name == OPEN and not case.changes:
            own = ["ticket_id"]
        open_fields, folded = (list(map(self._input.field, names)) for names in (place.asks, own))
        entered, confirmed = self._input.entered, self._input.confirmed
        place.form.renew(open_fields, folded=folded, pictures=pictures, entered=entered, confirmed=confirmed)
        place.point(is_next=place.is_next)

    # -- the state

    @property
    def state(self) -> str:
        """Practice or live, and how far the case is, in one line."""
        case = self._case()
        reached = [name for name in case.order if name in self.results]
        quiet = [one for one in reached if (result := self.results.get(one)) and result.card.quiet]
        waiting = self._waiting_for_answers()
        coming = next((name for name in case.order if name in waiting or name not in self.results), None)
        total = len(case.order) + 1  # opening the ticket is one, as where a run counts
        words = [case.place, f"{len(reached) - len(quiet) + 1} of {count(total, 'step')} rehearsed"]
        words += [f"{len(quiet)} not needed"] if quiet and not coming else []
        words += [f"next: {form_words.title(self._case().steps.title(coming))}"] if coming else []
        before = len(self._input.typed_before)
        words += [f"{count(before, 'answer')} typed before"] if before else []
        words += [self.reading] if self.reading else []
        if self.performed or case.outcome or case.changes:
            end = f"would end: {case.outcome.words}" if case.outcome and not coming else "no outcome yet"
            words.append(self.performed or end)
        return " · ".join(words)

    def show_state(self) -> None:
        style = "font-size:12px;line-height:1.5;opacity:0.9;padding:2px 0px;white-space:normal"
        place = self._case().place
        self._state_line.value = str(h.div(style=style)[h.b[place], clean(self.state.removeprefix(place))])

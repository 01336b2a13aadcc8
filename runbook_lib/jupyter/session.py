"""A case as a person in JupyterLab works with it: forms that ask, cards that follow, its state, and the button.

A step's form shows what it needs first, then what may also be changed. *Continue*, or running another cell, goes on
from what was entered (`asking`): the steps that it changes are gone through again, and what is shown of them follows
(`places`). So no answer is lost, and no card is out of date. A step that cannot go on without an answer asks for it,
each question once, where its parameter belongs; the steps below it wait, quietly, and go on with it.

The notebook's `case` is a session, which stands in for its case: a step is called as on the case, and everything else
is read from the case as it is now. To look everything up again, the session opens the case again and goes through the
steps; the former one is dropped. Nothing here changes anything; the button below the last card is `perform_button`.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import htpy as h
import IPython
import ipywidgets

from runbook_lib.cases import cards, spoken
from runbook_lib.cases.base import Case
from runbook_lib.cases.pictures import keep
from runbook_lib.display import Card, Link, Paragraph, Tone
from runbook_lib.domain import answers
from runbook_lib.domain.errors import NeedsAnswerError, RunbookError
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import Plan
from runbook_lib.jupyter.asking import OPEN, Asking
from runbook_lib.jupyter.forms import Form
from runbook_lib.jupyter.perform_button import PerformButton
from runbook_lib.jupyter.places import Place
from runbook_lib.jupyter.widgets import close, look_at
from runbook_lib.results import ProgressLine, StepResult

_NOT_OFFERED = ("ticket_id", "perform", "take_over", "confirmed")
"""The parameters that no form offers unless a step asks for them."""


class ShownResult(StepResult):
    """A result that has been shown already, with what belongs to it."""

    def _ipython_display_(self) -> None:
        """Nothing more to show."""


def present(case: Case, ticket_id: object) -> Session:
    """The session of a case that was just opened; it goes on from the one that the notebook has of the same ticket.

    IPython keeps every case that was shown; a session that another one has taken over from is closed.

    Args:
        case: The case.
        ticket_id: The ticket's number as the cell passed it.
    """
    shell = IPython.get_ipython()
    sessions = [one for one in getattr(shell, "user_ns", {}).values() if isinstance(one, Session)]
    of_kind = [one for one in sessions if type(one.case) is type(case) and not one.is_closed]
    return Session(case, ticket_id, previous=next((one for one in of_kind if one.opened_with == ticket_id), None))


class Session:
    """One case, its forms and its button.

    Args:
        case: The case, which only rehearses.
        ticket_id: The ticket's number as the cell passed it.
        previous: A session of the same ticket, whose answers are taken over.

    Attributes:
        case: The case as it is now.
        opened_with: The ticket's number as the cell passed it.
        button: The button; None where the runbook changes nothing.
        is_closed: Whether another session has taken over.
    """

    def __init__(self, case: Case, ticket_id: object, *, previous: Session | None = None) -> None:
        self.case, self.opened_with, self.is_closed = case, ticket_id, False
        self.button = PerformButton(lambda: self.case, self._look_again, self._run_ended) if case.changes else None
        self._asking = Asking(lambda: self.case, ticket_id, self._follow_reading)
        self._say: Callable[[str], None] = ProgressLine().say
        self._used: dict[str, dict[str, object]] = {}
        self._results: dict[str, StepResult] = {}
        self._stuck: set[str] = set()
        self._stopped = self._performed = self._reading = ""
        self._places: dict[str, Place] = {}
        self._former: dict[str, Place] = {}
        self._state_line = ipywidgets.HTML()
        self._turn = threading.RLock()
        self._worker: threading.Thread | None = None
        self._not_open: RunbookError | None = None
        if previous:
            self._former = previous.leave()
            self._asking.go_on_from(previous._asking)

    def __getattr__(self, name: str) -> Any:
        """A step, as a cell calls it; anything else as the case has it now."""
        if name.startswith("_") or name == "case":  # what IPython and `copy` look for on any object
            raise AttributeError(name)
        if name in self.case.order:
            return functools.wraps(getattr(type(self.case), name))(lambda **given: self.step(name, given))
        return getattr(self.case, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.case)})

    def __repr__(self) -> str:
        return repr(self.case)

    def _ipython_display_(self) -> None:
        """The ticket's card; where any ticket may be opened, with a form for another number."""
        with self._turn:
            with suppress(RunbookError):  # the card says it, and so does the next cell, which needs the ticket
                self._open_entered_ticket()
            self._show(OPEN, self._ticket_card(), None)

    # -- what a person sees and does

    def step(self, name: str, given: Mapping[str, object]) -> StepResult:
        """Run a step with the parameters of its cell and with what was entered, and show it.

        Raises:
            NeedsAnswerError: A step above is waiting for an answer.
            RunbookError: As the step itself, but that an answer that is missing here is asked for by a form.
        """
        try:
            with self._turn:
                return self._run_step(name, given)
        except RunbookError as exc:
            exc.args = (spoken.words(str(exc)),)
            raise

    def _run_step(self, name: str, given: Mapping[str, object]) -> StepResult:
        self._performed = ""
        self._asking.take(name, given)
        if self.button:
            self.button.outdate()
        if not self._catch_up(self.case.order[: self.case.order.index(name)]):
            return self._show(name, self._waiting(name), ())
        self._outdate_after(name)
        try:
            result = self._attempt(name)
        except RunbookError as exc:
            self._show(name, self.case.stopped(self._title(name), exc), None)
            raise
        return self._show(name, result, self._own_asks(name, result))

    def go_on(self, name: str) -> bool:
        """Take the answers of a step's form, and go through all that they change; returns whether that was possible."""
        place = self._places.get(name)
        if place is None:
            return False
        form = place.form
        with self._turn, self._said_by(form.tell):
            form.tell("")
            if form.problems:
                form.tell(f"✗ Correct {', '.join(form.problems)} first.")
                return False
            if self.button:
                self.button.outdate()
            with suppress(RunbookError):  # its card says it
                if not self._catch_up(self.case.order) and place.is_needed:
                    open_ones = [one for one in place.asks if not form.values[one]]
                    form.tell(f"Still to be answered: {', '.join(answers.label_of(one) for one in open_ones)}.")
                    return not open_ones
        return True

    def reopen(self, name: str) -> None:
        """A step's answers are opened to be changed: what rests on them waits until they are taken."""
        with self._turn:
            if self._places[name].fold.value:
                if self.button:
                    self.button.outdate()
                self._quiet_after(name)

    def _toggled(self, name: str, is_open: bool) -> None:
        if name != OPEN:  # another ticket begins when a cell is run
            self._begin(self.reopen if is_open else self.go_on, name)

    def _continued(self, name: str) -> None:
        """*Continue* was pressed: what was opened folds, and the page shows what comes next."""
        self._places[name].close_answers()
        self._begin(self._go_on_to_next, name)

    def _go_on_to_next(self, name: str) -> None:
        if not self.go_on(name) or self.is_closed:
            return
        asking = [one for one in self.case.order if one in self._places and self._places[one].is_needed]
        last = [one for one in self.case.order if one in self._places]
        look_at(self._places[(self._stopped or (asking or last[-1:])[0])].box)

    def _begin(self, work: Callable[[str], object], name: str) -> None:
        """Beside the kernel's own work, so that what is entered meanwhile arrives."""
        self._worker = threading.Thread(target=work, args=(name,), daemon=True)
        self._worker.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of what a form has begun; returns whether that came."""
        if self._worker:
            self._worker.join(timeout_s)
        return not (self._worker and self._worker.is_alive())

    @property
    def entered(self) -> Mapping[str, str]:
        """What was entered, by parameter."""
        return self._asking.entered

    def enter(self, name: str, words: str) -> None:
        """Something was entered: remember it, and let every other form that asks the same show it."""
        self._asking.enter(name, words)
        for place in list(self._places.values()):  # a cell that runs meanwhile may add to them
            if name in place.form.rows and place.form.values[name] != words:
                place.form.enter(name, words)

    def upload(self, file_name: str, content: bytes) -> str:
        """Keep an image that was chosen, under a name of ours; returns its path.

        Raises:
            InputError: It is no image, too large, or cannot be kept.
        """
        return keep(self.case.settings.ticket_folder(self.case.ticket.id), file_name, content)

    def form(self, name: str) -> Form | None:
        """The form below a step's card, or the ticket's (`OPEN`)."""
        place = self._places.get(name)
        return place.form if place and place.form.rows else None

    def fold(self, name: str) -> Any:
        """The button that opens the answers of a step."""
        return self._places[name].fold

    @property
    def cards(self) -> dict[str, StepResult]:
        """The card of each step that was shown, as it is now."""
        return {name: place.card for name, place in self._places.items() if place.card}

    @property
    def plan(self) -> Plan | None:
        """The plan that a press would perform; None where none is shown that is so now."""
        return self.button.plan if self.button else None

    @property
    def state(self) -> str:
        """Practice or live, and how far the case is, in one line."""
        case = self.case
        reached = [name for name in case.order if name in self._results]
        skipped = [one for one in reached if (card := self._results.get(one)) and card.card.state == "skipped"]
        coming = next((name for name in case.order if name not in self._results), None)
        total = len(case.order) + 1  # opening the ticket is one, as where a run counts
        words = [_place_of(case), f"{len(reached) - len(skipped) + 1} of {cards.count(total, 'step')} rehearsed"]
        words += [f"{len(skipped)} not needed"] if skipped else []
        words += [f"next: {self._title(coming)}"] if coming else []
        words += [self._reading] if self._reading else []
        if self._performed or case.outcome or case.changes:
            end = f"would end: {case.outcome.words}" if case.outcome and not coming else "no outcome yet"
            words.append(self._performed or end)
        return " · ".join(words)

    def wait_for_images(self, timeout_s: float) -> bool:
        """Wait until the ticket's images were read; returns whether they were."""
        return self._asking.wait_for_images(timeout_s)

    def leave(self) -> dict[str, Place]:
        """End this session, whose answers another one takes over; a run that was begun goes on.

        Returns:
            What it shows, out of date, to be closed when something else stands there.
        """
        self._mark(self.case.order, "The ticket was opened again: run this cell again.")
        places, self._places, self.is_closed = {**self._former, **self._places}, {}, True
        for place in places.values():
            place.retire()
        if self.button:
            self.button.widget.close()
        close(self._state_line)
        return places

    def dispose(self) -> None:
        """End this session, and take away what it shows."""
        for place in self.leave().values():
            place.close()

    # -- going through the steps

    def _title(self, name: str) -> str:
        return str(getattr(type(self.case), name).title)

    def _attempt(self, name: str) -> StepResult:
        """Run a step; what it needs of a person is no error here, but asked."""
        given = self._asking.effective(name)
        self._used[name] = given
        self._results.pop(name, None)
        self._stuck.discard(name)
        self._stopped = ""
        self.case.services.budget.renew()  # each cell that a person runs may wait anew
        try:
            result: StepResult = getattr(type(self.case), name).attempt(self.case, given)
        except NeedsAnswerError as exc:
            if not exc.missing:
                raise
            self._stuck.add(name)
            return replace(self.case.stopped(self._title(name), exc), asks=exc.missing)
        self._results[name] = result
        return result

    def _catch_up(self, names: Sequence[str]) -> bool:
        """Go through steps again that an answer, or a change of the ticket, has made out of date.

        Returns:
            Whether all of them were gone through: none of them waits for an answer.
        """
        self._open_entered_ticket()
        called = [one for one in names if one in self._asking.given]
        for place, one in enumerate(called):
            if self._used.get(one) == self._asking.effective(one):
                if one in self._results:
                    continue
                if one in self._stuck:
                    return False
            return self._repeat(called[place:])
        return True

    def _repeat(self, names: Sequence[str]) -> bool:
        """Go through steps again, up to one that waits for an answer; returns whether there was none."""
        for name in names:
            try:
                result = self._attempt(name)
            except RunbookError as exc:
                self._stopped = name if name in self._places else ""
                self._follow(name, self._stopped_above(name, exc), None)
                self._outdate_after(name)
                raise
            self._follow(name, result, self._own_asks(name, result))
            self._follow(OPEN, self._ticket_card(), None)
            if name in self._stuck:
                self._quiet_after(name)
                return False
        return True

    def _own_asks(self, name: str, result: StepResult) -> tuple[str, ...]:
        """What a step's own form asks: not what belongs to a step above, whose form asks it from now on."""
        for one, place in list(self._places.items()):
            if place.is_needed and one != name and one in self._results:
                self._follow(one, self._results[one], self._results[one].asks)
        asks = result.asks
        for one in self.case.order[: self.case.order.index(name)] if name in self._stuck else ():
            if theirs := tuple(ask for ask in asks if one in self._results and ask in self._asking.given[one]):
                asks = tuple(ask for ask in asks if ask not in theirs)
                own = tuple(ask for ask in self._results[one].asks if ask not in theirs)
                self._follow(one, self._results[one], (*own, *theirs), is_needed=True)
        return asks

    def _stopped_above(self, name: str, exc: RunbookError) -> StepResult:
        """Why a step cannot go on any more, above what its card had until then; see `_outdate_after`."""
        stopped = self.case.stopped(self._title(name), exc)
        place = self._places.get(name)
        previous = (Paragraph("Until then it said:", strong=True), *place.parts) if place and place.parts else ()
        return replace(stopped, card=replace(stopped.card, parts=(*stopped.card.parts, *previous)))

    def _open_entered_ticket(self) -> None:
        """Open the ticket whose number was entered; its card says what came of that."""
        previous = self.case.ticket.id, self._not_open
        try:
            self._open_number(self._asking.effective(OPEN)["ticket_id"])
            self._not_open = None
        except RunbookError as exc:
            self._not_open = exc
            raise
        finally:
            if previous != (self.case.ticket.id, self._not_open):
                self._follow(OPEN, self._ticket_card(), None)

    def _open_number(self, given: object) -> None:
        number = int(str(answers.parse("ticket_id", given)))
        self.case.settings.check_account(given)
        if number != self.case.ticket.id:
            self._reopen(number)
            self._asking.begin(number)
            if OPEN in self._places:
                self._places[OPEN].close_answers()

    def _reopen(self, number: int) -> None:
        """Let a case take the place of this one in which nothing was looked up yet."""
        self.case = self.case.opened_again(number)
        self._used.clear()

    def _ticket_card(self) -> StepResult:
        """The ticket that is open, or why the one whose number was entered is not."""
        return self.case.stopped("Open the ticket", self._not_open) if self._not_open else self.case.ticket_card()

    def _look_again(self) -> None:
        """Go through all steps as the ticket is now, for a press of the button."""
        button = self.button
        if button is None:
            return
        with self._turn, self._said_by(button.say):
            try:
                self._reopen(self.case.ticket.id)
                button.forget()
                self._follow(OPEN, self._ticket_card(), None)
                if not self._repeat([name for name in self.case.order if name in self._asking.given]):
                    said = [place.card.data["summary"] for one in self._stuck if (place := self._places[one]).card]
                    raise NeedsAnswerError(" ".join(map(str, said)))
            finally:
                if self.is_closed or not button.plan:
                    button.outdate()

    @contextmanager
    def _said_by(self, say: Callable[[str], None]) -> Iterator[None]:
        """What is waited for is said in another place than a cell."""
        budget = self.case.services.budget
        previous = budget.say, self._say
        budget.say = self._say = say
        try:
            yield
        finally:
            budget.say, self._say = previous

    def _run_ended(self, words: str) -> None:
        self._performed = words
        self._show_state()

    # -- what is shown

    def _outdate_after(self, name: str) -> None:
        """What is shown below a step that is run anew, or has stopped, is not so any more, and says so.

        It stays about as long: a page that shrinks above the button would scroll it out of view.
        """
        self._mark(self._below(name), "A step above was run again, or has stopped: run this cell again.")

    def _quiet_after(self, name: str) -> None:
        """What is shown below a step that waits for an answer waits, too, in one line each."""
        for one in self._below(name):
            self._results.pop(one, None)
            self._stuck.discard(one)
            self._follow(one, self._waiting(one), ())
        self._show_state()

    def _below(self, name: str) -> tuple[str, ...]:
        order = self.case.order
        return order if name == OPEN else order[order.index(name) + 1 :]

    def _waiting(self, name: str) -> StepResult:
        """What stands in the place of a step that waits."""
        parts = (Paragraph("Waits for the answer above."),)
        return StepResult(Card(self._title(name), "waiting", Tone.PLAIN, self.case.badge, parts, quiet=True), {})

    def _mark(self, names: Sequence[str], words: str) -> None:
        """Say of the cards of some steps that they are out of date, and why."""
        for one in names:
            self._stuck.discard(one)
            if self._results.pop(one, None) and (place := self._places.get(one)):
                parts = (Paragraph(words, strong=True), *place.parts)
                place.show(StepResult(Card(self._title(one), "out of date", Tone.PLAIN, self.case.badge, parts), {}))

    def _show(self, name: str, result: StepResult, asks: tuple[str, ...] | None) -> StepResult:
        """Show a result below its cell; the same place shows what becomes of it."""
        if former := self._former.pop(name, None):
            former.close()
        place = self._places[name] = self._places.get(name) or self._new_place(name)
        self._put(name, place, result, asks, is_needed=name in self._stuck)
        place.display()
        self._follow(OPEN, self._ticket_card(), None)
        return ShownResult(result.card, result.data, result.asks)

    def _new_place(self, name: str) -> Place:
        def form(fold: Any) -> Form:
            return Form(
                fold=fold,
                on_change=self.enter,
                on_confirm=self._asking.confirmed.add,
                on_continue=None if name == OPEN else lambda: self._continued(name),
                keep=self.upload,
            )

        label = "Another ticket" if name == OPEN else "Change an answer"
        return Place(form, label, lambda is_open: self._toggled(name, is_open))

    def _follow(self, name: str, result: StepResult, asks: tuple[str, ...] | None, *, is_needed: bool = False) -> None:
        """Let a card that is shown already say what is so now."""
        if place := self._places.get(name):
            self._put(name, place, result, asks, is_needed=is_needed or name in self._stuck)

    def _put(
        self, name: str, place: Place, result: StepResult, asks: tuple[str, ...] | None, *, is_needed: bool
    ) -> None:
        """Let a place have a card, and below it the form, the button, and the state of the case.

        What a form asked before, it asks on where a step could not say what it needs (`asks` is None).
        """
        place.asks = place.asks if asks is None else asks
        place.is_needed = is_needed
        card = self._card_of(name, place, result)
        if result.card.quiet:
            place.show(card, ())
            return
        self._ask(name, place)
        shown = [place.form.box] if place.form.rows else []
        if name == self.case.order[-1] and self.button:
            shown.append(self.button.widget.box)
        if name in (OPEN, self.case.order[-1]) or is_needed:
            shown.append(self._state_line)
        place.show(card, shown)
        self._show_state()

    def _card_of(self, name: str, place: Place, result: StepResult) -> StepResult:
        """A step's card as it is shown: below the last one stands the plan, in place of what it says of effects."""
        if name in self._results and self.button and name == self.case.order[-1]:
            words = tuple(part for part in result.card.parts if isinstance(part, Paragraph | Link))
            previous = self.button.last_record()
            self.button.renew(self.case.plan())
            state = self.case.outcome.words if self.case.outcome else result.card.state
            shown = (*words, self.case.summary.table, *previous)
            result = replace(result, card=replace(result.card, state=state, parts=shown))
        card = spoken.card(result.card)
        if name != OPEN and (place.asks or name in self._stuck):
            number = cards.count(len(place.asks), "question")
            state = f"answer {number}" if place.is_needed else f"{number} open"
            state = "answer above" if len(place.asks) < len(result.asks) else state
            card = replace(card, state=state, tone=Tone.ASK)
        if name in self._results:
            place.parts = card.parts
        return replace(result, card=card)

    def _ask(self, name: str, place: Place) -> None:
        """Let a place's form ask what is asked now, and offer to change what the cell passes."""
        pictures = self._asking.look_at_images(place.asks)
        over = self.case.outcome is not None and name in self._results and not place.asks
        given = self._asking.given.get(name, {})
        own = [] if over else [one for one in given if one not in (*place.asks, *_NOT_OFFERED)]
        if name == OPEN and self.case.any_ticket:
            own = ["ticket_id"]
        asked, folded = (list(map(self._asking.field, names)) for names in (place.asks, own))
        place.ask(asked, folded, pictures, self._asking.entered, self._asking.confirmed)

    def _follow_reading(self, words: str) -> None:
        """Say which image is being read; when all were, offer what was found, in the forms as they stand."""
        self._reading = words
        self._show_state()
        if words:
            return
        with self._turn:
            for name, place in list(self._places.items()):
                if set(place.asks) & set(answers.ON_SCREENSHOTS) and place.form.rows:
                    self._ask(name, place)

    def _show_state(self) -> None:
        style = "font-size:12px;line-height:1.5;opacity:0.9;padding:2px 0px;white-space:normal"
        place = _place_of(self.case)
        self._state_line.value = str(h.div(style=style)[h.b[place], clean(self.state.removeprefix(place))])


def _place_of(case: Case) -> str:
    """Practice or live, with the date of practice."""
    return case.badge.partition(" · ")[0]


def _as_typed(name: str, value: object) -> str:
    """A parameter's value as it would be typed into a form."""
    return "yes" if answers.QUESTIONS[name].plain(value) is True else answers.QUESTIONS[name].typed(value)

"""A case as a person in JupyterLab works with it: forms, cards that stay up to date, its state, and the button.

A step's form asks first for what the step needs, then offers what may also be changed. *Continue*, or running another
cell, takes what was entered (`case_input`): the steps that it changes are run again, and their cards are updated
(`places`). So no answer is lost, and no card is out of date. A step that needs an answer asks for it, each question
once, in the step that has its parameter; the steps below wait, in one line each.

The notebook's `case` is a session, which stands in for its case: a step is called as on the case, and everything else
is read from the case as it is now. To look everything up again, the session opens the case again and goes through the
steps; the former one is dropped. Nothing here changes anything; the button below the last card is `perform_button`.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import IPython
import ipywidgets

from runbook_lib import form_words
from runbook_lib.cases.base import Case
from runbook_lib.cases.pictures import keep
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import NeedsAnswerError, RunbookError
from runbook_lib.domain.models import Outcome
from runbook_lib.jupyter.board import Board
from runbook_lib.jupyter.case_input import OPEN, CaseInput
from runbook_lib.jupyter.forms import Form, fold
from runbook_lib.jupyter.perform_button import PerformButton
from runbook_lib.jupyter.places import Place
from runbook_lib.jupyter.widgets import look_at
from runbook_lib.results import StepResult

NOTEBOOK = "__session__"
"""The name under which ipykernel has the path of the notebook that it was started for."""


def present(case: Case, ticket_id: object) -> Session:
    """The session of a case that was just opened; it goes on from the one that the notebook has of the same ticket.

    IPython keeps every case that was shown; a session that another one has taken over from is closed.
    """
    shell = IPython.get_ipython()
    if shell:  # a warm Python has imported ipywidgets before there was a kernel to answer a page that is loaded anew
        ipywidgets.load_ipython_extension(shell)
    sessions = [one for one in getattr(shell, "user_ns", {}).values() if isinstance(one, Session)]
    of_kind = [one for one in sessions if type(one.case) is type(case) and not one.is_closed]
    previous = next((one for one in of_kind if one.opened_with == ticket_id), None)
    return Session(case, ticket_id, previous=previous, notebook=getattr(shell, "user_ns", {}).get(NOTEBOOK))


class Session:
    """One case, its forms and its button.

    Args:
        ticket_id: The ticket's number as the cell passed it.
        previous: A session of the same ticket, whose answers are taken over.
        notebook: The path of the notebook, which may keep answers of a kernel that has ended; or None.

    Attributes:
        case: The case as it is now.
        opened_with: The ticket's number as the cell passed it.
        input: What the case was given.
        board: What is shown of it.
        worker: Goes through the steps when a button of a form was pressed; None before the first.
        button: The button; None where the runbook changes nothing.
        is_closed: Whether another session has taken over.
    """

    def __init__(
        self, case: Case, ticket_id: object, *, previous: Session | None = None, notebook: object = None
    ) -> None:
        self.case, self.opened_with, self.is_closed = case, ticket_id, False
        self.button = PerformButton(lambda: self.case, self._look_again, self._run_ended) if case.changes else None
        self.input = CaseInput(lambda: self.case, ticket_id, self._follow_reading)
        self._used: dict[str, dict[str, object]] = {}
        self.board = Board(lambda: self.case, self.input, self.button, self._ticket_card, self._new_place)
        self._turn = threading.RLock()
        self.worker: threading.Thread | None = None
        self._not_open: RunbookError | None = None
        if previous:
            self.board.former = previous.leave()
            self.input.go_on_from(previous.input)
        else:
            self.input.bring_back(notebook)

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
            self.board.show(OPEN, self._ticket_card(), None)

    def _new_place(self, name: str) -> Place:
        """Where a step is shown, with a form that reports here what a person does."""
        button = fold("Another ticket" if name == OPEN else "Change an answer")
        form = Form(
            fold=button,
            on_change=self.enter,
            on_confirm=self.confirm,
            on_continue=None if name == OPEN else lambda: self.continued(name),
            keep=self.upload,
        )
        is_short = name not in (OPEN, self.case.order[-1])
        return Place(form, button, lambda is_open: self.toggled(name, is_open), is_short=is_short)

    # -- what a person sees and does

    def step(self, name: str, given: Mapping[str, object]) -> StepResult:
        """Run a step with the parameters of its cell and with what was entered, and show it.

        Raises:
            NeedsAnswerError: A step above is waiting for an answer.
            RunbookError: As the step itself, but a form asks for an answer that is missing here.
        """
        try:
            with self._turn:
                return self._run_step(name, given)
        except RunbookError as exc:
            exc.args = (form_words.words(str(exc)),)
            raise

    def _run_step(self, name: str, given: Mapping[str, object]) -> StepResult:
        self.board.performed = ""
        self.input.take(name, given)
        if self.button:
            self.button.outdate()
        try:
            is_ready = self._catch_up(self.case.order[: self.case.order.index(name)])
        except RunbookError:
            self.board.show(name, self.board.waiting(name, "Waits for what has stopped above."), ())
            raise
        if not is_ready:
            return self.board.show(name, self.board.waiting(name), ())
        self.board.outdate_below(name)
        try:
            result = self._attempt(name)
        except RunbookError as exc:
            self.board.show(name, self.case.stopped(self.case.steps.title(name), exc), None)
            raise
        return self.board.show(name, result, self.board.asks_of(name, result))

    def go_on(self, name: str) -> bool:
        """Take the answers of a step's form, and go through all that they change; returns whether that was possible."""
        place = self.board.places.get(name)
        if place is None:
            return False
        form = place.form
        with self._turn, self._progress_shown_by(form.tell):
            form.tell("")
            if form.problems:
                form.tell(f"✗ Correct {', '.join(form.problems)} first.")
                return False
            if self.button:
                self.button.outdate()
            with suppress(RunbookError):  # its card says it
                if not self._catch_up(self.case.order) and place.is_needed:
                    asked = self.board.open_questions
                    form.tell(f"Still to be answered: {', '.join(map(parameters.label_of, asked))}." if asked else "")
                    return not set(asked) & set(place.asks)
        return True

    def reopen(self, name: str) -> None:
        """A step's answers are opened to be changed: the steps below wait until they are taken."""
        with self._turn:
            if self.board.places[name].fold.value:
                if self.button:
                    self.button.outdate()
                self.board.quiet_below(name)

    def toggled(self, name: str, is_open: bool) -> None:
        if name != OPEN:  # another ticket begins when a cell is run
            self._begin(self.reopen if is_open else self.go_on, name)

    def continued(self, name: str) -> None:
        """*Continue* was pressed: what was opened folds, and the page shows what comes next."""
        self.board.places[name].close_answers()
        self._begin(self._go_on_to_next, name)

    def _go_on_to_next(self, name: str) -> None:
        if self.go_on(name) and not self.is_closed:
            look_at(self.board.next_place().box)

    def _begin(self, work: Callable[[str], object], name: str) -> None:
        """Work in a thread, so that what is entered meanwhile arrives."""
        self.worker = threading.Thread(target=work, args=(name,), daemon=True)
        self.worker.start()

    def enter(self, name: str, words: str) -> None:
        """Remember what was entered, and show it in every other form that asks the same."""
        self.input.enter(name, words)
        self.board.enter(name, words)
        self.board.keep_answers()

    def confirm(self, name: str) -> None:
        self.input.confirmed.add(name)
        self.board.keep_answers()

    def upload(self, file_name: str, content: bytes) -> str:
        """Keep an image that was chosen, under a name of ours; returns its path.

        Raises:
            InputError: It is no image, too large, or cannot be kept.
        """
        return keep(self.case.settings.ticket_folder(self.case.ticket.id), file_name, content)

    def leave(self) -> dict[str, Place]:
        """End this session, whose answers another one takes over; a run that was begun goes on.

        Returns what it shows, out of date, to be closed when something else stands there.
        """
        self.is_closed = True
        return self.board.retire()

    # -- going through the steps

    def _attempt(self, name: str) -> StepResult:
        """Run a step; a missing answer becomes a question of its form, and is no error."""
        given = self.input.effective(name)
        self._used[name] = given
        self.board.results.pop(name, None)
        self.board.stuck.discard(name)
        self.board.stopped = ""
        self.case.services.budget.renew()  # each cell that a person runs may wait anew
        try:
            result: StepResult = getattr(type(self.case), name).attempt(self.case, given)
        except NeedsAnswerError as exc:
            if not exc.missing:
                raise
            self.board.stuck.add(name)
            return replace(self.case.stopped(self.case.steps.title(name), exc), asks=exc.missing)
        self.board.results[name] = result
        return result

    def _catch_up(self, names: Sequence[str]) -> bool:
        """Go through steps again that an answer or the ticket has made out of date; returns whether none waits."""
        self._open_entered_ticket()
        called = [one for one in names if one in self.input.given]
        for place, one in enumerate(called):
            if self._used.get(one) == self.input.effective(one):
                if one in self.board.results:
                    continue
                if one in self.board.stuck:
                    return False
            return self._repeat(called[place:])
        return True

    def _repeat(self, names: Sequence[str]) -> bool:
        """Go through steps again, up to one that waits for an answer; returns whether there was none."""
        for name in names:
            try:
                result = self._attempt(name)
            except RunbookError as exc:
                self.board.stop(name, exc)
                raise
            self.board.follow(name, result, self.board.asks_of(name, result))
            self.board.follow_ticket()
            if name in self.board.stuck:
                self.board.quiet_below(name)
                return False
        return True

    def _open_entered_ticket(self) -> None:
        """Open the ticket whose number was entered; its card says what came of that."""
        previous = self.case.ticket.id, self._not_open
        try:
            given = self.input.effective(OPEN)["ticket_id"]
            number = int(str(parameters.parse("ticket_id", given)))
            self.case.settings.check_account(given)
            if number != self.case.ticket.id:
                self._reopen(number)
                self.input.begin(number)
                self.board.forget_ticket("Another ticket was opened: run this cell again.")
                if OPEN in self.board.places:
                    self.board.places[OPEN].close_answers()
            self._not_open = None
        except RunbookError as exc:
            self._not_open = exc
            self.board.forget_ticket("Waits for what has stopped above.")
            raise
        finally:
            if previous != (self.case.ticket.id, self._not_open):
                self.board.follow_ticket()

    def _reopen(self, number: int) -> None:
        """Open a ticket in a new case, in which nothing was looked up yet."""
        self.case = self.case.opened_again(number)
        self._used.clear()

    def _ticket_card(self) -> StepResult:
        """The ticket that is open, or why the one whose number was entered is not."""
        return self.case.stopped("Open the ticket", self._not_open) if self._not_open else self.case.ticket_card()

    def _look_again(self) -> None:
        """Go through all steps with the ticket as it is now, for a press of the button."""
        button = self.button
        if button is None:
            return
        with self._turn, self._progress_shown_by(button.say):
            try:
                self._reopen(self.case.ticket.id)
                button.forget()
                self.board.follow_ticket()
                if not self._repeat([name for name in self.case.order if name in self.input.given]):
                    cards = [place.card for one, place in self.board.places.items() if one in self.board.stuck]
                    raise NeedsAnswerError(" ".join(str(card.data["summary"]) for card in cards if card))
            finally:
                if self.is_closed or not button.plan:
                    button.outdate()

    @contextmanager
    def _progress_shown_by(self, say: Callable[[str], None]) -> Iterator[None]:
        budget = self.case.services.budget
        previous, budget.say = budget.say, say
        try:
            yield
        finally:
            budget.say = previous

    def _run_ended(self, outcome: Outcome | None, words: str) -> None:
        self.board.end(outcome, words)

    def _follow_reading(self, words: str) -> None:
        with nullcontext() if words else self._turn:
            self.board.follow_reading(words)

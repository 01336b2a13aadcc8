"""The button that performs a plan, and what came of it. Only the plan that is shown is performed.

Each plan has a button of its own, right below it. A press has everything looked up once more, and if the plan that this
makes is not equal to the one that was shown, nothing is begun. The run decides anew, from the plan's answers and from
what it reads itself a moment later. Nothing here changes anything by itself: `background_run` runs the same notebook
through papermill.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from runbook_lib import files, form_words
from runbook_lib.card_html import html
from runbook_lib.cases.base import Case
from runbook_lib.cases.cards import plan_details, plan_parts
from runbook_lib.cases.closing import open_it
from runbook_lib.display import Card, Link, Links, Paragraph, Part, Table, Tone, text
from runbook_lib.domain import parameters, routing
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.events import EFFECTS, Event, EventKind
from runbook_lib.domain.models import ENDINGS, Outcome
from runbook_lib.domain.plan import Plan, Target
from runbook_lib.domain.state_words import operation_words
from runbook_lib.jupyter.answer_buttons import AnswerButtons, OperationQuestion
from runbook_lib.jupyter.background_run import BackgroundRun, RunProgress
from runbook_lib.jupyter.button import DONE, LABEL, Button
from runbook_lib.ledger import answering
from runbook_lib.redaction import Redactor
from runbook_lib.settings import Settings

_THERE = ("done", "adopted")
"""The last line of an operation that needs no person any more."""
_ISSUE = re.compile(r"https?://\S+/-/issues/\d+")
"""The address of a tracker issue, as a run's last line names it."""
_OUT_OF_DATE = Paragraph("The plan above is out of date.")
_OUTDATED = "A step above was run again, or has stopped. Run the last cell again for the plan as it is now."
_RUN_SINCE = "A run that this button did not begin has ended. Run the last cell again for the plan as it is now."
_NOTHING = Paragraph("This run changed nothing.")


class PerformButton:
    """The button of one case.

    Args:
        case: The case as it is now.
        look_again: Reads the ticket, forgets the plan, and goes through all steps, which makes a new plan, unless the
            session was closed meanwhile. Raises RunbookError.
        on_end: Called when a run of this case has ended, with its outcome, if it has one, and how it ended in words.
    """

    def __init__(
        self,
        case: Callable[[], Case],
        look_again: Callable[[], None],
        on_end: Callable[[Outcome | None, str], None],
    ) -> None:
        self._case, self._look_again, self._on_end = case, look_again, on_end
        self.plan: Plan | None = None  # the plan that a press would perform; None where none is shown that is so now
        self._shown: Plan | None = None
        self._begun: Plan | None = None
        # Makes a run, given where the ticket's folder is, the runbook and the ticket
        self.runs: Callable[[Settings, str, int], BackgroundRun] = BackgroundRun
        self.answers = AnswerButtons(self._answer)
        self._said: dict[str, OperationQuestion] = {}  # what was answered since the last run
        self.widget = Button(too_late=self._too_late, below=[self.answers.box])  # what is seen

    def renew(self, plan: Plan) -> None:
        """Show a plan above the button, which from now on performs this one.

        Raises:
            RunbookError: The ticket's journal or folder cannot be used; the plan before it stays.
        """
        run = self._run()
        is_under_way, last = run.is_under_way, None if plan.to_do else run.last()
        if plan == self._shown:
            self.widget.describe(self._described(plan))
        else:
            details = self._bundle("The exact texts", "to read", Tone.PLAIN, *plan_details(plan))
            self.widget.renew(self._described(plan), details, lambda: self._with_errors(self._steps_of_a_press(plan)))
        self.plan = self._shown = plan
        self.widget.finish(self._done_words(last) if last and last["outcome"] == plan.outcome else "")
        if is_under_way:
            self.widget.follow(self._watch)

    def forget(self) -> None:
        """The plan that is shown no longer counts: the next press shows a new one first."""
        self.plan = None

    def outdate(self) -> None:
        self.forget()
        self.widget.finish("")
        self._mark("out of date", _OUTDATED)

    def say(self, words: str) -> None:
        self.widget.show(self._result("waiting", Tone.PLAN, words))

    def ask(self) -> None:
        """Ask for each operation that only a person can end whether it is there; not while a run is under way."""
        with suppress(RunbookError):  # a step, or a press, says so
            self._ask({} if self._run().is_under_way else self._open_questions())

    def _open_questions(self) -> dict[str, Event]:
        case = self._case()
        return case.effects.journal.history().questions | case.effects.asked

    def _ask(self, lines: Mapping[str, Event], *, with_reason: bool = True) -> None:
        case = self._case()
        planned = {action.operation_id: action.target for action in case.plan().actions}
        ticket = Target(f"ticket {case.ticket.id}", case.ticket.url)
        asked = [
            OperationQuestion(
                operation_id=name,
                name=operation_words(line.effect),
                happened=line.text("reason") if with_reason else "",
                target=planned.get(name, ticket),
                is_absent=line.kind == EventKind.NOT_DONE,
            )
            for name, line in lines.items()
        ]
        own = case.operation("")
        said = [one for name, one in self._said.items() if name not in lines and name.startswith(own)]
        self.answers.renew([*asked, *said])

    def last_record(self) -> tuple[Part, ...]:
        """How this case was performed before, with a link to the record.

        Raises:
            RunbookError: The ticket's journal cannot be relied on.
        """
        line = self._run().last()
        if line is None or not line.get("record"):
            return ()
        words = f"Performed before: {_ended_words(line)}, {_moment(line['at'])}."
        return (Paragraph(words), Links([self._record(line)]))

    def _mark(self, state: str, words: str = "", so_far: Mapping[str, Event] | None = None, headline: str = "") -> None:
        if self._shown:
            above = [Paragraph(words, strong=True)] if words else []
            parts = (*above, *plan_parts(self._shown, so_far, headline))
            self.widget.describe(self._bundle("The plan", state, Tone.PLAIN, *parts))

    def _described(self, plan: Plan) -> Mapping[str, Any]:
        state = "to be performed" if plan.to_do else "nothing to change"
        return self._bundle("The plan", state, Tone.PLAN, *plan_parts(plan))

    def _run(self) -> BackgroundRun:
        case = self._case()
        return self.runs(case.settings, case.runbook, case.ticket.id)

    def _watch(self) -> Iterator[Mapping[str, Any]]:
        """Follow the run that is under way; never begins one."""
        return self._with_errors(map(self._progress, self._run().progress()))

    def _steps_of_a_press(self, shown: Plan) -> Iterator[Mapping[str, Any]]:
        """Look once more, run, and follow the run to its end."""
        run = self._run()
        if not run.is_under_way:
            yield self._result("looking once more", Tone.PLAN, "Nothing is changed yet.")
            self._check_settings()
            was_current = self.plan == shown
            self._look_again()
            if not was_current:
                words = "The plan was out of date, and has been made anew. Read it again above, then press again."
                yield self._result("not performed", Tone.ASK, words)
                return
            if self.plan != shown and not self._is_left_of(shown):
                yield self._other_plan(shown)
                return
            if run.begin(shown.answers):  # or else another run was quicker, and is followed
                self._begun = self.plan
        yield from map(self._progress, run.progress())

    def _is_left_of(self, shown: Plan) -> bool:
        """Whether the plan as it is now is what this page's own run has left of the one that was shown."""
        return self.plan is not None and shown == self._begun and self.plan.is_rest_of(shown)

    def _answer(self, question: OperationQuestion, is_there: bool) -> None:
        self.widget.follow(lambda: self._with_errors(self._steps_of_an_answer(question, is_there)))

    def _steps_of_an_answer(self, question: OperationQuestion, is_there: bool) -> Iterator[Mapping[str, Any]]:
        """Note what a person says; then everything is looked up once more, which makes a new plan."""
        case, operation = self._case(), question.operation_id
        name = operation.removeprefix(case.operation(""))
        try:
            said = answering.note(case.settings, case.ticket.id, name, is_there=is_there, asked=case.effects.asked)
        except RunbookError as exc:
            self.answers.say(question, f"✗ {str(exc).replace(name, question.name)}")
            return
        noted = f"Noted: the {said.replace(name, question.name)}."
        yield self._result("looking once more", Tone.PLAN, noted)
        self._said[operation] = replace(question, said=is_there)
        self._look_again()
        self.ask()
        then = "Nothing is left to do." if self.widget.done else f"Read the plan above, then press “{LABEL}”."
        yield self._result("noted", Tone.GOOD, f"{noted} {then}", *self.last_record())

    def _with_errors(self, steps: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The steps; an error that ends them early is shown in words."""
        try:
            yield from steps
        except RunbookError as exc:
            yield self._result("stopped", Tone.STOP, str(exc), *([] if self.plan else [_OUT_OF_DATE]))
        except Exception as exc:  # a thread's traceback is shown nowhere: the card would stay at work
            words = Redactor.of(self._case().settings).text(f"{type(exc).__name__}: {exc}")
            advice = "This is a bug or a broken installation. Look at the ticket's journal before you press again."
            yield self._result("stopped", Tone.STOP, f"{words}. {advice}")

    def _check_settings(self) -> None:
        """InputError if the run would go elsewhere than the plan was made for."""
        if changed := self._case().settings.differences(Settings.load()):
            raise InputError(
                f"The configuration has changed since this notebook was opened ({', '.join(changed)}). Run all cells "
                "again, and read the plan that they show."
            )

    def _other_plan(self, shown: Plan) -> Mapping[str, Any]:
        if self.plan is None or not shown.is_done_by(self.plan):
            words = "The plan has changed since it was shown, or the ticket has. Read it again above, then press again."
            return self._result("not performed", Tone.ASK, words)
        words = "Everything is there already, so that nothing was done."
        return self._result("nothing to do", Tone.GOOD, words, *self.last_record())

    def _too_late(self) -> Iterator[Mapping[str, Any]]:
        """The result of a press that was meant for the plan before this one."""
        words = "The plan changed while you pressed. Read it again above, then press again."
        yield self._result("not performed", Tone.ASK, words)

    def _progress(self, now: RunProgress) -> Mapping[str, Any]:
        if now.is_over:
            self._said.clear()
            with suppress(RunbookError):
                self._ask(self._open_questions(), with_reason=False)  # what happened is said right above
        if now.error:
            return self._result("stopped", Tone.STOP, now.error, *_changed(now))
        if now.is_over and now.runbook not in ("", self._case().runbook):
            words = f"The run of {now.runbook} on this ticket has ended. Run the cells again, then press."
            return self._result("not performed", Tone.ASK, words)
        if now.ended is not None:
            if now.following or self._shown != self._begun:
                self.forget()
                self._mark("out of date", _RUN_SINCE)
            else:
                left, outcome = self._left(now.operations), now.ended["outcome"]
                state = f"performed, {left} open" if left else "performed"
                headline = (self._shown and self._shown.gist) or _ended_words(now.ended)
                if not outcome:
                    state, headline = "not at its end", "No outcome; below is why the run stopped"
                self._mark(state, so_far=now.operations, headline=headline)
                self.widget.finish(self._done_words(now.ended) if outcome and not left else "")
            return self._ended(now.ended, now)
        if self._shown and self._shown == self._begun:
            self._mark("performing", so_far=now.operations)
        words = _how_far(now)
        if now.following:
            words = f"A run of {now.runbook or 'this ticket'} is under way, begun elsewhere. {words}"
        return self._result("performing", Tone.PLAN, words)

    def _done_words(self, line: Mapping[str, Any]) -> str:
        """What the button says once everything was done, by the line of the run's end."""
        if line["outcome"] != Outcome.WAITING_FOR_CUSTOMER:
            return DONE
        since = _moment(self._run().since(line["outcome"]))
        return f"Waiting for the customer since {since}: run this notebook again when they have answered"

    def _left(self, operations: Mapping[str, Event]) -> int:
        """How much of the plan that is shown is not there, as far as a run's journal tells."""
        to_do = self._shown.to_do if self._shown else ()
        return sum(getattr(operations.get(one.operation_id), "kind", None) not in _THERE for one in to_do)

    def _ended(self, line: Mapping[str, Any], now: RunProgress) -> Mapping[str, Any]:
        outcome = line["outcome"]
        ended = _ended_words(line)
        self._on_end(Outcome(outcome) if outcome else None, ended)
        ticket = self._case().ticket
        links = [*([self._record(line)] if line["record"] else []), Link(f"ticket {ticket.id}", ticket.url)]
        parts: list[Part] = [Links(links), *([Paragraph(now.notice, strong=True)] if now.notice else [])]
        if line["missing"]:
            still = f"Still to be answered: {parameters.labels(line['missing'])}."
            parts.append(Paragraph(f"{still} Fill it in above, run the cells again, and press."))
        is_over = outcome is not None and not self.answers.questions  # else what is asked below comes next
        if outcome is None:
            parts += _changed(now) or (_NOTHING,)
        elif is_over:
            parts.append(Paragraph(f"Next: {ENDINGS[outcome].next}"))
            parts += open_it(self._case(), routing.ROUTER) if outcome == Outcome.LICENSE_ISSUED else ()
        tone = Tone.GOOD if is_over else Tone.ASK
        words, pages = line["summary"].removeprefix(f"{ended}: "), _ISSUE.findall(line["summary"])
        return self._result(ended, tone, words, *parts, pages=pages)

    def _record(self, line: Mapping[str, Any]) -> Link:
        """A link to a record as seen from the notebook, whose folder is the kernel's."""
        case = self._case()
        path = case.settings.ticket_folder(case.ticket.id) / str(line["record"])
        return Link("the record of this run", files.address(path))

    def _result(
        self, state: str, tone: Tone, words: str, *parts: Part, pages: Collection[str] = ()
    ) -> Mapping[str, Any]:
        return self._bundle(LABEL, state, tone, Paragraph(words, strong=True), *parts, pages=pages)

    def _bundle(
        self, title: str, state: str, tone: Tone, *parts: Part, pages: Collection[str] = ()
    ) -> Mapping[str, Any]:
        case = self._case()
        card = form_words.card(Card(title, state, tone, case.place, parts, pages={*case.pages, *pages}))
        return {"text/html": html(card), "text/plain": text(card)}


def _moment(at: str) -> str:
    return f"{at[:16].replace('T', ' ')} UTC"


def _ended_words(line: Mapping[str, Any]) -> str:
    return Outcome(line["outcome"]).words if line["outcome"] else str(line["status"]).replace("_", " ")


def _how_far(now: RunProgress) -> str:
    """Which step a run is at; it may be long on its way before its first one."""
    doing = f", {now.doing}" if now.doing else ""
    at = f"{len(now.steps)} of {now.total} · {form_words.title(now.steps[-1])}" if now.steps else "Starting"
    return f"{at}{doing}; {now.seconds:.0f} s."


def _changed(now: RunProgress) -> tuple[Part, ...]:
    rows = [(operation_words(one.effect), EFFECTS[one.kind].progress) for one in now.operations.values()]
    return (Table(("what this run changed", ""), rows),) if rows else ()

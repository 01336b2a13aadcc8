"""The plan of a case, the button that performs it, and what came of it. Only what is shown is performed.

A plan is more than its words: also the answers that it rests on, all of them, the outcome, and the operation ids of its
effects, which hold the stamp of the ticket and the digest of files. Each plan has a button of its own, right below it.
Whoever presses has everything looked at once more, and if any of it is another one now, nothing is begun. The run that
is begun decides anew, from these answers and from what it reads itself a moment later. Nothing here changes anything by
itself: `performing` runs the same notebook through papermill.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.display import Card, Link, Paragraph, Part, Preview, Table, Tone, html, text
from runbook_lib.domain import answers
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.models import EffectState, Outcome
from runbook_lib.jupyter.performing import Performance, Progress
from runbook_lib.jupyter.widgets import Button
from runbook_lib.redaction import Redactor
from runbook_lib.results import StepResult
from runbook_lib.settings import Settings

if TYPE_CHECKING:
    from runbook_lib.cases.base import Case

BUTTON = "Perform and record"
_NEXT = {
    Outcome.LICENSE_ISSUED: "If the customer says that the mail has not come, use license_not_received.",
    Outcome.LICENSE_FOUND: "If they still cannot find the license, ask in the team's channel.",
    Outcome.WAITING_FOR_CUSTOMER: "When the customer has answered, run this notebook again.",
    Outcome.RESOLVED_ITSELF: "When the customer confirms, solve the ticket; if not, run this notebook again.",
    Outcome.ESCALATED: "The expert goes on from the note on the ticket; stay in touch with the customer until then.",
    Outcome.OUT_OF_SCOPE: "Answer the customer yourself; nothing was sent to them.",
}


_OUT_OF_DATE = Paragraph("The plan above is out of date.")
_OUTDATED = "A step above was run again, or has stopped. Run the last cell again for the plan as it is now."
_RUN_SINCE = "A run that this button did not begin has ended. Run the last cell again for the plan as it is now."
_PERFORMED = "A run has performed this. What came of it stands below."
_NOTHING = Paragraph("This run changed nothing.")
_SEAL = (
    Paragraph("At the end", strong=True),
    Paragraph("An internal note on the ticket names the record of the run and its SHA-256."),
)


@dataclass(frozen=True)
class _Plan:
    """What would be done, and everything that it rests on."""

    parts: tuple[Part, ...]
    outcome: Outcome | None
    answers: Mapping[str, str]
    operations: tuple[str, ...]
    troubles: tuple[Part, ...] = field(compare=False, default=())
    """What could not be looked at. It makes no other plan: the run tries it again."""


class Press:
    """The button of one case.

    Args:
        case: The case.
        look_again: Given the press: reads the ticket; then forgets the plan, and goes through all steps as it is now,
            which makes a new one, unless the walk was closed meanwhile. Raises RunbookError.
        on_end: Called when a run of this case has ended, with how.
    """

    def __init__(self, case: Case, look_again: Callable[[Press], None], on_end: Callable[[str], None]) -> None:
        self._case, self._look_again, self._on_end = case, look_again, on_end
        self._plan: _Plan | None = None
        self._beside: _Plan | None = None
        self._begun: _Plan | None = None
        self.button = Button(BUTTON, too_late=self._too_late)

    def with_plan(self, closing: StepResult, results: Mapping[str, StepResult]) -> StepResult:
        """The last card; the exact texts and values of everything that would be done stand below it, with the button.

        Args:
            closing: The last step's result.
            results: Those of all steps, by name.
        """
        troubles = tuple(Paragraph(effect.trouble, strong=True) for effect in self._case.applied if effect.trouble)
        plan = _Plan(self._parts(results), self._case.outcome, self._case.given, self._case.operations, troubles)
        before, is_under_way = self._last_record(), self._performance().is_under_way  # first, since they may fail
        if plan == self._beside:
            self.button.tell(self._shown(plan))
        else:
            self.button.renew(self._shown(plan), partial(self._perform, plan))
        self._plan = self._beside = plan
        if is_under_way:
            self.button.follow(self._watch)
        words = tuple(part for part in closing.card.parts if not isinstance(part, Table))
        state = f"would be {self._case.outcome}" if self._case.outcome else closing.card.state
        return replace(closing, card=replace(closing.card, state=state, parts=(*words, *before)))

    @property
    def has_plan(self) -> bool:
        """Whether what is shown above the button is so now, as far as this walk knows."""
        return self._plan is not None

    def forget(self) -> None:
        """What is shown is no plan any more: the next press shows one first."""
        self._plan = None

    def outdate(self) -> None:
        """Forget the plan, and say so where it is shown."""
        self.forget()
        self._tell("out of date", _OUTDATED)

    def _tell(self, state: str, words: str) -> None:
        """Say of the plan above the button what has become of it."""
        if self._beside:
            parts = (Paragraph(words, strong=True), *self._beside.parts)
            self.button.tell(self._bundle("The plan", state, Tone.PLAIN, *parts))

    def _shown(self, plan: _Plan) -> Mapping[str, Any]:
        """A plan as it is read above its button."""
        state = f"would be {plan.outcome}" if plan.outcome else "no outcome yet"
        return self._bundle("The plan", state, Tone.PLAN, *plan.troubles, *plan.parts)

    def say(self, words: str) -> None:
        """Say below the button what is waited for."""
        self.button.show(self._result("waiting", Tone.PLAN, words))

    def _parts(self, results: Mapping[str, StepResult]) -> tuple[Part, ...]:
        """Each step that has an effect: what it is, and the texts and values that go with it."""
        parts: list[Part] = []
        for name in self._case.order[:-1]:
            if name in results and self._case.effects_of(name):
                card = results[name].card
                kept = [part for part in card.parts if isinstance(part, Table | Preview)]
                parts += [Paragraph(card.title, strong=True), *kept]
        return (*parts, *_SEAL) if parts else ()

    def _performance(self) -> Performance:
        return Performance(self._case.settings, self._case.runbook, self._case.ticket.id)

    def _perform(self, plan: _Plan) -> Iterator[Mapping[str, Any]]:
        """What a press of a plan's button does: look once more, run, and follow the run to its end."""
        return self._told(self._steps_of_a_press(plan))

    def _watch(self) -> Iterator[Mapping[str, Any]]:
        """Follow the run that is under way; never begins one."""
        return self._told(map(self._progress, self._performance().progress()))

    def _steps_of_a_press(self, shown: _Plan) -> Iterator[Mapping[str, Any]]:
        run = self._performance()
        if not run.is_under_way:
            yield self._result("looking once more", Tone.PLAN, "Nothing is changed yet.")
            self._check_settings()
            was_so = self._plan == shown
            self._look_again(self)
            if not was_so:
                words = "The plan was out of date, and has been made anew. Read it again above, then press again."
                yield self._result("not performed", Tone.ASK, words)
                return
            if self._plan != shown:
                yield self._other_plan(shown)
                return
            if run.begin(shown.answers):  # or else somebody was quicker, whose run is followed
                self._begun = shown
        yield from map(self._progress, run.progress())

    def _told(self, steps: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The steps, and whatever ends them early, in words."""
        try:
            yield from steps
        except RunbookError as exc:
            yield self._result("stopped", Tone.STOP, str(exc), *([] if self.has_plan else [_OUT_OF_DATE]))
        except Exception as exc:  # a thread tells nobody, and what is shown last would go on saying that it works
            words = Redactor.of(self._case.settings).text(f"{type(exc).__name__}: {exc}")
            advice = "This is a bug or a broken installation. Look at the ticket's journal before you press again."
            yield self._result("stopped", Tone.STOP, f"{words}. {advice}")

    def _check_settings(self) -> None:
        """Make sure that the run would go where the plan was made for.

        Raises:
            InputError: It would not.
        """
        if changed := self._case.settings.differences(Settings.load()):
            raise InputError(
                f"The configuration has changed since this notebook was opened ({', '.join(changed)}). Run all cells "
                "again, and read the plan that they show."
            )

    def _other_plan(self, shown: _Plan) -> Mapping[str, Any]:
        now = self._plan
        same = now and (shown.outcome, shown.answers) == (now.outcome, now.answers)
        if not same or any(effect.state is EffectState.PLANNED for effect in self._case.applied):
            words = "The plan has changed since it was shown, or the ticket has. Read it again above, then press again."
            return self._result("not performed", Tone.ASK, words)
        words = "Everything is there already, so that nothing was done."
        return self._result("nothing to do", Tone.GOOD, words, *self._last_record())

    def _too_late(self) -> Iterator[Mapping[str, Any]]:
        """What becomes of a press that was meant for the plan before this one."""
        words = "The plan changed while you pressed. Read it again above, then press again."
        yield self._result("not performed", Tone.ASK, words)

    def _progress(self, now: Progress) -> Mapping[str, Any]:
        other = now.runbook not in ("", self._case.runbook)
        if now.error:
            return self._result("stopped", Tone.STOP, now.error, *_changed(now))
        if other and now.is_over:
            words = f"The run of {now.runbook} on this ticket has ended. Run the cells again, then press."
            return self._result("not performed", Tone.ASK, words)
        if now.ended is not None:
            if now.following or self._beside != self._begun:
                self.forget()
                self._tell("out of date", _RUN_SINCE)
            elif now.ended["outcome"]:
                self._tell("performed", _PERFORMED)
            return self._ended(now.ended, _changed(now) or (_NOTHING,))
        steps = [("✓", title) for title in now.steps[:-1]] + [("▸", title) for title in now.steps[-1:]]
        doing = f", {now.doing}" if now.doing else ""
        words = f"{len(now.steps)} of {now.total} steps begun{doing}; {now.seconds:.0f} s."
        if now.following:
            words = f"A run of {now.runbook or 'this ticket'} is under way, begun elsewhere. {words}"
        rows = [Table(("", "step"), steps)] if steps else []
        return self._result("performing", Tone.PLAN, words, *rows)

    def _ended(self, line: Mapping[str, Any], changed: tuple[Part, ...]) -> Mapping[str, Any]:
        outcome = line["outcome"]
        self._on_end(f"performed: {outcome}" if outcome else f"the run ended: {line['status']}")
        parts: list[Part] = [self._record(line)] if line["record"] else []
        if line["missing"]:
            labels = ", ".join(answers.QUESTIONS[name].label for name in line["missing"])
            words = f"Still to be answered: {labels}. Fill it in above, run the cells again, and press."
            parts.append(Paragraph(words))
        if outcome is None:
            parts += changed
        else:
            parts.append(Paragraph(f"Next: {_NEXT[Outcome(outcome)]}"))
        tone = Tone.ASK if outcome is None else Tone.GOOD
        return self._result(str(outcome or line["status"]), tone, line["summary"], *parts)

    def _last_record(self) -> tuple[Part, ...]:
        line = self._performance().last()
        if line is None or not line.get("record"):
            return ()
        said = f"Performed before: {line['outcome'] or line['status']}, {line['at'][:16].replace('T', ' ')} UTC."
        return (Paragraph(said), self._record(line))

    def _record(self, line: Mapping[str, Any]) -> Link:
        """A link to a record as seen from the notebook, whose folder is the kernel's."""
        path = self._case.settings.ticket_folder(self._case.ticket.id) / str(line["record"])
        return Link("the record of this run", os.path.relpath(path, Path.cwd()).replace(os.sep, "/"))

    def _result(self, state: str, tone: Tone, words: str, *parts: Part) -> Mapping[str, Any]:
        """What is told of a press."""
        return self._bundle(BUTTON, state, tone, Paragraph(words, strong=True), *parts)

    def _bundle(self, title: str, state: str, tone: Tone, *parts: Part) -> Mapping[str, Any]:
        place = self._case.badge.partition(" · ")[0]
        card = Card(title, state, tone, place, parts)
        return {"text/html": html(card), "text/plain": text(card)}


def _changed(now: Progress) -> tuple[Part, ...]:
    """What a run has changed so far, as far as its journal tells."""
    return (Table(("what this run changed", ""), now.effects),) if now.effects else ()

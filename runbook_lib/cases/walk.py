"""What a person in JupyterLab has beside the cards of a case: forms that ask, the state of the case, and the button.

A step's form shows what it needs first, then what may also be changed. What is entered counts in place of the cell's
parameter, until that cell passes another one. Whoever runs the next cell goes on from it: the steps above that it
changes are gone through again, and their cards follow. So no answer is lost, and no card is out of date.

Nothing here changes anything: the button lets `performing` run the same notebook through papermill.
"""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import htpy as h
import ipywidgets
from IPython.display import display, update_display

from runbook_lib import answers
from runbook_lib.cases.pictures import NAMES, Album, Pictures
from runbook_lib.display import Card, Link, Paragraph, Part, Preview, Table, Tone, clean, html, text
from runbook_lib.errors import InputError, NeedsAnswerError, RunbookError
from runbook_lib.models import Attachment, EffectState
from runbook_lib.performing import Performance, Progress
from runbook_lib.redaction import Redactor
from runbook_lib.results import StepResult
from runbook_lib.widgets import Button, Field, Form, Kind, StateLine

if TYPE_CHECKING:
    from runbook_lib.cases.base import Case

BUTTON = "Perform and record"
MAX_IMAGE_BYTES = 20_000_000
OPEN = "open"
"""The place of the ticket's card, beside those of the steps."""
_NOT_OFFERED = ("ticket_id", "perform", "take_over")
"""The parameters that no form offers unless a step asks for them."""
_NEXT = {
    "license_issued": "If the customer says that the mail has not come, use license_not_received.",
    "license_found": "If they still cannot find the license, ask in the team's channel.",
    "waiting_for_customer": "When the customer has answered, run this notebook again.",
    "resolved_itself": "When the customer confirms, solve the ticket; if not, run this notebook again.",
    "escalated": "The expert goes on from the note on the ticket; stay in touch with the customer until then.",
    "out_of_scope": "Answer the customer yourself; nothing was sent to them.",
}


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
    form: Form | None = None
    asks: tuple[str, ...] = ()
    content: tuple[tuple[tuple[Field, ...], tuple[Field, ...]], Pictures] = (((), ()), Pictures())


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
        self._album = Album(self._download, say)
        self._given: dict[str, dict[str, object]] = {OPEN: dict(opened_with)}
        self._passed: dict[str, dict[str, object]] = {}
        self._used: dict[str, dict[str, object]] = {}
        self._results: dict[str, StepResult] = {}
        self._places: dict[str, _Place] = {}
        self._entered: dict[str, str] = {}
        self._button: Button | None = None
        self._plan = ""
        self._state = StateLine()
        self._pictures = Pictures()
        self._turn = threading.RLock()
        self._performed = ""
        if before:
            self._entered, self._album = dict(before._entered), before._album
            self._passed = dict(before._passed)
            before.close()

    @property
    def opened_with(self) -> object:
        """The ticket's number as the cell passed it."""
        return self._given[OPEN]["ticket_id"]

    def show_ticket(self) -> None:
        """The ticket's card; where any ticket may be opened, with a form for its number."""
        with self._turn:
            with suppress(RunbookError):  # said by the next cell, which needs the ticket
                self._other_ticket()
            self._show(OPEN, self._case.ticket_card(), ("ticket_id",) if self._case.any_ticket else ())

    def step(self, name: str, given: Mapping[str, object]) -> StepResult:
        """Run a step with the parameters of its cell and with what was entered, and show it.

        Raises:
            NeedsAnswerError: A step above is waiting for an answer.
            RunbookError: As the step itself, but that an answer that is missing here is asked for by a form.
        """
        with self._turn:
            self._take(name, given)
            self._catch_up(name)
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

    def enter(self, name: str, words: str) -> None:
        """Enter a value, as by typing it into every form that has the field."""
        self._changed(name, words)

    def close(self) -> None:
        """Take every widget away; a run that was begun goes on."""
        for place in self._places.values():
            if place.form:
                place.form.close()
            place.box.close()
        if self._button:
            self._button.close()
        self._state.widget.close()
        self._places.clear()

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
        return {one: self._entered.get(one) or value for one, value in given.items()}

    def _changed(self, name: str, words: str) -> None:
        """Something was entered: remember it, and let every other form that asks the same show it."""
        found = self._field(name).found
        if words and words != found:
            self._entered[name] = words
        else:
            self._entered.pop(name, None)
        for place in self._places.values():
            if place.form and name in place.form.rows and place.form.values[name] != words:
                place.form.enter(name, words)

    def _field(self, name: str) -> Field:
        """A parameter as a form asks for it."""
        question = answers.QUESTIONS[name]
        known = self._case.found(name) or Prefill()
        passed = next((given[name] for given in self._given.values() if name in given), answers.UNKNOWN)
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
                self._follow(name, self._case.stopped(self._title(name), exc), missing)
                raise
            self._follow(name, result, result.asks)

    def _other_ticket(self) -> None:
        """Open the ticket whose number was entered."""
        number = int(str(answers.parse("ticket_id", self._effective(OPEN)["ticket_id"])))
        if number != self._case.ticket.id:
            self._case.read_again(number)
            self._used.clear()
            self._entered = {"ticket_id": self._entered["ticket_id"]} if "ticket_id" in self._entered else {}
            self._follow(OPEN, self._case.ticket_card(), ("ticket_id",))

    # -- what is shown

    def _show(self, name: str, result: StepResult, asks: tuple[str, ...] | None) -> None:
        place = self._places.setdefault(name, _Place())
        if name == self._case.order[-1] and self._case.changes and self._case.outcome:
            result = self._with_plan(result)
        self._fill(name, place, asks)
        display(result, display_id=place.display_id)  # type: ignore[no-untyped-call]
        display(place.box)  # type: ignore[no-untyped-call]

    def _follow(self, name: str, result: StepResult, asks: tuple[str, ...] | None) -> None:
        """Let a card that is shown already say what is so now."""
        if place := self._places.get(name):
            update_display(result, display_id=place.display_id)  # type: ignore[no-untyped-call]
            self._fill(name, place, asks)

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
        if name == self._case.order[-1] and self._button:
            shown.append(self._button.box)
        place.box.children = (*shown, self._state.widget)
        self._say_state()

    def _look(self, asks: Sequence[str]) -> Pictures:
        """The ticket's images, where a form asks for what they may show."""
        if not set(asks) & set(NAMES):
            return Pictures()
        typed = self._entered.get("screenshots")
        try:
            paths = answers.parse("screenshots", typed) if typed else None
        except InputError:
            paths = None
        return self._album.look(self._case.thread, paths if isinstance(paths, tuple) else ())

    def _download(self, file: Attachment) -> bytes:
        return self._case.services.zendesk.download(file, self._case.settings.attachment_limit_bytes)

    def _form(self, fields: Sequence[Field], folded: Sequence[Field], *, before: Form | None) -> Form | None:
        unfolded = before is not None and before.is_unfolded
        if before:
            before.close()
        if not fields and not folded:
            return None
        return Form(
            fields,
            folded=folded,
            unfolded=unfolded,
            pictures=self._pictures.shown,
            notes=self._pictures.notes,
            entered=self._entered,
            on_change=self._changed,
            keep=self._keep,
        )

    def _keep(self, file_name: str, content: bytes) -> str:
        """Keep an image that the engineer chose, under a name of ours; returns its path."""
        kind = next((kind for magic, kind in answers.IMAGE_TYPES.items() if content.startswith(magic)), None)
        if kind is None or len(content) > MAX_IMAGE_BYTES:
            raise InputError(
                f"{clean(file_name, 80)} is no PNG, JPEG or GIF image of at most {MAX_IMAGE_BYTES // 1_000_000} MB."
            )
        folder = self._case.settings.ticket_folder(self._case.ticket.id) / "screenshots"
        path = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.{kind.partition('/')[2]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as exc:
            raise InputError(f"The image cannot be kept in {folder}: {exc.strerror}.") from exc
        return str(path)

    def _say_state(self) -> None:
        case = self._case
        done = [name for name in case.order if name in case.done]
        coming = next((name for name in case.order if name not in case.done), None)
        words = [f"{len(done)} of {len(case.order)} steps done"]
        words += [f"next: {self._title(coming)}"] if coming else []
        words.append(self._performed or (f"would end as {case.outcome}" if case.outcome else "no outcome yet"))
        place = h.b[case.badge.partition(" · ")[0]]
        style = "font-size:12px;line-height:1.5;opacity:0.9;padding:2px 0px;white-space:normal"
        self._state.say(h.div(style=style)[place, " · ", clean(" · ".join(words))])

    # -- performing

    def _with_plan(self, closing: StepResult) -> StepResult:
        """The last card, with the exact texts and values of everything that would be done, and the button for it."""
        parts = self._plan_parts()
        last = self._last_record()
        self._plan = text(Card("", "", Tone.PLAN, "", parts))
        if self._button is None:
            self._button = Button(BUTTON, self._perform)
        words = tuple(part for part in closing.card.parts if not isinstance(part, Table))
        card = closing.card
        shown = Card(card.title, card.state, card.tone, card.badge, (*words, *last, *parts))
        if Performance(self._case.settings, self._case.runbook, self._case.ticket.id).is_under_way:
            self._button.follow()
        return StepResult(shown, closing.data)

    def _plan_parts(self) -> tuple[Part, ...]:
        """Each step that has an effect: what it is, and the texts and values that go with it."""
        parts: list[Part] = []
        for name in self._case.order[:-1]:
            result = self._results.get(name)
            if result is None or not self._case.effects_of(name):
                continue
            kept = [part for part in result.card.parts if isinstance(part, Table | Preview)]
            parts += [Paragraph(self._title(name), strong=True), *kept]
        return tuple(parts)

    def _last_record(self) -> tuple[Part, ...]:
        case = self._case
        line = Performance(case.settings, case.runbook, case.ticket.id).last()
        if line is None or not line.get("record"):
            return ()
        said = f"Performed before: {line['outcome'] or line['status']}, {line['at'][:16].replace('T', ' ')} UTC."
        return (Paragraph(said), self._record(line))

    def _record(self, line: Mapping[str, Any]) -> Link:
        return Link("the record of this run", _beside(self._folder / str(line["record"])))

    @property
    def _folder(self) -> Path:
        return self._case.settings.ticket_folder(self._case.ticket.id)

    def _perform(self) -> Iterator[Mapping[str, Any]]:
        """What the button does: look once more, run, and follow the run to its end."""
        case = self._case
        run = Performance(case.settings, case.runbook, case.ticket.id)
        try:
            if not run.is_under_way:
                yield self._bundle("looking once more", Tone.PLAN, "Nothing is changed yet.")
                with self._turn:
                    changed, answers_shown = self._has_changed(), case.given
                if changed:
                    yield self._changed_meanwhile()
                    return
                run.begin(answers_shown)
            for now in run.progress():
                yield self._progress(now)
        except RunbookError as exc:
            yield self._bundle("stopped", Tone.STOP, str(exc))
        except Exception as exc:  # a thread tells nobody, and what is shown last would go on saying that it works
            words = Redactor.of(case.settings).text(f"{type(exc).__name__}: {exc}")
            advice = "This is a bug or a broken installation. Look at the ticket's journal before you press again."
            yield self._bundle("stopped", Tone.STOP, f"{words}. {advice}")

    def _changed_meanwhile(self) -> Mapping[str, Any]:
        if any(effect.state is EffectState.PLANNED for effect in self._case.applied):
            words = "The plan has changed since it was shown. Read it again above, then press again."
            return self._bundle("not performed", Tone.ASK, words)
        words = "Everything is there already, so that nothing was done."
        return self._bundle("nothing to do", Tone.GOOD, words, *self._last_record())

    def _has_changed(self) -> bool:
        """Go through everything again, as the ticket is now; returns whether the plan is another one."""
        with self._turn, self._waiting_is_shown():
            before = self._plan
            self._case.read_again(self._case.ticket.id)
            self._used.clear()
            self._again([name for name in self._case.order if name in self._given])
            last = self._case.order[-1]
            self._follow(last, self._with_plan(self._results[last]), ())
            return self._plan != before

    @contextmanager
    def _waiting_is_shown(self) -> Iterator[None]:
        """Where waiting for a service is told below the button, and not in a cell."""
        budget, button = self._case.services.budget, self._button
        before = budget.say
        if button:
            budget.say = lambda words: button.show(self._bundle("waiting", Tone.PLAN, words))
        try:
            yield
        finally:
            budget.say = before

    def _progress(self, now: Progress) -> Mapping[str, Any]:
        if now.error:
            return self._bundle("stopped", Tone.STOP, now.error)
        if now.ended is not None:
            return self._ended(now.ended)
        steps = [("✓", title) for title in now.steps[:-1]] + [("▸", title) for title in now.steps[-1:]]
        doing = f", {now.doing}" if now.doing else ""
        words = f"{len(now.steps)} of {now.total} steps begun{doing}; {now.seconds:.0f} s."
        if now.following:
            words = f"A run of this ticket is under way, begun elsewhere. {words}"
        rows = [Table(("", "step"), steps)] if steps else []
        return self._bundle("performing", Tone.PLAN, words, *rows)

    def _ended(self, line: Mapping[str, Any]) -> Mapping[str, Any]:
        outcome = line["outcome"]
        self._performed = f"performed: {outcome or line['status']}"
        self._say_state()
        parts: list[Part] = []
        if line["record"]:
            parts.append(self._record(line))
        if line["missing"]:
            labels = ", ".join(answers.QUESTIONS[name].label for name in line["missing"])
            parts.append(
                Paragraph(f"Still to be answered: {labels}. Fill it in above, run the cells again, and press.")
            )
        elif outcome in _NEXT:
            parts.append(Paragraph(f"Next: {_NEXT[outcome]}"))
        good = outcome is not None
        return self._bundle(str(outcome or line["status"]), Tone.GOOD if good else Tone.ASK, line["summary"], *parts)

    def _bundle(self, state: str, tone: Tone, words: str, *parts: Part) -> Mapping[str, Any]:
        place = self._case.badge.partition(" · ")[0]
        card = Card(BUTTON, state, tone, place, (Paragraph(words, strong=True), *parts))
        return {"text/html": html(card), "text/plain": text(card)}


def _typed(name: str, value: object) -> str:
    """A parameter's value as it would be typed into a form."""
    plain = answers.QUESTIONS[name].plain(value)
    if plain is True:
        return "yes"
    return ", ".join(map(str, plain)) if isinstance(plain, list) else str(plain)


def _beside(path: Path) -> str:
    """A file's address as seen from the notebook, whose folder is the kernel's."""
    return os.path.relpath(path, Path.cwd()).replace(os.sep, "/")

"""What a case is given by a person: parameters as the cells pass them, what was entered in their place, and images.

What was entered counts in place of the cell's parameter, until that cell passes another one. Nothing here is shown, and
no step is run.

A copy keeps the answers for a later kernel, since the one they were typed in may end before the plan is performed:
The board hands them to the page in an invisible widget, the page puts them into the notebook's metadata and saves it
(`runbook.js`), and a session in a kernel of its own reads them from the file. They count for the same profile, runbook
and ticket only. A text that is no valid answer is not kept, nor is one in which a secret or a license is found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import htpy as h

from runbook_lib import templates
from runbook_lib.cases.base import Case, Prefill
from runbook_lib.cases.pictures import ImageCache, Pictures
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import InputError
from runbook_lib.jupyter.forms import Field, named_files
from runbook_lib.redaction import Redactor

OPEN = "open"
"""The place of the ticket's number, beside those of the steps."""
NOT_OFFERED = ("ticket_id", "perform", "take_over", "confirmed")
"""The parameters that no form offers unless a step asks for them. Nor are they kept for a later kernel: another
colleague may have the ticket by then, and `confirmed` has a place of its own."""


class CaseInput:
    """What one case is given.

    Args:
        case: The case as it is now.
        ticket_id: The ticket's number as the cell passed it.
        on_read: Called with the image that is being read; with "" when all were.
    """

    def __init__(self, case: Callable[[], Case], ticket_id: object, on_read: Callable[[str], None]) -> None:
        self._case, self._on_read = case, on_read
        self.entered: dict[str, str] = {}  # what was entered, by parameter
        self.confirmed: set[str] = set()  # the parameters whose value was read off an image, and compared with it
        self.typed_before: set[str] = set()  # the parameters whose answer was entered in a kernel that has ended since
        self.given: dict[str, dict[str, object]] = {OPEN: {"ticket_id": ticket_id}}  # what each cell passes, by step
        self.pictures = Pictures()  # what a form shows of them
        # What the cells passed when these answers were entered, by step: one that is changed there counts again
        self._passed: dict[str, dict[str, object]] = {}
        self._answers_for = case().ticket.id
        self.images = ImageCache()  # the images by content, with what was read off them
        self.images.on_read = on_read

    def go_on_from(self, previous: CaseInput) -> None:
        """Take the answers over that the same ticket was given before."""
        self.entered, self.confirmed = dict(previous.entered), set(previous.confirmed)
        self.typed_before = set(previous.typed_before)
        self._answers_for, self._passed = previous._answers_for, dict(previous._passed)
        self.images = previous.images
        self.images.on_read = self._on_read

    def bring_back(self, notebook: object) -> None:
        """Take the answers over that a notebook keeps for this case, from a kernel that has ended; it may have none."""
        try:
            found = json.loads(Path(str(notebook)).read_text(encoding="utf-8"))["metadata"][templates.ANSWERS]
            entered, confirmed = dict(found["entered"]), set(found["confirmed"])
            passed = {str(step): dict(given) for step, given in dict(found["passed"]).items()}
            is_of_this = found["of"] == self._whose
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return
        if is_of_this:
            self.entered = self._kept(entered)
            self.typed_before = set(self.entered)
            self.confirmed = confirmed & self.entered.keys()
            self._passed = _passed_for(self.entered, passed)

    @property
    def kept_html(self) -> str:
        """A hidden element by which the page finds the answers that are to be kept."""
        entered = self._kept(dict(self.entered))
        found = {
            "of": self._whose,
            "entered": entered,
            "confirmed": sorted(self.confirmed & entered.keys()),
            "passed": _passed_for(entered, dict(self._passed)),
        }
        return str(h.span({"data-runbook-answers": json.dumps(found, sort_keys=True)}))

    @property
    def _whose(self) -> list[Any]:
        case = self._case()
        return [case.settings.profile, case.runbook, case.ticket.id]

    def _kept(self, entered: Mapping[str, object]) -> dict[str, str]:
        """The answers that are kept for a later kernel."""
        redactor = Redactor.of(self._case().settings)
        texts = {name: words for name, words in entered.items() if isinstance(words, str)}
        return {name: words for name, words in texts.items() if _is_valid(name, words, redactor)}

    def begin(self, ticket_id: int) -> None:
        """Answers are of this ticket from now on; those of another one are forgotten."""
        if ticket_id == self._answers_for:
            return
        self._answers_for = ticket_id
        self.entered = {one: words for one, words in self.entered.items() if one == "ticket_id"}
        self.confirmed.clear()
        self.typed_before.clear()

    def take(self, step: str, given: Mapping[str, object]) -> None:
        """Remember a cell's parameters; one that was changed there since overrides what was entered."""
        previous = self._passed.get(step, {})
        for one, value in given.items():
            if one in previous and previous[one] != value:
                self.entered.pop(one, None)
                self.typed_before.discard(one)
        self.given[step] = self._passed[step] = dict(given)

    def enter(self, name: str, words: str) -> None:
        """Remember what was entered; what stands there anyway is no answer."""
        self.confirmed.discard(name)
        self.typed_before.discard(name)
        self.entered[name] = words  # before anything else, so that it is not lost
        if words in ("", self.field(name).found):
            self.entered.pop(name, None)

    def effective(self, step: str) -> dict[str, object]:
        given, entered = self.given[step], dict(self.entered)
        if confirmed := self.confirmed & entered.keys() & given.keys():
            entered["confirmed"] = ",".join(sorted(confirmed))
        return {one: entered.get(one) or value for one, value in given.items()}

    def field(self, name: str) -> Field:
        question = parameters.QUESTIONS[name]
        known = self._case().found(name) or Prefill()
        passed = next((given[name] for given in list(self.given.values()) if name in given), parameters.UNKNOWN)
        found, source = known.value, known.source
        if passed not in (parameters.UNKNOWN, False):
            found, source = _as_typed(name, passed), "set in the notebook"
        found, choices = parameters.in_words(found), tuple(map(parameters.in_words, known.choices or question.choices))
        read = self.pictures.suggestions.get(name, ())
        hint = " / ".join(choices) or question.hint
        is_old, takes_files = name in self.typed_before, name == "screenshots"
        return Field(name, question.label, choices, found, source, hint, question.reading, read, is_old, takes_files)

    def look_at_images(self, asks: Sequence[str]) -> Pictures:
        """The ticket's images, if a form asks for what they may show; what is read off them comes later."""
        self.pictures = Pictures()
        if set(asks) & set(parameters.ON_SCREENSHOTS):
            case, added = self._case(), named_files("screenshots", self.entered.get("screenshots", ""))
            self.pictures = self.images.pictures(case.known.thread, added, download=case.downloads.content)
        return self.pictures


def _as_typed(name: str, value: object) -> str:
    return "yes" if parameters.QUESTIONS[name].plain(value) is True else parameters.QUESTIONS[name].typed(value)


def _passed_for(entered: Collection[str], passed: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """What was passed for what was entered, by step."""
    found = {step: {one: given[one] for one in given if one in entered} for step, given in passed.items()}
    return {step: given for step, given in found.items() if given}


def _is_valid(name: str, words: str, redactor: Redactor) -> bool:
    if name in NOT_OFFERED or redactor.text(words) != words:
        return False
    try:
        parameters.parse(name, words)
    except InputError:
        return False
    return True

"""Answers that a copy keeps for a later kernel: the one they were typed in may end before the plan is performed.

Board shows them to the page in a widget that nobody sees. The page puts them into the notebook's metadata and saves it
(`runbook.js`). A session that begins in a kernel of its own reads them from the file.

They count for the same profile, runbook and ticket only. A text that is no valid answer is not kept, nor is one in
which a secret or a license is found. Nothing here is shown, and nothing is run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import htpy as h

from runbook_lib import templates
from runbook_lib.cases.base import Case
from runbook_lib.domain import answers
from runbook_lib.domain.errors import InputError
from runbook_lib.redaction import Redactor

_NEVER = ("ticket_id", "perform", "take_over", "confirmed")
"""Not kept: a colleague may have the ticket by then whom nobody was asked about. `confirmed` has a place of its own."""


@dataclass(frozen=True)
class KeptAnswers:
    """What a person has answered."""

    entered: Mapping[str, str] = field(default_factory=dict)  # what was entered, by parameter
    confirmed: frozenset[str] = frozenset()  # the parameters whose value was read off an image, and compared with it
    # What the cells passed for these parameters then, by step: one that is changed there counts again
    passed: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def html(self, case: Case) -> str:
        """A hidden element by which the page finds the answers."""
        kept = _only_valid(self, case)
        found = {
            "of": _whose(case),
            "entered": dict(kept.entered),
            "confirmed": sorted(kept.confirmed),
            "passed": {step: dict(given) for step, given in kept.passed.items()},
        }
        return str(h.span({"data-runbook-answers": json.dumps(found, sort_keys=True)}))


def read(case: Case, notebook: object) -> KeptAnswers:
    """The answers that a notebook keeps for a case; none where it has none, or they are of another one."""
    try:
        found = json.loads(Path(str(notebook)).read_text(encoding="utf-8"))["metadata"][templates.ANSWERS]
        entered, confirmed, passed = dict(found["entered"]), frozenset(found["confirmed"]), dict(found["passed"])
        if found["of"] != _whose(case):
            return KeptAnswers()
        passed = {str(step): dict(given) for step, given in passed.items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return KeptAnswers()
    return _only_valid(KeptAnswers(entered, confirmed, passed), case)


def _whose(case: Case) -> list[Any]:
    return [case.settings.profile, case.runbook, case.ticket.id]


def _only_valid(kept: KeptAnswers, case: Case) -> KeptAnswers:
    redactor = Redactor.of(case.settings)
    entered = {name: words for name, words in kept.entered.items() if _is_valid(name, words, redactor)}
    passed = {step: {one: given[one] for one in given if one in entered} for step, given in kept.passed.items()}
    return KeptAnswers(
        entered, kept.confirmed & entered.keys(), {step: given for step, given in passed.items() if given}
    )


def _is_valid(name: str, words: object, redactor: Redactor) -> bool:
    if name in _NEVER or not isinstance(words, str) or redactor.text(words) != words:
        return False
    try:
        answers.parse(name, words)
    except InputError:
        return False
    return True

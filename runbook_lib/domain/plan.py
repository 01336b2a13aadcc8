"""What a case would do, as a value: the actions with their exact texts, and everything that they rest on.

A case makes it from the effects that its steps plan. The last card shows it, and the button compares it with a new
one; a run goes through the steps again and decides anew. Two plans are equal if they show the reader the same; what
could not be looked at (`trouble`) makes no difference, since the run looks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_lib.domain.models import EffectState, Evidence, Outcome

LATER_LINK = "(its link)"
LATER_FINGERPRINT = "(its fingerprint)"
_PLACEHOLDERS = {LATER_LINK: "the link of the license", LATER_FINGERPRINT: "the fingerprint of the license"}
"""What stands in a text for a value that is known only after the license was issued, and what that is."""


@dataclass(frozen=True)
class Target:
    """Where an action changes something: words for the reader, and a link, or "", which may not always be known."""

    label: str
    url: str = field(default="", compare=False)


@dataclass(frozen=True)
class ExactText:
    """The exact words that are sent, or the exact values that are handed over, one a line."""

    label: str
    words: str

    @property
    def placeholders(self) -> tuple[str, ...]:
        """What is filled in when the plan is performed, in words."""
        return tuple(name for mark, name in _PLACEHOLDERS.items() if mark in self.words)


@dataclass(frozen=True)
class PlanFact:
    """A fact that counts: its name in `parameters`, its value as text, and who says so."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, eq=False)
class Action:
    """One effect, planned or found. Equal to another one if it shows the reader the same."""

    operation_id: str  # the effect's id. It holds what makes it another one: a ticket's stamp, a file's digest
    name: str  # what kind of change, such as `slack_post`
    step: str  # the title of the step that it belongs to
    summary: str  # what it changes, in one line
    target: Target
    texts: tuple[ExactText, ...] = ()
    state: EffectState = EffectState.PLANNED  # planned, or found there already
    evidence: Evidence | None = None  # where it is, if it is there
    trouble: str = ""  # why it could not be looked at, with what to do; or ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Action) and self._compared == other._compared

    def __hash__(self) -> int:
        return hash(self._compared)

    @property
    def _compared(self) -> tuple[object, ...]:
        """Without what could not be looked at. What is there already may have got another id by another change."""
        sent_as = self.operation_id if self.state is EffectState.PLANNED else ""
        return (sent_as, self.name, self.step, self.summary, self.target, self.texts, self.state, self.evidence)


@dataclass(frozen=True)
class ToCome:
    """The change that makes an outcome true, by its name, and what is said in the outcome's place until it is done."""

    change: str
    words: str


@dataclass(frozen=True)
class Plan:
    """What would be done for one ticket."""

    ticket_id: int
    outcome: Outcome | None  # how the case would end; None while it is open
    actions: tuple[Action, ...]  # in the order of the steps
    answers: Mapping[str, str]  # every parameter, as typed on the command line: what the run is given
    readings: tuple[PlanFact, ...] = ()
    gist: str = ""  # the result in a few words: for how many users, to whom ...; or ""
    to_come: ToCome | None = None  # what the outcome rests on, if on a change

    @property
    def headline(self) -> str:
        """The outcome, or what is to come, in a sentence without its period."""
        ended, to_come = self.outcome.words if self.outcome else "No outcome yet", self.to_come
        if to_come and any(one.name == to_come.change for one in self.to_do):
            ended = to_come.words
        return f"{ended}: {self.gist}" if self.gist else ended

    @property
    def to_do(self) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.state is EffectState.PLANNED)

    def is_done_by(self, later: Plan) -> bool:
        """Whether a later plan has the same outcome and answers, and everything is there by it."""
        return (self.outcome, self.answers) == (later.outcome, later.answers) and not later.to_do

    def is_rest_of(self, earlier: Plan) -> bool:
        """Whether it has something left to do, all of it as an earlier plan had it, for the same reasons."""
        rests_on = (self.ticket_id, self.outcome, self.answers, self.readings)
        is_same_case = rests_on == (earlier.ticket_id, earlier.outcome, earlier.answers, earlier.readings)
        return is_same_case and bool(self.to_do) and set(self.to_do) <= set(earlier.to_do)

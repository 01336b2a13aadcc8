"""Exactly once: look, claim, perform, record. The only place from which the world is changed.

    the journal says it is there  -> that evidence
    the world says it is there    -> adopt it
    rehearsing                    -> planned, nothing happens
    else                          -> write *intended*, perform, write *done*

If the answer to a write is lost, look again: what is found is adopted; otherwise a person decides, and the next run
looks before it sends.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Protocol

from runbook_lib.errors import OutcomeUnknownError, RunbookError
from runbook_lib.journal import Journal
from runbook_lib.models import EffectState, Evidence


class Effect(Protocol):
    """One change to the outside world.

    Attributes:
        name: What kind of change, such as `slack_post`.
        operation_id: Its own id, which the other side keeps.
        summary: What it changes, in one line.
    """

    @property
    def name(self) -> str: ...
    @property
    def operation_id(self) -> str: ...
    @property
    def summary(self) -> str: ...

    def find(self) -> Evidence | None:
        """Look whether it is there already; changes nothing."""

    def perform(self) -> Evidence:
        """Do it, once; called only after `find` has found nothing."""


@dataclass(frozen=True)
class EffectResult:
    """What became of an effect; there is evidence unless it is only planned."""

    name: str
    summary: str
    state: EffectState
    evidence: Evidence | None = None

    @property
    def proven(self) -> Evidence:
        """The evidence of an effect that is there."""
        if self.evidence is None:
            raise ValueError(f"{self.name} is only planned")
        return self.evidence


class Effects:
    """Applies effects for one ticket; without `perform` it only looks."""

    def __init__(self, journal: Journal, *, perform: bool) -> None:
        self._journal = journal
        self.perform = perform

    def apply(self, effect: Effect) -> EffectResult:
        """Make sure that an effect is there, and return the evidence.

        Raises:
            OutcomeUnknownError: Its answer was lost and looking did not find it.
            RunbookError: It was refused or could not be sent; it did not happen.
        """
        if not self.perform:
            return self.look(effect) or EffectResult(effect.name, effect.summary, EffectState.PLANNED)
        with self._journal.lock():
            return self.look(effect) or self._do(effect)

    def look(self, effect: Effect) -> EffectResult | None:
        """What is there already of an effect, or None; nothing is performed."""
        if evidence := self._journal.settled(effect.operation_id):
            return EffectResult(effect.name, effect.summary, EffectState.ALREADY_DONE, evidence)
        if evidence := effect.find():
            if self.perform:
                self._note("adopted", effect, evidence=asdict(evidence))
            return EffectResult(effect.name, effect.summary, EffectState.ADOPTED, evidence)
        return None

    def _do(self, effect: Effect) -> EffectResult:
        self._note("intended", effect)
        try:
            evidence = effect.perform()
        except OutcomeUnknownError:
            found = None
            with suppress(RunbookError):  # as long as looking fails too, nobody knows
                found = effect.find()
            if found is None:
                raise
            self._note("adopted", effect, evidence=asdict(found))
            return EffectResult(effect.name, effect.summary, EffectState.ADOPTED, found)
        except RunbookError as exc:
            self._note("not_done", effect, reason=str(exc))
            raise
        self._note("done", effect, evidence=asdict(evidence))
        return EffectResult(effect.name, effect.summary, EffectState.DONE, evidence)

    def _note(self, kind: str, effect: Effect, **fields: object) -> None:
        self._journal.append(kind, effect=effect.name, operation_id=effect.operation_id, **fields)

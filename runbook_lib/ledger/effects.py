"""Exactly once: look, claim, perform, record. All changes of a case go through here.

    this machine's journal says it is there  -> that evidence
    the world says it is there               -> adopt it
    another writer's journal says so         -> adopt its evidence if its key is trusted; else a person judges
    something forbids it (`Effect.check`)    -> that error; nothing was sent
    rehearsing                               -> planned, nothing happens
    else                                     -> write *intended*, perform, write *done*

If the answer to a write is lost, or a run died between *intended* and *done*, look again, for as long as the request
may still take effect (`settle_s`):

    present                       -> adopt it
    surely absent                 -> perform it; surely means seen to be absent after that time, or that the other
                                     side refuses one of two writes that were made on the same reading
    cannot tell                   -> `OutcomeUnknownError`: a person looks, and says so with `runbook answer`

A look, and with it a claim in the team's share, holds for a while (`lease_s`): a write that would be sent later, since
the machine slept or the service let it wait, is not sent, and all begins again with a look. What is left is a machine
that falls asleep while it sends: only a condition of the other side excludes that.

What is there and is not what was sent (`NotAsSentError`) is neither done nor repeated: a person puts it right by hand,
and says so with `runbook answer`.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from runbook_lib.clients.budget import Budget, Lease, StaleLookError
from runbook_lib.domain.errors import (
    InputError,
    NeedsAnswerError,
    NotAsSentError,
    OutcomeUnknownError,
    RefusedError,
    RunbookError,
)
from runbook_lib.domain.events import Event, EventKind
from runbook_lib.domain.models import EffectState, Evidence
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.sharing import SharedRun

MOST_SENDS = 3
"""How often one run sends a write that keeps getting lost, and is seen to be absent each time."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
LEAST_LEASE_S = 5.0
"""How long a look holds at least, however short `settle_s` is: sending takes a moment."""
CONFLICTS = (409, 422)
"""Refusals that may be of the second delivery, by a proxy, of a request that was done."""


class Lookup(Protocol):
    """Something in the outside world that a run may have left there."""

    @property
    def name(self) -> str: ...  # what kind of change, such as `slack_post`
    @property
    def operation_id(self) -> str: ...  # its own id, which the other side keeps
    @property
    def summary(self) -> str: ...  # what it changes, in one line
    @property
    def where(self) -> str: ...  # where a person sees whether it is there: what goes after "look"

    def find(self) -> Evidence | None:
        """Look whether it is there already; changes nothing."""


class Effect(Lookup, Protocol):
    """One change to the outside world."""

    @property
    def conditional(self) -> bool: ...  # whether the other side refuses the second of two writes after one reading

    def check(self) -> None:
        """Raise if it may not be performed now; changes nothing.

        Called after `find` has found nothing: right before `perform`, and in a rehearsal in its place.
        """

    def perform(self) -> Evidence:
        """Do it, once; called only after `find` has found nothing."""


@runtime_checkable
class Repeatable(Protocol):
    """An effect that may come to be there twice, since its other side knows no condition."""

    def remove_duplicates(self) -> None:
        """Remove all of it but the first."""


@dataclass(frozen=True)
class EffectResult:
    name: str
    summary: str
    state: EffectState
    evidence: Evidence | None = None  # where it is; None if it is only planned, or unavailable
    error: RunbookError | None = None  # why it could not be done, or looked at in a rehearsal
    trouble: str = ""  # the same in words, with the way on
    note: str = ""  # what else the reader should know of how it was done, or ""

    @property
    def proven(self) -> Evidence:
        if self.evidence is None:
            raise ValueError(f"{self.name} is {self.state}")
        return self.evidence


class Effects:
    """Applies effects for one ticket; without `perform` it only looks.

    After `settle_s` seconds a request whose answer was lost takes effect no more.
    """

    def __init__(
        self, journal: Journal, budget: Budget, *, settle_s: float, perform: bool, shared: SharedRun | None = None
    ) -> None:
        self.journal = journal
        self.perform = perform
        self._budget = budget
        self._settle_s = settle_s
        self._lease_s = max(settle_s / 2, LEAST_LEASE_S)  # a write in it takes effect within 1.5 * settle_s
        self._lease = Lease(self._lease_s)
        self._shared = shared
        self._resent: list[Repeatable] = []
        # What only a person can say, by this run: its operations, each with a line that tells what happened
        self.asked: dict[str, Event] = {}

    def apply(self, effect: Effect) -> EffectResult:
        """Make sure that an effect is there, and return the evidence.

        Raises:
            OutcomeUnknownError: Its answer was lost, and looking cannot tell.
            RunbookError: It was refused or could not be sent; it did not happen.
        """
        if not self.perform:
            if found := self.adopt(effect):
                return found
            effect.check()
            return EffectResult(effect.name, effect.summary, EffectState.PLANNED)
        for sent_twice in self._resent:  # the first one may have shown since; a refusal is reported by its own run
            with suppress(RunbookError):
                sent_twice.remove_duplicates()
        with self.journal.lock():
            done = self.adopt(effect) or self._left_open(effect) or self._wait_for_holder(effect) or self._do(effect)
        if isinstance(effect, Repeatable):
            effect.remove_duplicates()
        return done

    def adopt(self, effect: Lookup) -> EffectResult | None:
        """What is there already of an effect, or None. A performing run notes it, or why it could not look."""
        self.asked.pop(effect.operation_id, None)
        if evidence := self.journal.settled(effect.operation_id):
            return EffectResult(effect.name, effect.summary, EffectState.ALREADY_DONE, evidence)
        of_it = [line for line in self.journal.entries() if line.get("operation_id") == effect.operation_id]
        if of_it and of_it[-1].get("not_as_sent"):  # it is not looked for again until a person has put it right
            raise self._to_be_put_right(effect, of_it[-1]["reason"])
        try:
            evidence = self._find(effect)
        except NotAsSentError as exc:
            raise self._not_as_sent(effect, exc) from exc
        except RunbookError as exc:
            self._note_refusal(effect, exc)
            raise
        return self._adopted(effect, evidence) if evidence else self._claimed(effect)

    def _find(self, effect: Lookup) -> Evidence | None:
        self._lease = Lease(self._lease_s)  # before the look: an answer may be read long after it was given
        return effect.find()

    def _claimed(self, effect: Lookup) -> EffectResult | None:
        """What another writer's journal says of an effect that was not found; a person judges a stranger's word."""
        claim = self.journal.claimed(effect.operation_id)
        if claim is None:
            return None
        if claim.is_trusted and claim.evidence:
            return self._adopted(effect, claim.evidence)
        words = (
            f"The journal of writer {claim.writer}, which is not trusted here, says that it is there: {effect.summary}."
        )
        raise self.unknown(effect.operation_id, effect.name, f"{words} It was not found. Look {effect.where}.")

    def _not_as_sent(self, effect: Lookup, exc: NotAsSentError) -> OutcomeUnknownError:
        """The error for something that differs from what was sent, once the journal says so."""
        self._note(EventKind.UNKNOWN, effect, reason=str(exc), not_as_sent=True)
        return self._to_be_put_right(effect, str(exc))

    def _to_be_put_right(self, effect: Lookup, words: str) -> OutcomeUnknownError:
        self._ask(effect.operation_id, effect.name, words)
        return OutcomeUnknownError(f"{words} Then run `{self._answer(effect.operation_id)} yes`.")

    def _note_refusal(self, effect: Lookup, exc: RunbookError) -> None:
        """Keep why an effect was not sent, so that a person can do it by hand; a missing answer is no reason."""
        if not isinstance(exc, (InputError, NeedsAnswerError, OutcomeUnknownError)):
            self._note(
                EventKind.UNKNOWN if self.is_open(effect.operation_id) else EventKind.NOT_DONE, effect, reason=str(exc)
            )

    def _answer(self, operation_id: str) -> str:
        profile, _, number = self.journal.ticket.partition("/")
        return f"runbook answer {number} {operation_id.removeprefix(f'{profile}-{number}-')}"

    def unknown(self, operation_id: str, name: str, words: str) -> OutcomeUnknownError:
        """The error for an operation whose end is unknown, once the journal says so.

        The words say what happened, and where to look; the command that takes the answer is added.
        """
        self._ask(operation_id, name, words)
        if not self.perform:
            return OutcomeUnknownError(f"{words} Then run it with --perform: that run takes your answer.")
        self.journal.append(EventKind.UNKNOWN, effect=name, operation_id=operation_id, reason=words)
        say = self._answer(operation_id)
        return OutcomeUnknownError(f"{words} Then run `{say} yes` if it is there, or `{say} no`, and run again.")

    def _ask(self, operation_id: str, name: str, words: str) -> None:
        self.asked[operation_id] = Event({"effect": name, "operation_id": operation_id, "reason": words})

    def close_question(self, operation_id: str, name: str, evidence: Evidence) -> None:
        """Note that what a person was asked has become clear by itself."""
        self.asked.pop(operation_id, None)
        if self.perform and operation_id in self.journal.history().open_operations:
            self.journal.append(EventKind.ADOPTED, effect=name, operation_id=operation_id, evidence=asdict(evidence))

    def is_open(self, operation_id: str) -> bool:
        return self.journal.open_since(operation_id) is not None

    def _left_open(self, effect: Effect) -> EffectResult | None:
        intended_at = self.journal.open_since(effect.operation_id)
        if intended_at is None or effect.conditional:
            return None
        ago_s = (datetime.now(UTC) - intended_at).total_seconds()
        return self._watch(effect, self._settle_s - max(0.0, ago_s), "An earlier run did not learn what became of it.")

    def _wait_for_holder(self, effect: Effect) -> EffectResult | None:
        """What a machine that has claimed an effect came to; None once the claim is ours, or there is no share."""
        latest, words = None, ""
        while self._shared and (held := self._shared.take(effect.operation_id)):
            if held == latest:
                words = f"{words} It was not found. Ask them; look {effect.where}."
                raise self.unknown(effect.operation_id, effect.name, words)
            latest, words = held, f"{held.words}, has claimed it in the team's share: {effect.summary}."
            if found := self._watch(effect, max(0.0, 1.5 * self._settle_s - held.age_s), words):
                return found
        return None

    def _do(self, effect: Effect) -> EffectResult:
        for sends in range(MOST_SENDS):
            self._check(effect)
            self._note(EventKind.INTENDED, effect)
            try:
                evidence = self._send(effect)
            except OutcomeUnknownError as exc:
                lost: RunbookError = exc
            except StaleLookError as exc:
                lost = exc
                self._note(EventKind.NOT_DONE, effect, reason=str(exc))
                if found := self.adopt(effect) or self._wait_for_holder(effect):
                    return found
                continue
            except NotAsSentError as exc:
                raise self._not_as_sent(effect, exc) from exc
            except RunbookError as exc:
                return self._refused(effect, exc)
            else:
                self._note(EventKind.DONE, effect, evidence=asdict(evidence))
                if sends and isinstance(effect, Repeatable):
                    self._resent.append(effect)
                note = self._shared.trouble if self._shared else ""
                return EffectResult(effect.name, effect.summary, EffectState.DONE, evidence, note=note)
            if found := self._watch(effect, 0.0 if effect.conditional else self._settle_s, str(lost)):
                return found
        if isinstance(lost, StaleLookError):
            self._release(effect)
            raise lost
        raise self._cannot_tell(effect, f"{lost} It was sent {MOST_SENDS} times, and was never seen.") from lost

    def _release(self, effect: Effect) -> None:
        if self._shared:
            self._shared.release(effect.operation_id)

    def _send(self, effect: Effect) -> Evidence:
        """Perform it, as long as the last look holds, else StaleLookError; one that is conditional needs no look."""
        with self._budget.leased(lease := None if effect.conditional else self._lease):
            if lease:
                lease.check()
            return effect.perform()

    def _check(self, effect: Effect) -> None:
        try:
            effect.check()
        except RunbookError as exc:
            self._note_refusal(effect, exc)
            self._release(effect)
            raise

    def _refused(self, effect: Effect, exc: RunbookError) -> EffectResult:
        """Nothing happened, which is raised; but a conflict may be with our own earlier attempt, which is there."""
        if isinstance(exc, RefusedError) and exc.status in CONFLICTS and (found := self.adopt(effect)):
            return found
        self._note(EventKind.NOT_DONE, effect, reason=str(exc))
        self._release(effect)
        raise exc

    def _watch(self, effect: Effect, seconds: float, why: str) -> EffectResult | None:
        """Look until an effect shows, or until it surely is not there, since it can take effect no more: then None."""
        sure_at = time.monotonic() + seconds
        give_up_at, pause = max(sure_at, time.monotonic() + self._settle_s), FIRST_PAUSE_S
        while True:
            now = time.monotonic()
            try:
                found = self._find(effect)
            except NotAsSentError as exc:
                raise self._not_as_sent(effect, exc) from exc
            except RunbookError as exc:
                if now >= give_up_at:
                    raise self._cannot_tell(effect, f"{why} Looking fails, too: {exc}") from exc
            else:
                if found:
                    return self._adopted(effect, found)
                if now >= sure_at:
                    return None
            pause = min(pause * 2, LONGEST_PAUSE_S)
            if not self._budget.wait(pause, f"looking whether it is there: {effect.summary}"):
                raise self._cannot_tell(effect, f"{why} The run's {self._budget.seconds:.0f} s of waiting are used up.")

    def _adopted(self, effect: Lookup, evidence: Evidence) -> EffectResult:
        self._note(EventKind.ADOPTED, effect, evidence=asdict(evidence))
        return EffectResult(effect.name, effect.summary, EffectState.ADOPTED, evidence)

    def _cannot_tell(self, effect: Effect, words: str) -> OutcomeUnknownError:
        opened_at = self.journal.open_since(effect.operation_id) or datetime.now(UTC)
        sure_at = opened_at + timedelta(seconds=self._settle_s)
        when = "" if effect.conditional else f", not before {sure_at:%H:%M:%S} UTC, since it may take effect until then"
        return self.unknown(effect.operation_id, effect.name, f"{words} Look {effect.where}{when}.")

    def _note(self, kind: EventKind, effect: Lookup, **fields: object) -> None:
        if self.perform:
            self.journal.append(kind, effect=effect.name, operation_id=effect.operation_id, **fields)

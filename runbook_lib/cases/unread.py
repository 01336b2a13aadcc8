"""Things that could not be read, and the decisions that have to wait for them. Sends nothing.

A file that was read and has no license is *no license*. A file that could not be read may contain anything, so nothing
is decided without it: a person looks at it and answers, or the run is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbook_lib.domain import parameters
from runbook_lib.domain.errors import NeedsAnswerError, RunbookError, UnavailableError
from runbook_lib.domain.models import Answer, Facts, Ruling, Source
from runbook_lib.domain.plain_text import clean

_LICENSE = ("deployment", "plan", "expires_on", "users_in_license")
_MAY_SHOW = {Source.LICENSE_FILE: _LICENSE, Source.CUSTOMERSDOT: _LICENSE, Source.SCREENSHOT: parameters.ON_SCREENSHOTS}
"""The parameters that a source can show."""
_BY_PERSON = (Source.ENGINEER, Source.SCREENSHOT)
_MOST_NAMED = 4


@dataclass(frozen=True)
class Unread:
    """A thing that could not be read."""

    name: str
    reason: str
    source: Source  # the source of facts that it would be
    may_pass: bool  # whether trying again may help
    is_here: bool = False  # whether it was fetched, and only its contents could not be opened

    @classmethod
    def of(cls, name: str, exc: RunbookError, source: Source) -> Unread:
        return cls(clean(name, 80), str(exc), source, isinstance(exc, UnavailableError))

    @property
    def may_show(self) -> tuple[str, ...]:
        return _MAY_SHOW[self.source]

    @property
    def words(self) -> str:
        """The note on the facts card."""
        return f"{self.name} could not be looked at: {self.reason}"


def unanswered(unread: Iterable[Unread], facts: Facts, wanted: Iterable[str]) -> tuple[str, ...]:
    """The wanted parameters that an unread thing may show and no person has answered."""
    possible = {name for thing in unread for name in thing.may_show}
    return tuple(name for name in wanted if name in possible and not _is_settled(facts, name))


def check_before_asking(unread: Sequence[Unread], facts: Facts, missing: Sequence[str]) -> None:
    """Do not ask the customer for what may be on the ticket already.

    Raises:
        NeedsAnswerError: An unread thing may show what is missing.
    """
    if names := unanswered(unread, facts, missing):
        why = "The customer is not asked for what may be there already."
        otherwise = " If it does not show it, pass ask_customer as True."
        raise _stopped(unread, names, why, otherwise, missing=(*missing, "ask_customer"))


def check_before_scope(unread: Sequence[Unread], facts: Facts, rulings: Sequence[Ruling]) -> None:
    """Do not decide the scope without a file that may change it: a *no*, or the day of expiry.

    An archive that could not be opened, which usually has logs, keeps the scope from being denied but not from being
    confirmed. A *no* for another reason, such as the calendar or a person's answer, is valid in any case.

    Raises:
        NeedsAnswerError: The decision depends on an unread thing, and no person has answered.
    """
    against = [ruling for ruling in rulings if ruling.holds is Answer.NO]
    if against:
        open_of = [_unanswered_of(ruling, unread, facts) for ruling in against]
        wanted = [name for names in open_of for name in names] if all(open_of) else []
    else:  # an unread file may be a later license, which would end the emergency
        wanted = ["expires_on"] if facts.value("expires_on") is not None else []
        unread = [one for one in unread if one.source is Source.LICENSE_FILE and not one.is_here]
    if names := unanswered(unread, facts, wanted):
        raise _stopped(unread, names, "The scope is not decided without it.", missing=names)


def _unanswered_of(ruling: Ruling, unread: Iterable[Unread], facts: Facts) -> tuple[str, ...]:
    """The facts of a ruling that an unread thing may show; none if a person has answered one of them."""
    is_settled = any(_is_settled(facts, name) for name in ruling.rests_on)
    return () if is_settled else unanswered(unread, facts, ruling.rests_on)


def _is_settled(facts: Facts, name: str) -> bool:
    return any(fact.name == name and fact.source in _BY_PERSON for fact in facts.known)


def _stopped(
    unread: Iterable[Unread], names: Iterable[str], why: str, otherwise: str = "", *, missing: tuple[str, ...]
) -> NeedsAnswerError:
    """The error that names the unread things that may show some parameters, why the run stops, and how to go on."""
    found = [one for one in unread if set(one.may_show) & set(names)]
    what = " ".join(one.words for one in found[:_MOST_NAMED])
    rest = len(found) - _MOST_NAMED
    others = f" {rest} more could not be looked at; the facts card lists them." if rest > 0 else ""
    again = "Run again in a moment, or look" if any(one.may_pass for one in found) else "Look"
    return NeedsAnswerError(f"{what}{others} {why} {again} at it yourself and pass what it shows.{otherwise}", missing)

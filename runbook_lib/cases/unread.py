"""What could not be looked at, and the decisions that therefore have to wait. Sends nothing.

A file that was read and holds no license is *no license*. A file that could not be read may hold anything: what is
decided without it would rest on nothing, so a person looks and answers, or the run is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from runbook_lib.domain import answers
from runbook_lib.domain.errors import NeedsAnswerError, RunbookError, UnavailableError
from runbook_lib.domain.models import Answer, Facts, Ruling, Source
from runbook_lib.domain.plain_text import clean

_LICENSE = ("deployment", "plan", "expires_on", "users_in_license")
_TELLS = {Source.LICENSE_FILE: _LICENSE, Source.CUSTOMERSDOT: _LICENSE, Source.SCREENSHOT: answers.ON_SCREENSHOTS}
"""The parameters that a source may tell."""
_BY_PERSON = (Source.ENGINEER, Source.SCREENSHOT)
_MOST_NAMED = 4


@dataclass(frozen=True)
class Unread:
    """A thing that could not be looked at.

    Attributes:
        name: What it is, for the reader.
        reason: Why, in a sentence.
        source: What it would be if it could be read.
        may_pass: Whether trying again may help.
        is_here: Whether it was fetched, and only what is in it could not be opened.
    """

    name: str
    reason: str
    source: Source
    may_pass: bool
    is_here: bool = False

    @classmethod
    def of(cls, name: str, exc: RunbookError, source: Source) -> Unread:
        """What an error keeps from being looked at."""
        return cls(clean(name, 80), str(exc), source, isinstance(exc, UnavailableError))

    @property
    def tells(self) -> tuple[str, ...]:
        """The parameters that it may tell."""
        return _TELLS[self.source]

    @property
    def words(self) -> str:
        """The note on the facts card."""
        return f"{self.name} could not be looked at: {self.reason}"


def open_names(unread: Iterable[Unread], facts: Facts, wanted: Iterable[str]) -> tuple[str, ...]:
    """The wanted parameters that something unread may tell and no person has answered."""
    told = {name for one in unread for name in one.tells}
    return tuple(name for name in wanted if name in told and not _is_settled(facts, name))


def check_before_asking(unread: Sequence[Unread], facts: Facts, missing: Sequence[str]) -> None:
    """Nobody is asked for what may be on the ticket already.

    Raises:
        NeedsAnswerError: Something unread may tell what is missing.
    """
    if names := open_names(unread, facts, missing):
        raise _stopped(
            _that_tell(unread, names),
            (*missing, "ask_customer"),
            "The customer is not asked for what may be there already.",
            " If it does not show it, pass ask_customer as True.",
        )


def check_before_scope(unread: Sequence[Unread], facts: Facts, rulings: Sequence[Ruling]) -> None:
    """A file that could not be read may change what the scope rests on: a *no*, or the day of expiry.

    An archive that could not be opened keeps the scope from being denied, but not from being confirmed: it holds logs
    as a rule. A single *no* that rests on something else, such as the calendar or a person's word, stands.

    Raises:
        NeedsAnswerError: The decision rests on something unread, and no person has answered.
    """
    against = [ruling for ruling in rulings if ruling.holds is Answer.NO]
    if against:
        open_of = [_open_names_of(ruling, unread, facts) for ruling in against]
        wanted = [name for names in open_of for name in names] if all(open_of) else []
    else:  # a later license, which nobody could read, would end the emergency
        wanted = ["expires_on"] if facts.value("expires_on") is not None else []
        unread = [one for one in unread if one.source is Source.LICENSE_FILE and not one.is_here]
    if names := open_names(unread, facts, wanted):
        raise _stopped(_that_tell(unread, names), names, "The scope is not decided without it.", "")


def look(read: Callable[[], bytes], name: str, source: Source) -> bytes | Unread:
    """The content of a thing, or what keeps it from being looked at."""
    try:
        return read()
    except RunbookError as exc:
        return Unread.of(name, exc, source)


def _open_names_of(ruling: Ruling, unread: Iterable[Unread], facts: Facts) -> tuple[str, ...]:
    """What something unread may tell of the facts that a ruling rests on; nothing if a person said one of them."""
    is_settled = any(_is_settled(facts, name) for name in ruling.rests_on)
    return () if is_settled else open_names(unread, facts, ruling.rests_on)


def _is_settled(facts: Facts, name: str) -> bool:
    """Whether a person said it."""
    return any(fact.name == name and fact.source in _BY_PERSON for fact in facts.known)


def _that_tell(unread: Iterable[Unread], names: Iterable[str]) -> list[Unread]:
    return [one for one in unread if set(one.tells) & set(names)]


def _stopped(unread: Sequence[Unread], missing: Sequence[str], why: str, more: str) -> NeedsAnswerError:
    """What could not be looked at, why that stops here, and the ways on."""
    what = " ".join(one.words for one in unread[:_MOST_NAMED])
    rest = len(unread) - _MOST_NAMED
    others = f" {rest} more could not be looked at; the facts card lists them." if rest > 0 else ""
    again = "Run again in a moment, or look" if any(one.may_pass for one in unread) else "Look"
    return NeedsAnswerError(
        f"{what}{others} {why} {again} at it yourself and pass what it shows.{more}", tuple(missing)
    )

"""What could not be looked at, and the decisions that therefore have to wait. Sends nothing.

A file that was read and holds no license is *no license*. A file that could not be read may hold anything: what is
decided without it would rest on nothing, so a person looks and answers, or the run is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from runbook_lib.display import clean
from runbook_lib.errors import NeedsAnswerError, RunbookError, UnavailableError
from runbook_lib.models import Answer, Facts, Ruling, Source

OF_LICENSES = ("deployment", "plan", "expires_on", "users_in_license")
"""What a license file may tell."""
OF_PAGES = ("plan", "expires_on", "users_in_license", "billable_users", "maximum_users", "users_over_license")
"""What a screenshot may tell."""
OF_ACCOUNTS = ("plan", "expires_on", "users_in_license")
"""What CustomersDot's pages may tell."""
_BY_PERSON = (Source.ENGINEER, Source.SCREENSHOT)
_RULES = {"Self-managed?": ("deployment",), "Paid plan?": ("plan",)}
"""What a rule of the scope rests on that a file may tell; the one on days is known by its beginning."""
_MOST_NAMED = 4


@dataclass(frozen=True)
class Unread:
    """A thing that could not be looked at.

    Attributes:
        name: What it is, for the reader.
        reason: Why, in a sentence.
        tells: The parameters that it may tell.
        may_pass: Whether trying again may help.
    """

    name: str
    reason: str
    tells: tuple[str, ...]
    may_pass: bool

    @classmethod
    def of(cls, name: str, exc: RunbookError, tells: Sequence[str]) -> Unread:
        """What an error keeps from being looked at."""
        return cls(clean(name, 80), str(exc), tuple(tells), isinstance(exc, UnavailableError))

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

    A *no* that rests on something else, such as the calendar, stands.

    Raises:
        NeedsAnswerError: The decision rests on something unread, and no person has answered.
    """
    against = [ruling for ruling in rulings if ruling.holds is Answer.NO]
    if any(not _rests_on(ruling) for ruling in against):
        return
    of_licenses = [one for one in unread if "deployment" in one.tells]
    wanted = [name for ruling in against for name in _rests_on(ruling)]
    known = facts.value("expires_on") is not None
    if not against and known:  # a later license, which nobody could read, would end the emergency
        wanted, unread = ["expires_on"], of_licenses
    if names := open_names(unread, facts, wanted):
        raise _stopped(_that_tell(unread, names), names, "The scope is not decided without it.", "")


def look(read: Callable[[], bytes], name: str, tells: Sequence[str]) -> bytes | Unread:
    """The content of a thing, or what keeps it from being looked at."""
    try:
        return read()
    except RunbookError as exc:
        return Unread.of(name, exc, tells)


def _rests_on(ruling: Ruling) -> tuple[str, ...]:
    if ruling.rule.startswith("Grace period"):
        return ("expires_on",)
    return _RULES.get(ruling.rule, ())


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

"""Numbers, days, ticket numbers and names as people paste them: read where there is one reading, never guessed. Pure.

What stands here says what a text can mean; whether that is a good answer is decided in `answers`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

LONGEST = 1000
"""Characters; no number, day or address of a ticket is longer."""

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HYPHENS = frozenset("\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d")
"""What word processors, mail programs and web pages make of a hyphen."""
_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
"""Full-width signs to ASCII. Source: Unicode, block Halfwidth and Fullwidth Forms. Other digits are no input."""
_APOSTROPHES = dict.fromkeys(map(ord, "\u2019\u2018\u02bc\u00b4\u2032`"), "'")

_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?P<mark>[ ,.'])[0-9]{3}(?:(?P=mark)[0-9]{3})*")
_ISO = re.compile(r"([0-9]{4})(?P<mark>[./-])([0-9]{1,2})(?P=mark)([0-9]{1,2})")
"""The year first; then nobody means the day by the second figure."""
_ISO_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)"
    r" ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?"
)
_YEAR_LAST = re.compile(r"([0-9]{1,2})(?P<mark>[./-])([0-9]{1,2})(?P=mark)([0-9]{4})")
_CLOCK = r"(?:,? (?:at )?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: ?[ap]m)?(?: (?:utc|gmt|\(utc\)|[+-]0000))?)?"
"""A time behind the date, as the Dashboard prints it: `Nov 26, 2025 12:00am`. Source: GitLab's page templates."""
_WEEKDAY = r"(?:(?P<weekday>[a-z]+),? )?"
_MONTH_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<month>[a-z]+)\.? (?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?,? (?P<year>[0-9]{{4}}){_CLOCK}"
)
_DAY_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th|\.)?(?: of)?[ -](?P<month>[a-z]+)\.?,?[ -](?P<year>[0-9]{{4}})"
    rf"{_CLOCK}"
)
_TICKET = re.compile(r"(?:(?:ticket|zd)[ :-]{0,2})?#? ?([0-9]{1,15})", re.IGNORECASE)
_TICKET_ADDRESS = re.compile(
    r"(?:https?://)?(?:/?(?=agent/|tickets/)|(?P<host>[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?)/)"
    r"(?:agent/(?:#/|filters/[0-9]{1,15}/)?tickets|tickets|requests|hc/(?:[a-z0-9-]+/)?requests|api/v2/tickets)"
    r"/(?P<number>[0-9]{1,15})(?:\.json)?(?:[/?#]\S*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Unclear:
    """A text in the shape of a value that is not one value.

    Attributes:
        readings: What it could be, as one would type it; empty where it is nothing that exists.
    """

    readings: tuple[str, ...] = ()


def plain(text: str) -> str:
    """A pasted text without what nobody sees: one kind of blank, no zero-width characters, full-width signs as ASCII.

    Line breaks stay: two lines are no one value.
    """
    text = text.translate(_FULL_WIDTH)
    blanks = (" " if unicodedata.category(char) == "Zs" else char for char in text)
    return "".join(char for char in blanks if unicodedata.category(char) != "Cf").strip()


def number(text: str) -> int | Unclear | None:
    """A whole number, its thousands grouped by comma, blank, apostrophe or dot; None if the text is none.

    The comma groups, since the product's own pages write it so. A dot groups where the number would not be whole
    otherwise: `1.250` are 1250, but `1.000` may be 1.
    """
    text = _short(text).translate(_APOSTROPHES)
    if len(text) > 20:
        return None
    if re.fullmatch("[0-9]+", text):
        return int(text)
    found = _GROUPED.fullmatch(text)
    if found is None:
        return None
    value = int(re.sub("[^0-9]", "", text))
    if found["mark"] == "." and text.count(".") == 1 and text.endswith(".000"):
        return Unclear((text.removesuffix(".000"), str(value)))
    return value


def day(text: str) -> date | Unclear | None:
    """A day, from an ISO date or moment, English words, or figures of which only one can be the day; else None.

    A moment with an offset is a day only if it is the same one in UTC, in which the runbooks count.
    """
    text = _short(text)
    if found := _ISO.fullmatch(text):
        return _one_of([_date(int(found[1]), int(found[3]), int(found[4]))])
    if found := _ISO_MOMENT.fullmatch(text):
        return _moment(found[1], found[2], found[3] or "")
    if found := _YEAR_LAST.fullmatch(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        return _one_of([_date(year, second, first), _date(year, first, second)])
    words = re.sub(" {2,}", " ", text.casefold())
    if found := _MONTH_FIRST.fullmatch(words) or _DAY_FIRST.fullmatch(words):
        return _in_words(found)
    return None


def ticket(text: str) -> int | None:
    """A ticket's number: the number itself, `#1005`, or a web address of the ticket; None if the text is none."""
    text = _short(text)
    if found := _TICKET.fullmatch(text):
        return int(found[1])
    address = _address(text)
    return int(address["number"]) if address else None


def ticket_host(text: str) -> str:
    """The host, with its port, in a ticket's web address; "" if the text is none."""
    address = _address(_short(text))
    return (address["host"] or "").casefold() if address else ""


def is_other_account(text: str, url: str) -> bool:
    """Whether a ticket's web address is of another Zendesk account than the one at `url`.

    A host of the team's own may stand for either, so only two names at zendesk.com are told apart.
    """
    ours = re.sub(r"^https?://", "", url.casefold()).split("/")[0]
    theirs = ticket_host(text)
    return bool(theirs) and theirs != ours and all(host.endswith(".zendesk.com") for host in (theirs, ours))


def name_key(text: str) -> str:
    """What two spellings of one name have in common: no blanks, any hyphen, any case, any width."""
    folded = unicodedata.normalize("NFKC", "".join("-" if char in _HYPHENS else char for char in text))
    return "".join(plain(folded).casefold().split())


def spelled(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that a text can mean: exactly it, or else every one that differs in hyphens, case and blanks only."""
    known = tuple(dict.fromkeys(names))
    if text in known:
        return (text,)
    return tuple(name for name in known if name_key(name) == name_key(text))


def _short(text: str) -> str:
    """As `plain`; "" where it is too long for any value."""
    return plain(text) if len(text) <= LONGEST else ""


def _address(text: str) -> re.Match[str] | None:
    """A ticket's web address, also within brackets, or with the sentence's own mark behind it."""
    return _TICKET_ADDRESS.fullmatch(text.removeprefix("<").removeprefix("(").rstrip(">).,;"))


def _moment(of: str, clock: str, zone: str) -> date | Unclear:
    try:
        moment = datetime.fromisoformat(f"{of}T{clock}{zone.replace('UTC', 'Z')}")
        in_utc = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return Unclear()
    return _one_of([moment.date(), in_utc.date()])


def _in_words(found: re.Match[str]) -> date | Unclear | None:
    month = _position(found["month"], _MONTHS)
    if month is None:
        return None
    named = _date(int(found["year"]), month + 1, int(found["day"]))
    if named and found["weekday"] and _position(found["weekday"], _WEEKDAYS) != named.weekday():
        return Unclear()
    return _one_of([named])


def _position(word: str, names: tuple[str, ...]) -> int | None:
    """Where a name stands in a list, in full or by its first three letters (four of *Sept*)."""
    short = {name[:3]: at for at, name in enumerate(names)} | {name: at for at, name in enumerate(names)}
    return (short | {"sept": 8} if names is _MONTHS else short).get(word)


def _one_of(days: list[date | None]) -> date | Unclear:
    known = sorted({day for day in days if day})
    return known[0] if len(known) == 1 else Unclear(tuple(day.isoformat() for day in known))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None

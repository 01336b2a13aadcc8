"""Parses numbers, dates, ticket numbers and names as people paste them, without guessing. Pure.

Only the meaning of a text is decided here; `parameters` decides whether it is a valid answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

LONGEST = 1000
"""Longest text that is parsed, in characters."""

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HYPHENS = dict.fromkeys(map(ord, "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"), "-")
"""Characters that word processors, mail programs and web pages use for a hyphen."""
_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
"""Full-width signs to ASCII. Source: Unicode, block Halfwidth and Fullwidth Forms. Other digits are rejected."""
_APOSTROPHES = dict.fromkeys(map(ord, "\u2019\u2018\u02bc\u00b4\u2032`"), "'")

_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?P<mark>[ ,.'])[0-9]{3}(?:(?P=mark)[0-9]{3})*")
_UNIT = re.compile(
    r"(?: ?(?P<of>active|billable|maximum)?\b ?(?:users?|seats?|(?P<licenses>licen[sc]es?)))?\.?$", re.IGNORECASE
)
_FIGURES = re.compile(r"([0-9]{1,2}|[0-9]{4})(?P<mark>[./ -]|\. )([0-9]{1,2})(?P=mark)([0-9]{1,2}|[0-9]{4})\.?")
"""With the year first, the second number is always the month."""
_EASTERN = re.compile(r"([0-9]{4})[年년] ?([0-9]{1,2})[月월] ?([0-9]{1,2})[日일]")
"""As GitLab's pages have it in Chinese, Japanese and Korean."""
_ISO_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
    r" ?(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_CLOCK = re.compile(
    r",? (?:(?:at|um|à|a las?|às|alle(?: ore)?|om|o|kl\.?|klo|в|ore) )?"
    r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?(?: ?[ap]m)?(?: uhr)?"
    r"(?: (?:utc|gmt|\(utc\)|[+-]0000))?(?= [0-9]{4}\Z|\Z)"
)
"""A time after the date, as the Dashboard prints it: `Nov 26, 2025 12:00am`, or before the year, as `date` does.

Source: GitLab's page templates.
"""
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")
_LABEL = re.compile(
    "^(?:license )?(?:end[_ ]date|ends?|ended|expire[sd](?:[_ ](?:on|at))?|expir(?:y|ation)(?:[_ ]date)?|"
    "valid (?:until|through|to))[: ]{1,2}",
    re.IGNORECASE,
)
"""As beside the date on GitLab's pages, and in its mails."""
_FILLERS = frozenset(("on", "of", "the", "le", "el", "il", "den", "am", "op", "de", "г", "р"))
_LANGUAGES = (
    *("bg", "cs", "da", "de", "el", "es", "et", "fi", "fr", "hr", "hu", "id", "it"),
    *("lt", "lv", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sv", "tr", "uk", "de_AT", "ja", "ko", "zh"),
)
"""The languages, beside English, whose names of months and weekdays are read."""
_TICKET = re.compile(r"(?:(?:ticket|zd)(?: no\.?)?[ :-]{0,2})?#? ?([0-9]{1,15})", re.IGNORECASE)
_LINK = re.compile(r"\[[^\]\n]*\]\((?P<markdown>[^\s()]+)\)|<(?P<slack>[^|>\s]+)\|[^>\n]*>")
"""A link with its text, as Markdown and Slack have it."""
_TICKET_ADDRESS = re.compile(
    r"(?:https?://)?(?:/?(?=agent/|tickets/)|(?P<host>[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?)/)"
    r"(?:agent/(?:#/|filters/[0-9]{1,15}/)?tickets|tickets|requests|hc/(?:[a-z0-9-]+/)?requests|api/v2/tickets)"
    r"/(?P<number>[0-9]{1,15})(?:\.json)?(?:[/?#]\S*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Unclear:
    """A text that looks like a value but is ambiguous, or impossible."""

    readings: tuple[str, ...] = ()  # the possible values, as typed; empty for an impossible one
    fits_none: bool = False  # whether the weekday that is given is of none of them


def plain(text: str) -> str:
    """A pasted text with plain spaces, without zero-width characters, and with full-width signs as ASCII.

    Line breaks stay, so that two lines are not read as one value.
    """
    text = text.translate(_FULL_WIDTH)
    blanks = (" " if unicodedata.category(char) == "Zs" else char for char in text)
    return "".join(char for char in blanks if unicodedata.category(char) != "Cf").strip()


def trimmed(text: str) -> str:
    """A pasted text without the spaces and invisible characters at its ends; within it, they stay."""
    return text.strip("".join(char for char in text if char.isspace() or unicodedata.category(char) == "Cf"))


def number(text: str, label: str = "") -> int | Unclear | None:
    """A whole number, its thousands grouped by comma, space, apostrophe or dot; None if the text is none.

    A comma always groups, as on the product's pages. A dot groups if the number would not be whole otherwise: `1.250`
    is 1250, but `1.000` may be 1. A unit may follow, and a label stand before it; with the name of another figure the
    text is none: *254 maximum users* are not the billable ones.

    Args:
        text: The text.
        label: The figure's name: `billable users`, or `users in license`, which newer pages call a subscription.
    """
    text = re.sub(" {2,}", " ", _short(text).translate(_APOSTROPHES))
    if label:
        written = re.escape(label).replace("license", "(?:license|subscription)")
        text = re.sub(rf"^{written}:? ?(?=[0-9])", "", text, flags=re.IGNORECASE)
    unit = _UNIT.search(text)
    of = [unit["of"] or "", "license" if unit["licenses"] else ""] if unit else []
    if label and any(word.casefold().replace("active", "billable") not in label for word in of):
        return None
    text = _UNIT.sub("", text)
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


def day(text: str, *, is_end: bool = False) -> date | Unclear | None:
    """A date, from an ISO date or time stamp, words, or numbers with one possible reading; else None.

    The day on which something ends may have that before it: *Expires on Nov 6, 2026*.

    A time stamp with an offset must have the same date in UTC, since the runbooks count in UTC; so a time of another
    zone after any other date makes it none.
    """
    text = _short(text)
    text = _LABEL.sub("", text) if is_end else text
    if found := _ISO_MOMENT.fullmatch(text):
        return _moment(found[1], found[2], found[3] or "")
    text = re.sub(" {2,}", " ", unicodedata.normalize("NFC", text.casefold()))
    text = _EASTERN.sub(r"\1-\2-\3 ", _CLOCK.sub("", text))
    text = re.sub(r"(?<=[0-9])(?:st|nd|rd|th|er)\b", "", text)
    words = [word for word in _WORD.findall(text) if word not in _FILLERS]
    figures = _WORD.sub(" ", text).strip(" ,()").lstrip(" .,")
    for at, months in enumerate(_positions(word, _MONTHS) for word in words):
        weekdays = [_positions(word, _WEEKDAYS) for place, word in enumerate(words) if place != at]
        if months and all(weekdays):
            return _in_words(months, figures, weekdays)
    weekdays = [_positions(word, _WEEKDAYS) for word in words]
    return _in_figures(figures, weekdays) if all(weekdays) else None


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

    A host-mapped domain may belong to either account, so only two names at zendesk.com are compared.
    """
    ours = re.sub(r"^https?://", "", url.casefold()).split("/")[0]
    theirs = ticket_host(text)
    return bool(theirs) and theirs != ours and all(host.endswith(".zendesk.com") for host in (theirs, ours))


def address(text: str) -> str:
    """A mail address, also as mail programs copy it: as a link, or behind its owner's name in angle brackets."""
    text = re.sub(r"mailto:([^?>)]*)(?:\?[^\s>)]*)?", r"\1", trimmed(text), flags=re.IGNORECASE).rstrip(",;")
    named = re.fullmatch(r"[^<>@\n]*<([^<>\s|]+)(?:\|\1)?>", text) or re.fullmatch(
        r"\[?([^\s<>()\[\]]+)\]? ?[<(]\1[>)]", text
    )
    return named[1] if named else text.strip("\"'")


def name_key(text: str) -> str:
    """A name for comparison: without spaces, and regardless of hyphen, case and width."""
    return "".join(word_key(text).split())


def word_key(text: str) -> str:
    """Words for comparison: regardless of hyphen, case, width, and how many spaces there are."""
    folded = unicodedata.normalize("NFKC", text.translate(_HYPHENS))
    return " ".join(plain(folded).casefold().split())


def spelled(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that a text can mean: the identical one, or else all with the same `name_key`."""
    known = tuple(dict.fromkeys(names))
    if text in known:
        return (text,)
    return tuple(name for name in known if name_key(name) == name_key(text))


def _short(text: str) -> str:
    """As `plain`, with plain hyphens; "" if it is longer than any value."""
    return plain(text.translate(_HYPHENS)) if len(text) <= LONGEST else ""


def _address(text: str) -> re.Match[str] | None:
    """A ticket's web address, also in brackets, as a link, or followed by punctuation."""
    if link := _LINK.fullmatch(text):
        text = link["markdown"] or link["slack"]
    return _TICKET_ADDRESS.fullmatch(text.removeprefix("<").removeprefix("(").rstrip(">).,;"))


def _moment(of: str, clock: str, zone: str) -> date | Unclear:
    try:
        moment = datetime.fromisoformat(f"{of}T{clock}{zone.replace('UTC', 'Z')}")
        in_utc = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return Unclear()
    return _one_of([moment.date(), in_utc.date()])


def _in_words(months: set[int], figures: str, weekdays: list[set[int]]) -> date | Unclear | None:
    """A date whose month was a word, wherever that stood."""
    found = re.fullmatch("[ ,./-]*([0-9]{1,2}|[0-9]{4})[ ,./-]+([0-9]{1,2}|[0-9]{4})[ ,./-]*", figures)
    if found is None:
        alone = re.fullmatch("[ ,.]*([0-9]{1,2})[ ,.]*", figures)
        return _without_year((month + 1, int(alone[1])) for month in months) if alone else None
    orders = [(year, day) for year, day in (found.groups(), found.groups()[::-1]) if len(day) < 3]
    days = [_date(_year(year), month + 1, int(day)) for month in months for year, day in orders]
    return _one_of(days, weekdays) if len(orders) == 1 else _unclear(days)


def _in_figures(text: str, weekdays: list[set[int]]) -> date | Unclear | None:
    """A date in figures only; where the year has two, it may stand in any place."""
    found = _FIGURES.fullmatch(text)
    if found is None:
        two = re.fullmatch(r"([0-9]{1,2})[./-]([0-9]{1,2})\.?", text)
        return _without_year([(int(two[1]), int(two[2])), (int(two[2]), int(two[1]))]) if two else None
    first, second, third = found[1], found[3], found[4]
    orders = [(first, second, third), (third, second, first), (third, first, second)]
    if len(first) == 4 or len(third) == 4:
        orders = orders[:1] if len(first) == 4 else orders[1:]
    elif len(third) == 1:
        return None
    days = [_date(_year(year), int(month), int(day)) for year, month, day in orders]
    return _unclear(days) if len(orders) == 3 else _one_of(days, weekdays)


def _year(figures: str) -> int:
    return int(figures) if len(figures) == 4 else 2000 + int(figures)


def _positions(word: str, names: tuple[str, ...]) -> set[int]:
    """The indexes of a name, in full or by its first three letters (four for *Sept*), or in another language.

    Several if languages differ: *listopad* is October in Croatian and November in Polish.
    """
    short = "september" if word == "sept" else word
    at = next((at for at, name in enumerate(names) if short in (name, name[:3])), None)
    return _names_abroad()[names].get(word, set()) if at is None else {at}


@cache
def _names_abroad() -> dict[tuple[str, ...], dict[str, set[int]]]:
    """The names of months and weekdays in other languages, in full and short. Source: Unicode's CLDR, in Babel."""
    from babel import Locale  # its tables take 0.1 s, and few need them

    found: dict[tuple[str, ...], dict[str, set[int]]] = {_MONTHS: {}, _WEEKDAYS: {}}
    for language in map(Locale.parse, _LANGUAGES):
        for names, known, first in ((_MONTHS, language.months, 1), (_WEEKDAYS, language.days, 0)):
            for style in (
                known[form][width] for form in ("format", "stand-alone") for width in ("wide", "abbreviated")
            ):
                for at, name in style.items():
                    key = unicodedata.normalize("NFC", name.casefold()).rstrip(".")
                    found[names].setdefault(key, set()).add(at - first)
    return found


def _one_of(days: list[date | None], weekdays: Iterable[set[int]] = ()) -> date | Unclear:
    known = {day for day in days if day and all(day.weekday() in one for one in weekdays)}
    return known.pop() if len(known) == 1 else _unclear(known or days, fits_none=not known and any(days))


def _without_year(days: Iterable[tuple[int, int]]) -> Unclear | None:
    """A day, by month, without its year is none; it is impossible if no year has it."""
    return None if any(_date(2000, month, day) for month, day in days) else Unclear()


def _unclear(days: Iterable[date | None], *, fits_none: bool = False) -> Unclear:
    return Unclear(tuple(day.isoformat() for day in sorted({day for day in days if day})), fits_none)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None

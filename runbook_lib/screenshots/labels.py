"""What GitLab's admin pages call the values, and which text on a page belongs to which label: pure.

A value counts by its place alone: on the label's own line after it, beside it, or in the same card above or below.
Where the places leave more than one answer there is none, or one that is not sure.

Source: FACTS, *Labels on the screens*: GitLab's dashboard, its Subscription page, and the older License page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook_lib import answers
from runbook_lib.errors import InputError
from runbook_lib.policy import PAID_PLANS
from runbook_lib.screenshots.words import Word

PLACES = {
    "Users in subscription": "users_in_license",
    "Users in license": "users_in_license",
    "Billable users": "billable_users",
    "Maximum users": "maximum_users",
    "Users over license": "users_over_license",
    "Users over subscription": "users_over_license",
    "Plan": "plan",
    "End date": "expires_on",
    "Expires": "expires_on",
    "Expired": "expires_on",
    "Start date": "starts_on",
    "Started": "starts_on",
    "Licensed to": "",
    "Last sync": "",
    "Uploaded": "",
    "Company": "",
    "Email": "",
    "Type": "",
}
"""Labels and the parameters they stand for; `starts_on` is for checking only, "" ends another's value."""
COUNTS = ("users_in_license", "billable_users", "maximum_users", "users_over_license")
MARKS = {
    "dashboard": ("license overview", "instance overview", "statistics", "components", "users over license"),
    "subscription": (
        *("subscription details", "subscription history", "last sync", "start date", "type"),
        "users over subscription",
    ),
    "license": ("started", "uploaded", "license history", "users in license", "details", "users over license"),
}
"""Words that tell the pages apart."""

_ANY = "|".join(r"\s*".join(label.split()) for label in sorted(PLACES, key=len, reverse=True))
_WITH_COLON = re.compile(rf"(?<![^\W_])({_ANY})\s*[::]\s*", re.IGNORECASE)
_ALONE = re.compile(rf"({_ANY})\s*(.*)", re.IGNORECASE)
_COUNT = re.compile(r"0|[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d*", re.ASCII)
_DATE = re.compile(r"([A-Za-z]+)\.?\s*(\d{1,2})\s*,\s*(\d{4})|(\d{4}-\d{2}-\d{2})", re.ASCII)
_BADGE = re.compile(r"\s*\(?expired\)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A value that stands where a label's value belongs.

    Attributes:
        name: The parameter, or `starts_on`.
        label: As `PLACES` has it.
        text: The value as recognized.
        value: As the parameter takes it.
        label_word: Where the label is.
        value_word: Where the value is; the same if they are on one line.
        way: `inline`, `right`, `below` or `above`.
    """

    name: str
    label: str
    text: str
    value: str
    label_word: Word
    value_word: Word
    way: str


@dataclass(frozen=True, kw_only=True)
class _Label:
    label: str
    word: Word
    rest: str

    @property
    def name(self) -> str:
        return PLACES[self.label]


def parsed(name: str, text: str) -> str | None:
    """A value as its parameter takes it, or None if the text is none that the page could show."""
    text = text.strip()
    if name in COUNTS:
        value = text.replace(",", "") if _COUNT.fullmatch(text) else None
    elif name == "plan":
        value = text.lower() if text.lower() in (*PAID_PLANS, "free") else None
    else:
        value = _day(_BADGE.sub("", text))
    if value is None:
        return None
    try:
        answers.parse("expires_on" if name == "starts_on" else name, value)
    except InputError:
        return None
    return value


def value_in(found: Found, text: str) -> str | None:
    """What another look at the same place says."""
    if found.way != "inline":
        return parsed(found.name, text)
    values = [
        parsed(found.name, label.rest) for label in _labels_in(text, found.value_word) if label.name == found.name
    ]
    return values[0] if len(values) == 1 else None


def style(words: Sequence[Word]) -> str | None:
    """Which of the pages the labels are of, or None if of none.

    One label for a number of users tells, or two of the page's own words; `Plan` and dates are on many pages.
    """
    seen = {" ".join(label.label.lower().split()) for label in _labels(words)}
    seen |= {word.text.strip().rstrip(":").lower() for word in words}
    named = {name for label, name in PLACES.items() if name and label.lower() in seen}
    marks = {page: sum(mark in seen for mark in own) for page, own in MARKS.items()}
    best = max(marks, key=lambda page: marks[page])
    if len(named - {"starts_on"}) < 2 or not (named & set(COUNTS) or marks[best] >= 2):
        return None
    return best


def findings(words: Sequence[Word]) -> tuple[tuple[Found, bool], ...]:
    """The values of a page, each with whether its place leaves no doubt; at most one of each name."""
    labels = _labels(words)
    taken = {id(label.word) for label in labels}
    others = [word for word in words if id(word) not in taken]
    cards = [label for label in labels if label.name in COUNTS and not label.rest]
    texts = [found for label in labels if label not in cards for found in _beside(label, words, taken)]
    counts, clear = _counts(cards, words, taken)
    kept: list[tuple[Found, bool]] = []
    for found, is_clear in [*((one, True) for one in texts), *((one, clear) for one in counts)]:
        rivals = {one.value for one in (*texts, *counts) if one.name == found.name}
        if len(rivals) == 1 and found.name not in {one.name for one, _ in kept}:
            users = [one for one in (*texts, *counts) if one.value_word is found.value_word and one.way != "inline"]
            shared = len({one.name for one in users}) > 1
            kept.append((found, is_clear and not shared and not _crowded(found, others)))
    return tuple(kept)


def _day(text: str) -> str | None:
    """An ISO date; of the ways to write one, only those that cannot be misunderstood."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    month, day, year, iso = match.groups()
    if iso:
        return str(iso)
    for pattern in ("%b %d %Y", "%B %d %Y"):
        try:
            return datetime.strptime(f"{month} {day} {year}", pattern).date().isoformat()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _labels(words: Sequence[Word]) -> list[_Label]:
    return [label for word in words for label in _labels_in(word.text, word)]


def _labels_in(text: str, word: Word) -> list[_Label]:
    """The labels of one line, each with what follows it there: several with colons, or one that begins the line."""
    text = text.strip()
    marks = list(_WITH_COLON.finditer(text))
    if marks and marks[0].start() == 0:
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        return [
            _Label(label=_known(mark[1]), word=word, rest=text[mark.end() : end].strip())
            for mark, end in zip(marks, ends, strict=True)
        ]
    match = _ALONE.fullmatch(text)
    if match is None:
        return []
    label = _Label(label=_known(match[1]), word=word, rest=match[2])
    is_label = not label.rest or (label.name and parsed(label.name, label.rest) is not None)
    return [label] if is_label else []


def _known(text: str) -> str:
    """The label as `PLACES` has it, however it is written on the page."""
    bare = "".join(text.split()).lower()
    return next(label for label in PLACES if label.replace(" ", "").lower() == bare)


def _found(label: _Label, text: str, word: Word, way: str) -> list[Found]:
    value = parsed(label.name, text) if label.name else None
    if value is None:
        return []
    return [
        Found(
            name=label.name,
            label=label.label,
            text=text,
            value=value,
            label_word=label.word,
            value_word=word,
            way=way,
        )
    ]


def _beside(label: _Label, words: Sequence[Word], taken: set[int]) -> list[Found]:
    """The value on the label's line: after it in the same piece of text, or in the next one."""
    if label.rest:
        return _found(label, label.rest, label.word, "inline")
    near = _right_of(label.word, words, heights=20)
    return [] if near is None or id(near) in taken else _found(label, near.text, near, "right")


def _right_of(word: Word, words: Sequence[Word], *, heights: float) -> Word | None:
    """The next piece of text on the same line."""
    line = [
        other
        for other in words
        if other is not word
        and abs(other.middle[1] - word.middle[1]) < 0.5 * max(word.height, other.height)
        and -0.5 * word.height < other.left - word.right < heights * word.height
    ]
    return min(line, key=lambda other: other.left, default=None)


def _counts(labels: Sequence[_Label], words: Sequence[Word], taken: set[int]) -> tuple[list[Found], bool]:
    """The numbers of users that are not on their labels' lines, and whether it is clear on which side they stand.

    All cards of a page are built alike, so the side is the one on which most labels have a number.
    """
    ways: list[dict[str, Found]] = []
    for label in labels:
        near = [*_beside(label, words, taken), *_in_card(label, words, taken)]
        ways.append({found.way: found for found in near})
    votes = Counter(way for found in ways for way in found).most_common()
    if not votes or (len(votes) > 1 and votes[0][1] == votes[1][1]):
        return [], False
    way, most = votes[0]
    clear = most >= 2 and all(way in found for found in ways if found)
    return [found[way] for found in ways if way in found], clear


def _in_card(label: _Label, words: Sequence[Word], taken: set[int]) -> list[Found]:
    """A number straight above or below the label."""
    found = []
    for way, side in (("below", 1), ("above", -1)):
        near = _next_in_column(label.word, words, side)
        if near is not None and id(near) not in taken and _is_aligned(label.word, near):
            found += _found(label, near.text, near, way)
    return found


def _next_in_column(word: Word, words: Sequence[Word], side: int) -> Word | None:
    """The nearest piece of text below (side 1) or above (-1) that has a part of the width in common."""

    def gap(other: Word) -> float:
        return (other.top - word.bottom) if side > 0 else (word.top - other.bottom)

    column = [
        other
        for other in words
        if other.left < word.right
        and word.left < other.right
        and side * (other.middle[1] - word.middle[1]) > 0.5 * word.height
        and gap(other) < 1.2 * word.height
    ]
    return min(column, key=gap, default=None)


def _is_aligned(label: Word, value: Word) -> bool:
    """Both begin at the same place, or have the same middle."""
    ends = (label.left - value.left, label.middle[0] - value.middle[0])
    return min(map(abs, ends)) < 0.8 * label.height


def _crowded(found: Found, words: Sequence[Word]) -> bool:
    """Whether something stands close behind the value that could belong to it, such as *(trial)*."""
    near = _right_of(found.value_word, words, heights=2)
    return near is not None and not (found.name == "expires_on" and _BADGE.fullmatch(near.text))

"""The labels of GitLab's admin pages, and the assignment of text on a page to them. Pure.

A value is found by its position alone: after the label on its line, beside it, or in the same card above or below. The
end date is also in a sentence, *valid from ... to ...*. An ambiguous position gives no value, or one that is not sure;
no value is sure on a page with a second section that has its own date.

Source: FACTS, *Labels on the screens* and *How the admin pages really look*: GitLab's dashboard, its Subscription
page, and the older License page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runbook_lib.domain.policy import FIGURES
from runbook_lib.ocr.values import BADGE, RELATIVE, TERM_BEGINS, parsed, term
from runbook_lib.ocr.words import Word

PLACES = {
    "Users in subscription": "users_in_license",
    "User in subscription": "users_in_license",
    "Users in license": "users_in_license",
    "User in license": "users_in_license",
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
    "Name": "",
    "Email": "",
    "Type": "",
}
"""Labels and their parameters; `starts_on` is for checking only, and "" marks labels whose value is not read."""
SENTENCE = "valid from ... to ..."
"""The label of a date that is taken from the sentence."""
_DATES = ("starts_on", "expires_on")
_APART = ("right", "below", "above")
MARKS = {
    "dashboard": ("license overview", "instance overview", "statistics", "components", "users over license"),
    "subscription": (
        *("subscription details", "subscription history", "last sync", "start date", "type"),
        "users over subscription",
    ),
    "license": ("started", "uploaded", "license history", "users in license", "details", "users over license"),
}
"""Words by which the pages are recognized."""

_ANY = "|".join(r"\s*".join(label.split()) for label in sorted(PLACES, key=len, reverse=True))
_BEGINS = r"(?:(?<![A-Za-z0-9])|(?<=[a-z0-9])(?=[A-Z]))"
"""The beginning of a label; without a space before it, its first letter must be a capital."""
_WITH_COLON = re.compile(rf"{_BEGINS}((?i:{_ANY}))\s*[:\uff1a]\s*")
_ALONE = re.compile(rf"({_ANY})\s*(.*)", re.IGNORECASE)
_ICON = re.compile(r"(?!.*[A-Za-z][a-z])\S{1,3}\s*")
"""An icon before a label as the OCR reads it: a few characters that are no word."""
_SECOND_SECTION = re.compile(r"GitLab\s*Duo", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A value at the position of a label's value."""

    name: str  # the parameter, or `starts_on`
    label: str  # as `PLACES` has it
    value: str  # in the form of the parameter
    label_word: Word  # the text with the label
    value_word: Word  # the text with the value; the same if they are on one line
    way: str  # `inline`, `right`, `below`, `above`, or `sentence`
    more_word: Word | None = None  # the sentence's next line, if the value continues there


@dataclass(frozen=True, kw_only=True)
class _Label:
    """A label on the page."""

    label: str  # as `PLACES` has it
    word: Word  # the text with it; two lines are joined
    rest: str  # the text after it in the same piece, up to the next label
    parts: tuple[Word, ...]  # the pieces of text that it is in
    is_last: bool = True  # whether no other label follows it in the same piece of text

    @property
    def name(self) -> str:
        return PLACES[self.label]


def value_in(found: Found, text: str) -> str | None:
    """The value by another recognition of the same place."""
    if found.way == "sentence":
        return term(text).get(found.name)
    if found.way != "inline":
        return parsed(found.name, text)
    values = [
        parsed(found.name, label.rest) for label in _labels_in(text, found.value_word) if label.name == found.name
    ]
    return values[0] if len(values) == 1 else None


def style(words: Sequence[Word]) -> str | None:
    """The page that the labels belong to, or None.

    One label for a number of users is enough, or two of the page's words; `Plan` and dates are on many pages.
    """
    seen = {" ".join(label.label.lower().split()) for label in _labels(words)}
    seen |= {word.text.strip().rstrip(":").lower() for word in words}
    named = {name for label, name in PLACES.items() if name and label.lower() in seen}
    marks = {page: sum(mark in seen for mark in own) for page, own in MARKS.items()}
    best = max(marks, key=lambda page: marks[page])
    if len(named - {"starts_on"}) < 2 or not (named & set(FIGURES) or marks[best] >= 2):
        return None
    return best


def findings(words: Sequence[Word]) -> tuple[tuple[Found, bool], ...]:
    """The values of a page, each with whether its position is unambiguous; at most one of each name."""
    labels = _labels(words)
    taken = {id(part) for label in labels for part in label.parts}
    others = [word for word in words if id(word) not in taken]
    cards = [label for label in labels if label.name in FIGURES and not label.rest]
    texts = [found for label in labels if label not in cards for found in _beside(label, words, taken)]
    counts, clear = _counts(cards, words, taken)
    every = [*((one, True) for one in texts), *((one, clear) for one in counts)]
    every += [(one, True) for one in _sentences(words)]
    unread = _unread(labels, {id(one.label_word) for one, _ in every}, words)
    single = not _has_second_section(words, labels, [one for one, _ in every])
    kept: dict[str, tuple[Found, bool]] = {}
    for found, is_clear in every:
        rivals = {one.value for one, _ in every if one.name == found.name}
        if len(rivals) == 1 and found.name not in kept:
            users = [one for one, _ in every if one.value_word is found.value_word and one.way in _APART]
            shared = len({one.name for one in users}) > 1
            doubtful = shared or found.name in unread or _crowded(found, others)
            kept[found.name] = found, is_clear and single and not doubtful
    return tuple(kept.values())


def _labels(words: Sequence[Word]) -> list[_Label]:
    found = [label for word in words for label in _labels_in(word.text, word)]
    taken = {id(label.word) for label in found}
    return [*found, *(label for word in words if id(word) not in taken for label in _on_two_lines(word, words, taken))]


def _labels_in(text: str, word: Word) -> list[_Label]:
    """The labels of one line, each with the text after it: several with colons, or one at the beginning."""
    text = text.strip()
    marks = list(_WITH_COLON.finditer(text))
    if marks and (marks[0].start() == 0 or _ICON.fullmatch(text[: marks[0].start()])):
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        return [
            _Label(
                label=_known(mark[1]),
                word=word,
                rest=text[mark.end() : end].strip(),
                parts=(word,),
                is_last=mark is marks[-1],
            )
            for mark, end in zip(marks, ends, strict=True)
        ]
    match = _ALONE.fullmatch(text)
    if match is None or BADGE.fullmatch(text):
        return []
    label = _Label(label=_known(match[1]), word=word, rest=match[2], parts=(word,))
    is_label = not label.rest or (label.name and parsed(label.name, label.rest) is not None)
    return [label] if is_label else []


def _on_two_lines(word: Word, words: Sequence[Word], taken: set[int]) -> list[_Label]:
    """A label that is wrapped in a narrow card: *Users over* and *License* below it."""
    below = _next_in_column(word, words, 1)
    if below is None or id(below) in taken or not _is_aligned(word, below):
        return []
    both = _around(word, below)
    return [
        replace(label, parts=(word, below)) for label in _labels_in(both.text, both) if label.name and not label.rest
    ]


def _around(word: Word, below: Word) -> Word:
    (upper_left, upper_right, _, _), (_, _, lower_right, lower_left) = word.corners, below.corners
    return replace(
        word,
        text=f"{word.text.strip()} {below.text.strip()}",
        score=min(word.score, below.score),
        corners=(upper_left, upper_right, lower_right, lower_left),
        left=min(word.left, below.left),
        right=max(word.right, below.right),
        bottom=below.bottom,
    )


def _known(text: str) -> str:
    bare = "".join(text.split()).lower()
    return next(label for label in PLACES if label.replace(" ", "").lower() == bare)


def _found(label: _Label, text: str, word: Word, way: str) -> list[Found]:
    value = parsed(label.name, text) if label.name else None
    if value is None:
        return []
    words = {"label_word": label.word, "value_word": word}
    return [Found(name=label.name, label=label.label, value=value, way=way, **words)]


def _beside(label: _Label, words: Sequence[Word], taken: set[int]) -> list[Found]:
    """The value on the label's line: after it in the same piece of text, or in the next one."""
    if label.rest:
        return _found(label, label.rest, label.word, "inline")
    if not label.is_last:
        return []
    near = _right_of(label.word, words, heights=20)
    return [] if near is None or id(near) in taken else _found(label, near.text, near, "right")


def _sentences(words: Sequence[Word]) -> list[Found]:
    """The dates of the sentence *valid from ... to ...*, which may continue in the next line."""
    found = []
    for word in words:
        if not TERM_BEGINS.search(word.text):
            continue
        below = None if term(word.text) else _next_in_column(word, words, 1)
        text = word.text if below is None else f"{word.text} {below.text}"
        found += [
            Found(
                name=name,
                label=SENTENCE,
                value=value,
                label_word=word,
                value_word=word,
                way="sentence",
                more_word=below,
            )
            for name, value in term(text).items()
        ]
    return found


def _unread(labels: Sequence[_Label], read: set[int], words: Sequence[Word]) -> set[str]:
    """Names with a label whose value cannot be read, so that a value found elsewhere is doubtful."""
    return {
        label.name
        for label in labels
        if label.name
        and id(label.word) not in read
        and not _is_heading(label, words)
        and not _is_relative(label, words)
    }


def _is_heading(label: _Label, words: Sequence[Word]) -> bool:
    """Whether a label is the heading of a table's column, with values of its kind below."""
    below = _next_in_column(label.word, words, 1, heights=3)
    return below is not None and _is_aligned(label.word, below) and parsed(label.name, below.text) is not None


def _is_relative(label: _Label, words: Sequence[Word]) -> bool:
    """Whether a label's value is a date relative to the day of the screenshot."""
    near = None if label.rest else _right_of(label.word, words, heights=20)
    text = near.text if near else label.rest
    return label.name in _DATES and RELATIVE.fullmatch(text.strip()) is not None


def _has_second_section(words: Sequence[Word], labels: Sequence[_Label], found: Sequence[Found]) -> bool:
    """Whether a page has several end dates: two labels for one, or an add-on's section.

    The side menu may name the add-on too, but has another left edge.
    """
    ends = [label for label in labels if label.name == "expires_on" and not _is_heading(label, words)]
    others = [word for word in words if _SECOND_SECTION.search(word.text)]
    named = any(len(_SECOND_SECTION.sub("", word.text).strip()) > 2 for word in others)
    above = any(
        abs(word.left - label.word.left) < 4 * label.word.height and word.top < label.word.top
        for word in others
        for label in ends
    )
    values = {one.value for one in found if one.name == "expires_on"}
    return len(ends) > 1 or len(values) > 1 or named or above


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
    """The numbers of users that are not on their labels' lines, and whether their side is unambiguous.

    All cards of a page have the same layout, so the numbers are on the side where most labels have one.
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


def _next_in_column(word: Word, words: Sequence[Word], side: int, *, heights: float = 1.2) -> Word | None:
    """The nearest piece of text below (side 1) or above (-1) that overlaps horizontally."""

    def gap(other: Word) -> float:
        return (other.top - word.bottom) if side > 0 else (word.top - other.bottom)

    column = [
        other
        for other in words
        if other.left < word.right
        and word.left < other.right
        and side * (other.middle[1] - word.middle[1]) > 0.5 * word.height
        and gap(other) < heights * word.height
    ]
    return min(column, key=gap, default=None)


def _is_aligned(label: Word, value: Word) -> bool:
    """Whether both have the same left edge, or the same center."""
    ends = (label.left - value.left, label.middle[0] - value.middle[0])
    return min(map(abs, ends)) < 0.8 * label.height


def _crowded(found: Found, words: Sequence[Word]) -> bool:
    """Whether there is text directly after the value that may belong to it, such as *(trial)*."""
    signs = [word for word in words if any(map(str.isalnum, word.text))]
    near = None if found.way == "sentence" else _right_of(found.value_word, signs, heights=2)
    return near is not None and not (found.name == "expires_on" and BADGE.fullmatch(near.text))

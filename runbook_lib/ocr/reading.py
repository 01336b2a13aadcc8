"""Reads values with their certainty from one screenshot, and combines those of several."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runbook_lib.domain.errors import InputError
from runbook_lib.domain.policy import FIGURES
from runbook_lib.ocr import labels, words
from runbook_lib.ocr.images import called, png
from runbook_lib.ocr.labels import Found

if TYPE_CHECKING:
    from PIL import Image

SURE_SCORE, AGAIN_SCORE = 0.9, 0.8
"""Least scores of the first recognition of a value, and of each further one. Clear text has 0.93 to 1, but so have some
misreadings, which differ between recognitions. `python -m benchmarks.screenshots` measures the rest.
"""
LEGIBLE_PX = 17
"""Least height of the box around a value: that of 10-pixel text. In smaller text a 5 and a 6 look the same."""
CROP_WIDTH_PX = 640

Place = tuple[int, int, int, int]
Looks = Callable[[words.Word], list[tuple[str, float]]]
"""Recognizes one piece of text again, in several ways."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One value off a screenshot."""

    name: str  # the parameter it is for, such as `billable_users`
    value: str  # as the parameter takes it: `premium`, an ISO date, digits. `parameters.parse(name, value)` accepts it
    label: str  # the label beside it
    place: Place = (0, 0, 1, 1)  # where label and value are on the image, in pixels: left, top, right, bottom
    crop: bytes  # a small PNG of label and value, for a person to compare
    is_sure: bool  # whether all checks passed. If False, a person has to confirm it


@dataclass(frozen=True, kw_only=True)
class Page:
    """The values of one screenshot."""

    style: str  # which of GitLab's admin pages it shows: `dashboard`, `subscription`, or `license` (the older page)
    readings: tuple[Reading, ...]  # at most one of each name; missing or ambiguous values are left out
    name: str = ""  # the image's name in messages, such as its file name


def named(page: Page | None, name: str) -> Page:
    """A page with its image's name; InputError if the image, which is fine in itself, shows none."""
    if page is None:
        raise InputError(
            f"{called(name)} shows no Dashboard, Subscription or License page of GitLab's admin area in English: their "
            "labels were not found. Ask for a new screenshot of one of these, or read the values off by eye."
        )
    return replace(page, name=name)


def shown(picture: Image.Image) -> Page | None:
    """The page that an image shows; None if it is none of GitLab's that are read. Raises as `words.recognize`."""
    seen = words.recognize(picture)
    style = labels.style(seen)
    if style is None:
        return None
    found = labels.findings(seen)
    again: Looks = functools.cache(lambda word: words.recognize_again(picture, word.corners))
    sure = {one.name: is_clear and _holds(picture, one, again) for one, is_clear in found}
    values = {one.name: one.value for one, _ in found}
    doubtful = doubts(values)
    readings = []
    for one, _ in found:
        if one.name != "starts_on":
            place = _place(picture, one)
            is_sure = sure[one.name] and one.name not in doubtful
            about = {"name": one.name, "value": one.value, "label": one.label}
            readings.append(Reading(**about, place=place, crop=cropped(picture, place), is_sure=is_sure))
    return Page(style=style, readings=tuple(readings))


def combined(pages: Sequence[Page]) -> dict[str, tuple[tuple[str, Reading], ...]]:
    """What the screenshots of one ticket show, by parameter: one reading if all agree, else one for each value.

    Each with the names of its images. A value that all share is sure if it is sure on one, and if the numbers of users
    are consistent.
    """
    found: dict[str, dict[str, list[tuple[str, Reading]]]] = {}
    for page in pages:
        for reading in page.readings:
            found.setdefault(reading.name, {}).setdefault(reading.value, []).append((page.name, reading))
    doubtful = doubts({name: next(iter(values)) for name, values in found.items() if len(values) == 1})
    return {name: tuple(_of_images(seen, doubtful) for seen in values.values()) for name, values in found.items()}


def _of_images(seen: Sequence[tuple[str, Reading]], doubtful: Collection[str]) -> tuple[str, Reading]:
    """The images that show one value, and the surest reading of it."""
    surest = max((reading for _, reading in seen), key=lambda one: one.is_sure)
    names = " and ".join(image or "a screenshot" for image, _ in seen)
    return names, replace(surest, is_sure=surest.is_sure and surest.name not in doubtful)


def doubts(values: Mapping[str, str]) -> set[str]:
    """Names of values that are inconsistent, so that one of them may be misread.

    Source: GitLab's product documentation: users over the license are those above it at the highest count of the
    term; the highest count is at least the present one.
    """
    doubtful = set()
    if values.get("starts_on", "") >= values.get("expires_on", "9999"):
        doubtful |= {"expires_on"}
    number = {name: int(values[name]) for name in FIGURES if name in values}
    bought, over = number.get("users_in_license"), number.get("users_over_license")
    billable, maximum = number.get("billable_users"), number.get("maximum_users")
    if bought is not None and over is not None:
        most = {max(0, count - bought) for count in (billable, maximum) if count is not None}
        if most and over not in most:
            doubtful |= set(FIGURES)
    if billable is not None and maximum is not None and billable > maximum:
        doubtful |= {"billable_users", "maximum_users"}
    return doubtful


def _holds(picture: Image.Image, found: Found, again: Looks) -> bool:
    """Whether the value is complete, and every further recognition gives the same with certainty."""
    lines = [found.value_word, *([found.more_word] if found.more_word else [])]
    if any(word.score < SURE_SCORE or word.height < LEGIBLE_PX or _is_at_edge(picture, word) for word in lines):
        return False
    return all(
        labels.value_in(found, " ".join(text for text, _ in look)) == found.value
        and all(score >= AGAIN_SCORE for _, score in look)
        for look in zip(*map(again, lines), strict=True)
    )


def _is_at_edge(picture: Image.Image, word: words.Word) -> bool:
    xs, ys = zip(*word.corners, strict=True)
    return min(*xs, *ys) < 1 or max(xs) > picture.width - 2 or max(ys) > picture.height - 2


def _place(picture: Image.Image, found: Found) -> Place:
    """Where label and value are, with a small margin."""
    more = found.more_word.corners if found.more_word else ()
    corners = (*found.label_word.corners, *found.value_word.corners, *more)
    xs, ys = zip(*corners, strict=True)
    space = found.label_word.height * 0.4
    left, top = max(0, math.floor(min(xs) - space)), max(0, math.floor(min(ys) - space))
    right, bottom = math.ceil(max(xs) + space), math.ceil(max(ys) + space)
    return left, top, min(picture.width, right), min(picture.height, bottom)


def cropped(picture: Image.Image, place: Place) -> bytes:
    piece = picture.crop(place)
    piece.thumbnail((CROP_WIDTH_PX, CROP_WIDTH_PX))
    return png(piece)

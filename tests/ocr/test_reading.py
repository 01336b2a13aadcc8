"""Pages rendered by a real browser and read off their screenshots; pages that must not be read; and doubts."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest
from PIL import Image

from runbook_lib import ocr
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import InputError
from runbook_lib.ocr import reading, words
from runbook_lib.ocr.images import decoded, png
from runbook_lib.ocr.labels import PLACES
from runbook_lib.ocr.words import Word
from runbook_lib.sandbox import screens
from runbook_lib.sandbox.tickets.model import Screenshot
from tests import pages
from tests.pages import Camera, Values, View

pytestmark = pytest.mark.slow

OLD = Values(plan="Starter", expires_on=date(2025, 12, 31), users=17, billable=31, maximum=38, over=21)


@pytest.fixture(scope="module")
def camera() -> Iterator[Camera]:
    """One browser for all pages."""
    with pages.camera() as found:
        yield found


def drawn(page: Literal["dashboard", "subscription"], values: Values) -> bytes:
    """A practice ticket's screenshot."""
    shown = Screenshot(name="page.png", page=page, users=values.users, billable=values.billable, maximum=values.maximum)
    return screens.png(screens.Screen(shown, values.expires_on, values.licensee))


@pytest.fixture(scope="module")
def dashboard() -> bytes:
    """The plainest screenshot: practice shows what reading is like, too."""
    return drawn("dashboard", Values())


@pytest.fixture(scope="module")
def read_once(dashboard: bytes) -> tuple[ocr.Page, tuple[Word, ...]]:
    """What is read off it, and all text on it."""
    seen: list[tuple[Word, ...]] = []
    recognize = words.recognize

    def noted(picture: Image.Image) -> tuple[Word, ...]:
        seen.append(recognize(picture))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "recognize", noted)
        return pages.read(dashboard, name="dashboard.png"), seen[0]


@pytest.fixture(scope="module")
def seen(read_once: tuple[ocr.Page, tuple[Word, ...]]) -> tuple[Word, ...]:
    """The text on it."""
    return read_once[1]


@pytest.fixture
def show(seen: tuple[Word, ...], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what is seen on any image, and what every further look says; without looks, what is there."""

    def set_words(replaced: Mapping[str, str] | None = None, *, look: tuple[str, float] | None = None) -> None:
        texts = replaced or {}
        there = tuple(replace(word, text=texts.get(word.text, word.text)) for word in seen)
        at = {word.corners: word.text for word in there}
        monkeypatch.setattr(words, "recognize", lambda _: there)
        monkeypatch.setattr(words, "recognize_again", lambda _, corners: [look or (at[corners], 1.0)])

    return set_words


def values_of(page: ocr.Page) -> dict[str, str]:
    """With a question mark where it is not sure."""
    return {one.name: one.value + ("" if one.is_sure else "?") for one in page.readings}


def shown(text: str, *, suffix: str = "") -> dict[str, str]:
    """As `values_of`, for a default page all of whose values have the suffix."""
    return {name: value + suffix for name, value in Values().expected(text).items()}


# -- pages that are read


@pytest.mark.parametrize(
    ("style", "values", "view"),
    [
        ("subscription", OLD, View(tilt=-2.5, dark=True)),
        ("inline", OLD, View(width=1283, crop=True, scale=2, webp=True, notes=True)),
    ],
)
def test_every_value_is_read_and_sure(camera: Camera, style: str, values: Values, view: View) -> None:
    """`python -m benchmarks.screenshots` does the same for every style, window, theme and value."""
    page = pages.read(camera.shoot(style, values, view))
    assert values.expected(style) == values_of(page)
    assert style.replace("inline", "license") == page.style


def test_a_reading_has_a_valid_value_and_a_picture(read_once: tuple[ocr.Page, tuple[Word, ...]]) -> None:
    """The crop shows label and value, is small, and is made anew."""
    page, _ = read_once
    assert ("dashboard", "dashboard.png", shown("dashboard")) == (page.style, page.name, values_of(page))
    for one in page.readings:
        assert one.value == str(parameters.QUESTIONS[one.name].plain(one.value))
        assert PLACES[one.label] == one.name
        crop = Image.open(io.BytesIO(one.crop))
        assert ("PNG", {}) == (crop.format, crop.info)
        assert 40 < crop.width <= reading.CROP_WIDTH_PX
        assert 20 < crop.height < 120


def test_practice_screenshots_are_read(dashboard: bytes) -> None:
    """The other page is read above; each is the same whenever it is drawn, and small."""
    values = Values(users=1250, billable=1262, maximum=1274, over=24)
    content = drawn("subscription", values)
    found = pages.read(content)
    assert ("subscription", values.expected("subscription")) == (found.style, values_of(found))
    for one, again in ((content, drawn("subscription", values)), (dashboard, drawn("dashboard", Values()))):
        assert one == again
        assert 20_000 < len(one) < 150_000


# -- pages that are not


@pytest.mark.parametrize(
    "texts",
    [
        ("Dashboard", "Lizenzübersicht", "Tarif: Premium", "Nutzer im Abonnement", "250"),
        ("Billing", "Plan: Premium", "250", "Seats in subscription", "254", "Max seats used"),
        (),
    ],
    ids=["in German", "GitLab.com's billing page", "without text"],
)
def test_another_page_is_refused(seen: tuple[Word, ...], texts: tuple[str, ...], monkeypatch: Any) -> None:
    """With what to do next; no value of it is taken."""
    there = tuple(replace(word, text=text) for word, text in zip(seen, texts, strict=False))
    monkeypatch.setattr(words, "recognize", lambda _: there)
    with pytest.raises(
        InputError, match=r"image a\.png shows no Dashboard, Subscription or License page .* in English"
    ):
        pages.read(png(Image.new("RGB", (80, 80))), name="a.png")


def test_an_image_without_text_has_none() -> None:
    """And no error."""
    assert () == words.recognize(Image.new("RGB", (910, 740), "white"))


def test_hostile_text_is_not_shown(
    seen: tuple[Word, ...], dashboard: bytes, show: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value is one that its parameter takes, a label is one of ours; the rest of the page stays in the page."""
    line = next(word.text for word in seen if "Plan" in word.text)
    show({line: line.replace("Premium", "<img src=x>").replace("Maya Lindqvist", "<script>alert(1)")})
    page = pages.read(dashboard)
    expected = shown("dashboard")
    del expected["plan"]
    assert expected == values_of(page)
    assert "alert" not in repr([replace(one, crop=b"") for one in page.readings])


# -- doubts


@pytest.mark.parametrize(
    ("text", "score"),
    [("251", 1.0), ("250", 0.79), ("", 0.0), ("2500", 1.0), ("Nov 6, 2027", 1.0)],
)
def test_a_look_that_says_something_else_makes_unsure(
    dashboard: bytes, show: Callable[..., None], text: str, score: float
) -> None:
    """Or that is not certain of it; the value stays, for a person to compare."""
    show(look=(text, score))
    assert shown("dashboard", suffix="?") == values_of(pages.read(dashboard))


def test_only_what_a_look_confirms_is_sure(dashboard: bytes, show: Callable[..., None]) -> None:
    """That the test above can fail."""
    show(look=("250", 0.8))
    found = values_of(pages.read(dashboard))
    assert {"users_in_license": "250"} == {name: value for name, value in found.items() if value[-1] != "?"}


def test_what_the_image_cuts_off_is_not_sure(
    dashboard: bytes, seen: tuple[Word, ...], show: Callable[..., None]
) -> None:
    """A number that the window's edge halves."""
    show()
    box = next(one for one in seen if one.text == "231")
    cut = decoded(dashboard, "").crop((0, 0, round(box.right), 1200))
    assert "231?" == values_of(pages.read(png(cut)))["billable_users"]


def test_numbers_that_do_not_fit_are_not_sure(dashboard: bytes, show: Callable[..., None]) -> None:
    """One of them was painted over or misread, and which is for a person to say."""
    show({"254": "25"})
    found = values_of(pages.read(dashboard))
    assert ("premium", "2026-11-06") == (found["plan"], found["expires_on"])
    assert not {value for name, value in found.items() if name.endswith(("users", "license")) and value[-1] != "?"}


def test_both_lines_of_a_sentence_are_looked_at_again(
    seen: tuple[Word, ...], dashboard: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A date that goes on in the next line is sure only if both hold."""
    first = next(word for word in seen if "valid from" in word.text)
    lines = [word for word in seen if "Plan" not in word.text and not first.top <= word.top < first.top + 60]
    step = first.height
    below = replace(
        first, text="2026-11-06.", top=first.top + step, bottom=first.bottom + step, corners=_moved(first, step)
    )
    there = (*lines, replace(first, text="It is valid from 2025-11-06 to"), below)
    at = {word.corners: word.text for word in there}
    monkeypatch.setattr(words, "recognize", lambda _: there)
    for text, expected in (("2026-11-06.", "2026-11-06"), ("2026-11-08.", "2026-11-06?")):
        at[below.corners] = text
        monkeypatch.setattr(words, "recognize_again", lambda _, corners: [(at[corners], 1.0)])
        assert expected == values_of(pages.read(dashboard))["expires_on"]


def _moved(word: Word, down: float) -> tuple[words.Point, words.Point, words.Point, words.Point]:
    one, two, three, four = ((x, y + down) for x, y in word.corners)
    return one, two, three, four


def test_small_blurred_text_is_not_sure(dashboard: bytes) -> None:
    """Where a 5 and a 6 are the same few pixels, a right value is luck."""
    image = decoded(dashboard, "").crop((232, 48, screens.WIDTH, 640))
    small = image.resize((image.width * 6 // 10, image.height * 6 // 10))
    found = values_of(pages.read(pages.as_jpeg(png(small), 30)))
    assert found.get("expires_on", "?").endswith("?")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"users_in_license": "20", "billable_users": "17", "maximum_users": "22", "users_over_license": "2"}, set()),
        ({"users_in_license": "20", "billable_users": "23", "maximum_users": "23", "users_over_license": "3"}, set()),
        ({"users_in_license": "20", "users_over_license": "2"}, set()),
        (
            {"users_in_license": "26", "maximum_users": "22", "users_over_license": "2"},
            {"users_in_license", "maximum_users", "users_over_license"},
        ),
        (
            {"users_in_license": "20", "maximum_users": "20", "users_over_license": "8"},
            {"users_in_license", "maximum_users", "users_over_license"},
        ),
        ({"billable_users": "77", "maximum_users": "22"}, {"billable_users", "maximum_users"}),
        ({"starts_on": "2025-11-06", "expires_on": "2026-11-06"}, set()),
        ({"starts_on": "2026-11-06", "expires_on": "2025-11-06"}, {"expires_on"}),
        ({"expires_on": "2025-11-06"}, set()),
        ({}, set()),
    ],
)
def test_values_that_do_not_fit_each_other_are_doubted(values: dict[str, str], expected: set[str]) -> None:
    """Users over the license are those above it; nothing ends before it starts."""
    assert expected == reading.doubts(values) & values.keys()


# -- several images


def page(name: str, **values: str) -> ocr.Page:
    """A page with these readings; a question mark makes one unsure."""
    readings = tuple(
        ocr.Reading(name=key, value=text.rstrip("?"), label="", crop=b"", is_sure=not text.endswith("?"))
        for key, text in values.items()
    )
    return ocr.Page(style="dashboard", readings=readings, name=name)


def test_images_that_agree_are_one_answer() -> None:
    """Sure if one of them is; what only one of them shows is taken from that."""
    pair = (page("a.png", plan="premium?", billable_users="17?"), page("b.png", plan="premium", maximum_users="22"))
    found = ocr.combined(pair)
    assert [1, 1, 1] == [len(seen) for seen in found.values()]
    assert "a.png and b.png" == found["plan"][0][0]
    readings = tuple(seen[0][1] for seen in found.values())
    assert {"plan": "premium", "billable_users": "17?", "maximum_users": "22"} == values_of(
        replace(pair[0], readings=readings)
    )


@pytest.mark.parametrize(
    ("one", "other"), [("2026-11-06", "2026-11-08"), ("2026-11-06", "2026-11-08?"), ("2026-11-06?", "2026-11-08?")]
)
def test_images_that_disagree_give_no_value(one: str, other: str) -> None:
    """However sure either is: both values are named, with their images."""
    pair = [
        page("a.png", expires_on=one, plan="premium"),
        page("b.png", expires_on=other),
        page("c.png", expires_on=one),
    ]
    found = ocr.combined(pair)
    assert 1 == len(found["plan"])
    shown = [(images, reading.value) for images, reading in found["expires_on"]]
    assert [("a.png and c.png", "2026-11-06"), ("b.png", "2026-11-08")] == shown


def test_numbers_of_two_images_must_fit_each_other_too() -> None:
    """Each image may be fine, and still be of another instance or another day."""
    found = ocr.combined([page("a", users_in_license="20", users_over_license="9"), page("b", maximum_users="22")])
    assert [False, False, False] == [reading.is_sure for ((_, reading),) in found.values()]


def test_no_images_are_no_answer() -> None:
    """And no error."""
    assert {} == ocr.combined([])


# -- without the extra


@pytest.mark.parametrize("missing", ["rapidocr", "onnxruntime"])
def test_without_the_extra_reading_says_how_to_get_it(
    dashboard: bytes, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thumbnail needs no extra."""
    assert ocr.available()
    monkeypatch.setattr(words, "_engine", words._engine.__wrapped__)
    monkeypatch.setitem(sys.modules, missing, None)
    assert not ocr.available()
    with pytest.raises(InputError, match=r"pip install 'license-runbook\[ocr\]'"):
        pages.read(dashboard)
    assert ocr.thumbnail(dashboard).startswith(b"\x89PNG")

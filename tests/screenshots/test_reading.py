"""Pages rendered by a real browser and read off their screenshots; pages that must not be read; and doubts."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Literal

import pytest
from PIL import Image, ImageDraw

from runbook_lib import answers, screenshots
from runbook_lib.errors import InputError
from runbook_lib.sandbox import screens
from runbook_lib.screenshots import reading, words
from runbook_lib.screenshots.images import decoded, png
from runbook_lib.screenshots.labels import PLACES
from runbook_lib.screenshots.words import Word
from tests import pages
from tests.pages import Camera, Values, View

pytestmark = pytest.mark.slow

LARGE = Values(
    plan="Ultimate",
    expires_on=date(2026, 2, 28),
    users=1250,
    billable=1198,
    maximum=1250,
    over=0,
    date_format="{0:%Y-%m-%d}",
)
OLD = Values(
    plan="Starter",
    expires_on=date(2025, 12, 31),
    users=17,
    billable=31,
    maximum=38,
    over=21,
    date_format="{0:%B} {0.day}, {0:%Y}",
)


@pytest.fixture(scope="module")
def camera() -> Iterator[Camera]:
    """One browser for all pages."""
    with pages.camera() as found:
        yield found


@pytest.fixture(scope="module")
def dashboard(camera: Camera) -> bytes:
    """The plainest screenshot."""
    return camera.shoot("dashboard")


@pytest.fixture(scope="module")
def seen(dashboard: bytes) -> tuple[Word, ...]:
    """The text on it."""
    return words.on(decoded(dashboard, ""))


@pytest.fixture
def looks(seen: tuple[Word, ...], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, float], None]:
    """Sets what every further look at a value says; the first says what is there."""

    def set_looks(text: str, score: float) -> None:
        monkeypatch.setattr(words, "on", lambda _: seen)
        monkeypatch.setattr(words, "again", lambda *_: [(text, score)])

    return set_looks


def values_of(page: screenshots.Page) -> dict[str, str]:
    """With a question mark where it is not sure."""
    return {one.name: one.value + ("" if one.is_sure else "?") for one in page.readings}


def shown(text: str, *, suffix: str = "") -> dict[str, str]:
    """As `values_of`, for a default page all of whose values have the suffix."""
    return {name: value + suffix for name, value in Values().expected(text).items()}


# -- pages that are read


@pytest.mark.parametrize(
    ("style", "values", "view"),
    [
        ("dashboard", Values(), View(tilt=2.5)),
        ("dashboard", OLD, View(width=1920, layout="inline")),
        ("subscription", LARGE, View(width=1024, dark=True, quality=60)),
        ("subscription", Values(), View(tilt=-2.5, dark=True)),
        ("license", OLD, View(scale=2)),
        ("license", LARGE, View(width=1024, quality=60)),
    ],
)
def test_every_value_is_read_and_sure(camera: Camera, style: str, values: Values, view: View) -> None:
    """`python -m benchmarks.screenshots` does the same for every style, window, theme and value."""
    page = screenshots.read(camera.shoot(style, values, view))
    assert (style, values.expected(style)) == (page.style, values_of(page))


def test_a_reading_is_what_its_parameter_takes_with_a_picture_to_compare(dashboard: bytes) -> None:
    """The crop shows label and value, is small, and is made anew."""
    page = screenshots.read(dashboard, name="dashboard.png")
    assert ("dashboard.png", shown("dashboard")) == (page.name, values_of(page))
    for one in page.readings:
        assert one.value == str(answers.QUESTIONS[one.name].plain(one.value))
        assert PLACES[one.label] == one.name
        crop = Image.open(io.BytesIO(one.crop))
        assert ("PNG", {}) == (crop.format, crop.info)
        assert 40 < crop.width <= reading.CROP_WIDTH_PX
        assert 20 < crop.height < 120


@pytest.mark.parametrize("page", ["dashboard", "subscription"])
def test_practice_screenshots_are_read(page: Literal["dashboard", "subscription"]) -> None:
    """Drawn as for ticket 1908, so that practice shows what reading is like."""
    drawn = screens.Screen(
        page=page,
        plan="Premium",
        expires_on=date(2026, 11, 6),
        licensed_to="Quai Logiciel",
        users=1250,
        billable=1262,
        maximum=1274,
    )
    content = screens.png(drawn)
    values = Values(users=1250, billable=1262, maximum=1274, over=24)
    found = screenshots.read(content)
    assert (page, values.expected(page)) == (found.style, values_of(found))
    assert content == screens.png(drawn)
    assert 10_000 < len(content) < 150_000


# -- pages that are not


OTHER_PAGES = {
    "in German": "<h1>Dashboard</h1><h2>Lizenzübersicht</h2><p>Tarif: <b>Premium</b></p><p>Enddatum: 6. Nov. 2026</p>"
    "<div class=grid><div class=card>Nutzer im Abonnement<div class=number>250</div></div><div class=card>"
    "Abrechenbare Nutzer<div class=number>231</div></div></div>",
    "GitLab.com's billing page": "<h1>Billing</h1><p>Plan: <b>Premium</b></p><div class=grid><div class=card>"
    "<div class=number>250</div>Seats in subscription</div><div class=card><div class=number>254</div>Max seats used"
    "</div></div><p>Subscription end date: Nov 6, 2026</p>",
    "without text": "",
}


@pytest.mark.parametrize("main", OTHER_PAGES.values(), ids=OTHER_PAGES)
def test_another_page_is_refused(camera: Camera, main: str) -> None:
    """With what to do next; no value of it is taken."""
    content = camera.shoot_html(pages.framed(main) if main else "<html></html>")
    with pytest.raises(
        InputError, match=r"image a\.png shows no Dashboard, Subscription or License page .* in English"
    ):
        screenshots.read(content, name="a.png")


def test_hostile_text_is_not_shown(camera: Camera) -> None:
    """A value is one that its parameter takes, a label is one of ours; the rest of the page stays in the page."""
    hostile = Values(plan="&lt;img src=x&gt;", licensee="&lt;script&gt;alert(1)", company="Plan: Ultimate, pay 0")
    page = screenshots.read(camera.shoot("dashboard", hostile))
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
    dashboard: bytes, looks: Callable[[str, float], None], text: str, score: float
) -> None:
    """Or that is not certain of it; the value stays, for a person to compare."""
    looks(text, score)
    assert shown("dashboard", suffix="?") == values_of(screenshots.read(dashboard))


def test_only_what_a_look_confirms_is_sure(dashboard: bytes, looks: Callable[[str, float], None]) -> None:
    """That the test above can fail."""
    looks("250", 0.8)
    found = values_of(screenshots.read(dashboard))
    assert {"users_in_license": "250"} == {name: value for name, value in found.items() if value[-1] != "?"}


def test_what_the_image_cuts_off_is_not_sure(dashboard: bytes, seen: tuple[Word, ...]) -> None:
    """A number that the window's edge halves: 231 of which 23 is there is not 23."""
    image = decoded(dashboard, "")
    box = next(one for one in seen if one.text == "231")
    cut = image.crop((0, 0, round(box.left + 0.68 * (box.right - box.left)), image.height))
    found = values_of(screenshots.read(png(cut)))
    assert "231" != found.get("billable_users", "231?")
    assert found.get("billable_users", "?").endswith("?")


def test_small_blurred_text_is_not_sure(dashboard: bytes) -> None:
    """Where a 5 and a 6 are the same few pixels, a right value is luck."""
    image = decoded(dashboard, "")
    small = image.resize((image.width * 6 // 10, image.height * 6 // 10))
    found = values_of(screenshots.read(pages.as_jpeg(png(small), 30)))
    assert found.get("expires_on", "?").endswith("?")


def test_a_number_that_was_painted_over_is_not_sure(dashboard: bytes, seen: tuple[Word, ...]) -> None:
    """Numbers that do not fit each other: one of them is wrong, and which is for a person to say."""
    image = decoded(dashboard, "")
    box = next(one for one in seen if one.text == "254")
    middle = (box.left + box.right) / 2
    ImageDraw.Draw(image).rectangle((box.left, box.top, middle - 10, box.bottom), fill="white")
    found = values_of(screenshots.read(png(image)))
    assert ("premium", "2026-11-06") == (found["plan"], found["expires_on"])
    assert not {value for name, value in found.items() if name.endswith(("users", "license")) and value[-1] != "?"}


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


def page(name: str, **values: str) -> screenshots.Page:
    """A page with these readings; a question mark makes one unsure."""
    readings = tuple(
        screenshots.Reading(name=key, value=text.rstrip("?"), label="", crop=b"", is_sure=not text.endswith("?"))
        for key, text in values.items()
    )
    return screenshots.Page(style="dashboard", readings=readings, name=name)


def test_images_that_agree_are_one_answer() -> None:
    """Sure if one of them is; what only one of them shows is taken from that."""
    pair = (page("a.png", plan="premium?", billable_users="17?"), page("b.png", plan="premium", maximum_users="22"))
    found = screenshots.agreement(pair)
    assert {"plan": "premium", "billable_users": "17?", "maximum_users": "22"} == values_of(
        replace(pair[0], readings=found.readings)
    )
    assert () == found.conflicts


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
    found = screenshots.agreement(pair)
    assert ["plan"] == [reading.name for reading in found.readings]
    assert ["expires_on differs: 2026-11-06 on a.png, 2026-11-08 on b.png"] == [each.words for each in found.conflicts]


def test_numbers_of_two_images_must_fit_each_other_too() -> None:
    """Each image may be fine, and still be of another instance or another day."""
    found = screenshots.agreement(
        [page("a", users_in_license="20", users_over_license="9"), page("b", maximum_users="22")]
    )
    assert [False, False, False] == [reading.is_sure for reading in found.readings]


def test_two_real_images_that_disagree(camera: Camera, dashboard: bytes) -> None:
    """The dashboard of one instance, the subscription page of another."""
    other = camera.shoot("subscription", replace(Values(), expires_on=date(2026, 11, 8)))
    found = screenshots.agreement([screenshots.read(dashboard), screenshots.read(other)])
    assert ["expires_on"] == [conflict.name for conflict in found.conflicts]
    assert {"plan", "users_in_license", "billable_users", "maximum_users", "users_over_license"} == {
        reading.name for reading in found.readings if reading.is_sure
    }


def test_no_images_are_no_answer() -> None:
    """And no error."""
    assert screenshots.Agreement(readings=(), conflicts=()) == screenshots.agreement([])


# -- without the extra


@pytest.mark.parametrize("missing", ["rapidocr", "onnxruntime"])
def test_without_the_extra_reading_says_how_to_get_it(
    dashboard: bytes, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thumbnail needs no extra."""
    assert screenshots.available()
    monkeypatch.setattr(words, "_engine", words._engine.__wrapped__)
    monkeypatch.setitem(sys.modules, missing, None)
    assert not screenshots.available()
    with pytest.raises(InputError, match=r"pip install 'license-runbook\[ocr\]'"):
        screenshots.read(dashboard)
    assert screenshots.thumbnail(dashboard).startswith(b"\x89PNG")

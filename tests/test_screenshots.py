"""Reading screenshots: values by labels and places, sure only when nothing speaks against them; bombs are refused."""

from __future__ import annotations

import builtins
import io
import struct
import zlib
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from PIL import Image

from runbook_lib import answers, screenshots
from runbook_lib.errors import InputError
from runbook_lib.screenshots import Page, Reading
from tests.pages import STYLES, Camera, Values, View, camera, framed

VIEWS = {
    "plain": View(),
    "small pixels": View(scale=2),
    "dark, JPEG": View(dark=True, quality=60),
    "tilted": View(tilt=2.0, quality=70),
}
VALUES = Values(plan="Ultimate", users=1250, billable=1187, maximum=1301, over=51, expires_on=date(2026, 11, 4))


@pytest.fixture(scope="module")
def shooter() -> Iterator[Camera]:
    """A browser that takes screenshots."""
    with camera() as found:
        yield found


def misread(page: Page, expected: dict[str, str]) -> dict[str, str]:
    """What is wrong and passes as sure."""
    return {one.name: one.value for one in page.readings if one.is_sure and expected.get(one.name) != one.value}


SEEN = [*((style, view) for style in STYLES for view in ("plain", "tilted"))]
SEEN += [("dashboard", "small pixels"), ("subscription", "dark, JPEG")]


@pytest.mark.parametrize(("style", "view"), SEEN)
def test_a_page_is_read(shooter: Camera, style: str, view: str) -> None:
    """Nothing wrong is sure, nearly everything is found, and every value can be passed.

    `python -m benchmarks.screenshots` reads each style in more views.
    """
    page = screenshots.read(shooter.shoot(style, VALUES, VIEWS[view]))
    expected = VALUES.expected(style)
    assert style == page.style
    assert {} == misread(page, expected)
    right = [one for one in page.readings if expected.get(one.name) == one.value]
    assert len(right) >= len(expected) - 1
    for one in page.readings:
        answers.parse(one.name, one.value)
        assert one.crop.startswith(b"\x89PNG")


def test_a_misread_value_would_be_seen(shooter: Camera) -> None:
    """The check above can fail."""
    page = screenshots.read(shooter.shoot("dashboard", VALUES))
    assert {} != misread(page, VALUES.expected("dashboard") | {"maximum_users": "1302"})


# -- several images


def page(name: str, **values: str) -> Page:
    """A page on which these values were read with certainty."""
    readings = [Reading(name=one, value=value, label="", crop=b"", is_sure=True) for one, value in values.items()]
    return Page(style="dashboard", readings=tuple(readings), name=name)


def test_two_images_that_agree() -> None:
    """One reading of each."""
    found = screenshots.agreement([page("a.png", plan="premium"), page("b.png", plan="premium", billable_users="9")])
    assert [("plan", True), ("billable_users", True)] == [(one.name, one.is_sure) for one in found.readings]


def test_two_images_that_disagree_give_no_value() -> None:
    """Both are named."""
    found = screenshots.agreement([page("a.png", billable_users="231"), page("b.png", billable_users="240")])
    assert ((), ["billable_users differs: 231 on a.png, 240 on b.png"]) == (
        found.readings,
        [conflict.words for conflict in found.conflicts],
    )


def test_figures_that_do_not_fit_each_other_are_not_sure() -> None:
    """20 bought and 22 at the most are 2 over, not 5."""
    found = screenshots.agreement([page("a", users_in_license="20", maximum_users="22", users_over_license="5")])
    assert {False} == {one.is_sure for one in found.readings}


# -- what is refused


def png(width: int, height: int) -> bytes:
    """The header of a PNG of this size, with hardly any pixels behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def animation() -> bytes:
    """A GIF of two frames."""
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def still(kind: str = "PNG", size: tuple[int, int] = (200, 100)) -> bytes:
    """A picture of nothing."""
    file = io.BytesIO()
    Image.new("RGB", size, "gray").save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello", "is no PNG, JPEG or GIF"),
        (b"", "is no PNG, JPEG or GIF"),
        (png(30_000, 200), "is 30,000 by 200 pixels; at most 16,000 on a side"),
        (png(10_000, 10_000), "is 10,000 by 10,000 pixels; at most 16,000 on a side and 40,000,000 in all"),
        (png(15_000, 15_000), "has too many pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20_000_001), "at most 20.0 MB are read"),
        (animation(), "is an animation"),
        (still()[:120], "is damaged or cut off"),
        (still("JPEG")[:200], "is damaged or cut off"),
    ],
)
def test_what_is_refused(content: bytes, words: str) -> None:
    """By both ways to look at it, in words."""
    for look in (screenshots.read, screenshots.thumbnail):
        with pytest.raises(InputError, match=words):
            look(content, name="x.png")


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pixel is asked for."""
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(InputError, match="pixels"):
        screenshots.thumbnail(png(30_000, 30_000))


@pytest.mark.parametrize(
    "body",
    [
        "<h1>Quarterly numbers</h1><p>Users: 12</p>",
        "<h1>Abonnement</h1><p>Nutzer im Abonnement 250</p><p>Tarif: Premium</p><p>Enddatum: 6. Nov. 2026</p>",
    ],
    ids=["another page", "another language"],
)
def test_a_page_of_something_else(shooter: Camera, body: str) -> None:
    """Or in another language: said, and nothing is read."""
    with pytest.raises(InputError, match="shows no Dashboard, Subscription or License page"):
        screenshots.read(shooter.shoot_html(framed(body)), name="x.png")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how to get it; images are still shown."""
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] in ("rapidocr", "onnxruntime"):
            raise ImportError(name)
        return real(name, *rest, **more)

    from runbook_lib.screenshots import words

    words._engine.cache_clear()
    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.setattr(words, "find_spec", lambda name: None)
    assert not screenshots.available()
    with pytest.raises(InputError, match=r"license-runbook\[ocr\]"):
        screenshots.read(still(size=(600, 400)))
    assert screenshots.thumbnail(still()).startswith(b"\x89PNG")

"""Screenshots as a customer attaches them: drawn from plain data when a world is made, so that their dates fit it.

They show the labels of GitLab's admin pages, in a plain look of our own.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL import ImageDraw

WIDTH, HEIGHT = 1280, 720
_TEXT, _QUIET, _LINE, _BAR = "#28272d", "#626168", "#dcdcde", "#ececef"


@dataclass(frozen=True, kw_only=True)
class Screen:
    """What a page shows.

    Attributes:
        page: Which page.
        plan: As the page writes it.
        expires_on: The end date.
        licensed_to: A name.
        users: Users in subscription.
        billable: Billable users.
        maximum: Maximum users.
    """

    page: Literal["dashboard", "subscription"]
    plan: str
    expires_on: date
    licensed_to: str
    users: int
    billable: int
    maximum: int

    @property
    def over(self) -> int:
        """Users over the subscription."""
        return max(0, self.maximum - self.users)


def png(screen: Screen) -> bytes:
    """The screenshot as a PNG file."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 48), fill=_BAR)
    draw.rectangle((0, 48, 220, HEIGHT), fill="#fbfafd")
    for place, name in enumerate(("Overview", "Users", "Analytics", "Monitoring", "Messages", "System hooks")):
        _write(draw, (24, 72 + 36 * place), name, 16, _QUIET)
    title = "Admin Area" if screen.page == "dashboard" else "Subscription"
    _write(draw, (260, 72), title, 28)
    _cards(draw, screen)
    _rows(draw, screen)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _cards(draw: ImageDraw.ImageDraw, screen: Screen) -> None:
    over = "Users over License" if screen.page == "dashboard" else "Users over subscription"
    maximum = "Maximum Users" if screen.page == "dashboard" else "Maximum users"
    cards = (
        ("Users in subscription", screen.users),
        ("Billable users", screen.billable),
        (maximum, screen.maximum),
        (over, screen.over),
    )
    for place, (label, number) in enumerate(cards):
        left = 260 + 250 * place
        draw.rounded_rectangle((left, 130, left + 230, 240), radius=6, outline=_LINE, width=1)
        _write(draw, (left + 18, 148), f"{number:,}", 32)
        _write(draw, (left + 18, 204), label, 16, _QUIET)


def _rows(draw: ImageDraw.ImageDraw, screen: Screen) -> None:
    day = f"{screen.expires_on:%b} {screen.expires_on.day}, {screen.expires_on:%Y}"
    rows = (("Plan:", screen.plan), ("End date:", day), ("Licensed to:", screen.licensed_to))
    if screen.page == "subscription":
        rows = (("Plan", screen.plan), ("End date", day), ("Licensed to", screen.licensed_to))
    draw.rounded_rectangle((260, 280, 1240, 300 + 56 * len(rows)), radius=6, outline=_LINE, width=1)
    for place, (label, value) in enumerate(rows):
        top = 300 + 56 * place
        _write(draw, (284, top), label, 18, _QUIET)
        _write(draw, (520, top), value, 18)


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, size: int, color: str = _TEXT) -> None:
    from PIL import ImageFont

    draw.text(at, words, fill=color, font=ImageFont.load_default(size))

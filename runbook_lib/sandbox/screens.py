"""Screenshots as a customer attaches them: drawn from plain data when a world is made, so that their dates fit it.

They show the labels of GitLab's admin pages where those have them, in a plain look of our own.

Source: FACTS, *How the admin pages really look*: the dashboard of 17.x, and the Subscription page.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from runbook_lib.sandbox.tickets.model import Screenshot

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

WIDTH, HEIGHT = 1366, 768
_LEFT, _GAP = 256, 16
_TEXT, _QUIET, _LINE, _BAR = "#28272d", "#626168", "#dcdcde", "#ececef"


@dataclass(frozen=True)
class Screen:
    shown: Screenshot
    expires_on: date
    licensed_to: str

    @property
    def over(self) -> int:
        return max(0, self.shown.maximum - self.shown.users)

    @property
    def starts_on(self) -> date:
        return self.expires_on - timedelta(days=365)


def png(screen: Screen) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("L", (WIDTH, HEIGHT), "white")  # gray is drawn and packed in a third of the time
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 48), fill=_BAR)
    draw.rectangle((0, 48, 232, HEIGHT), fill="#fbfafd")
    for place, name in enumerate(("Overview", "Users", "Analytics", "Monitoring", "Messages", "System hooks")):
        _write(draw, (24, 72 + 36 * place), name, 16, _QUIET)
    (_dashboard if screen.shown.page == "dashboard" else _subscription)(draw, screen)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # the fastest; the picture is the same
    return file.getvalue()


def _dashboard(draw: ImageDraw.ImageDraw, screen: Screen) -> None:
    """One line on the license, with an icon and a time behind the date; below it a card for each number."""
    _write(draw, (_LEFT, 68), "Dashboard", 28)
    _write(draw, (_LEFT, 122), "License overview", 20)
    draw.rounded_rectangle((_LEFT, 158, WIDTH - 24, 220), radius=6, outline=_LINE, width=1)
    draw.rounded_rectangle((_LEFT + 18, 182, _LEFT + 34, 196), radius=2, outline=_TEXT, width=2)
    draw.line((_LEFT + 22, 187, _LEFT + 30, 187), fill=_TEXT)
    left = _LEFT + 42.0
    day = f"{_day(screen.expires_on)} 12:00am"
    facts = (("Plan:", screen.shown.plan), ("End date:", day), ("Licensed to:", screen.licensed_to))
    for label, value in (*facts, ("Type:", "Offline license")):
        for words, color in ((label, _QUIET), (value, _TEXT)):
            _write(draw, (left, 181), words, 15, color)
            left += draw.textlength(words, _font(15)) + 5
        left += 9
    term = f"This license is valid from {screen.starts_on} to {screen.expires_on}."
    cards = (
        ("Users in subscription", screen.shown.users, term),
        ("Billable users", screen.shown.billable, "Users with a seat. Updated once a day, UTC."),
        ("Maximum Users", screen.shown.maximum, "The most users since the license started."),
        ("Users over License", screen.over, "Users above the license, at its highest count."),
    )
    width = (WIDTH - 24 - _LEFT - _GAP) // 2
    for place, (label, number, words) in enumerate(cards):
        left, top = _LEFT + (place % 2) * (width + _GAP), 236 + 156 * (place // 2)
        draw.rounded_rectangle((left, top, left + width, top + 140), radius=6, outline=_LINE, width=1)
        _write(draw, (left + 18, top + 16), label, 16)
        _write(draw, (left + 18, top + 44), f"{number:,}", 34)
        _write(draw, (left + 18, top + 102), words, 15, _QUIET)


def _subscription(draw: ImageDraw.ImageDraw, screen: Screen) -> None:
    """The details in rows; below them a card for each number, with the number first."""
    _write(draw, (_LEFT, 68), "Your subscription", 28)
    rows = (
        ("Plan", screen.shown.plan),
        ("Type", "Offline license"),
        ("Start date", _day(screen.starts_on)),
        ("End date", _day(screen.expires_on)),
        ("Licensed to", screen.licensed_to),
    )
    draw.rounded_rectangle((_LEFT, 118, WIDTH - 24, 176 + 44 * len(rows)), radius=6, outline=_LINE, width=1)
    _write(draw, (_LEFT + 18, 132), "Subscription details", 20)
    for place, (label, value) in enumerate(rows):
        _write(draw, (_LEFT + 18, 176 + 44 * place), label, 16, _QUIET)
        _write(draw, (_LEFT + 220, 176 + 44 * place), value, 16)
    cards = (
        ("Users in subscription", screen.shown.users),
        ("Billable users", screen.shown.billable),
        ("Maximum users", screen.shown.maximum),
        ("Users over subscription", screen.over),
    )
    width, top = (WIDTH - 24 - _LEFT - 3 * _GAP) // 4, 430
    for place, (label, number) in enumerate(cards):
        start = _LEFT + place * (width + _GAP)
        draw.rounded_rectangle((start, top, start + width, top + 112), radius=6, outline=_LINE, width=1)
        _write(draw, (start + 18, top + 18), f"{number:,}", 34)
        _write(draw, (start + 18, top + 76), label, 16, _QUIET)


def _day(on: date) -> str:
    return f"{on:%b} {on.day}, {on:%Y}"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _write(draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, size: int, color: str = _TEXT) -> None:
    draw.text(at, words, fill=color, font=_font(size))

"""Pages that look like those of GitLab's admin area, and screenshots of them by a real browser.

Own HTML and own style, arranged as the product's templates arrange them: labels, places and dates are those that a
reader has to know. Source: FACTS, *How the admin pages really look*.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Browser

from runbook_lib.ocr import Page
from runbook_lib.ocr.images import decoded
from runbook_lib.ocr.reading import named, shown
from tests.chromium import launched

STYLES = ("dashboard", "subscription", "license", "inline")
"""The dashboard of 17.x, the Subscription page, the License page of 9.x to 12.x, and that of 10.0."""
FONTS = "'Liberation Sans', Arial, sans-serif"
BOX = ("x", "y", "width", "height")
LIGHT = {"page": "#ffffff", "card": "#ffffff", "text": "#28272d", "quiet": "#626168", "line": "#dcdcde"}
DARK = {"page": "#18171d", "card": "#1f1e24", "text": "#ececef", "quiet": "#a4a3a8", "line": "#3a383f"}


@dataclass(frozen=True, kw_only=True)
class Values:
    """What a page shows. Dates are dates; how they are written is `date_format`."""

    plan: str = "Premium"
    expires_on: date = date(2026, 11, 6)
    users: int = 250
    billable: int = 231
    maximum: int = 254
    over: int = 4
    date_format: str = "{0:%b} {0.day}, {0:%Y}"
    time: str = " 12:00am"
    licensee: str = "Maya Lindqvist"
    company: str = "Nordlicht Analytics"

    def day(self, on: date) -> str:
        """A date as the page writes it."""
        return self.date_format.format(on)

    @property
    def started_on(self) -> date:
        """A year before it ends."""
        return self.expires_on.replace(year=self.expires_on.year - 1, day=min(self.expires_on.day, 28))

    def expected(self, style: str) -> dict[str, str]:
        """What a perfect reader finds on a page of this style."""
        found = {
            "plan": self.plan.lower(),
            "expires_on": self.expires_on.isoformat(),
            "users_in_license": str(self.users),
            "billable_users": str(self.billable),
            "maximum_users": str(self.maximum),
            "users_over_license": str(self.over),
        }
        if style in ("license", "inline"):
            del found["billable_users"], found["plan"]
        return found


@dataclass(frozen=True, kw_only=True)
class View:
    """How a page is looked at.

    Attributes:
        width: Of the window, in CSS pixels.
        scale: Of the screen: 2 for one with small pixels.
        dark: Whether in the dark theme.
        quality: Of a JPEG; None for a PNG.
        tilt: Degrees by which a photograph of the screen is turned; with it come blur and perspective.
        shrink: By what the screenshot is made smaller, as a messenger does.
        blur: Radius of a blur, in pixels of the image.
        layout: Another arrangement of the same cards: `usual`, `inline` (number after the label), `below` or `above`
            it, `bare` (below, without help text), or `rows`.
        notes: Arrows and boxes that a person drew on the screenshot.
        crop: Only the main part of the page, without bar and menu.
        webp: Saved as WebP.
    """

    width: int = 1280
    scale: int = 1
    dark: bool = False
    quality: int | None = None
    tilt: float = 0.0
    shrink: float = 1.0
    blur: float = 0.0
    layout: str = "usual"
    notes: bool = False
    crop: bool = False
    webp: bool = False


class Camera:
    """Takes screenshots of pages in one open browser."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def shoot(self, style: str, values: Values | None = None, view: View | None = None) -> bytes:
        """A screenshot, PNG or JPEG, of one of the three pages."""
        view = view or View()
        return self.shoot_html(html(style, values or Values(), view), view)

    def shoot_html(self, page_html: str, view: View | None = None) -> bytes:
        """A screenshot of any page."""
        view = view or View()
        page = self._browser.new_page(viewport={"width": view.width, "height": 900}, device_scale_factor=view.scale)
        try:
            page.set_content(page_html)
            content = page.locator("main").screenshot() if view.crop else page.screenshot(full_page=True)
            boxes = [box for mark in page.locator(".mark").all() if (box := mark.bounding_box())] if view.notes else []
        finally:
            page.close()
        if view.notes:
            content = marked(content, [tuple(view.scale * box[side] for side in BOX) for box in boxes], view.scale)
        if view.tilt:
            content = photographed(content, view.tilt)
        if view.blur or view.shrink != 1:
            content = softened(content, view.shrink, view.blur)
        if view.webp:
            return as_webp(content)
        return content if view.quality is None else as_jpeg(content, view.quality)


@contextmanager
def camera() -> Iterator[Camera]:
    """A browser of one's own for screenshots."""
    with launched() as browser:
        yield Camera(browser)


def read(content: bytes, *, name: str = "") -> Page:
    """What is read off an image, anew each time."""
    return named(shown(decoded(content, name)), name)


def as_jpeg(content: bytes, quality: int) -> bytes:
    """An image saved as a JPEG."""
    file = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def as_webp(content: bytes) -> bytes:
    """An image saved as a WebP."""
    file = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").save(file, "WEBP", quality=80)
    return file.getvalue()


def marked(content: bytes, boxes: Sequence[tuple[float, ...]], scale: int) -> bytes:
    """A screenshot on which a person drew a red box around each of these places, and an arrow to it."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    draw, width = ImageDraw.Draw(image), 3 * scale
    for x, y, w, h in boxes:
        left, top, right, bottom = x - 4 * scale, y - 4 * scale, x + w + 4 * scale, y + h + 4 * scale
        draw.rectangle((left, top, right, bottom), outline="#e01b24", width=width)
        draw.line((right + 60 * scale, top - 30 * scale, right, top), fill="#e01b24", width=width)
        draw.line((right + 14 * scale, top + 2 * scale, right, top), fill="#e01b24", width=width)
        draw.line((right + 8 * scale, top - 14 * scale, right, top), fill="#e01b24", width=width)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def softened(content: bytes, shrink: float, blur: float) -> bytes:
    """A screenshot that lost detail."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    image = image.resize((round(image.width * shrink), round(image.height * shrink)), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(blur)).save(file, "PNG")
    return file.getvalue()


def photographed(content: bytes, degrees: float) -> bytes:
    """A screenshot as a telephone sees it on a screen: turned, from the side, not quite sharp."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    width, height = image.size
    frame = Image.new("RGB", (width + 160, height + 160), "#3b3a38")
    frame.paste(image, (80, 80))
    frame = frame.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="#3b3a38")
    w, h = frame.size
    corners = (0, 0, -0.02 * w, h, 1.015 * w, 1.01 * h, w, -0.015 * h)
    frame = frame.transform((w, h), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    frame.filter(ImageFilter.GaussianBlur(0.7)).save(file, "JPEG", quality=85)
    return file.getvalue()


def html(style: str, values: Values, view: View) -> str:
    """One of the pages."""
    main = {"dashboard": _dashboard, "subscription": _subscription, "license": _license, "inline": _inline}[style]
    return framed(main(values, view), dark=view.dark)


def framed(main: str, *, dark: bool = False) -> str:
    """A page of the admin area around its contents: a bar above, a menu at the left."""
    entries = ("Overview", "Dashboard", "Projects", "Users", "Groups", "Topics", "Gitaly servers", "CI/CD", "Analytics")
    menu = "".join(f"<p>{entry}</p>" for entry in (*entries, "Messages", "Subscription", "Settings"))
    return (
        f"<!doctype html><html lang=en><style>{_css(DARK if dark else LIGHT)}</style><header>Search or go to…</header>"
        f"<div class=whole><nav><b>Admin area</b>{menu}</nav><main>{main}</main></div></html>"
    )


def duo(ends_on: str) -> str:
    """A second section with dates of its own."""
    return (
        "<div class=card><h2>GitLab Duo Enterprise</h2><div class=row><span>Seats used</span><span>11 / 20</span></div>"
        f"<div class=row><span>Start date</span><span>Jan 4, 2025</span></div><div class=row><span>End date</span>"
        f"<span>{ends_on}</span></div></div>"
    )


def _css(color: dict[str, str]) -> str:
    return (
        f"body{{margin:0;font:14px/20px {FONTS};background:{color['page']};color:{color['text']}}}"
        f"header{{padding:10px 16px;border-bottom:1px solid {color['line']};color:{color['quiet']}}}"
        ".whole{display:flex}nav{width:200px;padding:12px 16px;flex:none}nav p{margin:10px 0}"
        "main{padding:8px 24px;flex:1;max-width:1100px}h1{font-size:24px}h2{font-size:18px;margin:8px 0}"
        ".grid{display:grid;grid-template-columns:1fr 1fr;gap:16px;margin:16px 0}"
        ".three{grid-template-columns:1fr 1fr 1fr}"
        f".card{{border:1px solid {color['line']};border-radius:6px;padding:16px;background:{color['card']}}}"
        f".quiet,small{{color:{color['quiet']};font-size:14px}}.number{{font-size:28px;line-height:36px;margin:4px 0}}"
        ".upper{text-transform:uppercase;font-size:14px;margin:0 0 8px}.row{display:flex;padding:7px 0}"
        ".row span:first-child{width:190px;flex:none;font-weight:bold}"
        ".line{display:flex;gap:14px;align-items:center;flex-wrap:wrap}"
        f".line svg{{fill:none;stroke:{color['text']};stroke-width:1.5;flex:none;margin-right:-6px}}"
        f".button{{border:1px solid {color['line']};border-radius:4px;padding:5px 12px;margin-left:auto}}"
        ".large{font-size:32px;line-height:40px;font-weight:bold;margin:4px 0 8px}"
        ".wide{display:flex;align-items:center;margin:0}.wide span:first-child{width:40%;font-weight:bold}"
        ".wide span:last-child{flex:1;text-align:center;font-size:30px;line-height:44px;margin-right:40%}"
        "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:10px 8px;font-size:14px;"
        f"border-bottom:1px solid {color['line']}}}"
        ".badge{background:#dd2b0e;color:#fff;border-radius:10px;padding:1px 8px;font-size:12px;margin-left:8px}"
    )


HELP = {
    "in": "The number of seats that were bought.",
    "billable": "Users with a seat in this subscription. Updated 2026-11-02 03:12 UTC.",
    "max": "The highest number of users since the license started.",
    "over": "You pay for these users when you renew your subscription.",
}
ICON = "<svg width=16 height=16><rect x=1.5 y=3 width=13 height=10 rx=2 /><path d='M4 9h4M4 6h8' /></svg>"
"""Readers of text take it for a character."""


def _cards(labels: dict[str, str], values: Values, layout: str, *, dated: bool = False) -> str:
    """The cards with the numbers of users, in one of the arrangements that GitLab has had."""
    numbers = {"in": values.users, "billable": values.billable, "max": values.maximum, "over": values.over}
    made = {
        "large": "<div class=card><b>{0}</b><div class='large mark'>{1:,}</div><small>{2}</small></div>",
        "wide": "<div class=card><p class='wide mark'><span>{0}:</span><span>{1:,}</span></p><small>{2}</small></div>",
        "above": "<div class=card><div class=number>{1:,}</div><div class=upper>{0}</div><small>{2}</small></div>",
        "below": "<div class=card><div>{0}</div><div class=number>{1:,}</div><small>{2}</small></div>",
        "bare": "<div class=card><div>{0}</div><div class=number>{1:,}</div></div>",
        "inline": "<div class=card><h2>{0}: {1:,}</h2><small>{2}</small></div>",
        "rows": "<div class=row><span>{0}</span><span>{1:,}</span></div>",
    }[layout]
    term = f" It is valid from {values.started_on} to {values.expires_on}." if dated else ""
    cards = "".join(
        made.format(label, numbers[key], HELP[key] + (term if key == "in" else "")) for key, label in labels.items()
    )
    return cards if layout == "rows" else f"<div class='grid{' three' * (layout == 'wide')}'>{cards}</div>"


def _dashboard(values: Values, view: View) -> str:
    label = "Expired" if values.plan == "Ultimate" else "End date"
    figures = "".join(
        f"<div class=card><div class=number>{number}</div><div>{name}</div><small>View latest</small></div>"
        for name, number in (("Projects", "1,042"), ("Users", "318"), ("Groups", "57"))
    )
    labels = {"in": "User in subscription" if values.users == 1 else "Users in subscription"}
    labels |= {"billable": "Billable users", "max": "Maximum Users", "over": "Users over License"}
    return (
        f"<h1>Dashboard</h1><h2>Instance overview</h2><div class='grid three'>{figures}</div><h2>License overview</h2>"
        f"<div class='card line'>{ICON}<span class=mark>Plan: <b>{values.plan}</b></span><span class=mark>{label}: "
        f"<b>{values.day(values.expires_on)}{values.time}</b></span><span>Licensed to: <b>{values.licensee}</b> "
        f"({values.company})</span><span>Type: <b>Online license</b></span><span class=button>View details</span></div>"
        + _cards(labels, values, "large" if view.layout == "usual" else view.layout, dated=True)
        + "<div class='grid three'><div class=card><h2>Statistics</h2><div class=row><span>Forks</span><span>12</span>"
        "</div><div class=row><span>Issues</span><span>9,412</span></div><div class=row><span>Active users</span>"
        "<span>299</span></div></div><div class=card><h2>Features</h2><p>Sign up</p><p>LDAP</p><p>Gravatar</p></div>"
        "<div class=card><h2>Components</h2><div class=row><span>GitLab</span><span>18.5.2-ee</span></div>"
        "<div class=row><span>Ruby</span><span>3.2.8p263</span></div></div></div>"
    )


def _subscription(values: Values, view: View) -> str:
    rows = (
        ("ID", "810042"),
        ("Plan", values.plan),
        ("Type", "Online license"),
        ("Start date", values.day(values.started_on)),
        ("End date", values.day(values.expires_on)),
        ("Last sync", f"{values.day(values.expires_on)} 03:12 UTC"),
    )
    people = (
        ("Licensed to", values.licensee),
        ("Email", "it@nordlicht-analytics.example"),
        ("Company", values.company),
    )
    details = "".join(f"<div class='row mark'><span>{name}</span><span>{value}</span></div>" for name, value in rows)
    owner = "".join(f"<div class=row><span>{name}</span><span>{value}</span></div>" for name, value in people)
    labels = {"in": "Users in subscription", "billable": "Billable users"}
    labels |= {"max": "Maximum users", "over": "Users over subscription"}
    older = values.day(values.started_on)
    return (
        "<h1>Your subscription</h1><div class=grid>"
        f"<div class=card><h2>Subscription details</h2>{details}</div>"
        f"<div class=card><h2>Licensed to</h2>{owner}</div></div>"
        + _cards(labels, values, "above" if view.layout == "usual" else view.layout)
        + "<h2>Subscription history</h2><table><tr><th>Plan</th><th>Activated on</th><th>Valid from</th>"
        f"<th>Expires on</th><th>Seats</th></tr><tr><td>{values.plan}</td><td>{older}</td><td>{older}</td>"
        f"<td>{values.day(values.expires_on)}</td><td>{values.users:,}</td></tr><tr><td>Starter</td><td>{older}</td>"
        f"<td>{values.day(values.started_on.replace(year=values.started_on.year - 1))}</td><td>{older}</td>"
        "<td>180</td></tr></table>"
    )


def _license(values: Values, view: View, layout: str = "wide") -> str:
    labels = {"in": "Users in License", "max": "Maximum Users", "over": "Users over License"}
    older, history = values.day(values.started_on), values.day(values.started_on.replace(year=2014))
    return (
        "<h1>Your License</h1><p class=quiet>Your license is shown below.</p><div class=grid><div class=card>"
        f"<h2>Licensed to</h2><p>Name: <b>{values.licensee}</b></p><p>Email: <b>it@nordlicht-analytics.example</b></p>"
        f"<p>Company: <b>{values.company}</b></p></div><div class=card>"
        "<h2>Details</h2><p>Uploaded: <b>8 months ago</b></p><p>Started: <b>8 months ago</b></p>"
        "<p>Expires: <b>4 months from now</b></p></div></div>"
        + _cards(labels, values, layout if view.layout == "usual" else view.layout, dated=True)
        + "<h2>License history</h2><table><tr><th>Licensed to</th><th>Uploaded at</th><th>Started at</th>"
        f"<th>Expired at</th><th>Active users</th></tr><tr><td>{values.licensee}</td><td>{history}</td>"
        f"<td>{history}</td><td>{older}</td><td>{values.users:,}</td></tr></table>"
    )


def _inline(values: Values, view: View) -> str:
    return _license(values, view, "inline")

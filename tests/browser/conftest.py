"""A real browser without a network: whatever is not on this machine is refused, and noted."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from runbook_lib.settings import ROOT
from tests.chromium import launched

SHOTS = ROOT / "build" / "screenshots"
PATIENCE_MS = 90_000
"""A browser test may share its two cores with other tests."""


EVENTS = """
window.events = [];
for (const kind of ['keydown', 'keyup', 'mousedown', 'mouseup', 'click', 'focusin'])
    addEventListener(kind, event => {
        const {target} = event;
        const name = target.innerText?.slice(0, 30).replaceAll('\\n', ' ') ?? '';
        const active = target.classList?.contains('mod-active') ? ' (pressed)' : '';
        const when = Math.round(event.timeStamp);
        window.events.push(`${when} ${kind} ${event.key ?? ''} ${target.nodeName} ${name}${active}`);
    }, true);
"""
"""Notes where each key, click and change of focus arrives: a press that came to nothing can be followed."""


@dataclass
class Seen:
    """A page, and what went wrong in it.

    Attributes:
        page: The page, 1280 px wide.
        outside: Addresses beyond this machine that it asked for.
        errors: What its console and its scripts told as errors.
    """

    page: Page
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def in_both_themes(self) -> Iterator[None]:
        """Dark, then light again."""
        for theme in ("dark", "light"):
            self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            yield

    def shot(self, name: str) -> None:
        """Keep a picture of the whole page for people."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        dark = self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        self.page.screenshot(path=SHOTS / f"{name}-{'dark' if dark else 'light'}.png", full_page=True)

    def said(self) -> str:
        """The end of what stands on the page, what its fields hold, where the focus is, and its errors."""
        told: list[str] = self.page.evaluate(
            """() => [
                document.body.innerText.slice(-6000),
                ...[...document.querySelectorAll('input')].map(field => `field: ${field.value}`),
                `focus: ${document.activeElement.outerHTML.slice(0, 300)}`,
                `active: ${document.querySelector('.jp-Cell.jp-mod-active')?.innerText.slice(0, 300)}`,
                ...(window.events ?? []).slice(-60).map(event => `event: ${event}`),
            ]"""
        )
        return "\n".join([*told, *(f"error: {error}" for error in self.errors)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failure stands what its page said: that of a run elsewhere cannot be looked at any more."""
    report = yield
    seen = getattr(item, "funcargs", {}).get("seen")
    if report.when == "call" and report.failed and isinstance(seen, Seen):
        report.sections.append(("what the page said", seen.said()))
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module."""
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for the tests of a module, so that what a page has loaded and compiled serves the next one too."""
    context = browser.new_context(viewport={"width": 1280, "height": 1600}, color_scheme="light")
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    context.add_init_script(EVENTS)
    yield context
    context.close()


@pytest.fixture
def seen(context: BrowserContext) -> Iterator[Seen]:
    """A page in the light theme, which knows nothing of the pages before it."""
    found = Seen(context.new_page())

    def note(request: Request) -> None:
        if urlsplit(request.url).hostname not in ("", None, "127.0.0.1", "localhost"):
            found.outside.append(request.url)

    found.page.on("request", note)
    found.page.on("console", lambda said: found.errors.append(said.text) if said.type == "error" else None)
    found.page.on("pageerror", lambda error: found.errors.append(str(error)))
    yield found
    for page in context.pages:
        if page.url.startswith("http"):
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.close()
    context.clear_cookies()

"""A page of the browser as a test sees it: what it asks for, what goes wrong in it, and pictures of it for people."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Error, Page, Request

from runbook_lib.settings import ROOT

PICTURES = "TEST_PICTURES"
"""Set by `make pictures`: pictures are taken. Elsewhere one is taken only of what a failed test saw last."""
SHOTS = ROOT / "build" / "screenshots"
DEFAULT_SIZE = (1280, 1600)


@dataclass
class Seen:
    """A page, and what went wrong in it.

    Attributes:
        page: The page, 1280 px wide.
        outside: Addresses beyond this machine that it asked for.
        errors: What its console and its scripts reported as errors.
        stacks: Where its scripts failed.
    """

    page: Page
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stacks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._note)
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", self._note_error)

    def _note(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in ("", None, "127.0.0.1", "localhost"):
            self.outside.append(request.url)

    def _note_error(self, error: Error) -> None:
        self.errors.append(str(error))
        self.stacks.append(str(error.stack))

    def resize(self, width: int, height: int) -> None:
        """Change the size of the window."""
        self.page.set_viewport_size({"width": width, "height": height})

    def in_both_themes(self) -> Iterator[None]:
        """Dark, then light again."""
        for theme in ("dark", "light"):
            self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            yield

    def shot(self, name: str) -> None:
        """Keep a picture of the whole page for people, where pictures are wanted."""
        if PICTURES in os.environ:
            dark = self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
            self.page.screenshot(path=SHOTS / f"{name}-{'dark' if dark else 'light'}.png", full_page=True)

    def said(self) -> str:
        """The end of what stands on the page, what its fields hold, where the focus is, and its errors."""
        found: list[str] = self.page.evaluate(
            """() => [
                document.body.innerText.slice(-6000),
                ...[...document.querySelectorAll('input')].map(field => `field: ${field.value}`),
                `focus: ${document.activeElement.outerHTML.slice(0, 300)}`,
                `active: ${document.querySelector('.jp-Cell.jp-mod-active')?.innerText.slice(0, 300)}`,
                ...(window.events ?? []).slice(-60).map(event => `event: ${event}`),
            ]"""
        )
        return "\n".join([*found, *(f"error: {error}" for error in (*self.errors, *self.stacks))])

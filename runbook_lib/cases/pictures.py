"""The images of a ticket, and what can be read off them: shown to the engineer, who confirms every value.

Only reads. What cannot be shown or read becomes a note that says why, never a value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib import screenshots
from runbook_lib.display import clean
from runbook_lib.errors import InputError, RunbookError
from runbook_lib.models import Attachment, Comment
from runbook_lib.screenshots import Page, Reading
from runbook_lib.widgets import Picture, Suggestion

LEAST_SCREENSHOT_BYTES = 10_000
MOST_IMAGES = 6
HOW_TO_INSTALL = (
    "To have the values read off the images, install the extra: pip install 'license-runbook[ocr]'. Until then read "
    "them by eye."
)


Download = Callable[[Attachment], bytes]


@dataclass(frozen=True)
class Pictures:
    """What a form shows of a ticket's images.

    Attributes:
        shown: The images, small.
        suggestions: By parameter, what was read; each to be confirmed by a person.
        notes: What could not be used, or differs.
    """

    shown: tuple[Picture, ...] = ()
    suggestions: Mapping[str, tuple[Suggestion, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Album:
    """Images that were looked at already; each is got and read once."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._pages: dict[str, Page | str] = {}

    def look(
        self, thread: Iterable[Comment], paths: Iterable[str], *, download: Download, say: Callable[[str], None]
    ) -> Pictures:
        """The images on the ticket, and those that the engineer is about to add.

        Args:
            thread: The ticket's comments.
            paths: The files that are to be added.
            download: Gets an attachment's content; raises RunbookError.
            say: Says what is under way.
        """
        files = [file for comment in thread for file in comment.attachments if is_image(file)]
        notes = [f"Only the first {MOST_IMAGES} of {len(files)} images are shown."] if len(files) > MOST_IMAGES else []
        contents: list[tuple[str, bytes]] = []
        attached = [self._attached(file, download) for file in files[:MOST_IMAGES]]
        for name, get in [*attached, *map(_local, paths)]:
            try:
                contents.append((name, get()))
            except (RunbookError, OSError) as exc:
                notes.append(f"{name} could not be looked at: {exc}")
        if contents and not screenshots.available():
            notes.append(HOW_TO_INSTALL)
        return self._pictures(contents, notes, say)

    def _attached(self, file: Attachment, download: Download) -> tuple[str, Callable[[], bytes]]:
        def get() -> bytes:
            if file.content_url not in self._files:
                self._files[file.content_url] = download(file)
            return self._files[file.content_url]

        return clean(file.file_name, 60), get

    def _pictures(self, contents: list[tuple[str, bytes]], notes: list[str], say: Callable[[str], None]) -> Pictures:
        shown, pages = [], []
        for name, content in contents:
            try:
                shown.append(Picture(screenshots.thumbnail(content, name=name), name))
            except InputError as exc:
                notes.append(str(exc))
                continue
            if screenshots.available():
                page = self._page(name, content, say)
                if isinstance(page, Page):
                    pages.append(page)
                else:
                    notes.append(page)
        agreed = screenshots.agreement(pages)
        found: dict[str, tuple[Suggestion, ...]] = {
            reading.name: (_suggestion(reading, _where(pages, reading)),) for reading in agreed.readings
        }
        for conflict in agreed.conflicts:
            notes.append(f"{conflict.words}. Compare both with the images; ask the customer if you cannot tell.")
            found[conflict.name] = tuple(_suggestion(reading, image) for image, reading in conflict.readings)
        return Pictures(tuple(shown), found, tuple(notes))

    def _page(self, name: str, content: bytes, say: Callable[[str], None]) -> Page | str:
        """What was read off an image, or why nothing was."""
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._pages:
            say(f"reading {name}")
            try:
                self._pages[digest] = screenshots.read(content, name=name)
            except InputError as exc:
                self._pages[digest] = str(exc)
        return self._pages[digest]


def keep(folder: Path, file_name: str, content: bytes) -> str:
    """Keep an image that the engineer chose, under a name of ours; returns its path.

    Raises:
        InputError: It is no image, too large, or cannot be kept.
    """
    kind = screenshots.media_type(content, name=file_name)
    path = folder / "screenshots" / f"{hashlib.sha256(content).hexdigest()[:16]}.{kind.partition('/')[2]}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as exc:
        raise InputError(f"The image cannot be kept in {path.parent}: {exc.strerror}.") from exc
    return str(path)


def is_image(attachment: Attachment) -> bool:
    """Whether a file may be a screenshot: an image, and too large for the logo of a mail signature."""
    return attachment.content_type.startswith("image/") and attachment.size >= LEAST_SCREENSHOT_BYTES


def _local(path: str) -> tuple[str, Callable[[], bytes]]:
    return clean(Path(path).name, 60), lambda: Path(path).read_bytes()


def _where(pages: Iterable[Page], reading: Reading) -> str:
    """The images that show a value."""
    same = (reading.name, reading.value)
    return " and ".join(page.name for page in pages if same in {(one.name, one.value) for one in page.readings})


def _suggestion(reading: Reading, where: str) -> Suggestion:
    doubt = "" if reading.is_sure else ", hard to read"
    return Suggestion(reading.value, f"{where}{doubt}", reading.crop)

"""The images of a ticket, and what can be read off them: shown to the engineer, who confirms every value.

Only reads. What cannot be shown or read becomes a note that says why, never a value.
"""

from __future__ import annotations

import atexit
import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib import files, ocr
from runbook_lib.cases.downloads import MOST_FILES
from runbook_lib.domain import content_kinds, finder, image_types
from runbook_lib.domain.content_kinds import Kind
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.models import Attachment, Comment
from runbook_lib.domain.plain_text import clean, count, size
from runbook_lib.ocr import Page, Reading

MOST_IMAGES = 6
MOST_NAMES = 20
END_S = 60.0
"""How long the end of the process waits for the image that is being read; one takes 1 to 5 s."""
HOW_TO_INSTALL = (
    "To have the values read off the images, install the extra: pip install 'license-runbook[ocr]'. Until then read "
    "them by eye."
)
Download = Callable[[Attachment], bytes]


@dataclass(frozen=True)
class Images:
    """The images of a ticket, recognized by their bytes, and what was left aside."""

    files: tuple[tuple[str, bytes], ...] = ()  # name and content of each that can be looked at
    # Name of each that is not looked at although it may show a screenshot, and why
    aside: tuple[tuple[str, str], ...] = ()
    tiny: tuple[tuple[str, str], ...] = ()  # name of each that shows none, and why

    @property
    def names(self) -> tuple[str, ...]:
        """Of everything that may show a screenshot."""
        return (*(name for name, _ in self.files), *(name for name, _ in self.aside))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not looked at, and why: a sentence for each reason."""
        by_reason: dict[str, list[str]] = {}
        for name, reason in (*self.aside, *self.tiny):
            by_reason.setdefault(reason, []).append(name)
        return tuple(f"Not looked at: {_named(names)}: {reason}" for reason, names in by_reason.items())


def sorted_images(thread: Iterable[Comment], download: Download) -> Images:
    """The images among a ticket's attachments, whatever their names and media types say."""
    files: list[tuple[str, bytes]] = []
    aside: list[tuple[str, str]] = []
    tiny: list[tuple[str, str]] = []
    for place, file in enumerate(file for comment in thread for file in comment.attachments):
        name = clean(file.file_name, 60)
        if len(files) == MOST_IMAGES or place >= MOST_FILES:
            if _may_be_image(file):
                limits = f"only the first {MOST_IMAGES} images, among the first {MOST_FILES} files, are looked at."
                aside.append((name, limits))
            continue
        images, reason = _look_into(file, download)
        for within, image in images:
            label = f"{name} ({clean(within, 60)})" if within else name
            if ocr.is_tiny(image):
                tiny.append((label, "too small to be a screenshot."))
            elif len(files) == MOST_IMAGES:
                aside.append((label, f"only the first {MOST_IMAGES} images are looked at."))
            else:
                files.append((label, image))
        if reason:
            aside.append((name, reason))
    return Images(tuple(files), tuple(aside), tuple(tiny))


@dataclass(frozen=True)
class Suggestion:
    """A value that was read off an image, for a person to compare and confirm."""

    value: str  # the value, as it would be typed
    where: str  # what it was read off
    crop: bytes  # the place on the image, as PNG
    is_sure: bool = True  # whether it was read well; if not, it is looked at by itself


@dataclass(frozen=True)
class Picture:
    png: bytes  # the image, small and made anew
    words: str  # its description, for a reader who cannot see it


@dataclass(frozen=True)
class Pictures:
    """What a form shows of a ticket's images."""

    shown: tuple[Picture, ...] = ()  # the images, small
    # By parameter, what was read; each to be confirmed by a person
    suggestions: Mapping[str, tuple[Suggestion, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what could not be used, or differs


class ImageCache:
    """What was read off images, by their content: each is read once, in the background.

    Attributes:
        on_read: Called by the thread that reads: with what it is about to do, and with "" when all was read.
    """

    def __init__(self) -> None:
        self.on_read: Callable[[str], None] = lambda words: None
        self._readings = ocr.ReadingCache()
        self._thumbnails: dict[bytes, bytes] = {}
        self._failed: dict[bytes, str] = {}
        self._begun: set[bytes] = set()
        self._guard = threading.Lock()
        self._worker = threading.Thread()
        self._is_ending = False

    def pictures(self, thread: Iterable[Comment], paths: Iterable[str], *, download: Download) -> Pictures:
        """The images on the ticket, and those that the engineer is about to add, with what was read so far.

        The rest is read from now on. When all was read, `on_read` is called, and another call of this has everything.

        Args:
            thread: The ticket's comments.
            paths: The files that are to be added.
            download: Gets an attachment's content; raises RunbookError.
        """
        images = sorted_images(thread, download)
        contents, notes = list(images.files), list(images.notes)
        for path in paths:
            name = clean(Path(path).name, 60)
            try:
                contents.append((name, Path(path).read_bytes()))
            except OSError as exc:
                notes.append(f"{name} was not used: {exc}")
        if contents and not ocr.available():
            notes.append(HOW_TO_INSTALL)
        return self._pictures(contents, notes)

    def wait(self, timeout_s: float) -> bool:
        """Wait until all images were read; returns whether they were."""
        worker = self._worker
        if worker.ident:  # it was started
            worker.join(timeout_s)
        return not worker.is_alive()

    def _pictures(self, contents: list[tuple[str, bytes]], notes: list[str]) -> Pictures:
        shown, pages, unread = [], [], {}
        for name, content in contents:
            try:
                if content not in self._thumbnails:
                    self._thumbnails[content] = ocr.thumbnail(content, name=name)
                shown.append(Picture(self._thumbnails[content], name))
            except InputError as exc:
                notes.append(str(exc))
                continue
            if ocr.available():
                page = self._page(name, content)
                if isinstance(page, Page):
                    pages.append(page)
                elif page:
                    notes.append(page)
                else:
                    unread[content] = name
        if unread:
            verb = "is" if len(unread) == 1 else "are"
            notes.append(f"{count(len(unread), 'image')} {verb} being read. What is found appears below.")
            self._begin(unread)
            return Pictures(tuple(shown), {}, tuple(notes))
        found: dict[str, tuple[Suggestion, ...]] = {}
        for name, seen in ocr.combined(pages).items():
            if len(seen) > 1:
                values = ", ".join(f"{reading.value} on {images}" for images, reading in seen)
                notes.append(f"{name} differs: {values}. Compare both with the images; ask the customer if in doubt.")
            found[name] = tuple(_suggestion(reading, images) for images, reading in seen)
        return Pictures(tuple(shown), found, tuple(notes))

    def _page(self, name: str, content: bytes) -> Page | str | None:
        """What was read off an image, or why nothing was; None if it has not been read yet."""
        try:
            return self._failed.get(content) or self._readings.known(content, name=name)
        except InputError as exc:
            return str(exc)

    def _begin(self, unread: Mapping[bytes, str]) -> None:
        with self._guard:
            new = {content: name for content, name in unread.items() if content not in self._begun}
            self._begun |= new.keys()
            if new and not self._worker.ident:  # the first one
                atexit.register(self._end)
            if new:
                self._worker = threading.Thread(target=self._read_all, args=(new, self._worker), daemon=True)
                self._worker.start()

    def _read_all(self, images: Mapping[bytes, str], previous: threading.Thread) -> None:
        if previous.ident:  # it was started: its images come first
            previous.join()
        for place, (content, name) in enumerate(images.items(), 1):
            if self._is_ending:
                return
            self.on_read(f"reading {place} of {count(len(images), 'image')}")
            self._read(content, name)
        self.on_read("")

    def _end(self) -> None:
        """Let the image that is being read end before the process does: its library aborts one that ends under it."""
        self._is_ending = True
        self.wait(END_S)

    def _read(self, content: bytes, name: str) -> None:
        try:
            self._readings.read(content, name=name)
        except InputError as exc:
            self._failed[content] = str(exc)
        except Exception as exc:  # nothing reports an error of a thread, and the form would go on saying that it reads
            self._failed[content] = f"{name} could not be read ({type(exc).__name__}). Read the values off it by eye."


def keep(folder: Path, file_name: str, content: bytes) -> str:
    """Keep an image that the engineer chose, under a name of ours; returns its path.

    Raises:
        InputError: It is no image, too large, or cannot be kept.
    """
    kind = ocr.media_type(content, name=file_name)
    path = folder / "screenshots" / f"{hashlib.sha256(content).hexdigest()[:16]}.{kind.partition('/')[2]}"
    with files.explained(f"The image cannot be kept in {path.parent}"):
        files.make_folder(path.parent)
        files.write(path, content)
    return str(path)


def _look_into(file: Attachment, download: Download) -> tuple[tuple[tuple[str, bytes], ...], str]:
    """The images of a file, each with its place in it or "", and why what else may show a screenshot is left aside.

    An image is one itself; an archive, an Office file, a mail, or a page with images in it, may hold some.
    """
    try:
        if file.size > ocr.MAX_BYTES:
            raise InputError(f"it has {size(file.size)}; at most {size(ocr.MAX_BYTES)} are read.")
        content = download(file)
    except RunbookError as exc:
        return (), str(exc) if _may_be_image(file) else ""
    if image_types.media_type(content):
        return (("", content),), ""
    kind = content_kinds.magic(content)[0]
    is_archive = kind in (Kind.ZIP, Kind.TAR, Kind.PACKED)
    if is_archive or b"data:image/" in content or content_kinds.is_mail(content_kinds.as_text(content[:10_000])):
        found = finder.look(content)
        inside = " ".join(note for note in found.notes if "not opened" in note or "It holds" in note)
        return found.images, _why_not_shown(content, kind) or inside
    odd = f"it is called an image, and is no {image_types.ACCEPTED}. Ask for the file once more, or open it yourself."
    return (), _why_not_shown(content, kind) or (odd if _may_be_image(file) else "")


def _may_be_image(file: Attachment) -> bool:
    """Whether a file that was not got calls itself an image."""
    return file.content_type.startswith("image/") or file.file_name.lower().endswith(image_types.NAMES)


def _why_not_shown(content: bytes, kind: Kind) -> str:
    """Why a file of a kind that may show a screenshot is not looked at; "" for another kind."""
    if other := image_types.advice(content):
        return f"it is {other}."
    is_named = kind in (Kind.OUTLOOK, Kind.VIDEO, Kind.ARCHIVE)
    what = kind if is_named else "a drawing" if b"<svg" in content[:1000] else ""
    how = "Open it; if it shows a screenshot, add that as a PNG, or read the values by eye."
    return f"it is {what}. {how}" if what else ""


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _suggestion(reading: Reading, where: str) -> Suggestion:
    doubt = "" if reading.is_sure else ", hard to read"
    return Suggestion(reading.value, f"{where}{doubt}", reading.crop, reading.is_sure)

"""The images of a ticket as a form shows them: bad ones are named with the reason, and the rest is read."""

from __future__ import annotations

import base64
import gzip
import io
import struct
import subprocess
import sys
import zipfile
import zlib
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image

from runbook_lib import ocr
from runbook_lib.cases.pictures import MOST_IMAGES, ImageCache, Pictures
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import Attachment, Comment
from runbook_lib.ocr import Page, Reading, reading
from runbook_lib.ocr.images import png
from tests.domain.test_finder import tarred

GOOD = png(Image.new("RGB", (300, 200), "white"))
PAGE = Page(
    style="dashboard",
    readings=(Reading(name="plan", value="premium", label="Plan", place=(0, 0, 9, 9), crop=GOOD, is_sure=True),),
)


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Each image that is really read; it shows `PAGE`, and none was read before."""
    found: list[object] = []
    monkeypatch.setattr(ocr.cache, "user_cache_path", lambda _: tmp_path)
    monkeypatch.setattr(ocr, "available", lambda: True)
    monkeypatch.setattr(reading, "shown", lambda picture: found.append(picture) or PAGE)
    return found


def huge() -> bytes:
    """A file of a few bytes that says it is 60,000 pixels wide and high."""
    header = struct.pack(">II5B", 60_000, 60_000, 8, 2, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return GOOD[:8] + struct.pack(">I", len(header)) + b"IHDR" + header + checksum + GOOD[33:]


def animation() -> bytes:
    """A GIF of two pictures."""
    file = io.BytesIO()
    pictures = [Image.new("RGB", (300, 200), color) for color in ("white", "black")]
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:])
    return file.getvalue()


def icon() -> bytes:
    return png(Image.new("RGB", (20, 20), "orange"))


def zipped(members: dict[str, bytes], *, locked: bool = False) -> bytes:
    """A zip archive; a locked one says that its first member has a password."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    made = bytearray(file.getvalue())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        made[made.find(mark) + at] |= locked
    return bytes(made)


def shown(cache: ImageCache, *contents: bytes) -> Pictures:
    """What a form shows of images, once all are read."""
    files = tuple(
        Attachment(number, f"{number}.png", f"https://x/{number}", "image/png", len(content))
        for number, content in enumerate(contents)
    )
    thread = (Comment(1, 2, "", public=True, created_at=datetime(2026, 11, 21, tzinfo=UTC), attachments=files),)

    def pictures() -> Pictures:
        return cache.pictures(thread, (), download=lambda file: contents[file.id])

    pictures()
    assert cache.wait(60)
    return pictures()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (huge(), "too many pixels"),
        (GOOD[:100], "damaged or cut off"),
        (animation(), "an animation"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC photograph"),
        (b"<svg onload=alert(1)>", "it is a drawing. Open it"),
        (b"", "no PNG, JPEG, GIF or WebP"),
        (b"\0\0\0\x14ftypqt  " + bytes(40), "it is a video or a sound. Open it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "it is an Outlook or old Office file. Open it"),
        (b"Rar!\x1a\x07\0" + bytes(99), "it is an archive. Open it"),
        (zipped({"a.heic": b"\0\0\0\x18ftypheic" + bytes(40)}), "It holds a HEIC photo"),
        (zipped({"a.png": GOOD}, locked=True), "protected by a password and was not opened"),
    ],
    ids=[
        "huge",
        "truncated",
        "animated",
        "HEIC",
        "SVG",
        "empty",
        "video",
        "Outlook",
        "RAR",
        "HEIC in a zip",
        "locked zip",
    ],
)
def test_a_bad_image_is_named(content: bytes, words: str, looks: list[object]) -> None:
    """It is not read; the good one beside it is."""
    found = shown(ImageCache(), content, GOOD)
    assert words in " ".join(found.notes)
    assert "0.png" in " ".join(found.notes)
    assert ["1.png"] == [picture.words for picture in found.shown]
    assert "premium" == found.suggestions["plan"][0].value
    assert 1 == len(looks)


def test_images_within_a_file_are_read(looks: list[object]) -> None:
    """Those of an Office file, an archive, a mail or a page; an icon beside them is left out."""
    office = zipped({"[Content_Types].xml": b"<Types/>", "word/media/image1.png": GOOD, "logo.png": icon()})
    letter = EmailMessage()
    letter["From"], letter["Subject"] = "a@b.example", "Screens"
    letter.set_content("Here")
    letter.add_attachment(GOOD, maintype="image", subtype="png", filename="screen.png")
    page = f"<html><img src='data:image/png;base64,{base64.b64encode(GOOD).decode()}'></html>".encode()
    tar = gzip.compress(tarred(screen=GOOD))
    found = shown(ImageCache(), office, letter.as_bytes(), page, tar)
    names = ("0.png (image1.png in the archive)", "1.png (a part of the mail)", "2.png")
    assert [*names, "3.png (screen in the archive, the packed file)"] == [picture.words for picture in found.shown]
    assert "too small to be a screenshot" in " ".join(found.notes)
    assert "premium" == found.suggestions["plan"][0].value


def test_the_first_of_many_images_are_read(looks: list[object]) -> None:
    """And the rest is named, some of it by number."""
    contents = [png(Image.new("RGB", (300, 200), (number, 0, 0))) for number in range(256)]
    found = shown(ImageCache(), *contents, *contents[:44])
    assert (MOST_IMAGES, MOST_IMAGES) == (len(looks), len(found.shown))
    assert "and 274 more" in " ".join(found.notes)


def test_the_same_image_twice_is_read_once(looks: list[object]) -> None:
    """It is shown by both names."""
    found = shown(ImageCache(), GOOD, GOOD)
    assert ["0.png", "1.png"] == [picture.words for picture in found.shown]
    assert "0.png and 1.png" == found.suggestions["plan"][0].where
    assert 1 == len(looks)


def test_progress_names_no_file(looks: list[object]) -> None:
    """One line for each image, and "" at the end."""
    cache, reported = ImageCache(), list[str]()
    cache.on_read = reported.append
    shown(cache, GOOD, png(Image.new("RGB", (301, 200))))
    assert ["reading 1 of 2 images", "reading 2 of 2 images", ""] == reported


@pytest.mark.parametrize("error", [RuntimeError("text of the image"), InputError("The extra is missing.")])
def test_a_reader_that_fails_is_reported(
    error: Exception, looks: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; what it said of the image is not, unless it was meant for people."""

    def fail(picture: object) -> Page:
        looks.append(picture)
        raise error

    monkeypatch.setattr(reading, "shown", fail)
    found = shown(ImageCache(), GOOD)
    words = "The extra is missing." if isinstance(error, InputError) else "0.png could not be read (RuntimeError)"
    assert found.notes[0].startswith(words)
    assert {} == found.suggestions
    assert 1 == len(looks)


ENDS_WHILE_IT_READS = """
import sys, time
from pathlib import Path
from runbook_lib import ocr
from runbook_lib.cases.pictures import ImageCache

def read(cache, content, *, name):
    print("begun", flush=True)
    time.sleep(0.5)
    print("read", flush=True)

ocr.available = lambda: True
ocr.ReadingCache.read = read
ImageCache().pictures([], sys.argv[1:], download=lambda file: b"")
"""


def test_a_process_ends_after_the_image_that_it_reads(tmp_path: Path) -> None:
    """The library that reads aborts a process that ends under it; what is not begun is left."""
    paths = [tmp_path / f"{shade}.png" for shade in (10, 200)]
    for shade, path in zip((10, 200), paths, strict=True):
        path.write_bytes(png(Image.new("L", (400, 300), shade)))
    command = [sys.executable, "-c", ENDS_WHILE_IT_READS, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ["begun", "read"] == done.stdout.split()

"""Reading values off a customer's screenshot, and making any image small and harmless to show.

It takes bytes and gives plain data: it knows nothing of tickets, cases or forms. What holds throughout:

- An image is judged by its header before a single pixel of it is decoded.
- No text of an image leaves this module: a label is one of those named here, a value is one that `answers` takes.
- A value is sure only if every check says so; whoever uses an unsure one has a person compare it with its crop.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from runbook_lib.answers import IMAGE_TYPES
from runbook_lib.display import clean, size
from runbook_lib.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

MAX_BYTES = 20_000_000
"""Of an image file. Screenshots are 0.05 to 5 MB."""
MAX_SIDE_PX = 16_000
MAX_PIXELS = 40_000_000
"""More than any screen has, and most cameras; decoded, it is 160 MB."""
MAX_SCANS = 64
"""Passes of a progressive JPEG, each over the whole image. Cameras and browsers write ten."""
THUMBNAIL_WIDTH_PX = 480
CROP_WIDTH_PX = 640

_FORMATS = ("PNG", "JPEG", "GIF")
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""What Pillow's decoders are known to raise on damaged files."""
_SIZES = f"at most {MAX_SIDE_PX:,} on a side and {MAX_PIXELS:,} in all"
_SMALLER = "Give a screenshot of the page alone."


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One value off a screenshot.

    Attributes:
        name: The parameter it is for, such as `billable_users`.
        value: As the parameter takes it: `premium`, an ISO date, digits. `answers.parse(name, value)` accepts it.
        label: Beside which label it stands.
        crop: A small PNG of label and value, for a person to compare.
        is_sure: Whether nothing speaks against it. If False, a person has to say that it is right.
    """

    name: str
    value: str
    label: str
    crop: bytes
    is_sure: bool


@dataclass(frozen=True, kw_only=True)
class Page:
    """What was read off one screenshot.

    Attributes:
        style: Which of GitLab's admin pages it shows: `dashboard`, `subscription`, or `license` (the older page).
        readings: At most one of each name; what was not found, or is ambiguous, is missing.
        name: What the image is called, such as its file name; for words only.
    """

    style: str
    readings: tuple[Reading, ...]
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Two screenshots of a ticket that show different values.

    Attributes:
        name: The parameter.
        readings: One for each value, each with the name of its image, in the order of the images.
    """

    name: str
    readings: tuple[tuple[str, Reading], ...]

    @property
    def words(self) -> str:
        """The conflict in one line."""
        values = ", ".join(f"{reading.value} on {image or 'one screenshot'}" for image, reading in self.readings)
        return f"{self.name} differs: {values}"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What the screenshots of one ticket say together.

    Attributes:
        readings: One of each name on which all of them agree.
        conflicts: The names on which they do not; these are in no reading.
    """

    readings: tuple[Reading, ...]
    conflicts: tuple[Conflict, ...]


def available() -> bool:
    """Whether the libraries that `read` needs are installed: the extra `ocr`."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


def thumbnail(content: bytes, *, width_px: int = THUMBNAIL_WIDTH_PX, name: str = "") -> bytes:
    """A small PNG of an image, made anew from its pixels: nothing else of the file is in it.

    Args:
        content: A PNG, JPEG or GIF file.
        width_px: Its greatest width; it is at most four times as high.
        name: What to call the image in errors.

    Raises:
        InputError: It is no such image, too large, or damaged.
    """
    picture = _picture(content, name)
    picture.thumbnail((width_px, 4 * width_px))
    return _png(picture)


def read(content: bytes, *, name: str = "") -> Page:
    """Read a screenshot of GitLab's Dashboard, Subscription or License page in the admin area.

    Args:
        content: A PNG, JPEG or GIF file.
        name: What to call the image in errors and conflicts.

    Raises:
        InputError: It is no such image, too large, damaged, or shows something else; or the extra `ocr` is missing.
    """
    raise InputError("Reading screenshots is not there yet.")


def agreement(pages: Sequence[Page]) -> Agreement:
    """What several screenshots of one ticket say together.

    Two images that differ in a value yield no reading of it. A value that all of them show is sure if one of them
    is, and if the numbers of users that were agreed on fit each other.
    """
    found: dict[str, list[tuple[str, Reading]]] = {}
    for page in pages:
        for reading in page.readings:
            found.setdefault(reading.name, []).append((page.name, reading))
    agreed, conflicts = [], []
    for name, readings in found.items():
        by_value = {reading.value: (image, reading) for image, reading in reversed(readings)}
        if len(by_value) == 1:
            agreed.append(max((reading for _, reading in readings), key=lambda one: one.is_sure))
        else:
            conflicts.append(Conflict(name=name, readings=tuple(reversed(by_value.values()))))
    return Agreement(readings=tuple(agreed), conflicts=tuple(conflicts))


# -- images


def _picture(content: bytes, name: str) -> Image.Image:
    """The decoded image as a person sees it: upright, opaque, in RGB.

    Raises:
        InputError: It is no image of a known kind, beyond a limit, or damaged.
    """
    from PIL import Image, ImageOps

    called = f"The image {clean(name)}" if name else "The image"
    _check_file(content, called)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's of damaged metadata, and of sizes that are checked here
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            _check_header(image, called)
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except Image.DecompressionBombError as exc:  # Pillow's own limit, which is above ours
        raise InputError(f"{called} has too many pixels; {_SIZES} are read. {_SMALLER}") from exc
    except _BROKEN as exc:
        raise InputError(
            f"{called} is damaged or cut off and cannot be decoded. Ask for the file once more, or open it and take "
            "a new screenshot."
        ) from exc
    flat = Image.new("RGB", upright.size, "white")
    flat.paste(upright, mask=upright.getchannel("A"))
    return flat


def _check_file(content: bytes, called: str) -> None:
    """Refuse by the file's bytes alone."""
    if not content.startswith(tuple(IMAGE_TYPES)):
        raise InputError(f"{called} is no PNG, JPEG or GIF. Give the screenshot itself.")
    if len(content) > MAX_BYTES:
        raise InputError(f"{called} has {size(len(content))}; at most {size(MAX_BYTES)} are read. Give a smaller one.")
    if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > MAX_SCANS:
        raise InputError(f"{called} is a JPEG of more than {MAX_SCANS} passes. Save it anew, as a PNG.")


def _check_header(image: Image.Image, called: str) -> None:
    """Refuse by what the header says; no pixel has been decoded yet."""
    width, height = image.size
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise InputError(f"{called} is {width:,} by {height:,} pixels; {_SIZES} are read. {_SMALLER}")
    if image.format != "JPEG" and getattr(image, "is_animated", False):
        raise InputError(f"{called} is an animation. Give a still screenshot, as a PNG.")


def _png(picture: Image.Image) -> bytes:
    """The image as a file, without what came with it: comments, profiles, places."""
    picture.info.clear()
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()

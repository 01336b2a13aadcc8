"""Untrusted images: checked against limits before they are decoded, and shown only as re-encoded pixels."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_lib import files
from runbook_lib.domain import image_types
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.plain_text import clean, size

if TYPE_CHECKING:
    from PIL import Image

MAX_BYTES = 20_000_000
"""Largest image file. Screenshots are 0.05 to 5 MB."""
MAX_SIDE_PX = 16_000
MAX_PIXELS = 40_000_000
"""More than any screen has, and most cameras; decoded, it is 160 MB."""
MAX_SCANS = 64
"""Passes of a progressive JPEG, each over the whole image. Cameras and browsers write ten."""
THUMBNAIL_WIDTH_PX = 1400
"""Greatest width of an image that a form shows large; it is at most four times as high."""
LEAST_SIDE_PX = 64
"""An image that is smaller in both directions shows no value: a line of a page is wider."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""What Pillow's decoders are known to raise on damaged files."""
_SIZES = f"at most {MAX_SIDE_PX:,} on a side and {MAX_PIXELS:,} in all"
_SMALLER = "Give a screenshot of the page alone."


def thumbnail(content: bytes, *, name: str = "") -> bytes:
    """A small PNG of an image, re-encoded from its pixels, with no other part of the file.

    Args:
        content: A PNG, JPEG, GIF or WebP file.
        name: The image's name in errors.

    Raises:
        InputError: It is no such image, too large, or damaged.
    """
    picture = decoded(content, name)
    picture.thumbnail((THUMBNAIL_WIDTH_PX, 4 * THUMBNAIL_WIDTH_PX))
    return png(picture)


def is_tiny(content: bytes) -> bool:
    """Whether an image is too small to be a screenshot, such as an icon in a mail's signature; by its header alone.

    One that cannot be decoded is not called so: what is wrong with it is said later.
    """
    try:
        with _opened(content, "") as image:
            return max(image.size) < LEAST_SIDE_PX
    except InputError:
        return False


def called(name: str) -> str:
    """The beginning of a sentence about an image."""
    return f"The image {clean(name)}" if name else "The image"


def decoded(content: bytes, name: str) -> Image.Image:
    """The image as displayed: upright, opaque, in RGB.

    Raises:
        InputError: It is no image of a known kind, beyond a limit, or damaged.
    """
    from PIL import ImageOps

    with _opened(content, name) as image:
        image.load()
        return _opaque(ImageOps.exif_transpose(image))


@contextmanager
def _opened(content: bytes, name: str) -> Iterator[Image.Image]:
    """The image, of which only the header was read and checked; what its decoding raises is an InputError."""
    from PIL import Image

    media_type(content, name=name)
    if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > MAX_SCANS:
        raise InputError(f"{called(name)} is a JPEG of more than {MAX_SCANS} passes. Save it anew, as a PNG.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's on damaged metadata, and on sizes that are checked here
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            _check_header(image, name)
            yield image
    except Image.DecompressionBombError as exc:  # Pillow's own limit, which is above ours
        raise InputError(f"{called(name)} has too many pixels; {_SIZES} are read. {_SMALLER}") from exc
    except _BROKEN as exc:
        raise InputError(
            f"{called(name)} is damaged or cut off and cannot be decoded. Ask for the file once more, or open it and "
            "take a new screenshot."
        ) from exc


def png(picture: Image.Image) -> bytes:
    """The image as a PNG file without metadata: comments, profiles, locations."""
    picture.info.clear()
    file = io.BytesIO()
    picture.save(file, "PNG")  # `optimize` would take three times as long for a twentieth of the size
    return file.getvalue()


def screenshot(path: Path) -> tuple[str, bytes]:
    """The media type and the content of an image file. InputError if it cannot be read, or as `media_type`."""
    with files.explained(f"The screenshot {path} cannot be read", " Check the path."):
        content = files.given(path)
    return media_type(content, name=str(path)), content


def media_type(content: bytes, *, name: str = "") -> str:
    """The media type of an image, by its bytes alone.

    Raises:
        InputError: It is no image of an accepted format, or too large.
    """
    kind = image_types.media_type(content)
    if kind is None:
        what = image_types.advice(content) or f"no {image_types.ACCEPTED}. Give the screenshot itself"
        raise InputError(f"{called(name)} is {what}.")
    if len(content) > MAX_BYTES:
        raise InputError(
            f"{called(name)} has {size(len(content))}; at most {size(MAX_BYTES)} are read. Give a smaller one."
        )
    return kind


def _check_header(image: Image.Image, name: str) -> None:
    """Check the image's header before a pixel is decoded.

    A phone's JPEG may have further pictures (Pillow calls it MPO), of which the first is used.
    """
    width, height = image.size
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise InputError(f"{called(name)} is {width:,} by {height:,} pixels; {_SIZES} are read. {_SMALLER}")
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise InputError(f"{called(name)} is an animation. Give a still screenshot, as a PNG.")


def _opaque(image: Image.Image) -> Image.Image:
    """The image on white, as a browser shows it."""
    from PIL import Image

    if image.mode.startswith("I;16"):  # as scanners write them: Pillow would cut each value off at 255
        image = image.point(lambda value: value / 256).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    flat = Image.new("RGB", layer.size, "white")
    flat.paste(layer, mask=layer.getchannel("A"))
    return flat

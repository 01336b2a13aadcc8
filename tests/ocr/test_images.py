"""Images from a stranger: what is refused, and what is left of the others."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageFile, PngImagePlugin

from runbook_lib.domain.errors import InputError
from runbook_lib.ocr import ReadingCache, images, thumbnail


def picture(mode: str = "RGB", size: tuple[int, int] = (600, 300)) -> Image.Image:
    """Noise, so that files of it are no shorter than they must be; the same each time."""
    return Image.frombytes("L", size, random.Random(size[0]).randbytes(size[0] * size[1])).convert(mode)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """An image as a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG whose header says a size, whatever else is in it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"\0" * 9))


def gif_of(width: int, height: int) -> bytes:
    """A GIF whose header says a size, and whose picture says the same."""
    size = struct.pack("<HH", width, height)
    return b"GIF89a" + size + b"\0\0\0" + b"," + b"\0" * 4 + size + b"\0\2\2\x4c\1\0;"


def opened(content: bytes) -> Image.Image:
    """A file as an image."""
    return Image.open(io.BytesIO(content))


PNG = saved(picture())
FRAMES = [picture("L", (20, 20)).rotate(turn) for turn in (0, 90, 180)]
BAD = {
    "nothing": (b"", "is no PNG, JPEG, GIF or WebP"),
    "text": (b"Hello, the license is attached.", "is no PNG, JPEG, GIF or WebP"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "is no PNG, JPEG, GIF or WebP"),
    "TIFF": (saved(picture(), "TIFF"), "is a TIFF image. Open it and save it as a PNG"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(40), "save it as a JPEG"),
    "PDF": (b"%PDF-1.7", "is a PDF"),
    "an animated WebP": (saved(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "is an animation"),
    "too many bytes": (PNG + b"\0" * images.MAX_BYTES, "at most 20.0 MB are read"),
    "too wide": (png_of(30_000, 10), "is 30,000 by 10 pixels"),
    "too high": (gif_of(10, 30_000), "is 10 by 30,000 pixels"),
    "too many pixels": (png_of(9_000, 9_000), "is 9,000 by 9,000 pixels"),
    "a bomb": (png_of(30_000, 30_000), "has too many pixels"),
    "an animated GIF": (saved(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "is an animation"),
    "an animated PNG": (saved(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]), "is an animation"),
    "too many passes": (b"\xff\xd8\xff\xe0" + b"\xff\xda" * 65, "more than 64 passes"),
}
DAMAGED = {
    "PNG cut off": PNG[: len(PNG) // 2],
    "JPEG cut off": saved(picture(), "JPEG")[:4000],
    "GIF cut off": saved(picture("P"), "GIF")[:4000],
    "PNG's header only": PNG[:33],
    "first bytes only": PNG[:8],
    "text that unpacks to 10 MB": png_of(9, 9, chunk(b"zTXt", b"a\0\0" + zlib.compress(b" " * 10**7))),
}


@pytest.mark.parametrize(("content", "expected"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("call", [thumbnail, ReadingCache().read])
def test_a_bad_image_is_refused_before_decoding(
    call: Any, content: bytes, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its first bytes, its length and its header; the message names it and says what to do."""

    def decoding(image: ImageFile.ImageFile) -> None:
        raise AssertionError("pixels are decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoding)
    with pytest.raises(InputError, match=f"^The image a.png .*{expected}.*[.]$"):
        call(content, name="a.png")


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_refused(content: bytes) -> None:
    """With one sentence on what to do, whichever way it is broken."""
    with pytest.raises(InputError, match="is damaged or cut off"):
        thumbnail(content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_any_flipped_byte_raises_only_our_error(kind: str) -> None:
    """A thumbnail or an InputError: no other exception, and no warning. A PNG's checksums notice nearly each change."""
    rng = random.Random(7)
    whole = saved(picture("P" if kind == "GIF" else "RGB", (40, 30)), kind)
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            content[rng.randrange(3, len(content))] = rng.randrange(256)
        try:
            assert opened(thumbnail(bytes(content))).format == "PNG"
        except InputError:
            refused += 1
    assert 0 < refused <= (300 if kind == "PNG" else 299)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_a_thumbnail_is_a_small_png_in_rgb(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the colors of the image are stored as."""
    monkeypatch.setattr(images, "THUMBNAIL_WIDTH_PX", 480)
    made = opened(thumbnail(saved(picture("L").convert(mode), "JPEG" if mode == "CMYK" else "PNG")))
    assert ("PNG", "RGB", (480, 240)) == (made.format, made.mode, made.size)


@pytest.mark.parametrize(
    ("size", "expected"), [((100, 50), (100, 50)), ((4000, 3000), (200, 150)), ((9, 9000), (1, 800))]
)
def test_a_thumbnail_keeps_within_its_limits(
    size: tuple[int, int], expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a small image stays as it is."""
    monkeypatch.setattr(images, "THUMBNAIL_WIDTH_PX", 200)
    assert expected == opened(thumbnail(saved(Image.new("RGB", size)))).size


def test_a_thumbnail_holds_only_pixels() -> None:
    """No comment, no place, no profile, nothing behind its end."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "SECRET-A")
    exif = Image.Exif()
    exif[0x010E] = "SECRET-B"
    content = saved(picture(), pnginfo=notes, exif=exif, icc_profile=b"SECRET-C", dpi=(72, 72)) + b"SECRET-D"
    made = thumbnail(content)
    assert b"SECRET" in content
    assert b"SECRET" not in made
    assert {b"IHDR", b"IDAT", b"IEND"} == {made[at + 4 : at + 8] for at in chunks(made)}


def chunks(content: bytes) -> list[int]:
    """Where the parts of a PNG begin."""
    found, at = [], 8
    while at < len(content):
        found.append(at)
        at += 12 + int(struct.unpack(">I", content[at : at + 4])[0])
    return found


def test_what_is_transparent_does_not_show() -> None:
    """Invisible text is not read either: the image is laid on white, as a browser does."""
    hidden = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    assert ((255, 255),) * 3 == opened(thumbnail(saved(hidden))).getextrema()


def test_gray_of_a_scanner_is_no_white_sheet() -> None:
    """Of 16 bits, where Pillow's own conversion cuts each value off at 255."""
    scan = Image.frombytes("I;16", (60, 60), struct.pack("<60H", *[20 * 256] * 30, *[65535] * 30) * 60)
    assert ((20, 255),) * 3 == opened(thumbnail(saved(scan))).getextrema()


def test_a_photograph_is_turned_upright() -> None:
    """As its camera says, because text is read as a person sees it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert (30, 60) == opened(thumbnail(saved(picture(size=(60, 30)), "JPEG", exif=exif))).size


def test_a_hostile_file_name_is_harmless_in_the_message() -> None:
    """Control and direction characters are named."""
    with pytest.raises(InputError) as caught:
        thumbnail(b"", name="a\x1b[31m\u202e.png")
    assert str(caught.value).isprintable()


def test_a_photograph_of_several_pictures_is_its_first() -> None:
    """Telephones put another one, for bright screens, behind it: that is no animation."""
    first, second = (Image.new("RGB", (64, 48), color) for color in ("red", "blue"))
    file = io.BytesIO()
    first.save(file, "MPO", save_all=True, append_images=[second])
    small = Image.open(io.BytesIO(thumbnail(file.getvalue()))).convert("RGB")
    red, _, blue = small.getpixel((9, 9))  # type: ignore[misc]
    assert red > 200 > 50 > blue

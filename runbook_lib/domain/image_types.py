"""What kind of file some bytes are, as far as screenshots go: by the bytes alone, whatever a name or a header says.

The one place that decides it. Nothing is decoded here; see `screenshots.images` for that.
"""

from __future__ import annotations

TAKEN = "PNG, JPEG, GIF or WebP"
"""What is taken as a screenshot, in words."""
START_BYTES = 16
"""So many bytes of a file are enough."""

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}
"""Of the container that telephones use. Source: ISO/IEC 23008-12, *brands*."""
_OTHERS = {b"%PDF-": "PDF", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
_ADVICE = {
    "HEIC": "a HEIC photograph, as telephones take. Open it and save it as a JPEG, or read the values off it by eye",
    "AVIF": "an AVIF image. Open it and save it as a PNG, or read the values off it by eye",
    "PDF": "a PDF. Open it; if it shows a screenshot, save the page as a PNG and add that, or read the values by eye",
    "TIFF": "a TIFF image. Open it and save it as a PNG, or read the values off it by eye",
    "BMP": "a BMP image. Open it and save it as a PNG, or read the values off it by eye",
}


def media_type(content: bytes) -> str | None:
    """The media type of an image that is taken as a screenshot, or None."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)


def advice(content: bytes) -> str | None:
    """What a file is that may show a screenshot but is not taken, with what to do about it; None for any other."""
    brand = _BRANDS.get(content[8:12]) if content[4:8] == b"ftyp" else None
    other = brand or next((kind for magic, kind in _OTHERS.items() if content.startswith(magic)), None)
    if content.startswith(b"BM") and content[6:10] == bytes(4):
        other = "BMP"
    return _ADVICE[other] if other else None

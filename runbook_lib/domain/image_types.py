"""Recognizes image files by their bytes alone, whatever a name or a header says. Decodes nothing; see `ocr.images`."""

from __future__ import annotations

ACCEPTED = "PNG, JPEG, GIF or WebP"
"""The accepted formats of a screenshot, in words."""
NAMES = (".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".heic", ".heif", ".avif", ".bmp", ".tif", ".tiff", ".pdf")
"""How the names of files end that may show a screenshot, in lower case."""

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}
"""Brands of the container that phones use. Source: ISO/IEC 23008-12, *brands*."""
_OTHERS = {b"%PDF-": "PDF", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
_ADVICE = {
    "HEIC": "a HEIC photograph, as telephones take. Open it and save it as a JPEG, or read the values off it by eye",
    "AVIF": "an AVIF image. Open it and save it as a PNG, or read the values off it by eye",
    "PDF": "a PDF. Open it; if it shows a screenshot, save the page as a PNG and add that, or read the values by eye",
    "TIFF": "a TIFF image. Open it and save it as a PNG, or read the values off it by eye",
    "BMP": "a BMP image. Open it and save it as a PNG, or read the values off it by eye",
}


def media_type(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)


def other_type(content: bytes) -> str | None:
    """The type of a file that may show a screenshot but is not accepted: HEIC, AVIF, PDF, TIFF or BMP; else None."""
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12])
    if content.startswith(b"BM") and content[6:10] == bytes(4):
        return "BMP"
    return next((kind for magic, kind in _OTHERS.items() if content.startswith(magic)), None)


def advice(content: bytes) -> str | None:
    """What a file of such a type is, and what to do; None for any other file."""
    other = other_type(content)
    return _ADVICE[other] if other else None

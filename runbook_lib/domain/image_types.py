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
_OTHERS = {
    **{b"%PDF-": "PDF", b"II*\0": "TIFF", b"MM\0*": "TIFF"},
    **dict.fromkeys((b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"), "JPEG XL"),
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
}
_SAVE_AS_PNG = "Open it and save it as a PNG, or read the values off it by eye"
_ADVICE = {
    "HEIC": "a HEIC photograph, as telephones take. Open it and save it as a JPEG, or read the values off it by eye",
    "AVIF": f"an AVIF image. {_SAVE_AS_PNG}",
    "PDF": "a PDF. Open it; if it shows a screenshot, save the page as a PNG and add that, or read the values by eye",
    **{name: f"a {name} image. {_SAVE_AS_PNG}" for name in ("TIFF", "BMP", "JPEG XL", "JPEG 2000")},
}


def media_type(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)


def other_type(content: bytes) -> str | None:
    """The type of a file that may show a screenshot but is not accepted: one of `_ADVICE`; else None."""
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12])
    if content.startswith(b"BM") and content[6:10] == bytes(4):
        return "BMP"
    start = content[:32].lstrip(b"\xef\xbb\xbf \r\n\t")  # which readers of PDF leave out, too
    return next((kind for magic, kind in _OTHERS.items() if start.startswith(magic)), None)


def advice(content: bytes) -> str | None:
    """What a file of such a type is, and what to do; None for any other file."""
    other = other_type(content)
    return _ADVICE[other] if other else None

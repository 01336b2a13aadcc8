"""Reads values from a customer's screenshot, and makes thumbnails of untrusted images.

It takes bytes and returns plain data; it does not know tickets, cases or forms. Invariants:

- An image is checked by its header before a pixel of it is decoded (`images`).
- No other text of an image leaves this package: a label is one of `labels`, a value is one that `parameters` accepts.
- A value is sure only if every check passes (`reading`); for others a person compares it with its crop.
"""

from runbook_lib.ocr.cache import ReadingCache
from runbook_lib.ocr.images import MAX_BYTES, is_tiny, media_type, screenshot, thumbnail
from runbook_lib.ocr.reading import Page, Reading, combined
from runbook_lib.ocr.words import available

__all__ = [
    "MAX_BYTES",
    "Page",
    "Reading",
    "ReadingCache",
    "available",
    "combined",
    "is_tiny",
    "media_type",
    "screenshot",
    "thumbnail",
]

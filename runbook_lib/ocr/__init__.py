"""Reading values off a customer's screenshot, and making any image small and harmless to show.

It takes bytes and gives plain data: it knows nothing of tickets, cases or forms. What holds throughout:

- An image is judged by its header before a single pixel of it is decoded (`images`).
- No text of an image leaves this package: a label is one of those in `labels`, a value is one that `answers` takes.
- A value is sure only if every check says so (`reading`); an unsure one is for a person to compare with its crop.
"""

from runbook_lib.ocr.images import LEAST_SIDE_PX, MAX_BYTES, is_tiny, media_type, thumbnail
from runbook_lib.ocr.reading import Agreement, Conflict, Page, Reading, agreement, read
from runbook_lib.ocr.words import available

__all__ = [
    "LEAST_SIDE_PX",
    "MAX_BYTES",
    "Agreement",
    "Conflict",
    "Page",
    "Reading",
    "agreement",
    "available",
    "is_tiny",
    "media_type",
    "read",
    "thumbnail",
]

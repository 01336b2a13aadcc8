"""The text on an image with its positions, recognized by the OCR library, as plain data.

Source: rapidocr 3.10 with its own models, which are in its wheel; nothing is downloaded.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from runbook_lib.domain.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

FIND_WIDTH_PX, FIND_WIDTH_AGAIN_PX = 1366, 2400
FIND_PIXELS, FIND_PIXELS_AGAIN = 2_000_000, 4_000_000
"""Larger images are reduced to detect text, since time and memory (about 1 GB) grow with the size. The text itself is
recognized on the original. If the text is too small to be detected (see `SMALL_TEXT_PX`), detection is repeated at the
second size.
"""
SMALL_TEXT_PX = 14
"""Height of the box around 8-pixel text."""
LINE_HEIGHT_PX = 48
"""Height of a piece of text for the recognition."""
LEAST_LINE_WIDTH_PX = 128
"""Shorter pieces are padded to this width: a smaller value is faster, but makes single digits uncertain."""
LEAST_SCORE = 0.5
"""Pieces with a lower score are no text, but an icon or a picture."""
SMALL_WIDTH_PX = 900
"""Narrower images are enlarged to twice their size, since their text may be too small to be detected."""
FARTHER = 0.6
"""Scale of the last repeated recognition."""
THREADS = 1
"""Two threads save a third of the time on an idle core, and do twice the work on a busy one."""

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Word:
    """A piece of text on one line, often several words."""

    text: str
    score: float  # the certainty of the recognition, 0 to 1
    # On the image, in pixels: upper left, upper right, lower right, lower left
    corners: tuple[Point, Point, Point, Point]
    # The box, in pixels, with the page's tilt corrected
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """About 1.6 times the font size."""
        upper_left, _, _, lower_left = self.corners
        return math.dist(upper_left, lower_left)

    @property
    def middle(self) -> Point:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def available() -> bool:
    """Whether the libraries that `read` needs are installed: the extra `ocr`."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


def recognize(picture: Image.Image) -> tuple[Word, ...]:
    """Every piece of text on an image; InputError if the extra `ocr` is missing."""
    found = []
    for quad in _places(picture):
        text, score = _text(_cut(picture, quad, height_px=LINE_HEIGHT_PX, more=0))
        if score >= LEAST_SCORE and text.strip():
            found.append((quad, text, score))
    return _placed(found)


def recognize_again(picture: Image.Image, corners: Sequence[Point]) -> list[tuple[str, float]]:
    """Recognize one piece of text again in three ways, with different pixels: text and score of each.

    The first includes a margin at both ends, to show a cut-off digit; the second is inverted; the third is reduced, so
    that barely legible text is no longer recognized, or differently.
    """
    from PIL import Image, ImageOps

    height = round(math.dist(corners[0], corners[3]))
    near = _cut(picture, corners, height_px=height, more=0.1)
    far = near.resize([max(1, round(side * FARTHER)) for side in near.size], Image.Resampling.LANCZOS)
    wide = ImageOps.autocontrast(_cut(picture, corners, height_px=56, more=0.3).convert("L")).convert("RGB")
    return [_text(piece) for piece in (wide, ImageOps.invert(near), far)]


def _places(picture: Image.Image) -> list[Any]:
    """The corners of every piece of text."""
    factor = _factor(*picture.size, FIND_WIDTH_PX, FIND_PIXELS)
    quads = _places_at(picture, factor)
    finer = _factor(*picture.size, FIND_WIDTH_AGAIN_PX, FIND_PIXELS_AGAIN)
    heights = [math.dist(quad[0], quad[3]) * factor for quad in quads]
    if finer > factor and (not heights or statistics.median(heights) < SMALL_TEXT_PX):
        return _places_at(picture, finer)
    return quads


def _places_at(picture: Image.Image, factor: float) -> list[Any]:
    """As `_places`, detected on the image scaled by a factor."""
    import numpy as np

    small = picture.resize([max(1, round(side * factor)) for side in picture.size])
    found = _engine()(np.asarray(small)[:, :, ::-1], use_det=True, use_cls=False, use_rec=False)
    boxes = () if found.boxes is None else found.boxes
    return [tuple((float(x) / factor, float(y) / factor) for x, y in box) for box in boxes]


def _text(piece: Image.Image) -> tuple[str, float]:
    import numpy as np

    found = _engine()(np.asarray(piece)[:, :, ::-1], use_det=False, use_cls=False, use_rec=True)
    return (found.txts or ("",))[0], float(found.scores[0])


@functools.cache
def _engine() -> Any:
    """The OCR library, loaded once: loading its models takes as long as reading an image."""
    try:
        import onnxruntime  # type: ignore[import-untyped]  # noqa: F401
        from rapidocr import RapidOCR
    except ImportError as exc:
        raise InputError(
            "Reading screenshots needs the extra `ocr`, which is not installed. Run pip install "
            "'license-runbook[ocr]'; a clone that `make` has set up has it. Or read the values off by eye."
        ) from exc
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": 16_000,  # `recognize` has made it small enough
            "Rec.rec_img_shape": [3, LINE_HEIGHT_PX, LEAST_LINE_WIDTH_PX],
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _factor(width: int, height: int, most_wide: int, most_pixels: int) -> float:
    largest = math.sqrt(most_pixels / (width * height))
    return min(2.0, largest) if width < SMALL_WIDTH_PX else min(1.0, most_wide / width, largest)


def _placed(found: Sequence[tuple[Any, str, float]]) -> tuple[Word, ...]:
    tilt = _tilt([quad for quad, _, _ in found])
    cos, sin = math.cos(-tilt), math.sin(-tilt)
    placed = []
    for quad, text, score in found:
        turned = [(x * cos - y * sin, x * sin + y * cos) for x, y in quad]
        xs, ys = zip(*turned, strict=True)
        # A slanted quad's box is a little too high, so the middles of its upper and lower sides are used.
        top, bottom = (ys[0] + ys[1]) / 2, (ys[2] + ys[3]) / 2
        placed.append(Word(text=text, score=score, corners=quad, left=min(xs), top=top, right=max(xs), bottom=bottom))
    return tuple(placed)


def _tilt(quads: Sequence[Any]) -> float:
    """The page's angle in radians: the median of its longer lines."""
    angles = []
    for (x0, y0), (x1, y1), _, (x3, y3) in quads:
        if math.dist((x0, y0), (x1, y1)) > 3 * math.dist((x0, y0), (x3, y3)):
            angles.append(math.atan2(y1 - y0, x1 - x0))
    return statistics.median(angles) if angles else 0.0


def _cut(picture: Image.Image, corners: Sequence[Point], *, height_px: int, more: float) -> Image.Image:
    """A piece of the image, straightened, with a margin of `more` text heights at each end."""
    from PIL import Image

    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    width, height = math.dist((x0, y0), (x1, y1)), math.dist((x0, y0), (x3, y3))
    dx, dy = (x1 - x0) / width * height * more, (y1 - y0) / width * height * more
    quad = (x0 - dx, y0 - dy, x3 - dx, y3 - dy, x2 + dx, y2 + dy, x1 + dx, y1 + dy)
    size = (max(1, round((width + 2 * more * height) * height_px / height)), height_px)
    return picture.transform(size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor="white")

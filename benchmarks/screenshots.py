"""`python -m benchmarks.screenshots`: what is read off rendered pages, and how often a misreading looks certain.

Every page style in every view, with several sets of values. A value that is wrong and sure is a failure: the command
then ends with status 1. The last rows are of images that a person reads with effort; few values of theirs are sure.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Error as BrowserError
from tabulate import tabulate

from benchmarks.rows import CannotMeasureError, Row, alternate
from runbook_lib import ocr
from runbook_lib.domain.errors import InputError
from tests.pages import STYLES, Camera, Values, View, camera, read
from tests.programs import MissingProgramError

VALUES = (
    Values(),
    Values(plan="Ultimate", expires_on=date(2026, 2, 28), users=1250, billable=1198, maximum=1250, over=0),
    Values(plan="Starter", expires_on=date(2025, 12, 31), users=17, billable=31, maximum=38, over=21),
    Values(expires_on=date(2026, 8, 10), users=36_500, billable=38_866, maximum=39_885, over=3_385),
    Values(expires_on=date(2025, 11, 11), users=111, billable=71, maximum=117, over=6, date_format="{0:%Y-%m-%d}"),
    Values(expires_on=date(2026, 9, 6), users=9, billable=8, maximum=9, over=0, date_format="{0:%B} {0.day}, {0:%Y}"),
)
CLEAR = {
    "1366 px wide": View(width=1366),
    "1366 px, double density": View(width=1366, scale=2),
    "JPEG of quality 70": View(width=1366, quality=70),
    "WebP, double density": View(width=1366, scale=2, webp=True),
    "cropped": View(width=1366, crop=True),
    "arrows and boxes": View(width=1366, scale=2, notes=True),
    "1024 px wide": View(width=1024),
    "1280 px wide": View(),
    "1920 px wide": View(width=1920),
    "1280 px, double density": View(scale=2),
    "JPEG of quality 60": View(quality=60),
    "dark": View(dark=True),
    "dark, 1024 px, JPEG 60": View(width=1024, dark=True, quality=60),
    "number above the label": View(layout="above"),
    "number below, no help": View(layout="bare"),
    "number on the label's line": View(layout="inline"),
    "rows": View(layout="rows"),
    "photograph, 2.5 degrees": View(tilt=2.5),
    "photograph, -3 degrees, dark": View(tilt=-3, dark=True),
}
POOR = {
    "made smaller, 75 %": View(shrink=0.75),
    "made smaller, 60 %, JPEG 30": View(shrink=0.6, blur=0.6, quality=30),
    "blurred, 1.4 px": View(blur=1.4),
    "blurred, 1.8 px": View(blur=1.8),
    "JPEG of quality 10": View(quality=10),
}
COLUMNS = ("right, sure", "right, unsure", "WRONG, SURE", "wrong, unsure", "not found", "refused")
PAIRS = 5
SAMPLE = (View(), View(dark=True, width=1024, quality=60))
"""The views of `make bench`."""


def main() -> int:
    """Read everything and print the tables."""
    total, seconds = Counter[str](), list[float]()
    rows = []
    with camera() as shots:
        for style in STYLES:
            for words, view in (CLEAR | POOR).items():
                counted, spent = _counted(shots, style, view)
                rows.append((style, words, *(counted[column] for column in COLUMNS), f"{statistics.median(spent):.1f}"))
                total += counted
                seconds += spent
                sys.stderr.write(f"{style}: {words}\n")
    rows.append(
        ("all", f"{len(seconds)} images", *(total[column] for column in COLUMNS), f"{statistics.median(seconds):.1f}")
    )
    sys.stdout.write(tabulate(rows, headers=("page", "view", *COLUMNS, "CPU s, median")) + "\n")
    return 1 if total["WRONG, SURE"] else 0


def reading_time(_folder: Path) -> Iterator[Row]:
    """One screenshot, beside the OCR library alone on the same image."""
    from rapidocr import RapidOCR

    with _browser() as shots:
        content = shots.shoot("dashboard")
    engine = RapidOCR(params={"Global.log_level": "critical"})
    image = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))[:, :, ::-1]
    pairs = alternate(lambda: read(content), lambda: engine(image), PAIRS)
    beside = f"rapidocr alone {pairs.theirs_s:.1f} s"
    yield Row("reading a screenshot, 1280 px", f"{pairs.ours_s:.1f} s", beside, pairs.ratio)


def misreadings(_folder: Path) -> Iterator[Row]:
    """Values that are read wrong and look certain; a part of what `python -m benchmarks.screenshots` reads."""
    total = Counter[str]()
    with _browser() as shots:
        for style in STYLES:
            for view in SAMPLE:
                total += _counted(shots, style, view, VALUES[:2])[0]
    if not total["right, sure"]:
        raise CannotMeasureError("No value was read for sure.")
    wrong = total["WRONG, SURE"]
    yield Row("values of screenshots, wrong and sure", f"{wrong}", f"of {total.total()} values", float(wrong), goal=0)


@contextmanager
def _browser() -> Iterator[Camera]:
    """A browser for screenshots.

    Raises:
        CannotMeasureError: None is installed, or it does not start.
    """
    try:
        with camera() as shots:
            yield shots
    except (MissingProgramError, BrowserError) as exc:
        raise CannotMeasureError(str(exc).strip().splitlines()[0]) from exc


def _counted(
    shots: Camera, style: str, view: View, several: Sequence[Values] = VALUES
) -> tuple[Counter[str], list[float]]:
    """How the values of one page in one view are read, and how long each image takes."""
    counted, spent = Counter[str](), []
    for values in several:
        content, expected = shots.shoot(style, values, view), values.expected(style)
        start = time.process_time()
        try:
            found = {one.name: one for one in read(content).readings}
            counted.update(_verdict(found.get(name), expected.get(name)) for name in expected.keys() | found.keys())
        except InputError:
            counted["refused"] += len(expected)
        spent.append(time.process_time() - start)
    return counted, spent


def _verdict(reading: ocr.Reading | None, expected: str | None) -> str:
    if reading is None:
        return "not found"
    if reading.value == expected:
        return "right, sure" if reading.is_sure else "right, unsure"
    return "WRONG, SURE" if reading.is_sure else "wrong, unsure"


if __name__ == "__main__":
    sys.exit(main())

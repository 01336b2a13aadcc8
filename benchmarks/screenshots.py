"""How well values are read off screenshots: every page style in every view, each field right, misread or not found."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date

from tabulate import tabulate

from runbook_lib import screenshots
from runbook_lib.errors import InputError
from tests.pages import STYLES, Values, View, camera

VIEWS = {
    "1280 px": View(),
    "1024 px": View(width=1024),
    "1920 px": View(width=1920),
    "small pixels": View(scale=2),
    "dark": View(dark=True),
    "JPEG 60": View(quality=60),
    "dark, JPEG 60": View(dark=True, quality=60),
    "tilted 2 degrees": View(tilt=2.0),
    "tilted -3 degrees, JPEG": View(tilt=-3.0, quality=70),
}
SETS = (
    Values(),
    Values(plan="Ultimate", users=1250, billable=1187, maximum=1301, over=51, expires_on=date(2026, 11, 4)),
    Values(plan="Starter", users=20, billable=17, maximum=20, over=0, date_format="{0:%Y-%m-%d}"),
)
HEADS = ("page", "view", "right, sure", "right, unsure", "misread, sure", "misread, unsure", "not found", "seconds")


def count(style: str, view: View, values: Values, content: bytes) -> Counter[str]:
    """How each field of one image was read."""
    expected = values.expected(style)
    try:
        found = {reading.name: reading for reading in screenshots.read(content).readings}
    except InputError:
        found = {}
    kinds: Counter[str] = Counter()
    for name, value in expected.items():
        reading = found.get(name)
        if reading is None:
            kinds["not found"] += 1
        else:
            kinds[f"{'right' if reading.value == value else 'misread'}, {'sure' if reading.is_sure else 'unsure'}"] += 1
    return kinds


def rows() -> Iterator[tuple[object, ...]]:
    """A row for each page style and view, over all sets of values."""
    with camera() as shooter:
        for style in STYLES:
            for name, view in VIEWS.items():
                kinds: Counter[str] = Counter()
                seconds = 0.0
                for values in SETS:
                    content = shooter.shoot(style, values, view)
                    began = time.monotonic()
                    kinds += count(style, view, values, content)
                    seconds += time.monotonic() - began
                yield (style, name, *(kinds[head] for head in HEADS[2:7]), round(seconds / len(SETS), 1))


def main() -> int:
    """Print the table; returns 1 if a misread value passed as sure."""
    found = list(rows())
    total = ("all", "", *(sum(int(str(row[place])) for row in found) for place in range(2, 7)), "")
    sys.stdout.write(tabulate([*found, total], headers=HEADS) + "\n")
    return int(bool(total[4]))


if __name__ == "__main__":
    raise SystemExit(main())

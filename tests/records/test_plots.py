"""The numbers over time, their tables, and a picture that shows the same."""

from __future__ import annotations

import io
import struct
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from runbook_lib.records import plots
from runbook_lib.records.plots import Duration, Step, durations_table, ends_table, trend
from runbook_lib.records.runs import Run, State

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def ran(ticket: int = 1001, days: int = 0, **changes: Any) -> Run:
    """A performed run, so many days after the first."""
    known = {"runbook": "weekend_license", "performed": True, "status": "completed", "outcome": "license_issued"}
    return Run(ticket, State.SEALED, None, started_at=NOON + timedelta(days=days), **{**known, **changes})


def test_each_day_of_the_period_has_its_place() -> None:
    """Also those without a run."""
    found = trend([ran(seconds=2.0), ran(1002, 2, outcome="escalated")], date(2026, 11, 20), date(2026, 11, 24))
    assert (Step.DAY, 5) == (found.step, len(found.starts))
    assert {"license_issued": (0, 1, 0, 0, 0), "escalated": (0, 0, 0, 1, 0)} == found.ends
    assert (None, Duration(1, 2.0, 2.0, 2.0), None, None, None) == found.durations
    assert "Fri 20 Nov" == found.labels[0]


def test_a_case_counts_once_for_each_way_it_ended() -> None:
    """Run again it ends no second time; a rehearsal, and a run that goes on, end nothing."""
    runs = [
        ran(status="needs_answer", outcome=""),
        ran(),
        ran(days=1),
        ran(1002, performed=False),
        ran(1003, status="", outcome=""),
        ran(1004, runbook="start_here", outcome="", next_runbook="weekend_license"),
    ]
    assert {"license_issued": (1, 0), "no outcome": (1, 0)} == trend(runs).ends


def test_durations_are_of_all_runs_that_tell() -> None:
    """Rehearsals, too."""
    runs = [ran(seconds=seconds, performed=False) for seconds in (1.0, 2.0, 30.0)] + [ran(), ran(seconds=-1.0)]
    assert (Duration(3, 1.0, 2.0, 30.0),) == trend(runs).durations


def test_tables_have_the_same_numbers() -> None:
    """Steps without any are left out, since the picture shows them."""
    found = trend([ran(seconds=2.0), ran(1002, 2, outcome="escalated", seconds=3.5)])
    assert [("Sat 21 Nov", "1", "–"), ("Mon 23 Nov", "–", "1"), ("together", "1", "1")] == ends_table(found).rows
    assert ("day", "license issued", "escalated") == ends_table(found).heads
    assert [("Sat 21 Nov", "1", "2.0", "2.0", "2.0"), ("Mon 23 Nov", "1", "3.5", "3.5", "3.5")] == durations_table(
        found
    ).rows


@pytest.mark.parametrize(
    ("days", "step", "starts", "label"),
    [
        (30, Step.DAY, 31, "Sat 21 Nov"),
        (31, Step.WEEK, 6, "week of 16 Nov 2026"),
        (200, Step.MONTH, 8, "Nov 2026"),
        (2000, Step.YEAR, 7, "2026"),
    ],
)
def test_a_long_period_is_shown_in_larger_steps(days: int, step: Step, starts: int, label: str) -> None:
    """From the first run to the last, however much longer the period is."""
    found = trend([ran(), ran(1002, days)], date(2000, 1, 1) if step is not Step.DAY else None, None)
    assert (step, starts, label) == (found.step, len(found.starts), found.labels[0])
    assert 2 == sum(found.ends["license_issued"])


@pytest.mark.parametrize("since", [None, date(2026, 11, 20)])
def test_nothing_to_show(since: date | None) -> None:
    """No run, or none that says when it began."""
    assert () == trend([], since).starts
    assert () == trend([ran().__class__(1001, State.UNSEALED, "x.ipynb")], since).starts


@pytest.mark.slow
@pytest.mark.parametrize(
    "runs",
    [
        [ran(seconds=2.0)],
        [ran(performed=False, seconds=0.0)],
        [ran(ticket, ticket % 31, seconds=float(ticket)) for ticket in range(1, 200)],
    ],
    ids=["one", "only rehearsals", "many"],
)
def test_the_picture_is_a_png_of_the_width_that_is_shown(runs: list[Run]) -> None:
    """Twice as fine, for sharp screens."""
    png = plots.png(trend(runs))
    assert png.startswith(b"\x89PNG")
    assert 2 * plots.WIDTH_PX == struct.unpack(">I", png[16:20])[0]


def test_the_picture_shows_the_numbers() -> None:
    """Each bar as high as its count says, with the count beside it."""
    figure = plots.draw(trend([ran(), ran(1002), ran(1003, 1, outcome="escalated")]))
    above = figure.axes[0]
    assert ["1", "2"] == [text.get_text() for text in above.texts]
    assert ["license issued: 2", "escalated: 1"] == [label.get_text() for label in above.get_yticklabels()][::-1]
    assert [0.3, 0.6] == sorted(round(bar.get_height(), 2) for bar in above.patches)


def test_the_picture_is_legible_on_any_theme() -> None:
    """It brings its own ground. As WCAG 2.1 measures contrast: 4.5 is asked for text."""
    with Image.open(io.BytesIO(plots.png(trend([ran()])))) as picture:
        corner = picture.convert("RGBA").getpixel((0, 0))
    assert plots.GROUND == "#{:02x}{:02x}{:02x}".format(*corner[:3])
    assert corner[3] == 255
    assert (luminance(plots.GROUND) + 0.05) / (luminance(plots.INK) + 0.05) >= 4.5


def luminance(color: str) -> float:
    """The relative luminance of #rrggbb. Source: WCAG 2.1."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

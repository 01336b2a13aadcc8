"""How cases ended and how long runs took, over time: the numbers, the same as tables, and a picture of them.

The picture has its own light ground, so that it is legible on light and dark themes alike: no one grey keeps a
contrast of 4.5 to both. A report's page, which knows the reader's theme, turns it dark where that is dark. Bars are
of a blue and a vermilion that color-blind people tell apart, and each row and each value has its label beside it.
Source: Okabe and Ito, Color Universal Design.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Any

from runbook_lib.display import Table
from runbook_lib.domain.models import Outcome
from runbook_lib.records.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NO_OUTCOME = "no outcome"
MOST_DAYS, MOST_WEEKS, MOST_MONTHS = 31, 26, 36
"""The most steps that a picture shows well; a longer period is shown in larger steps."""
WIDTH_PX = 940
GROUND, INK = "#ffffff", "#3d444d"
"""Of the picture: a contrast of 9.8. Source: WCAG 2.2, 1.4.3, which asks for 4.5."""
_BLUE, _VERMILION = "#2182c4", "#d55e00"
_INCHES = WIDTH_PX / 100
_MOST_LABELS = 16
_LABEL: dict[str, Any] = {"textcoords": "offset points", "color": INK, "fontsize": 10.5}


class Step(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class Duration:
    """How long the runs of one step took, in seconds."""

    runs: int
    shortest_s: float
    median_s: float
    longest_s: float


@dataclass(frozen=True)
class Trend:
    step: Step  # the period of one bar
    starts: tuple[date, ...]  # the first day of each step
    ends: Mapping[str, tuple[int, ...]]  # how many cases ended in each way, by step; a case counts once for each way
    durations: tuple[Duration | None, ...]  # how long runs took, by step, or None where there was none

    @property
    def labels(self) -> list[str]:
        forms = {Step.DAY: "%a %d %b", Step.WEEK: "week of %d %b %Y", Step.MONTH: "%b %Y", Step.YEAR: "%Y"}
        return [f"{day:{forms[self.step]}}" for day in self.starts]


def trend(runs: Iterable[Run], since: date | None = None, until: date | None = None) -> Trend:
    """The numbers of a period, by default from the first run to the last; of a long one only the part that has runs.

    A run without a start is left out.
    """
    dated = sorted((run for run in runs if run.started_at), key=Run.start)
    days = [run.start().astimezone(UTC).date() for run in dated]
    if not days:
        return Trend(Step.DAY, (), {}, ())
    first, last = since or days[0], until or days[-1]
    if (last - first).days >= MOST_DAYS:
        first, last = days[0], days[-1]
    step = _step(first, last)
    by_step: dict[date, list[Run]] = {start: [] for start in _starts(step, first, last)}
    for run, day in zip(dated, days, strict=True):
        by_step[_start(step, day)].append(run)
    return Trend(step, tuple(by_step), _ends([*by_step.values()]), tuple(map(_duration, by_step.values())))


def ends_table(found: Trend) -> Table:
    rows = [
        (label, *(str(counts[number] or "–") for counts in found.ends.values()))
        for number, label in enumerate(found.labels)
        if any(counts[number] for counts in found.ends.values())
    ]
    total = ("together", *(str(sum(counts)) for counts in found.ends.values()))
    return Table((found.step, *map(_name, found.ends)), [*rows, total])


def durations_table(found: Trend) -> Table:
    rows = [
        (label, str(took.runs), *(f"{value:.1f}" for value in (took.shortest_s, took.median_s, took.longest_s)))
        for label, took in zip(found.labels, found.durations, strict=True)
        if took
    ]
    return Table((found.step, "runs", "shortest (s)", "median (s)", "longest (s)"), rows)


def png(found: Trend) -> bytes:
    """The picture; there must be something to show."""
    file = io.BytesIO()
    draw(found).savefig(file, format="png", dpi=200, facecolor=GROUND, metadata={"Software": None})
    return file.getvalue()


def draw(found: Trend) -> Figure:
    """The figure: one row of bars for each way to end, and the durations below."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    heights = [max(0.62 * len(found.ends), 0.01) + 0.3, 2.2]
    figure = Figure(figsize=(_INCHES, sum(heights) + 0.5), layout=ConstrainedLayoutEngine(h_pad=0.12))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    _draw_ends(above, found)
    _draw_durations(below, found)
    every = -(-len(found.starts) // _MOST_LABELS)
    below.set_xticks(range(0, len(found.starts), every), [_short(label) for label in found.labels[::every]])
    below.set_xlim(-0.6, len(found.starts) - 0.4)
    for axes in (above, below):
        axes.tick_params(colors=INK, length=0, labelsize=10.5)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(INK)
    return figure


def _draw_ends(axes: Axes, found: Trend) -> None:
    """A row for each way to end; bars are as high as the largest number of all allows."""
    most = max((max(counts) for counts in found.ends.values()), default=1)
    rows = list(found.ends.items())[::-1]
    for row, (end, counts) in enumerate(rows):
        color = _VERMILION if end == NO_OUTCOME else _BLUE
        shown = [(place, count) for place, count in enumerate(counts) if count]
        axes.bar([p for p, _ in shown], [0.6 * c / most for _, c in shown], width=0.7, bottom=row, color=color)
        axes.axhline(row, color=INK, linewidth=0.4)
        for place, count in shown:
            axes.annotate(str(count), (place, row + 0.6 * count / most), (0, 2), ha="center", va="bottom", **_LABEL)
    axes.set_yticks([row + 0.2 for row in range(len(rows))], [f"{_name(end)}: {sum(n)}" for end, n in rows])
    axes.set_ylim(0, max(len(rows), 0.1))
    title = "Cases by how they ended" if rows else "No case was performed"
    axes.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold")


def _draw_durations(axes: Axes, found: Trend) -> None:
    shown = [(place, took) for place, took in enumerate(found.durations) if took]
    for place, took in shown:
        axes.plot([place, place], [took.shortest_s, took.longest_s], color=INK, linewidth=3, alpha=0.6)
        axes.plot([place], [took.median_s], "o", color=_BLUE, markersize=7)
        words = f"{took.median_s:.{0 if took.median_s >= 100 else 1}f} s"
        axes.annotate(words, (place, took.median_s), (9, 0), va="center", **_LABEL)
    axes.set_ylim(0, max((took.longest_s for _, took in shown), default=1.0) * 1.12 or 1.0)
    axes.set_ylabel("seconds", color=INK, fontsize=10.5)
    title = "How long runs took: median, and from the shortest to the longest"
    axes.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold")


def _ends(by_step: Sequence[Sequence[Run]]) -> dict[str, tuple[int, ...]]:
    """How cases ended, in the order of `Outcome`; a rehearsal ends none, nor does a run that hands over."""
    counts = {str(end): [0] * len(by_step) for end in (*Outcome, NO_OUTCOME)}
    seen = set()
    for place, runs in enumerate(by_step):
        for run in runs:
            end = run.outcome if run.outcome in counts else NO_OUTCOME
            case = (run.ticket_id, run.runbook, end)
            if run.performed and run.status and not run.next_runbook and case not in seen:
                seen.add(case)
                counts[end][place] += 1
    return {end: tuple(numbers) for end, numbers in counts.items() if any(numbers)}


def _duration(runs: Iterable[Run]) -> Duration | None:
    took = [run.seconds for run in runs if run.seconds is not None and run.seconds >= 0]
    return Duration(len(took), min(took), median(took), max(took)) if took else None


def _step(first: date, last: date) -> Step:
    most_days = {Step.DAY: MOST_DAYS, Step.WEEK: MOST_WEEKS * 7, Step.MONTH: MOST_MONTHS * 30}
    return next((step for step, most in most_days.items() if (last - first).days < most), Step.YEAR)


def _starts(step: Step, first: date, last: date) -> tuple[date, ...]:
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return tuple(dict.fromkeys(_start(step, day) for day in days))


def _start(step: Step, day: date) -> date:
    if step is Step.WEEK:
        return day - timedelta(days=day.weekday())
    return {Step.DAY: day, Step.MONTH: day.replace(day=1), Step.YEAR: day.replace(month=1, day=1)}[step]


def _name(end: str) -> str:
    return end.replace("_", " ")


def _short(label: str) -> str:
    return label.removeprefix("week of ").replace(" ", "\n", 1)

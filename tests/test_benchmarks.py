"""`make bench`: the table and its driver, with made-up benchmarks; nothing is measured here."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import driver, rows, runs, services
from benchmarks.driver import ALL_MET, MISSED, NOT_MEASURED, Benchmark
from benchmarks.rows import CannotMeasureError, Row
from runbook_lib.domain.errors import InputError
from tests.documents import documented

MET = Row("a figure", "1.00 s", "another 2.00 s", 0.5, goal=1.1)
OVER = Row("a slow figure", "3.00 s", "another 2.00 s", 1.5, goal=1.1)
WATCHED = Row("a figure without a goal", "3.00 s", "another 2.00 s", 1.5)


class Screen(io.StringIO):
    """Keeps what a reader had before them after each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def flush(self) -> None:
        """Note what is there."""
        self.seen.append(self.getvalue())


def yielding(*several: Row, then: Exception | None = None) -> Benchmark:
    """A benchmark that measures rows, and then fails."""

    def benchmark(folder: Path) -> Iterator[Row]:
        assert [] == list(folder.iterdir())
        (folder / "left").touch()
        yield from several
        if then:
            raise then

    return benchmark


def failed(status: int, errors: bytes) -> subprocess.CalledProcessError:
    """A command that failed."""
    return subprocess.CalledProcessError(status, ["/some/where/python", "-m", "papermill"], stderr=errors)


@pytest.mark.parametrize(
    ("benchmarks", "status", "last"),
    [
        ({"a": yielding(MET)}, ALL_MET, "Goals: 1 met, 0 missed. Not measured: none."),
        ({"a": yielding(WATCHED)}, ALL_MET, "Goals: 0 met, 0 missed. Not measured: none."),
        ({"a": yielding(MET), "b": yielding(OVER)}, MISSED, "Goals: 1 met, 1 missed. Not measured: none."),
        (
            {"a": yielding(MET, then=OSError("full")), "b": yielding(MET)},
            NOT_MEASURED,
            "Goals: 2 met, 0 missed. Not measured: a.",
        ),
        (
            {"a": yielding(then=CannotMeasureError("no")), "b": yielding(OVER)},
            MISSED,
            "Goals: 0 met, 1 missed. Not measured: a.",
        ),
    ],
)
def test_status_tells_how_it_went(benchmarks: dict[str, Benchmark], status: int, last: str) -> None:
    """A missed goal counts for more than a figure that is missing; a figure without a goal never counts."""
    out = io.StringIO()
    assert status == driver.run_all(benchmarks, out)
    assert last == out.getvalue().splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            failed(2, b"Traceback\nInputError: no world\n"),
            "`python -m papermill` ended with status 2: InputError: no world",
        ),
        (failed(1, b""), "`python -m papermill` ended with status 1: it said nothing"),
        (subprocess.TimeoutExpired(["make", "test"], 1800), "`make test` took longer than 1800 s."),
        (CannotMeasureError("No browser is installed."), "No browser is installed."),
        (ImportError("No module named 'rapidocr'"), "No module named 'rapidocr'"),
        (InputError("first\nsecond"), "first second"),
        (FileNotFoundError(2, "No such file", "make"), "[Errno 2] No such file: 'make'"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_failed_benchmark_gives_its_reason(error: Exception, words: str) -> None:
    """On one line, in its row, and the benchmarks after it are measured."""
    out = io.StringIO()
    assert NOT_MEASURED == driver.run_all({"first": yielding(MET, then=error), "second": yielding(WATCHED)}, out)
    _, before, lost, after, _ = out.getvalue().splitlines()
    assert before.startswith("a figure ")
    assert ["first", f"not measured: {words}"] == lost.split(maxsplit=1)
    assert after.startswith("a figure without a goal")


def test_defect_of_a_benchmark_is_raised() -> None:
    """It is not a figure that cannot be taken here; the rows before it are on the screen."""
    out = Screen()
    with pytest.raises(ZeroDivisionError):
        driver.run_all({"a": yielding(MET, then=ZeroDivisionError())}, out)
    assert "a figure" in out.seen[-1]


def test_each_row_is_shown_when_it_is_measured() -> None:
    """Before the next measurement begins."""
    out = Screen()

    def benchmark(folder: Path) -> Iterator[Row]:
        assert "figure" in out.seen[-1]
        yield MET
        assert "a figure " in out.seen[-1]
        yield OVER
        assert "a slow figure" in out.seen[-1]

    driver.run_all({"a": benchmark}, out)


def test_rows_are_aligned() -> None:
    """The goal and whether it is met stand in columns of their own."""
    out = io.StringIO()
    driver.run_all({"a": yielding(MET, OVER, WATCHED)}, out)
    heads, met, over, watched, _ = out.getvalue().splitlines()
    at = heads.index("goal")
    assert ["at most 1.1   met", "at most 1.1   MISSED", "none"] == [line[at:] for line in (met, over, watched)]
    assert max(map(len, (heads, met, over, watched))) <= 120


@pytest.mark.parametrize(("ratio", "goal", "missed"), [(1.1, 1.1, False), (1.2, 1.1, True), (9.0, None, False)])
def test_goal_is_the_most_allowed(ratio: float, goal: float | None, missed: bool) -> None:
    """A ratio of exactly the goal meets it."""
    assert missed == Row("", "", "", ratio, goal).is_missed


def test_stated_time_is_the_goal() -> None:
    """What the documentation says may be used up, and no more."""
    assert [False, True] == [rows.within("demo", took, 120).is_missed for took in (120, 121)]


def test_commands_take_turns_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pair does not count; the medians are of the others, and so is that of the ratios."""
    clock = [0.0]
    monkeypatch.setattr(rows.time, "perf_counter", lambda: clock[0])
    took = {"ours": iter([99.0, 2.0, 9.0, 4.0]), "theirs": iter([99.0, 1.0, 3.0, 8.0])}
    order = []

    def call(whose: str) -> None:
        order.append(whose)
        clock[0] += next(took[whose])

    found = rows.alternate(lambda: call("ours"), lambda: call("theirs"), pairs=3)
    assert rows.Pairs(4.0, 3.0, 2.0) == found
    assert ["ours", "theirs"] * 4 == order


def test_command_that_fails_is_an_error() -> None:
    """With what it wrote."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        rows.run([sys.executable, "-c", "import sys; sys.exit('no world')"])
    assert driver.reason(caught.value).endswith("ended with status 1: no world")


@pytest.mark.parametrize(
    ("words", "stated", "expected"),
    [
        ("`make demo` takes about half a minute", runs.DEMO_STATED_S, 30),
        ("is tried four times, which takes seconds", services.TRIES_STATED, 4),
        ("or 20 s each time if it does not answer", services.SILENT_STATED_S, 20),
    ],
)
def test_readme_states_the_goals(words: str, stated: int, expected: int) -> None:
    """A sentence that changes there is measured anew here."""
    assert words in " ".join(documented().split())
    assert expected == stated


# -- the command line


def test_only_named_benchmarks_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order they are named."""
    monkeypatch.setattr(command, "BENCHMARKS", {"a": yielding(MET), "b": yielding(OVER), "c": yielding(WATCHED)})
    assert ALL_MET == command.main(["c", "a"])
    _, first, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("a figure without a goal")
    assert second.startswith("a figure ")


def test_all_benchmarks_run_without_names(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As `make bench` does."""
    monkeypatch.setattr(command, "BENCHMARKS", {"a": yielding(MET), "b": yielding(OVER)})
    assert MISSED == command.main([])
    assert "Goals: 1 met, 1 missed." in capsys.readouterr().out


def test_list_names_each_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it measures."""
    assert 0 == command.main(["--list"])
    lines = capsys.readouterr().out.splitlines()
    assert list(command.BENCHMARKS) == [line.split()[0] for line in lines]
    assert all(line.endswith(".") for line in lines)


def test_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With status 2, which no measurement has, and before anything is measured."""
    with pytest.raises(SystemExit) as caught:
        command.main(["help", "speed"])
    assert 2 == caught.value.code
    assert "no benchmark is named speed" in capsys.readouterr().err

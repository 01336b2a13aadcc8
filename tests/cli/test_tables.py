"""Tables of the terminal."""

from __future__ import annotations

import pytest

from runbook_lib.cli.tables import fitted, table


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, "a b", ""), (22, "c", "x")], "ticket  who  s\n------  ---  -\n1       a b\n22      c    x"),
        ([(1, "日本 x", "y")], "ticket  who     s\n------  ------  -\n1       日本 x  y"),
    ],
)
def test_columns_stay_whole_and_aligned(rows: list[tuple[object, ...]], expected: str) -> None:
    """A wide character takes two places."""
    assert expected == table(rows, ("ticket", "who", "s"))


@pytest.mark.parametrize(("columns", "longest"), [(40, 40), (60, 60), (200, 62)])
def test_a_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, longest: int) -> None:
    """The widest columns are broken, between words; each is no wider than it has to be."""
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = [("done", "assign the ticket to the engineer", "assigned"), ("planned", "public reply", "")]
    shown = fitted(rows, ("effect", "what is done", "evidence"))
    assert longest >= max(map(len, shown.splitlines())) > longest - 8
    assert not [word for word in " ".join(map(" ".join, rows)).split() if word not in shown]


def test_a_long_address_narrows_no_other_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays whole, to be copied, and stands out of its column."""
    monkeypatch.setenv("COLUMNS", "40")
    address = f"https://gitlab.example/{'a' * 60}"
    shown = fitted([("done", f"see {address}")], ("effect", "where it is to be seen"))
    assert address in shown
    assert 40 == len(shown.splitlines()[1])

"""Tables of the terminal."""

from __future__ import annotations

import pytest

from runbook_lib.cli.tables import table


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

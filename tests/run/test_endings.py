"""However a run ends, what is left of it says which cells ran, which did not, and why it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import documented
from tests.endings import ENDINGS, Ending, Reported, ours, papermills, rows

pytestmark = [pytest.mark.apart, pytest.mark.slow]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_ending(ending: Ending, tmp_path: Path) -> None:
    """Record and journal say it right; the README's table, which also says what plain papermill leaves, is true."""
    own = ours(ending, tmp_path / "own")

    assert Reported(ending.status, "cfp") == own
    (row,) = rows({ending.name: (papermills(ending, tmp_path / "papermill"), own)})
    readme = documented()
    table = [[word.strip() for word in line.strip("|").split("|")] for line in readme.splitlines()]
    assert list(row) in table

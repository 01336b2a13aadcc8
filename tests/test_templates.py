"""The runbooks' notebooks as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib import templates
from runbook_lib.errors import InputError
from runbook_lib.settings import ROOT

WEEKEND = ROOT / "notebooks" / "weekend_license.ipynb"


def test_defaults_are_those_of_the_parameters_cell() -> None:
    """Typed, in its order."""
    found = templates.defaults(WEEKEND)
    assert [("ticket_id", 1001), ("perform", False), ("take_over", False), ("emergency_on", "unknown")] == list(
        found.items()
    )[:4]


def test_titles_are_headings() -> None:
    """The parameters are no step."""
    found = templates.titles(WEEKEND)
    assert ("Open the ticket", "Close the case") == (found["open"], found["close"])
    assert "parameters" not in found


def test_a_copy_has_the_values_and_is_kept(tmp_path: Path) -> None:
    """What the engineer has typed into it since is not lost."""
    notebook = tmp_path / WEEKEND.name
    notebook.write_bytes(WEEKEND.read_bytes())
    path = templates.copy(notebook, "mine.ipynb", {"ticket_id": 1005, "plan": "premium"})
    assert tmp_path / "open" / "mine.ipynb" == path
    found = templates.defaults(path)
    assert (1005, "premium", "unknown") == (found["ticket_id"], found["plan"], found["expires_on"])
    assert path == templates.copy(notebook, "mine.ipynb", {"ticket_id": 1001})
    assert 1005 == templates.defaults(path)["ticket_id"]


@pytest.mark.parametrize("content", ["", "{}", json.dumps([1]), json.dumps({"cells": [{}]})])
def test_a_broken_notebook(tmp_path: Path, content: str) -> None:
    """Is named."""
    (tmp_path / "x.ipynb").write_text(content)
    for read in (templates.titles, templates.defaults):
        with pytest.raises(InputError, match=r"x\.ipynb cannot be read"):
            read(tmp_path / "x.ipynb")


def test_parameters_that_are_no_literals(tmp_path: Path) -> None:
    """Are refused, not run."""
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": ["ticket_id: int = 1 / 0"]}
    (tmp_path / "x.ipynb").write_text(json.dumps({"cells": [cell]}))
    with pytest.raises(InputError, match="no plain literals"):
        templates.defaults(tmp_path / "x.ipynb")

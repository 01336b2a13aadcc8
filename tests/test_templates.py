"""The runbooks' notebooks as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib import templates
from runbook_lib.domain.errors import InputError
from runbook_lib.settings import ROOT

WEEKEND = ROOT / "notebooks" / "weekend_license.ipynb"


def test_defaults_are_those_of_the_parameters_cell() -> None:
    """Typed, in its order."""
    found = templates.defaults(WEEKEND)
    assert [("ticket_id", 0), ("perform", False), ("take_over", False), ("emergency_on", "unknown")] == list(
        found.items()
    )[:4]


def test_titles_are_headings() -> None:
    """The parameters are no step."""
    found = templates.titles(WEEKEND)
    assert ("Open the ticket", "Close the case") == (found["open"], found["close"])
    assert "parameters" not in found


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A runbook of one's own."""
    path = tmp_path / WEEKEND.name
    path.write_bytes(WEEKEND.read_bytes())
    return path


def test_a_copy_has_the_values_and_is_renewed(notebook: Path) -> None:
    """Unless it was changed by hand; the result says that it was renewed."""
    values = {"ticket_id": 1005, "plan": "premium"}
    made = templates.copy(notebook, "mine.ipynb", values)
    assert (notebook.parent / "open" / "mine.ipynb", False, {}) == (made.path, made.was_renewed, made.lacks)
    found = templates.defaults(made.path)
    assert (1005, "premium", "unknown") == (found["ticket_id"], found["plan"], found["expires_on"])
    assert made == templates.copy(notebook, "mine.ipynb", values)
    again = templates.copy(notebook, "mine.ipynb", {**values, "expires_on": "2026-11-06"})
    assert (True, "2026-11-06") == (again.was_renewed, templates.defaults(again.path)["expires_on"])


@pytest.mark.parametrize("work", ["typed", "run", "without its mark"])
def test_a_copy_with_work_in_it_is_kept(notebook: Path, work: str) -> None:
    """The result names what it lacks."""
    path = templates.copy(notebook, "mine.ipynb", {"ticket_id": 1005, "plan": "premium"}).path
    content = json.loads(path.read_text())
    if work == "typed":
        content["cells"][-1]["source"] = ["case.close()  # at last"]
    elif work == "run":
        content["cells"][-1]["execution_count"] = 1
    else:
        content["metadata"] = {}
    path.write_text(json.dumps(content))
    kept = templates.copy(notebook, "mine.ipynb", {"ticket_id": 1005, "plan": "ultimate", "escalate": True})
    assert (False, {"plan": "ultimate"}) == (kept.was_renewed, kept.lacks)
    assert content == json.loads(path.read_text())


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

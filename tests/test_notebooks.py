"""The notebooks keep their contract: no outputs, one step a cell, parameters as defined, and they run anywhere."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib import templates
from runbook_lib.cases.base import Case
from runbook_lib.domain.parameters import QUESTIONS
from runbook_lib.records import filters
from runbook_lib.run.intake import REVIEW
from runbook_lib.settings import ROOT
from tests.practice import World

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RUNBOOKS = [path for path in NOTEBOOKS if path.stem != REVIEW]
EXAMPLES = {
    "start_here": ("choose",),
    "weekend_license": ("facts", "identity", "scope", "users", "check"),
    "weekday_triage": ("facts", "identity", "scope", "account", "access", "seat-link", "entry", "decide"),
    "license_not_received": ("facts", "find", "copy"),
}
"""The steps that decide something by a rule; any other runbook has one example at least."""
PARAMETERS = {REVIEW: filters.PARAMETERS}
"""Where the parameters are defined that are not a runbook's."""


@pytest.fixture(params=NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def path(request: pytest.FixtureRequest) -> Path:
    """Each notebook in turn."""
    return Path(request.param)


@pytest.fixture(params=RUNBOOKS, ids=[path.stem for path in RUNBOOKS])
def runbook(request: pytest.FixtureRequest) -> Path:
    """Each notebook that is about one ticket."""
    return Path(request.param)


def read(path: Path) -> Any:
    """A notebook, checked against the format."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def case_of(path: Path) -> type[Case]:
    """The case class of a runbook: what its notebook imports."""
    (line,) = re.findall(r"^from (runbook_lib\.cases\.\w+) import (\w+)$", sources(path), re.MULTILINE)
    found: type[Case] = getattr(importlib.import_module(line[0]), line[1])
    return found


def sources(path: Path) -> str:
    """All code of a notebook."""
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "code")


def test_each_runbook_has_a_case_of_its_name(runbook: Path) -> None:
    """By the name the case finds its notebook again."""
    assert runbook.stem == case_of(runbook).runbook


def test_templates_hold_no_outputs_and_have_readable_ids(path: Path) -> None:
    """So that a diff shows only what was changed."""
    notebook = read(path)
    assert {"kernelspec", "language_info"} == set(notebook.metadata)
    assert not [cell.id for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
    assert not [cell.id for cell in notebook.cells if not cell.id.replace("-", "").isalnum() or len(cell.id) > 32]
    assert not [cell.id for cell in notebook.cells if cell.id[:1].isdigit()]


def test_the_opening_says_what_a_first_timer_needs(path: Path) -> None:
    """What it is for, when not to use it, what it changes, whom to call."""
    opening = read(path).cells[0].source
    for words in ("What it is for", "When not to use it", "What it changes", "Whom to call"):
        assert words in opening


def test_the_opening_comes_first_and_fits_a_screen(path: Path) -> None:
    """Then the parameters, folded; whatever else there is to tell comes with the step that needs it."""
    cells = read(path).cells
    assert ["opening", "parameters-words", "parameters"] == [cell.id for cell in cells[:3]]
    assert len(cells[0].source.split()) <= 240
    assert cells[2].metadata.jupyter.source_hidden


@pytest.mark.parametrize("path", RUNBOOKS, ids=[path.stem for path in RUNBOOKS])
def test_each_rule_has_a_worked_example(path: Path) -> None:
    """Its dates are those of the practice tickets: read-only since 20 November, a Friday."""
    examples = {cell.id for cell in read(path).cells if re.search(r"(?<!\*)\*[^*\n]+[:=][^*\n]+\*(?!\*)", cell.source)}
    assert examples
    assert {f"{name}-words" for name in EXAMPLES.get(path.stem, ())} <= examples


def test_every_step_has_its_words_before_it(path: Path) -> None:
    """Code and prose take turns."""
    kinds = [cell.cell_type for cell in read(path).cells]
    assert not [at for at, kind in enumerate(kinds) if kind == "code" and kinds[at - 1] != "markdown"]


def test_code_cells_call_and_do_not_program(path: Path) -> None:
    """No def, loop, try, or HTML in a notebook; a few lines at the most."""
    forbidden = (ast.FunctionDef, ast.For, ast.While, ast.Try, ast.ClassDef, ast.If, ast.With)
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, forbidden)]
            if "parameters" not in cell.metadata.get("tags", []):
                assert cell.source.count("\n") < 6, cell.id


def test_parameters_have_their_definitions_words(path: Path) -> None:
    """The help comment of each is the one that errors and forms use; a rehearsal is the default."""
    (cell,) = [cell for cell in read(path).cells if "parameters" in cell.metadata.get("tags", [])]
    assert cell.source.startswith("# ")  # parameters stand in groups, each under what it is about
    for line in cell.source.splitlines():
        if line.startswith("# "):
            continue
        definition, words = line.split("  # ")
        (node,) = ast.parse(definition).body
        assert isinstance(node, ast.AnnAssign)
        assert isinstance(node.target, ast.Name)
        question = PARAMETERS.get(path.stem, QUESTIONS)[node.target.id]
        assert question.words == words
        value = ast.literal_eval(node.value)
        if question.name == "ticket_id":
            assert 0 == value  # no ticket: a number of practice would be another one in live
        else:
            question.parse(value)
    assert ("perform: bool = False" in cell.source) is (path.stem != REVIEW)


def test_each_step_of_the_case_is_one_cell_in_order(runbook: Path) -> None:
    """Nothing is left out, nothing comes twice."""
    sources = [cell.source for cell in read(runbook).cells if cell.cell_type == "code"]
    calls = [source.split("(")[0].removeprefix("case.") for source in sources if source.startswith("case.")]
    assert list(case_of(runbook).order) == calls


def test_the_review_has_each_part_and_each_filter() -> None:
    """It is about all tickets, and has no case."""
    (path,) = set(NOTEBOOKS) - set(RUNBOOKS)
    sources = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    calls = ["verification", "filters", "runs", "people", "trends", "open_ends", "timeline"]
    assert [f"review.{name}()" for name in calls] == sources[2:]
    assert list(filters.PARAMETERS) == list(templates.defaults(path))
    assert all(f"{name}={name}" in sources[1] for name in filters.PARAMETERS)


def test_the_parameters_are_read_off_the_notebook(runbook: Path) -> None:
    """Names and defaults, in the notebook's order."""
    found = templates.defaults(runbook)
    assert ["ticket_id", "perform"] == list(found)[:2]
    assert False is found["perform"]


@pytest.mark.slow
def test_plain_papermill_runs_it_from_any_folder(world: World, tmp_path: Path) -> None:
    """With nothing but a ticket's number, while a sandbox runs."""
    weekend = next(path for path in NOTEBOOKS if path.stem == "weekend_license")
    command = [sys.executable, "-m", "papermill", weekend, "out.ipynb", "-p", "ticket_id", "1001"]
    done = subprocess.run(
        [str(word) for word in command],
        cwd=tmp_path,
        env=world.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    assert '"license_issued"' in json.dumps(read(tmp_path / "out.ipynb"))

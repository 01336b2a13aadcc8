"""papermill's own tests, those of the installed release, with `runbook` as the default engine.

Its package brings them along. Modules that run no notebook by the default engine are left out: they are about papermill
alone, such as `test_engines`, which is about its own one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import papermill.tests
import pytest

from runbook_lib.settings import ROOT

pytestmark = [pytest.mark.apart, pytest.mark.slow]

TESTS = Path(papermill.tests.__file__).parent
MODULES = ("test_execute", "test_cli")
MOCKS_ITS_OWN_CLIENT = "puts a mock in the place of papermill's client; this engine has its own"
LEFT_OUT = {
    "TestNotebookHelpers::test_start_timeout": MOCKS_ITS_OWN_CLIENT,
    "TestNotebookHelpers::test_default_start_timeout": MOCKS_ITS_OWN_CLIENT,
    "TestBrokenNotebook2::test": "fails with every engine: its notebook imports what IPython 9 no longer has",
}
"""The tests that fail, and why. What they are about is tested in `test_papermill_options`."""


def test_papermills_own_tests_pass(tmp_path: Path) -> None:
    """But for those that are left out."""
    found = results(tmp_path / "found.xml")
    assert len(found) > 50
    assert [] == [name for name, passed in found.items() if not passed]


def test_each_test_that_is_left_out_exists() -> None:
    """A release of papermill that has renamed one is noticed."""
    source = "".join((TESTS / f"{name}.py").read_text(encoding="utf-8") for name in MODULES)
    for name in LEFT_OUT:
        kind, _, test = name.partition("::")
        assert f"class {kind}(" in source
        assert f"def {test}(" in source


def results(path: Path) -> dict[str, bool]:
    """Each test's class and name, and whether it passed, by a pytest that knows nothing of this one's settings."""
    words = ["-m", "pytest", "-c", "/dev/null", "--rootdir", str(path.parent), "-p", "no:cacheprovider", "-q"]
    words += ["-p", "tests.papermill_default", f"--junitxml={path}"]
    words += ["-k", " and ".join(f"not ({name.replace('::', ' and ')})" for name in LEFT_OUT)]
    done = subprocess.run(
        [sys.executable, *words, "--pyargs", *(f"papermill.tests.{name}" for name in MODULES)],
        cwd=path.parent,  # without this project's conftest, whose warm Python has a standard input of its own
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,  # papermill reads a notebook from a pipe
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert path.exists(), done.stdout + done.stderr
    cases = ElementTree.parse(path).iter("testcase")
    return {_name(case): not {"failure", "error"} & {part.tag for part in case} for case in cases}


def _name(case: ElementTree.Element) -> str:
    return f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"

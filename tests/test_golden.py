"""Records of chosen tickets: each is made again and compared, cell by cell, outputs included.

`python -m tests.test_golden` makes them anew after a wanted change; read the diff before you commit it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.display import PROGRESS
from runbook_lib.run import banner
from runbook_lib.settings import ROOT
from tests.practice import World, start

pytestmark = [pytest.mark.apart, pytest.mark.slow]

GOLDEN = Path(__file__).parent / "golden"
SANITIZE = GOLDEN / "sanitize.cfg"
PATTERNS = ConfigParser(interpolation=None)
PATTERNS.read(SANITIZE)
CHOSEN = {
    "1001-performed": ("weekend_license", 1001, True),
    "1001-rehearsed": ("weekend_license", 1001, False),
    "1002-rehearsed": ("weekend_license", 1002, False),
    "1003-rehearsed": ("weekend_license", 1003, False),
    "1009-rehearsed": ("weekend_license", 1009, False),
    "1011-rehearsed": ("weekend_license", 1011, False),
    "2001-performed": ("weekday_triage", 2001, True),
    "2003-rehearsed": ("weekday_triage", 2003, False),
    "2007-rehearsed": ("weekday_triage", 2007, False),
    "3001-performed": ("license_not_received", 3001, True),
    "3002-rehearsed": ("license_not_received", 3002, False),
    "3003-routed": ("start_here", 3003, False),
}
"""The runbook, the ticket, and whether it is performed."""


@pytest.mark.parametrize("name", CHOSEN)
def test_a_run_leaves_the_golden_record(own_world: World, name: str) -> None:
    """Every output of every cell, but for ports, stamps and the license's fingerprint; a rehearsal changes nothing."""
    before = own_world.content()
    made = plain(record(own_world, *CHOSEN[name]))
    assert CHOSEN[name][2] or before == own_world.content()
    assert comparable(nbformat.read(GOLDEN / f"{name}.ipynb", as_version=4)) == comparable(made)


def test_no_address_stands_bare_on_a_page() -> None:
    """It is a link with words; only an exact text that is sent, and the customer's message, have the address itself."""
    for path in GOLDEN.glob("*.ipynb"):
        outputs = [one for cell in nbformat.read(path, as_version=4).cells for one in cell.get("outputs", [])]
        for html in (str(one["data"].get("text/html", "")) for one in outputs if "data" in one):
            words = re.sub(r"<[^>]+>", " ", re.sub(r"<pre.*?</pre>|>Message<.*?</tr>", "", html, flags=re.DOTALL))
            assert "://" not in words, (path.name, words[:200])


def test_nbval_takes_a_golden_record(own_world: World, tmp_path: Path) -> None:
    """It runs the cells again by itself, without the runbook's engine, and finds the same outputs.

    The comparison can fail: here one word of one card is another, so that this cell is not taken.
    """
    notebook: Any = nbformat.read(GOLDEN / "1003-rehearsed.ipynb", as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.id == "scope"]
    cell.outputs[0]["data"]["text/html"] = str(cell.outputs[0]["data"]["text/html"]).replace(
        "4 days more", "5 days more"
    )
    nbformat.write(notebook, tmp_path / "changed.ipynb")
    done = nbval(own_world, tmp_path / "changed.ipynb")
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    assert f"1 failed, {cells - 1} passed" in done.stdout, done.stdout[-4000:]


def nbval(world: World, notebook: Path) -> subprocess.CompletedProcess[str]:
    """Run nbval in a pytest of its own, which knows nothing of this one's settings."""
    words = ["-m", "pytest", "-c", "/dev/null", "--rootdir", str(notebook.parent), "-p", "no:cacheprovider"]
    return subprocess.run(
        [
            sys.executable,
            *words,
            "-q",
            "-p",
            "tests.nbval_json",
            "--nbval",
            "--nbval-sanitize-with",
            str(SANITIZE),
            str(notebook),
        ],
        cwd=ROOT,
        env=world.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def record(world: World, runbook: str, ticket_id: int, perform: bool) -> Any:
    """The record of a run."""
    return world.runbook("run", runbook, ticket_id, "--json", *(["--perform"] if perform else [])).record


def plain(made: Any) -> Any:
    """A record without what is of one run alone: banner, times, paths, and what it said while it was waiting."""
    made.metadata = {key: made.metadata[key] for key in ("kernelspec", "language_info")}
    made.cells = [cell for cell in made.cells if cell.id != banner.CELL]
    for cell in made.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = {"tags": tags} if tags else {}
        if "outputs" in cell:
            cell.outputs = [one for one in cell.outputs if PROGRESS not in one.get("metadata", {})]
    return made


def comparable(made: Any) -> list[str]:
    """Cell by cell what a record says, without what differs from world to world."""
    return [_sanitized(json.dumps(cell, indent=1, sort_keys=True, ensure_ascii=False)) for cell in made.cells]


def _sanitized(words: str) -> str:
    for section in PATTERNS.sections():
        words = re.sub(PATTERNS[section]["regex"], PATTERNS[section]["replace"], words)
    return words


def make() -> None:
    """Make the golden records anew that no longer say the same, each in a world of its own."""
    for name, chosen in CHOSEN.items():
        with tempfile.TemporaryDirectory() as folder:
            for world in start(Path(folder)):
                made = plain(record(world, *chosen))
        path = GOLDEN / f"{name}.ipynb"
        if not path.exists() or comparable(nbformat.read(path, as_version=4)) != comparable(made):
            nbformat.write(made, path)
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    make()

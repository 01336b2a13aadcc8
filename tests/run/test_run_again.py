"""A record is a notebook, so that it will be run again: it changes nothing, and says what it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.practice import World

pytestmark = pytest.mark.slow

TICKET = 1003
"""Nothing but the assignment of the ticket is changed on it."""


def papermill(world: World, source: str | Path, output: Path, *words: str) -> Any:
    """What plain papermill, or an engine of it, makes of a notebook."""
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(source), str(output), *words]
    done = subprocess.run(command, env=world.environment, capture_output=True, text=True, timeout=120, check=False)
    assert 0 == done.returncode, done.stderr
    return nbformat.read(output, as_version=4)


def written(folder: Path) -> bytes:
    """The journals of a ticket."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("journal.*.jsonl")))


def opened(executed: Any) -> Any:
    """What the ticket's card shows."""
    (cell,) = [cell for cell in executed.cells if cell.id == "open"]
    return next(output.data for output in cell.outputs if "data" in output)


def test_a_record_run_again_only_rehearses(own_world: World, tmp_path: Path) -> None:
    """By papermill and by the engine; neither the world nor the journal changes, and the card says why."""
    record = Path(own_world.runbook("run", "weekend_license", TICKET, "--perform", "--json").report["record"])
    journal = written(record.parent)
    world = own_world.content()

    for words in ((), ("--engine", "runbook")):
        again = papermill(own_world, record, tmp_path / "again.ipynb", *words)
        assert f"The run {record.stem} has ended." in str(opened(again))
        assert "it only rehearses" in str(opened(again))
        assert journal == written(record.parent)
    assert world == own_world.content()


def test_a_template_still_performs_by_papermill(own_world: World, tmp_path: Path) -> None:
    """With `-p perform True`; the card says that nothing seals it, and how to."""
    executed = papermill(
        own_world,
        "notebooks/weekend_license.ipynb",
        tmp_path / "out.ipynb",
        *("-p", "ticket_id", str(TICKET)),
        *("-p", "perform", "True"),
    )
    assert f"runbook records adopt NOTEBOOK --ticket {TICKET}" in str(opened(executed))
    assert b'"done"' in written(own_world.outputs / "sandbox" / str(TICKET))


def test_a_performed_record_whose_journal_is_lost_is_adopted(own_world: World) -> None:
    """Its cells hold the run's name where its manifest says that it performed: no contradiction."""
    record = Path(own_world.runbook("run", "weekend_license", TICKET, "--perform", "--json").report["record"])
    kept = own_world.outputs / record.name
    record.rename(kept)
    own_world.forget(TICKET)
    ran = own_world.runbook("records", "adopt", kept, "--ticket", TICKET)
    assert 0 == ran.status, ran.stderr
    assert "its contents are not guaranteed" in own_world.runbook("records", "list", "--ticket", TICKET).stdout

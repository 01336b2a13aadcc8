"""What has customers' data is for its user alone, whatever the umask; what others can see has none of it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib import files
from runbook_lib.cli.main import main
from runbook_lib.jupyter.background_run import BackgroundRun
from runbook_lib.records.exporting import write
from runbook_lib.settings import Settings
from tests.configuration import without_configuration
from tests.practice import World
from tests.records.making import Shelf


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """As most machines have it: everybody may read what is made."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def loose(folder: Path) -> set[str]:
    """The files and folders that others may read."""
    found = [folder, *folder.rglob("*")]
    return {path.name for path in found if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077}


def test_a_file_is_private_and_whole(tmp_path: Path) -> None:
    """Also where a looser one stood before; nothing else is left."""
    path = tmp_path / "new" / "deep" / "a.txt"
    files.make_folder(path.parent)
    path.write_text("before")
    path.chmod(0o644)
    files.write(path, b"after")
    assert (b"after", ["a.txt"]) == (path.read_bytes(), [each.name for each in path.parent.iterdir()])
    assert set() == loose(tmp_path / "new")


def test_a_looser_folder_is_tightened(tmp_path: Path) -> None:
    """Its own right to execute stays."""
    tmp_path.chmod(0o755)
    files.make_folder(tmp_path)
    assert 0o700 == stat.S_IMODE(tmp_path.stat().st_mode)


def test_a_loose_journal_is_tightened_by_the_next_line(tmp_path: Path) -> None:
    """As versions before this one left it."""
    shelf = Shelf(tmp_path)
    shelf.seal(1001)
    for path in (shelf.journal(1001).path, shelf.folder(1001)):
        path.chmod(0o755)
    shelf.seal(1001)
    assert set() == loose(shelf.folder(1001))


def test_exports_and_pages_are_private(tmp_path: Path) -> None:
    """They hold what the records hold."""
    write(tmp_path / "page.html", b"a customer")
    assert 0o600 == stat.S_IMODE((tmp_path / "page.html").stat().st_mode)


def test_a_commands_umask_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What calls it in the same process keeps its own."""
    without_configuration(monkeypatch, tmp_path)
    monkeypatch.setenv("RUNBOOK_PROFILE", "sandbox")
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    assert 0 == main(["records", "list"])
    assert 0o022 == os.umask(0o022)


@pytest.mark.slow
def test_a_run_leaves_nothing_that_others_can_read(own_world: World) -> None:
    """Neither records, journals, keys and heads, nor the practice world."""
    own_world.runbook("run", "weekend_license", 1003, "--perform")
    assert set() == loose(own_world.outputs / "sandbox" / "1003") | loose(own_world.outputs / "sandbox" / ".keys")


# -- processes


@pytest.mark.slow
def test_answers_of_a_performing_run_are_no_arguments(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody on the machine can read those; an address among them is passed in a file without a name."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(own_world.outputs))
    begun: list[list[str]] = []

    def spy(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        begun.append(command)
        return subprocess.Popen(command, **options)  # type: ignore[call-overload, no-any-return]

    run = BackgroundRun(Settings.load(), "weekend_license", 1001, spy)
    run.begin({"user_count": "321"})
    *_, last = run.progress()
    assert "321 users" in str((last.ended or {})["summary"])
    assert [False] == [any("321" in word for word in command) for command in begun]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "no JSON object of answers"),
        ('{"plan": 7}', "plan is '7'; expected one of"),
        ('{"user_count": ["260"]}', """user_count is '["260"]'; expected a whole number"""),
        ('{"plan": null}', "plan is null in the parameters file"),
        ('{"parameters": {"plan": "free"}}', "parameters is an object in the parameters file"),
        ('{"plan": "free", "plan": "premium"}', "plan is given twice"),
        ('{"take_over": true, "confirmed": ["plan"], "user_count": 0}', "user_count is '0'; expected a whole number"),
    ],
)
def test_a_parameters_file_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    """Told before anything runs."""
    without_configuration(monkeypatch, tmp_path)
    monkeypatch.setenv("RUNBOOK_PROFILE", "sandbox")
    path = tmp_path / "answers.json"
    path.write_text(content)
    assert 2 == main(["run", "weekend_license", "1001", "-f", str(path)])
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--help"], ["records", "list", "--json"], ["records", "show", "1001"], ["license", "read", "--help"]]
)
def test_a_reader_that_stops(tmp_path: Path, words: list[str]) -> None:
    """As `head` does: the command ends quietly."""
    shelf = Shelf(tmp_path / "outputs")
    shelf.seal(1001)
    environment = {**os.environ, "RUNBOOK_PROFILE": "sandbox", "RUNBOOK_OUTPUTS": str(shelf.outputs)}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "runbook_lib.cli", *words],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=environment,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (141, b"") == (done.returncode, done.stderr)


@pytest.mark.slow
def test_the_kernels_of_runs_keep_no_history(own_world: World, tmp_path: Path) -> None:
    """Neither with `runbook run`, nor with `papermill --engine runbook`."""
    folder = tmp_path / "ipython"
    own_world.runbook("run", "weekend_license", 1003, IPYTHONDIR=str(folder))
    small = {"cell_type": "code", "id": "a", "metadata": {}, "source": "x = 'customer'", "outputs": []}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{**small, "execution_count": None}]}
    notebook["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (tmp_path / "in.ipynb").write_text(json.dumps(notebook))
    command = ["-m", "papermill", "--engine", "runbook", str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb")]
    environment = {**own_world.environment, "IPYTHONDIR": str(folder)}
    subprocess.run([sys.executable, *command], env=environment, capture_output=True, check=True, timeout=60)
    assert [] == list(folder.rglob("history*.sqlite"))

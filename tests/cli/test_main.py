"""What is wrong with the words of a command: one line, exit status 2, and no license of them repeated."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from runbook_lib.cli.main import LINES, main
from tests.practice import World


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "Missing command. Known: run, batch, lab,"),
        (["rnu"], "No such command 'rnu'. Known: run, batch,"),
        (["--jsno"], "No such option '--jsno'."),
        (["run"], "Missing argument 'RUNBOOK|auto'. See `runbook run --help`."),
        (["run", "weekend_license"], "Missing argument 'TICKET'. See `runbook run --help`."),
        (["run", "weekend_license", "1001", "1002"], "Got unexpected extra argument (1002). See"),
        (["run", "weekend_license", "1001", "-p"], "Option '-p' requires 2 arguments."),
        (["run", "weekend_license", "1001", "-p", "plan"], "Option '-p' requires 2 arguments."),
        (["run", "weekend_license", "1001", "--perfrom"], "No such option '--perfrom'."),
        (["run", "weekend_licence", "1001"], "did you mean 'weekend_license'"),
        (["run", "weekend_license", "10O1"], "ticket_id is '10O1'; expected the ticket's number"),
        (["run", "auto", "0"], "ticket_id is '0'"),
        (["run", "weekend_license", "--", "-5"], "ticket_id is '-5'"),
        (["run", "weekend_license", "1001", "-p", "user_count", "-5"], "user_count is '-5'; expected a whole number"),
        (["run", "weekend_license", "1001", "-puser_count", "-5"], "user_count is '-5'"),
        (["run", "weekend_license", "1001", "-p", "plan", "--perform"], "plan is '--perform'; expected one of"),
        (["run", "weekend_license", "1001", "-p", "plan", "free", "-p", "plan", "free"], "plan is given twice"),
        (["batch", "1001", "--workers", "-1"], "'--workers': -1 is not"),
        (
            ["records"],
            "Missing command. Known: adopt, export, list, pull, push, show, sign-off, verify. "
            "See `runbook records --help`.",
        ),
        (["records", "export", "x"], "Missing option '--format'"),
        (["keys", "trust"], "Missing argument 'KEY|FILE'. See `runbook keys trust --help`."),
        (["answer", "1001", "case", "perhaps"], "Invalid value for 'yes|no': 'perhaps' is not one of 'yes', 'no'."),
        (["journal", "restart", "1001"], "Missing option '--because'."),
        (["sandbox", "--port", "x"], "'x' is not a valid port number."),
        (["sandbox", "--port", "70000"], "70000 is not in the range"),
        (["demo", "--no-browser"], "No such option '--no-browser'."),
        (["demo", "1001"], "Got unexpected extra argument (1001)."),
    ],
)
def test_wrong_words_are_one_line(
    words: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Status 2; nothing is started, made or printed beside it."""
    monkeypatch.setenv("RUNBOOK_PROFILE", "sandbox")
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    assert 2 == main(words)
    said = capsys.readouterr()
    assert ("", 1) == (said.out, said.err.count("\n"))
    assert said.err.startswith("runbook: ")
    assert expected in said.err
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("words", [[name] for name in LINES] + [[], ["records", "list"], ["keys", "rotate"]])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_explains_itself(words: list[str], option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By either option, with status 0."""
    assert 0 == main([*words, option])
    said = capsys.readouterr()
    assert said.out.startswith(f"Usage: {' '.join(['runbook', *words])} ")
    assert "" == said.err


@pytest.mark.slow
def test_a_run_says_at_once_what_it_does(world: World) -> None:
    """On standard error, before anything is started; with `--json` a program hears nothing of it."""
    ran = world.runbook("run", "weekend_license", 1003)
    first, *_ = ran.stderr.splitlines()
    assert "Ticket 1003 (practice): rehearsing weekend_license; nothing is changed ..." == first
    assert (
        "Ticket 1003 (practice): performing its runbook ..." in world.runbook("run", "auto", 1003, "--perform").stderr
    )
    assert "" == world.runbook("run", "weekend_license", 1003, "--json").stderr


def test_a_terminal_shows_the_line_and_a_bar(world: World) -> None:
    """Also with `--json`, whose object alone is on standard output."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with subprocess.Popen(
        [sys.executable, "-m", "runbook_lib.cli", "run", "weekend_license", "1003", "--json"],
        env={**world.environment, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        out, shown = process.communicate()[0], b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    assert out.startswith(b"{\n")
    assert b"rehearsing weekend_license; nothing is changed ..." in shown.splitlines()[0]
    assert b"Executing:" in shown
    assert b"cell" in shown


def _read(terminal: int) -> bytes:
    """What a terminal shows next; nothing at its end, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize("encoding", ["ascii", "shift_jis"])
def test_a_terminal_that_lacks_some_letters(world: World, encoding: str) -> None:
    """They are printed as their codes, and nothing else is lost."""
    world.runbook("run", "weekend_license", 1001)
    ran = world.runbook("records", "show", 1001, PYTHONIOENCODING=encoding)
    assert (0, "") == (ran.status, ran.stderr)
    assert "RECORD of ticket 1001" in ran.stdout


@pytest.mark.parametrize("words", [["records", "list"], ["records", "list", "--json"], ["--help"]])
def test_a_disk_that_takes_no_output(world: World, words: list[str]) -> None:
    """One line says so, whatever was to be printed."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "runbook_lib.cli", *words],
            env=world.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert 1 == done.returncode
    assert "runbook: What it prints or writes has no room (No space left on device). Free" == done.stderr[:77]
    assert 1 == done.stderr.count("\n")

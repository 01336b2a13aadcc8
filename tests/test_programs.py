"""Finding and installing the programs that tests need."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import programs
from tests.programs import BROWSER, OPENSSL, MissingProgramError, Program, ensure, find, main


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of PATH; Playwright has no browser, and the user is not root."""
    found = tmp_path / "bin"
    found.mkdir()
    monkeypatch.setenv("PATH", str(found))
    monkeypatch.delenv(programs.BROWSER_SETTING, raising=False)
    monkeypatch.setattr(programs, "_of_playwright", lambda program: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return found


def add(folder: Path, name: str, status: int = 0) -> str:
    """A program that ends with a status."""
    file = folder / name
    file.write_text(f"#!/bin/sh\nexit {status}\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.parametrize("name", programs.BROWSERS)
def test_a_browser_that_is_there_is_used(path: Path, name: str) -> None:
    """By any of its usual names; nothing is installed."""
    assert add(path, name) == ensure(BROWSER, run=lambda words: pytest.fail(f"runs {words}"))


def test_a_stub_that_does_not_start_is_no_browser(path: Path) -> None:
    """As Ubuntu's, which only names a snap; the next name counts."""
    add(path, "chromium", status=1)
    assert find(BROWSER) is None
    assert add(path, "google-chrome") == find(BROWSER)


def test_the_setting_names_a_browser(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any other; one that does not start is reported, and never replaced by another."""
    add(path, "chromium")
    named = add(path, "my-browser")
    monkeypatch.setenv(programs.BROWSER_SETTING, named)
    assert named == find(BROWSER)
    monkeypatch.setenv(programs.BROWSER_SETTING, str(path / "nowhere"))
    with pytest.raises(MissingProgramError, match="does not start"):
        find(BROWSER)


@pytest.mark.parametrize("manager", programs.MANAGERS)
@pytest.mark.parametrize("program", [BROWSER, OPENSSL])
def test_root_installs_by_the_package_manager(
    path: Path, monkeypatch: pytest.MonkeyPatch, manager: str, program: Program
) -> None:
    """Without sudo; the package has the program's name."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    add(path, manager)
    ran: list[Sequence[str]] = []

    def run(words: Sequence[str]) -> bool:
        ran.append(words)
        if program.package in words:
            add(path, program.names[0])
        return True

    assert str(path / program.names[0]) == ensure(program, run=run)
    assert {manager} == {words[0] for words in ran}
    assert program.package in ran[-1]


@pytest.mark.parametrize(("status", "expected"), [(0, "sudo"), (1, None)])
def test_sudo_is_used_only_without_a_question(path: Path, status: int, expected: str | None) -> None:
    """`sudo -n` tells."""
    add(path, "apt-get")
    add(path, "sudo", status=status)
    ran: list[Sequence[str]] = []
    with pytest.raises(MissingProgramError):
        ensure(OPENSSL, run=lambda words: bool(ran.append(words)))
    assert ([expected] if expected else []) == [words[0] for words in ran]


def test_playwright_is_the_last_resort(path: Path) -> None:
    """Of the browser alone."""
    ran: list[Sequence[str]] = []
    for program in (BROWSER, OPENSSL):
        with pytest.raises(MissingProgramError):
            ensure(program, run=lambda words: bool(ran.append(words)))
    assert [["-m", "playwright", "install", "chromium"]] == [list(words[1:]) for words in ran]


def test_command_says_what_it_found(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where nothing had to be installed."""
    browser, openssl = add(path, "google-chrome"), add(path, "openssl")
    assert 0 == main(["browser"])
    assert f"The tests use this browser: {browser}\n" == capsys.readouterr().out
    assert 0 == main([])
    assert f"The tests use this openssl: {openssl}\n" in capsys.readouterr().out


def test_what_cannot_be_installed_is_reported(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence that says what to do; the command fails before any test."""
    assert 1 == main(["openssl"])
    assert capsys.readouterr().err == (
        "The tests need openssl, which is not here and could not be installed: install the package openssl, "
        "then run `make test` again.\n"
    )

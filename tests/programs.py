"""The programs that tests need beside Python, a browser and openssl: finds them, and installs what is missing.

`python -m tests.programs` is the command. What is there is used; else the system's package manager, where it asks no
question; else, for the browser, Playwright's own download. Whatever is found has to start, since Ubuntu's
`chromium-browser` may be a stub.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

BROWSER_SETTING = "TEST_BROWSER"
"""Names the browser's program, where it has another name or place than usual."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MANAGERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "apt-get": (("apt-get", "update", "-q"), ("apt-get", "install", "-y", "-q", "{package}")),
    "dnf": (("dnf", "install", "-y", "{package}"),),
    "apk": (("apk", "add", "{package}"),),
    "pacman": (("pacman", "-Sy", "--noconfirm", "{package}"),),
    "zypper": (("zypper", "--non-interactive", "install", "{package}"),),
}
"""How a package is installed without a question; both programs have their package's name everywhere."""
START_LIMIT_S = 60.0

Run = Callable[[Sequence[str]], bool]


@dataclass(frozen=True)
class Program:
    """A program that tests need.

    Attributes:
        package: Its package, and its name in messages.
        names: What its file may be called, the most usual first.
        version: The option that shows whether it starts.
        setting: The environment variable that names another one, or "".
    """

    package: str
    names: tuple[str, ...]
    version: str
    setting: str = ""


BROWSER = Program("chromium", BROWSERS, "--version", BROWSER_SETTING)
OPENSSL = Program("openssl", ("openssl",), "version")
PROGRAMS = {"browser": BROWSER, "openssl": OPENSSL}


class MissingProgramError(Exception):
    """A program is missing and cannot be installed here; the message says what to do."""


def find(program: Program) -> str | None:
    """The path of a program that starts, or None.

    Raises:
        MissingProgramError: The setting names one that does not.
    """
    if named := os.environ.get(program.setting):
        if starts(named, program):
            return named
        raise MissingProgramError(f"{program.setting} is {named!r}, which does not start. Correct it or unset it.")
    paths = filter(None, map(shutil.which, program.names))
    return next((path for path in paths if starts(path, program)), None) or _of_playwright(program)


def browser() -> str:
    """The path of the browser.

    Raises:
        MissingProgramError: There is none.
    """
    path = find(BROWSER)
    if path is None:
        raise MissingProgramError("No browser is installed. Run `.venv/bin/python -m tests.programs browser`.")
    return path


def starts(path: str, program: Program) -> bool:
    """Whether a file is a program that can say its version."""
    try:
        done = subprocess.run([path, program.version], capture_output=True, timeout=START_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def ensure(program: Program, *, run: Run | None = None) -> str:
    """The path of a program, which is installed if it is missing.

    Args:
        program: Which one.
        run: Runs a command that installs something; returns whether it succeeded.

    Raises:
        MissingProgramError: It cannot be installed here.
    """
    for attempt in (None, *_ways(program, run or _run)):
        if attempt:
            attempt()
        if path := find(program):
            return path
    setting = f", or name one in {program.setting}" if program.setting else ""
    raise MissingProgramError(
        f"The tests need {program.package}, which is not here and could not be installed: install the package "
        f"{program.package}{setting}, then run `make test` again."
    )


def _ways(program: Program, run: Run) -> Iterator[Callable[[], None]]:
    """What can be tried to install a program, one after the other."""
    prefix = _without_question()
    for name, commands in MANAGERS.items():
        if prefix is not None and shutil.which(name):
            yield partial(_all, run, prefix, commands, program)
    if program is BROWSER:
        yield partial(_all, run, (), ((sys.executable, "-m", "playwright", "install", "chromium"),), program)


def _all(run: Run, prefix: Sequence[str], commands: Sequence[Sequence[str]], program: Program) -> None:
    """Run commands until one fails."""
    for command in commands:
        words = [*prefix, *(word.format(package=program.package) for word in command)]
        print(f"The tests need {program.package}: {' '.join(words)}", flush=True)
        if not run(words):
            return


def _run(words: Sequence[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(words, stdin=subprocess.DEVNULL, env=environment, check=False).returncode == 0


def _without_question() -> tuple[str, ...] | None:
    """What goes before a command that installs: nothing for root, else sudo; None where it would ask."""
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        return None
    done = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ("sudo", "-n") if done.returncode == 0 else None


def _of_playwright(program: Program) -> str | None:
    """The browser that Playwright has downloaded, or None."""
    if program is not BROWSER:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if starts(path, program) else None


def main(names: Sequence[str]) -> int:
    """Install what is missing of the programs named, or of all, and say where each is; returns 1 if one cannot be."""
    try:
        for name in names or PROGRAMS:
            print(f"The tests use this {name}: {ensure(PROGRAMS[name])}")
    except MissingProgramError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

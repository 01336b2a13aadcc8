"""The shape of the library: imports go down only, the pure layer is pure, and nothing happens at import."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import runbook_lib

HOME = Path(runbook_lib.__file__).parent
LAYERS = (
    ("errors",),
    ("models",),
    ("policy",),
    ("answers", "image_types", "triage", "routing", "license", "messages", "display"),
    ("settings", "keyring", "budget", "results"),
    ("redaction",),
    ("clients", "journal", "widgets", "screenshots", "templates"),
    ("effects", "mechanizer", "performing"),
    ("cases", "sealing"),
    ("papermill_engine", "engine", "runner", "records", "sandbox", "doctor", "lab"),
    ("demo", "cli", "cli_journal", "cli_records"),
)
"""Lowest first. A module may import from layers below its own, and a package from itself."""
SIDEWAYS = {
    *(("runner", "engine"), ("engine", "papermill_engine")),
    *(("cli", "demo"), ("cli", "cli_journal"), ("cli", "cli_records")),
}
"""(Who, whom): the few imports within a layer."""
PURE = {name for layer in LAYERS[:4] for name in layer}
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
READERS_OF_THE_ENVIRONMENT = {"settings", "lab", "performing", "demo", "sandbox"}
"""Of these only `settings` reads configuration: the next three pass the environment on, `sandbox` builds a job's."""
WORLDLY = {
    *("asyncio", "ftplib", "glob", "http", "httpx", "io", "logging", "multiprocessing", "os", "pathlib", "random"),
    *("requests", "shutil", "signal", "smtplib", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading"),
    *("time", "urllib", "uuid"),
}
"""Modules for I/O, clocks and processes: not for the pure layer."""


def dotted(path: Path, home: Path = HOME) -> str:
    """A module's name below the package: "clients.http"; a package by its own name, the whole by ""."""
    parts = path.relative_to(home).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path.read_text(encoding="utf-8") for path in sorted(HOME.rglob("*.py"))}


def imports(name: str, source: str) -> Iterator[str]:
    """What a module imports, wherever in it: absolute dotted names; a name after `from` counts as a module too."""
    package = ["runbook_lib", *name.split(".")[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def own_imports(name: str, source: str) -> set[str]:
    """The first names below `runbook_lib` of what a module imports: "clients" for any of the clients."""
    return {found.split(".")[1] for found in imports(name, source) if found.startswith("runbook_lib.")}


def wrong_imports(name: str, source: str) -> list[str]:
    """Imports that go up, sideways, or to a module that has no place."""
    own = name.split(".")[0]
    wrong = []
    for other in sorted(own_imports(name, source) - {own}):
        if other not in RANK:
            wrong.append(f"{name} -> {other}: has no place")
        elif RANK[other] >= RANK[own] and (own, other) not in SIDEWAYS:
            wrong.append(f"{name} -> {other}: not downwards")
    return wrong


def names_used(source: str) -> set[str]:
    """Every dotted name that a module uses: "os.environ", "date.today", "open"."""
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name | ast.Attribute))
    return {ast.unparse(node) for node in nodes}


# -- imports


def test_every_module_has_its_place() -> None:
    """A new module is put into a layer before anything else."""
    assert {name.split(".")[0] for name in MODULES if name} <= RANK.keys()


@pytest.mark.parametrize("name", [name for name in MODULES if name])
def test_imports_go_down_only(name: str) -> None:
    """Also those within functions and under TYPE_CHECKING."""
    assert [] == wrong_imports(name, MODULES[name])


def test_the_package_imports_nothing() -> None:
    """So that importing one module does not import all of them."""
    assert [] == list(imports("", MODULES[""]))


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("models", "from runbook_lib import errors", []),
        ("models", "import runbook_lib.policy", ["models -> policy: not downwards"]),
        ("policy", "from runbook_lib.messages import LABEL", ["policy -> messages: not downwards"]),
        ("messages", "from runbook_lib import display", ["messages -> display: not downwards"]),
        ("clients.http", "from runbook_lib import journal", ["clients.http -> journal: not downwards"]),
        ("clients.slack", "from runbook_lib.clients.http import Service", []),
        ("clients.slack", "from .http import Service", []),
        ("clients.slack", "from ..cases import base", ["clients.slack -> cases: not downwards"]),
        ("cases.base", "def f():\n    from runbook_lib import runner", ["cases.base -> runner: not downwards"]),
        (
            "display",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from runbook_lib.cases.base import Case",
            ["display -> cases: not downwards"],
        ),
        ("runner", "from runbook_lib import engine", []),
        ("engine", "from runbook_lib import runner", ["engine -> runner: not downwards"]),
        ("cli", "from runbook_lib import helpers", ["cli -> helpers: has no place"]),
    ],
)
def test_wrong_imports_are_seen(name: str, source: str, expected: list[str]) -> None:
    """The check above can fail."""
    assert expected == wrong_imports(name, source)


def test_the_sandbox_shares_no_code_with_the_clients() -> None:
    """Two independent readings of the vendors' contracts: it may use the pure layer and nothing above."""
    used = {name: own_imports(name, source) for name, source in MODULES.items() if name.split(".")[0] == "sandbox"}
    assert used
    assert {} == {name: found - PURE - {"sandbox"} for name, found in used.items() if found - PURE - {"sandbox"}}


def test_no_import_is_hidden() -> None:
    """No star, nothing relative, and no import by a name made at run time."""
    for name, source in MODULES.items():
        for node in ast.walk(ast.parse(source)):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{name}: relative import"
            assert not (isinstance(node, ast.alias) and node.name == "*"), f"{name}: star import"
        assert not names_used(source) & {"__import__", "importlib.import_module", "import_module"}, name


def test_no_cycles() -> None:
    """Modules can be read one after the other, each after what it uses (imports in functions aside)."""
    uses = {}
    for name, source in MODULES.items():
        top = ast.Module([node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        found = [other.removeprefix("runbook_lib.") for other in imports(name, ast.unparse(top))]
        uses[name] = {other if other in MODULES else other.rpartition(".")[0] for other in found} & MODULES.keys()
    while free := {name for name, others in uses.items() if not others & uses.keys() - {name}}:
        uses = {name: others for name, others in uses.items() if name not in free}
    assert {} == uses


# -- what modules may touch


@pytest.mark.parametrize("name", [name for name in MODULES if name in PURE])
def test_the_pure_layer_is_pure(name: str) -> None:
    """No I/O, no clock: deciding can be tested, repeated and read without a world around it."""
    source = MODULES[name]
    assert set() == {found.split(".")[0] for found in imports(name, source)} & WORLDLY
    clocks = {used for used in names_used(source) if used.endswith((".now", ".today", ".utcnow"))}
    assert set() == clocks | (names_used(source) & {"open", "print", "input"})


def test_settings_alone_reads_the_environment() -> None:
    """No other module asks for a variable, but for those that hand the environment on to a process."""
    ways = {"os.environ", "os.environb", "os.getenv", "os.putenv", "environ", "getenv", "dotenv_values", "load_dotenv"}
    readers = {name for name, source in MODULES.items() if names_used(source) & ways}
    assert "settings" in readers
    assert readers == {name for name in readers if name.split(".")[0] in READERS_OF_THE_ENVIRONMENT}
    by_name = {name for name, source in MODULES.items() if names_used(source) & {"os.environ.get", "os.getenv"}}
    assert by_name <= {"settings", "sandbox.runner"}


# -- each module


@pytest.mark.parametrize("name", [name for name, source in MODULES.items() if source.strip()])
def test_a_module_says_what_it_is(name: str) -> None:
    """The docstring's first line is a sentence; an empty `__init__` needs none."""
    words = ast.get_docstring(ast.parse(MODULES[name])) or ""
    assert words.split("\n")[0].endswith((".", ":"))
    assert len(words) > 20


@pytest.mark.parametrize("name", [name for name, source in MODULES.items() if "__all__" in source])
def test_all_names_what_is_there(name: str) -> None:
    """No name of `__all__` is missing, private, twice, or out of order."""
    module = importlib.import_module(f"runbook_lib.{name}")
    assert [] == [public for public in module.__all__ if not hasattr(module, public) or public.startswith("_")]
    assert sorted(set(module.__all__)) == sorted(module.__all__)


WATCH = """
import importlib, json, os, sys, threading

modules, seen, watching = sys.argv[1:], [], False
STARTERS = ("socket", "subprocess", "shutil", "tempfile", "sqlite3", "smtplib", "urllib", "signal")


def hook(event, args):
    if not watching:
        return
    if event == "open":
        path, _, flags = args
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or not str(path).endswith((".py", ".pyc")):
            seen.append(f"open {path}")
    elif event.split(".")[0] in STARTERS or (event.startswith("os.") and event not in ("os.listdir", "os.scandir")):
        seen.append(f"{event} {args}")


class Watched(threading.Thread):  # starting a thread is no audit event in Python 3.11
    def start(self):
        seen.append("a thread starts")
        super().start()


def load():
    for name in modules:
        before = len(seen)
        importlib.import_module(name)
        seen[before:] = [f"{name}: {what}" for what in seen[before:]]


load()  # first with all libraries, whose own ways are not ours
for name in [name for name in sys.modules if name.split(".")[0] in ("runbook_lib", "guinea")]:
    del sys.modules[name]
before = dict(os.environ)
sys.addaudithook(hook)
threading.Thread = Watched
watching = True
load()
watching = False
if before != dict(os.environ):
    seen.append("the environment changed")
sys.__stderr__.write("\\n" + json.dumps(seen))
"""


def what_happens(modules: list[str], folder: Path) -> tuple[str, list[str], list[str]]:
    """Import modules in a process of its own; returns what it printed, what it did, and the files it left."""
    command = [sys.executable, "-B", "-W", "error", "-c", WATCH, *modules]
    path = {"PYTHONPATH": f"{HOME.parent}:{folder}", "PATH": "", "HOME": str(folder)}
    before = set(folder.rglob("*"))
    done = subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True, check=False, timeout=60)
    assert 0 == done.returncode, done.stderr[-2000:]
    printed, _, seen = done.stderr.rpartition("\n")
    left = sorted(str(path.relative_to(folder)) for path in set(folder.rglob("*")) - before)
    return done.stdout + printed, json.loads(seen), left


def test_nothing_happens_at_import(tmp_path: Path) -> None:
    """Importing every module opens no socket, starts nothing, writes and reads no file, and prints nothing."""
    modules = [f"runbook_lib.{name}".rstrip(".") for name in MODULES]
    assert ("", [], []) == what_happens(modules, tmp_path)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import socket\nsocket.socket().close()", "socket.__new__"),
        ("open('left.txt', 'w').close()", "open left.txt"),
        ("import os\nopen(os.devnull).close()", "open /dev/null"),
        ("import os\nos.environ['X'] = '1'", "os.putenv"),
        ("import threading\nthreading.Thread(target=int).start()", "a thread starts"),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])", "subprocess.Popen"),
        ("print('hello')", "hello"),
    ],
)
def test_what_happens_at_import_is_seen(tmp_path: Path, source: str, expected: str) -> None:
    """The check above can fail."""
    (tmp_path / "guinea.py").write_text(source)
    printed, seen, left = what_happens(["guinea"], tmp_path)
    assert expected in "".join([printed, *seen])
    assert ["left.txt"] == left if "left" in source else [] == left

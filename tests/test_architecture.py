"""The shape of the library: imports go down only, the pure layer is pure, and nothing happens at import."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

import runbook_lib

HOME = Path(runbook_lib.__file__).parent
ROOMS = (
    "domain",
    "display",
    "card_html",
    "form_words",
    "addresses",
    "files",
    "variables",
    "configuration",
    "settings",
    "job_settings",
    "smtp",
    "results",
    "redaction",
    "templates",
    "clients",
    "ocr",
    "ledger",
    "wiring",
    "changes",
    "mechanizer",
    "cases",
    "jupyter",
    "run",
    "records",
    "sandbox",
    "cli",
)
"""Lowest first. A module may import from the rooms below its own, and from its own."""
PURE = {"domain", "display", "card_html", "form_words"}
RANK = {name: rank for rank, name in enumerate(ROOMS)}
READERS_OF_THE_ENVIRONMENT = {
    "variables",
    *(
        "cli.main",
        "cli.lab",
        "cli.demo",
        "jupyter.background_run",
        "run.warm",
        "run.ticket_runs",
    ),
    *("sandbox.runner", "sandbox.server"),
}
"""Of these only `variables` reads configuration: the others pass the environment on, or build a job's."""
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


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


@cache
def nodes(source: str) -> list[ast.AST]:
    """Everything in a module."""
    return list(ast.walk(parsed(source)))


def imports(name: str, source: str) -> Iterator[str]:
    """What a module imports, wherever in it: absolute dotted names; a name after `from` counts as a module too."""
    package = ["runbook_lib", *name.split(".")[:-1]]
    for node in nodes(source):
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
    """Imports that go up, or to a module that has no room."""
    own = name.split(".")[0]
    wrong = []
    for other in sorted(own_imports(name, source) - {own}):
        if other not in RANK:
            wrong.append(f"{name} -> {other}: has no room")
        elif RANK[other] >= RANK[own]:
            wrong.append(f"{name} -> {other}: not downwards")
    return wrong


@cache
def names_used(source: str) -> set[str]:
    """Every dotted name that a module uses: "os.environ", "date.today", "open"."""
    return {ast.unparse(node) for node in nodes(source) if isinstance(node, ast.Name | ast.Attribute)}


# -- imports


def test_every_module_has_its_room() -> None:
    """And CONTRIBUTING has the rooms in the same order."""
    assert {name.split(".")[0] for name in MODULES if name} == RANK.keys()
    table = (HOME.parent / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("| room |")[2].partition("\n\n")[0]
    cells = "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))
    assert list(ROOMS) == [name.rstrip("/") for name in re.findall("`(.*?)`", cells)]


def test_imports_go_down_only() -> None:
    """Also those within functions and under TYPE_CHECKING."""
    assert [] == [wrong for name, source in MODULES.items() if name for wrong in wrong_imports(name, source)]


def test_the_package_imports_nothing() -> None:
    """So that importing one module does not import all of them."""
    assert [] == list(imports("", MODULES[""]))


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("display", "from runbook_lib.domain import errors", []),
        ("display", "import runbook_lib.domain.policy", []),
        ("domain.policy", "from runbook_lib.domain.models import Answer", []),
        ("domain.policy", "from runbook_lib.display import Card", ["domain.policy -> display: not downwards"]),
        ("clients.http", "from runbook_lib.ledger import journal", ["clients.http -> ledger: not downwards"]),
        ("clients.slack", "from runbook_lib.clients.http import Service", []),
        ("clients.slack", "from .http import Service", []),
        ("clients.slack", "from ..cases import base", ["clients.slack -> cases: not downwards"]),
        ("cases.base", "def f():\n    from runbook_lib.run import runner", ["cases.base -> run: not downwards"]),
        (
            "display",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from runbook_lib.cases.base import Case",
            ["display -> cases: not downwards"],
        ),
        ("cli.main", "from runbook_lib.run import runner", []),
        ("run.runner", "from runbook_lib import cli", ["run.runner -> cli: not downwards"]),
        ("cli.main", "from runbook_lib import helpers", ["cli.main -> helpers: has no room"]),
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


def hidden_imports(source: str) -> list[str]:
    """Ways to import that the checks of this file cannot follow."""
    found = []
    for node in nodes(source):
        if isinstance(node, ast.ImportFrom) and node.level:
            found.append("relative import")
        if isinstance(node, ast.alias) and node.name == "*":
            found.append("star import")
        if isinstance(node, ast.Import) and "runbook_lib" in [alias.name for alias in node.names]:
            found.append("import of the whole package")
    at_run_time = {"__import__", "exec", "eval", "importlib", "importlib.import_module", "pkgutil", "runpy"}
    at_run_time |= {"importlib.metadata.entry_points"}
    return found + sorted((names_used(source) | {*imports("", source)}) & at_run_time)


def test_no_import_is_hidden() -> None:
    """No star, nothing relative, and no import by a name made at run time.

    But for warm processes, whose job that is, for the front of a case, which pyproject.toml installs
    (`cases.base.FRONT`), and for the module of a command, which is imported when the command is asked for.
    """
    found = {name: hidden for name, source in MODULES.items() if (hidden := hidden_imports(source))}
    assert {
        "cases.base": ["importlib.metadata.entry_points"],
        "cli.main": ["importlib.import_module"],
        "run.lean": ["__import__"],
        "run.warm": ["importlib", "importlib.import_module", "pkgutil", "runpy"],
    } == found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from runbook_lib import journal", []),
        ("from . import journal", ["relative import"]),
        ("from runbook_lib.journal import *", ["star import"]),
        ("import runbook_lib\nrunbook_lib.journal", ["import of the whole package"]),
        ("__import__('runbook_lib.journal')", ["__import__"]),
        ("import importlib as loader", ["importlib"]),
        ("from importlib import import_module as load", ["importlib.import_module"]),
    ],
)
def test_hidden_imports_are_seen(source: str, expected: list[str]) -> None:
    """The check above can fail."""
    assert expected == hidden_imports(source)


# -- circles


def used_modules(name: str, source: str, modules: Collection[str]) -> set[str]:
    """The modules of the library that a module imports; a package, where it is a name of the package itself."""
    found = set()
    for other in imports(name, source):
        whole = other.removeprefix("runbook_lib.")
        candidates = [whole, whole.rpartition(".")[0]] if other.startswith("runbook_lib.") else []
        found |= set([one for one in candidates if one and one in modules][:1])
    return found - {name}


def import_graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """Which module imports which, wherever in it."""
    return {name: used_modules(name, source, sources) for name, source in sources.items()}


def reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    """The modules that one imports, directly or through others."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen


def circular_imports(graph: dict[str, set[str]]) -> dict[frozenset[str], set[tuple[str, str]]]:
    """The circles: each strongly connected component of more than one module, with the imports within it."""
    reach = {name: reached(name, graph) for name in graph}
    circles = {
        frozenset(other for other in reach[name] if name in reach[other]) for name in graph if name in reach[name]
    }
    return {circle: {(who, whom) for who in circle for whom in graph[who] & circle} for circle in circles}


def test_no_circles() -> None:
    """Wherever in a module its imports stand, under TYPE_CHECKING too."""
    assert {} == circular_imports(import_graph(MODULES))


TYPED = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "
INNER = "def f():\n    "


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"a": "from runbook_lib import b", "b": ""}, set()),
        ({"a": "import runbook_lib.a"}, set()),
        ({"a": "from runbook_lib import b", "b": "from runbook_lib.a import f"}, {"ab", "ba"}),
        ({"a": "import runbook_lib.b as other", "b": "import runbook_lib.a"}, {"ab", "ba"}),
        ({"a": TYPED + "from runbook_lib.b import B", "b": "from runbook_lib import a"}, {"ab", "ba"}),
        ({"a": INNER + "from runbook_lib.b import B", "b": INNER + "import runbook_lib.a"}, {"ab", "ba"}),
        (
            {"a": "import runbook_lib.b", "b": TYPED + "import runbook_lib.c", "c": INNER + "import runbook_lib.a"},
            {"ab", "bc", "ca"},
        ),
        (
            {
                "a": "import runbook_lib.b, runbook_lib.c",
                "b": "import runbook_lib.a",
                "c": "import runbook_lib.d",
                "d": "",
            },
            {"ab", "ba"},
        ),
    ],
)
def test_circles_are_seen(sources: dict[str, str], expected: set[str]) -> None:
    """The check above can fail: circles in each kind of place; what hangs on a circle is not in it."""
    found = circular_imports(import_graph(sources))
    assert expected == {who + whom for pairs in found.values() for who, whom in pairs}


def test_circles_within_a_package_are_seen() -> None:
    """Between its modules, and through the names of the package itself."""
    sources = {
        "p": "from runbook_lib.p.one import f",
        "p.one": "from runbook_lib.p import two",
        "p.two": INNER + "from runbook_lib.p import f",
        "q": "",
        "q.three": "from runbook_lib.q import NAME",
    }
    inner = {("p", "p.one"), ("p.one", "p.two"), ("p.two", "p")}
    assert {frozenset({"p", "p.one", "p.two"}): inner} == circular_imports(import_graph(sources))


def test_circles_apart_are_two() -> None:
    """Each is reported with its own modules."""
    sources = {"a": "import runbook_lib.b", "b": "import runbook_lib.a, runbook_lib.c", "c": "import runbook_lib.d"}
    sources["d"] = INNER + "import runbook_lib.c"
    assert {frozenset("ab"), frozenset("cd")} == circular_imports(import_graph(sources)).keys()


# -- what modules may touch


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] in PURE])
def test_the_pure_layer_is_pure(name: str) -> None:
    """No I/O, no clock: deciding can be tested, repeated and read without a world around it."""
    source = MODULES[name]
    used = {found.split(".")[0] for found in imports(name, source) if found != "io.BytesIO"}  # memory, and no file
    assert set() == used & WORLDLY
    clocks = {used for used in names_used(source) if used.endswith((".now", ".today", ".utcnow"))}
    assert set() == clocks | (names_used(source) & {"open", "print", "input"})


def test_settings_alone_reads_the_environment() -> None:
    """No other module asks for a variable, but for those that hand the environment on to a process."""
    ways = {"os.environ", "os.environb", "os.getenv", "os.putenv", "environ", "getenv", "dotenv_values", "load_dotenv"}
    readers = {name for name, source in MODULES.items() if names_used(source) & ways}
    assert "variables" in readers
    assert readers <= READERS_OF_THE_ENVIRONMENT
    by_name = {name for name, source in MODULES.items() if names_used(source) & {"os.environ.get", "os.getenv"}}
    assert by_name <= {"sandbox.runner", "cli.main"}


def test_cases_know_no_widget() -> None:
    """Neither IPython: a case is the same in a terminal, under papermill and in JupyterLab."""
    names = [name for name in MODULES if name.split(".")[0] in ("cases", "changes", "ledger")]
    used = {(name, found.split(".")[0]) for name in names for found in imports(name, MODULES[name])}
    assert set() == {(name, found) for name, found in used if found in ("IPython", "ipywidgets", "ipykernel")}


# -- each module


def test_a_module_says_what_it_is() -> None:
    """The docstring's first line is a sentence; an empty `__init__` needs none."""
    said = {name: ast.get_docstring(parsed(source)) or "" for name, source in MODULES.items() if source.strip()}
    assert [] == [name for name, words in said.items() if not words.split("\n")[0].endswith((".", ":"))]
    assert [] == [name for name, words in said.items() if len(words) <= 20]


def test_all_names_what_is_there() -> None:
    """No name of `__all__` is missing, private, twice, or out of order."""
    names = [name for name, source in MODULES.items() if "\n__all__ = " in source]
    for module in (importlib.import_module(f"runbook_lib.{name}") for name in names):
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
for name in [name for name in sys.modules if name.startswith(("runbook_lib", "guinea"))]:
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


@pytest.mark.slow
def test_nothing_happens_at_import(tmp_path: Path) -> None:
    """Importing every module opens no socket, starts nothing, writes and reads no file, and prints nothing."""
    modules = [f"runbook_lib.{name}".rstrip(".") for name in MODULES]
    assert ("", [], []) == what_happens(modules, tmp_path)


SEEN_AT_IMPORT = [
    ("import socket\nsocket.socket().close()", "socket.__new__"),
    ("open('left.txt', 'w').close()", "open left.txt"),
    ("import os\nopen(os.devnull).close()", "open /dev/null"),
    ("import threading\nthreading.Thread(target=int).start()", "a thread starts"),
    ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])", "subprocess.Popen"),
    ("import os\nos.environ['X'] = '1'", "os.putenv"),
]


def test_what_happens_at_import_is_seen(tmp_path: Path) -> None:
    """The check above can fail: each module is reported with what it does."""
    for number, (source, _) in enumerate(SEEN_AT_IMPORT):
        (tmp_path / f"guinea{number}.py").write_text(source)
    (tmp_path / "guinea_prints.py").write_text("print('hello')")
    modules = [*(f"guinea{number}" for number in range(len(SEEN_AT_IMPORT))), "guinea_prints"]
    printed, seen, left = what_happens(modules, tmp_path)
    missed = [
        expected
        for number, (_, expected) in enumerate(SEEN_AT_IMPORT)
        if not any(what.startswith(f"guinea{number}: {expected}") for what in seen)
    ]
    assert ([], ["left.txt"]) == (missed, left), seen
    assert "hello" in printed

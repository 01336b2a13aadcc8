"""Fixtures of several test modules."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import settings

from tests import warm
from tests.practice import World, start

WARM = "WARM_PYTHON"
"""Where the program stands that starts a warm Python; for the processes that share the tests of this run."""

settings.register_profile("tests", deadline=None, derandomize="PROPERTY_EXAMPLES" not in os.environ)
settings.load_profile("tests")  # the same examples in each run: a red run is about the change; others by the setting


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world that tests share; each practice ticket belongs to one test module."""
    yield from start(tmp_path_factory.mktemp("outputs"))


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[World]:
    """A world that one test may break."""
    yield from start(tmp_path / "outputs")


def pytest_configure(config: pytest.Config) -> None:
    """One warm Python for all processes of this run; Ctrl-C reaches what tests start, also from a background job."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # as `nohup` leaves it
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if WARM not in os.environ:
        stack = ExitStack()
        program = stack.enter_context(warm.started())
        stack.callback(os.environ.pop, WARM, None)
        config.add_cleanup(stack.close)
        os.environ[WARM] = str(program or sys.executable)
    sys.executable = os.environ[WARM]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A long text or file is no name for a test; and one with a date in it is another in each worker."""
    return argname if isinstance(val, str | bytes) and len(val) > 80 else None


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: a run waits for others, such as a pipeline or a kernel."""
    return min(2 * (os.cpu_count() or 1), 16)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Freeze what was collected, so that the garbage collector does not scan it: a tenth of the time."""
    gc.disable()
    try:
        _load_share(session)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _load_share(session: pytest.Session) -> None:
    """Of all tests each process first loads its share of the modules, and pytest keeps what it compiles for the others.

    In a fresh clone each of them would compile the assertions of all else, which takes as long as to collect.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        paths = sorted(session.config.rootpath.glob("tests/**/test_*.py"))
        for path in paths[int(worker) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]:
            with suppress(Exception):  # collecting it says what is wrong
                importlib.import_module(".".join(path.relative_to(session.config.rootpath).with_suffix("").parts))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In which order tests begin, and who stays together: a module's tests of one ticket, else all of them.

    A module marked `apart` shares nothing: each of its tests goes wherever there is room. One marked `together` shares
    what is dear to start, such as JupyterLab, with the others of its folder: one worker has them.

    First the browser's tests, the longest group. Then the slow modules: those apart mostly wait for other processes, so
    they are spread among those that compute. The quick ones fill up what is left at the end.
    """
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        module = item.nodeid.partition("::")[0]
        modules.setdefault(module, []).append(item)
        params = item.callspec.params if hasattr(item, "callspec") else {}
        group = f"{module}-{params.get('ticket_id', '')}"
        if item.get_closest_marker("together"):
            group = module.rpartition("/")[0]
        elif item.get_closest_marker("apart"):
            group = item.nodeid
        item.add_marker(pytest.mark.xdist_group(group))
    kinds: dict[str, list[list[pytest.Item]]] = {kind: [] for kind in (*KINDS, "quick")}
    for tests in modules.values():
        kind = next((kind for kind in KINDS if all(test.get_closest_marker(kind) for test in tests)), "quick")
        kinds[kind].extend([[test] for test in tests] if kind == "apart" else [tests])
    both = [(n / len(kinds[kind]), tests) for kind in ("apart", "slow") for n, tests in enumerate(kinds[kind])]
    mixed = [tests for _, tests in sorted(both, key=lambda one: one[0])]
    items[:] = chain(*kinds["together"], *mixed, *kinds["quick"])


KINDS = ("together", "apart", "slow")
"""Marks of whole modules; the first that all its tests have decides when they begin."""


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Ends a run whose groups are spread over all workers, each with a JupyterLab and worlds of its own."""
    if session.config.getoption("loadgroup", False) and any("@" not in item.nodeid for item in session.items):
        session.shouldfail = "this pytest-xdist does not keep groups of tests together with this pytest"

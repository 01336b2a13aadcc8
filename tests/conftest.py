"""Fixtures of several test modules."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
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
        config.add_cleanup(stack.close)
        config.add_cleanup(lambda: os.environ.pop(WARM, None))
        os.environ[WARM] = str(program or sys.executable)
    sys.executable = os.environ[WARM]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A long text or file is no name for a test; and one with a date in it is another in each worker."""
    return argname if isinstance(val, str | bytes) and len(val) > 80 else None


def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores: a run waits for others (a pipeline, a kernel), and each worker costs 10 s of its own."""
    return min(max(3 * (os.cpu_count() or 1) // 2, 2), 16)


LONGEST = ("browser/", "ocr/", "run/test_endings", "faults/", "jupyter/test_perform_button", "test_exactly_once")
"""What begins first, so that none of it is left for the end alone."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; and who stays together: a module's tests of one ticket, else all of them.

    A module marked `apart` shares nothing: each of its tests goes wherever there is room. One marked `together` shares
    what is dear to start, such as JupyterLab, with the others of its folder: one worker has them.
    """

    def place(item: pytest.Item) -> int:
        path = item.nodeid.removeprefix("tests/")
        return next((place for place, name in enumerate(LONGEST) if path.startswith(name)), len(LONGEST))

    items.sort(key=place)
    for item in items:
        module = item.nodeid.partition("::")[0]
        params = item.callspec.params if hasattr(item, "callspec") else {}
        name = f"{module}-{params.get('ticket_id', '')}"
        if item.get_closest_marker("together"):
            name = module.rpartition("/")[0]
        elif item.get_closest_marker("apart"):
            name = item.nodeid
        item.add_marker(pytest.mark.xdist_group(name))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Ends a run whose groups would be spread over all workers: each would start its own JupyterLab and worlds."""
    if session.config.getoption("loadgroup", False) and any("@" not in item.nodeid for item in session.items):
        pytest.exit(
            "pytest-xdist does not keep groups of tests together: `make lock` took versions that do not fit.", 4
        )

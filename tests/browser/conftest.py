"""A real browser without a network, and one JupyterLab in it for all tests of this folder.

Loading JupyterLab's page takes more than all that a test then does in it. So it is loaded once, and each test opens its
notebooks in it as its own file browser would; after the test they are closed, and their kernels end. A test that failed
does not pass its page on.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.lab import Lab, Notebook, running
from tests.browser.seen import DEFAULT_SIZE, SHOTS, Seen
from tests.chromium import launched
from tests.practice import start

PATIENCE_MS = 90_000
"""A browser test may share its two cores with other tests."""
WIDTH, HEIGHT = DEFAULT_SIZE
FAILED = pytest.StashKey[bool]()


EVENTS = """
window.events = [];
for (const kind of ['keydown', 'keyup', 'mousedown', 'mouseup', 'click', 'focusin'])
    addEventListener(kind, event => {
        const {target} = event;
        const name = (target.textContent ?? '').slice(0, 30).replaceAll('\\n', ' ');
        const active = target.classList?.contains('mod-active') ? ' (pressed)' : '';
        const when = Math.round(event.timeStamp);
        window.events.push(`${when} ${kind} ${event.key ?? ''} ${target.nodeName} ${name}${active}`);
    }, true);
"""
"""Notes where each key, click and change of focus arrives: a press that came to nothing can be followed."""
ADDRESS = """
let app;
Object.defineProperty(window, 'jupyterapp', {
    get: () => app,
    set: given => {
        app = given;
        app.commands.commandExecuted.connect((_, {id, result}) => {
            if (id === 'filebrowser:open-path') result.finally(() => window.addressIsOpen = true);
        });
    },
});
"""
"""Notes that JupyterLab has opened what the page's address names: it does so after what was open before."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failure stands what its page said: that of a run elsewhere cannot be looked at any more."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    seen = getattr(arguments.get("notebook"), "seen", arguments.get("seen"))
    if report.when == "call" and report.failed and isinstance(seen, Seen):
        item.stash[FAILED] = True
        report.sections.append(("what the page said", seen.said()))
        seen.page.screenshot(path=SHOTS / f"failed-{re.sub(r'[^A-Za-z0-9]+', '-', item.name)}.png")
    return report


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    with launched() as found:
        yield found


@contextmanager
def opened(browser: Browser) -> Iterator[Seen]:
    """A page in the light theme, which knows nothing of the pages before it."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    context.add_init_script(EVENTS)
    context.add_init_script(ADDRESS)
    yield Seen(context.new_page())
    context.close()


@pytest.fixture
def seen(browser: Browser) -> Iterator[Seen]:
    """A page of the test's own."""
    with opened(browser) as found:
        yield found


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A practice world, and on it `runbook lab 1001`, for a person who has settings of their own."""
    folder = tmp_path_factory.mktemp("lab")
    for world in start(folder / "outputs"):
        with running(world, folder / "home", "1001", RUNBOOK_WAIT_S="6") as found:
            yield found


class Tab:
    """The page that has JupyterLab."""

    def __init__(self, browser: Browser) -> None:
        self._browser, self._stack = browser, ExitStack()
        self._seen: Seen | None = None

    def open(self) -> Seen:
        """The page as the test before has left it, or a new one."""
        self._seen = self._seen or self._stack.enter_context(opened(self._browser))
        self._seen.outside.clear()
        self._seen.errors.clear()
        self._seen.resize(WIDTH, HEIGHT)
        self._seen.page.emulate_media(color_scheme="light")
        return self._seen

    def close(self) -> None:
        self._stack.close()
        self._seen = None


@pytest.fixture(scope="package")
def tab(browser: Browser) -> Iterator[Tab]:
    """The page that tests of JupyterLab share."""
    found = Tab(browser)
    yield found
    found.close()


@pytest.fixture
def notebook(lab: Lab, tab: Tab, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """JupyterLab in which nothing is open, in the light theme. No fault is left to the next test."""
    found = Notebook(lab, tab.open())
    yield found
    lab.world.clear_faults()
    left = found.page.locator(".jp-Dialog").all_inner_texts()
    found.close_all()
    if left or request.node.stash.get(FAILED, False):
        tab.close()
    assert [] == left, "an unanswered dialog"

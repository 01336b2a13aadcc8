"""A page: whatever was entered there has arrived before a cell reads it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from runbook_lib.jupyter.page import Page


class Reader:
    """A page that answers beside the tests' own thread, as JupyterLab does over a subshell.

    Args:
        page: The kernel's side of it.
        typed: Words that were typed: the end of each is sent when the answer before it was handled.

    Attributes:
        arrived: What the kernel has handled.
    """

    def __init__(self, page: Page, typed: Sequence[str] = ()) -> None:
        self._page, self._typed, self.arrived = page, list(typed), list[str]()
        self._asked: queue.Queue[int | None] = queue.Queue()
        page._ask.observe(lambda change: self._asked.put(change["new"]), names="value")
        self._asked.put(page._ask.value)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        deadline = time.monotonic() + 30
        while not page.is_there:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def _read(self) -> None:
        may_send = False
        while (asked := self._asked.get()) is not None:
            if may_send and self._typed:
                self.arrived.append(self._typed.pop(0))
            may_send = asked > 1  # the first answer is that of a page that was just opened
            self._page._answer.value = asked

    def leave(self) -> None:
        """The page is closed."""
        self._asked.put(None)
        self._thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page(patience_s=0.05)
    yield made
    made.close()


def test_nobody_is_waited_for_where_no_page_is(page: Page) -> None:
    """In a run by papermill, for one."""
    page.settle()
    assert (False, 1) == (page.is_there, page._ask.value)


def test_what_waits_in_the_page_has_arrived(page: Page) -> None:
    """What the page may send when its first message was handled comes before the second answer."""
    page._patience_s = 60
    reader = Reader(page, ["2026-11-05"])
    page.settle()
    assert ["2026-11-05"] == reader.arrived
    reader.leave()


def test_answers_on_two_threads_prove_nothing(page: Page) -> None:
    """After a page was loaded anew the answers may overtake what it had sent: two in a row on one thread are needed."""
    page._patience_s = 60
    threads: list[threading.Thread] = []

    def answer(number: int) -> None:
        time.sleep(0.01)  # until somebody waits
        page._answer.value = number

    def on_its_own_thread(change: Mapping[str, int]) -> None:
        threads.append(threading.Thread(target=answer, args=(change["new"],)))
        threads[-1].start()

    Reader(page).leave()
    page._ask.unobserve_all()
    page._ask.observe(on_its_own_thread, names="value")
    page.settle()
    assert Page._ROUNDS == len(threads)
    for thread in threads:
        thread.join()


def test_a_page_that_was_closed_is_waited_for_once(page: Page) -> None:
    """And counts again when it answers."""
    Reader(page).leave()
    page.settle()
    assert (False, 2) == (page.is_there, page._ask.value)
    page.settle()
    assert 2 == page._ask.value
    Reader(page).leave()
    assert page.is_there


def test_a_page_that_is_heard_only_between_cells_is_not_waited_for(page: Page) -> None:
    """Its answer would come after the cell that waits. It is asked some times over, since that may change."""
    page._patience_s = 60
    page._ask.observe(lambda change: setattr(page._answer, "value", change["new"]), names="value")
    page._answer.value = 1
    assert (True, Page._TRIES) == (page.is_there, page._ask.value)
    page.settle()
    assert Page._TRIES == page._ask.value

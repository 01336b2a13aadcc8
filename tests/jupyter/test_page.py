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
        page.question.observe(lambda change: self._asked.put(change["new"]), names="value")
        self._asked.put(page.question.value)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
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
            self._page.answer.value = asked

    def leave(self) -> None:
        """The page is closed."""
        self._asked.put(None)
        self.thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page(patience_s=0.05)
    yield made
    made.close()


def test_without_a_page_nothing_is_awaited(page: Page) -> None:
    """In a run by papermill, for one."""
    page.settle()
    assert (False, 1) == (page.is_there, page.question.value)


def test_settle_waits_for_the_rest_of_a_word(page: Page) -> None:
    """What the page may send when its first message was handled comes before the second answer."""
    page.patience_s = 60
    reader = Reader(page, ["2026-11-05"])
    page.settle()
    assert ["2026-11-05"] == reader.arrived
    reader.leave()


def test_answers_on_two_threads_are_not_enough(page: Page) -> None:
    """After a page was loaded anew the answers may overtake what it had sent: two in a row on one thread are needed."""
    page.patience_s = 60
    threads: list[threading.Thread] = []

    def answer(number: int) -> None:
        time.sleep(0.01)  # until somebody waits
        page.answer.value = number

    def on_its_own_thread(change: Mapping[str, int]) -> None:
        threads.append(threading.Thread(target=answer, args=(change["new"],)))
        threads[-1].start()

    Reader(page).leave()
    page.question.unobserve_all()
    page.question.observe(on_its_own_thread, names="value")
    page.settle()
    assert Page.ROUNDS == len(threads)
    for thread in threads:
        thread.join()


def test_another_thread_moves_the_fields(page: Page) -> None:
    """Each time that the page is heard elsewhere, and there: a text that is typed then comes before the answer."""
    moved: list[threading.Thread] = []
    page.on_move = lambda: moved.append(threading.current_thread())
    readers = [Reader(page)]
    page.settle()
    readers[0].leave()
    page.question.unobserve_all()
    readers.append(Reader(page))
    page.settle()
    readers[1].leave()
    assert [reader.thread for reader in readers] == moved


def test_closed_page_is_awaited_once(page: Page) -> None:
    """And counts again when it answers."""
    Reader(page).leave()
    page.settle()
    assert (False, 2) == (page.is_there, page.question.value)
    page.settle()
    assert 2 == page.question.value
    Reader(page).leave()
    assert page.is_there


def test_page_heard_only_between_cells_is_not_awaited(page: Page) -> None:
    """Its answer would come after the cell that waits. It is asked some times over, since that may change."""
    page.patience_s = 60
    page.question.observe(lambda change: setattr(page.answer, "value", change["new"]), names="value")
    page.answer.value = 1
    assert (True, Page.TRIES) == (page.is_there, page.question.value)
    page.settle()
    assert Page.TRIES == page.question.value

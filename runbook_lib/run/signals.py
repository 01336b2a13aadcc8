"""Ctrl-C, SIGTERM, and the end of the terminal during a run."""

from __future__ import annotations

import asyncio
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def handled(handlers: Mapping[int, Handler]) -> Iterator[None]:
    """Where signals are handled by these; afterwards as before."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Signals:
    """These signals, from the first line to the last: they end the cells, once, and nothing else.

    What comes before and after the cells is short and has to be written, so that a signal waits there: one that came
    before ends the cells before the first; one that comes after has nothing left to end.
    """

    def __init__(self) -> None:
        self.received = False
        self._in_cells = False
        self._is_main_thread = threading.current_thread() is threading.main_thread()  # others get none, and may not ask

    @classmethod
    @contextmanager
    def noted(cls) -> Iterator[Signals]:
        signals = cls()
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as `nohup` leaves it
            numbers.append(signal.SIGHUP)
        with handled(dict.fromkeys(numbers, signals._note) if signals._is_main_thread else {}):
            yield signals

    @contextmanager
    def end_this(self) -> Iterator[None]:
        """Where a signal raises KeyboardInterrupt; not while the event loop is made: half of one complains."""
        if self._is_main_thread:
            from jupyter_core.utils import ensure_event_loop

            ensure_event_loop()
        self._in_cells = True
        if self.received:
            raise KeyboardInterrupt
        try:
            yield
        finally:
            self._in_cells = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        first, self.received = not self.received, True
        if first and self._in_cells:
            interrupt(number, frame)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, as a handler. In an event loop that waits for the next callback.

    Between two callbacks every task is at an `await`: none is half begun, such as a cell that was sent to the kernel
    while nothing waits for its outputs yet.
    """
    # It may come between a call and its `await`: what is not awaited any more needs no warning,
    # also not at the end of this process, when the last of it is collected.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise KeyboardInterrupt from None
    loop.call_soon_threadsafe(signal.default_int_handler, signal.SIGINT, None)

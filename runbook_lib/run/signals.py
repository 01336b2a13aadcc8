"""Ctrl-C and SIGTERM during a run."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Signals:
    """Both signals, from the first line to the last: they end the cells, once, and nothing else.

    What comes before and after the cells is short and has to be written, so that a signal waits there: one that came
    before ends the cells before the first; one that comes after has nothing left to end.
    """

    def __init__(self) -> None:
        self.came = False
        self._in_cells = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():  # others get no signals, and may not ask for them
            numbers = (signal.SIGINT, signal.SIGTERM)
            self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def end_this(self) -> Iterator[None]:
        """Where a signal raises KeyboardInterrupt."""
        self._in_cells = True
        if self.came:
            raise KeyboardInterrupt
        try:
            yield
        finally:
            self._in_cells = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        first, self.came = not self.came, True
        if first and self._in_cells:
            # It may come between a call and its `await`: what is not awaited any more needs no warning,
            # also not at the end of this process, when the last of it is collected.
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            raise KeyboardInterrupt

"""The page that shows widgets: whether all that was entered there has arrived, and how widgets are taken away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets


def close(*widgets: Any) -> None:
    """Take widgets away, with what listens to them and what they are drawn by."""
    for widget in widgets:
        for one in (widget, getattr(widget, "layout", None), getattr(widget, "style", None)):
            if one is not None:
                one.unobserve_all()
                one.close()


class Page:
    """The page that shows the forms, if there is one, and whether all that was entered there has arrived.

    A page sends a text while it is typed, but one message at a time: the rest of a word waits there until its beginning
    was handled here, and a cell that is run meanwhile would take the beginning for the word. So whoever reads what was
    entered asks the page first, and waits for its answer: of two numbers that only a page links, one is changed, and
    the other follows.

    The answer is heard beside the cell that waits, since JupyterLab (4.4 and later) sends what comes from widgets to a
    thread of its own in the kernel, a subshell (ipykernel 7 and later). The first answers may come before there is one,
    and a widget goes on where its last message was handled (ipykernel 7.4): so the page is asked again until then.
    After a page was loaded anew, the answers come on a new thread while a field would go on with the old one, and
    a text could arrive there after both answers: so the fields are moved along (`on_move`).

    Args:
        patience_s: How long a page may take for its answer. One that took longer is not asked again until it answers.

    Attributes:
        question: A number that the kernel changes.
        answer: A number that the page makes the same.
        on_move: Called when the page is heard on another thread than before, on that thread.
    """

    TRIES, ROUNDS = 8, 4

    def __init__(self, patience_s: float = 10.0) -> None:
        self.patience_s = patience_s
        self._turn, self._heard = threading.Lock(), threading.Condition()
        self._heard_on: threading.Thread | None = None
        self._tries = 1
        self.on_move: Callable[[], None] = lambda: None
        self.question, self.answer = ipywidgets.IntText(1), ipywidgets.IntText(0)
        self.answer.observe(self._hear, names="value")
        self._link = ipywidgets.jsdlink((self.question, "value"), (self.answer, "value"))

    @property
    def is_there(self) -> bool:
        """Whether a page has answered what it was asked last."""
        return bool(self.answer.value == self.question.value)

    def settle(self) -> None:
        """Wait until everything has arrived that was entered before now.

        The first answer comes after all that the page had sent, which lets it send the rest; the second one after that,
        if one thread has handled them all. After a page was loaded anew its messages may come to another thread than
        before: then the first answer is waited for again. Where two pages show the forms, the quicker one answers.
        """
        heard_on: list[threading.Thread | None] = []
        with self._turn:
            while len(heard_on) < self.ROUNDS and (len(heard_on) < 2 or heard_on[-1] is not heard_on[-2]):
                if not self.is_there or self._heard_on is threading.current_thread():  # nobody hears while it waits
                    return
                self.question.value += 1
                with self._heard:
                    self._heard.wait_for(lambda: self.is_there, self.patience_s)
                heard_on.append(self._heard_on)

    def close(self) -> None:
        """Ask no page any more."""
        close(self.question, self.answer, self._link)

    def _hear(self, change: object) -> None:
        if self._heard_on is not threading.current_thread():
            self.on_move()
        with self._heard:
            self._heard_on = threading.current_thread()
            self._heard.notify_all()
        if self._heard_on is threading.main_thread() and self._tries < self.TRIES:
            self._tries += 1
            self.question.value += 1

"""The other end of a client: answers in a given order, and what was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from runbook_lib.clients.budget import Budget
from runbook_lib.clients.gate import Gate
from runbook_lib.clients.http import HttpSession

PUBLIC = "93.184.215.14"
"""The address of every name, for downloads."""
Answer = Callable[[httpx.Request], httpx.Response]


class Wire:
    """Answers each request with the next answer, and again with the last; keeps what was sent.

    An answer is a function Request -> Response, or an exception that stands for a broken connection. `waits` are the
    seconds that the client would have waited.
    """

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        budget = Budget(60, sleep=self.waits.append)
        gate = Gate(practice=False, resolve=lambda host, port: [PUBLIC], has_proxy=lambda host: False)
        transport = httpx.MockTransport(self._answer)
        self.session = HttpSession(loopback=True, transport=transport, budget=budget, gate=gate)

    @property
    def last(self) -> httpx.Request:
        """The newest request."""
        return self.requests[-1]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request)


def reply(status: int = 200, **content: Any) -> Answer:
    """An answer; `content` is httpx's own: `json`, `text`, `content`, `headers`, `stream`."""
    return lambda request: httpx.Response(status, **content)

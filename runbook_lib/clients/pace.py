"""The vendors' rate limits as one budget for every process that works in the same outputs folder, as a batch's do.

Each service, or method of it, has a file there. It says from when on the next request may be sent, so that processes
take turns without a coordinator; and until when the service takes none at all (429 with `Retry-After`), as one of them
has read and all of them keep to. A turn that is not used is lost, and nothing else.

It never stops a case: without the folder, requests go as if there were no others.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from runbook_lib import files

LONGEST_S = 120.0
"""No service is held for longer, whatever it named: then one request learns whether it takes them again.

A moment that is much farther away than this is of another boot of this machine, whose clock began anew.
"""
MINUTE_S = 60.0


@dataclass(frozen=True)
class Rate:
    """What a service takes; `at_once` of the requests may be sent in a row."""

    per_minute: float
    at_once: int = 1


RATES = {
    "Zendesk": Rate(200, at_once=20),
    "GitLab": Rate(2000, at_once=100),
    "Slack chat.postMessage": Rate(60),
    "Slack conversations.history": Rate(50, at_once=10),
}
"""By service, or by service and method.

Source: Zendesk Support API, rate limits: 200 requests a minute on the smallest plan; larger ones are announced by the
header `X-Rate-Limit`. GitLab.com, rate limits: 2,000 authenticated API requests a minute. Slack, rate limits: one
message a second per channel; conversations.history is of tier 3, 50 a minute.
"""
ANNOUNCED = "X-Rate-Limit"
"""The header by which Zendesk says how many requests a minute this account may send."""


class Pace:
    """The turns of all processes that share a folder; a service without a rate takes anything."""

    def __init__(
        self, folder: Path, rates: dict[str, Rate] | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._rates = rates or {}
        self._clock = clock

    def turn(self, service: str, path: str = "") -> float:
        """Take the next turn; returns the seconds until it comes. After waiting, check `held` before sending."""
        method = f"{service} {path}"
        name = method if method in self._rates else service
        rate = self._rates.get(name)
        held_s = self.held(service)
        if not rate:
            return held_s
        with self._kept(name) as state:
            step_s = MINUTE_S / (state.get("per_minute") or rate.per_minute)
            now = self._clock()
            at = max(now + held_s, state.get("next", now) - (rate.at_once - 1) * step_s)
            state["next"] = max(state.get("next", now), at) + step_s
            return at - now

    def held(self, service: str) -> float:
        """Seconds until a service takes requests again; 0 if it does."""
        if not (self._folder / service).exists():
            return 0.0
        with self._kept(service) as state:
            return max(0.0, float(state.get("held", 0.0)) - self._clock())

    def hold(self, service: str, seconds: float) -> None:
        """Hold all requests to a service for as long as it named."""
        with self._kept(service) as state:
            state["held"] = max(state.get("held", 0.0), self._clock() + min(seconds, LONGEST_S))

    def announced(self, service: str, words: str | None) -> None:
        """Adopt the requests a minute that a service announces."""
        if words and words.isdecimal() and 0 < int(words) < 1_000_000 and service in self._rates:
            with self._kept(service) as state:
                state["per_minute"] = int(words)

    @contextmanager
    def _kept(self, name: str) -> Iterator[dict[str, float]]:
        """A service's state, for one process at a time; written afterwards if it changed, and the disk takes it.

        Where there cannot be a file, it is empty and not kept.
        """
        with ExitStack() as stack:
            try:
                files.make_folder(self._folder)
                file = stack.enter_context(open(self._folder / name, "a+b", opener=files.opener))
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
            except OSError:
                yield {}
                return
            state = self._known(file.read())
            before = dict(state)
            yield state
            if state != before:
                with suppress(OSError):
                    file.truncate(0)
                    file.write(json.dumps(state).encode())
                    file.flush()

    def _known(self, content: bytes) -> dict[str, float]:
        """The numbers in a file; of one that is damaged, or of an earlier boot, none."""
        try:
            found = json.loads(content or b"{}")
            numbers = {name: float(found[name]) for name in ("next", "held", "per_minute") if name in found}
        except (ValueError, TypeError):
            return {}
        latest = self._clock() + 2 * LONGEST_S
        return {name: value for name, value in numbers.items() if name == "per_minute" or 0 <= value <= latest}

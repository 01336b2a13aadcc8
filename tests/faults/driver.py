"""One performing run as a process of its own, without a kernel: the notebook's own cells, with a real SIGKILL on order.

A fork of a warm server process runs the cells, so that a run takes a fraction of a second. `kill_at` counts what a run
does that another could notice: each journal line and each request that changes something, before and after it. At
that moment the process kills itself, as the system would.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx

from runbook_lib.cases import license_not_received, weekday_triage, weekend_license  # noqa: F401 - warm for the fork
from runbook_lib.clients import http
from runbook_lib.domain.errors import RunbookError
from runbook_lib.ledger.journal import Journal

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TIMEOUT_S = 0.6
"""How long a run waits for an answer here; a delay that is longer makes a late commit."""
RUN_LIMIT_S = 90.0

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.faults.driver"])


@dataclass(frozen=True)
class Ended:
    """How a run ended: with an outcome, with an error (its class and words), or killed (neither)."""

    outcome: str | None = None
    error: str | None = None
    words: str = ""
    events: int = 0

    @property
    def killed(self) -> bool:
        """Whether it was killed."""
        return self.outcome is None and self.error is None


def perform(
    runbook: str, parameters: Mapping[str, Any], environment: Mapping[str, str], *, kill_at: int | None = None
) -> Ended:
    """Run a notebook's cells, performing.

    Args:
        runbook: Its name.
        parameters: Over the notebook's own defaults.
        environment: The process's.
        kill_at: The event at which it is killed, counted from 1; None for never.
    """
    ours, theirs = _server.Pipe(duplex=False)
    process = _server.Process(target=_run, args=(theirs, runbook, dict(parameters), dict(environment), kill_at))
    process.start()
    theirs.close()
    try:
        ended = Ended(**ours.recv()) if ours.poll(RUN_LIMIT_S) else Ended(error="TimeoutError", words="it hangs")
    except EOFError:
        ended = Ended()
    process.join(5)
    if process.is_alive():
        process.kill()
        process.join()
    return ended


def _run(
    answer: Connection, runbook: str, parameters: dict[str, Any], environment: dict[str, str], kill_at: int | None
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    http.TIMEOUT_S = TIMEOUT_S
    events = _counted(kill_at)
    space: dict[str, Any] = {}
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            for source in _cells(runbook):
                exec(source, space)
                if "perform: bool" in source:
                    space |= {**parameters, "perform": True}
            ended = {"outcome": str(space["case"].outcome)}
        except RunbookError as exc:
            ended = {"error": type(exc).__name__, "words": str(exc)}
    answer.send({**ended, "events": events()})


def _cells(runbook: str) -> list[str]:
    notebook = json.loads((NOTEBOOKS / f"{runbook}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _counted(kill_at: int | None) -> Callable[[], int]:
    """Count journal lines and changing requests, each before and after; kill this process at the one given."""
    seen = 0

    def event() -> None:
        nonlocal seen
        seen += 1
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    append, send = Journal.append, httpx.Client.send

    def counted_append(journal: Journal, kind: str, **fields: Any) -> None:
        event()
        append(journal, kind, **fields)
        event()

    def counted_send(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        if request.method == "GET":
            return send(client, request, **options)
        event()
        response = send(client, request, **options)
        event()
        return response

    Journal.append = counted_append  # type: ignore[method-assign]
    httpx.Client.send = counted_send  # type: ignore[method-assign]
    return lambda: seen

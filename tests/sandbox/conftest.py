"""A practice world for the tests of the sandbox, reached in this process, without a network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.serving import create_app
from runbook_lib.sandbox.world import World, opened
from tests.practice import copy_world

BASE_URL = "http://127.0.0.1:8765"


class InProcess(httpx.BaseTransport):
    """Asks an application without a network, and from code that is not async."""

    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            answer = await self._transport.handle_async_request(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return asyncio.run(ask())


@dataclass
class Practice:
    """An open world with a client for each of its services."""

    world: World
    http: httpx.Client
    started: list[int] = field(default_factory=list)

    def at(self, now: Callable[[], datetime]) -> Practice:
        """The same world with another clock."""
        world = replace(self.world, now=now)
        return Practice(world, client_of(world, self.started), self.started)

    def zendesk(self, method: str, path: str, **options: Any) -> Any:
        """Asks Zendesk with good credentials."""
        headers = {"Authorization": f"Bearer {self.world.settings['zendesk_oauth_token']}"}
        return self.http.request(method, f"/api/v2/{path}", headers=headers | options.pop("headers", {}), **options)

    def gitlab(self, method: str, path: str, **options: Any) -> Any:
        """Asks GitLab with a good token."""
        headers = {"PRIVATE-TOKEN": self.world.settings["gitlab_token"]}
        return self.http.request(method, f"/api/v4/{path}", headers=headers, **options)

    def slack(self, method: str, **arguments: Any) -> Any:
        """Calls a method of Slack's with a good token; returns the decoded answer."""
        headers = {"Authorization": f"Bearer {self.world.settings['slack_token']}"}
        answer = self.http.post(f"/api/{method}", headers=headers, json=arguments)
        assert answer.status_code == 200
        return answer.json()


def client_of(world: World, started: list[int]) -> httpx.Client:
    """A client of a world's application; it notes down the pipelines that were started."""
    app = create_app(world, faults=Faults(), start_pipeline=started.append)
    return httpx.Client(transport=InProcess(app), base_url=BASE_URL, trust_env=False)


@pytest.fixture
def world_folder(tmp_path: Path) -> Path:
    """A fresh world's folder."""
    copy_world(tmp_path / "world")
    return tmp_path / "world"


@pytest.fixture
def practice(world_folder: Path) -> Iterator[Practice]:
    """A fresh world, open, with its web application; pipelines are noted down, not run."""
    with opened(world_folder) as world:
        started: list[int] = []
        with client_of(world, started) as http:
            yield Practice(world, http, started)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until something is true, and fails after a minute."""

    def wait(happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not happened():
            assert time.monotonic() < deadline, "It did not happen within a minute"
            time.sleep(0.01)

    return wait

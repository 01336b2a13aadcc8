"""The process that serves a practice world: web, mail and pipelines, until it is stopped.

While it runs, `running.json` in the world's folder says where, and with which tokens; readable by its owner only.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from runbook_lib.domain.errors import InputError
from runbook_lib.sandbox import control_room, customersdot, fault_calls, gitlab, slack, zendesk
from runbook_lib.sandbox.calls import Refusal, refused, route
from runbook_lib.sandbox.fault_middleware import Connection, FaultMiddleware
from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.mail import serve_mail
from runbook_lib.sandbox.runner import Runner
from runbook_lib.sandbox.world import (
    DATABASE_NAME,
    DESCRIPTOR_NAME,
    HEALTH_PATH,
    PUBLIC_KEY_NAME,
    USERS_NAME,
    World,
    opened,
)

_LOCK_NAME = "serving.lock"
_PORT_NAME = "port"
_CHECK_EVERY_S = 0.5
_SHARED_SETTINGS = (
    *("operator", "zendesk_oauth_token", "gitlab_token", "mechanizer_ref", "mechanizer_trigger_token"),
    *("slack_token", "slack_channel_id", "customersdot_cookie"),
)
"""What the world's clients are configured with, as the world has it."""


def serve(
    folder: Path,
    *,
    port: int = 0,
    while_used: bool = False,
    job_command: Sequence[str] | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serves the world in a folder until SIGINT or SIGTERM, or until the folder is removed.

    It prints nothing. To be called in the main thread.

    Args:
        port: The port on 127.0.0.1; 0 takes the world's last one, or else a free one.
        while_used: Stop as well when no process uses the world (any more).
        job_command: What pipelines run in place of Mechanizer.
        ready: Called with the address once requests are taken.

    Raises:
        InputError: There is no world; it is served already; or the port is taken.
    """
    with opened(folder) as world, _only_server(folder), _listening(folder, port) as listener:
        asyncio.run(_serve(world, listener, while_used, job_command, ready or (lambda _: None)))


def create_app(world: World, *, faults: Faults, start_pipeline: Callable[[int], None]) -> ASGIApp:
    """The one web application; `start_pipeline` gets the id of every pipeline that was triggered."""
    # Only loopback names: a web page on another host cannot reach the sandbox under its own name.
    only_loopback = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    app = Starlette(
        routes=[
            route(HEALTH_PATH, lambda call: {"world": call.world.id, "date": call.world.date.isoformat()}),
            *zendesk.routes(),
            *gitlab.routes(),
            *slack.routes(),
            *customersdot.routes(),
            *fault_calls.routes(),
            *control_room.routes(),
        ],
        middleware=[only_loopback],
        exception_handlers={Refusal: refused},
    )
    app.state.world = world
    app.state.faults = faults
    app.state.start_pipeline = start_pipeline
    return FaultMiddleware(app, faults, world.now)


async def _serve(
    world: World,
    listener: socket.socket,
    while_used: bool,
    job_command: Sequence[str] | None,
    ready: Callable[[str], None],
) -> None:
    """Runs mail, web and the pipelines' worker side by side, until it is stopped."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    faults = Faults()
    mail = await serve_mail(world, faults)
    mail_port = mail.sockets[0].getsockname()[1]
    with Runner(world, url=url, mail_port=mail_port, faults=faults, command=job_command) as runner:
        app = create_app(world, faults=faults, start_pipeline=runner.start)
        server = _Server(
            uvicorn.Config(
                app,
                http=Connection,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                date_header=False,  # the application shows the world's date, not this machine's
                timeout_graceful_shutdown=1,
            )
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        if while_used:
            _stop_when_unused(server.stop, world.folder / USERS_NAME)
        watch = asyncio.create_task(_stop_when_gone(server.stop, world.folder / DATABASE_NAME))
        with _described(world, url, mail_port):
            ready(url)
            await server.serve(sockets=[listener])
        watch.cancel()
    mail.close()


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the signals to us, which it would raise again, and that sleeps until it stops."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()

    async def main_loop(self) -> None:
        """Waits; uvicorn's own loop looks ten times a second whether it is to stop."""
        await self.on_tick(0)
        await self._stopped.wait()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def stop(self) -> None:
        """Makes `serve` return soon; to be called in the event loop."""
        self.should_exit = True
        self._stopped.set()


def _stop_when_unused(stop: Callable[[], None], users: Path) -> None:
    """Calls `stop` in the event loop once no process holds the users' lock, however those that did have ended.

    From then on this process alone holds the lock, until it ends: the next user waits for that.
    """
    loop = asyncio.get_running_loop()
    lock = os.open(users, os.O_RDWR | os.O_CREAT, 0o600)  # never closed, but by the end of the process

    def wait() -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(RuntimeError):  # the loop has closed: there is nothing left to stop
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=wait, name="users", daemon=True).start()  # a daemon, since nothing else ends its waiting


async def _stop_when_gone(stop: Callable[[], None], database: Path) -> None:
    """Calls `stop` once the database has been removed, moved or replaced, as with the world's folder."""
    served = database.stat()
    with suppress(FileNotFoundError, NotADirectoryError):
        while os.path.samestat(served, database.stat()):
            await asyncio.sleep(_CHECK_EVERY_S)
    stop()


@contextmanager
def _only_server(folder: Path) -> Iterator[None]:
    """Holds the world's lock; the system releases it even if this process is killed."""
    with (folder / _LOCK_NAME).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"The practice world in {folder} is being served already. Use that server, or stop it first."
            ) from None
        # What a killed server has left would seem to describe this one, which listens on the same port.
        (folder / DESCRIPTOR_NAME).unlink(missing_ok=True)
        yield


@contextmanager
def _listening(folder: Path, port: int) -> Iterator[socket.socket]:
    """A socket that listens on 127.0.0.1; unless a port is given, on the last one, so that open pages keep working.

    It names its protocol: without that, asyncio leaves Nagle's algorithm on, which costs 40 ms an answer.
    """
    kept = folder / _PORT_NAME
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            _bind(listener, port, kept)
            listener.listen()
        except (OSError, OverflowError) as exc:
            taken = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
            problem = "is taken" if taken else f"cannot be used ({exc})"
            raise InputError(f"Port {port} {problem}. Give another one, or 0 for any that is free.") from exc
        kept.write_text(str(listener.getsockname()[1]), encoding="utf-8")
        yield listener


def _bind(listener: socket.socket, port: int, kept: Path) -> None:
    """Bind to a port; for 0 to the kept one, or to any if that is taken by now or not known."""
    if port == 0:
        with suppress(OSError, OverflowError, ValueError):
            listener.bind(("127.0.0.1", int(kept.read_text(encoding="utf-8"))))
            return
    listener.bind(("127.0.0.1", port))


@contextmanager
def _described(world: World, url: str, mail_port: int) -> Iterator[None]:
    """Keeps `running.json` in the world's folder; it appears in one piece, and goes at the end."""
    path = world.folder / DESCRIPTOR_NAME
    draft = world.folder / f".{DESCRIPTOR_NAME}"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(_descriptor(world, url, mail_port), indent=2), encoding="utf-8")
    written = draft.stat()
    draft.replace(path)
    try:
        yield
    finally:
        with suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(written, path.stat()):  # or else another world is in this one's place
                path.unlink()


def _descriptor(world: World, url: str, mail_port: int) -> dict[str, Any]:
    numbers = {name: int(world.settings[name]) for name in ("mechanizer_project_id", "tracker_project_id")}
    urls = dict.fromkeys(("zendesk_url", "gitlab_url", "customersdot_url"), url)
    settings = {name: world.settings[name] for name in _SHARED_SETTINGS} | numbers | urls
    return {
        "world": world.id,
        "folder": str(world.folder.resolve()),
        "pid": os.getpid(),
        "url": url,
        "date": world.settings["date"],
        "settings": settings
        | {"slack_url": f"{url}/api/", "license_public_key_file": str(world.folder / PUBLIC_KEY_NAME)},
        "mail": {"host": "127.0.0.1", "port": mail_port},
    }

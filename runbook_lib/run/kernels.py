"""A kernel while a notebook runs: its process, its client, and its end. The one place where a kernel is used.

jupyter_client's own parts, without their fixed waits. A kernel is one that started early (`forks`), or is started here.
Its process is killed at the end, however far it came. Python's kernels are off the network: their sockets are files in
a private folder.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_core.utils import run_sync
from nbclient.exceptions import DeadKernelError

from runbook_lib.domain.errors import UnavailableError
from runbook_lib.run.forks import OPTIONS, STEP_S, TOO_LITTLE, KernelProcess, private_folder

WELCOME_S = 0.2
"""Seconds after which a kernel that has sent nothing by IOPub is asked again: it may not know its listener yet."""


class KernelClient(AsyncKernelClient):
    """A client that is ready as soon as the kernel is."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """As jupyter_client's; but it does not wait until nothing more comes: nbclient knows whose an output is.

        Raises:
            DeadKernelError: The kernel died.
            UnavailableError: It did not answer in time.
        """
        ends_at = time.monotonic() + (timeout or float("inf"))
        await self._wait_for_sockets(ends_at)
        while True:
            self.kernel_info()
            try:
                reply = await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=WELCOME_S)
            except Empty:
                reply = {"msg_type": ""}
            if reply["msg_type"] == "kernel_info_reply":
                self._handle_kernel_info_reply(reply)
                return
            if not await self.is_alive():
                raise DeadKernelError("The kernel died at its start.")
            if time.monotonic() > ends_at:
                raise UnavailableError(f"The kernel did not answer within {timeout} s of its start. {TOO_LITTLE}")

    async def _wait_for_sockets(self, ends_at: float) -> None:
        """Wait until the kernel has made its files: who connects before tries again only after 0.1 s."""
        if self.transport != "ipc":
            return
        last = Path(f"{self.ip}-{self.hb_port}")
        while not last.exists() and time.monotonic() < ends_at and await self.is_alive():
            await asyncio.sleep(STEP_S)


class KernelManager(AsyncKernelManager):
    """Remembers the client that papermill asks for, so that both can be stopped at any moment."""

    made: Any = None

    def client(self, **options: Any) -> Any:
        self.client_factory = KernelClient
        self.made = super().client(context=self.context, **options)
        return self.made

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """As Jupyter's; see `OPTIONS`."""
        own = OPTIONS if self.ipykernel else ()
        return list(super().format_kernel_cmd([*(extra_arguments or []), *own]))


class OwnSpec(KernelSpecManager):
    """Knows the Python that runs this, and looks for no other: that takes IPython's whole import."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(argv=[], language="python", display_name="Python 3")


class Provisioner(LocalProvisioner):
    """Has a process that was started before, so that none is launched."""

    def __init__(self, early: KernelProcess, manager: KernelManager) -> None:
        super().__init__(kernel_id="", kernel_spec=manager.kernel_spec, parent=manager)
        self._early = early
        self.process = early  # type: ignore[assignment]  # it has what is used of a Popen
        self.pid = self.pgid = early.pid

    async def kill(self, restart: bool = False) -> None:
        """End it, and wait for that: a process that is killed takes no time worth a step of jupyter_client's."""
        await super().kill(restart)
        if self.process:
            self._early.wait()


CANCELS, CANCEL_S = 10, 0.2
"""How often what waits for a kernel is cancelled, and for how many seconds each: a task may miss a cancellation that
comes just when its time is over, and would be waited for without end."""


@contextmanager
def started(name: str, early: KernelProcess | None = None) -> Iterator[KernelManager]:
    """A kernel's manager, whose process is ended at the end, however far it came; an early one's owner closes it."""
    folder = early.folder if early else private_folder()
    manager = _manager(name, folder, early)
    try:
        yield manager
    finally:
        try:
            _stop(manager)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _manager(name: str, folder: Path, early: KernelProcess | None) -> KernelManager:
    # A context of the process's own is not waited for: a run that a signal cancels may leave a half-made socket in it.
    context = zmq.asyncio.Context.instance()
    manager = KernelManager(kernel_name=name, context=context, **({"kernel_spec_manager": OwnSpec()} if early else {}))
    if early:
        manager.load_connection_file(str(early.connection_file))
        manager.connection_file = str(early.connection_file)
        manager.provisioner = Provisioner(early, manager)
    elif manager.kernel_spec and manager.kernel_spec.language == "python":  # others may know TCP only
        manager.transport, manager.ip = "ipc", str(folder / "kernel")
    return manager


def _stop(manager: KernelManager) -> None:
    """End a kernel at once, with its client and what still waits for them."""

    async def stop() -> None:
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for _ in range(CANCELS):
            for task in waiting:
                task.cancel()
            if waiting:
                ended, waiting = await asyncio.wait(waiting, timeout=CANCEL_S)
                await asyncio.gather(*ended, return_exceptions=True)  # nbclient calls it a dead kernel
        if manager.made:
            manager.made.stop_channels()
        if manager.has_kernel:  # nbclient has ended one that did not come up
            await manager.shutdown_kernel(now=True)

    run_sync(stop)()

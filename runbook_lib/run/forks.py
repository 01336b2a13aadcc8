"""Kernels that start first, and import what their cells need while their runner imports the rest.

They are forked from this process where that is safe, so that what both sides need is imported once; elsewhere (macOS,
Windows, a process with threads) Python is started anew. Either way a kernel is a process of its own, in a session of
its own, used for one notebook. A forked one takes nothing along but imported modules: it closes every file that its
runner had open, and never runs the end of what the runner had begun.
"""

from __future__ import annotations

import gc
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from runbook_lib.domain.errors import UnavailableError
from runbook_lib.run import lean, warm

OPTIONS = ("--IPKernelApp.log_level=CRITICAL", "--HistoryManager.enabled=False")
"""It keeps no history of what ran, and being killed at the end is no error to report."""
LONGEST_FOLDER = 64
"""Bytes in the name of the folder for temporary files, up to which the kernel's sockets fit in: the system takes
107 for the whole path."""
PREPARED = ("httpcore", "email_validator", "runbook_lib.clients.answers:prepare")
"""What a kernel does while it waits for its runner, since its cells would a moment later; see `warm.preload`."""
STEP_S = 0.002
NO_KERNEL = (
    "No kernel can be started ({}), so nothing was run. Free the disk for temporary files, or end other processes."
)
TOO_LITTLE = "There may be too little memory: free some, or raise its limit (that of `ulimit -v`, or of the container)."
_IMPORTS = re.compile(r"^from (runbook_lib(?:\.\w+)+) import", re.MULTILINE)


class KernelProcess(ABC):
    """A kernel's process, once it has been started; has what `jupyter_client` wants of a `subprocess.Popen`.

    Its private folder has its connection file and its sockets.
    """

    stdin = stdout = stderr = None
    pid = 0

    def __init__(self) -> None:
        from jupyter_client.connect import write_connection_file  # which a process that forks has imported before

        self.folder = private_folder()
        ip, key = str(self.folder / "kernel"), secrets.token_hex(32).encode()
        with self._removed_if_it_fails():
            write_connection_file(str(self.connection_file), ip=ip, key=key, transport="ipc", kernel_name="python3")

    @property
    def connection_file(self) -> Path:
        return self.folder / "connection.json"

    @contextmanager
    def _removed_if_it_fails(self) -> Iterator[None]:
        """Leave no folder, with its key, of a kernel that never came to be."""
        try:
            yield
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @abstractmethod
    def start(self) -> None:
        """Let it take requests, as soon as it has imported what it needs; called once."""

    @abstractmethod
    def poll(self) -> int | None:
        """How it ended, as `subprocess` says it; None if it has not."""

    def wait(self) -> int:
        while (ended := self.poll()) is None:
            time.sleep(STEP_S)
        return ended

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """End it, and leave nothing of it."""
        self.kill()
        self.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Forked(KernelProcess):
    def __init__(self, modules: Sequence[str]) -> None:
        super().__init__()
        self._ended: int | None = None
        with self._removed_if_it_fails():
            waiting, go = os.pipe()
            try:
                self.pid = os.fork()
            except OSError:
                os.close(waiting)
                os.close(go)
                raise
            if self.pid == 0:
                _be_kernel(self.connection_file, modules, waiting)
            os.close(waiting)
            self._go = os.fdopen(go, "wb", buffering=0)

    def start(self) -> None:
        with suppress(BrokenPipeError), self._go:  # that a kernel has died is found by its run
            self._go.write(b"!")

    def poll(self) -> int | None:
        if self._ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._ended = os.waitstatus_to_exitcode(status) if pid else None
        return self._ended

    def close(self) -> None:
        super().close()
        self._go.close()


class Spawned(KernelProcess):
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(self.connection_file), *OPTIONS]
        command.append(f"--IPKernelApp.parent_handle={os.getpid()}")
        with self._removed_if_it_fails():
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.poll() if self._process else 0


class KernelPool:
    """Kernels that start before it is known what to send them, forked where that is safe.

    They import what the cells of the notebook do. A process that has used a kernel must not make any: ZeroMQ does not
    survive being forked.

    Raises:
        UnavailableError: The system gives no process, or no folder for its sockets.
    """

    def __init__(self, number: int, notebook: Path) -> None:
        can_fork = warm.is_supported() and _is_alone()
        if can_fork:
            import jupyter_client.manager  # noqa: F401 - both sides need it

            gc.freeze()  # what has been imported stays: neither side looks through it again
        modules = _IMPORTS.findall(_source(notebook))
        self._waiting: list[KernelProcess] = []
        try:
            for _ in range(number):
                self._waiting.append(Forked(modules) if can_fork else Spawned())
            self._waiting[0].start()
        except OSError as exc:
            self.close()
            raise UnavailableError(NO_KERNEL.format(exc.strerror)) from exc

    def take(self) -> KernelProcess:
        """A kernel, which the caller closes; a new one if more are taken than started. Raises UnavailableError."""
        taken = self._waiting.pop(0) if self._waiting else spawned()
        try:
            for following in self._waiting[:1]:
                following.start()
        except OSError as exc:
            taken.close()
            raise UnavailableError(NO_KERNEL.format(exc.strerror)) from exc
        return taken

    def close(self) -> None:
        """End those that were not taken."""
        while self._waiting:
            self._waiting.pop().close()


def spawned() -> KernelProcess:
    """A Python of its own, for any process. Raises UnavailableError if the system gives no process or folder."""
    try:
        kernel = Spawned()
        kernel.start()
    except OSError as exc:
        raise UnavailableError(NO_KERNEL.format(exc.strerror)) from exc
    return kernel


def _source(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def _is_alone() -> bool:
    """Whether this process has but one thread, by the system's own word: others would be missing in a fork."""
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:  # the system does not say
        return False


def private_folder() -> Path:
    """A new folder for a kernel's sockets, where temporary files go; in /tmp if the name of that place is too long."""
    is_short = len(os.fsencode(tempfile.gettempdir())) <= LONGEST_FOLDER
    return Path(tempfile.mkdtemp(prefix="runbook-", dir=None if is_short else "/tmp"))  # noqa: S108 - it is private


def _be_kernel(connection_file: Path, modules: Sequence[str], waiting: int) -> NoReturn:
    """Be a kernel until the end, and never come back."""
    status = 1
    try:
        runner = os.getppid()
        gc.freeze()  # no file of the runner's is closed a second time, under the number of one of ours
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, waiting)
        os.closerange(waiting + 1, 65536)
        if not sys.flags.safe_path:
            del sys.path[0]  # as `ipykernel_launcher` does: the kernel itself puts its folder there
        from ipykernel.kernelapp import IPKernelApp

        for name in (*modules, *PREPARED):
            with suppress(Exception):  # the cell that needs it says so, in the record
                warm.preload(name)

        if os.read(waiting, 1):
            os.close(waiting)
            sys.argv = ["ipykernel_launcher", "-f", str(connection_file)]
            own = [*sys.argv[1:], *OPTIONS, f"--IPKernelApp.parent_handle={runner}"]
            app = IPKernelApp.instance()
            with lean.without(lean.DEBUGGER):
                app.initialize(own)  # type: ignore[no-untyped-call]
            app.start()  # type: ignore[no-untyped-call]
        status = 0
    finally:
        os._exit(status)

"""A warm Python: a process that has imported what runs and kernels need, and forks for each of them.

`started` makes a small program that takes Python's place (`sys.executable`). What it is to run by `-m` is the
same command with the same arguments, environment, folder and files, in a process of its own; only the imports are there
already. Other modules are run by the real Python. So is everything where forking is not safe: macOS's frameworks do
not stand it once they are loaded, and Windows has none. `is_supported` is the one place that decides.

The program stands for the process that it requested: they go by one process id, it ends with the same exit status and
passes signals on, and if it is killed, or if a kernel's runner dies, so is that process; if the server ends, it is
terminated. The socket that it asks by is
in a folder of its user alone.

Knows no ticket and no notebook. A process that forks must have no thread and no socket of ZeroMQ: `serve` makes sure.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import io
import operator
import os
import pkgutil
import runpy
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from runbook_lib.run import lean

COLD = "WARM_PYTHON_OFF"
"""A process with this variable, and what it starts, is run by the real Python."""

PROGRAM = """\
#!/bin/sh
'''exec' {quoted} -IS "$0" "$@"
'''  # by the shell, since the system takes no line here that is long or has a blank in it
import os, sys
words = sys.argv[1:]
if words[:1] != ["-m"] or words[1:2] and words[1] not in {modules} or {cold!r} in os.environ:
    os.execv({python!r}, [{python!r}, *words])
import _signal, _socket, select  # the modules around them take twice as long to import as Python to start
server = _socket.socket(_socket.AF_UNIX)
try:
    server.connect({address!r})
    if not server.recv(1):
        raise ConnectionError
except OSError:  # the warm Python has died
    os.execv({python!r}, [{python!r}, *words])
environment = [name + b"=" + value for name, value in os.environb.items()]
head = [os.fsencode(word) for word in (str(os.getpid()), os.getcwd(), str(len(words) - 1), *words[1:])]
request = b"\\0".join([*head, *environment])
files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
server.sendmsg([len(request).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
server.sendall(request)
for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
    if _signal.getsignal(number) != _signal.SIG_IGN:
        _signal.signal(number, lambda number, frame: server.sendall(bytes([number])))
runner = os.getppid()
while not select.select([server], [], [], 0.2)[0]:
    if words[1] == "ipykernel_launcher" and os.getppid() != runner:
        sys.exit(1)
ended = server.recv(8)
status = int.from_bytes(ended, "big", signed=True) if len(ended) == 8 else 1
if status < 0:
    _signal.signal(-status, _signal.SIG_DFL) if -status not in (9, 19) else None
    os.kill(os.getpid(), -status)
os._exit(status)
"""


def is_supported() -> bool:
    return sys.platform == "linux" and COLD not in os.environ


@contextmanager
def started(modules: Sequence[str], preloaded: Sequence[str], *, wait: bool = True) -> Iterator[Path | None]:
    """The program's path as long as the server lives, or None where processes are not forked, or it does not start.

    Args:
        modules: What is run warm, by `-m`.
        preloaded: What is imported before, `package.*` with every module in it, and what is called once, as
            `module:function`; none of it may start a thread or open a socket.
        wait: Whether to wait until all is imported; else the first caller waits, or, if that fails, gets the real
            Python.
    """
    if not is_supported():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        address = str(Path(folder) / "socket")
        program = Path(folder) / "python"
        quoted = shlex.quote(sys.executable)
        words = {"python": sys.executable, "quoted": quoted, "cold": COLD, "address": address}
        program.write_text(PROGRAM.format(**words, modules=tuple(modules)))
        program.chmod(0o755)
        if not os.access(program, os.X_OK):  # where temporary files go, nothing may be run
            yield None
            return
        command = [sys.executable, "-m", "runbook_lib.run.warm", address, str(program), *preloaded]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        server = subprocess.Popen(  # noqa: S603 - no shell
            command,
            stdin=pipe,
            stdout=pipe,
            env=environment,
            start_new_session=True,  # Ctrl-C of the terminal is for its parent, whose jobs are to end first
        )
        with server:
            if server.stdout is None or server.stdin is None:
                raise TypeError("Popen made no pipes")
            try:
                is_there = not wait or server.stdout.readline() == b"ready\n"
                yield program if is_there else None  # its own words are above
            finally:
                server.stdin.close()
                server.terminate()  # it may import still


def serve(address: str, program: str, *preloaded: str) -> None:
    """Fork for each caller, until standard input ends.

    Raises:
        RuntimeError: Something that was imported has started a thread, so that forking is not safe.
    """
    sys.executable = program
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as waiting:
        listener.bind(address)
        listener.listen(64)  # who asks from now on waits for the imports, in place of making them too
        with lean.imports():
            for name in preloaded:
                preload(name)
        if threading.active_count() > 1:
            raise RuntimeError(f"Threads run before forking: {threading.enumerate()}")
        gc.freeze()  # what has been imported stays, and is not looked through by each that is forked
        waiting.register(listener, selectors.EVENT_READ)
        waiting.register(sys.stdin.fileno(), selectors.EVENT_READ)
        with suppress(BrokenPipeError):  # then standard input has ended, too
            os.write(1, b"ready\n")
        while True:
            for key, _ in waiting.select():
                if key.fileobj is listener:
                    _accept(listener, waiting)
                elif key.data is None:  # standard input has ended, perhaps since the maker of this folder was killed
                    shutil.rmtree(Path(address).parent, ignore_errors=True)
                    return
                else:
                    _hear(waiting, key)


def preload(name: str) -> None:
    """Import a module, or all of a package, or call a function once; see `started`."""
    module, _, called = name.removesuffix(".*").partition(":")
    loaded = importlib.import_module(module)
    if name.endswith(".*"):
        for found in pkgutil.iter_modules(loaded.__path__):
            importlib.import_module(f"{module}.{found.name}")
    if called:
        operator.attrgetter(called)(loaded)()


def _accept(listener: socket.socket, waiting: selectors.BaseSelector) -> None:
    """Fork for a new caller, and listen to both from now on."""
    caller, _ = listener.accept()
    with suppress(OSError):  # it has died
        caller.sendall(b"!")
    request = _request(caller)
    if request is None:
        caller.close()
        return
    wanted, fds = request
    # Not by `os.getpid`, which says something else in a server that was forked itself; see `_become`
    server = int(Path("/proc/self").readlink().name)
    pid = os.fork()
    if pid == 0:
        _end_with(server)
        _become(*wanted, fds)
    for fd in fds:
        os.close(fd)
    ended = os.pidfd_open(pid)
    waiting.register(caller, selectors.EVENT_READ, (pid, caller, ended))
    waiting.register(ended, selectors.EVENT_READ, (pid, caller, ended))


def _request(caller: socket.socket) -> tuple[tuple[Any, Any, Any, Any], list[int]] | None:
    """What a caller wants to run, and its standard files; None if it has died meanwhile."""
    fds: list[int] = []
    content = b""
    with suppress(ConnectionError):  # the same: it has died
        head, fds, *_ = socket.recv_fds(caller, 8, 3)
        length = int.from_bytes(head, "big")
        while len(content) < length and (part := caller.recv(length - len(content))):
            content += part
        if len(head) == 8 and len(content) == length:
            pid, folder, count, *texts = map(os.fsdecode, content.split(b"\0"))
            words, environment = texts[: int(count)], texts[int(count) :]
            return (words, dict(entry.split("=", 1) for entry in environment), folder, int(pid)), fds
    for fd in fds:
        os.close(fd)
    return None


def _hear(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    """A process has ended; or its caller passes a signal on, or has died."""
    pid, caller, ended = key.data
    if caller.fileno() < 0:  # both have ended at the same time
        return
    if key.fileobj != ended:
        number = b""
        with suppress(ConnectionError):  # as if it had closed its end
            number = caller.recv(1)
        with suppress(ProcessLookupError):
            os.kill(pid, number[0] if number else signal.SIGKILL)
        if not number:
            waiting.unregister(caller)
        return
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):  # the caller has died
        caller.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))
    with suppress(KeyError):
        waiting.unregister(caller)
    waiting.unregister(ended)
    os.close(ended)
    caller.close()


def _end_with(server: int) -> None:
    """Have the system end this process by SIGTERM when the server ends, so that nothing goes on unwatched.

    Source: Linux, prctl(2), PR_SET_PDEATHSIG.
    """
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))
    if os.getppid() != server:  # it has ended already
        os._exit(1)


def _become(words: list[str], environment: Mapping[str, str], folder: str, pid: int, fds: list[int]) -> NoReturn:
    """Be the requested process: run a module as `python -m` does, then end."""
    os.setsid()
    os.getpid = lambda: pid  # what the caller knows, and can send signals to; /proc/self tells the real one
    for standard, fd in enumerate(fds):
        os.dup2(fd, standard)
    os.closerange(3, 65536)
    status = 1
    try:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        _take_standard_files()
        sys.argv = words
        sys.path[:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
        _load_customization(environment)
        sys.modules.pop(words[0], None)  # it is loaded once more, as `__main__`
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 0 if exc.code is None else 1
        if isinstance(exc.code, str):
            sys.stderr.write(f"{exc.code}\n")
    # Everything: this is what the interpreter itself does at the end.
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        for file in (sys.stdout, sys.stderr):
            with suppress(Exception):
                file.flush()
        os._exit(status)


def _take_standard_files() -> None:
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    setattr(sys, "__stdin__", sys.stdin)  # noqa: B010 - final, for types
    for number, name in ((1, "stdout"), (2, "stderr")):
        raw = io.FileIO(number, "w", closefd=False)
        lines = name == "stderr" or os.isatty(number)
        errors = "backslashreplace" if name == "stderr" else "strict"
        file = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors=errors, line_buffering=lines)
        setattr(sys, name, file)
        setattr(sys, f"__{name}__", file)


def _load_customization(environment: Mapping[str, str]) -> None:
    """What Python runs at its start, if PYTHONPATH holds it."""
    for folder in environment.get("PYTHONPATH", "").split(os.pathsep):
        file = Path(folder) / "sitecustomize.py"
        if folder and file.exists():
            runpy.run_path(str(file))


if __name__ == "__main__":
    serve(*sys.argv[1:])

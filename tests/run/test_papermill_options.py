"""What papermill's users expect of any engine: its options, its kinds of cells, and every place it can write to."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager, KernelManager
from nbclient.exceptions import CellTimeoutError
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import papermill_io

from runbook_lib.run import papermill_engine
from runbook_lib.run.papermill_engine import Client
from runbook_lib.settings import ROOT
from tests.run.test_runner import wait_for

pytestmark = [pytest.mark.apart, pytest.mark.slow]


def code(source: str, *tags: str) -> Any:
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})


def notebook(path: Path, *cells: Any, **metadata: Any) -> Path:
    """Write a notebook of these cells; text becomes a code cell."""
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernelspec, **metadata})
    made.cells = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    nbformat.write(made, path)
    return path


def run(source: Path, output: str | Path | None, **options: Any) -> Any:
    """Execute it as papermill's users do."""
    options = {"progress_bar": False, **options}
    return papermill.execute_notebook(source, output, engine_name="runbook", **options)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def states(executed: Any) -> list[str]:
    return [str(cell.metadata.papermill.status) for cell in executed.cells]


# -- cells


def test_cells_that_are_never_sent_are_no_failures(tmp_path: Path) -> None:
    """Empty ones and those tagged `skip-execution`; nor are they journaled as begun."""
    begun: list[str] = []
    source = notebook(tmp_path / "in.ipynb", "1", "", " \n", code("1 / 0", "skip-execution"), "2")
    executed = run(source, tmp_path / "out.ipynb", on_cell_execute=lambda cell, cell_index: begun.append(cell.id))

    assert ["completed"] * 5 == states(executed)
    assert [[], [], []] == [cell.outputs for cell in executed.cells[1:4]]
    assert [executed.cells[0].id, executed.cells[4].id] == begun


def test_a_notebook_without_code_completes(tmp_path: Path) -> None:
    """Markdown and raw cells only."""
    cells = nbformat.v4.new_markdown_cell("words"), nbformat.v4.new_raw_cell("raw")
    assert ["completed"] * 2 == states(run(notebook(tmp_path / "in.ipynb", *cells), None))


def test_an_allowed_error_does_not_stop_the_cells(tmp_path: Path) -> None:
    """papermill itself then raises for it, with any engine."""
    source = notebook(tmp_path / "in.ipynb", code("1 / 0", "raises-exception"), "2")
    with pytest.raises(PapermillExecutionError):
        run(source, tmp_path / "out.ipynb")
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [("completed", 1), ("completed", 2)] == [
        (cell.metadata.papermill.status, cell.execution_count) for cell in executed.cells if cell.cell_type == "code"
    ]


def test_a_notebook_of_format_4_4_is_taken(tmp_path: Path) -> None:
    """Its cells have no ids."""
    source = tmp_path / "in.ipynb"
    made = nbformat.v4.new_notebook(cells=[code("1")])
    del made.cells[0]["id"]
    source.write_text(json.dumps({**made, "nbformat_minor": 4}))
    assert ["completed"] == states(run(source, None, kernel_name="python3"))


def test_a_large_output_is_taken(tmp_path: Path) -> None:
    """It comes in after its cell has ended."""
    executed = run(notebook(tmp_path / "in.ipynb", "print('a word ' * 400_000)"), tmp_path / "out.ipynb")
    assert (["completed"], 2_800_001) == (states(executed), len(executed.cells[0].outputs[0].text))


# -- what an earlier run left


def test_nothing_of_an_earlier_run_stays(tmp_path: Path) -> None:
    """Neither widgets, which hold what was typed, nor the times of cells that do not run this time."""
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"1": {"state": {"value": "canary"}}}}}
    late = code("2")
    late.metadata["execution"] = {"shell.execute_reply": "2020-01-01T00:00:00Z"}
    source = notebook(tmp_path / "in.ipynb", "1 / 0", late, widgets=state)
    with pytest.raises(PapermillExecutionError):
        run(source, tmp_path / "out.ipynb")

    text = (tmp_path / "out.ipynb").read_text()
    assert "canary" not in text
    assert "2020" not in text
    assert "pending" == nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].metadata.papermill.status


def test_two_runs_differ_only_in_their_times(tmp_path: Path) -> None:
    """The injected cell has one id, as have all others."""
    source = notebook(tmp_path / "in.ipynb", code("a = 1", "parameters"), "a")
    one, two = (run(source, tmp_path / "out.ipynb", parameters={"a": 2}) for _ in range(2))
    assert "injected-parameters" == one.cells[1].id
    assert one.cells[1].id == run(tmp_path / "out.ipynb", None, parameters={"a": 3}).cells[1].id
    assert [without_times(cell) for cell in one.cells] == [without_times(cell) for cell in two.cells]


def without_times(cell: Any) -> Any:
    return {name: value for name, value in cell.items() if name != "metadata"}


# -- where it ends


def test_a_cell_out_of_time_says_where_it_hung(tmp_path: Path) -> None:
    """With its traceback, as by plain papermill; and it is no success."""
    source = notebook(tmp_path / "in.ipynb", "def hangs():\n    import time; time.sleep(60)\nhangs()", "2")
    with pytest.raises(CellTimeoutError):
        run(source, tmp_path / "out.ipynb", execution_timeout=1)

    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    error, note = executed.cells[0].outputs
    assert ("KeyboardInterrupt", papermill_engine.INTERRUPTED) == (error.ename, note.text)
    assert "in hangs()" in re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error.traceback))
    assert ["failed", "pending"] == states(executed)


def test_a_cell_that_cannot_be_interrupted_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for any longer than for a traceback."""
    monkeypatch.setattr(papermill_engine, "LAST_WORDS_S", 0.2)
    deaf = "import signal, time\nsignal.signal(signal.SIGINT, lambda *_: None)\nwhile True: time.sleep(1)"
    with pytest.raises(CellTimeoutError):
        run(notebook(tmp_path / "in.ipynb", deaf), tmp_path / "out.ipynb", execution_timeout=1)
    assert ["failed"] == states(nbformat.read(tmp_path / "out.ipynb", as_version=4))


@pytest.mark.parametrize("option", [{"timeout": 1}, {"timeout_func": lambda cell: 1}, {"execution_timeout": 1}])
def test_each_way_to_limit_a_cell(tmp_path: Path, option: dict[str, Any]) -> None:
    """Of papermill's and nbclient's."""
    with pytest.raises(CellTimeoutError):
        run(notebook(tmp_path / "in.ipynb", "import time; time.sleep(60)"), None, **option)


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    """nbclient's -1."""
    assert ["completed"] == states(run(notebook(tmp_path / "in.ipynb", "1"), None, execution_timeout=-1))


# -- where it writes


class Memory:
    """A handler for `mem://`."""

    def __init__(self) -> None:
        self.kept: dict[str, list[str]] = {}

    def write(self, text: str, path: str) -> None:
        self.kept.setdefault(path, []).append(text)

    def pretty_path(self, path: str) -> str:
        return path


@pytest.fixture
def memory() -> Iterator[Memory]:
    """One that is registered with papermill."""
    before, handler = list(papermill_io._handlers), Memory()
    papermill_io.register("mem://", handler)
    yield handler
    papermill_io._handlers = before


def test_a_remote_output_goes_through_its_handler(
    tmp_path: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, at the end, and once more by papermill itself; no file is made."""
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "in.ipynb", "1")
    run(Path("in.ipynb"), "mem://shelf/out.ipynb")

    first, *_, last = [nbformat.reads(text, as_version=4) for text in memory.kept["mem://shelf/out.ipynb"]]
    assert (["pending"], ["completed"]) == (states(first), states(last))
    assert {"in.ipynb"} == names(tmp_path)


def test_a_remote_output_of_a_broken_run(tmp_path: Path, memory: Memory) -> None:
    """What is there tells how far it came, although papermill itself writes no more."""
    with pytest.raises(CellTimeoutError):
        run(notebook(tmp_path / "in.ipynb", "import time; time.sleep(60)"), "mem://out.ipynb", execution_timeout=1)
    assert ["failed"] == states(nbformat.reads(memory.kept["mem://out.ipynb"][-1], as_version=4))


def test_a_relative_output_ignores_cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file, beside the input; the cells run in the other folder."""
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "in.ipynb", "import os; os.getcwd()")
    executed = run(Path("in.ipynb"), "out.ipynb", cwd="there")

    assert repr(str(tmp_path / "there")) == executed.cells[0].outputs[0].data["text/plain"]
    assert ({"in.ipynb", "out.ipynb", "there"}, set()) == (names(tmp_path), names(tmp_path / "there"))


def test_autosave_shows_a_long_cells_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as the caller wants; 0 turns it off."""
    cell = "import time\nfor n in range({}):\n    print(n, flush=True); time.sleep(0.1)"
    monkeypatch.setattr(papermill_engine, "SAVE_EVERY_S", 600)
    counts = []
    for seconds, prints in ((0.2, 6), (0, 3)):
        saves: list[str] = []
        monkeypatch.setattr(papermill_engine, "write", lambda path, made, saves=saves: saves.append(made))
        run(
            notebook(tmp_path / "in.ipynb", cell.format(prints)),
            tmp_path / f"{seconds}.ipynb",
            autosave_cell_every=seconds,
        )
        counts.append(len(saves))
    assert (True, 2) == (counts[0] >= 4, counts[1])


def test_a_folder_that_is_not_there_is_reported_first(tmp_path: Path) -> None:
    """Before any cell runs, by its own name."""
    source = notebook(tmp_path / "in.ipynb", f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist\.$"):
        run(source, tmp_path / "nowhere" / "out.ipynb")
    assert not (tmp_path / "ran").exists()


def test_a_read_only_output_is_not_replaced(tmp_path: Path) -> None:
    """Such as a sealed record."""
    sealed = tmp_path / "sealed.ipynb"
    sealed.write_text("sealed")
    sealed.chmod(0o444)
    with pytest.raises(PermissionError, match="is read-only"):
        run(notebook(tmp_path / "in.ipynb", "1"), sealed)
    assert "sealed" == sealed.read_text()


def test_an_output_that_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    """A device, here by a link; and a link to a file is followed."""
    (tmp_path / "null.ipynb").symlink_to("/dev/null")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "file.ipynb")
    source = notebook(tmp_path / "in.ipynb", "1")
    for name in ("null.ipynb", "link.ipynb"):
        run(source, tmp_path / name)
        assert (tmp_path / name).is_symlink()
    assert Path("/dev/null").is_char_device()
    assert ["completed"] == states(nbformat.read(tmp_path / "file.ipynb", as_version=4))


def test_a_server_that_refuses_the_output_is_reported_first(tmp_path: Path) -> None:
    """Before any cell runs."""

    class Refusing(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(405)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    source = notebook(tmp_path / "in.ipynb", f"open({str(tmp_path / 'ran')!r}, 'w')")
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with pytest.raises(OSError, match="405"):
            run(source, f"http://127.0.0.1:{server.server_port}/out.ipynb")
        server.shutdown()
    assert not (tmp_path / "ran").exists()


def test_standard_output_gets_one_notebook(tmp_path: Path) -> None:
    """Also through papermill's function, which asks for saving as it goes."""
    source = notebook(tmp_path / "in.ipynb", "1")
    script = f"import papermill; papermill.execute_notebook({str(source)!r}, '-', engine_name='runbook')"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, cwd=tmp_path, check=True)
    assert ["completed"] == states(nbformat.reads(done.stdout.decode(), as_version=4))
    assert {"in.ipynb"} == names(tmp_path)


# -- logs, kernels, progress


def test_logged_outputs_hold_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With `--log-output` and `--stdout-file`, which papermill's own log takes."""
    token = "glpat-canary-canary-0"
    monkeypatch.setenv("RUNBOOK_PROFILE", "sandbox")
    monkeypatch.setattr(papermill_engine.Redactor, "of_environment", lambda: papermill_engine.Redactor({"it": token}))
    source = notebook(tmp_path / "in.ipynb", "print('shown glpat-' + 'canary-canary-0')")
    with caplog.at_level("INFO", "papermill"), (tmp_path / "log").open("w+") as log:
        run(source, None, log_output=True, stdout_file=log)
    assert "shown [it]\n" == (tmp_path / "log").read_text()
    assert "shown [it]" in caplog.text
    assert "Executing notebook with kernel: python3" in caplog.text
    assert token not in caplog.text


FOREIGN = """\
import json, sys
from ipykernel.kernelbase import Kernel
from ipykernel.kernelapp import IPKernelApp
assert ["-f"] == sys.argv[1:2] and 3 == len(sys.argv), sys.argv
assert "tcp" == json.load(open(sys.argv[2]))["transport"]
class Echo(Kernel):
    implementation = banner = "echo"
    implementation_version = "1"
    language_info = {"name": "echo", "mimetype": "text/plain", "file_extension": ".txt"}
    def do_execute(self, code, silent, *_, **__):
        self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": code})
        return {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}
IPKernelApp.launch_instance(kernel_class=Echo, argv=sys.argv[1:])
"""


def test_a_kernel_of_another_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets no argument of Python's kernel, and TCP, which is what all of them know."""
    folder = tmp_path / "kernels" / "echo"
    folder.mkdir(parents=True)
    (folder / "kernel.py").write_text(FOREIGN)
    words = f'["{sys.executable}", "{folder / "kernel.py"}", "-f", "{{connection_file}}"]'
    (folder / "kernel.json").write_text(f'{{"argv": {words}, "display_name": "Echo", "language": "echo"}}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    executed = run(notebook(tmp_path / "in.ipynb", "words"), None, kernel_name="echo")
    assert (["completed"], "words") == (states(executed), executed.cells[0].outputs[0].text)


def test_a_kernel_of_the_callers_own_is_left_running(tmp_path: Path) -> None:
    """papermill's `km`."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    try:
        assert ["completed"] == states(run(notebook(tmp_path / "in.ipynb", "1"), None, km=manager))
        assert manager.is_alive()
    finally:
        manager.shutdown_kernel(now=True)
    gc.collect()  # channels that were left open are reported here


def test_options_of_nbclient_are_passed_on(tmp_path: Path) -> None:
    """Here `record_timing`, `allow_errors` and `extra_arguments`."""
    source = notebook(tmp_path / "in.ipynb", "1 / 0", "import sys; sys.argv[-1]")
    with pytest.raises(PapermillExecutionError):
        run(source, tmp_path / "out.ipynb", allow_errors=True, record_timing=False, extra_arguments=["--quiet"])
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert {"completed"} == {cell.metadata.papermill.status for cell in executed.cells if cell.cell_type == "code"}


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    """While the cell is heard out; the record is still written, and no kernel stays."""
    mark = tmp_path / "pid"
    deaf = "import os, pathlib, signal, time\nsignal.signal(signal.SIGINT, lambda *_: None)\n"
    deaf += f"pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\nwhile True: time.sleep(1)"
    source = notebook(tmp_path / "in.ipynb", deaf)
    words = ["-m", "papermill", "--no-progress-bar", "--engine", "runbook", str(source), str(tmp_path / "out.ipynb")]
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        wait_for(lambda: mark.exists() and bool(mark.read_text()))
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    assert ["failed"] == states(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    wait_for(lambda: not Path(f"/proc/{mark.read_text()}").exists())


def test_ctrl_c_when_a_cell_has_just_been_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is interrupted only after it has begun with the cell; then its last output is waited for."""
    order = []
    send, process, interrupt = AsyncKernelClient.execute, Client.process_message, AsyncKernelManager.interrupt_kernel

    def send_and_interrupt(client: AsyncKernelClient, *words: Any, **options: Any) -> Any:
        sent = send(client, *words, **options)
        signal.raise_signal(signal.SIGINT)
        return sent

    def note_message(client: Client, message: Any, *others: Any) -> Any:
        order.append(message["msg_type"])
        return process(client, message, *others)

    async def note_interrupt(manager: AsyncKernelManager) -> None:
        order.append("interrupt")
        await interrupt(manager)

    monkeypatch.setattr(AsyncKernelClient, "execute", send_and_interrupt)
    monkeypatch.setattr(Client, "process_message", note_message)
    monkeypatch.setattr(AsyncKernelManager, "interrupt_kernel", note_interrupt)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(notebook(tmp_path / "in.ipynb", "import time; time.sleep(60)"), tmp_path / "out.ipynb")
    assert ["status", "execute_input", "interrupt"] == order[:3]
    assert "interrupt" != order[-1], "its last words are waited for"
    assert ["failed"] == states(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert before == signal.getsignal(signal.SIGINT)


def test_ctrl_c_in_a_notebook_that_runs_another(tmp_path: Path) -> None:
    """The cell ends at once. A callback in the outer loop would run only after it, as that loop is blocked."""
    cell = f"import os, signal, time; os.kill({os.getpid()}, signal.SIGINT); time.sleep(60)"

    async def outer() -> None:
        run(notebook(tmp_path / "in.ipynb", cell), tmp_path / "out.ipynb")

    with pytest.raises(KeyboardInterrupt), closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(outer())
    assert ["failed"] == states(nbformat.read(tmp_path / "out.ipynb", as_version=4))

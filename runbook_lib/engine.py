"""Runs a notebook through papermill, and says truthfully how that ended. The one place where a kernel is started.

Knows notebooks, not tickets. papermill and what it brings are imported only when a notebook is run. What has run is
kept in memory alone, so that a full disk or a stopped run loses none of it.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.models import Status

KERNEL = "python3"
START_TIMEOUT_S = 60
LONGEST_FOLDER = 64
"""Bytes in the name of the folder for temporary files, up to which the kernel's sockets fit in: the system takes
107 for the whole path."""


@dataclass(frozen=True)
class Execution:
    """How a notebook ran.

    Attributes:
        status: How the run ended; `failed` for any error in a cell.
        error_name: The class of the error that stopped it, or "".
        error_words: Its message, or what happened where there was no error, or "".
        traceback: The traceback of an error outside of the notebook, or "".
    """

    status: Status
    error_name: str = ""
    error_words: str = ""
    traceback: str = ""


def parameters(notebook: Path) -> dict[str, str]:
    """The parameters of a notebook, from its `parameters` cell: name to the default's source text."""
    from papermill import inspect_notebook

    path = str(notebook).replace("{", "{{").replace("}", "}}")  # papermill would fill in `{...}`
    return {name: found["default"] for name, found in inspect_notebook(path).items()}


def prepared(notebook: Path, values: Mapping[str, Any]) -> Any:
    """A notebook with its parameters, in memory, ready to be executed; the template is not changed."""
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    made = parameterize_notebook(load_notebook_node(str(notebook)), dict(values), kernel_name=KERNEL)
    _say_what_ran(made)
    return made


def execute(notebook: Any, *, progress: bool = False) -> Execution:
    """Run a prepared notebook from its first cell.

    Args:
        notebook: What `prepared` returned; it takes up the outputs, as far as they come, whatever happens.
        progress: Whether to show a progress bar on standard error.

    Returns:
        How it ended, also when an error in a cell or a dead kernel stopped it.
    """
    from nbclient.exceptions import DeadKernelError
    from papermill.engines import papermill_engines

    with tempfile.TemporaryDirectory(prefix="runbook-", dir=_short_folder(), ignore_cleanup_errors=True) as private:
        kernel = _kernel(Path(private))
        try:
            papermill_engines.execute_notebook_with_engine(
                None,
                notebook,
                KERNEL,
                output_path=None,
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],  # it may report its own shutdown as an error
                km=kernel,
                progress_bar=progress,
                start_timeout=START_TIMEOUT_S,
            )
        except DeadKernelError:
            return Execution(Status.KILLED, error_words="The kernel died before the end of the notebook.")
        finally:
            _stop(kernel)
            _say_what_ran(notebook)
    name, words = _error(notebook)
    return Execution(Status.FAILED if name else Status.COMPLETED, name, words)


def _kernel(folder: Path) -> Any:
    """What starts the kernel. Its sockets are files in a private folder, off the network."""
    from jupyter_client.manager import AsyncKernelManager

    class Kernel(AsyncKernelManager):
        """Remembers the client that papermill asks for, so that both can be stopped at any moment."""

        made: Any = None

        def client(self, **options: Any) -> Any:
            self.made = super().client(**options)
            return self.made

    return Kernel(kernel_name=KERNEL, transport="ipc", ip=str(folder / "kernel"))


def _stop(kernel: Any) -> None:
    """End a kernel at once, however far it has come, with its client and what still waits for them."""
    from jupyter_core.utils import run_sync

    async def stop() -> None:
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if kernel.made:
            kernel.made.stop_channels()
        await kernel.shutdown_kernel(now=True)

    run_sync(stop)()


def _short_folder() -> str | None:
    """Where the kernel's sockets go: the usual folder for temporary files (None), or /tmp if its name is too long."""
    usual = os.fsencode(tempfile.gettempdir())
    return None if len(usual) <= LONGEST_FOLDER else "/tmp"  # noqa: S108 - what is made in it is private


def _say_what_ran(notebook: Any) -> None:
    """Put right what papermill notes on the cells of a run that was broken off: that all of them were completed."""
    for cell in notebook.cells:
        said = cell.metadata.setdefault("papermill", {})
        if not said.get("start_time"):
            said["status"] = "pending"
        elif cell.cell_type == "code" and "shell.execute_reply" not in cell.metadata.get("execution", {}):
            said.update(status="failed", exception=True)


def _error(notebook: Any) -> tuple[str, str]:
    """The class and the message of the first error in a cell, or empty words."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return output.ename, output.evalue
        if cell.metadata["papermill"].get("exception"):
            return "CellExecutionError", f"The cell {cell.id} failed and did not say why."
    return "", ""

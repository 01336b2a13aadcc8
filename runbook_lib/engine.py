"""Runs a notebook through papermill, and says truthfully how that ended. The one place where a kernel is started.

Knows notebooks, not tickets. papermill and what it brings are imported only when a notebook is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.models import Status

KERNEL = "python3"
START_TIMEOUT_S = 60
_ERROR_TAG = "papermill-error-cell-tag"
"""Cells that papermill adds for an error; the step's own card says it better."""


@dataclass(frozen=True)
class Execution:
    """How a notebook ran.

    Attributes:
        notebook: The executed notebook, as far as it came.
        status: How the run ended; `failed` for any error in a cell.
        error_name: The class of the error that stopped it, or "".
        error_words: Its message, or "".
    """

    notebook: Any
    status: Status
    error_name: str = ""
    error_words: str = ""


def parameters(notebook: Path) -> dict[str, str]:
    """The parameters of a notebook, from its `parameters` cell: name to the default's source text."""
    from papermill import inspect_notebook

    return {name: found["default"] for name, found in inspect_notebook(_literal(notebook)).items()}


def execute(notebook: Path, scratch: Path, values: Mapping[str, Any], *, progress: bool = False) -> Execution:
    """Run a notebook from its first cell.

    Args:
        notebook: The template; it is not changed.
        scratch: Where papermill saves as it goes; left there for the caller. Its folder is private: the kernel's
            sockets are there too, off the network.
        values: The parameters, as plain values.
        progress: Whether to show a progress bar on standard error.

    Returns:
        The execution, also when the run was stopped by an error, a dead kernel or Ctrl-C.
    """
    import nbformat
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook
    from traitlets.config import Config

    def so_far() -> Any:
        found = nbformat.read(scratch, as_version=4)  # type: ignore[no-untyped-call]
        found.cells = [cell for cell in found.cells if _ERROR_TAG not in cell.metadata.get("tags", [])]
        return found

    try:
        execute_notebook(
            _literal(notebook),
            _literal(scratch),
            parameters=dict(values),
            kernel_name=KERNEL,
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],  # at times it reports its own shutdown as an error
            config=Config(KernelManager={"transport": "ipc", "ip": str(scratch.parent / "kernel")}),
            progress_bar=progress,
            start_timeout=START_TIMEOUT_S,
        )
    except PapermillExecutionError as exc:
        return Execution(so_far(), Status.FAILED, exc.ename, exc.evalue)
    except DeadKernelError:
        return Execution(so_far(), Status.KILLED, "DeadKernelError", "The kernel died.")
    except KeyboardInterrupt:
        return Execution(so_far(), Status.CANCELLED, "KeyboardInterrupt", "The run was cancelled.")
    return Execution(so_far(), Status.COMPLETED)


def _literal(path: Path) -> str:
    """A path as papermill wants it: it would fill in `{...}`."""
    return str(path).replace("{", "{{").replace("}", "}}")

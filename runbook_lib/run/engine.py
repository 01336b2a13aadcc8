"""Runs a notebook through papermill, in a kernel that it is given, and says truthfully how that ended.

Knows notebooks, not tickets. papermill and what it brings are imported only when a notebook is run. What has run is
kept in memory alone, so that a full disk or a stopped run loses none of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.domain.models import Status
from runbook_lib.run import forks, lean

if TYPE_CHECKING:
    from runbook_lib.redaction import Redactor

KERNEL = "python3"


@dataclass(frozen=True)
class Execution:
    status: Status  # how the run ended; `failed` for any error in a cell
    error_name: str = ""  # the class of the error that stopped it, or ""
    error_words: str = ""  # its message, or what happened where there was no error, or ""
    traceback: str = ""  # the traceback of an error outside of the notebook, or ""


class _EntryPoint:
    """What papermill finds under `--engine runbook`: stands for the engine until it is used.

    papermill loads its engines while it is imported, and the engine imports papermill.
    """

    def __getattr__(self, name: str) -> Any:
        from runbook_lib.run.papermill_engine import RunbookEngine

        return getattr(RunbookEngine, name)


EntryPoint = _EntryPoint()


def prepared(notebook: Path, values: Mapping[str, Any]) -> Any:
    """A notebook with its parameters, in memory, ready to be executed; the template is not changed."""
    with lean.imports():
        from papermill import __version__
        from papermill.parameterize import parameterize_notebook

        from runbook_lib.run.papermill_engine import read

    template = read(notebook)
    template.metadata.setdefault("papermill", {"default_parameters": {}, "environment_variables": {}})
    template.metadata.papermill["version"] = __version__
    for cell in template.cells:
        cell.metadata.setdefault("tags", [])
        cell.metadata.setdefault("papermill", {})
    return parameterize_notebook(template, dict(values), kernel_name=KERNEL)


def execute(
    notebook: Any,
    redactor: Redactor,
    *,
    kernel: forks.KernelProcess,
    cell_limit_s: float,
    run_limit_s: float,
    on_cell: Callable[[str], None],
) -> Execution:
    """Run a prepared notebook from its first cell; returns how it ended, whatever stopped it.

    The notebook takes up the outputs, as far as they come, whatever happens. `on_cell` is called with a code cell's id
    before it runs; what it raises ends the run. A terminal shows a bar meanwhile.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.log import get_logger

    from runbook_lib.run.papermill_engine import RunbookEngine

    try:
        RunbookEngine.execute_notebook(
            notebook,
            KERNEL,
            progress_bar={"leave": False} if sys.stderr.isatty() else False,
            redactor=redactor,
            on_cell_execute=lambda cell, cell_index: on_cell(cell.id),
            execution_timeout=cell_limit_s,
            run_limit_s=run_limit_s,
            early=kernel,
            log=get_logger(),  # papermill's is shown where none is configured
        )
    except DeadKernelError:
        has_begun = any(cell.metadata["papermill"].get("start_time") for cell in notebook.cells)
        when = "before the end of the notebook" if has_begun else "at its start"
        return Execution(Status.KILLED, error_words=f"The kernel died {when}. {forks.TOO_LITTLE}")
    except CellTimeoutError:
        return Execution(Status.TIMED_OUT, error_words=_too_long(notebook, cell_limit_s, run_limit_s))
    name, words = _error(notebook)
    return Execution(Status.FAILED if name else Status.COMPLETED, name, words)


def _too_long(notebook: Any, cell_s: float, run_s: float) -> str:
    broken = next((cell.id for cell in notebook.cells if cell.metadata["papermill"].get("exception")), "?")
    return (
        f"The cell {broken} was interrupted: a cell may take {cell_s:.0f} s and a run {run_s:.0f} s "
        "(RUNBOOK_CELL_LIMIT_S and RUNBOOK_RUN_LIMIT_S, each with RUNBOOK_WAIT_S)."
    )


def _error(notebook: Any) -> tuple[str, str]:
    """The class and the message of the error in the cell that failed, or empty words."""
    for cell in notebook.cells:
        if cell.metadata["papermill"].get("exception"):
            errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
            if errors:
                return errors[-1].ename, errors[-1].evalue
            return "CellExecutionError", f"The cell {cell.id} failed and did not say why."
    return "", ""

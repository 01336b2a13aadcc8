"""A performing run that looks like a button's process, but has no process and no kernel of its own."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, cast

import pytest
from nbformat.v4 import new_output

from runbook_lib import results
from runbook_lib.domain.errors import RunbookError
from runbook_lib.domain.models import Status
from runbook_lib.jupyter.background_run import BackgroundRun
from runbook_lib.run import engine, runner
from runbook_lib.run.forks import KernelProcess
from runbook_lib.settings import Settings


def ran_here(runbook: str, ticket_id: object, given: Mapping[str, object], *, perform: bool) -> runner.Report:
    """What `runbook run` does, but that the cells run in this process.

    Raises:
        RunbookError: As `runner.run`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.get_ipython", lambda: None)
        patch.setattr(engine, "execute", execute)
        kernel = cast("Callable[[], KernelProcess]", _NoKernel)
        return runner.run(runbook, ticket_id, given, perform=perform, settings=Settings.load(), kernel=kernel)


class RunHere:
    """Stands for `subprocess.Popen` in a `BackgroundRun`: the run has ended when the constructor returns.

    Its journal, its record, its seal and its report are those of `runbook run`; its cells run in this process.
    """

    pid = os.getpid()

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: IO[bytes],
        stdout: IO[bytes],
        stderr: IO[bytes],
        env: Mapping[str, str],
        **_: object,
    ) -> None:
        runbook, ticket_id = command[4:6]
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("RUNBOOK_PROFILE", env["RUNBOOK_PROFILE"])
                report = ran_here(runbook, ticket_id, json.load(stdin), perform=True)
            stdout.write(json.dumps(report.contract()).encode())
        except RunbookError as exc:
            stderr.write(f"runbook: {exc}\n".encode())
        stdout.flush()
        stderr.flush()

    def poll(self) -> int:
        """It has ended."""
        return 0


def run_here(settings: Settings, runbook: str, ticket_id: int) -> BackgroundRun:
    """A run whose cells run in this process, for what is not about its process."""
    return BackgroundRun(settings, runbook, ticket_id, popen=RunHere)  # type: ignore[arg-type]


class _NoKernel:
    def close(self) -> None:
        """There is nothing to end."""


def execute(notebook: Any, *_: object, on_cell: Callable[[str], None], **__: object) -> engine.Execution:
    """In place of `engine.execute`: the same outputs, from cells that run in this process."""
    space: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        on_cell(cell.id)
        state = cell.metadata.setdefault("papermill", {})
        try:
            cell.outputs = _outputs(cell.source, space)
        except _StoppedError as exc:
            cell.outputs = exc.outputs
            state.update(status="failed", exception=True)
            return engine.Execution(Status.FAILED, type(exc.error).__name__, str(exc.error))
        state["status"] = "completed"
    return engine.Execution(Status.COMPLETED)


class _StoppedError(Exception):
    def __init__(self, error: RunbookError, outputs: list[Any]) -> None:
        self.error, self.outputs = error, outputs


def _outputs(source: str, space: dict[str, Any]) -> list[Any]:
    """What a cell shows.

    Raises:
        _StoppedError: It stops with what it has shown before.
    """
    outputs: list[Any] = []

    def display(shown: Any, **_: object) -> None:
        if hasattr(shown, "_repr_mimebundle_"):
            outputs.append(new_output("display_data", data=shown._repr_mimebundle_()))  # type: ignore[no-untyped-call]

    lines = ast.parse(source).body
    last = lines.pop() if isinstance(lines[-1], ast.Expr) else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "display", display)
        try:
            exec(compile(ast.Module(lines, []), "cell", "exec"), space)
            shown = eval(compile(ast.Expression(last.value), "cell", "eval"), space) if last else None
        except RunbookError as exc:
            raise _StoppedError(exc, outputs) from exc
    display(shown)
    return outputs

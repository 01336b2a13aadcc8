"""The warm Python of the tests: commands, kernels, sandboxes and papermill's own command start from it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from runbook_lib.run import warm

MODULES = ("runbook_lib.cli", "runbook_lib.sandbox", "ipykernel_launcher", "papermill", "tests.small_run")
PRELOADED = (
    *("IPython.core.interactiveshell", "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell"),
    *("ipywidgets", "papermill.cli", "papermill.execute", "papermill.clientwrap", "nbclient", "tqdm.auto"),
    *("runbook_lib.cli.main", "runbook_lib.run.runner", "runbook_lib.run.papermill_engine", "runbook_lib.cli.doctor"),
    *("runbook_lib.cases.start_here", "runbook_lib.cases.license_not_received", "runbook_lib.cases.weekday_triage"),
    *("runbook_lib.jupyter.session", "runbook_lib.records.page", "runbook_lib.records.verification"),
    *("runbook_lib.sandbox.server", "runbook_lib.sandbox.serving", "runbook_lib.mechanizer", "runbook_lib.settings"),
)


def started() -> AbstractContextManager[Path | None]:
    """The program's path, or None where processes are not forked."""
    return warm.started(MODULES, PRELOADED)

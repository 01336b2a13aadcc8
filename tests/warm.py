"""The warm Python of the tests: commands, kernels, sandboxes and papermill's own command start from it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from runbook_lib.cli import demo
from runbook_lib.run import warm

MODULES = (
    *demo.MODULES,
    "runbook_lib.run.warm",
    "papermill",
    "tests.small_run",
    "tests.impatient",
    "tests.ledger.racer",
    "dask",
)
PRELOADED = (  # but papermill's command line: it looks at standard input when it is imported
    *demo.PRELOADED,
    *("ipywidgets", "runbook_lib.jupyter.session", "runbook_lib.cli.doctor"),
    *("runbook_lib.records.page", "runbook_lib.records.verification", "runbook_lib.ledger.sharing"),
    *("distributed.cli.dask_scheduler", "distributed.cli.dask_worker", "runbook_lib.run.cluster"),
)


def started() -> AbstractContextManager[Path | None]:
    """The program's path, or None where processes are not forked."""
    return warm.started(MODULES, PRELOADED)

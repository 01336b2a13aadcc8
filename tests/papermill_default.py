"""A pytest plugin: papermill's own tests run with the engine `runbook` wherever they name none."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from papermill.engines import papermill_engines

sys.executable = os.environ.get("WARM_PYTHON", sys.executable)  # for kernels
papermill_engines.register(None, papermill_engines.get_engine("runbook"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of the command line start papermill in a process of its own, which gets the setting."""
    for module in {item.module for item in items if isinstance(item, pytest.Function)}:
        if hasattr(module, "papermill_cli"):
            start = module.papermill_cli

            def with_engine(words: Any = None, start: Any = start, **options: Any) -> Any:
                return start(["--engine", "runbook", *(words or [])], **options)

            module.papermill_cli = with_engine

"""The cases: one class per runbook, and the steps that they share."""

from __future__ import annotations

import pkgutil
from importlib import import_module


def load() -> None:
    """Import every module here: a process that has them can be forked for any runbook, also for one added later."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")

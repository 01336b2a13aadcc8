"""A configuration that holds what a test says, and nothing of the developer's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook_lib import variables


def without_configuration(monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """Remove every setting from the environment, and let `.env` be looked for in `root`; returns its path."""
    for name in list(os.environ):
        if name.upper().startswith(("RUNBOOK_", "LICENSE_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(variables, "ENV_FILE", root / ".env")
    return variables.ENV_FILE

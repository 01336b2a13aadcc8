"""Fixtures of the tests of records."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.configuration import without_configuration
from tests.records.making import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """The outputs of a profile that has no records yet."""
    return Shelf(tmp_path / "outputs")


@pytest.fixture
def configured(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The shelf, whose records the commands show; nothing else is set."""
    without_configuration(monkeypatch, tmp_path)
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(shelf.outputs))
    monkeypatch.chdir(tmp_path)
    return shelf

"""Fixtures of the tests of records."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records.making import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """The outputs of a profile that has no records yet."""
    return Shelf(tmp_path / "outputs")

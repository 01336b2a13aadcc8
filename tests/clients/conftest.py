"""What all tests of the clients need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

from runbook_lib.clients import http


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    """Tries as often as in earnest, without the pauses in between."""
    with stamina.set_testing(True, attempts=http.ATTEMPTS, cap=True):
        yield

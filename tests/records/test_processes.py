"""Several processes that read: each item once, and a process that is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest

from runbook_lib.domain.errors import UnavailableError
from runbook_lib.records.processes import in_processes


def _doubled(items: Sequence[int]) -> list[int]:
    return [2 * item for item in items]


def _killed(items: Sequence[int]) -> list[int]:
    os.kill(os.getpid(), signal.SIGKILL)
    return list(items)


@pytest.mark.parametrize("items", [0, 50])
def test_each_item_is_worked_on_once(items: int) -> None:
    assert [2 * item for item in range(items)] == sorted(in_processes(_doubled, range(items)))


def test_killed_process_is_reported_in_a_sentence() -> None:
    """As the system does where memory runs out."""
    with pytest.raises(UnavailableError, match="was killed"):
        in_processes(_killed, [1, 2])

"""Several processes that read: their results in order, and one that is killed."""

from __future__ import annotations

import os
import signal

import pytest

from runbook_lib.domain.errors import UnavailableError
from runbook_lib.records.processes import in_processes


def _killed(part: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return part


def test_results_stand_in_the_order_of_the_parts() -> None:
    """Whichever process was first."""
    assert [1, 2, 3] == in_processes(abs, [-1, -2, -3], 2)


def test_killed_process_is_told_in_a_sentence() -> None:
    """As the system does where memory runs out."""
    with pytest.raises(UnavailableError, match="was killed"):
        in_processes(_killed, [1, 2], 2)

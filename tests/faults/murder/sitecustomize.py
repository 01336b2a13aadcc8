"""Counts the journal lines of a run, before and after each, in runner and kernel alike; kills at the point given."""

import fcntl
import os
import signal
from pathlib import Path

COUNTER = os.environ.get("MURDER_COUNTER", "")
PID = int(Path("/proc/self").readlink().name)
"""This process, by the system's own word; a warm Python (`tests.warm`) goes by another id."""


def count() -> int:
    """One event more; returns its number."""
    with Path(COUNTER).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        number = int(file.read() or 0) + 1
        file.truncate(0)
        file.write(str(number))
    return number


def event() -> None:
    """Counts, and kills if it is time. A kernel is a child of its runner."""
    in_kernel = "JPY_PARENT_PID" in os.environ
    if in_kernel:
        Path(f"{COUNTER}.kernel").write_text(str(PID))
    if count() != int(os.environ["MURDER_POINT"]):
        return
    Path(f"{COUNTER}.died").touch()
    victim = os.environ["MURDER_VICTIM"]
    if in_kernel and victim in ("runner", "both"):
        os.kill(int(os.environ["JPY_PARENT_PID"]), signal.SIGKILL)
    if not in_kernel or victim in ("kernel", "both"):
        os.kill(PID, signal.SIGKILL)


if COUNTER:
    from runbook_lib.ledger.journal import Journal

    append = Journal.append

    def counted(journal: Journal, kind: str, **fields: object) -> None:
        """`append`, between two events; where a cell begins only on request, since there are so many."""
        if kind == "cell_started" and not os.environ.get("MURDER_AT_CELLS"):
            append(journal, kind, **fields)
            return
        event()
        append(journal, kind, **fields)
        event()

    Journal.append = counted  # type: ignore[method-assign]

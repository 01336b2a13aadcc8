"""The exit statuses of `runbook`; a batch keeps one for each of its tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_lib.domain.errors import InputError, PersonNeededError, RunbookError

if TYPE_CHECKING:
    from runbook_lib.domain.models import Status

DONE, FAILED, USAGE, PERSON = 0, 1, 2, 3
"""An outcome or a plan; failed; bad usage or parameters; a person is needed."""
INTERRUPTED = 130
"""Stopped by Ctrl-C; of a ticket also that it was not begun."""
PIPE_CLOSED = 141
"""The reader of the output has gone: as a shell reports a process that SIGPIPE has ended."""
WORST_LAST = (DONE, PERSON, USAGE, FAILED, INTERRUPTED)


def of_run(status: Status) -> int:
    return {"completed": DONE, "needs_answer": PERSON}.get(status, FAILED)


def of_error(error: RunbookError) -> int:
    return PERSON if isinstance(error, PersonNeededError) else USAGE if isinstance(error, InputError) else FAILED

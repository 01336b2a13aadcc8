"""The error tree: what may be caught together, what an error carries, and how a notebook shows it."""

from __future__ import annotations

import re

import pytest

from runbook_lib.domain import errors
from runbook_lib.domain.errors import (
    InputError,
    JournalError,
    LicenseError,
    NeedsAnswerError,
    NotAsSentError,
    OutcomeUnknownError,
    PersonNeededError,
    RefusedError,
    RunbookError,
    UnavailableError,
)

ALL = [value for value in vars(errors).values() if isinstance(value, type) and value.__module__ == errors.__name__]
MADE = [
    RunbookError("It broke."),
    InputError("It broke."),
    LicenseError("truncated", "It broke."),
    JournalError("altered", "It broke.", 3),
    PersonNeededError("It broke."),
    NeedsAnswerError("It broke.", missing=("plan",)),
    NotAsSentError("It broke."),
    OutcomeUnknownError("It broke."),
    RefusedError("It broke.", status=403, code="forbidden"),
    UnavailableError("It broke."),
]


def drawn_parents() -> dict[str, str]:
    """Each class of the tree in the module's docstring, with the class it hangs from."""
    depths: list[str] = []
    parents = {}
    for start, name in re.findall(r"^    ([ │├└─]*)(\w+Error)\b", errors.__doc__ or "", re.MULTILINE):
        depth = len(start) // 4
        depths[depth:] = [name]
        parents[name] = depths[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Every class is drawn, under the class that it derives from."""
    assert {kind.__name__: kind.__bases__[0].__name__ for kind in ALL} == drawn_parents()


def test_all_names_every_class() -> None:
    """`__all__` is complete and sorted."""
    assert sorted(kind.__name__ for kind in ALL) == errors.__all__


def test_every_error_has_one_root() -> None:
    """Catching the root catches everything that is raised on purpose, and nothing else."""
    assert [kind for kind in ALL if not issubclass(kind, RunbookError)] == []
    assert RunbookError.__bases__ == (Exception,)


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_a_notebook_shows_one_line(error: RunbookError) -> None:
    """In place of a traceback stands the class's name and the message, as `str` gives it."""
    assert "It broke." == str(error)
    assert [f"{type(error).__name__}: It broke."] == error._render_traceback_()


def test_every_class_is_tried() -> None:
    """The list above leaves no class out."""
    assert ALL == [type(error) for error in MADE]


def test_what_errors_carry() -> None:
    """A program need not read the message: problem, missing parameters, status and code are values."""
    assert "wrong_key" == LicenseError("wrong_key", "No.").problem
    assert ("altered", 3) == (MADE[3].problem, MADE[3].line)
    assert ("plan", "expires_on") == NeedsAnswerError("No.", missing=("plan", "expires_on")).missing
    assert () == NeedsAnswerError("No.").missing
    refused = RefusedError("No.", status=422, code="RecordInvalid")
    assert (422, "RecordInvalid") == (refused.status, refused.code)
    assert (None, "") == (RefusedError("No.").status, RefusedError("No.").code)
    advised = RefusedError("No.", advice="Renew it.", fault="credentials")
    assert ("No. Renew it.", "No.", "Renew it.") == (str(advised), advised.words, advised.advice)

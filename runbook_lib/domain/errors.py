"""Every error that this project raises on purpose: one root, one class per reaction.

    RunbookError
    ├── InputError              stop and fix what was given: a parameter, a setting, a file
    │   ├── LicenseError        ... a license file that cannot be used; `problem` says which way
    │   └── JournalError        ... a ticket's journal that cannot be relied on; `problem` says why
    ├── PersonNeededError       ask a person
    │   ├── NeedsAnswerError    ... for the parameters named in `missing`
    │   ├── NotAsSentError      ... to put right what a service keeps otherwise than it was sent
    │   └── OutcomeUnknownError ... whether a write happened; never repeat it on a guess
    ├── RefusedError            a service refused, nothing was changed: fix rights, credentials or state
    └── UnavailableError        a service could not be reached, nothing was changed: try later

A message is one or two sentences: what, with the value; what was expected; what to do next. It never holds a
token, a key or a license. Anything that is not a `RunbookError` is a bug and keeps its traceback.
"""

from __future__ import annotations

__all__ = [
    "InputError",
    "JournalError",
    "LicenseError",
    "NeedsAnswerError",
    "NotAsSentError",
    "OutcomeUnknownError",
    "PersonNeededError",
    "RefusedError",
    "RunbookError",
    "UnavailableError",
]


class RunbookError(Exception):
    """Something that the reader can act on; shown in a notebook as its sentence, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback.

        Source: IPython's custom-traceback hook; measured to hold under papermill too.
        """
        return [f"{type(self).__name__}: {self}"]


class InputError(RunbookError):
    """What was given cannot be used: stop and fix it."""


class LicenseError(InputError):
    """A license file cannot be used.

    Attributes:
        problem: One of `not_a_license`, `truncated`, `wrong_key`, `damaged`, `newer_version`.
    """

    def __init__(self, problem: str, message: str) -> None:
        super().__init__(message)
        self.problem = problem


class JournalError(InputError):
    """A ticket's journal cannot be relied on, so nothing is done by it.

    Attributes:
        problem: One of `unreadable`, `unsigned`, `newer_version`, `other_ticket`, `unknown_writer`, `foreign_key`,
            `misnamed`, `altered`, `broken_chain`, `truncated`, `missing`.
        line: The first line that shows it, or None.
    """

    def __init__(self, problem: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.problem = problem
        self.line = line


class PersonNeededError(RunbookError):
    """Only a person can say how to go on."""


class NeedsAnswerError(PersonNeededError):
    """Parameters are missing that only a person can give.

    Attributes:
        missing: The names of the parameters to pass.
    """

    def __init__(self, message: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing


class NotAsSentError(PersonNeededError):
    """A write happened, and what the service keeps is not what was sent. It is not done, and must not be repeated."""


class OutcomeUnknownError(PersonNeededError):
    """A write was sent and its answer was lost: look before trying again."""


_PERSON_NEEDED = (PersonNeededError, NeedsAnswerError, NotAsSentError, OutcomeUnknownError)
PERSON_NEEDED = tuple(one.__name__ for one in _PERSON_NEEDED)
"""The names of these classes, which is what a notebook's output keeps of an error."""


class RefusedError(RunbookError):
    """A service refused; nothing was changed.

    Attributes:
        words: The service's answer, without the advice.
        status: The HTTP status, or None where the service refuses with 200 (Slack).
        code: The service's own word for it, such as `not_in_channel`, or "".
        advice: What to do about it, or ""; it is part of the message too.
        fault: What is wrong, if it is the token itself (`credentials`) or what it may do (`rights`); else "".
    """

    def __init__(
        self, words: str, *, status: int | None = None, code: str = "", advice: str = "", fault: str = ""
    ) -> None:
        super().__init__(f"{words} {advice}".strip())
        self.words = words
        self.status = status
        self.code = code
        self.advice = advice
        self.fault = fault


class UnavailableError(RunbookError):
    """A service could not be reached or is overloaded; nothing was changed."""

"""The titles of the license tracker's issues: written and read here, and nowhere else.

Source: weekend seed, *Considerations* 3, for the title of a success; the others differ from it by their first word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MOST_CHARS = 255
"""Longest title of an issue. Source: GitLab REST documentation, issues; a longer one is refused."""


class Mark(StrEnum):
    """The beginning of a title: the job's result."""

    SUCCESS = "[Success]"
    FAILURE = "[Failure]"
    IN_PROGRESS = "[In progress]"
    DUPLICATE = "[Duplicate]"


_BRACKETS = re.compile(r"under \[(\S+)\] for \[([0-9]+)\] users\Z")
"""The seed writes the address and the number in brackets; the job does not."""
_VERBS = {
    Mark.SUCCESS: "Created",
    Mark.FAILURE: "Could not create",
    Mark.IN_PROGRESS: "Creating",
    Mark.DUPLICATE: "Did not create",
}


@dataclass(frozen=True)
class Title:
    mark: Mark | None  # how it begins, or None if no job writes such a title
    email: str = ""  # whose license it is, if the whole is exactly what the job writes; else ""
    users: int | None = None  # for how many users, if so; else None
    text: str = ""  # the whole in lower case

    @property
    def brief(self) -> str:
        return self.mark or "another title"

    def names(self, email: str) -> bool:
        """Whether it is for this address; in a title that no job writes, whether the address stands there by itself."""
        if self.email:
            return self.users_for(email) is not None
        return re.search(rf"(?<![\w.+-])(?<!\w['’]){re.escape(email.casefold())}(?!-|\.?\w)", self.text) is not None

    def users_for(self, email: str) -> int | None:
        """The user count, if it is exactly the job's title for exactly this address; else None."""
        return self.users if self.email and self.email.casefold() == email.casefold() else None


def write(mark: Mark, email: str, users: int) -> str:
    return f"{mark} - {_VERBS[mark]} a license under {email} for {users} users"


def pattern(mark: Mark, email: str) -> str:
    """A title for a person to write, who fills in the number."""
    return write(mark, email, 0).replace(" 0 ", " NUMBER ")


def read(text: str) -> Title:
    """Read a title. GitLab's search matches words, not text, so titles are compared by this alone."""
    text = _BRACKETS.sub(r"under \1 for \2 users", text.strip())
    folded = text.casefold()
    mark = next((mark for mark in Mark if folded.startswith(mark.casefold())), None)
    start = re.escape(f"{mark} - {_VERBS[mark]}") if mark else "(?!)"
    address = r"(?![<(\"‹“])[!-~]+(?<![>)\",;])"  # brackets or quotes around it: not written by a job
    found = re.fullmatch(rf"{start} a license under ({address}) for ([0-9]{{1,9}}) users", text)
    return Title(mark, found[1], int(found[2]), folded) if found else Title(mark, text=folded)


def longest_address(users: int) -> int:
    """How long an address may be, so that every title with it fits."""
    return MOST_CHARS - max(len(write(mark, "", users)) for mark in Mark)

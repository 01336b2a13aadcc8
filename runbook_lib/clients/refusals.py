"""What to do about a service's no: one table for each vendor, from its own words to a sentence of advice. Pure.

A row is chosen by the HTTP status, by the words and by the path that was asked for; the first that fits counts. Words
that no row knows stay as they came, with the vendor's own page beside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CREDENTIALS, RIGHTS = "credentials", "rights"
"""What is wrong: the token itself, or what it may do. Anything else is ""."""


@dataclass(frozen=True)
class Row:
    """One refusal, and what to do about it.

    Attributes:
        advice: The sentence, which names the setting, scope or place.
        says: A pattern that is looked for in the service's words, whatever their case; "" fits any.
        status: The HTTP status; None fits any.
        path: A pattern that is looked for in the path; "" fits any.
        fault: `CREDENTIALS`, `RIGHTS`, or "" for anything else.
    """

    advice: str
    says: str = ""
    status: int | None = None
    path: str = ""
    fault: str = ""

    def fits(self, status: int | None, words: str, path: str) -> bool:
        """Whether a refusal is this one."""
        if self.status not in (None, status):
            return False
        return bool(re.search(self.says, words, re.IGNORECASE)) and bool(re.search(self.path, path))


@dataclass(frozen=True)
class Refusals:
    """The refusals of one service.

    Attributes:
        address: The setting that holds its address.
        page: The vendor's own page on its errors.
        rows: What is known of them.
    """

    address: str
    page: str
    rows: tuple[Row, ...] = ()

    def row(self, status: int | None, words: str, path: str = "") -> Row:
        """The row of a refusal; for one that is not known, the vendor's page."""
        known = (row for row in self.rows if row.fits(status, words, path))
        return next(known, Row(f"See {self.page} for what that means." if self.page else ""))


UNKNOWN = Refusals("its address", "")
"""Of a service whose refusals nobody has collected."""

"""What to do when a service refuses: one table for each vendor, from its words to a sentence of advice. Pure.

A hint is chosen by the HTTP status, the words and the requested path; the first match wins. Words that match none are
shown as they came, with a link to the vendor's page on errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CREDENTIALS, RIGHTS = "credentials", "rights"
"""What is wrong: the token itself, or what it may do. Anything else is ""."""


@dataclass(frozen=True)
class Hint:
    """What to do about one refusal."""

    advice: str
    says: str = ""  # a pattern to search in the service's words, ignoring case; "" matches any
    status: int | None = None  # the HTTP status; None matches any
    path: str = ""  # a pattern to search in the path; "" matches any
    fault: str = ""  # `CREDENTIALS`, `RIGHTS`, or "" for anything else

    def fits(self, status: int | None, words: str, path: str) -> bool:
        if self.status not in (None, status):
            return False
        return bool(re.search(self.says, words, re.IGNORECASE)) and bool(re.search(self.path, path))


WEB_PAGE = "with a web page, perhaps of a proxy"
"""Follows the words of a refusal that came as a web page: services of ours answer in JSON."""
SIGN_IN = "If the network wants you to sign in first (Wi-Fi, VPN, proxy), do so"
"""What comes first if something answers in a service's place."""
_PROXY = (
    "It is probably no answer of the service, but of a proxy or firewall on the way: check the VPN, then run again."
)
_ON_THE_WAY = tuple(Hint(_PROXY, says=WEB_PAGE, status=status) for status in (401, 403, 407, 451))


@dataclass(frozen=True)
class Refusals:
    """The known refusals of one service, the most specific first; `address` is the setting that holds its address."""

    address: str
    page: str
    hints: tuple[Hint, ...] = ()

    def hint(self, status: int | None, words: str, path: str = "") -> Hint:
        """The hint of a refusal; for an unknown one, a link to the vendor's page."""
        known = (hint for hint in (*_ON_THE_WAY, *self.hints) if hint.fits(status, words, path))
        return next(known, Hint(f"See {self.page} for what that means." if self.page else ""))


UNKNOWN = Refusals("its address", "")
"""For a service without a table."""

"""A sent comment as Zendesk keeps it, compared with what was sent. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class KeptComment:
    """A sent comment as Zendesk keeps it: whether the requester can read it, and the names of its files.

    `public` is None if the audit has no comment.
    """

    id: int
    public: bool | None
    file_names: tuple[str, ...] = ()

    def difference(self, *, public: bool, file_names: Sequence[str] = ()) -> str:
        """How it differs from the comment that was sent, with advice for a person; "" if it does not.

        File names are compared by their letters and digits, since a vendor may replace other characters.
        """
        if self.public is None:
            return "Zendesk has taken the update, and keeps no comment of it. Post it by hand."
        if public and not self.public:
            return (
                f"The public reply was kept as an internal note ({self.id}), which the customer cannot read: the role "
                "of the token's user allows private comments only. Post it by hand, as a colleague who may reply."
            )
        if self.public and not public:
            return (
                f"The internal note was kept as a public reply ({self.id}), which the customer can read. Make it an "
                "internal note in Zendesk."
            )
        kept, sent = (sorted(map(_letters, names)) for names in (self.file_names, file_names))
        if kept != sent:
            has, wanted = (", ".join(names) or "no file" for names in (self.file_names, file_names))
            return f"Comment {self.id} was kept with {has}, and was sent with {wanted}. Add by hand what is missing."
        return ""


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", name).casefold()))

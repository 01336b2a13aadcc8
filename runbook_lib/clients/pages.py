"""Tells a sign-in page from the requested file, by its content. Pure.

A private attachment answers 200 with HTML where there is no session. Source: Zendesk help, *Private attachments*;
FACTS 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LOOKED_AT = 200_000
"""Bytes of a page in which its marks are looked for."""
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|meta)\b", re.IGNORECASE)
_SIGN_IN = re.compile(
    rb"""type\s*=\s*["']?password|/access/(?:login|unauthenticated|return_to)|/auth/v\d+/(?:login|signin)"""
    rb"""|samlrequest|sign[\s_-]?in\b|log[\s_-]?in\b""",
    re.IGNORECASE,
)


def is_sign_in_page(content: bytes, headers: Mapping[str, str], *, size: int, file_name: str) -> bool:
    """Whether a page came in place of a file, whose size in bytes and name are as the ticket states them.

    The headers are by lower-case name.
    """
    text = content[:_LOOKED_AT].removeprefix(b"\xef\xbb\xbf")
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = text[2:].replace(b"\0", b"")
    if not _HTML.match(re.sub(rb"^(?:\s|<!--.*?-->|<\?xml.*?\?>)+", b"", text, flags=re.DOTALL)):
        return False
    if len(content) == size:  # just the file that is listed, whatever it says
        return False
    is_page = bool(_SIGN_IN.search(text))
    named_so = file_name.lower().endswith((".html", ".htm", ".xhtml"))
    offered = headers.get("content-disposition", "").lower().startswith("attachment")
    return is_page or not (named_so or offered)

"""Finds secrets that no setting knows, by their form: what a customer pastes of their own, or a service quotes. Pure.

A form is a vendor's prefix, a private key's block, a password in an address, or a value behind a name that says so. A
value behind a name has a letter and a digit, since words about passwords are no passwords.

Every search is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_DENSE = r"(?=[^\s\"'<>&,;]{0,200}?[0-9])(?=[^\s\"'<>&,;]{0,200}?[A-Za-z])"
"""A letter and a digit are in the word that follows."""
_VENDORS = (
    r"\b(?:gl(?:pat|oas|dt|rtr?|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[\w=-]{16,300}(?:\.[\w.]{2,40})?"
    r"|GR1348941[\w-]{20,60}|xox[a-z](?:\.xox[a-z])?-[\w-]{10,300}|xapp-[\w-]{10,300}"
    r"|hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{16,200}"
    r"|attachments/token/[\w-]{10,200}"
    r"|gh[a-z]_\w{36,255}|github_pat_\w{22,255}"
    r"|eyJ[\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{0,4000})"
)
"""Source: GitLab documentation, *Token overview*; Slack and GitHub, *token types*; Zendesk, attachments; RFC 7519."""
_KEY = (
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----)[\s\S]){1,20000}?-----END [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:[^A-Za-z0-9+/=]{0,12}[A-Za-z0-9+/=]{16,})*)"
)
"""A private key, to its end or as far as it looks like one. Source: RFC 7468; OpenSSH."""
_ADDRESS = r"(?<=://)[^\s/:@?#\"'<>]{0,100}:(?P<password>[^\s/@?#\"'<>]{1,200})@"
_SIGNED = r"[?&;](?:X-(?:Amz|Goog)-(?:Signature|Security-Token)|sig|signature)=(?P<signature>[^&\s\"'<>]{8,2000})"
"""Source: AWS Signature Version 4; Google Cloud Storage, *signed URLs*; Azure, *shared access signature*."""
_SCHEME = (
    rf"\b(?:bearer|basic|negotiate)[ ]{{1,3}}{_DENSE}(?P<credential>[A-Za-z0-9._~+/=-]{{16,4000}})"
    r"|\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?\w{1,20}\s{1,3}(?:token=)?[\"']?(?P<authorization>[\w.~+/=-]{8,4000})"
)
_COOKIE = (
    r"\bcookie[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<cookie>[\w.-]{1,80}=[^\s;,\"']{1,4000}"
    r"(?:;\s?[\w.-]{1,80}=[^\s;,\"']{1,4000}){0,40})"
)
_NAMED = (
    r"(?:passw(?:or)?d|passphrase|secret|token|api_?key|(?:access|account|secret)_?key|key_base|session(?:id)?(?==))"
    rf"[\"'\]]{{0,3}}\s{{0,3}}(?:=>|:|=)\s{{0,3}}(?:\"{_DENSE}(?P<quoted>[^\"\r\n]{{6,300}})\"|'{_DENSE}(?P<single>[^'\r\n]{{6,300}})'"
    rf"|(?![\[({{$%]|https?:|[\w.]{{1,80}}\(){_DENSE}(?P<bare>[^\s\"'<>&,;]{{8,300}}))"
)
_FORMS = (
    (re.compile(_VENDORS), "[token]"),
    (re.compile(_KEY), "[private key]"),
    (re.compile(_ADDRESS), "[password]"),
    (re.compile(_SIGNED, re.I), "[signature]"),
    (re.compile(_SCHEME, re.I), "[credential]"),
    (re.compile(_COOKIE, re.I), "[cookie]"),
    (re.compile(_NAMED, re.I), "[secret]"),
)


def spans(text: str) -> Iterator[tuple[int, int, str]]:
    """From where to where a secret stands in a text, and the word for it."""
    for form, word in _FORMS:
        for found in form.finditer(text):
            yield *found.span(found.lastgroup or 0), word

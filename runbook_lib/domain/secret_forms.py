"""Finds secrets that no setting knows, by their form: what a customer pastes of their own, or a service quotes. Pure.

A form is a vendor's prefix, a private key's block, a password in an address, or a value behind a name that says so. A
value behind a name has a letter and a digit, since words about passwords are no passwords.

Every search is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_DENSE = r"(?=[^\s\"'<>&,;]{0,200}?[0-9])(?=[^\s\"'<>&,;]{0,200}?[A-Za-z])"
_DENSE_QUOTED = r"(?=[^\s\"']{0,200}?[0-9])(?=[^\s\"']{0,200}?[A-Za-z])"
"""A letter and a digit are in the word that follows; one in quotes may have any sign in it."""
_ASSIGNED = r"[\"'\]]{0,3}\s{0,3}(?:=>|:|=)\s{0,3}"
_VENDORS = (
    r"(?<!\w)(?:gl[a-z]{2,6}-[\w=-]{16,300}(?:\.[\w.]{2,40})?|gr1348941[\w-]{20,60}"
    r"|xox[a-z](?:\.xox[a-z])?-[\w-]{10,300}|xapp-[\w-]{10,300}"
    r"|hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{16,200}|attachments/token/[\w-]{10,200}"
    r"|gh[a-z]_\w{36,255}|github_pat_\w{22,255}|eyJ[\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{0,4000})"
)
"""Source: GitLab documentation, *Token overview*; Slack and GitHub, *token types*; Zendesk, attachments; RFC 7519."""
_PREFIXES = (
    *("glpat-", "gloas-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "glwt-"),
    *("glsoat-", "glffct-", "gr1348941", "xox", "xapp-", "hooks.slack.com/", "attachments/token/"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "eyj"),
)
_KEY = (
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----)[\s\S]){1,20000}?-----END [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:[^A-Za-z0-9+/=]{0,12}[A-Za-z0-9+/=]{16,})*)"
)
"""A private key, to its end or as far as it looks like one. Source: RFC 7468; OpenSSH."""
_ADDRESS = r":/{1,2}[^\s/:@?#\"'<>]{0,100}:(?P<password>[^\s/@?#\"'<>]{1,200})@"
_SIGNED = r"(?:x-(?:amz|goog)-(?:signature|security-token)|sig|signature)=(?P<signature>[^&\s\"'<>]{8,2000})"
"""Source: AWS Signature Version 4; Google Cloud Storage, *signed URLs*; Azure, *shared access signature*."""
_SCHEME = (
    rf"\b(?:bearer|basic|negotiate)[ ]{{1,3}}{_DENSE}(?P<credential>[A-Za-z0-9._~+/=-]{{16,4000}})"
    r"|authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?\w{1,20}\s{1,3}(?:token=)?[\"']?(?P<authorization>[\w.~+/=-]{8,4000})"
)
_COOKIE = (
    r"cookie[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<cookie>[\w.-]{1,80}=[^\s;,\"']{1,4000}"
    r"(?:;\s?[\w.-]{1,80}=[^\s;,\"']{1,4000}){0,40})"
)
_NAMES = (
    *("password", "passwd", "passphrase", "secret", "token", "apikey", "api_key", "access_key", "accesskey"),
    *("account_key", "accountkey", "secret_key", "secretkey", "key_base", "session=", "sessionid=", 'auth"'),
)
_NAMED = (
    rf"(?:{'|'.join(name.rstrip('=') for name in _NAMES)}){_ASSIGNED}"
    rf"(?:\"{_DENSE_QUOTED}(?P<quoted>[^\"\r\n]{{6,300}})\"|'{_DENSE_QUOTED}(?P<single>[^'\r\n]{{6,300}})'"
    rf"|(?![\[({{$%]|https?:|[\w.]{{1,80}}\(){_DENSE}(?P<bare>[^\s\"'<>&,;]{{8,300}}))"
)
_FORMS = tuple(
    (word, markers, re.compile(form, re.I))
    for word, markers, form in (
        ("[token]", _PREFIXES, _VENDORS),
        ("[private key]", ("-----begin ",), _KEY),
        ("[password]", (":/",), _ADDRESS),
        ("[signature]", ("x-amz-s", "x-goog-s", "sig=", "signature="), _SIGNED),
        ("[credential]", ("bearer ", "basic ", "negotiate ", "authorization"), _SCHEME),
        ("[cookie]", ("cookie",), _COOKIE),
        ("[secret]", _NAMES, _NAMED),
    )
)
"""The word for each form, the words that it begins with, in lower case, and the form."""


def spans(text: str) -> Iterator[tuple[int, int, str]]:
    """From where to where a secret stands in a text, and the word for it."""
    lower = text.replace("\u0130", "I").lower()  # the one letter that is longer in lower case
    for word, markers, form in _FORMS:
        for marker in markers:
            end = 0
            while (at := lower.find(marker, end)) >= 0:
                found = form.match(text, at)
                end = at + len(marker)
                if found:
                    yield *found.span(found.lastgroup or 0), word
                    end = max(end, found.end())

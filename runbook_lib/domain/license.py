"""The GitLab license file: write, read, verify. No files, no network, no clock; only `write` is random.

A file holds JSON, encrypted with AES-128-CBC under a random key. That key, put through the RSA private-key
operation (PKCS#1 v1.5 block type 1, no digest), travels with it, so the issuer's public key opens the file.
Data, wrapped key and IV go as Base64 into a JSON envelope, which is Base64 again, with or without its
BEGIN and END lines.

Reading proves that the owner of the private key once wrapped the AES key found in the file. It does not prove
the contents, because nothing in the format authenticates them:

- The holder of one genuine license and of the public key can reuse its wrapped key for contents of their own.
- AES-CBC has no checksum: a change in the IV alters the first 16 bytes of the JSON and nothing else, a change
  in the data scrambles one block of 16 bytes and alters the next. `read` therefore accepts only what it
  fully understands. That catches every single flipped bit of the IV of a file written in the usual order,
  and almost every change of the data, but no deliberate forgery.

Where the gem reads a file that is not quite as it writes it, it is read here too, and `examine` notes what is odd.

Errors are raised `from None`: the causes carry pieces of the license, or of a key.

Source: the `gitlab-license` gem 2.4 and the files it wrote, in tests/data/license-vectors.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from runbook_lib.domain.envelopes import LINE_CHARS, boundary_line
from runbook_lib.domain.errors import InputError, LicenseError

__all__ = [
    "MAX_LICENSE_BYTES",
    "ExaminedLicense",
    "License",
    "PrivateKey",
    "PublicKey",
    "examine",
    "facts",
    "fingerprint",
    "load_private_key",
    "load_public_key",
    "read",
    "write",
]

PublicKey = RSAPublicKey
PrivateKey = RSAPrivateKey

MAX_LICENSE_BYTES = 1024 * 1024
"""Longer input is refused unread; real files have 2 to 4 kB."""

FORMAT_VERSION = 1
AES_BYTES = 16
"""Length of the AES key, of the IV and of a block."""

_DATES = {
    "issued_at": "starts_on",
    "expires_at": "expires_on",
    "notify_admins_at": "notify_admins_on",
    "notify_users_at": "notify_users_on",
    "block_changes_at": "block_changes_on",
}
"""JSON key to field, in the gem's order."""

_MOMENTS = ("next_sync_at", "last_synced_at", "activated_at")
_FLAGS = (
    "cloud_licensing_enabled",
    "offline_cloud_licensing_enabled",
    "auto_renew_enabled",
    "seat_reconciliation_enabled",
    "operational_metrics_enabled",
    "generated_from_customers_dot",
    "generated_from_cancellation",
)
_KNOWN = {"version", "licensee", *_DATES, *_MOMENTS, *_FLAGS, "restrictions"}

_BEGIN = re.compile(rb"(?:\A|[-\s])BEGIN [^\r\n]{1,300}? LICENSE-*")
_END = re.compile(rb"[-\s]END [^\r\n]{1,300}? LICENSE")
_DATE_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9]{2}:")
_TEAMS = ("@gitlab.com", "@jihulab.com")
"""Mail domains whose licenses may have no expiry date. Source: `gitlab-license` gem, `valid?`."""
_OPENING = base64.b64encode(b'{"data":"')
"""How a file without boundary lines starts; distinguishes a broken license from another file."""

_NEXT_STEP = {
    "not_a_license": "Give the license file as it was mailed, or its full text.",
    "truncated": "Copy or download it again, from its first to its last character.",
    "wrong_key": "Give the public key of whoever issued the license, or get the file again.",
    "damaged": "Get the file again from where it was issued.",
    "newer_version": "Update this project, or look the license up on a GitLab instance.",
}


@dataclass(frozen=True, kw_only=True)
class License:
    """What a license file says; JSON keys that have no field of their own are kept in `other`.

    Attributes:
        licensee: To whom it was issued, not empty; usually `Name`, `Company` and `Email`.
        starts_on: First day of validity; `issued_at` in the JSON.
        expires_on: First day on which it is no longer valid; None for never.
        notify_admins_on: From when administrators are warned.
        notify_users_on: From when everybody is warned.
        block_changes_on: From when the instance is read-only.
        next_sync_at: When the instance should sync next, aware.
        last_synced_at: When it last did, aware.
        activated_at: When the license was activated, aware.
        cloud_licensing_enabled: A cloud license; only these sync.
        offline_cloud_licensing_enabled: A cloud license for an instance without network access.
        auto_renew_enabled: The subscription renews itself.
        seat_reconciliation_enabled: Seats over the license are billed each quarter.
        operational_metrics_enabled: The instance reports operational metrics.
        generated_from_customers_dot: CustomersDot issued it.
        generated_from_cancellation: Issued because a subscription was canceled.
        restrictions: Limits such as `plan`, `active_user_count` and `trial`; JSON values.
        other: Unknown top-level keys of the JSON with their values.
    """

    licensee: Mapping[str, str]
    starts_on: date
    expires_on: date | None = None
    notify_admins_on: date | None = None
    notify_users_on: date | None = None
    block_changes_on: date | None = None
    next_sync_at: datetime | None = None
    last_synced_at: datetime | None = None
    activated_at: datetime | None = None
    cloud_licensing_enabled: bool = False
    offline_cloud_licensing_enabled: bool = False
    auto_renew_enabled: bool = False
    seat_reconciliation_enabled: bool = False
    operational_metrics_enabled: bool = False
    generated_from_customers_dot: bool = False
    generated_from_cancellation: bool = False
    restrictions: Mapping[str, object] = field(default_factory=dict)
    other: Mapping[str, object] = field(default_factory=dict)

    @property
    def plan(self) -> str | None:
        """The plan in lower case, such as `ultimate`; None if the license names none."""
        plan = self.restrictions.get("plan")
        return (plan.strip().lower() or None) if isinstance(plan, str) else None

    @property
    def is_trial(self) -> bool:
        """Whether it is a trial license."""
        return self.restrictions.get("trial") is True

    @property
    def user_count(self) -> int | None:
        """Seats; None if unlimited, or if the restriction is not a whole number."""
        count = self.restrictions.get("active_user_count")
        return count if isinstance(count, int) and not isinstance(count, bool) else None

    def is_expired(self, today: date) -> bool:
        """Whether the license has run out; the expiry date itself is the first day without.

        Source: `gitlab-license` gem, `License#expired?`.
        """
        return self.expires_on is not None and today >= self.expires_on


@dataclass(frozen=True)
class ExaminedLicense:
    """A license that was read, and what is odd about its file.

    Attributes:
        license: What it says.
        notes: Where it is not as the gem writes it; parts of a sentence, such as "its END line is missing".
    """

    license: License
    notes: tuple[str, ...] = ()


def load_public_key(pem: bytes) -> PublicKey:
    """Load the issuer's public key from PEM, in SubjectPublicKeyInfo or PKCS#1 form.

    Raises:
        InputError: It is not an RSA public key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise InputError("This is not an RSA public key in PEM form. Give the license issuer's public key file.")
    return key


def load_private_key(pem: bytes) -> PrivateKey:
    """Load the issuer's private key from unencrypted PEM.

    Raises:
        InputError: It is not an RSA private key, or it needs a password.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise InputError("The private key is protected by a password. Give it as unencrypted PEM.") from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise InputError("This is not an RSA private key in PEM form. Give the license issuer's private key.")
    return key


def write(license: License, private_key: PrivateKey, *, boundary: bool = True) -> str:
    """The text of the license file, as the gem writes it, and only if the gem would call it valid.

    Two calls never give the same text: AES key and IV are drawn anew from the system's random source.

    Args:
        license: What the file shall say.
        private_key: The issuer's key.
        boundary: Whether to put the text between BEGIN and END lines. Without, it ends in a newline.

    Raises:
        InputError: The licensee is empty, the license expires before it starts or, for a customer, never, it is an
            offline cloud license but no cloud license, or a value is of a kind that would not be read back the same
            (a date with a time, a number for a name, NaN).
    """
    key, iv = secrets.token_bytes(AES_BYTES), secrets.token_bytes(AES_BYTES)
    parts = {
        "data": _encrypt(_payload(license), key, iv),
        "key": private_key.sign(key, PKCS1v15(), NoDigestInfo()),
        "iv": iv,
    }
    text = _base64_lines(_json({name: _base64_lines(part) for name, part in parts.items()}))
    return f"{boundary_line('BEGIN')}\n{text}{boundary_line('END')}" if boundary else text


def read(text: bytes | str, public_key: PublicKey) -> License:
    """Open a license file and check all it says; see the module's docstring for what that proves.

    Accepted are LF, CRLF and no line ends at all, any `BEGIN ... LICENSE` and `END ... LICENSE` lines and
    whatever stands outside them, one such line or none, surrounding white space, and a UTF-8 byte order mark. A file
    in any other wrapping is for the `finder` first.

    Args:
        text: The file's contents, at most 1 MiB.
        public_key: The issuer's key.

    Raises:
        LicenseError: With one of these problems, and never a piece of the license in the message:
            `not_a_license` it is something else; `truncated` characters are missing; `wrong_key` the key does not
            open it, which a change inside the wrapped key looks like, too; `newer_version` the format's version is
            above 1; `damaged` anything else.
    """
    return examine(text, public_key).license


def examine(text: bytes | str, public_key: PublicKey) -> ExaminedLicense:
    """As `read`, with notes on what differs from a file that the gem would write and accept."""
    notes: list[str] = []
    envelope = _envelope(_as_bytes(text), notes)
    found = _license(_document(_decrypt(envelope, public_key)), notes)
    notes += [f"a GitLab instance refuses it, {why}" for why in _invalid(found)]
    return ExaminedLicense(found, tuple(notes))


def fingerprint(text: bytes | str) -> str:
    """A stable id of a license file for records: `SHA256:` and 32 hex digits. The file need not be valid.

    Line ends, white space and boundary lines make no difference. Issuing the same license twice gives two
    files with two fingerprints.
    """
    body, _ = _body(_as_bytes(text))
    if body.startswith(_OPENING):
        body += b"=" * (-len(body) % 4)
    return f"SHA256:{hashlib.sha256(body).hexdigest()[:32]}"


def facts(license: License) -> dict[str, object]:
    """What the license says as plain JSON values, for display: dates and moments in ISO form, or None."""
    return {
        "licensee": dict(license.licensee),
        **{name: _iso(getattr(license, name)) for name in _DATES.values()},
        "plan": license.plan,
        "trial": license.is_trial,
        "user_count": license.user_count,
        **{name: _iso(getattr(license, name)) for name in _MOMENTS},
        **{name: getattr(license, name) for name in _FLAGS},
        "restrictions": dict(license.restrictions),
        "other": dict(license.other),
    }


# -- writing


def _payload(license: License) -> bytes:
    """The JSON inside the file, checked to read back as the same license."""
    if not license.licensee:
        raise InputError("The license has no licensee. Give at least a name, a company or an email.")
    try:
        payload = _json(_as_document(license))
        same = _license(_document(payload), []) == license
    except (TypeError, ValueError, RecursionError, LicenseError):
        same = False
    if not same:
        raise InputError(
            "The license holds a value that its file cannot. "
            "Give plain dates, moments with a time zone, text for the licensee, and JSON values elsewhere."
        )
    if license.expires_on and license.expires_on < license.starts_on:
        raise InputError(
            f"The license expires on {license.expires_on}, before it starts on {license.starts_on}. "
            "Give an expiry date on or after the start."
        )
    if invalid := _invalid(license):
        raise InputError(f"A GitLab instance would refuse this license, {' and '.join(invalid)}; it is not written.")
    return payload


def _invalid(license: License) -> list[str]:
    """Why an instance refuses a license that can be read. Source: `gitlab-license` gem, `valid?`."""
    company, email = license.licensee.get("Company", ""), license.licensee.get("Email", "")
    is_team = "gitlab" in company.lower() and email.endswith(_TEAMS)
    reasons = []
    if license.expires_on is None and not is_team:
        reasons.append("since it has no expiry date")
    if license.offline_cloud_licensing_enabled and not license.cloud_licensing_enabled:
        reasons.append("since it is an offline cloud license, but no cloud license")
    return reasons


def _as_document(license: License) -> dict[str, object]:
    """The license as the JSON object of the format, in the gem's key order; unknown keys come last."""
    stamps = {key: getattr(license, name) for key, name in _DATES.items()}
    stamps |= {name: getattr(license, name) for name in _MOMENTS}
    document: dict[str, object] = {"version": FORMAT_VERSION, "licensee": dict(license.licensee)}
    document |= {key: _iso(stamp) for key, stamp in stamps.items() if stamp is not None}
    document |= {name: getattr(license, name) for name in _FLAGS}
    if license.restrictions:
        document["restrictions"] = dict(license.restrictions)
    return document | dict(license.other)


def _iso(stamp: date | None) -> str | None:
    return None if stamp is None else stamp.isoformat()


def _json(document: object) -> bytes:
    """Compact JSON in UTF-8.

    Source: Ruby's `JSON.dump` escapes quotes, backslashes and control characters, and nothing else.
    """
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _encrypt(payload: bytes, key: bytes, iv: bytes) -> bytes:
    padder = PKCS7(AES.block_size).padder()
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    return encryptor.update(padder.update(payload) + padder.finalize()) + encryptor.finalize()


def _base64_lines(data: bytes) -> str:
    """Base64 in lines of 60 characters, each ended by a newline.

    Source: Ruby's `Base64.encode64`.
    """
    text = base64.b64encode(data).decode()
    return "".join(f"{text[start : start + LINE_CHARS]}\n" for start in range(0, len(text), LINE_CHARS))


# -- reading


def _as_bytes(text: bytes | str) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _body(raw: bytes) -> tuple[bytes, tuple[str, ...]]:
    """What stands between the boundary lines, without white space, and the boundary lines that are missing."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    begin = _BEGIN.search(raw)
    start = begin.end() if begin else 0
    end = _END.search(raw, start)
    body = raw[start : end.start() if end else None]
    if begin and not end:
        body = body.partition(b"-")[0]  # what is left of the END line; no Base64 has a dash
    missing = tuple(word for word, line in (("BEGIN", begin), ("END", end)) if not line)
    body = b"".join(body.split())
    return (body.strip(b"-") if end else body), missing


def _envelope(raw: bytes, notes: list[str]) -> dict[str, bytes]:
    """The parts `data`, `key` and `iv` of the file, still encrypted."""
    if len(raw) > MAX_LICENSE_BYTES:
        raise _problem("not_a_license", "This is not a GitLab license file: it is larger than 1 MiB.")
    body, missing = _body(raw)
    is_cut = len(missing) == 1
    if is_cut:
        notes.append(f"its {missing[0]} line is missing")
    is_foreign = len(missing) == 2 and not body.startswith(_OPENING)
    try:
        return _padded_parts(body, [] if is_foreign else notes)
    except LicenseError:
        if is_foreign:  # its JSON might still have been a good envelope
            what = "This is not a GitLab license file: the encrypted text of one was expected."
            raise _problem("not_a_license", what) from None
        if is_cut:
            what = "The license file is incomplete: its BEGIN or its END line is missing, and more than that."
            raise _problem("truncated", what) from None
        raise


def _padded_parts(body: bytes, notes: list[str]) -> dict[str, bytes]:
    """The parts of a file that may lack its padding."""
    if not len(body) % 4:
        return _parts(body)
    padded = body + b"=" * (-len(body) % 4)
    try:
        is_whole = _unbase64(padded).endswith(b"}")
    except ValueError:
        is_whole = False
    if not is_whole:
        raise _problem("truncated", "The license file is incomplete: characters are missing.")
    notes.append("the “=” at its end are missing")
    return _parts(padded)


def _parts(body: bytes) -> dict[str, bytes]:
    try:
        envelope = _unbase64(body)
    except ValueError:
        raise _damaged("its text is not Base64") from None
    if not envelope.endswith(b"}"):
        raise _problem("truncated", "The license file is incomplete: its end is missing.")
    try:
        document = json.loads(envelope.decode())
        return {name: _unbase64(document[name].replace("\n", "").encode()) for name in ("data", "key", "iv")}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise _damaged("one of its parts (data, key, IV) is missing or is not Base64") from None


def _unbase64(text: bytes) -> bytes:
    """Decode canonical Base64 only, so that every changed character is detected."""
    data = base64.b64decode(text)
    if base64.b64encode(data) != text:
        raise ValueError("not canonical Base64")
    return data


def _decrypt(envelope: dict[str, bytes], public_key: PublicKey) -> bytes:
    """The payload's bytes.

    Source: PKCS#1 v1.5 block type 1 without DigestInfo, which `cryptography` calls algorithm None.
    """
    try:
        key = public_key.recover_data_from_signature(envelope["key"], PKCS1v15(), None)
    except InvalidSignature:
        what = "This public key does not open the license: another key was used, or the file is damaged."
        raise _problem("wrong_key", what) from None
    if len(key) != AES_BYTES or len(envelope["iv"]) != AES_BYTES:
        raise _damaged("its AES key or its IV does not have 16 bytes")
    decryptor = Cipher(AES(key), CBC(envelope["iv"])).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    try:
        padded = decryptor.update(envelope["data"]) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise _damaged("its contents do not decrypt") from None


def _document(payload: bytes) -> dict[str, object]:
    """The payload as a JSON object that could be written again: no NaN, no infinity, no half characters."""
    try:
        document = json.loads(payload.decode())
        _json(document)
    except (RecursionError, ValueError):
        raise _damaged("its contents are not JSON") from None
    if not isinstance(document, dict):
        raise _damaged("its contents are not a JSON object")
    return document


def _license(document: dict[str, object], notes: list[str]) -> License:
    _check_version(document, notes)
    fields: dict[str, Any] = {"licensee": _licensee(document.get("licensee"), notes)}
    fields |= {name: _date(document, key, notes) for key, name in _DATES.items()}
    fields |= {name: _moment(document, name) for name in _MOMENTS}
    fields |= {name: _flag(document, name) for name in _FLAGS}
    fields["restrictions"] = _restrictions(document.get("restrictions"))
    fields["other"] = {key: value for key, value in document.items() if key not in _KNOWN}
    if fields["starts_on"] is None:
        raise _damaged("its start date, issued_at, is missing")
    return License(**fields)


def _check_version(document: dict[str, object], notes: list[str]) -> None:
    """Check the format version. A missing one means version 1, unless the first key, its usual place, is damaged."""
    if document.get("version") is None and next(iter(document), "") in _KNOWN:
        notes.append("its format version is missing")
        return
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < FORMAT_VERSION:
        raise _damaged(f"its format version is not the number {FORMAT_VERSION}")
    if version > FORMAT_VERSION:
        what = f"The license file has a newer format than version {FORMAT_VERSION}, the only one known here."
        raise _problem("newer_version", what)


def _licensee(value: object, notes: list[str]) -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        raise _damaged("its licensee is missing or empty")
    if not all(text is None or isinstance(text, str) for text in value.values()):
        raise _damaged("its licensee holds something that is not text")
    if None in value.values():
        notes.append("its licensee is incomplete")
    return {key: text or "" for key, text in value.items()}


def _restrictions(value: object) -> dict[str, object]:
    if not isinstance(value, dict | None):
        raise _damaged("its restrictions are not a JSON object")
    return value or {}


def _flag(document: dict[str, object], key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise _damaged(f"its {key} is neither true nor false")
    return value


def _date(document: dict[str, object], key: str, notes: list[str]) -> date | None:
    """A date as YYYY-MM-DD, stricter than `fromisoformat`; a time of day after it is dropped with a note."""
    text = document.get(key)
    if text is None:
        return None
    if isinstance(text, str) and (found := _DATE_TIME.match(text)) and _moment(document, key):
        notes.append(f"its {key} has a time of day")
        text = found[1]
    try:
        day = date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise _damaged(f"its {key} is not a date (YYYY-MM-DD)")
    return day


def _moment(document: dict[str, object], key: str) -> datetime | None:
    """An aware moment in UTC, from any ISO 8601 form.

    Source: the gem reads these with Ruby's `DateTime.parse`, which takes UTC where no offset is given.
    """
    text = document.get(key)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        aware = moment and (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))
    except (OverflowError, ValueError):
        aware = None
    if aware is None:
        raise _damaged(f"its {key} is not a date and time (ISO 8601)")
    return aware


# -- problems


def _problem(problem: str, what: str) -> LicenseError:
    return LicenseError(problem, f"{what} {_NEXT_STEP[problem]}")


def _damaged(why: str) -> LicenseError:
    return _problem("damaged", f"The license file is damaged: {why}.")

"""The GitLab license file: write, read, verify. No files, no network, no clock; only `write` is random.

A file holds JSON, encrypted with AES-128-CBC under a random key. That key, put through the RSA private-key
operation (PKCS#1 v1.5 block type 1, no digest), travels with it, so the issuer's public key opens the file.
Data, wrapped key and IV go as Base64 into a JSON envelope, which is Base64 again, with or without its
BEGIN and END lines.

Reading proves that the owner of the private key once wrapped the AES key found in the file. It does not prove
the contents, because nothing in the format authenticates them:

- The holder of one genuine license and of the public key can reuse its wrapped key for contents of their own.
- AES-CBC has no checksum: a change in the IV alters the first 16 bytes of the JSON and nothing else, a change
  in the data scrambles one block of 16 bytes and alters the next. `license_contents` therefore accepts only what it
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
from contextlib import suppress
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from runbook_lib.domain.envelopes import boundary_line, in_lines
from runbook_lib.domain.errors import InputError, LicenseError
from runbook_lib.domain.license_contents import License, damaged, encoded, invalid, parsed, payload, problem

PublicKey = RSAPublicKey
PrivateKey = RSAPrivateKey

MAX_LICENSE_BYTES = 1024 * 1024
"""Longer input is refused unread; real files have 2 to 4 kB."""

AES_BYTES = 16
"""Length of the AES key, of the IV and of a block."""

_BEGIN = re.compile(rb"(?:\A|[-\s])BEGIN [^\r\n]{1,300}? LICENSE-*")
_END = re.compile(rb"[-\s]END [^\r\n]{1,300}? LICENSE")
_OPENING = base64.b64encode(b'{"data":"')
"""How a file without boundary lines starts; distinguishes a broken license from another file."""


@dataclass(frozen=True)
class ExaminedLicense:
    """A license that was read, and what is odd about its file."""

    license: License  # what it says
    # Where it is not as the gem writes it; parts of a sentence, such as "its END line is missing"
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

    That its numbers belong together is proven by what it signs, see `write`; to calculate it takes far longer.

    Raises:
        InputError: It is not an RSA private key, or it needs a password.
    """
    try:
        key = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
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
            (a date with a time, a number for a name, NaN). Or the key is damaged.
    """
    key, iv = secrets.token_bytes(AES_BYTES), secrets.token_bytes(AES_BYTES)
    data = _encrypt(payload(license), key, iv)
    parts = {"data": data, "key": _signed(key, private_key), "iv": iv}
    text = _base64_lines(encoded({name: _base64_lines(part) for name, part in parts.items()}))
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
    found = parsed(_decrypt(envelope, public_key), notes)
    notes += [f"a GitLab instance refuses it, {why}" for why in invalid(found)]
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


# -- writing


def _signed(key: bytes, private_key: PrivateKey) -> bytes:
    """The wrapped key, which the public half of the issuer's key opens."""
    with suppress(ValueError, InvalidSignature):
        wrapped = private_key.sign(key, PKCS1v15(), NoDigestInfo())
        if private_key.public_key().recover_data_from_signature(wrapped, PKCS1v15(), None) == key:
            return wrapped
    raise InputError("The private key is damaged: what it signs is not opened by it. Give the license issuer's key.")


def _encrypt(payload: bytes, key: bytes, iv: bytes) -> bytes:
    padder = PKCS7(AES.block_size).padder()
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    return encryptor.update(padder.update(payload) + padder.finalize()) + encryptor.finalize()


def _base64_lines(data: bytes) -> str:
    return in_lines(base64.b64encode(data).decode())


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
        raise problem("not_a_license", "This is not a GitLab license file: it is larger than 1 MiB.")
    body, missing = _body(raw)
    is_cut = len(missing) == 1
    if is_cut:
        notes.append(f"its {missing[0]} line is missing")
    is_foreign = len(missing) == 2 and not body.startswith(_OPENING)
    try:
        return _parts(body, [] if is_foreign else notes)
    except LicenseError:
        if is_foreign:  # its JSON might still have been a good envelope
            what = "This is not a GitLab license file: the encrypted text of one was expected."
            raise problem("not_a_license", what) from None
        if is_cut:
            what = "The license file is incomplete: its BEGIN or its END line is missing, and more than that."
            raise problem("truncated", what) from None
        raise


def _parts(body: bytes, notes: list[str]) -> dict[str, bytes]:
    """The parts of a file that may lack its padding."""
    missing = -len(body) % 4
    try:
        envelope = _unbase64(body + b"=" * missing)
    except ValueError:
        if not missing:
            raise damaged("its text is not Base64") from None
        envelope = b""
    if not envelope.endswith(b"}"):
        what = "characters are" if missing else "its end is"
        raise problem("truncated", f"The license file is incomplete: {what} missing.")
    if missing:
        notes.append("the “=” at its end are missing")
    try:
        document = json.loads(envelope.decode())
        return {name: _unbase64(re.sub("\r?\n", "", document[name]).encode()) for name in ("data", "key", "iv")}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise damaged("one of its parts (data, key, IV) is missing or is not Base64") from None


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
        raise problem("wrong_key", what) from None
    if len(key) != AES_BYTES or len(envelope["iv"]) != AES_BYTES:
        raise damaged("its AES key or its IV does not have 16 bytes")
    decryptor = Cipher(AES(key), CBC(envelope["iv"])).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    try:
        padded = decryptor.update(envelope["data"]) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise damaged("its contents do not decrypt") from None

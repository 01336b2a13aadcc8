"""The key ring: the Ed25519 keys that a machine signs its journals with. A private key never leaves its folder.

    <made at>-<key id>.key   private, for its owner only; made on first use; the newest one signs
    <made at>-<key id>.pub   public; every one of them verifies, so that what a retired key signed stays valid

A message is signed under a domain of its own, so that a signature of one kind never passes for another.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from filelock import FileLock, Timeout

from runbook_lib.errors import InputError, UnavailableError

LOCK_WAIT_S = 10.0
RACES = 3
"""How often a key is looked for that is retired while it is read."""
_PRIVATE, _PUBLIC = ".key", ".pub"


class Validity(StrEnum):
    """What a signature is worth."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN_KEY = "unknown_key"


class Signer:
    """A private key, as far as others may know it.

    Attributes:
        key_id: Its public key's id.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.key_id = key_id(key.public_key())
        self._key = key

    def sign(self, domain: bytes, message: bytes) -> bytes:
        """The signature, 64 bytes, of a message of a domain (without a line break)."""
        return self._key.sign(_framed(domain, message))


class KeyRing:
    """The keys in one folder.

    Args:
        folder: Where they are; made with the first key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Ed25519PublicKey] = {}

    def signer(self) -> Signer:
        """The newest key, to sign with; makes the first one.

        Raises:
            InputError: The key cannot be read, or others can read it.
            UnavailableError: The first key cannot be written.
        """
        for _ in range(RACES):
            found = self._private_files()
            path = found[-1] if found else self._first()
            with suppress(FileNotFoundError):  # it was retired a moment ago
                return Signer(_private_key(path, path.stat().st_mtime_ns))
        raise UnavailableError(f"The keys in {self.folder} are being changed right now. Run again.")

    def verify(self, key: str, signature: bytes, domain: bytes, message: bytes) -> Validity:
        """What a signature by the key of an id is worth."""
        if key not in self._known:
            self._known = _readable(self.public_keys())
        if key not in self._known:
            return Validity.UNKNOWN_KEY
        try:
            self._known[key].verify(signature, _framed(domain, message))
        except InvalidSignature:
            return Validity.BAD
        return Validity.GOOD

    def public_keys(self) -> dict[str, Path]:
        """The public keys by id, oldest first."""
        return {path.stem.rpartition("-")[2]: path for path in sorted(self.folder.glob(f"*{_PUBLIC}"))}

    @property
    def signing_key(self) -> str | None:
        """The id of the key that signs, or None as long as there is none."""
        found = self._private_files()
        return found[-1].stem.rpartition("-")[2] if found else None

    def rotate(self) -> str:
        """Make a new key to sign with; the private part of older ones is removed. Returns the new key's id.

        Raises:
            UnavailableError: The folder cannot be written.
        """
        with self._locked():
            retired = self._private_files()
            made = self._make()
            for path in retired:
                path.unlink()
        return made.stem.rpartition("-")[2]

    def trust(self, pem: bytes) -> str:
        """Take in another machine's public key, to verify with; returns its id.

        Raises:
            InputError: It is no Ed25519 public key.
            UnavailableError: The folder cannot be written.
        """
        key = _loaded_public(pem, "The file")
        with self._locked():
            if key_id(key) not in self.public_keys():
                self._write(f"{_stamp()}-{key_id(key)}{_PUBLIC}", _public_pem(key), 0o644)
        return key_id(key)

    def _private_files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"*{_PRIVATE}") if path.is_file())

    def _first(self) -> Path:
        with self._locked():
            found = self._private_files()
            return found[-1] if found else self._make()

    def _make(self) -> Path:
        """A new pair of keys; the public one first, so that nothing is ever signed that cannot be verified."""
        key = Ed25519PrivateKey.generate()
        stem = f"{_stamp()}-{key_id(key.public_key())}"
        self._write(stem + _PUBLIC, _public_pem(key.public_key()), 0o644)
        return self._write(stem + _PRIVATE, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)

    def _write(self, name: str, content: bytes, mode: int) -> Path:
        path = self.folder / name
        draft = self.folder / f".{name}.part"
        try:
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            return draft.replace(path)
        except OSError as exc:
            raise self._unwritable(exc) from exc

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other processes from making keys meanwhile.

        Raises:
            UnavailableError: The folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            held = FileLock(self.folder / ".lock", timeout=LOCK_WAIT_S).acquire()
        except Timeout as exc:
            raise UnavailableError(f"Another process makes a key in {self.folder} right now. Run again.") from exc
        except OSError as exc:
            raise self._unwritable(exc) from exc
        with held:
            yield

    def _unwritable(self, exc: OSError) -> UnavailableError:
        return UnavailableError(
            f"The key that signs the journal cannot be written to {self.folder} ({exc.strerror}). Check RUNBOOK_KEYS."
        )


def key_id(key: Ed25519PublicKey) -> str:
    """A key's name: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _framed(domain: bytes, message: bytes) -> bytes:
    return b"license-runbook/" + domain + b"\n" + message


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z"


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@cache
def _private_key(path: Path, changed_ns: int) -> Ed25519PrivateKey:
    """A private key; `changed_ns` is the file's own stamp, so that another content is read anew."""
    if path.stat().st_mode & 0o077:
        command = f"chmod 600 {shlex.quote(str(path))}"
        raise InputError(f"The private key {path} can be read by others. Run `{command}`, then run again.")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise InputError(f"The private key {path} cannot be read: {exc.strerror}.") from exc
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise InputError(f"{path} is no private key. Move it away; the next run makes a new one.") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path} is no Ed25519 key. Move it away; the next run makes a new one.")
    return key


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        return _loaded_public(path.read_bytes(), str(path))
    except OSError as exc:
        raise InputError(f"The public key {path} cannot be read: {exc.strerror}.") from exc


def _readable(paths: Mapping[str, Path]) -> dict[str, Ed25519PublicKey]:
    """The keys that can be read; what only the others verify counts as signed by an unknown key."""
    found = {}
    for name, path in paths.items():
        with suppress(InputError):
            found[name] = _public_key(path)
    return found


def _loaded_public(pem: bytes, what: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise InputError(f"{what} is no public key; expected the PEM of an Ed25519 public key.") from exc
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{what} is no Ed25519 public key; expected the PEM of one.")
    return key

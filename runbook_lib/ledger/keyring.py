"""The key ring: the Ed25519 keys that a machine signs its journals with. A private key never leaves its folder.

    <made at>-<key id>.key   private, for its owner only; made on first use; the newest one signs
    <made at>-<key id>.pub   public; every one of them verifies, so that what a retired key signed stays valid

A message is signed under a domain of its own, so that a signature of one kind never passes for another.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

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

from runbook_lib import files
from runbook_lib.domain.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from runbook_lib.settings import Placed

LOCK_WAIT_S = 10.0
RACES = 3
"""How often a key is looked for that is retired while it is read."""
_PRIVATE, _PUBLIC = ".key", ".pub"
_BLOCK = re.compile(rb"-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----")


class Validity(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN_KEY = "unknown_key"


class Signer:
    """Signs with a private key, and shows only its public part."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.key_id = key_id(key.public_key())
        self._key = key

    def sign(self, domain: bytes, message: bytes) -> bytes:
        """The signature, 64 bytes, of a message of a domain (without a line break)."""
        return self._key.sign(_framed(domain, message))

    @property
    def public_pem(self) -> bytes:
        return _public_pem(self._key.public_key())

    def leave_public_key(self, folder: Path) -> None:
        """Put the public part beside a ticket's journal, so that others can verify it. Raises OSError."""
        path = folder / beside_name(self.key_id)
        if not path.exists():
            files.write(path, self.public_pem)


class KeyRing:
    """The keys in one folder, which a setting names, and those in the file of the team, which are trusted, too."""

    def __init__(self, folder: Path, team: Path | None = None, *, setting: str = "RUNBOOK_KEYS") -> None:
        self.folder, self._setting = folder, setting
        self._use = folder / ".in-use.lock"
        self._team = team
        self._known: dict[str, Ed25519PublicKey] = {}
        self._signer: Signer | None = None

    @classmethod
    def of(cls, placed: Placed) -> KeyRing:
        setting = "RUNBOOK_OUTPUTS" if placed.profile == "sandbox" else "RUNBOOK_KEYS"
        return cls(placed.key_folder, placed.trusted_keys, setting=setting)

    def signer(self) -> Signer:
        """The newest key, to sign with; makes the first one.

        A run that has read its key goes on with it if the file is removed meanwhile: one run is one chain.

        Raises:
            InputError: The key cannot be read, or others can read it.
            UnavailableError: The first key cannot be written, or a run is signing with a key whose file is gone.
        """
        for _ in range(RACES):
            found = self._private_files()
            if not found and self._signer and self._is_in_use():
                return self._signer
            path = found[-1] if found else self._first()
            try:
                self._signer = Signer(_private_key(path, path.stat().st_mtime_ns))
            except FileNotFoundError as exc:  # it was retired a moment ago
                if path.is_symlink():
                    raise InputError(f"The private key {path} is a link to a file that is missing.") from exc
            except OSError as exc:
                raise InputError(f"The private key {path} cannot be read: {exc.strerror}.") from exc
            else:
                return self._signer
        raise UnavailableError(f"The keys in {self.folder} are being changed right now. Run again.")

    def _is_in_use(self) -> bool:
        with suppress(OSError), open(self._use, "rb", opener=files.opener) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def verify(
        self,
        key: str,
        signature: bytes,
        domain: bytes,
        message: bytes,
        *,
        beside: Path | None = None,
        pem: bytes | None = None,
    ) -> Validity:
        """Check a signature; a key that is not in the ring may be passed, or lie in a ticket's folder."""
        public = self._public(key) or _published(pem or _key_beside(beside, key), key)
        if public is None:
            return Validity.UNKNOWN_KEY
        try:
            public.verify(signature, _framed(domain, message))
        except InvalidSignature:
            return Validity.BAD
        return Validity.GOOD

    def trusts(self, key: str) -> bool:
        return self._public(key) is not None

    def _public(self, key: str) -> Ed25519PublicKey | None:
        if key not in self._known:
            self._known = self._of_team() | self._of_ring()
        return self._known.get(key)

    def _of_team(self) -> dict[str, Ed25519PublicKey]:
        if self._team is None:
            return {}
        with files.explained(f"RUNBOOK_TRUSTED_KEYS is {str(self._team)!r}, which cannot be read"):
            content = files.read(Path(os.path.realpath(self._team)))
        keys = [_loaded_public(pem, f"RUNBOOK_TRUSTED_KEYS, {self._team},") for pem in _BLOCK.findall(content)]
        if content.strip() and not keys:
            raise InputError(f"RUNBOOK_TRUSTED_KEYS, {self._team}, holds no public key; expected Ed25519 keys in PEM.")
        return {key_id(key): key for key in keys}

    def trusted(self) -> list[str]:
        """The ids of the team's keys, then of the ring's. Raises InputError if the team's file cannot be read."""
        return [*(self._of_team() | self._of_ring())]

    def pem_of(self, key: str) -> bytes | None:
        found = self._public(key)
        return _public_pem(found) if found else None

    def _of_ring(self) -> dict[str, Ed25519PublicKey]:
        """The public keys of the ring by id, oldest first, whatever their files are called.

        A file without a valid key is left out: its writer counts as unknown.
        """
        found = {}
        for path in sorted(path for path in self.folder.glob(f"*{_PUBLIC}") if path.is_file()):
            with suppress(InputError, OSError):
                key = _loaded_public(path.read_bytes(), str(path))
                found[key_id(key)] = key
        return found

    @property
    def signing_key(self) -> str | None:
        found = self._private_files()
        return found[-1].stem.rpartition("-")[2] if found else None

    @contextmanager
    def in_use(self, *, alone: bool = False) -> Iterator[None]:
        """Keeps the key as it is meanwhile: all lines of a run are signed with one key. A kill ends it, too.

        To change the key, use it `alone`.

        Raises:
            UnavailableError: The folder cannot be written; or `alone`, and a run is using the key.
        """
        with ExitStack() as held:
            try:
                files.make_folder(self.folder)
                file = held.enter_context(open(self._use, "ab", opener=files.opener))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
            except BlockingIOError as exc:
                words = "A run is signing with this key right now. Wait until it has ended, then rotate again."
                raise UnavailableError(words) from exc
            except OSError as exc:
                if exc.errno != errno.EROFS:  # keys that cannot be written are not rotated either
                    raise self._not_written(exc) from exc
            yield

    def rotate(self) -> str:
        """Make a new key to sign with; the private part of older ones is removed. Returns the new key's id.

        Raises:
            UnavailableError: The folder cannot be written, or a run is using the key.
        """
        with self.in_use(alone=True), self._locked():
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
        if len(found := _BLOCK.findall(pem)) > 1:
            raise InputError(f"The file holds {len(found)} keys; expected one. Trust each by itself, or none.")
        key = _loaded_public(pem, "The file")
        with self._locked():
            if key_id(key) not in self._of_ring():
                files.write(self.folder / f"{_stamp()}-{key_id(key)}{_PUBLIC}", _public_pem(key))
        return key_id(key)

    def _private_files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{_PRIVATE}"))

    def _first(self) -> Path:
        with self._locked():
            found = self._private_files()
            if not found and self._is_in_use():
                raise UnavailableError(
                    f"The private key in {self.folder} was removed while a run is signing with it. Put it back; or "
                    "wait until that run has ended, then run again, which makes a new key and finds what was sent."
                )
            return found[-1] if found else self._make()

    def _make(self) -> Path:
        """A new pair of keys; the public one first, so that nothing is ever signed that cannot be verified."""
        key = Ed25519PrivateKey.generate()
        stem = f"{_stamp()}-{key_id(key.public_key())}"
        files.write(self.folder / (stem + _PUBLIC), _public_pem(key.public_key()))
        path = self.folder / (stem + _PRIVATE)
        files.write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout  # not needed to verify

        try:
            files.make_folder(self.folder)
            with FileLock(self.folder / ".lock", timeout=LOCK_WAIT_S, mode=files.FILE):
                yield
        except Timeout as exc:
            raise UnavailableError(f"Another process makes a key in {self.folder} right now. Run again.") from exc
        except OSError as exc:
            raise self._not_written(exc) from exc

    def _not_written(self, exc: OSError) -> UnavailableError:
        words = f"The key that signs the journal cannot be kept: {exc.filename or self.folder} ({exc.strerror})."
        return UnavailableError(f"{words} Check {self._setting}.")


def key_id(key: Ed25519PublicKey) -> str:
    """A key's name: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def beside_name(key: str) -> str:
    return f"journal.{key}.pub"


def public_pem(content: bytes, key: str) -> bytes | None:
    """The PEM of a key in what was published, or None if it is not the key of this id."""
    found = _published(content, key)
    return _public_pem(found) if found else None


@lru_cache(256)
def _published(content: bytes, key: str) -> Ed25519PublicKey | None:
    """A key that is stated somewhere; its id is its own digest, so that none passes for another."""
    for pem in _BLOCK.findall(content):
        with suppress(InputError):
            if key_id(found := _loaded_public(pem, key)) == key:
                return found
    return None


def _key_beside(folder: Path | None, key: str) -> bytes:
    with suppress(OSError):
        if folder and re.fullmatch("[0-9a-f]{16}", key):
            return files.read(folder / beside_name(key))
    return b""


def _framed(domain: bytes, message: bytes) -> bytes:
    return b"license-runbook/" + domain + b"\n" + message


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z"


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@cache
def _private_key(path: Path, changed_ns: int) -> Ed25519PrivateKey:
    """A private key; `changed_ns` is the file's own stamp. Raises InputError, or OSError if it cannot be read."""
    content = files.read(Path(os.path.realpath(path)))
    if path.stat().st_mode & files.OTHERS:
        if not files.keeps_permissions(path.parent):
            raise InputError(
                f"{path.parent} is on a disk that keeps no permissions, as Windows' own in WSL, so that others can "
                "read the private key there. Set RUNBOOK_OUTPUTS to a folder in your home, then run again."
            )
        command = f"chmod 600 {shlex.quote(str(path))}"
        raise InputError(f"The private key {path} can be read by others. Run `{command}`, then run again.")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise InputError(f"{path} is no private key. Move it away; the next run makes a new one.") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path} is no Ed25519 key. Move it away; the next run makes a new one.")
    return key


def _loaded_public(pem: bytes, what: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise InputError(f"{what} is no public key; expected the PEM of an Ed25519 public key.") from exc
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{what} is no Ed25519 public key; expected the PEM of one.")
    return key

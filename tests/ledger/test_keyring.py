"""The key ring: made on first use, readable by its owner only, and rotated without losing what was signed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from runbook_lib import files
from runbook_lib.domain.errors import InputError, UnavailableError
from runbook_lib.ledger.keyring import KeyRing, Validity, key_id
from runbook_lib.variables import Places

DOMAIN, MESSAGE = b"test", b"a message"


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys")


def private_files(ring: KeyRing) -> list[Path]:
    return sorted(ring.folder.glob("*.key"))


def test_first_use(ring: KeyRing) -> None:
    """The first signature makes the key, for its owner only; nothing is there before."""
    assert (None, []) == (ring.signing_key, ring.trusted())
    assert not ring.folder.exists()

    signer = ring.signer()

    assert Validity.GOOD is ring.verify(signer.key_id, signer.sign(DOMAIN, MESSAGE), DOMAIN, MESSAGE)
    assert [0o600] == [path.stat().st_mode & 0o777 for path in private_files(ring)]
    assert 0o700 == ring.folder.stat().st_mode & 0o777
    assert signer.key_id == ring.signing_key
    assert [signer.key_id] == ring.trusted()
    assert signer.key_id == KeyRing(ring.folder).signer().key_id


def test_another_message_or_domain(ring: KeyRing) -> None:
    """A signature is for one message of one kind."""
    signer = ring.signer()
    signature = signer.sign(DOMAIN, MESSAGE)

    assert Validity.BAD is ring.verify(signer.key_id, signature, DOMAIN, b"another")
    assert Validity.BAD is ring.verify(signer.key_id, signature, b"other", MESSAGE)
    assert Validity.BAD is ring.verify(signer.key_id, b"", DOMAIN, MESSAGE)
    assert Validity.BAD is ring.verify(signer.key_id, signature, b"tes", b"t\na message")


@pytest.mark.parametrize("key", ["0" * 16, "", "*", "../x", "[a-z]"])
def test_a_key_that_is_not_there(ring: KeyRing, key: str) -> None:
    """An id is a name in the ring, and never a pattern or a path."""
    signature = ring.signer().sign(DOMAIN, MESSAGE)
    assert Validity.UNKNOWN_KEY is ring.verify(key, signature, DOMAIN, MESSAGE)


def test_rotation(ring: KeyRing) -> None:
    """The new key signs, the old one still verifies, and its private part is gone."""
    old = ring.signer()
    new_id = ring.rotate()

    assert new_id == ring.signer().key_id == ring.signing_key != old.key_id
    assert [old.key_id, new_id] == ring.trusted()
    assert 1 == len(private_files(ring))
    assert Validity.GOOD is ring.verify(old.key_id, old.sign(DOMAIN, MESSAGE), DOMAIN, MESSAGE)


def test_a_key_in_use_is_not_rotated(ring: KeyRing) -> None:
    """A run has one writer from its first line to its last; two runs at once do not disturb each other."""
    signer = ring.signer()
    with ring.in_use(), ring.in_use():
        with pytest.raises(UnavailableError, match="is signing with this key right now"):
            ring.rotate()
        assert signer.key_id == ring.signing_key
    assert signer.key_id != ring.rotate()


def test_a_pipe_as_the_keys_lock_is_not_waited_for(ring: KeyRing) -> None:
    ring.signer()
    os.mkfifo(ring.folder / ".in-use.lock")
    with pytest.raises(UnavailableError, match="Check RUNBOOK_KEYS"), ring.in_use():
        pass


def test_trust(ring: KeyRing, tmp_path: Path) -> None:
    """Another machine's public key verifies, and never signs; once is enough."""
    theirs = KeyRing(tmp_path / "theirs")
    signer = theirs.signer()
    pem = signer.public_pem

    assert signer.key_id == ring.trust(pem) == ring.trust(pem)
    assert Validity.GOOD is ring.verify(signer.key_id, signer.sign(DOMAIN, MESSAGE), DOMAIN, MESSAGE)
    assert (1, None) == (len(ring.trusted()), ring.signing_key)


@pytest.mark.parametrize("pem", [b"", b"no key", "rsa"])
def test_trust_no_key(ring: KeyRing, pem: bytes | str) -> None:
    """Only an Ed25519 public key is one."""
    if pem == "rsa":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(InputError, match=r"The file is no (Ed25519 )?public key"):
        ring.trust(pem)  # type: ignore[arg-type]
    assert [] == ring.trusted()


def test_a_private_key_that_others_can_read(ring: KeyRing) -> None:
    """It is not used; the message says how to mend it."""
    ring.signer()
    (path,) = private_files(ring)
    path.chmod(0o644)
    path.touch()

    with pytest.raises(InputError, match=r"can be read by others\. Run `chmod 600 "):
        KeyRing(ring.folder).signer()


def test_a_disk_without_permissions(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows' own in WSL: no command can mend it there."""
    ring.signer()
    (path,) = private_files(ring)
    path.chmod(0o777)
    path.touch()
    monkeypatch.setattr(files, "keeps_permissions", lambda folder: False)
    with pytest.raises(InputError, match=r"keeps no permissions, .*Set RUNBOOK_OUTPUTS to a folder in your home"):
        KeyRing(ring.folder).signer()


@pytest.mark.parametrize("content", [b"", b"no key"])
def test_a_private_key_that_is_none(ring: KeyRing, content: bytes) -> None:
    """It is named, and not replaced."""
    ring.signer()
    (path,) = private_files(ring)
    path.write_bytes(content)

    with pytest.raises(InputError, match="is no private key"):
        KeyRing(ring.folder).signer()
    assert content == path.read_bytes()


def test_a_folder_that_cannot_be_written(ring: KeyRing, tmp_path: Path) -> None:
    """The error names the setting to check: in practice the keys are in the outputs."""
    ring.folder.write_text("in the way")
    with pytest.raises(UnavailableError, match="Check RUNBOOK_KEYS"):
        ring.signer()
    (tmp_path / "sandbox").write_text("in the way")
    with pytest.raises(UnavailableError, match="Check RUNBOOK_OUTPUTS"):
        KeyRing.of(Places("sandbox", tmp_path, tmp_path, ring.folder, None, "")).signer()


def test_a_public_key_that_cannot_be_read(ring: KeyRing) -> None:
    """The others still verify; what it signed counts as signed by an unknown key."""
    old = ring.signer()
    new_id = ring.rotate()
    (path,) = ring.folder.glob(f"*-{old.key_id}.pub")
    path.write_bytes(b"no key")
    again = KeyRing(ring.folder)

    signature = again.signer().sign(DOMAIN, MESSAGE)
    assert Validity.GOOD is again.verify(new_id, signature, DOMAIN, MESSAGE)
    assert Validity.UNKNOWN_KEY is again.verify(old.key_id, old.sign(DOMAIN, MESSAGE), DOMAIN, MESSAGE)


SIGN = """
import sys
from collections.abc import Callable
from pathlib import Path
from runbook_lib.ledger.keyring import KeyRing
print(KeyRing(Path(sys.argv[1])).signer().key_id)
"""


def test_several_processes_at_first_use(ring: KeyRing) -> None:
    """They make one key between them."""
    command = [sys.executable, "-c", SIGN, str(ring.folder)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = {process.communicate(timeout=30)[0] for process in started}

    assert 1 == len(said) == len(private_files(ring))


_OWN, _OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def pem(key: Ed25519PrivateKey, encoding: Encoding = Encoding.PEM) -> bytes:
    kind = PublicFormat.OpenSSH if encoding is Encoding.OpenSSH else PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, kind)


@pytest.mark.parametrize(
    ("content", "is_one", "in_team"),
    [
        (pem(_OWN), True, True),
        (pem(_OWN).replace(b"\n", b"\r\n"), True, True),
        (b"\xef\xbb\xbf" + pem(_OWN), True, True),
        (b"Owner: Ada\n" + pem(_OWN), True, True),
        (pem(_OWN) + pem(_OTHER), False, True),
        (pem(_OWN).decode().encode("utf-16"), False, False),
        (pem(_OWN, Encoding.DER), False, False),
        (pem(_OWN, Encoding.OpenSSH), False, False),
        (b"\0" * 100, False, False),
        (b"# no key yet\n", False, False),
    ],
    ids=["PEM", "CRLF", "byte-order mark", "words", "two", "UTF-16", "DER", "OpenSSH", "zeros", "none"],
)
def test_a_key_in_other_encodings(ring: KeyRing, tmp_path: Path, content: bytes, is_one: bool, in_team: bool) -> None:
    """It is taken as what it is, or refused with a sentence: never passed over in silence, and never only in part."""
    team = tmp_path / "team.pem"
    team.write_bytes(content)
    own = key_id(_OWN.public_key())
    if is_one:
        assert own == ring.trust(content)
    else:
        with pytest.raises(InputError, match=r"expected|holds 2 keys"):
            ring.trust(content)
    assert ring.trusts(own) is is_one
    if in_team:
        assert KeyRing(tmp_path / "none", team).trusts(own)
    else:
        with pytest.raises(InputError, match="RUNBOOK_TRUSTED_KEYS"):
            KeyRing(tmp_path / "none", team).trusts(own)


def test_a_key_is_known_by_what_it_is(ring: KeyRing, tmp_path: Path) -> None:
    """Whatever its file is called: trusted, listed and added once, under the same id."""
    theirs = KeyRing(tmp_path / "theirs")
    key, pem = theirs.signer().key_id, theirs.signer().public_pem
    ring.signer()
    (ring.folder / "20261121T100000000Z-deadbeefdeadbeef.pub").write_bytes(pem)
    again = KeyRing(ring.folder)

    assert key == again.trust(pem)
    assert {key, ring.signing_key} == set(again.trusted())
    assert (True, False) == (again.trusts(key), again.trusts("deadbeefdeadbeef"))
    assert 2 == len(list(ring.folder.glob("*.pub")))


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nothing")


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _unreadable(path: Path) -> None:
    path.symlink_to("/proc/1/mem" if os.getuid() else path.parent / "nothing")


ODD = [_pipe, Path.mkdir, _loop, _dangling, _device, _unreadable]


@pytest.mark.parametrize("odd", ODD)
def test_private_key_that_is_no_file_is_named(ring: KeyRing, odd: Callable[[Path], None]) -> None:
    """No other key is made in its place."""
    ring.signer()
    (path,) = ring.folder.glob("*.key")
    path.unlink()
    odd(path)
    with pytest.raises(InputError, match=re.escape(str(path))):
        KeyRing(ring.folder).signer()
    assert [path] == list(ring.folder.glob("*.key"))


@pytest.mark.parametrize("odd", ODD)
def test_public_key_that_is_no_file_is_unknown(ring: KeyRing, odd: Callable[[Path], None]) -> None:
    ring.signer()
    (path,) = ring.folder.glob("*.pub")
    path.unlink()
    odd(path)
    assert [] == KeyRing(ring.folder).trusted()


@pytest.mark.parametrize("odd", ODD)
def test_team_file_that_is_no_file_is_named(ring: KeyRing, tmp_path: Path, odd: Callable[[Path], None]) -> None:
    team = tmp_path / "team.pem"
    odd(team)
    with pytest.raises(InputError, match=rf"^RUNBOOK_TRUSTED_KEYS is '{team}', which cannot be read: "):
        KeyRing(ring.folder, team).trusts("0" * 16)


@pytest.mark.parametrize("odd", [_pipe, _loop, _dangling, _device])
def test_ring_that_is_no_folder_is_named(
    tmp_path: Path, odd: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "chmod", lambda *given: pytest.fail("what is no folder is not ours to change"))
    odd(tmp_path / "keys")
    for use in (KeyRing.signer, KeyRing.rotate):
        with pytest.raises(UnavailableError, match=f"cannot be kept: {tmp_path}/keys.*Check RUNBOOK_KEYS"):
            use(KeyRing(tmp_path / "keys"))


def test_key_that_is_a_link_to_a_file_signs(ring: KeyRing, tmp_path: Path) -> None:
    """As of a secret that is mounted."""
    key = ring.signer().key_id
    (path,) = ring.folder.glob("*.key")
    path.rename(tmp_path / "secret")
    path.symlink_to(tmp_path / "secret")
    assert key == KeyRing(ring.folder).signer().key_id


def test_key_removed_in_a_run_is_replaced_after_it(ring: KeyRing) -> None:
    """Who has read it goes on with it, so that the run is one chain; no other key is made meanwhile."""
    key = ring.signer().key_id
    with ring.in_use():
        next(ring.folder.glob("*.key")).unlink()
        assert key == ring.signer().key_id
        with pytest.raises(UnavailableError, match=r"was removed while a run is signing with it. Put it back"):
            KeyRing(ring.folder).signer()
        assert [] == list(ring.folder.glob("*.key"))
    assert key != ring.signer().key_id
    assert ring.trusts(key)

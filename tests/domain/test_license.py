"""The license file against the gem's own files, against openssl, and against every way to spoil it."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.domain import license as license_file
from runbook_lib.domain import license_contents
from runbook_lib.domain.errors import InputError, LicenseError
from runbook_lib.domain.license import PrivateKey, PublicKey
from runbook_lib.domain.license_contents import License

VECTORS = Path(__file__).parents[1] / "data" / "license-vectors"
PAYLOAD = (VECTORS / "payload.json").read_bytes()
GEM_KEY = license_file.load_public_key((VECTORS / "key.pub").read_bytes())
PLAIN = (VECTORS / "plain.gitlab-license").read_text()
BOUNDED = (VECTORS / "with-boundary.gitlab-license").read_text()

EMERGENCY = License(
    licensee={
        "Name": "GitLab Support",
        "Company": "Emergency Licence Test",
        "Email": "customer@example.com",
    },
    starts_on=date(2026, 8, 15),
    expires_on=date(2026, 8, 25),
    notify_admins_on=date(2026, 8, 18),
    notify_users_on=date(2026, 8, 18),
    block_changes_on=date(2026, 8, 25),
    restrictions={"active_user_count": 250, "plan": "ultimate", "trial": True, "id": 4242},
)
"""What the gem's vectors say."""


@pytest.fixture(scope="module")
def private_key() -> PrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def public_key(private_key: PrivateKey) -> PublicKey:
    return private_key.public_key()


def parts_of(text: str) -> dict[str, bytes]:
    """Data, wrapped key and IV of a bare license file, read without the module under test."""
    return {name: base64.b64decode(part) for name, part in json.loads(base64.b64decode(text)).items()}


def pack(parts: dict[str, bytes]) -> str:
    """A bare license file from its parts."""
    envelope = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return base64.b64encode(json.dumps(envelope, separators=(",", ":")).encode()).decode()


def seal(private_key: PrivateKey, payload: bytes, *, key: bytes = b"k" * 16, iv: bytes = b"i" * 16) -> str:
    """A license file with any payload, good or bad."""
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES(key.ljust(16)[:16]), CBC(iv)).encryptor()
    data = encryptor.update(padder.update(payload) + padder.finalize()) + encryptor.finalize()
    return pack({"data": data, "key": private_key.sign(key, PKCS1v15(), NoDigestInfo()), "iv": iv})


def unseal(text: str, public_key: PublicKey) -> bytes:
    """The payload of a bare license file, read without the module under test."""
    parts = parts_of(text)
    key = public_key.recover_data_from_signature(parts["key"], PKCS1v15(), None)
    decryptor = Cipher(AES(key), CBC(parts["iv"])).decryptor()
    padded = decryptor.update(parts["data"]) + decryptor.finalize()
    return padded[: -padded[-1]]


def problem_of(text: bytes | str, key: PublicKey) -> str:
    """The problem that reading meets, or "" for none; fails if the message gives away 12 characters."""
    try:
        license_file.read(text, key)
    except LicenseError as error:
        shown, raw = str(error), text.encode() if isinstance(text, str) else text
        if any(shown[start : start + 6].encode() in raw for start in range(0, len(shown) - 5, 6)):  # each run has one
            assert not [start for start in range(len(shown) - 11) if shown[start : start + 12].encode() in raw]
        assert 40 < len(shown) < 260
        assert shown.endswith(".")
        return error.problem
    return ""


def flips(data: bytes, step: int = 1) -> Iterator[bytes]:
    """The data with one bit changed, for each of its bits, or for every `step`th."""
    for bit in range(0, len(data) * 8, step):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def payload_with(**changes: Any) -> bytes:
    """The vectors' payload with keys changed, or left out where the value is `...`."""
    document = json.loads(PAYLOAD) | changes
    return json.dumps({key: value for key, value in document.items() if value is not ...}).encode()


# -- the gem's files


@pytest.mark.parametrize("text", [PLAIN, BOUNDED], ids=["plain", "with boundary"])
def test_reads_what_the_gem_wrote(text: str) -> None:
    """Both vectors give every value of payload.json, from text and from bytes."""
    assert license_file.read(text, GEM_KEY) == EMERGENCY
    assert license_file.read(text.encode(), GEM_KEY) == EMERGENCY


def test_payload_is_byte_for_byte_the_gems(private_key: PrivateKey) -> None:
    """The JSON of the same license is identical to what the gem put into its file."""
    text = license_file.write(EMERGENCY, private_key, boundary=False)
    assert unseal(text, private_key.public_key()) == PAYLOAD


@pytest.mark.parametrize(("vector", "boundary"), [(PLAIN, False), (BOUNDED, True)])
def test_file_has_the_gems_shape(private_key: PrivateKey, vector: str, boundary: bool) -> None:
    """Line by line as long as the gem's, with the same boundary lines and the same end of file."""
    lines = license_file.write(EMERGENCY, private_key, boundary=boundary).split("\n")
    expected = vector.split("\n")
    assert [len(line) for line in lines] == [len(line) for line in expected]
    assert [line for line in lines if "-" in line] == [line for line in expected if "-" in line]
    assert [line for line in lines if not line] == [line for line in expected if not line]


def test_envelope_has_the_gems_shape(private_key: PrivateKey) -> None:
    """The parts come in the gem's order, in 60-character lines that end in a newline, as compact JSON."""

    def shape(text: str) -> tuple[list[tuple[str, list[int]]], int]:
        envelope = base64.b64decode(text)
        parts = json.loads(envelope)
        return [(name, [len(line) for line in part.split("\n")]) for name, part in parts.items()], len(envelope)

    assert shape(license_file.write(EMERGENCY, private_key, boundary=False)) == shape(PLAIN)


def test_optional_keys_come_in_the_gems_order(private_key: PrivateKey) -> None:
    """Moments stand between dates and booleans, unknown keys last; what is not set is left out."""
    moment = datetime(2026, 8, 15, 3, 30, tzinfo=UTC)
    license = License(
        licensee={"Company": "GitLab", "Email": "a@gitlab.com"},
        starts_on=date(2026, 8, 15),
        next_sync_at=moment,
        last_synced_at=moment,
        activated_at=moment,
        restrictions={"plan": "premium"},
        other={"temporary_extension": True},
    )
    payload = unseal(license_file.write(license, private_key, boundary=False), private_key.public_key())
    start = (
        '{"version":1,"licensee":{"Company":"GitLab","Email":"a@gitlab.com"},"issued_at":"2026-08-15",'
        '"next_sync_at":"2026-08-15T03:30:00+00:00"'
    )
    end = '"generated_from_cancellation":false,"restrictions":{"plan":"premium"},"temporary_extension":true}'
    assert payload.decode().startswith(start)
    assert payload.decode().endswith(end)
    assert b"expires_at" not in payload


def test_text_is_escaped_as_ruby_does(private_key: PrivateKey) -> None:
    """UTF-8 and U+2028 stay as they are, control characters are escaped, and all of it is read back."""
    license = replace(EMERGENCY, licensee={"Name": 'Zoë "Z"\u2028\n\x01\x1f\x7f</ü😀'})
    text = license_file.write(license, private_key, boundary=False)
    expected = '{"Name":"Zoë \\"Z\\"\u2028\\n\\u0001\\u001f\x7f</ü😀"}'
    assert expected.encode() in unseal(text, private_key.public_key())
    assert license_file.read(text, private_key.public_key()) == license


def test_each_file_has_its_own_key_and_iv(private_key: PrivateKey) -> None:
    """Writing the same license twice draws four different values, and no part of the file repeats."""
    one, two = (parts_of(license_file.write(EMERGENCY, private_key, boundary=False)) for _ in range(2))
    unwrap = private_key.public_key().recover_data_from_signature
    keys = {unwrap(parts["key"], PKCS1v15(), None) for parts in (one, two)}
    assert len(keys | {one["iv"], two["iv"]}) == 4
    assert one["data"] != two["data"]


# -- an independent reader


def openssl(*arguments: str, data: bytes) -> bytes:
    """Run the openssl program."""
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def test_openssl_reads_what_was_written(tmp_path: Path, private_key: PrivateKey) -> None:
    """openssl recovers the AES key with the public key alone, and decrypts to the gem's payload."""
    parts = parts_of(license_file.write(EMERGENCY, private_key, boundary=False))
    (tmp_path / "key.pub").write_bytes(
        private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    (tmp_path / "wrapped").write_bytes(parts["key"])
    recover = ("pkeyutl", "-verifyrecover", "-pubin", "-inkey", str(tmp_path / "key.pub"))
    key = openssl(*recover, "-in", str(tmp_path / "wrapped"), data=b"")
    decrypt = ("enc", "-d", "-aes-128-cbc", "-K", key.hex(), "-iv", parts["iv"].hex())
    assert len(key) == 16
    assert openssl(*decrypt, data=parts["data"]) == PAYLOAD


# -- there and back


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
EDGE_DATES = st.sampled_from([date.min, date(4, 2, 29), date(2000, 2, 29), date(2028, 2, 29), date.max])
DATES = EDGE_DATES | st.dates()
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))
FLAGS = [name for name, kind in License.__annotations__.items() if kind == "bool"]


@st.composite
def licenses(draw: Callable[..., Any]) -> License:
    """Any license that the format can hold and an instance takes."""
    starts_on, expires_on = sorted((draw(DATES), draw(DATES)))
    dates = ("notify_admins_on", "notify_users_on", "block_changes_on")
    moments = ("next_sync_at", "last_synced_at", "activated_at")
    flags = {name: draw(st.booleans()) for name in FLAGS}
    flags["offline_cloud_licensing_enabled"] &= flags["cloud_licensing_enabled"]
    return License(
        licensee=draw(st.dictionaries(st.text(), st.text(), min_size=1, max_size=4)),
        starts_on=starts_on,
        expires_on=expires_on,
        **{name: draw(st.none() | DATES) for name in dates},
        **{name: draw(MOMENTS) for name in moments},
        **flags,
        restrictions=draw(st.dictionaries(st.text(), JSON_VALUES, max_size=4)),
        other=draw(st.dictionaries(st.text().map("x_".__add__), JSON_VALUES, max_size=2)),
    )


SHAPES: dict[str, Callable[[str], str]] = {
    "as written": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "one line": lambda text: text.replace("\n", ""),
    "one line with blanks": lambda text: text.replace("\n", " "),
    "blank lines": lambda text: text.replace("\n", "\n\n"),
    "indented": lambda text: text.replace("\n", "\n    "),
    "in white space": lambda text: f"\r\n\t {text}\n \n",
    "byte order mark": lambda text: f"\ufeff{text}",
    "another product": lambda text: text.replace("GITLAB", "A CUSTOMER'S"),
}


@pytest.mark.slow
@given(license=licenses(), boundary=st.booleans(), shape=st.sampled_from(sorted(SHAPES)))
@settings(max_examples=50)
def test_reading_gives_what_was_written(private_key: PrivateKey, license: License, boundary: bool, shape: str) -> None:
    """Any license comes back the same, whatever happened to the white space of its file."""
    text = SHAPES[shape](license_file.write(license, private_key, boundary=boundary))
    assert license_file.read(text, private_key.public_key()) == license
    assert license_file.read(text.encode(), private_key.public_key()) == license


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_fingerprint_depends_on_the_contents_only(shape: str) -> None:
    """Line ends, blanks and boundary lines do not change it."""
    for vector in (PLAIN, BOUNDED):
        text = SHAPES[shape](vector)
        assert license_file.fingerprint(text) == license_file.fingerprint(vector)
        assert license_file.fingerprint(text.encode()) == license_file.fingerprint(vector)


def test_fingerprint_with_and_without_boundary_is_the_same() -> None:
    """Taking the boundary lines off a file leaves its fingerprint; another file has another one."""
    bare = "\n".join(BOUNDED.split("\n")[1:-1])
    assert license_file.fingerprint(bare) == license_file.fingerprint(BOUNDED)
    assert license_file.fingerprint(PLAIN) != license_file.fingerprint(BOUNDED)


def test_fingerprint_is_a_short_sha256() -> None:
    """It is `SHA256:` and 32 hex digits, the same in every release; anything has one."""
    assert license_file.fingerprint(b"") == "SHA256:e3b0c44298fc1c149afbf4c8996fb924"
    assert license_file.fingerprint("a\n b") == "SHA256:fb8e20fc2e4c3f248c60c39bd652f3c1"
    assert license_file.fingerprint(b"\xff\x00") != license_file.fingerprint(b"\xfe\x00")


def test_text_around_the_boundary_lines_is_ignored() -> None:
    """A license pasted into an email or an issue is found between its boundary lines."""
    pasted = f"Hello - here it is:\r\n\r\n{BOUNDED}\r\n\r\nBest - Kim"
    assert license_file.read(pasted, GEM_KEY) == EMERGENCY
    assert license_file.fingerprint(pasted) == license_file.fingerprint(BOUNDED)


# -- what a license says


def test_is_expired_from_the_expiry_date_on() -> None:
    """The day before is the last valid one; without an expiry date a license never runs out."""
    expiry, day = date(2026, 8, 25), timedelta(days=1)
    assert not EMERGENCY.is_expired(expiry - day)
    assert EMERGENCY.is_expired(expiry)
    assert EMERGENCY.is_expired(expiry + day)
    assert not replace(EMERGENCY, expires_on=None).is_expired(date.max)


@pytest.mark.parametrize(
    ("restrictions", "plan", "is_trial", "user_count"),
    [
        ({"plan": "Ultimate", "trial": True, "active_user_count": 250}, "ultimate", True, 250),
        ({"plan": "premium", "trial": False, "active_user_count": 0}, "premium", False, 0),
        ({}, None, False, None),
        ({"plan": "", "trial": "true", "active_user_count": "250"}, None, True, None),
        ({"plan": 1, "trial": 1, "active_user_count": True}, None, True, None),
        ({"plan": "ultimate", "trial": "false"}, "ultimate", True, None),
        ({"plan": "ultimate", "trial": 0}, "ultimate", True, None),
        ({"plan": "ultimate", "trial": {}}, "ultimate", True, None),
        ({"plan": None, "trial": None, "active_user_count": 250.0}, None, False, None),
    ],
)
def test_plan_trial_and_user_count_come_from_the_restrictions(
    restrictions: dict[str, object], plan: str | None, is_trial: bool, user_count: int | None
) -> None:
    """A value of another kind counts as not given, but as a trial, as for GitLab."""
    license = replace(EMERGENCY, restrictions=restrictions)
    assert (license.plan, license.is_trial, license.user_count) == (plan, is_trial, user_count)


def test_facts_are_plain_json() -> None:
    """Facts hold every field, dates as ISO text, and survive JSON unchanged."""
    license = replace(EMERGENCY, activated_at=datetime(2026, 8, 15, 9, tzinfo=UTC), other={"later": [1]})
    facts = license_contents.facts(license)
    assert json.loads(json.dumps(facts)) == facts
    assert set(License.__annotations__) <= set(facts)
    expected = {
        "licensee": EMERGENCY.licensee,
        "starts_on": "2026-08-15",
        "expires_on": "2026-08-25",
        "plan": "ultimate",
        "trial": True,
        "user_count": 250,
        "activated_at": "2026-08-15T09:00:00+00:00",
        "next_sync_at": None,
        "auto_renew_enabled": False,
        "restrictions": EMERGENCY.restrictions,
        "other": {"later": [1]},
    }
    assert {name: facts[name] for name in expected} == expected


# -- spoiled files


def test_every_flipped_bit_of_the_iv_is_seen() -> None:
    """CBC carries it into the first 16 bytes; only three of the 128 make the version a larger digit."""
    parts = parts_of(PLAIN)
    problems = [problem_of(pack(parts | {"iv": iv}), GEM_KEY) for iv in flips(parts["iv"])]
    assert problems.count("newer_version") == 3
    assert problems.count("damaged") == 125


def test_a_flipped_bit_of_the_wrapped_key_is_seen() -> None:
    """Every third is tried. It looks like a file made with another key."""
    parts = parts_of(PLAIN)
    problems = {problem_of(pack(parts | {"key": key}), GEM_KEY) for key in flips(parts["key"], 3)}
    assert problems == {"wrong_key"}


def test_a_flipped_bit_of_the_data_is_seen() -> None:
    """Every third is tried. A scrambled block is no JSON."""
    parts = parts_of(PLAIN)
    assert {problem_of(pack(parts | {"data": data}), GEM_KEY) for data in flips(parts["data"], 3)} == {"damaged"}


def test_a_flipped_bit_of_a_bare_file_is_seen() -> None:
    """Every fifth is tried; each is an error, unless it only exchanges one white space character for another."""
    raw = PLAIN.encode()
    for index, changed in enumerate(flips(raw, 5)):
        at = index * 5 // 8
        problem = problem_of(changed, GEM_KEY)
        if raw[at : at + 1] == b"\n" and changed[at : at + 1].isspace():
            assert problem == ""
        elif at < 12:
            assert problem == "not_a_license"
        else:
            assert problem in {"damaged", "truncated", "wrong_key", "newer_version"}


def test_flipped_bits_between_boundary_lines_are_seen() -> None:
    """Every seventh is tried: the boundary lines say what it is, so it is never taken for something else."""
    raw = BOUNDED.encode()
    first, last = raw.index(b"\n") + 1, raw.rindex(b"\n")
    for index, body in enumerate(flips(raw[first:last], 7)):
        problem = problem_of(raw[:first] + body + raw[last:], GEM_KEY)
        at = index * 7 // 8
        if raw[first + at : first + at + 1] == b"\n" and body[at : at + 1].isspace():
            assert problem == ""
        else:
            assert problem in {"damaged", "truncated", "wrong_key", "newer_version"}


def test_a_bare_file_cut_anywhere_is_truncated() -> None:
    """From 12 characters on it is recognized as the start of a license."""
    text = PLAIN.rstrip("\n")
    problems = [problem_of(text[:length], GEM_KEY) for length in range(len(text))]
    assert set(problems[:12]) == {"not_a_license"}
    assert set(problems[12:]) == {"truncated"}


def test_a_file_cut_between_its_boundary_lines_is_truncated() -> None:
    """At every third place, and from either end, unless only boundary lines are missing."""
    begin, end = BOUNDED.index("LICENSE") + len("LICENSE"), BOUNDED.rindex("LICENSE")
    first, last = BOUNDED.index("eyJ"), BOUNDED.rindex("\n-")
    assert {problem_of(BOUNDED[:length], GEM_KEY) for length in range(begin)} == {"not_a_license"}
    assert {problem_of(BOUNDED[:length], GEM_KEY) for length in range(begin, last, 3)} == {"truncated"}
    assert {problem_of(BOUNDED[:length], GEM_KEY) for length in range(last, end + 7)} == {""}
    assert {problem_of(BOUNDED[start:], GEM_KEY) for start in range(begin, first + 1)} == {""}
    assert {problem_of(BOUNDED[start:], GEM_KEY) for start in range(first + 1, end - 20, 3)} == {"truncated"}


def test_lost_characters_in_the_middle_are_seen() -> None:
    """One character shows by the count of them; a whole line leaves the count right, but not the contents."""
    assert problem_of(PLAIN[:500] + PLAIN[501:], GEM_KEY) == "truncated"
    lines = PLAIN.splitlines()
    assert problem_of("\n".join(lines[:9] + lines[10:]), GEM_KEY) == "damaged"


def test_another_key_is_a_problem(public_key: PublicKey) -> None:
    """A license of one issuer does not open with the key of another, of the same length or not."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    assert problem_of(PLAIN, public_key) == "wrong_key"
    assert problem_of(BOUNDED, other) == "wrong_key"


@pytest.mark.parametrize("length", [0, 1, 15, 17, 32])
def test_aes_key_has_16_bytes(private_key: PrivateKey, length: int) -> None:
    """Any other length is refused, even with the right key."""
    text = seal(private_key, PAYLOAD, key=b"k" * length)
    assert problem_of(text, private_key.public_key()) == "damaged"


@pytest.mark.parametrize("part", ["data", "key", "iv"])
@pytest.mark.parametrize("length", [0, 15, 17])
def test_parts_of_the_wrong_length_are_a_problem(part: str, length: int) -> None:
    """A short key is one that does not fit; short data or IV is damage."""
    text = pack(parts_of(PLAIN) | {part: b"x" * length})
    assert problem_of(text, GEM_KEY) == ("wrong_key" if part == "key" else "damaged")


def not_licenses() -> dict[str, bytes | str]:
    noise = random.Random(7)
    return {
        "empty": b"",
        "empty text": "",
        "white space": b" \r\n\t",
        "HTML": b"<!DOCTYPE html><html><body>Sign in - GitLab</body></html>",
        "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + noise.randbytes(500),
        "random bytes": noise.randbytes(4096),
        "2 MiB of one letter": b"A" * (2 << 20),
        "2 MiB of dashes": b"-" * (2 << 20),
        "2 MiB after a license": PLAIN + " " * (2 << 20),
        "1 MiB of dashes": b"-" * (1 << 20),
        "public key": (VECTORS / "key.pub").read_bytes(),
        "plain payload": PAYLOAD,
        "Base64 of JSON": base64.b64encode(b'{"alg":"none"}'),
        "Base64 of a list": base64.b64encode(b"[1,2,3]"),
        "web token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "deep Base64 JSON": base64.b64encode(b'{"a":' * 50_000),
        "Chinese": "许可证" * 40,
        "half a character": "\ud800",
    }


@pytest.mark.parametrize("name", sorted(not_licenses()))
def test_anything_else_is_not_a_license(name: str) -> None:
    """Whatever is given, the answer is a problem with a name."""
    with pytest.raises(LicenseError) as caught:
        license_file.read(not_licenses()[name], GEM_KEY)
    assert caught.value.problem == "not_a_license"


@pytest.mark.parametrize(
    "envelope",
    [
        b'{"data":""}',
        b'{"data":"","key":1,"iv":""}',
        b'{"data":"","key":"","iv":null}',
        b'{"data":"","key":"","iv":"\\ud800"}',
        b'{"data":"QR==","key":"","iv":""}',
        b'{"data":"",,}',
        b'{"data":"\xff","key":"","iv":""}',
        b'{"data":"",' + b'"x":{' * 50_000 + b"}" * 50_001,
    ],
)
def test_a_broken_envelope_is_damaged(envelope: bytes) -> None:
    """It starts like a license, so it was one."""
    assert problem_of(base64.b64encode(envelope), GEM_KEY) == "damaged"


def test_an_envelope_in_another_order_is_read() -> None:
    """The order of its keys is the gem's habit, not a rule."""
    assert license_file.read(pack(dict(reversed(parts_of(PLAIN).items()))), GEM_KEY) == EMERGENCY


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        (1, ""),
        (2, "newer_version"),
        (10**30, "newer_version"),
        (0, "damaged"),
        (-1, "damaged"),
        (2.0, "damaged"),
        ("2", "damaged"),
        (True, "damaged"),
        (None, ""),
        (..., ""),
    ],
)
def test_version_is_the_number_one(private_key: PrivateKey, version: object, problem: str) -> None:
    """A larger whole number is a newer format; none is the first one, as for the gem; anything else is damage."""
    text = seal(private_key, payload_with(version=version))
    assert problem_of(text, private_key.public_key()) == problem


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("licensee", ...),
        ("licensee", None),
        ("licensee", {}),
        ("licensee", "Kim"),
        ("licensee", {"Name": 1}),
        ("licensee", {"Name": "\ud800"}),
        ("issued_at", ...),
        ("issued_at", None),
        ("issued_at", 20260815),
        ("expires_at", "2026-02-30"),
        ("expires_at", "2027-02-29"),
        ("expires_at", "20260825"),
        ("expires_at", "2026-W35-2"),
        ("expires_at", "2026-8-25"),
        ("expires_at", "2026-08-25T25:00:00"),
        ("expires_at", "2026-08-25T00:"),
        ("expires_at", "2026-08-25 "),
        ("expires_at", "٢٠٢٦-٠٨-٢٥"),
        ("expires_at", "0000-01-01"),
        ("expires_at", ""),
        ("block_changes_at", False),
        ("activated_at", "yesterday"),
        ("activated_at", 0),
        ("activated_at", "0001-01-01T00:00:00+14:00"),
        ("auto_renew_enabled", 0),
        ("auto_renew_enabled", None),
        ("restrictions", []),
        ("restrictions", "none"),
        ("restrictions", {"active_user_count": float("inf")}),
        ("later", float("nan")),
    ],
)
def test_contents_of_the_wrong_kind_are_damage(private_key: PrivateKey, key: str, value: object) -> None:
    """CBC would not show a change, so each known key is checked, and all of it must be real JSON."""
    text = seal(private_key, payload_with(**{key: value}))
    assert problem_of(text, private_key.public_key()) == "damaged"


TWICE = json.dumps(json.loads(payload_with()))[:-1].encode() + b',"expires_at":"2099-01-01"}'


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b'{"version":1', b"\xff", b"[" * 50_000, b"1e400", TWICE])
def test_contents_that_are_no_object_are_damage(private_key: PrivateKey, payload: bytes) -> None:
    """The key fits, what it opens does not."""
    assert problem_of(seal(private_key, payload), private_key.public_key()) == "damaged"


def test_a_minimal_license_is_read(private_key: PrivateKey) -> None:
    """Older files lack the booleans, null counts as not given, and unknown keys are kept."""
    payload = b'{"version":1,"licensee":{"Name":"A"},"issued_at":"2026-08-15","expires_at":null,"x":[null]}'
    expected = License(licensee={"Name": "A"}, starts_on=date(2026, 8, 15), other={"x": [None]})
    assert license_file.read(seal(private_key, payload), private_key.public_key()) == expected


@pytest.mark.parametrize(
    "text", ["2026-08-15T03:00:00.000Z", "2026-08-15 05:00:00+02:00", "2026-08-15T03:00:00", "20260815T03Z"]
)
def test_moments_are_read_in_any_iso_form(private_key: PrivateKey, text: str) -> None:
    """They come out in UTC, which is also what is meant where no offset stands."""
    license = license_file.read(seal(private_key, payload_with(activated_at=text)), private_key.public_key())
    assert license.activated_at == datetime(2026, 8, 15, 3, tzinfo=UTC)
    assert license.activated_at.tzinfo is UTC


def test_a_reused_key_is_accepted_as_the_docstring_says(private_key: PrivateKey) -> None:
    """The format's limit, shown: the holder of one license and the public key can write another."""
    public_key, genuine = private_key.public_key(), license_file.write(EMERGENCY, private_key, boundary=False)
    wrapped = parts_of(genuine)["key"]
    key = public_key.recover_data_from_signature(wrapped, PKCS1v15(), None)
    forged = parts_of(seal(private_key, payload_with(expires_at="9999-12-31"), key=key)) | {"key": wrapped}
    assert license_file.read(pack(forged), public_key).expires_on == date.max


def test_each_problem_says_what_to_do(private_key: PrivateKey) -> None:
    """Five problems, five different last sentences; only the first one may vary with the finding."""
    newer = seal(private_key, payload_with(version=2))
    cases = [("", GEM_KEY), (PLAIN[:99], GEM_KEY), (newer, GEM_KEY), (newer, private_key.public_key())]
    cases.append((pack(parts_of(PLAIN) | {"iv": bytes(16)}), GEM_KEY))
    advice = {}
    for text, key in cases:
        with pytest.raises(LicenseError) as caught:
            license_file.read(text, key)
        advice[caught.value.problem] = str(caught.value).split(". ")[-1]
    assert set(advice) == {"not_a_license", "truncated", "wrong_key", "newer_version", "damaged"}
    assert len(set(advice.values())) == 5


@pytest.mark.parametrize("key", sorted(json.loads(PAYLOAD)))
def test_errors_tell_no_decrypted_value(private_key: PrivateKey, key: str) -> None:
    """A value that does not fit is named by its key only: it may be anything."""
    text = seal(private_key, payload_with(**{key: ["kim@example.com"]}))
    with pytest.raises(LicenseError) as caught:
        license_file.read(text, private_key.public_key())
    assert "kim" not in "".join(traceback.format_exception(caught.value))


def test_errors_show_no_cause() -> None:
    """A cause would carry pieces of the license into the record."""
    inner = pack(parts_of(PLAIN) | {"iv": bytes(16)})
    for text in (PLAIN[:-9], PLAIN[:99] + "!" + PLAIN[100:], inner, "no license"):
        with pytest.raises(LicenseError) as caught:
            license_file.read(text, GEM_KEY)
        shown = "".join(traceback.format_exception(caught.value))
        assert "During handling" not in shown
        assert "direct cause" not in shown


# -- what the gem reads


def odd(payload: bytes | str, private_key: PrivateKey) -> tuple[License, str]:
    """What a payload says, and the notes on it."""
    text = seal(private_key, payload if isinstance(payload, bytes) else payload.encode())
    reading = license_file.examine(text, private_key.public_key())
    return reading.license, "; ".join(reading.notes)


def test_a_file_as_the_gem_writes_it_has_no_notes() -> None:
    """Nothing is odd about it."""
    for text in (PLAIN, BOUNDED):
        assert license_file.ExaminedLicense(EMERGENCY) == license_file.examine(text, GEM_KEY)


@pytest.mark.parametrize("name", ["CO-OP", "A " * 90 + "X", "GITLAB - EMEA"], ids=["hyphen", "long", "dash"])
def test_any_boundary_name_is_read(name: str) -> None:
    """The gem takes any words there."""
    assert EMERGENCY == license_file.read(BOUNDED.replace("GITLAB", name), GEM_KEY)


@pytest.mark.parametrize(("line", "place"), [("BEGIN", 0), ("END", -1)])
def test_a_missing_boundary_line_is_noted(line: str, place: int) -> None:
    """Nothing else is missing, so the gem reads it."""
    lines = BOUNDED.splitlines()
    del lines[place]
    reading = license_file.examine("\n".join(lines), GEM_KEY)
    assert license_file.ExaminedLicense(EMERGENCY, (f"its {line} line is missing",)) == reading


def test_missing_padding_is_noted() -> None:
    """The signs at the end say nothing; the fingerprint is the same without them."""
    field = Path(__file__).parents[1] / "data" / "field"
    text, key = (field / "short-plain.gitlab-license").read_text(), (field / "public.pem").read_bytes()
    bare = text.rstrip("=\n")
    reading = license_file.examine(bare, license_file.load_public_key(key))
    assert text.endswith("==\n")
    assert ("the “=” at its end are missing",) == reading.notes
    assert license_file.fingerprint(text) == license_file.fingerprint(bare)


def test_null_in_the_licensee_is_empty_text(private_key: PrivateKey) -> None:
    """Older customers have no company there."""
    found, notes = odd(payload_with(licensee={"Name": None, "Email": "a@b.example"}), private_key)
    assert ({"Name": "", "Email": "a@b.example"}, "its licensee is incomplete") == (found.licensee, notes)


@pytest.mark.parametrize("text", ["2026-08-25T12:00:00Z", "2026-08-25 00:00:00 +0200", "2026-08-25T23:30:00.000-08:00"])
def test_a_time_in_a_date_is_left_out(private_key: PrivateKey, text: str) -> None:
    """The day is the one that stands there, as Ruby's `Date.parse` takes it."""
    found, notes = odd(payload_with(expires_at=text), private_key)
    assert (date(2026, 8, 25), "its expires_at has a time of day") == (found.expires_on, notes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expires_at": ...}, "no expiry date"),
        ({"offline_cloud_licensing_enabled": True}, "offline cloud license, but no cloud license"),
    ],
)
def test_what_an_instance_refuses_is_read_and_noted(
    private_key: PrivateKey, changes: dict[str, Any], words: str
) -> None:
    """The gem imports it and calls it invalid; it is not written here."""
    found, notes = odd(payload_with(**changes), private_key)
    assert words in notes
    with pytest.raises(InputError, match=words):
        license_file.write(found, private_key)


@pytest.mark.parametrize(
    ("key", "day", "noted"),
    [
        ("expires_at", "2026-08-14", "it expires before it starts"),
        ("block_changes_at", "2026-08-24", "it makes the instance read-only before it expires"),
        ("block_changes_at", "2026-08-25", ""),
        ("block_changes_at", "2026-09-08", ""),
        ("block_changes_at", "2026-09-09", "read-only more than 14 days after it expires"),
    ],
)
def test_days_that_contradict_each_other_are_noted(private_key: PrivateKey, key: str, day: str, noted: str) -> None:
    """An instance takes them; no issuer would have made them so."""
    changes = {"block_changes_at": ..., key: day}
    _, notes = odd(payload_with(**changes), private_key)
    assert noted in notes
    assert bool(noted) == bool(notes)


def test_gitlabs_own_license_needs_no_expiry(private_key: PrivateKey) -> None:
    """The gem excepts the team's own."""
    own = License(licensee={"Company": "GitLab B.V.", "Email": "x@gitlab.com"}, starts_on=date(2026, 8, 15))
    assert own == license_file.read(license_file.write(own, private_key), private_key.public_key())


# -- what cannot be written


@pytest.mark.parametrize(
    "changes",
    [
        {"licensee": {}},
        {"licensee": {"Name": 1}},
        {"licensee": {"Name": "\ud800"}},
        {"expires_on": date(2026, 8, 14)},
        {"starts_on": datetime(2026, 8, 15, tzinfo=UTC)},
        {"activated_at": datetime(2026, 8, 15, tzinfo=UTC).replace(tzinfo=None)},
        {"activated_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
        {"auto_renew_enabled": 1},
        {"restrictions": {"seats": float("nan")}},
        {"restrictions": {"seats": (1, 2)}},
        {"restrictions": {1: "one"}},
        {"restrictions": {"until": date(2026, 8, 15)}},
        {"other": {"version": 2}},
        {"other": {"expires_at": None}},
    ],
    ids=repr,
)
def test_what_the_format_cannot_hold_is_refused(private_key: PrivateKey, changes: dict[str, Any]) -> None:
    """Nothing is written that would be read back differently."""
    with pytest.raises(InputError) as caught:
        license_file.write(replace(EMERGENCY, **changes), private_key)
    assert type(caught.value) is InputError


def test_a_license_may_expire_on_the_day_it_starts(private_key: PrivateKey) -> None:
    """Expiry before the start is refused, not on it."""
    license = replace(EMERGENCY, expires_on=EMERGENCY.starts_on)
    assert license_file.read(license_file.write(license, private_key), private_key.public_key()) == license


# -- keys


def private_pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, *, password: bytes | None = None) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption(),
    )


def public_pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_keys_are_loaded_from_pem(private_key: PrivateKey, public_key: PublicKey) -> None:
    """A pair loaded from its files is the pair that was saved; the older PKCS#1 form works, too."""
    pkcs1 = public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    loaded = license_file.load_private_key(private_pem(private_key))
    assert loaded.private_numbers() == private_key.private_numbers()
    assert license_file.load_public_key(public_pem(public_key)) == public_key
    assert license_file.load_public_key(pkcs1) == public_key


def test_what_is_no_key_is_refused_without_showing_it(private_key: PrivateKey) -> None:
    """Another kind of key, the other half, a protected or a cut one: one sentence and nothing of the key."""
    public, private = public_pem(private_key.public_key()), private_pem(private_key)
    curve = ed25519.Ed25519PrivateKey.generate()
    protected = private_pem(private_key, password=b"secret")
    not_public = [b"", b"\xff", private, public[:200], public_pem(curve.public_key()), PLAIN.encode()]
    not_private = [b"", b"\xff", public, private[:800], private_pem(curve), protected, PLAIN.encode()]
    cases: list[tuple[Callable[[bytes], object], bytes]] = []
    cases += [(license_file.load_public_key, pem) for pem in not_public]
    cases += [(license_file.load_private_key, pem) for pem in not_private]
    for load, pem in cases:
        with pytest.raises(InputError) as caught:
            load(pem)
        shown = "".join(traceback.format_exception(caught.value))
        assert "During handling" not in shown
        assert not [line for line in pem.split() if len(line) > 11 and line.decode("latin-1") in shown]


def test_a_damaged_key_issues_no_license(private_key: PrivateKey) -> None:
    """Its numbers do not belong together: what it signs would open nowhere."""
    numbers = private_key.private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        p=numbers.p,
        q=numbers.q,
        d=numbers.d - 2,
        dmp1=numbers.dmp1 - 2,
        dmq1=numbers.dmq1,
        iqmp=numbers.iqmp,
        public_numbers=numbers.public_numbers,
    )
    damaged = license_file.load_private_key(private_pem(wrong.private_key(unsafe_skip_rsa_key_validation=True)))
    with pytest.raises(InputError, match="The private key is damaged"):
        license_file.write(EMERGENCY, damaged)

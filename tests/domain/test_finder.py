"""The finder recognizes what something is, and finds every license in it."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.domain import envelopes, finder, license
from runbook_lib.domain.content_kinds import Kind
from runbook_lib.redaction import Redactor
from tests.wrappings import ENCODED, EXAMPLES, LICENSES, WRAPPINGS, body_of, encode64, runs_of

FIELD = Path(__file__).parents[1] / "data" / "field"
KEY = license.load_public_key((FIELD / "public.pem").read_bytes())
TEXT = (FIELD / "no-plan-starter.gitlab-license").read_text()
BARE = (FIELD / "short-plain.gitlab-license").read_text()
CODE = "aB3dE6gH9jK2mN5pQ8sT1vW4"
RAKE = "Today's Date: 2026-11-21\nMax Users in License: 250\nLicense valid from: 2025-11-06 to 2026-11-06\n"
"""The output of `gitlab-rake gitlab:license:info`."""


def zipped(**members: bytes) -> bytes:
    """A zip with these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(**members: bytes | None) -> bytes:
    """A tar with these members; None makes a link."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content or b"")
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info, io.BytesIO(content or b""))
    return file.getvalue()


def mail(*parts: bytes, text: str = "Please see below.", inner: EmailMessage | None = None) -> EmailMessage:
    """A mail with files, and with another mail forwarded in it."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "kim@field.example", "support@team.example", "Fwd: license"
    made.set_content(text)
    for part in parts:
        made.add_attachment(part, maintype="application", subtype="octet-stream", filename="key")
    if inner:
        made.add_attachment(inner)
    return made


def bodies(content: bytes | str) -> list[str]:
    """The Base64 of every license that is found."""
    return [body_of(found.text) for found in finder.look(content).licenses]


# -- licenses


@pytest.mark.parametrize("path", sorted(FIELD.glob("*.gitlab-license")), ids=lambda path: path.stem)
def test_each_field_license_is_found_and_opens(path: Path) -> None:
    """As people sent them, UTF-16 among them."""
    found = finder.look(path.read_bytes())
    assert Kind.LICENSE == found.kind
    (one,) = found.licenses
    assert license.examine(one.text, KEY).notes == ()


@pytest.mark.slow
@EXAMPLES
@given(
    text=LICENSES,
    name=st.sampled_from(sorted(WRAPPINGS)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
)
def test_any_license_is_found_in_any_encoding(text: str, name: str, encoding: str) -> None:
    """With a byte order mark or without, in any wrapping."""
    assert [body_of(text)] == bodies(f"Hi, our license:\n{WRAPPINGS[name](text)}\nKim".encode(encoding))


def test_two_licenses_are_both_found() -> None:
    """In order, with the one that GitLab would take named."""
    found = finder.look(f"{TEXT}\n{BARE}")
    assert [body_of(TEXT), body_of(BARE)] == [body_of(one.text) for one in found.licenses]
    assert ("2 licenses are in it; GitLab itself takes the last one.",) == found.notes


def test_encoded_license_beside_a_plain_one_is_found() -> None:
    """As in a mailbox of two mails, or a list of two files."""
    for wrapped in (WRAPPINGS["Base64 in JSON"](BARE), WRAPPINGS["Base64 of gzip"](BARE)):
        assert [body_of(TEXT), body_of(BARE)] == bodies(f"old:\n{TEXT}\nnew:\n{wrapped}")


def test_the_same_license_twice_is_one() -> None:
    """An answer quotes it again."""
    assert [body_of(TEXT)] == bodies(f"{TEXT}\n> On Saturday you wrote:\n{WRAPPINGS['quoted'](TEXT)}")


def test_lines_with_other_signs_between_are_noted() -> None:
    """The license is whole all the same."""
    (found,) = finder.look(WRAPPINGS["diff"](TEXT)).licenses
    assert (True, (envelopes.OTHER_SIGNS,)) == (found.is_whole, found.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("before", ["", "\n\n", "---------- Forwarded message ---------\n"])
def test_an_encoded_part_of_pasted_source_is_read(before: str, encoding: str) -> None:
    """Whether or not the text is recognized as a mail."""
    source = (
        f"{before}From: a@b.example\nSubject: x\nContent-Transfer-Encoding: base64\n\n{encode64(TEXT.encode(), 76)}"
    )
    assert [body_of(TEXT)] == bodies(source.encode(encoding))


def test_an_image_in_a_text_is_found() -> None:
    """As a web page holds one."""
    content = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(300)).decode()
    found = finder.look(f'<html><img src="data:image/png;base64,{content}">')
    assert ((), True, b"\x89PNG") == (found.notes, found.is_opened, found.images[0][1][:4])


@pytest.mark.parametrize("name", ["hexdump", "xxd", "od by words", "hex", "uuencode", "Base64 of UTF-16"])
def test_half_of_an_encoded_license_is_noted(name: str) -> None:
    """Its rows are there from the middle on."""
    rows = WRAPPINGS[name](TEXT).splitlines(keepends=True)
    start = rows[:1] if name == "uuencode" else []
    found = finder.look("".join([*start, *rows[len(rows) // 2 :]]))
    assert () == found.licenses
    assert "without its beginning" in " ".join(found.notes)


@pytest.mark.parametrize("text", [TEXT, BARE], ids=["boundary lines", "bare"])
@pytest.mark.parametrize("name", ENCODED)
def test_an_encoded_license_is_found_whole(name: str, text: str) -> None:
    """Beside plain words, which stay when it is taken out."""
    wrapped = f"Hello,\n{WRAPPINGS[name](text)}\nBye, Kim"
    (found,) = finder.look(wrapped).licenses
    assert (body_of(text), True) == (body_of(found.text), found.is_whole)
    shown = Redactor({}).text(wrapped)
    assert (len(shown) < 70 and "[license]" in shown) or name == "hex of Base64"


def test_a_piece_without_its_beginning_is_noted() -> None:
    """No license can be made of it."""
    found = finder.look(TEXT[200:])
    assert () == found.licenses
    assert "without its beginning" in found.notes[0]


def test_a_found_license_never_shows_itself() -> None:
    """Not in a repr."""
    assert [] == runs_of(body_of(TEXT), repr(finder.look(TEXT)))


# -- archives and mails


@pytest.mark.parametrize("text", [TEXT, BARE], ids=["boundary lines", "bare"])
def test_a_license_in_a_zip_is_found(text: str) -> None:
    """Whatever the member's name; its place is named."""
    found = finder.look(zipped(readme=b"hello", old=b"\x89PNG\r\n\x1a\n", key=text.encode("utf-16")))
    assert (Kind.ZIP, body_of(text), "key in the archive") == (
        found.kind,
        body_of(found.licenses[0].text),
        found.licenses[0].where,
    )
    assert (("old in the archive", b"\x89PNG\r\n\x1a\n"),) == found.images


def test_a_license_in_three_nested_mails_is_found() -> None:
    """As people forward a forwarded mail."""
    nested = mail(inner=mail(inner=mail(inner=mail(TEXT.encode()))))
    assert [body_of(TEXT)] == bodies(nested.as_bytes())


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "7bit"])
def test_a_license_in_a_mails_text_is_found(encoding: str) -> None:
    """Also where the program that sent it encoded the text."""
    made = EmailMessage()
    made["From"], made["Subject"] = "a@b.example", "license"
    made.set_content(f"Here it is:\n{TEXT}\n", cte=encoding)
    found = finder.look(made.as_bytes())
    assert (Kind.MAIL, [body_of(TEXT)]) == (found.kind, [body_of(one.text) for one in found.licenses])


OUTLOOK = (b"\x78\x9f\x3e\x22", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


@pytest.mark.parametrize("start", OUTLOOK, ids=["winmail.dat", "msg"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
@pytest.mark.parametrize("before", [b"\0" * 1528, b"A" * 1529, b"\1\2\xff" * 500])
def test_a_license_amid_other_bytes_is_found(start: bytes, encoding: str, before: bytes) -> None:
    """As Outlook keeps bodies and files, at any place and in either width."""
    for text in (TEXT, BARE):
        content = start + before + text.encode(encoding) + b"\xff\xfe\0" * 200
        assert [body_of(text)] == bodies(content)
        assert [body_of(text)] == bodies(mail(content).as_bytes())


def test_a_zip_in_a_mail_in_a_zip_is_opened() -> None:
    """Nesting within the limit."""
    assert [body_of(TEXT)] == bodies(zipped(eml=mail(zipped(key=TEXT.encode())).as_bytes()))


def test_what_is_nested_too_deep_is_noted() -> None:
    """It is not opened, and nothing else happens."""
    content = TEXT.encode()
    for _ in range(finder.DEPTH + 2):
        content = zipped(inner=content)
    found = finder.look(content)
    assert ((), True) == (found.licenses, "more than 5 deep" in found.notes[0])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: zipped(bomb=b"\0" * 30_000_000), "unpacks to more than 200 times"),
        (lambda: zipped(**{f"n{n}": b"x" for n in range(finder.MOST_NAMES + 1)}), "lists more than 2000 files"),
        (lambda: zipped(**{f"n{n}": b"x" for n in range(finder.MOST_MEMBERS + 1)}), "Only the first 100 files"),
        (lambda: zipped(key=TEXT.encode())[:900], "damaged"),
        (lambda: zipped(key=TEXT.encode()).replace(b"PK\x01\x02", b"PK\x01\x03"), "damaged"),
        (lambda: zipped(key=TEXT.encode()).replace(b"\x00\x00\x08\x00", b"\x01\x00\x08\x00"), "password"),
    ],
    ids=["bomb", "many names", "many members", "cut off", "broken list", "password"],
)
def test_a_zip_that_is_not_opened_says_why(make: Callable[[], bytes], words: str) -> None:
    """In a sentence, and in no time."""
    found = finder.look(make())
    assert (Kind.ZIP, ()) == (found.kind, found.licenses)
    assert words in " ".join(found.notes)


def test_no_more_is_unpacked_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many members that are each within their own limit."""
    monkeypatch.setattr(finder, "TOTAL_BYTES", 40_000)
    found = finder.look(zipped(**{f"n{n}": bytes([65 + n]) * 15_000 for n in range(4)}))
    assert ("A file in it is too large for a license and was not opened.",) == found.notes


PACKERS = {
    **{"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zlib": zlib.compress},
    "lzma": partial(lzma.compress, format=lzma.FORMAT_ALONE),
}


@pytest.mark.parametrize("how", PACKERS)
def test_a_license_in_a_packed_file_is_found(how: str) -> None:
    """Alone, or as a tar; in several parts, or with something behind it."""
    pack, content = PACKERS[how], TEXT.encode("utf-16")
    tar = tarred(readme=b"hello", key=content)
    for packed in (pack(content), pack(tar), pack(content[:500]) + pack(content[500:]), pack(content) + b"\0" * 99):
        found = finder.look(packed)
        assert (f"a packed file ({how})", [body_of(TEXT)]) == (
            found.words,
            [body_of(one.text) for one in found.licenses],
        )
    assert "key in the archive, the packed file" == finder.look(pack(tar)).licenses[0].where


def test_a_license_in_a_tar_is_found() -> None:
    """Links and folders are passed over; what is not opened is noted."""
    found = finder.look(tarred(link=None, photo=b"\0\0\0\x18ftypheic", old=b"7z\xbc\xaf\x27\x1c", key=BARE.encode()))
    assert (Kind.TAR, "key in the archive") == (found.kind, found.licenses[0].where)
    assert ("It holds a HEIC photo; add that to the ticket by itself.",) == found.notes[:1]
    assert found.notes[1].startswith("It holds an archive. Open it yourself")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gzip.compress(b"\0" * 3_000_000), "too large"),
        (lambda: bz2.compress(b"\0" * 3_000_000), "too large"),
        (lambda: lzma.compress(b"\0" * 3_000_000), "too large"),
        (lambda: gzip.compress(TEXT.encode())[:900], "damaged"),
        (lambda: gzip.compress(TEXT.encode())[:9], "damaged"),
        (lambda: b"\x1f\x8b\x08" + b"x" * 99, "damaged"),
        (lambda: tarred(key=b"x" * 4000)[:1500], "damaged"),
        (lambda: tarred(big=b"x" * 3_000_000), "too large"),
        (lambda: tarred(**{f"n{n}": b"" for n in range(finder.MOST_NAMES + 1)}), "Only the first 100 files"),
        (lambda: tarred(**{f"n{n}": None for n in range(finder.MOST_NAMES + 1)}), "Only the first 2000 names"),
        (lambda: gzip.compress(b"") * 100_000 + gzip.compress(TEXT.encode()), ""),
    ],
    ids=range(11),
)
def test_a_tar_or_packed_file_that_is_not_opened_says_why(make: Callable[[], bytes], words: str) -> None:
    """In a sentence, and in no time."""
    found = finder.look(make())
    assert not any(one.is_whole for one in found.licenses)
    assert words in " ".join(found.notes)


@given(at=st.integers(0, 12_000), put=st.binary(min_size=1, max_size=8), how=st.sampled_from(["", *PACKERS]))
@EXAMPLES
def test_no_damaged_tar_breaks_the_finder(at: int, put: bytes, how: str) -> None:
    """Each is opened, or noted."""
    tar = tarred(**{"key": TEXT.encode(), "a" * 300: b"x", "link": None})
    content = PACKERS[how](tar) if how else tar
    finder.look(content[:at] + put + content[at + len(put) :])


@pytest.mark.parametrize("count", [90, 20_000])
def test_endlessly_nested_mails_end(count: int) -> None:
    """No recursion surfaces."""
    head = b"From: a@b.example\nTo: c@d.example\nSubject: x\n"
    found = finder.look(head + b"Content-Type: message/rfc822\n\n" * count + TEXT.encode())
    assert (Kind.MAIL, [body_of(TEXT)]) == (found.kind, [body_of(one.text) for one in found.licenses])


@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"From: a\nTo: b\nSubject: c\n", b"\xff\xfe"]))
@EXAMPLES
def test_no_bytes_break_the_finder(content: bytes, start: bytes) -> None:
    """It never raises."""
    assert () == finder.look(start + content).licenses


@given(st.integers(0, 1800), st.binary(min_size=1, max_size=4))
@EXAMPLES
def test_no_damaged_zip_breaks_the_finder(at: int, put: bytes) -> None:
    """Each is opened, or noted."""
    content = zipped(key=TEXT.encode(), other=b"x")
    finder.look(content[:at] + put + content[at + len(put) :])


# -- kinds


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", Kind.EMPTY),
        (b" \r\n\0", Kind.EMPTY),
        (CODE.encode(), Kind.ACTIVATION_CODE),
        (f"Your activation code: {CODE}\n".encode(), Kind.ACTIVATION_CODE),
        (f'"{CODE}"\r\n'.encode("utf-16"), Kind.ACTIVATION_CODE),
        (f"Code d'activation de l'abonnement A-S1 : {CODE}".encode(), Kind.ACTIVATION_CODE),
        (f"Our run was {CODE}.".encode(), Kind.TEXT),
        (b"\x89PNG\r\n\x1a\n1234", Kind.IMAGE),
        (b"\xff\xd8\xff\xe0", Kind.IMAGE),
        (b"RIFF\0\0\0\0WEBPVP8 ", Kind.IMAGE),
        (b"\0\0\0\x18ftypheic", Kind.HEIC),
        (b"%PDF-1.7\n", Kind.PDF),
        (b"\x1f\x8b\x08\0", Kind.PACKED),
        (b"BZh91AY", Kind.PACKED),
        (b"x\x9c\x03", Kind.PACKED),
        (b"II*\0", Kind.IMAGE),
        (b"\0\0\0\x18ftypavif", Kind.IMAGE),
        (b"BM1234\0\0\0\0", Kind.IMAGE),
        (b"\0\0\0\x18ftypmp42", Kind.VIDEO),
        (b"\x1a\x45\xdf\xa3webm", Kind.VIDEO),
        (b"\xff\xfb\x90\x64\0", Kind.VIDEO),
        (b"MZ\x90\0\3", Kind.PROGRAM),
        (b"\x7fELF\2\1\1\0", Kind.PROGRAM),
        (b"SQLite format 3\0", Kind.DATABASE),
        (b"\x04\x22\x4d\x18\x40", Kind.ARCHIVE),
        (b"\0\0\0\x0cJXL \r\n\x87\n", Kind.IMAGE),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', Kind.IMAGE),
        (b"\n<!-- c --><!DOCTYPE html><title>Sign in", Kind.HTML),
        (b'sep=;\r\n"License Key";""\r\n"Email";"a@b.example"\r\n', Kind.USAGE_EXPORT),
        (b"\xef\xbb\xbf%PDF-1.7\n", Kind.PDF),
        (b"x^2 + y^2", Kind.TEXT),
        (b"MZ is the initials of Mark Zbikowski", Kind.TEXT),
        (b"RIFF\0\0\0\0AVI LIST", Kind.VIDEO),
        (b"\x78\x9f\x3e\x22\1\0", Kind.OUTLOOK),
        (b"\0\x05\x16\x07\0\2\0\0", Kind.SYSTEM),
        (bytes.fromhex("308006092a864886f70d010702a080"), Kind.KEY),
        (bytes.fromhex("308006092a864886f70d010703a080"), Kind.ENCRYPTED),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA5", Kind.ENCRYPTED),
        (b"$ANSIBLE_VAULT;1.1;AES256\n6162", Kind.ENCRYPTED),
        (b"Salted__\x8e\x01", Kind.ENCRYPTED),
        (RAKE.encode(), Kind.LICENSE_INFO),
        (f"$ sudo gitlab-rake gitlab:license:info\r\n{RAKE}".encode("utf-16"), Kind.LICENSE_INFO),
        (b'{"id":2,"plan":"ultimate","expires_at":"2026-11-06","historical_max": 300}', Kind.LICENSE_INFO),
        (b'{"license_user_count": 250, "license_expires_at":"2026-11-06"}' + b" " * 40, Kind.LICENSE_INFO),
        (b"Rar!\x1a\x07\x00", Kind.ARCHIVE),
        (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OUTLOOK),
        (zipped(a=b"x"), Kind.ZIP),
        (mail().as_bytes(), Kind.MAIL),
        (b"<!DOCTYPE html><html><body>Sign in", Kind.HTML),
        (b"Date,Users\n2026-11-19,231\n", Kind.TEXT),
        ((FIELD / "public.pem").read_bytes(), Kind.KEY),
        (b"Hello, our license has run out.\n", Kind.TEXT),
        (b"From: what I see, it is over.\n", Kind.TEXT),
        (b"[" * 100_000, Kind.TEXT),
        (bytes(range(256)), Kind.BINARY),
        (TEXT.encode(), Kind.LICENSE),
    ],
)
def test_a_kind_is_recognized_by_content(content: bytes, kind: Kind) -> None:
    """Names and media types make no difference."""
    assert kind == finder.look(content).kind


def test_the_key_in_a_usage_export_is_found() -> None:
    """Its first line holds the license."""
    found = finder.look((FIELD / "license_usage.csv").read_bytes())
    assert Kind.USAGE_EXPORT == found.kind
    (one,) = found.licenses
    assert "2026-11-06" == str(license.read(one.text, KEY).expires_on)


def test_an_office_file_with_a_license_is_read() -> None:
    """Its text stands in XML."""
    words = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in TEXT.splitlines())
    found = finder.look(zipped(**{"[Content_Types].xml": b"<x/>", "word/document.xml": words.encode()}))
    assert ("a zip archive (an Office file)", [body_of(TEXT)]) == (
        found.words,
        [body_of(one.text) for one in found.licenses],
    )


@pytest.mark.parametrize("start", ["ID3 of us:", "OggS:", "1234ftyp", "GIF89a:", "BZh:", "RIFF1234WEBP", "x\u009c"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_a_text_that_begins_like_another_format_is_searched(start: str, encoding: str) -> None:
    assert [body_of(TEXT)] == bodies(f"{start}\n{TEXT}".encode(encoding))

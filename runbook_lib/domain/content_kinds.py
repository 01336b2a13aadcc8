"""Recognizes the kind of a content by its bytes, never by a name or a media type from the sender. Opens nothing."""

from __future__ import annotations

import base64
import codecs
import re
from enum import StrEnum

from runbook_lib.domain.image_types import media_type, other_type


class Kind(StrEnum):
    """The kind of a content, as shown to the reader."""

    LICENSE = "a license"
    USAGE_EXPORT = "the license usage export"
    LICENSE_INFO = "what an instance says of its license"
    ACTIVATION_CODE = "an activation code"
    IMAGE = "an image"
    HEIC = "a HEIC photo"
    PDF = "a PDF"
    ZIP = "a zip archive"
    TAR = "a tar archive"
    PACKED = "a packed file"
    ARCHIVE = "an archive"
    PROGRAM = "a program"
    DATABASE = "a database"
    MAIL = "a mail"
    OUTLOOK = "an Outlook or old Office file"
    ENCRYPTED = "an encrypted message"
    SIGNED = "a message inside its signature"
    VIDEO = "a video or a sound"
    SYSTEM = "a file of an operating system"
    HTML = "a web page (HTML)"
    KEY = "a key, certificate or signature"
    TEXT = "text"
    BINARY = "of a kind that is not known here"
    EMPTY = "empty"


_OPEN_IT = "Open it yourself, and add what is needed of it to the ticket."
ADVICE = {
    **dict.fromkeys((Kind.ARCHIVE, Kind.DATABASE, Kind.OUTLOOK, Kind.BINARY), _OPEN_IT),
    Kind.USAGE_EXPORT: "Its first line should hold the license key, but none is there; ask for the license file.",
    Kind.ACTIVATION_CODE: "It activates an online license and says nothing of plan or dates; look the subscription up.",
    Kind.HEIC: "Ask for a PNG or JPEG, or convert it and add it to the ticket.",
    Kind.PDF: "Open it yourself; ask for the license file, or for screenshots as images.",
    Kind.PROGRAM: "Do not start it. Ask for the license file itself.",
    Kind.ENCRYPTED: "Ask for it without encryption.",
    Kind.SIGNED: "Open it in a mail program, or ask for it without the signature.",
    Kind.LICENSE_INFO: "It shows what a screenshot would show: compare its values with those, or enter them yourself.",
}
"""What to do about a content without a license, where that is not obvious."""
UNOPENED = frozenset(
    (Kind.ARCHIVE, Kind.PROGRAM, Kind.DATABASE, Kind.OUTLOOK, Kind.PDF, Kind.ENCRYPTED, Kind.SIGNED, Kind.BINARY)
)
"""Kinds that may hold a license that is not seen here."""

_MAGIC: tuple[tuple[bytes, Kind, str], ...] = (
    (b"PK\x03\x04", Kind.ZIP, ""),
    (b"PK\x05\x06", Kind.ZIP, "empty"),
    (b"\x1f\x8b\x08", Kind.PACKED, "gzip"),
    (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE, "7z"),
    (b"Rar!\x1a\x07", Kind.ARCHIVE, "RAR"),
    (b"BZh", Kind.PACKED, "bzip2"),
    (b"\xfd7zXZ\0", Kind.PACKED, "xz"),
    (b"\x5d\0\0", Kind.PACKED, "lzma"),
    (b"\x28\xb5\x2f\xfd", Kind.ARCHIVE, "zstd"),
    (b"\x04\x22\x4d\x18", Kind.ARCHIVE, "lz4"),
    (b"\x1f\x9d", Kind.ARCHIVE, "compress"),
    (b"MSCF\0", Kind.ARCHIVE, "cab"),
    *((bytes((0x78, level)), Kind.PACKED, "zlib") for level in (0x01, 0x5E, 0x9C, 0xDA)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OUTLOOK, ""),
    (b"\x78\x9f\x3e\x22", Kind.OUTLOOK, "winmail.dat"),
    (b"Salted__", Kind.ENCRYPTED, ""),
    (b"\x1a\x45\xdf\xa3", Kind.VIDEO, ""),
    (b"OggS", Kind.VIDEO, ""),
    (b"fLaC", Kind.VIDEO, ""),
    (b"8BPS", Kind.IMAGE, "PSD"),
    (b"ID3", Kind.VIDEO, ""),
    *((bytes((0xFF, second)), Kind.VIDEO, "") for second in (0xF1, 0xF2, 0xF3, 0xF9, 0xFA, 0xFB)),  # MP3 and AAC
    (b"MZ", Kind.PROGRAM, ""),
    (b"\x7fELF", Kind.PROGRAM, ""),
    *((bytes((last, 0xFA, 0xED, 0xFE)), Kind.PROGRAM, "") for last in (0xCE, 0xCF)),
    (b"\0\0\1\0", Kind.IMAGE, "ICO"),
    (b"SQLite format 3\0", Kind.DATABASE, "SQLite"),
    (b"\0\x05\x16\x07", Kind.SYSTEM, ""),
    (b"\0\0\0\x01Bud1", Kind.SYSTEM, ""),
)
"""First bytes of binary formats; for images see `image_types`."""
LEAST_TEXT_BYTES = 100
"""A shorter text holds no license; a binary format has a control byte within this many bytes."""
_NEVER_TEXT = (Kind.IMAGE, Kind.HEIC, Kind.VIDEO, Kind.PACKED, Kind.PROGRAM)
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
"""What no text has in one of the usual encodings; an escape character is there where colors are."""
_IMAGES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP"}
_SIGNED = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
_ENVELOPED = _SIGNED[:-1] + b"\x03"
"""The types of a signature and of an encrypted mail. Source: RFC 5652, 5.1 and 6.1."""
_ENCRYPTED = (
    *("-----begin pgp message", "-----begin age encrypted", "-----begin pkcs7", "-----begin cms"),
    *("$ansible_vault", "age-encryption.org/", "u2fsdgvkx1"),
)
"""How encrypted texts begin, in lower case; the last one is of openssl."""
_LICENSE_INFO = re.compile(
    r"Max Users in License:|License valid from:|\"(?:user_limit|historical_max|usersInLicenseCount)\"\s*:|"
    r"\blicense_(?:user_count|expires_at)[\"']?\s*:"
)
"""Source: GitLab, `gitlab:license:info`, the License API, the query of the Subscription page, and Service Ping."""
_EXPORT_CHARS = 8000
"""The first rows of a usage export end within this, the one with the license included."""
_USAGE_ROWS = re.compile(
    r"^[\"' ]*(?:license (?:start|end) date|date[\"' ]*[,;|\t][\"' ]*billable user count)[\"' ]*(?:[,;|\t]|$)",
    re.I | re.M,
)
"""Rows of the usage export, also where its first one was taken out.

Source: GitLab documentation, *Export license usage*.
"""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, the longer of two that begin alike first."""
_HEADER = re.compile(r"(?:>?From |[A-Za-z][A-Za-z0-9-]{0,60}:)")
_MAIL_HEADERS = frozenset(
    ("from", "to", "subject", "date", "received", "mime-version", "content-type", "message-id", "return-path", "cc")
)
_CODE = re.compile(
    r"(?i:activation[ _-]{0,3}(?:code|key)(?![A-Za-z0-9])[^A-Za-z0-9]{0,40}(?:is\b[^A-Za-z0-9]{0,20})?)"
    r"([A-Za-z0-9]{24})(?![A-Za-z0-9])"
)
"""An activation code after its name. Source: FACTS 6: 24 characters."""
_LONE_CODE = re.compile(
    r"(?<![A-Za-z0-9+/-])(?<![A-Za-z0-9]_)(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{24}"
    r"(?![A-Za-z0-9+/=-]|_[A-Za-z0-9])"
)
"""What looks like a code wherever it stands: people name it in any language, or not at all."""
_GROUP = "[A-Za-z0-9]{%d}"
_GROUPS = "|".join(rf"{_GROUP % (24 // n)}(?:[\s>_.-]{{1,4}}{_GROUP % (24 // n)}){{{n - 1}}}" for n in (2, 3, 4, 6, 8))
_GROUPED_CODE = re.compile(rf"(?<![A-Za-z0-9])(?={_GROUP % 3}[A-Za-z0-9]{{0,9}}[\s>_.-])(?:{_GROUPS})(?![A-Za-z0-9])")
"""A code in groups of one size, as people dictate it; `_is_grouped_code` tells it from words."""
_ENCODED_CODE = re.compile(r"(?<![A-Za-z0-9+/=])(?:[M-OQ-WY-e][A-Za-z0-9+/]{3}){8}(?:Cg==|DQo=)?(?![A-Za-z0-9+/=])")
"""What may be Base64 of a code, with or without a line end, as in a Kubernetes secret: letters and digits begin so."""
_ABOUT_CODE = re.compile(r"a[ck]ti[vw]|активац|激活|有効化|アクティベ|활성화|\bcode|コード", re.I)
_BEFORE_CONTENT = re.compile(r"^(?:\s|<!--.*?-->|<\?xml.*?\?>)+|^sep=.\s{1,4}[\"']?", re.S)
"""What may stand before a page, a drawing, or a table for Excel."""
_CODE_LETTERS = re.compile(r"[A-Za-z0-9+/]{24}")


def as_text(content: bytes) -> str:
    """The text of some bytes in any Unicode encoding, or else in Latin-1."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, "replace")
    start = content[:1000]
    zeros = start[1::2].count(0), start[0::2].count(0)
    for count, name in zip(zeros, ("utf-16-le", "utf-16-be"), strict=True):
        if 5 * count > 2 * len(start) > 0:
            return content.decode(name, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def activation_codes(text: str) -> list[tuple[int, int]]:
    """The spans of activation codes: of what follows their name, and of whatever else looks like one."""
    found = [one.span() for one in _GROUPED_CODE.finditer(text) if _is_grouped_code(one[0])]
    if _CODE_LETTERS.search(text):  # what all others have, and few texts do
        found += [one.span(1) for one in _CODE.finditer(text)]
        found += [one.span() for one in _LONE_CODE.finditer(text)]
        found += [one.span() for one in _ENCODED_CODE.finditer(text) if _LONE_CODE.fullmatch(_decoded(one[0]))]
    return found


def _is_grouped_code(text: str) -> bool:
    """Whether groups of letters and digits are a code: of all three kinds, and mixed within two groups at least."""
    mixed = len(re.findall(r"(?=[a-zA-Z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]+", text))
    return mixed > 1 and text.upper() != text != text.lower()


def _decoded(letters: str) -> str:
    return base64.b64decode(letters).decode("latin-1").strip()


def magic(content: bytes) -> tuple[Kind, str]:
    """The kind and format of a binary content, by its first bytes; BINARY if they are unknown, or begin a text."""
    kind, detail = _by_first_bytes(content)
    is_long = len(content) >= LEAST_TEXT_BYTES or content.startswith((b"x^", b"MZ"))
    is_text = is_long and not _CONTROL.search(content, 0, 1000)
    return (Kind.BINARY, "") if is_text and kind in _NEVER_TEXT else (kind, detail)


def _by_first_bytes(content: bytes) -> tuple[Kind, str]:
    if image := media_type(content):
        return Kind.IMAGE, _IMAGES[image]
    if other := other_type(content):
        return {"HEIC": (Kind.HEIC, ""), "PDF": (Kind.PDF, "")}.get(other, (Kind.IMAGE, other))
    for start, kind, detail in _MAGIC:
        if content.startswith(start):
            return kind, detail
    if content[4:8] == b"ftyp" or (content.startswith(b"RIFF") and content[8:12] in (b"AVI ", b"WAVE")):
        return Kind.VIDEO, ""
    if _ENVELOPED in content[:40]:
        return Kind.ENCRYPTED, ""
    if _SIGNED in content[:40]:  # beside a mail, or around one, which has its headers
        return (Kind.SIGNED if b"content-type:" in content.lower() else Kind.KEY), ""
    if content[257:262] == b"ustar":
        return Kind.TAR, ""
    return Kind.BINARY, ""


def is_of_known_kind(content: bytes) -> bool:
    """Whether some bytes begin like a binary format that is known here, or like text."""
    start = content[:1000]
    return magic(content)[0] is not Kind.BINARY or text_kind(as_text(start), start, is_license=False) is not Kind.BINARY


def is_mail(text: str) -> bool:
    """Whether a text begins like a mail: with a block of headers, two of them well known."""
    known = 0
    for line in text[:30_000].splitlines()[:60]:
        if not line.strip():
            break
        if line[:1] in " \t":
            continue
        if not _HEADER.match(line):
            return False
        known += line.partition(":")[0].lower() in _MAIL_HEADERS
    return known >= 2


def text_kind(text: str, content: bytes, *, is_license: bool) -> Kind:
    """The kind of a text; BINARY if it is no text."""
    bare = text.strip(" \t\r\n\0\ufeff\"'")
    start = _BEFORE_CONTENT.sub("", bare[:2000].lower())
    if not bare:
        return Kind.EMPTY if not content.strip(b"\0 \t\r\n") else Kind.BINARY
    is_export = start.startswith("license key") and start[11:14].strip("\"' ")[:1] in (",", ";", "\t", "")
    if is_export or len(_USAGE_ROWS.findall(bare[:_EXPORT_CHARS])) > 1:
        return Kind.USAGE_EXPORT
    if is_license:
        return Kind.LICENSE
    seen = "".join(text[:2000].split())
    odd = 0 if seen.isprintable() else sum(not char.isprintable() for char in seen)
    if "\0" in text or odd > len(text[:2000]) // 10:
        return Kind.BINARY
    if _is_code(bare):
        return Kind.ACTIVATION_CODE
    if start.startswith(_ENCRYPTED):
        return Kind.ENCRYPTED
    if start.startswith("-----begin "):
        return Kind.KEY
    if _LICENSE_INFO.search(bare[:20_000]):
        return Kind.LICENSE_INFO
    if start.startswith(("<svg", "<!doctype svg")):
        return Kind.IMAGE
    if start.startswith(("<!doctype html", "<html")) or re.search(r"<(?:body|head|div|table|p|br)\b", start):
        return Kind.HTML
    return Kind.TEXT


def _is_code(bare: str) -> bool:
    if _CODE.search(bare) or (_LONE_CODE.search(bare) and _ABOUT_CODE.search(bare)):
        return True
    return re.fullmatch("(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{24}", bare) is not None

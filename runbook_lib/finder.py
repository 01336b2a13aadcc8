"""The one finder of licenses: bytes or text in; what they are, and every license in them, out.

It goes by content, never by a name or a media type, which are the sender's. Text is searched however it is encoded,
quoted or escaped (`envelopes`); archives, packed files and mails are opened, within limits of number, size and depth.
A license that is found is not checked: it may be forged, damaged, or somebody else's (`license`).

No I/O, no clock: an archive is opened in memory.
"""

from __future__ import annotations

import bz2
import codecs
import email
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from enum import StrEnum
from io import BytesIO
from typing import Any

from runbook_lib import envelopes

TEXT_BYTES = 2 * 1024 * 1024
"""More of one text is not searched; a license has 2 to 4 kB, and so much text is a log."""
MEMBER_BYTES = 2 * 1024 * 1024
"""Larger members of an archive are not opened."""
TOTAL_BYTES = 4 * 1024 * 1024
"""Bytes that are unpacked from one file, in all."""
MOST_MEMBERS = 100
"""Members of archives and parts of mails that are opened, in all."""
MOST_NAMES = 2000
"""An archive that lists more is not opened."""
DEPTH = 5
"""Archives in mails in archives ... that are opened."""
MOST_RATIO = 200
"""A member that unpacks to so many times its size is taken for a bomb; text unpacks to about ten times."""
SMALL_BYTES = 1024 * 1024
"""Below this no ratio matters."""
XZ_BYTES = 64 * 1024 * 1024
"""Memory that unpacking xz may take."""


class Kind(StrEnum):
    """What a content is, in the reader's words."""

    LICENSE = "a license"
    USAGE_EXPORT = "the license usage export"
    ACTIVATION_CODE = "an activation code"
    IMAGE = "an image"
    HEIC = "a HEIC photo"
    PDF = "a PDF"
    ZIP = "a zip archive"
    TAR = "a tar archive"
    PACKED = "a packed file"
    ARCHIVE = "an archive"
    MAIL = "a mail"
    OUTLOOK = "an Outlook or old Office file"
    HTML = "a web page (HTML)"
    CSV = "a table (CSV)"
    KEY = "a key or certificate (PEM)"
    TEXT = "text"
    BINARY = "of a kind that is not known here"
    EMPTY = "empty"


ADVICE = {
    Kind.USAGE_EXPORT: "Its first line should hold the license key, but none is there; ask for the license file.",
    Kind.ACTIVATION_CODE: "It activates an online license and says nothing of plan or dates; look the subscription up.",
    Kind.HEIC: "Ask for a PNG or JPEG, or convert it and add it to the ticket.",
    Kind.PDF: "Open it yourself; ask for the license file, or for screenshots as images.",
    Kind.ARCHIVE: "Open it yourself, and add what is needed of it to the ticket.",
    Kind.OUTLOOK: "Open it yourself, and add what is needed of it to the ticket.",
}
"""What to do about a content that held no license, where that is not plain."""


@dataclass(frozen=True)
class FoundLicense:
    """A license that was found.

    Attributes:
        text: The license file as the gem writes it; never shown.
        where: In which member of the file it stood, or "".
        is_whole: Whether its end is there.
        notes: What was mended, for the reader.
    """

    text: str = field(repr=False)
    where: str = ""
    is_whole: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Content:
    """What some bytes are, and the licenses in them.

    Attributes:
        kind: What they are.
        detail: The format, such as `PNG`, or "".
        licenses: Every license in them, each once, in order.
        notes: What was not opened or is odd, for the reader.
    """

    kind: Kind
    detail: str = ""
    licenses: tuple[FoundLicense, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it is: *a zip archive*, *an image (PNG)*."""
        return f"{self.kind} ({self.detail})" if self.detail else str(self.kind)

    @property
    def advice(self) -> str:
        """What to do about it if it held no license, or ""."""
        return ADVICE.get(self.kind, "")


def look(content: bytes | str) -> Content:
    """What a content is, and every license in it. Never raises, whatever the content is."""
    return _Look().at(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)


_MAGIC: tuple[tuple[bytes, Kind, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", Kind.IMAGE, "PNG"),
    (b"\xff\xd8\xff", Kind.IMAGE, "JPEG"),
    (b"GIF87a", Kind.IMAGE, "GIF"),
    (b"GIF89a", Kind.IMAGE, "GIF"),
    (b"II*\0", Kind.IMAGE, "TIFF"),
    (b"MM\0*", Kind.IMAGE, "TIFF"),
    (b"%PDF-", Kind.PDF, ""),
    (b"PK\x03\x04", Kind.ZIP, ""),
    (b"PK\x05\x06", Kind.ZIP, "empty"),
    (b"\x1f\x8b\x08", Kind.PACKED, "gzip"),
    (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE, "7z"),
    (b"Rar!\x1a\x07", Kind.ARCHIVE, "RAR"),
    (b"BZh", Kind.PACKED, "bzip2"),
    (b"\xfd7zXZ\0", Kind.PACKED, "xz"),
    (b"\x28\xb5\x2f\xfd", Kind.ARCHIVE, "zstd"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OUTLOOK, ""),
)
"""How binary formats begin."""
_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, the longer of two that begin alike first."""
_UNPACKERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=XZ_BYTES),
}
_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, LookupError, TypeError),
)
"""What is raised at damaged and encrypted archives; RecursionError is a RuntimeError."""
_HEADER = re.compile(r"(?:>?From |[A-Za-z][A-Za-z0-9-]{0,60}:)")
_MAIL_HEADERS = frozenset(
    ("from", "to", "subject", "date", "received", "mime-version", "content-type", "message-id", "return-path", "cc")
)
_CODE = re.compile(
    r"(?i:activation[ _-]{0,3}(?:code|key)\b[^A-Za-z0-9]{0,40}(?:is\b[^A-Za-z0-9]{0,20})?)"
    r"([A-Za-z0-9]{24})(?![A-Za-z0-9])"
)
"""An activation code with its name before it. Source: FACTS 6: 24 characters."""
_BARE_CODE = re.compile(r"[A-Za-z0-9]{24}")
_BROKEN = "The archive is damaged and could not be read to its end. Ask for the file itself."
_SHORT_CHARS = 400
"""A text that is an activation code has hardly more than that."""


class _Look:
    """One look at one content, with what may still be opened."""

    def __init__(self) -> None:
        self._members, self._bytes = MOST_MEMBERS, TOTAL_BYTES
        self._licenses: dict[str, FoundLicense] = {}
        self._notes: list[str] = []

    def at(self, content: bytes) -> Content:
        """The content, with everything in it."""
        kind, detail = self._open(content, "", 0)
        if len(self._licenses) > 1:
            self._note(f"{len(self._licenses)} licenses are in it; GitLab itself takes the last one.")
        return Content(kind, detail, tuple(self._licenses.values()), tuple(dict.fromkeys(self._notes)))

    def _open(self, content: bytes, where: str, depth: int) -> tuple[Kind, str]:
        """Look at one member; returns its kind."""
        kind, detail = _magic(content)
        if kind is Kind.ZIP:
            return kind, self._zip(content, where, depth) or detail
        if kind is Kind.TAR:
            self._tar(content, where, depth)
            return kind, detail
        if kind is Kind.PACKED:
            self._packed(content, detail, where, depth)
            return kind, detail
        if kind in (Kind.IMAGE, Kind.HEIC):
            return kind, detail
        if len(content) > TEXT_BYTES:
            self._note("Only its first 2 MB were searched for a license.")
        text = as_text(content[:TEXT_BYTES])
        found = envelopes.locate(text)
        for envelope in found:
            self._add(envelope, where)
        if kind is not Kind.BINARY:
            return kind, detail
        if _is_mail(text):
            self._mail(content[:TEXT_BYTES], where, depth)
            return Kind.MAIL, ""
        if not found and envelopes.material(text):
            self._note("A piece of a license is in it, without its beginning. Ask for the whole file.")
        return _text_kind(text, content, is_license=bool(found)), ""

    def _add(self, envelope: envelopes.Envelope, where: str) -> None:
        found = FoundLicense(envelope.text, where, envelope.is_whole, envelope.notes)
        self._licenses.pop(found.text, None)  # of the same one, the last place counts, as the order does
        self._licenses[found.text] = found

    def _note(self, words: str) -> None:
        self._notes.append(words)

    def _may_open(self, depth: int, size: int) -> bool:
        """Whether one more member may be opened; a note says why not."""
        if depth >= DEPTH:
            self._note(f"What is nested more than {DEPTH} deep in it was not opened.")
        elif self._members <= 0:
            self._note(f"Only the first {MOST_MEMBERS} files in it were opened.")
        elif size > min(MEMBER_BYTES, self._bytes):
            self._note("A file in it is too large for a license and was not opened.")
        else:
            self._members -= 1
            self._bytes -= size
            return True
        return False

    # -- archives

    def _zip(self, content: bytes, where: str, depth: int) -> str:
        """Look at what a zip holds; returns what kind of zip it is, or ""."""
        if content.count(b"PK\x01\x02") > MOST_NAMES:
            self._note(f"It lists more than {MOST_NAMES} files and was not opened.")
            return ""
        try:
            with zipfile.ZipFile(BytesIO(content)) as archive:
                members = [info for info in archive.infolist() if not info.is_dir()]
                for info in members:
                    self._member(archive, info, where, depth)
        except _DAMAGED:
            self._note(_BROKEN)
            return ""
        return "an Office file" if any(info.filename == "[Content_Types].xml" for info in members) else ""

    def _member(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str, depth: int) -> None:
        name = info.filename.rpartition("/")[2]
        if info.flag_bits & 1:
            self._note("A file in it is protected by a password and was not opened. Ask for it without one.")
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            self._note("A file in it is packed in a way that is not known here. Ask for the file itself.")
        elif info.file_size > SMALL_BYTES and info.file_size > MOST_RATIO * max(1, info.compress_size):
            self._note(f"A file in it unpacks to more than {MOST_RATIO} times its size and was not opened.")
        elif self._may_open(depth, info.file_size):
            with archive.open(info) as member:
                inner = member.read(info.file_size + 1)
            self._inner(inner, where, f"{name} in the archive", depth)

    def _tar(self, content: bytes, where: str, depth: int) -> None:
        """Look at what a tar holds; links and devices are no files."""
        try:
            with tarfile.open(fileobj=BytesIO(content), mode="r:") as archive:
                for count, info in enumerate(archive):
                    if count >= MOST_NAMES:
                        self._note(f"Only the first {MOST_NAMES} names in it were looked at.")
                        break
                    member = archive.extractfile(info) if info.isreg() and self._may_open(depth, info.size) else None
                    if member:
                        name = info.name.rpartition("/")[2]
                        self._inner(member.read(info.size), where, f"{name} in the archive", depth)
        except _DAMAGED:
            self._note(_BROKEN)

    def _packed(self, content: bytes, how: str, where: str, depth: int) -> None:
        """Look at the one file that is packed in this one."""
        try:
            inner = _unpacked(content, _UNPACKERS[how], min(MEMBER_BYTES, self._bytes) + 1)
        except _DAMAGED:
            self._note(_BROKEN)
            return
        if self._may_open(depth, len(inner)):
            self._inner(inner, where, "the packed file", depth)

    def _inner(self, content: bytes, where: str, name: str, depth: int) -> None:
        """Look at one file within another; what is in it is told where that is not looked at here."""
        found = len(self._licenses)
        kind, _ = self._open(content, _inside(where, name), depth + 1)
        if kind in (Kind.IMAGE, Kind.HEIC, Kind.PDF):
            self._note(f"It holds {kind}; add that to the ticket by itself.")
        elif kind in ADVICE and found == len(self._licenses):
            self._note(f"It holds {kind}. {ADVICE[kind]}")

    # -- mails

    def _mail(self, content: bytes, where: str, depth: int) -> None:
        """Look at the parts of a mail, and of the mails in it."""
        lower = content.lower()
        if lower.count(b"message/rfc822") + lower.count(b"multipart/") > MOST_MEMBERS:
            self._note(f"The mail has more than {MOST_MEMBERS} parts and was not taken apart.")
            return
        for part in email.message_from_bytes(content).walk():
            payload = _payload(part)
            if payload is not None and self._may_open(depth, len(payload)):
                self._inner(payload, where, "a part of the mail", depth)


def as_text(content: bytes) -> str:
    """The text in some bytes, in whatever Unicode encoding; what is none is read byte by byte."""
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
    """From where to where activation codes stand that are called so."""
    return [found.span(1) for found in _CODE.finditer(text)]


def _payload(part: Message) -> bytes | None:
    """What a part of a mail holds, decoded; None for one that only holds parts."""
    if part.is_multipart():
        return None
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else None


def _unpacked(content: bytes, start: Callable[[], Any], most: int) -> bytes:
    """What is packed in some bytes, up to a limit; several parts are joined, and what else follows is left out.

    Raises:
        EOFError: It is cut off.
    """
    found, mark = bytearray(), content[:3]
    for _ in range(MOST_MEMBERS):
        part = start()
        found += part.decompress(content, most - len(found))
        content = part.unused_data
        if len(found) >= most or not content.startswith(mark):
            break
    if not part.eof and len(found) < most:
        raise EOFError
    return bytes(found)


def _inside(where: str, inner: str) -> str:
    return f"{inner}, {where}" if where else inner


def _magic(content: bytes) -> tuple[Kind, str]:
    """The kind of a binary content, by its first bytes; BINARY where they tell nothing."""
    for start, kind, detail in _MAGIC:
        if content.startswith(start):
            return kind, detail
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Kind.IMAGE, "WebP"
    if content[4:8] == b"ftyp":
        return (Kind.HEIC, "") if content[8:12] in _HEIC else (Kind.BINARY, "")
    if content[257:262] == b"ustar":
        return Kind.TAR, ""
    return Kind.BINARY, ""


def _is_mail(text: str) -> bool:
    """Whether a text begins as a mail does: with a block of headers, two of them well known."""
    known = 0
    for line in _first_lines(text, 60):
        if not line.strip():
            break
        if line[:1] in " \t":
            continue
        if not _HEADER.match(line):
            return False
        known += line.partition(":")[0].lower() in _MAIL_HEADERS
    return known >= 2


def _text_kind(text: str, content: bytes, *, is_license: bool) -> Kind:
    """What a text is; BINARY if it is none."""
    bare = text.strip(" \t\r\n\0\ufeff\"'")
    start = bare[:2000].lower()
    if not bare:
        return Kind.EMPTY if not content.strip(b"\0 \t\r\n") else Kind.BINARY
    if start.startswith("license key") and bare[11:14].strip("\"' ")[:1] in (",", ";", "\t", ""):
        return Kind.USAGE_EXPORT
    if is_license:
        return Kind.LICENSE
    if "\0" in text or sum(not (c.isprintable() or c.isspace()) for c in text[:2000]) > len(text[:2000]) // 10:
        return Kind.BINARY
    if _is_code(bare):
        return Kind.ACTIVATION_CODE
    if start.startswith("-----begin "):
        return Kind.KEY
    if start.startswith(("<!doctype html", "<html")) or re.search(r"<(?:body|head|div|table|p|br)\b", start):
        return Kind.HTML
    return Kind.CSV if _is_table(bare) else Kind.TEXT


def _is_code(bare: str) -> bool:
    if _CODE.search(bare):
        return True
    mixed = any(c.isdigit() for c in bare) and any(c.isalpha() for c in bare)
    return len(bare) <= _SHORT_CHARS and mixed and _BARE_CODE.fullmatch(bare) is not None


def _is_table(bare: str) -> bool:
    """Whether the first lines all have the same number of commas, semicolons or tabs."""
    lines = [line for line in _first_lines(bare, 6) if line.strip()][:5]
    return len(lines) > 1 and any(lines[0].count(mark) and len({x.count(mark) for x in lines}) == 1 for mark in ",;\t")


def _first_lines(text: str, most: int) -> Iterator[str]:
    return iter(text[: 500 * most].splitlines()[:most])

"""Finds every license in bytes or text, and the kind of their content.

Only the content counts, never a file name or a media type, since the sender chooses those. Text may be encoded,
quoted or escaped (`envelopes`); archives, packed files and mails are opened, within limits of number, size and depth.
A license that is found is not checked here: it may be forged, damaged, or another customer's (`license`).

No I/O, no clock: an archive is opened in memory.
"""

from __future__ import annotations

import bz2
import email
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

from runbook_lib.domain import encoded_blocks, envelopes
from runbook_lib.domain.content_kinds import (
    ADVICE,
    UNOPENED,
    Kind,
    as_text,
    is_mail,
    is_of_known_kind,
    magic,
    text_kind,
)
from runbook_lib.domain.envelopes import Envelope
from runbook_lib.domain.escapes import View, decoded
from runbook_lib.domain.image_types import media_type

TEXT_BYTES = 2 * 1024 * 1024
"""Bytes of one text that are searched. A license has 2 to 4 kB; a longer text is a log."""
MEMBER_BYTES = 2 * 1024 * 1024
"""Larger members of an archive are not opened."""
TOTAL_BYTES = 4 * 1024 * 1024
"""Bytes that are unpacked from one file in total."""
MOST_MEMBERS = 100
"""Archive members and mail parts that are opened in total."""
MOST_NAMES = 2000
"""An archive that lists more names is not opened."""
DEPTH = 5
"""Levels of nested archives and mails that are opened."""
MOST_RATIO = 200
"""A member that unpacks to more than this many times its size counts as a bomb; text unpacks to about ten times."""
SMALL_BYTES = 1024 * 1024
"""Members that unpack to less are exempt from the ratio."""
PIECE_BYTES = 512
"""A damaged file is unpacked up to the piece with the damage."""
XZ_BYTES = 64 * 1024 * 1024
"""Memory that unpacking xz may take."""


@dataclass(frozen=True)
class Content:
    """What some bytes are, and the licenses in them."""

    kind: Kind
    detail: str = ""  # the format, such as `PNG`, or ""
    licenses: tuple[Envelope, ...] = ()  # every license in them, each once, in order
    notes: tuple[str, ...] = ()  # what was not opened or is odd, for the reader
    is_opened: bool = True  # whether all that may hold a license was looked at
    images: tuple[tuple[str, bytes], ...] = ()  # the images within it, such as an Office file's, each with its name

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


_UNPACKERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "bzip2": bz2.BZ2Decompressor,
    "zlib": zlib.decompressobj,
    "deflate": lambda: zlib.decompressobj(wbits=-zlib.MAX_WBITS),
    "lzma": lambda: lzma.LZMADecompressor(memlimit=XZ_BYTES),
    "xz": lambda: lzma.LZMADecompressor(memlimit=XZ_BYTES),
}
_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, LookupError, TypeError),
)
"""What is raised at damaged and encrypted archives; RecursionError is a RuntimeError."""
CUT_CHARS = 8
"""Letters at the end of a cut license that may not be its own."""
_BROKEN = "The archive is damaged and could not be read to its end. Ask for the file itself."


class _Look:
    """One look at one content, with what may still be opened."""

    def __init__(self, is_secret: Callable[[str], bool] = lambda _: False) -> None:
        self._is_secret = is_secret
        self._members, self._bytes = MOST_MEMBERS, TOTAL_BYTES
        self._licenses: dict[str, Envelope] = {}
        self._notes: list[str] = []
        self._images: list[tuple[str, bytes]] = []
        self._is_opened = True
        self.has_piece = False  # whether a piece of a license was seen, without its beginning
        self.has_secret = False  # whether `is_secret` says so of a text in it

    def at(self, content: bytes) -> Content:
        kind, detail = self._open(content, "", 0)
        self._drop_cut_copies()
        if len(self._licenses) > 1:
            self._notes.append(f"{len(self._licenses)} licenses are in it; GitLab itself takes the last one.")
        notes = tuple(dict.fromkeys(self._notes))
        return Content(kind, detail, tuple(self._licenses.values()), notes, self._is_opened, tuple(self._images))

    def _open(self, content: bytes, where: str, depth: int) -> tuple[Kind, str]:
        kind, detail = magic(content)
        if kind is Kind.ZIP:
            return kind, self._zip(content, where, depth) or detail
        if kind is Kind.TAR:
            self._tar(content, where, depth)
        elif kind is Kind.PACKED:
            self._packed(content, detail, where, depth)
        elif kind is Kind.BINARY:
            kind = self._text(content, where, depth)
        elif kind not in (Kind.IMAGE, Kind.HEIC, Kind.VIDEO):
            self._search(content, where)
        if kind in UNOPENED and not (kind is Kind.BINARY and depth):
            self._is_opened = False
        return kind, detail

    def _text(self, content: bytes, where: str, depth: int) -> Kind:
        """Look at a text, which may be a mail or hold encoded files; returns its kind."""
        text, search = self._search(content, where)
        if is_mail(text):
            self._mail(text.encode("utf-8", "surrogatepass"), where, depth)
            return Kind.MAIL
        views = text, search.view.text
        if search.found:  # another one may stand beside it, encoded
            rest = envelopes.replaced(text, [(one.start, one.end, " ") for one in search.found])
            views = rest, decoded(rest).text
        if not self._blocks(*views, where, depth) and not search.found and search.spans():
            self.has_piece = True
            self._notes.append("A piece of a license is in it, without its beginning. Ask for the whole file.")
        return text_kind(text, content, is_license=bool(search.found))

    def _search(self, content: bytes, where: str) -> tuple[str, envelopes.Search]:
        """The text of some bytes, and the search through it; its licenses are kept."""
        if len(content) > TEXT_BYTES:
            self._leave("Only its first 2 MB were searched for a license.")
        start = content[:TEXT_BYTES]
        text = as_text(start)
        self.has_secret = self.has_secret or self._is_secret(text)
        search = envelopes.Search(text)
        amid = envelopes.Search(start.decode("latin-1")) if not search.found and b"\0" in start else search
        search = amid if amid.found else search  # letters of one or two bytes amid others
        for envelope in search.found:
            self._add(envelope, where)
        return text, search

    def _add(self, envelope: Envelope, where: str) -> None:
        self._licenses.pop(envelope.body, None)  # of the same one, the last place counts, as the order does
        self._licenses[envelope.body] = replace(envelope, where=where)

    def _drop_cut_copies(self) -> None:
        """Leave out the beginning of a license that is here as a whole too, as in a quote or a second paste."""
        whole = [_body(one) for one in self._licenses.values() if one.is_whole]
        for body, one in list(self._licenses.items()):
            if not one.is_whole and any(other.startswith(_body(one)) for other in whole):
                del self._licenses[body]

    def _leave(self, words: str) -> None:
        """Note that something was not looked at, and why."""
        self._is_opened = False
        self._notes.append(words)

    def _may_open(self, depth: int, size: int) -> bool:
        """Whether one more member may be opened; a note says why not."""
        if depth >= DEPTH:
            self._leave(f"What is nested more than {DEPTH} deep in it was not opened.")
        elif self._members <= 0:
            self._leave(f"Only the first {MOST_MEMBERS} files in it were opened.")
        elif size > min(MEMBER_BYTES, self._bytes):
            self._leave("A file in it is too large for a license and was not opened.")
        else:
            self._members -= 1
            self._bytes -= size
            return True
        return False

    def _blocks(self, text: str, shown: str, where: str, depth: int) -> bool:
        """Look at encoded blocks of a text, such as a whole file. Returns whether one held a license."""
        known = len(self._licenses)
        for view in (shown, text):
            for _, _, content in encoded_blocks.in_base64(view):
                if self._may_open(depth, len(content)):
                    self._inner(_inflated(content), where, "", depth)
            if text == shown or len(self._licenses) > known:
                break  # what looks like an escape may be none, so the text as it is comes last
        return len(self._licenses) > known

    # -- archives

    def _zip(self, content: bytes, where: str, depth: int) -> str:
        """Look at what a zip holds; returns what kind of zip it is, or ""."""
        if content.count(b"PK\x01\x02") > MOST_NAMES:
            self._leave(f"It lists more than {MOST_NAMES} files and was not opened.")
            return ""
        try:
            with zipfile.ZipFile(BytesIO(content)) as archive:
                members = [info for info in archive.infolist() if not info.is_dir()]
                for info in members:
                    self._member(archive, info, where, depth)
        except _DAMAGED:
            self._leave(_BROKEN)
            return ""
        is_office = {"[Content_Types].xml", "mimetype"} & {info.filename for info in members}
        return "an Office file" if is_office else ""

    def _member(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str, depth: int) -> None:
        name = info.filename.rpartition("/")[2]
        if info.flag_bits & 1:
            self._leave("A file in it is protected by a password and was not opened. Ask for it without one.")
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            self._leave("A file in it is packed in a way that is not known here. Ask for the file itself.")
        elif info.file_size > SMALL_BYTES and info.file_size > MOST_RATIO * max(1, info.compress_size):
            self._leave(f"A file in it unpacks to more than {MOST_RATIO} times its size and was not opened.")
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
                        self._leave(f"Only the first {MOST_NAMES} names in it were looked at.")
                        break
                    member = archive.extractfile(info) if info.isreg() and self._may_open(depth, info.size) else None
                    if member:
                        name = info.name.rpartition("/")[2]
                        self._inner(member.read(info.size), where, f"{name} in the archive", depth)
        except _DAMAGED:
            self._leave(_BROKEN)

    def _packed(self, content: bytes, how: str, where: str, depth: int) -> None:
        inner, is_whole = _unpacked(content, _UNPACKERS[how], min(MEMBER_BYTES, self._bytes) + 1)
        if not is_whole:
            self._leave(_BROKEN)
        if inner and self._may_open(depth, len(inner)):
            self._inner(inner, where, "the packed file", depth)

    def _inner(self, content: bytes, where: str, name: str, depth: int) -> None:
        """Look at one file within another; add a note for a kind that is not searched here."""
        found = len(self._licenses)
        place = ", ".join(filter(None, (name, where)))
        kind, _ = self._open(content, place, depth + 1)
        if media_type(content):
            self._images.append((place, content))
        elif kind in (Kind.IMAGE, Kind.HEIC, Kind.PDF):
            self._leave(f"It holds {kind}; add that to the ticket by itself.")
        elif kind in ADVICE and kind is not Kind.BINARY and found == len(self._licenses):
            self._notes.append(f"It holds {kind}. {ADVICE[kind]}")

    # -- mails

    def _mail(self, content: bytes, where: str, depth: int) -> None:
        """Look at the parts of a mail, and of the mails in it."""
        lower = content.lower()
        if lower.count(b"message/rfc822") + lower.count(b"multipart/") > MOST_MEMBERS:
            self._leave(f"The mail has more than {MOST_MEMBERS} parts and was not taken apart.")
            return
        for part in email.message_from_bytes(content).walk():
            payload = part.get_payload(decode=True)  # None for one that only holds parts
            if isinstance(payload, bytes) and self._may_open(depth, len(payload)):
                self._inner(payload, where, "a part of the mail", depth)


def encoded(
    text: str, view: View, is_known: Callable[[tuple[int, int]], bool], is_secret: Callable[[str], bool]
) -> Iterator[tuple[int, int, bool]]:
    """The spans of a text that hold a license, or a piece of one, or a secret, only once they are decoded.

    Each with whether it is a license.

    Args:
        text: The text as it is.
        view: The same with its escapes resolved.
        is_known: Whether a span holds a license as it is; it is not decoded, which would take most of the time.
        is_secret: Whether a text that was decoded has a secret in it.
    """
    blocks = list(encoded_blocks.in_base64(text))
    if view.text != text:
        found_in_view = encoded_blocks.in_base64(view.text)
        blocks += [(*view.origin(start, end), content) for start, end, content in found_in_view]
    for start, end, content in blocks:
        if not is_known((start, end)):
            look = _Look(is_secret)
            is_license = bool(look.at(_inflated(content)).licenses) or look.has_piece
            if is_license or look.has_secret:
                yield start, end, is_license


def _body(found: Envelope) -> str:
    """Its Base64 letters in one line; of a cut one without the last few, which may be other words."""
    letters = found.body.rstrip("=")
    return letters if found.is_whole else letters[:-CUT_CHARS]


def _inflated(content: bytes) -> bytes:
    """Bytes of an unknown kind without their compression, if it is one that has no mark: as SAML and PHP write it."""
    if is_of_known_kind(content):
        return content
    inner, _ = _unpacked(content, _UNPACKERS["deflate"], MEMBER_BYTES)
    return inner if len(inner) > len(content) else content


def _unpacked(content: bytes, start: Callable[[], Any], most: int) -> tuple[bytes, bool]:
    """What is packed in some bytes, up to a limit, and whether that is all of it.

    Several parts are joined, what else follows is left out, and of a damaged file the beginning counts.
    """
    found, mark = bytearray(), content[:3]
    for _ in range(MOST_MEMBERS):
        part = start()
        for at in range(0, len(content), PIECE_BYTES):
            try:
                found += part.decompress(content[at : at + PIECE_BYTES], most - len(found))
            except _DAMAGED:
                return bytes(found), False
            if part.eof or len(found) >= most:
                break
        content = part.unused_data + content[at + PIECE_BYTES :]
        if len(found) >= most or not content.startswith(mark):
            break
    return bytes(found), part.eof or len(found) >= most

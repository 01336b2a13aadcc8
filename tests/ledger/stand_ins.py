"""Stand-ins for the parts of Google's and Azure's object stores that the share uses: create, read and list.

They are made from the vendors' documentation alone, keep nothing on disk, and check no signature. What is proven here
holds for the answers as documented, and not for the vendor.

Source, Google: https://cloud.google.com/storage/docs/ with request-preconditions (generation 0, 412),
xml-api/put-object-upload, xml-api/get-bucket-list (version 2), xml-api/reference-status (error bodies).
Source, Azure: https://learn.microsoft.com/rest/api/storageservices/ with put-blob, get-blob, list-blobs,
specifying-conditional-headers-for-blob-service-operations (`If-None-Match: *`), blob-service-error-codes (409).
"""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from email.utils import formatdate
from html import escape
from typing import NamedTuple
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

BUCKET, ACCOUNT = "team", "devstoreaccount1"
Refusal = tuple[int, str]


class Stored(NamedTuple):
    """An object: its bytes, and its number, which is its generation and in its entity tag."""

    content: bytes
    number: int

    @property
    def e_tag(self) -> str:
        return f'"0x{self.number:x}"'


class StandIn(ABC):
    """One bucket, or container.

    Attributes:
        place: The path of the bucket below the address.
        no_bucket: The vendor's word for a bucket that does not exist.
        exists: Its refusal to create what is there already.
        written: Its status of a write.
        is_blind: Whether it ignores the condition of a write, as a proxy might.
        page: How many objects a listing has at most.
    """

    place = ""
    no_bucket = "NoSuchBucket"
    exists: Refusal = (412, "PreconditionFailed")
    written = 200

    def __init__(self) -> None:
        self.is_blind = False
        self.page = 1000
        self._objects: dict[str, Stored] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        if not self.is_allowed(environ):
            return self._answer(start, 403, self.error("AccessDenied"))
        if path.rstrip("/") == f"/{self.place}" and method == "GET":
            return self._answer(start, 200, self._listed(query).encode())
        if not path.startswith(f"/{self.place}/"):
            return self._answer(start, 404, self.error(self.no_bucket))
        name = path.removeprefix(f"/{self.place}/")
        return self._write(start, name, body, environ) if method == "PUT" else self._read(start, name)

    @abstractmethod
    def is_allowed(self, environ: WSGIEnvironment) -> bool:
        """Whether a request has an authorization of the vendor's form."""

    @abstractmethod
    def is_create_only(self, environ: WSGIEnvironment) -> bool:
        """Whether a write asks for nothing to be there."""

    @abstractmethod
    def listing(self, names: list[str], after: str, query: dict[str, str]) -> str:
        """A page of a listing; `after` is the marker of the next one, or ""."""

    def error(self, code: str) -> bytes:
        return f"<?xml version='1.0' encoding='utf-8'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()

    def stored(self, name: str) -> Stored:
        return self._objects[name]

    def _write(self, start: StartResponse, name: str, body: bytes, environ: WSGIEnvironment) -> list[bytes]:
        with self._lock:
            if name in self._objects and self.is_create_only(environ) and not self.is_blind:
                return self._answer(start, self.exists[0], self.error(self.exists[1]))
            self._objects[name] = made = Stored(body, len(self._objects) + 1)
        return self._answer(start, self.written, b"", made)

    def _read(self, start: StartResponse, name: str) -> list[bytes]:
        if found := self._objects.get(name):
            return self._answer(start, 200, found.content, found)
        return self._answer(start, 404, self.error("NoSuchKey"))

    def _listed(self, query: dict[str, str]) -> str:
        marker = query.get("continuation-token") or query.get("marker") or ""
        names = sorted(name for name in self._objects if name.startswith(query.get("prefix", "")) and name > marker)
        return self.listing(names[: self.page], names[self.page - 1] if len(names) > self.page else "", query)

    def _answer(self, start: StartResponse, status: int, body: bytes, of: Stored | None = None) -> list[bytes]:
        headers = [("Content-Length", str(len(body))), ("Content-Type", "application/xml")]
        if of:
            headers += [("ETag", of.e_tag), ("Last-Modified", formatdate(usegmt=True))]
            headers += [("x-goog-generation", str(of.number))]
        start(f"{status} Answer", headers)
        return [body]


class Google(StandIn):
    """Cloud Storage's XML API."""

    place = BUCKET

    def is_allowed(self, environ: WSGIEnvironment) -> bool:
        kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        return kind == "Bearer" and token.count(".") == 2

    def is_create_only(self, environ: WSGIEnvironment) -> bool:
        return environ.get("HTTP_X_GOOG_IF_GENERATION_MATCH") == "0"

    def listing(self, names: list[str], after: str, query: dict[str, str]) -> str:
        assert query["list-type"] == "2"
        items = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>2026-11-21T10:00:00.000Z</LastModified>"
            f"<ETag>{escape(_md5(found.content))}</ETag><Size>{len(found.content)}</Size></Contents>"
            for name in names
            for found in [self.stored(name)]
        )
        token = f"<NextContinuationToken>{escape(after)}</NextContinuationToken>" if after else ""
        more = f"<IsTruncated>{'true' if after else 'false'}</IsTruncated>"
        return f"<?xml version='1.0'?><ListBucketResult><Name>{BUCKET}</Name>{more}{token}{items}</ListBucketResult>"


class Azure(StandIn):
    """Azure's blob service, at the address of an emulator."""

    place = f"{ACCOUNT}/{BUCKET}"
    no_bucket = "ContainerNotFound"
    exists = (409, "BlobAlreadyExists")
    written = 201

    def is_allowed(self, environ: WSGIEnvironment) -> bool:
        is_dated = "HTTP_X_MS_VERSION" in environ and ("HTTP_DATE" in environ or "HTTP_X_MS_DATE" in environ)
        return is_dated and environ.get("HTTP_AUTHORIZATION", "").startswith(f"SharedKey {ACCOUNT}:")

    def is_create_only(self, environ: WSGIEnvironment) -> bool:
        assert environ["HTTP_X_MS_BLOB_TYPE"] == "BlockBlob"
        return environ.get("HTTP_IF_NONE_MATCH") == "*"

    def listing(self, names: list[str], after: str, query: dict[str, str]) -> str:
        assert (query["restype"], query["comp"]) == ("container", "list")
        items = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{formatdate(usegmt=True)}</Last-Modified>"
            f"<Etag>{escape(found.e_tag)}</Etag><Content-Length>{len(found.content)}</Content-Length>"
            "<Content-Type>application/octet-stream</Content-Type><BlobType>BlockBlob</BlobType></Properties></Blob>"
            for name in names
            for found in [self.stored(name)]
        )
        end = f"<NextMarker>{escape(after)}</NextMarker>" if after else "<NextMarker />"
        return f"<?xml version='1.0'?><EnumerationResults><Blobs>{items}</Blobs>{end}</EnumerationResults>"


def _md5(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'

"""The team's share: a folder or a bucket in which objects are only ever created. Knows nothing of what they say.

    <profile>/<ticket>/journal/<key>/<first>-<last>.jsonl   lines of one writer's part, by their numbers, as written
    <profile>/<ticket>/<record>.ipynb                       a record
    <profile>/claims/<operation id>.json                    who is about to do an effect (`sharing`)
    keys/<key>.pem                                          a writer's public key, with its owner's name above it

`create` never replaces: of two that create the same object, one learns that it was there already. The object is on the
folder's disk, or acknowledged by the bucket, before `create` returns. Whatever the share does, a call ends within the
seconds that are left: it runs in a thread of its own, which is left behind if it hangs, as on a dead network mount.
"""

from __future__ import annotations

import errno
import hashlib
import heapq
import math
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runbook_lib import files
from runbook_lib.domain.errors import InputError, RefusedError, RunbookError, UnavailableError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

    from runbook_lib.settings import Settings

Result = TypeVar("Result")
EXPECTED = "a folder that exists, or s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"
CONFLICTS = 5
"""How often a create is tried again that was refused although nothing is there: another's was under way."""
PAGE = 1000
AT_ONCE = 10_000
"""Names of a folder that are held at once, so that any number of them takes the same memory."""
CONNECT_S = 5.0
CALL_S = 300.0
"""Longest call where a person waits, who can interrupt it."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+]+:")
_ADDRESS = re.compile(r"(s3|gs|az)://([a-z0-9][a-z0-9._-]+)((?:/(?!\.+(?:/|$))[\w .=+-]+)*)/*", re.IGNORECASE)
_STAGED = re.compile(r"#\d+$")
"""What a create that was killed leaves behind in a folder: obstore writes there, then links it to the object's name."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV, errno.ENOSYS, errno.EMLINK)
_CODE = re.compile(r"<Code>\s*([A-Za-z]{1,60})\s*</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_METADATA = ("169.254.169.254", "169.254.170.2", "metadata.google.internal")
"""Where a cloud's machines get their credentials: they are asked where no others are configured."""
_ACCOUNT = "Set RUNBOOK_SHARE_ACCOUNT and RUNBOOK_SHARE_SECRET, or the cloud's own variables (docs/team.md)."
_ADVICE = {
    "NoSuchBucket": "The bucket does not exist. Check RUNBOOK_SHARE.",
    "ContainerNotFound": "The container does not exist. Check RUNBOOK_SHARE.",
    "RequestTimeTooSkewed": "This machine's clock is wrong. Set it, then run again.",
    "AuthenticationFailed": "The credentials are wrong, or this machine's clock is.",
    "InvalidAccessKeyId": "The access key is unknown. Check RUNBOOK_SHARE_ACCOUNT.",
    "SignatureDoesNotMatch": "The secret does not belong to the access key. Check RUNBOOK_SHARE_SECRET.",
    "ExpiredToken": "The credentials have expired. Get new ones.",
}


@dataclass(frozen=True)
class Stored:
    path: str  # its name, below the share's own prefix
    size: int  # its bytes
    at: datetime  # when it was created, by the share's clock
    md5: str = ""  # the MD5 of its content where the share states it, in hexadecimal digits; else ""


class Share:
    """The objects of a share; all calls together take no more than `seconds`."""

    def __init__(self, url: str, store: ObjectStore, *, folder: Path | None, seconds: float = math.inf) -> None:
        self.url = url
        self.folder = folder
        self.seconds = seconds
        self._store = store
        self._left_s = seconds
        self._is_create_only = folder is not None  # a hard link replaces nothing; a service has to show it

    @classmethod
    def of(cls, settings: Settings, *, seconds: float = math.inf) -> Share | None:
        """The share as configured, or None if there is none. No request is sent.

        Raises:
            InputError: RUNBOOK_SHARE cannot be used.
        """
        if not settings.share:
            return None
        url, folder = address(settings.share)
        return cls(url, _store(settings, url, folder, seconds), folder=folder, seconds=seconds)

    def create(self, path: str, content: bytes) -> bytes | None:
        """Create an object; returns None, or, if it is there already, what it holds.

        Raises:
            RefusedError: The share says no; nothing was created.
            UnavailableError: It cannot be reached; the object may have been created all the same.
        """
        for _ in range(CONFLICTS):
            if self._limited(lambda: self._put(path, content)):
                return None
            self._is_create_only = True
            if (found := self.read(path)) is not None:  # an answer that was lost and asked for again is our own object
                return None if found == content else found
        raise UnavailableError(f"{self.url} refuses {path} and does not hold it. Run again.")

    def check_create_only(self, path: str, content: bytes) -> None:
        """Create an object of ours once more, once: a service that ignores the condition takes it again.

        Raises:
            RefusedError: It does, and must not be used.
            UnavailableError: As `create`.
        """
        if self._is_create_only:
            return
        if self._limited(lambda: self._put(path, content)):
            words = f"{self.url} replaces what is there, so that two machines could hold one claim."
            raise RefusedError(words, advice="Use a service that supports conditional writes (docs/team.md).")
        self._is_create_only = True

    def read(self, path: str) -> bytes | None:
        """What an object holds, or None if there is none. Raises as `create`."""
        return self._limited(lambda: self._get(path))

    def created_at(self, path: str) -> datetime | None:
        """When an object was created, by the share's clock; None if there is none. Raises as `create`."""
        return self._limited(lambda: self._created_at(path))

    def digests(self, paths: Collection[str]) -> list[str]:
        """The SHA-256 of what each object holds, or "" where there is none. Raises as `create`."""
        return self._limited(lambda: [_digest(self._get(path)) for path in paths]) if paths else []

    def objects(self, prefix: str) -> Iterator[Stored]:
        """The objects below a folder of the share, such as `live/1001`, sorted by name. Raises as `create`."""
        pages = self._folder_pages(prefix) if self.folder else self._pages(prefix)
        while page := self._limited(lambda: next(pages, None)):
            yield from page

    def _put(self, path: str, content: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:  # in one request: an upload in parts has no condition
            obstore.put(self._store, path, content, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        if self.folder:
            _sync(self.folder, path)
        return True

    def _get(self, path: str) -> bytes | None:
        import obstore

        try:
            return files.read(self.folder / path) if self.folder else bytes(obstore.get(self._store, path).bytes())
        except FileNotFoundError as exc:
            if _code(exc) in _ADVICE or not (self.folder is None or self.folder.is_dir()):
                raise
            return None

    def _created_at(self, path: str) -> datetime | None:
        import obstore

        with suppress(FileNotFoundError):
            return obstore.head(self._store, path)["last_modified"]
        return None

    def _pages(self, prefix: str) -> Iterator[list[Stored]]:
        import obstore

        for page in obstore.list(self._store, prefix, chunk_size=PAGE):
            yield [Stored(each["path"], each["size"], each["last_modified"], _md5(each["e_tag"])) for each in page]

    def _folder_pages(self, prefix: str) -> Iterator[list[Stored]]:
        if not self.folder or not self.folder.is_dir():
            raise FileNotFoundError(str(self.folder))
        found = (
            Stored(path, state.st_size, datetime.fromtimestamp(state.st_mtime, UTC))
            for path, state in walk(self.folder, f"{prefix}/")
            if not _STAGED.search(path)
        )
        while page := list(islice(found, PAGE)):
            yield page

    def _limited(self, call: Callable[[], Result]) -> Result:
        """What a call returns, within the seconds that are left."""
        if self._left_s <= 0:
            raise UnavailableError(f"{self.url} has used up the {self.seconds:.3g} s that a run has for it.")
        from obstore.exceptions import BaseError

        started, limit_s = time.monotonic(), min(self._left_s, CALL_S)
        try:
            return within(limit_s, call)
        except TimeoutError as exc:
            raise UnavailableError(f"{self.url} did not answer within {limit_s:.3g} s.") from exc
        except (OSError, ValueError, BaseError) as exc:
            raise _error(self.url, exc) from exc
        finally:
            self._left_s -= time.monotonic() - started


def address(given: str) -> tuple[str, Path | None]:
    """A share's address in one form, and its folder if it is one.

    Raises:
        InputError: It is none, or the folder does not exist.
    """
    given = given.strip()
    if _SCHEME.match(given) and not given.lower().startswith("file://"):
        if "@" in given or "?" in given:
            raise InputError(
                "RUNBOOK_SHARE has credentials in it. Leave them out: they would go to records and logs; set "
                "RUNBOOK_SHARE_ACCOUNT and RUNBOOK_SHARE_SECRET."
            )
        if not (found := _ADDRESS.fullmatch(given)):
            raise InputError(f"RUNBOOK_SHARE is {given!r}, which is no address of a share; expected {EXPECTED}.")
        return f"{found[1].lower()}://{found[2]}{found[3]}", None
    path = re.sub("^file://", "", given, flags=re.IGNORECASE)
    folder = Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises for an unknown user
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist. Make it, or mount it, then run again"
        raise InputError(f"RUNBOOK_SHARE is {given!r}, which {what}; expected {EXPECTED}.")
    return str(folder.resolve()), folder.resolve()


def names_in(folder: Path) -> Iterator[str]:
    """The names in a folder, hidden ones left out, in the order of a bucket's listing: by bytes, folders with a `/`.

    No more than `AT_ONCE` are held at a time: of a larger folder all names are read once for each such portion.
    """
    latest, is_more = b"", True
    while is_more:
        try:
            with os.scandir(folder) as entries:
                shown = (entry for entry in entries if entry.name[0] != ".")
                names = (os.fsencode(each.name) + b"/" * each.is_dir(follow_symlinks=False) for each in shown)
                page = heapq.nsmallest(AT_ONCE, (name for name in names if name > latest))
        except FileNotFoundError:
            return
        yield from map(os.fsdecode, page)
        is_more, latest = len(page) == AT_ONCE, page[-1] if page else b""


def walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """The files below a folder, or one in it, by the paths from it, as a bucket lists them; links are left out."""
    levels = [
        (prefix, names_in(folder / prefix))
    ]  # not by recursion, since others may have put a thousand folders into each other
    while levels:
        place, names = levels[-1]
        name = next(names, None)
        if name is None:
            levels.pop()
        elif name.endswith("/"):
            levels.append((place + name, names_in(folder / place / name)))
        else:
            with suppress(FileNotFoundError):
                if stat.S_ISREG((state := (folder / place / name).lstat()).st_mode):
                    yield place + name, state


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """What a call returns or raises; one that takes longer is left behind in its thread, which keeps no process alive.

    Raises:
        TimeoutError: It takes longer.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as exc:  # whatever it is, it is raised again where the call was made
            future.set_exception(exc)

    threading.Thread(target=run, daemon=True).start()
    return future.result(seconds)


def _store(settings: Settings, url: str, folder: Path | None, seconds: float) -> ObjectStore:
    try:
        from obstore.exceptions import BaseError
        from obstore.store import LocalStore, from_url
    except ModuleNotFoundError as exc:
        raise InputError(
            "RUNBOOK_SHARE is set, but the package obstore is missing here. Run `make` again, or `pip install obstore`."
        ) from exc
    try:
        if folder:
            return LocalStore(folder)
        limit_s = min(seconds, CALL_S)
        timeouts: Any = {
            "timeout": timedelta(seconds=limit_s),
            "connect_timeout": timedelta(seconds=min(CONNECT_S, limit_s)),
            "allow_http": settings.share_endpoint.startswith("http://"),
        }
        retries: Any = {"retry_timeout": timedelta(seconds=limit_s), "max_retries": 3}
        return from_url(url, client_options=timeouts, retry_config=retries, **_options(settings, url))
    except (BaseError, ValueError) as exc:
        raise InputError(
            f"RUNBOOK_SHARE is {url!r}, but its settings do not suffice ({_reason(exc)}). Check RUNBOOK_SHARE_ACCOUNT, "
            "RUNBOOK_SHARE_SECRET, RUNBOOK_SHARE_REGION and RUNBOOK_SHARE_ENDPOINT."
        ) from exc


def _options(settings: Settings, url: str) -> dict[str, Any]:
    """Credentials and place for a store; what is not set comes from the cloud's own variables and roles."""
    account, endpoint = settings.share_account, settings.share_endpoint
    secret = settings.share_secret.get_secret_value() if settings.share_secret else ""
    checked = {"region": settings.share_region, "checksum_algorithm": "SHA256"}  # as Object Lock asks of every upload
    kinds: dict[str, dict[str, str]] = {
        "s3": {"access_key_id": account, "secret_access_key": secret, "endpoint": endpoint, **checked},
        "gs": {"service_account_key": secret, "base_url": endpoint},
        "az": {"account_name": account, "account_key": secret, "endpoint": endpoint},
    }
    return {name: value for name, value in kinds[url[:2]].items() if value}


def _code(exc: Exception) -> str:
    """The service's own word for an error, or the HTTP status, or ""."""
    words = str(exc)
    found = _CODE.search(words) or _STATUS.search(words)
    return found[1] if found else ""


def _reason(exc: Exception) -> str:
    """An error's first line, without addresses, which may hold a signature."""
    return re.sub(r"\S+://\S+", "", str(exc).split("\n")[0])[:120].strip()


def _error(url: str, exc: Exception) -> RunbookError:
    """An error in our words: the service's may hold addresses with signatures."""
    words, code, name = str(exc), _code(exc), type(exc).__name__
    shown, advice = f" ({code})" if code else "", _ADVICE.get(code, "")
    if any(server in words for server in _METADATA):
        return RefusedError(f"{url} was not asked: there are no credentials for it here.", advice=_ACCOUNT)
    if "configured region" in words:
        return RefusedError(f"{url} is in another region.", advice="Check RUNBOOK_SHARE_REGION.")
    is_denied = re.search(r"status code: 40[13]", words) is not None  # a listing has no error class of its own
    if is_denied or name in ("PermissionDeniedError", "UnauthenticatedError", "PermissionError"):
        advice = advice or "It needs the rights to list, read and create objects."
        return RefusedError(f"{url} refuses access{shown}.", code=code, advice=advice)
    is_refused = re.search(r"status code: 4(?!04|08|09|29)", words) is not None
    if advice or is_refused or name == "InvalidPathError" or isinstance(exc, ValueError):
        return RefusedError(f"{url} refuses{shown}.", code=code, advice=advice)
    if isinstance(exc, FileNotFoundError):
        return UnavailableError(f"{url} is not there{shown}. Mount it, or check RUNBOOK_SHARE.")
    number = getattr(exc, "errno", None) or next(map(int, re.findall(r"os error (\d+)", words)), 0)
    if number in (errno.ENOSPC, errno.EDQUOT) or code == "507":
        return UnavailableError(f"{url} is full{shown}. Free some space there.")
    if number in _NO_LINKS and "rename" in words:
        words = f"{url} takes no hard links, which creating an object only once needs."
        return RefusedError(words, advice="Use another file system, or a bucket.")
    if number in (errno.EACCES, errno.EROFS):
        return RefusedError(f"{url} cannot be written to.", advice="It needs the rights to read and create files.")
    return UnavailableError(f"{url} cannot be reached{shown}. Check the network and RUNBOOK_SHARE_ENDPOINT.")


def _md5(e_tag: str | None) -> str:
    """The MD5 that an entity tag states. S3 does so unless an upload had parts or the key is its customer's."""
    tag = (e_tag or "").strip('"')
    return tag if re.fullmatch("[0-9a-f]{32}", tag) else ""


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _sync(folder: Path, path: str) -> None:
    """Put a file on disk, with the folders above it."""
    for each in (folder / path, *(folder / path).parents):
        files.sync(each)
        if each == folder:
            return

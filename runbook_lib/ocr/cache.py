"""What was read off images, kept on this machine, so that each image is read once, whichever notebook shows it.

A file for each image, in the platform's cache folder and for its user alone. Its name is the SHA-256 of the image's
bytes and the version of the reader; in it are values with their labels and places on the image. Invariants:

- Neither the image nor a part of it is kept, nor its name, nor any text but what `labels` knows.
- A file that is damaged or of another user is ignored, and made anew. So is one of another version.
- Without the folder, or with a full disk, images are read as if nothing had been kept.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

from runbook_lib import files
from runbook_lib.ocr import reading
from runbook_lib.ocr.images import decoded
from runbook_lib.ocr.reading import Page, Reading

if TYPE_CHECKING:
    from PIL import Image

KEPT_DAYS = 30
"""After how long a file goes, when another one is written."""
MOST_BYTES = 10_000
"""More than any file of ours has."""


class ReadingCache:
    """What is known of images, by their content: in this process with the pictures of each value, else from the folder.

    Args:
        folder: Where the files are; another one than the platform's for tests.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or user_cache_path("license-runbook") / "screenshots"
        self._pages: dict[str, Page | None] = {}

    def known(self, content: bytes, *, name: str = "") -> Page | None:
        """What was read off an image before; None if it has not been read yet.

        Raises:
            InputError: It shows no page that is read, or is no image.
        """
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._pages:
            try:
                kept = json.loads(_own_content(self._path(digest)))
                self._pages[digest] = _page(kept, decoded(content, name))
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                return None
        return reading.named(self._pages[digest], name)

    def read(self, content: bytes, *, name: str = "") -> Page:
        """Read a screenshot of GitLab's Dashboard, Subscription or License page, unless it is known, and keep that.

        Args:
            content: A PNG, JPEG, GIF or WebP file.
            name: The image's name in errors and conflicts.

        Raises:
            InputError: It is no such image, too large, damaged, or shows something else; or the extra `ocr` is missing.
        """
        page = self.known(content, name=name)
        if page is None:
            found = reading.shown(decoded(content, name))
            digest = hashlib.sha256(content).hexdigest()
            self._pages[digest] = found
            with suppress(OSError):  # it is read once more the next time
                self._keep(self._path(digest), found)
            page = reading.named(found, name)
        return page

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.{_reader()}.json"

    def _keep(self, path: Path, page: Page | None) -> None:
        files.make_folder(path.parent)
        young = time.time() - KEPT_DAYS * 86_400
        for other in path.parent.glob("*.json"):
            if other.lstat().st_mtime < young:
                other.unlink()
        files.write(path, json.dumps(_kept(page)).encode())


@functools.cache
def _reader() -> str:
    """The version of what reads: of this package's own code and of the libraries behind it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for library in ("rapidocr", "onnxruntime", "pillow"):
        with suppress(PackageNotFoundError):
            digest.update(f"{library} {version(library)}\n".encode())
    return digest.hexdigest()[:16]


def _own_content(path: Path) -> bytes:
    """What is in a file of this user; OSError if there is none, it is no plain file, another user's, or too large."""
    with files.opened(path) as handle:
        about = os.fstat(handle)
        if about.st_uid != os.geteuid() or about.st_size > MOST_BYTES:
            raise OSError("no file of ours")
        return os.read(handle, MOST_BYTES)


def _kept(page: Page | None) -> dict[str, Any]:
    """A page as it is kept: without its name and its pictures. None: the image shows no page that is read."""
    if page is None:
        return {"style": None, "readings": []}
    names = ("name", "value", "label", "place", "is_sure")
    return {"style": page.style, "readings": [{name: getattr(one, name) for name in names} for one in page.readings]}


def _page(kept: Mapping[str, Any], picture: Image.Image) -> Page | None:
    """A page from what was kept, with its pictures; KeyError, TypeError or ValueError if `_kept` has not made it."""
    if kept["style"] is None:
        return None
    readings = []
    for one in kept["readings"]:
        left, top, right, bottom = one["place"]
        place = left, top, right, bottom
        readings.append(Reading(**{**one, "place": place}, crop=reading.cropped(picture, place)))
    return Page(style=kept["style"], readings=tuple(readings))

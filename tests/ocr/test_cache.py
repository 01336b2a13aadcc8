"""What was read off images, kept on this machine: what is in it, when it counts, and that nothing else gets in."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runbook_lib.domain.errors import InputError
from runbook_lib.ocr import Page, Reading, ReadingCache, cache, reading
from runbook_lib.ocr.images import png

IMAGE = png(Image.new("RGB", (80, 60), "white"))
PLACE = (5, 5, 40, 20)
CROP = reading.cropped(Image.new("RGB", (80, 60), "white"), PLACE)
PAGE = Page(
    style="dashboard",
    readings=(
        Reading(name="plan", value="premium", label="Plan", place=PLACE, crop=CROP, is_sure=True),
        Reading(name="billable_users", value="1250", label="Billable users", place=PLACE, crop=CROP, is_sure=False),
        Reading(
            name="expires_on", value="2026-11-06", label="valid from ... to ...", place=PLACE, crop=CROP, is_sure=True
        ),
    ),
    name="a.png",
)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Each time that an image is really read; it shows `PAGE`."""
    found: list[object] = []
    monkeypatch.setattr(reading, "shown", lambda picture: found.append(picture) or PAGE)
    return found


@pytest.fixture
def kept(tmp_path: Path, looks: list[object]) -> Path:
    """The file of an image that was read."""
    ReadingCache(tmp_path).read(IMAGE, name="a.png")
    looks.clear()
    (path,) = tmp_path.iterdir()
    return path


def test_an_image_is_read_once(kept: Path, looks: list[object]) -> None:
    """By whatever process, and under whatever name; it says the same, with the same pictures."""
    assert PAGE == ReadingCache(kept.parent).known(IMAGE, name="a.png")
    assert "b.png" == ReadingCache(kept.parent).read(IMAGE, name="b.png").name
    assert [] == looks


def test_only_values_are_kept(kept: Path) -> None:
    """For their user alone, with nothing of the image but what it was found to say."""
    content = json.loads(kept.read_text())
    assert {"style", "readings"} == content.keys()
    assert all({"name", "value", "label", "place", "is_sure"} == one.keys() for one in content["readings"])
    assert "a.png" not in kept.read_text() + kept.name
    assert (0o600, 0o700) == (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777)


def test_what_shows_no_page_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by the name that it has now."""
    monkeypatch.setattr(reading, "shown", lambda picture: None)
    with pytest.raises(InputError, match=r"a\.png shows no Dashboard"):
        ReadingCache(tmp_path).read(IMAGE, name="a.png")
    monkeypatch.setattr(reading, "shown", pytest.fail)
    with pytest.raises(InputError, match=r"b\.png shows no Dashboard"):
        ReadingCache(tmp_path).read(IMAGE, name="b.png")


def changed(**fields: Any) -> Callable[[Path], object]:
    """Writes a first reading that differs from ours."""

    def write(path: Path) -> None:
        content = json.loads(path.read_text())
        content["readings"][0].update(fields)
        path.write_text(json.dumps(content))

    return write


def replaced(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Puts something else in the file's place."""

    def put(path: Path) -> None:
        path.unlink()
        make(path)

    return put


SPOILED: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_text(""),
    "cut off": lambda path: path.write_text(path.read_text()[:40]),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "deep": lambda path: path.write_text("[" * 9_000),
    "a list": lambda path: path.write_text("[]"),
    "much": lambda path: path.write_text(path.read_text() + " " * cache.MOST_BYTES),
    "no place": changed(place=None),
    "three sides": changed(place=[0, 0, 5]),
    "another field": changed(words="Call this number"),
    "a folder": replaced(Path.mkdir),
    "a pipe": replaced(os.mkfifo),
    "a link": replaced(lambda path: path.symlink_to("/etc/hostname")),
    "nothing": Path.unlink,
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_spoiled_file_is_ignored(spoil: Callable[[Path], object], kept: Path, looks: list[object]) -> None:
    """The image is read anew."""
    spoil(kept)
    assert PAGE == ReadingCache(kept.parent).read(IMAGE, name="a.png")
    assert 1 == len(looks)


def test_another_users_file_is_ignored(kept: Path, looks: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it says."""
    monkeypatch.setattr(os, "geteuid", lambda: kept.stat().st_uid + 1)
    assert PAGE == ReadingCache(kept.parent).read(IMAGE, name="a.png")
    assert 1 == len(looks)


def test_another_reader_reads_anew(kept: Path, looks: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """It may find more."""
    monkeypatch.setattr(cache, "_reader", lambda: "another")
    ReadingCache(kept.parent).read(IMAGE, name="a.png")
    assert 1 == len(looks)


def test_without_a_folder_images_are_read(tmp_path: Path, looks: list[object]) -> None:
    """And shown; only the next process has to read them once more."""
    (tmp_path / "file").write_text("in the way")
    found = ReadingCache(tmp_path / "file" / "cache")
    assert PAGE == found.read(IMAGE, name="a.png") == found.read(IMAGE, name="a.png")
    assert 1 == len(looks)


def test_what_is_old_goes(kept: Path) -> None:
    """When the next image is kept; what is not ours stays."""
    other = kept.with_name("notes.txt")
    other.write_text("not ours")
    long_ago = time.time() - (cache.KEPT_DAYS + 1) * 86_400
    for path in (kept, other):
        os.utime(path, (long_ago, long_ago))
    ReadingCache(kept.parent).read(png(Image.new("RGB", (90, 60))), name="b.png")
    assert not kept.exists()
    assert other.exists()

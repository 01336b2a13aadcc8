"""The share: objects are only ever created, in a folder and in a bucket; whatever it does, a call ends in time."""

from __future__ import annotations

import errno
import os
import socket
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from obstore.exceptions import GenericError

from runbook_lib.domain.errors import InputError, RefusedError, RunbookError, UnavailableError
from runbook_lib.ledger import share as share_module
from runbook_lib.ledger.share import Share, address
from runbook_lib.settings import Settings
from tests.deep_folders import deepest_in
from tests.ledger import share_server
from tests.ledger.share_server import Faulty, assert_each_call_says


@pytest.fixture(scope="module")
def server() -> Iterator[Faulty]:
    with share_server.running() as found:
        yield found


@pytest.fixture(autouse=True)
def no_fault(server: Faulty) -> None:
    server.fault = lambda number, when: None


def bucket(server: Faulty, url: str = "s3://team/audit", **more: object) -> Settings:
    """Settings of a share in the bucket."""
    given = {"share": url, "share_endpoint": server.url, "share_region": "us-east-1", "share_account": "AKIA"}
    return Settings(**{**given, "share_secret": "hush-hush", **more})  # type: ignore[arg-type]


def opened(settings: Settings, seconds: float = 5) -> Share:
    found = Share.of(settings, seconds=seconds)
    assert found
    return found


@pytest.fixture(params=["folder", "bucket"])
def share(request: pytest.FixtureRequest, tmp_path: Path, server: Faulty) -> Share:
    if request.param == "folder":
        (tmp_path / "share").mkdir()
        return opened(Settings(share=str(tmp_path / "share")))
    return opened(bucket(server, f"s3://team/{tmp_path.name}"))


def test_no_share_is_set() -> None:
    assert Share.of(Settings()) is None


def test_object_is_created_once(share: Share) -> None:
    """The second learns what is there; the same content again is no clash."""
    assert share.create("live/1/a.ipynb", b"one") is None
    assert share.create("live/1/a.ipynb", b"one") is None
    assert b"one" == share.create("live/1/a.ipynb", b"two")
    assert b"one" == share.read("live/1/a.ipynb")
    assert share.read("live/1/b.ipynb") is None


def test_of_eight_one_creates(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the service is slow between its look and its write."""
    from moto.s3.responses import S3Response  # as in share_server

    looked = S3Response._get_lock_details
    monkeypatch.setattr(S3Response, "_get_lock_details", lambda *args: (time.sleep(0.05), looked(*args))[1])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: share.create("live/claims/x.json", b"%d" % number), range(8)))
    assert (1, {share.read("live/claims/x.json")}) == (found.count(None), set(found) - {None})


def test_listing_is_sorted_and_keeps_to_its_folder(share: Share) -> None:
    """By the bytes of the whole name, also where a folder's name is the start of another's."""
    names = ["live/1/b.ipynb", "live/1/journal/k/1.jsonl", "live/1/a.ipynb", "live/10/a.ipynb", "live/2/a.ipynb"]
    for name in [*names, "live/claims/x.json", "keys/k.pem"]:
        share.create(name, name.encode())
    assert sorted([*names, "live/claims/x.json"]) == [each.path for each in share.objects("live")]
    assert [len("live/2/a.ipynb")] == [each.size for each in share.objects("live/2")]
    assert [] == list(share.objects("sandbox"))


def test_50_mb_are_one_object(share: Share) -> None:
    content = bytes(50_000_000)
    share = Share(share.url, share._store, folder=share.folder)
    assert share.create("live/1/big.ipynb", content) is None
    assert content == share.read("live/1/big.ipynb")
    assert content == share.create("live/1/big.ipynb", b"small")


def test_conflict_of_two_creates_is_tried_again(server: Faulty) -> None:
    """S3 answers 409 while another conditional write is under way, which may fail: nothing is there then."""
    server.calls.clear()
    server.fault = lambda number, when: (409, "ConditionalRequestConflict") if number == 1 else None
    assert opened(bucket(server)).create("live/1/conflict.json", b"ours") is None
    assert ["PUT", "GET", "PUT"] == [call.split()[0] for call in server.calls]


def test_own_object_is_known_after_a_lost_answer(server: Faulty) -> None:
    """The write took effect, its answer was an error, and the client asked again."""
    server.calls.clear()
    server.fault = lambda number, when: (500, "InternalError") if (number, when) == (1, "after") else None
    assert opened(bucket(server)).create("live/1/lost.json", b"ours") is None


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "AccessDenied", RefusedError, "refuses access (AccessDenied). It needs the rights to list, read and"),
        (301, "PermanentRedirect", RefusedError, "is in another region. Check RUNBOOK_SHARE_REGION"),
        (403, "RequestTimeTooSkewed", RefusedError, "This machine's clock is wrong. Set it"),
        (403, "InvalidAccessKeyId", RefusedError, "Check RUNBOOK_SHARE_ACCOUNT"),
        (403, "SignatureDoesNotMatch", RefusedError, "Check RUNBOOK_SHARE_SECRET"),
        (400, "ExpiredToken", RefusedError, "The credentials have expired"),
        (400, "InvalidRequest", RefusedError, "refuses (InvalidRequest)"),
        (503, "SlowDown", UnavailableError, "cannot be reached (SlowDown)"),
    ],
)
def test_fault_names_its_remedy(server: Faulty, status: int, code: str, kind: type[RunbookError], words: str) -> None:
    """It says what to do, and no secret."""
    server.fault = lambda number, when: (status, code)
    assert_each_call_says(opened(bucket(server)), kind, words)


def test_upload_has_the_checksum_that_object_lock_asks_for(server: Faulty) -> None:
    """S3 refuses any other to a bucket with a default retention."""
    server.is_locked = True
    try:
        assert opened(bucket(server)).create("live/1/locked.json", b"ours") is None
    finally:
        server.is_locked = False


def test_wrong_bucket_is_reported(server: Faulty) -> None:
    share = opened(bucket(server, "s3://teem/audit"))
    for call in (
        lambda: share.create("live/x", b""),
        lambda: share.read("live/x"),
        lambda: list(share.objects("live")),
    ):
        with pytest.raises(RefusedError, match=r"NoSuchBucket.*Check RUNBOOK_SHARE"):
            call()


def test_silent_share_ends_within_the_budget() -> None:
    """One budget for all calls: the second does not wait again."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        share = opened(
            Settings(share="s3://team", share_endpoint=url, share_account="a", share_secret="b", share_region="x"), 0.5
        )
        started = time.monotonic()
        for words in ("cannot be reached|did not answer", "used up|cannot be reached|did not answer"):
            with pytest.raises(UnavailableError, match=words):
                share.create("live/x", b"")
        assert time.monotonic() - started < 20  # a call has 300 s


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV, errno.ENOSYS])
def test_folder_without_hard_links_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """obstore's own words, as it meets each of these errors of linkat(2)."""
    words = f"Generic LocalFileSystem error: Unable to rename file: {os.strerror(number)} (os error {number})"

    def put(*given: object, **options: object) -> None:
        raise GenericError(words)

    monkeypatch.setattr("obstore.put", put)
    with pytest.raises(RefusedError, match=r"takes no hard links, .* Use another file system, or a bucket\."):
        opened(Settings(share=str(tmp_path))).create("live/x.json", b"")


def test_unmounted_folder_is_reported(tmp_path: Path) -> None:
    """A folder that went away is not an empty share."""
    folder = tmp_path / "share"
    folder.mkdir()
    share = opened(Settings(share=str(folder)))
    folder.rmdir()
    for call in (lambda: share.read("live/x"), lambda: list(share.objects("live"))):
        with pytest.raises(UnavailableError, match="is not there"):
            call()


@pytest.mark.parametrize(
    "given",
    [
        "s4://team",
        "s3:/team",
        "s3:team",
        "s3://",
        "s3:///x",
        "s3:// team",
        "https://team.s3.amazonaws.com",
        "/no/such/folder",
        "~nosuchuser/share",
        "s3//team",
        "s3a://team",
        "s3://team:9000/x",
        "s3://team#x",
        "s3://team/../x",
        "s3://team/x\ny",
        "s3://team//x",
        __file__,
    ],
)
def test_address_with_a_typo_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="expected a folder that exists, or s3://BUCKET/PREFIX"):
        Share.of(Settings(share=given))


@pytest.mark.parametrize("given", ["s3://team", "s3://team/", " S3://team "])
def test_bucket_needs_no_prefix(given: str) -> None:
    assert ("s3://team", None) == address(given)


@pytest.mark.parametrize(
    "given",
    ["s3://AKIA:hush@team", "az://box/x?sig=hush", "s3:/AKIA:hush@team", " https://me:hush@team", "az:/x?sig=hush"],
)
def test_credentials_in_the_address_are_refused(given: str) -> None:
    with pytest.raises(InputError, match="has credentials in it") as caught:
        Share.of(Settings(share=given))
    assert "hush" not in str(caught.value)


def test_missing_account_is_reported() -> None:
    with pytest.raises(InputError, match=r"Account must be specified.*Check RUNBOOK_SHARE_ACCOUNT"):
        Share.of(Settings(share="az://box/audit"))


def test_missing_package_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(InputError, match=r"obstore is missing here. Run `make` again"):
        Share.of(Settings(share=str(tmp_path)))


@pytest.mark.slow
def test_listing_takes_no_more_memory_for_more_objects(tmp_path: Path) -> None:
    """Pages come as they are read. Only its own memory counts: `pathlib` fills a table of the interpreter's."""
    own = tracemalloc.Filter(True, share_module.__file__)

    def held() -> int:
        return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([own]).traces)

    def most(count: int) -> int:
        folder = tmp_path / str(count)
        for number in range(count):
            place = folder / "live" / str(number // 10)
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}.ipynb").touch()
        objects = opened(Settings(share=str(folder))).objects("live")
        tracemalloc.start()
        try:
            found = [held() for number, _ in enumerate(objects, 1) if not number % share_module.PAGE]
        finally:
            tracemalloc.stop()
        assert count == len(found) * share_module.PAGE
        return max(found)

    assert most(4 * share_module.PAGE) < 1.5 * most(2 * share_module.PAGE)


def test_a_thousand_folders_in_each_other_are_listed(tmp_path: Path) -> None:
    """Whoever can write to the share can put them there."""
    (tmp_path / "live").mkdir()
    with deepest_in(tmp_path / "live") as place:
        (place / "a.ipynb").touch()
        listed = opened(Settings(share=str(tmp_path))).objects("live")
        assert [str((place / "a.ipynb").relative_to(tmp_path))] == [each.path for each in listed]


def test_names_of_a_large_folder_are_held_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them come, in order, in the memory of one part."""
    monkeypatch.setattr(share_module, "AT_ONCE", 100)
    own = tracemalloc.Filter(True, share_module.__file__)

    def most(count: int) -> int:
        folder = tmp_path / str(count)
        for number in range(count):
            (folder / str(number)).mkdir(parents=True)
        assert sorted(f"{number}/" for number in range(count)) == list(share_module.names_in(folder))
        tracemalloc.start()
        try:
            parts = (number for number, _ in enumerate(share_module.names_in(folder)) if not number % 100)
            snapshots = (tracemalloc.take_snapshot().filter_traces([own]) for _ in parts)
            return max(sum(trace.size for trace in snapshot.traces) for snapshot in snapshots)
        finally:
            tracemalloc.stop()

    assert most(1600) < 1.5 * most(400)

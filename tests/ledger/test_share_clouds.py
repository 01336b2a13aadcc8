"""Create-only by Google's and Azure's protocols, against stand-ins made from their documentation (`stand_ins`)."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runbook_lib.domain.errors import RefusedError, RunbookError, UnavailableError
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.ledger.pushing import push
from runbook_lib.ledger.share import Share
from runbook_lib.settings import Settings
from tests.ledger.share_server import Faulty, assert_each_call_says, serving
from tests.ledger.stand_ins import ACCOUNT, BUCKET, Azure, Google, StandIn

SECRET = b64encode(b"hush" * 16).decode()
RACERS = 8


@cache
def google_key() -> str:
    """A service account's JSON, which signs its own token, so that no server is asked for one."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = rsa.generate_private_key(65537, 2048).private_bytes(*form).decode()
    about = {"type": "service_account", "client_email": "audit@team.example", "private_key_id": "1"}
    return json.dumps({**about, "private_key": key})


class Cloud:
    """A share in a stand-in."""

    def __init__(self, store: StandIn, server: Faulty) -> None:
        self.store, self.server = store, server

    def share(self, seconds: float = 20, bucket: str = BUCKET) -> Share:
        """The share, as one more machine opens it."""
        given: dict[str, Any] = {"share_endpoint": self.server.url, "share_secret": google_key()}
        if isinstance(self.store, Azure):
            given = {"share_endpoint": f"{self.server.url}/{ACCOUNT}", "share_account": ACCOUNT, "share_secret": SECRET}
        scheme = "az" if isinstance(self.store, Azure) else "gs"
        found = Share.of(Settings(share=f"{scheme}://{bucket}/audit", **given), seconds=seconds)
        assert found
        return found


@pytest.fixture(params=[Google, Azure], ids=["gs", "az"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    store = request.param()
    with serving(Faulty(store)) as server:
        yield Cloud(store, server)


def raced(cloud: Cloud, path: str) -> tuple[int, set[bytes | None]]:
    """How many of several machines believe that they have created an object, and what the others found."""
    shares = [cloud.share() for _ in range(RACERS)]
    start = threading.Barrier(RACERS)

    def create(number: int) -> bytes | None:
        start.wait()
        return shares[number].create(path, b"%d" % number)

    with ThreadPoolExecutor(RACERS) as pool:
        found = list(pool.map(create, range(RACERS)))
    return found.count(None), set(found) - {None}


def test_object_is_created_once(cloud: Cloud) -> None:
    share = cloud.share()
    assert share.create("live/1/a b+c.ipynb", b"one") is None
    assert share.create("live/1/a b+c.ipynb", b"one") is None
    assert b"one" == share.create("live/1/a b+c.ipynb", b"two") == share.read("live/1/a b+c.ipynb")
    assert share.read("live/1/b.ipynb") is None


def test_of_eight_one_creates(cloud: Cloud) -> None:
    """And the others learn what the winner wrote."""
    for number in range(5):
        path = f"live/claims/{number}.json"
        created, found = raced(cloud, path)
        assert (1, {cloud.share().read(path)}) == (created, found)


def test_race_would_show_a_service_without_conditions(cloud: Cloud) -> None:
    """Where the condition is ignored, several believe that they have won: so the race above can fail."""
    cloud.store.is_blind = True
    assert raced(cloud, "live/claims/x.json")[0] > 1


def test_service_that_replaces_is_found_out(cloud: Cloud, tmp_path: Path) -> None:
    """An object that is created once more shows it; one request, as long as it does not."""
    share = cloud.share()
    for name in "abc":
        share.create(f"live/1/{name}.json", b"ours")
        share.check_create_only(f"live/1/{name}.json", b"ours")
    assert 3 + 1 == len([call for call in cloud.server.calls if call.startswith("PUT")])
    cloud.store.is_blind = True
    blind = cloud.share()
    blind.create("live/1/d.json", b"ours")
    with pytest.raises(RefusedError, match=r"replaces what is there.*conditional writes"):
        blind.check_create_only("live/1/d.json", b"ours")
    with pytest.raises(RefusedError, match="replaces what is there"):
        push(cloud.share(), [], KeyRing(tmp_path), "Ada", lambda: None)


def test_own_object_is_known_after_a_lost_answer(cloud: Cloud) -> None:
    """The write took effect; its answer was an error."""
    cloud.server.fault = lambda number, when: (503, "Unavailable") if (number, when) == (1, "after") else None
    assert cloud.share().create("live/1/lost.json", b"ours") is None


@pytest.mark.parametrize("page", [2, 3, 1000])
def test_listing_comes_in_pages(cloud: Cloud, page: int) -> None:
    """Each object once, in the order of names, of the folder alone."""
    names = [f"live/1/{letter}.ipynb" for letter in "abcde"]
    for name in [*names, "live/10/a.ipynb", "keys/k.pem"]:
        cloud.share().create(name, name.encode())
    cloud.store.page = page
    found = list(cloud.share().objects("live/1"))
    assert names == [each.path for each in found]
    assert {len(names[0])} == {each.size for each in found}


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (401, "Unauthorized", RefusedError, "refuses access (Unauthorized). It needs the rights to list, read and"),
        (403, "AccessDenied", RefusedError, "refuses access (AccessDenied). It needs the rights to list, read and"),
        (403, "AuthenticationFailed", RefusedError, "The credentials are wrong, or this machine's clock is."),
        (404, "NoSuchBucket", RefusedError, "The bucket does not exist. Check RUNBOOK_SHARE."),
        (404, "ContainerNotFound", RefusedError, "The container does not exist. Check RUNBOOK_SHARE."),
        (503, "ServerBusy", UnavailableError, "cannot be reached (ServerBusy)"),
    ],
)
def test_fault_names_its_remedy(cloud: Cloud, status: int, code: str, kind: type[RunbookError], words: str) -> None:
    """It says what to do, and no secret."""
    cloud.server.fault = lambda number, when: (status, code)
    assert_each_call_says(cloud.share(), kind, words)


@pytest.mark.parametrize("status", [429, 503])
def test_limit_that_passes_is_waited_for(cloud: Cloud, status: int) -> None:
    """The client asks again, and has created the object once."""
    cloud.server.fault = lambda number, when: (status, "SlowDown") if number < 3 and when == "before" else None
    assert cloud.share().create("live/1/x.json", b"ours") is None
    assert 3 == len([call for call in cloud.server.calls if call.startswith("PUT")])


def test_slow_service_ends_within_the_budget(cloud: Cloud) -> None:
    """What a write came to is unknown then; the next machine finds it."""
    may_answer = threading.Event()

    def hang(number: int, when: str) -> None:
        if number == 1 and when == "after":
            may_answer.wait(20)

    cloud.server.fault = hang
    started = time.monotonic()
    try:
        with pytest.raises(UnavailableError, match=r"did not answer|cannot be reached"):
            cloud.share(0.5).create("live/1/x.json", b"ours")
        assert time.monotonic() - started < 5
        assert b"ours" == cloud.share().create("live/1/x.json", b"theirs")
    finally:
        may_answer.set()


def test_wrong_bucket_is_reported(cloud: Cloud) -> None:
    with pytest.raises(RefusedError, match=r"does not exist\. Check RUNBOOK_SHARE"):
        cloud.share(bucket="teem").create("live/1/x.json", b"")

"""Claims: of several machines one does an effect; what it left, the others see, wait for, adopt, or ask a person."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from runbook_lib.clients.budget import Budget
from runbook_lib.domain.errors import OutcomeUnknownError, RefusedError, RunbookError
from runbook_lib.domain.models import EffectState, Evidence
from runbook_lib.ledger import sharing as claims_module
from runbook_lib.ledger.effects import Effects
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.ledger.share import Share
from runbook_lib.ledger.sharing import Claims, SharedRun
from runbook_lib.settings import Settings
from tests.ledger import share_server
from tests.ledger.share_server import Faulty
from tests.ledger.stand_ins import Google
from tests.ledger.test_share_clouds import google_key

OPERATION = "sandbox-1001-slack_post"


@pytest.fixture(scope="module")
def server() -> Iterator[Faulty]:
    with share_server.running() as found:
        yield found


@pytest.fixture(params=["folder", "bucket"])
def share(request: pytest.FixtureRequest, tmp_path: Path, server: Faulty) -> dict[str, str]:
    """The settings of a share."""
    server.fault = lambda number, when: None
    server.calls.clear()
    if request.param == "folder":
        (tmp_path / "share").mkdir()
        return {"share": str(tmp_path / "share")}
    return in_bucket(server, tmp_path.name)


def in_bucket(server: Faulty, name: str) -> dict[str, str]:
    place = {"share": f"s3://team/{name}", "share_endpoint": server.url, "share_region": "us-east-1"}
    return {**place, "share_account": "AKIA", "share_secret": "hush"}


@dataclass(frozen=True)
class World:
    """The outside world of one effect: a file, so that several processes see it."""

    file: Path

    @property
    def there(self) -> list[str]:
        return self.file.read_text().split() if self.file.exists() else []

    def add(self, who: str) -> None:
        with self.file.open("a") as file:
            file.write(f"{who}\n")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


@dataclass
class Post:
    """An effect; `fails` is raised in place of doing it."""

    world: World
    who: str
    fails: RunbookError | None = None
    name: str = "slack_post"
    operation_id: str = OPERATION
    summary: str = "post to #team"
    where: str = "in #team"
    conditional: bool = False

    def check(self) -> None:
        """Nothing forbids it."""

    def find(self) -> Evidence | None:
        return Evidence(f"posted by {self.world.there[0]}", "", "1") if self.world.there else None

    def perform(self) -> Evidence:
        if self.fails:
            raise self.fails
        self.world.add(self.who)
        return Evidence(f"posted by {self.who}", "", "1")


@dataclass
class Laptop:
    """One machine: its outputs, its key."""

    folder: Path
    share: dict[str, str]

    @property
    def settings(self) -> Settings:
        return Settings(outputs=self.folder, operator=self.folder.name, **self.share)  # type: ignore[arg-type]

    @property
    def journal(self) -> Journal:
        return Journal.of(self.settings, 1001)

    def effects(self) -> Effects:
        """Of a run that has begun."""
        self.journal.append(
            "run_started", runbook="x", record="x.ipynb", performed=True, operator=self.folder.name, pid=1
        )
        shared = SharedRun.of(self.settings, self.journal)
        return Effects(self.journal, Budget(30), settle_s=0.1, perform=True, shared=shared)

    def claims(self) -> Claims:
        found = Share.of(self.settings)
        assert found
        self.journal.folder.mkdir(parents=True, exist_ok=True)
        keys = KeyRing.of(self.settings)
        return Claims(found, "sandbox", keys, self.journal.folder, self.folder.name)


@pytest.fixture
def alice(tmp_path: Path, share: dict[str, str]) -> Laptop:
    return Laptop(tmp_path / "alice", share)


@pytest.fixture
def bob(tmp_path: Path, share: dict[str, str]) -> Laptop:
    return Laptop(tmp_path / "bob", share)


def test_second_machine_learns_who_and_since_when(alice: Laptop, bob: Laptop) -> None:
    assert alice.claims().take(OPERATION) is None
    assert alice.claims().take(OPERATION) is None  # ours, also for the next run
    held = bob.claims().take(OPERATION)
    assert held
    assert held.who.startswith("alice on ")
    assert "who is not trusted here), since 2" in held.words
    assert "UTC" in held.words


@pytest.mark.parametrize("hours", [-5, 5])
def test_wrong_clock_of_the_holder_does_not_count(
    alice: Laptop, bob: Laptop, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Its claim would seem too old to wait for, or be waited for all over again: the share knows when it was made."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(hours=hours)

    with monkeypatch.context() as patch:
        patch.setattr(claims_module, "datetime", Wrong)
        alice.claims().take(OPERATION)
    held = bob.claims().take(OPERATION)
    assert held
    assert held.at
    assert abs(datetime.now(UTC) - held.at) < timedelta(minutes=1)


def test_released_claim_goes_to_one_other(alice: Laptop, bob: Laptop, tmp_path: Path) -> None:
    alice.claims().take(OPERATION)
    bob.claims().release(OPERATION)  # is not his to release
    assert bob.claims().take(OPERATION)
    alice.claims().release(OPERATION)
    keys = KeyRing.of(alice.settings)
    share = Share.of(alice.settings)
    assert share
    share.create(f"keys/{keys.signing_key}.pem", keys.signer().public_pem)
    assert bob.claims().take(OPERATION) is None
    assert alice.claims().take(OPERATION)


def test_release_by_another_key_does_not_count(alice: Laptop, bob: Laptop, tmp_path: Path) -> None:
    """Bob makes one for a claim of his own elsewhere, publishes his key, and puts it beside Alice's claim."""
    alice.claims().take(OPERATION)
    (tmp_path / "elsewhere").mkdir()
    there = replace(bob, share={"share": str(tmp_path / "elsewhere")})
    there.claims().take(OPERATION)
    there.claims().release(OPERATION)
    (forged,) = (tmp_path / "elsewhere").rglob("*.released.json")
    share, keys = Share.of(alice.settings), KeyRing.of(bob.settings)
    assert share
    share.create(f"keys/{keys.signing_key}.pem", keys.signer().public_pem)
    share.create(str(forged.relative_to(tmp_path / "elsewhere")), forged.read_bytes())
    assert bob.claims().take(OPERATION)


def test_judged_claim_is_passed_over_once(alice: Laptop, bob: Laptop, tmp_path: Path) -> None:
    """Of two who judge the same claim one goes on."""
    alice.claims().take(OPERATION)
    held = bob.claims().take(OPERATION)
    assert held
    carol = Laptop(tmp_path / "carol", alice.share)
    assert bob.claims().take(OPERATION, judged={held.sha256}) is None
    assert carol.claims().take(OPERATION, judged={held.sha256})


def odd_claim(**changes: str) -> bytes:
    """A claim by a stranger, with an odd field."""
    usual = {"operator": "eve", "machine": "m", "at": "2026-11-29T03:00:00+00:00", "place": "x", "nonce": "n"}
    key = {"operation_id": OPERATION, "key": "0123456789abcdef", "sig": "AAAA"}
    return json.dumps({**usual, **key, **changes}).encode()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{}", b"[1", b'{"operation_id": 3}', b"\xff"),
        *(odd_claim(at="0001-01-01T00:00:00+23:59"), odd_claim(at="9999-12-31T23:59:59-23:59")),
        *(odd_claim(key="../../other"), odd_claim(key="a\0b"), odd_claim(key="\ud800"), odd_claim(key="a" * 3000)),
    ],
)
def test_object_that_is_no_claim_blocks(alice: Laptop, content: bytes) -> None:
    """It may be there for a reason; a person is asked."""
    share = Share.of(alice.settings)
    assert share
    share.create(f"sandbox/claims/{OPERATION}.json", content)
    held = alice.claims().take(OPERATION)
    assert held
    assert "an object that is no claim" in held.words


def test_effect_is_done_by_one_and_adopted_by_the_other(alice: Laptop, bob: Laptop, world: World) -> None:
    assert alice.effects().apply(Post(world, "alice")).state is EffectState.DONE
    assert bob.effects().apply(Post(world, "bob")).state is EffectState.ADOPTED
    assert ["alice"] == world.there


def test_person_is_asked_when_the_holder_left_nothing(alice: Laptop, bob: Laptop, world: World) -> None:
    """No is kept: after it the effect is done, once."""
    alice.claims().take(OPERATION)
    with pytest.raises(OutcomeUnknownError, match=r"alice on .* since .*runbook answer 1001 slack_post"):
        bob.effects().apply(Post(world, "bob"))
    assert [] == world.there
    with pytest.raises(OutcomeUnknownError):
        bob.effects().apply(Post(world, "bob"))
    bob.journal.append("answered", operation_id=OPERATION, there=False, operator="bob", evidence=None, because="")
    assert bob.effects().apply(Post(world, "bob")).state is EffectState.DONE
    assert ["bob"] == world.there


def test_refused_effect_is_left_to_others(alice: Laptop, bob: Laptop, world: World) -> None:
    with pytest.raises(RefusedError):
        alice.effects().apply(Post(world, "alice", RefusedError("Slack says no.")))
    assert bob.effects().apply(Post(world, "bob")).state is EffectState.DONE


def test_woken_machine_looks_again_before_it_sends(tmp_path: Path, world: World) -> None:
    """Alice's machine stops between claim and write; Bob waits for it, learns that nothing was done, and does it."""
    share = tmp_path / "share"
    share.mkdir()
    bob = Laptop(tmp_path / "bob", {"share": str(share)})
    command = [sys.executable, "-m", "tests.ledger.sleeper", str(tmp_path / "alice"), str(share), str(world.file)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as alice:
        assert os.WIFSTOPPED(os.waitpid(alice.pid, os.WUNTRACED)[1])
        try:
            with pytest.raises(OutcomeUnknownError, match="alice on "):
                bob.effects().apply(Post(world, "bob"))
            bob.journal.append("answered", operation_id=OPERATION, there=False, operator="bob", evidence=None)
            assert bob.effects().apply(Post(world, "bob")).state is EffectState.DONE
        finally:
            os.kill(alice.pid, signal.SIGCONT)
        assert alice.communicate(timeout=60)[0] == "adopted\n"
    assert ["bob"] == world.there


def test_woken_machine_waits_for_a_later_claim(alice: Laptop, bob: Laptop) -> None:
    """Bob's claim, made since, counts, and not the one that Alice made before."""
    alice.claims().take(OPERATION)
    held = bob.claims().take(OPERATION)
    assert held
    assert bob.claims().take(OPERATION, judged={held.sha256}) is None
    later = alice.claims().take(OPERATION)
    assert later
    assert later.who.startswith("bob on ")


def test_renewed_claim_is_waited_for_anew(alice: Laptop, bob: Laptop) -> None:
    """What Bob learned of Alice's first claim says nothing of the second."""
    alice.claims().take(OPERATION)
    held = bob.claims().take(OPERATION)
    assert held
    alice.claims().take(OPERATION)
    assert bob.claims().take(OPERATION, judged={held.sha256}) not in (None, held)


def test_copy_of_a_machine_does_not_hold_its_claims(alice: Laptop, tmp_path: Path) -> None:
    """Two machines with one key, one name and one path: the one that did not make a claim waits for it."""
    alice.journal.append("run_started", runbook="x", record="x.ipynb", performed=True, operator="alice", pid=1)
    shutil.copytree(alice.folder, tmp_path / "copy")
    assert alice.claims().take(OPERATION) is None
    alice.folder.rename(tmp_path / "first")
    (tmp_path / "copy").rename(alice.folder)
    held = alice.claims().take(OPERATION)
    assert held
    assert held.who.startswith("alice on ")
    alice.claims().release(OPERATION)  # is not its own to release
    assert held == alice.claims().take(OPERATION)


@pytest.mark.parametrize("blocked", ["a folder", "no text"])
def test_odd_notes_of_claims_hold_nothing_back(alice: Laptop, world: World, blocked: str) -> None:
    """The run goes on without the team's claims, and says so; or takes none for its own."""
    notes = alice.journal.folder / ".claims"
    if blocked == "a folder":
        notes.mkdir(parents=True)
    else:
        notes.parent.mkdir(parents=True)
        notes.write_bytes(b"\xff\0")
    done = alice.effects().apply(Post(world, "alice"))
    assert done.state is EffectState.DONE
    assert (blocked == "a folder") == ("could not be used" in done.note)


def test_service_that_replaces_objects_is_not_trusted(tmp_path: Path, world: World) -> None:
    """It ignores the condition of a write: the run says so, and goes on by looking alone."""
    store = Google()
    store.is_blind = True
    with share_server.serving(Faulty(store)) as server:
        place = {"share": "gs://team/audit", "share_endpoint": server.url, "share_secret": google_key()}
        done = Laptop(tmp_path / "alice", place).effects().apply(Post(world, "alice"))
        again = Laptop(tmp_path / "bob", place).effects().apply(Post(world, "bob"))
    assert (EffectState.DONE, EffectState.ADOPTED) == (done.state, again.state)
    assert "gs://team/audit replaces what is there, so that two machines could hold one claim." in done.note


def test_practice_claims_nothing_of_live(alice: Laptop, world: World) -> None:
    """One bucket, two profiles."""
    alice.effects().apply(Post(world, "alice"))
    share = Share.of(alice.settings)
    assert share
    assert [] == list(share.objects("live"))
    assert f"sandbox/claims/{OPERATION}.json" in [each.path for each in share.objects("sandbox")]


@pytest.mark.slow
def test_of_16_processes_on_two_machines_one_wins(tmp_path: Path, share: dict[str, str]) -> None:
    """Each process has a folder of its own; eight share a key ring."""
    given = [f"{name}={value}" for name, value in share.items()]
    for machine in "ab":
        KeyRing(tmp_path / machine).signer()
    racers = []
    for number in range(16):
        folder = tmp_path / f"outputs-{number}"
        keys = folder / "sandbox" / ".keys"
        keys.parent.mkdir(parents=True)
        keys.symlink_to(tmp_path / "ab"[number % 2])
        command = [sys.executable, "-m", "tests.ledger.racer", str(folder), OPERATION, *given]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        racers.append(subprocess.Popen(command, cwd=Path(__file__).parents[2], **pipes))  # type: ignore[call-overload]
    try:
        assert ["ready\n"] * 16 == [racer.stdout.readline() for racer in racers]
        for racer in racers:
            racer.stdin.write("go\n")
            racer.stdin.flush()
        won = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
    assert ["False"] * 15 + ["True"] == sorted(won)


@pytest.mark.slow
def test_share_that_fails_at_any_call_holds_nothing_back(tmp_path: Path, server: Faulty) -> None:
    """Before and after each of its calls, for good or once: the effect is there once, and the trouble is reported."""
    server.fault = lambda number, when: None
    server.calls.clear()
    first = Laptop(tmp_path / "whole", in_bucket(server, f"{tmp_path.name}-whole"))
    first.effects().apply(Post(World(tmp_path / "first"), "alice"))
    calls = len(server.calls)
    assert calls == 5  # listing, key, lines, claim, and the claim once more
    for at in range(1, calls + 1):
        for when in ("before", "after"):
            server.calls.clear()
            server.fault = lambda number, then, at=at, when=when: (
                (503, "SlowDown") if number > at or (number, then) == (at, when) else None
            )
            name = f"{tmp_path.name}-{at}-{when}"
            world = World(tmp_path / f"world-{at}-{when}")
            laptop = Laptop(tmp_path / name, {**in_bucket(server, name), "share_s": "2"})
            done = laptop.effects().apply(Post(world, "alice"))
            assert done.state is EffectState.DONE
            assert ["alice"] == world.there
            is_whole = (at, when) == (calls, "after")  # its answer was lost, and no call came after it
            assert "could not be used" in done.note or is_whole, (at, when)
            kinds = [entry["kind"] for entry in laptop.journal.entries()]
            assert ("share_unreachable" in kinds) is bool(done.note)
            server.fault = lambda number, then: None
            shared = SharedRun.of(laptop.settings, laptop.journal)
            assert shared
            assert "" == shared.finish()
            again = laptop.effects().apply(Post(world, "alice"))
            assert again.state is EffectState.ALREADY_DONE

"""Many processes, one budget of requests: none is sent too early, and a service's word holds for all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import Service
from runbook_lib.clients.pace import LONGEST_S, RATES, Pace, Rate
from runbook_lib.domain.errors import UnavailableError
from tests.clients.wire import Wire, reply

WORKER = """
import sys, time
from pathlib import Path
from runbook_lib.clients.pace import Pace, Rate
pace = Pace(Path(sys.argv[1]), {"desk": Rate(6000, at_once=2)})
for _ in range(int(sys.argv[2])):
    time.sleep(pace.turn("desk"))
    print(time.monotonic(), flush=True)
"""
SLOW = {"desk": Rate(60, at_once=2)}


class Clock:
    """Seconds that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "pace"


def test_processes_share_one_budget(folder: Path) -> None:
    """Eight processes at once send as one would."""
    command = [sys.executable, "-c", WORKER, str(folder), "5"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    sent = sorted(float(line) for process in processes for line in process.communicate(timeout=60)[0].split())
    assert 40 == len(sent)
    for early, late in zip(sent, sent[20:], strict=False):  # 20 requests take 18 steps at least, two being at once
        assert late - early >= 0.18 - 0.02


def test_turns_follow_each_other(folder: Path, clock: Clock) -> None:
    one, other = Pace(folder, SLOW, clock=clock), Pace(folder, SLOW, clock=clock)
    assert [0, 0, 1, 2] == [pace.turn("desk") for pace in (one, other, one, other)]
    clock.now += 10
    assert [0, 0, 1] == [pace.turn("desk") for pace in (one, other, one)]


def test_a_service_without_a_rate_takes_anything(folder: Path, clock: Clock) -> None:
    assert {0.0} == {Pace(folder, SLOW, clock=clock).turn("other") for _ in range(100)}
    assert not folder.exists()


def test_a_method_has_its_own_rate(folder: Path, clock: Clock) -> None:
    """Looking up messages does not wait for those that are posted."""
    pace = Pace(folder, RATES, clock=clock)
    assert [0, 1, 2] == [pace.turn("Slack", "chat.postMessage") for _ in range(3)]
    assert 0 == pace.turn("Slack", "conversations.history")


def test_retry_after_holds_everybody(folder: Path, clock: Clock) -> None:
    one, other = Pace(folder, SLOW, clock=clock), Pace(folder, clock=clock)
    one.hold("desk", 30)
    assert (30, 30) == (one.held("desk"), other.turn("desk"))
    assert [30, 30, 31] == [one.turn("desk") for _ in range(3)]  # and none is sent early afterwards
    one.hold("desk", 5)
    assert 30 == other.held("desk")  # a shorter one does not end a longer one
    clock.now += 30
    assert 0 == other.held("desk")


def test_no_word_holds_everybody_for_an_hour(folder: Path, clock: Clock) -> None:
    """A proxy may name a day; after two minutes one request learns whether that still holds."""
    Pace(folder, SLOW, clock=clock).hold("desk", 86_400)
    assert LONGEST_S == Pace(folder, SLOW, clock=clock).held("desk") == 120


def test_an_announced_limit_replaces_ours(folder: Path, clock: Clock) -> None:
    pace = Pace(folder, SLOW, clock=clock)
    for words in ("600", "abc", "-1", "", None, "0", "99999999999"):
        pace.announced("desk", words)
    assert [0, 0, 0.1] == [round(Pace(folder, SLOW, clock=clock).turn("desk"), 6) for _ in range(3)]


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"next": "x"}', b'{"next": 1e30, "held": 1e30}', b"\xff", b"null"])
def test_a_damaged_file_is_begun_anew(folder: Path, clock: Clock, content: bytes) -> None:
    """So is one of an earlier boot, whose clock was ahead."""
    folder.mkdir()
    (folder / "desk").write_bytes(content)
    assert 0 == Pace(folder, SLOW, clock=clock).turn("desk")
    assert json.loads((folder / "desk").read_bytes())


def test_without_a_folder_requests_go_at_once(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").write_text("in the way")
    pace = Pace(tmp_path / "file" / "pace", SLOW, clock=clock)
    pace.hold("desk", 30)
    assert {0.0} == {pace.turn("desk") for _ in range(5)}


def service(wire: Wire, folder: Path, clock: Clock, waits: list[float], seconds: float = 60) -> Service:
    """A client that waits by moving the clock."""

    def sleep(waited: float) -> None:
        waits.append(waited)
        clock.now += waited

    wire.session.pace, wire.session.budget = Pace(folder, SLOW, clock=clock), Budget(seconds, sleep=sleep)
    return Service("desk", "https://desk.example", {}, wire.session, str)


def test_another_run_waits_for_a_429(folder: Path, clock: Clock) -> None:
    """One run hears it; the next one sends nothing before its time."""
    heard, quiet = Wire(reply(429, headers={"Retry-After": "7"}), reply(json={})), Wire(reply(json={}))
    waits: list[float] = []
    service(heard, folder, clock, waits).write_json("POST", "/posts", dict)
    assert (7.0, 2) == (sum(waits), len(heard.requests))
    clock.now -= 7
    service(quiet, folder, clock, waits).write_json("POST", "/posts", dict)
    assert (14.0, 1) == (sum(waits), len(quiet.requests))


def test_a_wait_beyond_the_budget_sends_nothing(folder: Path, clock: Clock) -> None:
    wire = Wire(reply(json={}))
    Pace(folder, SLOW, clock=clock).hold("desk", 100)
    with pytest.raises(UnavailableError, match="limiting requests"):
        service(wire, folder, clock, [], seconds=10).write_json("POST", "/posts", dict)
    assert [] == wire.requests

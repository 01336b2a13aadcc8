"""Exactly once, whatever breaks, by the real commands against the practice world. `tests/faults` has the chances."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.faults.driver import Ended, perform
from tests.faults.night import NIGHTS, there
from tests.practice import World, start
from tests.practice_cells import cells

pytestmark = [pytest.mark.apart, pytest.mark.slow]


def run(world: World, ticket_id: int = 1001, **environment: str) -> Ended:
    """A performing run of a ticket, without a kernel."""
    night = next(night for night in NIGHTS if night.ticket_id == ticket_id)
    return perform(night.runbook, {"ticket_id": ticket_id}, {**world.environment, **environment})


@pytest.fixture
def real_time(tmp_path: Path) -> Iterator[World]:
    """A world whose updates can share a second, as at Zendesk."""
    yield from start(tmp_path / "outputs", real_clock=True)


def test_five_at_once(own_world: World) -> None:
    """People press again and again: one license, one of everything."""
    with ThreadPoolExecutor(5) as pool:
        ended = list(pool.map(lambda _: run(own_world, RUNBOOK_WAIT_S="60"), range(5)))

    own_world.wait_for_pipelines()
    assert {"license_issued", None} >= {one.outcome for one in ended}
    assert "license_issued" in {one.outcome for one in ended}
    assert {"mail": 1, "note": 1, "reply": 1, "slack_post": 1} == there(own_world, NIGHTS[0])
    assert "license_issued" == run(own_world).outcome


def test_three_machines_at_once(real_time: World, tmp_path: Path) -> None:
    """They know nothing of each other but what is in the world: one license, one of everything."""
    machines = [real_time.seen_from(tmp_path / name) for name in "abc"]
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda place: run(place, RUNBOOK_SETTLE_S="1"), machines))

    real_time.wait_for_pipelines()
    assert "license_issued" in {one.outcome for one in ended}
    assert {"mail": 1, "note": 1, "reply": 1, "slack_post": 1} == there(real_time, NIGHTS[0])
    assert {"license_issued"} == {run(place, RUNBOOK_SETTLE_S="1").outcome for place in machines}
    assert {"mail": 1, "note": 1, "reply": 1, "slack_post": 1} == there(real_time, NIGHTS[0])


@pytest.mark.parametrize("fault", ["slack", "zendesk", "gitlab"])
def test_a_lost_answer_is_no_matter(own_world: World, fault: str) -> None:
    """What was done, although the answer got lost, is found by the same run."""
    path = {"slack": "chat.postMessage", "gitlab": "/trigger/pipeline"}.get(fault)
    own_world.inject(fault, "reset", commits=True, path=path, method="PUT" if fault == "zendesk" else "POST", times=2)

    assert "license_issued" == run(own_world, RUNBOOK_SETTLE_S="1").outcome
    assert {"mail": 1, "note": 1, "reply": 1, "slack_post": 1} == there(own_world, NIGHTS[0])


def test_when_looking_cannot_tell(own_world: World) -> None:
    """The run says what to look at, and holds nothing back; the next one goes on from the answer, sending nothing."""
    own_world.inject("slack", "reset", commits=True, path="chat.postMessage")
    own_world.inject("slack", "error", path="conversations.history", skip=1, times=None)

    ran = own_world.runbook("run", "weekend_license", 1001, "--perform", "--json", RUNBOOK_SETTLE_S="1")

    assert (0, "license_issued") == (ran.status, ran.report["outcome"])
    words = ran.report["summary"]
    assert "Look in #support_licensing-subscription for a post with the link of ticket 1001, not before " in words
    assert "run `runbook answer 1001 slack_post yes` if it is there" in words

    answered = own_world.runbook("answer", 1001, "slack_post", "yes", "--because", "I see it")
    assert (0, "Noted: slack_post is there. Now run again; to correct it, answer anew.\n") == (
        answered.status,
        answered.stdout,
    )
    own_world.clear_faults()
    again = cells(own_world, "weekend_license", 1001, perform=True).report
    assert "license_issued" == again["outcome"]
    post = next(effect for effect in again["effects"] if effect["name"] == "slack_post")
    assert "already_done" == post["state"]
    assert post["evidence"]["summary"].endswith(" says that it is there: I see it")
    assert {"mail": 1, "note": 1, "reply": 1, "slack_post": 1} == there(own_world, NIGHTS[0])


def test_no_is_no_answer_too_early(own_world: World) -> None:
    """What was sent a moment ago may still show; after that the answer is taken, and can be corrected."""
    own_world.inject("slack", "reset", path="chat.postMessage")
    own_world.inject("slack", "error", path="conversations.history", skip=1, times=None)
    assert run(own_world, RUNBOOK_SETTLE_S="3").outcome

    early = own_world.runbook("answer", 1001, "slack_post", "no")
    assert (2, True) == (early.status, "may still take effect until" in early.stderr)
    for said in ("yes", "no"):
        assert 0 == own_world.runbook("answer", 1001, "slack_post", said, RUNBOOK_SETTLE_S="0").status
    own_world.clear_faults()
    assert "license_issued" == run(own_world, RUNBOOK_SETTLE_S="0").outcome
    assert 1 == there_of(own_world)["slack_post"]


def there_of(world: World) -> dict[str, int]:
    return dict(there(world, NIGHTS[0]))


@pytest.mark.parametrize("words", ["x" * 301, "two\nlines", "\x1b[31m"])
def test_a_reason_is_one_line(own_world: World, words: str) -> None:
    """It goes into the journal and the record."""
    ran = own_world.runbook("journal", "restart", 1003, "--because", words)
    assert (2, True) == (ran.status, "--because is no line of up to 300 characters" in ran.stderr)


def test_two_posts_are_made_one(own_world: World, tmp_path: Path) -> None:
    """If two machines posted at the same moment, the next run deletes the later post."""
    assert "license_issued" == run(own_world).outcome
    own_world.change(
        "INSERT INTO messages SELECT channel_id, ts + 1, text, extras FROM messages WHERE text LIKE '%tickets/1001>%'"
    )
    assert 2 == there_of(own_world)["slack_post"]

    assert "license_issued" == run(own_world).outcome
    assert 1 == there_of(own_world)["slack_post"]


LATE = """CREATE TRIGGER late AFTER INSERT ON comments WHEN NEW.body LIKE '%SHA-256%' BEGIN
    INSERT INTO messages SELECT channel_id, ts + 1, text, extras FROM messages WHERE text LIKE '%tickets/1001>%'; END"""
"""The post whose answer was lost shows after the run's last effect, with the note that seals the record."""


@pytest.mark.parametrize("shows", ["while sealing", "not yet", "unknown"])
def test_post_that_shows_after_the_last_effect(own_world: World, shows: str) -> None:
    """It was sent twice: the end of the run deletes the second, or says that it may still show."""
    own_world.inject("slack", "reset", path="chat.postMessage")
    if shows == "while sealing":
        own_world.change(LATE)
    elif shows == "unknown":
        own_world.inject("slack", "error", path="conversations.history", skip=3, times=None)

    ran = own_world.runbook("run", "weekend_license", 1001, "--perform", "--json", RUNBOOK_SETTLE_S="0")

    assert (0, "license_issued", 1) == (ran.status, ran.report["outcome"], there_of(own_world)["slack_post"])
    words = ran.report.get("notice", "")
    assert (shows != "while sealing") == ("was sent 2 times, since it was not seen at first" in words)
    assert (shows == "unknown") == ("Slack" in words)
    own_world.clear_faults()
    again = own_world.runbook("run", "weekend_license", 1001, "--perform", "--json")
    assert (0, "") == (again.status, again.report.get("notice", ""))  # it was not sent again


def test_a_pipeline_that_never_ends(own_world: World) -> None:
    """The run waits as long as was set, says what is still under way, and leaves the rest to the next one."""
    fault = own_world.inject("pipelines", "stall")
    started = time.monotonic()

    ended = run(own_world, RUNBOOK_WAIT_S="2")

    assert ("OutcomeUnknownError", True) == (ended.error, time.monotonic() - started < 60)
    assert (
        "has not finished within this run's 2 s of waiting; still under way: pipeline 2200001 is running (http"
        in ended.words
    )
    assert "Mechanizer" in ended.words
    own_world.clear_faults()
    own_world.wait_for_pipelines()
    assert "license_issued" == run(own_world).outcome
    assert 1 == len(own_world.rows("SELECT id FROM pipelines")) == fault["id"]


def test_only_the_ticket_tells_of_a_license(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its issue and pipeline are cleaned up, and the journal is elsewhere: the reply is a reason to ask a person."""
    run(own_world)
    own_world.wait_for_pipelines()
    for table in ("issues", "pipelines"):
        own_world.change(f"DELETE FROM {table}")
    own_world.forget(1001)
    monkeypatch.setenv("RUNBOOK_WAIT_S", "1")
    rehearsed = cells(own_world, "weekend_license", 1001).report["summary"]
    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    by_hand = cells(own_world, "weekend_license", 1001, perform=True).report["summary"]

    stopped = run(own_world, RUNBOOK_WAIT_S="1")

    assert ("OutcomeUnknownError", 1) == (stopped.error, there_of(own_world)["mail"])
    assert "so no license is made by hand" in by_hand
    assert "Ask the customer whether the mail with the license came" in rehearsed
    assert "Ask the customer whether the mail with the license came" in stopped.words
    assert 0 == own_world.runbook("answer", 1001, "mail-1", "yes").status
    assert "license_issued" == run(own_world).outcome
    assert {"mail": 1, "note": 1, "reply": 1, "slack_post": 1} == there_of(own_world)


def test_a_limit_is_waited_for(own_world: World) -> None:
    """`Retry-After` is respected within the budget, and the record shows what was waited for."""
    own_world.inject("zendesk", "limit", retry_after=2, times=1, skip=1)  # not the first look at the ticket

    ran = own_world.runbook("run", "weekend_license", 1003, "--json")

    assert "out_of_scope" == ran.report["outcome"]
    shown = Path(ran.report["record"]).read_text(encoding="utf-8")
    assert "waiting 2.0 s for Zendesk, which is not ready (300 s of waiting left)" in shown

    own_world.inject("zendesk", "limit", retry_after=3, times=None)
    given_up = run(own_world, RUNBOOK_WAIT_S="2")
    assert re.search(r"Zendesk is limiting requests \(429\)\. Try again in [23] s\.", given_up.words)


def test_a_colleague_took_the_ticket_meanwhile(own_world: World) -> None:
    """Nothing more is sent by who no longer has it; the message names the colleague."""
    fault = own_world.inject("pipelines", "stall")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, own_world)
        while not own_world.rows("SELECT 1 FROM pipelines"):
            time.sleep(0.05)
        colleague = own_world.rows("SELECT id, name FROM users WHERE role = 'agent' AND name LIKE 'Robin%'")[0]
        own_world.change("UPDATE tickets SET assignee_id = ? WHERE id = 1001", colleague["id"])
        own_world.clear_faults()
        ended = running.result()

    assert fault["id"] == 1
    assert "NeedsAnswerError" == ended.error
    assert f"was yours when this run began, and is {colleague['name']}'s now" in ended.words
    assert {"mail": 1} == there(own_world, NIGHTS[0])
    assignment = cells(own_world, "weekend_license", 1001, perform=True, take_over=True).report["effects"][0]
    assert f"taken over from {colleague['name']}" in assignment["evidence"]["summary"]
    assert {"mail": 1, "note": 1, "reply": 1, "slack_post": 1} == there(own_world, NIGHTS[0])


FULL = """
import sys
from runbook_lib.cli import main as cli
from tests.small_disk import room_for
with room_for(int(sys.argv.pop(1))):
    sys.exit(cli.main(sys.argv[1:]))
"""


def test_a_full_disk(own_world: World) -> None:
    """What cannot be announced does not happen, at whichever line the disk fills up; with room the next run goes on."""
    for room in (100, 700, 8000):
        before = own_world.content()
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(room), "run", "weekend_license", "1001", "--perform", "--json"],
            env={**own_world.environment, "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (1, True) == (done.returncode, "Free the disk" in done.stderr), done.stderr
        parts = (own_world.outputs / "sandbox" / "1001").glob("journal.*.jsonl")
        kinds = [json.loads(line)["kind"] for part in parts for line in part.read_text().splitlines()]
        if "intended" not in kinds:
            assert before == own_world.content(), "nothing is done that was not announced"
    assert "license_issued" == run(own_world).outcome
    assert {"mail": 1, "note": 1, "reply": 1, "slack_post": 1} == there(own_world, NIGHTS[0])


# -- a journal that cannot be relied on, by the command line


def damaged(own_world: World) -> Path:
    """The journal of ticket 1003, with an edited line."""
    own_world.runbook("run", "weekend_license", 1003, "--perform")
    (journal,) = (own_world.outputs / "sandbox" / "1003").glob("journal.*.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b'"operator":"practice.engineer"', b'"operator":"somebody"'))
    return journal


def test_a_damaged_journal_stops_the_run(own_world: World) -> None:
    """Bad input, reported before any kernel starts; the way out is named, and works."""
    journal = damaged(own_world)
    content, world = journal.read_bytes(), own_world.content()

    ran = own_world.runbook("run", "weekend_license", 1003, "--perform")

    assert (2, content, world) == (ran.status, journal.read_bytes(), own_world.content())
    assert "Line 1 of " in ran.stderr
    assert "was altered. Nothing was changed." in ran.stderr
    assert "run `runbook journal restart 1003 --because WORDS`" in ran.stderr

    restarted = own_world.runbook("journal", "restart", 1003, "--because", "edited by hand")
    assert 0 == restarted.status
    (kept,) = journal.parent.glob("journal-until-*.jsonl")
    assert (content, True) == (kept.read_bytes(), kept.name in restarted.stdout)
    assert 0 == own_world.runbook("run", "weekend_license", 1003, "--perform").status


def test_show_a_journal(own_world: World) -> None:
    """As a table for people, as JSON for programs."""
    own_world.runbook("run", "weekend_license", 1003, "--perform")

    shown = own_world.runbook("journal", "show", 1003)
    entries: list[dict[str, Any]] = json.loads(own_world.runbook("journal", "show", 1003, "--json").stdout)

    kinds = [entry["kind"] for entry in entries if entry["kind"] != "cell_started"]
    # the last two are of the note with the record's digest
    assert ["run_started", "intended", "done", "run_ended", "intended", "done"] == kinds
    assert "practice.engineer began weekend_license (performed)" in shown.stdout
    none = own_world.runbook("journal", "show", 1004)
    words = "Ticket 1004 has no journal here, so that there is nothing to show. Check the number."
    assert (2, True, False) == (none.status, words in none.stderr, (own_world.outputs / "sandbox" / "1004").exists())


def keys(world: World) -> list[tuple[str, ...]]:
    """The keys that are listed, each with its state."""
    return [tuple(line.split()[:2]) for line in world.runbook("keys", "list").stdout.splitlines()[2:]]


def test_keys(own_world: World, tmp_path: Path) -> None:
    """Listed, rotated, and another machine's trusted."""
    own_world.runbook("run", "weekend_license", 1003, "--perform")
    ((first, _),) = keys(own_world)
    assert 0 == own_world.runbook("keys", "rotate").status
    after = keys(own_world)
    assert (2, (first, "trusted"), "signs") == (len(after), after[0], after[1][1])

    elsewhere = own_world.seen_from(tmp_path / "elsewhere")
    shutil.copytree(own_world.outputs / "sandbox" / "1003", elsewhere.outputs / "sandbox" / "1003")
    beside = elsewhere.runbook("journal", "show", 1003, "--json")
    assert {first} == {entry["writer"] for entry in json.loads(beside.stdout)}
    (elsewhere.outputs / "sandbox" / "1003" / f"journal.{first}.pub").unlink()
    unknown = elsewhere.runbook("journal", "show", 1003)
    assert (0, True) == (unknown.status, "runbook keys trust FILE" in unknown.stderr)
    key = next((own_world.outputs / "sandbox" / ".keys").glob(f"*-{first}.pub"))
    assert 0 == elsewhere.runbook("keys", "trust", key).status
    assert 0 == elsewhere.runbook("journal", "show", 1003).status
    assert "cannot be read" in own_world.runbook("keys", "trust", "nowhere").stderr

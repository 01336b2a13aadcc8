"""What goes wrong for a user: one or two sentences, the right exit status, a record if a run began, no traceback."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from runbook_lib import files
from runbook_lib.cli.main import main
from tests.practice import Ran, World
from tests.practice_cells import cells

pytestmark = [pytest.mark.apart, pytest.mark.slow]

BEFORE_THE_RUN = {
    "no number": (["abc"], ("ticket_id", "'abc'", "1001")),
    "zero": (["0"], ("ticket_id", "'0'")),
    "no users": (["1001", "-p", "user_count", "0"], ("user_count", "'0'", "from 1 to")),
    "negative users": (["1001", "-p", "user_count", "-5"], ("user_count", "'-5'", "from 1 to")),
    "a word for users": (["1001", "-p", "user_count", "many"], ("user_count", "'many'", "whole number")),
    "ten million users": (["1001", "-p", "user_count", "10000000"], ("user_count", "1,000,000")),
    "malformed address": (["1001", "-p", "requester_email", "admin@"], ("requester_email", "'admin@'")),
    "no such day": (["1001", "-p", "expires_on", "2026-02-30"], ("expires_on", "2026-02-30", "YYYY-MM-DD")),
    "misspelt parameter": (["1001", "-p", "tiket_id", "7"], ("tiket_id", "did you mean 'ticket_id'")),
    "unknown plan": (["1001", "-p", "plan", "gold"], ("plan", "'gold'", "premium")),
    "given twice": (["1001", "-p", "plan", "premium", "-p", "plan", "free"], ("plan", "twice")),
    "perform as parameter": (["1001", "-p", "perform", "True"], ("perform", "--perform")),
}


class Here:
    """The command line in this process, for what ends before a run: a start of Python less each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def runbook(self, world: World, *words: str, **environment: str) -> Ran:
        """Run a command beside a practice world."""
        for name, value in {"RUNBOOK_OUTPUTS": str(world.outputs), **environment}.items():
            self._monkeypatch.setenv(name, value)
        return Ran(main(words), *self._capsys.readouterr())


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    return Here(monkeypatch, capsys)


def sentences(words: str) -> int:
    """How many sentences a message has, roughly."""
    return len(re.findall(r"[.?!](?:\s|$)", words))


@pytest.mark.parametrize("case", BEFORE_THE_RUN)
def test_bad_input_is_reported_before_a_kernel_starts(here: Here, world: World, case: str) -> None:
    """Exit status 2, a short message with the value, and no record."""
    words, expected = BEFORE_THE_RUN[case]
    before = sorted(world.outputs.rglob("*.ipynb"))
    ran = here.runbook(world, "run", "weekend_license", *words)
    assert (2, "") == (ran.status, ran.stdout)
    assert not [piece for piece in expected if piece not in ran.stderr], ran.stderr
    assert ran.stderr.count("\n") == 1
    assert sentences(ran.stderr) <= 3
    assert before == sorted(world.outputs.rglob("*.ipynb"))


def test_an_unknown_runbook_is_named_with_those_there_are(here: Here, world: World) -> None:
    """The closest name is offered."""
    ran = here.runbook(world, "run", "weekend_licence", "1001")
    assert 2 == ran.status
    assert "did you mean 'weekend_license'" in ran.stderr


def test_a_misspelt_setting_is_reported(here: Here, world: World) -> None:
    """It is not ignored in favor of the default."""
    ran = here.runbook(world, "run", "weekend_license", "1001", RUNBOOK_GRACE_DAY="10")
    assert 2 == ran.status
    assert "did you mean RUNBOOK_GRACE_DAYS" in ran.stderr


def test_live_with_missing_settings_names_each_of_them(here: Here, world: World) -> None:
    """Before anything is read or sent."""
    ran = here.runbook(world, "run", "weekend_license", "1001", RUNBOOK_PROFILE="live", RUNBOOK_OPERATOR="me")
    assert 2 == ran.status
    for name in ("ZENDESK_URL", "ZENDESK_OAUTH_TOKEN", "GITLAB_TOKEN", "SLACK_CHANNEL_ID", "TRACKER_PROJECT_ID"):
        assert f"RUNBOOK_{name}" in ran.stderr
    assert "RUNBOOK_OPERATOR" not in ran.stderr


def test_a_read_only_folder_is_reported_before_the_run(own_world: World, tmp_path: Path) -> None:
    """Here a file stands in the ticket folder's place."""
    (own_world.outputs / "sandbox" / "1001").write_text("in the way")
    ran = own_world.runbook("run", "weekend_license", "1001")
    assert 1 == ran.status
    assert "RUNBOOK_OUTPUTS" in ran.stderr


def left_a_clean_record(ran: Ran) -> None:
    """The run has a record that says how it ended, in words, without a traceback."""
    errors = [o for c in ran.record.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error"]
    assert not [error for error in errors if "Traceback" in "".join(error["traceback"])]
    assert ran.report["status"] == ran.record.metadata["runbook"]["status"]
    journal = next(Path(ran.report["record"]).parent.glob("journal.*.jsonl")).read_text().splitlines()
    ended = [entry for entry in map(json.loads, journal) if entry["kind"] == "run_ended"]
    assert ran.report["status"] == ended[-1]["status"]
    assert "Traceback" not in ran.stderr


def test_a_colleagues_ticket_needs_the_engineers_word(own_world: World) -> None:
    """Without it nothing is changed; with it the ticket is taken over."""
    before = own_world.contents()
    ran = own_world.runbook("run", "weekend_license", 1906, "--perform", "--json")
    assert (3, "needs_answer", ["take_over"]) == (ran.status, ran.report["status"], ran.report["missing"])
    assert "Robin Weekend" in ran.report["summary"]
    assert before == own_world.contents()
    left_a_clean_record(ran)
    again = cells(own_world, "weekend_license", 1906, perform=True, take_over=True)
    assert "license_issued" == again.report["outcome"]


@pytest.mark.parametrize(
    ("ticket_id", "reason"),
    [(1904, "holds no license: it is"), (1907, "public key does not open")],
    ids=["no license", "another key"],
)
def test_a_useless_attachment_is_named_and_asked_about(world: World, ticket_id: int, reason: str) -> None:
    """It is no fact; the run goes on without it."""
    walked = cells(world, "weekend_license", ticket_id)
    assert "waiting_for_customer" == walked.report["outcome"]
    (notes,) = [step.data["notes"] for step in walked.shown if "notes" in step.data]
    assert [note for note in notes if reason in note], notes


@pytest.mark.parametrize(("ticket_id", "reason"), [(1902, "52.4 MB"), (1903, "404")], ids=["50 MB", "missing"])
def test_an_attachment_that_cannot_be_read_is_asked_about(world: World, ticket_id: int, reason: str) -> None:
    """What could not be looked at may be the license, so the customer is not asked for screenshots."""
    report = cells(world, "weekend_license", ticket_id).report
    assert report["outcome"] is None
    assert reason in report["summary"]
    assert "ask_customer" in report["missing"]


def test_a_hundred_attachments_hold_up_nothing(own_world: World) -> None:
    """The license is found among them, each other file is named on the card, and the record stays of a usual size."""
    for number in range(100):
        own_world.change(
            "INSERT INTO attachments (comment_id, token, file_name, content_type, size, source, content)"
            " SELECT id, ?, ?, 'text/plain', 4, 'stored', 'logs' FROM comments WHERE ticket_id = 1001 LIMIT 1",
            f"token-{number}",
            f"log-{number}.txt",
        )
    ran = own_world.runbook("run", "weekend_license", 1001, "--json")
    assert (0, "license_issued") == (ran.status, ran.report["outcome"]), ran.report["summary"]
    assert all(f"log-{number}.txt" in str(ran.record) for number in (0, 50, 99))
    assert 300_000 > Path(ran.report["record"]).stat().st_size
    left_a_clean_record(ran)


def test_a_requester_without_a_usable_address_is_asked_for(own_world: World) -> None:
    """Nothing is issued; the given address is then used."""
    stopped = cells(own_world, "weekend_license", 1905, perform=True)
    assert ["requester_email"] == stopped.report["missing"]
    assert [] == own_world.issues(1905)
    again = cells(own_world, "weekend_license", 1905, perform=True, requester_email="admin@known.example")
    assert "license_issued" == again.report["outcome"]
    assert 1 == len(own_world.mails("admin@known.example"))


def test_the_license_goes_to_the_requester_only(world: World) -> None:
    """An address that contradicts the ticket stops the run before anything is issued."""
    walked = cells(world, "weekend_license", 1005, requester_email="me@elsewhere.example")
    assert "me@elsewhere.example" in str(walked.error)


def test_an_expiry_in_the_future_is_out_of_scope(world: World) -> None:
    """The engineer's date goes before the license file, and the verdict says what it rests on."""
    report = cells(world, "weekend_license", 1001, expires_on="2027-06-01").report
    assert "out_of_scope" == report["outcome"]
    assert "2027-06-01" in report["summary"]


def test_a_count_that_the_instance_would_refuse(world: World) -> None:
    """The message names both numbers and the one that works."""
    figures = {"billable_users": 17, "maximum_users": 22, "users_over_license": 2}
    walked = cells(world, "weekend_license", 1005, **figures, user_count=19)
    for number in ("19", "22"):
        assert number in str(walked.error)


def test_refused_credentials_are_recorded(own_world: World) -> None:
    """The token is in no message."""
    change_descriptor(own_world, zendesk_oauth_token="not-the-token")
    ran = own_world.runbook("run", "weekend_license", 1001, "--perform", "--json")
    assert (1, "failed") == (ran.status, ran.report["status"])
    assert "Zendesk refused (401)" in ran.report["summary"]
    assert "not-the-token" not in ran.stdout + ran.stderr + json.dumps(ran.record)
    left_a_clean_record(ran)


def test_a_service_that_is_down_is_named_with_the_next_step(own_world: World) -> None:
    """Nothing listens on that port."""
    change_descriptor(own_world, zendesk_url="http://127.0.0.1:9")
    walked = cells(own_world, "weekend_license", 1001, perform=True)
    assert "Zendesk at http://127.0.0.1:9 cannot be reached" in str(walked.error)


def test_a_channel_without_the_bot_holds_nothing_back(own_world: World) -> None:
    """The license is issued, the post is an open end; once the bot is invited the next run makes up for it."""
    own_world.change("UPDATE channels SET is_member = 0")
    report = cells(own_world, "weekend_license", 1001, perform=True).report
    assert "license_issued" == report["outcome"]
    assert "not_in_channel" in report["summary"]
    assert "Invite the bot" in report["summary"]
    assert (1, 2, []) == (len(own_world.issues(1001)), len(own_world.comments(1001)), own_world.posts(1001))
    own_world.change("UPDATE channels SET is_member = 1")
    assert "license_issued" == cells(own_world, "weekend_license", 1001, perform=True).report["outcome"]
    assert (1, 1) == (len(own_world.issues(1001)), len(own_world.posts(1001)))


def test_a_stopped_sandbox_says_how_to_start_one(own_world: World, tmp_path: Path) -> None:
    """Plain papermill needs a running one; the notebook says so in a sentence."""
    import subprocess
    import sys

    from runbook_lib.settings import ROOT

    elsewhere = tmp_path / "nothing"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "papermill",
            ROOT / "notebooks" / "weekend_license.ipynb",
            tmp_path / "out.ipynb",
            "-p",
            "ticket_id",
            "1001",
        ],
        env={**own_world.environment, "RUNBOOK_OUTPUTS": str(elsewhere)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 != done.returncode
    assert "No sandbox is running" in done.stderr
    assert "runbook sandbox" in done.stderr


def shown(ran: Ran) -> list[dict[str, Any]]:
    """What the steps of a record say to a program."""
    mime = "application/vnd.license-runbook.step+json"
    outputs = [o for cell in ran.record.cells if cell.cell_type == "code" for o in cell.outputs]
    return [output["data"][mime] for output in outputs if mime in output.get("data", {})]


def change_descriptor(world: World, **settings: str) -> None:
    """Make the running sandbox appear with other settings, as a wrong configuration would."""
    path = world.folder / "running.json"
    descriptor = json.loads(path.read_text())
    descriptor["settings"].update(settings)
    path.write_text(json.dumps(descriptor))


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "trust", "/dev/zero"),
        ("license", "read", "/dev/zero"),
        ("batch", "/dev/zero"),
        ("run", "weekend_license", "1001", "-f", "/dev/zero"),
    ],
    ids=lambda words: words[0],
)
def test_what_does_not_end_is_named(
    here: Here, world: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """A device in place of a file is not read until the memory is full."""
    monkeypatch.setattr(files, "LARGEST_BYTES", 100_000)
    ran = here.runbook(world, *words)
    assert (2, "", True) == (ran.status, ran.stdout, "/dev/zero cannot be read" in ran.stderr)
    assert sentences(ran.stderr) <= 2


@pytest.mark.parametrize("words", [("batch", "-"), ("run", "weekend_license", "1001", "-f", "-")], ids=["batch", "run"])
def test_standard_input_without_end_is_named(
    here: Here, world: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(files, "LARGEST_BYTES", 100_000)
    with Path("/dev/zero").open() as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        ran = here.runbook(world, *words)
    assert (2, "", True) == (ran.status, ran.stdout, " - cannot be read" in ran.stderr)

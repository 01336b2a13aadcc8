"""What the vendors refuse or keep otherwise, as the cases tell it: before a license goes out, where it can be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.cases import changes
from runbook_lib.cases.changes import apply, unfinished
from runbook_lib.cases.license_not_received import LicenseNotReceived
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain.errors import InputError, OutcomeUnknownError, PersonNeededError, RefusedError
from tests.cases.test_weekend_license import to_scope, to_users
from tests.practice import World, start
from tests.practice_cells import cells

pytestmark = pytest.mark.slow

SUSPENDED = "unsuspend them"
UNDELIVERABLE = r"Zendesk sends no mail to maya.lindqvist@nordlicht-analytics.example \(undeliverable\)"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of its own, which the settings of this process find."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    yield from start(tmp_path / "outputs")


def checked() -> WeekendLicense:
    """A performing case whose license is out and checked."""
    case = to_users(1001, perform=True)
    case.issue_license()
    case.check_license()
    return case


def pipelines(here: World) -> int:
    return len(here.rows("SELECT 1 FROM pipelines"))


@pytest.mark.parametrize("issuer", ["mechanizer", "manual"])
@pytest.mark.parametrize("perform", [False, True])
@pytest.mark.parametrize(("flag", "words"), [("suspended", SUSPENDED), ("undeliverable", UNDELIVERABLE)])
def test_a_requester_whom_no_reply_reaches(
    here: World, monkeypatch: pytest.MonkeyPatch, flag: str, words: str, perform: bool, issuer: str
) -> None:
    """That is known before a license goes out, or is made by hand, in a rehearsal too."""
    monkeypatch.setenv("RUNBOOK_ISSUER", issuer)
    here.inject("zendesk", flag)
    case = to_users(1001, perform=perform)
    with pytest.raises(PersonNeededError, match=words):
        case.issue_license()
    assert (0, []) == (pipelines(here), here.comments(1001))


def test_a_requester_suspended_after_the_license(issued: World) -> None:
    """The license that is out is found all the same; who tells them otherwise says so, and the case ends."""
    checked()
    issued.inject("zendesk", "suspended")
    ran = issued.runbook("run", "weekend_license", 1001, "--perform", "--json")
    assert (3, ["assignment", "license"]) == (ran.status, [effect["name"] for effect in ran.report["effects"]])
    assert "or do it by hand and say so: `runbook answer 1001 reply yes`" in ran.report["summary"]
    assert 0 == issued.runbook("answer", 1001, "reply", "yes").status
    assert "license_issued" == cells(issued, "weekend_license", 1001, perform=True).report["outcome"]
    assert (1, 1, 1) == (pipelines(issued), len(issued.comments(1001)), len(issued.posts(1001)))


def test_a_second_post_that_cannot_be_taken_back(issued: World) -> None:
    """The first one is there: only the second is to be deleted, and nothing is to be answered."""
    case = checked()
    case.answer_customer()
    case.tell_team()
    case.services.slack.post(case.settings.slack_channel_id, "The same", case.operation("slack_post"))
    issued.inject("slack", "refuse", error="cant_delete_message", path="chat.delete", times=None)
    shown = " ".join(repr(case.tell_team()).split())
    assert "done before, not repeated" in shown and "Delete the later one by hand" in shown
    assert "Not done" not in shown and "runbook answer" not in shown
    assert "Delete the later one by hand" in unfinished(case)


def test_a_suspended_requester_is_not_asked(here: World) -> None:
    """A request for screenshots would not reach them either."""
    here.inject("zendesk", "suspended")
    case = to_scope(1002, perform=True)
    with pytest.raises(PersonNeededError, match=SUSPENDED):
        case.confirm_subscription(ask_customer=True)
    assert [] == here.comments(1002)


@pytest.mark.parametrize("perform", [False, True])
@pytest.mark.parametrize(("flag", "words"), [("light_agent", "is a light agent"), ("custom_role", "comment privately")])
def test_a_role_that_cannot_is_found_at_once(here: World, flag: str, words: str, perform: bool) -> None:
    """Nothing is taken, and nothing is sent."""
    here.inject("zendesk", flag)
    case = WeekendLicense.open(1001, perform=perform)
    with pytest.raises(PersonNeededError, match=f"Practice Engineer .*{words}.*Ask a Zendesk admin for a role"):
        case.take()
    assert 0 == pipelines(here)


def test_a_public_reply_that_came_out_private(issued: World) -> None:
    """It is not done, and not repeated; a person posts it, and says so."""
    case = checked()
    issued.inject("zendesk", "private_comments")
    words = r"cannot read.*Post it by hand.*Then run `runbook answer 1001 reply yes`"
    for _ in range(2):
        with pytest.raises(OutcomeUnknownError, match=words):
            case.answer_customer()
    issued.clear_faults()
    again = WeekendLicense.open(1001)
    with pytest.raises(OutcomeUnknownError, match=words):
        apply(again, changes.reply(again, "reply", "Hello", summary="public reply to the customer"))
    assert [0] == [comment["public"] for comment in issued.comments(1001)]

    assert 0 == issued.runbook("answer", 1001, "reply", "yes").status
    case.answer_customer()
    done = [action.name for action in case.plan().actions if action.step == "Answer the customer"]
    assert ["reply", "note"] == done
    assert [0, 0] == [comment["public"] for comment in issued.comments(1001)]


def test_a_private_reply_is_seen_from_another_machine(issued: World) -> None:
    """The ticket's audit tells, where no journal does."""
    case = checked()
    issued.inject("zendesk", "private_comments")
    with pytest.raises(OutcomeUnknownError):
        case.answer_customer()
    issued.clear_faults()
    issued.forget(1001)
    other = checked()
    with pytest.raises(OutcomeUnknownError, match="kept as an internal note"):
        other.answer_customer()
    assert 1 == len(issued.comments(1001))


def test_a_copy_that_lost_its_file(here: World) -> None:
    """The reply says that the license is attached, so without the file it is not done."""
    here.inject("zendesk", "drop_files")
    stopped = cells(here, "license_not_received", 3001, perform=True).error
    assert isinstance(stopped, OutcomeUnknownError)
    assert "was kept with no file" in str(stopped)
    assert "runbook answer 3001 license_copy-" in str(stopped)


def test_a_post_that_ended_elsewhere_is_not_repeated(issued: World) -> None:
    """Nobody of the team sees it there; only a person's word ends it."""
    case = checked()
    case.answer_customer()
    issued.inject("slack", "elsewhere", times=1)
    for _ in range(2):
        shown = repr(case.tell_team())
        assert "[unavailable] Tell the team" in shown
        assert re.search(r"posted it in C07ELSEWHERE(.|\n)*`runbook answer 1001 slack_post yes`", shown)
    assert 1 == len(issued.posts(1001))


def test_a_pipeline_that_waits_for_a_person(here: World) -> None:
    """Somebody must press play: nothing is waited for, and the next run starts no second pipeline."""
    here.inject("pipelines", "hold", state="manual")
    case = to_users(1001, perform=True)
    for _ in range(2):
        with pytest.raises(OutcomeUnknownError, match=r"/-/pipelines/\d+ waits for a person to press play"):
            case.issue_license()
    assert 1 == pipelines(here)
    here.clear_faults()
    assert "done before, not repeated" in repr(case.issue_license())
    assert 1 == pipelines(here)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "refuse", "status": 404, "error": "Not Found"}, "RUNBOOK_MECHANIZER_TRIGGER_TOKEN"),
        (
            {"kind": "refuse", "status": 400, "error": "Insufficient permissions to set pipeline variables"},
            "Minimum role to use pipeline variables",
        ),
        ({"kind": "redirect", "status": 301}, "Correct RUNBOOK_GITLAB_URL"),
    ],
    ids=["token", "variables", "redirect"],
)
def test_a_trigger_that_is_refused(here: World, fault: dict[str, object], words: str) -> None:
    """No pipeline was started, so that after the setting is mended the same run goes on."""
    here.inject("gitlab", **fault, path="/trigger/pipeline")
    case = to_users(1001, perform=True)
    with pytest.raises(RefusedError, match=words):
        case.issue_license()
    assert 0 == pipelines(here)
    case.issue_license()
    assert 1 == pipelines(here)


@pytest.mark.parametrize(
    ("state", "words"), [("waiting_for_resource", "waits for a resource"), ("scheduled", "waits for its time")]
)
def test_a_pipeline_that_waits_by_itself(here: World, monkeypatch: pytest.MonkeyPatch, state: str, words: str) -> None:
    """It may still issue the license, so the state is reported, and no second pipeline is started."""
    monkeypatch.setenv("RUNBOOK_WAIT_S", "2")
    here.inject("pipelines", "hold", state=state)
    case = to_users(1001, perform=True)
    with pytest.raises(OutcomeUnknownError, match=rf"still under way: pipeline \d+ {words}"):
        case.issue_license()
    assert 1 == pipelines(here)


def test_a_merged_ticket_names_the_other_one(here: World) -> None:
    """By its colleague's comment, and not by what the customer wrote."""
    for kind in (WeekendLicense, LicenseNotReceived):
        with pytest.raises(InputError, match="Ticket 1909 was merged into ticket 1001: use that number"):
            kind.open(1909)


def test_no_command_to_perform_after_a_failed_rehearsal(here: World) -> None:
    """What cannot be rehearsed is not to be performed."""
    here.inject("zendesk", "suspended")
    ran = here.runbook("run", "weekend_license", 1001)
    assert 3 == ran.status
    assert "unsuspend them" in ran.stdout
    assert "To perform it" not in ran.stdout
    here.clear_faults()
    assert "To perform it" in here.runbook("run", "weekend_license", 1001).stdout


@pytest.mark.parametrize(("flag", "words"), [("light_agent", "light agent"), ("custom_role", "comment privately")])
def test_the_doctor_knows_roles(here: World, flag: str, words: str) -> None:
    """As the cases do, and by the same words."""
    here.inject("zendesk", flag)
    ran = here.runbook("doctor", "--json")
    assert (1, True) == (ran.status, words in ran.stdout)

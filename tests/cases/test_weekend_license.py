"""The weekend case, step by step in this process: what each step decides, asks for, and leaves alone."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from PIL import Image

from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain import license, messages
from runbook_lib.domain.errors import InputError, NeedsAnswerError, OutcomeUnknownError, PersonNeededError
from runbook_lib.domain.license_contents import License
from runbook_lib.results import StepResult
from runbook_lib.settings import Settings
from tests.practice import WORLD_DATE, World, start

pytestmark = pytest.mark.slow


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of its own, which the settings of this process find."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    yield from start(tmp_path / "outputs")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that rehearsals share."""
    yield from start(tmp_path_factory.mktemp("served") / "outputs")


@pytest.fixture
def seen(served: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """That world, which the settings of this process find: for a test that only rehearses in it."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    return served.seen_from(tmp_path / "outputs")


@pytest.fixture
def image(tmp_path: Path) -> str:
    """A small PNG file."""
    path = tmp_path / "dashboard.png"
    rows = zlib.compress(b"\x00\xff\xff\xff")
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + _chunk(b"IDAT", rows)
    )
    return str(path)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def to_scope(ticket_id: int, *, perform: bool = False, confirmed: str = "unknown", **facts: object) -> WeekendLicense:
    """A case up to the scope decision."""
    case = WeekendLicense.open(ticket_id, perform=perform)
    case.take()
    case.collect_facts(**facts)
    case.confirm_identity(identity_confirmed=confirmed)
    case.decide_scope()
    return case


def to_users(ticket_id: int, *, perform: bool = False, confirmed: str = "unknown", **facts: object) -> WeekendLicense:
    """A case up to the user count."""
    case = to_scope(ticket_id, perform=perform, confirmed=confirmed, **facts)
    case.confirm_subscription()
    case.choose_users()
    return case


def words(result: StepResult) -> str:
    """What a step shows, as text without its line breaks."""
    return " ".join(repr(result).split())


FACTS = {"expires_on": "2026-11-06", "billable_users": 17, "maximum_users": 22, "users_over_license": 2}


def test_a_step_out_of_order_asks_for_the_one_before(seen: World) -> None:
    """A cell that was skipped is named."""
    case = WeekendLicense.open(1001)
    with pytest.raises(InputError, match="'take' has not been run"):
        case.decide_scope()


def test_running_an_earlier_step_again_decides_anew(seen: World) -> None:
    """An engineer who corrects an answer gets the verdict for it, and the steps after it are to be run again."""
    case = to_scope(1001, expires_on="2027-01-01")
    assert "out_of_scope" == case.outcome
    assert "Nothing to do" in words(case.confirm_subscription())
    case.collect_facts()
    with pytest.raises(InputError, match="'confirm_identity' has not been run"):
        case.confirm_subscription()
    case.confirm_identity()
    assert "in scope" in words(case.decide_scope())
    assert case.outcome is None


def test_steps_after_the_outcome_say_why_they_skip(seen: World) -> None:
    """With the step that ended the case."""
    case = to_scope(1004)
    for name in WeekendLicense.order[4:-1]:
        shown = words(getattr(case, name)())
        assert "Nothing to do: the case ended in the step “Decide the scope”: Out of scope." in shown


def test_facts_have_sources_and_the_engineer_overrides(seen: World) -> None:
    """What differs stays visible."""
    case = WeekendLicense.open(1001)
    case.take()
    shown = words(case.collect_facts(plan="ultimate"))
    assert "plan: ultimate (engineer) counts; the license file says premium" in shown
    assert "plan: ultimate (engineer) counts; the organization says premium" in shown
    assert "ultimate" == case.facts.value("plan")


def test_what_was_confirmed_beside_a_screenshot_says_so(seen: World) -> None:
    """It ranks below our records; what is confirmed must be given, as far as this runbook asks for it."""
    case = WeekendLicense.open(1001)
    case.take()
    given = {"plan": "ultimate", "billable_users": 17}
    shown = words(case.collect_facts(**given, confirmed="plan,maximum_users"))
    assert "plan: premium (organization) counts; the screenshot says ultimate" in shown
    assert "Plan ultimate screenshot differs confirmed by the engineer" in shown
    assert "Billable users 17 engineer counts parameter" in shown
    with pytest.raises(InputError, match="confirmed names plan, maximum_users, but no value is given"):
        case.collect_facts(plan="unknown", maximum_users="unknown", confirmed=["plan", "maximum_users"])


def test_valid_license_file_is_named_with_fingerprint(seen: World) -> None:
    """A reviewer can tell which file it was."""
    case = WeekendLicense.open(1001)
    case.take()
    (row,) = seen.rows(
        "SELECT content FROM attachments a JOIN comments c ON c.id = a.comment_id WHERE c.ticket_id = 1001"
    )
    assert license.fingerprint(row["content"]) in words(case.collect_facts())


def test_a_trial_extension_proves_no_paid_plan(seen: World) -> None:
    """On ticket 1009 the plan comes from the full license; the dates from the extension, which ended last."""
    case = to_scope(1009)
    plans = [fact for fact in case.facts.known if fact.name == "plan" and fact.source == "license file"]
    assert 1 == len(plans)
    assert case.verdict is not None
    assert case.verdict.window is not None
    assert 1 == case.verdict.window.days_after_grace


def test_on_a_weekday_the_weekday_runbook_is_named(seen: World) -> None:
    """The engineer's date decides."""
    case = to_scope(1001, emergency_on="2026-11-23")
    assert "out_of_scope" == case.outcome
    assert case.verdict is not None
    assert "use weekday_triage" in case.verdict.rulings[-1].reason


def test_the_suggested_count_covers_the_highest_of_the_term(seen: World) -> None:
    """17 billable, 2 over, a maximum of 22: 22, with the reason."""
    case = to_users(1002, **FACTS)
    assert 22 == case.users


def attach_file(here: World, file_name: str, content_type: str, content: bytes) -> None:
    """Put a file on the first comment of ticket 1002."""
    here.change(
        "INSERT INTO attachments (comment_id, token, file_name, content_type, size, source, content) "
        "SELECT min(id), 'abc', ?, ?, ?, 'stored', ? FROM comments WHERE ticket_id = 1002",
        file_name,
        content_type,
        len(content),
        content,
    )


def drawn(width: int, height: int, kind: str = "PNG") -> bytes:
    """An image of one color."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("file_name", "content_type", "content", "words_of_it"),
    [
        ("dashboard.png", "image/png", drawn(300, 200), "dashboard.png"),
        ("small.png", "image/png", drawn(120, 40), "small.png"),
        ("attachment", "application/octet-stream", drawn(300, 200), "attachment"),
        ("shot.webp", "image/webp", drawn(300, 200, "WEBP"), "shot.webp"),
        ("broken.png", "image/png", b"x", "is no PNG, JPEG, GIF or WebP"),
        ("IMG_1.heic", "image/heic", b"\0\0\0\x18ftypheic", "save it as a JPEG"),
        ("license page.pdf", "application/pdf", b"%PDF-1.7", "save the page as a PNG"),
    ],
)
def test_ticket_images_need_a_person_to_read_them(
    here: World, file_name: str, content_type: str, content: bytes, words_of_it: str
) -> None:
    """The customer is not asked for what is there already, unless the engineer says so."""
    attach_file(here, file_name, content_type, content)
    case = to_scope(1002)
    with pytest.raises(NeedsAnswerError) as caught:
        case.confirm_subscription()
    assert words_of_it in str(caught.value)
    assert ("expires_on", "billable_users", "maximum_users", "ask_customer") == caught.value.missing
    assert "asks the customer" in words(case.confirm_subscription(ask_customer=True))


def test_an_icon_is_no_screenshot_and_is_named(here: World) -> None:
    """The customer is asked, and the card says what was left aside."""
    attach_file(here, "logo.png", "image/png", drawn(32, 32))
    shown = words(to_scope(1002).confirm_subscription())
    assert "asks the customer" in shown
    assert "Not looked at: logo.png: too small to be a screenshot." in shown


def test_screenshots_are_added_once_as_internal_note(here: World, image: str) -> None:
    """The same files again are found, not sent again."""
    for _ in range(2):
        case = to_scope(1002, perform=True, **FACTS)
        shown = words(case.confirm_subscription(screenshots=[image]))
        assert "dashboard.png" in shown
    (comment,) = here.comments(1002)
    assert 0 == comment["public"]
    (file,) = here.rows("SELECT * FROM attachments WHERE comment_id = ?", comment["id"])
    assert ("dashboard.png", Path(image).read_bytes()) == (file["file_name"], file["content"])


@pytest.mark.parametrize("given", ["missing.png", __file__], ids=["missing", "no image"])
def test_a_file_that_is_no_image_is_refused_first(here: World, given: str) -> None:
    """The message names the file."""
    case = to_scope(1002, perform=True, **FACTS)
    with pytest.raises(InputError, match=Path(given).name):
        case.confirm_subscription(screenshots=given)
    assert [] == here.comments(1002)


def test_the_command_to_perform_repeats_the_answers(seen: World, image: str) -> None:
    """What a person filled in goes along; what is unknown does not."""
    case = to_scope(1002, **FACTS)
    case.confirm_subscription(screenshots=[image])
    case.choose_users(user_count=30)
    case.issue_license()
    case.check_license()
    case.answer_customer()
    case.tell_team()
    shown = words(case.close())
    assert "-p expires_on 2026-11-06" in shown
    assert "-p user_count 30" in shown
    assert "--perform" in shown
    assert "plan" not in shown.split("to perform it")[1]


@pytest.mark.parametrize(
    ("figures", "named"),
    [
        ({"billable_users": 300}, "billable_users is 300"),
        ({"maximum_users": 300}, "maximum_users is 300"),
        ({"billable_users": 17, "maximum_users": 300}, "maximum_users is 300"),
        ({"billable_users": 300, "maximum_users": 290}, "billable_users is 300"),
    ],
)
def test_a_count_that_the_instance_would_refuse(seen: World, figures: dict[str, int], named: str) -> None:
    """Whichever figure shows it; the least that it takes is not refused."""
    case = to_scope(1002, expires_on="2026-11-06", **figures)
    case.confirm_subscription()
    with pytest.raises(InputError, match=f"{named}: the instance would refuse a license for fewer than 273 users"):
        case.choose_users(user_count=272)
    assert "The license is for 273 users." in words(case.choose_users(user_count=273))


def test_a_higher_count_in_the_customers_words_is_told(seen: World) -> None:
    """It may correct a figure; the engineer finds out."""
    case = to_scope(1001)
    case.confirm_subscription()
    (first, *rest) = case.known.thread
    case.known = replace(case.known, thread=(replace(first, body="Sorry, maximum users is 312, not 254."), *rest))
    assert "writes of 312 users: find out whether 250 are enough" in words(case.choose_users())


def test_a_colleagues_license_is_adopted_and_checked(here: World) -> None:
    """Made with the tool by hand: no second one is issued."""
    first = to_users(1001, perform=True)
    first.issue_license()
    here.wait_for_pipelines()
    here.change("UPDATE issues SET description = replace(description, 'sandbox-1001-license-1', 'by-hand')")
    here.change("DELETE FROM pipelines")
    here.forget(1001)
    again = to_users(1001, perform=True)
    assert "found, not repeated" in words(again.issue_license())
    assert "as ordered" in words(again.check_license())
    assert 1 == len(here.rows("SELECT * FROM mails"))


def test_another_count_than_the_issued_one_is_refused(issued: World) -> None:
    """The message says what the ticket has, and no other license is issued."""
    again = to_scope(1001, perform=True)
    again.confirm_subscription()
    with pytest.raises(InputError, match="has a license for 250 users"):
        again.choose_users(user_count=300)
    assert 1 == len(issued.rows("SELECT * FROM mails"))


def test_license_not_as_ordered_needs_a_person(issued: World) -> None:
    """Here the copy in the tracker is for fewer users than its title says; no team is notified."""
    issued.change("UPDATE issues SET title = replace(title, '250', '300')")
    again = to_users(1001, perform=True)
    again.issue_license()
    with pytest.raises(PersonNeededError, match="the check “is for 300 users” failed \\(250 users\\)"):
        again.check_license()
    assert [] == issued.posts(1001)


def test_a_later_run_finds_the_issued_license(here: World) -> None:
    """Nothing is asked again; the case goes on to its end."""
    to_users(1002, perform=True, **FACTS).issue_license()
    again = WeekendLicense.open(1002, perform=True)
    again.take()
    assert "has its license already" in words(again.collect_facts())
    for name in WeekendLicense.order[2:]:
        getattr(again, name)()
    assert "license_issued" == again.outcome
    assert 1 == len(here.rows("SELECT * FROM mails"))


def test_what_the_customer_writes_since_is_to_be_read(issued: World) -> None:
    """Such as that the license is refused: the license that was issued is not the end of it."""
    again = to_users(1001)
    for name in WeekendLicense.order[WeekendLicense.order.index("issue_license") : -1]:
        getattr(again, name)()
    assert "has written since" not in words(again.close())
    (first, *_) = again.known.thread
    assert again.issuance and again.issuance.issued_at
    later = replace(
        first,
        id=999,
        body="It is refused: we have 312 users.",
        created_at=again.issuance.issued_at + timedelta(hours=1),
    )
    again.known = replace(again.known, thread=(*again.known.thread, later))
    assert "The customer has written since (2026-" in words(again.close())


def test_answers_against_an_issued_license_stop(here: World) -> None:
    """A wrong year would make the case out of scope, although it was issued."""
    to_users(1002, perform=True, **FACTS).issue_license()
    with pytest.raises(PersonNeededError, match="was issued already"):
        to_scope(1002, perform=True, expires_on="2025-11-06")


def test_figures_without_a_screenshot_are_pointed_out(seen: World) -> None:
    """Nothing on the ticket backs them."""
    case = to_scope(1002, **FACTS)
    assert "No screenshot on the ticket backs these figures" in words(case.confirm_subscription())


def test_own_user_count_needs_no_screenshot(here: World) -> None:
    """The engineer's answer decides, for a customer who may not send any; without it that answer is offered."""
    case = to_scope(1002, expires_on="2026-11-06")
    *_, closed = [getattr(case, name)() for name in case.order[case.order.index("confirm_subscription") :]]
    assert "Your own user_count is enough in place of the figures." in words(closed)
    assert "No screenshot on the ticket backs" in words(case.confirm_subscription(user_count="254"))
    assert "The engineer chose 254." in words(case.choose_users(user_count="254"))
    assert (254, None) == (case.users, case.outcome)


def test_manual_issuer_lists_values_and_asks_for_evidence(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a rehearsal it is part of the plan; performing waits for the answer."""
    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    shown = words(to_users(1001).issue_license())
    (requester,) = here.rows("SELECT email FROM users WHERE id = (SELECT requester_id FROM tickets WHERE id = 1001)")
    for value in (requester["email"], "250", "ultimate", "2026-11-22", "2026-12-02", "/agent/tickets/1001"):
        assert value in shown
    with pytest.raises(NeedsAnswerError) as caught:
        to_users(1001, perform=True).issue_license()
    assert ("issued_evidence",) == caught.value.missing
    assert [] == here.rows("SELECT * FROM pipelines")


def test_manual_license_by_link_is_recorded(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be read, and the check says so."""
    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    case = to_users(1001, perform=True)
    case.issue_license(issued_evidence="https://customers.gitlab.example/admin/license/7")
    assert "not checked" in words(case.check_license())
    case.answer_customer()
    case.tell_team()
    assert "License issued" in words(case.close())
    assert "https://customers.gitlab.example/admin/license/7" in here.comments(1001)[-1]["body"]


def test_a_manual_license_by_file_is_read_and_checked(
    here: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Signature, dates and users, as with Mechanizer; the file's text stays out of what is shown."""
    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    key = license.load_private_key((here.folder / "license-key.pem").read_bytes())
    made = License(
        licensee={"Name": "by hand"},
        starts_on=WORLD_DATE,
        expires_on=WORLD_DATE.replace(month=12, day=2),
        restrictions={"active_user_count": 250, "plan": "ultimate", "trial": True},
    )
    file = tmp_path / "made.gitlab-license"
    file.write_text(license.write(made, key))
    case = to_users(1001, perform=True)
    case.issue_license(issued_evidence=str(file))
    shown = words(case.check_license())
    assert "as ordered" in shown
    assert license.fingerprint(file.read_bytes()) in shown


def test_slow_pipeline_is_found_by_the_next_run(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started twice, and once it ends the case goes on."""
    started = to_users(1001, perform=True)
    started.issue_license()
    here.wait_for_pipelines()
    here.change("UPDATE pipelines SET status = 'running'")
    (issue,) = here.issues(1001)
    here.change(
        "UPDATE issues SET state = 'opened', title = replace(title, '[Success] - Created', '[In progress] - Creating')"
    )
    monkeypatch.setenv("RUNBOOK_WAIT_S", "0.1")
    waiting = to_users(1001, perform=True)
    with pytest.raises(PersonNeededError, match="has not finished within"):
        waiting.issue_license()
    here.change("UPDATE pipelines SET status = 'success'")
    here.change("UPDATE issues SET state = 'closed', title = ?", issue["title"])
    ended = to_users(1001, perform=True)
    ended.issue_license()
    assert "as ordered" in words(ended.check_license())
    assert 1 == len(here.rows("SELECT * FROM pipelines"))


def die(here: World, *, said: str) -> None:
    """Make it as if the job had died, with its issue still in progress and saying this."""
    here.wait_for_pipelines()
    here.change("UPDATE pipelines SET updated_at = '2026-11-21T00:00:00.000Z'")
    here.change(
        "UPDATE issues SET state = 'opened', title = replace(title, '[Success] - Created', '[In progress] - Creating'),"
        " description = description || ? WHERE title LIKE '[Success]%' AND description LIKE '%tickets/1001%'",
        f"\n\n{said}",
    )
    here.change("UPDATE pipelines SET status = 'failed'")


def test_a_job_that_died_half_way_is_left_to_a_person(issued: World) -> None:
    """Its issue is still open and says nothing of a failure: the mail may have gone out."""
    die(issued, said="The mail is being sent.")

    with pytest.raises(OutcomeUnknownError, match=r"Ask the customer .* `runbook answer 1001 mail-1 yes`"):
        to_users(1001, perform=True).issue_license()
    with pytest.raises(OutcomeUnknownError):
        to_users(1001, perform=True).issue_license()
    assert 1 == len(issued.rows("SELECT * FROM mails"))


def test_the_customer_has_the_mail(issued: World) -> None:
    """Once a person says so, the issue tells it to everybody, and the case goes on without a second license."""
    die(issued, said="The mail is being sent.")
    with pytest.raises(OutcomeUnknownError):
        to_users(1001, perform=True).issue_license()

    assert 0 == issued.runbook("answer", 1001, "mail-1", "yes", "--because", "they wrote so").status
    case = to_users(1001, perform=True)
    assert "retitle issue" in words(case.issue_license()) or case.issuance
    assert "as ordered" in words(case.check_license())
    (issue,) = issued.issues(1001)
    assert ("closed", "[Success] - Created a license under ") == (issue["state"], issue["title"][:36])
    assert 1 == len(issued.rows("SELECT * FROM mails"))


def test_the_customer_has_no_mail(issued: World) -> None:
    """Once a person says so, the issue tells of the failure, and the same run uses the tool again."""
    die(issued, said="The mail is being sent.")
    issued.change("DELETE FROM mails")
    with pytest.raises(OutcomeUnknownError):
        to_users(1001, perform=True).issue_license()

    assert 0 == issued.runbook("answer", 1001, "mail-1", "no").status
    case = to_users(1001, perform=True)
    case.issue_license()
    assert "as ordered" in words(case.check_license())
    assert ["[Failure]", "[Success]"] == [issue["title"].split(" - ")[0] for issue in issued.issues(1001)]
    assert 1 == len(issued.rows("SELECT * FROM mails"))


def test_a_job_that_died_before_the_mail(issued: World) -> None:
    """Its issue says that nothing was sent: no person is asked, the issue reports it, and the tool is used again."""
    die(issued, said=messages.NO_MAIL_YET)
    issued.change("DELETE FROM mails")

    case = to_users(1001, perform=True)
    case.issue_license()

    assert "as ordered" in words(case.check_license())
    assert ["[Failure]", "[Success]"] == [issue["title"].split(" - ")[0] for issue in issued.issues(1001)]
    assert "The job died before it sent the mail." == messages.failure_reason(issued.issues(1001)[0]["description"])
    assert 1 == len(issued.rows("SELECT * FROM mails"))


def test_a_job_that_died_before_its_issue(issued: World) -> None:
    """It opens its issue before anything else, so nothing was sent: the tool is used again by the same run."""
    issued.change("UPDATE pipelines SET status = 'failed', updated_at = '2026-11-21T00:00:00.000Z'")
    for table in ("issues", "mails"):
        issued.change(f"DELETE FROM {table} WHERE id = (SELECT max(id) FROM {table})")

    to_users(1001, perform=True).issue_license()

    assert 2 == len(issued.rows("SELECT * FROM pipelines"))
    assert 1 == len(issued.rows("SELECT * FROM mails"))


def test_a_license_for_another_address_of_the_ticket(here: World) -> None:
    """A ticket gets one license; a corrected address makes no second one, and its success is left as it is."""
    here.change("UPDATE users SET email = 'maya' WHERE email LIKE 'maya.lindqvist@%'")
    to_users(1001, perform=True, requester_email="maya@nordlicht-analytics.example").issue_license()
    here.wait_for_pipelines()
    (before,) = here.issues(1001)

    with pytest.raises(PersonNeededError, match=r"it went to another address than maya\.lindqvist@nordlicht"):
        to_users(1001, perform=True, requester_email="maya.lindqvist@nordlicht-analytics.example")

    assert ([before], 1) == (here.issues(1001), len(here.rows("SELECT * FROM mails")))


def test_an_issue_with_a_changed_title(issued: World) -> None:
    """What no job writes is left to a person, and never taken for a job that died."""
    issued.change("UPDATE issues SET title = 'Done!' WHERE description LIKE '%tickets/1001%'")

    with pytest.raises(PersonNeededError, match="titled “Done!”, which is not what Mechanizer writes"):
        to_users(1001, perform=True).issue_license()
    title = "[Success] - Created a license under maya.lindqvist@nordlicht-analytics.example for 250 users (sent)"
    issued.change("UPDATE issues SET title = ? WHERE description LIKE '%tickets/1001%'", title)
    with pytest.raises(PersonNeededError, match="has its license already, and its title is not what Mechanizer writes"):
        to_users(1001, perform=True)
    assert 1 == len(issued.rows("SELECT * FROM mails"))


def test_a_success_that_a_late_update_undid(issued: World) -> None:
    """Closed, with a copy, and in progress by its title: the license was mailed, and none is issued again."""
    issued.change("UPDATE issues SET title = replace(title, '[Success] - Created', '[In progress] - Creating')")
    issued.forget(1001)

    case = to_users(1001, perform=True)
    case.issue_license()
    assert "as ordered" in words(case.check_license())
    assert 1 == len(issued.rows("SELECT * FROM mails"))


def test_nothing_by_hand_while_mechanizer_is_at_work(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who changes the issuer in the middle would make a second license."""
    here.inject("pipelines", "stall")
    monkeypatch.setenv("RUNBOOK_WAIT_S", "0.5")
    with pytest.raises(OutcomeUnknownError, match="still under way"):
        to_users(1001, perform=True).issue_license()

    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    for evidence in ({}, {"issued_evidence": "https://customers.gitlab.example/license/7"}):
        with pytest.raises(OutcomeUnknownError, match="Mechanizer is at work for this ticket"):
            to_users(1001, perform=True).issue_license(**evidence)
    here.clear_faults()


def test_a_rehearsal_after_a_job_died(issued: World) -> None:
    """It says what a performing run would do, and changes nothing."""
    die(issued, said=messages.NO_MAIL_YET)
    before = issued.content()

    assert "Mechanizer would make" in words(to_users(1001).issue_license())
    assert before == issued.content()


def test_a_job_that_was_stopped_a_moment_ago(issued: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may still be about to send its mail: as long as that, nothing is settled."""
    die(issued, said=messages.NO_MAIL_YET)
    monkeypatch.setenv("RUNBOOK_SETTLE_S", "3600")
    issued.change("UPDATE pipelines SET updated_at = ?", Settings.load().now().isoformat())
    monkeypatch.setenv("RUNBOOK_WAIT_S", "0.5")

    with pytest.raises(OutcomeUnknownError, match="has not finished"):
        to_users(1001, perform=True).issue_license()
    assert 1 == len(issued.issues(1001))


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (
            "slack_post",
            "Ticket 1001 has no operation 'slack_post' in its journal here. Those that can be answered: case.",
        ),
        ("license-1", "license-1 on ticket 1001 is done already (pipeline "),
    ],
)
def test_an_answer_without_a_question(issued: World, operation: str, words: str) -> None:
    """What is done, and what never was begun, needs none; the message names what can be answered."""
    ran = issued.runbook("answer", 1001, operation, "yes")

    assert (2, True) == (ran.status, words in ran.stderr), ran.stderr


def test_ticket_taken_by_a_colleague_is_left_alone(here: World) -> None:
    """What counts is who has it now, not who had it when the case was opened."""
    case = WeekendLicense.open(1001, perform=True)
    give_to_colleague(here, 1001)
    with pytest.raises(NeedsAnswerError, match="Robin Weekend"):
        case.take()


def test_ticket_that_is_no_ones_any_more(here: World) -> None:
    """There is no colleague to talk to: the next run takes it."""
    case = to_users(1001, perform=True)
    here.change("UPDATE tickets SET assignee_id = NULL WHERE id = 1001")
    with pytest.raises(PersonNeededError, match=r"assigned to no one, so nothing more is sent\. Run again"):
        case.issue_license()
    assert [] == here.rows("SELECT * FROM pipelines")


def test_ticket_that_is_solved_says_so(here: World) -> None:
    here.change("UPDATE tickets SET status = 'solved' WHERE id = 1001")
    assert "is solved already: read why before you go on" in words(WeekendLicense.open(1001).ticket_card())


def test_license_of_a_colleague_of_the_customer_is_a_hint(here: World) -> None:
    """Of the same domain, in the same days: perhaps it is for the same instance."""
    other = "ole.berg@nordlicht-analytics.example"
    here.change("UPDATE issues SET title = replace(title, 'greta.nilsson@isbjorn-games.example', ?)", other)
    case = to_users(1001)
    hint = f"a license was issued for {other}, of the same domain (issue "
    assert hint in words(case.issue_license())
    assert "ask whether that is for the same instance" in case.hint
    for step in (case.check_license, case.answer_customer, case.tell_team):
        step()
    assert hint in words(case.close())


def test_lost_ticket_is_taken_back_on_request_only(here: World) -> None:
    """The journal of an earlier assignment does not stand for the present one."""
    WeekendLicense.open(1002, perform=True).take()
    give_to_colleague(here, 1002)
    with pytest.raises(NeedsAnswerError):
        WeekendLicense.open(1002, perform=True).take()
    WeekendLicense.open(1002, perform=True).take(take_over=True)
    (row,) = here.rows("SELECT u.name FROM tickets t JOIN users u ON u.id = t.assignee_id WHERE t.id = 1002")
    assert "Practice Engineer" == row["name"]


def test_missing_public_key_stops_before_issuing(here: World) -> None:
    """Without it the license could not be checked."""
    (here.folder / "license-key.pub").unlink()
    case = to_users(1002, perform=True, **FACTS)
    with pytest.raises(InputError, match=r"license-key\.pub"):
        case.issue_license()
    assert [] == here.rows("SELECT * FROM pipelines")


def test_license_and_reply_go_out_while_slack_is_down(here: World) -> None:
    """Only the post is missing, the case has its outcome, and the next run makes up for it."""
    path = here.folder / "running.json"
    right = path.read_text()
    descriptor = json.loads(right)
    descriptor["settings"]["slack_url"] = "http://127.0.0.1:9/api/"
    path.write_text(json.dumps(descriptor))
    case = to_users(1001, perform=True)
    case.issue_license()
    case.check_license()
    case.answer_customer()
    shown = words(case.tell_team())
    assert "[unavailable] Tell the team" in shown
    assert "Slack at http://127.0.0.1:9/api cannot be reached" in " ".join(shown.split())
    assert "or do it by hand and say so: `runbook answer 1001 slack_post yes`." in shown
    assert "Not done: post in #support_licensing-subscription." in words(case.close())
    assert "license_issued" == case.outcome
    assert (1, 2) == (len(here.rows("SELECT * FROM mails")), len(here.comments(1001)))
    path.write_text(right)
    again = to_users(1001, perform=True)
    for step in (again.issue_license, again.check_license, again.answer_customer, again.tell_team, again.close):
        step()
    assert (1, 2, 1) == (len(here.rows("SELECT * FROM mails")), len(here.comments(1001)), len(here.posts(1001)))


def test_extension_is_judged_by_its_own_block_date(here: World) -> None:
    """A trial has no grace period: its file says from when the instance is read-only."""
    attach(
        here,
        1001,
        starts_on=date(2026, 11, 9),
        expires_on=date(2026, 11, 19),
        blocked_on=date(2026, 11, 19),
        trial=True,
        company="Nordlicht Analytics",
    )
    case = to_scope(1001)
    assert case.verdict is not None
    assert case.verdict.window is not None
    assert (date(2026, 11, 19), 2) == (case.verdict.window.grace_ends_on, case.verdict.window.days_after_grace)
    assert case.outcome is None


def test_a_renewal_that_has_not_begun_does_not_count(here: World) -> None:
    """The expired license does; the note says why."""
    attach(here, 1001, starts_on=date(2026, 12, 1), expires_on=date(2027, 12, 1))
    case = WeekendLicense.open(1001)
    case.take()
    assert "does not count: it starts on 2026-12-01" in words(case.collect_facts())
    case.confirm_identity()
    case.decide_scope()
    assert case.outcome is None


def test_an_impossible_count_in_a_license_file_is_no_fact(here: World) -> None:
    """The engineer sees it; nothing is ordered for it."""
    attach(here, 1001, starts_on=date(2025, 11, 9), expires_on=date(2026, 11, 7), users=-5)
    case = WeekendLicense.open(1001)
    case.take()
    assert "has no user count that can be used" in words(case.collect_facts())
    assert ["organization"] == [str(fact.source) for fact in case.facts.known if fact.name == "users_in_license"]


@pytest.mark.parametrize("first", ["mechanizer", "manual"])
def test_no_issuer_makes_a_second_license(here: World, monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    """The first one is found, whatever machine made it, and no second one is asked for."""
    monkeypatch.setenv("RUNBOOK_ISSUER", first)
    link = {"issued_evidence": "https://customers.gitlab.example/license/7"} if first == "manual" else {}
    to_users(1001, perform=True).issue_license(**link)
    mails = len(here.rows("SELECT * FROM mails"))
    here.forget(1001)
    for second in ("mechanizer", "manual"):
        monkeypatch.setenv("RUNBOOK_ISSUER", second)
        again = to_users(1001, perform=True)
        assert "not repeated" in (shown := words(again.issue_license())) or "no second one is made" in shown
        assert again.issuance is not None
    assert mails == len(here.rows("SELECT * FROM mails"))
    assert mails == len(here.rows("SELECT * FROM pipelines"))


@pytest.mark.parametrize("issuer", ["mechanizer", "manual"])
def test_valid_license_of_earlier_ticket_needs_a_person(
    issued: World, monkeypatch: pytest.MonkeyPatch, issuer: str
) -> None:
    """“I got no mail” often comes as a new ticket: no second license for the same address."""
    issued.change(
        "UPDATE tickets SET requester_id = (SELECT requester_id FROM tickets WHERE id = 1001) WHERE id = 1005"
    )
    issued.change("UPDATE issues SET created_at = '2026-11-20T10:00:00.000Z'")
    monkeypatch.setenv("RUNBOOK_ISSUER", issuer)
    with pytest.raises(PersonNeededError, match="for an earlier ticket"):
        to_users(1005, perform=True, confirmed="yes").issue_license()
    assert 1 == len(issued.rows("SELECT * FROM mails"))
    issued.change("UPDATE issues SET title = replace(replace(title, 'under ', 'under <'), ' for', '> for')")
    with pytest.raises(PersonNeededError, match="This address has its license already, and its title"):
        to_users(1005, perform=True, confirmed="yes").issue_license()
    issued.change("UPDATE issues SET title = 'Sent to maya.lindqvist@nordlicht-analytics.example, 250 users'")
    with pytest.raises(PersonNeededError, match=r"\(success\) ended, but issue"):
        to_users(1005, perform=True, confirmed="yes").issue_license()
    assert 1 == len(issued.rows("SELECT * FROM mails"))


def give_to_colleague(world: World, ticket_id: int) -> None:
    """A colleague takes a ticket in Zendesk."""
    world.change(
        "UPDATE tickets SET assignee_id = (SELECT id FROM users WHERE name = 'Robin Weekend'), "
        "updated_at = '2026-11-22T12:00:00Z' WHERE id = ?",
        ticket_id,
    )


def attach(
    world: World,
    ticket_id: int,
    *,
    starts_on: date,
    expires_on: date,
    blocked_on: date | None = None,
    trial: bool = False,
    users: int = 250,
    company: str = "",
) -> None:
    """Add a license file to a ticket's first comment."""
    key = license.load_private_key((world.folder / "license-key.pem").read_bytes())
    made = License(
        licensee={"Name": "somebody", "Company": company},
        starts_on=starts_on,
        expires_on=expires_on,
        block_changes_on=blocked_on or expires_on + timedelta(days=14),
        restrictions={"active_user_count": users, "plan": "premium", "trial": trial},
    )
    text = license.write(made, key).encode()
    world.change(
        "INSERT INTO attachments (comment_id, token, file_name, content_type, size, source, content) "
        "SELECT min(id), 'more', 'more.gitlab-license', 'application/octet-stream', ?, 'stored', ? "
        "FROM comments WHERE ticket_id = ?",
        len(text),
        text,
        ticket_id,
    )


def test_operator_without_key_stops_before_issuing(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is needed to check the license, and the customer's file, so it is read first."""
    (here.folder / "license-key.pub").write_text("no key")
    with pytest.raises(InputError):
        to_scope(1001)

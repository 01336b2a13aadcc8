"""The plan of a case, the button below it, and what is said of the run: only what is shown is performed."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runbook_lib import results, templates
from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain.errors import UnavailableError
from runbook_lib.domain.events import EventKind
from runbook_lib.domain.models import Outcome
from runbook_lib.jupyter import perform_button
from runbook_lib.jupyter.background_run import BackgroundRun, RunProgress
from runbook_lib.jupyter.session import Session
from runbook_lib.ledger.journal import Journal
from runbook_lib.sandbox import server
from runbook_lib.sandbox.seeding import make_world
from runbook_lib.settings import ROOT, Settings
from tests.cases.walking import (
    NOTHING,
    ROBIN,
    Screen,
    button_of,
    ended,
    entered,
    keep_in_kernel,
    plan,
    press,
    row,
    run,
    session,
    sit_down,
    state,
    text_of,
)
from tests.practice import WORLD_DATE, World
from tests.run_here import run_here

pytestmark = [pytest.mark.apart, pytest.mark.slow]

ADDRESS = "maya.lindqvist@nordlicht-analytics.example"


def opened(ticket_id: int, **given: Any) -> Session:
    """A weekend case whose cells have run, and whose button performs in this process."""
    case = session(WeekendLicense.open(ticket_id))
    button_of(case).runs = run_here
    run(case, **given)
    return case


def test_the_plan_has_the_exact_texts(here: World) -> None:
    """The reply, the note, the post, and the values for the license."""
    case = opened(1001)
    shown = plan(case)
    for words in ("practice.engineer", "maya.lindqvist@", "| we have sent a temporary license", "/agent/tickets/1001>"):
        assert words in shown


def test_a_fact_that_changed_is_read_before_it_is_performed(here: World) -> None:
    """Although no text says otherwise: the plan names the facts that it rests on."""
    case = opened(1001)
    assert "Plan: premium (organization)" in " ".join(plan(case).split())
    here.change("UPDATE organizations SET fields = replace(fields, 'premium', 'ultimate')")
    assert "The plan has changed" in press(case)
    assert "Plan: ultimate (organization)" in " ".join(plan(case).split())
    assert [] == here.posts(1001)


def test_pressing_performs_and_links_the_record(here: World, screen: Screen) -> None:
    """With what was entered, by the same notebook; pressed twice, everything is there once."""
    case = WeekendLicense.open(1001)
    run(case)
    session(case).enter("user_count", "300")
    assert "The plan has changed" in press(case)  # it was shown for 250 users
    ended = press(case)
    assert "[License issued]" in ended
    assert re.search(r"SHA256:[0-9a-f]+\s", ended), "the tracker's issue is a link of its own"
    assert "300 users" in here.posts(1001)[0]
    assert "performed: License issued" in state(case)
    assert "[performed] The plan" in plan(case)
    assert "planned" not in plan(case), "also the note that names the record is done"
    closed = screen.card("Close the case")
    assert "performed)" in closed and "Would end" not in closed and "rehearsal" not in closed
    (record,) = (here.outputs / "sandbox" / "1001").glob("*.ipynb")
    assert record.name in text_of(button_of(case).widget.output)
    assert "open/1001-start_here-" in text_of(button_of(case).widget.output), "for a mail that does not come"
    again = press(case)
    assert "Everything is there already" in again and record.name in again
    assert (1, 1, 1) == (len(here.posts(1001)), len(here.issues(1001)), len(here.mails(ADDRESS)))


def test_anothers_ticket_has_a_link_and_no_button(here: World, screen: Screen) -> None:
    """As soon as the answers say so, and no longer."""
    case = opened(1001)
    place, button = session(case).board.places["close"], button_of(case).widget.box
    assert button in place.box.children
    case.collect_facts(**NOTHING, emergency_on="unknown")
    session(case).enter("emergency_on", "2026-11-23")
    session(case).go_on("collect_facts")
    assert button not in place.box.children
    assert "open/1001-weekday_triage-" in screen.card("Close the case")
    session(case).enter("emergency_on", "2026-11-21")
    session(case).go_on("collect_facts")
    assert button in place.box.children


def test_the_button_says_that_it_waits_for_the_customer(here: World) -> None:
    """Since when, and when to come back; also in a kernel that is started later."""
    case = opened(1002)
    press(case)
    for one in (case, opened(1002)):
        button = button_of(one).widget.button
        assert re.fullmatch(
            r"Waiting for the customer since 20[\d: -]+ UTC: run this notebook again when they have answered",
            button.description,
        )
        assert button.disabled


def test_the_wait_is_since_the_first_of_its_runs(here: World) -> None:
    """As the list of open ends counts it; whichever runbook had the ticket between."""
    run = BackgroundRun(opened(1002).settings, "weekend_license", 1002)
    lines = Journal.of(opened(1002).settings, 1002)
    for record, outcome in (("a", "escalated"), *((name, "waiting_for_customer") for name in "bc")):
        name = f"20261121T10000000{ord(record) - 97}Z-weekend_license.ipynb"
        start = {"runbook": "weekend_license", "record": name, "performed": True}
        lines.append(EventKind.RUN_STARTED, **start)
        lines.append(EventKind.RUN_ENDED, record=name, sha256="a" * 64, status="completed", outcome=outcome)
    first = [line["at"] for line in lines.entries() if line["kind"] == EventKind.RUN_STARTED][1]
    assert ["", first] == [run.since(outcome) for outcome in ("license_issued", "waiting_for_customer")]


def test_share_that_cannot_be_reached_is_reported(here: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The case is performed all the same; the reader learns that the record is on this machine only, and why."""
    monkeypatch.setenv("RUNBOOK_SHARE", str(tmp_path / "not-mounted"))
    case = opened(1001)
    said = " ".join(press(case).split())
    assert "[License issued]" in said
    assert "not-mounted', which does not exist" in said
    assert "The record is on this machine only." in said and "`runbook records push`" in said


def test_a_bug_is_reported_below_the_button(here: World) -> None:
    """Without a secret, and the button can be pressed again."""
    case = opened(1001)
    token = case.settings.slack_token.get_secret_value()

    class Broken(BackgroundRun):
        def begin(self, answers: Mapping[str, str]) -> bool:
            raise RuntimeError(f"nobody thought of this: {token}")

    button_of(case).runs = Broken
    shown = press(case)
    assert "RuntimeError: nobody thought of this" in shown
    assert token not in text_of(button_of(case).widget.output)
    button_of(case).runs = run_here
    assert "[License issued]" in press(case)


def test_a_second_window_follows_the_first(here: World) -> None:
    """Two notebooks on one ticket: one run, seen in both."""
    first, second = WeekendLicense.open(1001), WeekendLicense.open(1001)
    run(first)
    run(second)
    shown: list[str] = []
    one = threading.Thread(target=lambda: shown.append(press(first)))
    one.start()
    while not BackgroundRun(second.settings, second.runbook, 1001).is_under_way:
        assert one.is_alive()
    shown.append(press(second))
    one.join()
    assert [True, True] == ["[License issued]" in words for words in shown]
    assert 1 == len(list((here.outputs / "sandbox" / "1001").glob("*.ipynb")))
    assert {"[performed] The plan", "[out of date] The plan"} == {
        plan(case).partition(" (")[0] for case in (first, second)
    }


def test_plan_made_during_a_run_is_not_performed(here: World) -> None:
    """Does not say that it was."""
    case = WeekendLicense.open(1001)
    run(case)
    begun, go = threading.Event(), threading.Event()

    class Slow(BackgroundRun):
        is_under_way = False

        def progress(self) -> Iterator[RunProgress]:
            begun.set()
            assert go.wait(60)
            yield from super().progress()

    button_of(case).runs = Slow
    button = button_of(case).widget
    button.button.click()
    assert begun.wait(60)
    session(case).enter("user_count", "300")
    case.close()
    assert "[to be performed] The plan" in plan(case) and "300" in plan(case)
    go.set()
    assert ended(button.worker, 120)
    assert "250 users" in here.posts(1001)[0]
    assert "[out of date] The plan" in plan(case)


def test_progress_has_one_number_of_a_step(here: World) -> None:
    """How many of all; not the workflow's own number in the step's heading, too."""
    case = WeekendLicense.open(1001)
    run(case)

    class Begun(BackgroundRun):
        is_under_way = False

        def begin(self, given: Mapping[str, Any]) -> bool:
            return True

        def progress(self) -> Iterator[RunProgress]:
            title = "Step 2: Generate the trial license"
            yield RunProgress(("Ticket", title), 12, "license", seconds=3.2, runbook="weekend_license")

    button_of(case).runs = Begun
    assert "2 of 12 · Generate the trial license, license; 3 s." in press(case)
    assert "Step" not in text_of(button_of(case).widget.output)


def test_press_while_a_service_is_down(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pressed again when it is back, it performs."""
    case = opened(1001)
    here.inject("zendesk", "error", status=503, times=1000)
    monkeypatch.setenv("RUNBOOK_WAIT_S", "1")
    assert "[stopped]" in press(case)
    here.clear_faults()
    monkeypatch.delenv("RUNBOOK_WAIT_S")
    assert "[License issued]" in press(case)


@pytest.mark.usefixtures("screen")
def test_session_survives_a_restarted_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells and button say that it does not answer; served again it is found, and the same walk goes on."""
    world = World(tmp_path / "outputs")
    make_world(world.folder, WORLD_DATE)
    sit_down(world, monkeypatch)
    monkeypatch.setenv("RUNBOOK_WAIT_S", "1")
    with server.shared(world.folder):
        case = WeekendLicense.open(1001)
        run(case, "take")
    with pytest.raises(UnavailableError, match=r"Zendesk at http://127.0.0.1:\d+ cannot be reached"):
        case.collect_facts(**NOTHING)
    with server.shared(world.folder):
        run(case)
    assert "[stopped]" in press(case)
    monkeypatch.delenv("RUNBOOK_WAIT_S")
    with server.shared(world.folder):
        assert "[License issued]" in press(case)
        assert (1, 1) == (len(world.posts(1001)), len(world.issues(1001)))


def test_every_answer_is_passed_on(
    here: World, screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also `unknown`: what the notebook's file has in its place, saved there for another ticket, does not count."""
    notebooks = tmp_path / "notebooks"
    shutil.copytree(ROOT / "notebooks", notebooks)
    file = notebooks / "weekend_license.ipynb"
    file.write_text(file.read_text().replace('user_count: str = \\"unknown\\"', 'user_count: str = \\"999\\"'))
    assert "999" == templates.defaults(file)["user_count"]
    monkeypatch.setenv("RUNBOOK_NOTEBOOKS", str(notebooks))
    case = opened(1001, user_count="999")
    session(case).enter("user_count", "unknown")
    run(case, user_count="999")
    assert "250 users" in screen.card("Close the case")
    assert "-p user_count unknown" in case.command
    assert "[License issued]" in press(case)
    assert "250 users" in here.posts(1001)[0]


def test_nothing_is_begun_without_a_press(here: World) -> None:
    """A run that was under way when the last card was shown, and is not any more."""
    case = WeekendLicense.open(1001)
    looks = iter([True])

    class Under(BackgroundRun):
        @property
        def is_under_way(self) -> bool:
            return next(looks, False) or super().is_under_way

    button_of(case).runs = Under
    run(case)
    button = button_of(case).widget
    assert ended(button.worker, 30)
    assert ([], []) == (here.posts(1001), here.mails(ADDRESS))


def test_another_file_of_the_same_name_is_another_plan(here: World, tmp_path: Path) -> None:
    """Also another content of the same file: a plan is more than its words."""
    for name, color in (("a", "red"), ("b", "blue")):
        (tmp_path / name).mkdir()
        Image.new("RGB", (60, 60), color).save(tmp_path / name / "dash.png")
    case = WeekendLicense.open(1001)
    run(case, screenshots=str(tmp_path / "a" / "dash.png"))
    session(case).enter("screenshots", str(tmp_path / "b" / "dash.png"))
    assert "The plan has changed" in press(case)
    Image.new("RGB", (60, 60), "green").save(tmp_path / "b" / "dash.png")
    assert "The plan has changed" in press(case)
    assert [] == here.comments(1001)


def test_reloaded_page_shows_what_is_so_now(here: World, screen: Screen) -> None:
    """Cards and plan are widgets, which any page follows; what the notebook's file has stays as it was."""
    case = WeekendLicense.open(1001)
    run(case)
    session(case).enter("user_count", "300")
    assert "Read it again above" in press(case)
    assert "300 users" in screen.card("Close the case")
    assert "300 users" not in " ".join(screen.first_cards)
    assert "300 users" in plan(case) and "250 users" not in plan(case)
    assert "[License issued]" in press(case)
    assert "300 users" in here.posts(1001)[0]


def test_a_plan_says_that_it_is_out_of_date(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a step above is run again, and when the last one fails; a press then makes it anew, and performs nothing."""
    case = opened(1001)
    case.tell_team()
    assert "[out of date] The plan" in plan(case)
    assert "has been made anew. Read it again above" in press(case)
    assert "[to be performed] The plan" in plan(case)
    session(case).enter("user_count", "300")
    monkeypatch.setenv("RUNBOOK_WAIT_S", "1")
    here.inject("gitlab", "error", status=503, times=1000)
    with pytest.raises(UnavailableError):
        case.close()
    assert "[out of date] The plan" in plan(case) and "250" in plan(case)
    assert [] == here.posts(1001)


def test_omitted_parameter_is_unknown(here: World) -> None:
    """The run gets it as unknown, whatever the notebook's file has by now."""
    case = WeekendLicense.open(1001)
    run(case, until="confirm_subscription")
    case.choose_users()
    assert "unknown" == case.steps.given["user_count"]


def test_plan_that_was_not_shown_is_not_performed(here: World) -> None:
    """Something fails after the new plan was made: what stands above the button is the old one, and out of date."""
    case = opened(1001)
    session(case).enter("user_count", "300")

    class Unread(BackgroundRun):
        def last(self) -> Mapping[str, Any] | None:
            raise UnavailableError("no journal")

    button_of(case).runs = Unread
    assert "no journal The plan above is out of date." in " ".join(press(case).split())
    button_of(case).runs = run_here
    assert "[out of date] The plan" in plan(case) and "300" not in plan(case)
    assert "Read it again above" in press(case)
    assert [] == here.posts(1001)
    assert "300" in plan(case)
    assert "[License issued]" in press(case)


def test_cards_below_a_stop_are_outdated(here: World, screen: Screen) -> None:
    """No card tells a plan that is none any more; the next press shows one first."""
    case = opened(1001)
    here.change("UPDATE tickets SET assignee_id = (SELECT id FROM users WHERE name = 'Robin Weekend') WHERE id = 1001")
    assert "[stopped]" in press(case)
    assert "[waiting]" in screen.card("Close the case")
    assert "[out of date] The plan" in plan(case)
    assert "Waits for the answer above." in screen.card("Tell the team")
    here.change("UPDATE tickets SET assignee_id = NULL WHERE id = 1001")
    assert "Read it again above" in press(case)
    assert "[to be performed] The plan" in plan(case) and "| we have sent" in plan(case)
    assert "[License issued]" in press(case)


def test_another_runbooks_run_is_not_this_ones(here: World) -> None:
    """Its record is not shown as this one's."""
    case = opened(1001)
    assert "[License issued]" in press(case)
    settings = Settings.load()
    assert "license_issued" == (BackgroundRun(settings, "weekend_license", 1001).last() or {})["outcome"]
    assert None is BackgroundRun(settings, "license_not_received", 1001).last()


def test_press_clears_no_cell(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new image is read while it looks once more: that is said below the button."""
    case = opened(1908, ask_customer=True)
    assert Outcome.WAITING_FOR_CUSTOMER == case.outcome
    monkeypatch.setattr(results, "clear_output", lambda wait: pytest.fail("a cell is cleared"))
    assert "[Waiting for customer]" in press(case)


def test_late_click_performs_nothing(here: World) -> None:
    """It was meant for the plan that was there: nothing is performed until the new one was read."""
    case = opened(1001)
    clicked = button_of(case).widget.button
    run(case)
    assert clicked is button_of(case).widget.button
    run(case, user_count="300")
    clicked.click()
    button = button_of(case).widget
    assert ended(button.worker, 60)
    assert "The plan changed while you pressed." in text_of(button.output)
    assert ([], [False]) == (here.issues(1001), [one.disabled for one in button.box.children[1:2]])
    assert "[License issued]" in press(case)
    assert "300 users" in str(here.posts(1001))


def test_press_while_run_all_opens_a_new_session(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan shown is for 250; 300 is entered, the button pressed, then Run All while it still looks once more."""
    case = opened(1001)
    session(case).enter("user_count", "300")
    looks, go = threading.Event(), threading.Event()
    real = WeekendLicense.opened_again

    def slow(self: Any, number: int) -> Any:
        looks.set()
        go.wait(30)
        return real(self, number)

    monkeypatch.setattr(WeekendLicense, "opened_again", slow)
    keep_in_kernel(case)
    button = button_of(case).widget
    button.button.click()
    assert looks.wait(10)
    again = WeekendLicense.open(1001)  # the first cell of Run All
    go.set()
    assert ended(button.worker, 120)
    assert "300" == entered(again)["user_count"]
    assert [] == here.posts(1001)


def test_typing_during_a_press_is_kept(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is kept."""
    case = WeekdayTriage.open(2002)
    run(case)
    looks, go = threading.Event(), threading.Event()
    real = WeekdayTriage.collect_facts.attempt

    def slow(case_: Any, given: Any) -> Any:
        looks.set()
        go.wait(30)
        return real(case_, given)

    monkeypatch.setattr(WeekdayTriage.collect_facts, "attempt", slow)
    button = button_of(case).widget
    button.button.click()
    assert looks.wait(10)
    row(case, "find_account", "has_account").input.value = "no"
    go.set()
    assert ended(button.worker, 120)
    assert "no" == row(case, "find_account", "has_account").text
    assert "no" == entered(case).get("has_account")


def test_everything_is_there_already(here: World) -> None:
    """Is not said of a case that has become out of scope."""
    me = WeekendLicense.open(1001).me
    here.change("UPDATE tickets SET assignee_id = ? WHERE id = 1001", me.id)
    case = WeekendLicense.open(1001)
    run(case)
    session(case).enter("deployment", "gitlab_com")
    words = press(case)
    assert "Everything is there already" not in words, words


def test_a_run_from_a_terminal_meanwhile(here: World) -> None:
    """The button's run is reported as it ended, whatever else begins on the ticket."""
    ours = BackgroundRun(Settings.load(), "weekend_license", 1001)
    assert ours.begin({})
    statuses: list[int] = []
    for now in ours.progress():
        if len(now.steps) >= 4 and not statuses:
            statuses.append(here.runbook("run", "weekend_license", 1001, "--perform").status)
    own, other = [
        line["record"] for line in Journal.of(Settings.load(), 1001).entries() if line["kind"] == "run_started"
    ]
    assert ([0], "") == (statuses, now.error)
    assert now.ended
    assert now.ended["record"] == own != other


def test_the_state_after_a_run_that_needed_an_answer(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is that of the case again, once a cell was run again."""
    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    case = opened(1001)
    assert "needs answer" in press(case)
    assert "the run ended: needs answer" in state(case)
    run(case, issued_evidence="https://customers.gitlab.com/admin/license/1")
    assert "needs_answer" not in state(case)


def test_the_tickets_card_follows(here: World, screen: Screen) -> None:
    """A press reads the ticket anew: no card tells the old one's."""
    case = WeekendLicense.open(1001)
    button_of(case).runs = run_here
    case._ipython_display_()
    run(case)
    here.change(ROBIN, 1001)
    press(case)
    assert "Robin Weekend" == case.ticket.assignee_name
    assert "Robin Weekend" in screen.card("Ticket 1001")


def test_practice_is_not_pressed_into_live(here: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that was changed since is no place for what was planned."""
    case = opened(1001)
    other = Settings.load().model_copy(update={"profile": "live", "zendesk_url": "https://nowhere.invalid"})
    monkeypatch.setattr(perform_button.Settings, "load", lambda: other)
    assert "The configuration has changed since this notebook was opened (profile, zendesk_url)." in " ".join(
        press(case).split()
    )
    assert [] == here.issues(1001)
    assert not (here.outputs / "live").exists()


def test_run_gets_the_profile_of_its_case(here: World) -> None:
    """Whatever the files say when it comes to read them."""
    begun: dict[str, Any] = {}

    def popen(*_: object, **given: Any) -> Any:
        begun.update(given)
        process = subprocess.Popen(["true"])
        process.wait()
        return process

    ours = BackgroundRun(Settings.load(), "weekend_license", 1001, popen)
    ours.begin({})
    assert "interrupted" in list(ours.progress())[-1].error
    assert "sandbox" == begun["env"]["RUNBOOK_PROFILE"]


def test_a_weekday_press_after_a_colleague_took_the_ticket(here: World, screen: Screen) -> None:
    """It is reported as on a weekend, and the cards below the question wait."""
    case = WeekdayTriage.open(2002)
    run(case)
    here.change(ROBIN, 2002)
    words = press(case)
    assert "is assigned to" in words, words
    assert "[waiting]" in screen.card("Close the case")
    assert "[out of date] The plan" in plan(case)


def test_no_handle_and_no_thread_is_left_behind(here: World) -> None:
    """By presses."""

    def counted() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    case = opened(1001)
    press(case)
    before = counted()
    for _ in range(3):
        press(case)
    for _ in range(200):  # one may be ending just then
        if all(now <= then for now, then in zip(counted(), before, strict=True)):
            return
        time.sleep(0.05)
    raise AssertionError(f"handles and threads: {before}, then {counted()}")


def test_a_run_that_fails_says_what_it_changed(here: World, screen: Screen) -> None:
    """Whoever presses knows what was sent, without reading the journal; and before, all that would be."""
    case = WeekendLicense.open(1001)
    run(case)
    assert "Would end: License issued" in screen.card("Close the case")
    shown = " ".join(plan(case).split())
    assert "[to be performed]" in shown
    assert "○ planned internal note with the record's SHA-256 ticket 1001" in shown
    here.inject("mail", "refuse", times=None)
    words = " ".join(press(case).split())
    assert re.search(r"what this run changed .*assignment +done .*license order +done", words), words
    assert "No license was sent. Mechanizer could not issue it: The mail server" in words and "/-/issues/" in words
    assert "No outcome; below is why the run stopped" in plan(case)
    assert "icense issued" not in f"{words}{plan(case)}{screen.card('Close the case')}"

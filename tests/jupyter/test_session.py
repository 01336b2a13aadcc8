"""A person's way through a case in JupyterLab: forms, and cards that follow. No kernel is needed."""

from __future__ import annotations

import http.client
import re
import shlex
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runbook_lib import ocr, templates
from runbook_lib.card_html import html
from runbook_lib.cases.start_here import StartHere
from runbook_lib.cases.weekday_triage import WeekdayTriage
from runbook_lib.cases.weekend_license import WeekendLicense
from runbook_lib.domain import parameters
from runbook_lib.domain.errors import InputError, RunbookError
from runbook_lib.domain.models import Outcome
from runbook_lib.jupyter.forms import Form
from runbook_lib.ocr import Page, Reading, ReadingCache
from runbook_lib.settings import ROOT
from tests.cases.walking import (
    NOTHING,
    PNG,
    Screen,
    button_of,
    cards,
    ended,
    entered,
    fields,
    fold,
    form,
    form_now,
    keep_in_kernel,
    plan,
    row,
    run,
    session,
    sources,
    state,
    suggested,
    unknown,
)
from tests.practice import World

pytestmark = pytest.mark.slow


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runbooks of our own, whose copies start_here links."""
    made = Path(shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks"))
    monkeypatch.setenv("RUNBOOK_NOTEBOOKS", str(made))
    return made


# -- forms


def test_a_value_is_there_with_its_source(here: World) -> None:
    """The form holds what was found, and who says so."""
    case = WeekendLicense.open(1001)
    run(case, "collect_facts")
    plan = row(case, "collect_facts", "plan")
    assert ("premium", "organization, field plan") == (plan.text, plan.message)


def test_what_is_missing_is_asked_first(here: World) -> None:
    """And what is known can be changed behind a button."""
    case = WeekendLicense.open(1002)
    run(case, "collect_facts")
    found = form(case, "collect_facts")
    assert found.rows["expires_on"].box in found.box.children
    assert found.rows["plan"].box not in found.box.children
    assert {"plan", "billable_users"} < set(found.rows)


def test_an_empty_field_says_what_to_enter(here: World) -> None:
    """In words, not by a command line's placeholder."""
    case = WeekendLicense.open(1908)
    run(case, "collect_facts")
    hints = {name: one.field.hint for name, one in form_now(case, "collect_facts").rows.items()}
    assert ("a number of users", "YYYY-MM-DD") == (hints["billable_users"], hints["expires_on"])
    assert not {"N", "VALUE", "ADDRESS"} & {*hints.values()}


def test_the_next_cell_goes_on_with_what_was_entered(here: World, screen: Screen) -> None:
    """The card above follows, and the command that performs has it."""
    case = WeekendLicense.open(1001)
    run(case, "decide_scope")
    session(case).enter("expires_on", "2026-11-05")
    case.confirm_subscription(screenshots="unknown")
    assert "2026-11-05" in screen.card("Collect the facts")
    assert "expired 2026-11-05" in screen.card("Decide the scope")
    assert "-p expires_on 2026-11-05" in case.command


def test_next_cell_names_a_wrong_date(here: World, screen: Screen) -> None:
    """In one sentence; the form still has what was typed, and the right date goes on."""
    case = WeekendLicense.open(1001)
    run(case, "collect_facts")
    session(case).enter("expires_on", "2026-02-30")
    with pytest.raises(InputError, match="“Expired on” is '2026-02-30'; expected a day that exists"):
        case.confirm_identity()
        case.decide_scope()
    assert "2026-02-30" == row(case, "collect_facts", "expires_on").text
    assert "[stopped]" in screen.card("Collect the facts")
    session(case).enter("expires_on", "2026-11-06")
    case.confirm_identity()
    assert "in scope" == case.decide_scope().card.state
    assert "[collected]" in screen.card("Collect the facts")


def answer(case: Any, step: str, **entered: str) -> None:
    """Fill in a step's form, press *Continue*, and wait for what comes of it."""
    for name, words in entered.items():
        session(case).enter(name, words)
    form(case, step).continue_button.click()
    assert ended(session(case).worker, 60)


def asking(number: int = 2001) -> WeekdayTriage:
    """A weekday case that waits for the name of the subscription, all cells run."""
    case = WeekdayTriage.open(number)
    session(case).enter("has_account", "yes")
    session(case).enter("has_access", "yes")
    run(case)
    return case


def test_cells_below_an_open_question_wait(here: World, screen: Screen) -> None:
    """Quietly; they go on by themselves with the answer, which is asked once, where its parameter belongs."""
    case = asking()
    assert ["escalate"] == fields(case, "decide")
    assert "[answer 1 question]" in screen.card("Look for the subscription's name")
    assert "Waits for the answer above." in screen.card("Engage an expert")
    assert None is button_of(case).plan
    answer(case, "find_subscription", subscription="A-S00020011")
    assert "[found]" in screen.card("Look for the subscription's name")
    assert "Subscription: A-S00020011 (your answer)" == form(case, "find_subscription").answered
    assert "[waiting]" not in screen.card("Look it up on the Seat Link page")
    answer(case, "decide", escalate="yes")
    assert Outcome.ESCALATED == case.decision
    assert "post in" in plan(case)


def test_an_incomplete_answer_goes_nowhere(here: World, screen: Screen) -> None:
    """The cells below still wait."""
    case = asking()
    answer(case, "find_subscription")
    assert "Waits for the answer above." in screen.card("Engage an expert")
    answer(case, "decide", escalate="perhaps")
    assert "Waits for the answer above." in screen.card("Engage an expert")


def test_change_withdraws_the_plan_until_it_is_taken(here: World, screen: Screen) -> None:
    """What is below waits meanwhile; closed without a change, everything is as it was."""
    case = WeekendLicense.open(1001)
    case._ipython_display_()
    run(case)
    opens = fold(case, "collect_facts")
    opens.value = True
    assert ended(session(case).worker, 60)
    assert None is button_of(case).plan
    assert "Waits for the answer above." in screen.card("Close the case")
    opens.value = False
    assert ended(session(case).worker, 60)
    assert "Would end: License issued" in screen.card("Close the case")
    assert button_of(case).plan
    opens.value = True
    assert ended(session(case).worker, 60)
    answer(case, "collect_facts", plan="ultimate")
    assert (False, "ultimate") == (opens.value, str(case.facts.value("plan")))
    assert "Ultimate (engineer)" in screen.card("Ticket 1001")


def test_a_colleagues_ticket_is_taken_over_by_the_form(here: World, screen: Screen) -> None:
    """`take_over` is only offered where it is needed."""
    case = WeekendLicense.open(1001)
    case.take()
    assert [] == fields(case, "take")
    case = WeekendLicense.open(1906)
    assert "needs you" == case.take(take_over=False).card.state
    assert ["take_over"] == fields(case, "take")
    session(case).enter("take_over", "yes")
    case.collect_facts(**NOTHING)
    assert "“Take it over” was given" in screen.card("Take the ticket")


def test_rerunning_a_cell_keeps_what_was_entered(here: World) -> None:
    """But a parameter that was changed in its cell since goes before it."""
    case = WeekendLicense.open(1001)
    run(case, "collect_facts")
    session(case).enter("plan", "starter")
    case.collect_facts(**NOTHING)
    assert ("starter", "starter") == (str(case.facts.value("plan")), row(case, "collect_facts", "plan").text)
    case.collect_facts(**{**NOTHING, "plan": "ultimate"})
    assert ("ultimate", "ultimate") == (str(case.facts.value("plan")), row(case, "collect_facts", "plan").text)


def test_reopening_a_ticket_keeps_what_was_entered(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Run All does. Another ticket begins empty. What was shown before listens to nothing any more."""
    case = WeekendLicense.open(1001)
    run(case, "collect_facts")
    session(case).enter("plan", "starter")
    old = form(case, "collect_facts")
    keep_in_kernel(case)
    again = WeekendLicense.open(1001)
    again.take()
    again.collect_facts(**NOTHING)
    assert "starter" == str(again.facts.value("plan"))
    assert old.box.comm is None
    assert {} == entered(WeekendLicense.open(1005))


def test_an_emptied_field_falls_back_to_what_was_found(here: World) -> None:
    """And says so."""
    case = WeekendLicense.open(1001)
    run(case, "collect_facts")
    plan = row(case, "collect_facts", "plan")
    plan.input.value = "starter"
    plan.input.value = ""
    assert plan.message.startswith("empty, so this counts: premium")
    case.confirm_identity()
    case.decide_scope()
    assert "premium" == str(case.facts.value("plan"))


def test_an_image_is_kept_under_a_name_of_ours(here: World) -> None:
    """Its own name is the customer's; nothing but images is kept."""
    case = WeekendLicense.open(1001)
    path = Path(session(case).upload("../../<b>dashboard.png", PNG))
    assert (PNG, here.outputs / "sandbox" / "1001" / "screenshots") == (path.read_bytes(), path.parent)
    assert re.fullmatch(r"[0-9a-f]{16}\.png", path.name)
    with pytest.raises(InputError, match=r"note.txt is no PNG, JPEG, GIF or WebP"):
        session(case).upload("note.txt", b"hello")


def seen(case: Any) -> list[str]:
    """The steps whose *Continue* is seen in the page."""
    forms = {name: form_now(case, name) for name in case.order}
    in_view = {name for name, found in forms.items() if found and found.continue_button in found.box.children}
    opened = {name for name, found in forms.items() if found and fold(case, name).value}
    return [name for name in case.order if name in in_view | opened and is_displayed(form(case, name).continue_button)]


def is_displayed(button: Any) -> bool:
    return bool(button.layout.display != "none")


def said_beside(found: Form) -> str:
    """The words beside a form's *Continue*."""
    place = found.box.children.index(found.continue_button)
    return str(found.box.children[place + 1].value)


def test_there_is_one_continue(here: World) -> None:
    """Of two forms that wait, the first has it; the second once it has an answer, and says what is open above it."""
    case = WeekendLicense.open(1908)
    run(case)
    assert ["collect_facts"] == seen(case)
    session(case).enter("ask_customer", "no")
    assert ["collect_facts", "confirm_subscription"] == seen(case)
    answer(case, "confirm_subscription", maximum_users="254")
    said = said_beside(form(case, "confirm_subscription"))
    assert "Still to be answered: Plan, Expired on, Billable users." in said
    answer(case, "collect_facts", plan="unknown")
    assert "Still to be answered: Plan, Expired on, Billable users." in said_beside(form(case, "collect_facts"))
    session(case).board.places["collect_facts"].form.rows["plan"].input.value = "premium"
    assert "Still" not in said_beside(form(case, "collect_facts")), "it was said of what stood there before"
    answer(case, "collect_facts", plan="premium", expires_on="2026-11-06", billable_users="231")
    assert [] == seen(case), "the button below the plan is next"


def test_a_question_that_may_stay_open_has_no_continue(here: World) -> None:
    """Beside the plan's button; answers that are opened are what the reader is at."""
    case = WeekendLicense.open(1002)
    run(case)
    assert [] == seen(case)
    fold(case, "collect_facts").value = True
    assert ended(session(case).worker, 60)
    assert ["collect_facts"] == seen(case)


# -- the images of the ticket


def test_values_off_images_count_when_confirmed(here: World, screen: Screen) -> None:
    """Each stands beside its crop; no value is confirmed until a button is pressed."""
    case = WeekendLicense.open(1908)
    run(case, "decide_scope")
    assert ["Confirm premium"] == suggested(case, "collect_facts", "plan")
    assert "missing: " in screen.card("Decide the scope")
    assert "runbook run weekend_license 1908 --perform" == case.command
    for name in ("plan", "expires_on"):
        row(case, "collect_facts", name).confirm_buttons[0].click()
    session(case).enter("deployment", "self_managed")
    session(case).enter("billable_users", "231")
    session(case).enter("account_type", "customer")
    case.confirm_subscription(screenshots="unknown", ask_customer=False)
    assert "[in scope]" in screen.card("Decide the scope")
    assert "-p plan premium -p expires_on 2026-11-06" in case.command
    assert sources(case, "plan", "expires_on", "billable_users") == ["screenshot", "screenshot", "engineer"]
    assert shlex.join(["-p", "confirmed", '["plan", "expires_on"]']) in case.command


def test_typing_over_a_confirmed_value_unconfirms_it(here: World) -> None:
    """And one that was confirmed stays so in a case that is opened again, as long as it is not changed."""
    case = WeekendLicense.open(1908)
    run(case, "collect_facts")
    for name in ("plan", "expires_on"):
        row(case, "collect_facts", name).confirm_buttons[0].click()
    row(case, "collect_facts", "plan").input.value = "ultimate"
    case.collect_facts(**NOTHING)
    assert sources(case, "plan", "expires_on") == ["engineer", "screenshot"]
    row(case, "collect_facts", "plan").input.value = "premium"
    row(case, "collect_facts", "expires_on").input.value = ""
    case.collect_facts(**NOTHING)
    assert sources(case, "plan", "expires_on") == ["engineer", None]
    assert "confirmed" not in case.command


def test_an_image_is_read_once(here: World, readings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the background, whatever notebook shows it afterwards; what is seen is what another test has read."""
    read: list[str] = []
    real, began, may_read = ReadingCache.read, threading.Event(), threading.Event()

    def slow(kept: ReadingCache, content: bytes, name: str) -> Any:
        began.set()
        assert may_read.wait(60)
        read.append(name)
        monkeypatch.setattr(ocr.cache, "user_cache_path", lambda _: readings)
        ReadingCache.__init__(kept)  # from now on with that folder
        return real(kept, content, name=name)

    monkeypatch.setattr(ocr.cache, "user_cache_path", lambda _: tmp_path / "cache")
    monkeypatch.setattr(ReadingCache, "read", slow)
    case = WeekendLicense.open(1908)
    run(case, "collect_facts")
    assert "2 images are being read" in form_now(case, "collect_facts").notes[0]
    assert began.wait(60)
    assert "reading " in state(case)
    may_read.set()
    assert ["Confirm premium"] == suggested(case, "collect_facts", "plan")
    assert () == form(case, "collect_facts").notes
    assert "reading " not in state(case)
    case.collect_facts(**NOTHING)
    other = WeekendLicense.open(1908)
    run(other, "collect_facts")
    assert ["Confirm premium"] == [
        one.description for one in form_now(other, "collect_facts").rows["plan"].confirm_buttons
    ]
    assert ["dashboard.png", "subscription.png"] == read


def test_what_cannot_be_read_is_said(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken image is no value; without the extra the form says how to get it."""
    here.change("UPDATE attachments SET content = ?, size = ? WHERE file_name = 'dashboard.png'", PNG, len(PNG))
    monkeypatch.setattr(ocr, "available", lambda: False)
    case = WeekendLicense.open(1908)
    run(case, "collect_facts")
    notes = " ".join(form(case, "collect_facts").notes)
    assert "dashboard.png is damaged or cut off" in notes
    assert "pip install 'license-runbook[ocr]'" in notes
    assert [] == suggested(case, "collect_facts", "plan")


def test_images_that_disagree_are_named(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both values are offered with their crops; neither is preferred."""

    def known(cache: ReadingCache, content: bytes, name: str) -> Page:
        reading = Reading(
            name="plan", value={"dashboard.png": "premium"}.get(name, "ultimate"), label="Plan", crop=PNG, is_sure=True
        )
        return Page(style="dashboard", readings=(reading,), name=name)

    monkeypatch.setattr(ReadingCache, "known", known)
    case = WeekendLicense.open(1908)
    run(case, "collect_facts")
    assert ["Confirm premium", "Confirm ultimate"] == suggested(case, "collect_facts", "plan")
    words = "plan differs: premium on dashboard.png, ultimate on subscription.png"
    assert words in form(case, "collect_facts").notes[0]


# -- the ticket's number, and the state


def test_start_here_asks_for_the_number(here: World, screen: Screen) -> None:
    """The next cell opens that ticket."""
    case = StartHere.open(1001)
    case._ipython_display_()
    case.collect_facts(plan="unknown")
    session(case).enter("ticket_id", "2004")
    case.choose_runbook()
    assert 2004 == case.ticket.id
    assert "weekday_triage" in screen.card("Choose the runbook")
    shown = " ".join(screen.card("Ticket 2004").split())
    assert "Subject Read-only since today Message Hallo, our GitLab tells me" in shown


def test_run_all_keeps_the_number(here: World, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell still passes the one that the notebook came with. Another number in the cell goes before it."""
    case = StartHere.open(1001)
    case._ipython_display_()
    session(case).enter("ticket_id", "2004")
    keep_in_kernel(case)
    again = StartHere.open(1001)
    again._ipython_display_()
    assert (2004, "2004") == (again.ticket.id, row(again, "open", "ticket_id").text)
    assert 1005 == StartHere.open(1005).ticket.id


def test_the_state_is_the_same_everywhere(here: World) -> None:
    """Practice or live, what is done, what comes, how it would end."""
    case = WeekendLicense.open(1001)
    run(case, "decide_scope")
    assert (
        "PRACTICE, 2026-11-22 · 5 of 12 steps rehearsed · next: Confirm customer subscription · no outcome yet"
    ) == state(case)
    run(case)
    assert "PRACTICE, 2026-11-22 · 12 of 12 steps rehearsed · would end: License issued" == state(case)


@pytest.mark.parametrize(("ticket_id", "left"), [(2001, 5), (2003, 1), (2004, 1)])
def test_a_step_that_did_nothing_is_not_counted(here: World, ticket_id: int, left: int) -> None:
    """Whether the case had ended, the other branch was taken, or its question was not asked."""
    case = WeekdayTriage.open(ticket_id)
    run(case)
    assert f" · {14 - left} of 14 steps rehearsed · {left} not needed · " in state(case)


def test_a_ticket_that_cannot_be_opened_says_where(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Practice or live is on every card."""
    with pytest.raises(InputError):
        WeekendLicense.open(1901)
    assert "(PRACTICE)" in capsys.readouterr().out


def test_a_corrected_answer_stays_corrected(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython keeps every case that was shown, also those that another one has taken over from."""

    def open_again(number: int) -> WeekendLicense:
        case = WeekendLicense.open(number)
        keep_in_kernel(case)
        run(case, "collect_facts")
        return case

    session(open_again(1001)).enter("plan", "starter")
    session(open_again(1001)).enter("plan", "ultimate")
    assert "ultimate" == str(open_again(1001).facts.value("plan"))
    open_again(1005)
    assert "ultimate" == str(open_again(1001).facts.value("plan"))


def test_rerunning_a_cell_outdates_those_below(here: World, screen: Screen) -> None:
    """Until they are run again, too."""
    case = WeekendLicense.open(1001)
    run(case)
    case.collect_facts(**NOTHING)
    assert "[out of date]" in screen.card("Decide the scope")
    run(case)
    assert "[in scope]" in screen.card("Decide the scope")


def test_run_all_keeps_answers_for_the_entered_number(
    here: World, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are of that ticket, not of the one that the cell names."""
    case = StartHere.open(1001)
    case._ipython_display_()
    session(case).enter("ticket_id", "2004")
    case.collect_facts(**NOTHING)
    session(case).enter("plan", "starter")
    keep_in_kernel(case)
    again = StartHere.open(1001)
    again._ipython_display_()
    assert (2004, {"ticket_id": "2004", "plan": "starter"}) == (again.ticket.id, entered(again))
    session(again).enter("ticket_id", "1005")
    again.collect_facts(**NOTHING)
    assert {"ticket_id": "1005"} == entered(again)


def dispose(case: Any) -> None:
    """End a session, and take away what it shows, as the next one does."""
    for place in session(case).leave().values():
        place.close()


def test_no_widget_is_left_behind(here: World) -> None:
    """Neither by a form that was made anew nor by a walk that was closed."""
    from ipywidgets.widgets.widget import _instances

    def pictures_shown() -> int:
        return sum("data:image" in str(getattr(one, "value", "")) for one in _instances.values())

    case = WeekendLicense.open(1908)
    before = pictures_shown()
    run(case, "collect_facts")
    shown = pictures_shown()
    for billable in ("100", "101"):
        case.collect_facts(**{**NOTHING, "billable_users": billable})
        assert shown == pictures_shown()
    dispose(case)
    assert before == pictures_shown()


def test_answers_of_start_here_come_to_the_copy(here: World, notebooks: Path) -> None:
    """Run All makes the copy at once; what is entered then has to get there, too (the copy is unchanged on disk)."""
    case = StartHere.open(1002)
    case._ipython_display_()
    run(case)
    (copy,) = (notebooks / "open").glob("1002-*.ipynb")
    assert "unknown" == templates.defaults(copy)["expires_on"]
    session(case).enter("expires_on", "2026-11-06")
    case.choose_runbook(mail_missing="unknown")
    assert "2026-11-06" == templates.defaults(copy)["expires_on"]
    copy.write_text(copy.read_text().replace("case.close()", "case.close()  # mine"))
    session(case).enter("plan", "starter")
    assert "It does not have: Plan: starter. Enter it there." in " ".join(
        repr(case.choose_runbook(mail_missing="unknown")).split()
    )


def test_no_layout_or_style_is_left_behind(here: World) -> None:
    """Nor anything else that a form is made of, but the layouts and styles that all share, once."""
    from ipywidgets.widgets.widget import _instances

    forms_come_and_go()
    before = set(_instances)
    forms_come_and_go()
    assert set() == _instances.keys() - before


def forms_come_and_go() -> None:
    """Answers change again and again; what is shown does not become more."""
    from ipywidgets.widgets.widget import _instances

    case = WeekendLicense.open(1908)
    run(case, "collect_facts")
    case.collect_facts(**{**NOTHING, "billable_users": "100"})
    number = len(_instances)
    for billable in ("101", "102"):
        case.collect_facts(**{**NOTHING, "billable_users": billable})
        assert number == len(_instances)
    dispose(case)
    case = WeekendLicense.open(1001)
    for user_count in ("100", "200", "300"):  # each is a plan with a button of its own
        run(case, user_count=user_count)
    dispose(case)


def test_former_cards_are_outdated_when_opened_again(
    here: World, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their plan and its button are gone; Run All may stop before it comes to them."""
    case = WeekendLicense.open(1001)
    run(case)
    keep_in_kernel(case)
    WeekendLicense.open(1001)
    assert "[out of date]" in screen.card("Close the case")
    assert "The ticket was opened again: run this cell again." in screen.card("Tell the team")


def test_screenshots_of_the_cell_can_be_added_to(here: World, tmp_path: Path) -> None:
    """What stands in the field is what would be typed there."""
    paths = [str(tmp_path / f"{color}.png") for color in ("red", "blue")]
    for path, color in zip(paths, ("red", "blue"), strict=True):
        Image.new("RGB", (60, 60), color).save(path)
    case = WeekendLicense.open(1001)
    run(case, screenshots=paths)
    text = row(case, "confirm_subscription", "screenshots").text
    assert tuple(paths) == parameters.parse("screenshots", text)


def test_a_second_upload_keeps_the_first(here: World) -> None:
    """The dashboard's file, then the license's; one that is there already is not added."""
    case = WeekendLicense.open(1001)
    run(case)
    field = row(case, "confirm_subscription", "screenshots")
    for content in (PNG, PNG + b"1", PNG):
        field.upload(({"name": "any.png", "content": content},))
    found = parameters.parse("screenshots", field.text)
    assert isinstance(found, tuple)
    assert [PNG, PNG + b"1"] == [Path(path).read_bytes() for path in found]


def test_a_license_that_is_pasted(here: World, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not repeated by a form or a card."""
    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    case = WeekendLicense.open(1001)
    run(case, "choose_users")
    case.issue_license(issued_evidence="unknown")
    body = "eyJkYXRhIjoi" + "QUJDREVGR0hJSktMTU5PUFFS" * 40
    field = row(case, "issue_license", "issued_evidence")
    field.input.value = f"-----BEGIN GITLAB LICENSE-----{body}-----END GITLAB LICENSE-----"
    with pytest.raises(RunbookError) as caught:
        case.check_license()
    assert body[:30] not in field.message + screen.card("Step 2: Generate the trial license") + str(caught.value)


def test_foreign_words_stay_words(here: World) -> None:
    """In cards, forms and the control room."""
    from ipywidgets.widgets.widget import _instances

    bad = "<img src=x onerror=alert(1)>"
    here.change("UPDATE tickets SET subject = ?", f"s{bad}")
    here.change("UPDATE users SET name = ? WHERE role = 'end-user'", f"n{bad}")
    here.change("UPDATE organizations SET name = ?", f"o{bad}")
    here.change("UPDATE attachments SET file_name = ? || file_name", f"a{bad}\u202e../")
    here.change("UPDATE comments SET body = ? || body", f"b{bad}")
    found = []
    for kind, number in ((WeekendLicense, 1908), (WeekdayTriage, 2002), (WeekendLicense, 1001)):
        case = kind.open(number)
        case._ipython_display_()
        for name in ("take", "collect_facts", "confirm_identity", "decide_scope"):
            found.append(html(getattr(case, name)(**({"take_over": True} if name == "take" else {})).card))
        found.append(html(case.ticket_card().card))
    found += [str(one.value) for one in list(_instances.values()) if type(one).__name__ == "HTML"]
    server = http.client.HTTPConnection(here.descriptor["url"].removeprefix("http://"))
    for path in ("/control-room?all", "/control-room/1908", "/control-room/1908/panes"):
        server.request("GET", path)
        found.append(server.getresponse().read().decode())
    server.close()
    assert any("onerror" in one for one in found)
    assert not [one for one in found if "<img src=x" in one]
    assert not [one for one in found if "\u202e" in one]


def test_another_ticket_starts_without_answers(here: World, screen: Screen) -> None:
    """Nothing is known of either, so that the form is the same one."""
    case = StartHere.open(1002)
    case._ipython_display_()
    given = unknown("emergency_on", "deployment", "account_type", "plan", "expires_on")
    case.collect_facts(**given)
    row(case, "collect_facts", "expires_on").input.value = "2026-11-06"
    row(case, "open", "ticket_id").input.value = "1908"
    case.collect_facts(**given)
    assert 1908 == case.ticket.id
    assert "2026-11-06" not in screen.card("Collect the facts")
    assert "" == row(case, "collect_facts", "expires_on").text


@pytest.mark.parametrize(("words", "said"), [("abc", "expected the ticket's number"), ("77777", "77777")])
def test_wrong_number_replaces_the_tickets_card(here: World, screen: Screen, words: str, said: str) -> None:
    """Nobody reads the wrong customer's ticket; with the old number it is there again."""
    case = StartHere.open(1001)
    case._ipython_display_()
    session(case).enter("ticket_id", words)
    with pytest.raises(RunbookError):
        case.collect_facts(**unknown("plan"))
    shown = next(iter(screen.cards.values()))
    assert said in shown
    assert "Open the ticket" in shown
    assert "Maya" not in shown
    session(case).enter("ticket_id", "1001")
    case.collect_facts(**unknown("plan"))
    assert "Maya Lindqvist" in next(iter(screen.cards.values()))


@pytest.mark.parametrize("words", ["abc", "99999"])
def test_wrong_number_leaves_no_decision(here: World, notebooks: Path, screen: Screen, words: str) -> None:
    """Of the ticket before it, whichever cell is run; with the old number all of it is there again."""
    case = StartHere.open(1001)
    case._ipython_display_()
    run(case)
    session(case).enter("ticket_id", words)
    with pytest.raises(RunbookError):
        case.collect_facts(**unknown("plan"))
    shown = cards(case)
    assert {"waiting"} == {shown[one].card.state for one in case.order}
    assert "1 of 3 steps rehearsed" in state(case)
    session(case).enter("ticket_id", "1001")
    assert session(case).go_on("collect_facts")
    assert "waiting" not in {one.card.state for one in cards(case).values()}
    assert "3 of 3 steps rehearsed" in state(case)


def test_a_copy_that_is_broken_is_named(here: World, notebooks: Path) -> None:
    """The runbook is named all the same, and nothing is written over."""
    case = StartHere.open(1002)
    run(case)
    (copy,) = (notebooks / "open").glob("1002-*.ipynb")
    copy.write_text("{")
    shown = " ".join(repr(case.choose_runbook(mail_missing="unknown")).split())
    assert "weekend_license: The emergency is of Saturday" in shown
    assert "No copy can be made (The runbook " in shown
    assert "open weekend_license.ipynb, and set ticket_id there." in shown
    assert "{" == copy.read_text()

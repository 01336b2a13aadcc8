"""Each runbook walked through in a real JupyterLab, by mouse and keyboard, to the sealed record."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, TimeoutError, WebSocket, expect

from tests.browser.lab import CODE_CELLS, Lab, Notebook
from tests.browser.seen import Seen
from tests.browser.walk import BUTTON, CHANGE, DONE, ERRORS, RECORD, copy, records, verified

pytestmark = [pytest.mark.slow, pytest.mark.together]

COUNTS = f"{CODE_CELLS}.map(cell => cell.model.executionCount)"
"""The numbers of the cells, in the order of the notebook in front."""


def test_by_keyboard_alone(lab: Lab, notebook: Notebook) -> None:
    """The weekday tree: an answer typed, Shift+Enter to the last cell, the button by the space bar."""
    notebook.open(copy(lab, "weekday_triage", 2003))
    notebook.select("ticket_id: int")
    notebook.clicks = 0
    for key, words in (("ArrowDown", "from runbook_lib"), ("ArrowUp", "ticket_id: int")):
        notebook.press(key)
        notebook.press(key)
        assert words in notebook.active(), "the arrows reach cells whose code is collapsed"
    run_to(notebook, "Confirm who this is")
    unfold_and_type(notebook, "self_managed")
    run_to(notebook, "case.close()")
    notebook.run_cell("Control+Enter")
    notebook.see("would end: Resolved itself")
    reach(notebook, BUTTON)
    notebook.press("Space")
    notebook.see(RECORD)
    assert 0 == notebook.clicks
    assert (1, 0) == (len(records(lab.world, 2003)), verified(lab.world, 2003))
    assert "confirm" in lab.world.comments(2003)[0]["body"]
    reads_as_it_ended(lab, notebook)


def reads_as_it_ended(lab: Lab, notebook: Notebook) -> None:
    """The saved notebook without its kernel: here, where JupyterLab trusts it, and as on another machine."""
    path = lab.root / notebook.page.evaluate("jupyterapp.shell.currentWidget.context.path")
    for _ in range(300):
        if RECORD in path.read_text():
            break
        notebook.page.wait_for_timeout(100)
    assert RECORD in path.read_text(), "the end of a press is saved without a key"
    assert notebook.button(CHANGE).is_visible(), "saving leaves the page's own widgets"
    notebook.restart()
    notebook.select("ticket_id: int")
    notebook.run_cell()
    notebook.save()
    notebook.reload()
    notebook.see(RECORD)
    notebook.wait()
    assert "displaying widget" not in notebook.outputs(), "the new kernel does not have the widgets of the former one"
    notebook.close_all()
    saved = nbformat.read(path, as_version=4)
    saved.metadata["other"] = "its signature is not that of this server"
    for name, content in (("trusted", path.read_text()), ("untrusted", nbformat.writes(saved))):
        copied = lab.world.outputs / f"{name}.ipynb"
        copied.write_text(content)
        notebook.show(str(copied.relative_to(lab.root)))
        for words in (RECORD, "performed"):
            assert words in notebook.see(words).inner_text()
        shown = notebook.outputs()
        assert [] == [words for words in ("displaying widget", "Loading widget", "to be performed") if words in shown]
        notebook.close_all()


def run_to(notebook: Notebook, words: str) -> None:
    """Run cell after cell until the active one has these words."""
    while words not in notebook.active():
        notebook.run_cell()


def reach(notebook: Notebook, label: str) -> None:
    """Tab to a button of the active cell, once it is there."""
    notebook.panel.locator(".jp-Cell.jp-mod-active button:visible", has_text=label).first.wait_for()
    for _ in range(30):
        if notebook.page.evaluate("document.activeElement.innerText").strip() == label:
            return
        notebook.press("Tab")
    raise AssertionError(f"{label} is not reached by Tab")


def unfold_and_type(notebook: Notebook, words: str) -> None:
    """From the cell below a form into the form, and back to its cell."""
    notebook.press("ArrowUp")
    reach(notebook, CHANGE)
    notebook.press("Space")
    notebook.field("Deployment").wait_for()
    notebook.press("Tab")
    notebook.press("Tab")
    notebook.press("Control+a")
    notebook.type(words)
    for _ in range(10):
        notebook.press("Shift+Tab")
        if "jp-Cell" in notebook.page.evaluate("document.activeElement.className"):
            return
    raise AssertionError("Shift+Tab does not lead back to the cell")


def test_a_wrong_date_and_a_service_that_is_down(lab: Lab, notebook: Notebook) -> None:
    """Each is said in words where it happens, and nothing that was entered is lost."""
    notebook.open(slow_copy(lab, "weekend_license", 1009))
    notebook.click(notebook.button(CHANGE))
    notebook.fill("Expired on", "2026-02-30")
    notebook.press("Tab")
    notebook.panel.get_by_text("✗ “Expired on” is '2026-02-30'").first.wait_for()
    has_room_for_forms(notebook, 760)
    notebook.shot("wrong_date")
    notebook.picture("form", "✗ “Expired on”")
    notebook.select("case.decide_scope")
    notebook.run_cell()
    notebook.see("Waits for what has stopped above.")
    expect(notebook.panel.locator(ERRORS)).to_be_hidden()
    assert "Traceback" not in notebook.outputs()
    wrong = notebook.panel.get_by_text("✗ “Expired on” is").first
    notebook.fill("Expired on", "2026-11-05")
    expect(wrong).to_be_hidden()
    notebook.run_all()  # after the whole word has arrived
    notebook.see("would end: License issued")
    lab.world.inject("gitlab", "error", status=503, times=None)
    notebook.click(notebook.button(BUTTON))
    notebook.see("waiting")
    notebook.see("GitLab")
    notebook.panel.locator("button:enabled", has_text=BUTTON).wait_for()
    assert [] == records(lab.world, 1009)
    notebook.see("out of date")
    lab.world.clear_faults()
    notebook.click(notebook.button(BUTTON))
    notebook.see("Read it again above")
    notebook.panel.locator("button:enabled", has_text=BUTTON).wait_for()
    lab.world.inject("slack", "error", status=503, times=None)
    notebook.click(notebook.button(BUTTON))
    notebook.see(RECORD)
    assert (0, 1) == (len(lab.world.posts(1009)), len(lab.world.issues(1009)))
    a_wrong_click_is_taken_back(notebook)
    lab.world.clear_faults()
    notebook.click(notebook.button(BUTTON))
    notebook.panel.locator("button:disabled", has_text=DONE).wait_for()
    assert (1, 1) == (len(lab.world.posts(1009)), len(lab.world.issues(1009)))
    assert 0 == verified(lab.world, 1009)
    assert "2026-11-05" in records(lab.world, 1009)[0].read_text()


def a_wrong_click_is_taken_back(notebook: Notebook) -> None:
    """The post that could not be made is asked about: by hand it was not made either."""
    notebook.panel.get_by_text("Slack post: not done.").first.wait_for()
    for label, noted in (("It is there", "is there"), ("It is not there", "is not there")):
        notebook.click(notebook.panel.locator(".jupyter-button", has_text=re.compile(f"^{label}$")).first)
        notebook.see(f"Noted: the slack post {noted}.")
    assert [] == notebook.clipped()


def has_room_for_forms(notebook: Notebook, width: int) -> None:
    """In a narrow panel forms wrap, and nothing of them is clipped."""
    size = notebook.page.viewport_size
    assert size
    notebook.seen.resize(width, 1400)
    notebook.shot("narrow")
    wide = "f => f.scrollWidth > f.clientWidth + 1"
    forms = f"panel => [...panel.querySelectorAll('.widget-vbox')].filter({wide}).map(f => f.innerText)"
    assert [] == notebook.panel.evaluate(forms)
    notebook.seen.resize(**size)


def test_answers_in_a_page_that_was_loaded_again(lab: Lab, notebook: Notebook) -> None:
    """A reload runs nothing; after an answer the page shows what comes, but does not move while a person types."""
    notebook.seen.resize(1280, 800)
    notebook.open(slow_copy(lab, "weekday_triage", 2902))
    assert "Waits for the answer above." in notebook.outputs()
    assert "NeedsAnswerError" not in notebook.outputs()
    runs_nothing_when_loaded_again(notebook)
    shows_what_comes(notebook)
    takes_the_whole_word(notebook)
    stays_while_somebody_types(notebook)


def runs_nothing_when_loaded_again(notebook: Notebook) -> None:
    """All cells had been run once; then only the one that a person runs. It waits until the page has its widgets."""
    before = notebook.page.evaluate(COUNTS)
    assert [*range(1, len(before) + 1)] == before
    asked: Counter[str] = Counter()
    pretend_to_wait(notebook)
    listen = partial(note_requests, asked)
    notebook.page.on("websocket", listen)
    notebook.reload()
    notebook.panel.get_by_text("The page was loaded anew while this cell ran.").wait_for()
    notebook.wait()
    notebook.select("case.find_subscription")
    notebook.run_cell()
    now = notebook.page.evaluate(COUNTS)
    assert [len(before) + 1] == [number for number in now if number not in before]
    notebook.page.remove_listener("websocket", listen)
    assert {"request_states": 1} == asked, "all widgets come in one message, not by one request for each"


def note_requests(asked: Counter[str], socket: WebSocket) -> None:
    """Count what a page asks the kernel's widgets for."""

    def note(sent: str | bytes) -> None:
        words = sent if isinstance(sent, bytes) else sent.encode()
        asked.update(found.decode() for found in re.findall(rb'"method": ?"(request_states?)"', words))

    socket.on("framesent", note)


def shows_what_comes(notebook: Notebook) -> None:
    """The cells below go on by themselves, and the plan is in view."""
    notebook.fill("Subscription", "A-S00029021")
    notebook.click(notebook.button("Continue"))
    notebook.see("would end:")
    expect(notebook.button(BUTTON)).to_be_in_viewport()
    assert "Waits for the answer above." not in notebook.outputs()
    assert "case.close()" in notebook.active()
    assert notebook.page.evaluate("document.activeElement.matches('.jp-Cell.jp-mod-active')"), "keys go on from there"


def subscription_cell(notebook: Notebook) -> Locator:
    return notebook.panel.locator(".jp-CodeCell", has_text="case.find_subscription")


def change_button(notebook: Notebook) -> Locator:
    """What opens and folds the answers of the step that finds the subscription."""
    return subscription_cell(notebook).locator("button", has_text=CHANGE)


def change_subscription(notebook: Notebook, number: str) -> None:
    """Open the answer, and type another one; the field is not left."""
    notebook.click(change_button(notebook))
    notebook.see("Waits for the answer above.")
    notebook.fill("Subscription", number)


def takes_the_whole_word(notebook: Notebook) -> None:
    """A field sends what was typed before the cell that is run after it."""
    change_subscription(notebook, "A-S00029022")
    notebook.select("case.close")
    notebook.run_cell("Control+Enter")
    notebook.panel.get_by_text("subscription: A-S00029022").first.wait_for(state="attached")
    notebook.click(change_button(notebook))
    notebook.field("Subscription").wait_for(state="hidden")


def stays_while_somebody_types(notebook: Notebook) -> None:
    """What comes of an answer is looked for when they are ready.

    The form's place on the screen is measured, not the scroll offset: when a card above grows, the browser corrects
    the offset, and what is on the screen stays.
    """
    change_subscription(notebook, "A-S00029021")
    notebook.press("Enter")
    notebook.panel.evaluate("panel => { panel.append(document.createElement('input')); panel.lastChild.focus() }")
    before = subscription_cell(notebook).bounding_box()
    notebook.button("Continue").evaluate("button => button.click()")  # as a click, but that it takes no focus
    notebook.see("would end:")
    notebook.page.wait_for_timeout(700)
    after = subscription_cell(notebook).bounding_box()
    assert before and after and before["y"] == after["y"]
    expect(notebook.button(BUTTON)).not_to_be_in_viewport()


def pretend_to_wait(notebook: Notebook) -> None:
    """The last cell shows what it would while it waits for a service, and the notebook is saved so."""
    notebook.page.evaluate(
        f"""async () => {{
            {CODE_CELLS}.at(-1).model.outputs.add({{
                output_type: 'display_data', data: {{'text/plain': 'GitLab'}}, metadata: {{runbook_progress: true}}
            }});
            await jupyterapp.shell.currentWidget.context.save();
        }}"""
    )


BUSY = """
import time
from pathlib import Path
while Path("hold").exists():
    time.sleep(0.05)
"""
"""A cell that runs as long as there is a file beside the notebook."""


def test_keys_and_presses_while_the_kernel_works(lab: Lab, notebook: Notebook) -> None:
    """What is typed and opened does not wait for images that are read, nor for a cell that runs."""
    path = lab.root / copy(lab, "weekend_license", 1908)
    cells = nbformat.read(path, as_version=4)
    cells.cells.append(nbformat.v4.new_code_cell(BUSY))
    nbformat.write(cells, path)
    notebook.show(str(path.relative_to(lab.root)))
    values_take_no_focus(notebook)
    images_open_by_keys(notebook)
    answers_open_beside_a_cell(notebook, path.with_name("hold"))


def values_take_no_focus(notebook: Notebook) -> None:
    """Who types while the images are read goes on typing."""
    field = notebook.field("Plan")
    field.wait_for()
    field.click()
    notebook.type("sta")
    notebook.button("Confirm premium").wait_for()
    notebook.type("rter")
    expect(field).to_be_focused()
    expect(field).to_have_value("starter")
    notebook.wait()


def images_open_by_keys(notebook: Notebook) -> None:
    """Each image is reached by Tab, and is large after Enter and small again after Space."""
    notebook.press("Shift+Tab")
    expect(notebook.panel.locator("summary", has_text="subscription.png")).to_be_focused()
    image = notebook.panel.locator("summary img").last
    small = image.bounding_box()
    for key in ("Enter", "Space"):
        notebook.press(key)
        large = image.bounding_box()
        assert small and large
        assert (large["width"] > 2 * small["width"]) == (key == "Enter")
    assert "starter" == notebook.field("Plan").input_value()


def answers_open_beside_a_cell(notebook: Notebook, hold: Path) -> None:
    """The kernel hears of the press only when the cell has ended; the page does not wait for that."""
    hold.touch()
    notebook.select("hold")
    notebook.press("Control+Enter")
    running_cell = notebook.panel.locator(".jp-InputPrompt", has_text="[*]")
    running_cell.wait_for()
    try:
        notebook.click(notebook.button(CHANGE))
        notebook.field("Deployment").wait_for()
        assert running_cell.is_visible()
    finally:
        hold.unlink()
    notebook.wait()
    assert notebook.field("Deployment").is_visible()
    notebook.click(notebook.button(CHANGE))
    notebook.field("Deployment").wait_for(state="hidden")


SLOW = """
import time
from runbook_lib.jupyter.session import Session
def enter(self, name, words, enter=Session.__dict__.get("at_once", Session.enter)):
    time.sleep(0.3)
    enter(self, name, words)
Session.at_once, Session.enter = Session.__dict__.get("at_once", Session.enter), enter
"""
"""A kernel that has much to do besides."""


def slow_copy(lab: Lab, runbook: str, ticket_id: int) -> str:
    """A copy whose kernel takes its time with what is entered; its address."""
    path = lab.root / copy(lab, runbook, ticket_id)
    cells = nbformat.read(path, as_version=4)
    next(cell for cell in cells.cells if "ticket_id: int" in cell.source).source += SLOW
    nbformat.write(cells, path)
    return str(path.relative_to(lab.root))


def test_two_tabs_make_one_run_of_what_is_read(lab: Lab, notebook: Notebook) -> None:
    """The ticket changes meanwhile: the plan follows in both, also in the one that has its cards from the file."""
    changed = "second.address@fjellnett.example"
    path = copy(lab, "weekend_license", 3004)
    notebook.open(path)
    notebook.see("would end: License issued")
    notebook.save()
    other = Notebook(lab, Seen(notebook.page.context.new_page()))
    other.open(path)
    other.button(BUTTON).wait_for()
    assert changed not in other.outputs()
    issues = len(lab.world.issues(3004))
    lab.world.change(
        "UPDATE users SET email = ? WHERE id = (SELECT requester_id FROM tickets WHERE id = 3004)", changed
    )
    other.click(other.button(BUTTON))
    other.see("Read it again above")
    for one in (notebook, other):
        plan = one.panel.locator(".jp-OutputArea-output", has_text=changed).filter(has_text="The plan")
        plan.first.wait_for()
    assert [] == records(lab.world, 3004)
    other.panel.locator("button:enabled", has_text=BUTTON).wait_for()
    other.click(other.button(BUTTON))
    with suppress(TimeoutError):  # it is grey where the run was quicker
        notebook.button(BUTTON).click(timeout=3_000)
    for one in (notebook, other):
        one.see(RECORD)
    assert (1, 1, 0) == (len(lab.world.mails(changed)), len(records(lab.world, 3004)), verified(lab.world, 3004))
    assert (1, issues + 1) == (len(lab.world.posts(3004)), len(lab.world.issues(3004)))
    other.page.close()


def test_a_kernel_that_is_restarted_while_it_performs(lab: Lab, notebook: Notebook) -> None:
    """The run goes on without it; walking through again follows it, or finds its record, and repeats nothing."""
    notebook.open(copy(lab, "weekend_license", 1011))
    notebook.see("would end: License issued")
    notebook.click(notebook.button(BUTTON))
    notebook.panel.get_by_text(re.compile(r"\d+ of \d+ · ")).first.wait_for()  # before that nothing has begun
    notebook.restart()
    notebook.panel.get_by_text("The kernel was restarted, or has ended").first.wait_for()
    expect(notebook.panel.locator(".jupyter-button:visible")).to_have_count(0)
    notebook.click(notebook.panel.get_by_role("button", name="Run all cells", exact=True))
    notebook.see(RECORD)
    assert (1, 1) == (len(lab.world.posts(1011)), len(lab.world.issues(1011)))
    assert (1, 0) == (len(records(lab.world, 1011)), verified(lab.world, 1011))

"""Each runbook walked through in a real JupyterLab, by mouse and keyboard, to the sealed record."""

from __future__ import annotations

import re
from contextlib import suppress

import nbformat
import pytest
from playwright.sync_api import TimeoutError, expect

from tests.browser.lab import CODE_CELLS, Lab, Notebook
from tests.browser.seen import Seen
from tests.browser.walk import BUTTON, CHANGE, ERRORS, RECORD, copy, records, verified

pytestmark = [pytest.mark.slow, pytest.mark.halves]


def test_by_keyboard_alone(lab: Lab, notebook: Notebook) -> None:
    """The weekday tree: an answer typed, Shift+Enter to the last cell, the button by the space bar."""
    notebook.open(copy(lab, "weekday_triage", 2003))
    notebook.select("ticket_id: int")
    notebook.clicks = 0
    for key, words in (("ArrowDown", "from runbook_lib"), ("ArrowUp", "ticket_id: int")):
        notebook.press(key)
        notebook.press(key)
        assert words in notebook.active(), "the arrows reach cells whose code is collapsed"
    run_to(notebook, "Our own records decide")
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
    notebook.open(copy(lab, "weekend_license", 1009))
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
    notebook.fill("Expired on", "2026-11-05")
    notebook.run_all()
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
    notebook.click(notebook.button(BUTTON))
    notebook.see(RECORD)
    assert (1, 1) == (len(lab.world.posts(1009)), len(lab.world.issues(1009)))
    assert 0 == verified(lab.world, 1009)
    assert "2026-11-05" in records(lab.world, 1009)[0].read_text()


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


def test_after_an_answer_the_page_shows_what_comes(lab: Lab, notebook: Notebook) -> None:
    """Cells below an open question wait quietly, and go on by themselves; the plan is in view, also after a reload."""
    notebook.seen.resize(1280, 800)
    notebook.open(copy(lab, "weekday_triage", 2902))
    assert "Waits for the answer above." in notebook.outputs()
    assert "NeedsAnswerError" not in notebook.outputs()
    pretend_to_wait(notebook)
    notebook.page.reload()
    notebook.panel.get_by_text("The page was loaded anew while this cell ran.").wait_for()
    notebook.wait()
    notebook.fill("Subscription", "A-S00029021")
    notebook.click(notebook.button("Continue"))
    notebook.see("would end:")
    expect(notebook.button(BUTTON)).to_be_in_viewport()
    assert "Waits for the answer above." not in notebook.outputs()
    assert "case.close()" in notebook.active()
    assert notebook.page.evaluate("document.activeElement.matches('.jp-Cell.jp-mod-active')"), "keys go on from there"


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


def test_the_page_stays_where_somebody_types(lab: Lab, notebook: Notebook) -> None:
    """What comes of an answer is looked for when they are ready."""
    notebook.seen.resize(1280, 800)
    notebook.open(copy(lab, "weekday_triage", 2902))
    notebook.fill("Subscription", "A-S00029021")
    notebook.press("Enter")
    notebook.panel.evaluate("panel => { panel.append(document.createElement('input')); panel.lastChild.focus() }")
    room = notebook.panel.locator(".jp-WindowedPanel-outer")
    before = room.evaluate("room => room.scrollTop")
    notebook.button("Continue").evaluate("button => button.click()")  # as a click, but that it takes no focus
    notebook.see("would end:")
    notebook.page.wait_for_timeout(700)
    assert before == room.evaluate("room => room.scrollTop")


def test_keys_enlarge_and_values_take_no_focus(lab: Lab, notebook: Notebook) -> None:
    """Who types while the images are read goes on typing; each image is reached and opened by a key."""
    notebook.show(copy(lab, "weekend_license", 1908))
    field = notebook.field("Plan")
    field.wait_for()
    field.click()
    notebook.type("sta")
    notebook.button("Confirm premium").wait_for()
    notebook.type("rter")
    expect(field).to_be_focused()
    expect(field).to_have_value("starter")
    notebook.wait()
    notebook.press("Shift+Tab")
    expect(notebook.panel.locator("summary", has_text="subscription.png")).to_be_focused()
    image = notebook.panel.locator("summary img").last
    small = image.bounding_box()
    for key in ("Enter", "Space"):
        notebook.press(key)
        large = image.bounding_box()
        assert small and large
        assert (large["width"] > 2 * small["width"]) == (key == "Enter")
    assert "starter" == field.input_value()


BUSY = """
import time
from pathlib import Path
while Path("hold").exists():
    time.sleep(0.05)
"""
"""A cell that runs as long as there is a file beside the notebook."""


def test_an_answer_is_opened_while_a_cell_runs(lab: Lab, notebook: Notebook) -> None:
    """The kernel hears of the press only when the cell has ended; the page does not wait for that."""
    path = lab.root / copy(lab, "weekend_license", 1006)
    cells = nbformat.read(path, as_version=4)
    cells.cells.append(nbformat.v4.new_code_cell(BUSY))
    nbformat.write(cells, path)
    notebook.open(str(path.relative_to(lab.root)))
    hold = path.with_name("hold")
    hold.touch()
    notebook.select("hold")
    notebook.press("Control+Enter")
    running_cell = notebook.panel.locator(".jp-InputPrompt", has_text="[*]")
    running_cell.wait_for()
    try:
        notebook.click(notebook.button(CHANGE))
        notebook.field("Deployment").wait_for(timeout=5_000)
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


def test_a_cell_waits_for_the_rest_of_a_word(lab: Lab, notebook: Notebook) -> None:
    """A field sends what was typed as a whole, before the cell that is run after it; also after a reload."""
    cells = nbformat.read(lab.root / copy(lab, "weekday_triage", 2902), as_version=4)
    next(cell for cell in cells.cells if "ticket_id: int" in cell.source).source += SLOW
    nbformat.write(cells, lab.root / "notebooks" / "open" / "slow.ipynb")
    notebook.open("notebooks/open/slow.ipynb")
    notebook.fill("Subscription", "A-S00029021")
    notebook.run_all()
    notebook.panel.get_by_text("subscription: A-S00029021").first.wait_for(state="attached")
    notebook.save()
    notebook.page.reload()
    notebook.wait()
    notebook.select("case.find_subscription")
    notebook.run_cell()  # which waits until the page has its widgets again
    cell = notebook.panel.locator(".jp-CodeCell", has_text="case.find_subscription")
    notebook.click(cell.locator("button", has_text=CHANGE))
    notebook.fill("Subscription", "A-S00029022")
    notebook.select("case.close")
    notebook.run_cell("Control+Enter")
    notebook.panel.get_by_text("subscription: A-S00029022").first.wait_for(state="attached")


def test_two_tabs_make_one_run(lab: Lab, notebook: Notebook) -> None:
    """The license that never came, open twice."""
    path = copy(lab, "license_not_received", 3005)
    notebook.open(path)
    notebook.see("would end: License found")
    notebook.select("case.close")
    notebook.save()
    other = Notebook(lab, Seen(notebook.page.context.new_page()))
    other.open(path)
    other.button(BUTTON).wait_for()
    other.click(other.button(BUTTON))
    with suppress(TimeoutError):  # it is grey where the run was quicker
        notebook.button(BUTTON).click(timeout=3_000)
    for one in (notebook, other):
        one.see(RECORD)
    assert (1, 0) == (len(records(lab.world, 3005)), verified(lab.world, 3005))
    assert 1 == len([comment for comment in lab.world.comments(3005) if comment["public"]])
    other.page.close()


def test_a_kernel_that_is_restarted_while_it_performs(lab: Lab, notebook: Notebook) -> None:
    """The run goes on without it; walking through again follows it, or finds its record, and repeats nothing."""
    notebook.open(copy(lab, "weekend_license", 1011))
    notebook.see("would end: License issued")
    notebook.click(notebook.button(BUTTON))
    notebook.panel.get_by_text(re.compile(r"Step \d+ of \d+")).first.wait_for()  # before that nothing has begun
    notebook.restart()
    notebook.run_all()
    notebook.see(RECORD)
    assert (1, 1) == (len(lab.world.posts(1011)), len(lab.world.issues(1011)))
    assert (1, 0) == (len(records(lab.world, 1011)), verified(lab.world, 1011))


def test_after_a_reload_what_is_read_is_performed(lab: Lab, notebook: Notebook) -> None:
    """The ticket changes meanwhile: the plan above the button follows in a page that knows its cards no more."""
    other = "second.address@example.com"
    notebook.open(copy(lab, "weekend_license", 3004))
    notebook.see("would end: License issued")
    notebook.save()
    notebook.page.reload()
    notebook.wait()
    notebook.button(BUTTON).wait_for()
    assert other not in notebook.outputs()
    lab.world.change("UPDATE users SET email = ? WHERE id = (SELECT requester_id FROM tickets WHERE id = 3004)", other)
    notebook.click(notebook.button(BUTTON))
    notebook.see("Read it again above")
    notebook.panel.locator(".jp-OutputArea-output", has_text=other).filter(has_text="The plan").first.wait_for()
    assert [] == records(lab.world, 3004)
    notebook.panel.locator("button:enabled", has_text=BUTTON).wait_for()
    notebook.click(notebook.button(BUTTON))
    notebook.see(RECORD)
    assert (1, 1, 0) == (len(lab.world.mails(other)), len(records(lab.world, 3004)), verified(lab.world, 3004))
    notebook.shot("reloaded")

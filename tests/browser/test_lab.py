"""What `runbook lab` adds to JupyterLab: it asks for a ticket, opens copies, runs them once, and cleans up."""

from __future__ import annotations

import hashlib

import pytest
from playwright.sync_api import expect

from runbook_lib import templates
from tests.browser.lab import SESSIONS, THEMES, Lab, Notebook
from tests.browser.seen import DEFAULT_SIZE
from tests.browser.walk import BUTTON, ERRORS, looks_well_in_both_themes

pytestmark = [pytest.mark.slow, pytest.mark.together]


def sessions(notebook: Notebook) -> list[str]:
    """The notebooks that have a kernel."""
    return sorted(notebook.page.evaluate(SESSIONS))


def digests(lab: Lab) -> dict[str, str]:
    """What stands in the templates."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (lab.root / "notebooks").glob("*.ipynb")
    }


def start_here(lab: Lab, ticket_id: int | None = None) -> str:
    """The copy that `runbook lab` opens without a ticket, or with one that no runbook is for; its address."""
    values = {} if ticket_id is None else {"ticket_id": ticket_id}
    return str(templates.fresh(lab.root / "notebooks" / "start_here.ipynb", values).relative_to(lab.root))


def test_naming_the_ticket_runs_the_rest(lab: Lab, notebook: Notebook) -> None:
    """start_here begins with an empty field; the runbook opens in its place, and its kernel ends."""
    path = start_here(lab)
    notebook.show(path)
    field = notebook.page.locator("#runbook-ticket")
    expect(field).to_be_focused()
    assert "" == field.input_value()
    assert 0 == notebook.panel.locator(".jp-OutputArea-output").count()
    notebook.seen.resize(1280, 800)
    notebook.type("999999")
    notebook.press("Enter")
    notebook.panel.get_by_text("Ticket 999999 does not exist").first.wait_for()
    expect(field).to_be_visible()
    expect(notebook.panel.locator(f"{ERRORS}:visible")).to_have_count(0)
    stays_beside_the_error(notebook)
    field.fill("1005")
    field.press("Enter")
    link = notebook.panel.locator("a", has_text="Open weekend_license with ticket 1005").first
    link.wait_for()
    expect(field).to_be_hidden()
    expect(notebook.field("Ticket number")).to_be_hidden()
    looks_well_in_both_themes(notebook, "start_here")
    notebook.picture("start_here", "Open weekend_license")
    notebook.click(link)
    notebook.button(BUTTON).wait_for()
    tabs = notebook.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")
    expect(tabs.filter(has_text="1005-weekend_license")).to_have_count(1)
    expect(tabs.filter(has_text="start_here")).to_have_count(0)
    notebook.has_kernels(1)
    assert sessions(notebook)[0].startswith("notebooks/open/1005-weekend_license")


def stays_beside_the_error(notebook: Notebook) -> None:
    """The field, with the wrong number, also in a page that was loaded again; the error is in sight."""
    expect(notebook.panel.get_by_text("Ticket 999999 does not exist").first).to_be_in_viewport(ratio=1)
    notebook.save()
    notebook.reload()
    expect(notebook.page.locator("#runbook-ticket")).to_have_value("999999")
    notebook.run_all()
    expect(notebook.page.locator("#runbook-ticket")).to_be_visible()
    notebook.seen.resize(*DEFAULT_SIZE)


def test_a_template_opens_as_a_copy(lab: Lab, notebook: Notebook) -> None:
    """It is never written to; closing a notebook ends its kernel."""
    before = digests(lab)
    notebook.show("notebooks/weekend_license.ipynb")
    expect(notebook.page.locator("#runbook-ticket")).to_be_focused()
    notebook.shot("lab-template")
    a_theme_is_chosen_at_once(notebook)
    assert ["notebooks/open/weekend_license.ipynb"] == sessions(notebook)
    notebook.save()
    assert before == digests(lab)
    notebook.page.locator(".lm-mod-current .lm-TabBar-tabCloseIcon").first.click()
    notebook.has_kernels(0)


def a_theme_is_chosen_at_once(notebook: Notebook) -> None:
    """Although JupyterLab follows the system until then."""
    execute = "words => { jupyterapp.commands.execute(...words) }"
    notebook.page.evaluate(execute, ["apputils:change-theme", {"theme": THEMES["dark"]}])
    notebook.until("name => document.body.dataset.jpThemeName === name", arg=THEMES["dark"])
    notebook.page.evaluate(execute, ["apputils:adaptive-theme"])
    notebook.use_theme("light")


def test_a_ticket_of_no_runbook_stays_in_start_here(lab: Lab, notebook: Notebook) -> None:
    """With the reason, and no field for what was named already."""
    notebook.show(start_here(lab, 1004))
    notebook.see("No runbook for this ticket")
    assert 0 == notebook.page.locator("#runbook-ticket").count()

"""What the walks through runbooks share: opening a copy, continuing, how a notebook has to look, what it leaves."""

from __future__ import annotations

from pathlib import Path

from runbook_lib import templates
from tests.browser.accessibility import COLORS, serious
from tests.browser.lab import Lab, Notebook
from tests.practice import World

BUTTON, CHANGE = "Perform and record", "Change an answer"
DONE = "Done, nothing left to do"
RECORD = "the record of this run"
OUTPUTS = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output"
ERRORS = "[data-mime-type$=stderr]"
"""The red lines of a notebook."""
NARROW_PX = 1000


def copy(lab: Lab, runbook: str, ticket_id: int, name: str = "") -> str:
    """A copy of a runbook with a ticket filled in, as `start_here` makes it; its address. It keeps its answers."""
    notebook = lab.root / "notebooks" / f"{runbook}.ipynb"
    path = templates.copy(notebook, f"{name or runbook}-{ticket_id}.ipynb", {"ticket_id": ticket_id}).path
    return str(path.relative_to(lab.root))


def go_on(notebook: Notebook) -> None:
    """With the answers that were given: by the form's own button, where it has one, else by the menu."""
    button = notebook.button("Continue")
    if button.count():
        notebook.click(button)
    else:
        notebook.run_all()


def records(world: World, ticket_id: int) -> list[Path]:
    """The records of a ticket."""
    return sorted((world.outputs / "sandbox" / str(ticket_id)).glob("*.ipynb"))


def verified(world: World, ticket_id: int) -> int:
    """What `records verify` ends with."""
    return world.runbook("records", "verify", ticket_id, "--ticket-notes").status


def looks_well_in_both_themes(notebook: Notebook, name: str) -> None:
    """Everybody can use it in the dark theme, too; see `looks_well` for the rest."""
    notebook.use_theme("dark")
    notebook.shot(f"{name}-dark")
    assert [] == serious(notebook.seen.page, OUTPUTS, rules=COLORS)
    assert [] == notebook.clipped()
    notebook.use_theme("light")
    assert [] == serious(notebook.seen.page, OUTPUTS)
    looks_well(notebook, name)


def looks_well(notebook: Notebook, name: str) -> None:
    """Nothing is clipped, also on a narrow screen; nothing comes from outside, and there is no error."""
    seen = notebook.seen
    notebook.shot(f"{name}-light")
    assert [] == notebook.clipped()
    size = seen.page.viewport_size
    assert size
    seen.resize(NARROW_PX, size["height"])
    notebook.shot(f"{name}-{NARROW_PX}")
    assert [] == notebook.clipped()
    seen.resize(**size)
    assert [] == seen.outside
    assert [] == [error for error in seen.errors if "Failed to load resource" not in error]

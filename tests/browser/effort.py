"""What a ticket takes of the person who deals with it, and the table of it in the README."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from runbook_lib.settings import ROOT

README = ROOT / "README.md"
BEGIN, END = "<!-- effort -->", "<!-- /effort -->"
HEAD = """What a ticket takes, from `runbook lab TICKET` to the sealed record, as the browser tests count it:

| ticket | clicks | keys | seconds of waiting | screens to the plan |
| --- | --- | --- | --- | --- |
"""
FOOT = """
Waiting is counted from when JupyterLab shows the notebook. *Screens to the plan* is the length of the notebook, from
its top to the button below the plan; a screen is 1280x800.
"""
FONT = 0.3
"""By how many screens a page may differ: another machine has other fonts."""


@dataclass(frozen=True)
class Effort:
    """What one ticket took.

    Attributes:
        ticket_id: The ticket.
        clicks: Clicks of the mouse.
        keys: Keys pressed.
        waited_s: Seconds in which there was nothing to do but wait.
        screens: How many screens the notebook fills, from its top to the button below the plan.
    """

    ticket_id: int
    clicks: int
    keys: int
    waited_s: float
    screens: float

    @property
    def row(self) -> str:
        """The row of the table."""
        cells = (self.ticket_id, self.clicks, self.keys, math.ceil(self.waited_s), round(self.screens, 1))
        return f"| {' | '.join(map(str, cells))} |"

    def agrees_with(self, kept: Effort) -> bool:
        """Whether the table says so; of the seconds it says what they were on one machine."""
        same = (self.ticket_id, self.clicks, self.keys) == (kept.ticket_id, kept.clicks, kept.keys)
        return same and abs(self.screens - kept.screens) <= FONT


def kept() -> dict[int, Effort]:
    """What the README says, by ticket."""
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) \|$", _block(), re.MULTILINE)
    return {
        int(ticket): Effort(int(ticket), int(clicks), int(keys), float(waited), float(screens))
        for ticket, clicks, keys, waited, screens in rows
    }


def keep(effort: Effort) -> None:
    """Put a row into the README's table, in the place of the one that the ticket has."""
    rows = {**kept(), effort.ticket_id: effort}
    table = HEAD + "".join(f"{rows[ticket].row}\n" for ticket in sorted(rows)) + FOOT
    text = README.read_text(encoding="utf-8")
    README.write_text(text.replace(f"{BEGIN}{_block()}{END}", f"{BEGIN}\n{table}{END}"), encoding="utf-8")


def _block() -> str:
    """What stands between the two marks."""
    return README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]

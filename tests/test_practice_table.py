"""The documents' table of practice tickets is made from the tickets themselves.

`python -m tests.test_practice_table` makes it anew after a ticket has changed.
"""

from __future__ import annotations

import re

from runbook_lib.sandbox.tickets import all_tickets
from runbook_lib.settings import ROOT

PATH = ROOT / "docs" / "practice.md"
MARKED = re.compile(r"(?<=<!-- practice tickets -->\n).*?(?=<!-- /practice tickets -->)", re.DOTALL)


def table() -> str:
    """A row for each ticket, by its number; one without an end is not in the demo."""
    lines = ["| ticket | what is special about it | runbook | ends as |", "| --- | --- | --- | --- |"]
    for ticket in sorted(all_tickets(), key=lambda ticket: ticket.id):
        expected = ticket.expected
        runbook, end = (f"`{expected.runbook}`", f"`{expected.end}`") if expected else ("", "not in the demo")
        asked = f": pass {', '.join(f'`{name}`' for name in expected.missing)}" if expected and expected.missing else ""
        lines.append(f"| {ticket.id} | {ticket.case} | {runbook} | {end}{asked} |")
    return "\n".join(lines) + "\n"


def test_the_table_agrees_with_the_tickets() -> None:
    """And stands in one place."""
    assert [table()] == MARKED.findall(PATH.read_text(encoding="utf-8"))


def test_every_ticket_has_a_number_of_its_own() -> None:
    tickets = all_tickets()
    assert len(tickets) == len({ticket.id for ticket in tickets})


if __name__ == "__main__":
    PATH.write_text(MARKED.sub(lambda _: table(), PATH.read_text(encoding="utf-8")), encoding="utf-8")

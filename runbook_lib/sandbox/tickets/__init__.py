"""The practice tickets, each with its run's expected result: what the demo, tests and documents read.

They stand in the TOML files beside this one: a table for each ticket, by its number, with the fields of
`model.PracticeTicket`; `[defaults]` are for all of a file.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from runbook_lib.sandbox.tickets.model import Expected, PracticeTicket


@cache
def all_tickets() -> tuple[PracticeTicket, ...]:
    """Every practice ticket of a new world. Raises `ValueError` for a field that is unknown, missing, or cannot be."""
    checked: TypeAdapter[PracticeTicket] = TypeAdapter(PracticeTicket)
    found: list[PracticeTicket] = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        defaults = tables.pop("defaults", {})
        found += [checked.validate_python({"id": number, **defaults, **table}) for number, table in tables.items()]
    return tuple(sorted(found, key=lambda ticket: ticket.id))


def expected_ends() -> dict[PracticeTicket, Expected]:
    """The tickets that the demo runs, by their ids, each with its expected result."""
    return {ticket: ticket.expected for ticket in all_tickets() if ticket.expected}

"""`auto`: the runbook `start_here` first, then each that the one before names; which answers go to which of them."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib import templates
from runbook_lib.domain import answers, routing
from runbook_lib.run import intake
from runbook_lib.settings import Settings

AUTO, ROUTER = "auto", "start_here"


def first(settings: Settings, runbook: str, given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The runbook that is run first, with the answers that it takes.

    Raises:
        InputError: With `auto`: no runbook has a parameter of that name, or a value is impossible.
    """
    if runbook != AUTO:
        return runbook, dict(given)
    known = templates.defaults(intake.template(settings, ROUTER))
    for name, value in given.items():
        if name not in known:
            answers.parse(name, value)
    return ROUTER, {name: value for name, value in given.items() if name in known}


def then(settings: Settings, runbook: str, given: Mapping[str, str]) -> dict[str, str]:
    """The answers without what only other runbooks of the way ask; any other is refused by the runbook's check.

    What `start_here` asks is left out, and for a runbook that may hand over also what the next one asks.

    Raises:
        InputError: There is no such runbook.
    """
    known = templates.defaults(intake.template(settings, runbook))
    others = {ROUTER, routing.NOT_RECEIVED, *(routing.ISSUING if runbook == routing.NOT_RECEIVED else ())}
    elsewhere = {name for other in others for name in templates.defaults(intake.template(settings, other))}
    return {name: value for name, value in given.items() if name in known or name not in elsewhere}

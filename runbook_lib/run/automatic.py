"""`auto`: the runbook `start_here` first, then the one that it names; which answers go to which of them."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib import templates
from runbook_lib.domain import answers
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
    """The answers without what only `start_here` asks; one that the runbook does not take is refused by its check.

    Raises:
        InputError: There is no such runbook.
    """
    known = templates.defaults(intake.template(settings, runbook))
    routing_only = set(templates.defaults(intake.template(settings, ROUTER))) - set(known)
    return {name: value for name, value in given.items() if name not in routing_only}

"""How people read the names that programs have of an outcome, a status and the state of an effect. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

QUIET = ("skipped", "not taken", "not reached")
"""The states of a step that had nothing to do."""
_EFFECTS: Mapping[str, str] = {"adopted": "found, not repeated", "already_done": "done before, not repeated"}
_OPERATIONS: Mapping[str, str] = {"license": "license order", "seal_note": "note with the record's digest"}


def ending_words(name: str) -> str:
    """An outcome or a status: *License issued*."""
    return name.replace("_", " ").capitalize()


def run_ending_words(
    outcome: str | None, status: str, next_runbook: str | None = None, *, performed: bool | None = None
) -> str:
    """How a run ended: with an outcome, or else with the runbook that goes on, or else its status.

    A rehearsal ends no case: *Would end: License issued*.
    """
    if next_runbook and not outcome and status == "completed":
        return f"Goes on with {next_runbook}"
    words = ending_words(outcome or status)
    return f"Would end: {words}" if outcome and performed is False else words


def within_sentence(words: str) -> str:
    """The same after a colon or within a sentence: *would end: License issued*."""
    return words[:1].lower() + words[1:]


def effect_words(name: str) -> str:
    """The state of an effect, or the kind of a journal's line: *done before, not repeated*."""
    return _EFFECTS.get(name, name.replace("_", " "))


def operation_words(name: str) -> str:
    """An effect or an operation, with or without the ticket that it is of: *slack post*."""
    name = re.sub(r"^[a-z]+-[0-9]+-", "", name)
    return _OPERATIONS.get(name, name.replace("_", " "))

"""The last card of a case: its outcome with every effect, and the way on: to perform it, or to the next runbook."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from runbook_lib import files, templates
from runbook_lib.cases import scope
from runbook_lib.cases.base import Case
from runbook_lib.cases.cards import effect_parts
from runbook_lib.cases.changes import unfinished
from runbook_lib.display import Link, Paragraph, Part, Preview, Tone
from runbook_lib.domain import evidence, parameters
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.models import ENDINGS, EffectState, Outcome, Verdict
from runbook_lib.domain.plain_text import clean
from runbook_lib.results import StepResult, is_interactive


def closing_card(case: Case, ending: str, *more: Part, **data: Any) -> StepResult:
    """The last card.

    `ending` stands after the outcome's name, and is a whole sentence where the case has none. What is out of
    scope is said here.
    """
    words = ending
    if case.outcome is Outcome.OUT_OF_SCOPE and case.verdict:
        words = f". {scope.against(case.verdict)} Nothing is sent to the customer: answer them yourself."
    if right := case.right_runbook:
        words = f": this ticket is for {right}. {scope.against(cast(Verdict, case.verdict))}"
        more += open_it(case, right)
        data = {**data, "next_runbook": right}
        with suppress(InputError):  # its notebook cannot be read; the outcome stands
            data["command"] = case.command_for(right)
            more += (Preview("to go on", data["command"]),)
    if case.outcome:
        words = f"{'' if case.perform else 'Would end: '}{case.outcome.words}{words}"
    if left := unfinished(case):
        words = f"{words.rstrip('.')}.{left}"
    planned = any(effect.state is EffectState.PLANNED for effect in case.applied) and not right
    overruled = evidence.overruled(case.facts) if case.outcome else []
    more = (*(Paragraph(one, strong=True) for one in overruled), *more)
    parts = (*more, case.summary_table, *(effect_parts(*case.applied, in_view=True) if case.applied else ()))
    parts += (Preview("to perform it", case.command),) if planned else ()
    tone = Tone.PLAN if planned else Tone.ASK if left else _tone(case.outcome)
    state, about = str(case.outcome or "goes on"), case.summary
    result = case.card(state, tone, words, *parts, closing=True, about=about, **data)
    if case.outcome:  # a name is for programs only; and nothing has ended yet in a rehearsal
        shown = case.outcome.words if case.perform else "rehearsed"
        data = {**result.data, "summary": " ".join((words, *overruled))}
        result = replace(result, card=replace(result.card, state=shown), data=data)
    return result


def _tone(outcome: Outcome | None) -> Tone:
    if outcome is Outcome.OUT_OF_SCOPE:
        return Tone.STOP
    return Tone.GOOD if outcome and not ENDINGS[outcome].waits_for else Tone.ASK


def open_it(case: Case, runbook: str) -> tuple[Part, ...]:
    """In JupyterLab a link to a copy of the runbook with this ticket filled in; nothing elsewhere."""
    if not is_interactive():
        return ()
    try:
        copy = copy_of(case, runbook)
    except (OSError, InputError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else str(exc).rstrip(".")
        return (Paragraph(f"No copy can be made ({why}): open {runbook}.ipynb, and set ticket_id there."),)
    link = Link(f"Open {runbook} with ticket {case.ticket.id}", files.address(copy.path))
    return (link, Paragraph(words)) if (words := _of_before(copy)) else (link,)


def copy_of(case: Case, runbook: str) -> templates.Copy:
    """A copy of a runbook with a case's ticket, and what was answered there, filled in.

    Raises:
        InputError: The runbook cannot be read.
        OSError: The copy cannot be written.
    """
    day = case.settings.today
    place = f"practice-{day}" if day else "live"
    template = case.settings.notebooks / f"{runbook}.ipynb"
    values = {"ticket_id": case.ticket.id, **case.steps.given}
    return templates.copy(template, f"{case.ticket.id}-{runbook}-{place}.ipynb", values)


def _of_before(copy: templates.Copy) -> str:
    """What to know of a copy that was there already."""
    known = {name: value for name, value in copy.lacks.items() if value != parameters.UNKNOWN}
    lacks = [f"{parameters.label_of(name)}: {clean(value)}" for name, value in known.items()]
    if lacks:
        words = "Somebody has worked in this copy, so it was left as it is. It does not have"
        return f"{words}: {', '.join(lacks)}. Enter it there."
    if copy.was_renewed:
        return "It has your answers now. If it is open already: File > Reload Notebook from Disk."
    return ""

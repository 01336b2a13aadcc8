"""The changes of a case: each effect of `changes` with what it needs and what has to hold before it is sent.

What is applied is remembered, for the case's plan and its last card.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from runbook_lib.cases.base import Case
from runbook_lib.changes import guards
from runbook_lib.changes.assignment import Assignment
from runbook_lib.changes.comments import CommentToPost, Upload
from runbook_lib.changes.slack_post import Channel, SlackPost
from runbook_lib.domain import messages
from runbook_lib.domain.errors import OutcomeUnknownError, RefusedError, RunbookError, UnavailableError
from runbook_lib.domain.models import EffectState, Ticket
from runbook_lib.domain.plan import Action, ExactText, Target
from runbook_lib.ledger.effects import Effect, EffectResult, Lookup
from runbook_lib.ocr import screenshot

PATIENCE_S = 5.0
"""How long a rehearsal waits for Slack."""
_BY_HAND, _BY_HAND_SUMMARY = "license_by_hand", "note that the license was made by hand"
_BY_HAND_EVIDENCE = "made by hand, internal note"


class Shown(Lookup, Protocol):
    """Something to be looked for that a plan can show: it knows where it is, and its exact texts."""

    @property
    def target(self) -> Target: ...
    @property
    def texts(self) -> tuple[ExactText, ...]: ...


class PlannedEffect(Shown, Effect, Protocol):
    """An effect that a plan can show."""


def apply(case: Case, effect: PlannedEffect) -> EffectResult:
    """Apply an effect and remember it for the plan and the summary.

    Raises:
        RunbookError: As `Effects.apply`; but a step that nothing waits for goes on without what cannot be reached.
    """
    try:
        applied = case.effects.apply(effect)
    except (RefusedError, UnavailableError, OutcomeUnknownError) as exc:
        if case.steps.is_needed:
            raise _with_way_on(case, effect, exc) from exc
        applied = _unavailable(case, effect, exc)
    return _remembered(case, effect, applied)


def look(case: Case, effect: Shown) -> EffectResult | None:
    """What is there already of an effect, remembered for plan and summary; None if nothing is."""
    found = case.effects.adopt(effect)
    return _remembered(case, effect, found) if found else None


def by_hand(case: Case, operation_id: str) -> str:
    """How a person ends an effect that cannot be done, after "run again"; "" in a rehearsal, which leaves none."""
    command = f"runbook answer {case.ticket.id} {operation_id.removeprefix(case.operation(''))} yes"
    return f", or do it by hand and say so: `{command}`" if case.perform else ""


def _with_way_on(case: Case, effect: Effect, exc: RunbookError) -> RunbookError:
    """An error that stops the case; of a comment that Zendesk may refuse for good, with the way around it."""
    if not (case.perform and isinstance(exc, RefusedError) and isinstance(effect, CommentToPost)) or exc.fault:
        return exc
    hand = f"If that cannot be mended,{by_hand(case, effect.operation_id).removeprefix(', or')}, then run again."
    return RefusedError(exc.words, status=exc.status, code=exc.code, advice=f"{exc.advice} {hand}".lstrip())


def unfinished(case: Case) -> str:
    """What could not be done although the case has its outcome, and the way on; begins with a blank, or is ""."""
    return "".join(f" {effect.trouble}" for effect in case.applied if case.perform and effect.trouble)


def _remembered(case: Case, effect: Shown, result: EffectResult) -> EffectResult:
    action = Action(
        effect.operation_id,
        result.name,
        case.steps.title(case.steps.running),
        result.summary,
        effect.target,
        effect.texts if result.state is EffectState.PLANNED else (),
        result.state,
        result.evidence,
        result.trouble,
    )
    case.steps.remember(result, action)
    return result


def _unavailable(case: Case, effect: Effect, exc: RunbookError) -> EffectResult:
    """What becomes of an effect that nothing waits for: the next run makes up for it, or a person does."""
    if not case.perform:
        trouble = f"{exc} You can perform all the same: it is tried again then."
        return EffectResult(effect.name, effect.summary, EffectState.PLANNED, error=exc, trouble=trouble)
    if there := case.effects.journal.settled(effect.operation_id):  # once; a second one could not be taken back
        return EffectResult(effect.name, effect.summary, EffectState.ALREADY_DONE, there, exc, str(exc))
    way_on = "" if isinstance(exc, OutcomeUnknownError) else f" Run again{by_hand(case, effect.operation_id)}."
    trouble = f"Not done: {effect.summary}. {exc}{way_on}"
    return EffectResult(effect.name, effect.summary, EffectState.UNAVAILABLE, error=exc, trouble=trouble)


def assignment(case: Case, *, take_over: bool) -> Assignment:
    """The ticket becomes the operator's; a colleague's only if it may be taken over."""
    ticket = case.services.zendesk.settled_ticket(case.ticket.id)
    return Assignment(case.services.zendesk, ticket, case.me, prefix=case.operation(""), take_over=take_over)


def reply(case: Case, name: str, body: str, *, summary: str) -> CommentToPost:
    """A public reply, which has to reach the requester."""
    return _comment(case, name, body, summary=summary, public=True)


def note(case: Case, name: str, body: str, *, summary: str) -> CommentToPost:
    return _comment(case, name, body, summary=summary)


def sent_note(case: Case, name: str, *, summary: str) -> Lookup:
    """An internal note of an earlier run, to be looked for."""
    return _comment(case, name, "", summary=summary)


def screenshots(case: Case, paths: Sequence[str]) -> CommentToPost:
    """Image files added to the ticket as an internal note; the same files are added once."""
    given = [(Path(path).name, *screenshot(Path(path))) for path in paths]
    files = [Upload(name, kind, content) for name, kind, content in given]
    digest = hashlib.sha256(b"".join(file.content for file in files)).hexdigest()[:12]
    summary = f"add {', '.join(file.name for file in files)} to the ticket"
    body = messages.screenshots_note(len(files))
    return _comment(case, f"screenshots-{digest}", body, name="screenshots", summary=summary, files=files)


def license_copy(case: Case, body: str, text: str, digest: str) -> CommentToPost:
    """The copy of an issued license as an attachment of a public reply; the same license is sent once."""
    file = Upload(messages.COPY_FILE_NAME, "application/octet-stream", text.encode())
    summary = "public reply with the copy of the license attached"
    operation = f"license_copy-{digest}"
    return _comment(case, operation, body, name="license_copy", summary=summary, public=True, files=(file,))


def license_copy_note(case: Case, body: str, digest: str) -> CommentToPost:
    """The internal note on a copy that was sent; one for each license."""
    summary = "internal note with the result"
    return _comment(case, f"license_copy_note-{digest}", body, name="license_copy_note", summary=summary)


def by_hand_note(case: Case, link: str, users: int) -> CommentToPost:
    """The internal note that the engineer made a license by hand, with its evidence: one per ticket."""
    body = messages.by_hand_note(link, users)
    url = link if link.startswith("https://") else ""
    return _comment(case, _BY_HAND, body, summary=_BY_HAND_SUMMARY, evidence=_BY_HAND_EVIDENCE, link=url)


def sent_by_hand_note(case: Case) -> Shown:
    """The note of an earlier run that a license was made by hand, to be looked for."""
    return _comment(case, _BY_HAND, "", summary=_BY_HAND_SUMMARY, evidence=_BY_HAND_EVIDENCE)


def slack_post(case: Case, words: str, *, name: str = "slack_post") -> SlackPost:
    """A post in the team's channel; one of a name per ticket."""
    return SlackPost(
        case.services.slack,
        Channel.of(case.settings),
        case.ticket,
        case.operation(name),
        words,
        name=name,
        patience_s=None if case.perform else PATIENCE_S,
        check=still_assigned_guard(case),
    )


def sent_post(case: Case, *, name: str) -> Lookup:
    """A post of an earlier run, to be looked for."""
    return slack_post(case, "", name=name)


def still_assigned_guard(case: Case) -> Callable[[], None]:
    """The precondition that the ticket is still the operator's, who in a rehearsal has not taken it yet."""
    if not case.perform:
        return guards.nothing_to_check
    return lambda: guards.check_still_assigned(case.services.zendesk.ticket(case.ticket.id), case.me)


def _comment(
    case: Case,
    operation: str,
    body: str,
    *,
    summary: str,
    name: str = "",
    public: bool = False,
    evidence: str = "",
    files: Sequence[Upload] = (),
    link: str = "",
) -> CommentToPost:
    zendesk, operation_id = case.services.zendesk, case.operation(operation)

    def check(ticket: Ticket) -> None:
        if public:
            guards.check_reply_arrives(zendesk, case.me, ticket, instead=by_hand(case, operation_id))
        if case.perform:
            guards.check_still_assigned(ticket, case.me)

    return CommentToPost(
        zendesk,
        case.ticket,
        operation_id,
        body,
        name=name or operation,
        summary=summary,
        public=public,
        evidence=evidence,
        may_be_sent=check,
        files=files,
        link=link,
    )

"""The state of a license order as one value, and the decision what to do next, from that value alone.

Invariants:

    a job is started only if nothing shows that one was started for the order, or is running for the same customer
    an issue in progress whose job has ended gets a title with the result, so that no other order waits for it
    if only the customer's mailbox shows the result, a person is asked, and either answer ends the order

Source for the traces that a job leaves, and their order: `mechanizer`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runbook_lib.domain import messages, titles
from runbook_lib.domain.models import Pipeline, TrackerIssue
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.titles import Mark

_ENDED = ("success", "failed", "canceled", "skipped")
"""Pipeline states in which no job runs any more. Source: GitLab REST API reference, pipelines."""
_STATES = {
    "created": "has not begun yet",
    "waiting_for_resource": "waits for a resource that another job holds",
    "waiting_for_callback": "waits for an answer from outside of GitLab",
    "preparing": "is being prepared",
    "pending": "waits for a runner",
    "running": "is running",
    "success": "has succeeded",
    "failed": "has failed",
    "canceling": "is being canceled",
    "canceled": "was canceled",
    "skipped": "was skipped",
    "manual": "waits for a person to press play",
    "scheduled": "waits for its time",
}
"""Source: GitLab REST API reference, pipelines, `status`."""
WAITS_FOR_A_PERSON = "manual"
"""The state of a pipeline that a person has to start."""
JOB_LIMIT = timedelta(hours=1)
"""The longest that a job runs, even if its pipeline cannot be seen. Source: GitLab CI/CD, default of *Timeout*."""


class NextAction(StrEnum):
    ADOPT = "adopt"
    """The license was issued."""
    WAIT = "wait"
    """A job is running, or has just ended."""
    PERFORM = "perform"
    """Start the job: there is no trace of one."""
    ASK = "ask"
    """Ask a person whether the mail came."""
    RETITLE = "retitle"
    """Give issues that are still in progress a title with the result."""
    GIVE_UP = "give up"
    """The order has ended without a license: another one may follow."""


@dataclass(frozen=True)
class LicenseOrder:
    operation_id: str  # the order's id, or "" if its issue has none
    question: str  # the id of the question whether the customer has the mail
    quiet_before: datetime  # a job that ended before this moment has no further effect
    # The closed issue of a license that counts for this customer, also one that a colleague ordered
    issued: TrackerIssue | None = None
    pipelines: tuple[Pipeline, ...] = ()  # the pipelines that were started for it, newest first
    issues: tuple[TrackerIssue, ...] = ()  # the tracker issues with its id, newest first
    is_known: bool = False  # whether the journal, or a person, says that it was started
    mail: bool | None = None  # a person's answer whether the mail came; None without one
    others: tuple[LicenseOrder, ...] = ()  # other orders in progress for the same customer or ticket

    @property
    def left(self) -> tuple[TrackerIssue, ...]:
        return tuple(issue for issue in self.issues if changed_by_hand(issue) or not _has_result(issue))

    @property
    def contradicted(self) -> tuple[TrackerIssue, ...]:
        """The issues that a person turned into failures: they have a copy and no reason, and a job succeeded."""
        succeeded = any(pipeline.status == "success" for pipeline in self.pipelines)
        return tuple(issue for issue in self.issues if succeeded and _was_made_a_failure(issue))

    @property
    def running(self) -> tuple[Pipeline, ...]:
        return still_running(self.pipelines)

    @property
    def to_be_played(self) -> Pipeline | None:
        """The pipeline that a person has to start, if no other one is running."""
        waits = all(pipeline.status == WAITS_FOR_A_PERSON for pipeline in self.running)
        return self.running[0] if self.running and waits else None

    @property
    def is_quiet(self) -> bool:
        """Whether no job is running, nor was a moment ago: one may run on after GitLab reports its end."""
        ends = [pipeline.updated_at for pipeline in self.pipelines]
        return not self.running and all(end is None or end <= self.quiet_before for end in ends)

    @property
    def is_old(self) -> bool:
        """Whether every job that opened an issue must have ended, even if its pipeline is not seen."""
        return all(issue.created_at <= self.quiet_before - JOB_LIMIT for issue in self.issues)


@dataclass(frozen=True)
class NextStep:
    do: NextAction
    order: LicenseOrder  # the order that it is for; it may be another one that has to end first
    why: str
    # The issue of the license, or the one whose title gets the result; None if a person's answer replaces it
    issue: TrackerIssue | None = None
    sent: bool = False  # for `RETITLE`: whether the license was sent
    # Further issues of the same order, to be closed; after a success none that a person has changed
    duplicates: tuple[TrackerIssue, ...] = ()
    then_ask: bool = False  # whether a person is asked if waiting has not helped


def still_running(pipelines: Iterable[Pipeline]) -> tuple[Pipeline, ...]:
    return tuple(pipeline for pipeline in pipelines if pipeline.status not in _ENDED)


def pipeline_words(status: str) -> str:
    """A pipeline's state in words, to follow its name; an unknown state is quoted."""
    return _STATES.get(status, f"is in the state “{status}”")


def was_issued(issue: TrackerIssue) -> bool:
    """Whether an issue is of a license that was mailed, to any address.

    A closed issue "[In progress]" with a copy counts too. If the answer to an update is lost, the job sends it again;
    the first one may arrive last, and set the title back although the license was mailed and the issue closed.
    """
    mark = titles.read(issue.title).mark
    undone = mark is Mark.IN_PROGRESS and messages.find_license(issue.raw) is not None
    return issue.state == "closed" and (undone or mark is Mark.SUCCESS)


def users_issued(issue: TrackerIssue, email: str) -> int | None:
    """The user count of a license that was mailed to exactly `email`, else None."""
    return titles.read(issue.title).users_for(email) if was_issued(issue) else None


def changed_by_hand(issue: TrackerIssue) -> str:
    """What a person has changed in the issue of a license, so that only a person can judge it; else "".

    Either it has a title that no job writes, however that begins, and reports a success or holds a copy; or it is a
    success that is open again.
    """
    title = titles.read(issue.title)
    if title.users is None and (title.mark is Mark.SUCCESS or messages.find_license(issue.raw) is not None):
        return "given another title"
    return "opened again" if title.mark is Mark.SUCCESS and issue.state == "opened" else ""


def is_under_way(issue: TrackerIssue, email: str, ticket_url: str) -> bool:
    """Whether an issue is of a job without a result, for this address or this ticket.

    It is running or crashed, or its result was changed by hand.
    """
    title = titles.read(issue.title)
    same = title.names(email) or messages.find_ticket(issue.description) == ticket_url
    in_progress = issue.state == "opened" and title.mark is Mark.IN_PROGRESS
    return same and (in_progress or bool(changed_by_hand(issue)))


def _was_made_a_failure(issue: TrackerIssue) -> bool:
    tells_why = messages.NO_LICENSE in issue.description or messages.NO_MAIL in issue.description
    return not was_issued(issue) and messages.find_license(issue.raw) is not None and not tells_why


def _is_in_progress(issue: TrackerIssue) -> bool:
    return titles.read(issue.title).mark is Mark.IN_PROGRESS and not changed_by_hand(issue)


def _has_result(issue: TrackerIssue) -> bool:
    return titles.read(issue.title).mark in (Mark.FAILURE, Mark.DUPLICATE) or was_issued(issue)


def decide(order: LicenseOrder) -> NextStep:
    if order.issued:
        # What a person changed may be of a second license; to close it as a duplicate would say that no mail was sent.
        left = tuple(issue for issue in order.left if order.is_quiet and not changed_by_hand(issue))
        return NextStep(
            NextAction.ADOPT, order, f"{order.issued.url} reports the license.", order.issued, duplicates=left
        )
    if order.mail:
        why = "A person says that the license was mailed."
        return _retitle(order, sent=True, why=why) if order.issues else NextStep(NextAction.ADOPT, order, why)
    if order.issues and not order.left and len(order.issues) >= len(order.pipelines):
        if order.mail is None and order.contradicted:
            return _ask(order)
        return NextStep(NextAction.GIVE_UP, order, "Each of its jobs has reported its failure.")
    return _running(order) or _ended(order)


def _running(order: LicenseOrder) -> NextStep | None:
    """Wait as long as a job is running; ask if it has ended and a person has changed its issue's title."""
    if order.running:
        named = ", ".join(f"pipeline {one.id} {pipeline_words(one.status)}" for one in order.running)
        return NextStep(NextAction.WAIT, order, named)
    if order.mail is None and not all(_is_in_progress(issue) for issue in order.left):
        return _ask(order)
    if not order.is_quiet:
        return NextStep(NextAction.WAIT, order, "its pipeline has just ended, and may still be about to send its mail")
    return None


def _ended(order: LicenseOrder) -> NextStep:
    if order.mail is False:
        why = "A person says that no mail came."
        return _retitle(order, sent=False, why=why) if order.left else NextStep(NextAction.GIVE_UP, order, why)
    if order.left:
        # A job opens its issue before anything else, and updates it before it sends the mail.
        if order.pipelines and all(messages.NO_MAIL_YET in issue.description for issue in order.left):
            return _retitle(order, sent=False, why="The job died before it sent the mail.")
        has_ended = order.pipelines or order.is_old
        return _ask(order) if has_ended else NextStep(NextAction.WAIT, order, "no pipeline seen yet", then_ask=True)
    if any(pipeline.status == "success" for pipeline in order.pipelines):
        return _ask(order)
    if order.pipelines or order.issues:
        return NextStep(NextAction.GIVE_UP, order, "Its jobs ended before they opened an issue, so nothing was sent.")
    if order.is_known:
        return NextStep(NextAction.WAIT, order, "no pipeline seen yet", then_ask=True)
    in_the_way = [step for step in map(decide, order.others) if step.do is not NextAction.GIVE_UP]
    return in_the_way[0] if in_the_way else NextStep(NextAction.PERFORM, order, "Nothing is there.")


def _ask(order: LicenseOrder) -> NextStep:
    return NextStep(NextAction.ASK, order, question_words(order))


def _retitle(order: LicenseOrder, *, sent: bool, why: str) -> NextStep:
    """Give the result to the issue that has a copy, or else the first one; close the rest."""
    found = sorted(order.left or order.issues, key=lambda one: (messages.find_license(one.raw) is None, one.iid))
    return NextStep(
        NextAction.RETITLE, order, why, found[0], sent, tuple(issue for issue in found[1:] if issue in order.left)
    )


def question_words(order: LicenseOrder) -> str:
    """The traces of the order, and what to ask the customer."""
    ended = [f"{pipeline.url} ({pipeline.status})" for pipeline in order.pipelines]
    seen = [_left_words(issue) for issue in order.left or order.contradicted]
    name = f"the order {order.operation_id}" if order.operation_id else "this order"
    words = f"Mechanizer's pipeline {' and '.join(ended)} ended" if ended else f"No pipeline of {name} is seen"
    issues = (
        f"but {' and '.join(seen)}" if seen else "but it left no tracker issue" if ended else "and no tracker issue"
    )
    return f"{words}, {issues}. Ask the customer whether the mail with the license came."


def _left_words(issue: TrackerIssue) -> str:
    if changed_by_hand(issue) == "opened again":
        return f"issue {issue.url} reports a success, and was opened again"
    if _is_in_progress(issue):
        return f"issue {issue.url} still says “in progress”"
    title = clean(issue.title, 200)
    if titles.read(title).users is not None:
        return f"issue {issue.url}, which has a copy of the license, was given the title “{title}”"
    return f"issue {issue.url} is {issue.state} and titled “{title}”, which is not what Mechanizer writes"

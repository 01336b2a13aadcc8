"""A license order: everything that there is of it in one value, and what to do next, decided from that alone.

What always holds:

    it is performed only if nothing shows that a job was ever started for it, or is at work for the same customer
    an issue in progress whose job is over gets a title that tells what became of it; nobody else's order waits for it
    where nothing but the customer's mailbox can tell, a person is asked, and either answer ends the order

Source for what a job leaves, and in which order: `mechanizer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runbook_lib.domain import messages, titles
from runbook_lib.domain.models import Pipeline, TrackerIssue
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.titles import Mark

ENDED_BADLY = ("failed", "canceled", "skipped")
"""Pipeline states after which no job goes on. Source: GitLab REST API reference, pipelines."""
_OVER = (*ENDED_BADLY, "success")
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
    "manual": "waits for somebody to press play",
    "scheduled": "waits for its time",
}
"""Source: GitLab REST API reference, pipelines, `status`."""
WAITS_FOR_A_PERSON = "manual"
"""The state in which nothing goes on by itself."""
JOB_LIMIT = timedelta(hours=1)
"""After this a job is over, also where its pipeline cannot be seen. Source: GitLab CI/CD, default of *Timeout*."""


class Do(StrEnum):
    """What comes next."""

    ADOPT = "adopt"
    """The license was issued."""
    WAIT = "wait"
    """A job goes on, or has just ended."""
    PERFORM = "perform"
    """Start the job: nothing is there."""
    ASK = "ask"
    """Only a person can tell whether the mail came."""
    SETTLE = "settle"
    """Give issues that were left in progress the title that tells what became of them."""
    SETTLED = "settled"
    """It is over, and no license was sent: another order may follow."""


@dataclass(frozen=True)
class LicenseOrder:
    """Everything that there is of one order.

    Attributes:
        operation_id: The order's own id, or "" where an issue names none.
        question: The operation by which a person says whether the customer has the mail.
        quiet_before: What ended before this moment does nothing any more.
        issued: The closed issue of a license that counts for this customer, whoever ordered it.
        pipelines: Those that were started for it, newest first.
        issues: The tracker issues that name it, newest first.
        is_known: Whether the journal, or a person, says that it was started.
        mail: What a person says of the mail; None if nobody has.
        others: Orders of others that are in progress for the same customer or ticket.
    """

    operation_id: str
    question: str
    quiet_before: datetime
    issued: TrackerIssue | None = None
    pipelines: tuple[Pipeline, ...] = ()
    issues: tuple[TrackerIssue, ...] = ()
    is_known: bool = False
    mail: bool | None = None
    others: tuple[LicenseOrder, ...] = ()

    @property
    def left(self) -> tuple[TrackerIssue, ...]:
        """The issues that do not tell yet what became of the license."""
        told = (Mark.FAILURE, Mark.DUPLICATE)
        return tuple(one for one in self.issues if titles.read(one.title).mark not in told and not was_issued(one))

    @property
    def goes_on(self) -> bool:
        """Whether a job is at work."""
        return any(pipeline.status not in _OVER for pipeline in self.pipelines)

    @property
    def to_be_played(self) -> Pipeline | None:
        """The pipeline that waits for a person, where nothing else goes on by itself."""
        going = [pipeline for pipeline in self.pipelines if pipeline.status not in _OVER]
        waits = all(pipeline.status == WAITS_FOR_A_PERSON for pipeline in going)
        return going[0] if going and waits else None

    @property
    def is_quiet(self) -> bool:
        """Whether no job is at work, nor has been a moment ago: one may outlive what GitLab says of it."""
        ends = [pipeline.updated_at for pipeline in self.pipelines]
        return not self.goes_on and all(end is None or end <= self.quiet_before for end in ends)

    @property
    def is_old(self) -> bool:
        """Whether each job that opened an issue must have ended, even if its pipeline is not seen."""
        return all(issue.created_at <= self.quiet_before - JOB_LIMIT for issue in self.issues)


@dataclass(frozen=True)
class Step:
    """What to do next.

    Attributes:
        do: What.
        order: Of which order; it may be another's that is in the way.
        why: In a sentence, for the reader.
        issue: The license's issue to adopt, or the one whose title is to tell the end; None if a word stands for it.
        sent: Whether the license was sent, where issues are settled.
        duplicates: Further issues of the same order, to be closed.
        then_ask: Whether a person is asked when waiting has not helped.
    """

    do: Do
    order: LicenseOrder
    why: str
    issue: TrackerIssue | None = None
    sent: bool = False
    duplicates: tuple[TrackerIssue, ...] = ()
    then_ask: bool = False


def pipeline_words(status: str) -> str:
    """What a pipeline's state means, after its name; a state that is not known is quoted."""
    return _STATES.get(status, f"is in the state “{status}”")


def was_issued(issue: TrackerIssue) -> bool:
    """Whether an issue tells of a license that was mailed, to whomever.

    Closed and "[In progress]", with a copy, is what an update leaves that took effect late, after the job had looked,
    sent it again, mailed and closed.
    """
    mark = titles.read(issue.title).mark
    undone = mark is Mark.IN_PROGRESS and messages.find_license(issue.raw) is not None
    return issue.state == "closed" and (undone or mark is Mark.SUCCESS)


def users_issued(issue: TrackerIssue, email: str) -> int | None:
    """The user count of a license that was mailed to exactly `email`, else None."""
    return titles.read(issue.title).users_for(email) if was_issued(issue) else None


def is_under_way(issue: TrackerIssue, email: str, ticket_url: str) -> bool:
    """Whether an issue is of a job that has not ended, or died, for this address or this ticket."""
    title = titles.read(issue.title)
    same = title.users_for(email) is not None or messages.find_ticket(issue.description) == ticket_url
    return issue.state == "opened" and title.mark is Mark.IN_PROGRESS and same


def decide(order: LicenseOrder) -> Step:
    """What to do next about an order."""
    if order.issued:
        left = order.left if order.is_quiet else ()
        return Step(Do.ADOPT, order, f"{order.issued.url} tells of the license.", order.issued, duplicates=left)
    if order.mail:
        return _sent(order)
    if order.issues and not order.left and len(order.issues) >= len(order.pipelines):
        return Step(Do.SETTLED, order, "Each of its jobs has told that it failed.")
    return _running(order) or _ended(order)


def _sent(order: LicenseOrder) -> Step:
    """A person says that the mail came: the issue with the copy tells it, if there is one."""
    found = order.left or order.issues
    if not found:
        return Step(Do.ADOPT, order, "By a person's word the license was mailed.")
    return _settle(order, sent=True, why="By a person's word the license was mailed.")


def _running(order: LicenseOrder) -> Step | None:
    """As long as a job is at work, nothing but waiting helps; it is no use if somebody has changed the issue."""
    if order.goes_on:
        going = [one for one in order.pipelines if one.status not in _OVER]
        named = ", ".join(f"pipeline {one.id} {pipeline_words(one.status)}" for one in going)
        return Step(Do.WAIT, order, named)
    if order.mail is None and any(titles.read(issue.title).mark is not Mark.IN_PROGRESS for issue in order.left):
        return _ask(order)
    if not order.is_quiet:
        return Step(Do.WAIT, order, "its pipeline has just ended, and may still be about to send its mail")
    return None


def _ended(order: LicenseOrder) -> Step:
    """No job is at work."""
    if order.mail is False:
        why = "By a person's word no mail came."
        return _settle(order, sent=False, why=why) if order.left else Step(Do.SETTLED, order, why)
    if order.left:
        # A job opens its issue before anything else, and says there when it is about to send the mail.
        if order.pipelines and all(messages.NO_MAIL_YET in issue.description for issue in order.left):
            return _settle(order, sent=False, why="The job died before it sent the mail.")
        seen = order.pipelines or order.is_old
        return _ask(order) if seen else Step(Do.WAIT, order, "no pipeline seen yet", then_ask=True)
    if any(pipeline.status == "success" for pipeline in order.pipelines):
        return _ask(order)
    if order.pipelines or order.issues:
        return Step(Do.SETTLED, order, "Its jobs ended before they opened an issue, so nothing was sent.")
    if order.is_known:
        return Step(Do.WAIT, order, "no pipeline seen yet", then_ask=True)
    in_the_way = [step for step in map(decide, order.others) if step.do is not Do.SETTLED]
    return in_the_way[0] if in_the_way else Step(Do.PERFORM, order, "Nothing is there.")


def _ask(order: LicenseOrder) -> Step:
    return Step(Do.ASK, order, question_words(order))


def _settle(order: LicenseOrder, *, sent: bool, why: str) -> Step:
    """The issue that has a copy, or else the first one, tells the end; the rest are closed."""
    found = sorted(order.left or order.issues, key=lambda one: (messages.find_license(one.raw) is None, one.iid))
    return Step(Do.SETTLE, order, why, found[0], sent, tuple(issue for issue in found[1:] if issue in order.left))


def question_words(order: LicenseOrder) -> str:
    """What was seen, and what to find out."""
    ended = [f"{pipeline.url} ({pipeline.status})" for pipeline in order.pipelines]
    seen = [_left_words(issue) for issue in order.left]
    words = f"Mechanizer's pipeline {_and(ended)} ended" if ended else f"No pipeline of {_name(order)} is seen"
    left = f"but {_and(seen)}" if seen else "but it left no tracker issue" if ended else "and no tracker issue"
    return f"{words}, {left}. Ask the customer whether the mail with the license came."


def _name(order: LicenseOrder) -> str:
    return f"the order {order.operation_id}" if order.operation_id else "this order"


def _left_words(issue: TrackerIssue) -> str:
    if titles.read(issue.title).mark is Mark.IN_PROGRESS:
        return f"issue {issue.url} still says “in progress”"
    title = clean(issue.title, 200)
    return f"issue {issue.url} is {issue.state} and titled “{title}”, which is not what Mechanizer writes"


def _and(words: Sequence[str]) -> str:
    return " and ".join(words)

"""Reads the licenses in the internal tracker, and gives an issue the title with the result of its job.

Mechanizer opens an issue for each job (see `mechanizer`): a closed success with a copy, or an open failure with the
reason. `orders` decides what to do about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from runbook_lib.cases.base import Case
from runbook_lib.cases.knowledge import Issuance
from runbook_lib.cases.license_files import load_public_key
from runbook_lib.changes.issue_title import OPERATION_WORDS, IssueTitle
from runbook_lib.domain import identity, license, messages, orders, policy, titles
from runbook_lib.domain.errors import InputError, LicenseError, NeedsAnswerError, PersonNeededError
from runbook_lib.domain.models import Source, TrackerIssue
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.titles import Mark


@dataclass(frozen=True)
class TrackerIssues:
    """The tracker's issues for one address, newest first."""

    copies: tuple[TrackerIssue, ...] = ()  # closed successes since the emergency began
    earlier: tuple[TrackerIssue, ...] = ()  # earlier closed successes, whose license may still be valid
    failures: tuple[TrackerIssue, ...] = ()  # open failures since the emergency began
    # Issues without a result since the emergency began, of this ticket too: jobs that are running or have crashed, and
    # licenses whose issue was changed by hand
    under_way: tuple[TrackerIssue, ...] = ()


class Tracker:
    """The internal tracker, as far as it concerns the licenses of one ticket's requester.

    Args:
        email: The requester's address, checked.
    """

    def __init__(self, case: Case, email: str) -> None:
        self._case, self._ticket, self.email = case, case.ticket, email
        self._gitlab, self._project = case.services.gitlab, cast(int, case.settings.tracker_project_id)
        self._valid_since = case.settings.now() - timedelta(days=policy.TRIAL_DAYS)

    def license_issue(self, issues: Sequence[TrackerIssue]) -> TrackerIssue | None:
        """Of the tracker's issues the closed success for exactly this address since the ticket was opened.

        A colleague's counts too.

        Raises:
            PersonNeededError: There is none, but one of an earlier ticket whose license is still valid.
        """
        ours = self._ours(issues)
        found = [issue for issue in issues if self._is_success(issue)]
        if found and ours is None:
            raise PersonNeededError(
                f"A license for this address was issued on {found[0].created_at:%Y-%m-%d}, for an earlier ticket, and "
                f"is valid for {policy.TRIAL_DAYS} days: {found[0].url}. No second one is issued; to send the customer "
                "that copy, use the runbook license_not_received."
            )
        return ours

    def of_colleagues(self, issues: Sequence[TrackerIssue]) -> str:
        """A hint if a license that may be valid went to another address of the same company's domain; else ""."""
        domain = "".join(identity.domain_of(self.email))
        for issue in issues:
            other = titles.read(issue.title).email
            is_other = orders.was_issued(issue) and other.casefold() != self.email.casefold()
            if is_other and identity.same_domain("".join(identity.domain_of(other)), domain):
                return (
                    f"On {issue.created_at:%Y-%m-%d} a license was issued for {clean(other, 120)}, of the same domain "
                    f"(issue {issue.url}): ask whether that is for the same instance."
                )
        return ""

    def issuance_of_ticket(self) -> Issuance | None:
        """The license that this ticket has already, or None; PersonNeededError if it has one for another address."""
        ours = self._ours(self.job_issues())
        return None if ours is None else self.issuance(ours)

    def by_result(self) -> TrackerIssues:
        """The issues for exactly this address, by whether they are since the emergency's first possible day, UTC."""
        began_on = self._case.known.began_on
        since = datetime.combine(min(began_on, self._valid_since.date()), datetime.min.time(), UTC)
        issues = self.job_issues(since)
        recent = [issue for issue in issues if issue.created_at.date() >= began_on]
        sent = [issue for issue in issues if self._is_success(issue)]
        opened = ((issue, titles.read(issue.title)) for issue in recent if issue.state == "opened")
        return TrackerIssues(
            copies=tuple(issue for issue in sent if issue in recent),
            earlier=tuple(issue for issue in sent if issue not in recent),
            failures=tuple(issue for issue, title in opened if title.mark is Mark.FAILURE and title.names(self.email)),
            under_way=tuple(issue for issue in recent if orders.is_under_way(issue, self.email, self._ticket.url)),
        )

    def is_own(self, issue: TrackerIssue) -> bool:
        """Whether an issue is of a license that a runbook ordered for this ticket."""
        return (messages.find_operation(issue.description) or "").startswith(self._case.operation("license-"))

    def _is_success(self, issue: TrackerIssue) -> bool:
        return orders.users_issued(issue, self.email) is not None

    def _ours(self, issues: Sequence[TrackerIssue]) -> TrackerIssue | None:
        """The success since the ticket was opened. A ticket gets one license in total, whatever the address.

        PersonNeededError if only one for another address is there, or one with another title.
        """
        successes = (issue for issue in issues if self._is_success(issue))
        ours = next((i for i in successes if i.created_at >= self._ticket.created_at or self._is_of_ticket(i)), None)
        for issue in issues:
            of_ticket, named = self._is_of_ticket(issue), titles.read(issue.title).names(self.email)
            retitled = named and not self._is_success(issue)
            if ours is None and (of_ticket or retitled) and orders.was_issued(issue):
                how = f"it went to another address than {self.email}"
                way_on = (
                    "Give the customer that copy yourself and end the case by "
                    f"`runbook answer {self._ticket.id} case yes`, or ask in {self._case.settings.slack_channel}."
                )
                if named:
                    how = "its title is not what Mechanizer writes"
                    way_on = f"Give it the title “{titles.pattern(Mark.SUCCESS, self.email)}”, then run again."
                whose = "ticket" if of_ticket else "address"
                raise PersonNeededError(
                    f"This {whose} has its license already, and {how}: {issue.url} (“{clean(issue.title, 200)}”). No "
                    f"second one is issued. {way_on}"
                )
        return ours

    def _is_of_ticket(self, issue: TrackerIssue) -> bool:
        return self.is_own(issue) or messages.find_ticket(issue.description) == self._ticket.url

    def without_label(self) -> list[TrackerIssue]:
        """The issues of this ticket's orders that no longer have the license tool's label."""
        found = self._gitlab.issues(self._project, created_after=self._ticket.created_at)
        return [issue for issue in found if messages.LABEL not in issue.labels and self.is_own(issue)]

    def job_issues(self, since: datetime | None = None) -> Sequence[TrackerIssue]:
        """The issues of the license tool since a moment, or since a license may be valid, newest first."""
        since = since or min(self._ticket.created_at, self._valid_since)
        found = self._gitlab.issues(self._project, label=messages.LABEL, created_after=since)
        return [issue for issue in found if messages.LABEL in issue.labels and issue.created_at >= since]

    def issuance(self, issue: TrackerIssue) -> Issuance:
        """The license of a success issue."""
        users = cast(int, orders.users_issued(issue, self.email))
        return Issuance(users, issue.url, messages.find_license(issue.raw), issued_at=issue.created_at)

    def issue_title(self, issue: TrackerIssue, mark: Mark, users: int, why: str = "") -> IssueTitle:
        """The effect that titles the issue of an ended job; `users` is the order's, `why` as for `IssueTitle`.

        Raises:
            PersonNeededError: A title that no job writes has to be replaced, and for whom or how many is not known.
        """
        if titles.read(issue.title).users is None:
            users = self._users_of_copy(issue, mark, users)
        operation_id = self._case.operation(f"settled_issue-{issue.iid}-{OPERATION_WORDS[mark]}")
        whose = self.email, users
        return IssueTitle(self._gitlab, self._project, issue, operation_id, mark=mark, whose=whose, why=why)

    def _users_of_copy(self, issue: TrackerIssue, mark: Mark, users: int) -> int:
        """The users of the issue's copy; without one those of the order, if it is this ticket's own."""
        title, text = titles.read(issue.title), messages.find_license(issue.raw)
        try:
            copy = license.read(text, load_public_key(self._case.settings)) if text else None
            found = copy.user_count if copy else self.is_own(issue) and users
        except LicenseError:
            found = None
        if found and (title.names(self.email) or "@" not in title.text):
            return found
        raise PersonNeededError(
            f"Issue {issue.url} is titled “{clean(issue.title, 200)}”, which is not what Mechanizer writes, and "
            "neither that nor its copy tells for whom it is and for how many users. Find out, give it the title "
            f"“{titles.pattern(mark, 'ADDRESS')}”{'' if mark is Mark.FAILURE else ' and close it'}, then run again."
        )


def recipient(case: Case) -> str:
    """The requester's address, where a license goes.

    Raises:
        InputError: The engineer gives another address than the ticket shows.
        NeedsAnswerError: The ticket shows none that can be used.
    """
    email, facts = case.known.email, case.facts.known
    shown = [f.value for f in facts if f.name == "requester_email" and f.source is Source.TICKET]
    if email and shown and str(shown[0]).casefold() != email.casefold():
        raise InputError(
            f"requester_email is {email}, but the license goes to the person who opened the ticket, {shown[0]}. "
            "Leave requester_email as unknown."
        )
    if email is None:
        shown_address = clean(case.ticket.requester.email or "none", 80)
        raise NeedsAnswerError(
            f"The ticket shows no usable address of its requester ({shown_address}). "
            "Ask the person who opened it, and pass the address.",
            missing=("requester_email",),
        )
    return email

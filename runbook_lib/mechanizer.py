"""The job that issues an emergency license: sign it, mail it, leave a tracker issue. One license per operation id.

The tracker issue is opened *before* anything else happens and updated as the job goes on, so that every failure leaves
an open issue:

    [In progress]  the job is running, or has crashed; its text says whether the mail may have been sent
    [Failure]      no license was sent, and why; the tool may be used again
    [Success]      closed; has a copy of the license
    [Duplicate]    closed; no license was sent, because another job came first

A job looks for others before it opens its issue, again after that, and once more before the mail: of two that run at
the same time, the one with the lower issue number continues. Set a `resource_group` in the pipeline too, which is
GitLab's own way to keep jobs apart.

Source: weekend seed, *Step 2* and *Considerations*; GitLab CI/CD YAML reference, `resource_group`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from runbook_lib import files, smtp, wiring
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.http import HttpSession
from runbook_lib.domain import license, messages, parameters, policy, titles
from runbook_lib.domain.errors import InputError, OutcomeUnknownError, RunbookError, UnavailableError
from runbook_lib.domain.license_contents import License
from runbook_lib.domain.models import TrackerIssue
from runbook_lib.domain.orders import changed_by_hand, is_under_way, users_issued
from runbook_lib.domain.plain_text import count
from runbook_lib.domain.titles import Mark
from runbook_lib.job_settings import JobRequest, JobSettings

GENERIC_LICENSEE = {
    "Name": "GitLab Support",
    "Company": "Emergency trial license",
    "Email": "support@gitlab.com",
}
"""The generic licensee. Source: weekend seed, *Considerations* 2."""
NOTIFY_DAYS = 7
"""Days before expiry at which the instance starts to remind. Source: the license format's usual values."""
LOOK_BACK_DAYS = 30
"""Age of issues that are searched for the same operation; one for the same address counts only while its license
would still be valid."""
UPDATE_ATTEMPTS = 4
"""Attempts to update the tracker issue."""
UPDATE_PAUSE_S = 0.5
"""The first pause between two attempts; each is about twice as long as the previous one."""
FILE_NAME = "emergency-trial.gitlab-license"

Send = Callable[[EmailMessage], None]


@dataclass(frozen=True)
class Order:
    """The checked input of the job."""

    username: str
    users: int
    email: str
    operation_id: str
    ticket_url: str


def main(request: JobRequest, settings: JobSettings) -> str:
    """Run the job as a pipeline does; returns the line for the job's log.

    Raises:
        RunbookError: No license was issued, or the result is not known. The tracker has an open issue about it, of this
            job or of the one that the message names, unless the tracker itself could not be reached.
    """
    with HttpSession.of(settings) as pool:
        gitlab = wiring.gitlab(settings, pool)
        return issue_license(request, settings, gitlab, lambda mail: smtp.send(mail, settings))


def issue_license(request: JobRequest, settings: JobSettings, gitlab: GitLab, send: Send) -> str:
    """Issue one license: look, open the issue, look again, sign, mail, close the issue. Raises as `main`."""
    project = settings.tracker_project_id
    try:
        order = check(request)
    except InputError as exc:
        _refuse(request, exc, gitlab, project)
        raise
    if first := _earlier(order, settings, gitlab):
        return _settled(order, first)
    tracker = _Tracker(order, gitlab, project)
    with tracker.telling_failure():
        if first := _earlier(order, settings, gitlab, before_iid=tracker.issue.iid):
            tracker.duplicate_of(first)
            return _settled(order, first)
        text = sign(order, settings)
        mail = compose(order, settings, text)
        tracker.about_to_mail(text)
        if first := _earlier(order, settings, gitlab, before_iid=tracker.issue.iid, or_success_of_any=True):
            tracker.duplicate_of(first)
            return _settled(order, first)
        send(mail)
    issue = tracker.succeeded(text)
    return f"License {license.fingerprint(text)} for {count(order.users, 'user')} was mailed; issue {issue.url}."


def check(request: JobRequest) -> Order:
    """Check the input.

    Raises:
        InputError: The username, the user count, the address, the operation id or the ticket's link is impossible.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", request.username):
        raise InputError(f"LICENSE_USERNAME is {request.username[:80]!r}; expected your GitLab username.")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,100}", request.operation_id):
        raise InputError(f"LICENSE_OPERATION_ID is {request.operation_id[:80]!r}; expected letters, digits, - and _.")
    if not re.fullmatch(r"(https?://[^\s<>`\[\]()]{1,500})?", request.ticket_url):
        raise InputError(f"LICENSE_TICKET_URL is {request.ticket_url[:80]!r}; expected the ticket's web address.")
    users = parameters.count("LICENSE_USERS", request.users, least=1)
    email = parameters.address("LICENSE_EMAIL", request.email)
    room = titles.longest_address(users)
    if len(email) > room:
        raise InputError(
            f"LICENSE_EMAIL is {email[:40]!r}... with {len(email)} characters; expected at most {room}, "
            "so that it fits into the title of a tracker issue."
        )
    return Order(
        username=request.username,
        users=users,
        email=email,
        operation_id=request.operation_id or f"by-hand-{uuid.uuid4().hex}",
        ticket_url=request.ticket_url or "not given",
    )


def sign(order: Order, settings: JobSettings) -> str:
    """The license file: Ultimate, trial, ten days from today, generic licensee.

    Raises:
        InputError: The signing key cannot be read.
    """
    with files.explained(f"The signing key {settings.signing_key_file.name} cannot be read"):
        pem = settings.signing_key_file.read_bytes()
    starts_on = settings.now().date()
    expires_on = starts_on + timedelta(days=policy.TRIAL_DAYS)
    notify_on = expires_on - timedelta(days=NOTIFY_DAYS)
    issued = License(
        licensee=GENERIC_LICENSEE,
        starts_on=starts_on,
        expires_on=expires_on,
        notify_admins_on=notify_on,
        notify_users_on=notify_on,
        block_changes_on=expires_on,
        restrictions={"active_user_count": order.users, "plan": policy.TRIAL_PLAN, "trial": True},
    )
    return license.write(issued, license.load_private_key(pem))


def compose(order: Order, settings: JobSettings, text: str) -> EmailMessage:
    """The mail, with the license as attachment and the operation id as Message-ID."""
    starts_on = settings.now().date()
    mail = EmailMessage()
    name, address = parseaddr(settings.smtp_sender)
    mail["From"] = Address(name, addr_spec=address)
    mail["To"] = order.email
    mail["Subject"] = messages.MAIL_SUBJECT
    mail["Date"] = settings.now()
    mail["Message-ID"] = f"<{order.operation_id}@license-runbook.invalid>"
    mail.set_content(messages.mail_body(order.users, starts_on, starts_on + timedelta(days=policy.TRIAL_DAYS)))
    mail.add_attachment(text.encode(), maintype="application", subtype="octet-stream", filename=FILE_NAME)
    return mail


class _Tracker:
    """The tracker issue of one order, updated as the job goes on."""

    def __init__(self, order: Order, gitlab: GitLab, project: int) -> None:
        self._order, self._gitlab, self._project = order, gitlab, project
        self.issue = gitlab.create_issue(
            project,
            title=self._title(Mark.IN_PROGRESS),
            description=self._describe(messages.NO_MAIL_YET),
            label=messages.LABEL,
        )

    @contextmanager
    def telling_failure(self) -> Iterator[None]:
        """Any error inside, except OutcomeUnknownError, means that no license was sent: the issue stays open, with why.

        UnavailableError if the issue could not be updated.
        """
        try:
            yield
        except OutcomeUnknownError:
            raise
        except RunbookError as exc:
            try:
                self._update(Mark.FAILURE, self._describe(messages.failure_body(str(exc))))
            except RunbookError as lost:
                raise UnavailableError(
                    f"{exc} No license was sent, but issue {self.issue.url} could not be updated: retitle it to "
                    f"{self._title(Mark.FAILURE)!r}."
                ) from lost
            raise

    def about_to_mail(self, text: str) -> None:
        """Store the copy in the issue, because from here on the customer may have the license.

        Raises:
            UnavailableError: It is not certain that the copy was stored, so nothing must be sent.
        """
        if self._gitlab.issue(self._project, self.issue.iid).title != self._title(Mark.IN_PROGRESS):
            raise UnavailableError(f"Issue {self.issue.url} was retitled meanwhile, so no mail was sent.")
        warning = "The mail is being sent. If this issue stays open like this, ask the customer whether it came."
        try:
            self._update(Mark.IN_PROGRESS, self._describe(f"{warning}\n\n{messages.license_copy(text)}"))
        except OutcomeUnknownError as exc:
            raise UnavailableError(f"Issue {self.issue.url} could not be updated, so no mail was sent.") from exc

    def duplicate_of(self, first: TrackerIssue) -> None:
        """Nothing was sent: close this issue with a link to the first one, and without the operation id."""
        self._update(Mark.DUPLICATE, messages.duplicate_body(first.url))

    def succeeded(self, text: str) -> TrackerIssue:
        """The server accepted the mail: close the issue, with the copy. OutcomeUnknownError if that fails."""
        try:
            return self._update(Mark.SUCCESS, self._describe(messages.license_copy(text)))
        except RunbookError as exc:
            raise OutcomeUnknownError(
                f"The license WAS mailed, but issue {self.issue.url} could not be closed. Do not run the job again: "
                f"retitle the issue to {self._title(Mark.SUCCESS)!r} and close it."
            ) from exc

    def _update(self, mark: Mark, description: str) -> TrackerIssue:
        """Update the whole issue. This is idempotent, so it is sent again unless the issue already has the update."""
        title, close = self._title(mark), mark in (Mark.SUCCESS, Mark.DUPLICATE)
        wanted = (title, description, "closed" if close else "opened")
        for attempt in Retrying(
            retry=retry_if_exception_type((OutcomeUnknownError, UnavailableError)),
            stop=stop_after_attempt(UPDATE_ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=UPDATE_PAUSE_S, max=10 * UPDATE_PAUSE_S, jitter=UPDATE_PAUSE_S),
            reraise=True,
        ):
            with attempt:
                if attempt.retry_state.attempt_number > 1:
                    issue = self._gitlab.issue(self._project, self.issue.iid)
                    if (issue.title, issue.raw, issue.state) == wanted:
                        return issue
                return self._gitlab.update_issue(
                    self._project, self.issue.iid, title=title, description=description, close=close
                )
        raise AssertionError("unreachable: the last attempt raises")

    def _title(self, mark: Mark) -> str:
        return titles.write(mark, self._order.email, self._order.users)

    def _describe(self, body: str) -> str:
        order = self._order
        return messages.issue_description(order.operation_id, order.username, order.ticket_url, body)


def _earlier(
    order: Order,
    settings: JobSettings,
    gitlab: GitLab,
    *,
    before_iid: int | None = None,
    or_success_of_any: bool = False,
) -> TrackerIssue | None:
    """The issue because of which no new license is issued, preferably a success; or None.

    Only issues with a lower number than `before_iid` count; a success whatever its number, if `or_success_of_any`.
    """
    since = settings.now() - timedelta(days=LOOK_BACK_DAYS)
    found = gitlab.issues(settings.tracker_project_id, label=messages.LABEL, created_after=since)
    valid_since = settings.now().date() - timedelta(days=policy.TRIAL_DAYS - 1)
    against = [
        issue
        for issue in found
        if (before_iid is None or issue.iid < before_iid or (or_success_of_any and _is_success(issue, order)))
        and _is_against(issue, order, valid_since)
    ]
    return min(against, key=lambda issue: not _is_success(issue, order), default=None)


def _is_against(issue: TrackerIssue, order: Order, valid_since: date) -> bool:
    """Whether an issue is of the same operation, or of a license for the same address or ticket.

    The latter counts if the license was issued and is still valid, or if its job has not ended. A failure never counts.
    """
    if messages.find_operation(issue.description) == order.operation_id:
        return True
    if issue.created_at.astimezone(UTC).date() < valid_since:
        return False
    return _is_success(issue, order) or is_under_way(issue, order.email, order.ticket_url)


def _is_success(issue: TrackerIssue, order: Order) -> bool:
    return users_issued(issue, order.email) is not None


def _settled(order: Order, first: TrackerIssue) -> str:
    """The line for the job's log if an earlier job has issued the license; else OutcomeUnknownError."""
    whose = "This" if messages.find_operation(first.description) == order.operation_id else "Another"
    if _is_success(first, order):
        users = users_issued(first, order.email)
        return f"{whose} operation has issued its license already, for {users} users; issue {first.url}."
    if is_under_way(first, order.email, order.ticket_url):
        raise OutcomeUnknownError(f"{whose} operation for this ticket or address {_under_way_words(first, order)}")
    raise OutcomeUnknownError(
        f"An earlier run of this operation left issue {first.url} without success. Read it, and start a new operation."
    )


def _under_way_words(first: TrackerIssue, order: Order) -> str:
    """What an issue without a result is, and what to do about it. The titles have its own users, if it has them."""
    users = titles.read(first.title).users or order.users
    success, failure = (titles.write(mark, order.email, users) for mark in (Mark.SUCCESS, Mark.FAILURE))
    if changed := changed_by_hand(first):
        count = "" if titles.read(first.title).users else " with the users of its copy"
        return (
            f"may have issued its license, and its issue was {changed} by hand: {first.url}. Nothing was sent. Run the "
            "runbook on its ticket again, which asks for the result, or ask the customer, and see that the issue is "
            f"titled “{success}”{count} and closed, or titled “{failure}”."
        )
    return (
        f"is in progress, or died: {first.url}. Nothing was sent. Wait for its job. If that died, run the runbook on "
        "its ticket again, which settles it, or ask the customer, and retitle the issue to "
        f"“{success}” and close it, or to “{failure}”."
    )


def _refuse(request: JobRequest, exc: InputError, gitlab: GitLab, project: int) -> None:
    """Open a failure issue for invalid input, whose title has no part of it."""
    operation_id = request.operation_id if re.fullmatch(r"[A-Za-z0-9_-]{1,100}", request.operation_id) else "none"
    gitlab.create_issue(
        project,
        title="[Failure] - Could not create a license: the input cannot be used",
        description=messages.issue_description(
            operation_id, request.username[:100], "see the pipeline", messages.failure_body(str(exc))
        ),
        label=messages.LABEL,
    )

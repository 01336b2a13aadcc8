"""The job that issues an emergency license: sign it, mail it, leave a tracker issue. One license per operation id.

The tracker issue is opened *before* anything else happens and rewritten as the job goes on, so whatever breaks,
an open issue tells of it:

    [In progress]  the job runs, or died; its text says whether the mail may have gone out
    [Failure]      no license was sent, and why; the tool may be used again
    [Success]      closed; holds a copy of the license

Source: weekend seed, *Step 2* and *Considerations*.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage

from runbook_lib import answers, license, messages, policy
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.http import session
from runbook_lib.errors import InputError, OutcomeUnknownError, RunbookError
from runbook_lib.models import TrackerIssue
from runbook_lib.settings import JobRequest, JobSettings

GENERIC_LICENSEE = {
    "Name": "GitLab Support",
    "Company": "Emergency trial license",
    "Email": "support@gitlab.com",
}
"""Who the license names: nobody in particular. Source: weekend seed, *Considerations* 2."""
NOTIFY_DAYS = 7
"""Days before expiry at which the instance starts to remind. Source: the license format's usual values."""
LOOK_BACK_DAYS = 30
"""How far back an earlier run of the same operation is looked for."""
SMTP_TIMEOUT_S = 30.0
FILE_NAME = "emergency-trial.gitlab-license"

Send = Callable[[EmailMessage], None]


@dataclass(frozen=True)
class Order:
    """What is to be issued, checked."""

    username: str
    users: int
    email: str
    operation_id: str
    ticket_url: str


def main(request: JobRequest, settings: JobSettings) -> str:
    """Run the job as a pipeline does; returns the line for the job's log.

    Raises:
        RunbookError: No license was issued, or it is not known; the tracker has an open issue that says so,
            unless the tracker itself could not be reached.
    """
    loopback = settings.profile == "sandbox"
    with session(loopback=loopback) as pool:
        gitlab = GitLab(settings.gitlab_url, settings.gitlab_token, pool)
        return issue_license(request, settings, gitlab, lambda mail: send(mail, settings))


def issue_license(request: JobRequest, settings: JobSettings, gitlab: GitLab, send: Send) -> str:
    """Issue one license: look, open the issue, sign, mail, close the issue. Raises as `main`."""
    project = settings.tracker_project_id
    try:
        order = check(request)
    except InputError as exc:
        _refuse(request, exc, gitlab, project)
        raise
    if done := _earlier(order, settings, gitlab):
        return done
    tracker = _Tracker(order, gitlab, project)
    try:
        text = sign(order, settings)
    except RunbookError as exc:
        tracker.failed(exc)
        raise
    tracker.about_to_mail(text)
    try:
        send(compose(order, settings, text))
    except OutcomeUnknownError:
        raise
    except RunbookError as exc:
        tracker.failed(exc)
        raise
    issue = tracker.succeeded(text)
    return f"License {license.fingerprint(text)} for {order.users} users was mailed; issue {issue.url}."


def check(request: JobRequest) -> Order:
    """The input, checked.

    Raises:
        InputError: The username, the user count, the address, the operation id or the ticket's link is impossible.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", request.username):
        raise InputError(f"LICENSE_USERNAME is {request.username[:80]!r}; expected your GitLab username.")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,100}", request.operation_id):
        raise InputError(f"LICENSE_OPERATION_ID is {request.operation_id[:80]!r}; expected letters, digits, - and _.")
    if not re.fullmatch(r"(https?://[^\s<>`\[\]()]{1,500})?", request.ticket_url):
        raise InputError(f"LICENSE_TICKET_URL is {request.ticket_url[:80]!r}; expected the ticket's web address.")
    return Order(
        username=request.username,
        users=answers.count("LICENSE_USERS", request.users, least=1),
        email=answers.address("LICENSE_EMAIL", request.email),
        operation_id=request.operation_id or f"by-hand-{uuid.uuid4().hex}",
        ticket_url=request.ticket_url or "not given",
    )


def sign(order: Order, settings: JobSettings) -> str:
    """The license file: Ultimate, trial, ten days from today, generic licensee.

    Raises:
        InputError: The signing key cannot be read.
    """
    try:
        pem = settings.signing_key_file.read_bytes()
    except OSError as exc:
        raise InputError(f"The signing key {settings.signing_key_file.name} cannot be read: {exc.strerror}.") from exc
    starts_on = settings.now().date()
    expires_on = starts_on + timedelta(days=policy.TRIAL_DAYS)
    notify_on = expires_on - timedelta(days=NOTIFY_DAYS)
    issued = license.License(
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
    mail["From"] = settings.smtp_sender
    mail["To"] = order.email
    mail["Subject"] = messages.MAIL_SUBJECT
    mail["Date"] = settings.now()
    mail["Message-ID"] = f"<{order.operation_id}@license-runbook.invalid>"
    mail.set_content(messages.mail_body(order.users, starts_on, starts_on + timedelta(days=policy.TRIAL_DAYS)))
    mail.add_attachment(text.encode(), maintype="application", subtype="octet-stream", filename=FILE_NAME)
    return mail


def send(mail: EmailMessage, settings: JobSettings) -> None:
    """Hand a mail to the server.

    Raises:
        InputError: The server refused it or cannot be reached: nothing was sent.
        OutcomeUnknownError: The connection broke while the mail was on its way.
    """
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        server = _connect(settings)
    except (OSError, smtplib.SMTPException) as exc:
        raise InputError(f"The mail server {where} cannot be used: {_smtp_words(exc)}") from exc
    try:
        server.send_message(mail)
    except (smtplib.SMTPServerDisconnected, OSError) as exc:
        if isinstance(exc, smtplib.SMTPServerDisconnected) or not isinstance(exc, smtplib.SMTPException):
            raise OutcomeUnknownError(f"The connection to {where} broke while the mail was sent.") from exc
        raise InputError(f"The mail server {where} refused the mail: {_smtp_words(exc)}") from exc
    finally:
        server.close()


def _connect(settings: JobSettings) -> smtplib.SMTP:
    tls = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=SMTP_TIMEOUT_S, context=tls
        )
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SMTP_TIMEOUT_S)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=tls)
        if settings.smtp_username and settings.smtp_password:
            server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
    except OSError:
        server.close()
        raise
    return server


def _smtp_words(exc: Exception) -> str:
    """The server's reply, as code and text."""
    replies: list[tuple[int, bytes | str]] = []
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        replies = list(exc.recipients.values())
    elif isinstance(exc, smtplib.SMTPResponseException):
        replies = [(exc.smtp_code, exc.smtp_error)]
    words = [f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}" for code, text in replies]
    return " / ".join(words) or f"{type(exc).__name__}: {exc}"


class _Tracker:
    """The tracker issue of one order, rewritten as the job goes on."""

    def __init__(self, order: Order, gitlab: GitLab, project: int) -> None:
        self._order, self._gitlab, self._project = order, gitlab, project
        self._issue = gitlab.create_issue(
            project,
            title=messages.progress_title(order.email, order.users),
            description=self._describe("The license has not been signed yet; no mail was sent."),
            label=messages.LABEL,
        )

    def about_to_mail(self, text: str) -> None:
        """From here on the customer may have the license, so the copy is kept first."""
        title = messages.progress_title(self._order.email, self._order.users)
        warning = "The mail is being sent. If this issue stays open like this, ask the customer whether it came."
        self._update(title, f"{warning}\n\n{messages.license_copy(text)}")

    def failed(self, exc: RunbookError) -> None:
        """Nothing was sent: the issue stays open and says why."""
        self._update(messages.failure_title(self._order.email, self._order.users), messages.failure_body(str(exc)))

    def succeeded(self, text: str) -> TrackerIssue:
        """The mail was taken: the issue is closed, with the copy."""
        title = messages.success_title(self._order.email, self._order.users)
        return self._update(title, messages.license_copy(text), close=True)

    def _update(self, title: str, body: str, *, close: bool = False) -> TrackerIssue:
        return self._gitlab.update_issue(
            self._project, self._issue.iid, title=title, description=self._describe(body), close=close
        )

    def _describe(self, body: str) -> str:
        order = self._order
        return messages.issue_description(order.operation_id, order.username, order.ticket_url, body)


def _earlier(order: Order, settings: JobSettings, gitlab: GitLab) -> str | None:
    """What an earlier run of the same operation left: a retried CI job must not issue a second license.

    Raises:
        OutcomeUnknownError: It left an issue that tells of no success.
    """
    since = settings.now() - timedelta(days=LOOK_BACK_DAYS)
    for issue in gitlab.issues(settings.tracker_project_id, label=messages.LABEL, created_after=since):
        if messages.find_operation(issue.description) == order.operation_id:
            if issue.state == "closed" and messages.success_of(issue.title, order.email) is not None:
                return f"This operation has issued its license already; issue {issue.url}."
            raise OutcomeUnknownError(
                f"An earlier run of this operation left issue {issue.url} without success. "
                "Read it, and start a new operation."
            )
    return None


def _refuse(request: JobRequest, exc: InputError, gitlab: GitLab, project: int) -> None:
    """Leave an open issue for input that cannot be used; none of it goes into the title."""
    operation_id = request.operation_id if re.fullmatch(r"[A-Za-z0-9_-]{1,100}", request.operation_id) else "none"
    gitlab.create_issue(
        project,
        title="[Failure] - Could not create a license: the input cannot be used",
        description=messages.issue_description(
            operation_id, request.username[:100], "see the pipeline", messages.failure_body(str(exc))
        ),
        label=messages.LABEL,
    )

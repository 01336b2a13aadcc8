"""How a license comes about: through Mechanizer's pipeline, or by a person's hand.

Mechanizer leaves a tracker issue (see `mechanizer`): a closed success with a copy, or an open one that tells of the
failure. Only after a failure, when no license was sent, is it used again, as a new operation. A job that died leaves
an issue "[In progress]": if that says that no mail was sent yet, none was; otherwise a person asks the customer. Either
way the issue gets the title that tells what became of it, so that everybody sees the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from runbook_lib import license, messages, policy
from runbook_lib.cases.base import Case
from runbook_lib.cases.license_files import load_public_key
from runbook_lib.clients.gitlab_refusals import WAITS_FOR_A_PERSON, pipeline_words
from runbook_lib.display import Paragraph, Part, Table, clean
from runbook_lib.effects import EffectResult
from runbook_lib.errors import InputError, LicenseError, OutcomeUnknownError, PersonNeededError, UnavailableError
from runbook_lib.models import Check, EffectState, Evidence, Pipeline, TrackerIssue

ENDED_BADLY = ("failed", "canceled", "skipped")
"""Pipeline states after which no job goes on. Source: GitLab REST API reference, pipelines."""
MOST_ATTEMPTS = 20
MOST_STARTS = 2
"""How many pipelines one run starts, if the first one dies before it sends anything."""


@dataclass(frozen=True)
class Issuance:
    """A license that was issued.

    Attributes:
        users: For how many users it was asked.
        url: Where the evidence is.
        text: The license file, never shown; None if only the engineer's word stands for it.
        identity: Its fingerprint, or a phrase in its place.
        expires_on: Its last day is the one before; None until it was read.
    """

    users: int
    url: str
    text: str | None = field(repr=False, default=None)
    identity: str = "not read"
    expires_on: date | None = None


@dataclass(frozen=True)
class Found:
    """What the tracker holds for one address, newest first.

    Attributes:
        copies: Closed successes since the emergency began.
        earlier: Closed successes of before, whose license may still be valid.
        failures: Open failures since the emergency began.
        under_way: Open issues of jobs that go on, or died, since the emergency began.
    """

    copies: tuple[TrackerIssue, ...] = ()
    earlier: tuple[TrackerIssue, ...] = ()
    failures: tuple[TrackerIssue, ...] = ()
    under_way: tuple[TrackerIssue, ...] = ()


class Tracker:
    """What the internal tracker knows of licenses for one ticket's requester.

    Args:
        case: The case that needs a license.
        email: The requester's address, checked.

    Raises:
        InputError: The tracker is not configured.
    """

    def __init__(self, case: Case, email: str) -> None:
        project = case.settings.tracker_project_id
        if case.services.gitlab is None or project is None:
            raise InputError("The tracker is not configured; set RUNBOOK_GITLAB_TOKEN and RUNBOOK_TRACKER_PROJECT_ID.")
        self._gitlab, self._project = case.services.gitlab, project
        self._opened_at, self._email = case.ticket.created_at, email
        self._own, self._channel = case.operation("license-"), case.settings.slack_channel
        self._valid_since = case.settings.now() - timedelta(days=policy.TRIAL_DAYS)

    def success(self) -> TrackerIssue | None:
        """The closed success issue for exactly this address since the ticket was opened; a colleague's counts too.

        Raises:
            PersonNeededError: There is none, but one of an earlier ticket whose license is still valid.
        """
        issues = self._issues()
        found = [issue for issue in issues if self._is_success(issue)]
        ours = next((issue for issue in found if issue.created_at >= self._opened_at), None)
        self._refuse_second_address(issues, ours)
        if found and ours is None:
            raise PersonNeededError(
                f"A license for this address was issued on {found[0].created_at:%Y-%m-%d}, for an earlier ticket, and "
                f"is valid for {policy.TRIAL_DAYS} days: {found[0].url}. No second one is issued; to send the customer "
                "that copy, use the runbook license_not_received."
            )
        return ours

    def issued(self, users: int = 0) -> Issuance | None:
        """The license that this ticket has already, or None.

        Raises:
            PersonNeededError: It has one for another address.
        """
        issues = self._issues()
        ours = next((i for i in issues if self._is_success(i) and i.created_at >= self._opened_at), None)
        self._refuse_second_address(issues, ours)
        return None if ours is None else self.issuance(ours, users)

    def found_since(self, began_on: date) -> Found:
        """Everything there is for exactly this address; `began_on` is the emergency's first possible day, UTC."""
        since = datetime.combine(min(began_on, self._valid_since.date()), datetime.min.time(), UTC)
        ours = [i for i in self._issues(since) if messages.names(i.title, self._email)]
        present = [issue for issue in ours if issue.created_at.date() >= began_on]
        return Found(
            copies=tuple(i for i in present if self._is_success(i)),
            earlier=tuple(i for i in ours if i not in present and self._is_success(i)),
            failures=tuple(i for i in present if i.state == "opened" and messages.failure_of(i.title, self._email)),
            under_way=tuple(
                i for i in present if i.state == "opened" and messages.progress_of(i.title, self._email) is not None
            ),
        )

    def own(self, operation_id: str) -> TrackerIssue | None:
        """The issue that the job of an operation opened, whatever became of it."""
        return next((i for i in self._issues() if messages.find_operation(i.description) == operation_id), None)

    def tells(self, issue: TrackerIssue) -> bool:
        """Whether an issue is titled as a job does it for this address, or tells of a failure."""
        return self._is_success(issue) or issue.title.startswith(("[Failure]", "[In progress]"))

    def _is_success(self, issue: TrackerIssue) -> bool:
        is_theirs = messages.licensed_users(issue.title, self._email) is not None
        return is_theirs and messages.is_closed_success(issue)

    def _refuse_second_address(self, issues: Sequence[TrackerIssue], ours: TrackerIssue | None) -> None:
        """A ticket gets one license, whatever addresses it is tried with."""
        for issue in issues:
            operation = messages.find_operation(issue.description) or ""
            if ours is None and operation.startswith(self._own) and messages.is_closed_success(issue):
                raise PersonNeededError(
                    f"This ticket has its license already, and it went to another address than {self._email}: "
                    f"{issue.url} (“{clean(issue.title, 200)}”). No second one is issued. Give the customer that copy "
                    f"yourself, or ask in {self._channel}."
                )

    def _issues(self, since: datetime | None = None) -> Sequence[TrackerIssue]:
        since = since or min(self._opened_at, self._valid_since)
        found = self._gitlab.issues(self._project, label=messages.LABEL, created_after=since)
        return [issue for issue in found if messages.LABEL in issue.labels and issue.created_at >= since]

    def issuance(self, issue: TrackerIssue, users: int) -> Issuance:
        """The license that a success issue tells of."""
        return Issuance(
            messages.licensed_users(issue.title, self._email) or users,
            issue.url,
            messages.find_license(issue.raw),
        )


class Mechanizer:
    """The pipeline that issues licenses, for one ticket's requester and user count. An effect.

    Args:
        case: The case that needs the license.
        email: The requester's address, checked.
        users: For how many users.

    Raises:
        InputError: Mechanizer is not configured.
    """

    name = "license"
    conditional = False

    def __init__(self, case: Case, email: str, users: int) -> None:
        settings = case.settings
        self.where = "at Mechanizer's pipelines for one of this ticket, and in the tracker for its issue"
        if case.services.gitlab is None or settings.mechanizer_project_id is None:
            raise InputError("Mechanizer is not configured; set its RUNBOOK_ settings, or RUNBOOK_ISSUER to manual.")
        self._case, self._email, self._users = case, email, users
        self._gitlab, self._project = case.services.gitlab, settings.mechanizer_project_id
        self._tracker = Tracker(case, email)
        self.operation_id = self._next_operation()
        self.summary = f"start Mechanizer: {users} users, mail to the requester"

    def find(self) -> Evidence | None:
        """What there is already: a license for this requester since the ticket was opened, or a run under way."""
        if issue := self._tracker.success() or self._tracker.own(self.operation_id):
            return Evidence(f"tracker issue {issue.iid}: {issue.title.split(' - ')[0]}", issue.url)
        pipeline = self._own_pipeline(self.operation_id)
        return None if pipeline is None else _pipeline_evidence(pipeline)

    def perform(self) -> Evidence:
        """Start the pipeline."""
        settings = self._case.settings
        self._case.check_still_mine()
        if settings.mechanizer_trigger_token is None:
            raise InputError("RUNBOOK_MECHANIZER_TRIGGER_TOKEN is missing.")
        variables = {
            settings.mechanizer_variable_username: settings.operator,
            settings.mechanizer_variable_users: str(self._users),
            settings.mechanizer_variable_email: self._email,
            settings.mechanizer_variable_operation: self.operation_id,
            settings.mechanizer_variable_ticket: self._case.ticket.url,
        }
        pipeline = self._gitlab.trigger(
            self._project, ref=settings.mechanizer_ref, token=settings.mechanizer_trigger_token, variables=variables
        )
        return _pipeline_evidence(pipeline)

    def wait(self) -> Issuance | None:
        """Wait for the tracker issue of the license.

        Returns:
            The license; or None if the job died and surely sent nothing: the tool may be used again.

        Raises:
            PersonNeededError: The job failed; the message quotes its issue and says what to do.
            OutcomeUnknownError: It has not ended within the budget, or it died half way.
        """
        budget, pause = self._case.services.budget, 0.25
        while True:
            pipeline = self._own_pipeline(self.operation_id)
            if issued := self._tracker.success():
                budget.say(f"Mechanizer: issue {issued.iid} is closed, the license was mailed")
                return self._tracker.issuance(issued, self._users)
            issue = self._tracker.own(self.operation_id)
            self._check_told(issue)
            if pipeline and self._is_over(pipeline):
                return self._after_death(issue, pipeline)
            if pipeline and pipeline.status == WAITS_FOR_A_PERSON:
                raise _press_play(pipeline)
            state = f"pipeline {pipeline.id} {pipeline_words(pipeline.status)}" if pipeline else "no pipeline seen yet"
            if not budget.wait(pause, f"Mechanizer: {state}"):
                raise self._too_late(pipeline)
            pause = min(pause * 1.5, 5.0)

    def _is_over(self, pipeline: Pipeline) -> bool:
        """Whether a pipeline has ended for so long that nothing of its job can be on its way any more.

        A job may outlive for a moment what GitLab says of it, as after it was canceled.
        """
        settings = self._case.settings
        ended_at = pipeline.updated_at
        quiet = ended_at is None or settings.now() - ended_at >= timedelta(seconds=settings.settle_s)
        return pipeline.status in (*ENDED_BADLY, "success") and quiet

    def _check_told(self, issue: TrackerIssue | None) -> None:
        """Stop at an issue that tells of a failure, or of what no job writes; not at one that has just succeeded."""
        if issue and not self._tracker.tells(issue):
            raise PersonNeededError(
                f"The issue of this order, {issue.url}, is {issue.state} and titled “{clean(issue.title, 200)}”, which "
                f"is not what Mechanizer writes for {self._email}. Look what became of the license, and ask in "
                f"{self._case.settings.slack_channel}; no other one is issued."
            )
        if issue and issue.title.startswith("[Failure]"):
            reason = messages.failure_reason(issue.description).rstrip(".")
            raise PersonNeededError(
                f"Mechanizer could not issue the license: {reason}. No license was sent; the failure issue is "
                f"{issue.url}. Settle the cause with the customer on the ticket, then run this again (each try leaves "
                f"an issue), or ask in {self._case.settings.slack_channel}."
            )

    def _after_death(self, issue: TrackerIssue | None, pipeline: Pipeline) -> Issuance | None:
        """Settle what a job left that is over and told neither success nor failure.

        Returns:
            The license, if its mail was sent; else None.

        Raises:
            OutcomeUnknownError: Only the customer can tell.
        """
        mail_id = self.operation_id.replace("-license-", "-mail-")
        sent = self._case.answer(mail_id)
        # The job opens its issue before anything else, and says there when it is about to send the mail.
        surely_not = messages.NO_MAIL_YET in issue.description if issue else pipeline.status in ENDED_BADLY
        if sent is None and not surely_not:
            where = f"issue {issue.url} still says “in progress”" if issue else "it left no tracker issue"
            raise self._case.unknown(
                mail_id,
                "license_mail",
                f"Mechanizer's pipeline {pipeline.url} ended ({pipeline.status}), but {where}. Ask the customer "
                "whether the mail with the license came.",
            )
        if issue is None and sent:
            raise PersonNeededError(
                f"By your answer the license was mailed, but the tracker has no issue of {self.operation_id}. Open "
                f"one with its label, titled “{messages.success_title(self._email, self._users)}”, and close it."
            )
        if issue is not None:
            self._case.apply(SettledIssue(self._case, issue, self._email, self._users, sent=bool(sent)))
        return self._tracker.issuance(issue, self._users) if issue and sent else None

    def _too_late(self, pipeline: Pipeline | None) -> OutcomeUnknownError:
        seconds = f"this run's {self._case.settings.wait_s:.0f} s of waiting"
        if pipeline is None:
            words = f"No pipeline of Mechanizer was seen within {seconds}. Look {self.where}."
            return self._case.unknown(self.operation_id, self.name, words)
        return OutcomeUnknownError(
            f"Mechanizer has not finished within {seconds}; still under way: pipeline {pipeline.url} "
            f"{pipeline_words(pipeline.status)}. It may still issue the license: wait for the pipeline, then run "
            "again; nothing is sent twice. If it never ends, cancel it in GitLab first."
        )

    def _own_pipeline(self, operation_id: str) -> Pipeline | None:
        variable = self._case.settings.mechanizer_variable_operation
        since = self._case.ticket.created_at
        found = self._gitlab.find_pipelines(self._project, variable=variable, value=operation_id, since=since)
        going = [pipeline for pipeline in found if pipeline.status not in (*ENDED_BADLY, "success")]
        return next(iter(going or found), None)

    def _next_operation(self) -> str:
        """The first operation id of this ticket that has not failed for certain."""
        for attempt in range(1, MOST_ATTEMPTS + 1):
            operation_id = self._case.operation(f"license-{attempt}")
            issue = self._tracker.own(operation_id)
            if issue is None:
                pipeline = self._own_pipeline(operation_id)
                failed = pipeline is not None and pipeline.status in ENDED_BADLY and self._is_over(pipeline)
                failed = failed or self._case.answer(self._case.operation(f"mail-{attempt}")) is False
            else:
                failed = issue.title.startswith("[Failure]")
            if not failed:
                return operation_id
        raise PersonNeededError(
            f"Mechanizer has failed {MOST_ATTEMPTS} times for ticket {self._case.ticket.id}. "
            f"Do not go on by machine: ask in {self._case.settings.slack_channel}."
        )


class SettledIssue:
    """The title of a tracker issue whose job died: it tells whether the license was sent. Rewriting it says the same.

    Args:
        case: The case.
        issue: The issue, as it was just read.
        email: The requester's address.
        users: For how many users.
        sent: Whether the customer has the license.
    """

    name = "settled_issue"
    conditional = True

    def __init__(self, case: Case, issue: TrackerIssue, email: str, users: int, *, sent: bool) -> None:
        if case.services.gitlab is None or case.settings.tracker_project_id is None:
            raise InputError("The tracker is not configured; set RUNBOOK_GITLAB_TOKEN and RUNBOOK_TRACKER_PROJECT_ID.")
        self._gitlab, self._project = case.services.gitlab, case.settings.tracker_project_id
        self._issue, self._sent = issue, sent
        self._title = (messages.success_title if sent else messages.failure_title)(email, users)
        self.operation_id = case.operation(f"settled_issue-{issue.iid}-{'sent' if sent else 'not_sent'}")
        self.summary = f"retitle issue {issue.iid} to {self._title.split(' - ')[0]}"
        self.where = f"at issue {issue.url}"

    def find(self) -> Evidence | None:
        """The issue, if it has the title already."""
        found = self._gitlab.issue(self._project, self._issue.iid)
        wanted = (self._title, "closed" if self._sent else "opened")
        return self._evidence(found) if (found.title, found.state) == wanted else None

    def perform(self) -> Evidence:
        """Retitle it; if no license was sent, also say why.

        Raises:
            PersonNeededError: It is not as it was any more.
        """
        now = self._gitlab.issue(self._project, self._issue.iid)
        if (now.title, now.state) != (self._issue.title, self._issue.state):
            raise PersonNeededError(f"Issue {now.url} has changed meanwhile, to “{clean(now.title, 200)}”. Run again.")
        description = now.raw
        if not self._sent:
            description += f"\n\n{messages.failure_body('The job died before it sent the mail.')}"
        found = self._gitlab.update_issue(
            self._project, self._issue.iid, title=self._title, description=description, close=self._sent
        )
        return self._evidence(found)

    def _evidence(self, issue: TrackerIssue) -> Evidence:
        return Evidence(f"issue {issue.iid}: {issue.title.split(' - ')[0]}", issue.url, str(issue.iid))


def order(case: Case, email: str, users: int) -> tuple[EffectResult, Issuance | None]:
    """Have Mechanizer issue a license and wait for it; None in a rehearsal. Raises as `Mechanizer.wait`."""
    for _ in range(MOST_STARTS):
        mechanizer = Mechanizer(case, email, users)
        started = case.apply(mechanizer)
        if started.state is EffectState.PLANNED:
            return started, None
        if issuance := mechanizer.wait():
            return started, issuance
        if not case.perform:  # a performing run settles the issue, and starts another one
            return EffectResult(mechanizer.name, mechanizer.summary, EffectState.PLANNED), None
    raise UnavailableError(
        f"Mechanizer's job died {MOST_STARTS} times before it sent anything, so there is no license yet. Look at its "
        "pipelines, then run this again."
    )


def check_license(case: Case, text: str, users: int) -> tuple[list[Check], license.License | None]:
    """Read an issued license and compare it with the order: trial, Ultimate, ten days, the user count, the key."""
    try:
        found = license.read(text, load_public_key(case.settings))
    except LicenseError as exc:
        return [Check("signed by the expected key", False, str(exc))], None
    today = case.settings.now().date()
    days = (found.expires_on - found.starts_on).days if found.expires_on else None
    return [
        Check("signed by the expected key", True, "the signature holds"),
        Check("is a trial", found.is_trial, "trial" if found.is_trial else "no trial"),
        Check("plan is Ultimate", found.plan == policy.TRIAL_PLAN, str(found.plan)),
        Check(f"lasts {policy.TRIAL_DAYS} days", days == policy.TRIAL_DAYS, f"{found.starts_on} to {found.expires_on}"),
        Check(f"is for {users} users", found.user_count == users, f"{found.user_count} users"),
        Check("is valid today", found.starts_on <= today and not found.is_expired(today), str(today)),
    ], found


def checked_issuance(
    case: Case, issuance: Issuance, users: int, *, wrong: str, advice: str
) -> tuple[Issuance, list[Check]]:
    """The issuance with what its license says, and the checks, which all hold.

    Raises:
        PersonNeededError: One does not; `wrong` and `advice` stand around what was seen.
    """
    text = issuance.text or ""
    checks, found = check_license(case, text, users)
    failed = [check for check in checks if not check.passed]
    if failed or found is None:
        raise PersonNeededError(f"{wrong}: {'; '.join(f'{c.what}: {c.seen}' for c in failed)}. {advice}")
    return replace(issuance, identity=license.fingerprint(text), expires_on=found.expires_on), checks


def check_parts(issuance: Issuance, checks: Sequence[Check]) -> tuple[Part, ...]:
    """Checks that hold, as the reader sees them."""
    rows = [("✓ yes", c.what, c.seen) for c in checks]
    return (Table(("", "check", "seen"), rows), Paragraph(f"License {issuance.identity}"))


def _press_play(pipeline: Pipeline) -> OutcomeUnknownError:
    """The error for a pipeline in which nothing goes on by itself. Source: FACTS 6, GitLab, `manual`."""
    return OutcomeUnknownError(
        f"Mechanizer's pipeline {pipeline.url} waits for somebody to press play; until then no license is issued. Open "
        "it, press play, then run again: nothing is started twice. If it is not to run, cancel it in GitLab first."
    )


def _pipeline_evidence(pipeline: Pipeline) -> Evidence:
    return Evidence(f"pipeline {pipeline.id}", pipeline.url, str(pipeline.id))

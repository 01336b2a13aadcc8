"""Issues a license through Mechanizer's pipeline: reads the order, decides (`orders`), and follows it to its end.

A new operation is started only after a failure, when no license was sent. The issue that a crashed job left in the
tracker gets a title with the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from typing import cast

from pydantic import SecretStr

from runbook_lib.cases.base import Case
from runbook_lib.cases.changes import apply, still_assigned_guard
from runbook_lib.cases.knowledge import Issuance
from runbook_lib.cases.license_files import load_public_key
from runbook_lib.cases.tracker import Tracker
from runbook_lib.changes.guards import check_reply_arrives
from runbook_lib.changes.license_pipeline import LicensePipeline, pipeline_evidence
from runbook_lib.display import Paragraph, Table, Tone
from runbook_lib.domain import license, messages, orders, policy, titles
from runbook_lib.domain.errors import (
    InputError,
    LicenseError,
    OutcomeUnknownError,
    PersonNeededError,
    RunbookError,
    UnavailableError,
)
from runbook_lib.domain.license_contents import License
from runbook_lib.domain.models import Check, EffectState, Evidence, Pipeline, TrackerIssue
from runbook_lib.domain.orders import LicenseOrder, NextAction, NextStep
from runbook_lib.domain.plain_text import clean, count
from runbook_lib.domain.titles import Mark
from runbook_lib.ledger.effects import EffectResult
from runbook_lib.results import StepResult

MOST_ATTEMPTS = 20
MOST_STARTS = 2
"""How many pipelines one run starts, if the first one dies before it sends anything."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
LINK_S = 2.0
"""How long GitLab may take to say where a project's pages are."""


class OrderReader:
    """Reads the license orders of one ticket.

    Args:
        email: The requester's address, checked.

    Attributes:
        hint: What else the issues that were read say of the customer, or "".

    Raises:
        InputError: Mechanizer is not configured.
    """

    def __init__(self, case: Case, email: str) -> None:
        settings = case.settings
        if settings.mechanizer_project_id is None:
            raise InputError("Mechanizer is not configured; set its RUNBOOK_ settings, or RUNBOOK_ISSUER to manual.")
        self.case, self.email = case, email
        self.gitlab, self.project = case.services.gitlab, settings.mechanizer_project_id
        self.tracker, self.hint = Tracker(case, email), ""

    def read(self) -> list[LicenseOrder]:
        """The ticket's orders: those that ended without a license, then the current one.

        After `MOST_ATTEMPTS` orders the last one may have ended without a license too.

        Raises:
            PersonNeededError: The customer, or the ticket, has a license already that is not this order's.
        """
        issues, pipelines = self.tracker.job_issues(), self._pipelines()
        issued, self.hint = self.tracker.license_issue(issues), self.tracker.of_colleagues(issues)
        started = [name for name in pipelines if name.startswith(self.case.operation("license-"))]
        if not issued and any(not _of(name, issues) for name in started):  # no issue, or one without its label
            issues = [*issues, *self.tracker.without_label()]
            issued = self.tracker.license_issue(issues)
        read: list[LicenseOrder] = []
        for attempt in range(1, MOST_ATTEMPTS + 1):
            operation_id = self.case.operation(f"license-{attempt}")
            is_known = self.case.effects.journal.settled(operation_id) is not None
            own = self._order(operation_id, f"mail-{attempt}", pipelines, _of(operation_id, issues))
            is_seen = issued or own.pipelines or own.issues or is_known or own.mail is not None
            is_known = is_known or (not is_seen and self._reply(operation_id) is not None)
            read.append(replace(own, issued=issued, is_known=is_known))
            if orders.decide(read[-1]).do is not NextAction.GIVE_UP:
                break
        last = replace(read[-1], others=tuple(self._others(read[-1].operation_id, issues)))
        return [*read[:-1], last]

    def _order(
        self, operation_id: str, asked: str, pipelines: dict[str, list[Pipeline]], issues: tuple[TrackerIssue, ...]
    ) -> LicenseOrder:
        question, of_order = self.case.operation(asked), tuple(pipelines.get(operation_id, ()))
        mail, settings = self.case.effects.journal.answer(question), self.case.settings
        # By GitLab's clock if it is known
        quiet_before = (self.gitlab.answered_at or settings.now()) - timedelta(seconds=settings.settle_s)
        return LicenseOrder(operation_id, question, quiet_before, pipelines=of_order, issues=issues, mail=mail)

    def _reply(self, operation_id: str) -> Evidence | None:
        """The reply that a license was sent. It outlives issue and pipeline, and names no order: the first one's."""
        case = self.case
        if operation_id != case.operation("license-1"):
            return None
        kept = case.services.zendesk.find_comment(case.ticket.id, case.operation("reply"))
        if kept is None:
            return None
        return Evidence(f"public reply {kept.id}, which says that it was sent", case.ticket.url, str(kept.id))

    def _others(self, own: str, issues: Sequence[TrackerIssue]) -> Iterator[LicenseOrder]:
        """Other orders in progress for the same customer or ticket, by the same rule as the job's own."""
        found = [issue for issue in issues if orders.is_under_way(issue, self.email, self.case.ticket.url)]
        found = [issue for issue in found if messages.find_operation(issue.description) != own]
        if not found:
            return
        pipelines = self._pipelines(earlier=min(found, key=lambda issue: issue.created_at))
        for issue in found:
            operation_id = messages.find_operation(issue.description) or ""
            yield self._order(operation_id, f"mail-issue-{issue.iid}", pipelines, (issue,))

    def _pipelines(self, earlier: TrackerIssue | None = None) -> dict[str, list[Pipeline]]:
        """The pipelines since the ticket was opened, or since the job of an earlier issue, by operation id."""
        since = self.case.ticket.created_at
        if earlier:
            since = min(since, earlier.created_at - orders.JOB_LIMIT)
        variable = self.case.settings.mechanizer_variable_operation
        return self.gitlab.find_pipelines(self.project, variable=variable, since=since)

    def evidence(self, operation_id: str) -> Evidence | None:
        """The newest trace of an order, whatever its result."""
        issues = self.tracker.job_issues()
        issue = self.tracker.license_issue(issues) or next(iter(_of(operation_id, issues)), None)
        if issue:
            return Evidence(f"tracker issue {issue.iid}: {titles.read(issue.title).brief}", issue.url)
        pipelines = self._pipelines().get(operation_id)
        if pipelines:
            return pipeline_evidence((orders.still_running(pipelines) or pipelines)[0])
        mail_id = operation_id.replace("-license-", "-mail-")
        return self.case.effects.journal.settled(mail_id) or self._reply(operation_id)


def _of(operation_id: str, issues: Sequence[TrackerIssue]) -> tuple[TrackerIssue, ...]:
    return tuple(issue for issue in issues if messages.find_operation(issue.description) == operation_id)


class OrderFollower:
    """Follows a ticket's license order, step by step. `users` is how many one is ordered for; to settle needs none."""

    def __init__(self, case: Case, email: str, users: int = 0) -> None:
        self._reader, self._case, self._users = OrderReader(case, email), case, users
        self._result: EffectResult | None = None
        self._followed, self._starts, self._pause_s = "", 0, FIRST_PAUSE_S
        self._settled: set[str] = set()

    def to_its_end(self) -> tuple[EffectResult, Issuance | None]:
        """Have Mechanizer issue a license and wait for it. The issuance is None in a rehearsal.

        Raises:
            PersonNeededError: The job failed; the message quotes its issue and says what to do.
            OutcomeUnknownError: It has not ended within the budget, or only the customer knows whether the mail came.
            UnavailableError: Jobs crash before they send anything.
        """
        while True:
            read = self._reader.read()
            self._check_failure(read)
            step = orders.decide(read[-1])
            if step.do is NextAction.GIVE_UP:
                raise self._too_often()
            if step.order is read[-1] and read[-1].operation_id != self._followed:
                self._begin(step)
                if self._result and self._result.state is EffectState.PLANNED:
                    return self._result, None
            elif done := self._take(step):
                return done

    @property
    def hint(self) -> str:
        """As `OrderReader`'s."""
        return self._reader.hint

    def settle(self) -> None:
        """Wait for jobs in progress, or give their issues a title with the result. Raises as `to_its_end`."""
        while (step := orders.decide(self._reader.read()[-1])).do in (
            NextAction.WAIT,
            NextAction.ASK,
            NextAction.RETITLE,
        ):
            self._take(step)
            if step.sent:  # the license is there; `read` would refuse one of an earlier ticket
                return

    def _begin(self, step: NextStep) -> None:
        """Start the job of an order, or find its traces."""
        if step.do is NextAction.PERFORM and self._starts == MOST_STARTS:
            raise UnavailableError(
                f"Mechanizer's job died {MOST_STARTS} times before it sent anything, so there is no license yet. Look "
                "at its pipelines, then run this again."
            )
        if step.do is NextAction.PERFORM:  # only before a new license; an existing one is followed in any case
            check_reply_arrives(self._case.services.zendesk, self._case.me, self._case.ticket)
        self._followed = step.order.operation_id
        self._result = apply(self._case, self._job(self._followed))
        self._starts += self._result.state is EffectState.DONE

    def _take(self, step: NextStep) -> tuple[EffectResult, Issuance | None] | None:
        """Do one step; returns the result of the order, or None if it goes on."""
        if step.do is NextAction.ADOPT:
            return self._adopt(step)
        if step.do is NextAction.RETITLE:
            self._settle(step)
            if self._case.perform:
                return None
            job = self._job(step.order.operation_id)
            return EffectResult(job.name, job.summary, EffectState.PLANNED), None
        if step.do is NextAction.ASK:
            raise self._question(step)
        if pipeline := step.order.to_be_played:
            raise _press_play(pipeline)
        if not self._case.services.budget.wait(self._pause_s, f"Mechanizer: {step.why}"):
            raise self._question(step) if step.then_ask else self._too_late(step)
        self._pause_s = min(self._pause_s * 1.5, LONGEST_PAUSE_S)
        return None

    def _adopt(self, step: NextStep) -> tuple[EffectResult, Issuance]:
        case, reader = self._case, self._reader
        for issue in step.duplicates:
            self._retitle(issue, Mark.DUPLICATE, step.issue.url if step.issue else "")
        result = self._result or apply(case, self._job(step.order.operation_id))
        answer = case.effects.journal.settled(step.order.question)
        if step.issue:
            case.services.budget.say(f"Mechanizer: issue {step.issue.iid} is closed, the license was mailed")
            case.effects.close_question(step.order.question, "license_mail", result.proven)
            return result, reader.tracker.issuance(step.issue)
        identity = f"not read by the runbook; {answer.summary if answer else 'a person says that it was mailed'}"
        return result, Issuance(self._users, _url(step.order) or case.ticket.url, identity=identity)

    def _job(self, operation_id: str) -> LicensePipeline:
        reader, settings, users = self._reader, self._case.settings, str(self._users)
        variables = {
            settings.mechanizer_variable_username: settings.operator,
            settings.mechanizer_variable_users: users,
            settings.mechanizer_variable_email: reader.email,
            settings.mechanizer_variable_operation: operation_id,
            settings.mechanizer_variable_ticket: self._case.ticket.url,
        }
        return LicensePipeline(
            gitlab=reader.gitlab,
            project=reader.project,
            ref=settings.mechanizer_ref,
            token=cast(SecretStr, settings.mechanizer_trigger_token),
            page=self._page,
            operation_id=operation_id,
            variables=variables,
            users=self._users,
            values={"your username": settings.operator, "user count": users, "email": reader.email},
            find=lambda: reader.evidence(operation_id),
            check=still_assigned_guard(self._case),
        )

    @property
    def _page(self) -> str:
        """Where a person sees Mechanizer's pipelines; else its project, for which GitLab knows an address by number."""
        if not self._case.perform:
            with suppress(RunbookError), self._case.services.budget.hurried(LINK_S):
                return f"{self._reader.gitlab.project_url(self._reader.project)}/-/pipelines"
        return f"{self._case.settings.gitlab_url.rstrip('/')}/projects/{self._reader.project}"

    def _settle(self, step: NextStep) -> None:
        """Give the issues of an ended job their titles with the result."""
        if step.issue is None:
            return
        self._retitle(step.issue, Mark.SUCCESS if step.sent else Mark.FAILURE, step.why)
        for issue in step.duplicates:
            self._retitle(issue, Mark.DUPLICATE, step.issue.url)
        self._settled.add(step.order.operation_id)

    def _retitle(self, issue: TrackerIssue, mark: Mark, why: str) -> None:
        effect = self._reader.tracker.issue_title(issue, mark, self._users, why)
        done = apply(self._case, effect)
        if done.state is EffectState.ALREADY_DONE and effect.find() is None:
            raise PersonNeededError(
                f"Issue {issue.url} was given its result by an earlier run ({done.summary}), and somebody has changed "
                f"it since, to “{clean(issue.title, 200)}”, {issue.state}. Ask who did so; if the result holds, "
                f"{effect.by_hand()}, then run again."
            )

    def _check_failure(self, read: Sequence[LicenseOrder]) -> None:
        """Stop at a failure that the followed job has reported; failures of earlier runs are skipped."""
        ended = next((order for order in read[:-1] if order.operation_id == self._followed), None)
        issue = next(iter(ended.issues), None) if ended and ended.operation_id not in self._settled else None
        if issue:
            reason = messages.failure_reason(issue.description).rstrip(".")
            raise PersonNeededError(
                f"No license was sent. Mechanizer could not issue it: {reason} ({issue.url}). Settle the cause with "
                "the customer on the ticket, then run this again (each try leaves an issue), or ask in "
                f"{self._case.settings.slack_channel}."
            )

    def _question(self, step: NextStep) -> OutcomeUnknownError:
        return self._case.effects.unknown(step.order.question, "license_mail", orders.question_words(step.order))

    def _too_late(self, step: NextStep) -> OutcomeUnknownError:
        seconds, url = f"this run's {self._case.settings.wait_s:.0f} s of waiting", _url(step.order)
        if not step.order.running:
            return OutcomeUnknownError(
                f"Mechanizer has not finished within {seconds}: pipeline {url} has just ended, and may still be about "
                f"to send its mail. Run again in {self._case.settings.settle_s:.0f} s; nothing is sent twice."
            )
        return OutcomeUnknownError(
            f"Mechanizer has not finished within {seconds}; still under way: {step.why} ({url}). It may still "
            "issue the license: wait for the pipeline, then run again; nothing is sent twice. If it never ends, cancel "
            "it in GitLab first."
        )

    def _too_often(self) -> PersonNeededError:
        return PersonNeededError(
            f"Mechanizer has failed {MOST_ATTEMPTS} times for ticket {self._case.ticket.id}. Do not go on by machine: "
            f"ask in {self._case.settings.slack_channel}, or make the license by hand and run this again with "
            "RUNBOOK_ISSUER=manual, which takes its link or its file."
        )


def _url(order: LicenseOrder) -> str:
    """The address of the order's newest pipeline, a running one first; or ""."""
    return next((pipeline.url for pipeline in (*order.running, *order.pipelines)), "")


def check_license(case: Case, text: str, users: int) -> tuple[list[Check], License | None]:
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
        Check(f"is for {count(users, 'user')}", found.user_count == users, f"{found.user_count} users"),
        Check("is valid today", found.starts_on <= today and not found.is_expired(today), str(today)),
    ], found


def check_card(
    case: Case, issuance: Issuance, users: int, *, state: str, words: str, wrong: str, advice: str
) -> tuple[Issuance, StepResult]:
    """The issuance with the data of its license, and the card of its checks, all passed: `state` and `words`.

    Raises:
        PersonNeededError: A check failed; the message has it between `wrong` and `advice`.
    """
    text = issuance.text or ""
    checks, found = check_license(case, text, users)
    failed = [check for check in checks if not check.passed]
    if failed or found is None:
        seen = "; ".join(f"the check “{check.what}” failed ({check.seen.rstrip('.')})" for check in failed)
        raise PersonNeededError(f"{wrong}: {seen}. {advice}")
    issuance = replace(issuance, identity=license.fingerprint(text), expires_on=found.expires_on)
    table = Table(("", "check", "seen"), [("✓ yes", c.what, c.seen) for c in checks])
    shown = (table, Paragraph(f"License {issuance.identity}"))
    data = [asdict(check) for check in checks]
    return issuance, case.card(state, Tone.GOOD, words, *shown, checks=data, license=issuance.identity)


def _press_play(pipeline: Pipeline) -> OutcomeUnknownError:
    """The error for a pipeline that a person has to start. Source: FACTS 6, GitLab, `manual`."""
    return OutcomeUnknownError(
        f"Mechanizer's pipeline {pipeline.url} waits for a person to press play; until then no license is issued. Open "
        "it, press play, then run again: nothing is started twice. If it is not to run, cancel it in GitLab first."
    )

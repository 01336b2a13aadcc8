"""A ticket's number in, the right runbook out. Reads only; the ticket is not even taken.

Source: both seeds, *Overview* and *Scope*. What decides is in `routing` and `policy`.
"""

from __future__ import annotations

from typing import ClassVar, cast

from runbook_lib.cases.emergency import Emergency
from runbook_lib.cases.next_runbook import open_it
from runbook_lib.cases.steps import step
from runbook_lib.cases.thread import by_customer, opened_by_agent
from runbook_lib.cases.tracker import Tracker, TrackerIssues
from runbook_lib.cases.unread import check_before_scope
from runbook_lib.display import Paragraph, Part, Preview, Table, Tone, verdict_parts
from runbook_lib.domain import answers, policy, routing
from runbook_lib.domain.models import Answer, Outcome, Verdict
from runbook_lib.results import StepResult


class StartHere(Emergency):
    """Which runbook a ticket belongs to.

    Attributes:
        route: The runbook, or none, with the reason.
    """

    runbook: ClassVar[str] = "start_here"
    order: ClassVar[tuple[str, ...]] = ("collect_facts", "choose_runbook")
    changes: ClassVar[bool] = False
    any_ticket: ClassVar[bool] = True

    route: routing.Route | None = None

    @step("Choose the runbook")
    def choose_runbook(self, *, mail_missing: object = answers.UNKNOWN) -> StepResult:
        """Say which runbook this ticket needs, and open it; or why none, and what to do instead."""
        told = answers.parse("mail_missing", mail_missing)
        scope = self._scope().verdict
        rules = self.settings.rules
        weekend = policy.weekend_ruling(self.ticket.created_at, self.emergency_on, rules)
        mail = self._mail(None if told is None else Answer(str(told)))
        self.route = routing.route(scope, weekend, mail)
        calendar = (
            ("opened", f"{self.ticket.created_at:%A %Y-%m-%d %H:%M} UTC"),
            ("weekend hours", f"{rules.weekend_starts} to {rules.weekend_ends}, {rules.time_zone}"),
            ("weekend?", str(weekend.holds)),
            ("license mail", mail.why),
        )
        parts: tuple[Part, ...] = (Table(("calendar and mail", ""), calendar),)
        parts += verdict_parts(Verdict((*scope.rulings, weekend), scope.window))
        if self.route.runbook is None:
            check_before_scope(self.unread, self.facts, scope.rulings)
            self.end(Outcome.OUT_OF_SCOPE)
            words = f"No runbook for this ticket. {self.route.reason} Nothing is sent to the customer: answer them."
            shown = (Paragraph(words, strong=True), *parts)
            return self.result("no runbook", Tone.STOP, shown, words, next_runbook=None, reason=self.route.reason)
        command = self.command_for(self.route.runbook)
        words = f"{self.route.runbook}: {self.route.reason}"
        if missing := scope.missing:
            words += f" Not known yet: {', '.join(missing)}."
        shown = (Paragraph(words, strong=True), *open_it(self, self.route.runbook), Preview("to rehearse it", command))
        return self.result(
            "go on",
            Tone.GOOD,
            (*shown, *parts),
            words,
            next_runbook=self.route.runbook,
            reason=self.route.reason,
            command=command,
        )

    def _mail(self, told: Answer | None) -> routing.Mail:
        """What is said of a license mail, by the engineer or else by the requester, and what the tracker holds."""
        found = self._on_file()
        filed = [f"{len(issues)} {name}" for name, issues in self._kinds(found) if issues]
        on_file = f"the tracker has {', '.join(filed)}" if filed else self._nothing_on_file()
        theirs = by_customer(self.thread, self.ticket)
        own = [issue for issue in found.copies if self.issued_here(issue)]
        if own:  # what was written before is no complaint about this license
            theirs = [comment for comment in theirs if comment.created_at > own[0].created_at]
        subject = [] if own or opened_by_agent(self.thread) else [self.ticket.subject]
        if told is not None:
            return routing.Mail(told, f"The engineer says {told}; {on_file}.", bool(filed))
        if routing.says_mail_missing([*subject, *(comment.body for comment in theirs)]):
            words = f"The customer writes that the license mail has not come; {on_file}."
            return routing.Mail(Answer.YES, words, bool(filed))
        return routing.Mail(Answer.UNKNOWN, f"Nobody says that a mail is missing; {on_file}.", bool(filed))

    def _on_file(self) -> TrackerIssues:
        email = cast(str | None, self.facts.value("requester_email"))
        configured = self.services.gitlab and self.settings.tracker_project_id
        return Tracker(self, email).found_since(self.began_on) if email and configured else TrackerIssues()

    def _nothing_on_file(self) -> str:
        """What it means that no issue was found: a tracker that was not asked has not said that there is none."""
        email = self.facts.value("requester_email")
        if email and self.services.gitlab and self.settings.tracker_project_id:
            return "the tracker has no issue for this address"
        why = "it is not configured" if email else "no usable address is known"
        return f"the tracker was not looked at, since {why}"

    def _kinds(self, found: TrackerIssues) -> tuple[tuple[str, tuple[object, ...]], ...]:
        return (("licenses", found.copies), ("failures", found.failures), ("jobs under way", found.under_way))

"""A ticket's number in, the right runbook out. Reads only; the ticket is not even taken.

Source: both seeds, *Overview* and *Scope*. What decides is in `routing` and `policy`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from runbook_lib.cases import first_steps, scope
from runbook_lib.cases.base import Case
from runbook_lib.cases.closing import open_it
from runbook_lib.cases.steps import step
from runbook_lib.cases.thread import by_customer, opened_by_agent
from runbook_lib.cases.tracker import Tracker, TrackerIssues
from runbook_lib.cases.unread import check_before_scope
from runbook_lib.display import Part, Preview, Table, Tone, verdict_parts
from runbook_lib.domain import mail_words, orders, parameters, policy, routing
from runbook_lib.domain.models import Answer, Outcome, TrackerIssue
from runbook_lib.domain.plain_text import count, listed
from runbook_lib.results import StepResult


class StartHere(Case):
    """Which runbook a ticket belongs to."""

    runbook: ClassVar[str] = "start_here"
    changes: ClassVar[bool] = False

    route: routing.Route | None = None

    collect_facts = first_steps.collect_facts

    @step("Choose the runbook")
    def choose_runbook(self, *, mail_missing: object = parameters.UNKNOWN) -> StepResult:
        """Say which runbook this ticket needs, and open it; or why none, and what to do instead."""
        stated = parameters.parse("mail_missing", mail_missing)
        known, rules = self.known, self.settings.rules
        verdict, weekend = scope.verdict(known), known.day_ruling(policy.weekend_ruling)
        mail = self._mail(None if stated is None else Answer(str(stated)))
        self.route = routing.route(verdict, weekend, mail)
        calendar = (
            ("opened", f"{self.ticket.created_at:%A %Y-%m-%d %H:%M} UTC"),
            ("weekend hours", f"{rules.weekend_starts} to {rules.weekend_ends}, {rules.time_zone}"),
            ("weekend?", str(weekend.holds)),
            ("license mail", mail.why),
        )
        parts: tuple[Part, ...] = (Table(("calendar and mail", ""), calendar),)
        parts += verdict_parts(scope.verdict(known, weekend))
        if self.route.runbook is None:
            check_before_scope(known.unread, known.facts, verdict.rulings)
            self.steps.end(Outcome.OUT_OF_SCOPE)
            words = f"No runbook for this ticket. {self.route.reason} Nothing is sent to the customer: answer them."
            return self.card("no runbook", Tone.STOP, words, *parts, next_runbook=None, reason=self.route.reason)
        runbook, reason = self.route.runbook, self.route.reason
        words, command = f"{runbook}: {reason}", self.command_for(runbook)
        if missing := verdict.missing:
            words += f" Not known yet: {', '.join(missing)}."
        parts = (*open_it(self, runbook), Preview("to rehearse it", command), *parts)
        chosen: dict[str, Any] = {"next_runbook": runbook, "reason": reason, "command": command}
        return self.card("go on", Tone.GOOD, words, *parts, **chosen)

    def _mail(self, stated: Answer | None) -> routing.Mail:
        """What is said of a license mail, by the engineer or else by the requester, and what the tracker holds."""
        tracker = Tracker(self, self.known.email) if self.known.email else None
        found = tracker.by_result() if tracker else TrackerIssues()
        filed = [count(len(issues), *names) for names, issues in _kinds(found) if issues]
        on_file = f"the tracker has {listed(filed)}" if filed else "the tracker has no issue for this address"
        if tracker is None:
            on_file = "the tracker was not looked at, since no usable address is known"
        own = [issue for issue in found.copies if tracker and tracker.is_own(issue)]
        # What was written before a license was issued is no complaint about it
        theirs = by_customer(self.known.thread, self.ticket, after=own[0].created_at if own else None)
        subject = [] if own or opened_by_agent(self.known.thread) else [self.ticket.subject]
        if stated is not None:
            return routing.Mail(stated, f"The engineer says {stated}; {on_file}.", bool(filed))
        if mail_words.says_mail_missing([*subject, *(comment.body for comment in theirs)]):
            words = f"The customer writes that the license mail has not come; {on_file}."
            return routing.Mail(Answer.YES, words, bool(filed))
        return routing.Mail(Answer.UNKNOWN, f"Nobody says that a mail is missing; {on_file}.", bool(filed))


def _kinds(found: TrackerIssues) -> tuple[tuple[tuple[str, ...], tuple[TrackerIssue, ...]], ...]:
    """The issues by what they are: its noun, and the plural where that is not usual."""
    changed = tuple(issue for issue in found.under_way if orders.changed_by_hand(issue))
    under_way = tuple(issue for issue in found.under_way if issue not in changed)
    return (
        (("license",), found.copies),
        (("failure",), found.failures),
        (("job under way", "jobs under way"), under_way),
        (("license whose issue was changed by hand", "licenses whose issues were changed by hand"), changed),
    )

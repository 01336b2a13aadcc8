"""A license mail has not arrived: find the copy and send it, or hand over to the runbook that issues a license.

Source: weekend seed, *Considerations* 3. A closed success issue of this address and this emergency has a copy; an
open failure issue says why there is none. The tool is used again only if no license was generated, and only by the
weekend runbook, which decides the scope and keeps the record of the license.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar, cast

from runbook_lib.cases import changes, first_steps
from runbook_lib.cases.base import Case
from runbook_lib.cases.changes import apply
from runbook_lib.cases.closing import closing_card, open_it
from runbook_lib.cases.issuing import OrderFollower, check_card, check_license
from runbook_lib.cases.knowledge import Issuance
from runbook_lib.cases.steps import step
from runbook_lib.cases.thread import by_customer
from runbook_lib.cases.tracker import Tracker, TrackerIssues, recipient
from runbook_lib.display import Link, Part, Preview, Table, Tone
from runbook_lib.domain import license, messages, orders, parameters, policy, routing
from runbook_lib.domain.errors import InputError, NeedsAnswerError, OutcomeUnknownError, PersonNeededError
from runbook_lib.domain.models import Answer, EffectState, Outcome, TrackerIssue
from runbook_lib.domain.plain_text import clean, count
from runbook_lib.domain.plan import ToCome
from runbook_lib.results import StepResult

_NOTHING_FOUND = "internal note that no license was on file"


class LicenseNotReceived(Case):
    """An emergency of a customer who has not received the mail with the license."""

    runbook: ClassVar[str] = "license_not_received"
    copy: Issuance | None = None  # the license that was issued for this emergency, or None
    failure: TrackerIssue | None = None  # the newest failure for this address in this emergency, or None

    take = first_steps.take
    collect_facts = first_steps.collect_facts

    @step("Look for the license in the tracker")
    def find_license(self, *, send_earlier: object = False, mail_missing: object = parameters.UNKNOWN) -> StepResult:
        """Look for the closed success issue of this address and this emergency, then for an open failure.

        Raises:
            NeedsAnswerError: There is only a license of an earlier emergency, which is still valid.
            OutcomeUnknownError: A job is running, or has crashed.
            PersonNeededError: The license was made by hand, or must not go to the requester.
        """
        email = recipient(self)
        self._check_recipient()
        existing, tracker = self.known.existing_license, Tracker(self, email)
        if existing and existing.text is None:
            raise PersonNeededError(
                f"The license of this ticket was made by hand ({existing.url}), so the tracker has no copy. "
                "Send it to the requester from where it was made."
            )
        found, issue = self._issue(tracker, bool(parameters.parse("send_earlier", send_earlier)))
        missing = parameters.parse("mail_missing", mail_missing)
        if issue and missing == Answer.NO:
            raise InputError(
                f"mail_missing is no, and a license was issued ({issue.url}): nothing is sent again. To look at the "
                "case, rehearse weekend_license; if the mail has not come, pass mail_missing as yes."
            )
        if issue and missing != Answer.YES and self._is_just_issued(issue, tracker):
            words = (
                f"An earlier run of this runbook issued the license (issue {issue.iid}), and the customer has not "
                "written since. It is not sent again. If they say that this mail has not come either, pass "
                "mail_missing as yes."
            )
            self.copy = self.failure = None
            parts = (_issues_table(found, issue), Link("tracker issue", issue.url))
            return self.card("issued by this runbook", Tone.GOOD, words, *parts, issue=issue.url)
        self.copy = None if issue is None else tracker.issuance(issue)
        self.failure = None if issue or not found.failures else found.failures[0]
        table = (_issues_table(found, issue),) if found != TrackerIssues() else ()
        return self._found_result(email, issue, table)

    @step("Check the copy")
    def check_copy(self) -> StepResult:
        """Check the copy (never shown): the expected key, a valid ten-day Ultimate trial, the user count of the title.

        Raises:
            PersonNeededError: The issue has no copy, or one that does not match its title.
        """
        if self.copy is None:
            return self.card("no copy", Tone.PLAIN, "There is no copy to check.", strong=False)
        if self.copy.text is None:
            raise PersonNeededError(
                f"The issue {self.copy.url} reports a success, but holds no copy of the license. A license was "
                f"issued, so none is issued again; ask in {self.settings.slack_channel} for the file."
            )
        self.copy, checked = check_card(
            self,
            self.copy,
            self.copy.users,
            state="holds",
            words="The copy is the license that was issued.",
            wrong="The copy in the tracker cannot be sent",
            advice=f"Look at {self.copy.url} and ask in {self.settings.slack_channel}; nothing was sent.",
        )
        return checked

    @step("Send the copy")
    def send_copy(self) -> StepResult:
        """Send the copy once, attached to a public reply, and add a note for the next colleague."""
        copy = self.copy
        if copy is None or copy.text is None:
            return self.card("nothing to send", Tone.PLAIN, "There is nothing to send.", strong=False)
        reply = messages.license_copy_sent(copy.users, cast(date, copy.expires_on))
        digest = license.fingerprint(copy.text).rpartition(":")[2][:12]
        sent = apply(self, changes.license_copy(self, reply, copy.text, digest))
        note = messages.license_copy_note(copy.users, copy.identity, copy.url)
        noted = apply(self, changes.license_copy_note(self, note, digest))
        self.steps.end(Outcome.LICENSE_FOUND, ToCome(sent.name, "The license will be sent again"))
        return self.effect_card([sent, noted], Preview("public reply", reply), Preview("internal note", note))

    @step("If no license was generated: hand over")
    def hand_over(self) -> StepResult:
        """Add a note that the tracker had no license, and name the runbook that continues."""
        note = messages.nothing_found_note(self._reason)  # by it the next run knows who issued a later license
        noted = apply(self, changes.note(self, "nothing_found", note, summary=_NOTHING_FOUND))
        words = f"No license can be sent again. {self.next_runbook} goes on from here: it decides the scope."
        return self.effect_card([noted], words=words)

    @step("Close the case", always=True)
    def close(self) -> StepResult:
        """The copy that was sent, with the evidence; or the runbook that continues, with the answers so far."""
        if self.outcome is Outcome.LICENSE_FOUND and self.copy:
            verb = "would be" if any(effect.state is EffectState.PLANNED for effect in self.applied) else "was"
            sent = f": the copy {verb} sent with a public reply; no second license. {self.copy.evidence}"
            return closing_card(self, sent)
        runbook, command = self.next_runbook, self.command_for(self.next_runbook)
        words = f"No license was generated, so {runbook} goes on with this ticket."
        if self.failure:
            words += f" An earlier job had failed: {self._reason.rstrip('.')} ({self.failure.url})."
        shown = (*open_it(self, runbook), Preview("to go on", command))
        return closing_card(self, words, *shown, next_runbook=runbook, command=command)

    @property
    def next_runbook(self) -> str:
        """The runbook that issues a license, or during the week engages an expert."""
        holds = self.known.day_ruling(policy.weekend_ruling).holds
        return routing.WEEKEND if holds is Answer.YES else routing.WEEKDAY

    @property
    def _reason(self) -> str:
        """Why no license was issued before, or ""."""
        return messages.failure_reason(self.failure.description) if self.failure else ""

    def _is_just_issued(self, issue: TrackerIssue, tracker: Tracker) -> bool:
        """Whether the license was issued after an earlier run of this runbook, without a customer's comment since."""
        if not tracker.is_own(issue) or by_customer(self.known.thread, self.ticket, after=issue.created_at):
            return False
        return self.effects.adopt(changes.sent_note(self, "nothing_found", summary=_NOTHING_FOUND)) is not None

    def _issue(self, tracker: Tracker, send_earlier: bool) -> tuple[TrackerIssues, TrackerIssue | None]:
        """The tracker's issues, and the one whose copy is sent; a job that is under way is waited for."""
        found = tracker.by_result()
        issue = self._chosen(found, send_earlier)
        if issue is None and found.under_way:
            self._settle(found.under_way[0], tracker.email)
            found = tracker.by_result()
            issue = self._chosen(found, send_earlier)
        return found, issue

    def _settle(self, issue: TrackerIssue, email: str) -> None:
        """Wait for a running job, or settle the issue that a crashed one left; in a rehearsal OutcomeUnknownError."""
        if not self.perform and (changed := orders.changed_by_hand(issue)):
            raise OutcomeUnknownError(
                f"A license for this address or ticket may have been issued, and its issue was {changed} by hand: "
                f"{issue.url}. Nothing was sent. `{self.command}` says what to find out, and then gives the issue its "
                "result."
            )
        if not self.perform:
            raise OutcomeUnknownError(
                f"A job for this address is under way, or died: {issue.url}. Nothing was sent. Wait for its pipeline; "
                f"if that died, `{self.command}` settles it, or says what to find out."
            )
        OrderFollower(self, email).settle()

    def _check_recipient(self) -> None:
        """Raise PersonNeededError if the requester must not get a license, not even a copy."""
        facts = policy.ScopeFacts(
            emergency_on=self.known.emergency_on,
            account_type=cast(str | None, self.facts.value("account_type")),
            requester_email=self.known.email,
        )
        against = [policy.recipient_ruling(facts)]
        if facts.account_type == "reseller":
            against.append(policy.account_ruling(facts))
        if words := " ".join(ruling.reason for ruling in against if ruling.holds is Answer.NO):
            raise PersonNeededError(f"No license is sent to the requester. {words}")

    def _chosen(self, found: TrackerIssues, send_earlier: bool) -> TrackerIssue | None:
        """The success issue whose copy is sent: this emergency's, or an earlier one that the engineer chose."""
        for issue in found.copies:
            if not self._has_ended(issue):
                return issue
        valid = [issue for issue in found.earlier if not self._has_ended(issue)]
        if not valid:
            return None
        if send_earlier:
            return valid[0]
        raise NeedsAnswerError(
            f"There is a license of an earlier emergency, issued on {valid[0].created_at:%Y-%m-%d} and still valid: "
            f"{valid[0].url}. While it is, the tool issues no other; to send its copy, pass send_earlier as True, or "
            f"ask in {self.settings.slack_channel} if the customer needs another one.",
            missing=("send_earlier",),
        )

    def _has_ended(self, issue: TrackerIssue) -> bool:
        """Whether an issue's license has expired; by the issue's date if the copy cannot be read."""
        text, today = messages.find_license(issue.raw), self.settings.now().date()
        if text is not None and (found := check_license(self, text, 0)[1]):
            return found.is_expired(today)
        return today >= issue.created_at.date() + timedelta(days=policy.TRIAL_DAYS)

    def _found_result(self, email: str, issue: TrackerIssue | None, parts: tuple[Part, ...]) -> StepResult:
        if issue is not None:
            words = f"A license was issued for {email}: the closed issue {issue.iid} of {issue.created_at:%Y-%m-%d}."
            return self.card("found", Tone.GOOD, words, *parts, Link("tracker issue", issue.url), issue=issue.url)
        if self.failure is not None:
            words = f"No license was issued: the open issue {self.failure.iid} reports a failure."
            url, reason = self.failure.url, self._reason
            shown = (Preview("why it failed", reason), Link("tracker issue", url))
            return self.card("failed before", Tone.ASK, words, *parts, *shown, issue=url, failure=reason)
        words = f"No license was issued for {email} since {self.known.began_on}, and no failure is on file."
        return self.card("none", Tone.ASK, words, *parts, issue=None)

    @property
    def gist(self) -> str:
        """For how many users the copy is, and who gets it; or which runbook goes on."""
        if self.outcome is None and "hand_over" in self.steps.done:
            return f"{self.next_runbook} goes on"
        if self.outcome is not Outcome.LICENSE_FOUND or not self.copy:
            return ""
        users, email = count(self.copy.users, "user"), clean(self.ticket.requester.email or "", 80)
        return f"copy of the license for {users}, to {email}"


def _issues_table(found: TrackerIssues, chosen: TrackerIssue | None) -> Table:
    """The issues of this address, each with its kind and whether it counts."""
    kinds = (
        ("license of this emergency", found.copies),
        ("license of an earlier emergency", found.earlier),
        ("failure", found.failures),
        ("", found.under_way),
    )
    rows = [
        (
            f"issue {issue.iid}",
            f"{issue.created_at:%Y-%m-%d %H:%M} UTC",
            issue.state,
            (kind if issue is chosen or "license" not in kind else f"{kind}, does not count")
            or orders.changed_by_hand(issue)
            or "under way, or died",
        )
        for kind, issues in kinds
        for issue in issues
    ]
    return Table(("tracker", "created", "state", "what it is"), rows)

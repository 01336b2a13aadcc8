"""The title of a tracker issue whose job is over: it tells what became of the license."""

from __future__ import annotations

import re

from runbook_lib.changes.guards import nothing_to_check
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.domain import messages, titles
from runbook_lib.domain.errors import PersonNeededError
from runbook_lib.domain.models import Evidence, TrackerIssue
from runbook_lib.domain.plain_text import clean
from runbook_lib.domain.plan import ExactText, Target
from runbook_lib.domain.titles import Mark

OPERATION_WORDS = {Mark.SUCCESS: "sent", Mark.FAILURE: "not_sent", Mark.DUPLICATE: "duplicate"}
"""What the operation id ends in, by what the title says."""


class IssueTitle:
    """The title that says what became of a job. Writing it a second time says the same.

    Args:
        issue: The issue, as it was just read.
        mark: What became of the job: success and duplicate close the issue, a failure stays open and says why.
        whose: The address and the users, where the title does not name them.
        why: Why no license was sent; or the address of the issue that a duplicate follows.
    """

    name = "settled_issue"
    conditional = True
    check = staticmethod(nothing_to_check)

    def __init__(
        self,
        gitlab: GitLab,
        project: int,
        issue: TrackerIssue,
        operation_id: str,
        *,
        mark: Mark,
        whose: tuple[str, int],
        why: str = "",
    ) -> None:
        self._gitlab, self._project, self._issue, self._mark, self._why = gitlab, project, issue, mark, why
        now = titles.read(issue.title)
        email, users = (now.email, now.users) if now.users is not None else whose
        self._title = titles.write(mark, email, users)
        self.operation_id = operation_id
        self.summary = f"retitle issue {issue.iid} to {mark}"
        self.where = f"at issue {issue.url}"
        self.target, self.texts = Target(f"issue {issue.iid}", issue.url), (ExactText("title", self._title),)

    def by_hand(self) -> str:
        """What a person does so that the issue tells it, as it is now."""
        now = self._gitlab.issue(self._project, self._issue.iid)
        titled = "" if now.title == self._title else f"give it the title “{self._title}”"
        closed = "close it" if now.state == "opened" and self._mark is not Mark.FAILURE else ""
        return " and ".join(filter(None, (titled, closed)))

    def find(self) -> Evidence | None:
        """The issue, if it has the title already."""
        found = self._gitlab.issue(self._project, self._issue.iid)
        closed = found.state == "closed" or self._mark is Mark.FAILURE
        return self._evidence(found) if found.title == self._title and closed else None

    def perform(self) -> Evidence:
        """Retitle it; if no license was sent by it, also say why. PersonNeededError if it is not as it was any more."""
        now = self._gitlab.issue(self._project, self._issue.iid)
        if (now.title, now.state) != (self._issue.title, self._issue.state):
            raise PersonNeededError(f"Issue {now.url} has changed meanwhile, to “{clean(now.title, 200)}”. Run again.")
        found = self._gitlab.update_issue(
            self._project,
            self._issue.iid,
            title=self._title,
            description=self._description(now.raw),
            close=self._mark is not Mark.FAILURE,
        )
        return self._evidence(found)

    def _description(self, text: str) -> str:
        if self._mark is Mark.FAILURE:
            return f"{text}\n\n{messages.failure_body(self._why)}"
        if self._mark is Mark.DUPLICATE:  # the operation stays with the other issue
            rest = re.sub(r"^Operation: .*$", "", text, flags=re.MULTILINE)
            return f"{messages.duplicate_body(self._why)}\n\n{rest.strip()}"
        return text

    def _evidence(self, issue: TrackerIssue) -> Evidence:
        return Evidence(f"issue {issue.iid}: {titles.read(issue.title).brief}", issue.url, str(issue.iid))

"""The scope of an emergency: what the rules say of the known facts, and what a person has to settle first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from runbook_lib.domain import evidence, identity, policy
from runbook_lib.domain.errors import InputError, NeedsAnswerError
from runbook_lib.domain.models import Answer, Fact, Facts, Source, Verdict

_OF_LICENSE = ("deployment", "plan", "expires_on")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The facts of a case, as far as they decide its scope.

    Attributes:
        facts: All that is known.
        emergency_on: The emergency's date, UTC.
        rules: The team's settings.
        who: Who the customer is, by our records and by the licenses on the ticket.
        unusable: Organization fields with unexpected values, in words, by fact.
        installed_question: Why the engineer has to say which license is installed, or "".
    """

    facts: Facts
    emergency_on: date
    rules: policy.Rules
    who: identity.IdentitySources
    unusable: Mapping[str, str]
    installed_question: str

    @property
    def verdict(self) -> Verdict:
        """The rulings of every emergency workflow; the calendar's is the workflow's own."""
        value: Callable[[str], Any] = self.facts.value
        known = policy.ScopeFacts(
            emergency_on=self.emergency_on,
            deployment=value("deployment"),
            account_type=value("account_type"),
            plan=value("plan"),
            expires_on=value("expires_on"),
            blocked_on=self._blocked_on(self.facts.best("expires_on")),
            requester_email=value("requester_email"),
            unsettled=self.unsettled,
        )
        scope = policy.scope(known, self.rules)
        return Verdict((*scope.rulings, identity.ruling(self.who)), scope.window)

    @property
    def unsettled(self) -> dict[str, tuple[str, str]]:
        """The facts that decide nothing until a person settles them: the reason and the parameter, by fact."""
        questions = evidence.open_questions(self.facts, self.unusable, self._in_window)
        found = {name: (question.reason, question.name) for name, question in questions.items()}
        expiry = self.facts.best("expires_on")
        if self.installed_question and (expiry is None or expiry.source in evidence.OURS):
            found["expires_on"] = (self.installed_question, "installed_license")
        if identity.ruling(self.who).holds is Answer.YES:
            return found
        for name in _OF_LICENSE:
            fact = self.facts.best(name)
            if name not in found and fact and fact.source is Source.LICENSE_FILE:
                reason = f"Only {fact.detail} says {name} {fact.value}, and it is not known whose license that is."
                found[name] = (reason, "identity_confirmed")
        return found

    def question(self, missing: tuple[str, ...]) -> NeedsAnswerError | None:
        """The error that asks a person to settle some of the missing parameters; None if there is nothing to ask."""
        reasons = {parameter: reason for reason, parameter in self.unsettled.values()}
        reasons["identity_confirmed"] = identity.ruling(self.who).reason
        asked = tuple(name for name in missing if name in reasons)
        return NeedsAnswerError(" ".join(reasons[name] for name in asked), missing=asked) if asked else None

    def _in_window(self, fact: Fact) -> Answer:
        """Whether an expiry lies in the window."""
        expires_on, blocked_on = cast(date, fact.value), self._blocked_on(fact)
        try:
            window = policy.license_window(expires_on, self.emergency_on, self.rules, blocked_on=blocked_on)
        except InputError:
            return Answer.NO  # past the calendar's end
        return policy.window_ruling(window, self.rules).holds

    def _blocked_on(self, expiry: Fact | None) -> date | None:
        """The day from which the instance is read-only, where the expiry is that of a license file."""
        of_file = expiry is not None and expiry.source is Source.LICENSE_FILE
        return cast(date | None, self.facts.value("blocked_on")) if of_file else None

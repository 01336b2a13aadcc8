"""The data of the runbooks, as frozen dataclasses without I/O.

Text from a customer (subject, names, comments, file names) is kept as received, except for secrets and licenses, which
the clients redact. `display` escapes it, and no message to others is built from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from runbook_lib.domain.state_words import effect_words, ending_words


class Outcome(StrEnum):
    LICENSE_ISSUED = "license_issued"
    LICENSE_FOUND = "license_found"
    RESOLVED_ITSELF = "resolved_itself"
    ESCALATED = "escalated"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    OUT_OF_SCOPE = "out_of_scope"

    @property
    def words(self) -> str:
        """For people: *License issued*."""
        return ending_words(self)


class Ending(NamedTuple):
    """What an outcome means for those who go on with the ticket."""

    next: str  # what the engineer does then, in a sentence
    waits_for: str = ""  # who has to act, in one word, or ""
    waits_for_what: str = ""  # what they have to do


ENDINGS: Mapping[str, Ending] = {
    Outcome.LICENSE_ISSUED: Ending("If the customer says that the mail has not come, begin again with start_here."),
    Outcome.LICENSE_FOUND: Ending("If they still cannot find the license, ask in the team's channel."),
    Outcome.RESOLVED_ITSELF: Ending("When the customer confirms, solve the ticket; if not, run this notebook again."),
    Outcome.ESCALATED: Ending(
        "The expert goes on from the note on the ticket; stay in touch with the customer until then.",
        "expert",
        "the work of the expert, who has the case",
    ),
    Outcome.WAITING_FOR_CUSTOMER: Ending(
        "When the customer has answered, run this notebook again.", "customer", "the customer's answer"
    ),
    Outcome.OUT_OF_SCOPE: Ending("Answer the customer yourself; nothing was sent to them."),
}


class Status(StrEnum):
    COMPLETED = "completed"
    NEEDS_ANSWER = "needs_answer"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    KILLED = "killed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Source(StrEnum):
    """The source of a fact, as shown to the reader."""

    TICKET = "ticket"
    ORGANIZATION = "organization"
    LICENSE_FILE = "license file"
    SCREENSHOT = "screenshot"
    CUSTOMERSDOT = "CustomersDot"
    ENGINEER = "engineer"


class Answer(StrEnum):
    """Yes, no, or not known, so that *unknown* is never mistaken for *no*."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class EffectState(StrEnum):
    """The state of an effect after this run."""

    PLANNED = "planned"
    DONE = "done"
    ADOPTED = "adopted"
    ALREADY_DONE = "already_done"
    UNAVAILABLE = "unavailable"

    @property
    def words(self) -> str:
        """For people: *done before, not repeated*."""
        return effect_words(self)


@dataclass(frozen=True)
class Person:
    """A Zendesk user. `email` is unchecked, and None if Zendesk has none.

    `role` is the vendor's word: end-user, agent or admin; "" if not known. `role_type` and `custom_role_id` refine an
    agent's role; None if they do not apply.
    """

    id: int
    name: str
    email: str | None = None
    role: str = ""
    suspended: bool = False
    only_private_comments: bool = False
    role_type: int | None = None
    custom_role_id: int | None = None

    @property
    def is_agent(self) -> bool:
        """Whether this is an agent or admin, not an end user. Source: Zendesk API reference, users, `role`."""
        return self.role in ("agent", "admin")


@dataclass(frozen=True)
class Organization:
    """A Zendesk organization with its custom fields, by field key, and its mail domains."""

    id: int
    name: str
    fields: Mapping[str, object] = field(default_factory=dict)
    domains: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ticket:
    """A Zendesk ticket with its requester and organization.

    `updated_stamp` is the vendor's text of `updated_at`, which a safe update sends back unchanged.
    `is_merged` is true if it was closed by a merge into another ticket.
    """

    id: int
    subject: str
    status: str
    created_at: datetime
    updated_stamp: str
    requester: Person
    organization: Organization | None
    assignee_id: int | None
    assignee_name: str | None
    url: str
    is_merged: bool = False
    description: str = ""  # its first comment, by any author


@dataclass(frozen=True)
class Attachment:
    """A file on a comment; `size` in bytes, as the vendor states it."""

    id: int
    file_name: str
    content_url: str
    content_type: str
    size: int
    malware: str = ""  # the vendor's `malware_scan_result`; "" if not given
    malware_is_allowed: bool = False  # whether an agent has allowed access in spite of it
    mapped_url: str = ""  # the same content at the host-mapped domain, or ""


@dataclass(frozen=True)
class Comment:
    """One comment of a ticket's thread.

    `body` is redacted. `raw` and `raw_html` are as received, only for the finder of licenses: never show them.
    `author` is None if Zendesk does not give the user.
    """

    id: int
    author_id: int
    body: str
    public: bool
    created_at: datetime
    attachments: tuple[Attachment, ...] = ()
    author: Person | None = None
    raw: str = field(repr=False, compare=False, default="")
    raw_html: str = field(repr=False, compare=False, default="")


@dataclass(frozen=True)
class TrackerIssue:
    """An issue of the internal-requests tracker.

    A success issue's description has a copy of the license. `description` is redacted; `raw` is as received, for the
    finder of licenses and for updates: never show it.
    """

    iid: int
    title: str
    state: str
    labels: tuple[str, ...]
    created_at: datetime
    url: str
    description: str = field(repr=False, default="")
    raw: str = field(repr=False, compare=False, default="")


@dataclass(frozen=True)
class Pipeline:
    """A GitLab pipeline. `status` is the vendor's word: created, pending, running, success, failed ...

    `updated_at` is when the status last changed, or None.
    """

    id: int
    status: str
    url: str
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Account:
    id: int
    email: str
    name: str = ""
    company: str = ""


@dataclass(frozen=True)
class SoldLicense:
    """A license as CustomersDot lists it for an account; None for missing columns."""

    id: int
    subscription_name: str  # the subscription's name, as in Seat Link rows
    plan: str | None = None
    starts_on: date | None = None
    expires_on: date | None = None
    users: int | None = None
    cloud: bool | None = None  # whether it is an online cloud license; a file license never syncs
    trial: bool = False  # whether it is a trial, and so was not bought


@dataclass(frozen=True)
class SeatLink:
    """One row of the Seat Link page: a report of an instance."""

    id: int
    created_at: datetime  # when the row was received
    report_at: datetime | None  # the report's own time, usually of the previous day, or None
    subscription_name: str
    hostname: str = ""
    instance_id: str = ""


@dataclass(frozen=True)
class Fact:
    """A fact that the case is decided by."""

    name: str  # one of the names in `parameters`, such as `plan` or `expires_on`
    value: object  # the value, already checked and typed
    source: Source
    detail: str = ""  # where exactly, for the reader: a file name, an organization field, a parameter


_TRUST = (
    *(Source.ENGINEER, Source.CUSTOMERSDOT, Source.ORGANIZATION),
    *(Source.SCREENSHOT, Source.LICENSE_FILE, Source.TICKET),
)


@dataclass(frozen=True)
class Facts:
    """All facts of a case. Of several sources for one fact, the most trusted one counts.

    In order of trust: the engineer's answer, our records, the customer's evidence. A screenshot, which shows the
    instance itself, is trusted more than a license file, whose signature does not prove its contents. Where our records
    and the customer's evidence contradict each other, `evidence` decides what to ask.
    """

    known: tuple[Fact, ...] = ()

    def best(self, name: str) -> Fact | None:
        """The fact that counts: of the most trusted source, the first of several."""
        found = [fact for fact in self.known if fact.name == name]
        return min(found, key=lambda fact: _TRUST.index(fact.source), default=None)

    def value(self, name: str) -> object | None:
        """The value that counts, or None if not known."""
        fact = self.best(name)
        return fact.value if fact else None

    def without_engineer(self) -> Facts:
        """Those that no engineer has typed, or read off a screenshot and confirmed."""
        return Facts(tuple(fact for fact in self.known if fact.source not in (Source.ENGINEER, Source.SCREENSHOT)))

    def standing(self, fact: Fact) -> str:
        """How a fact compares with the one that counts: `counts`, `agrees` or `differs`."""
        best = self.best(fact.name)
        if best is None or fact is best:
            return "counts"
        return "agrees" if fact.value == best.value else "differs"

    def conflicts(self) -> tuple[tuple[Fact, Fact], ...]:
        """The facts that another source contradicts: (the one that counts, the one that differs)."""
        pairs = ((self.best(fact.name), fact) for fact in self.known)
        return tuple((best, fact) for best, fact in pairs if best and best.value != fact.value)


@dataclass(frozen=True)
class Ruling:
    rule: str  # the rule as a short question, such as "Paid plan?"
    holds: Answer  # YES, NO, or UNKNOWN when a fact is missing
    reason: str  # why, with the values; for NO also what to do instead
    origin: str  # the source of the rule, for the reader
    missing: tuple[str, ...] = ()  # the parameters that would settle it
    # The facts that a NO was decided by; a file that could not be read and may show one of them may change it
    rests_on: tuple[str, ...] = ()
    instead: str = ""  # the runbook that a NO leads to, or ""


@dataclass(frozen=True)
class Window:
    """The days around an expiry: the end of the grace period, and the last day on which the runbook applies."""

    expires_on: date
    grace_ends_on: date
    last_day_on: date
    emergency_on: date

    @property
    def days_after_grace(self) -> int:
        """Whole days from the end of the grace period to the emergency; negative while it still runs."""
        return (self.emergency_on - self.grace_ends_on).days


@dataclass(frozen=True)
class Verdict:
    """The scope decision: the rulings of all rules."""

    rulings: tuple[Ruling, ...]
    window: Window | None = None

    @property
    def in_scope(self) -> Answer:
        """NO if any rule says no; YES only if there are rules and all say yes."""
        holds = [ruling.holds for ruling in self.rulings]
        if Answer.NO in holds:
            return Answer.NO
        return Answer.YES if holds and all(h is Answer.YES for h in holds) else Answer.UNKNOWN

    @property
    def instead(self) -> str:
        """The runbook that the ticket belongs to, if that alone is against this one; or ""."""
        against = [ruling for ruling in self.rulings if ruling.holds is Answer.NO]
        return against[0].instead if len(against) == 1 else ""

    @property
    def missing(self) -> tuple[str, ...]:
        """The missing parameters of all rules, each once, in the order of the rules."""
        return tuple(dict.fromkeys(name for ruling in self.rulings for name in ruling.missing))


@dataclass(frozen=True)
class SeatAdvice:
    """The user count suggested for the license, with the reason in a sentence; None if nothing is known."""

    users: int | None
    reason: str


@dataclass(frozen=True)
class Check:
    """One check, whether it passed, and the value that was seen."""

    what: str
    passed: bool
    seen: str


@dataclass(frozen=True)
class Evidence:
    """Proof that an effect is there."""

    summary: str  # one line for the reader
    url: str = ""  # where to see it, or ""
    reference: str = ""  # the service's id of it (comment id, message ts, issue iid ...)

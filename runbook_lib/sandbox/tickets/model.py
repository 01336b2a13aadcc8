"""What practice tickets are made of, and what their runs must come to. It does no I/O.

Every date counts from the ticket's own: the Saturday before the world's date, or for tickets of the week the last
working day before it. A license's `grace_ended_days` says how many days before that its grace period, 14 days after
expiry, ended; negative: still to run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Literal

from runbook_lib.domain.models import Outcome, Status
from runbook_lib.domain.routing import WEEKEND

__all__ = [
    "COLLEAGUE",
    "ENGINEER",
    "GENERATED_BYTES",
    "Account",
    "Attachment",
    "Company",
    "Expected",
    "File",
    "Generated",
    "LicenseFile",
    "Missing",
    "Note",
    "Person",
    "PracticeTicket",
    "Screenshot",
    "SeatLink",
    "Served",
    "Sold",
    "TrackerIssue",
    "emergency_date",
    "weekday_date",
]

GRACE_DAYS = 14
"""Days from a license's expiry to the end of its grace period.

Source: both workflow documents in `seeds/`, *Scope*.
"""

GENERATED_BYTES = 50 * 1024 * 1024
"""Size of the attachment that is made while it is read."""

_SATURDAY = 5


def emergency_date(world_date: date) -> date:
    """The Saturday strictly before a world's date: when the tickets of the weekend came in."""
    return world_date - timedelta(days=(world_date.weekday() - _SATURDAY - 1) % 7 + 1)


def weekday_date(world_date: date) -> date:
    """The last Monday to Friday strictly before a world's date: when the tickets of the week came in."""
    day = world_date - timedelta(days=1)
    return day - timedelta(days=max(0, day.weekday() - _SATURDAY + 1))


@dataclass(frozen=True)
class Person:
    """Somebody with a name and an address, as Zendesk has them."""

    name: str
    email: str


@dataclass(frozen=True, kw_only=True)
class Company:
    """An organization in Zendesk, with what support knows about its subscription.

    Attributes:
        plan: `premium`, `ultimate`, `starter`, `free`, or None where nothing was ever bought.
        deployment: `self_managed` or `gitlab_com`.
        account_type: `customer` or `prospect`.
        seats: Users that were sold, or None where support's records say nothing.
    """

    name: str
    plan: str | None = "premium"
    deployment: str = "self_managed"
    account_type: str = "customer"
    seats: int | None = None


@dataclass(frozen=True, kw_only=True)
class LicenseFile:
    """A license file, to be signed when the world is made.

    Attributes:
        name: The file's name.
        grace_ended_days: Days from the end of its grace period to the ticket's date.
        term_days: Days from its start to its expiry.
        trial: Whether it is a trial, such as an extension made by Sales.
        foreign_key: Whether a key other than the world's signs it.
        is_export: Whether it comes as the license usage export, which holds the license in its first line.
        company: Whom it names, if not the ticket's organization.
        email: The address that it names, if not the requester's.
    """

    name: str
    grace_ended_days: int
    term_days: int = 365
    users: int = 250
    plan: str = "premium"
    trial: bool = False
    foreign_key: bool = False
    is_export: bool = False
    company: str | None = None
    email: str | None = None

    def expires_on(self, emergency: date) -> date:
        """The day it expires, given the emergency's date."""
        return emergency - timedelta(days=GRACE_DAYS + self.grace_ended_days)


@dataclass(frozen=True)
class File:
    """A file of any other kind, with its bytes."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Screenshot:
    """A picture of one of GitLab's admin pages, to be drawn when the world is made.

    Attributes:
        name: The file's name.
        page: `dashboard` or `subscription`.
        grace_ended_days: Days from the end of the license's grace period to the ticket's date.
    """

    name: str
    page: Literal["dashboard", "subscription"]
    grace_ended_days: int
    plan: str = "Premium"
    users: int = 250
    billable: int = 231
    maximum: int = 254

    def expires_on(self, emergency: date) -> date:
        """The day the license expired, given the emergency's date."""
        return emergency - timedelta(days=GRACE_DAYS + self.grace_ended_days)


@dataclass(frozen=True)
class Missing:
    """An attachment that is listed, but whose content is gone."""

    name: str


@dataclass(frozen=True)
class Generated:
    """An attachment of `GENERATED_BYTES`, kept nowhere."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Served:
    """An attachment that Zendesk serves in another way than most.

    Attributes:
        file: What is attached.
        inline: Whether it stands within the comment's text.
        access: `open` to whoever has its address; `private`: only with credentials; `session`: only in a browser.
        malware: What the scan found, in Zendesk's words.
        malware_allowed: Whether an agent has allowed access in spite of it.
    """

    file: LicenseFile | File | Screenshot | Missing | Generated
    inline: bool = False
    access: Literal["open", "private", "session"] = "open"
    malware: Literal["malware_found", "malware_not_found", "failed_to_scan", "not_scanned"] = "malware_not_found"
    malware_allowed: bool = False


Attachment = LicenseFile | File | Screenshot | Missing | Generated | Served


@dataclass(frozen=True)
class Note:
    """A later comment, some minutes after the ticket came in: by the colleague and internal, unless it says more."""

    text: str
    after_minutes: int
    public: bool = False
    by_requester: bool = False


@dataclass(frozen=True, kw_only=True)
class Sold:
    """A license that CustomersDot lists for an account.

    Attributes:
        subscription: The subscription's name.
        expired_days: Days from its expiry to the ticket's date; negative: it still runs.
        cloud: Whether it is an online cloud license.
    """

    subscription: str
    expired_days: int = 15
    cloud: bool = True
    plan: str = "premium"
    users: int = 120
    term_days: int = 365


@dataclass(frozen=True, kw_only=True)
class Account:
    """A CustomersDot account, of the requester or of somebody else."""

    person: Person
    company: str
    licenses: tuple[Sold, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SeatLink:
    """One row of the Seat Link page; its report is of the end of the day before.

    Attributes:
        days_before: Days from the day of its receipt to the ticket's date.
        at: When it was received.
    """

    subscription: str
    days_before: int
    at: time
    hostname: str
    instance: str


@dataclass(frozen=True, kw_only=True)
class TrackerIssue:
    """An issue that an earlier job left in the tracker.

    Attributes:
        email: Whose license it is.
        success: Whether it is closed with a copy, or open with a reason.
        minutes: Minutes from the ticket's opening to the issue's; negative: before it.
        days_before: Whole days to put before that.
        foreign_key: Whether a key other than the world's signed the copy.
        copy: Whether it holds its copy.
    """

    email: str
    success: bool
    minutes: int
    days_before: int = 0
    users: int = 250
    foreign_key: bool = False
    copy: bool = True


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the performed run of a practice ticket must come to.

    Attributes:
        outcome: How the case ends, or None where a person is needed.
        runbook: The runbook that ends the case.
        through: The runbook that `start_here` names before, where that one hands over.
        status: How the run ends.
        because: Words that the summary must have.
        missing: The parameters that the run asks for.
        answers: What an engineer passes then, as it was pasted; with them a license is issued.
    """

    outcome: Outcome | None = None
    runbook: str = WEEKEND
    through: str = ""
    status: Status = Status.COMPLETED
    because: str = ""
    missing: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()

    @property
    def end(self) -> Outcome | Status:
        """The outcome, or the status where the case cannot end."""
        return self.outcome or self.status

    @property
    def is_routed(self) -> bool:
        """Whether it is run by the ticket's number alone, so that `start_here` has to choose the runbook."""
        return self.through != "" or self.runbook != WEEKEND


@dataclass(frozen=True, kw_only=True)
class PracticeTicket:
    """One ticket of a new world.

    `company` is None where Zendesk does not know the organization. A ticket `opened_by_colleague` is in the
    requester's name, and its first comment is the colleague's.

    Attributes:
        case: What is special about it, in a few words.
        expected: What its run must come to; None for one that something is wrong with.
        tags: Further tags, beside those that each ticket has.
        pasted: A license that stands in the text, quoted as in a forwarded mail, in the place of `{license}`.
    """

    id: int
    case: str
    at: time
    requester: Person
    company: Company | None
    subject: str
    text: str
    expected: Expected | None = None
    attachments: tuple[Attachment, ...] = ()
    pasted: LicenseFile | None = None
    notes: tuple[Note, ...] = ()
    status: str = "open"
    assigned: bool = False
    weekday: bool = False
    accounts: tuple[Account, ...] = ()
    seat_links: tuple[SeatLink, ...] = ()
    issues: tuple[TrackerIssue, ...] = ()
    opened_by_colleague: bool = False
    tags: tuple[str, ...] = ()

    def date(self, world_date: date) -> date:
        """The day on which it came in."""
        return weekday_date(world_date) if self.weekday else emergency_date(world_date)


ENGINEER = Person("Practice Engineer", "practice.engineer@support.example")
COLLEAGUE = Person("Robin Weekend", "robin.weekend@support.example")

"""The data of practice tickets, with the expected results of their runs. It does no I/O.

Every date counts from the ticket's own: the Saturday before the world's date, or for tickets of the week the last
working day before it. What a ticket leaves out is as it mostly is. An unknown field is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Literal

from pydantic import ConfigDict

from runbook_lib.domain.models import Outcome, Status
from runbook_lib.domain.policy import GRACE_DAYS
from runbook_lib.domain.routing import NOT_RECEIVED, WEEKDAY, WEEKEND

_SATURDAY = 5


def emergency_date(world_date: date) -> date:
    """The Saturday strictly before a world's date: when the tickets of the weekend came in."""
    return world_date - timedelta(days=(world_date.weekday() - _SATURDAY - 1) % 7 + 1)


def weekday_date(world_date: date) -> date:
    """The last Monday to Friday strictly before a world's date: when the tickets of the week came in."""
    day = world_date - timedelta(days=1)
    return day - timedelta(days=max(0, day.weekday() - _SATURDAY + 1))


class _Strict:
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Person(_Strict):
    """A person with a name and an address, as Zendesk has them."""

    name: str
    email: str


@dataclass(frozen=True)
class Company(_Strict):
    """An organization in Zendesk, with what support knows about its subscription."""

    name: str
    plan: str = "premium"  # `premium`, `ultimate`, `starter`, `free`, or "" where nothing was ever bought
    deployment: str = "self_managed"  # `self_managed` or `gitlab_com`
    account_type: str = "customer"  # `customer` or `prospect`
    seats: int | None = None  # users that were sold, or None where support's records say nothing


@dataclass(frozen=True, kw_only=True)
class Attachment(_Strict):
    """A file of a ticket's first comment, and how Zendesk serves it."""

    name: str
    # `open`: its address is enough; `private`: only with credentials; `session`: only in a browser.
    access: Literal["open", "private", "session"] = "open"
    # What the scan found, in Zendesk's words.
    malware: Literal["malware_found", "malware_not_found", "failed_to_scan", "not_scanned"] = "malware_not_found"


@dataclass(frozen=True, kw_only=True)
class OfLicense(Attachment):
    """Something that shows when a license expires."""

    grace_ended_days: int = 1  # days from the end of its grace period to the ticket's date; negative: still to run
    users: int = 250

    def expires_on(self, emergency: date) -> date:
        """The day it expires, given the ticket's date."""
        return emergency - timedelta(days=GRACE_DAYS + self.grace_ended_days)


@dataclass(frozen=True, kw_only=True)
class LicenseFile(OfLicense):
    """A license file, to be signed when the world is made."""

    name: str = ""  # if not named after the requester's domain
    term_days: int = 365  # days from its start to its expiry
    plan: str = "premium"
    trial: bool = False  # such as an extension made by Sales
    foreign_key: bool = False  # whether a key other than the world's signs it
    is_export: bool = False  # whether it comes as the license usage export, which holds the license in its first line
    company: str | None = None  # whom it names, if not the ticket's organization
    email: str | None = None  # the address that it names, if not the requester's


@dataclass(frozen=True, kw_only=True)
class Screenshot(OfLicense):
    """A picture of one of GitLab's admin pages, to be drawn when the world is made."""

    page: Literal["dashboard", "subscription"]
    plan: str = "Premium"
    billable: int = 231
    maximum: int = 254


@dataclass(frozen=True, kw_only=True)
class File(Attachment):
    content: str  # its bytes, as Latin-1
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class UnstoredFile(Attachment):
    """A file that is listed without being kept: its content was removed, or is made while it is read."""

    source: Literal["missing", "generated"]
    size: int  # bytes


@dataclass(frozen=True)
class Note(_Strict):
    """A later comment, some minutes after the ticket came in: by the colleague and internal, unless it says more."""

    text: str
    after_minutes: int
    public: bool = False
    by_requester: bool = False


@dataclass(frozen=True)
class Sold(_Strict):
    """A license that CustomersDot lists for an account."""

    subscription: str
    expired_days: int = 15  # days from its expiry to the ticket's date; negative: it still runs
    cloud: bool = True  # an online cloud license
    plan: str = "premium"
    users: int = 120


@dataclass(frozen=True, kw_only=True)
class Account(_Strict):
    licenses: tuple[Sold, ...] = ()
    person: Person | None = None  # whose it is, if not the requester's
    company: str | None = None  # if not the ticket's organization


@dataclass(frozen=True, kw_only=True)
class SeatLinks(_Strict):
    """An instance's rows on the Seat Link page, one a day; each reports the end of the day before."""

    subscription: str
    hostname: str
    instance: str
    days_before: tuple[int, int]  # days from the receipt of the first and of the last to the ticket's date
    at: time = time(4, 20, 12)  # when a row of the ticket's date is received; others are, by a minute a day, later


@dataclass(frozen=True, kw_only=True)
class TrackerIssue(_Strict):
    """An issue that an earlier job left in the tracker, for a license of 250 users."""

    success: bool  # whether it is closed with a copy, or open with a reason
    minutes: int  # minutes from the ticket's opening to the issue's; negative: before it
    days_before: int = 0  # whole days to put before that
    email: str = ""  # whose license it is, if not the requester's
    foreign_key: bool = False  # whether a key other than the world's signed the copy
    copy: bool = True  # whether it holds its copy


@dataclass(frozen=True, kw_only=True)
class Expected(_Strict):
    """The expected result of the performed run of a practice ticket."""

    outcome: Outcome | None = None  # how the case ends, or None where a person is needed
    runbook: str = WEEKEND  # the runbook that ends the case
    through: str = ""  # the runbook that `start_here` names before, where that one hands over
    status: Status = Status.COMPLETED  # how the run ends
    because: str = ""  # words that the summary must have
    missing: tuple[str, ...] = ()  # the parameters that the run asks for
    # What an engineer passes then, as it was pasted; with them a license is issued.
    answers: tuple[tuple[str, str], ...] = ()

    @property
    def end(self) -> Outcome | Status:
        """The outcome, or the status where the case cannot end."""
        return self.outcome or self.status

    @property
    def is_routed(self) -> bool:
        """Whether it is run by the ticket's number alone, so that `start_here` has to choose the runbook."""
        return self.through != "" or self.runbook in (WEEKDAY, NOT_RECEIVED)


@dataclass(frozen=True, kw_only=True)
class PracticeTicket(_Strict):
    id: int
    case: str  # what is special about it, in a few words
    expected: Expected | None = None  # its run's expected result; None for a ticket that is faulty on purpose
    at: time
    requester: Person
    company: Company | None = None  # None where Zendesk does not know the organization
    subject: str
    text: str  # of the first comment; `{long}` in it stands for 4,000 letters
    attachments: tuple[LicenseFile | Screenshot | File | UnstoredFile, ...] = ()
    pasted: LicenseFile | None = None  # a license, quoted as in a forwarded mail, in place of `{license}` in the text
    notes: tuple[Note, ...] = ()
    status: str = "open"
    assigned: bool = False  # to the colleague
    weekday: bool = False
    accounts: tuple[Account, ...] = ()
    seat_links: tuple[SeatLinks, ...] = ()
    issues: tuple[TrackerIssue, ...] = ()
    opened_by_colleague: bool = False  # in the requester's name; the first comment is the colleague's
    tags: tuple[str, ...] = ()  # further tags, beside those that each ticket has

    @property
    def company_name(self) -> str:
        """The organization's name, or "" where Zendesk does not know it."""
        return self.company.name if self.company else ""

    def date(self, world_date: date) -> date:
        """The day on which it came in."""
        return weekday_date(world_date) if self.weekday else emergency_date(world_date)


ENGINEER = Person("Practice Engineer", "practice.engineer@support.example")
COLLEAGUE = Person("Robin Weekend", "robin.weekend@support.example")

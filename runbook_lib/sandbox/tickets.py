"""What practice tickets are made of, and those of the weekend emergency, as data. It does no I/O.

Every date counts from the ticket's own: the Saturday before the world's date, or for tickets of the week the last
working day before it. A license's `grace_ended_days` says how many days before that its grace period, 14 days after
expiry, ended; negative: still to run.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Literal

__all__ = [
    "COLLEAGUE",
    "ENGINEER",
    "GENERATED_BYTES",
    "TICKETS",
    "Account",
    "Attachment",
    "Company",
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
class PracticeTicket:
    """One ticket of a new world.

    `company` is None where Zendesk does not know the organization. A ticket `opened_by_colleague` is in the
    requester's name, and its first comment is the colleague's.

    Attributes:
        tags: Further tags, beside those that each ticket has.
        pasted: A license that stands in the text, quoted as in a forwarded mail, in the place of `{license}`.
    """

    id: int
    at: time
    requester: Person
    company: Company | None
    subject: str
    text: str
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


def _png() -> bytes:
    """A picture of one gray pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\x7f")) + chunk(b"IEND", b"")
    )


_HOSTILE_TEXT = "\n".join(
    [
        "<script>alert('ticket')</script><img src=x onerror=alert(1)><b>bold</b> &amp; &lt;i&gt;",
        "</textarea></style></pre><iframe src=javascript:alert(2)></iframe>",
        "Hey <!channel> <@U0123> <https://evil.example|click here>, {{ticket.requester.email}} {% raw %}",
        '=cmd()|"/c calc"!A1 +1+1 -2 @SUM(1)',
        "../../../etc/passwd ..\\..\\x %00 %2e%2e/",
        "\u202egnp.exe\u202c \u200f\u2066\u2069 \u2028 \ufeff",
        "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x00 \x08 \x7f \x9b31m",
        "```python\nraise SystemExit\n``` [link](javascript:alert(3)) ![x](https://evil.example/pixel)",
        "Our instance is read-only since the license ran out, please help. " + "A" * 4000,
    ]
)

TICKETS = (
    PracticeTicket(
        id=1001,
        at=time(9, 4),
        requester=Person("Maya Lindqvist", "maya.lindqvist@nordlicht-analytics.example"),
        company=Company(name="Nordlicht Analytics", seats=250),
        subject="License expired, GitLab is read-only",
        text="Hello,\n\nsince this morning nobody can push, GitLab says that the license has expired. Our renewal is "
        "with purchasing and will not be signed before Monday, and we have a release tonight.\n\nThe license file "
        "that we use is attached. Can you help us over the weekend?\n\nMaya Lindqvist\nNordlicht Analytics",
        attachments=(LicenseFile(name="nordlicht-analytics.gitlab-license", grace_ended_days=1),),
    ),
    PracticeTicket(
        id=1002,
        at=time(9, 11),
        requester=Person("Tomás Herrera", "therrera@puerto-logistica.example"),
        company=Company(name="Puerto Logística"),
        subject="URGENT: cannot merge anything",
        text="Hi support, GitLab refuses every push with a message about an expired license. I am not the one who "
        "installed it and I do not have the file. What do you need from us?\n\nTomás",
        status="new",
    ),
    PracticeTicket(
        id=1003,
        at=time(9, 19),
        requester=Person("Aisha Okonkwo", "aisha.okonkwo@lagos-grid.example"),
        company=Company(name="Lagos Grid Systems", seats=250),
        subject="Red banner: your license has expired",
        text="Good morning, there is a red banner about our license on every page. Everything still works but I am "
        "worried that it stops during the weekend. License attached.\n\nRegards, Aisha Okonkwo",
        attachments=(LicenseFile(name="lagos-grid.gitlab-license", grace_ended_days=-4),),
    ),
    PracticeTicket(
        id=1004,
        at=time(9, 27),
        requester=Person("Pieter van den Berg", "p.vandenberg@polderbouw.example"),
        company=Company(name="Polderbouw", seats=250),
        subject="GitLab read-only since Tuesday",
        text="Since Tuesday our GitLab has been read-only. We thought that it would sort itself out. It has not. "
        "Please send us a new license, the old one is attached.\n\nPieter",
        attachments=(LicenseFile(name="polderbouw.gitlab-license", grace_ended_days=4),),
    ),
    PracticeTicket(
        id=1005,
        at=time(9, 33),
        requester=Person("Hana Suzuki", "hana.suzuki@kitsune-robotics.example"),
        company=Company(name="Kitsune Robotics", seats=250),
        subject="Production deploys blocked by expired license",
        text="Hello team,\nour deploys have been blocked since Wednesday because GitLab does not accept pushes. "
        "Please find our license attached. We are 250 people.\n\nThank you,\nHana Suzuki",
        attachments=(LicenseFile(name="kitsune-robotics.gitlab-license", grace_ended_days=3),),
    ),
    PracticeTicket(
        id=1006,
        at=time(9, 42),
        requester=Person("Jonas Weber", "jonas.weber@probierwerk.example"),
        company=Company(name="Probierwerk", plan=None, account_type="prospect"),
        subject="Our evaluation ended, we need a few more days",
        text="Hi, we evaluated GitLab with a trial license and it ended before we had decided. Could you extend it "
        "over the weekend? The team would like to go on testing.\n\nJonas",
        status="new",
    ),
    PracticeTicket(
        id=1007,
        at=time(9, 50),
        requester=Person("Chiara Bianchi", "chiara@bottega-software.example"),
        company=Company(name="Bottega Software", plan="free"),
        subject="Emergency license please",
        text="Hello, we run GitLab ourselves and need merge request approvals this weekend. A friend told me that "
        "support gives out emergency licenses. There are 12 of us.\n\nChiara",
        status="new",
    ),
    PracticeTicket(
        id=1008,
        at=time(9, 58),
        requester=Person("Rahul Mehta", "rahul.mehta@clouddabba.example"),
        company=Company(name="Clouddabba", deployment="gitlab_com"),
        subject="Our group on GitLab.com lost its Premium features",
        text="Hi, our group gitlab.com/clouddabba was Premium until yesterday and is Free today. Epics and approval "
        "rules are gone. Please restore it, we have an audit on Monday.\n\nRahul",
    ),
    PracticeTicket(
        id=1009,
        at=time(10, 6),
        requester=Person("Sophie Marchand", "s.marchand@atelier-numerique.example"),
        company=Company(name="Atelier Numérique", seats=250),
        subject="Temporary license expired as well",
        text="Hello,\nour contact in Sales gave us a temporary license last month, and now this one has run out too. "
        "Since yesterday GitLab has been read-only. I attach both files, the original and the temporary one.\n\n"
        "Sophie Marchand",
        attachments=(
            LicenseFile(name="atelier-numerique.gitlab-license", grace_ended_days=31),
            LicenseFile(
                name="atelier-numerique-extension.gitlab-license", grace_ended_days=1, term_days=30, trial=True
            ),
        ),
        notes=(
            Note(
                "For whoever takes this: Sales generated a temporary extension for them last month. It is the second "
                "file. An extension does not rule them out.",
                after_minutes=9,
            ),
        ),
    ),
    PracticeTicket(
        id=1010,
        at=time(10, 21),
        requester=Person("Grzegorz Nowak", "grzegorz.nowak@mailbox-full.example"),
        company=Company(name="Nowak Systemy", seats=250),
        subject="License expired over the weekend",
        text="Hello, GitLab stopped accepting pushes yesterday, license expired. File attached. Please send the new "
        "one to this address.\n\nGrzegorz Nowak",
        attachments=(LicenseFile(name="nowak-systemy.gitlab-license", grace_ended_days=1),),
    ),
    PracticeTicket(
        id=1011,
        at=time(10, 30),
        requester=Person(
            "<img src=x onerror=alert('name')> {{ticket.requester.email}} \u202eyrollaM\u202c",
            "mallory+emergency@hostile-names.example",
        ),
        company=Company(name="=cmd()|'<script>alert(\"org\")</script>' & Sons <!channel> ../../x", seats=250),
        subject="<script>alert('subject')</script> <!channel> {{ticket.requester.email}} =cmd() ../../x \x1b[31m\u202e",
        text=_HOSTILE_TEXT,
        attachments=(
            LicenseFile(name='../../x"><img src=x onerror=alert(1)>.gitlab-license', grace_ended_days=1),
            File("<script>alert('file')</script>.html", "text/html", b"<script>alert(document.domain)</script>"),
            File("=cmd()|'calc'!A1.csv", "text/csv", b"=cmd()|' /c calc'!A1,../../x\r\n"),
        ),
    ),
    PracticeTicket(
        id=1901,
        at=time(10, 36),
        requester=Person("Maya Lindqvist", "maya.lindqvist@nordlicht-analytics.example"),
        company=Company(name="Nordlicht Analytics", seats=250),
        subject="License expired (second ticket)",
        text="Hello, I opened another ticket for the same thing, please close this one.\n\nMaya",
        attachments=(LicenseFile(name="nordlicht-analytics.gitlab-license", grace_ended_days=1),),
        status="closed",
    ),
    PracticeTicket(
        id=1902,
        at=time(10, 44),
        requester=Person("Trần Đức", "duc.tran@songhuong-shipping.example"),
        company=Company(name="Sông Hương Shipping"),
        subject="License problem, logs attached",
        text="Hi, the license has expired. I attach everything that I found in the license folder.\n\nDuc",
        attachments=(Generated("everything.gitlab-license"),),
    ),
    PracticeTicket(
        id=1903,
        at=time(10, 52),
        requester=Person("Ingrid Solberg", "ingrid@fjordkraft-it.example"),
        company=Company(name="Fjordkraft IT"),
        subject="No pushes possible, license attached",
        text="Hello, the license is attached. We cannot push.\n\nIngrid",
        attachments=(Missing("fjordkraft-it.gitlab-license"),),
    ),
    PracticeTicket(
        id=1904,
        at=time(11, 0),
        requester=Person("Omar Haddad", "omar@cedarsoft.example"),
        company=Company(name="Cedarsoft"),
        subject="Please renew our license",
        text="Hi, here is our license (I took it from the admin page). It expired and we cannot work.\n\nOmar",
        attachments=(File("license.gitlab-license", "application/octet-stream", _png()),),
    ),
    PracticeTicket(
        id=1905,
        at=time(11, 8),
        requester=Person("Front Desk", "not an address"),
        company=Company(name="Harbor Clinic", seats=250),
        subject="GitLab license",
        text="The IT people are away and GitLab shows an expired license. They left me this file.",
        attachments=(LicenseFile(name="harbor-clinic.gitlab-license", grace_ended_days=1),),
    ),
    PracticeTicket(
        id=1906,
        at=time(11, 15),
        requester=Person("Lucía Fernández", "lucia.fernandez@meseta-datos.example"),
        company=Company(name="Meseta Datos", seats=250),
        subject="License ran out, instance locked",
        text="Hello, since yesterday our instance has been locked. License attached, 250 users.\n\nLucía Fernández",
        attachments=(LicenseFile(name="meseta-datos.gitlab-license", grace_ended_days=1),),
        assigned=True,
    ),
    PracticeTicket(
        id=1907,
        at=time(11, 24),
        requester=Person("Viktor Petrov", "v.petrov@balkanforge.example"),
        company=Company(name="Balkanforge", seats=250),
        subject="Expired license",
        text="Hello, our license has expired, see the file. Please replace it quickly.\n\nViktor",
        attachments=(LicenseFile(name="balkanforge.gitlab-license", grace_ended_days=1, foreign_key=True),),
    ),
    PracticeTicket(
        id=1908,
        at=time(11, 32),
        requester=Person("Amélie Dubois", "amelie.dubois@quai-logiciel.example"),
        company=Company(name="Quai Logiciel", plan=None),
        subject="Licence expirée - read-only since last night",
        text="Hello, our license has expired. Here are two screenshots of the admin area.\n\nAmélie Dubois",
        attachments=(
            Screenshot(name="dashboard.png", page="dashboard", grace_ended_days=1),
            Screenshot(name="subscription.png", page="subscription", grace_ended_days=1),
        ),
    ),
    PracticeTicket(
        id=1909,
        at=time(11, 40),
        requester=Person("Maya Lindqvist", "maya.lindqvist@nordlicht-analytics.example"),
        company=Company(name="Nordlicht Analytics", seats=250),
        subject="License expired (third ticket)",
        text="Hello, did you get my mail? This request was closed and merged into request #1004, I hope.\n\nMaya",
        notes=(
            Note('This request was closed and merged into request #1001 "License expired, GitLab is read-only".', 5),
        ),
        status="closed",
        tags=("closed_by_merge",),
    ),
)

"""The practice tickets of customers whose license mail never came, as data, with what the tracker holds for each."""

from __future__ import annotations

from datetime import time

from runbook_lib.domain.models import Outcome
from runbook_lib.domain.routing import NOT_RECEIVED
from runbook_lib.sandbox.tickets.model import Company, Expected, LicenseFile, Person, PracticeTicket, TrackerIssue

__all__ = ["TICKETS"]

_GRETA = Person("Greta Nilsson", "greta.nilsson@isbjorn-games.example")
_PAUL = Person("Paul Okafor", "paul.okafor@lagoon-trains.example")
_YUKI = Person("Yuki Mori", "yuki.mori@tsubame-post.example")
_ANNA = Person("Anna Berg", "anna.berg@fjellnett.example")
_DIEGO = Person("Diego Ramos", "diego.ramos@pampa-seeds.example")
_ZOE = Person("Zoe Martin", "zoe.martin@lighthouse-audio.example")
_KARIM = Person("Karim Benali", "karim.benali@atlas-optics.example")
_RUTH = Person("Ruth Cohen", "ruth.cohen@negev-solar.example")

TICKETS = (
    PracticeTicket(
        id=3001,
        case="mail not received; closed success issue",
        expected=Expected(outcome=Outcome.LICENSE_FOUND, runbook=NOT_RECEIVED, because="the copy was sent"),
        at=time(12, 30),
        requester=_GRETA,
        company=Company(name="Isbjörn Games", seats=250),
        subject="Where is our emergency license?",
        text="Hi, your colleague on the phone told me that a license was on its way half an hour ago. We have not "
        "received the mail, and our build servers are waiting.\n\nGreta",
        attachments=(LicenseFile(name="isbjorn-games.gitlab-license", grace_ended_days=1),),
        issues=(TrackerIssue(email=_GRETA.email, success=True, minutes=-30),),
    ),
    PracticeTicket(
        id=3002,
        case="mail not received; open failure issue",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, through=NOT_RECEIVED, because="10-day"),
        at=time(12, 45),
        requester=_PAUL,
        company=Company(name="Lagoon Trains", seats=250),
        subject="No license in my inbox",
        text="Hello, nothing has arrived in my inbox since your colleague promised the emergency license. Can you send "
        "it again?\n\nPaul Okafor",
        attachments=(LicenseFile(name="lagoon-trains.gitlab-license", grace_ended_days=2),),
        issues=(TrackerIssue(email=_PAUL.email, success=False, minutes=-20),),
    ),
    PracticeTicket(
        id=3003,
        case="mail not received; no issue at all",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, through=NOT_RECEIVED, because="10-day"),
        at=time(13, 2),
        requester=_YUKI,
        company=Company(name="Tsubame Post", seats=250),
        subject="The email never came",
        text="Hello, we asked for an emergency license this morning in the chat. The email never came. Our old license "
        "is attached.\n\nYuki Mori",
        attachments=(LicenseFile(name="tsubame-post.gitlab-license", grace_ended_days=1),),
    ),
    PracticeTicket(
        id=3004,
        case="mail not received; only other people's issues",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, through=NOT_RECEIVED, because="10-day"),
        at=time(13, 15),
        requester=_ANNA,
        company=Company(name="Fjellnett", seats=250),
        subject="Still waiting for the license",
        text="Hei, we still have not got any mail with the license. Nothing in the spam folder either.\n\nAnna",
        attachments=(LicenseFile(name="fjellnett.gitlab-license", grace_ended_days=1),),
        issues=(
            TrackerIssue(email="anna.berg@fjellnett.example.org", success=True, minutes=-50),
            TrackerIssue(email="anna@berg-fjellnett.example", success=True, minutes=-40),
            TrackerIssue(email="johanna.berg@fjellnett.example", success=True, minutes=-30),
        ),
    ),
    PracticeTicket(
        id=3005,
        case="mail not received; failure first, success later",
        expected=Expected(outcome=Outcome.LICENSE_FOUND, runbook=NOT_RECEIVED, because="the copy was sent"),
        at=time(12, 10),
        requester=_DIEGO,
        company=Company(name="Pampa Seeds", seats=250),
        subject="License mail missing",
        text="Hola, GitLab has been read-only since yesterday. Your colleague wanted to mail us a license, but I have "
        "not received any message.\n\nDiego Ramos",
        attachments=(LicenseFile(name="pampa-seeds.gitlab-license", grace_ended_days=1),),
        issues=(
            TrackerIssue(email=_DIEGO.email, success=False, minutes=10),
            TrackerIssue(email=_DIEGO.email, success=True, minutes=30),
        ),
    ),
    PracticeTicket(
        id=3006,
        case="mail not received; a success months ago",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, through=NOT_RECEIVED, because="10-day"),
        at=time(13, 40),
        requester=_ZOE,
        company=Company(name="Lighthouse Audio", seats=250),
        subject="Emergency license not received",
        text="Hello, our license ran out again, as it did in the summer. This time no mail with an emergency license "
        "has arrived.\n\nZoe Martin",
        attachments=(LicenseFile(name="lighthouse-audio.gitlab-license", grace_ended_days=1),),
        issues=(TrackerIssue(email=_ZOE.email, success=True, minutes=0, days_before=158),),
    ),
    PracticeTicket(
        id=3901,
        case="the copy is signed by somebody else",
        at=time(14, 0),
        requester=_KARIM,
        company=Company(name="Atlas Optics", seats=250),
        subject="License mail did not arrive",
        text="Hello, the mail with our license did not arrive.\n\nKarim",
        attachments=(LicenseFile(name="atlas-optics.gitlab-license", grace_ended_days=1),),
        issues=(TrackerIssue(email=_KARIM.email, success=True, minutes=-15, foreign_key=True),),
    ),
    PracticeTicket(
        id=3902,
        case="the copy was removed",
        at=time(14, 10),
        requester=_RUTH,
        company=Company(name="Negev Solar", seats=250),
        subject="We have not received the license",
        text="Hello, we have not received the license that you promised by mail.\n\nRuth",
        attachments=(LicenseFile(name="negev-solar.gitlab-license", grace_ended_days=1),),
        issues=(TrackerIssue(email=_RUTH.email, success=True, minutes=-15, copy=False),),
    ),
)

"""The practice tickets of customers whose license mail never came, as data, with what the tracker holds for each."""

from __future__ import annotations

from datetime import time

from runbook_lib.domain.models import Outcome
from runbook_lib.domain.routing import NOT_RECEIVED
from runbook_lib.sandbox.tickets.model import Company, Expected, LicenseFile, Person, PracticeTicket, TrackerIssue

__all__ = ["TICKETS"]


TICKETS = (
    PracticeTicket(
        id=3001,
        case="mail not received; closed success issue",
        expected=Expected(outcome=Outcome.LICENSE_FOUND, runbook=NOT_RECEIVED, because="the copy was sent"),
        at=time(12, 30),
        requester=Person("Greta Nilsson", "greta.nilsson@isbjorn-games.example"),
        company=Company("Isbjörn Games", seats=250),
        subject="Where is our emergency license?",
        text="Hi, your colleague on the phone told me that a license was on its way half an hour ago. We have not "
        "received the mail, and our build servers are waiting.\n\nGreta",
        attachments=(LicenseFile(),),
        issues=(TrackerIssue(success=True, minutes=-30),),
    ),
    PracticeTicket(
        id=3002,
        case="mail not received; open failure issue",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, through=NOT_RECEIVED, because="10-day"),
        at=time(12, 45),
        requester=Person("Paul Okafor", "paul.okafor@lagoon-trains.example"),
        company=Company("Lagoon Trains", seats=250),
        subject="No license in my inbox",
        text="Hello, nothing has arrived in my inbox since your colleague promised the emergency license. Can you send "
        "it again?\n\nPaul Okafor",
        attachments=(LicenseFile(grace_ended_days=2),),
        issues=(TrackerIssue(success=False, minutes=-20),),
    ),
    PracticeTicket(
        id=3003,
        case="mail not received; no issue at all",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, through=NOT_RECEIVED, because="10-day"),
        at=time(13, 2),
        requester=Person("Yuki Mori", "yuki.mori@tsubame-post.example"),
        company=Company("Tsubame Post", seats=250),
        subject="The email never came",
        text="Hello, we asked for an emergency license this morning in the chat. The email never came. Our old license "
        "is attached.\n\nYuki Mori",
        attachments=(LicenseFile(),),
    ),
    PracticeTicket(
        id=3004,
        case="mail not received; only other people's issues",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, through=NOT_RECEIVED, because="10-day"),
        at=time(13, 15),
        requester=Person("Anna Berg", "anna.berg@fjellnett.example"),
        company=Company("Fjellnett", seats=250),
        subject="Still waiting for the license",
        text="Hei, we still have not got any mail with the license. Nothing in the spam folder either.\n\nAnna",
        attachments=(LicenseFile(),),
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
        requester=Person("Diego Ramos", "diego.ramos@pampa-seeds.example"),
        company=Company("Pampa Seeds", seats=250),
        subject="License mail missing",
        text="Hola, GitLab has been read-only since yesterday. Your colleague wanted to mail us a license, but I have "
        "not received any message.\n\nDiego Ramos",
        attachments=(LicenseFile(),),
        issues=(TrackerIssue(success=False, minutes=10), TrackerIssue(success=True, minutes=30)),
    ),
    PracticeTicket(
        id=3006,
        case="mail not received; a success months ago",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, through=NOT_RECEIVED, because="10-day"),
        at=time(13, 40),
        requester=Person("Zoe Martin", "zoe.martin@lighthouse-audio.example"),
        company=Company("Lighthouse Audio", seats=250),
        subject="Emergency license not received",
        text="Hello, our license ran out again, as it did in the summer. This time no mail with an emergency license "
        "has arrived.\n\nZoe Martin",
        attachments=(LicenseFile(),),
        issues=(TrackerIssue(success=True, minutes=0, days_before=158),),
    ),
    PracticeTicket(
        id=3901,
        case="the copy is signed by somebody else",
        at=time(14, 0),
        requester=Person("Karim Benali", "karim.benali@atlas-optics.example"),
        company=Company("Atlas Optics", seats=250),
        subject="License mail did not arrive",
        text="Hello, the mail with our license did not arrive.\n\nKarim",
        attachments=(LicenseFile(),),
        issues=(TrackerIssue(success=True, minutes=-15, foreign_key=True),),
    ),
    PracticeTicket(
        id=3902,
        case="the copy was removed",
        at=time(14, 10),
        requester=Person("Ruth Cohen", "ruth.cohen@negev-solar.example"),
        company=Company("Negev Solar", seats=250),
        subject="We have not received the license",
        text="Hello, we have not received the license that you promised by mail.\n\nRuth",
        attachments=(LicenseFile(),),
        issues=(TrackerIssue(success=True, minutes=-15, copy=False),),
    ),
)

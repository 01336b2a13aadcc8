"""The practice tickets of the week, as data: one for each way through the decision tree, and two awkward ones."""

from __future__ import annotations

from datetime import time
from functools import partial

from runbook_lib.domain.models import Outcome
from runbook_lib.domain.routing import WEEKDAY
from runbook_lib.sandbox.tickets.model import (
    Account,
    Company,
    Expected,
    LicenseFile,
    Person,
    PracticeTicket,
    SeatLink,
    Sold,
)

__all__ = ["TICKETS"]


_Ticket = partial(PracticeTicket, weekday=True)


def _daily(
    subscription: str, hostname: str, instance: str, *days_before: int, minute: int = 20
) -> tuple[SeatLink, ...]:
    """Rows of one instance, one on each of these days."""
    times = [(days, time(4, (minute + days) % 60, 12)) for days in days_before]
    return tuple(SeatLink(subscription, hostname, instance, days, at) for days, at in times)


TICKETS = (
    _Ticket(
        id=2001,
        case="weekday; requester has no CustomersDot account",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="account in CustomersDot? no"),
        at=time(8, 12),
        requester=Person("Nadia Rahimi", "nadia.rahimi@silkroad-maps.example"),
        company=Company("Silk Road Maps"),
        subject="GitLab license expired",
        text="Good morning,\n\nour GitLab does not take pushes any more, it says that the license has expired. My "
        "colleagues in procurement handle the renewal, I only run the servers. The file we use is attached.\n\nNadia",
        attachments=(LicenseFile(name="silk-road-maps.gitlab-license"),),
        accounts=(
            Account(
                person=Person("Nadia Procurement", "procurement+nadia.rahimi@silkroad-maps.example"),
                licenses=(Sold("A-S00020011"),),
            ),
            Account(person=Person("Farid Aziz", "farid.aziz@silkroad-maps.example")),
        ),
    ),
    _Ticket(
        id=2002,
        case="account without access to the subscription",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="subscription"),
        at=time(8, 31),
        requester=Person("Olivier Dupont", "olivier.dupont@verrerie-dupont.example"),
        company=Company("Verrerie Dupont", plan="ultimate"),
        subject="License expirée",
        text="Hello, since yesterday our instance is read-only. I have an account at customers.gitlab.com, but I "
        "cannot see our subscription there. License attached.\n\nOlivier Dupont",
        attachments=(LicenseFile(plan="ultimate"),),
        accounts=(Account(),),
    ),
    _Ticket(
        id=2003,
        case="Seat Link row received that day, of the day before",
        expected=Expected(outcome=Outcome.RESOLVED_ITSELF, runbook=WEEKDAY, because="confirm"),
        at=time(4, 5),
        requester=Person("Emeka Obi", "emeka.obi@harmattan-energy.example"),
        company=Company("Harmattan Energy"),
        subject="Instance read-only, but we have renewed",
        text="Hi, GitLab was read-only when I came in. We renewed two weeks ago, so I do not understand why.\n\nEmeka",
        accounts=(Account(licenses=(Sold("A-S00020031"), Sold("A-S00020031", expired_days=-350))),),
        seat_links=_daily(
            "A-S00020031", "gitlab.harmattan-energy.example", "5b1f-2003", 6, 5, 4, 3, 2, 1, 0, minute=37
        ),
    ),
    _Ticket(
        id=2004,
        case="last Seat Link row the day before",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="current date"),
        at=time(8, 47),
        requester=Person("Lena Fischer", "lena.fischer@kiesgrube-it.example"),
        company=Company("Kiesgrube IT"),
        subject="Read-only since today",
        text="Hallo, our GitLab tells me that the license has expired and nobody can push. What do we have to do?\n\n"
        "Lena Fischer",
        accounts=(Account(licenses=(Sold("A-S00020041"),)),),
        seat_links=_daily("A-S00020041", "gitlab.kiesgrube-it.example", "5b1f-2004", 5, 4, 3, 2, 1),
    ),
    _Ticket(
        id=2005,
        case="opened 03:30 UTC, no row yet that day",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="03:00"),
        at=time(3, 30),
        requester=Person("Sofia Papadaki", "sofia.papadaki@meltemi-ferries.example"),
        company=Company("Meltemi Ferries"),
        subject="License expired, ferries leave at six",
        text="Hello, we deploy our timetable at night and GitLab has just refused the push: license expired. The first "
        "ferry leaves at six.\n\nSofia",
        accounts=(Account(licenses=(Sold("A-S00020051"),)),),
        seat_links=_daily("A-S00020051", "gitlab.meltemi-ferries.example", "5b1f-2005", 4, 3, 2, 1, minute=12),
    ),
    _Ticket(
        id=2006,
        case="license file, which never syncs",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="never sync"),
        at=time(9, 5),
        requester=Person("Arjun Rao", "arjun.rao@monsoon-meters.example"),
        company=Company("Monsoon Meters"),
        subject="Offline GitLab: license has run out",
        text="Hello,\nour GitLab is in a closed network, so we use a license file. It has run out and the renewal is "
        "ordered. File attached.\n\nArjun Rao",
        attachments=(LicenseFile(grace_ended_days=2),),
        accounts=(Account(licenses=(Sold("A-S00020061", expired_days=16, cloud=False, users=250),)),),
    ),
    _Ticket(
        id=2007,
        case="two instances, one of them synced that day",
        expected=Expected(outcome=Outcome.RESOLVED_ITSELF, runbook=WEEKDAY, because="gitlab-dr."),
        at=time(4, 20),
        requester=Person("Inês Carvalho", "ines.carvalho@azulejo-bank.example"),
        company=Company("Azulejo Bank", plan="ultimate"),
        subject="GitLab license",
        text="Bom dia, one of our instances says that the license has expired. We have a second one for disaster "
        "recovery, with the same subscription.\n\nInês Carvalho",
        accounts=(Account(licenses=(Sold("A-S00020071", plan="ultimate"),)),),
        seat_links=(
            *_daily("A-S00020071", "gitlab.azulejo-bank.example", "5b1f-2007a", 6, 5, 4, 3),
            *_daily("A-S00020071", "gitlab-dr.azulejo-bank.example", "5b1f-2007b", 3, 2, 1, 0, minute=52),
        ),
    ),
    _Ticket(
        id=2901,
        case="two accounts of the same person",
        at=time(9, 20),
        requester=Person("Uwe Brandt", "uwe.brandt@bergwerk-sued.example"),
        company=Company("Bergwerk Süd"),
        subject="Expired license, which account?",
        text="Hello, our license has expired. I think I have two accounts with you, one from before the merger.\n\n"
        "Uwe Brandt",
        attachments=(LicenseFile(),),
        accounts=(
            Account(company="Zeche Süd", licenses=(Sold("A-S00029011"),)),
            Account(licenses=(Sold("Bergwerk 100% Süd / Haus 2"),)),
        ),
        seat_links=(
            *_daily("Bergwerk 100% Süd / Haus 2", "git.bergwerk-sued.example", "5b1f-2901", 2, 1),
            SeatLink("Bergwerk 100% Süd / Haus 2", "git.bergwerk-sued.example", "5b1f-2901", 0, time(9, 40)),
        ),
    ),
    _Ticket(
        id=2902,
        case="several subscriptions",
        at=time(9, 33),
        requester=Person("Mei Tanaka", "mei.tanaka@sakura-freight.example"),
        company=Company("Sakura Freight"),
        subject="One of our licenses has expired",
        text="Hello, one of our three GitLab instances is read-only.\n\nMei Tanaka",
        accounts=(
            Account(
                licenses=(
                    Sold("A-S00029021"),
                    Sold("A-S00029022", expired_days=-90),
                    Sold("A-S00029023", expired_days=-200),
                )
            ),
        ),
        seat_links=(
            *_daily("A-S00029021", "git-a.sakura-freight.example", "5b1f-2902a", *range(65, 0, -1)),
            *_daily("A-S00029021", "git-b.sakura-freight.example", "5b1f-2902b", *range(65, 0, -1), minute=5),
        ),
    ),
)

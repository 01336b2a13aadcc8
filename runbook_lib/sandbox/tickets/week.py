"""The practice tickets of the week, as data: one for each way through the decision tree, and two awkward ones."""

from __future__ import annotations

from datetime import time

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


def _daily(
    subscription: str, hostname: str, instance: str, *days_before: int, minute: int = 20
) -> tuple[SeatLink, ...]:
    """Rows of one instance, one on each of these days."""
    return tuple(
        SeatLink(
            subscription=subscription,
            days_before=days,
            at=time(4, (minute + days) % 60, 12),
            hostname=hostname,
            instance=instance,
        )
        for days in days_before
    )


_NADIA = Person("Nadia Rahimi", "nadia.rahimi@silkroad-maps.example")
_OLIVIER = Person("Olivier Dupont", "olivier.dupont@verrerie-dupont.example")
_EMEKA = Person("Emeka Obi", "emeka.obi@harmattan-energy.example")
_LENA = Person("Lena Fischer", "lena.fischer@kiesgrube-it.example")
_SOFIA = Person("Sofia Papadaki", "sofia.papadaki@meltemi-ferries.example")
_ARJUN = Person("Arjun Rao", "arjun.rao@monsoon-meters.example")
_INES = Person("Inês Carvalho", "ines.carvalho@azulejo-bank.example")
_UWE = Person("Uwe Brandt", "uwe.brandt@bergwerk-sued.example")
_MEI = Person("Mei Tanaka", "mei.tanaka@sakura-freight.example")

TICKETS = (
    PracticeTicket(
        id=2001,
        case="weekday; requester has no CustomersDot account",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="account in CustomersDot? no"),
        weekday=True,
        at=time(8, 12),
        requester=_NADIA,
        company=Company(name="Silk Road Maps"),
        subject="GitLab license expired",
        text="Good morning,\n\nour GitLab does not take pushes any more, it says that the license has expired. My "
        "colleagues in procurement handle the renewal, I only run the servers. The file we use is attached.\n\nNadia",
        attachments=(LicenseFile(name="silk-road-maps.gitlab-license", grace_ended_days=1),),
        accounts=(
            Account(
                person=Person("Nadia Procurement", "procurement+nadia.rahimi@silkroad-maps.example"),
                company="Silk Road Maps",
                licenses=(Sold(subscription="A-S00020011"),),
            ),
            Account(person=Person("Farid Aziz", "farid.aziz@silkroad-maps.example"), company="Silk Road Maps"),
        ),
    ),
    PracticeTicket(
        id=2002,
        case="account without access to the subscription",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="subscription"),
        weekday=True,
        at=time(8, 31),
        requester=_OLIVIER,
        company=Company(name="Verrerie Dupont", plan="ultimate"),
        subject="License expirée",
        text="Hello, since yesterday our instance is read-only. I have an account at customers.gitlab.com, but I "
        "cannot see our subscription there. License attached.\n\nOlivier Dupont",
        attachments=(LicenseFile(name="verrerie-dupont.gitlab-license", grace_ended_days=1, plan="ultimate"),),
        accounts=(Account(person=_OLIVIER, company="Verrerie Dupont"),),
    ),
    PracticeTicket(
        id=2003,
        case="Seat Link row received that day, of the day before",
        expected=Expected(outcome=Outcome.RESOLVED_ITSELF, runbook=WEEKDAY, because="confirm"),
        weekday=True,
        at=time(4, 5),
        requester=_EMEKA,
        company=Company(name="Harmattan Energy"),
        subject="Instance read-only, but we have renewed",
        text="Hi, GitLab was read-only when I came in. We renewed two weeks ago, so I do not understand why.\n\nEmeka",
        accounts=(
            Account(
                person=_EMEKA,
                company="Harmattan Energy",
                licenses=(
                    Sold(subscription="A-S00020031"),
                    Sold(subscription="A-S00020031", expired_days=-350),
                ),
            ),
        ),
        seat_links=_daily(
            "A-S00020031", "gitlab.harmattan-energy.example", "5b1f-2003", 6, 5, 4, 3, 2, 1, 0, minute=37
        ),
    ),
    PracticeTicket(
        id=2004,
        case="last Seat Link row the day before",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="current date"),
        weekday=True,
        at=time(8, 47),
        requester=_LENA,
        company=Company(name="Kiesgrube IT"),
        subject="Read-only since today",
        text="Hallo, our GitLab tells me that the license has expired and nobody can push. What do we have to do?\n\n"
        "Lena Fischer",
        accounts=(Account(person=_LENA, company="Kiesgrube IT", licenses=(Sold(subscription="A-S00020041"),)),),
        seat_links=_daily("A-S00020041", "gitlab.kiesgrube-it.example", "5b1f-2004", 5, 4, 3, 2, 1),
    ),
    PracticeTicket(
        id=2005,
        case="opened 03:30 UTC, no row yet that day",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="03:00"),
        weekday=True,
        at=time(3, 30),
        requester=_SOFIA,
        company=Company(name="Meltemi Ferries"),
        subject="License expired, ferries leave at six",
        text="Hello, we deploy our timetable at night and GitLab has just refused the push: license expired. The first "
        "ferry leaves at six.\n\nSofia",
        accounts=(Account(person=_SOFIA, company="Meltemi Ferries", licenses=(Sold(subscription="A-S00020051"),)),),
        seat_links=_daily("A-S00020051", "gitlab.meltemi-ferries.example", "5b1f-2005", 4, 3, 2, 1, minute=12),
    ),
    PracticeTicket(
        id=2006,
        case="license file, which never syncs",
        expected=Expected(outcome=Outcome.ESCALATED, runbook=WEEKDAY, because="never sync"),
        weekday=True,
        at=time(9, 5),
        requester=_ARJUN,
        company=Company(name="Monsoon Meters"),
        subject="Offline GitLab: license has run out",
        text="Hello,\nour GitLab is in a closed network, so we use a license file. It has run out and the renewal is "
        "ordered. File attached.\n\nArjun Rao",
        attachments=(LicenseFile(name="monsoon-meters.gitlab-license", grace_ended_days=2),),
        accounts=(
            Account(
                person=_ARJUN,
                company="Monsoon Meters",
                licenses=(Sold(subscription="A-S00020061", expired_days=16, cloud=False, users=250),),
            ),
        ),
    ),
    PracticeTicket(
        id=2007,
        case="two instances, one of them synced that day",
        expected=Expected(outcome=Outcome.RESOLVED_ITSELF, runbook=WEEKDAY, because="gitlab-dr."),
        weekday=True,
        at=time(4, 20),
        requester=_INES,
        company=Company(name="Azulejo Bank", plan="ultimate"),
        subject="GitLab license",
        text="Bom dia, one of our instances says that the license has expired. We have a second one for disaster "
        "recovery, with the same subscription.\n\nInês Carvalho",
        accounts=(
            Account(
                person=_INES,
                company="Azulejo Bank",
                licenses=(Sold(subscription="A-S00020071", plan="ultimate"),),
            ),
        ),
        seat_links=(
            *_daily("A-S00020071", "gitlab.azulejo-bank.example", "5b1f-2007a", 6, 5, 4, 3),
            *_daily("A-S00020071", "gitlab-dr.azulejo-bank.example", "5b1f-2007b", 3, 2, 1, 0, minute=52),
        ),
    ),
    PracticeTicket(
        id=2901,
        case="two accounts of the same person",
        weekday=True,
        at=time(9, 20),
        requester=_UWE,
        company=Company(name="Bergwerk Süd"),
        subject="Expired license, which account?",
        text="Hello, our license has expired. I think I have two accounts with you, one from before the merger.\n\n"
        "Uwe Brandt",
        attachments=(LicenseFile(name="bergwerk-sued.gitlab-license", grace_ended_days=1),),
        accounts=(
            Account(person=_UWE, company="Zeche Süd", licenses=(Sold(subscription="A-S00029011"),)),
            Account(person=_UWE, company="Bergwerk Süd", licenses=(Sold(subscription="Bergwerk 100% Süd / Haus 2"),)),
        ),
        seat_links=(
            *_daily("Bergwerk 100% Süd / Haus 2", "git.bergwerk-sued.example", "5b1f-2901", 2, 1),
            SeatLink(
                subscription="Bergwerk 100% Süd / Haus 2",
                days_before=0,
                at=time(9, 40),
                hostname="git.bergwerk-sued.example",
                instance="5b1f-2901",
            ),
        ),
    ),
    PracticeTicket(
        id=2902,
        case="several subscriptions",
        weekday=True,
        at=time(9, 33),
        requester=_MEI,
        company=Company(name="Sakura Freight"),
        subject="One of our licenses has expired",
        text="Hello, one of our three GitLab instances is read-only.\n\nMei Tanaka",
        accounts=(
            Account(
                person=_MEI,
                company="Sakura Freight",
                licenses=(
                    Sold(subscription="A-S00029021"),
                    Sold(subscription="A-S00029022", expired_days=-90),
                    Sold(subscription="A-S00029023", expired_days=-200),
                ),
            ),
        ),
        seat_links=(
            *_daily("A-S00029021", "git-a.sakura-freight.example", "5b1f-2902a", *range(65, 0, -1)),
            *_daily("A-S00029021", "git-b.sakura-freight.example", "5b1f-2902b", *range(65, 0, -1), minute=5),
        ),
    ),
)

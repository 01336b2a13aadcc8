"""The practice tickets on which a person has to say who it is, or what is true, as data."""

from __future__ import annotations

from datetime import time

from runbook_lib.sandbox.tickets import Company, LicenseFile, Person, PracticeTicket

__all__ = ["TICKETS"]

TICKETS = (
    PracticeTicket(
        id=1061,
        at=time(15, 5),
        requester=Person("Denis Moreau", "denis.moreau@ponton-studio.example"),
        company=Company(name="Ponton Studio", seats=40),
        subject="GitLab read-only, please hurry",
        text="Hello, our GitLab is read-only since last night. The license file is attached, you find everything in "
        "it. Please send the new one for the same number of users.\n\nDenis Moreau",
        attachments=(LicenseFile(name="ponton-studio.gitlab-license", grace_ended_days=1, users=1_000_000),),
    ),
    PracticeTicket(
        id=1062,
        at=time(15, 12),
        requester=Person("Sam Taylor", "sam.taylor@riverside-apps.example"),
        company=Company(name="Riverside Apps", seats=250),
        subject="License expired",
        text="Hi, our license has expired and nobody can push. Here is the file.\n\nSam",
        attachments=(
            LicenseFile(
                name="license.gitlab-license",
                grace_ended_days=1,
                company="Hohenfels Versicherung AG",
                email="it-einkauf@hohenfels.example",
            ),
        ),
    ),
    PracticeTicket(
        id=1063,
        at=time(15, 20),
        requester=Person("Irina Sokolova", "irina.sokolova@baltic-freight.example"),
        company=None,
        subject="Emergency: license ran out",
        text="Hello, we are a Premium customer with 250 users. Since yesterday our instance has been read-only. I "
        "write from my own account because our usual contact is on holiday. License attached.\n\nIrina Sokolova",
        attachments=(LicenseFile(name="baltic-freight.gitlab-license", grace_ended_days=1, company="Baltic Freight"),),
    ),
    PracticeTicket(
        id=1064,
        at=time(15, 31),
        requester=Person("Ondřej Novák", "ondrej.novak@vltava-media.example"),
        company=Company(name="Vltava Media", seats=250),
        subject="Renewed license is rejected, GitLab still read-only",
        text="Hello, we have renewed, but GitLab rejects the new license when we upload it, and nobody can push. I "
        "attach the old one and the new one.\n\nOndřej Novák",
        attachments=(
            LicenseFile(name="vltava-media-old.gitlab-license", grace_ended_days=1),
            LicenseFile(name="vltava-media-renewal.gitlab-license", grace_ended_days=-372, users=200),
        ),
    ),
)

"""The practice tickets whose license comes otherwise than as a license file, as data."""

from __future__ import annotations

from datetime import time

from runbook_lib.sandbox.tickets import Company, File, LicenseFile, Person, PracticeTicket

__all__ = ["TICKETS"]

TICKETS = (
    PracticeTicket(
        id=1021,
        at=time(10, 2),
        requester=Person("Elif Demir", "elif.demir@bosporus-lojistik.example"),
        company=Company(name="Bosporus Lojistik", seats=180),
        subject="Fwd: Your GitLab license",
        text="Hello, our GitLab is read-only since yesterday. I cannot attach files from this machine, so I forward "
        "the mail that came with our license a year ago:\n\nOn Sat, GitLab wrote:\n{license}\n\nElif Demir",
        pasted=LicenseFile(name="pasted", grace_ended_days=1, users=180),
    ),
    PracticeTicket(
        id=1022,
        at=time(10, 12),
        requester=Person("Marek Kowal", "marek.kowal@tatra-druk.example"),
        company=Company(name="Tatra Druk", seats=90),
        subject="License expired - export attached",
        text="Hi, the license ran out and nobody can push. I found the button that exports the license, the file is "
        "attached.\n\nMarek",
        attachments=(LicenseFile(name="license_usage.csv", grace_ended_days=2, users=90, is_export=True),),
    ),
    PracticeTicket(
        id=1023,
        at=time(10, 26),
        requester=Person("Nadia Haddad", "nadia.haddad@levante-media.example"),
        company=Company(name="Levante Media"),
        subject="GitLab license code does not work any more",
        text="Hello, GitLab says that our license has expired. The code that we got from you is in the file.\n\nNadia",
        attachments=(File("gitlab.license", "application/octet-stream", b"hK3mQ8rT2vX7zB4nP9sW6yD1\r\n"),),
    ),
)

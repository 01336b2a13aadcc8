"""The practice tickets whose files cannot just be fetched, or whose first words are a colleague's, as data."""

from __future__ import annotations

from datetime import time

from runbook_lib.sandbox.tickets import Company, LicenseFile, Note, Person, PracticeTicket, Served

__all__ = ["TICKETS"]

_ELSA = Person("Elsa Lindqvist", "elsa.lindqvist@granby-water.example")
_TOMAS = Person("Tomas Novak", "tomas.novak@vltava-print.example")
_AMARA = Person("Amara Diallo", "amara.diallo@baobab-labs.example")


def _license(name: str) -> LicenseFile:
    """A license whose grace period ended yesterday."""
    return LicenseFile(name=f"{name}.gitlab-license", grace_ended_days=1)


TICKETS = (
    PracticeTicket(
        id=1041,
        at=time(15, 5),
        requester=_ELSA,
        company=Company(name="Granby Water"),
        subject="GitLab does not accept pushes any more",
        text="Hello, since this morning nobody can push. Our license is attached.\n\nElsa",
        attachments=(Served(file=_license("granby-water"), access="session"),),
    ),
    PracticeTicket(
        id=1042,
        at=time(15, 20),
        requester=_TOMAS,
        company=Company(name="Vltava Print", seats=250),
        subject="License expired, customer on the phone",
        text="The customer called: their instance is read-only. I have not received the license file yet, they send it "
        "here. Opened in their name.",
        opened_by_colleague=True,
        attachments=(Served(file=_license("vltava-print"), access="private"),),
        notes=(Note("Here is Tomas, the license file is above.", 6, public=True, by_requester=True),),
    ),
    PracticeTicket(
        id=1043,
        at=time(15, 40),
        requester=_AMARA,
        company=Company(name="Baobab Labs"),
        subject="Instance is read-only",
        text="Good afternoon, our instance is read-only. The license file is attached.\n\nAmara",
        attachments=(Served(file=_license("baobab-labs"), malware="malware_found"),),
    ),
)

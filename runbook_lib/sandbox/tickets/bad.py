"""Practice tickets of the weekend that something is wrong with, as data: the demo leaves them out, tests use them."""

from __future__ import annotations

from datetime import time

from runbook_lib.sandbox.tickets.model import (
    Company,
    File,
    LicenseFile,
    Note,
    Person,
    PracticeTicket,
    Screenshot,
    Unkept,
)

__all__ = ["TICKETS"]


_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b5500"
    "00000a49444154789c63a8070000810080d394534a0000000049454e44ae426082"
)
"""A picture of one gray pixel, as PNG."""

TICKETS = (
    PracticeTicket(
        id=1901,
        case="closed",
        at=time(10, 36),
        requester=Person("Maya Lindqvist", "maya.lindqvist@nordlicht-analytics.example"),
        company=Company("Nordlicht Analytics", seats=250),
        subject="License expired (second ticket)",
        text="Hello, I opened another ticket for the same thing, please close this one.\n\nMaya",
        attachments=(LicenseFile(),),
        status="closed",
    ),
    PracticeTicket(
        id=1902,
        case="a license file that is too large: a person has to look",
        at=time(10, 44),
        requester=Person("Trần Đức", "duc.tran@songhuong-shipping.example"),
        company=Company("Sông Hương Shipping"),
        subject="License problem, logs attached",
        text="Hi, the license has expired. I attach everything that I found in the license folder.\n\nDuc",
        attachments=(Unkept(name="everything.gitlab-license", source="generated", size=50 * 1024 * 1024),),
    ),
    PracticeTicket(
        id=1903,
        case="a license file that is gone: a person has to look",
        at=time(10, 52),
        requester=Person("Ingrid Solberg", "ingrid@fjordkraft-it.example"),
        company=Company("Fjordkraft IT"),
        subject="No pushes possible, license attached",
        text="Hello, the license is attached. We cannot push.\n\nIngrid",
        attachments=(Unkept(name="fjordkraft-it.gitlab-license", source="missing", size=1874),),
    ),
    PracticeTicket(
        id=1904,
        case="a picture in place of the license file",
        at=time(11, 0),
        requester=Person("Omar Haddad", "omar@cedarsoft.example"),
        company=Company("Cedarsoft"),
        subject="Please renew our license",
        text="Hi, here is our license (I took it from the admin page). It expired and we cannot work.\n\nOmar",
        attachments=(File(name="license.gitlab-license", content=_PIXEL),),
    ),
    PracticeTicket(
        id=1905,
        case="the requester has no address",
        at=time(11, 8),
        requester=Person("Front Desk", "not an address"),
        company=Company("Harbor Clinic", seats=250),
        subject="GitLab license",
        text="The IT people are away and GitLab shows an expired license. They left me this file.",
        attachments=(LicenseFile(name="harbor-clinic.gitlab-license"),),
    ),
    PracticeTicket(
        id=1906,
        case="assigned to a colleague",
        at=time(11, 15),
        requester=Person("Lucía Fernández", "lucia.fernandez@meseta-datos.example"),
        company=Company("Meseta Datos", seats=250),
        subject="License ran out, instance locked",
        text="Hello, since yesterday our instance has been locked. License attached, 250 users.\n\nLucía Fernández",
        attachments=(LicenseFile(),),
        assigned=True,
    ),
    PracticeTicket(
        id=1907,
        case="a license file signed by somebody else",
        at=time(11, 24),
        requester=Person("Viktor Petrov", "v.petrov@balkanforge.example"),
        company=Company("Balkanforge", seats=250),
        subject="Expired license",
        text="Hello, our license has expired, see the file. Please replace it quickly.\n\nViktor",
        attachments=(LicenseFile(foreign_key=True),),
    ),
    PracticeTicket(
        id=1908,
        case="nothing but screenshots",
        at=time(11, 32),
        requester=Person("Amélie Dubois", "amelie.dubois@quai-logiciel.example"),
        company=Company("Quai Logiciel", plan=None),
        subject="Licence expirée - read-only since last night",
        text="Hello, our license has expired. Here are two screenshots of the admin area.\n\nAmélie Dubois",
        attachments=(
            Screenshot(name="dashboard.png", page="dashboard"),
            Screenshot(name="subscription.png", page="subscription"),
        ),
    ),
    PracticeTicket(
        id=1909,
        case="merged into another ticket",
        at=time(11, 40),
        requester=Person("Maya Lindqvist", "maya.lindqvist@nordlicht-analytics.example"),
        company=Company("Nordlicht Analytics", seats=250),
        subject="License expired (third ticket)",
        text="Hello, did you get my mail? This request was closed and merged into request #1004, I hope.\n\nMaya",
        notes=(
            Note('This request was closed and merged into request #1001 "License expired, GitLab is read-only".', 5),
        ),
        status="closed",
        tags=("closed_by_merge",),
    ),
)

"""The practice tickets of the weekend emergency, as data."""

from __future__ import annotations

from datetime import time

from runbook_lib.domain.models import Outcome, Status
from runbook_lib.sandbox.tickets.model import (
    Company,
    Expected,
    File,
    LicenseFile,
    Note,
    Person,
    PracticeTicket,
)

__all__ = ["TICKETS"]


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
        case="Premium, grace period ended yesterday",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, because="10-day"),
        at=time(9, 4),
        requester=Person("Maya Lindqvist", "maya.lindqvist@nordlicht-analytics.example"),
        company=Company("Nordlicht Analytics", seats=250),
        subject="License expired, GitLab is read-only",
        text="Hello,\n\nsince this morning nobody can push, GitLab says that the license has expired. Our renewal is "
        "with purchasing and will not be signed before Monday, and we have a release tonight.\n\nThe license file "
        "that we use is attached. Can you help us over the weekend?\n\nMaya Lindqvist\nNordlicht Analytics",
        attachments=(LicenseFile(),),
    ),
    PracticeTicket(
        id=1002,
        case="nothing attached, nothing known",
        expected=Expected(outcome=Outcome.WAITING_FOR_CUSTOMER),
        at=time(9, 11),
        requester=Person("Tomás Herrera", "therrera@puerto-logistica.example"),
        company=Company("Puerto Logística"),
        subject="URGENT: cannot merge anything",
        text="Hi support, GitLab refuses every push with a message about an expired license. I am not the one who "
        "installed it and I do not have the file. What do you need from us?\n\nTomás",
        status="new",
    ),
    PracticeTicket(
        id=1003,
        case="grace period has 4 days to run",
        expected=Expected(outcome=Outcome.OUT_OF_SCOPE, because="4 days more"),
        at=time(9, 19),
        requester=Person("Aisha Okonkwo", "aisha.okonkwo@lagos-grid.example"),
        company=Company("Lagos Grid Systems", seats=250),
        subject="Red banner: your license has expired",
        text="Good morning, there is a red banner about our license on every page. Everything still works but I am "
        "worried that it stops during the weekend. License attached.\n\nRegards, Aisha Okonkwo",
        attachments=(LicenseFile(grace_ended_days=-4),),
    ),
    PracticeTicket(
        id=1004,
        case="grace period ended 4 days ago",
        expected=Expected(outcome=Outcome.OUT_OF_SCOPE, because="4 days before"),
        at=time(9, 27),
        requester=Person("Pieter van den Berg", "p.vandenberg@polderbouw.example"),
        company=Company("Polderbouw", seats=250),
        subject="GitLab read-only since Tuesday",
        text="Since Tuesday our GitLab has been read-only. We thought that it would sort itself out. It has not. "
        "Please send us a new license, the old one is attached.\n\nPieter",
        attachments=(LicenseFile(grace_ended_days=4),),
    ),
    PracticeTicket(
        id=1005,
        case="grace period ended exactly 3 days ago",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, because="10-day"),
        at=time(9, 33),
        requester=Person("Hana Suzuki", "hana.suzuki@kitsune-robotics.example"),
        company=Company("Kitsune Robotics", seats=250),
        subject="Production deploys blocked by expired license",
        text="Hello team,\nour deploys have been blocked since Wednesday because GitLab does not accept pushes. "
        "Please find our license attached. We are 250 people.\n\nThank you,\nHana Suzuki",
        attachments=(LicenseFile(grace_ended_days=3),),
    ),
    PracticeTicket(
        id=1006,
        case="a prospect",
        expected=Expected(outcome=Outcome.OUT_OF_SCOPE, because="prospect"),
        at=time(9, 42),
        requester=Person("Jonas Weber", "jonas.weber@probierwerk.example"),
        company=Company("Probierwerk", plan=None, account_type="prospect"),
        subject="Our evaluation ended, we need a few more days",
        text="Hi, we evaluated GitLab with a trial license and it ended before we had decided. Could you extend it "
        "over the weekend? The team would like to go on testing.\n\nJonas",
        status="new",
    ),
    PracticeTicket(
        id=1007,
        case="no paid plan",
        expected=Expected(outcome=Outcome.OUT_OF_SCOPE, because="no paid plan"),
        at=time(9, 50),
        requester=Person("Chiara Bianchi", "chiara@bottega-software.example"),
        company=Company("Bottega Software", plan="free"),
        subject="Emergency license please",
        text="Hello, we run GitLab ourselves and need merge request approvals this weekend. A friend told me that "
        "support gives out emergency licenses. There are 12 of us.\n\nChiara",
        status="new",
    ),
    PracticeTicket(
        id=1008,
        case="a GitLab.com subscription",
        expected=Expected(outcome=Outcome.OUT_OF_SCOPE, because="GitLab.com"),
        at=time(9, 58),
        requester=Person("Rahul Mehta", "rahul.mehta@clouddabba.example"),
        company=Company("Clouddabba", deployment="gitlab_com"),
        subject="Our group on GitLab.com lost its Premium features",
        text="Hi, our group gitlab.com/clouddabba was Premium until yesterday and is Free today. Epics and approval "
        "rules are gone. Please restore it, we have an audit on Monday.\n\nRahul",
    ),
    PracticeTicket(
        id=1009,
        case="after an earlier Sales extension",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, because="10-day"),
        at=time(10, 6),
        requester=Person("Sophie Marchand", "s.marchand@atelier-numerique.example"),
        company=Company("Atelier Numérique", seats=250),
        subject="Temporary license expired as well",
        text="Hello,\nour contact in Sales gave us a temporary license last month, and now this one has run out too. "
        "Since yesterday GitLab has been read-only. I attach both files, the original and the temporary one.\n\n"
        "Sophie Marchand",
        attachments=(
            LicenseFile(grace_ended_days=31),
            LicenseFile(name="atelier-numerique-extension.gitlab-license", term_days=30, trial=True),
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
        case="Mechanizer's job fails",
        expected=Expected(status=Status.NEEDS_ANSWER, because="552 5.2.2 Mailbox full"),
        at=time(10, 21),
        requester=Person("Grzegorz Nowak", "grzegorz.nowak@mailbox-full.example"),
        company=Company("Nowak Systemy", seats=250),
        subject="License expired over the weekend",
        text="Hello, GitLab stopped accepting pushes yesterday, license expired. File attached. Please send the new "
        "one to this address.\n\nGrzegorz Nowak",
        attachments=(LicenseFile(name="nowak-systemy.gitlab-license"),),
    ),
    PracticeTicket(
        id=1011,
        case="hostile text everywhere",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, because="10-day"),
        at=time(10, 30),
        requester=Person(
            "<img src=x onerror=alert('name')> {{ticket.requester.email}} \u202eyrollaM\u202c",
            "mallory+emergency@hostile-names.example",
        ),
        company=Company("=cmd()|'<script>alert(\"org\")</script>' & Sons <!channel> ../../x", seats=250),
        subject="<script>alert('subject')</script> <!channel> {{ticket.requester.email}} =cmd() ../../x \x1b[31m\u202e",
        text=_HOSTILE_TEXT,
        attachments=(
            LicenseFile(name='../../x"><img src=x onerror=alert(1)>.gitlab-license'),
            File(
                name="<script>alert('file')</script>.html",
                content_type="text/html",
                content=b"<script>alert(document.domain)</script>",
            ),
            File(name="=cmd()|'calc'!A1.csv", content_type="text/csv", content=b"=cmd()|' /c calc'!A1,../../x\r\n"),
        ),
    ),
    PracticeTicket(
        id=1021,
        case="license pasted into the comment, quoted",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, because="180 users"),
        at=time(10, 2),
        requester=Person("Elif Demir", "elif.demir@bosporus-lojistik.example"),
        company=Company("Bosporus Lojistik", seats=180),
        subject="Fwd: Your GitLab license",
        text="Hello, our GitLab is read-only since yesterday. I cannot attach files from this machine, so I forward "
        "the mail that came with our license a year ago:\n\nOn Sat, GitLab wrote:\n{license}\n\nElif Demir",
        pasted=LicenseFile(name="pasted", users=180),
    ),
    PracticeTicket(
        id=1022,
        case="usage export in place of the license",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, because="90 users"),
        at=time(10, 12),
        requester=Person("Marek Kowal", "marek.kowal@tatra-druk.example"),
        company=Company("Tatra Druk", seats=90),
        subject="License expired - export attached",
        text="Hi, the license ran out and nobody can push. I found the button that exports the license, the file is "
        "attached.\n\nMarek",
        attachments=(LicenseFile(name="license_usage.csv", grace_ended_days=2, users=90, is_export=True),),
    ),
    PracticeTicket(
        id=1023,
        case="activation code in place of the license",
        expected=Expected(outcome=Outcome.WAITING_FOR_CUSTOMER),
        at=time(10, 26),
        requester=Person("Nadia Haddad", "nadia.haddad@levante-media.example"),
        company=Company("Levante Media"),
        subject="GitLab license code does not work any more",
        text="Hello, GitLab says that our license has expired. The code that we got from you is in the file.\n\nNadia",
        attachments=(File(name="gitlab.license", content=b"hK3mQ8rT2vX7zB4nP9sW6yD1\r\n"),),
    ),
    PracticeTicket(
        id=1041,
        case="license file that only a browser may open",
        expected=Expected(status=Status.NEEDS_ANSWER),
        at=time(15, 5),
        requester=Person("Elsa Lindqvist", "elsa.lindqvist@granby-water.example"),
        company=Company("Granby Water"),
        subject="GitLab does not accept pushes any more",
        text="Hello, since this morning nobody can push. Our license is attached.\n\nElsa",
        attachments=(LicenseFile(access="session"),),
    ),
    PracticeTicket(
        id=1042,
        case="opened by a colleague; private license file",
        expected=Expected(outcome=Outcome.LICENSE_ISSUED, because="10-day"),
        at=time(15, 20),
        requester=Person("Tomas Novak", "tomas.novak@vltava-print.example"),
        company=Company("Vltava Print", seats=250),
        subject="License expired, customer on the phone",
        text="The customer called: their instance is read-only. I have not received the license file yet, they send it "
        "here. Opened in their name.",
        opened_by_colleague=True,
        attachments=(LicenseFile(access="private"),),
        notes=(Note("Here is Tomas, the license file is above.", 6, public=True, by_requester=True),),
    ),
    PracticeTicket(
        id=1043,
        case="Zendesk found malware in the license file",
        expected=Expected(status=Status.NEEDS_ANSWER),
        at=time(15, 40),
        requester=Person("Amara Diallo", "amara.diallo@baobab-labs.example"),
        company=Company("Baobab Labs"),
        subject="Instance is read-only",
        text="Good afternoon, our instance is read-only. The license file is attached.\n\nAmara",
        attachments=(LicenseFile(malware="malware_found"),),
    ),
    PracticeTicket(
        id=1061,
        case="license file for a million users, 40 in our records",
        expected=Expected(
            status=Status.NEEDS_ANSWER,
            because="40, but the license file (ponton-studio.gitlab-license) says users_in_license 1000000",
            missing=("user_count",),
            answers=(("user_count", "40"),),
        ),
        at=time(15, 5),
        requester=Person("Denis Moreau", "denis.moreau@ponton-studio.example"),
        company=Company("Ponton Studio", seats=40),
        subject="GitLab read-only, please hurry",
        text="Hello, our GitLab is read-only since last night. The license file is attached, you find everything in "
        "it. Please send the new one for the same number of users.\n\nDenis Moreau",
        attachments=(LicenseFile(users=1_000_000),),
    ),
    PracticeTicket(
        id=1062,
        case="somebody else's license, signed by the right key",
        expected=Expected(
            status=Status.NEEDS_ANSWER,
            because="Hohenfels Versicherung AG at hohenfels.example, but the organization names Riverside",
            missing=("identity_confirmed",),
            answers=(("identity_confirmed", "yes"),),
        ),
        at=time(15, 12),
        requester=Person("Sam Taylor", "sam.taylor@riverside-apps.example"),
        company=Company("Riverside Apps", seats=250),
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
        case="no organization: nothing of ours says who this is",
        expected=Expected(
            status=Status.NEEDS_ANSWER,
            because="the ticket has no organization",
            missing=("identity_confirmed", "plan"),
            answers=(("identity_confirmed", "yes"), ("plan", "premium"), ("user_count", "1,250")),
        ),
        at=time(15, 20),
        requester=Person("Irina Sokolova", "irina.sokolova@baltic-freight.example"),
        company=None,
        subject="Emergency: license ran out",
        text="Hello, we are a Premium customer with 250 users. Since yesterday our instance has been read-only. I "
        "write from my own account because our usual contact is on holiday. License attached.\n\nIrina Sokolova",
        attachments=(LicenseFile(company="Baltic Freight"),),
    ),
    PracticeTicket(
        id=1064,
        case="a renewal that the instance rejects",
        expected=Expected(
            status=Status.NEEDS_ANSWER,
            because="is for 200 users",
            missing=("installed_license",),
            answers=(
                ("installed_license", "Vltava\u2011Media\u2011Old.gitlab\u2011license"),
                ("expires_on", "Nov 6, 2026"),
            ),
        ),
        at=time(15, 31),
        requester=Person("Ondřej Novák", "ondrej.novak@vltava-media.example"),
        company=Company("Vltava Media", seats=250),
        subject="Renewed license is rejected, GitLab still read-only",
        text="Hello, we have renewed, but GitLab rejects the new license when we upload it, and nobody can push. I "
        "attach the old one and the new one.\n\nOndřej Novák",
        attachments=(
            LicenseFile(name="vltava-media-old.gitlab-license"),
            LicenseFile(name="vltava-media-renewal.gitlab-license", grace_ended_days=-372, users=200),
        ),
    ),
)

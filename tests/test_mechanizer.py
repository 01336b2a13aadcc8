"""The license job: what it signs, mails and leaves in the tracker, whatever goes wrong on the way."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email import policy as mail_policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from aiosmtpd.smtp import Session as MailSession
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import SecretStr

import runbook_lib
from runbook_lib import mechanizer, smtp
from runbook_lib.cli import main as cli
from runbook_lib.clients import retrying
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.http import HttpSession
from runbook_lib.domain import license, messages, titles
from runbook_lib.domain.errors import InputError, OutcomeUnknownError, RefusedError, RunbookError, UnavailableError
from runbook_lib.job_settings import JobRequest, JobSettings
from tests.configuration import without_configuration

PROJECT = 42
TODAY = date(2031, 3, 1)
TOKEN = "glpat-1Zx9-hush"
PASSWORD = "pa55-hush"
GIVEN = {
    "username": "grace",
    "users": "250",
    "email": "ada@customer.example",
    "operation_id": "1001-license",
    "ticket_url": "https://team.zendesk.com/agent/tickets/1001",
}
SUCCESS = "[Success] - Created a license under ada@customer.example for 250 users"
FAILURE = "[Failure] - Could not create a license under ada@customer.example for 250 users"
PROGRESS = "[In progress] - Creating a license under ada@customer.example for 250 users"
DUPLICATE = "[Duplicate] - Did not create a license under ada@customer.example for 250 users"
VECTOR = Path(__file__).parent / "data" / "license-vectors" / "with-boundary.gitlab-license"
UNUSABLE = "[Failure] - Could not create a license: the input cannot be used"


# -- the other end


@dataclass
class Tracker:
    """An issue tracker in memory, behind GitLab's protocol.

    Attributes:
        issues: The issues, newest last.
        history: The title and description of every issue after each change.
        faults: What becomes of the next requests that change something: an exception is raised after
            the change was made, a status is answered instead of making it.
        meanwhile: What happens right `before` the next issue is opened, or right `after`.
        odd_list: What is answered in place of the list of issues.
    """

    issues: list[dict[str, Any]] = field(default_factory=list)
    history: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Exception | int | None] = field(default_factory=list)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    odd_list: Any = None

    def client(self) -> GitLab:
        """A client that talks to this tracker."""
        budget = Budget(60, sleep=lambda seconds: None)
        http = HttpSession(loopback=True, transport=httpx.MockTransport(self._answer), budget=budget)
        return GitLab("http://127.0.0.1:1", SecretStr(TOKEN), http)

    @property
    def only(self) -> dict[str, Any]:
        """The one issue that there is."""
        (issue,) = self.issues
        return issue

    def add(self, operation_id: str, ticket_url: str = "https://t.example", **fields: Any) -> None:
        """An issue of another requester."""
        description = messages.issue_description(operation_id, "grace", ticket_url, "text")
        self._create({"title": "x", "description": description, "labels": messages.LABEL})
        self.issues[-1] |= fields

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers["private-token"] != TOKEN:
            return httpx.Response(401, json={"message": "401 Unauthorized"})
        if request.method == "GET":
            return httpx.Response(200, json=self._read(request.url))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            return httpx.Response(fault, json={"message": "no"})
        body = json.loads(request.content)
        issue = self._open(body) if request.method == "POST" else self._update(request.url.path, body)
        self.history.append((issue["title"], issue["description"]))
        if fault:
            raise fault
        return httpx.Response(201, json=issue)

    def _read(self, url: httpx.URL) -> Any:
        number = url.path.rpartition("/")[2]
        if number.isdigit():
            return self.issues[int(number) - 1]
        return self._listed(url.params) if self.odd_list is None else self.odd_list

    def _open(self, body: dict[str, Any]) -> dict[str, Any]:
        self.meanwhile.pop("before", lambda: None)()
        issue = self._create(body)
        self.meanwhile.pop("after", lambda: None)()
        return issue

    def _listed(self, params: httpx.QueryParams) -> list[dict[str, Any]]:
        since = datetime.fromisoformat(params["created_after"])
        fitting = [i for i in self.issues if params["labels"] in i["labels"]]
        return [i for i in reversed(fitting) if datetime.fromisoformat(i["created_at"]) > since]

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        iid = len(self.issues) + 1
        issue = {"iid": iid, "state": "opened", "title": body["title"], "description": body["description"]}
        url = f"http://127.0.0.1:1/support/tracker/-/issues/{iid}"
        issue |= {"labels": [body["labels"]], "created_at": f"{TODAY}T00:00:00.000Z", "web_url": url}
        self.issues.append(issue)
        return issue

    def _update(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        issue = self.issues[int(path.rpartition("/")[2]) - 1]
        issue |= {name: body[name] for name in ("title", "description")}
        if body.get("state_event") == "close":
            issue["state"] = "closed"
        return issue


@dataclass
class Outbox:
    """Takes mail as `send` does; `fault` is raised instead, or after taking it."""

    tracker: Tracker
    fault: Exception | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    title_when_sent: str = ""

    def __call__(self, mail: EmailMessage) -> None:
        self.title_when_sent = self.tracker.issues[-1]["title"]
        if self.fault:
            raise self.fault
        self.mails.append(mail)


@dataclass
class Postbox:
    """A mail server's own part: what arrived, and what it says to whom."""

    arrived: list[tuple[list[str], bytes]] = field(default_factory=list)
    to_recipient: str = "250 OK"
    to_message: str = "250 OK"
    drop: str = ""
    encrypted: bool = False
    user: bytes | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: MailSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.drop == "RCPT":
            server.transport.abort()
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: SMTP, session: MailSession, envelope: Envelope) -> str:  # noqa: N802
        if self.drop == "DATA":
            server.transport.abort()
            return "250 OK"
        self.encrypted = server.transport.get_extra_info("ssl_object") is not None
        if self.to_message.startswith("250"):
            self.arrived.append((list(envelope.rcpt_tos), envelope.original_content or b""))
        return self.to_message

    def authenticate(
        self, server: SMTP, session: MailSession, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Whether user and password are right."""
        self.user = data.login
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def mail_server(postbox: Postbox, **options: Any) -> Iterator[int]:
    """A real mail server on loopback; yields its port."""
    server = Controller(postbox, hostname="127.0.0.1", port=free_port(), server_hostname="practice.example", **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any, encryption: Any = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration but the test's own, and no pauses before another try."""
    without_configuration(monkeypatch, tmp_path)
    monkeypatch.setattr(mechanizer, "UPDATE_PAUSE_S", 0)
    monkeypatch.setattr(mechanizer, "UPDATE_ATTEMPTS", 2)
    monkeypatch.setattr(retrying, "ATTEMPTS", 2)


@pytest.fixture
def settings(tmp_path: Path, key: rsa.RSAPrivateKey) -> JobSettings:
    """The job's settings in practice; no server listens for mail."""
    path = tmp_path / "signing.pem"
    path.write_bytes(pem(key))
    return JobSettings.load(
        gitlab_url="http://127.0.0.1:1",
        gitlab_token=TOKEN,
        tracker_project_id=PROJECT,
        signing_key_file=path,
        smtp_host="127.0.0.1",
        smtp_port=free_port(),
        smtp_security="none",
        smtp_sender="GitLab Support <no-reply@support.example>",
        today=TODAY,
    )


@pytest.fixture
def tracker() -> Tracker:
    return Tracker()


@pytest.fixture
def outbox(tracker: Tracker) -> Outbox:
    return Outbox(tracker)


@dataclass
class Job:
    """One run of the job: what it returned or raised."""

    said: str = ""
    error: Exception | None = None

    @property
    def shown(self) -> str:
        """All that anyone could read of it."""
        return self.said + ("".join(traceback.format_exception(self.error)) if self.error else "")


def run(settings: JobSettings, tracker: Tracker, send: mechanizer.Send, **given: str) -> Job:
    """Runs the job with the usual input, or other."""
    request = JobRequest(**(GIVEN | given))
    try:
        return Job(said=mechanizer.issue_license(request, settings, tracker.client(), send))
    except RunbookError as error:
        return Job(error=error)


def attached(mail: Any) -> str:
    """The license in a mail."""
    (attachment,) = mail.iter_attachments()
    return str(attachment.get_payload(decode=True).decode())


# -- a license


def test_license(settings: JobSettings, tracker: Tracker, outbox: Outbox, key: rsa.RSAPrivateKey) -> None:
    """An Ultimate trial of exactly ten days for that many users, which the public key opens."""
    run(settings, tracker, outbox)

    found = license.read(attached(outbox.mails[0]), key.public_key())

    assert (TODAY, TODAY + timedelta(days=10)) == (found.starts_on, found.expires_on)
    assert ("ultimate", True, 250) == (found.plan, found.is_trial, found.user_count)
    assert found.expires_on == found.block_changes_on
    assert not found.is_expired(TODAY + timedelta(days=9))
    assert found.is_expired(TODAY + timedelta(days=10))
    assert found.starts_on < found.notify_admins_on < found.expires_on


def test_nothing_of_the_customer_is_in_the_license(
    settings: JobSettings, tracker: Tracker, outbox: Outbox, key: rsa.RSAPrivateKey
) -> None:
    """The licensee is generic: neither address, ticket nor engineer are in the file."""
    run(settings, tracker, outbox)

    found = license.read(attached(outbox.mails[0]), key.public_key())

    assert {"Name": "GitLab Support", "Company": "Emergency trial license", "Email": "support@gitlab.com"} == dict(
        found.licensee
    )
    said = json.dumps([dict(found.licensee), dict(found.restrictions), dict(found.other)]).casefold()
    assert not [word for word in ("ada", "customer", "grace", "1001", "zendesk") if word in said]


def test_the_real_day(settings: JobSettings, tracker: Tracker, outbox: Outbox, key: rsa.RSAPrivateKey) -> None:
    """Without a practice date a license starts today."""
    before = datetime.now(UTC).date()
    run(settings.model_copy(update={"today": None}), tracker, outbox)

    found = license.read(attached(outbox.mails[0]), key.public_key())
    assert before <= found.starts_on <= datetime.now(UTC).date()


def test_mail(settings: JobSettings, tracker: Tracker, outbox: Outbox) -> None:
    """The mail goes to the requester alone, under the seeds' subject, with the license attached and its id to find."""
    run(settings, tracker, outbox)

    (mail,) = outbox.mails
    assert {
        "From": "GitLab Support <no-reply@support.example>",
        "To": "ada@customer.example",
        "Subject": "10-day Trial GitLab License",
        "Message-ID": "<1001-license@license-runbook.invalid>",
    }.items() <= dict(mail.items()).items()
    assert not {"Cc", "Bcc", "Reply-To"} & set(mail.keys())
    assert TODAY == datetime.strptime(mail["Date"], "%a, %d %b %Y %H:%M:%S %z").date()
    (attachment,) = mail.iter_attachments()
    assert ("emergency-trial.gitlab-license", "application/octet-stream") == (
        attachment.get_filename(),
        attachment.get_content_type(),
    )
    text = mail.get_body().get_content()
    assert "Ultimate trial, 250 users, valid from 2031-03-01 until 2031-03-11 (10 days)" in text
    assert "BEGIN" not in text


def test_issue(settings: JobSettings, tracker: Tracker, outbox: Outbox) -> None:
    """The closed issue has the seeds' title and label, the copy of the very license that was mailed, and the id."""
    job = run(settings, tracker, outbox)

    issue, text = tracker.only, attached(outbox.mails[0])
    assert ("closed", SUCCESS) == (issue["state"], issue["title"])
    assert ["Mechanizer::Emergency License Generation"] == issue["labels"]
    assert text == messages.find_license(issue["description"])
    assert "1001-license" == messages.find_operation(issue["description"])
    assert 250 == titles.read(issue["title"]).users_for("ada@customer.example")
    for word in ("grace", GIVEN["ticket_url"]):
        assert word in issue["description"]
    assert f"License {license.fingerprint(text)} for 250 users was mailed; issue {issue['web_url']}." == job.said


def test_the_tracker_knows_first(settings: JobSettings, tracker: Tracker, outbox: Outbox) -> None:
    """Whenever the job dies, an open issue tells how far it came; before the mail goes out the copy is kept."""
    run(settings, tracker, outbox)

    assert PROGRESS == outbox.title_when_sent
    (opened, signed, ended) = tracker.history
    assert [PROGRESS, PROGRESS, SUCCESS] == [title for title, _ in tracker.history]
    assert "no mail was sent" in opened[1]
    assert "The mail is being sent. If this issue stays open like this, ask the customer whether it came." in signed[1]
    assert [None, *[attached(outbox.mails[0])] * 2] == [
        messages.find_license(description) for _, description in (opened, signed, ended)
    ]


# -- once


def test_the_same_operation_twice(settings: JobSettings, tracker: Tracker, outbox: Outbox) -> None:
    """A retried CI job sends no second license, and says which issue has the first."""
    run(settings, tracker, outbox)
    again = run(settings, tracker, outbox)

    assert (1, 1) == (len(outbox.mails), len(tracker.issues))
    expected = f"This operation has issued its license already, for 250 users; issue {tracker.only['web_url']}."
    assert expected == again.said


def test_a_success_beside_a_retitled_copy(settings: JobSettings, tracker: Tracker, outbox: Outbox) -> None:
    """Of the same operation: the success is the answer, and what a person changed stays as it is."""
    tracker.add("1001-license", title="Done!", state="closed")
    tracker.issues[0]["description"] += f"\n\n{messages.license_copy(VECTOR.read_text())}"
    tracker.add("1001-license", title=SUCCESS, state="closed")

    said = run(settings, tracker, outbox).said

    address = tracker.issues[1]["web_url"]
    assert f"This operation has issued its license already, for 250 users; issue {address}." == said
    assert ([], []) == (outbox.mails, tracker.history)


def test_another_operation(settings: JobSettings, tracker: Tracker) -> None:
    """Other customers get their licenses, whatever the operation is called."""
    mails: list[EmailMessage] = []
    for number, operation_id in enumerate(("1001-license", "1001-license-2", "1001", "", "")):
        run(settings, tracker, mails.append, operation_id=operation_id, email=f"ada@customer-{number}.example")

    assert (5, 5) == (len(mails), len(tracker.issues))
    assert 5 == len({mail["Message-ID"] for mail in mails})
    assert 5 == len({messages.find_operation(issue["description"]) for issue in tracker.issues})


@pytest.mark.parametrize(
    "left",
    [
        {"title": PROGRESS},
        {"title": FAILURE},
        {"title": SUCCESS},
        {"title": FAILURE, "state": "closed"},
        {"title": PROGRESS, "state": "closed"},
        {"title": SUCCESS.replace("ada@", "bob@"), "state": "closed"},
    ],
)
def test_an_earlier_run_without_success(
    settings: JobSettings, tracker: Tracker, outbox: Outbox, left: dict[str, str]
) -> None:
    """Only a closed success says that the license is there; anything else is for a person to read."""
    tracker.add("1001-license", **left)

    job = run(settings, tracker, outbox)

    assert isinstance(job.error, OutcomeUnknownError)
    assert tracker.only["web_url"] in str(job.error)
    assert ([], []) == (outbox.mails, tracker.history)


@pytest.mark.parametrize(
    "left",
    [
        {"created_at": "2031-01-25T00:00:00Z"},
        {"labels": ["something else"]},
        {"description": "Operation: `1001-license` in the middle of a line"},
        {"description": "Operation: `1001-license-2`"},
        {"description": None},
    ],
    ids=["long ago", "other label", "quoted", "longer id", "no text"],
)
def test_what_is_no_earlier_run(settings: JobSettings, tracker: Tracker, left: dict[str, Any]) -> None:
    """Issues that only look similar stop no order."""
    tracker.add("1001-license", state="closed", title=SUCCESS.replace("ada@", "bob@"))
    tracker.issues[0] |= left
    mails: list[EmailMessage] = []

    assert run(settings, tracker, mails.append).error is None
    assert 1 == len(mails)


def days_ago(days: int) -> str:
    return f"{TODAY - timedelta(days=days)}T23:00:00Z"


@pytest.mark.parametrize(
    "left",
    [
        {},
        {"created_at": days_ago(9)},
        {"title": SUCCESS.replace("ada@customer", "Ada@CUSTOMER")},
        {"description": None},
    ],
    ids=["today", "its last day", "other capitals", "made by hand"],
)
def test_a_license_that_is_still_valid(
    settings: JobSettings, tracker: Tracker, outbox: Outbox, left: dict[str, Any]
) -> None:
    """A second order for an address, as by an older attempt tried again, gets the answer of the first."""
    tracker.add("1001-license-2", state="closed", title=SUCCESS)
    tracker.issues[0] |= left

    job = run(settings, tracker, outbox, operation_id="1001-license-1", users="300")

    said = f"Another operation has issued its license already, for 250 users; issue {tracker.only['web_url']}."
    assert said == job.said
    assert ([], []) == (outbox.mails, tracker.history)


def test_an_older_attempt_is_tried_again(settings: JobSettings, tracker: Tracker, outbox: Outbox) -> None:
    """The license of the newer attempt is the answer, and not the older one's own failure."""
    tracker.add("1001-license-2", state="closed", title=SUCCESS)
    tracker.add("1001-license-1", title=FAILURE)

    job = run(settings, tracker, outbox, operation_id="1001-license-1")

    assert f"issue {tracker.issues[0]['web_url']}." in job.said
    assert ([], []) == (outbox.mails, tracker.history)


@pytest.mark.parametrize(
    "left",
    [
        {"title": SUCCESS, "state": "closed", "created_at": days_ago(10)},
        {"title": SUCCESS.replace("ada@", "bob@"), "state": "closed"},
        {"title": FAILURE},
        {"title": FAILURE, "state": "closed"},
        {"title": UNUSABLE},
        {"title": DUPLICATE, "state": "closed"},
        {"title": PROGRESS, "state": "closed"},
        {"title": PROGRESS, "created_at": days_ago(10)},
        {"title": PROGRESS.replace("ada@", "bob@")},
    ],
    ids=[
        "ended",
        "of another author",
        "failure",
        "settled failure",
        "unusable",
        "duplicate",
        "settled",
        "died long ago",
        "for another address",
    ],
)
def test_issues_that_block_no_license(
    settings: JobSettings, tracker: Tracker, outbox: Outbox, left: dict[str, str]
) -> None:
    """A failure never keeps a customer from a license, and neither does what is over or another's."""
    tracker.add("1001-license-1", **left)

    assert run(settings, tracker, outbox, operation_id="1001-license-2").error is None
    assert 1 == len(outbox.mails)


@pytest.mark.parametrize(
    ("title", "ticket_url"),
    [
        (PROGRESS, "https://t.example"),
        (PROGRESS.replace("250", "251"), "not given"),
        (PROGRESS.replace("ada@", "bob@"), GIVEN["ticket_url"]),
        (SUCCESS, "https://t.example"),
        ("Done!", GIVEN["ticket_url"]),
        (SUCCESS.removeprefix("[Success] - "), "https://t.example"),
        (f"{SUCCESS} (done)", "https://t.example"),
    ],
    ids=["same address", "same address, no ticket", "same ticket", "opened again", "retitled", "no mark", "an ending"],
)
def test_another_job_is_in_progress(
    settings: JobSettings, tracker: Tracker, outbox: Outbox, title: str, ticket_url: str
) -> None:
    """While the end of another job for the address or the ticket is open, none is started beside it."""
    tracker.add("1001-license-1", ticket_url, title=title)
    if titles.read(title).users is None:  # closed, and the copy tells what it was
        tracker.only["state"] = "closed"
        tracker.only["description"] += f"\n\n{messages.license_copy(VECTOR.read_text())}"

    job = run(settings, tracker, outbox, operation_id="1001-license-2")

    assert isinstance(job.error, OutcomeUnknownError)
    words = "is in progress, or died" if title.startswith("[In progress]") else "by hand"
    assert f"{words}: {tracker.only['web_url']}. Nothing was sent." in str(job.error)
    assert ("given another title by hand" in str(job.error)) == (titles.read(title).users is None)
    assert ([], []) == (outbox.mails, tracker.history)


def test_no_ticket_is_not_the_same_ticket(settings: JobSettings, tracker: Tracker, outbox: Outbox) -> None:
    """Two jobs without a ticket have nothing to do with one another."""
    tracker.add("by-hand-1", "not given", title=PROGRESS.replace("ada@", "bob@"))

    assert run(settings, tracker, outbox, operation_id="", ticket_url="").error is None


# -- at once


@pytest.mark.parametrize("operation_id", ["1001-license", "1001-license-2"], ids=["same operation", "same address"])
class TestAtOnce:
    """Two jobs at once: both look before either has opened its issue."""

    def test_the_other_was_first(
        self, settings: JobSettings, tracker: Tracker, outbox: Outbox, operation_id: str
    ) -> None:
        """The one with the higher number stops: nothing mailed, its issue closed, with a link and no operation."""
        tracker.meanwhile["before"] = lambda: tracker.add(operation_id, title=PROGRESS)

        job = run(settings, tracker, outbox)

        first, own = tracker.issues
        assert isinstance(job.error, OutcomeUnknownError)
        assert first["web_url"] in str(job.error)
        assert [] == outbox.mails
        assert ("closed", DUPLICATE) == (own["state"], own["title"])
        assert first["web_url"] in own["description"]
        assert messages.find_operation(own["description"]) is None
        assert ("opened", PROGRESS) == (first["state"], first["title"])

    def test_the_other_has_succeeded_meanwhile(
        self, settings: JobSettings, tracker: Tracker, outbox: Outbox, operation_id: str
    ) -> None:
        """The license of the other is the answer to both."""
        tracker.meanwhile["before"] = lambda: run(settings, tracker, outbox, operation_id=operation_id)

        job = run(settings, tracker, outbox)

        first, own = tracker.issues
        assert f"operation has issued its license already, for 250 users; issue {first['web_url']}." in job.said
        assert 1 == len(outbox.mails)
        assert [("closed", SUCCESS), ("closed", DUPLICATE)] == [(i["state"], i["title"]) for i in (first, own)]
        assert run(settings, tracker, outbox).said == job.said

    def test_this_was_first(self, settings: JobSettings, tracker: Tracker, outbox: Outbox, operation_id: str) -> None:
        """The one with the lower number goes on."""
        tracker.meanwhile["after"] = lambda: tracker.add(operation_id, title=PROGRESS)

        assert run(settings, tracker, outbox).error is None
        assert (1, SUCCESS) == (len(outbox.mails), tracker.issues[0]["title"])

    def test_a_later_one_was_faster(
        self, settings: JobSettings, tracker: Tracker, outbox: Outbox, operation_id: str
    ) -> None:
        """A license that is out counts whatever its issue's number, up to the moment before the mail."""
        tracker.meanwhile["after"] = lambda: tracker.add(operation_id, title=SUCCESS, state="closed")

        assert "has issued its license already" in run(settings, tracker, outbox).said
        assert ([], "closed", DUPLICATE) == (outbox.mails, tracker.issues[0]["state"], tracker.issues[0]["title"])

    def test_a_person_has_retitled_the_issue(
        self, settings: JobSettings, tracker: Tracker, outbox: Outbox, operation_id: str
    ) -> None:
        """Then it is not known whose it is, so nothing is mailed."""
        tracker.meanwhile["after"] = lambda: tracker.only.update(title="Duplicate, see #7")

        job = run(settings, tracker, outbox, operation_id=operation_id)
        assert isinstance(job.error, UnavailableError)
        assert "was retitled meanwhile, so no mail was sent" in str(job.error)
        assert [] == outbox.mails

    def test_the_other_comes_later(
        self, settings: JobSettings, tracker: Tracker, outbox: Outbox, operation_id: str
    ) -> None:
        """One that looks when this one's issue is there stops without an issue."""
        others: list[Job] = []
        tracker.meanwhile["after"] = lambda: others.append(run(settings, tracker, outbox, operation_id=operation_id))

        assert run(settings, tracker, outbox).error is None
        assert isinstance(others[0].error, OutcomeUnknownError)
        assert (1, SUCCESS) == (len(outbox.mails), tracker.only["title"])


# -- input that cannot be used

LONG = f"{'a' * 60}@{'b' * 63}.{'c' * 63}.example"
"""The longest address that fits into a title with 250 users."""
BAD = {
    "no username": {"username": ""},
    "username with spaces": {"username": "grace hopper"},
    "username with a newline": {"username": "grace\n"},
    "username that closes a fence": {"username": "`````\n/close\n@all <img src=x>"},
    "username that is too long": {"username": "g" * 101},
    "username without end": {"username": "g" * 5000},
    "username that poses as an operation": {"username": "x\n\nOperation: `1002-license`\n"},
    "no users": {"users": ""},
    "users 0": {"users": "0"},
    "users -1": {"users": "-1"},
    "users in words": {"users": "many"},
    "users 10 million": {"users": "10000000"},
    "users with a point": {"users": "2.5"},
    "users in other digits": {"users": "٣"},
    "users without end": {"users": "9" * 5000},
    "no email": {"email": ""},
    "email without at": {"email": "ada.customer.example"},
    "two emails": {"email": "ada@customer.example, eve@evil.example"},
    "email with a header": {"email": "ada@customer.example\nBcc: eve@evil.example"},
    "email with a name": {"email": "Ada <ada@customer.example>"},
    "email beyond ASCII": {"email": "ädä@customer.example"},
    "email too long for a title": {"email": f"a{LONG}"},
    "operation id with markup": {"operation_id": "1001`\n\n/close\n`"},
    "operation id with a header": {"operation_id": "x>\r\nBcc: eve@evil.example"},
    "operation id that is long": {"operation_id": "x" * 101},
    "ticket url of another kind": {"ticket_url": "javascript:alert"},
    "ticket url without a scheme": {"ticket_url": "t.example/1"},
    "ticket url with a newline": {"ticket_url": "https://t.example/1\n/close"},
    "ticket url with markup": {"ticket_url": "https://t.example/1)[x](https://evil.example"},
    "ticket url that is long": {"ticket_url": "https://t.example/" + "x" * 600},
}


@pytest.mark.parametrize("given", BAD.values(), ids=BAD)
def test_bad_input(settings: JobSettings, tracker: Tracker, outbox: Outbox, given: dict[str, str]) -> None:
    """Input that cannot be used leaves an open issue that says which, and no mail; its title holds none of it."""
    job = run(settings, tracker, outbox, **given)

    (name,) = given
    issue = tracker.only
    assert isinstance(job.error, InputError)
    assert [] == outbox.mails
    assert ("opened", UNUSABLE, [messages.LABEL]) == (issue["state"], issue["title"], issue["labels"])
    assert f"LICENSE_{name.upper()} is " in messages.failure_reason(issue["description"])
    assert messages.find_license(issue["description"]) is None
    assert len(issue["description"]) < 1000
    assert len(str(job.error)) < 250


@pytest.mark.parametrize("given", BAD.values(), ids=BAD)
def test_bad_input_stays_harmless(
    settings: JobSettings, tracker: Tracker, outbox: Outbox, given: dict[str, str]
) -> None:
    """Outside of fences an issue holds our own words only: no mention, quick action or operation of the input's."""
    run(settings, tracker, outbox, **given)

    description = tracker.only["description"]
    operation = "none" if "operation_id" in given else "1001-license"
    parts = description.split("`````")
    assert 5 == len(parts)
    outside = {line.strip() for line in "".join(parts[::2]).splitlines()}
    assert {
        "",
        "Requested by:",
        "Ticket: see the pipeline",
        f"Operation: `{operation}`",
        "No license was sent.",
        "The tool may be used again.",
    } == outside
    assert operation == messages.find_operation(description)


@pytest.mark.parametrize(
    ("given", "change"),
    [
        ({"users": " 250 "}, {}),
        ({"email": " ada@customer.example\n"}, {}),
        ({"email": "ada@CUSTOMER.example"}, {}),
        ({"email": LONG}, {"ada@customer.example": LONG}),
        ({"ticket_url": ""}, {}),
        ({"users": "1"}, {"for 250": "for 1"}),
        ({"users": "1000000"}, {"for 250": "for 1000000"}),
    ],
)
def test_input_that_will_do(
    settings: JobSettings, tracker: Tracker, outbox: Outbox, given: dict[str, str], change: dict[str, str]
) -> None:
    """White space around, capitals in a domain, and both ends of the range are no reason to fail a customer."""
    job = run(settings, tracker, outbox, **given)

    assert job.error is None
    title = SUCCESS
    for old, new in change.items():
        title = title.replace(old, new)
    assert title == tracker.only["title"]


# -- keys


UNUSABLE_KEYS: dict[str, Callable[[rsa.RSAPrivateKey], bytes | None]] = {
    "missing": lambda key: None,
    "empty": lambda key: b"",
    "no key": lambda key: b"-----BEGIN PRIVATE KEY-----\nhush-hush\n-----END PRIVATE KEY-----\n",
    "cut off": lambda key: pem(key)[:-100],
    "not RSA": lambda key: pem(ed25519.Ed25519PrivateKey.generate()),
    "with a password": lambda key: pem(key, BestAvailableEncryption(b"x")),
}


@pytest.mark.parametrize("make", UNUSABLE_KEYS.values(), ids=UNUSABLE_KEYS)
def test_unusable_key(
    settings: JobSettings,
    tracker: Tracker,
    outbox: Outbox,
    key: rsa.RSAPrivateKey,
    make: Callable[[rsa.RSAPrivateKey], bytes | None],
) -> None:
    """Without a usable key there is a failure issue and no mail, and the key's text is nowhere."""
    content = make(key)
    settings.signing_key_file.unlink()
    if content is not None:
        settings.signing_key_file.write_bytes(content)

    job = run(settings, tracker, outbox)

    issue = tracker.only
    assert isinstance(job.error, InputError)
    assert ("opened", FAILURE, []) == (issue["state"], issue["title"], outbox.mails)
    assert str(job.error) == messages.failure_reason(issue["description"])
    seen = job.shown + json.dumps(tracker.history)
    assert not [line for line in (content or b"").decode().splitlines() if line in seen]


def test_key_that_is_a_folder(settings: JobSettings, tracker: Tracker, outbox: Outbox, tmp_path: Path) -> None:
    """A key that cannot be read is named by its file, without the machine's folders."""
    job = run(settings.model_copy(update={"signing_key_file": tmp_path}), tracker, outbox)

    assert f"The signing key {tmp_path.name} cannot be read: Is a directory." == str(job.error)
    assert FAILURE == tracker.only["title"]
    assert str(tmp_path.parent) not in tracker.only["description"]


# -- a tracker that fails


@pytest.mark.parametrize(
    ("faults", "error", "mailed", "title"),
    [
        ([429, 429], UnavailableError, 0, None),
        ([403], RefusedError, 0, None),
        ([httpx.ReadTimeout("slow")], OutcomeUnknownError, 0, PROGRESS),
        ([None, 500, 500], UnavailableError, 0, FAILURE),
        ([None, 403], RefusedError, 0, FAILURE),
        ([None, 403, 403], UnavailableError, 0, PROGRESS),
        ([None, None, 500, 500], OutcomeUnknownError, 1, PROGRESS),
        ([None, None, 403], OutcomeUnknownError, 1, PROGRESS),
    ],
    ids=[
        "asked to wait",
        "not allowed to open an issue",
        "answer to the opening lost",
        "lost before the mail",
        "refused before the mail",
        "refused before the mail, and to say so",
        "lost after the mail",
        "refused after the mail",
    ],
)
def test_tracker_fails(
    settings: JobSettings,
    outbox: Outbox,
    tracker: Tracker,
    faults: list[Exception | int | None],
    error: type[RunbookError],
    mailed: int,
    title: str | None,
) -> None:
    """No mail goes out unless the tracker tells of it first; whatever is left behind says how far it came."""
    tracker.faults = list(faults)

    job = run(settings, tracker, outbox)

    assert isinstance(job.error, error)
    assert mailed == len(outbox.mails)
    assert ([title] if title else []) == [issue["title"] for issue in tracker.issues]


@pytest.mark.parametrize("fault", [500, httpx.ReadTimeout("slow")], ids=["not done", "done, but the answer lost"])
@pytest.mark.parametrize("before", [[None], [None, None]], ids=["before the mail", "after the mail"])
def test_tracker_fails_once(
    settings: JobSettings, outbox: Outbox, tracker: Tracker, before: list[None], fault: Exception | int
) -> None:
    """An update says all, so it is sent again if it is not there: one mail, and the issue as if nothing had been."""
    tracker.faults = [*before, fault]

    assert run(settings, tracker, outbox).error is None
    assert ("closed", SUCCESS, 1) == (tracker.only["state"], tracker.only["title"], len(outbox.mails))
    assert [PROGRESS, PROGRESS, SUCCESS] == [title for title, _ in tracker.history]


@pytest.mark.parametrize("faults", [[500, 500], [403], [429] * 4], ids=["fails", "refuses", "is limiting requests"])
def test_the_mail_is_out_but_the_issue_stays_open(
    settings: JobSettings, outbox: Outbox, tracker: Tracker, faults: list[int]
) -> None:
    """The job says that the customer has the license, and what a person has to write into the tracker."""
    tracker.faults = [None, None, *faults]

    job = run(settings, tracker, outbox)

    expected = (
        f"The license WAS mailed, but issue {tracker.only['web_url']} could not be closed. Do not run the job again: "
        f"retitle the issue to '{SUCCESS}' and close it."
    )
    assert isinstance(job.error, OutcomeUnknownError)
    assert (1, expected) == (len(outbox.mails), str(job.error))


def test_a_failure_that_cannot_be_reported(settings: JobSettings, outbox: Outbox, tracker: Tracker) -> None:
    """The job's log keeps the reason, and says what a person has to write into the tracker."""
    outbox.fault = InputError("The mail server refused the mail: 552 full.")
    tracker.faults = [None, None, 403]

    job = run(settings, tracker, outbox)

    assert isinstance(job.error, UnavailableError)
    assert str(job.error).startswith("The mail server refused the mail: 552 full. No license was sent")
    assert str(job.error).endswith(f"retitle it to '{FAILURE}'.")


def test_the_second_look_fails(settings: JobSettings, outbox: Outbox, tracker: Tracker) -> None:
    """Without it nothing is known of other jobs, so nothing is mailed, and the issue blocks no later order."""
    tracker.meanwhile["after"] = lambda: setattr(tracker, "odd_list", {})

    job = run(settings, tracker, outbox)

    assert isinstance(job.error, UnavailableError)
    assert ([], FAILURE) == (outbox.mails, tracker.only["title"])


# -- mail


@pytest.mark.parametrize(
    ("fault", "title"),
    [(InputError("The mail server refused the mail: 552 full"), FAILURE), (OutcomeUnknownError("It broke."), PROGRESS)],
    ids=["refused", "lost"],
)
def test_mail_fails(settings: JobSettings, tracker: Tracker, outbox: Outbox, fault: Exception, title: str) -> None:
    """A refused mail is a failure with its reason and without the license; a lost one leaves the issue in progress."""
    outbox.fault = fault

    job = run(settings, tracker, outbox)

    issue = tracker.only
    assert fault is job.error
    assert ("opened", title) == (issue["state"], issue["title"])
    assert (title == PROGRESS) == (messages.find_license(issue["description"]) is not None)
    assert (title == FAILURE) == (str(fault) == messages.failure_reason(issue["description"]))


def through(settings: JobSettings, **changes: Any) -> mechanizer.Send:
    """The real way to send a mail, with some settings changed."""
    changed = settings.model_copy(update=changes)
    return lambda mail: smtp.send(mail, changed)


def test_real_mail(settings: JobSettings, tracker: Tracker, key: rsa.RSAPrivateKey) -> None:
    """What arrives at a real mail server is the mail with the license, for the requester alone."""
    postbox = Postbox()
    with mail_server(postbox) as port:
        job = run(settings, tracker, through(settings, smtp_port=port))

    assert job.error is None
    ((recipients, raw),) = postbox.arrived
    mail = message_from_bytes(raw, policy=mail_policy.default)
    assert (["ada@customer.example"], "<1001-license@license-runbook.invalid>") == (recipients, mail["Message-ID"])
    assert attached(mail) == messages.find_license(tracker.only["description"])
    assert 250 == license.read(attached(mail), key.public_key()).user_count
    assert not postbox.encrypted


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"to_recipient": "552 5.2.2 Mailbox full"}, "552 5.2.2 Mailbox full"),
        ({"to_recipient": "450 4.7.1 Greylisted, come back"}, "450 4.7.1 Greylisted, come back"),
        ({"to_message": "554 5.7.1 Looks like spam"}, "554 5.7.1 Looks like spam"),
        ({"to_message": "451 4.3.0 Later"}, "451 4.3.0 Later"),
    ],
    ids=["recipient refused", "recipient deferred", "message refused", "message deferred"],
)
def test_real_refusal(settings: JobSettings, tracker: Tracker, answers: dict[str, str], words: str) -> None:
    """What the server refuses was not sent: an open failure with the server's words, and no license in it."""
    postbox = Postbox(**answers)
    with mail_server(postbox) as port:
        job = run(settings, tracker, through(settings, smtp_port=port))

    issue = tracker.only
    reason = f"The mail server 127.0.0.1:{port} refused the mail: {words}"
    assert isinstance(job.error, InputError)
    assert ("opened", FAILURE) == (issue["state"], issue["title"])
    assert reason == str(job.error) == messages.failure_reason(issue["description"])
    assert "BEGIN" not in issue["description"]
    assert [] == postbox.arrived


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_real_connection_lost(settings: JobSettings, tracker: Tracker, stage: str) -> None:
    """A connection that breaks on the way says nothing about the mail: the issue stays in progress."""
    with mail_server(Postbox(drop=stage)) as port:
        job = run(settings, tracker, through(settings, smtp_port=port))

    assert isinstance(job.error, OutcomeUnknownError)
    assert ("opened", PROGRESS) == (tracker.only["state"], tracker.only["title"])
    assert "ask the customer whether it came" in tracker.only["description"]


def test_a_mail_server_that_is_not_running(settings: JobSettings, tracker: Tracker) -> None:
    """A mail server that is not there sent nothing: a failure."""
    job = run(settings, tracker, through(settings))

    assert isinstance(job.error, InputError)
    assert f"The mail server 127.0.0.1:{settings.smtp_port} cannot be used: ConnectionRefusedError" in str(job.error)
    assert FAILURE == tracker.only["title"]


def test_mail_server_whose_name_cannot_be_sent(settings: JobSettings, tracker: Tracker) -> None:
    """A host name that is none is a failure like any other."""
    job = run(settings, tracker, through(settings, smtp_host=f"{'x' * 64}.example"))

    assert isinstance(job.error, InputError)
    assert FAILURE == tracker.only["title"]


# -- encrypted mail


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory, key: rsa.RSAPrivateKey) -> Path:
    """A certificate of 127.0.0.1, signed by itself, with its key."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(built.public_bytes(Encoding.PEM) + pem(key))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """The mail server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts the mail server's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def encrypted(security: str, tls: ssl.SSLContext) -> dict[str, Any]:
    """What a mail server needs to offer this kind of encryption, and no other."""
    return {"ssl_context": tls} if security == "tls" else {"tls_context": tls, "require_starttls": True}


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.usefixtures("trusted")
def test_encrypted_mail(settings: JobSettings, tracker: Tracker, tls: ssl.SSLContext, security: str) -> None:
    """With starttls or tls the mail travels encrypted."""
    postbox = Postbox()
    with mail_server(postbox, **encrypted(security, tls)) as port:
        job = run(settings, tracker, through(settings, smtp_port=port, smtp_security=security))

    assert job.error is None
    assert (1, True) == (len(postbox.arrived), postbox.encrypted)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_stranger_gets_no_mail(settings: JobSettings, tracker: Tracker, tls: ssl.SSLContext, security: str) -> None:
    """A server whose certificate no authority has signed is not used."""
    postbox = Postbox()
    with mail_server(postbox, **encrypted(security, tls)) as port:
        job = run(settings, tracker, through(settings, smtp_port=port, smtp_security=security))

    assert "CERTIFICATE_VERIFY_FAILED" in str(job.error)
    assert (FAILURE, []) == (tracker.only["title"], postbox.arrived)


def test_starttls_is_not_optional(settings: JobSettings, tracker: Tracker) -> None:
    """A server that cannot encrypt, or whose offer was stripped on the way, gets nothing."""
    postbox = Postbox()
    with mail_server(postbox) as port:
        job = run(settings, tracker, through(settings, smtp_port=port, smtp_security="starttls"))

    assert "STARTTLS extension not supported" in str(job.error)
    assert (FAILURE, []) == (tracker.only["title"], postbox.arrived)


@pytest.mark.parametrize(("password", "good"), [(PASSWORD, True), ("wr0ng-hush", False)])
@pytest.mark.usefixtures("trusted")
def test_login(settings: JobSettings, tracker: Tracker, tls: ssl.SSLContext, password: str, good: bool) -> None:
    """User and password are given after encryption; a refused password is a failure, and is not shown."""
    postbox = Postbox()
    options = {**encrypted("starttls", tls), "authenticator": postbox.authenticate, "auth_required": True}
    login = {"smtp_username": "mailer", "smtp_password": SecretStr(password)}
    with mail_server(postbox, **options) as port:
        job = run(settings, tracker, through(settings, smtp_port=port, smtp_security="starttls", **login))

    assert b"mailer" == postbox.user
    assert good == (job.error is None) == (len(postbox.arrived) == 1)
    assert good or "535" in messages.failure_reason(tracker.only["description"])
    assert "hush" not in job.shown + json.dumps(tracker.history)


@pytest.mark.usefixtures("trusted")
def test_password_beyond_ascii(settings: JobSettings, tracker: Tracker, tls: ssl.SSLContext) -> None:
    """A password that cannot be sent is a failure; not even one letter of it is shown."""
    postbox = Postbox()
    options = {**encrypted("starttls", tls), "authenticator": postbox.authenticate, "auth_required": True}
    login = {"smtp_username": "mailer", "smtp_password": SecretStr("päss-hush")}
    with mail_server(postbox, **options) as port:
        job = run(settings, tracker, through(settings, smtp_port=port, smtp_security="starttls", **login))

    assert isinstance(job.error, InputError)
    assert FAILURE == tracker.only["title"]
    assert "RUNBOOK_SMTP_PASSWORD" in messages.failure_reason(tracker.only["description"])
    shown = job.shown + str(tracker.history)
    assert not [secret for secret in ("hush", "ä", "xe4", "mailer") if secret in shown]


# -- secrets, and the command


def test_nothing_secret_is_said(
    settings: JobSettings, key: rsa.RSAPrivateKey, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither license, token nor key are in what the job prints or raises, however it ends."""
    endings: list[tuple[list[Exception | int | None], Exception | None]] = [
        ([], None),
        ([], InputError("refused")),
        ([], OutcomeUnknownError("broke")),
        ([None, 500, 500], None),
        ([None, None, 403], None),
    ]
    for faults, fault in endings:
        tracker = Tracker(faults=list(faults))
        job = run(settings, tracker, Outbox(tracker, fault))
        printed = capfd.readouterr()
        said = job.shown + repr(job) + printed.out + printed.err
        texts = [messages.find_license(description) or "" for _, description in tracker.history]
        secret = [line for text in [*texts, pem(key).decode()] for line in text.splitlines() if len(line) > 20]
        assert len(secret) > 20
        assert not [line for line in [*secret, TOKEN, "BEGIN GITLAB"] if line in said]


def test_command_without_configuration(tmp_path: Path) -> None:
    """With an empty environment the job ends with 1 and one sentence that names what is missing."""
    # A copy, since the checkout may have a `.env` of the developer's.
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(runbook_lib.__file__).parent, tmp_path / "runbook_lib", ignore=ignored)
    command = [sys.executable, "-m", "runbook_lib.cli", "mechanizer"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60, check=False)

    needs = ["GITLAB_URL", "GITLAB_TOKEN", "TRACKER_PROJECT_ID", "SIGNING_KEY_FILE", "SMTP_HOST", "SMTP_SENDER"]
    words = "; ".join(f"RUNBOOK_{name} (Field required)" for name in needs)
    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(f"mechanizer: These settings are missing or impossible: {words}. Correct them ")


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, settings: JobSettings) -> pytest.MonkeyPatch:
    """The job's variables, as a pipeline sets them; change them at will."""
    for name, value in settings.model_dump(exclude={"gitlab_token", "smtp_password"}).items():
        monkeypatch.setenv(f"RUNBOOK_{name.upper()}", str(value))
    monkeypatch.setenv("RUNBOOK_GITLAB_TOKEN", TOKEN)
    for name, value in GIVEN.items():
        monkeypatch.setenv(f"LICENSE_{name.upper()}", value)
    return monkeypatch


def test_command(pipeline: pytest.MonkeyPatch, tracker: Tracker, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole job, from variables to mail: it says what it did in one line, and ends with 0."""
    postbox = Postbox()
    transport = httpx.MockTransport(tracker._answer)

    class PracticeSession(HttpSession):
        def __init__(self, *, loopback: bool, **options: Any) -> None:
            assert loopback, "practice goes through no proxy"
            super().__init__(loopback=loopback, transport=transport, **options)

    pipeline.setattr(mechanizer, "HttpSession", PracticeSession)

    with mail_server(postbox) as port:
        pipeline.setenv("RUNBOOK_SMTP_PORT", str(port))
        status = cli.main(["mechanizer"])

    printed = capsys.readouterr()
    assert (0, "") == (status, printed.err)
    ((_, raw),) = postbox.arrived
    fingerprint = license.fingerprint(attached(message_from_bytes(raw, policy=mail_policy.default)))
    assert f"License {fingerprint} for 250 users was mailed; issue {tracker.only['web_url']}.\n" == printed.out


def test_command_without_a_tracker(pipeline: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A job that cannot reach its tracker ends with 1 and a sentence, and shows no token."""
    url = f"http://127.0.0.1:{free_port()}"
    pipeline.setenv("RUNBOOK_GITLAB_URL", url)

    assert 1 == cli.main(["mechanizer"])

    printed = capsys.readouterr()
    advice = "The practice world has stopped: start it with `runbook sandbox`, then run again."
    expected = f"mechanizer: GitLab at {url} cannot be reached. {advice}\n"
    assert ("", expected) == (printed.out, printed.err)

"""Faults as clients get to see them, over real HTTP and SMTP, and whether the request was carried out."""

from __future__ import annotations

import re
import smtplib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from runbook_lib.sandbox import server
from tests.practice import World, copy_world, start

ISSUES = "/api/v4/projects/51000262/issues"
MECHANIZER = "/api/v4/projects/51000177"
LETTER = "From: a@b.example\r\nTo: c@d.example\r\nSubject: Your license\r\n\r\nhello\r\n"

WRITES = {
    "zendesk": ("PUT", "/api/v2/tickets/1001.json", {"ticket": {"comment": {"body": "hello", "public": False}}}),
    "gitlab": ("POST", ISSUES, {"title": "hello"}),
    "slack": ("POST", "/api/chat.postMessage", {"channel": "C07PRACTICE", "text": "hello"}),
}
LIMITED = {
    "zendesk": ("application/json", '"APIRateLimitExceeded"'),
    "gitlab": ("text/plain", "Retry later"),
    "slack": ("application/json", '{"ok":false,"error":"ratelimited"}'),
    "customersdot": ("text/plain", "Retry later"),
}

each_writing_service = pytest.mark.parametrize("service", WRITES)
committed_or_not = pytest.mark.parametrize("commits", [False, True], ids=["not committed", "committed"])


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory):
    yield from start(tmp_path_factory.mktemp("faulty"))


@pytest.fixture
def served(shared_world):
    """A served world in which everything works before and after."""
    yield shared_world
    shared_world.clear_faults()


@dataclass
class Client:
    """Asks the services of a served world with good credentials."""

    world: World
    http: httpx.Client

    def write(self, service, **options):
        """Sends a change."""
        method, path, body = WRITES[service]
        return self.http.request(method, path, json=body, headers=self.credentials(service), **options)

    def read(self, service):
        """Reads a list."""
        if service == "customersdot":
            return self.http.get("/admin/customer.json", headers=self.credentials(service))
        paths = {"zendesk": "/api/v2/tickets.json", "gitlab": ISSUES, "slack": "/api/auth.test"}
        return self.http.get(paths[service], headers=self.credentials(service))

    def credentials(self, service):
        settings = self.world.descriptor["settings"]
        return {
            "zendesk": {"Authorization": f"Bearer {settings['zendesk_oauth_token']}"},
            "gitlab": {"PRIVATE-TOKEN": settings["gitlab_token"]},
            "slack": {"Authorization": f"Bearer {settings['slack_token']}"},
            "customersdot": {"Cookie": settings["customersdot_cookie"]},
        }[service]

    def trigger(self, **variables):
        """Starts a pipeline that fails or succeeds by Mechanizer's own rules; returns its id."""
        form = {"token": self.world.descriptor["settings"]["mechanizer_trigger_token"], "ref": "main"}
        form |= {f"variables[LICENSE_{name}]": value for name, value in variables.items()}
        return self.http.post(f"{MECHANIZER}/trigger/pipeline", data=form).json()["id"]

    def pipeline(self, pipeline_id):
        """The status of a pipeline."""
        path = f"{MECHANIZER}/pipelines/{pipeline_id}"
        return self.http.get(path, headers=self.credentials("gitlab")).json()["status"]

    def trace(self, pipeline_id):
        """What its job printed."""
        (row,) = self.world.rows("SELECT trace FROM pipelines WHERE id = ?", pipeline_id)
        return row["trace"]


@pytest.fixture(scope="module")
def client(shared_world):
    with httpx.Client(base_url=shared_world.descriptor["url"], trust_env=False, timeout=10) as session:
        yield Client(shared_world, session)


@pytest.fixture
def changed(served):
    """Whether the world's database has changed since the test began."""
    before = served.content()
    return lambda: served.content() != before


def mail(served, timeout=10):
    """Sends a letter; returns what the server refused."""
    postbox = served.descriptor["mail"]
    with smtplib.SMTP(postbox["host"], postbox["port"], timeout=timeout) as session:
        return session.sendmail("a@b.example", ["c@d.example"], LETTER)


# -- web services


def test_without_faults_nothing_is_injected(served, client):
    before = served.injected()
    for service in LIMITED:
        assert client.read(service).status_code == 200
    assert before == served.injected()


@pytest.mark.parametrize("service", LIMITED)
@pytest.mark.parametrize("retry_after", [None, 0, 93])
def test_rate_limit_uses_the_vendors_own_answer(served, client, changed, service, retry_after):
    """With `Retry-After` only if the fault has it."""
    served.inject(service, "limit", retry_after=retry_after)
    answer = client.write(service) if service in WRITES else client.read(service)
    kind, words = LIMITED[service]
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (429, kind)
    assert words in answer.text
    assert answer.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))
    assert not changed()
    assert client.read(service).status_code == 200


@each_writing_service
@committed_or_not
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_is_a_proxys_page(served, client, changed, service, commits, status):
    served.inject(service, "error", status=status, commits=commits)
    answer = client.write(service)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert f"<h1>{status} " in answer.text
    assert changed() == commits


@each_writing_service
@committed_or_not
def test_a_wrong_type_is_a_page_with_status_200(served, client, changed, service, commits):
    served.inject(service, "wrong_type", commits=commits)
    answer = client.write(service)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")
    assert changed() == commits


@each_writing_service
@committed_or_not
def test_a_reset_is_seen_as_one(served, client, changed, service, commits):
    served.inject(service, "reset", commits=commits)
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        client.write(service)
    assert changed() == commits
    assert client.read(service).status_code == 200


@each_writing_service
def test_truncated_answer_ends_mid_body(served, client, changed, service):
    served.inject(service, "truncate")
    with pytest.raises(httpx.RemoteProtocolError, match=r"received \d+ bytes, expected") as broken:
        client.write(service)
    received, expected = map(int, re.findall(r"\d+", str(broken.value)))
    assert received == expected // 2
    assert changed()


@each_writing_service
def test_a_delayed_request_is_answered_as_usual(served, client, changed, service):
    served.inject(service, "delay", seconds=0.2)
    began = time.monotonic()
    assert client.write(service).status_code in (200, 201)
    assert time.monotonic() - began >= 0.2
    assert changed()


@each_writing_service
def test_delayed_request_handled_without_its_client(served, client, changed, eventually, service):
    served.inject(service, "delay", seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        client.write(service, timeout=0.1)
    assert not changed()
    eventually(changed)


@pytest.mark.parametrize("kind", ["delay", "error", "reset", "truncate", "wrong_type"])
def test_reads_of_customersdot_fail_in_every_way_too(served, client, kind):
    served.inject("customersdot", kind, **({"seconds": 0} if kind == "delay" else {}))
    try:
        seen = client.read("customersdot").headers["Content-Type"].split(";")[0]
    except httpx.TransportError as exc:
        seen = type(exc)
    broken = {"reset": httpx.ReadError, "truncate": httpx.RemoteProtocolError, "delay": "application/json"}
    assert seen == broken.get(kind, "text/html")
    assert client.read("customersdot").json()


def test_only_matching_requests_fail(served, client):
    """By method and by path, and not before as many have passed as were to."""
    served.inject("gitlab", "error", method="POST", path="/issues", skip=1, times=2)
    assert [201, 502, 502, 201] == [client.write("gitlab").status_code for _ in range(4)]
    served.inject("gitlab", "error", method="POST")
    assert client.read("gitlab").status_code == 200
    assert client.write("zendesk").status_code == 200


def test_zendesk_faults_hit_attachments(served, client):
    """They are served from a host of their own, in halves if need be, also where they are made up on the way."""
    (row, *_) = served.rows("SELECT token, size FROM attachments WHERE source = 'stored'")
    served.inject("zendesk", "truncate", path="/attachments/token/")
    with pytest.raises(httpx.RemoteProtocolError, match=f"received {row['size'] // 2} bytes, expected {row['size']}"):
        client.http.get(f"/attachments/token/{row['token']}/")
    assert client.http.get(f"/attachments/token/{row['token']}/").status_code == 200


def test_the_sandboxs_own_addresses_never_fail(served, client):
    for service in LIMITED:
        served.inject(service, "error", times=None)
    for path in ("/", "/sandbox", "/sandbox/faults", "/sandbox/faults/hits", "/agent/tickets/1001"):
        assert client.http.get(path).status_code < 400
    assert server.running(served.folder) == served.descriptor


def test_what_was_injected_stays_counted(served, client):
    served.clear_faults()
    before = served.injected().get("gitlab", {}).get("error", 0)
    served.inject("gitlab", "error", times=2)
    client.read("gitlab")
    client.read("gitlab")
    assert served.injected()["gitlab"]["error"] == before + 2


def test_the_faults_are_not_in_the_worlds_file(served, changed):
    served.inject("gitlab", "error", times=None)
    assert not changed()


# -- the date


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/", {}), ("/sandbox", {}), ("/api/v4/user", {}), ("/nowhere", {}), ("/", {"Host": "evil.example"})],
)
def test_every_answer_shows_the_worlds_date_once(client, path, headers):
    (shown,) = client.http.get(path, headers=headers).headers.get_list("Date")
    assert shown.startswith("Sun, 22 Nov 2026 ")
    assert shown.endswith(" GMT")


def test_answer_of_a_fault_has_the_worlds_date(served, client):
    served.inject("gitlab", "error")
    assert client.read("gitlab").headers["Date"].startswith("Sun, 22 Nov 2026 ")


# -- mail


def test_recipient_refused_with_given_code_and_text(served, changed):
    served.inject("mail", "refuse", status=550, error="5.1.1 No such user")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        mail(served)
    assert refused.value.recipients == {"c@d.example": (550, b"5.1.1 No such user")}
    assert not changed()
    assert mail(served) == {}


def test_recipient_refused_with_451_by_default(served):
    served.inject("mail", "refuse")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        mail(served)
    assert refused.value.recipients["c@d.example"][0] == 451


@committed_or_not
def test_a_hanging_mail_server_answers_late(served, changed, commits):
    """And says whether it has kept the mail."""
    served.inject("mail", "hang", seconds=0.2, commits=commits)
    began = time.monotonic()
    try:
        assert mail(served) == {}
        code = 250
    except smtplib.SMTPDataError as exc:
        code = exc.smtp_code
    assert time.monotonic() - began >= 0.2
    assert (code, changed()) == ((250, True) if commits else (451, False))


@committed_or_not
def test_hanging_mail_server_keeps_or_drops_the_mail(served, changed, commits):
    served.inject("mail", "hang", seconds=600, commits=commits)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected), match="timed out"):
        mail(served, timeout=0.2)
    assert changed() == commits


@committed_or_not
def test_a_mail_connection_is_reset_after_the_message(served, changed, commits):
    served.inject("mail", "reset", commits=commits)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="reset by peer"):
        mail(served)
    assert changed() == commits
    assert mail(served) == {}


# -- pipelines


def test_stalled_pipeline_runs_after_clearing(served, client, eventually):
    """Until then it says that it runs, its job has not started, and others overtake it."""
    stall = served.inject("pipelines", "stall")
    stalled, other = client.trigger(), client.trigger()
    eventually(lambda: client.pipeline(other) == "failed")
    assert (client.pipeline(stalled), client.trace(stalled)) == ("running", "")
    (listed,) = client.http.get("/sandbox/faults").json()
    assert (listed["id"], listed["hits"]) == (stall["id"], 1)
    assert client.http.post("/sandbox/faults/clear", json={"id": stall["id"]}).status_code == 204
    eventually(lambda: client.pipeline(stalled) == "failed")
    assert "LICENSE_" in client.trace(stalled)


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_a_killed_job_fails_its_pipeline(served, client, eventually, seconds):
    """At its start, and while it mails a license."""
    served.inject("mail", "hang", seconds=600, commits=False)
    served.inject("pipelines", "kill", seconds=seconds)
    killed = client.trigger(USERNAME="practice.engineer", USERS="5", EMAIL="a@b.example")
    eventually(lambda: client.pipeline(killed) == "failed")
    assert client.trace(killed).endswith("ERROR: Job failed: exit code 137\n")


def test_a_job_that_ends_in_time_is_not_killed(served, client, eventually):
    served.inject("pipelines", "kill", seconds=60)
    failed = client.trigger()
    eventually(lambda: client.pipeline(failed) == "failed")
    assert "137" not in client.trace(failed)


# -- stopping


@pytest.mark.slow
def test_server_stops_in_time_during_delays(tmp_path, eventually):
    """The delayed request is answered then; a stalled pipeline has failed when the world is served again."""
    world = World(tmp_path)
    copy_world(world.folder)
    command = [sys.executable, "-m", "runbook_lib.sandbox", str(world.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        eventually(lambda: server.running(world.folder) is not None)
        world.inject("slack", "delay", seconds=600)
        world.inject("pipelines", "stall")
        url = world.descriptor["url"]
        with httpx.Client(base_url=url, trust_env=False) as session:
            stalled = Client(world, session).trigger()
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(httpx.get, f"{url}/api/auth.test", timeout=60, trust_env=False)
            eventually(lambda: world.injected() == {"pipelines": {"stall": 1}, "slack": {"delay": 1}})
            process.terminate()
            _, complaints = process.communicate(timeout=30)
            assert waiting.result().status_code == 200
    assert b"Traceback" not in complaints
    with server.shared(world.folder):
        (row,) = world.rows("SELECT status, trace FROM pipelines WHERE id = ?", stalled)
    assert (row["status"], row["trace"]) == ("failed", "ERROR: Job failed: the runner was stopped\n")

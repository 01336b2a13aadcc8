"""The control room as it is served: what it shows, of whom; escaped, locked down, and cheap to ask again."""

from __future__ import annotations

import re
import sqlite3
from email.message import EmailMessage

import pytest

from runbook_lib.sandbox import control_room
from tests.sandbox.test_reading import CHANNEL, Outline

PAGES = ("/control-room", "/control-room/1001", "/control-room/1011")
ADDRESSES = (*PAGES, "/control-room/4711", "/control-room/panes", "/control-room/1001/panes")


def get(practice, path, **headers):
    return practice.http.get(path, headers=headers)


def pane(text, name):
    """The HTML of one pane."""
    return re.search(rf'<section class="pane" id="{name}".*?</section>', text, re.DOTALL)[0]


def happen(practice, ticket_id, word):
    """One thing of every kind, about a ticket, with a word in it."""
    address = f"http://127.0.0.1:8765/agent/tickets/{ticket_id}"
    world = practice.world
    practice.zendesk("PUT", f"tickets/{ticket_id}.json", json={"ticket": {"comment": {"body": f"{word} comment"}}})
    practice.slack("chat.postMessage", channel=CHANNEL, text=f"{word} post <{address}|ticket>")
    issue = {"title": f"{word} issue", "description": f"Ticket: {address}\n"}
    practice.gitlab("POST", "projects/51000262/issues", json=issue)
    trigger = {"token": world.settings["mechanizer_trigger_token"], "ref": "main", "variables[LICENSE_NAME]": word}
    trigger["variables[LICENSE_TICKET_URL]"] = address
    practice.http.post("/api/v4/projects/51000177/trigger/pipeline", data=trigger)
    requester = world.require(
        "SELECT email FROM users JOIN tickets ON requester_id = users.id WHERE tickets.id = ?", ticket_id
    )
    mail(world, requester["email"].upper(), f"{word} mail")


def mail(world, receiver, subject):
    message = EmailMessage()
    message["Subject"] = subject
    world.store.write(
        "INSERT INTO mails (envelope_from, envelope_to, raw, received_at) VALUES ('a@b.example', ?, ?, '')",
        f'["{receiver}"]',
        message.as_bytes(),
    )


PLACES = (
    ("thread", "{} comment"),
    ("mail", "{} mail"),
    ("slack", "{} post"),
    ("tracker", "{} issue"),
    ("pipelines", "{}"),
)


@pytest.mark.parametrize("name,words", PLACES)
def test_ticket_page_shows_only_its_own_items(practice, name, words):
    happen(practice, 1001, "mine")
    happen(practice, 1002, "another's")
    shown = pane(get(practice, "/control-room/1001").text, name)
    assert words.format("mine") in shown
    assert "another" not in shown


@pytest.mark.parametrize("name,words", PLACES)
def test_page_of_the_world_shows_the_newest(practice, name, words):
    happen(practice, 1001, "first")
    happen(practice, 1002, "second")
    shown = pane(get(practice, "/control-room").text, name)
    assert -1 < shown.index(words.format("second")) < shown.index(words.format("first"))


def test_pane_says_that_it_is_shortened(practice, monkeypatch):
    monkeypatch.setattr(control_room, "_NEWEST", 30)
    text = get(practice, "/control-room").text
    assert practice.world.require("SELECT count(*) AS number FROM comments")["number"] > 30
    assert 30 == pane(text, "thread").count('class="comment')
    assert "Comments (newest 30)" in text
    assert "Mail to customers (0)" in text


def test_longer_ticket_number_is_another_ticket(practice):
    address = "http://127.0.0.1:8765/agent/tickets/10011"
    practice.slack("chat.postMessage", channel=CHANNEL, text=f"of another <{address}>")
    assert "of another" not in get(practice, "/control-room/1001").text


def test_every_ticket_can_be_chosen(practice):
    tickets = pane(get(practice, "/control-room").text, "tickets")
    for row in practice.world.store.rows("SELECT id FROM tickets"):
        assert f'href="/control-room/{row["id"]}"' in tickets


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("/", "/control-room"),
        ("/agent/tickets/1001", "/control-room/1001"),
        ("/practice-support/internal-requests/-/issues/2", "/control-room/3001#issue-2"),
        ("/practice-support/license-toolbox/-/pipelines", "/control-room#pipelines"),
        ("/practice-support/internal-requests/-/issues/77", "/control-room#issue-77"),
        ("/practice-support/toolbox/mechanizer/-/pipelines/7", "/control-room#pipeline-7"),
    ],
)
def test_vendor_urls_lead_to_the_control_room(practice, address, place):
    """As links in practice records have them; an issue is on its ticket's page, however old it is."""
    assert place == practice.http.get(address, follow_redirects=False).headers["Location"]


def test_a_pipelines_address_leads_to_its_ticket(practice):
    happen(practice, 1001, "mine")
    (row,) = practice.world.store.rows("SELECT id FROM pipelines")
    answer = practice.http.get(f"/x/-/pipelines/{row['id']}", follow_redirects=False)
    assert f"/control-room/1001#pipeline-{row['id']}" == answer.headers["Location"]


@pytest.mark.parametrize("page", ["/control-room", "/control-room/1001"])
def test_a_fault_changes_the_panes(practice, page):
    """Added, hit or cleared: an open page is updated, though the world's file is as before."""
    seen = []
    for fault in (None, {"service": "gitlab", "kind": "limit", "times": 2}):
        if fault:
            practice.http.post("/sandbox/faults", json=fault)
        seen.append(get(practice, f"{page}/panes").headers["ETag"])
    practice.gitlab("GET", "user")
    seen.append(get(practice, f"{page}/panes").headers["ETag"])
    practice.http.post("/sandbox/faults/clear")
    seen.append(get(practice, f"{page}/panes").headers["ETag"])
    assert 4 == len(set(seen))


@pytest.mark.parametrize("path", ["/control-room", "/control-room/1011", "/control-room/1011/panes"])
def test_hostile_texts_stay_texts(practice, path):
    happen(practice, 1011, "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e")
    text = get(practice, path).text
    outline = Outline(text)
    assert 0 == re.sub(r'<script src="/control-room/script.js" nonce="[\w-]{22}" defer></script>', "", text).count(
        "<script"
    )
    assert not outline.tags & {"img", "iframe", "object", "embed"}
    assert not [name for name in outline.attributes if name.startswith("on")]
    assert not set(text) & set("\x00\x07\x1b\u202e")
    assert "&lt;script&gt;alert(&#39;subject&#39;)" in text


@pytest.mark.parametrize("path", ["/control-room/4711", "/control-room/4711/panes"])
def test_unknown_ticket_page_links_back(practice, path):
    answer = get(practice, path)
    assert 404 == answer.status_code
    assert "There is no ticket #4711 in this world." in answer.text
    assert 'href="/control-room"' in answer.text


@pytest.mark.parametrize("path", ADDRESSES)
def test_policy_allows_one_script_and_no_html_from_it(practice, path):
    answer = get(practice, path)
    nonce = re.search('<script [^>]*nonce="(.{22})"', answer.text)
    assert bool(nonce) == (path in PAGES)
    rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert {
        "default-src": "'none'",
        "script-src": f"'nonce-{nonce[1]}'" if nonce else "'none'",
        "connect-src": "'self'",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    } == rules
    assert ("nosniff", "no-store") == (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"])


def test_its_script_is_served_as_one(practice):
    answer = get(practice, "/control-room/script.js")
    assert "text/javascript; charset=utf-8" == answer.headers["Content-Type"]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|DOMParser|eval\(|document\.write", answer.text)


@pytest.mark.parametrize("path", ["/control-room", "/control-room/1001"])
def test_unchanged_panes_are_not_sent_again(practice, path):
    """The page itself says which state it shows: its first question is answered with nothing."""
    etag = re.search(r'data-version="&#34;(.*?)&#34;"', get(practice, path).text)[1]
    answer = get(practice, f"{path}/panes", **{"If-None-Match": f'"{etag}"'})
    assert (304, b"") == (answer.status_code, answer.content)


def by_the_server(practice):
    practice.slack("chat.postMessage", channel=CHANNEL, text="x")


def by_somebody_else(practice):
    with sqlite3.connect(practice.world.folder / "world.sqlite") as connection:
        connection.execute("UPDATE tickets SET status = 'solved' WHERE id = 1001")
    connection.close()


@pytest.mark.parametrize("change", [by_the_server, by_somebody_else])
def test_panes_are_sent_again_after_any_change(practice, change):
    before = get(practice, "/control-room/panes")
    change(practice)
    after = get(practice, "/control-room/panes", **{"If-None-Match": before.headers["ETag"]})
    assert 200 == after.status_code
    assert before.text != after.text
    assert before.headers["ETag"] != after.headers["ETag"]


def test_only_the_pane_that_changed_says_so(practice):
    def digests():
        text = get(practice, "/control-room/1001/panes").text
        return dict(re.findall(r' id="(\w+)" tabindex="0" .*?data-digest="(\w+)"', text))

    before = digests()
    mail(practice.world, "maya.lindqvist@nordlicht-analytics.example", "Hello")
    after = digests()
    assert {"faults", "thread", "mail", "slack", "tracker", "pipelines"} == set(before)
    assert ["mail"] == [name for name in after if after[name] != before[name]]


def test_watching_never_changes_the_file(practice):
    path = practice.world.folder / "world.sqlite"
    before = path.read_bytes()
    for address in ADDRESSES:
        get(practice, address)
        get(practice, f"{address}/panes")
    assert before == path.read_bytes()

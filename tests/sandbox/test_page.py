"""The page that shows the world: complete, escaped, without scripts; and reading changes nothing."""

from __future__ import annotations

import hashlib
from html.parser import HTMLParser

CHANNEL = "C07PRACTICE"


class Outline(HTMLParser):
    """The tags of a page, with their attributes' names."""

    def __init__(self, text):
        super().__init__()
        self.tags = set()
        self.attributes = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def page(practice):
    answer = practice.http.get("/")
    assert answer.status_code == 200
    return answer


def test_it_shows_tickets_mail_slack_tracker_and_pipelines(practice):
    practice.slack("chat.postMessage", channel=CHANNEL, text="posted text")
    practice.gitlab("POST", "projects/51000262/issues", json={"title": "tracked title"})
    practice.zendesk("PUT", "tickets/1001.json", json={"ticket": {"comment": {"body": "secret note", "public": False}}})
    token = practice.world.settings["mechanizer_trigger_token"]
    practice.http.post("/api/v4/projects/51000177/trigger/pipeline", data={"token": token, "ref": "main"})
    raw = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: Your license\r\n\r\nmailed text\r\n"
    practice.world.store.write(
        "INSERT INTO mails (envelope_from, envelope_to, raw, received_at) VALUES ('a@b.example', '[]', ?, '')", raw
    )
    text = page(practice).text
    for expected in ("posted text", "tracked title", "secret note", "Your license", "mailed text", "created"):
        assert expected in text
    assert "GitLab is read-only" in text
    assert "2026-11-22" in text


def test_hostile_texts_stay_texts(practice):
    hostile = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e"
    practice.slack("chat.postMessage", channel=CHANNEL, text=hostile)
    practice.gitlab("POST", "projects/51000262/issues", json={"title": hostile, "description": hostile})
    answer = page(practice)
    outline = Outline(answer.text)
    assert not outline.tags & {"script", "img", "iframe", "b onload"}
    assert not [name for name in outline.attributes if name.startswith("on")]
    assert not set(answer.text) & set("\x00\x07\x1b\u202e")
    assert "⟨U+202E⟩" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_addresses_of_tickets_issues_and_pipelines_lead_to_it(practice):
    for address, anchor in (
        ("/agent/tickets/1001", "/#ticket-1001"),
        ("/practice-support/internal-requests/-/issues/1", "/#issue-1"),
        ("/practice-support/toolbox/mechanizer/-/pipelines/7", "/#pipeline-7"),
    ):
        assert practice.http.get(address, follow_redirects=False).headers["Location"] == anchor


def test_a_foreign_host_name_is_refused(practice):
    assert practice.http.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_reading_never_changes_the_file(practice, world_folder):
    practice.slack("chat.postMessage", channel=CHANNEL, text="x")
    path = world_folder / "world.sqlite"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    page(practice)
    for read in ("tickets/1001.json?include=users,organizations", "tickets/1001/comments.json", "users/me.json"):
        assert practice.zendesk("GET", read).status_code == 200
    practice.gitlab("GET", "projects/51000262/issues")
    practice.slack("conversations.history", channel=CHANNEL)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert not list(world_folder.glob("world.sqlite-*"))

"""Reading changes nothing; only loopback names are served."""

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


def test_a_foreign_host_name_is_refused(practice):
    assert practice.http.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_reading_never_changes_the_file(practice, world_folder):
    practice.slack("chat.postMessage", channel=CHANNEL, text="x")
    path = world_folder / "world.sqlite"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    assert practice.http.get("/control-room").status_code == 200
    for read in ("tickets/1001.json?include=users,organizations", "tickets/1001/comments.json", "users/me.json"):
        assert practice.zendesk("GET", read).status_code == 200
    practice.gitlab("GET", "projects/51000262/issues")
    practice.slack("conversations.history", channel=CHANNEL)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert not list(world_folder.glob("world.sqlite-*"))

"""zenpy, unmodified, does against the sandbox what our own client does."""

from __future__ import annotations

import io
import urllib.request

import pytest
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment, Ticket
from zenpy.lib.exception import APIException, RecordNotFoundException

from runbook_lib.sandbox.world import opened


@pytest.fixture
def client(vendor_sandbox, monkeypatch):
    settings = vendor_sandbox["settings"]
    monkeypatch.setenv("ZENPY_FORCE_SCHEME", "http")
    monkeypatch.setenv("ZENPY_FORCE_NETLOC", settings["zendesk_url"].removeprefix("http://"))
    return Zenpy(subdomain="practice", oauth_token=settings["zendesk_oauth_token"], disable_cache=True)


def comment_on(client, ticket_id, **comment):
    return client.tickets.update(Ticket(id=ticket_id, comment=Comment(**comment)))


def test_it_knows_who_it_is(client):
    assert client.users.me().email == "practice.engineer@support.example"


def test_a_bad_token_is_401_but_anonymous_on_users_me(vendor_sandbox, client):
    stranger = Zenpy(subdomain="practice", oauth_token="wrong", disable_cache=True)
    assert stranger.users.me().id is None
    with pytest.raises(APIException, match="Couldn't authenticate you"):
        stranger.tickets(id=1001)


def test_a_ticket_comes_with_its_requester_and_its_organization(client):
    ticket = client.tickets(id=1001, include=["users", "organizations"])
    assert ticket.subject == "License expired, GitLab is read-only"
    assert ticket.requester.email == "maya.lindqvist@nordlicht-analytics.example"
    assert ticket.organization.organization_fields["plan"] == "premium"
    assert ticket.created.isoformat() == "2026-11-21T09:04:00+00:00"


def test_an_unknown_ticket_is_not_found(client):
    with pytest.raises(RecordNotFoundException):
        client.tickets(id=424242)


def test_comments_come_in_pages(client):
    for number in range(5):
        comment_on(client, 1003, body=f"Note {number}", public=False)
    endpoint = client.tickets.endpoint.comments
    by_cursor = client.tickets._query_zendesk(endpoint, "comment", id=1003, cursor_pagination=2)
    assert [comment.body for comment in by_cursor][1:] == [f"Note {number}" for number in range(5)]


def test_public_and_internal_comments_are_audited(client):
    answer = client.tickets.update(
        Ticket(id=1004, comment=Comment(body="internal", public=False), metadata={"operation_id": "op-1"})
    )
    assert answer.ticket.id == 1004
    comment_on(client, 1004, body="For {{ticket.requester.first_name}}: done", public=True)
    comments = list(client.tickets.comments(ticket=1004))
    assert [(comment.body, comment.public) for comment in comments[1:]] == [
        ("internal", False),
        ("For Pieter: done", True),
    ]
    audits = list(client.tickets.audits(ticket=1004, cursor_pagination=1))
    assert [audit.metadata.custom for audit in audits] == [{}, {"operation_id": "op-1"}, {}]
    assert audits[1].events[0]["id"] == comments[1].id


def test_an_upload_becomes_an_attachment(client):
    uploaded = client.attachments.upload(io.BytesIO(b"\x89PNG picture"), target_name="shot.png")
    comment_on(client, 1005, body="screenshot", public=False, uploads=[uploaded.token])
    (attachment,) = list(client.tickets.comments(ticket=1005))[-1].attachments
    assert (attachment.file_name, attachment.size) == ("shot.png", 12)
    with urllib.request.urlopen(attachment.content_url) as content:
        assert content.read() == b"\x89PNG picture"


def test_credentials_sent_to_an_attachment_are_noticed(client):
    """zenpy sends its token there, and takes any answer for the file."""
    attachment = next(iter(client.tickets.comments(ticket=1001))).attachments[0]
    assert client.attachments.download(attachment.id).getvalue() == b"Credentials do not belong on this host."


def test_a_ticket_is_taken_once(client):
    me = client.users.me()
    ticket = client.tickets(id=1002)
    stale = ticket.updated_at
    taken = client.tickets.update(Ticket(id=1002, assignee_id=me.id, safe_update=True, updated_stamp=stale))
    assert (taken.ticket.assignee_id, taken.ticket.status) == (me.id, "open")
    with pytest.raises(APIException) as caught:
        client.tickets.update(Ticket(id=1002, assignee_id=me.id, safe_update=True, updated_stamp=stale))
    assert caught.value.response.status_code == 409
    assert caught.value.response.json()["error"] == "UpdateConflict"


def test_a_closed_ticket_is_422(client):
    with pytest.raises(APIException, match="closed prevents ticket update") as caught:
        comment_on(client, 1901, body="too late", public=False)
    assert caught.value.response.status_code == 422


def test_an_api_token_works_too(vendor_folder, client):
    with opened(vendor_folder) as world:
        token = world.settings["zendesk_api_token"]
    colleague = Zenpy(subdomain="practice", email="robin.weekend@support.example", token=token, disable_cache=True)
    assert colleague.users.me().name == "Robin Weekend"

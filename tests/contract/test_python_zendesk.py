"""python-zendesk, a client typed from Zendesk's own description of its API, reads what the sandbox answers.

Source: PyPI, python-zendesk 0.3.1, generated from the OpenAPI description of Zendesk Support. It checks the types of
each answer, and so finds a field of another type than described, which zenpy passes on.
"""

from __future__ import annotations

import pytest
from zendesk import Zendesk, errors, models

from runbook_lib.sandbox.world import opened

pytestmark = pytest.mark.filterwarnings("ignore:ast[.].* is deprecated:DeprecationWarning")
"""Of Python 3.12 and 3.13 on the client's jsonpath, which it imports when it is first used."""


@pytest.fixture
def client(vendor_sandbox, vendor_folder):
    with opened(vendor_folder) as world:
        token = world.settings["zendesk_api_token"]
    who = models.Security(username="practice.engineer@support.example/token", password=token)
    with Zendesk(server_url=vendor_sandbox["settings"]["zendesk_url"], security=who) as found:
        yield found


def test_it_knows_who_it_is(client):
    me = client.users.show_current_user().user
    assert ("practice.engineer@support.example", "agent", False) == (me.email, me.role, me.only_private_comments)


def test_a_ticket_and_its_requester(client):
    ticket = client.tickets.show_ticket(ticket_id=1001).ticket
    assert ("License expired, GitLab is read-only", "open") == (ticket.subject, ticket.status)
    user = client.users.show_user(user_id=ticket.requester_id).user
    assert ("end-user", False) == (user.role, user.suspended)
    identities = client.user_identities.list_user_identities(user_id=user.id).result.identities
    assert [("deliverable", user.email)] == [(one.deliverable_state, one.value) for one in identities]


def test_comments_page_by_page(client):
    for number in range(3):
        comment = {"body": f"Note {number}", "public": False}
        client.tickets.update_ticket(ticket_id=1010, ticket={"comment": comment})
    found = client.ticket_comments.list_ticket_comments(ticket_id=1010, page_size=2)
    bodies = []
    while found is not None:
        bodies += [comment.body for comment in found.result.comments]
        found = found.next()
    assert ["Note 0", "Note 1", "Note 2"] == bodies[-3:]


def test_an_update_is_audited(client):
    comment = {"body": "Hello", "public": True}
    answer = client.tickets.update_ticket(ticket_id=1011, ticket={"comment": comment})
    assert 1011 == answer.ticket.id
    audits = client.ticket_audits.list_audits_for_ticket(ticket_id=1011)
    assert audits


@pytest.mark.parametrize("size", [101, 1000])
def test_a_page_that_is_too_large_is_refused(client, size):
    with pytest.raises(errors.ZendeskError) as caught:
        client.tickets.list_tickets(page_size=size)
    assert 400 == caught.value.status_code


def test_a_bad_cursor_is_refused(client):
    with pytest.raises(errors.ZendeskError) as caught:
        client.tickets.list_tickets(page_size=5, page_after="nonsense")
    assert 400 == caught.value.status_code


def test_an_unknown_ticket_is_not_found(client):
    with pytest.raises(errors.ZendeskError) as caught:
        client.tickets.show_ticket(ticket_id=424242)
    assert 404 == caught.value.status_code

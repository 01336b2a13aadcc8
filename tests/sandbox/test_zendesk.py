"""Zendesk's stand-in: tickets, comments, updates, files."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

SAFE_TEXT = {"body": "We are on it.", "public": True}


def update(practice, ticket_id, **change):
    return practice.zendesk("PUT", f"tickets/{ticket_id}.json", json={"ticket": change})


def comments_of(practice, ticket_id):
    return practice.zendesk("GET", f"tickets/{ticket_id}/comments.json?page[size]=100").json()["comments"]


def upload(practice):
    headers = {"Content-Type": "image/png"}
    answer = practice.zendesk("POST", "uploads.json?filename=x.png", content=b"picture", headers=headers)
    assert answer.status_code == 201
    return answer.json()["upload"]


def content_of(practice, attachment, **headers):
    address = urlsplit(attachment["content_url"])
    return practice.http.get(f"{address.path}?{address.query}", headers={"Host": address.netloc} | headers)


def test_sideloads_come_only_when_asked_for(practice):
    assert set(practice.zendesk("GET", "tickets/1001").json()) == {"ticket"}


def test_the_addresses_work_with_and_without_json(practice):
    assert practice.zendesk("GET", "tickets/1001").json() == practice.zendesk("GET", "tickets/1001.json").json()


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}, {"Authorization": "Basic eDp5"}]
)
def test_bad_credentials_are_401_but_200_on_users_me(practice, headers):
    refused = practice.http.get("/api/v2/tickets/1001.json", headers=headers)
    assert (refused.status_code, refused.json()) == (401, {"error": "Couldn't authenticate you"})
    anonymous = practice.http.get("/api/v2/users/me.json", headers=headers)
    assert (anonymous.status_code, anonymous.json()["user"]["id"]) == (200, None)


def test_unknown_things_have_zendesks_shapes(practice):
    unknown = practice.zendesk("GET", "tickets/424242.json")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "RecordNotFound", "description": "Not found"})
    malformed = practice.zendesk("GET", "tickets/abc.json")
    assert (malformed.status_code, malformed.json()["error"]["title"]) == (400, "Invalid attribute")
    endpoint = practice.zendesk("GET", "nonsense.json")
    assert (endpoint.status_code, endpoint.json()["error"]) == (404, "InvalidEndpoint")


def test_an_update_comments_assigns_and_leaves_an_audit(practice):
    me = practice.zendesk("GET", "users/me.json").json()["user"]["id"]
    answer = update(
        practice, 1002, comment=SAFE_TEXT, assignee_id=me, status="pending", metadata={"operation_id": "op-1"}
    ).json()
    assert (answer["ticket"]["assignee_id"], answer["ticket"]["status"]) == (me, "pending")
    audits = practice.zendesk("GET", "tickets/1002/audits.json?page[size]=10").json()["audits"]
    assert audits[-1] == answer["audit"]
    assert audits[-1]["metadata"]["custom"] == {"operation_id": "op-1"}
    assert audits[-1]["metadata"]["system"]["client"]
    comment, *changes = audits[-1]["events"]
    assert (comment["type"], comment["body"], comment["public"]) == ("Comment", "We are on it.", True)
    assert {(change["field_name"], change["previous_value"], change["value"]) for change in changes} == {
        ("status", "new", "pending"),
        ("assignee_id", None, str(me)),
    }


def test_a_comment_without_public_goes_to_the_customer(practice):
    update(practice, 1001, comment={"body": "oops"})
    assert comments_of(practice, 1001)[-1]["public"] is True


def test_placeholders_are_expanded_or_removed(practice):
    body = "{{ticket.id}}|{{ ticket.requester.name }}|{{ticket.requester.email}}|{{nobody.knows}}|{single}"
    update(practice, 1001, comment={"body": body, "public": False})
    expected = "1001|Maya Lindqvist|maya.lindqvist@nordlicht-analytics.example||{single}"
    assert comments_of(practice, 1001)[-1]["body"] == expected


def test_what_a_customer_wrote_is_not_expanded(practice):
    assert "{{ticket.requester.email}}" in comments_of(practice, 1011)[0]["body"]


def test_long_comment_is_cut_at_64_kb(practice):
    update(practice, 1001, comment={"body": "a" + "é" * 40_000, "public": False})
    body = comments_of(practice, 1001)[-1]["body"]
    assert len(body.encode()) == 64 * 1024 - 1
    assert set(body) == {"a", "é"}


def test_html_body_is_escaped(practice):
    assert "<script>" not in comments_of(practice, 1011)[0]["html_body"]


def test_a_stale_stamp_conflicts_and_changes_nothing(practice):
    update(practice, 1001, status="pending")
    stale = update(
        practice, 1001, safe_update=True, updated_stamp="2026-11-21T09:04:00Z", status="open", comment=SAFE_TEXT
    )
    assert (stale.status_code, stale.json()["error"]) == (409, "UpdateConflict")
    ticket = practice.zendesk("GET", "tickets/1001.json").json()["ticket"]
    assert ticket["status"] == "pending"
    assert len(comments_of(practice, 1001)) == 1
    assert (
        update(practice, 1001, safe_update=True, updated_stamp=ticket["updated_at"], status="open").status_code == 200
    )


@pytest.mark.parametrize("stamp", [None, "", "yesterday", "2026-11-22"])
def test_a_safe_update_needs_a_stamp(practice, stamp):
    assert update(practice, 1001, safe_update=True, updated_stamp=stamp, status="pending").status_code == 409


@pytest.mark.parametrize(
    "change",
    [
        {"status": "weird"},
        {"assignee_id": 1},
        {"assignee_id": "me"},
        {"comment": {"body": ""}},
        {"status": "pending", "comment": {"body": "x", "uploads": ["unknown"]}},
    ],
)
def test_invalid_values_are_422_and_change_nothing(practice, change):
    before = practice.zendesk("GET", "tickets/1001.json").json()
    answer = update(practice, 1001, **change)
    assert (answer.status_code, answer.json()["error"]) == (422, "RecordInvalid")
    assert practice.zendesk("GET", "tickets/1001.json").json() == before
    assert len(comments_of(practice, 1001)) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b'"x"', b"{}", b'{"ticket": 1}', b'{"ticket": {"status": "\\ud800"}}'])
def test_body_without_an_update_is_422(practice, content):
    headers = {"Content-Type": "application/json"}
    assert practice.zendesk("PUT", "tickets/1001.json", content=content, headers=headers).status_code == 422


def test_uploads_are_attached_once(practice):
    comment = {"body": "screenshots", "public": False, "uploads": [upload(practice)["token"]]}
    assert update(practice, 1001, comment=comment).status_code == 200
    (item,) = comments_of(practice, 1001)[-1]["attachments"]
    assert ("x.png", "image/png", 7) == (item["file_name"], item["content_type"], item["size"])
    assert content_of(practice, item).content == b"picture"
    assert update(practice, 1001, comment=comment).status_code == 422


def test_an_upload_expires_after_an_hour(practice):
    token = upload(practice)["token"]
    comment = {"body": "x", "public": False, "uploads": [token]}
    now = practice.world.now()
    later = practice.at(lambda: now + timedelta(minutes=61))
    assert update(later, 1001, comment=comment).status_code == 422
    assert update(practice.at(lambda: now + timedelta(minutes=59)), 1001, comment=comment).status_code == 200


def test_an_upload_needs_a_file_name(practice):
    assert practice.zendesk("POST", "uploads.json", content=b"x").status_code == 422


def test_attachment_host_refuses_credentials(practice):
    attachment = comments_of(practice, 1001)[0]["attachments"][0]
    assert attachment["content_url"].startswith("http://localhost:8765/attachments/token/")
    assert content_of(practice, attachment).text.startswith("-")
    token = practice.world.settings["zendesk_oauth_token"]
    assert content_of(practice, attachment, Authorization=f"Bearer {token}").status_code == 400
    assert content_of(practice, attachment, Cookie="_zendesk_session=x").status_code == 400


def test_an_attachment_can_be_asked_for_by_id(practice):
    attachment = comments_of(practice, 1001)[0]["attachments"][0]
    assert practice.zendesk("GET", f"attachments/{attachment['id']}.json").json() == {"attachment": attachment}


def test_a_missing_attachment_is_listed_but_gone(practice):
    attachment = comments_of(practice, 1903)[0]["attachments"][0]
    assert attachment["size"] > 0
    assert content_of(practice, attachment).status_code == 404


def test_generated_attachment_has_its_stated_size(practice):
    attachment = comments_of(practice, 1902)[0]["attachments"][0]
    answer = content_of(practice, attachment)
    assert attachment["size"] == int(answer.headers["Content-Length"]) == len(answer.content) == 50 * 1024 * 1024


def test_hostile_file_name_stays_in_header_and_url(practice):
    for attachment in comments_of(practice, 1011)[0]["attachments"]:
        assert not set(attachment["content_url"]) & set("<>\"' ")
        answer = content_of(practice, attachment)
        assert answer.status_code == 200
        assert not set(answer.headers["Content-Disposition"].partition("''")[2]) & set("<>\"'/ ;")


# -- files that are served in another way than most


def files_of(practice, ticket_id, **params):
    answer = practice.zendesk("GET", f"tickets/{ticket_id}/comments.json", params=params).json()
    return answer["comments"][0]["attachments"]


@pytest.mark.parametrize(("ticket_id", "signed_in"), [(1041, False), (1041, True), (1042, False)])
def test_private_file_shows_a_sign_in_page(practice, ticket_id, signed_in):
    """With 200, as Zendesk does; a file for browsers only also with a token."""
    (file,) = files_of(practice, ticket_id)
    token = {"Authorization": f"Bearer {practice.world.settings['zendesk_oauth_token']}"}
    answer = practice.http.get(file["content_url"], headers=token if signed_in else {})
    assert (200, True) == (answer.status_code, "password" in answer.text)


def test_private_file_redirects_with_credentials(practice):
    """They are good for a redirect to another host, where they must not go."""
    (file,) = files_of(practice, 1042)
    token = {"Authorization": f"Bearer {practice.world.settings['zendesk_oauth_token']}"}
    answer = practice.http.get(file["content_url"], headers=token)
    assert 302 == answer.status_code
    assert "GITLAB LICENSE" in practice.http.get(answer.headers["location"]).text


def test_flagged_file_is_not_served(practice):
    """The result of the scan is with the thread and with the file alone."""
    (file,) = files_of(practice, 1043)
    alone = practice.zendesk("GET", f"attachments/{file['id']}.json").json()["attachment"]
    assert ["malware_found"] * 2 == [file["malware_scan_result"], alone["malware_scan_result"]]
    assert 403 == practice.http.get(file["content_url"]).status_code


def test_inline_images_are_only_shown_on_request(practice):
    practice.world.store.write("UPDATE attachments SET inline = 1")
    assert ([], 1) == (files_of(practice, 1041), len(files_of(practice, 1041, include_inline_images="true")))


def test_first_comment_of_an_agent(practice):
    """A ticket in the customer's name begins with the agent's words."""
    answer = practice.zendesk("GET", "tickets/1042/comments.json", params={"include": "users"}).json()
    roles = {user["id"]: user["role"] for user in answer["users"]}
    assert ["agent", "end-user"] == [roles[comment["author_id"]] for comment in answer["comments"]]


def test_ticket_without_an_organization(practice):
    answer = practice.zendesk("GET", "tickets/1063.json", params={"include": "users,organizations"}).json()
    assert (None, []) == (answer["ticket"]["organization_id"], answer["organizations"])
    assert 200 == practice.http.get("/control-room/1063").status_code

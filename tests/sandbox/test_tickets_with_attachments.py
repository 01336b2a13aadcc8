"""Files that Zendesk serves in another way than most, and tickets without an organization."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Practice


def files(practice: Practice, ticket_id: int, **params: str) -> list[dict[str, Any]]:
    """The files of a ticket's first comment."""
    answer = practice.zendesk("GET", f"tickets/{ticket_id}/comments.json", params=params).json()
    return list(answer["comments"][0]["attachments"])


@pytest.mark.parametrize(("ticket_id", "signed_in"), [(1041, False), (1041, True), (1042, False)])
def test_private_file_shows_a_sign_in_page(practice: Practice, ticket_id: int, signed_in: bool) -> None:
    """With 200, as Zendesk does; a file for browsers only also with a token."""
    token = practice.world.settings["zendesk_oauth_token"]
    headers = {"Authorization": f"Bearer {token}"} if signed_in else {}
    (file,) = files(practice, ticket_id)

    answer = practice.http.get(file["content_url"], headers=headers)

    assert (200, True) == (answer.status_code, "password" in answer.text)


def test_private_file_redirects_with_credentials(practice: Practice) -> None:
    """They are good for a redirect to another host, where they must not go."""
    token = practice.world.settings["zendesk_oauth_token"]
    (file,) = files(practice, 1042)

    answer = practice.http.get(file["content_url"], headers={"Authorization": f"Bearer {token}"})

    assert 302 == answer.status_code
    assert "GITLAB LICENSE" in practice.http.get(answer.headers["location"]).text


def test_flagged_file_is_not_served(practice: Practice) -> None:
    """The result of the scan is with the thread and with the file alone."""
    (file,) = files(practice, 1043)
    alone = practice.zendesk("GET", f"attachments/{file['id']}.json").json()["attachment"]

    assert ["malware_found"] * 2 == [file["malware_scan_result"], alone["malware_scan_result"]]
    assert 403 == practice.http.get(file["content_url"]).status_code


def test_inline_images_are_only_shown_on_request(practice: Practice) -> None:
    """As Zendesk leaves them out."""
    (file,) = files(practice, 1041)
    with practice.world.store.change():
        practice.world.store.write("UPDATE attachments SET inline = 1 WHERE id = ?", file["id"])

    assert ([], 1) == (files(practice, 1041), len(files(practice, 1041, include_inline_images="true")))


def test_first_comment_of_an_agent(practice: Practice) -> None:
    """A ticket in the customer's name begins with the agent's words."""
    answer = practice.zendesk("GET", "tickets/1042/comments.json", params={"include": "users"}).json()
    roles = {user["id"]: user["role"] for user in answer["users"]}

    assert ["agent", "end-user"] == [roles[comment["author_id"]] for comment in answer["comments"]]


def test_ticket_without_an_organization(practice: Practice) -> None:
    """It is shown, without an organization."""
    with practice.world.store.change():
        practice.world.store.write("UPDATE tickets SET organization_id = NULL WHERE id = 1041")
        practice.world.store.write("UPDATE users SET organization_id = NULL")
    answer = practice.zendesk("GET", "tickets/1041.json", params={"include": "users,organizations"})

    assert (200, None, []) == (
        answer.status_code,
        answer.json()["ticket"]["organization_id"],
        answer.json()["organizations"],
    )
    assert 200 == practice.http.get("/control-room/1041").status_code

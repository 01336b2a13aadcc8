"""Slack's stand-in: posting, reading back, and errors that are HTTP 200."""

from __future__ import annotations

import pytest

CHANNEL = "C07PRACTICE"
METADATA = {"event_type": "license_runbook", "event_payload": {"operation_id": "op-1"}}
HOSTILE = "a &amp; <b> & <!channel> \x1b[31m\u202e {{x}}\n"


def test_a_message_is_kept_exactly_as_it_came(practice):
    posted = practice.slack("chat.postMessage", channel=CHANNEL, text=HOSTILE, metadata=METADATA)
    assert posted["ok"]
    assert posted["channel"] == CHANNEL
    (message,) = practice.slack("conversations.history", channel=CHANNEL, include_all_metadata=True)["messages"]
    assert (message["text"], message["ts"], message["metadata"]) == (HOSTILE, posted["ts"], METADATA)


def test_metadata_is_shown_only_when_asked_for(practice):
    practice.slack("chat.postMessage", channel=CHANNEL, text="hello", metadata=METADATA)
    (message,) = practice.slack("conversations.history", channel=CHANNEL)["messages"]
    assert "metadata" not in message


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": CHANNEL, "text": ""}, "no_text"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x", "metadata": "{"}, "invalid_metadata_format"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x", "metadata": {"a": 1}}, "invalid_metadata_format"),
        ("chat.delete", {"channel": CHANNEL}, "message_not_found"),
        ("conversations.history", {"channel": "#support_licensing-subscription"}, "channel_not_found"),
        ("conversations.history", {"channel": "C07ELSEWHERE"}, "not_in_channel"),
        ("conversations.history", {"channel": CHANNEL, "cursor": "!"}, "invalid_cursor"),
        ("conversations.history", {"channel": CHANNEL, "limit": "many"}, "invalid_limit"),
        ("nonsense", {}, "unknown_method"),
    ],
)
def test_errors_are_200_and_not_ok(practice, method, arguments, error):
    assert practice.slack(method, **arguments) == {"ok": False, "error": error}


def test_a_token_is_needed_and_must_be_right(practice):
    missing = practice.http.post("/api/auth.test")
    assert (missing.status_code, missing.json()) == (200, {"ok": False, "error": "not_authed"})
    wrong = practice.http.post("/api/auth.test", headers={"Authorization": "Bearer xoxb-wrong"})
    assert (wrong.status_code, wrong.json()) == (200, {"ok": False, "error": "invalid_auth"})


@pytest.mark.parametrize("method", ["auth.test", "conversations.history"])
def test_scopes_header_follows_the_settings(practice, method):
    """In a header, and read for each request, so that a test can take one away."""
    headers = {"Authorization": f"Bearer {practice.world.settings['slack_token']}"}
    path = f"/api/{method}?channel={CHANNEL}"
    assert "chat:write,channels:history" == practice.http.get(path, headers=headers).headers["x-oauth-scopes"]
    practice.world.store.write("UPDATE settings SET value = 'channels:history' WHERE name = 'slack_scopes'")
    assert "channels:history" == practice.http.get(path, headers=headers).headers["x-oauth-scopes"]


@pytest.mark.parametrize(
    ("method", "needed", "provided"),
    [
        ("conversations.history", "channels:history", "chat:write"),
        ("chat.postMessage", "chat:write", "channels:history"),
        ("chat.delete", "chat:write", "channels:history"),
    ],
)
def test_a_missing_scope_is_named(practice, method, needed, provided):
    """And nothing is posted."""
    practice.world.store.write("UPDATE settings SET value = ? WHERE name = 'slack_scopes'", provided)
    expected = {"ok": False, "error": "missing_scope", "needed": needed, "provided": provided}
    assert expected == practice.slack(method, channel=CHANNEL, text="hello")
    assert [] == practice.world.store.rows("SELECT * FROM messages")

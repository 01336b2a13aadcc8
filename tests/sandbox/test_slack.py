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


def test_deleting_takes_one_message_away(practice):
    kept, gone = (practice.slack("chat.postMessage", channel=CHANNEL, text=text)["ts"] for text in ("kept", "gone"))
    assert practice.slack("chat.delete", channel=CHANNEL, ts=gone) == {"ok": True, "channel": CHANNEL, "ts": gone}
    assert [m["ts"] for m in practice.slack("conversations.history", channel=CHANNEL)["messages"]] == [kept]


def test_metadata_is_shown_only_when_asked_for(practice):
    practice.slack("chat.postMessage", channel=CHANNEL, text="hello", metadata=METADATA)
    (message,) = practice.slack("conversations.history", channel=CHANNEL)["messages"]
    assert "metadata" not in message


def test_history_is_newest_first_and_pages_by_cursor(practice):
    stamps = [practice.slack("chat.postMessage", channel=CHANNEL, text=str(n))["ts"] for n in range(5)]
    assert stamps == sorted(set(stamps))
    seen, cursor = [], ""
    while True:
        answer = practice.slack("conversations.history", channel=CHANNEL, limit=2, cursor=cursor)
        seen += [message["text"] for message in answer["messages"]]
        cursor = answer["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    assert not answer["has_more"]


def test_history_starts_after_oldest(practice):
    stamps = [practice.slack("chat.postMessage", channel=CHANNEL, text=str(n))["ts"] for n in range(3)]
    after = practice.slack("conversations.history", channel=CHANNEL, oldest=stamps[1])
    assert [message["text"] for message in after["messages"]] == ["2"]


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C07ELSEWHERE", "text": "x"}, "not_in_channel"),
        ("chat.postMessage", {"channel": CHANNEL, "text": ""}, "no_text"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x", "metadata": "{"}, "invalid_metadata_format"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x", "metadata": {"a": 1}}, "invalid_metadata_format"),
        ("chat.delete", {"channel": CHANNEL, "ts": "1401383885.000061"}, "message_not_found"),
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

"""slack_sdk, unmodified, does against the sandbox what our own client does."""

from __future__ import annotations

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

METADATA = {"event_type": "license_runbook", "event_payload": {"operation_id": "op-1"}}


@pytest.fixture
def client(vendor_sandbox):
    settings = vendor_sandbox["settings"]
    return WebClient(settings["slack_token"], base_url=settings["slack_url"], retry_handlers=[])


@pytest.fixture
def channel(vendor_sandbox):
    return vendor_sandbox["settings"]["slack_channel_id"]


def test_it_signs_in(client):
    assert client.auth_test()["user"] == "runbook"


def test_a_message_comes_back_with_its_metadata(client, channel):
    text = "An emergency license was generated: <http://127.0.0.1/agent/tickets/1001> &amp; more"
    posted = client.chat_postMessage(channel=channel, text=text, metadata=METADATA, unfurl_links=False)
    assert posted["channel"] == channel
    history = client.conversations_history(channel=channel, include_all_metadata=True, limit=1)
    (message,) = history["messages"]
    assert (message["ts"], message["text"], message["metadata"]) == (posted["ts"], text, METADATA)


def test_history_pages_by_cursor(client, channel):
    stamps = [client.chat_postMessage(channel=channel, text=f"paged {number}")["ts"] for number in range(5)]
    pages = client.conversations_history(channel=channel, limit=2, oldest=stamps[0])
    seen = [message["ts"] for page in pages for message in page["messages"]]
    assert seen == sorted(stamps[1:], reverse=True)


def test_a_message_can_be_taken_back(client, channel):
    ts = client.chat_postMessage(channel=channel, text="posted twice")["ts"]
    assert client.chat_delete(channel=channel, ts=ts).data == {"ok": True, "channel": channel, "ts": ts}
    with pytest.raises(SlackApiError, match="message_not_found"):
        client.chat_delete(channel=channel, ts=ts)
    assert ts not in [message["ts"] for message in client.conversations_history(channel=channel)["messages"]]


@pytest.mark.parametrize(
    ("channel", "text", "error"),
    [
        ("C0NOWHERE", "x", "channel_not_found"),
        ("C07ELSEWHERE", "x", "not_in_channel"),
        ("C07PRACTICE", "x" * 40_001, "msg_too_long"),
    ],
)
def test_slack_says_why_not(client, channel, text, error):
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=channel, text=text)
    assert caught.value.response["error"] == error
    assert caught.value.response.status_code == 200


def test_a_bad_token_is_invalid_auth(vendor_sandbox):
    client = WebClient("xoxb-wrong", base_url=vendor_sandbox["settings"]["slack_url"], retry_handlers=[])
    with pytest.raises(SlackApiError) as caught:
        client.auth_test()
    assert caught.value.response["error"] == "invalid_auth"

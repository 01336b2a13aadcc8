"""Slack: one post to one channel, and finding it again.

Source: Slack Web API reference, chat.postMessage and conversations.history. A failure is HTTP 200 with `ok: false`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
from pydantic import SecretStr

from runbook_lib.clients.http import Service
from runbook_lib.errors import RefusedError

EVENT = "license_runbook"
"""The `event_type` of our posts' metadata."""

_UNSURE = ("internal_error", "fatal_error", "service_unavailable", "request_timeout")
_ADVICE = {
    "not_in_channel": "Invite the bot to the channel, then run again.",
    "channel_not_found": "Check RUNBOOK_SLACK_CHANNEL_ID.",
    "is_archived": "The channel is archived; check RUNBOOK_SLACK_CHANNEL_ID.",
    "invalid_auth": "Check RUNBOOK_SLACK_TOKEN.",
    "not_authed": "Check RUNBOOK_SLACK_TOKEN.",
    "token_revoked": "Check RUNBOOK_SLACK_TOKEN.",
    "missing_scope": "The token needs chat:write and channels:history.",
}


class Slack:
    """One workspace, seen by one bot.

    Args:
        base_url: `https://slack.com/api/`.
        token: The bot token.
        session: The run's connection pool.
    """

    def __init__(self, base_url: str, token: SecretStr, session: httpx.Client) -> None:
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._service = Service("Slack", base_url, headers, session, lambda body: str(body["error"]))

    def post(self, channel_id: str, text: str, operation_id: str) -> str:
        """Post a message; returns its `ts`, Slack's id of it.

        Raises:
            RefusedError: Slack said no; `code` is its word.
            OutcomeUnknownError: The answer was lost.
        """
        body = {
            "channel": channel_id,
            "text": text,
            "unfurl_links": False,
            "metadata": {"event_type": EVENT, "event_payload": {"operation_id": operation_id}},
        }
        answer = self._service.write_json("POST", "chat.postMessage", json=body)
        if not answer.get("ok") and answer.get("error") in _UNSURE:
            raise self._service.lost(f"it answered {answer['error']}")
        return str(self._ok(answer, channel_id)["ts"])

    def find(self, channel_id: str, operation_id: str, since: datetime) -> str | None:
        """The `ts` of the message posted under an operation id since a moment, or None. Raises as `post`."""
        params = {"channel": channel_id, "include_all_metadata": "true", "limit": "200"}
        params["oldest"] = f"{since.timestamp():.6f}"
        while True:
            page = self._ok(self._service.read_json("conversations.history", params), channel_id)
            for message in page["messages"]:
                metadata = message.get("metadata") or {}
                if (metadata.get("event_payload") or {}).get("operation_id") == operation_id:
                    return str(message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
            params["cursor"] = cursor

    def _ok(self, answer: Any, channel_id: str) -> Any:
        if answer.get("ok"):
            return answer
        code = str(answer.get("error", "unknown_error"))
        advice = _ADVICE.get(code, "Look it up in Slack's API reference.")
        raise RefusedError(f"Slack refused for channel {channel_id}: {code}. {advice}", code=code)

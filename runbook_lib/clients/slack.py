"""Slack: one post to one channel, and finding it again. What its errors mean is in `slack_refusals`.

Source: Slack Web API reference, chat.postMessage, chat.delete and conversations.history. A failure is HTTP 200 with
`ok: false`.
"""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from runbook_lib.clients.answers import cursor, joined_words, listed, typed
from runbook_lib.clients.http import HttpSession, Service
from runbook_lib.clients.slack_refusals import LATER, REFUSALS, UNSURE
from runbook_lib.domain.errors import NotAsSentError, RefusedError, UnavailableError

EVENT = "license_runbook"
"""The `event_type` of our posts' metadata."""
_SCOPES = {"needed": "it needs", "provided": "the token has"}
"""Keys of an answer beside `missing_scope`, in words."""


class Slack:
    """One workspace, seen by one bot."""

    def __init__(self, base_url: str, token: SecretStr, session: HttpSession) -> None:
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._service = Service("Slack", base_url, headers, session, lambda body: str(body["error"]), REFUSALS)

    def post(self, channel_id: str, text: str, operation_id: str) -> str:
        """Post a message; returns its `ts`, Slack's id of it.

        Raises:
            RefusedError: Slack refused; `code` is its word.
            UnavailableError: Slack cannot be reached, or is limiting requests; nothing was posted.
            OutcomeUnknownError: The answer was lost.
            NotAsSentError: It was posted in another channel, or with another text.
        """
        body = {
            "channel": channel_id,
            "text": text,
            "unfurl_links": False,
            "metadata": {"event_type": EVENT, "event_payload": {"operation_id": operation_id}},
        }
        ts, where, kept = self._service.write_json(
            "POST", "chat.postMessage", lambda answer: self._posted(answer, channel_id), json=body
        )
        if where != channel_id:
            place = self._service.failures.line(where)
            raise NotAsSentError(f"Slack has posted it in {place}, and not in {channel_id}. Post it there by hand.")
        if kept is not None and _bare(kept) != _bare(text):
            raise NotAsSentError(f"Slack has posted it in {channel_id} with another text. Correct it by hand.")
        return ts

    def delete(self, channel_id: str, ts: str) -> None:
        """Delete a message of the bot's own. Raises as `post`; one that is gone already is no error."""
        try:
            self._service.write_json(
                "POST",
                "chat.delete",
                lambda answer: self._ok(answer, channel_id),
                json={"channel": channel_id, "ts": ts},
            )
        except RefusedError as exc:
            if exc.code != "message_not_found":
                raise

    def find(
        self, channel_id: str, operation_id: str, since: datetime, *, patience_s: float | None = None
    ) -> list[str]:
        """The `ts` of every message posted under an operation id since a moment, oldest first.

        With `patience_s`, a time-out in seconds, each page is read only once.

        Raises:
            RefusedError: Slack refused; `code` is its word.
            UnavailableError: Slack cannot be reached, or has an internal error.
        """
        params = {"channel": channel_id, "include_all_metadata": "true", "limit": "200"}
        params["oldest"] = f"{since.timestamp():.6f}"
        messages = self._service.read_pages(
            "conversations.history",
            lambda page: _page(self._ok(page, channel_id)),
            params,
            cursor="cursor",
            what=f"history of {channel_id}",
        )
        with self._service.budget.hurried(patience_s):
            return sorted([ts for ts, found in messages if found == operation_id])

    def scopes(self) -> list[str] | None:
        """The bot's scopes, or None if the answer does not list them. Raises as `find`.

        Source: Slack API reference, `X-OAuth-Scopes` of every answer.
        """
        response = self._service.read("auth.test")
        self._service.parsed(response, self._ok)
        scopes = self._service.header(response, "x-oauth-scopes")
        return None if scopes is None else [scope.strip() for scope in scopes.split(",") if scope.strip()]

    def probe(self, channel_id: str) -> None:
        """Read one message of a channel. Raises as `find`."""
        params = {"channel": channel_id, "limit": "1"}
        self._service.read_json("conversations.history", lambda page: _page(self._ok(page, channel_id)), params)

    def _posted(self, answer: Any, channel_id: str) -> tuple[str, str, str | None]:
        """A post's `ts`, its channel, and its text as Slack keeps it; None if the answer has no text."""
        if not answer["ok"] and answer.get("error") in UNSURE:
            raise self._service.failures.lost(f"it answered {answer['error']}")
        kept = (self._ok(answer, channel_id).get("message") or {}).get("text")
        return typed(str, answer["ts"]), typed(str, answer["channel"]), None if kept is None else typed(str, kept)

    def _ok(self, answer: Any, channel_id: str = "") -> Any:
        """An answer whose `ok` is true.

        Raises:
            UnavailableError: Slack says to try later.
            RefusedError: It says no; with its details, such as the scopes that are needed and that the token has.
        """
        if answer["ok"] is True:
            return answer
        code = str(answer.get("error") or "unknown_error")
        whom = f"channel {channel_id}" if channel_id else "the token"
        if code in LATER:
            raise UnavailableError(f"Slack cannot serve {whom} at the moment: {code}. Try again later.")
        scopes = [f"{name} {answer[key]}" for key, name in _SCOPES.items() if answer.get(key)]
        more = (answer.get("response_metadata") or {}).get("messages") or answer.get("errors")
        details = [joined_words(more)] if more else []
        raise self._service.failures.refused_with_200(code, f"for {whom}: {'; '.join([code, *scopes, *details])}")


def _bare(text: str) -> str:
    """A message's text without what Slack may rewrite: entities, links with their words, and white space."""
    return re.sub(r"\W+", "", html.unescape(re.sub(r"<[^<>|]*\|([^<>]*)>", r"\1", text)))


def _page(answer: Any) -> tuple[list[tuple[str, str | None]], str]:
    """The messages of a page, as `ts` and operation id, and the cursor of the next one, "" on the last."""
    after = cursor((answer.get("response_metadata") or {}).get("next_cursor"))
    if answer.get("has_more") and not after:
        raise LookupError("no cursor of the next page")
    return listed(answer["messages"], _message), after


def _message(item: Any) -> tuple[str, str | None]:
    metadata = item.get("metadata") or {}
    return typed(str, item["ts"]), (metadata.get("event_payload") or {}).get("operation_id")

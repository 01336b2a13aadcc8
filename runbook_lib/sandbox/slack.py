"""The stand-in for Slack's Web API: `/api/<method>`. What goes wrong is HTTP 200 with `ok: false`.

Source: Slack's reference for chat.postMessage, chat.delete, conversations.history and auth.test.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.routing import BaseRoute

from runbook_lib.sandbox.calls import Answer, Call, Json, Refusal, is_secret, route
from runbook_lib.sandbox.store import Row
from runbook_lib.sandbox.world import World

TEXT_CHARS = 40_000
"""Longest text of a message; Slack refuses more with `msg_too_long`."""

_TEAM_ID, _USER_ID, _BOT_ID = "T07PRACTICE", "U07RUNBOOK", "B07RUNBOOK"
_DEFAULT_LIMIT, _MAX_LIMIT = 100, 999


def routes() -> list[BaseRoute]:
    return [
        route("/api/auth.test", auth_test, "GET", "POST"),
        route("/api/chat.postMessage", post_message, "POST"),
        route("/api/chat.delete", delete_message, "POST"),
        route("/api/conversations.history", history, "GET", "POST"),
        route("/api/{method}", unknown_method, "GET", "POST"),
    ]


def auth_test(call: Call) -> Answer:
    _arguments(call)
    who = {"team": "Practice", "user": "runbook", "team_id": _TEAM_ID, "user_id": _USER_ID, "bot_id": _BOT_ID}
    answer = {"ok": True, "url": f"{call.base_url}/", **who, "is_enterprise_install": False}
    return JSONResponse(answer, headers=_scopes_header(call))


def post_message(call: Call) -> Answer:
    """Posts into a channel. The text is kept exactly as it came."""
    arguments = _arguments(call)
    _require_scope(call, "chat:write")
    channel = _member_channel(call, arguments)
    if call.faults.hit("slack", "elsewhere"):
        channel = call.world.require("SELECT * FROM channels WHERE id != ?", channel["id"])
    text, metadata = str(arguments.get("text") or ""), arguments.get("metadata")
    if not text:
        raise _error("no_text")
    if len(text) > TEXT_CHARS:
        raise _error("msg_too_long")
    if metadata and not _is_metadata(metadata):
        raise _error("invalid_metadata_format")
    extras = json.dumps({"metadata": metadata} if metadata else {})
    with call.store.change():
        ts = _next_ts(call.world, channel["id"])
        call.store.insert("messages", channel_id=channel["id"], ts=ts, text=text, extras=extras)
    message = _message({"ts": ts, "text": text, "extras": extras}, True)
    return {"ok": True, "channel": channel["id"], "ts": ts, "message": message}


def delete_message(call: Call) -> Answer:
    """Deletes a message, given by its channel's id and its time; every message here is the bot's own.

    Source: Slack, chat.delete; a bot's token deletes what the bot has posted.
    """
    arguments = _arguments(call)
    _require_scope(call, "chat:write")
    channel, ts = _channel(call, arguments), str(arguments.get("ts", ""))
    if not call.store.rows("DELETE FROM messages WHERE channel_id = ? AND ts = ? RETURNING ts", channel["id"], ts):
        raise _error("message_not_found")
    return {"ok": True, "channel": channel["id"], "ts": ts}


def history(call: Call) -> Answer:
    """A channel's messages, newest first; metadata only with `include_all_metadata`."""
    arguments = _arguments(call)
    is_private = call.faults.hit("slack", "private_channel")
    _require_scope(call, "groups:history" if is_private else "channels:history")
    channel = _member_channel(call, arguments)
    rows = call.store.rows("SELECT * FROM messages WHERE channel_id = ? ORDER BY ts DESC", channel["id"])
    before = _from_cursor(str(arguments.get("cursor") or ""))
    oldest = _moment(arguments.get("oldest") or "0")
    fitting = [row for row in rows if float(row["ts"]) > oldest and (before is None or row["ts"] < before)]
    limit = _limit(arguments)
    shown = fitting[:limit]
    has_more = len(fitting) > limit
    cursor = base64.b64encode(f"next_ts:{shown[-1]['ts']}".encode()).decode() if has_more else ""
    with_metadata = str(arguments.get("include_all_metadata")).lower() in ("1", "true")
    answer = {"ok": True, "messages": [_message(row, with_metadata) for row in shown], "has_more": has_more}
    answer |= {"pin_count": 0, "response_metadata": {"next_cursor": cursor}}
    return JSONResponse(answer, headers=_scopes_header(call))


def _scopes_header(call: Call) -> dict[str, str]:
    """The header that lists them. Source: Slack API reference, `X-OAuth-Scopes` of every answer."""
    return {"x-oauth-scopes": ",".join(call.world.scopes("slack"))}


def _require_scope(call: Call, scope: str) -> None:
    provided = call.world.scopes("slack")
    if scope not in provided:
        raise _error("missing_scope", needed=scope, provided=",".join(provided))


def unknown_method(call: Call) -> Answer:
    raise _error("unknown_method")


def _arguments(call: Call) -> dict[str, Any]:
    """A method's arguments, once the token is known to be right.

    They come as JSON or in the query; the token in the `Authorization` header.
    """
    try:
        arguments = call.fields()
    except ValueError:
        raise _error("invalid_json") from None
    scheme, token = call.credentials
    if scheme != "bearer":
        raise _error("not_authed")
    if not is_secret(token, call.world.settings["slack_token"]):
        raise _error("invalid_auth")
    return arguments


def _error(code: str, **details: str) -> Refusal:
    return Refusal(200, {"ok": False, "error": code, **details})


def _channel(call: Call, arguments: Mapping[str, Any]) -> Row:
    row = call.store.row("SELECT * FROM channels WHERE id = ?", str(arguments.get("channel", "")))
    if row is None:
        raise _error("channel_not_found")
    return row


def _member_channel(call: Call, arguments: Mapping[str, Any]) -> Row:
    """The same, if the bot is a member there."""
    channel = _channel(call, arguments)
    if not channel["is_member"]:
        raise _error("not_in_channel")
    return channel


def _is_metadata(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("event_type"), str)
        and isinstance(value.get("event_payload"), dict)
    )


def _next_ts(world: World, channel_id: str) -> str:
    """The time of a new message: later than every other in its channel, even if the clock was set back."""
    moment = world.now()
    ts = f"{int(moment.timestamp())}.{moment.microsecond:06d}"
    last = world.require("SELECT max(ts) AS ts FROM messages WHERE channel_id = ?", channel_id)["ts"]
    if last is None or last < ts:
        return ts
    following = int(last.replace(".", "")) + 100
    return f"{following // 10**6}.{following % 10**6:06d}"


def _message(row: Row | Mapping[str, str], with_metadata: bool) -> Json:
    extras = json.loads(row["extras"])
    if not with_metadata:
        extras.pop("metadata", None)
    who = {"user": _USER_ID, "bot_id": _BOT_ID, "team": _TEAM_ID}
    return {"type": "message", "text": row["text"], "ts": row["ts"], **who, **extras}


def _moment(ts: str) -> float:
    try:
        return float(ts)
    except ValueError:
        raise _error("invalid_arguments") from None


def _limit(arguments: Mapping[str, Any]) -> int:
    text = str(arguments.get("limit") or _DEFAULT_LIMIT)
    if not text.isascii() or not text.isdigit():
        raise _error("invalid_limit")
    return min(int(text), _MAX_LIMIT)


def _from_cursor(cursor: str) -> str | None:
    if not cursor:
        return None
    try:
        return base64.b64decode(cursor, validate=True).decode().removeprefix("next_ts:")
    except ValueError:
        raise _error("invalid_cursor") from None

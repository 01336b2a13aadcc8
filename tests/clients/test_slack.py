"""Slack's way to say no with 200, one post, and finding it again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from runbook_lib.clients.slack import Slack
from runbook_lib.domain.errors import NotAsSentError, OutcomeUnknownError, RefusedError, UnavailableError
from tests.clients.wire import Answer, Wire, reply

CHANNEL = "C0123456789"
SINCE = datetime(2026, 11, 21, 8, 30, 0, 250000, tzinfo=UTC)
POSTED = {"ok": True, "channel": CHANNEL, "ts": "1795249800.000100"}
ADVICE = {
    "not_in_channel": "Invite the bot",
    "channel_not_found": "RUNBOOK_SLACK_CHANNEL_ID",
    "is_archived": "Unarchive the channel of RUNBOOK_SLACK_CHANNEL_ID",
    "restricted_action": "posting permissions",
    "restricted_action_read_only_channel": "posting permissions",
    "invalid_auth": "Renew RUNBOOK_SLACK_TOKEN",
    "not_authed": "Renew RUNBOOK_SLACK_TOKEN",
    "token_revoked": "Renew RUNBOOK_SLACK_TOKEN",
    "token_expired": "Renew RUNBOOK_SLACK_TOKEN",
    "account_inactive": "Renew RUNBOOK_SLACK_TOKEN",
    "not_allowed_token_type": "xoxb-",
    "missing_scope": "groups:history for a private one",
    "msg_too_long": "in fewer words",
    "ekm_access_denied": "an admin of the workspace",
    "a_word_of_next_year": "https://docs.slack.dev/reference/methods",
}


def slack(wire: Wire) -> Slack:
    return Slack("https://slack.example/api/", SecretStr("xoxb-secret"), wire.session)


def post(wire: Wire) -> str:
    return slack(wire).post(CHANNEL, "Hello", "op-1")


def find(wire: Wire) -> list[str]:
    return slack(wire).find(CHANNEL, "op-1", SINCE)


def message(ts: str, operation_id: str | None = None) -> dict[str, Any]:
    """A message as Slack sends it."""
    metadata = {"event_type": "license_runbook", "event_payload": {"operation_id": operation_id}}
    return {"type": "message", "ts": ts, "text": "op-1"} | ({"metadata": metadata} if operation_id else {})


def page(*messages: dict[str, Any], cursor: str | None = None) -> Answer:
    """A page of the channel's history."""
    more = {"response_metadata": {"next_cursor": cursor}} if cursor is not None else {}
    return reply(json={"ok": True, "messages": list(messages)} | more)


# -- posting


def test_post() -> None:
    """A post carries its operation id, and unfurls nothing."""
    wire = Wire(reply(json=POSTED))

    assert "1795249800.000100" == post(wire)
    assert ("POST", "https://slack.example/api/chat.postMessage") == (wire.last.method, str(wire.last.url))
    assert "Bearer xoxb-secret" == wire.last.headers["authorization"]
    assert {
        "channel": CHANNEL,
        "text": "Hello",
        "unfurl_links": False,
        "metadata": {"event_type": "license_runbook", "event_payload": {"operation_id": "op-1"}},
    } == json.loads(wire.last.content)


@pytest.mark.parametrize("ask", [post, find])
@pytest.mark.parametrize(("code", "advice"), ADVICE.items())
def test_refused(ask: Any, code: str, advice: str) -> None:
    """`ok: false` is a refusal although it comes with 200: Slack's word, the channel, and what to do."""
    wire = Wire(reply(json={"ok": False, "error": code}))

    with pytest.raises(RefusedError, match=f"Slack refused for channel {CHANNEL}: {code}. .*{advice}") as caught:
        ask(wire)
    assert (code, None, 1) == (caught.value.code, caught.value.status, len(wire.requests))


def test_missing_scope() -> None:
    """Slack says which scope it needs, and which the token has."""
    body = {"ok": False, "error": "missing_scope", "needed": "groups:history", "provided": "chat:write"}

    with pytest.raises(RefusedError) as caught:
        find(Wire(reply(json=body)))
    words = f"Slack refused for channel {CHANNEL}: missing_scope; it needs groups:history; the token has chat:write."
    assert (words, "missing_scope", "rights") == (caught.value.words, caught.value.code, caught.value.fault)


@pytest.mark.parametrize(
    "more",
    [
        {"response_metadata": {"messages": ["[ERROR] too long"]}, "errors": ["other"]},
        {"response_metadata": None, "errors": ["[ERROR] too long"]},
        {"errors": "[ERROR] too long"},
    ],
)
def test_details_of_a_refusal(more: dict[str, Any]) -> None:
    """What Slack does not take is said beside its code. Source: slackapi/java-slack-sdk 1017, node-slack-sdk 832."""
    with pytest.raises(RefusedError) as caught:
        post(Wire(reply(json={"ok": False, "error": "invalid_blocks", **more})))
    assert f"Slack refused for channel {CHANNEL}: invalid_blocks; [ERROR] too long." == caught.value.words


@pytest.mark.parametrize("code", ["x" * 5000, "in\u202evalid\n_auth", "", ["invalid_auth"], {"a": 1}])
def test_words_of_any_form(code: Any) -> None:
    """What is no word of Slack's is shown in one short line, and taken for no other."""
    with pytest.raises(RefusedError) as caught:
        post(Wire(reply(json={"ok": False, "error": code})))
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
    assert "" == caught.value.fault


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ({"channel": "C9999999999"}, "in C9999999999, and not in"),
        ({"message": {"text": "Hel"}}, "with another text"),
        ({"message": {"text": ""}}, "with another text"),
    ],
)
def test_posted_otherwise(kept: dict[str, Any], words: str) -> None:
    """A post in another channel, or with another text, is not what was sent."""
    with pytest.raises(NotAsSentError, match=words):
        post(Wire(reply(json=POSTED | kept)))


@pytest.mark.parametrize("text", ["Hello", "<Hello>\n", "Hello &lt;&gt;", "<http://Hello|Hello>", "<mailto:a@b|Hello>"])
def test_posted_with_other_marks(text: str) -> None:
    """Slack writes links, entities and white space its own way."""
    assert POSTED["ts"] == post(Wire(reply(json=POSTED | {"message": {"text": text}})))


UNSURE = ["internal_error", "fatal_error", "service_unavailable", "request_timeout"]


LIMITS = ["ratelimited", "rate_limited", "message_limit_exceeded"]


@pytest.mark.parametrize("code", [*UNSURE, *LIMITS])
def test_looking_at_a_bad_moment(code: str) -> None:
    """A trouble of Slack's own is no refusal: the same question may be answered later."""
    with pytest.raises(UnavailableError, match=f"Slack cannot serve channel {CHANNEL} at the moment: {code}"):
        find(Wire(reply(json={"ok": False, "error": code})))


@pytest.mark.parametrize("code", LIMITS)
def test_limited_with_200(code: str) -> None:
    """A post that was one too many is not there, and no setting is wrong; both spellings are documented."""
    wire = Wire(reply(json={"ok": False, "error": code}), reply(json=POSTED))

    with pytest.raises(UnavailableError, match=code):
        post(wire)
    assert 1 == len(wire.requests)


@pytest.mark.parametrize("code", UNSURE)
def test_unsure(code: str) -> None:
    """Some of Slack's errors do not say whether the post is there: the outcome is unknown."""
    wire = Wire(reply(json={"ok": False, "error": code}), reply(json=POSTED))

    with pytest.raises(OutcomeUnknownError, match=f"Slack, but it answered {code}"):
        post(wire)
    assert 1 == len(wire.requests)


def test_a_word_that_matters_only_with_a_no() -> None:
    """An answer that says ok is ok, even with an error's word beside it."""
    assert POSTED["ts"] == post(Wire(reply(json=POSTED | {"error": "internal_error"})))


@pytest.mark.parametrize(
    "answer",
    [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("closed"), reply(503), reply(text="{"), reply(html="<p>")],
    ids=["time-out", "reset", "503", "truncated", "HTML"],
)
def test_answer_lost(answer: Answer | Exception) -> None:
    """A post whose answer is lost is not repeated."""
    wire = Wire(answer, reply(json=POSTED))

    with pytest.raises(OutcomeUnknownError):
        post(wire)
    assert 1 == len(wire.requests)


def test_limited() -> None:
    """Slack that limits requests has posted nothing: it is posted then."""
    wire = Wire(
        reply(429, json={"ok": False, "error": "ratelimited"}, headers={"Retry-After": "1"}), reply(json=POSTED)
    )

    assert POSTED["ts"] == post(wire)
    assert 2 == len(wire.requests)


def test_no_without_a_word() -> None:
    """A no is a no."""
    with pytest.raises(RefusedError, match="unknown_error"):
        post(Wire(reply(json={"ok": False})))


@pytest.mark.parametrize("answer", [{}, {"ok": True}, [], 5, "ok"])
def test_post_of_another_form(answer: Any) -> None:
    """What says neither yes with a `ts` nor no may be either."""
    wire = Wire(reply(json=answer))

    with pytest.raises(OutcomeUnknownError, match="Slack, but its answer cannot be read"):
        post(wire)
    assert 1 == len(wire.requests)


# -- finding


def test_find_over_several_pages() -> None:
    """The channel is read back, page by page, from the moment given."""
    wire = Wire(
        page(message("5"), message("4", "op-1-longer"), cursor="a=="),
        page(cursor="b=="),
        page(message("3", "op-1"), message("2", "op-1")),
    )

    assert ["2", "3"] == find(wire)
    assert [None, "a==", "b=="] == [request.url.params.get("cursor") for request in wire.requests]
    for request in wire.requests:
        assert ("GET", "/api/conversations.history") == (request.method, request.url.path)
        params = request.url.params
        assert (CHANNEL, "true", "1795249800.250000") == (
            params["channel"],
            params["include_all_metadata"],
            params["oldest"],
        )


@pytest.mark.parametrize(
    "history",
    [
        page(),
        page(message("1"), message("2", "op-2"), cursor=""),
        page({"ts": "1", "metadata": None}, {"ts": "2", "metadata": {"event_payload": None}}),
    ],
    ids=["empty", "others", "odd metadata"],
)
def test_find_nothing(history: Answer) -> None:
    """Nothing is a value: it was not posted. The text of a message is no proof of anything."""
    assert [] == find(Wire(history))


def test_an_endless_history() -> None:
    """It ends at the first cursor that repeats, and decides nothing."""
    wire = Wire(page(message("3", "op-1"), cursor="a=="))

    with pytest.raises(UnavailableError, match="or repeats one"):
        find(wire)
    assert 2 == len(wire.requests)


# -- taking back


def test_delete() -> None:
    """A message of the bot's own is taken back, by its channel and `ts`."""
    wire = Wire(reply(json={"ok": True, "channel": CHANNEL, "ts": "3"}))

    slack(wire).delete(CHANNEL, "3")

    assert ("POST", "/api/chat.delete") == (wire.last.method, wire.last.url.path)
    assert {"channel": CHANNEL, "ts": "3"} == json.loads(wire.last.content)


def test_delete_what_is_gone() -> None:
    """That it is gone already is what was wanted; any other refusal is raised."""
    slack(Wire(reply(json={"ok": False, "error": "message_not_found"}))).delete(CHANNEL, "3")
    with pytest.raises(RefusedError, match="cant_delete_message"):
        slack(Wire(reply(json={"ok": False, "error": "cant_delete_message"}))).delete(CHANNEL, "3")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"ok": True},
        {"ok": True, "messages": {}},
        {"ok": True, "messages": None},
        {"ok": True, "messages": [{}]},
        [],
    ],
)
def test_history_of_another_form(answer: Any) -> None:
    """What cannot be read is never taken for *it was not posted*."""
    with pytest.raises(UnavailableError, match=r"Slack answered /api/conversations\.history in an unexpected form"):
        find(Wire(reply(json=answer)))


def test_find_with_little_patience() -> None:
    """Each page is asked for once, with the time-out given."""
    wire = Wire(page(cursor="a=="), page(message("3", "op-1")))

    assert ["3"] == slack(wire).find(CHANNEL, "op-1", SINCE, patience_s=2)
    assert [2, 2] == [request.extensions["timeout"]["read"] for request in wire.requests]

    wire = Wire(httpx.ReadTimeout("slow"))
    with pytest.raises(UnavailableError):
        slack(wire).find(CHANNEL, "op-1", SINCE, patience_s=2)
    assert 1 == len(wire.requests)


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("slow"), reply(500)])
def test_find_is_a_read(answer: Answer | Exception) -> None:
    """Looking may be tried again; if it keeps failing, the answer is not *nothing*."""
    assert ["3"] == find(Wire(answer, page(message("3", "op-1"))))
    with pytest.raises(UnavailableError):
        find(Wire(answer))


# -- probes


PROBES: dict[str, Any] = {
    "scopes": lambda s: s.scopes(),
    "probe": lambda s: s.probe(CHANNEL),
}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-OAuth-Scopes": "chat:write, channels:history"}, ["chat:write", "channels:history"]),
        ({"X-OAuth-Scopes": ""}, []),
        ({}, None),
    ],
    ids=["two", "none", "not listed"],
)
def test_scopes(headers: dict[str, str], expected: list[str] | None) -> None:
    """They are in a header; not listed is not the same as none."""
    wire = Wire(reply(json={"ok": True}, headers=headers))

    assert expected == slack(wire).scopes()
    assert ("GET", "/api/auth.test") == (wire.last.method, wire.last.url.path)


def test_probe() -> None:
    """One message of the channel is read, also where there is none."""
    wire = Wire(page())

    slack(wire).probe(CHANNEL)
    assert ("GET", "/api/conversations.history") == (wire.last.method, wire.last.url.path)
    assert {"channel": CHANNEL, "limit": "1"} == dict(wire.last.url.params)


@pytest.mark.parametrize("code", ["invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"])
def test_scopes_refused(code: str) -> None:
    """A token that does not hold is named as such; no channel is involved."""
    with pytest.raises(RefusedError, match=f"Slack refused for the token: {code}. Renew RUNBOOK_SLACK_TOKEN") as caught:
        PROBES["scopes"](slack(Wire(reply(json={"ok": False, "error": code}))))
    assert code == caught.value.code
    assert "xoxb" not in str(caught.value)


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize(
    "answer",
    [reply(html="<p>"), reply(json=[]), reply(json={"ok": False, "error": "fatal_error"}), reply(503)],
    ids=["page", "list", "trouble", "503"],
)
def test_probes_that_prove_nothing(probe: str, answer: Answer) -> None:
    """What is no answer of Slack's is no yes; nothing is asked twice."""
    wire = Wire(answer)

    with pytest.raises(UnavailableError), wire.session.budget.hurried(2):
        PROBES[probe](slack(wire))
    assert 1 == len(wire.requests)

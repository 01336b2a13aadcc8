"""Each value of each answer in turn is another than the vendor promises: the answer is read, or refused as a whole."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pytest
from pydantic import SecretStr, TypeAdapter

from runbook_lib.clients import answers
from runbook_lib.clients.customersdot import CustomersDot
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.slack import Slack
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import RunbookError, UnavailableError
from runbook_lib.domain.models import Account, Person, Ticket
from runbook_lib.settings import ROOT
from tests.clients.wire import Answer, Wire, reply

pytestmark = pytest.mark.slow

NOW = "2026-11-21T08:30:00Z"
MOMENT = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
ODD = (None, "", "x", 7, -1, 1.5, True, [], {}, [None], {"a": None}, "\ud800", 10**400, "9" * 5000)
"""What may stand in any place of an answer."""
KEY = SecretStr("key")
PERSON = {"id": 11, "name": "Ada", "email": "a@b.example", "role": "agent", "suspended": False, "role_type": 0}
FILE = {"id": 5, "file_name": "a.png", "content_url": "https://x", "content_type": "image/png", "size": 3}
COMMENT = {"id": 4, "author_id": 11, "body": "Hi", "html_body": "Hi", "public": True, "created_at": NOW}
AUDIT = {
    "id": 900,
    "author_id": 11,
    "metadata": {"custom": {"operation_id": "op"}},
    "events": [{"id": 901, "type": "Comment", "public": True, "attachments": [{"file_name": "a"}]}],
}
ISSUE = {
    **{"iid": 3, "title": "T", "state": "closed", "labels": ["L"], "created_at": NOW},
    **{"web_url": "https://g/3", "description": "D"},
}
PIPELINE = {"id": 8, "status": "running", "web_url": "https://g/8", "updated_at": NOW}
SEAT = {
    **{"id": 1, "created_at": NOW, "report_timestamp": NOW, "zuora_subscription_name": "A-S1"},
    **{"hostname": "h", "instance_identifier": "i"},
}
SOLD = {
    **{"id": 5, "customer_id": 7, "zuora_subscription_name": "A-S1", "plan": "premium", "users": 5},
    **{"starts_at": "2025-11-06", "expires_at": "2026-11-06T00:00:00Z", "cloud_licensing_enabled": True},
}
TICKET = {
    "ticket": {
        **{"id": 1, "subject": "S", "status": "open", "created_at": NOW, "updated_at": NOW, "tags": ["a"]},
        **{"requester_id": 11, "assignee_id": 11, "organization_id": 31},
    },
    "users": [PERSON],
    "organizations": [{"id": 31, "name": "O", "organization_fields": {"plan": "premium"}, "domain_names": ["b.ex"]}],
}
A_TICKET = Ticket(1, "S", "open", MOMENT, NOW, Person(11, "Ada", "a@b.example"), None, None, None, "https://z/1")


def zendesk(wire: Wire) -> Zendesk:
    return Zendesk("https://z.example", {}, wire.session)


def gitlab(wire: Wire) -> GitLab:
    return GitLab("https://g.example", KEY, wire.session)


def slack(wire: Wire) -> Slack:
    return Slack("https://s.example/api/", KEY, wire.session)


def cdot(wire: Wire) -> CustomersDot:
    return CustomersDot("https://c.example", KEY, wire.session)


CALLS: dict[str, tuple[Callable[[Wire], Any], Any]] = {
    "ticket": (lambda wire: zendesk(wire).ticket(1), TICKET),
    "comments": (
        lambda wire: zendesk(wire).comments(1),
        {"comments": [{**COMMENT, "attachments": [FILE]}], "users": [PERSON], "meta": {"has_more": False}},
    ),
    "sent comment": (
        lambda wire: zendesk(wire).find_comment(1, "other"),
        {"audits": [AUDIT], "meta": {"has_more": False, "after_cursor": "x"}},
    ),
    "me": (lambda wire: zendesk(wire).me(), {"user": PERSON}),
    "mail state": (
        lambda wire: zendesk(wire).undeliverable(A_TICKET.requester),
        {"identities": [{"value": "a@b.example", "deliverable_state": "deliverable"}]},
    ),
    "add comment": (
        lambda wire: zendesk(wire).add_comment(A_TICKET, "Hi", public=True, operation_id="op"),
        {"ticket": {"id": 1}, "audit": AUDIT},
    ),
    "upload": (lambda wire: zendesk(wire).upload("a", b"", "image/png"), {"upload": {"token": "t"}}),
    "issues": (lambda wire: gitlab(wire).issues(1, label="L"), [ISSUE]),
    "trigger": (lambda wire: gitlab(wire).trigger(1, ref="main", token=KEY, variables={}), PIPELINE),
    "scopes": (lambda wire: gitlab(wire).scopes(), {"scopes": ["api"]}),
    "post": (
        lambda wire: slack(wire).post("C1", "Hi", "op"),
        {"ok": True, "ts": "1.2", "channel": "C1", "message": {"text": "Hi"}},
    ),
    "posts": (
        lambda wire: slack(wire).find("C1", "op", MOMENT),
        {
            "ok": True,
            "messages": [{"ts": "1.2", "metadata": {"event_payload": {"operation_id": "op"}}}],
            "response_metadata": {"next_cursor": ""},
        },
    ),
    "accounts": (
        lambda wire: cdot(wire).accounts("a@b.example"),
        [{"id": 7, "email": "a@b.example", "first_name": "A", "last_name": "B", "company": "C"}],
    ),
    "licenses": (lambda wire: cdot(wire).licenses(Account(7, "a@b.example")), [SOLD]),
    "seat links": (lambda wire: cdot(wire).seat_links("A-S1"), [SEAT]),
}


def places(answer: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value of an answer, and to the whole."""
    yield above
    found = answer.items() if isinstance(answer, dict) else enumerate(answer) if isinstance(answer, list) else ()
    for key, value in found:
        yield from places(value, (*above, key))


def changed(answer: Any, place: tuple[Any, ...], odd: Any) -> Any:
    """An answer with something else in one place."""
    if not place:
        return odd
    found = copy.deepcopy(answer)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = odd
    return found


def check_types(value: Any) -> None:
    """Every model in a value has its fields' types."""
    for one in value if isinstance(value, list | tuple) else [value]:
        if is_dataclass(one) and not isinstance(one, type):
            for name, field in fields_of(type(one)).items():
                field.validate_python(getattr(one, name), strict=True)


@functools.cache
def fields_of(model: type) -> dict[str, TypeAdapter[Any]]:
    return {name: TypeAdapter(hint) for name, hint in get_type_hints(model).items()}


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (CALLS["comments"][0], reply(json={"comments": [COMMENT], "meta": {"has_more": True}})),
        (CALLS["comments"][0], reply(json={"comments": [COMMENT], "meta": {"has_more": True, "after_cursor": None}})),
        (CALLS["comments"][0], reply(json={"comments": [COMMENT], "next_page": "https://z.example/?page=2"})),
        (CALLS["issues"][0], reply(json=[ISSUE], headers={"X-Next-Page": "1"})),
        (CALLS["issues"][0], reply(json=[ISSUE], headers={"X-Next-Page": "0"})),
        (CALLS["issues"][0], reply(json=[ISSUE], headers={"X-Next-Page": "2&state=opened"})),
        (CALLS["posts"][0], reply(json={"ok": True, "messages": [], "has_more": True})),
        (
            CALLS["posts"][0],
            reply(json={"ok": True, "messages": [], "has_more": True, "response_metadata": {"next_cursor": ""}}),
        ),
    ],
)
def test_a_part_of_a_list_is_no_list(call: Callable[[Wire], Any], answer: Answer) -> None:
    """More pages that cannot be asked for: a license or a message might stand there, and be sent twice."""
    wire = Wire(answer)
    with pytest.raises(UnavailableError, match="in an unexpected form"):
        call(wire)
    assert 1 == len(wire.requests)


@pytest.mark.parametrize("name", CALLS)
def test_the_promised_answer_is_read(name: str) -> None:
    call, answer = CALLS[name]
    check_types(call(Wire(reply(json=answer))))


@pytest.mark.parametrize("name", CALLS)
def test_an_odd_value_is_read_or_refused(name: str) -> None:
    """With a sentence for the reader; and nothing that is read has a field of another type."""
    call, answer = CALLS[name]
    for place in places(answer):
        for odd in ODD:
            try:
                found = call(Wire(reply(content=json.dumps(changed(answer, place, odd)))))
            except RunbookError as exc:
                assert str(exc).isprintable()
                continue
            check_types(found)


def test_every_model_is_prepared() -> None:
    """What a waiting kernel builds is what the clients read."""
    sources = "".join(path.read_text() for path in (ROOT / "runbook_lib" / "clients").glob("*.py"))
    assert {kind.__name__ for kind in answers.READ} == set(re.findall(r"\bmodel\(\s*([A-Z]\w+)", sources))

"""Zendesk's answers as the runbooks see them, and what is sent to change a ticket."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from runbook_lib.clients.zendesk import Zendesk, plain
from runbook_lib.domain.errors import InputError, OutcomeUnknownError, PersonNeededError, RefusedError, UnavailableError
from runbook_lib.domain.kept_comment import KeptComment
from runbook_lib.domain.models import Attachment, Comment, Organization, Person, Ticket
from tests.clients.wire import Answer, Wire, reply

DESK = "https://team.zendesk.com"
TICKET = Ticket(
    id=1001,
    subject="License expired",
    status="open",
    created_at=datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
    updated_stamp="2026-11-21T09:00:01Z",
    requester=Person(11, "Ada", "ada@customer.example", "end-user"),
    organization=Organization(31, "Customer", {"plan": "premium"}),
    assignee_id=21,
    assignee_name="Grace",
    url=f"{DESK}/agent/tickets/1001",
)
FOUND: dict[str, Any] = {
    "ticket": {
        "id": 1001,
        "subject": "License expired",
        "status": "open",
        "created_at": "2026-11-21T08:30:00Z",
        "updated_at": "2026-11-21T09:00:01Z",
        "requester_id": 11,
        "assignee_id": 21,
        "organization_id": 31,
        "a_field_of_next_year": {"new": True},
    },
    "users": [
        {"id": 11, "name": "Ada", "email": "ada@customer.example", "role": "end-user"},
        {"id": 21, "name": "Grace", "email": "grace@support.example", "role": "agent"},
    ],
    "organizations": [{"id": 31, "name": "Customer", "organization_fields": {"plan": "premium"}}],
}
CHANGED = {
    "ticket": {"id": 1001, "assignee_id": 22},
    "audit": {
        "id": 900,
        "events": [{"id": 901, "type": "Comment", "public": True, "attachments": [{"file_name": "a"}]}],
    },
}


def desk(wire: Wire) -> Zendesk:
    return Zendesk(f"{DESK}/", {"Authorization": "Bearer secret"}, wire.session)


def sent(wire: Wire) -> Any:
    """The ticket of the newest change."""
    return json.loads(wire.last.content)["ticket"]


# -- the ticket


class Clock:
    """A clock that goes on by what is slept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
        self.now = 100.0
        monkeypatch.setattr("runbook_lib.clients.zendesk.time.monotonic", lambda: self.now + sum(wire.waits))


def dated(second: int, stamp: str = "2026-11-21T09:00:01Z") -> Any:
    found = {**FOUND, "ticket": {**FOUND["ticket"], "updated_at": stamp}}
    return reply(json=found, headers={"Date": f"Sat, 21 Nov 2026 09:00:{second:02} GMT"})


@pytest.mark.parametrize(
    ("seconds", "readings"),
    [((2,), 1), ((1, 1, 2), 3), ((0,) * 12, 6)],
    ids=["seconds later", "in the same second", "a clock that is behind"],
)
def test_settled_ticket(monkeypatch: pytest.MonkeyPatch, seconds: tuple[int, ...], readings: int) -> None:
    """Read until the second of its stamp has passed: by the service's clock, or by ours if that disagrees."""
    wire = Wire(*map(dated, seconds))
    Clock(monkeypatch, wire)

    assert TICKET == desk(wire).settled_ticket(1001)
    assert readings == len(wire.requests)
    assert 60 == wire.session.budget.left_s, "every run has that moment"


def test_a_ticket_that_keeps_changing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent on a reading that looks like a later one."""
    wire = Wire(*(dated(0, f"2026-11-21T09:00:{second:02}Z") for second in range(1, 20)))
    Clock(monkeypatch, wire)

    with pytest.raises(UnavailableError, match="Ticket 1001 keeps changing"):
        desk(wire).settled_ticket(1001)
    assert 12 == len(wire.requests)


def test_ticket() -> None:
    """A ticket comes with its people and organization, in one request, and with the stamp as Zendesk wrote it."""
    wire = Wire(reply(json=FOUND))

    assert TICKET == desk(wire).ticket(1001)
    assert f"{DESK}/api/v2/tickets/1001.json?include=users%2Corganizations" == str(wire.last.url)
    assert "Bearer secret" == wire.last.headers["authorization"]


@pytest.mark.parametrize(
    ("found", "differs"),
    [
        ({"organizations": []}, {"organization": None}),
        ({"ticket": FOUND["ticket"] | {"organization_id": None}}, {"organization": None}),
        (
            {"organizations": [{"id": 31, "name": None, "organization_fields": None}]},
            {"organization": Organization(31, "", {})},
        ),
        (
            {
                "organizations": [
                    {
                        "id": 31,
                        "name": "Customer",
                        "domain_names": ["c.example", "@d.example", " https://www.e.example/x"],
                    }
                ]
            },
            {"organization": Organization(31, "Customer", {}, ("c.example", "d.example", "www.e.example"))},
        ),
        (
            {"ticket": FOUND["ticket"] | {"assignee_id": None}},
            {"assignee_id": None, "assignee_name": None},
        ),
        ({"ticket": FOUND["ticket"] | {"subject": None}}, {"subject": ""}),
        (
            {"users": [{"id": 11, "name": "Ada", "email": None}]},
            {"requester": Person(11, "Ada", None), "assignee_name": None},
        ),
        ({"users": [{"id": 11, "name": None}]}, {"requester": Person(11, "", None), "assignee_name": None}),
        ({"users": []}, {"requester": Person(11, "unknown"), "assignee_name": None}),
    ],
    ids=[
        "organization not visible",
        "no organization",
        "organization without fields",
        "organization with domains",
        "no assignee",
        "no subject",
        "requester without email",
        "requester without name",
        "no visible user",
    ],
)
def test_ticket_with_gaps(found: dict[str, Any], differs: dict[str, Any]) -> None:
    """What Zendesk leaves out is missing in the ticket too, and no reason to fail."""
    assert replace(TICKET, **differs) == desk(Wire(reply(json=FOUND | found))).ticket(1001)


@pytest.mark.parametrize("odd", [{"id": 1003}, {"id": "1001"}, {"updated_at": "soon"}, {"updated_at": None}])
def test_another_ticket_is_no_answer(odd: dict[str, Any]) -> None:
    """What is sent goes by the number in the answer, and against its stamp."""
    with pytest.raises(UnavailableError, match="in an unexpected form"):
        desk(Wire(reply(json={**FOUND, "ticket": {**FOUND["ticket"], **odd}}))).settled_ticket(1001)


@pytest.mark.parametrize("read", [Zendesk.ticket, Zendesk.comments])
def test_no_such_ticket(read: Callable[[Zendesk, int], object]) -> None:
    """404 is reported with the number."""
    wire = Wire(reply(404, json={"error": "RecordNotFound", "description": "Not found"}))

    with pytest.raises(RefusedError, match="Ticket 4711 does not exist in Zendesk, or you may not see it") as caught:
        read(desk(wire), 4711)
    assert 404 == caught.value.status


def test_a_page_in_place_of_a_ticket_is_no_wrong_number() -> None:
    """Such as that of a help center that is closed: the address is wrong."""
    with pytest.raises(RefusedError, match="Check RUNBOOK_ZENDESK_URL"):
        desk(Wire(reply(404, html="<title>Oops, this help center no longer exists</title>"))).ticket(1001)


def test_no_such_account_is_no_wrong_number() -> None:
    """Zendesk answers 404 for an address of no account, too; the advice is about the setting."""
    words = "There is no help desk configured at this address."
    wire = Wire(reply(404, json={"error": {"title": "No help desk at x.zendesk.com", "message": words}}))

    with pytest.raises(RefusedError, match=r"no help desk configured.*Check RUNBOOK_ZENDESK_URL"):
        desk(wire).ticket(4711)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, {"error": "Couldn't authenticate you"}, "refused (401): Couldn't authenticate you."),
        (
            403,
            {"error": "Forbidden", "description": "Missing scope: tickets:read"},
            "refused (403): Missing scope: tickets:read.",
        ),
        (
            403,
            {"error": {"title": "Forbidden", "message": "You do not have access."}},
            "refused (403): Forbidden: You do not have access.",
        ),
        (
            400,
            {"errors": [{"code": "X", "title": "Bad", "detail": "page[size] is wrong"}, {"code": "Y", "title": "Odd"}]},
            "refused (400): page[size] is wrong; Odd.",
        ),
        (
            422,
            {
                "error": "RecordInvalid",
                "description": "Record validation errors",
                "details": {"status": [{"description": "Status: closed prevents ticket update"}]},
            },
            "refused (422): Status: closed prevents ticket update.",
        ),
        (400, {"error": {"unheard": "of"}}, "refused (400): Bad Request."),
        (400, ["a", "list"], "refused (400): Bad Request."),
        (422, {"details": {"base": "text"}, "error": "x"}, "refused (422): text."),
        (422, {"details": ["text"], "error": "x"}, "refused (422): Unprocessable Entity."),
    ],
)
def test_error_shapes(status: int, body: Any, words: str) -> None:
    """All three shapes of error, and what is none of them, become one sentence."""
    with pytest.raises(RefusedError) as caught:
        desk(Wire(reply(status, json=body))).ticket(1001)
    assert f"Zendesk {words}" == caught.value.words


@pytest.mark.parametrize("ask", [lambda z: z.ticket(1), lambda z: z.comments(1), lambda z: z.me()])
def test_not_json(ask: Any) -> None:
    """A proxy's login page is no ticket."""
    with pytest.raises(UnavailableError, match=r"not JSON \(text/html"):
        ask(desk(Wire(reply(html="<html>Log in</html>"))))


@pytest.mark.parametrize("body", [{}, [], 5, {"ticket": {}, "comments": [{}], "audits": {}, "user": None}])
@pytest.mark.parametrize(
    "ask",
    [
        lambda z: z.ticket(1001),
        lambda z: z.comments(1001),
        lambda z: z.find_comment(1001, "op-1"),
        lambda z: z.me(),
    ],
    ids=["ticket", "comments", "find_comment", "me"],
)
def test_reads_of_another_form(ask: Any, body: Any) -> None:
    """What cannot be read is never taken for *there is nothing*."""
    with pytest.raises(UnavailableError, match=r"Zendesk answered /api/v2/.* in an unexpected form"):
        ask(desk(Wire(reply(json=body))))


# -- the thread


def comment(number: int, **fields: Any) -> dict[str, Any]:
    """A comment as Zendesk sends it."""
    basis = {"id": number, "author_id": 11, "body": f"no. {number}", "html_body": "<p></p>", "public": True}
    return basis | {"created_at": "2026-11-21T08:30:00Z", "attachments": []} | fields


def pages(key: str, *contents: list[Any]) -> list[Answer]:
    """A list in pages, by cursor."""
    last = len(contents) - 1
    return [
        reply(json={key: items, "meta": {"has_more": number < last, "after_cursor": f"c{number}=="}})
        for number, items in enumerate(contents)
    ]


def test_comments_over_several_pages() -> None:
    """The whole thread is read, page by page, by the cursor of the page before."""
    wire = Wire(*pages("comments", [comment(1), comment(2)], [comment(3)], [comment(4)]))

    assert [1, 2, 3, 4] == [found.id for found in desk(wire).comments(1001)]
    assert [None, "c0==", "c1=="] == [request.url.params.get("page[after]") for request in wire.requests]
    assert {"100"} == {request.url.params["page[size]"] for request in wire.requests}
    assert {"/api/v2/tickets/1001/comments.json"} == {request.url.path for request in wire.requests}


@pytest.mark.parametrize("cursors", [("a", "a"), ("a", "b", "a")], ids=["at once", "in circles"])
def test_repeated_cursor_ends_the_list(cursors: tuple[str, ...]) -> None:
    """A list that leads back to a page it had gives nothing: neither a part of it, nor requests without end."""
    again = [reply(json={"comments": [comment(7)], "meta": {"has_more": True, "after_cursor": one}}) for one in cursors]
    wire = Wire(*again)

    with pytest.raises(UnavailableError, match=r"more than 50 pages, or repeats one, .* Nothing is decided"):
        desk(wire).comments(1001)
    assert len(cursors) == len(wire.requests)


def test_comments_survive_a_failure_between_pages() -> None:
    """A page that fails once is asked for again: nothing is missing, nothing comes twice."""
    first, second = pages("comments", [comment(1)], [comment(2)])

    assert [1, 2] == [found.id for found in desk(Wire(first, httpx.ReadError("reset"), second)).comments(1001)]


def test_comment() -> None:
    """A comment keeps its text as written, and names its files."""
    image = {"id": 5, "file_name": "a.png", "content_url": "https://files.example/a", "content_type": "image/png"}
    item = comment(7, body="{{hi}} <b>", public=False, attachments=[image | {"size": 1234}])

    found = desk(Wire(reply(json={"comments": [item]}))).comments(1001)

    attachment = Attachment(5, "a.png", "https://files.example/a", "image/png", 1234)
    assert [Comment(7, 11, "{{hi}} <b>", False, datetime(2026, 11, 21, 8, 30, tzinfo=UTC), (attachment,))] == found


def test_comment_with_gaps() -> None:
    """A comment without text and a file without name, type and size are read all the same."""
    item = comment(7, body=None, attachments=[{"id": 5, "content_url": "https://files.example/a"}])

    (found,) = desk(Wire(reply(json={"comments": [item], "meta": None}))).comments(1001)

    assert ("", (Attachment(5, "", "https://files.example/a", "", 0),)) == (found.body, found.attachments)


def test_comment_of_a_chat() -> None:
    """Its words may stand in `plain_body` alone. Source: Zendesk API reference, ticket comments."""
    odd = {
        "id": 1,
        "author_id": 11,
        "body": "",
        "plain_body": "(14:02) Visitor: hi",
        "created_at": "2026-11-21T08:30:00Z",
    }
    page = {"comments": [{**odd, "public": True}], "users": [], "meta": {"has_more": False}}
    (comment,) = desk(Wire(reply(json=page))).comments(1001)
    assert ("(14:02) Visitor: hi",) * 2 == (comment.body, comment.raw)


def test_a_deleted_file_is_left_out() -> None:
    """It is not kept any more; a redacted one is an empty file, and one without an address is named."""
    redacted = {"id": 6, "file_name": "redacted.txt", "content_url": "https://files.example/r", "size": 0}
    files = [{"id": 5, "deleted": True}, {**redacted, "deleted": False}, {"id": 7, "file_name": "a.png"}]

    (found,) = desk(Wire(reply(json={"comments": [comment(7, attachments=files)]}))).comments(1001)

    assert [("redacted.txt", "https://files.example/r"), ("a.png", "")] == [
        (file.file_name, file.content_url) for file in found.attachments
    ]


def test_a_file_without_an_address_is_not_fetched() -> None:
    """The reason names no sign-in page."""
    with pytest.raises(RefusedError, match="gives no address"):
        desk(Wire()).download(Attachment(5, "a.png", "", "image/png", 3, "not_scanned"), 10)


def audit(number: int, *events: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """An audit as Zendesk sends it."""
    return {"id": number, "author_id": 21, "events": list(events), "metadata": metadata}


KEPT = {"id": 122, "type": "Comment", "public": False, "attachments": [{"file_name": "a.png"}]}
AUDITS = [
    [audit(100), {"id": 101, "events": [], "metadata": None}, {"id": 102, "events": []}],
    [
        audit(110, {"id": 111, "type": "Comment", "public": True}, custom={"operation_id": "op-1-longer"}),
        audit(120, {"id": 121, "type": "Change"}, KEPT, custom={"operation_id": "op-1"}),
        audit(130, {"id": 131, "type": "Change"}, custom={"operation_id": "op-2"}),
    ],
]


@pytest.mark.parametrize(
    ("operation_id", "expected"),
    [
        ("op-1", KeptComment(122, False, ("a.png",))),
        ("op-2", KeptComment(130, None)),
        ("op-3", None),
        ("op", None),
    ],
    ids=["comment", "change without a comment", "nothing", "beginning of another"],
)
def test_find_comment(operation_id: str, expected: KeptComment | None) -> None:
    """A comment is found by the id that its audit keeps, on whatever page that is, as it is kept."""
    wire = Wire(*pages("audits", *AUDITS), reply(json={"user": {"id": 21, "role": "agent"}}))

    assert expected == desk(wire).find_comment(1001, operation_id)
    assert ["/api/v2/tickets/1001/audits.json"] * 2 == [request.url.path for request in wire.requests[:2]]


@pytest.mark.parametrize(
    ("role", "me", "expected"),
    [("agent", 9, 122), ("admin", 9, 122), ("end-user", 9, None), ("end-user", 21, 122), ("", 9, None)],
)
def test_operation_id_counts_only_from_us(role: str, me: int, expected: int | None) -> None:
    """An end user who writes an operation id has not done the operation; whose token this is has."""
    wire = Wire(
        *pages("audits", *AUDITS),
        reply(json={"user": {"id": 21, "role": role}}),
        reply(json={"user": {"id": me, "role": "agent"}}),
    )

    found = desk(wire).find_comment(1001, "op-1")
    assert expected == (found and found.id)


def test_comments_ask_for_inline_images_and_authors() -> None:
    """Images within a text are among the attachments; each comment knows who wrote it."""
    users = [{"id": 11, "name": "Ada", "role": "end-user"}]
    wire = Wire(reply(json={"comments": [comment(7)], "users": users}))

    (found,) = desk(wire).comments(1001)

    assert Person(11, "Ada", None, "end-user") == found.author
    asked = wire.last.url.params
    assert ("true", "users") == (asked["include_inline_images"], asked["include"])


def test_stamp_without_a_zone_is_utc() -> None:
    """A stamp that names no zone can be compared with the others."""
    (found,) = desk(Wire(reply(json={"comments": [comment(7, created_at="2026-11-21T08:30:00")]}))).comments(1001)

    assert datetime(2026, 11, 21, 8, 30, tzinfo=UTC) == found.created_at


def test_repeated_stamp_counts_as_sent_last() -> None:
    """As JSON parsers have it; one of another form makes the answer one that cannot be read."""
    body = json.dumps({"comments": [comment(7, created_at="2026-11-20T08:30:00Z")]})

    def sent(stamp: str) -> bytes:
        return body.replace(
            '"created_at"', f'"created_at": "2026-11-19T00:00:00Z", "created_at": {stamp}, "x"'
        ).encode()

    as_json = {"Content-Type": "application/json"}
    (found,) = desk(Wire(reply(content=sent('"2026-11-21T08:30:00Z"'), headers=as_json))).comments(1001)
    assert datetime(2026, 11, 21, 8, 30, tzinfo=UTC) == found.created_at
    for wrong in ('["2026-11-21"]', '"soon"', "null"):
        with pytest.raises(UnavailableError):
            desk(Wire(reply(content=sent(wrong), headers=as_json))).comments(1001)


def test_three_hundred_comments() -> None:
    """All pages of a long thread are read, and a comment that two pages repeat counts once."""
    numbers = [[comment(i) for i in range(start, start + 101)] for start in (1, 101, 201)]

    assert list(range(1, 302)) == [found.id for found in desk(Wire(*pages("comments", *numbers))).comments(1001)]


def test_json_nested_ten_thousand_deep() -> None:
    """An answer that nests without end is one that cannot be read."""
    wire = Wire(reply(content=b"[" * 10_000 + b"]" * 10_000, headers={"Content-Type": "application/json"}))

    with pytest.raises(UnavailableError):
        desk(wire).comments(1001)


# -- the user


def test_me() -> None:
    """The credentials belong to a user."""
    wire = Wire(reply(json={"user": {"id": 21, "name": "Grace", "email": "grace@support.example"}}))

    assert Person(21, "Grace", "grace@support.example") == desk(wire).me()


def test_me_without_a_user() -> None:
    """Zendesk answers bad credentials with 200 and an anonymous user: that is a refusal."""
    anonymous = {"user": {"id": None, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user"}}

    with pytest.raises(RefusedError, match="does not accept these credentials") as caught:
        desk(Wire(reply(json=anonymous))).me()
    assert 401 == caught.value.status


# -- changes


@pytest.mark.parametrize("public", [True, False])
def test_add_comment(public: bool) -> None:
    """Everything that keeps a comment from going wrong is sent, whatever its value: `public`, stamp, operation id."""
    wire = Wire(reply(json=CHANGED))

    kept = desk(wire).add_comment(TICKET, "Hello", public=public, operation_id="op-1", uploads=["t1", "t2"])

    assert KeptComment(901, True, ("a",)) == kept  # whatever was sent
    assert ("PUT", "/api/v2/tickets/1001.json") == (wire.last.method, wire.last.url.path)
    assert {
        "comment": {"body": "Hello", "public": public, "uploads": ["t1", "t2"]},
        "metadata": {"operation_id": "op-1"},
        "safe_update": True,
        "updated_stamp": "2026-11-21T09:00:01Z",
    } == sent(wire)


def test_add_comment_without_an_event() -> None:
    """An audit that shows no comment gives something to point to, and no comment."""
    answer = {"audit": {"id": 900, "events": [{"id": 5, "type": "Change"}]}}

    kept = desk(Wire(reply(json=answer))).add_comment(TICKET, "x", public=False, operation_id="op")
    assert KeptComment(900, None) == kept


def test_assign() -> None:
    """Taking a ticket is a safe update too."""
    wire = Wire(reply(json=CHANGED))

    desk(wire).assign(TICKET, Person(22, "Me"), "op-2")

    assert {
        "assignee_id": 22,
        "metadata": {"operation_id": "op-2"},
        "safe_update": True,
        "updated_stamp": "2026-11-21T09:00:01Z",
    } == sent(wire)


@pytest.mark.parametrize("holder", [None, 23])
def test_assign_to_another(holder: int | None) -> None:
    """An update that Zendesk takes, after which the ticket is another agent's, is not done."""
    wire = Wire(reply(json={"ticket": {"id": 1001, "assignee_id": holder}}))

    with pytest.raises(PersonNeededError, match="Assign it by hand"):
        desk(wire).assign(TICKET, Person(22, "Me"), "op-2")


@pytest.mark.parametrize(
    "body",
    [
        "{{ticket.id}}",
        "{{{ticket.id}}}",
        "{{{{{{x}}}}}}",
        "{% for x in y %}",
        "{{%x%}}",
        "{{% {%{{ %}",
        "a {{b}} {{c}}\n{%d",
    ],
)
def test_placeholders_do_not_come_alive(body: str) -> None:
    """Zendesk would replace `{{...}}` and run `{%...%}`; a reader sees the same characters, and nothing happens."""
    wire = Wire(reply(json=CHANGED))

    desk(wire).add_comment(TICKET, body, public=True, operation_id="op")

    written = sent(wire)["comment"]["body"]
    assert "{{" not in written
    assert "{%" not in written
    assert body == written.replace("\u200b", "")


@pytest.mark.parametrize("body", ["", "{ {", "}} %}", '{"a": {"b": 1}}', "{", "100 % {x}"])
def test_other_braces_stay(body: str) -> None:
    """Text without placeholders is sent as it is."""
    assert body == plain(body)


CHANGES = pytest.mark.parametrize(
    "change",
    [
        lambda z: z.add_comment(TICKET, "x", public=True, operation_id="op"),
        lambda z: z.assign(TICKET, Person(22, "Me"), "op"),
    ],
    ids=["comment", "assign"],
)


@CHANGES
def test_changed_meanwhile(change: Any) -> None:
    """409 says that another update was faster, and that nothing was sent."""
    wire = Wire(reply(409, json={"error": "UpdateConflict", "description": "Safe Update prevented the update"}))

    with pytest.raises(RefusedError, match="Ticket 1001 has changed since it was read, so nothing was sent") as caught:
        change(desk(wire))
    assert (409, 1) == (caught.value.status, len(wire.requests))


@CHANGES
def test_closed(change: Any) -> None:
    """422 keeps Zendesk's own reason: a closed ticket takes no more comments."""
    details = {"status": [{"description": "Status: closed prevents ticket update"}]}
    wire = Wire(
        reply(422, json={"error": "RecordInvalid", "description": "Record validation errors"} | {"details": details})
    )

    with pytest.raises(RefusedError, match="Status: closed prevents ticket update") as caught:
        change(desk(wire))
    assert 422 == caught.value.status


@CHANGES
@pytest.mark.parametrize(
    "answer",
    [httpx.ReadTimeout("slow"), reply(500), reply(html="<html>"), reply(content=b'{"audit": {"id"'), reply(json={})],
    ids=["time-out", "500", "HTML", "truncated", "nothing in it"],
)
def test_answer_lost(change: Any, answer: Answer | Exception) -> None:
    """A change whose answer is lost is never sent again."""
    wire = Wire(answer, reply(json=CHANGED))

    with pytest.raises(OutcomeUnknownError):
        change(desk(wire))
    assert 1 == len(wire.requests)


@pytest.mark.parametrize("body", [{}, [], 5, {"ticket": {}, "audit": {}}, {"ticket": None, "audit": None}])
@pytest.mark.parametrize(
    "change",
    [
        lambda z: z.add_comment(TICKET, "x", public=True, operation_id="op"),
        lambda z: z.assign(TICKET, Person(22, "Me"), "op"),
        lambda z: z.upload("a.png", b"", "image/png"),
    ],
    ids=["comment", "assign", "upload"],
)
def test_changes_of_another_form(change: Any, body: Any) -> None:
    """A change whose answer cannot be read has probably happened, and is not sent again."""
    wire = Wire(reply(json=body))

    with pytest.raises(OutcomeUnknownError, match="Zendesk, but its answer cannot be read"):
        change(desk(wire))
    assert 1 == len(wire.requests)


# -- files


def test_upload() -> None:
    """A file is sent as it is, under its name, and comes back as a token."""
    wire = Wire(reply(201, json={"upload": {"token": "t-1", "attachment": {"id": 5}}}))

    assert "t-1" == desk(wire).upload("Bild 1 & ä.png", b"\x89PNG\x00", "image/png")
    assert ("POST", "/api/v2/uploads.json") == (wire.last.method, wire.last.url.path)
    assert "Bild 1 & ä.png" == wire.last.url.params["filename"]
    assert ("image/png", b"\x89PNG\x00") == (wire.last.headers["content-type"], wire.last.content)


@pytest.mark.parametrize(("host", "known"), [("team.zendesk.com", True), ("files.zdusercontent.com", False)])
def test_download(host: str, known: bool) -> None:
    """An attachment on another host is fetched without credentials."""
    wire = Wire(reply(content=b"png"))
    attachment = Attachment(5, "a.png", f"https://{host}/a.png?name=a", "image/png", 3, "not_scanned")

    assert b"png" == desk(wire).download(attachment, 3)
    assert known == ("authorization" in wire.last.headers)


def test_download_of_more_than_was_said() -> None:
    """The size that the ticket states is not believed."""
    attachment = Attachment(5, "a.png", f"{DESK}/a.png", "image/png", size=3, malware="not_scanned")

    with pytest.raises(InputError, match="larger than the limit"):
        desk(Wire(reply(content=b"x" * 11))).download(attachment, 10)


@pytest.mark.parametrize("content", [b"", b"pn"])
def test_a_part_of_a_file_is_no_file(content: bytes) -> None:
    """A proxy that cuts it must not make an empty file or a damaged license of it."""
    attachment = Attachment(5, "a.png", f"{DESK}/a.png", "image/png", 3, "not_scanned")
    with pytest.raises(UnavailableError, match=f"gave {len(content)} of its 3 bytes"):
        desk(Wire(reply(content=content))).download(attachment, 10)


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("malware", ["", "not_scanned"])
def test_a_file_that_is_gone(status: int, malware: str) -> None:
    """Deleted after the thread was read: the address of the account is not what is wrong."""
    attachment = Attachment(5, "a.png", f"{DESK}/a.png", "image/png", 3, malware)
    with pytest.raises(RefusedError, match="deleted or redacted") as caught:
        desk(Wire(reply(status, json={"error": "RecordNotFound"}))).download(attachment, 10)
    assert "RUNBOOK_ZENDESK_URL" not in str(caught.value)


SIGN_IN = b"<!DOCTYPE html><html><title>Sign in</title><form><input type='password'></form></html>"


@pytest.mark.parametrize("name", ["a.gitlab-license", "a.png", "a.html"])
def test_sign_in_page_is_no_file(name: str) -> None:
    """A private attachment answers 200 with a page, which is never taken for the file."""
    attachment = Attachment(5, name, f"{DESK}/a", "image/png", 1874, "malware_not_found")

    with pytest.raises(RefusedError, match="sign-in page"):
        desk(Wire(reply(content=SIGN_IN))).download(attachment, 10_000)


def test_html_file_that_was_attached() -> None:
    """A page of just the listed size is the file itself."""
    attachment = Attachment(5, "a.html", f"{DESK}/a", "text/html", len(SIGN_IN), "malware_not_found")

    assert SIGN_IN == desk(Wire(reply(content=SIGN_IN))).download(attachment, 10_000)


def test_host_mapped_address_is_tried() -> None:
    """Where the first address shows a sign-in page, the mapped domain is asked, with credentials if it is set."""
    wire = Wire(reply(content=SIGN_IN), reply(content=b"png"))
    mapped = Attachment(
        5, "a.png", f"{DESK}/a", "image/png", 3, "not_scanned", mapped_url="https://help.team.example/a"
    )
    zendesk = Zendesk(DESK, {"Authorization": "Bearer secret"}, wire.session, mapped_host="help.team.example")

    assert b"png" == zendesk.download(mapped, 10_000)
    assert ["authorization" in request.headers for request in wire.requests] == [True, True]


def test_malware_is_not_fetched() -> None:
    """A file with malware is left where it is; one that an agent allowed is fetched."""
    flagged = Attachment(5, "a.png", f"{DESK}/a", "image/png", 3, "malware_found")
    wire = Wire(reply(content=b"png"))

    with pytest.raises(RefusedError, match="malware"):
        desk(wire).download(flagged, 10)
    assert [] == wire.requests
    assert b"png" == desk(wire).download(replace(flagged, malware_is_allowed=True), 10)


def test_scan_that_the_thread_leaves_out_is_asked_for() -> None:
    """A thread without the result of the scan does not mean that there was none."""
    wire = Wire(reply(json={"attachment": {"malware_scan_result": "malware_found"}}))

    with pytest.raises(RefusedError, match="malware"):
        desk(wire).download(Attachment(5, "a.png", f"{DESK}/a", "image/png", 3), 10)
    assert "/api/v2/attachments/5.json" == wire.last.url.path


# -- probes


PROBES: dict[str, Any] = {"probe": lambda z: z.probe(), "me": lambda z: z.me()}


def test_probe() -> None:
    """One ticket of the list is read; an empty list will do."""
    wire = Wire(reply(json={"tickets": []}))

    desk(wire).probe()
    assert ("GET", "/api/v2/tickets.json") == (wire.last.method, wire.last.url.path)
    assert {"page[size]": "1"} == dict(wire.last.url.params)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_probe_refused(status: int) -> None:
    """The status tells the credentials from what they may do."""
    with pytest.raises(RefusedError) as caught:
        desk(Wire(reply(status, json={"error": "Couldn't authenticate you"}))).probe()
    assert status == caught.value.status


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize(
    "answer",
    [reply(html="<p>"), reply(json={}), reply(json={"tickets": {}}), reply(503), httpx.ReadTimeout("slow")],
    ids=["page", "empty", "odd list", "503", "down"],
)
def test_probes_that_prove_nothing(probe: str, answer: Answer | Exception) -> None:
    """What is no answer of Zendesk's is no yes."""
    wire = Wire(answer)

    with pytest.raises(UnavailableError), wire.session.budget.hurried(2):
        PROBES[probe](desk(wire))
    assert 1 == len(wire.requests)

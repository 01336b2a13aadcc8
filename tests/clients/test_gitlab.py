"""GitLab's issues and pipelines, page by page, and what is sent to change them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from pydantic import SecretStr

from runbook_lib.clients.gitlab import PER_PAGE, GitLab
from runbook_lib.clients.http import LAST_PAGE
from runbook_lib.domain.errors import OutcomeUnknownError, RefusedError, UnavailableError
from runbook_lib.domain.models import Pipeline, TrackerIssue
from tests.clients.wire import Answer, Wire, reply

LABEL = "Mechanizer::Emergency License Generation"
CREATED_AT = "2026-11-21T08:30:00.123Z"
TOKEN, TRIGGER = "glpat-secret", "trigger-secret"
SINCE = datetime(2026, 11, 21, 9, 30, tzinfo=timezone(timedelta(hours=1)))


def gitlab(wire: Wire) -> GitLab:
    return GitLab("https://gitlab.example", SecretStr(TOKEN), wire.session)


def item(iid: int, **fields: Any) -> dict[str, Any]:
    """An issue as GitLab sends it."""
    basis = {"id": 1000 + iid, "iid": iid, "title": f"issue {iid}", "description": "text", "state": "opened"}
    url = f"https://gitlab.example/t/-/issues/{iid}"
    return basis | {"labels": [LABEL], "created_at": CREATED_AT, "web_url": url} | fields


def pipeline(number: int, status: str = "running") -> dict[str, Any]:
    """A pipeline as GitLab sends it."""
    return {"id": number, "iid": 1, "status": status, "web_url": f"https://gitlab.example/p/{number}"}


def variables(**values: str) -> Answer:
    """A pipeline's variables as GitLab sends them."""
    return reply(json=[{"variable_type": "env_var", "key": key, "value": value} for key, value in values.items()])


# -- issues


def test_issues_over_several_pages() -> None:
    """All pages are read, in their order, until `X-Next-Page` is empty."""
    wire = Wire(
        reply(json=[item(5), item(4)], headers={"X-Next-Page": "2"}),
        reply(json=[item(3)], headers={"X-Next-Page": "7"}),
        reply(json=[item(1)], headers={"X-Next-Page": ""}),
    )

    assert [5, 4, 3, 1] == [issue.iid for issue in gitlab(wire).issues(42, label=LABEL)]
    assert ["1", "2", "7"] == [request.url.params["page"] for request in wire.requests]
    order = {"order_by": "created_at", "sort": "desc"}
    expected = order | {"labels": LABEL, "state": "all", "per_page": "100", "page": "7"}
    assert expected == dict(wire.last.url.params)
    assert "/api/v4/projects/42/issues" == wire.last.url.path
    assert TOKEN == wire.last.headers["private-token"]


def test_no_page_header() -> None:
    """A list without the header, which a proxy may drop, ends with the page that is not full."""
    wire = Wire(reply(json=[item(number) for number in range(PER_PAGE)]), reply(json=[item(500)]))
    assert PER_PAGE + 1 == len(gitlab(wire).issues(42, label=LABEL))
    assert ["1", "2"] == [request.url.params["page"] for request in wire.requests]


def test_paging_ends() -> None:
    """A server that always has another page is not read for ever, and nothing is decided on a part of the list."""
    wire = Wire(*(reply(json=[item(1)], headers={"X-Next-Page": str(number)}) for number in range(2, LAST_PAGE + 9)))

    with pytest.raises(UnavailableError, match=f"more than {LAST_PAGE} pages"):
        gitlab(wire).issues(42, label=LABEL)
    assert LAST_PAGE == len(wire.requests)


def test_issues_since() -> None:
    """A moment of any time zone is sent in UTC."""
    wire = Wire(reply(json=[]))

    assert [] == gitlab(wire).issues(42, label=LABEL, created_after=SINCE)
    assert "2026-11-21T08:30:00Z" == wire.last.url.params["created_after"]


def test_titles_are_left_to_the_caller() -> None:
    """GitLab's word search is not used; whatever bears the label comes back as it is, similar titles too."""
    titles = ["[Success] - Created a license under a@b.example for 5 users", "success created license", ""]
    wire = Wire(reply(json=[item(n, title=title, labels=["a", "b"]) for n, title in enumerate(titles)]))

    found = gitlab(wire).issues(42, label=LABEL)

    assert titles == [issue.title for issue in found]
    assert "search" not in wire.last.url.params
    assert (
        TrackerIssue(
            iid=0,
            title=titles[0],
            state="opened",
            labels=("a", "b"),
            created_at=datetime(2026, 11, 21, 8, 30, 0, 123000, tzinfo=UTC),
            url="https://gitlab.example/t/-/issues/0",
            description="text",
        )
        == found[0]
    )


def test_a_description_never_shows() -> None:
    """A success issue holds a license: its text stays out of every repr; none at all is empty text."""
    holder, empty = gitlab(Wire(reply(json=[item(1, description="BEGIN LICENSE"), item(2, description=None)]))).issues(
        42, label=LABEL
    )

    assert ("BEGIN LICENSE", "") == (holder.description, empty.description)
    assert "BEGIN" not in repr(holder)


def test_issue() -> None:
    """An issue's present state is read by its iid."""
    wire = Wire(reply(json=item(9, state="closed")))

    assert (9, "closed") == ((found := gitlab(wire).issue(42, 9)).iid, found.state)
    assert ("GET", "/api/v4/projects/42/issues/9") == (wire.last.method, wire.last.url.path)


def test_create_issue() -> None:
    """A new issue is opened with its label, by one request."""
    wire = Wire(reply(201, json=item(9)))

    assert 9 == gitlab(wire).create_issue(42, title="T", description="D", label=LABEL).iid
    assert ("POST", "/api/v4/projects/42/issues") == (wire.last.method, wire.last.url.path)
    assert {"title": "T", "description": "D", "labels": LABEL} == json.loads(wire.last.content)


@pytest.mark.parametrize(("close", "more"), [(False, {}), (True, {"state_event": "close"})])
def test_update_issue(close: bool, more: dict[str, str]) -> None:
    """An issue is addressed by its iid, and closed only on request."""
    wire = Wire(reply(json=item(9, state="closed")))

    assert "closed" == gitlab(wire).update_issue(42, 9, title="T", description="D", close=close).state
    assert ("PUT", "/api/v4/projects/42/issues/9") == (wire.last.method, wire.last.url.path)
    assert {"title": "T", "description": "D"} | more == json.loads(wire.last.content)


# -- pipelines


def test_trigger() -> None:
    """A pipeline is started by form: token, ref, and each variable under its name."""
    wire = Wire(reply(201, json=pipeline(77, "created")))
    given = {"LICENSE_EMAIL": "a+b@customer.example", "LICENSE_USERS": "5 & more=?"}

    started = gitlab(wire).trigger(43, ref="main", token=SecretStr(TRIGGER), variables=given)

    assert Pipeline(77, "created", "https://gitlab.example/p/77") == started
    assert ("POST", "/api/v4/projects/43/trigger/pipeline") == (wire.last.method, wire.last.url.path)
    assert "application/x-www-form-urlencoded" == wire.last.headers["content-type"]
    assert {"token": TRIGGER, "ref": "main"} | {f"variables[{name}]": value for name, value in given.items()} == dict(
        parse_qsl(wire.last.content.decode())
    )
    assert TRIGGER not in str(wire.last.url)


@pytest.mark.parametrize(
    "answer",
    [httpx.ReadError("reset"), reply(502), reply(201, text="{"), reply(201, text=""), reply(201, json={"id": 5})],
    ids=["reset", "502", "truncated", "empty", "half"],
)
def test_trigger_whose_answer_is_lost(answer: Answer | Exception) -> None:
    """A second pipeline would be a second license: it is never started on a guess."""
    wire = Wire(answer, reply(201, json=pipeline(77)))

    with pytest.raises(OutcomeUnknownError) as caught:
        gitlab(wire).trigger(43, ref="main", token=SecretStr(TRIGGER), variables={})
    assert 1 == len(wire.requests)
    assert TRIGGER not in str(caught.value)


def test_the_last_list_tells_gitlabs_own_time() -> None:
    """An answer without a `Date` leaves what an earlier one said."""
    client = gitlab(Wire(reply(json=[], headers={"Date": "Sat, 28 Nov 2026 11:00:00 GMT"}), reply(json=[])))
    assert client.answered_at is None
    for _ in range(2):
        client.find_pipelines(43, variable="A", since=SINCE)
        assert datetime(2026, 11, 28, 11, tzinfo=UTC) == client.answered_at


def test_find_pipelines() -> None:
    """Pipelines are found by a variable that they were started with, on whatever page they are."""
    wire = Wire(
        reply(json=[pipeline(80), pipeline(79)], headers={"X-Next-Page": "2"}),
        variables(LICENSE_OPERATION_ID="op-1-longer"),
        variables(OTHER="op-1"),
        reply(json=[pipeline(78, "failed"), pipeline(77)], headers={"X-Next-Page": ""}),
        variables(A="b", LICENSE_OPERATION_ID="op-1"),
        variables(LICENSE_OPERATION_ID="op-1"),
    )

    found = gitlab(wire).find_pipelines(43, variable="LICENSE_OPERATION_ID", since=SINCE)

    assert {"op-1-longer": [80], "op-1": [78, 77]} == {value: [one.id for one in found[value]] for value in found}
    assert Pipeline(78, "failed", "https://gitlab.example/p/78") == found["op-1"][0]
    base = "/api/v4/projects/43/pipelines"
    asked = [base, f"{base}/80/variables", f"{base}/79/variables", base, f"{base}/78/variables", f"{base}/77/variables"]
    assert asked == [request.url.path for request in wire.requests]
    first = wire.requests[0].url.params
    assert ("2026-11-21T08:30:00Z", "trigger", "id", "desc") == (
        first["created_after"],
        first["source"],
        first["order_by"],
        first["sort"],
    )


def test_find_no_pipeline() -> None:
    """Nothing is a value: nothing was started under this id."""
    wire = Wire(reply(json=[pipeline(80)]), variables())

    assert {} == gitlab(wire).find_pipelines(43, variable="V", since=SINCE)


# -- errors


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(401, json={"message": "401 Unauthorized"}), "refused (401): 401 Unauthorized."),
        (reply(404, json={"message": "404 Project Not Found"}), "refused (404): 404 Project Not Found."),
        (reply(400, json={"error": "ref is missing"}), "refused (400): ref is missing."),
        (
            reply(400, json={"message": {"base": ["Reference not found"], "title": ["is long", "is odd"]}}),
            "refused (400): base Reference not found; title is long, is odd.",
        ),
        (
            reply(403, json={"error": "insufficient_scope", "error_description": "The request requires api."}),
            "refused (403): The request requires api.",
        ),
        (reply(403, text="Forbidden by a proxy"), "refused (403): Forbidden."),
        (reply(400, json=[]), "refused (400): Bad Request."),
        (reply(400, json={}), "refused (400): Bad Request."),
    ],
)
def test_error_shapes(answer: Answer, words: str) -> None:
    """Text, errors by field, OAuth's pair, and what is none of them become one sentence."""
    with pytest.raises(RefusedError) as caught:
        gitlab(Wire(answer)).issue(42, 9)
    assert f"GitLab {words}" == caught.value.words


def test_a_title_that_is_too_long() -> None:
    """GitLab's own check of an issue is a refusal in its words; nothing was opened."""
    wire = Wire(reply(400, json={"message": {"title": ["is too long (maximum is 255 characters)"]}}))

    with pytest.raises(RefusedError) as caught:
        gitlab(wire).create_issue(42, title="x" * 256, description="", label=LABEL)
    assert "GitLab refused (400): title is too long (maximum is 255 characters)." == caught.value.words
    assert (400, 1) == (caught.value.status, len(wire.requests))


ODD: list[Any] = [{}, 5, "text", {"id": 5}, {"message": "200 OK"}, [{}], [None]]


@pytest.mark.parametrize("body", ODD)
@pytest.mark.parametrize(
    "ask",
    [
        lambda g: g.issues(42, label=LABEL),
        lambda g: g.issue(42, 9),
        lambda g: g.find_pipelines(43, variable="V", since=SINCE),
    ],
    ids=["issues", "issue", "find_pipelines"],
)
def test_reads_of_another_form(ask: Any, body: Any) -> None:
    """What cannot be read is never taken for *there is nothing*."""
    with pytest.raises(UnavailableError, match=r"GitLab answered /api/v4/projects/4.* in an unexpected form"):
        ask(gitlab(Wire(reply(json=body))))


@pytest.mark.parametrize("body", [{}, {"message": "no"}, [{}], [{"key": "V"}]])
def test_variables_of_another_form(body: Any) -> None:
    """A pipeline whose variables cannot be read may be the one."""
    with pytest.raises(UnavailableError, match="/pipelines/80/variables in an unexpected form"):
        gitlab(Wire(reply(json=[pipeline(80)]), reply(json=body))).find_pipelines(43, variable="V", since=SINCE)


@pytest.mark.parametrize("body", ODD)
@pytest.mark.parametrize(
    "change",
    [
        lambda g: g.create_issue(42, title="T", description="D", label=LABEL),
        lambda g: g.update_issue(42, 9, title="T", description="D"),
        lambda g: g.trigger(43, ref="main", token=SecretStr(TRIGGER), variables={}),
    ],
    ids=["create_issue", "update_issue", "trigger"],
)
def test_writes_of_another_form(change: Any, body: Any) -> None:
    """A change whose answer cannot be read has probably happened, and is not sent again."""
    wire = Wire(reply(201, json=body))

    with pytest.raises(OutcomeUnknownError, match="GitLab, but its answer cannot be read"):
        change(gitlab(wire))
    assert 1 == len(wire.requests)


def test_limited_in_plain_text() -> None:
    """GitLab's 429 is often no JSON: it is waited for all the same, also by a write."""
    limited = reply(429, text="Retry later\n", headers={"Content-Type": "text/plain", "Retry-After": "1"})

    assert 9 == gitlab(Wire(limited, reply(json=item(9)))).issue(42, 9).iid
    assert 9 == gitlab(Wire(limited, reply(201, json=item(9)))).create_issue(42, title="", description="", label="").iid
    with pytest.raises(UnavailableError, match="limiting requests"):
        gitlab(Wire(limited)).issue(42, 9)


# -- probes


PROBES: dict[str, Any] = {
    "issues": lambda g: g.probe_issues(42, label=LABEL),
    "pipelines": lambda g: g.probe_pipelines(43),
    "scopes": lambda g: g.scopes(),
}


def test_probes() -> None:
    """Each reads one item at the most; an empty list will do.

    Of a pipeline the variables are read, too: they take a higher role than the list.
    """
    wire = Wire(reply(json=[]))

    PROBES["issues"](gitlab(wire))
    assert "/api/v4/projects/42/issues" == wire.last.url.path
    assert {"labels": LABEL, "per_page": "1"} == dict(wire.last.url.params)
    PROBES["pipelines"](gitlab(wire))
    assert "/api/v4/projects/43/pipelines" == wire.last.url.path
    assert {"source": "trigger", "per_page": "1"} == dict(wire.last.url.params)
    assert ["GET"] * 2 == [request.method for request in wire.requests]

    wire = Wire(reply(json=[pipeline(80)]), reply(403, json={"message": "403 Forbidden"}))
    with pytest.raises(RefusedError, match="Maintainer role there"):
        PROBES["pipelines"](gitlab(wire))
    assert "/api/v4/projects/43/pipelines/80/variables" == wire.last.url.path


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(json={"id": 1, "scopes": ["api", "read_user"]}), ["api", "read_user"]),
        (reply(json={"scopes": []}), []),
        (reply(400, json={"message": "400 Bad Request"}), None),
        (reply(404, json={"message": "404 Not Found"}), None),
    ],
)
def test_scopes(answer: Answer, expected: list[str] | None) -> None:
    """None where the token has no page of its own: not known is not the same as none."""
    wire = Wire(answer)

    assert expected == gitlab(wire).scopes()
    assert "/api/v4/personal_access_tokens/self" == wire.last.url.path


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("status", [401, 403])
def test_probes_refused(probe: str, status: int) -> None:
    """The status tells the credentials from what they may do."""
    with pytest.raises(RefusedError) as caught:
        PROBES[probe](gitlab(Wire(reply(status, json={"message": f"{status}"}))))
    assert status == caught.value.status
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize(
    "answer",
    [
        reply(html="<p>Sign in</p>"),
        reply(json="ok"),
        reply(json=[{}]),
        reply(503),
        httpx.ConnectTimeout("slow"),
    ],
    ids=["page", "text", "odd item", "503", "down"],
)
def test_probes_that_prove_nothing(probe: str, answer: Answer | Exception) -> None:
    """A page for signing in answers 200, and is no GitLab; nothing is asked twice."""
    wire = Wire(answer)

    with pytest.raises(UnavailableError), wire.session.budget.hurried(2):
        PROBES[probe](gitlab(wire))
    assert 1 == len(wire.requests)

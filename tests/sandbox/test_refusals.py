"""What the stand-ins refuse, or keep differently, under a fault, in the vendors' own words."""

from __future__ import annotations

import pytest

TRIGGER = {"token": "x", "ref": "main"}


def inject(practice, service, kind, **fields):
    assert 201 == practice.http.post("/sandbox/faults", json={"service": service, "kind": kind, **fields}).status_code


def send(practice, *, public=True, uploads=()):
    comment = {"body": "Hello", "public": public, "uploads": list(uploads)}
    return practice.zendesk("PUT", "tickets/1001.json", json={"ticket": {"comment": comment}})


def kept(answer):
    return next(event for event in answer.json()["audit"]["events"] if event["type"] == "Comment")


@pytest.mark.parametrize("flag", ["private_comments", "light_agent", "custom_role"])
def test_a_reply_comes_out_private(practice, flag):
    """Zendesk takes it, with 200; only the audit shows it."""
    inject(practice, "zendesk", flag)
    assert (200, False) == ((answer := send(practice)).status_code, kept(answer)["public"])


def test_roles_are_shown_except_private_comments(practice):
    """A light agent by `role_type`, a custom role by its configuration."""

    def me():
        return practice.zendesk("GET", "users/me.json").json()["user"]

    assert (None, None, False) == (me()["role_type"], me()["custom_role_id"], me()["only_private_comments"])
    inject(practice, "zendesk", "private_comments")
    assert not me()["only_private_comments"]
    inject(practice, "zendesk", "light_agent")
    assert (1, True) == (me()["role_type"], me()["only_private_comments"])
    practice.http.post("/sandbox/faults/clear")
    inject(practice, "zendesk", "custom_role")
    role = practice.zendesk("GET", f"custom_roles/{me()['custom_role_id']}.json").json()["custom_role"]
    assert "none" == role["configuration"]["ticket_comment_access"]
    assert 404 == practice.zendesk("GET", "custom_roles/1.json").status_code


def test_a_light_agent_is_assigned_nothing(practice):
    inject(practice, "zendesk", "light_agent")
    me = practice.zendesk("GET", "users/me.json").json()["user"]["id"]
    answer = practice.zendesk("PUT", "tickets/1001.json", json={"ticket": {"assignee_id": me}})
    assert (422, "assignee") == (answer.status_code, *answer.json()["details"])


def test_a_suspended_requester(practice):
    """It shows beside the ticket; a reply is refused, an internal note is not."""
    inject(practice, "zendesk", "suspended")
    found = practice.zendesk("GET", "tickets/1001.json?include=users").json()
    assert [True] == [user["suspended"] for user in found["users"]]
    refused = send(practice)
    assert (422, "UserSuspended") == (refused.status_code, refused.json()["details"]["requester"][0]["error"])
    assert 200 == send(practice, public=False).status_code


@pytest.mark.parametrize(("flag", "state"), [(None, "deliverable"), ("undeliverable", "undeliverable")])
def test_identity_says_whether_mail_is_delivered(practice, flag, state):
    if flag:
        inject(practice, "zendesk", flag)
    ticket = practice.zendesk("GET", "tickets/1001.json").json()["ticket"]
    (identity,) = practice.zendesk("GET", f"users/{ticket['requester_id']}/identities.json").json()["identities"]
    assert (state, "maya.lindqvist@nordlicht-analytics.example") == (identity["deliverable_state"], identity["value"])


def test_files_are_dropped(practice):
    upload = practice.zendesk("POST", "uploads.json?filename=a.png", content=b"png").json()["upload"]
    inject(practice, "zendesk", "drop_files")
    assert [] == kept(send(practice, uploads=[upload["token"]]))["attachments"]


def test_a_sign_in_page_in_a_files_place(practice):
    url = practice.zendesk("GET", "tickets/1001/comments.json").json()["comments"][0]["attachments"][0]["content_url"]
    inject(practice, "zendesk", "sign_in")
    answer = practice.http.get(url)
    assert (200, True) == (answer.status_code, "password" in answer.text)


@pytest.mark.parametrize(("status", "shape"), [(400, "errors"), (403, "error"), (404, "description"), (422, "details")])
def test_zendesk_errors_have_its_own_forms(practice, status, shape):
    inject(practice, "zendesk", "refuse", status=status, error="Closed for today")
    answer = practice.zendesk("GET", "tickets/1001.json")
    assert (status, True, True) == (answer.status_code, shape in answer.json(), "Closed for today" in answer.text)


@pytest.mark.parametrize(
    ("status", "words", "message"),
    [
        (404, "Not Found", "404 Not Found"),
        (
            400,
            "Insufficient permissions to set pipeline variables",
            {"base": ["Insufficient permissions to set pipeline variables"]},
        ),
    ],
)
def test_a_trigger_is_refused(practice, status, words, message):
    inject(practice, "gitlab", "refuse", status=status, error=words, path="/trigger/pipeline")
    answer = practice.gitlab("POST", "projects/51000177/trigger/pipeline", data=TRIGGER)
    assert (status, {"message": message}, []) == (answer.status_code, answer.json(), practice.started)


@pytest.mark.parametrize("service", ["zendesk", "gitlab", "slack", "customersdot"])
def test_a_redirect_does_nothing(practice, service):
    inject(practice, service, "redirect", status=308)
    paths = {"zendesk": "/api/v2/tickets/1001.json", "gitlab": "/api/v4/user", "slack": "/api/chat.postMessage"}
    answer = practice.http.post(paths.get(service, "/admin/customer.json"), follow_redirects=False)
    assert (308, "https") == (answer.status_code, answer.headers["Location"].split(":")[0])


@pytest.mark.parametrize(
    "word", ["is_archived", "restricted_action", "msg_too_long", "rate_limited", "account_inactive"]
)
def test_slack_refuses_with_any_error_code(practice, word):
    inject(practice, "slack", "refuse", error=word, path="chat.postMessage")
    assert {"ok": False, "error": word} == practice.slack("chat.postMessage", channel="C07PRACTICE", text="x")


def test_a_missing_scope_is_named(practice):
    inject(practice, "slack", "refuse", error="missing_scope")
    answer = practice.slack("chat.postMessage", channel="C07PRACTICE", text="x")
    assert ("chat:write", "identify") == (answer["needed"], answer["provided"])


def test_a_private_channel_needs_another_scope(practice):
    inject(practice, "slack", "private_channel")
    answer = practice.slack("conversations.history", channel="C07PRACTICE")
    assert ("missing_scope", "groups:history") == (answer["error"], answer["needed"])


def test_post_goes_to_another_channel(practice):
    inject(practice, "slack", "elsewhere")
    assert "C07ELSEWHERE" == practice.slack("chat.postMessage", channel="C07PRACTICE", text="x")["channel"]


# -- no looser than the vendors


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("page[size]=101", 400),
        ("page[size]=0", 400),
        ("page[size]=2&page[after]=x", 400),
        ("page[size]=2&page[after]=OTk5OQ==", 400),
    ],
)
def test_zendesks_lists_are_strict(practice, query, expected):
    assert expected == practice.zendesk("GET", f"tickets.json?{query}").status_code


ISSUES = "projects/51000262/issues"


@pytest.mark.parametrize(
    ("state", "status"), [("open", 400), ("opened", 200), ("closed", 200), ("all", 200), ("", 400)]
)
def test_gitlabs_states_are_strict(practice, state, status):
    answer = practice.gitlab("GET", f"{ISSUES}?state={state}")
    assert status == answer.status_code
    if status == 400:
        assert {"error": "state does not have a valid value"} == answer.json()


def test_who_closed_an_issue(practice):
    """Who closed it stays, whatever is changed later; who opens it again takes that away."""
    made = practice.gitlab("POST", ISSUES, json={"title": "T"}).json()
    assert (None, 0) == (made["closed_by"], made["time_stats"]["time_estimate"])
    own = f"{ISSUES}/{made['iid']}"
    closed = practice.gitlab("PUT", own, json={"state_event": "close"}).json()
    assert "practice.engineer" == closed["closed_by"]["username"]
    assert closed["_links"]["self"].endswith(f"/api/v4/{own}")
    assert closed["closed_by"] == practice.gitlab("PUT", own, json={"title": "U"}).json()["closed_by"]
    assert practice.gitlab("PUT", own, json={"state_event": "reopen"}).json()["closed_by"] is None


def test_a_merged_ticket(practice):
    """It is closed, carries Zendesk's tag, and a colleague's last comment names the other one."""
    ticket = practice.zendesk("GET", "tickets/1909.json").json()["ticket"]
    assert ("closed", True) == (ticket["status"], "closed_by_merge" in ticket["tags"])
    assert "#1001" in practice.zendesk("GET", "tickets/1909/comments.json").json()["comments"][-1]["body"]

"""What each vendor's refusals mean: the advice names the setting, the scope or the place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.clients.zendesk_refusals import obstacle
from runbook_lib.domain.errors import RefusedError
from runbook_lib.domain.kept_comment import KeptComment
from runbook_lib.domain.models import Person
from runbook_lib.domain.orders import pipeline_words
from tests.clients.test_zendesk import FOUND, TICKET
from tests.clients.wire import Wire, reply

# -- GitLab


def trigger(wire: Wire) -> Any:
    return gitlab(wire).trigger(43, ref="main", token=SecretStr("trigger-secret"), variables={"A": "b"})


def gitlab(wire: Wire) -> GitLab:
    return GitLab("https://gitlab.example", SecretStr("glpat-secret"), wire.session)


def base(words: str) -> dict[str, Any]:
    """GitLab's body for a pipeline that cannot be made."""
    return {"message": {"base": [words]}}


READERS: dict[str, Callable[[Wire], Any]] = {
    "trigger": trigger,
    "issues": lambda wire: gitlab(wire).issues(42, label="L"),
    "pipelines": lambda wire: gitlab(wire).probe_pipelines(43),
    "scopes": lambda wire: gitlab(wire).scopes(),
}


@pytest.mark.parametrize(
    ("ask", "status", "body", "advice", "fault"),
    [
        ("trigger", 404, {"message": "404 Not Found"}, "RUNBOOK_MECHANIZER_TRIGGER_TOKEN", ""),
        ("trigger", 404, {"message": "404 Project Not Found"}, "RUNBOOK_MECHANIZER_PROJECT_ID", ""),
        (
            "trigger",
            400,
            base("Insufficient permissions to set pipeline variables"),
            "Minimum role to use pipeline variables",
            "rights",
        ),
        ("trigger", 400, base("Reference not found"), "RUNBOOK_MECHANIZER_REF", ""),
        ("trigger", 400, base("Insufficient permissions to create a new pipeline"), "Developer role", "rights"),
        (
            "trigger",
            400,
            base("You do not have sufficient permission to run a pipeline on 'main'."),
            "where that branch is protected",
            "rights",
        ),
        ("trigger", 400, base("No stages / jobs for this pipeline."), "the rules of its jobs", ""),
        ("trigger", 400, base("Missing CI config file"), "RUNBOOK_MECHANIZER_REF", ""),
        ("trigger", 400, base("Missing .gitlab-ci.yml file"), "RUNBOOK_MECHANIZER_REF", ""),
        ("trigger", 400, base("The resulting pipeline would have been empty."), "the rules of its jobs", ""),
        ("trigger", 400, {"message": {"base": "Reference not found"}}, "RUNBOOK_MECHANIZER_REF", ""),
        ("trigger", 400, {"message": {"base": [{"ref": ["Reference not found"]}]}}, "RUNBOOK_MECHANIZER_REF", ""),
        ("trigger", 400, {"message": ["Reference not found", {"a": None}]}, "RUNBOOK_MECHANIZER_REF", ""),
        ("trigger", 403, {"message": "403 Forbidden"}, "The user who made RUNBOOK_MECHANIZER_TRIGGER_TOKEN", "rights"),
        ("trigger", 400, base("Pipelines are disabled!"), "Switch CI/CD on", ""),
        ("trigger", 400, base("Identity verification is required in order to run CI jobs"), "verify", ""),
        (
            "trigger",
            400,
            base("The trigger token has expired"),
            "Renew RUNBOOK_MECHANIZER_TRIGGER_TOKEN",
            "credentials",
        ),
        ("trigger", 400, base("Too many pipelines created in the last minute. Try again later."), "in a minute", ""),
        ("trigger", 400, base("Project must be unarchived"), "Unarchive the project", ""),
        ("trigger", 400, base("Words of next year"), "https://docs.gitlab.com/api/rest/troubleshooting/", ""),
        ("issues", 401, {"message": "401 Unauthorized"}, "Renew RUNBOOK_GITLAB_TOKEN", "credentials"),
        ("issues", 401, {"error": "invalid_token", "error_description": "Token was revoked."}, "Renew", "credentials"),
        ("issues", 403, {"error": "insufficient_scope"}, "scope api", "rights"),
        ("issues", 403, {"message": "403 Forbidden"}, "RUNBOOK_TRACKER_PROJECT_ID", "rights"),
        ("pipelines", 403, {"message": "403 Forbidden"}, "RUNBOOK_MECHANIZER_PROJECT_ID", "rights"),
        ("issues", 403, {"message": "403 Forbidden - Your account has been blocked"}, "blocked", ""),
        ("issues", 403, {"message": "403 Forbidden - Your password expired"}, "set a new password", ""),
        ("issues", 403, {"message": "403 Forbidden - You must accept the Terms of Service"}, "accept its terms", ""),
        ("trigger", 403, {"message": "You cannot perform write operations on a read-only instance"}, "later", ""),
        ("trigger", 400, base("Pipeline filtered out by workflow rules."), "the rules of its jobs", ""),
        ("issues", 404, {"message": "404 Project Not Found"}, "RUNBOOK_TRACKER_PROJECT_ID", ""),
        ("pipelines", 404, {"message": "404 Not found"}, "RUNBOOK_MECHANIZER_PROJECT_ID", ""),
        ("scopes", 401, {"message": "401 Unauthorized"}, "Renew RUNBOOK_GITLAB_TOKEN", "credentials"),
        ("scopes", 418, {"message": "x"}, "https://docs.gitlab.com/", ""),
    ],
)
def test_gitlab(ask: str, status: int, body: Any, advice: str, fault: str) -> None:
    """Its words stay, and what to do stands after them."""
    with pytest.raises(RefusedError) as caught:
        READERS[ask](Wire(reply(status, json=body)))
    assert advice in caught.value.advice
    assert (status, fault) == (caught.value.status, caught.value.fault)
    assert f"{caught.value.words} {caught.value.advice}" == str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("ask", READERS)
@pytest.mark.parametrize("status", [401, 403, 407])
def test_a_page_of_a_proxy_is_no_answer_of_the_service(ask: str, status: int) -> None:
    """Nobody is sent to look for rights that are there, or to renew a token that holds."""
    with pytest.raises(RefusedError, match="check the VPN") as caught:
        READERS[ask](Wire(reply(status, html="<title>Access &amp; more\n</title>")))
    assert "" == caught.value.fault
    assert "perhaps of a proxy (*Access & more*)." in caught.value.words


@pytest.mark.parametrize("status", [301, 308])
def test_trigger_redirected(status: int) -> None:
    """As from http to https, or of a renamed project: no pipeline was started, so it may be sent again."""
    wire = Wire(reply(status, headers={"Location": "https://gitlab.example/api/v4/projects/43/trigger/pipeline"}))

    with pytest.raises(RefusedError, match="Correct RUNBOOK_GITLAB_URL, then run again: nothing is sent twice"):
        trigger(wire)
    assert 1 == len(wire.requests)


STATES = (
    *("created", "waiting_for_resource", "waiting_for_callback", "preparing", "pending", "running", "success"),
    *("failed", "canceling", "canceled", "skipped", "manual", "scheduled"),
)


@pytest.mark.parametrize("status", STATES)
def test_every_pipeline_state_has_words(status: str) -> None:
    """None is shown by GitLab's name for it, but for one that is not known here yet."""
    assert "“" not in pipeline_words(status)
    assert "is in the state “of_next_year”" == pipeline_words("of_next_year")


# -- Zendesk


def desk(wire: Wire, scheme: str = "Bearer") -> Zendesk:
    return Zendesk("https://team.zendesk.com", {"Authorization": f"{scheme} secret"}, wire.session)


def comment(wire: Wire) -> Any:
    return desk(wire).add_comment(TICKET, "x", public=True, operation_id="op")


def invalid(field: str, words: str, **more: str) -> dict[str, Any]:
    """Zendesk's body for a value that cannot be."""
    details = {field: [{"description": words, **more}]}
    return {"error": "RecordInvalid", "description": "Record validation errors", "details": details}


@pytest.mark.parametrize(
    ("status", "body", "advice", "fault"),
    [
        (
            422,
            invalid("requester", "Requester: Ada is suspended.", error="UserSuspended"),
            "unsuspend them in Zendesk",
            "",
        ),
        (422, invalid("status", "Status: closed prevents ticket update"), "a follow-up ticket", ""),
        (422, invalid("base", "Ticket is closed"), "a follow-up ticket", ""),
        (422, {"error": "RecordInvalid", "details": {"base": ["Ticket is closed"]}}, "a follow-up ticket", ""),
        (422, {"error": "RecordInvalid", "details": {"base": {"description": "Ticket is closed"}}}, "a follow-up", ""),
        (422, {"error": {"title": "Ticket is closed"}}, "a follow-up ticket", ""),
        (400, {"error": "x", "error_description": "insufficient_scope"}, "the scopes read and write", "rights"),
        (422, invalid("assignee", "Assignee: is invalid"), "cannot be assigned", "rights"),
        (422, invalid("base", "Attachment: the upload token is invalid or has expired"), "uploaded anew", ""),
        (
            403,
            {"error": "Forbidden", "description": "You are missing the following required scopes: write"},
            "RUNBOOK_ZENDESK_OAUTH_TOKEN needs the scopes read and write",
            "rights",
        ),
        (403, {"error": {"title": "Forbidden", "message": "You do not have access."}}, "a role that may", "rights"),
        (409, {"error": "DatabaseConflict", "description": "Database collision"}, "at that moment: run again", ""),
        (401, {"error": "Couldn't authenticate you"}, "Renew RUNBOOK_ZENDESK_OAUTH_TOKEN", "credentials"),
        (
            404,
            {"error": {"title": "No help desk at team.zendesk.com", "message": "x"}},
            "Check RUNBOOK_ZENDESK_URL",
            "",
        ),
        (400, {"errors": [{"code": "X", "title": "Bad", "detail": "Odd"}]}, "https://developer.zendesk.com/", ""),
    ],
)
def test_zendesk(status: int, body: Any, advice: str, fault: str) -> None:
    """All three shapes of error are understood."""
    with pytest.raises(RefusedError) as caught:
        comment(Wire(reply(status, json=body)))
    assert advice in caught.value.advice
    assert (status, fault) == (caught.value.status, caught.value.fault)


def test_zendesk_by_mail() -> None:
    """The advice names the credential that is in use."""
    with pytest.raises(RefusedError, match="Renew RUNBOOK_ZENDESK_API_TOKEN"):
        desk(Wire(reply(401, json={"error": "x"})), "Basic").ticket(1001)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"role": "admin", "role_type": 4}, ""),
        ({"role_type": 0}, ""),
        ({"role": "end-user"}, "an end user"),
        ({"suspended": True}, "is suspended"),
        ({"role_type": 1}, "a light agent"),
        ({"role_type": 3}, "a contributor"),
        ({"only_private_comments": True}, "comment privately"),
    ],
)
def test_obstacles(fields: dict[str, Any], words: str) -> None:
    """What a user may not do is seen from what Zendesk shows of them."""
    found = obstacle(Person(9, "Grace", **{"role": "agent", **fields}))
    assert (words in found) if words else not found


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(json={"custom_role": {"configuration": {"ticket_comment_access": "none"}}}), "comment privately"),
        (reply(json={"custom_role": {"configuration": {"ticket_editing": False}}}), "may not edit"),
        (reply(json={"custom_role": {"configuration": {"ticket_comment_access": "public"}}}), ""),
        (reply(json={"custom_role": {"configuration": {}}}), ""),
        (reply(403, json={"error": "Forbidden"}), ""),
    ],
)
def test_custom_roles(answer: Any, words: str) -> None:
    """A custom role is read where it may be; what cannot be read says nothing."""
    wire = Wire(answer)

    found = desk(wire).obstacle(Person(9, "Grace", role="agent", role_type=0, custom_role_id=5))

    assert (words in found) if words else not found
    assert ["/api/v2/custom_roles/5.json"] == [request.url.path for request in wire.requests]


@pytest.mark.parametrize(
    ("identities", "expected"),
    [
        ([{"value": "ADA@customer.example", "deliverable_state": "undeliverable"}], "undeliverable"),
        ([{"value": "ada@customer.example", "deliverable_state": "deliverable"}], ""),
        ([{"value": "old@customer.example", "deliverable_state": "undeliverable"}], ""),
        ([{"value": "ada@customer.example"}, {"type": "phone_number", "value": None}], ""),
        ([], ""),
    ],
)
def test_undeliverable(identities: list[dict[str, Any]], expected: str) -> None:
    """Only the address counts that the ticket shows."""
    wire = Wire(reply(json={"identities": identities}))

    assert expected == desk(wire).undeliverable(Person(11, "Ada", "ada@customer.example"))
    assert "" == desk(Wire(reply(403, json={"error": "no"}))).undeliverable(Person(11, "Ada", "ada@customer.example"))


def thread(*comments: tuple[int, str]) -> Any:
    """A thread of these comments, by 21, an agent, and 11, who is not."""
    people = [{"id": 21, "name": "Grace", "role": "agent"}, {"id": 11, "name": "Ada", "role": "end-user"}]
    stamp = {"public": True, "created_at": "2026-11-21T08:30:00Z"}
    items = [{"id": n, "author_id": who, "body": body, **stamp} for n, (who, body) in enumerate(comments, start=1)]
    return reply(json={"comments": items, "users": people})


@pytest.mark.parametrize(
    ("status", "tags", "expected"),
    [("closed", ["a", "closed_by_merge"], True), ("open", ["closed_by_merge"], False), ("closed", [], False)],
)
def test_merged(status: str, tags: list[str], expected: bool) -> None:
    """A follow-up ticket takes over the tags of the closed one, and is not merged."""
    item = {**FOUND["ticket"], "status": status, "tags": tags}
    assert expected == desk(Wire(reply(json={**FOUND, "ticket": item}))).ticket(1001).is_merged


SOURCE = 'This request was closed and merged into request #{} "License expired".'


@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        ([(11, "Help"), (21, SOURCE.format(1007))], 1007),
        ([(21, SOURCE.format(1007)), (11, SOURCE.format(1))], 1007),
        ([(21, SOURCE.format(1007)), (21, SOURCE.format(1008))], 1008),
        ([(11, SOURCE.format(1))], None),
        ([(21, "Merged into another one")], None),
        ([(21, SOURCE.format("9" * 30))], None),
        ([], None),
    ],
)
def test_merged_into(comments: list[tuple[int, str]], expected: int | None) -> None:
    """The number is Zendesk's or a colleague's; a customer may write what they like."""
    assert expected == desk(Wire(thread(*comments))).merged_into(1001)


@pytest.mark.parametrize(
    ("kept", "sent", "words"),
    [
        (KeptComment(1, True), {"public": True}, ""),
        (KeptComment(1, False), {"public": False}, ""),
        (KeptComment(1, False), {"public": True}, "the customer cannot read"),
        (KeptComment(1, True), {"public": False}, "the customer can read"),
        (KeptComment(1, None), {"public": True}, "keeps no comment"),
        (KeptComment(1, True, ("b.png", "A 1.png")), {"public": True, "file_names": ("a_1.PNG", "b.png")}, ""),
        (KeptComment(1, True), {"public": True, "file_names": ("a.png",)}, "with no file, and was sent with a.png"),
        (KeptComment(1, True, ("a.png",)), {"public": True, "file_names": ("a.png", "a.png")}, "with a.png, and was"),
        (KeptComment(1, True, ("b.png",)), {"public": True, "file_names": ("a.png",)}, "with b.png, and was sent with"),
    ],
)
def test_what_is_kept(kept: KeptComment, sent: dict[str, Any], words: str) -> None:
    """Visibility, number and names of files are compared; how a name's other characters are written is not."""
    found = kept.difference(**sent)
    assert (words in found) if words else not found

"""GitLab's stand-in: projects, issues, paging."""

from __future__ import annotations

import pytest

TRACKER = "projects/51000262"
LABEL = "Mechanizer::Emergency License Generation"


@pytest.fixture(autouse=True)
def no_issues(practice):
    """A tracker without the issues of the practice tickets."""
    practice.world.store.write("DELETE FROM issues")


def create(practice, title, **fields):
    answer = practice.gitlab("POST", f"{TRACKER}/issues", json={"title": title, **fields})
    assert answer.status_code == 201
    return answer.json()


def titles(practice, **query):
    return [issue["title"] for issue in practice.gitlab("GET", f"{TRACKER}/issues", params=query).json()]


def test_token_page_lists_the_current_scopes(practice):
    """For `doctor`: the table is read for each request, so that a test can take a scope away."""
    token = {"id": 42, "name": "runbook", "revoked": False, "active": True, "user_id": 4001, "expires_at": None}
    assert token | {"scopes": ["api"]} == practice.gitlab("GET", "personal_access_tokens/self").json()
    practice.world.store.write("UPDATE settings SET value = 'read_api,read_user' WHERE name = 'gitlab_scopes'")
    assert ["read_api", "read_user"] == practice.gitlab("GET", "personal_access_tokens/self").json()["scopes"]


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [("api", "POST", 201), ("read_api", "POST", 403), ("read_api", "GET", 200), ("read_user", "GET", 403)],
)
def test_token_without_the_scope_is_403(practice, scopes, method, status):
    """Its own page is shown all the same; what was refused is not done."""
    practice.world.store.write("UPDATE settings SET value = ? WHERE name = 'gitlab_scopes'", scopes)
    answer = practice.gitlab(method, f"{TRACKER}/issues", json={"title": "x"})
    assert status == answer.status_code
    if status == 403:
        assert ("insufficient_scope", "api") == (answer.json()["error"], answer.json()["scope"])
    assert (status == 201) == bool(practice.world.store.rows("SELECT * FROM issues"))
    assert 200 == practice.gitlab("GET", "personal_access_tokens/self").status_code


def test_a_bearer_token_works_too(practice):
    headers = {"Authorization": f"Bearer {practice.world.settings['gitlab_token']}"}
    assert practice.http.get("/api/v4/user", headers=headers).json()["username"] == "practice.engineer"


def test_projects_are_addressed_by_number(practice):
    assert practice.gitlab("GET", TRACKER).json()["path_with_namespace"] == "practice-support/internal-requests"
    for unknown in ("projects/1", "projects/practice-support%2Finternal-requests"):
        answer = practice.gitlab("GET", unknown)
        assert answer.status_code == 404
    assert practice.gitlab("GET", "projects/1/issues").json() == {"message": "404 Project Not Found"}


def test_issue_is_created_closed_and_reopened(practice):
    issue = create(practice, "Up", description="text", labels=f"{LABEL},b")
    assert (issue["iid"], issue["state"], issue["labels"]) == (1, "opened", [LABEL, "b"])
    assert issue["author"]["username"] == "practice.engineer"
    assert issue["web_url"].endswith("/practice-support/internal-requests/-/issues/1")
    path = f"{TRACKER}/issues/1"
    closed = practice.gitlab("PUT", path, json={"state_event": "close"}).json()
    assert (closed["state"], closed["labels"]) == ("closed", [LABEL, "b"])
    assert closed["closed_at"]
    reopened = practice.gitlab("PUT", path, data={"state_event": "reopen", "title": "Down"}).json()
    assert (reopened["state"], reopened["closed_at"], reopened["title"]) == ("opened", None, "Down")
    assert (reopened["labels"], reopened["description"]) == ([LABEL, "b"], "text")
    assert practice.gitlab("GET", path).json() == reopened


def test_issues_count_per_project(practice):
    create(practice, "one")
    other = practice.gitlab("POST", "projects/51000177/issues", json={"title": "two"}).json()
    assert other["iid"] == 1


@pytest.mark.parametrize("title", ["", "  "])
def test_a_title_is_not_blank(practice, title):
    answer = practice.gitlab("POST", f"{TRACKER}/issues", json={"title": title})
    assert (answer.status_code, list(answer.json()["message"])) == (400, ["title"])


def test_a_title_must_be_given(practice):
    answer = practice.gitlab("POST", f"{TRACKER}/issues", json={"description": "x"})
    assert (answer.status_code, answer.json()) == (400, {"error": "title is missing"})


def test_issues_are_filtered_by_label_and_state(practice):
    create(practice, "labeled", labels=[LABEL])
    create(practice, "other", labels="x")
    create(practice, "both", labels=["x", LABEL])
    practice.gitlab("PUT", f"{TRACKER}/issues/3", json={"state_event": "close"})
    assert titles(practice, labels=LABEL) == ["both", "labeled"]
    assert titles(practice, labels=f"{LABEL},x") == ["both"]
    assert titles(practice, labels=LABEL, state="opened") == ["labeled"]
    assert titles(practice, state="closed") == ["both"]


def test_issues_before_created_after_are_left_out(practice):
    for number in range(2):
        create(practice, f"issue {number}")
    practice.world.store.write("UPDATE issues SET created_at = '2026-11-21T08:00:00.000Z' WHERE title = 'issue 0'")
    assert ["issue 1"] == titles(practice, created_after="2026-11-21T08:00:00.001Z")
    assert ["issue 1", "issue 0"] == titles(practice, created_after="2026-11-21T09:00:00+01:00")
    answer = practice.gitlab("GET", f"{TRACKER}/issues?created_after=yesterday")
    assert (400, {"error": "created_after is invalid"}) == (answer.status_code, answer.json())


def test_an_unknown_endpoint_is_404(practice):
    assert practice.gitlab("GET", "nonsense").json() == {"error": "404 Not Found"}

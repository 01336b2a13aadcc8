"""python-gitlab, unmodified, does against the sandbox what our own client does."""

from __future__ import annotations

import gitlab
import pytest

LABEL = "Mechanizer::Emergency License Generation"


@pytest.fixture
def client(vendor_sandbox):
    settings = vendor_sandbox["settings"]
    with gitlab.Gitlab(settings["gitlab_url"], private_token=settings["gitlab_token"]) as client:
        yield client


@pytest.fixture
def tracker(client, vendor_sandbox):
    return client.projects.get(vendor_sandbox["settings"]["tracker_project_id"])


@pytest.fixture
def mechanizer(client, vendor_sandbox):
    return client.projects.get(vendor_sandbox["settings"]["mechanizer_project_id"])


def test_it_signs_in(client):
    client.auth()
    assert client.user.username == "practice.engineer"


def test_a_bad_token_is_an_authentication_error(vendor_sandbox):
    with (
        gitlab.Gitlab(vendor_sandbox["settings"]["gitlab_url"], private_token="wrong") as client,
        pytest.raises(gitlab.GitlabAuthenticationError, match="401 Unauthorized"),
    ):
        client.projects.get(vendor_sandbox["settings"]["tracker_project_id"])


def test_an_unknown_project_and_an_unknown_issue_are_404(client, tracker):
    with pytest.raises(gitlab.GitlabGetError, match="404 Project Not Found"):
        client.projects.get(1)
    with pytest.raises(gitlab.GitlabGetError, match="404 Issue Not Found"):
        tracker.issues.get(4242)


def test_issues_are_created_found_edited_and_closed(tracker):
    title = "[Success] - Created a license under [ada@b.example] for [250] users"
    issue = tracker.issues.create({"title": title, "description": "a copy", "labels": [LABEL, "x"]})
    tracker.issues.create({"title": "unrelated", "labels": [LABEL]})
    issue.description = "another copy"
    issue.save()
    issue.state_event = "close"
    issue.save()
    query = {"labels": LABEL, "state": "closed", "order_by": "created_at", "sort": "desc"}
    found, *_ = tracker.issues.list(query_parameters=query, get_all=True)
    assert (found.iid, found.title, found.description) == (issue.iid, title, "another copy")
    assert set(found.labels) == {LABEL, "x"}
    assert found.author["username"] == "practice.engineer"
    assert found.closed_at


def test_a_title_that_is_too_long_is_refused(tracker):
    with pytest.raises(gitlab.GitlabCreateError, match="too long"):
        tracker.issues.create({"title": "x" * 256})


def test_long_lists_come_in_pages(tracker):
    for number in range(5):
        tracker.issues.create({"title": f"paged {number}", "labels": ["paged"]})
    pages = tracker.issues.list(labels=["paged"], per_page=2, iterator=True)
    assert (pages.total, pages.total_pages, pages.per_page) == (5, 3, 2)
    assert [issue.title for issue in pages] == [f"paged {number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(("users", "status"), [("250", "success"), ("0", "failed")])
def test_a_triggered_pipeline_runs_to_its_end(vendor_sandbox, mechanizer, eventually, users, status):
    settings = vendor_sandbox["settings"]
    variables = {"LICENSE_USERS": users, "LICENSE_EMAIL": "ada@b.example"}
    started = mechanizer.trigger_pipeline(
        settings["mechanizer_ref"], settings["mechanizer_trigger_token"], variables=variables
    )
    assert mechanizer.pipelines.list(get_all=True)[0].id == started.id
    assert {item.key: item.value for item in started.variables.list(get_all=True)} == variables

    def ended():
        pipeline = mechanizer.pipelines.get(started.id)
        return pipeline.finished_at and pipeline

    assert eventually(ended).status == status


def test_a_wrong_trigger_token_is_404(vendor_sandbox, mechanizer):
    with pytest.raises(gitlab.GitlabCreateError, match="404 Not Found"):
        mechanizer.trigger_pipeline(vendor_sandbox["settings"]["mechanizer_ref"], "wrong")

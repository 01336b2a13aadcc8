"""Pipelines: how they are triggered and shown, and that their job really runs."""

from __future__ import annotations

import json
import sys

import pytest

from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.runner import Runner

PROJECT = "projects/51000177"
SHOW_ENVIRONMENT = "import json, os, sys; print('to stderr', file=sys.stderr); print(json.dumps(dict(os.environ)))"


def trigger(practice, **changed):
    form = {
        "token": practice.world.settings["mechanizer_trigger_token"],
        "ref": "main",
        "variables[LICENSE_USERS]": "250",
        "variables[LICENSE_EMAIL]": "a@b.example",
    }
    return practice.http.post(f"/api/v4/{PROJECT}/trigger/pipeline", data=form | changed)


def status(practice, pipeline_id):
    return practice.gitlab("GET", f"{PROJECT}/pipelines/{pipeline_id}").json()["status"]


def trace(practice, pipeline_id):
    return practice.world.require("SELECT trace FROM pipelines WHERE id = ?", pipeline_id)["trace"]


@pytest.fixture
def runner(practice):
    """Makes a worker that runs a piece of Python as the job."""

    def make(program):
        url = str(practice.http.base_url)
        command = [sys.executable, "-c", program]
        return Runner(practice.world, url=url, mail_port=2525, faults=Faults(), command=command)

    return make


@pytest.mark.parametrize(
    ("changed", "status_code", "body"),
    [
        ({"token": ""}, 400, {"error": "token is missing"}),
        ({"ref": "elsewhere"}, 400, {"message": {"base": ["Reference not found"]}}),
    ],
)
def test_a_wrong_trigger_starts_nothing(practice, changed, status_code, body):
    answer = trigger(practice, **changed)
    assert (answer.status_code, answer.json()) == (status_code, body)
    assert practice.started == []
    assert practice.gitlab("GET", f"{PROJECT}/pipelines").json() == []


@pytest.mark.parametrize(
    ("query", "is_listed"),
    [
        ("created_after=2026-11-22T00:00:00Z", True),
        ("created_after=2026-11-23T00:00:00Z", False),
        ("source=trigger", True),
        ("source=push", False),
    ],
)
def test_pipelines_are_filtered_by_time_and_source(practice, query, is_listed):
    """As a client asks for those that it may have started itself."""
    trigger(practice)
    assert is_listed == bool(practice.gitlab("GET", f"{PROJECT}/pipelines?{query}").json())


def test_job_environment_has_only_what_it_needs(practice, runner, eventually, monkeypatch):
    monkeypatch.setenv("RUNBOOK_SECRET_OF_MINE", "x")
    with runner(SHOW_ENVIRONMENT) as worker:
        pipeline_id = trigger(practice).json()["id"]
        worker.start(pipeline_id)
        eventually(lambda: status(practice, pipeline_id) == "success")
    stderr, printed, verdict = trace(practice, pipeline_id).splitlines()
    assert (stderr, verdict) == ("to stderr", "Job succeeded")
    environment = json.loads(printed)
    assert environment["RUNBOOK_PROFILE"] == "sandbox"
    assert environment["RUNBOOK_TODAY"] == "2026-11-22"
    assert environment["RUNBOOK_GITLAB_URL"] == "http://127.0.0.1:8765"
    assert environment["RUNBOOK_SMTP_PORT"] == "2525"
    assert environment["LICENSE_USERS"] == "250"
    assert environment["CI_PIPELINE_ID"] == str(pipeline_id)
    assert "RUNBOOK_SECRET_OF_MINE" not in environment


def test_the_jobs_token_is_a_bot_of_its_own(practice):
    headers = {"PRIVATE-TOKEN": practice.world.settings["mechanizer_gitlab_token"]}
    assert practice.http.get("/api/v4/user", headers=headers).json()["username"] == "mechanizer-bot"


def test_failed_job_fails_its_pipeline(practice, runner, eventually):
    with runner("print('sorry', end=''); raise SystemExit(3)") as worker:
        pipeline_id = trigger(practice).json()["id"]
        worker.start(pipeline_id)
        eventually(lambda: status(practice, pipeline_id) == "failed")
    assert trace(practice, pipeline_id) == "sorry\nERROR: Job failed: exit code 3\n"


def test_a_job_that_cannot_start_fails_its_pipeline(practice, eventually):
    url, command = "http://127.0.0.1:1", ["/nowhere/at/all"]
    with Runner(practice.world, url=url, mail_port=1, faults=Faults(), command=command) as worker:
        pipeline_id = trigger(practice).json()["id"]
        worker.start(pipeline_id)
        eventually(lambda: status(practice, pipeline_id) == "failed")
    assert "ERROR: Job failed" in trace(practice, pipeline_id)


def test_stopping_kills_running_job_and_keeps_waiting(practice, runner, eventually):
    with runner("import time; time.sleep(60)") as worker:
        running, waiting = (trigger(practice).json()["id"] for _ in range(2))
        worker.start(running)
        worker.start(waiting)
        eventually(lambda: status(practice, running) == "running")
    assert (status(practice, running), status(practice, waiting)) == ("failed", "created")


def test_new_worker_resumes_pipelines_of_killed_server(practice, runner, eventually):
    interrupted, waiting = (trigger(practice).json()["id"] for _ in range(2))
    practice.world.store.write("UPDATE pipelines SET status = 'running' WHERE id = ?", interrupted)
    with runner("pass"):
        eventually(lambda: status(practice, waiting) == "success")
    assert status(practice, interrupted) == "failed"

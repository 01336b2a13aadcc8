"""GitLab's pipelines: the endpoints that start and show them. What runs a pipeline's job is in `runner`.

Source: GitLab's API reference for pipeline triggers, pipelines and jobs; FACTS 4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from runbook_lib.sandbox.gitlab_access import body_fields, not_found, page, person, project_of
from runbook_lib.sandbox.replies import Refusal, base_url, is_secret, world_of
from runbook_lib.sandbox.store import Row, columns
from runbook_lib.sandbox.world import to_the_millisecond

__all__ = ["JOB_NAME", "routes"]

Json = dict[str, Any]

JOB_NAME = "mechanizer"
"""The one job of every pipeline; its id is the pipeline's."""

_FORM_VARIABLE = re.compile(r"variables\[([^\]]+)\]")
_COMMIT = "5eed" * 10


def routes() -> list[BaseRoute]:
    """The pipeline endpoints, below `/api/v4`."""
    pipeline = "/projects/{project_id}/pipelines/{id:int}"
    return [
        Route("/projects/{project_id}/trigger/pipeline", trigger, methods=["POST"]),
        Route("/projects/{project_id}/pipelines", list_pipelines),
        Route(pipeline, show_pipeline),
        Route(f"{pipeline}/variables", list_variables),
        Route(f"{pipeline}/jobs", list_jobs),
        Route("/projects/{project_id}/jobs/{id:int}", show_job),
        Route("/projects/{project_id}/jobs/{id:int}/trace", show_trace),
    ]


async def trigger(request: Request) -> Response:
    """Starts a pipeline. The trigger token is all that it needs."""
    project = project_of(request, anonymous=True)
    fields = await body_fields(request)
    missing = [f"{name} is missing" for name in ("token", "ref") if not fields.get(name)]
    if missing:
        raise Refusal(400, {"error": ", ".join(missing)})
    world = world_of(request)
    settings = world.settings
    is_known = is_secret(str(fields["token"]), settings["mechanizer_trigger_token"])
    if not is_known or str(project["id"]) != settings["mechanizer_project_id"]:
        raise Refusal(404, {"message": "404 Not Found"})
    if fields["ref"] != settings["mechanizer_ref"]:
        raise Refusal(400, {"message": {"base": ["Reference not found"]}})
    pipeline_id = _create(request, project, str(fields["ref"]), _variables(fields))
    row = world.require("SELECT * FROM pipelines WHERE id = ?", pipeline_id)
    answer = JSONResponse(_pipeline(request, project, row), 201)
    request.app.state.start_pipeline(pipeline_id)
    return answer


async def list_pipelines(request: Request) -> Response:
    project = project_of(request)
    query = request.query_params
    rows = world_of(request).store.rows("SELECT * FROM pipelines WHERE project_id = ? ORDER BY id DESC", project["id"])
    fitting = [row for row in rows if query.get("status", row["status"]) == row["status"]]
    if query.get("sort") == "asc":
        fitting.reverse()
    return page(request, [_brief(request, project, row) for row in fitting])


async def show_pipeline(request: Request) -> Response:
    project = project_of(request)
    return JSONResponse(_pipeline(request, project, _row(request, project, "Pipeline")))


async def list_variables(request: Request) -> Response:
    row = _row(request, project_of(request), "Pipeline")
    variables = json.loads(row["variables"]).items()
    return JSONResponse([{"variable_type": "env_var", "key": key, "value": value} for key, value in variables])


async def list_jobs(request: Request) -> Response:
    project = project_of(request)
    return page(request, [_job(request, project, _row(request, project, "Pipeline"))])


async def show_job(request: Request) -> Response:
    project = project_of(request)
    return JSONResponse(_job(request, project, _row(request, project, "Job")))


async def show_trace(request: Request) -> Response:
    return PlainTextResponse(_row(request, project_of(request), "Job")["trace"])


def _create(request: Request, project: Row, ref: str, variables: Mapping[str, str]) -> int:
    world = world_of(request)
    stamp = to_the_millisecond(world.now())
    with world.store.change():
        return world.store.insert(
            "pipelines",
            iid=world.store.next_iid("pipelines", project["id"]),
            project_id=project["id"],
            ref=ref,
            status="created",
            variables=json.dumps(variables),
            created_at=stamp,
            updated_at=stamp,
        )


def _variables(fields: Mapping[str, Any]) -> dict[str, str]:
    """The pipeline's variables: `variables[KEY]` in a form, an object in JSON."""
    nested = fields.get("variables")
    found = {str(key): str(value) for key, value in nested.items()} if isinstance(nested, dict) else {}
    for name, value in fields.items():
        if match := _FORM_VARIABLE.fullmatch(name):
            found[match[1]] = str(value)
    return found


def _row(request: Request, project: Row, kind: str) -> Row:
    """The pipeline in the address; a job has its pipeline's id."""
    row = world_of(request).store.row(
        "SELECT * FROM pipelines WHERE project_id = ? AND id = ?", project["id"], request.path_params["id"]
    )
    if row is None:
        raise not_found(kind)
    return row


def _brief(request: Request, project: Row, row: Row) -> Json:
    return {
        **columns(row, "id", "iid", "project_id", "ref", "status", "created_at", "updated_at"),
        "sha": _COMMIT,
        "source": "trigger",
        "web_url": f"{base_url(request)}/{project['path']}/-/pipelines/{row['id']}",
    }


def _pipeline(request: Request, project: Row, row: Row) -> Json:
    return {
        **_brief(request, project, row),
        **columns(row, "started_at", "finished_at"),
        **dict.fromkeys(("yaml_errors", "committed_at", "queued_duration", "coverage")),
        "before_sha": "0" * 40,
        "tag": False,
        "user": person(request, world_of(request).settings["operator"]),
        "duration": _duration_s(row),
    }


def _job(request: Request, project: Row, row: Row) -> Json:
    return {
        **columns(row, "id", "status", "ref", "created_at", "started_at", "finished_at"),
        **{"name": JOB_NAME, "stage": "test", "tag": False, "allow_failure": False},
        "duration": _duration_s(row),
        "failure_reason": "script_failure" if row["status"] == "failed" else None,
        "user": person(request, world_of(request).settings["operator"]),
        "pipeline": _brief(request, project, row),
        "web_url": f"{base_url(request)}/{project['path']}/-/jobs/{row['id']}",
    }


def _duration_s(row: Row) -> float | None:
    if not row["started_at"] or not row["finished_at"]:
        return None
    return (datetime.fromisoformat(row["finished_at"]) - datetime.fromisoformat(row["started_at"])).total_seconds()

"""GitLab's pipelines: the endpoints that start and show them. What runs a pipeline's job is in `runner`.

Source: GitLab's API reference for pipeline triggers and pipelines; FACTS 4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse
from starlette.routing import BaseRoute

from runbook_lib.sandbox.calls import Answer, Call, Json, Refusal, is_secret, route
from runbook_lib.sandbox.gitlab_access import body_fields, created_after, found, page, person, project_of, project_route
from runbook_lib.sandbox.store import Row, columns
from runbook_lib.sandbox.world import to_the_millisecond

_FORM_VARIABLE = re.compile(r"variables\[([^\]]+)\]")
_SOURCE = "trigger"  # of every pipeline here
_COMMIT = "5eed" * 10


def routes() -> list[BaseRoute]:
    return [
        route("/projects/{project_id}/trigger/pipeline", trigger, "POST"),
        project_route("/pipelines", list_pipelines),
        project_route("/pipelines/{id:int}", show_pipeline),
        project_route("/pipelines/{id:int}/variables", list_variables),
    ]


def trigger(call: Call) -> Answer:
    """Starts a pipeline. The trigger token is all that it needs."""
    project = project_of(call)
    fields = body_fields(call)
    missing = [f"{name} is missing" for name in ("token", "ref") if not fields.get(name)]
    if missing:
        raise Refusal(400, {"error": ", ".join(missing)})
    settings = call.world.settings
    is_known = is_secret(str(fields["token"]), settings["mechanizer_trigger_token"])
    if not is_known or str(project["id"]) != settings["mechanizer_project_id"]:
        raise Refusal(404, {"message": "404 Not Found"})
    if fields["ref"] != settings["mechanizer_ref"]:
        raise Refusal(400, {"message": {"base": ["Reference not found"]}})
    stamp = to_the_millisecond(call.world.now())
    with call.store.change():
        pipeline_id = call.store.insert(
            "pipelines",
            iid=call.store.next_iid("pipelines", project["id"]),
            project_id=project["id"],
            ref=fields["ref"],
            status="created",
            variables=json.dumps(_variables(fields)),
            created_at=stamp,
            updated_at=stamp,
        )
    answer = JSONResponse(_pipeline(call, project, _row(call, project, pipeline_id)), 201)
    call.start_pipeline(pipeline_id)
    return answer


def list_pipelines(call: Call, project: Row) -> Answer:
    rows = call.store.rows("SELECT * FROM pipelines WHERE project_id = ? ORDER BY id DESC", project["id"])
    since, is_source = created_after(call), call.query.get("source", _SOURCE) == _SOURCE
    fitting = [row for row in rows if is_source and datetime.fromisoformat(row["created_at"]) >= since]
    return page(call, [_brief(call, project, row) for row in fitting])


def show_pipeline(call: Call, project: Row) -> Answer:
    return _pipeline(call, project, _row(call, project, call.path["id"]))


def list_variables(call: Call, project: Row) -> Answer:
    variables = json.loads(_row(call, project, call.path["id"])["variables"]).items()
    return [{"variable_type": "env_var", "key": key, "value": value} for key, value in variables]


def _variables(fields: Mapping[str, Any]) -> dict[str, str]:
    """The pipeline's variables: `variables[KEY]` in a form, an object in JSON."""
    nested = fields.get("variables")
    found = {str(key): str(value) for key, value in nested.items()} if isinstance(nested, dict) else {}
    for name, value in fields.items():
        if match := _FORM_VARIABLE.fullmatch(name):
            found[match[1]] = str(value)
    return found


def _row(call: Call, project: Row, pipeline_id: int) -> Row:
    sql = "SELECT * FROM pipelines WHERE project_id = ? AND id = ?"
    return found(call, "Pipeline", sql, project["id"], pipeline_id)


def _brief(call: Call, project: Row, row: Row) -> Json:
    return {
        **columns(row, "id", "iid", "project_id", "ref", "status", "created_at", "updated_at"),
        "sha": _COMMIT,
        "source": _SOURCE,
        "web_url": f"{call.base_url}/{project['path']}/-/pipelines/{row['id']}",
    }


def _pipeline(call: Call, project: Row, row: Row) -> Json:
    began, ended = (row[name] and datetime.fromisoformat(row[name]) for name in ("started_at", "finished_at"))
    return {
        **_brief(call, project, row),
        **columns(row, "started_at", "finished_at"),
        **dict.fromkeys(("yaml_errors", "committed_at", "queued_duration", "coverage")),
        "before_sha": "0" * 40,
        "tag": False,
        "user": person(call, call.world.settings["operator"]),
        "duration": (ended - began).total_seconds() if began and ended else None,
    }

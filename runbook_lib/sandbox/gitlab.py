"""The stand-in for GitLab's REST API: `/api/v4/...`, projects and issues. Pipelines are in `pipelines`.

Source: GitLab's API reference for issues, projects and pagination; FACTS 4.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount

from runbook_lib.sandbox import pipelines
from runbook_lib.sandbox.calls import Answer, Call, Json, Refusal, route
from runbook_lib.sandbox.faults import METHODS
from runbook_lib.sandbox.gitlab_access import body_fields, created_after, found, page, person, project_route, signed_in
from runbook_lib.sandbox.store import Row, columns
from runbook_lib.sandbox.world import to_the_millisecond

TITLE_CHARS = 255
"""Longest title of an issue.

Source: GitLab, Issues API; a longer one is refused with 400.
"""

_OF_EVERY_PROJECT: Json = {
    "default_branch": "main",
    "visibility": "private",
    "issues_enabled": True,
    "jobs_enabled": True,
    "archived": False,
}
_OF_EVERY_ISSUE: Json = {
    **{"assignees": [], "assignee": None, "milestone": None, "issue_type": "issue", "confidential": False},
    "time_stats": dict.fromkeys(("time_estimate", "total_time_spent"), 0)
    | dict.fromkeys(("human_time_estimate", "human_total_time_spent")),
}
_STATE_EVENTS = {"close": "closed", "reopen": "opened"}
_STATES = ("all", "opened", "closed")
"""Whose issues can be listed. Source: GitLab, Issues API; others are refused with 400."""


def routes() -> list[BaseRoute]:
    api: list[BaseRoute] = [
        route("/user", show_user),
        route("/personal_access_tokens/self", show_token),
        project_route("", show_project),
        project_route("/issues", list_issues),
        project_route("/issues", create_issue, "POST"),
        project_route("/issues/{iid:int}", show_issue),
        project_route("/issues/{iid:int}", edit_issue, "PUT"),
        *pipelines.routes(),
        route("/{rest:path}", no_such_endpoint, *METHODS),
    ]
    return [Mount("/api/v4", routes=api)]


def show_user(call: Call) -> Answer:
    username = signed_in(call)
    return person(call, username) | {"email": f"{username}@support.example", "bot": False}


def show_token(call: Call) -> Answer:
    """The token that asks. Source: GitLab, Personal access tokens API."""
    signed_in(call)
    token = {"id": 42, "name": "runbook", "revoked": False, "active": True, "user_id": 4001, "expires_at": None}
    return token | {"scopes": call.world.scopes("gitlab")}


def show_project(call: Call, project: Row) -> Answer:
    path = project["path"]
    names = {"path": path.rpartition("/")[2], "path_with_namespace": path, "web_url": f"{call.base_url}/{path}"}
    return columns(project, "id", "name", "created_at") | names | _OF_EVERY_PROJECT


def list_issues(call: Call, project: Row) -> Answer:
    """The issues with all labels of a state, newest first, one page of them.

    Source: GitLab, Issues API: `order_by` and `sort`, whose defaults these are, and `search` are not modeled.
    """
    state, labels = call.query.get("state", "all"), set(_labels(call.query.get("labels")))
    if state not in _STATES:
        raise Refusal(400, {"error": "state does not have a valid value"})
    # By id: the world's clock starts again every midnight, its ids never do.
    rows = call.store.rows("SELECT * FROM issues WHERE project_id = ? ORDER BY id DESC", project["id"])
    since = created_after(call)
    fitting = [
        row
        for row in rows
        if state in ("all", row["state"])
        and labels <= set(json.loads(row["labels"]))
        and datetime.fromisoformat(row["created_at"]) >= since
    ]
    return page(call, [_issue(call, project, row) for row in fitting])


def create_issue(call: Call, project: Row) -> Answer:
    fields = body_fields(call)
    if "title" not in fields:
        raise Refusal(400, {"error": "title is missing"})
    title = _checked_title(fields["title"])
    stamp = to_the_millisecond(call.world.now())
    with call.store.change():
        call.store.insert(
            "issues",
            iid=(iid := call.store.next_iid("issues", project["id"])),
            project_id=project["id"],
            title=title,
            description=str(fields.get("description") or ""),
            labels=json.dumps(_labels(fields.get("labels"))),
            author=signed_in(call),
            created_at=stamp,
            updated_at=stamp,
        )
    return JSONResponse(_issue(call, project, _issue_row(call, project, iid)), 201)


def show_issue(call: Call, project: Row) -> Answer:
    return _issue(call, project, _issue_row(call, project, call.path["iid"]))


def edit_issue(call: Call, project: Row) -> Answer:
    fields = body_fields(call)
    row = _issue_row(call, project, call.path["iid"])
    event = fields.get("state_event")
    if event not in (None, *_STATE_EVENTS):
        raise Refusal(400, {"error": "state_event does not have a valid value"})
    state = _STATE_EVENTS[event] if event else str(row["state"])
    stamp = to_the_millisecond(call.world.now())
    closed_at, closed_by = None, None
    if state == "closed":
        is_new = row["state"] != "closed"
        closed_at, closed_by = (stamp, signed_in(call)) if is_new else (row["closed_at"], row["closed_by"])
    call.store.update(
        "issues",
        row["id"],
        title=_checked_title(fields.get("title", row["title"])),
        description=str(fields.get("description", row["description"]) or ""),
        state=state,
        closed_at=closed_at,
        closed_by=closed_by,
        updated_at=stamp,
    )
    return show_issue(call, project)


def no_such_endpoint(call: Call) -> Answer:
    raise Refusal(404, {"error": "404 Not Found"})


def _issue_row(call: Call, project: Row, iid: int) -> Row:
    return found(call, "Issue", "SELECT * FROM issues WHERE project_id = ? AND iid = ?", project["id"], iid)


def _labels(value: object) -> list[str]:
    """Label names, which come as one string with commas or as a list."""
    if value is None:
        return []
    parts = cast("Sequence[object]", value) if isinstance(value, list) else str(value).split(",")
    return list(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))


def _checked_title(title: object) -> str:
    text = str(title or "").strip()
    too_long = f"is too long (maximum is {TITLE_CHARS} characters)" if len(text) > TITLE_CHARS else ""
    if problem := too_long if text else "can't be blank":
        raise Refusal(400, {"message": {"title": [problem]}})
    return text


def _issue(call: Call, project: Row, row: Row) -> Json:
    api = f"{call.base_url}/api/v4/projects/{project['id']}"
    own = f"{api}/issues/{row['iid']}"
    closed_by = (row["closed_by"] or row["author"]) if row["state"] == "closed" else None
    return {
        **columns(row, "id", "iid", "project_id", "title", "description", "state"),
        **columns(row, "created_at", "updated_at", "closed_at"),
        **_OF_EVERY_ISSUE,
        "closed_by": closed_by and person(call, closed_by),
        "labels": sorted(json.loads(row["labels"])),
        "author": person(call, row["author"]),
        "web_url": f"{call.base_url}/{project['path']}/-/issues/{row['iid']}",
        "_links": {
            "self": own,
            "notes": f"{own}/notes",
            "award_emoji": f"{own}/award_emoji",
            "project": api,
            "closed_as_duplicate_of": None,
        },
        "references": {"short": f"#{row['iid']}", "full": f"{project['path']}#{row['iid']}"},
    }

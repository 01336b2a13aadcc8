"""The stand-in for GitLab's REST API: `/api/v4/...`, projects and issues. Pipelines are in `pipelines`.

Source: GitLab's API reference for issues, notes, projects and pagination; FACTS 4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from runbook_lib.sandbox import pipelines
from runbook_lib.sandbox.gitlab_access import (
    body_fields,
    invalid,
    not_found,
    page,
    person,
    project_of,
    signed_in,
)
from runbook_lib.sandbox.replies import Refusal, base_url, world_of
from runbook_lib.sandbox.store import Row, columns
from runbook_lib.sandbox.world import to_the_millisecond

__all__ = ["routes"]

Json = dict[str, Any]

TITLE_CHARS = 255
"""Longest title of an issue.

Source: GitLab, Issues API; a longer one is refused with 400.
"""

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
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
_LIST_OPTIONS = {
    "order_by": ("created_at", "updated_at", "title"),
    "state": ("all", "opened", "closed"),
    "sort": ("desc", "asc"),
}
"""A list's options and their values, the default first. Source: GitLab, Issues API; others are refused with 400."""


def routes() -> list[BaseRoute]:
    """Everything that GitLab answers."""
    issue = "/projects/{project_id}/issues/{iid:int}"
    api: list[BaseRoute] = [
        Route("/user", show_user),
        Route("/personal_access_tokens/self", show_token),
        Route("/projects/{project_id}", show_project),
        Route("/projects/{project_id}/issues", list_issues, methods=["GET"]),
        Route("/projects/{project_id}/issues", create_issue, methods=["POST"]),
        Route(issue, show_issue, methods=["GET"]),
        Route(issue, edit_issue, methods=["PUT"]),
        Route(f"{issue}/notes", list_notes, methods=["GET"]),
        Route(f"{issue}/notes", create_note, methods=["POST"]),
        *pipelines.routes(),
        Route("/{rest:path}", no_such_endpoint, methods=_METHODS),
    ]
    return [Mount("/api/v4", routes=api)]


async def show_user(request: Request) -> Response:
    username = signed_in(request)
    return JSONResponse(person(request, username) | {"email": f"{username}@support.example", "bot": False})


async def show_token(request: Request) -> Response:
    """The token that asks. Source: GitLab, Personal access tokens API."""
    signed_in(request)
    found = world_of(request).require("SELECT value FROM settings WHERE name = 'gitlab_scopes'")
    token = {"id": 42, "name": "runbook", "revoked": False, "active": True, "user_id": 4001, "expires_at": None}
    return JSONResponse(token | {"scopes": str(found["value"]).split(",")})


async def show_project(request: Request) -> Response:
    project = project_of(request)
    path = project["path"]
    names = {"path": path.rpartition("/")[2], "path_with_namespace": path, "web_url": f"{base_url(request)}/{path}"}
    return JSONResponse(columns(project, "id", "name", "created_at") | names | _OF_EVERY_PROJECT)


async def list_issues(request: Request) -> Response:
    """The issues that fit every filter, one page of them."""
    project = project_of(request)
    query = request.query_params
    for name, known in _LIST_OPTIONS.items():
        if query.get(name, known[0]) not in known:
            raise Refusal(400, {"error": f"{name} does not have a valid value"})
    order = query.get("order_by", "created_at")
    rows = world_of(request).store.rows("SELECT * FROM issues WHERE project_id = ?", project["id"])
    fitting = [row for row in rows if _fits(row, query)]
    # By id for `created_at`: the world's clock starts again every midnight, its ids never do.
    fitting.sort(key=itemgetter("id" if order == "created_at" else order, "id"), reverse=query.get("sort") != "asc")
    return page(request, [_issue(request, project, row) for row in fitting])


async def create_issue(request: Request) -> Response:
    username = signed_in(request)
    project = project_of(request)
    fields = await body_fields(request)
    if "title" not in fields:
        raise Refusal(400, {"error": "title is missing"})
    title = _checked_title(fields["title"])
    world = world_of(request)
    stamp = to_the_millisecond(world.now())
    with world.store.change():
        issue_id = world.store.insert(
            "issues",
            iid=world.store.next_iid("issues", project["id"]),
            project_id=project["id"],
            title=title,
            description=str(fields.get("description") or ""),
            labels=json.dumps(_labels(fields.get("labels"))),
            author=username,
            created_at=stamp,
            updated_at=stamp,
        )
    row = world.require("SELECT * FROM issues WHERE id = ?", issue_id)
    return JSONResponse(_issue(request, project, row), 201)


async def show_issue(request: Request) -> Response:
    project = project_of(request)
    return JSONResponse(_issue(request, project, _issue_row(request, project)))


async def edit_issue(request: Request) -> Response:
    """Changes an issue: its text, its labels, its state."""
    username = signed_in(request)
    project = project_of(request)
    fields = await body_fields(request)
    row = _issue_row(request, project)  # after the last await: no other edit comes between reading and writing
    state = _next_state(row, fields)
    world = world_of(request)
    stamp = to_the_millisecond(world.now())
    closed_at, closed_by = None, None
    if state == "closed":
        is_new = row["state"] != "closed"
        closed_at, closed_by = (stamp, username) if is_new else (row["closed_at"], row["closed_by"])
    world.store.update(
        "issues",
        row["id"],
        title=_checked_title(fields.get("title", row["title"])),
        description=str(fields.get("description", row["description"]) or ""),
        labels=json.dumps(_next_labels(json.loads(row["labels"]), fields)),
        state=state,
        closed_at=closed_at,
        closed_by=closed_by,
        updated_at=stamp,
    )
    return JSONResponse(_issue(request, project, _issue_row(request, project)))


async def list_notes(request: Request) -> Response:
    """What people wrote below an issue, newest first."""
    row = _issue_row(request, project_of(request))
    notes = world_of(request).store.rows("SELECT * FROM notes WHERE issue_id = ? ORDER BY id DESC", row["id"])
    if request.query_params.get("sort") == "asc":
        notes.reverse()
    return page(request, [_note(request, row, note) for note in notes])


async def create_note(request: Request) -> Response:
    username = signed_in(request)
    row = _issue_row(request, project_of(request))
    body = str((await body_fields(request)).get("body") or "")
    if not body:
        raise Refusal(400, {"error": "body is missing"})
    world = world_of(request)
    stamp = to_the_millisecond(world.now())
    note_id = world.store.insert("notes", issue_id=row["id"], body=body, author=username, created_at=stamp)
    note = world.require("SELECT * FROM notes WHERE id = ?", note_id)
    return JSONResponse(_note(request, row, note), 201)


async def no_such_endpoint(request: Request) -> Response:
    raise Refusal(404, {"error": "404 Not Found"})


def _issue_row(request: Request, project: Row) -> Row:
    row = world_of(request).store.row(
        "SELECT * FROM issues WHERE project_id = ? AND iid = ?", project["id"], request.path_params["iid"]
    )
    if row is None:
        raise not_found("Issue")
    return row


def _fits(row: Row, query: Mapping[str, str]) -> bool:
    """Whether an issue passes the filters of a list.

    Source: FACTS 4: `search` looks for whole words, in any order, not for a substring.
    """
    if query.get("state", "all") not in ("all", row["state"]):
        return False  # the value itself was checked before
    if not set(_labels(query.get("labels"))) <= set(json.loads(row["labels"])):
        return False
    scopes = query.get("in", "title,description").split(",")
    text = " ".join(row[scope] for scope in ("title", "description") if scope in scopes)
    return _words(query.get("search", "")) <= _words(text)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _labels(value: object) -> list[str]:
    """Label names, which come as one string with commas or as a list."""
    if value is None:
        return []
    parts = cast("Sequence[object]", value) if isinstance(value, list) else str(value).split(",")
    return list(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))


def _next_labels(current: list[str], fields: Mapping[str, Any]) -> list[str]:
    kept = _labels(fields["labels"]) if "labels" in fields else current
    removed = _labels(fields.get("remove_labels"))
    added = _labels(fields.get("add_labels"))
    return list(dict.fromkeys([label for label in kept if label not in removed] + added))


def _next_state(row: Row, fields: Mapping[str, Any]) -> str:
    event = fields.get("state_event")
    if event is None:
        return str(row["state"])
    if event not in _STATE_EVENTS:
        raise Refusal(400, {"error": "state_event does not have a valid value"})
    return _STATE_EVENTS[event]


def _checked_title(title: object) -> str:
    text = str(title or "").strip()
    if not text:
        raise invalid("title", "can't be blank")
    if len(text) > TITLE_CHARS:
        raise invalid("title", f"is too long (maximum is {TITLE_CHARS} characters)")
    return text


def _issue(request: Request, project: Row, row: Row) -> Json:
    api = f"{base_url(request)}/api/v4/projects/{project['id']}"
    own = f"{api}/issues/{row['iid']}"
    closed_by = (row["closed_by"] or row["author"]) if row["state"] == "closed" else None
    return {
        **columns(row, "id", "iid", "project_id", "title", "description", "state"),
        **columns(row, "created_at", "updated_at", "closed_at"),
        **_OF_EVERY_ISSUE,
        "closed_by": closed_by and person(request, closed_by),
        "labels": sorted(json.loads(row["labels"])),
        "author": person(request, row["author"]),
        "web_url": f"{base_url(request)}/{project['path']}/-/issues/{row['iid']}",
        "_links": {
            "self": own,
            "notes": f"{own}/notes",
            "award_emoji": f"{own}/award_emoji",
            "project": api,
            "closed_as_duplicate_of": None,
        },
        "references": {"short": f"#{row['iid']}", "full": f"{project['path']}#{row['iid']}"},
    }


def _note(request: Request, issue: Row, note: Row) -> Json:
    return {
        **columns(note, "id", "body", "created_at"),
        "author": person(request, note["author"]),
        "updated_at": note["created_at"],
        "system": False,
        "internal": False,
        "noteable_id": issue["id"],
        "noteable_iid": issue["iid"],
        "noteable_type": "Issue",
        "project_id": issue["project_id"],
    }

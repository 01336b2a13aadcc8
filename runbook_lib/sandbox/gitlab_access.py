"""Shared by all GitLab endpoints: the caller, the project, the page of a list, and GitLab's refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runbook_lib.sandbox.calls import Answer, Call, Json, Refusal, is_secret, positive, route
from runbook_lib.sandbox.store import Row, Value

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 100
"""Source: GitLab, *Pagination*; asking for more gives this many."""

_BOT = "mechanizer-bot"
_NAMES = {"practice.engineer": "Practice Engineer", _BOT: "Mechanizer"}


def signed_in(call: Call) -> str:
    """The username that a `PRIVATE-TOKEN` header or a bearer token stands for.

    Source: GitLab, Personal access tokens: `api` for everything, `read_api` for reading; a token's own page needs none.

    Raises:
        Refusal: 401 for an unknown token, 403 for one that may not do this; as GitLab words it.
    """
    scheme, bearer = call.credentials
    token = call.headers.get("private-token") or (bearer if scheme == "bearer" else "")
    settings = call.world.settings
    if is_secret(token, settings["gitlab_token"]):
        enough = {"api", "read_api"} if call.method == "GET" else {"api"}
        if not enough & set(call.world.scopes("gitlab")) and not call.url.path.endswith("/self"):
            words = "The request requires higher privileges than provided by the access token."
            raise Refusal(403, {"error": "insufficient_scope", "error_description": words, "scope": "api"})
        return settings["operator"]
    if is_secret(token, settings["mechanizer_gitlab_token"]):
        return _BOT
    raise Refusal(401, {"message": "401 Unauthorized"})


def found(call: Call, kind: str, sql: str, *values: Value) -> Row:
    """The project, issue or pipeline that a query finds. Raises Refusal (404) if it is not there."""
    row = call.store.row(sql, *values)
    if row is None:
        raise Refusal(404, {"message": f"404 {kind} Not Found"})
    return row


def project_of(call: Call) -> Row:
    return found(call, "Project", "SELECT * FROM projects WHERE id = ?", positive(call.path["project_id"]))


def project_route(path: str, endpoint: Callable[[Call, Row], Answer], *methods: str) -> Route:
    """The route of an endpoint below a project, for signed-in users; it gets the project's row."""

    def show(call: Call) -> Answer:
        signed_in(call)
        return endpoint(call, project_of(call))

    return route(f"/projects/{{project_id}}{path}", show, *methods)


def body_fields(call: Call) -> Json:
    """What a write says, whether it came as JSON, as a form or in the query."""
    try:
        return call.fields()
    except ValueError:
        raise Refusal(400, {"error": "invalid json format"}) from None


def person(call: Call, username: str) -> Json:
    """A user as GitLab shows one beside what they wrote."""
    return {
        "id": 4001 + sorted(_NAMES).index(username),
        "username": username,
        "name": _NAMES[username],
        "state": "active",
        "avatar_url": None,
        "web_url": f"{call.base_url}/{username}",
    }


def page(call: Call, items: list[Json]) -> Response:
    """One page of a list, with GitLab's paging headers.

    Source: GitLab, *Offset-based pagination*; `X-Next-Page` is empty on the last page.
    """
    number = _option(call, "page", 1)
    size = min(_option(call, "per_page", DEFAULT_PER_PAGE), MAX_PER_PAGE)
    last = max(1, -(-len(items) // size))
    following, previous = (number + 1 if number < last else None), (number - 1 if number > 1 else None)
    headers = {
        "X-Page": str(number),
        "X-Per-Page": str(size),
        "X-Next-Page": str(following or ""),
        "X-Prev-Page": str(previous or ""),
        "X-Total": str(len(items)),
        "X-Total-Pages": str(last),
        "Link": ", ".join(
            f'<{call.url.include_query_params(page=target, per_page=size)}>; rel="{name}"'
            for name, target in (("prev", previous), ("next", following), ("first", 1), ("last", last))
            if target
        ),
    }
    return JSONResponse(items[(number - 1) * size : number * size], headers=headers)


def created_after(call: Call) -> datetime:
    """The moment before which a list leaves things out.

    Source: GitLab, Issues and Pipelines API, `created_after`.
    """
    try:
        moment = datetime.fromisoformat(call.query.get("created_after", "0001-01-01T00:00:00Z"))
    except ValueError:
        raise Refusal(400, {"error": "created_after is invalid"}) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _option(call: Call, name: str, default: int) -> int:
    number = positive(call.query.get(name, str(default)))
    if number is None:
        raise Refusal(400, {"error": f"{name} is invalid"})
    return number

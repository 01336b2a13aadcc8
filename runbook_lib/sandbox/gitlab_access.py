"""What every GitLab endpoint needs: who asks, for which project, which page, and GitLab's way to refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runbook_lib.sandbox.replies import Refusal, base_url, credentials_of, fields_of, is_secret, positive, world_of
from runbook_lib.sandbox.store import Row

__all__ = ["body_fields", "invalid", "not_found", "page", "person", "project_of", "signed_in"]

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 100
"""Source: GitLab, *Pagination*; asking for more gives this many."""

_BOT = "mechanizer-bot"
_NAMES = {"practice.engineer": "Practice Engineer", _BOT: "Mechanizer"}


def signed_in(request: Request) -> str:
    """The username that a `PRIVATE-TOKEN` header or a bearer token stands for.

    Raises:
        Refusal: 401, as GitLab words it.
    """
    scheme, bearer = credentials_of(request)
    token = request.headers.get("private-token") or (bearer if scheme == "bearer" else "")
    settings = world_of(request).settings
    if is_secret(token, settings["gitlab_token"]):
        return settings["operator"]
    if is_secret(token, settings["mechanizer_gitlab_token"]):
        return _BOT
    raise Refusal(401, {"message": "401 Unauthorized"})


def project_of(request: Request, *, anonymous: bool = False) -> Row:
    """The project in the address. Requires a signed-in user, unless `anonymous`.

    Raises:
        Refusal: 401; or 404, as for a project that the token may not see.
    """
    if not anonymous:
        signed_in(request)
    project_id = positive(request.path_params["project_id"])
    row = world_of(request).store.row("SELECT * FROM projects WHERE id = ?", project_id)
    if row is None:
        raise not_found("Project")
    return row


def not_found(kind: str) -> Refusal:
    """The 404 for a project, an issue or a pipeline that is not there, or not for this token."""
    return Refusal(404, {"message": f"404 {kind} Not Found"})


def invalid(field: str, problem: str) -> Refusal:
    """The 400 for a value that a field cannot have."""
    return Refusal(400, {"message": {field: [problem]}})


async def body_fields(request: Request) -> dict[str, Any]:
    """What a write says, whether it came as JSON, as a form or in the query."""
    try:
        return await fields_of(request)
    except ValueError:
        raise Refusal(400, {"error": "invalid json format"}) from None


def person(request: Request, username: str) -> dict[str, Any]:
    """A user as GitLab shows one beside what they wrote."""
    return {
        "id": 4001 + sorted(_NAMES).index(username),
        "username": username,
        "name": _NAMES[username],
        "state": "active",
        "avatar_url": None,
        "web_url": f"{base_url(request)}/{username}",
    }


def page(request: Request, items: Sequence[Mapping[str, Any]]) -> Response:
    """One page of a list, with GitLab's paging headers.

    Source: GitLab, *Offset-based pagination*; `X-Next-Page` is empty on the last page.
    """
    number = _option(request, "page", 1)
    size = min(_option(request, "per_page", DEFAULT_PER_PAGE), MAX_PER_PAGE)
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
            f'<{_page_address(request, target, size)}>; rel="{name}"'
            for name, target in (("prev", previous), ("next", following), ("first", 1), ("last", last))
            if target
        ),
    }
    return JSONResponse(list(items[(number - 1) * size : number * size]), headers=headers)


def _page_address(request: Request, number: int, size: int) -> str:
    query = dict(request.query_params) | {"page": str(number), "per_page": str(size)}
    return str(request.url.replace(query=urlencode(query)))


def _option(request: Request, name: str, default: int) -> int:
    number = positive(request.query_params.get(name, str(default)))
    if number is None:
        raise Refusal(400, {"error": f"{name} is invalid"})
    return number

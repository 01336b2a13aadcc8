"""The calls that set faults, from programs and from the control room's forms."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from runbook_lib.domain.errors import InputError
from runbook_lib.sandbox import control_room
from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.replies import Refusal, base_url, faults_of, fields_of, positive
from runbook_lib.sandbox.world import CONTROL_ROOM_PATH, FAULTS_PATH

__all__ = ["routes"]

_UNQUOTED = ("times", "skip", "seconds", "status", "retry_after", "commits")
"""Fields that JSON has without quotes: numbers, true, false and null. A form has texts only."""


def routes() -> list[BaseRoute]:
    """Everything below `FAULTS_PATH`."""
    return [
        Route(FAULTS_PATH, show, methods=["GET"]),
        Route(FAULTS_PATH, add, methods=["POST"]),
        Route(FAULTS_PATH, clear_all, methods=["DELETE"]),
        Route(f"{FAULTS_PATH}/presets", add_preset, methods=["POST"]),
        Route(f"{FAULTS_PATH}/hits", show_hits, methods=["GET"]),
        Route(f"{FAULTS_PATH}/clear", clear_by_form, methods=["POST"]),
        Route(f"{FAULTS_PATH}/{{id:int}}", clear, methods=["DELETE"]),
    ]


async def show(request: Request) -> Response:
    """The active faults, in their order, as JSON; a browser is led to the control room, which has them in it."""
    faults = _faults(request)
    if _wants_html(request):
        return _to_page(request)
    return JSONResponse([asdict(fault) for fault in faults.active()], headers={"Vary": "Accept"})


async def add(request: Request) -> Response:
    """Adds a fault, given as JSON or by the page's form."""
    faults = _faults(request)
    is_json = request.headers.get("content-type", "").startswith("application/json")
    try:
        fault = faults.add(await _json_of(request) if is_json else _from_form(await fields_of(request)))
    except InputError as exc:
        return _refused(request, exc)
    if is_json:
        return JSONResponse(asdict(fault), 201, {"Location": f"{FAULTS_PATH}/{fault.id}"})
    return _to_page(request)


async def add_preset(request: Request) -> Response:
    """Adds the faults of a preset, by its `name`, given as JSON or by the page's button."""
    faults = _faults(request)
    is_json = request.headers.get("content-type", "").startswith("application/json")
    try:
        fields = await _json_of(request) if is_json else await fields_of(request)
        added = faults.add_preset(str(fields.get("name", "")))
    except InputError as exc:
        return _refused(request, exc)
    return JSONResponse([asdict(fault) for fault in added], 201) if is_json else _to_page(request)


async def clear_all(request: Request) -> Response:
    """Takes every fault away."""
    _faults(request).clear_all()
    return Response(status_code=204)


async def clear(request: Request) -> Response:
    """Takes one fault away."""
    fault_id = request.path_params["id"]
    if not _faults(request).clear(fault_id):
        raise Refusal(404, {"error": f"There is no fault {fault_id}; it may be used up, or cleared already."})
    return Response(status_code=204)


async def clear_by_form(request: Request) -> Response:
    """Takes the fault of a form's `id` away, or every one without an `id`."""
    faults = _faults(request)
    chosen = str((await fields_of(request)).get("id", ""))
    if not chosen:
        faults.clear_all()
    elif fault_id := positive(chosen):
        faults.clear(fault_id)
    return _to_page(request)


async def show_hits(request: Request) -> Response:
    """How often each service was hit by each kind of fault since it is served."""
    return JSONResponse(_faults(request).counts())


def _faults(request: Request) -> Faults:
    """The world's faults, for this site's own pages and for programs; other sites' pages are refused.

    Source: Fetch standard, `Origin`; a browser sends it with every request that could change something.
    """
    origin = request.headers.get("origin")
    if origin not in (None, base_url(request)):
        raise Refusal(403, {"error": f"The page at {origin} may not use this; expected one of the sandbox's own."})
    return faults_of(request)


def _to_page(request: Request) -> Response:
    """To the page that a form was on."""
    ticket_id = _ticket_id(request)
    address = CONTROL_ROOM_PATH if ticket_id is None else f"{CONTROL_ROOM_PATH}/{ticket_id}"
    return RedirectResponse(f"{address}#faults", 303, {"Vary": "Accept"})


def _refused(request: Request, problem: InputError) -> Response:
    """An impossible request, reported on the page of the form, or as JSON."""
    if _wants_html(request):
        return control_room.page(request, _ticket_id(request), problem=str(problem))
    return JSONResponse({"error": str(problem)}, 422)


def _ticket_id(request: Request) -> int | None:
    """The ticket whose page a form was on."""
    return positive(request.query_params.get("ticket", ""))


def _wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


async def _json_of(request: Request) -> dict[str, Any]:
    try:
        return await fields_of(request)
    except ValueError as exc:
        raise InputError("The body cannot be read as a JSON object; expected the fields of a fault.") from exc


def _from_form(fields: dict[str, Any]) -> dict[str, Any]:
    """A form's fields as JSON has them: blank is *not given*, in `times` it is *until cleared*."""
    given = {name: value for name, value in fields.items() if name != "ticket" and (value or name == "times")}
    return {name: _from_json(value) if name in _UNQUOTED else value for name, value in given.items()}


def _from_json(value: Any) -> Any:
    """What a text is as JSON; anything that is not left as it is, to be refused by name."""
    try:
        return json.loads(value or "null")
    except (ValueError, TypeError):
        return value

"""The calls that set faults, from programs and from the control room's forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from runbook_lib.domain.errors import InputError
from runbook_lib.sandbox import control_room
from runbook_lib.sandbox.calls import Answer, Call, Json, Refusal, positive, route
from runbook_lib.sandbox.world import CONTROL_ROOM_PATH, FAULTS_PATH

_UNQUOTED = ("times", "skip", "seconds", "status", "retry_after", "commits")
"""Fields that JSON has without quotes: numbers, true, false and null. A form has texts only."""


def routes() -> list[BaseRoute]:
    """Everything below `FAULTS_PATH`."""
    return [
        _route("", show),
        _route("", add, "POST"),
        _route("/presets", add_preset, "POST"),
        _route("/hits", lambda call: call.faults.counts()),
        _route("/clear", clear, "POST"),
    ]


def _route(path: str, endpoint: Callable[[Call], Answer], *methods: str) -> BaseRoute:
    """The way to an endpoint, for this site's own pages and for programs; other sites' pages are refused.

    Source: Fetch standard, `Origin`; a browser sends it with every request that could change something.
    """

    def answer(call: Call) -> Answer:
        origin = call.headers.get("origin")
        if origin not in (None, call.base_url):
            raise Refusal(403, {"error": f"The page at {origin} may not use this; expected one of the sandbox's own."})
        return endpoint(call)

    return route(f"{FAULTS_PATH}{path}", answer, *methods)


def show(call: Call) -> Answer:
    """The active faults, in their order, as JSON; a browser is led to the control room, which has them in it."""
    if _wants_html(call):
        return _to_page(call)
    return JSONResponse([asdict(fault) for fault in call.faults.active()], headers={"Vary": "Accept"})


def add(call: Call) -> Answer:
    return _added(call, lambda fields: asdict(call.faults.add(fields)))


def add_preset(call: Call) -> Answer:
    """Adds the faults of a preset, by its `name`."""
    return _added(call, lambda fields: [asdict(fault) for fault in call.faults.add_preset(fields.get("name"))])


def _added(call: Call, add_faults: Callable[[Json], object]) -> Response:
    """What was added, for a program that sent JSON; or the page of the form; or why nothing could be added."""
    try:
        added = add_faults(_fields(call))
    except InputError as exc:
        if _wants_html(call):
            return control_room.page(call, _ticket_id(call), problem=str(exc))
        return JSONResponse({"error": str(exc)}, 422)
    return JSONResponse(added, 201) if call.is_json else _to_page(call)


def clear(call: Call) -> Answer:
    """Clears the fault of an `id`, or every one without an `id`; one that has gone by itself is no mistake."""
    chosen = str(call.fields().get("id", ""))
    if not chosen:
        call.faults.clear_all()
    elif fault_id := positive(chosen):
        call.faults.clear(fault_id)
    return Response(status_code=204) if call.is_json else _to_page(call)


def _to_page(call: Call) -> Response:
    ticket_id = _ticket_id(call)
    address = CONTROL_ROOM_PATH if ticket_id is None else f"{CONTROL_ROOM_PATH}/{ticket_id}"
    return RedirectResponse(f"{address}#faults", 303, {"Vary": "Accept"})


def _ticket_id(call: Call) -> int | None:
    return positive(call.query.get("ticket", ""))


def _wants_html(call: Call) -> bool:
    return "text/html" in call.headers.get("accept", "")


def _fields(call: Call) -> Json:
    """What was sent, as JSON has it: in a form, blank is *not given*, and in `times` it is *until cleared*."""
    try:
        fields = call.fields()
    except ValueError as exc:
        raise InputError("The body cannot be read as a JSON object; expected the fields of a fault.") from exc
    if call.is_json:
        return fields
    given = {name: value for name, value in fields.items() if name != "ticket" and (value or name == "times")}
    return {name: _from_json(value) if name in _UNQUOTED else value for name, value in given.items()}


def _from_json(value: Any) -> Any:
    """What a text is as JSON; anything that is not left as it is, to be refused by name."""
    try:
        return json.loads(value or "null")
    except (ValueError, TypeError):
        return value

"""The calls that set faults, from programs and from the control room's buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from runbook_lib.domain.errors import InputError
from runbook_lib.sandbox.calls import Answer, Call, Json, Refusal, positive, route
from runbook_lib.sandbox.world import CONTROL_ROOM_PATH, FAULTS_PATH


def routes() -> list[BaseRoute]:
    """Everything below `FAULTS_PATH`."""
    return [
        _route("", lambda call: [asdict(fault) for fault in call.faults.active()]),
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


def add(call: Call) -> Answer:
    return _added(call, lambda fields: asdict(call.faults.add(fields)))


def add_preset(call: Call) -> Answer:
    """Adds the faults of a preset, by its `name`."""
    return _added(call, lambda fields: [asdict(fault) for fault in call.faults.add_preset(fields.get("name"))])


def _added(call: Call, add_faults: Callable[[Json], object]) -> Response:
    """What was added, for a program that sent JSON; or the page of the button; or why nothing could be added."""
    try:
        added = add_faults(call.fields())
    except ValueError:
        raise Refusal(
            422, {"error": "The body cannot be read as a JSON object; expected the fields of a fault."}
        ) from None
    except InputError as exc:
        raise Refusal(422, {"error": str(exc)}) from exc
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
    ticket_id = positive(call.query.get("ticket", ""))
    address = CONTROL_ROOM_PATH if ticket_id is None else f"{CONTROL_ROOM_PATH}/{ticket_id}"
    return RedirectResponse(f"{address}#faults", 303)

"""Faults from outside: the calls that set them, and the control room's pane with its buttons."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import htpy as h
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from runbook_lib.domain.errors import InputError
from runbook_lib.sandbox.calls import Answer, Call, Json, Refusal, positive, route
from runbook_lib.sandbox.cards import room, soft, untrusted
from runbook_lib.sandbox.faults import FLAGS, KINDS, PRESETS, Fault, Faults
from runbook_lib.sandbox.world import FAULTS_PATH


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
    """The route of an endpoint, for this site's own pages and for programs; other sites' pages are refused.

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
    return RedirectResponse(f"{room(positive(call.query.get('ticket', '')))}#faults", 303)


def presets(faults: Faults, ticket_id: int | None) -> h.Node:
    """A button for each preset, one that clears all, and what has been injected; on a ticket's page, if given."""
    counts = faults.counts()
    counted = [f"{service} {kind} {number}" for service, kinds in counts.items() for kind, number in kinds.items()]
    return [
        h.div(".buttons")[
            [_form("/presets", ticket_id, _hidden("name", name), _button(name)) for name in PRESETS],
            bool(faults.active()) and _form("/clear", ticket_id, _button("Clear all", "Clear all")),
        ],
        h.p(".soft")["Injected so far: ", ", ".join(counted)] if counted else None,
    ]


def fault_card(fault: Fault, ticket_id: int | None) -> h.Node:
    """An active fault, with the button that clears it."""
    how = [f"{name}: {json.dumps(getattr(fault, name))}" for name in KINDS[fault.service][fault.kind]]
    meanwhile = FLAGS.get(fault.service, {}).get(fault.kind)
    return h.div(".card.fault", id=f"fault-{fault.id}")[
        h.div[
            h.b[f"{fault.service} {fault.kind}"],
            soft(
                untrusted(f"{fault.method or ''} {fault.path or ''}".strip() or "everything"),
                f"hit {fault.hits} of {fault.times or 'any number'}",
                *([f"let through {fault.passed} of {fault.skip} first"] if fault.skip else []),
                *how,
                *([meanwhile] if meanwhile else []),
            ),
        ],
        _form("/clear", ticket_id, _hidden("id", str(fault.id)), _button("Clear", f"Clear fault {fault.id}")),
    ]


def _form(path: str, ticket_id: int | None, *content: h.Node) -> h.Node:
    """A form that leads back to the page of the ticket, if given."""
    address = f"{FAULTS_PATH}{path}" if ticket_id is None else f"{FAULTS_PATH}{path}?ticket={ticket_id}"
    return h.form(method="post", action=address)[content]


def _button(words: str, label: str | None = None) -> h.Node:
    return h.button(type="submit", aria_label=label)[words]


def _hidden(name: str, value: str) -> h.Node:
    return h.input(type="hidden", name=name, value=value)

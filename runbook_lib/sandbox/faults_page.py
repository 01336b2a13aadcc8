"""The call that tells the sandbox what is to go wrong, and the page for doing so by hand. Not what goes wrong then."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import htpy as h
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from runbook_lib.domain.errors import InputError
from runbook_lib.sandbox.faults import FLAGS, KINDS, LONGEST_S, METHODS, PRESETS, STATES, Fault, Faults
from runbook_lib.sandbox.page import HEADERS, document, foreign
from runbook_lib.sandbox.replies import Refusal, fields_of
from runbook_lib.sandbox.world import FAULTS_PATH

__all__ = ["routes"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_UNQUOTED = ("times", "skip", "seconds", "status", "retry_after", "commits")
"""Fields that JSON has without quotes: numbers, true, false and null. A form has texts only."""

_STYLE = """
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
form.new { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .75rem; }
label { display: block; font-size: .875rem; }
input, select, button { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line);
  border-radius: 6px; padding: .25rem .5rem; } input:not([type=checkbox]), select { width: 100%; }
form.preset { display: inline-block; margin-right: .5rem; }
.wide { overflow-x: auto; } .wide th { white-space: nowrap; }
.all { margin-top: .75rem; } .problem { background: var(--note); }
"""


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
    """The active faults, in their order: as JSON, or as a page for a browser."""
    faults = _faults(request)
    if _is_for_a_person(request):
        return _page(faults)
    return JSONResponse([asdict(fault) for fault in faults.active()], headers={"Vary": "Accept"})


async def add(request: Request) -> Response:
    """Adds a fault, given as JSON or by the page's form."""
    faults = _faults(request)
    is_json = request.headers.get("content-type", "").startswith("application/json")
    try:
        fault = faults.add(await _json_of(request) if is_json else _from_form(await fields_of(request)))
    except InputError as exc:
        if _is_for_a_person(request):
            return _page(faults, problem=str(exc))
        return JSONResponse({"error": str(exc)}, 422)
    if is_json:
        return JSONResponse(asdict(fault), 201, {"Location": f"{FAULTS_PATH}/{fault.id}"})
    return RedirectResponse(FAULTS_PATH, 303)


async def add_preset(request: Request) -> Response:
    """Adds the faults of a preset, by its `name`, given as JSON or by the page's button."""
    faults = _faults(request)
    is_json = request.headers.get("content-type", "").startswith("application/json")
    try:
        fields = await _json_of(request) if is_json else await fields_of(request)
        added = faults.add_preset(str(fields.get("name", "")))
    except InputError as exc:
        return _page(faults, problem=str(exc)) if _is_for_a_person(request) else JSONResponse({"error": str(exc)}, 422)
    return JSONResponse([asdict(fault) for fault in added], 201) if is_json else RedirectResponse(FAULTS_PATH, 303)


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
    elif chosen.isascii() and chosen.isdecimal():
        faults.clear(int(chosen))
    return RedirectResponse(FAULTS_PATH, 303)


async def show_hits(request: Request) -> Response:
    """How often each service was hit by each kind of fault since it is served."""
    return JSONResponse(_faults(request).counts())


def _faults(request: Request) -> Faults:
    """The world's faults, for this site's own pages and for programs; other sites' pages are refused.

    Source: Fetch standard, `Origin`; a browser sends it with every request that could change something.
    """
    origin = request.headers.get("origin")
    if origin not in (None, f"{request.url.scheme}://{request.url.netloc}"):
        raise Refusal(403, {"error": f"The page at {origin} may not use this; expected one of the sandbox's own."})
    faults: Faults = request.app.state.faults
    return faults


def _is_for_a_person(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


async def _json_of(request: Request) -> dict[str, Any]:
    try:
        return await fields_of(request)
    except ValueError as exc:
        raise InputError("The body cannot be read as a JSON object; expected the fields of a fault.") from exc


def _from_form(fields: dict[str, Any]) -> dict[str, Any]:
    """A form's fields as JSON has them: blank is *not given*, in `times` it is *until cleared*."""
    given = {name: value for name, value in fields.items() if value or name == "times"}
    return {name: _unquoted(value) if name in _UNQUOTED else value for name, value in given.items()}


def _unquoted(value: Any) -> Any:
    """What a text is as JSON; anything that is not left as it is, to be refused by name."""
    try:
        return json.loads(value or "null")
    except (ValueError, TypeError):
        return value


def _page(faults: Faults, *, problem: str = "") -> Response:
    body = [
        h.header[
            h.h1["Faults of the practice world"],
            h.p(".soft")["What goes wrong on purpose, until the server stops. ", h.a(href="/")["The world itself"]],
        ],
        h.main[
            problem and h.p(".card.problem", role="alert")[foreign(problem)],
            h.h2["Active"],
            _table(faults.active()),
            h.p(".soft")["Injected so far: ", _counted(faults)],
            h.h2["What often goes wrong"],
            h.div(".card")[[_preset_button(name) for name in PRESETS]],
            h.h2["Add one"],
            _form(),
            h.h2["What is otherwise while it is active"],
            h.ul[
                [
                    h.li[f"{service}, {kind}: {words}."]
                    for service, kinds in FLAGS.items()
                    for kind, words in kinds.items()
                ]
            ],
        ],
    ]
    headers = {**HEADERS, "Content-Security-Policy": _POLICY, "Vary": "Accept"}
    return HTMLResponse(document("Faults", body, style=_STYLE), 422 if problem else 200, headers)


def _table(active: list[Fault]) -> h.Node:
    if not active:
        return h.p(".soft")["None: everything works."]
    heads = ("", "Service", "Kind", "Only", "Hits", "Passed", "How", "")
    return h.div(".card.wide", tabindex="0", role="region", aria_label="Active faults")[
        h.table[h.thead[h.tr[[h.th(scope="col")[head] for head in heads]]], h.tbody[[_row(fault) for fault in active]]],
        h.div(".all")[_clear_button("Clear all")],
    ]


def _row(fault: Fault) -> h.Node:
    cells = (
        str(fault.id),
        fault.service,
        fault.kind,
        foreign(f"{fault.method or ''} {fault.path or ''}".strip() or "everything"),
        f"{fault.hits} of {fault.times or 'any number'}",
        f"{fault.passed} of {fault.skip}",
        ", ".join(f"{name}: {json.dumps(getattr(fault, name))}" for name in KINDS[fault.service][fault.kind]),
        _clear_button("Clear", fault.id),
    )
    return h.tr[[h.td[cell] for cell in cells]]


def _clear_button(words: str, fault_id: int | None = None) -> h.Node:
    which = None if fault_id is None else h.input(type="hidden", name="id", value=str(fault_id))
    return h.form(method="post", action=f"{FAULTS_PATH}/clear")[which, h.button(type="submit")[words]]


def _preset_button(name: str) -> h.Node:
    return h.form(".preset", method="post", action=f"{FAULTS_PATH}/presets")[
        h.input(type="hidden", name="name", value=name), h.button(type="submit")[name]
    ]


def _counted(faults: Faults) -> str:
    counts = faults.counts()
    kinds = [f"{service} {kind} {number}" for service, found in counts.items() for kind, number in found.items()]
    return ", ".join(kinds) or "nothing"


def _form() -> h.Node:
    kinds = sorted({kind for of_service in KINDS.values() for kind in of_service})
    return h.form(".card.new", method="post", action=FAULTS_PATH)[
        _choice("service", "Service", list(KINDS)),
        _choice("kind", "Kind", kinds),
        _choice("method", "Only this method", ["", *METHODS]),
        _entry("path", "Only paths that contain"),
        _entry("times", "How many it hits; blank: until cleared", "1"),
        _entry("skip", "How many pass first"),
        _entry("seconds", f"Seconds to wait, up to {LONGEST_S}"),
        _entry("status", "Status, such as 502 or 451"),
        _entry("retry_after", "Retry-After, in seconds"),
        _entry("error", "What the service says"),
        _choice("state", "State that a pipeline is held in", ["", *STATES]),
        h.label[h.input(type="checkbox", name="commits", value="true"), " what was asked for is done first"],
        h.div[h.button(type="submit")["Add"]],
    ]


def _entry(name: str, words: str, value: str = "") -> h.Node:
    return h.label[words, h.input(name=name, value=value)]


def _choice(name: str, words: str, values: list[str]) -> h.Node:
    return h.label[words, h.select(name=name)[[h.option(value=value)[value or "any"] for value in values]]]

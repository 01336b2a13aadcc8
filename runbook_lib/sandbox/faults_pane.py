"""The control room's part for faults: which are active, what often goes wrong, and the form that adds one. No calls."""

from __future__ import annotations

import json

import htpy as h

from runbook_lib.sandbox.cards import soft, untrusted
from runbook_lib.sandbox.faults import FLAGS, KINDS, LONGEST_S, METHODS, PRESETS, STATES, Fault, Faults
from runbook_lib.sandbox.world import FAULTS_PATH


def presets(faults: Faults, ticket_id: int | None) -> h.Node:
    """A button for each preset, one that clears all, and what has been injected; on a ticket's page, if given."""
    return [
        h.div(".buttons")[
            [_form("/presets", ticket_id, _hidden("name", name), _button(name)) for name in PRESETS],
            bool(faults.active()) and _form("/clear", ticket_id, _button("Clear all", "Clear all")),
        ],
        h.p(".soft")["Injected so far: ", counted] if (counted := _counted(faults)) else None,
    ]


def fault_card(fault: Fault, ticket_id: int | None) -> h.Node:
    """An active fault, with the button that clears it."""
    how = (f"{name}: {json.dumps(getattr(fault, name))}" for name in KINDS[fault.service][fault.kind])
    return h.div(".card.fault", id=f"fault-{fault.id}")[
        h.div[
            h.b[f"{fault.service} {fault.kind}"],
            soft(
                untrusted(f"{fault.method or ''} {fault.path or ''}".strip() or "everything"),
                f"hits: {fault.hits} of {fault.times or 'any number'}",
                f"passed: {fault.passed} of {fault.skip}",
                *how,
            ),
        ],
        _form("/clear", ticket_id, _hidden("id", str(fault.id)), _button("Clear", f"Clear fault {fault.id}")),
    ]


def fault_form(ticket_id: int | None, *, problem: str) -> h.Node:
    """The form that adds one fault; it is open where the last one had a problem."""
    return h.details("#add-fault", open=bool(problem))[
        h.summary["Add a fault"],
        problem and h.p(".card.problem", role="alert")[untrusted(problem)],
        _add_form(ticket_id),
        h.p(".soft")["While one of these is active:"],
        h.ul(".soft")[
            [h.li[f"{service}, {kind}: {words}."] for service, kinds in FLAGS.items() for kind, words in kinds.items()]
        ],
    ]


def _form(path: str, ticket_id: int | None, *content: h.Node, class_: str = "") -> h.Node:
    """A form that leads back to the page of the ticket, if given."""
    address = f"{FAULTS_PATH}{path}" if ticket_id is None else f"{FAULTS_PATH}{path}?ticket={ticket_id}"
    return h.form(class_=class_ or None, method="post", action=address)[content]


def _button(words: str, label: str | None = None) -> h.Node:
    return h.button(type="submit", aria_label=label)[words]


def _hidden(name: str, value: str) -> h.Node:
    return h.input(type="hidden", name=name, value=value)


def _counted(faults: Faults) -> str:
    counts = faults.counts()
    kinds = [f"{service} {kind} {number}" for service, found in counts.items() for kind, number in found.items()]
    return ", ".join(kinds)


def _add_form(ticket_id: int | None) -> h.Node:
    kinds = sorted({kind for of_service in KINDS.values() for kind in of_service})
    fields = (
        _select("service", "Service", list(KINDS)),
        _select("kind", "Kind", kinds),
        _select("method", "Only this method", ["", *METHODS]),
        _input("path", "Only paths that contain"),
        _input("times", "How many it hits; blank: until cleared", "1"),
        _input("skip", "How many pass first"),
        _input("seconds", f"Seconds to wait, up to {LONGEST_S}"),
        _input("status", "Status, such as 502 or 451"),
        _input("retry_after", "Retry-After, in seconds"),
        _input("error", "What the service says"),
        _select("state", "State that a pipeline is held in", ["", *STATES]),
        h.label[h.input(type="checkbox", name="commits", value="true"), " carry the request out first"],
        h.div[_button("Add")],
    )
    return _form("", ticket_id, *fields, class_="card new")


def _input(name: str, words: str, value: str = "") -> h.Node:
    return h.label[words, h.input(name=name, value=value)]


def _select(name: str, words: str, values: list[str]) -> h.Node:
    return h.label[words, h.select(name=name)[[h.option(value=value)[value or "any"] for value in values]]]

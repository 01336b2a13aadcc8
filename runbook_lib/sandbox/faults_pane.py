"""The control room's part for faults: which are active, and a button for each that often goes wrong. No calls."""

from __future__ import annotations

import json

import htpy as h

from runbook_lib.sandbox.cards import soft, untrusted
from runbook_lib.sandbox.faults import FLAGS, KINDS, PRESETS, Fault, Faults
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
    how = [f"{name}: {json.dumps(getattr(fault, name))}" for name in KINDS[fault.service][fault.kind]]
    meanwhile = FLAGS.get(fault.service, {}).get(fault.kind)
    return h.div(".card.fault", id=f"fault-{fault.id}")[
        h.div[
            h.b[f"{fault.service} {fault.kind}"],
            soft(
                untrusted(f"{fault.method or ''} {fault.path or ''}".strip() or "everything"),
                f"hits: {fault.hits} of {fault.times or 'any number'}",
                f"passed: {fault.passed} of {fault.skip}",
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


def _counted(faults: Faults) -> str:
    counts = faults.counts()
    kinds = [f"{service} {kind} {number}" for service, found in counts.items() for kind, number in found.items()]
    return ", ".join(kinds)

"""What all widgets here share: how they show a result, tell the page where to look, and are taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NEXT = "runbook-next"
"""The class that a widget gets when it is what the reader looks at next; `runbook lab` scrolls there."""


def close(*widgets: Any) -> None:
    """Take widgets away, with what listens to them and what they are drawn by."""
    for widget in widgets:
        for one in (widget, getattr(widget, "layout", None), getattr(widget, "style", None)):
            if one is not None:
                one.unobserve_all()
                one.close()


def look_at(widget: Any) -> None:
    """Let the page scroll to a widget, unless somebody types there; also where it is the one of the last time."""
    widget.remove_class(NEXT)
    widget.add_class(NEXT)


def outputs_of(bundle: Mapping[str, Any]) -> tuple[dict[str, Any]]:
    """What an output widget shows of a MIME bundle."""
    return ({"output_type": "display_data", "data": dict(bundle), "metadata": {}},)


def text_of(output: Any) -> str:
    """What an output widget shows, as text."""
    return str(output.outputs[0]["data"]["text/plain"]) if output.outputs else ""

"""What all widgets here share: how they show a result, tell the page where to look, and are taken away."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import ipywidgets

LINK = "color:var(--jp-content-link-color,#0969da)"
"""The style of a link: elsewhere than in a card one looks like text."""
NEXT = "runbook-next"
"""The class that a widget gets when it is what the reader looks at next; `runbook lab` scrolls there."""


def new(
    kind: Any, *, layout: Mapping[str, str] | None = None, style: Mapping[str, str] | None = None, **traits: Any
) -> Any:
    """A widget that shares its layout and its style with those that look alike; none of them may change these.

    A page makes a layout as it makes a widget, and most widgets have none of their own.
    """
    traits["layout"] = shared(ipywidgets.Layout, *(layout or {}).items())
    if hasattr(kind, "style"):
        traits["style"] = shared(kind.style.klass, *(style or {}).items())
    return kind(**traits)


@functools.cache
def shared(kind: Any, *traits: tuple[str, str]) -> Any:
    """A layout or a style that is kept as long as the kernel."""
    return kind(**dict(traits))


def close(*widgets: Any) -> None:
    """Close widgets with all that is in them, and remove what listens to them."""
    for widget in widgets:
        close(*getattr(widget, "children", ()))
        widget.unobserve_all()
        widget.close()


def look_at(widget: Any) -> None:
    """Let the page scroll to a widget, unless a person types there; also where it is the one of the last time."""
    widget.remove_class(NEXT)
    widget.add_class(NEXT)


def outputs_of(bundle: Mapping[str, Any]) -> tuple[dict[str, Any]]:
    return ({"output_type": "display_data", "data": dict(bundle), "metadata": {}},)

"""The one web application of the sandbox: every stand-in's addresses, the control room, and the health check."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from runbook_lib.sandbox import control_room, customersdot, fault_calls, gitlab, slack, zendesk
from runbook_lib.sandbox.calls import Answer, Call, Refusal, refused, route
from runbook_lib.sandbox.fault_middleware import FaultMiddleware
from runbook_lib.sandbox.faults import Faults
from runbook_lib.sandbox.world import HEALTH_PATH, World


def create_app(world: World, *, faults: Faults, start_pipeline: Callable[[int], None]) -> ASGIApp:
    """Puts the application together; `start_pipeline` gets the id of every pipeline that was triggered."""
    # Only loopback names: a web page on another host cannot reach the sandbox under its own name.
    only_loopback = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    app = Starlette(
        routes=[
            route(HEALTH_PATH, health),
            *zendesk.routes(),
            *gitlab.routes(),
            *slack.routes(),
            *customersdot.routes(),
            *fault_calls.routes(),
            *control_room.routes(),
        ],
        middleware=[only_loopback],
        exception_handlers={Refusal: refused},
    )
    app.state.world = world
    app.state.faults = faults
    app.state.start_pipeline = start_pipeline
    return FaultMiddleware(app, faults, world.now)


def health(call: Call) -> Answer:
    """Which world this is, and which day it is in it."""
    return {"world": call.world.id, "date": call.world.date.isoformat()}

"""The one web application of the sandbox: every stand-in's addresses, the page, and the health check."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runbook_lib.sandbox import customersdot, gitlab, page, slack, zendesk
from runbook_lib.sandbox.replies import Refusal, refused, world_of
from runbook_lib.sandbox.world import HEALTH_PATH, World

__all__ = ["create_app"]


def create_app(
    world: World, *, start_pipeline: Callable[[int], None], middleware: Sequence[Middleware] = ()
) -> Starlette:
    """Puts the application together.

    Args:
        world: The practice world that it shows and changes.
        start_pipeline: Called with the id of every pipeline that was triggered, once it is stored.
        middleware: Wrapped around every service at once: the place for faults to be put in between.
    """
    # Only loopback names: a web page elsewhere cannot reach the sandbox under a name of its own.
    only_loopback = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    app = Starlette(
        routes=[
            Route(HEALTH_PATH, health),
            *zendesk.routes(),
            *gitlab.routes(),
            *slack.routes(),
            *customersdot.routes(),
            *page.routes(),
        ],
        middleware=[only_loopback, *middleware],
        exception_handlers={Refusal: refused},
    )
    app.state.world = world
    app.state.start_pipeline = start_pipeline
    return app


async def health(request: Request) -> Response:
    """Which world this is, and which day it is in it."""
    practice = world_of(request)
    return JSONResponse({"world": practice.id, "date": practice.date.isoformat()})

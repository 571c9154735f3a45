"""The application of the listener for people: every path in one table."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from otel_eventlog_collector.api import admin, handlers, session
from otel_eventlog_collector.api.access import SESSION_PATH, AccessMiddleware
from otel_eventlog_collector.api.context import Context
from otel_eventlog_collector.api.errors import (
    on_collector_error,
    on_http_exception,
    on_unexpected,
)
from otel_eventlog_collector.api.pages import STATIC_PATH, Pages
from otel_eventlog_collector.api.stream import stream
from otel_eventlog_collector.errors import CollectorError

DASHBOARD_DIR = Path(__file__).parent.parent / "dashboard"

PATHS = {
    "/api/v1/events": handlers.events,
    "/api/v1/events/stream": stream,
    "/api/v1/events/{event_id}": handlers.event,
    "/api/v1/requests": handlers.requests,
    "/api/v1/requests/{request_id}": handlers.one_request,
    "/api/v1/histogram": handlers.histogram,
    "/api/v1/facets": handlers.facets,
    "/api/v1/actions": handlers.actions,
    "/api/v1/export": handlers.export,
    "/api/v1/status": handlers.status,
    "/api/v1/rejected": handlers.rejected,
    "/api/v1/openapi.json": handlers.openapi,
    "/healthz": handlers.healthz,
    "/readyz": handlers.readyz,
    "/metrics": handlers.metrics,
}

SESSION_METHODS = {"GET": session.who, "POST": session.sign_in, "DELETE": session.sign_out}

ADMIN_PATHS = {
    "/api/v1/users/{user_id:path}/events": ("DELETE", admin.erase_user),
    "/api/v1/prune": ("POST", admin.prune),
    "/api/v1/import": ("POST", admin.import_lines),
}
"""What changes something, with its method."""


GZIP_LEVEL = 6
"""Level 9 takes three times as long for a twentieth fewer bytes; somebody waits for the answer."""


def create_app(context: Context) -> Starlette:
    """Return the ASGI application that answers from a context."""
    pages = Pages(DASHBOARD_DIR)
    app = Starlette(
        routes=[
            *(Route(path, handler, methods=["GET"]) for path, handler in PATHS.items()),
            *(
                Route(path, handler, methods=[method])
                for path, (method, handler) in ADMIN_PATHS.items()
            ),
            *(
                Route(SESSION_PATH, handler, methods=[method])
                for method, handler in SESSION_METHODS.items()
            ),
            Route("/", pages.page, methods=["GET"]),
            Route(STATIC_PATH + "/{digest}/{name}", pages.file, methods=["GET"]),
        ],
        middleware=[
            Middleware(AccessMiddleware, access=context.access, metrics=context.metrics),
            Middleware(GZipMiddleware, minimum_size=1024, compresslevel=GZIP_LEVEL),
        ],
        exception_handlers={
            CollectorError: on_collector_error,
            HTTPException: on_http_exception,
            Exception: on_unexpected,
        },
    )
    app.state.context = context
    return app

"""The endpoints: each asks one question of `Views` in a reading thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from otel_eventlog_collector.api.closing import ClosingResponse
from otel_eventlog_collector.api.context import Context, context_of, parameters_of
from otel_eventlog_collector.api.openapi import document
from otel_eventlog_collector.errors import QueryError
from otel_eventlog_collector.insight.views import Parameters, Views

Question: TypeAlias = Callable[[Views, Parameters], dict[str, Any]]
_NO_STORE = {"Cache-Control": "no-store"}


def json_response(content: Mapping[str, Any]) -> Response:
    """Answer with an object that no cache keeps."""
    return JSONResponse(content, headers=_NO_STORE)


async def _ask(request: Request, question: Question) -> Response:
    context = context_of(request)
    return json_response(await context.read(question, context.views, parameters_of(request)))


async def events(request: Request) -> Response:
    """GET /api/v1/events."""
    return await _ask(request, Views.events)


async def requests(request: Request) -> Response:
    """GET /api/v1/requests."""
    return await _ask(request, Views.requests)


async def histogram(request: Request) -> Response:
    """GET /api/v1/histogram."""
    return await _ask(request, Views.histogram)


async def facets(request: Request) -> Response:
    """GET /api/v1/facets."""
    return await _ask(request, Views.facets)


async def actions(request: Request) -> Response:
    """GET /api/v1/actions."""
    return await _ask(request, Views.actions)


async def event(request: Request) -> Response:
    """GET /api/v1/events/{event_id}."""
    no_parameters(request)
    context = context_of(request)
    return json_response(await context.read(context.views.event, request.path_params["event_id"]))


async def one_request(request: Request) -> Response:
    """GET /api/v1/requests/{request_id}."""
    no_parameters(request)
    context = context_of(request)
    return json_response(
        await context.read(context.views.request, request.path_params["request_id"])
    )


async def status(request: Request) -> Response:
    """GET /api/v1/status."""
    no_parameters(request)
    context = context_of(request)
    return json_response(await context.read(context.status))


async def rejected(request: Request) -> Response:
    """GET /api/v1/rejected."""
    no_parameters(request)
    return json_response({"ok": True, "rejected": list(context_of(request).rejected())})


async def openapi(request: Request) -> Response:
    """GET /api/v1/openapi.json."""
    no_parameters(request)
    return json_response(document())


async def export(request: Request) -> Response:
    """GET /api/v1/export."""
    context = context_of(request)
    form, pieces = context.views.export(parameters_of(request))
    name = f"event-logs.{form.extension}"
    headers = {**_NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'}
    # The first piece is read before the answer begins, so that a failing store is told as one.
    first = await context.read(next, pieces, None)
    body = _pieces(context, first, pieces)
    return ClosingResponse(body, media_type=form.media_type, headers=headers)


async def _pieces(context: Context, first: str | None, pieces: Iterator[str]) -> AsyncIterator[str]:
    piece = first
    while piece is not None:
        if piece:
            yield piece
        piece = await context.read(next, pieces, None)


async def healthz(_request: Request) -> Response:
    """GET /healthz: the process runs."""
    return PlainTextResponse("ok\n", headers=_NO_STORE)


async def readyz(request: Request) -> Response:
    """GET /readyz: event logs are taken."""
    ready = context_of(request).is_ready()
    return PlainTextResponse(
        "ready\n" if ready else "not ready\n", 200 if ready else 503, _NO_STORE
    )


async def metrics(request: Request) -> Response:
    """GET /metrics."""
    context = context_of(request)
    await context.read(context.read_gauges)
    text = context.metrics.text()  # here, between two counts that belong together
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8", headers=_NO_STORE)


def no_parameters(request: Request) -> None:
    """Refuse parameters that would silently do nothing."""
    for name, _ in parameters_of(request):
        raise QueryError(name[:64], f"{name[:64]!r} is no parameter here; there are none")

"""The endpoints that change something; with a token file they need the scope admin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from otel_eventlog_collector.admin.administration import erasure_json, purge_json
from otel_eventlog_collector.admin.importing import LINE_BYTES_MAX, Importer
from otel_eventlog_collector.admin.lines import LineCutter
from otel_eventlog_collector.api.context import Context, actor_of, context_of, parameters_of
from otel_eventlog_collector.api.handlers import json_response, no_parameters
from otel_eventlog_collector.errors import PermanentError, QueryError, UnsupportedMediaType
from otel_eventlog_collector.limits import BODY_TIMEOUT_S

USER_ID_CHARS_MAX = 1024
IMPORT_MEDIA_TYPES = frozenset({"application/x-ndjson", "application/jsonl"})
"""Not one that a form of another site can send."""


async def erase_user(request: Request) -> Response:
    """DELETE /api/v1/users/{user_id}/events."""
    no_parameters(request)
    user_id = request.path_params["user_id"]
    if len(user_id) > USER_ID_CHARS_MAX:
        raise QueryError(
            "user_id", f"user_id has {len(user_id)} characters; at most {USER_ID_CHARS_MAX}"
        )
    context = context_of(request)
    with context.deed():
        report, request_id = await context.do(
            context.administration.erase, user_id, actor_of(request)
        )
    return json_response({"ok": True, "erased": erasure_json(report), "request_id": request_id})


async def prune(request: Request) -> Response:
    """POST /api/v1/prune."""
    force = False
    for name, value in parameters_of(request):
        if name != "force" or value not in ("true", "false"):
            raise QueryError(
                name[:64], f"{name[:64]}={value[:64]!r} is no parameter here; write force=true"
            )
        force = value == "true"
    context, actor = context_of(request), actor_of(request)
    with context.deed():
        report, request_id = await context.do(
            lambda: context.administration.purge(force=force, actor=actor)
        )
    return json_response({"ok": True, "purged": purge_json(report), "request_id": request_id})


async def import_lines(request: Request) -> Response:
    """POST /api/v1/import: lines as they come, in constant memory."""
    no_parameters(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in IMPORT_MEDIA_TYPES:
        raise UnsupportedMediaType(
            f"Content-Type {media_type[:64]!r} cannot be imported",
            hint="send lines of JSON as application/x-ndjson",
        )
    context = context_of(request)
    with context.deed():
        summary = await _import(context, request)
    return json_response({"ok": True, "imported": summary})


async def _import(context: Context, request: Request) -> dict[str, object]:
    importing = context.administration.importing(actor_of(request))
    importer: Importer = await context.do(importing.__enter__)
    error: BaseException | None = None
    try:
        async for lines in _portions(request):
            await context.do(importer.add, lines)
    except BaseException as failure:
        error = failure
        raise
    finally:
        # Shielded: a client that hangs up must not keep the record from being completed.
        await asyncio.shield(context.do(_leave, importing, error))
    return importer.summary.json()


def _leave(importing: AbstractContextManager[Importer], error: BaseException | None) -> None:
    """End the block; the error itself is raised by whoever met it."""
    try:
        importing.__exit__(type(error) if error else None, error, None)
    except BaseException as raised:
        if raised is not error:
            raise


async def _portions(request: Request) -> AsyncIterator[list[bytes | None]]:
    """Yield lines as the body comes in.

    Raises:
        PermanentError: the body stopped coming.

    """
    cutter = LineCutter(LINE_BYTES_MAX)
    stream = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                chunk = await anext(stream, None)
        except (TimeoutError, ClientDisconnect):
            raise PermanentError(
                f"the body ended early or stopped for {BODY_TIMEOUT_S} s",
                hint="send it again: what was stored is recognised",
            ) from None
        lines = cutter.end() if chunk is None else cutter.feed(chunk)
        if lines:
            yield lines
        if chunk is None:
            return

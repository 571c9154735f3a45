"""`GET /api/v1/events/stream`: event logs as they are committed, as server-sent events.

Each event log is one message: its data the JSON of the event log, its id the position after it.
A client that comes back with `Last-Event-ID` (browsers do so by themselves) misses and repeats
nothing. `event: ready` opens the stream, `event: gap` says that the retention overtook the
client, and every HEARTBEAT_S without news there is a sign of life, with the position.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from otel_eventlog_collector.api.context import Context, context_of, parameters_of
from otel_eventlog_collector.errors import QueryError
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.query_parse import parse_parameters

HEARTBEAT_S = 15.0
RETRY_MS = 1000
"""How long browsers wait before they come back."""
POSITION_CHARS_MAX = 16_384


async def stream(request: Request) -> Response:
    """Answer with a stream that ends only when the client or the collector does."""
    context = context_of(request)
    parameters = parameters_of(request)
    query = parse_parameters(
        [pair for pair in parameters if pair[0] != "last_event_id"],
        context.views.clock(),
        ("since", "until", "q", "last_event_id"),
    )
    asked = request.headers.get("last-event-id") or next(
        (value for name, value in parameters if name == "last_event_id"), ""
    )
    if len(asked) > POSITION_CHARS_MAX:
        raise QueryError("last_event_id", "Last-Event-ID is no position of this collector")
    if asked:
        # Told now, while the answer can still be an error.
        await context.read(context.views.reader.tail, asked, query, 1)
    position = asked or await context.tail.position()
    context.tail.check_room()
    return StreamingResponse(
        _messages(context, position, query),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _messages(context: Context, position: str, query: EventQuery) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\nevent: ready\nid: {position}\ndata: {{}}\n\n"
    last_sent_s = time.monotonic()
    async for batch in context.tail.follow(position, query):
        parts = []
        if batch.gap:
            told = json.dumps({"message": "event logs were purged before they could be sent"})
            parts.append(f"event: gap\ndata: {told}\n\n")
        for after, event in batch.events:
            data = json.dumps(event_json(event), allow_nan=False)
            parts.append(f"id: {after}\ndata: {data}\n\n")
        if not parts and time.monotonic() - last_sent_s >= HEARTBEAT_S:
            parts.append(f": heartbeat\nid: {batch.position}\n\n")
        if parts:
            last_sent_s = time.monotonic()
            yield "".join(parts)

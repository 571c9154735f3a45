"""`GET /api/v1/events/stream`: event logs as they are committed, as server-sent events.

Each event log is one message: its data the JSON of the event log, its id the position after it.
A client that comes back with `Last-Event-ID` (browsers do so by themselves) misses and repeats
nothing. `event: ready` opens the stream, `event: gap` says that the retention overtook the
client, and every HEARTBEAT_S without news there is a sign of life, with the position. A client
that takes nothing for a minute is cut off, as on every listener, and comes back the same way.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from otel_eventlog_collector.api.access import IS_STILL_ALLOWED
from otel_eventlog_collector.api.closing import ClosingResponse
from otel_eventlog_collector.api.context import Context, context_of, parameters_of
from otel_eventlog_collector.errors import QueryError
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.query import EventQuery, TailBatch
from otel_eventlog_collector.query_parse import parse_parameters
from otel_eventlog_collector.tail import Portion

HEARTBEAT_S = 15.0
RETRY_MS = 1000
"""How long browsers wait before they come back."""
POSITION_CHARS_MAX = 16_384
PORTION_CHARS_MAX = 128 * 1024
"""So much is given to a client at once; what one that stops reading costs, beside its socket."""


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
    key = json.dumps(sorted(pair for pair in parameters if pair[0] != "last_event_id"))
    is_still_allowed = request.scope[IS_STILL_ALLOWED]
    return ClosingResponse(
        _messages(context, position, query, key, is_still_allowed),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _messages(
    context: Context,
    position: str,
    query: EventQuery,
    key: str,
    is_still_allowed: Callable[[], bool],
) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\nevent: ready\nid: {position}\ndata: {{}}\n\n"
    last_sent_s = time.monotonic()
    async with aclosing(context.tail.follow(position, query, key)) as portions:
        async for portion in portions:
            if not is_still_allowed():
                return
            text, at = portion.text, portion.position
            del portion
            if not text and time.monotonic() - last_sent_s >= HEARTBEAT_S:
                text = f": heartbeat\nid: {at}\n\n"
            if text:
                last_sent_s = time.monotonic()
                yield text


def render(batch: TailBatch, events_max: int) -> Portion:
    """Return what is sent of a batch: as much as a slow client may have waiting for it."""
    parts = []
    if batch.gap:
        told = json.dumps({"message": "event logs were purged before they could be sent"})
        parts.append(f"event: gap\ndata: {told}\n\n")
    size = 0
    for after, event in batch.events:
        message = f"id: {after}\ndata: {json.dumps(event_json(event), allow_nan=False)}\n\n"
        parts.append(message)
        size += len(message)
        if size >= PORTION_CHARS_MAX:
            return Portion("".join(parts), after, has_more=True)
    return Portion("".join(parts), batch.position, has_more=len(batch.events) >= events_max)

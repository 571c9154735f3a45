"""One connection of the OTLP/HTTP listener: an asyncio protocol on httptools' parser.

Bytes are parsed where they arrive and nothing here waits: a request is being read, or stands in
the queue for its answer, or is being committed. What an exporter usually sends, one small request
in one piece, costs one task and one write.
"""

from __future__ import annotations

import asyncio
from typing import cast

import httptools

from otel_eventlog_collector.errors import PermanentError
from otel_eventlog_collector.limits import (
    BODY_BYTES_MAX,
    BODY_BYTES_PER_S_MIN,
    BODY_TIMEOUT_S,
    DRAIN_TIMEOUT_S,
    HEADER_BYTES_MAX,
    HEADER_TIMEOUT_S,
    KEEP_ALIVE_S,
    PIPELINED_REQUESTS_MAX,
)
from otel_eventlog_collector.otlp.encode import Encoding
from otel_eventlog_collector.receiver.body import Body
from otel_eventlog_collector.receiver.http_answer import CONTINUE
from otel_eventlog_collector.receiver.http_answering import Answering
from otel_eventlog_collector.receiver.http_connections import TRANSPORT, Connections
from otel_eventlog_collector.receiver.http_head import HEADERS_READ, HttpHead
from otel_eventlog_collector.receiver.http_request import (
    HeadersTooLargeError,
    HttpRequest,
    SlowBodyError,
)

_PARSER_MESSAGE_CHARS_MAX = 200


class _BodyOnly:
    """Hears of a body and its end, and of nothing before."""

    def __init__(self, connection: HttpConnection) -> None:
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete


class HttpConnection(asyncio.Protocol):
    """Reads requests, hands them to the intake, and answers in their order.

    Args:
        connections: what the listener's connections have in common.

    """

    _transport: asyncio.Transport
    _answering: Answering

    def __init__(self, connections: Connections) -> None:
        """Wait for the connection."""
        self._connections = connections
        self._intake = connections.intake
        self._loop = connections.loop
        self._parser = httptools.HttpRequestParser(self)
        self._peer = ""
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_bytes = 0
        self._reading: HttpRequest | None = None
        self._paused_s: float | None = None
        self._stalled_s: float | None = None
        self._deadline_s: float | None = None
        self._now_s = 0.0

    # --- the transport calls ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time limit; it covers a client that connects and says nothing."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._answering = Answering(self._connections, self._transport, self._answered)
        self._deadline_s = self._loop.time() + HEADER_TIMEOUT_S
        self._connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        """Give back what was read; a request that is being committed goes on to its end."""
        self._connections.closed(self)
        self._answering.is_last_read = True
        self._deadline_s = None
        self._answering.forget()
        if self._reading is not None:
            self._answering.left_unanswered(self._reading)
            self._reading = None

    def data_received(self, data: bytes) -> None:
        """Parse what came; after the last request, let it go by."""
        if self._answering.is_last_read:
            return
        request = self._reading
        self._now_s = self._loop.time()
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self._malformed(error)
        if request is not None and request.head is None and self._reading is request:
            self._count_head(len(data))

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            head = self._reading.head if self._reading is not None else None
            if head is not None and not self._answering.is_last_read:
                # The parser leaves the rest to the protocol that is offered, which we decline.
                self._parser = httptools.HttpRequestParser(_BodyOnly(self))
                self._parser.feed_data(head.framing + data[offer.args[0] :])

    def eof_received(self) -> bool:
        """Keep a half-closed connection until what was asked on it is answered."""
        self._answering.is_last_read = True
        return self._answering.is_busy and self._transport.can_write_eof()

    def pause_writing(self) -> None:
        """Read nothing more from a client that does not read its answers."""
        self._stalled_s = self._loop.time() + KEEP_ALIVE_S
        self._pause_or_resume()

    def resume_writing(self) -> None:
        """Read on."""
        self._stalled_s = None
        self._pause_or_resume()

    # --- the parser calls ------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Start the time limit of a request's headers."""
        if self._answering.is_last_read:
            return
        self._reading = HttpRequest(self._now_s)
        self._deadline_s = self._now_s + HEADER_TIMEOUT_S
        self._url = b""
        self._headers = {}
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's target."""
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; of a trailer only the length matters."""
        lower = name.lower()
        if lower in HEADERS_READ:
            self._headers[lower] = value
        self._head_bytes += len(name) + len(value) + len(": \r\n")
        if self._head_bytes > HEADER_BYTES_MAX:
            self._count_head(0)

    def on_headers_complete(self) -> None:
        """Check the head; admit the request or refuse it."""
        request = self._reading
        if request is None or self._answering.is_last_read:
            return
        now_s = self._now_s
        version = self._parser.get_http_version()
        head = HttpHead(self._parser.get_method(), self._url, version, self._headers)
        self._headers = {}  # for trailers, which nobody reads
        request.begun_s = now_s
        request.head = head
        request.signal = head.signal
        request.encoding = head.encoding or Encoding.JSON
        request.closes = (
            version != "1.1"
            or not self._parser.should_keep_alive()
            or self._parser.should_upgrade()
        )
        self._deadline_s = now_s + BODY_TIMEOUT_S
        try:
            self._connections.check_room(self, request)
            inflater = head.check(self._authorize)
            ticket = self._intake.admission.admit()
            request.admit(ticket, Body(ticket, inflater, head.content_length))
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            self._refuse(request, error)
            if head.expects_continue:
                # The client waits for leave: it is answered before it sends its body.
                self._cut(request)
        else:
            if head.expects_continue and not self._answering.is_busy:
                self._transport.write(CONTINUE)

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body, or throw it away."""
        request = self._reading
        if request is None or self._answering.is_last_read:
            return
        body = request.body
        if body is None:
            request.drained += len(data)
            if request.drained > BODY_BYTES_MAX:
                self._cut(request)
            return
        try:
            body.feed(data)
        except Exception as error:  # noqa: BLE001 - as above
            self._refuse(request, error)
        else:
            pace_s = body.received / BODY_BYTES_PER_S_MIN
            self._deadline_s = request.begun_s + BODY_TIMEOUT_S + pace_s
            if body.is_compressed:
                self._unfold(request)

    def on_message_complete(self) -> None:
        """Put the request into the queue for its answer."""
        request = self._reading
        if request is None or self._answering.is_last_read or self._parser.should_upgrade():
            return
        self._reading = None
        self._deadline_s = None
        request.has_ended = True
        if len(self._answering.waiting) >= PIPELINED_REQUESTS_MAX:
            # Left unanswered, as a server may leave it: its client has to send it again.
            self._intake.metrics.count("eventlog_limits_hit_total", limit="pipelined_requests")
            request.release()
            self._answering.is_last_read = True
            return
        self._answering.is_last_read = request.closes
        self._answering.waiting.append(request)
        self._unfold(request)

    # --- reading one request ---------------------------------------------------------------------

    def _authorize(self, header: str | None) -> None:
        self._intake.authorize(header, self._peer, TRANSPORT)

    def _unfold(self, request: HttpRequest) -> None:
        """Decompress a slice of what came; other connections get their turn before the next."""
        if request.is_unfolding:
            return
        body = request.body
        if body is not None:
            try:
                request.is_unfolding = body.work()
                if request.has_ended and not request.is_unfolding:
                    body.finish()
                    request.is_whole = True
            except Exception as error:  # noqa: BLE001 - as above
                self._refuse(request, error)
        if request.is_unfolding:
            self._loop.call_soon(self._unfold_on, request)
            self._pause_or_resume()
        elif request.has_ended:
            self._answering.next()
            self._pause_or_resume()

    def _unfold_on(self, request: HttpRequest) -> None:
        request.is_unfolding = False
        self._unfold(request)
        self._pause_or_resume()

    def _refuse(self, request: HttpRequest, error: Exception) -> None:
        self._connections.count_limit(error)
        request.refuse(self._intake.answer(error, "receiver_http"))
        # Closing a connection on which bytes still arrive resets it, and the client may never see
        # why it was refused: the rest of its body is awaited for a moment.
        self._deadline_s = self._loop.time() + DRAIN_TIMEOUT_S

    def _cut(self, request: HttpRequest) -> None:
        """Answer a refused request without waiting for the rest of it, as the last one."""
        self._reading = None
        self._deadline_s = None
        self._answering.is_last_read = True
        request.has_ended = request.is_cut = request.closes = True
        self._answering.waiting.append(request)
        self._answering.next()

    def _malformed(self, error: Exception) -> None:
        if self._answering.is_last_read:
            return
        detail = " ".join(str(part) for part in error.args)[:_PARSER_MESSAGE_CHARS_MAX]
        request = self._reading or HttpRequest(self._loop.time())
        self._refuse(request, PermanentError(f"the request is not HTTP/1.1: {detail}"))
        self._cut(request)

    def _count_head(self, more: int) -> None:
        self._head_bytes += more
        if (
            self._head_bytes > HEADER_BYTES_MAX
            and self._reading
            and not self._answering.is_last_read
        ):
            self._intake.metrics.count("eventlog_limits_hit_total", limit="header_size")
            self._refuse(
                self._reading, HeadersTooLargeError(f"headers: more than {HEADER_BYTES_MAX} bytes")
            )
            self._cut(self._reading)

    def _pause_or_resume(self) -> None:
        """Read only while there is nothing to work off first."""
        reading = self._reading
        if self._answering.is_last_read:
            must_wait = False  # what comes now goes by
        else:
            must_wait = (
                bool(self._answering.waiting)
                or self._stalled_s is not None
                or (reading is not None and reading.is_unfolding)
            )
        if must_wait and self._paused_s is None:
            self._paused_s = self._loop.time()
            self._transport.pause_reading()
        elif not must_wait and self._paused_s is not None:
            if self._deadline_s is not None:
                self._deadline_s += self._loop.time() - self._paused_s
            self._paused_s = None
            self._transport.resume_reading()

    def _answered(self) -> None:
        """Read on, wait for the next request, or close: whatever is due after an answer."""
        self._pause_or_resume()
        if self._answering.is_last_read:
            self._close_if_done()
        elif self._reading is None and not self._answering.is_busy:
            self._deadline_s = self._loop.time() + KEEP_ALIVE_S

    # --- the end ---------------------------------------------------------------------------------

    def look_at_the_clock(self, now_s: float) -> None:
        """End what has taken too long; called now and then."""
        if self._stalled_s is not None and now_s > self._stalled_s:
            self._transport.abort()
            return
        is_waiting = self._paused_s is not None or self._answering.is_busy
        if self._deadline_s is None or now_s <= self._deadline_s:
            return
        request = self._reading
        if request is None and is_waiting:
            return
        if self._answering.is_last_read or request is None or request.head is None:
            if request is not None:
                self._intake.metrics.count("eventlog_limits_hit_total", limit="header_time")
            self._transport.abort()
        elif self._paused_s is None:
            if request.refusal is None:
                slow = f"request body: incomplete after {now_s - request.begun_s:.0f} s"
                hint = "send smaller batches, or over a faster connection"
                self._refuse(request, SlowBodyError(slow, hint=hint))
            self._cut(request)

    def finish(self) -> None:
        """Take no further request; what is being read or answered goes on to its end."""
        request = self._reading
        if request is not None and request.head is not None:
            request.closes = True
        else:
            self._answering.is_last_read = True
            self._close_if_done()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def _close_if_done(self) -> None:
        if not self._answering.is_last_read or self._answering.is_busy:
            return
        if not self._answering.was_cut:
            self._transport.close()
            return
        # The client may still be sending: let it go by until it has seen the answer.
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._deadline_s = self._loop.time() + DRAIN_TIMEOUT_S

"""OTLP over HTTP: one ASGI application for the three signals in both encodings."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from otel_eventlog_collector.asgi_server import AsgiServer
from otel_eventlog_collector.errors import BodyTooLarge, PermanentError, UnsupportedMediaType
from otel_eventlog_collector.otlp.encode import (
    Encoding,
    ErrorAnswer,
    Signal,
    encode_error,
    encode_response,
)
from otel_eventlog_collector.receiver.body import (
    ACCEPTED_ENCODINGS,
    BodyStream,
    ClientGoneError,
    Receive,
    SlowBodyError,
    read_body,
)
from otel_eventlog_collector.receiver.intake import Accepted, Intake

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TRANSPORT = "http"
_SIGNAL_OF_PATH: Mapping[str, Signal] = {f"/v1/{signal}": signal for signal in Signal}
_PATHS = ", ".join(_SIGNAL_OF_PATH)
_CLIENT_CLOSED_REQUEST = 499


class UnknownPathError(PermanentError):
    """There is nothing at this path."""

    http_status = 404


class MethodNotAllowedError(PermanentError):
    """OTLP is sent with POST."""

    http_status = 405


class OtlpHttpApp:
    """The ASGI application of the OTLP/HTTP listener.

    The order of checks is the order of their cost: path, method, token, headers, and only then
    the body. A refusal is a google.rpc.Status in the request's encoding.
    """

    def __init__(self, intake: Intake) -> None:
        """Keep the intake that this transport feeds."""
        self._intake = intake

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = _Request(scope, receive)
        begun_s = time.monotonic()
        try:
            accepted = await self._accept(request)
        except ClientGoneError:
            self._count(request, _CLIENT_CLOSED_REQUEST, begun_s)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            answer = self._intake.answer(error, "receiver_http")
            self._count_limit(error)
            self._count(request, answer.http_status, begun_s)
            await self._refuse(request, answer, send)
            return
        self._count(request, 200, begun_s)
        await self._confirm(request, accepted, send)

    async def _accept(self, request: _Request) -> Accepted:
        signal = request.checked_signal()
        self._intake.authorize(request.header("authorization"), request.peer, _TRANSPORT)
        encoding = request.checked_encoding()
        with self._intake.admission.request() as ticket:
            body = await read_body(
                request.stream,
                request.header("content-encoding") or "",
                request.content_length(),
                ticket,
            )
            self._intake.metrics.count(
                "eventlog_received_bytes_total", len(body), transport=_TRANSPORT
            )
            return await self._intake.accept(signal, body, encoding)

    async def _confirm(self, request: _Request, accepted: Accepted, send: Send) -> None:
        signal, encoding = request.checked_signal(), request.checked_encoding()
        body = encode_response(signal, accepted.rejected, accepted.error_message, encoding)
        await _respond(send, 200, encoding, body, [])

    async def _refuse(self, request: _Request, answer: ErrorAnswer, send: Send) -> None:
        headers = []
        if answer.retry_after_s is not None:
            headers.append((b"retry-after", str(answer.retry_after_s).encode()))
        if answer.http_status == MethodNotAllowedError.http_status:
            headers.append((b"allow", b"POST"))
        if answer.http_status == UnsupportedMediaType.http_status:
            headers.append((b"accept-encoding", ACCEPTED_ENCODINGS.encode()))
        if answer.http_status == 401:  # noqa: PLR2004 - RFC 9110 section 11.6.1
            headers.append((b"www-authenticate", b"Bearer"))
        try:
            if not request.header("expect"):
                await request.stream.drain()
        except ClientGoneError:
            return
        if not request.stream.complete:
            headers.append((b"connection", b"close"))
        encoding = request.encoding or Encoding.JSON
        await _respond(send, answer.http_status, encoding, encode_error(answer, encoding), headers)

    def _count(self, request: _Request, code: int, begun_s: float) -> None:
        signal = request.signal or "none"
        metrics = self._intake.metrics
        metrics.count("eventlog_requests_total", transport=_TRANSPORT, signal=signal, code=code)
        metrics.observe(
            "eventlog_request_seconds",
            time.monotonic() - begun_s,
            transport=_TRANSPORT,
            signal=signal,
        )

    def _count_limit(self, error: Exception) -> None:
        if isinstance(error, BodyTooLarge):
            self._intake.metrics.count("eventlog_limits_hit_total", limit="size")
        elif isinstance(error, SlowBodyError):
            self._intake.metrics.count("eventlog_limits_hit_total", limit="body_time")


class _Request:
    """The parts of an ASGI scope that matter here."""

    def __init__(self, scope: MutableMapping[str, Any], receive: Receive) -> None:
        self._scope = scope
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self.stream = BodyStream(receive)
        self.signal = _SIGNAL_OF_PATH.get(scope["path"])
        media_type = (self.header("content-type") or "").split(";", 1)[0].strip().lower()
        self.encoding = Encoding(media_type) if media_type in set(Encoding) else None
        client = scope.get("client")
        self.peer = client[0] if client else ""

    def header(self, name: str) -> str | None:
        value = self._headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def checked_signal(self) -> Signal:
        if self.signal is None:
            raise UnknownPathError(
                f"path {self._scope['path'][:100]!r} does not exist here", hint=f"use {_PATHS}"
            )
        if self._scope["method"] != "POST":
            raise MethodNotAllowedError(
                f"method {self._scope['method']!r} is wrong", hint="use POST"
            )
        return self.signal

    def checked_encoding(self) -> Encoding:
        if self.encoding is None:
            raise UnsupportedMediaType(
                f"header Content-Type: {self.header('content-type')!r} is not OTLP",
                hint=f"use {' or '.join(Encoding)}",
            )
        return self.encoding

    def content_length(self) -> int | None:
        value = self.header("content-length")
        return int(value) if value and value.isdigit() else None


async def _respond(
    send: Send,
    http_status: int,
    encoding: Encoding,
    body: bytes,
    headers: list[tuple[bytes, bytes]],
) -> None:
    common = [
        (b"content-type", encoding.value.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": http_status, "headers": common + headers})
    await send({"type": "http.response.body", "body": body})


class HttpReceiver:
    """The OTLP/HTTP listener.

    Args:
        intake: what the bytes are given to.
        host: address to bind.
        port: port to bind; 0 picks a free one.

    """

    def __init__(self, intake: Intake, host: str, port: int) -> None:
        """Prepare; nothing is bound yet."""
        self._server = AsgiServer(OtlpHttpApp(intake), host, port, name="otlp-http")

    async def start(self) -> tuple[str, int]:
        """Listen; return the bound address and port. Raises ConfigError if it cannot be bound."""
        return await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Accept nothing more and let requests end for `grace_s` seconds."""
        await self._server.stop(grace_s)

"""OTLP over gRPC: three services on one asynchronous server, beside health and reflection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

# Imported for their descriptors: reflection describes what is registered.
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from otel_eventlog_collector.asgi_server import cannot_bind
from otel_eventlog_collector.errors import BodyTooLarge, Overloaded, PermanentError
from otel_eventlog_collector.limits import (
    ANSWER_TIMEOUT_S,
    BODY_BYTES_MAX,
    GRPC_CONNECTIONS_MAX,
    GRPC_MESSAGE_TIMEOUT_S,
    GRPC_MESSAGES_COMING_IN_MAX,
    GRPC_STREAMS_PER_CONNECTION_MAX,
    HEADER_BYTES_MAX,
    HEADER_TIMEOUT_S,
)
from otel_eventlog_collector.otlp.encode import (
    Encoding,
    ErrorAnswer,
    Signal,
    encode_response,
    retry_info,
    status_message,
)
from otel_eventlog_collector.receiver.body import Body
from otel_eventlog_collector.receiver.compression import inflater_for_message
from otel_eventlog_collector.receiver.intake import Accepted, Intake
from otel_eventlog_collector.tls import Certificates

_TRANSPORT = "grpc"
_SERVICES: Mapping[str, Signal] = {
    trace_service_pb2.DESCRIPTOR.services_by_name["TraceService"].full_name: Signal.TRACES,
    logs_service_pb2.DESCRIPTOR.services_by_name["LogsService"].full_name: Signal.LOGS,
    metrics_service_pb2.DESCRIPTOR.services_by_name["MetricsService"].full_name: Signal.METRICS,
}
_STATUS_DETAILS = "grpc-status-details-bin"
_RETRY_INFO = "google.rpc.retryinfo-bin"
_OPTIONS = (
    ("grpc.max_receive_message_length", BODY_BYTES_MAX),
    # Compressed messages come as they are: we bound what they unfold to, in slices. Older grpc
    # would unfold all of a bomb first.
    ("grpc.per_message_decompression", 0),
    ("grpc.max_allowed_incoming_connections", GRPC_CONNECTIONS_MAX),
    ("grpc.server_handshake_timeout_ms", HEADER_TIMEOUT_S * 1000),
    ("grpc.max_metadata_size", HEADER_BYTES_MAX),
    ("grpc.max_concurrent_streams", GRPC_STREAMS_PER_CONNECTION_MAX),
    # With port sharing, which is grpc's default, a second collector would silently take half of
    # the first one's connections.
    ("grpc.so_reuseport", 0),
)
_CODES: Mapping[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class SlowMessageError(PermanentError):
    """The message did not come in time."""

    http_status = 408


class GrpcReceiver:
    """The OTLP/gRPC listener.

    Messages arrive as bytes, undecoded and compressed as they were: token, admission and the walk
    come before any parser.

    Args:
        intake: what the bytes are given to.
        host: address to bind.
        port: port to bind; 0 picks a free one.
        certificates: what the listener speaks TLS with; None for plain text.

    """

    def __init__(
        self, intake: Intake, host: str, port: int, *, certificates: Certificates | None = None
    ) -> None:
        """Prepare; nothing is bound yet."""
        self._intake = intake
        self._host = host
        self._port = port
        self._certificates = certificates
        self._server: Any = None
        self._health = health.aio.HealthServicer()

    async def start(self) -> tuple[str, int]:
        """Listen; return the bound address and port.

        Raises:
            ConfigError: the address cannot be bound.

        """
        server = grpc.aio.server(options=_OPTIONS)
        receiving = Receiving(self._intake)
        for service, signal in _SERVICES.items():
            # To the client it is a unary call. As a streaming one the handler runs before the
            # message is read, so that a token is checked before any byte of it is taken.
            handler = grpc.stream_unary_rpc_method_handler(_export(self._intake, signal, receiving))
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {"Export": handler}),)
            )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        described = (*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(described, server)
        host = f"[{self._host}]" if ":" in self._host else self._host
        address = f"{host}:{self._port}"
        try:
            if self._certificates is None:
                port = server.add_insecure_port(address)
            else:
                port = server.add_secure_port(address, self._certificates.grpc_credentials())
        except RuntimeError as error:
            await server.stop(None)
            raise cannot_bind("otlp-grpc", self._host, self._port, error) from error
        await server.start()
        self._server = server
        await self.set_serving(serving=True)
        return self._host, port

    async def set_serving(self, *, serving: bool) -> None:
        """Tell the health service's clients whether requests can be committed."""
        serving_status = health_pb2.HealthCheckResponse.ServingStatus
        status = serving_status.SERVING if serving else serving_status.NOT_SERVING
        for service in (health.OVERALL_HEALTH, *_SERVICES):
            await self._health.set(service, status)

    async def stop(self, grace_s: float) -> None:
        """Accept nothing more, let calls end for `grace_s` seconds, then cancel them."""
        server, self._server = self._server, None
        if server is not None:
            await self._health.enter_graceful_shutdown()
            await server.stop(grace_s)


def _export(
    intake: Intake, signal: Signal, receiving: Receiving
) -> Callable[[Any, Any], Awaitable[bytes]]:
    """Return the handler of one service's Export method."""

    async def export(_messages: Any, context: Any) -> bytes:
        begun_s = time.monotonic()
        try:
            accepted = await _accept(intake, signal, context, receiving)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            answer = intake.answer(error, "receiver_grpc")
            _count(intake, signal, answer.http_status, begun_s)
            await _abort(context, answer)
        _count(intake, signal, 200, begun_s)
        return encode_response(signal, accepted.rejected, accepted.error_message, Encoding.PROTOBUF)

    return export


async def _accept(intake: Intake, signal: Signal, context: Any, receiving: Receiving) -> Accepted:
    """Let a call in before its message is read, then read, unfold, decode and commit it."""
    metadata = dict(context.invocation_metadata() or ())
    intake.authorize(metadata.get("authorization"), context.peer(), _TRANSPORT)
    with intake.admission.admit() as ticket:
        message = await receiving.message(context)
        body = Body(ticket, inflater_for_message(message))
        try:
            body.feed(message)
            data = await body.unfolded()
        except BodyTooLarge:
            intake.metrics.count("eventlog_limits_hit_total", limit="size")
            raise
        intake.metrics.count("eventlog_received_bytes_total", len(data), transport=_TRANSPORT)
        return await intake.accept(signal, data, Encoding.PROTOBUF, _TRANSPORT)


class Receiving:
    """Lets few messages come in at the same time.

    What a message will weigh nobody knows before it is there, and until a handler asks for it, flow
    control holds it back in the client.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._room = asyncio.Semaphore(GRPC_MESSAGES_COMING_IN_MAX)

    async def message(self, context: Any) -> bytes:
        """Return a call's message, as it was sent.

        Raises:
            PermanentError: there is none.
            SlowMessageError: it did not come in time.
            Overloaded: others were coming in for too long.

        """
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._room.acquire()
        except TimeoutError:
            self._intake.metrics.count("eventlog_limits_hit_total", limit="grpc_messages")
            told = f"{GRPC_MESSAGES_COMING_IN_MAX} messages are coming in"
            raise Overloaded(told, hint="retry after a second") from None
        try:
            async with asyncio.timeout(GRPC_MESSAGE_TIMEOUT_S):
                message = await context.read()
        except TimeoutError:
            self._intake.metrics.count("eventlog_limits_hit_total", limit="body_time")
            raise SlowMessageError(
                f"message: incomplete after {GRPC_MESSAGE_TIMEOUT_S} s",
                hint="send smaller batches, or over a faster connection",
            ) from None
        finally:
            self._room.release()
        if message is grpc.aio.EOF:
            raise PermanentError("the call has no message")
        whole: bytes = message
        return whole


async def _abort(context: Any, answer: ErrorAnswer) -> NoReturn:
    """Answer with an error: its details where the standard says, and where clients look."""
    trailers = [(_STATUS_DETAILS, status_message(answer).SerializeToString())]
    info = retry_info(answer)
    if info is not None:
        trailers.append((_RETRY_INFO, info.SerializeToString()))
    await context.abort(_CODES[answer.code.value], answer.message, tuple(trailers))
    raise AssertionError  # abort() never returns


def _count(intake: Intake, signal: Signal, http_status: int, begun_s: float) -> None:
    intake.metrics.count(
        "eventlog_requests_total", transport=_TRANSPORT, signal=signal, code=http_status
    )
    intake.metrics.observe(
        "eventlog_request_seconds",
        time.monotonic() - begun_s,
        transport=_TRANSPORT,
        signal=signal,
    )

"""OTLP over gRPC: three services on one asynchronous server, beside health and reflection."""

from __future__ import annotations

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
from otel_eventlog_collector.limits import (
    BODY_BYTES_MAX,
    GRPC_STREAMS_PER_CONNECTION_MAX,
    HEADER_BYTES_MAX,
)
from otel_eventlog_collector.otlp.encode import (
    Encoding,
    ErrorAnswer,
    Signal,
    encode_response,
    retry_info,
    status_message,
)
from otel_eventlog_collector.receiver.intake import Accepted, Intake

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
    ("grpc.max_metadata_size", HEADER_BYTES_MAX),
    ("grpc.max_concurrent_streams", GRPC_STREAMS_PER_CONNECTION_MAX),
    # With port sharing, which is grpc's default, a second collector would silently take half of
    # the first one's connections.
    ("grpc.so_reuseport", 0),
)
_CODES: Mapping[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class GrpcReceiver:
    """The OTLP/gRPC listener.

    Requests arrive as bytes, undecoded: admission and the walk come before any parser. grpc itself
    bounds a message's size, decompressed too.

    Args:
        intake: what the bytes are given to.
        host: address to bind.
        port: port to bind; 0 picks a free one.

    """

    def __init__(self, intake: Intake, host: str, port: int) -> None:
        """Prepare; nothing is bound yet."""
        self._intake = intake
        self._host = host
        self._port = port
        self._server: Any = None
        self._health = health.aio.HealthServicer()

    async def start(self) -> tuple[str, int]:
        """Listen; return the bound address and port.

        Raises:
            ConfigError: the address cannot be bound.

        """
        server = grpc.aio.server(options=_OPTIONS)
        for service, signal in _SERVICES.items():
            handler = grpc.unary_unary_rpc_method_handler(_export(self._intake, signal))
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {"Export": handler}),)
            )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        described = (*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(described, server)
        host = f"[{self._host}]" if ":" in self._host else self._host
        try:
            port = server.add_insecure_port(f"{host}:{self._port}")
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


def _export(intake: Intake, signal: Signal) -> Callable[[bytes, Any], Awaitable[bytes]]:
    """Return the handler of one service's Export method."""

    async def export(body: bytes, context: Any) -> bytes:
        begun_s = time.monotonic()
        try:
            accepted = await _accept(intake, signal, body, context)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            answer = intake.answer(error, "receiver_grpc")
            _count(intake, signal, answer.http_status, begun_s)
            await _abort(context, answer)
        _count(intake, signal, 200, begun_s)
        return encode_response(signal, accepted.rejected, accepted.error_message, Encoding.PROTOBUF)

    return export


async def _accept(intake: Intake, signal: Signal, body: bytes, context: Any) -> Accepted:
    metadata = dict(context.invocation_metadata() or ())
    intake.authorize(metadata.get("authorization"), context.peer(), _TRANSPORT)
    with intake.admission.admit() as ticket:
        ticket.take(len(body))
        intake.metrics.count("eventlog_received_bytes_total", len(body), transport=_TRANSPORT)
        return await intake.accept(signal, body, Encoding.PROTOBUF)


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

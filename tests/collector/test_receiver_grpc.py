"""OTLP over gRPC on real sockets: codes, trailers, compression, health and reflection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from otel_eventlog_collector.errors import (
    BodyTooLarge,
    ConfigError,
    Overloaded,
    PermanentError,
    StoreUnavailable,
)
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.receiver.admission import Admission
from otel_eventlog_collector.receiver.grpc import GrpcReceiver
from otel_eventlog_collector.receiver.intake import Intake
from tests.support import otlp_requests as otlp
from tests.support.builders import event_log
from tests.support.receiving import ListConsumer, Receiving, receiving

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
REQUEST = otlp.traces([otlp.span(1), otlp.span(2)])
TIMEOUT_S = 10


@pytest.fixture
def running() -> Iterator[Receiving]:
    """Both receivers before a list."""
    with receiving() as found:
        yield found


@pytest.fixture
def channel(running: Receiving) -> Iterator[grpc.Channel]:
    """A channel to the receiver."""
    with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as found:
        yield found


def refused(running: Receiving, body: bytes, **metadata: str) -> Any:
    """Send bytes that must be refused, and return the error."""
    with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(EXPORT)(
                body, timeout=TIMEOUT_S, metadata=tuple(metadata.items()) or None
            )
        return caught.value


@pytest.mark.parametrize(
    "compression",
    [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate],
)
def test_spans_arrive_with_any_compression(
    running: Receiving, channel: grpc.Channel, compression: grpc.Compression
) -> None:
    """Messages come plain, gzipped or deflated, and full success is an empty response."""
    response = TraceServiceStub(channel).Export(REQUEST, compression=compression, timeout=TIMEOUT_S)
    assert not response.HasField("partial_success")
    assert [span.span_id for span in running.consumer.spans] == [1, 2]


def test_logs_arrive_and_metrics_are_dropped(running: Receiving, channel: grpc.Channel) -> None:
    """Event logs reach the consumer; metrics are accepted."""
    LogsServiceStub(channel).Export(otlp.logs_of([event_log()]), timeout=TIMEOUT_S)
    assert len(running.consumer.events) == 1
    dropped = MetricsServiceStub(channel).Export(ExportMetricsServiceRequest(), timeout=TIMEOUT_S)
    assert dropped == ExportMetricsServiceResponse()


def test_rejected_spans_are_a_partial_success(running: Receiving, channel: grpc.Channel) -> None:
    """Bad spans are counted in the response, the good ones stored."""
    request = otlp.traces([otlp.span(1), otlp.span(2, span_id=b"")])
    told = TraceServiceStub(channel).Export(request, timeout=TIMEOUT_S).partial_success
    assert told.rejected_spans == 1
    assert "span id" in told.error_message
    assert [span.span_id for span in running.consumer.spans] == [1]


def test_bad_data_is_an_invalid_argument(running: Receiving) -> None:
    """Bytes that are no request are refused for good: no retry hint anywhere."""
    error = refused(running, b"\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    trailers = dict(error.trailing_metadata())
    assert "google.rpc.retryinfo-bin" not in trailers
    status = RpcStatus.FromString(trailers["grpc-status-details-bin"])
    assert (status.code, len(status.details)) == (3, 0)


def test_an_empty_record_bomb_is_resource_exhausted_without_a_retry_hint(
    running: Receiving,
) -> None:
    """Too many records are refused before parsing, and not to be retried."""
    error = refused(running, otlp.traces_of_slices([b""] * 20_001))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata())
    assert running.metrics.value("eventlog_limits_hit_total", limit="records") == 1


@pytest.mark.parametrize("error_type", [StoreUnavailable, Overloaded])
def test_a_retryable_error_carries_its_hint_in_both_places(error_type: type[Exception]) -> None:
    """UNAVAILABLE says when to retry where the standard puts it and where Python clients look."""

    def fail(_records: Sequence[Any]) -> None:
        raise error_type("not now")

    with receiving(ListConsumer(fail)) as running:
        error = refused(running, REQUEST.SerializeToString())
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert error.details() == "not now"
        trailers = dict(error.trailing_metadata())
        info = RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
        assert 1 <= info.retry_delay.seconds <= 2
        detail = RetryInfo()
        assert RpcStatus.FromString(trailers["grpc-status-details-bin"]).details[0].Unpack(detail)
        assert detail == info


def test_too_many_bytes_in_flight_are_unavailable() -> None:
    """Admission counts gRPC messages too."""
    with receiving(admission=Admission(Metrics(), bytes_max=10)) as running:
        error = refused(running, REQUEST.SerializeToString())
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert running.intake.admission.bytes == 0


def test_a_mistake_of_ours_is_internal_without_details() -> None:
    """An unexpected error tells the client nothing but that it happened."""

    def fail(_records: Sequence[Any]) -> None:
        raise ZeroDivisionError("/secret/path")

    with receiving(ListConsumer(fail)) as running:
        error = refused(running, REQUEST.SerializeToString())
        assert error.code() is grpc.StatusCode.INTERNAL
        assert "secret" not in error.details()
        assert running.metrics.value("eventlog_internal_errors_total", where="receiver_grpc") == 1


@pytest.mark.parametrize(
    ("http_status", "code"),
    [
        (401, grpc.StatusCode.UNAUTHENTICATED),
        (403, grpc.StatusCode.PERMISSION_DENIED),
    ],
)
def test_tokens_are_checked(http_status: int, code: grpc.StatusCode) -> None:
    """A missing or wrong token is refused before the message is decoded."""

    def authorize(header: str | None, peer: str) -> None:
        assert peer
        if header != "Bearer good":
            error = PermanentError("no valid token")
            error.http_status = http_status
            raise error

    with receiving(authorize=authorize) as running:
        assert refused(running, b"\xff\xff").code() is code
        good = refused(running, b"\xff\xff", authorization="Bearer good")
        assert good.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_unknown_services_are_unimplemented(channel: grpc.Channel) -> None:
    """A service or method that does not exist here is UNIMPLEMENTED."""
    for method in ("/opentelemetry.proto.collector.trace.v1.TraceService/Import", "/a.B/C"):
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(method)(b"", timeout=TIMEOUT_S)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_messages_up_to_64_mib_are_received(running: Receiving, channel: grpc.Channel) -> None:
    """Far more than grpc's default of 4 MiB passes; what is over the limit is not retried."""
    big = otlp.span(1, trace_state="x" * 6_000_000)
    TraceServiceStub(channel).Export(otlp.traces([big]), timeout=TIMEOUT_S)
    assert len(running.consumer.spans) == 1
    error = refused(running, bytes(64 * 1024 * 1024 + 1))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_health_is_told_and_follows_the_store(running: Receiving, channel: grpc.Channel) -> None:
    """The standard health service says SERVING, or NOT_SERVING when nothing can be committed."""
    stub = health_pb2_grpc.HealthStub(channel)
    statuses = health_pb2.HealthCheckResponse
    for service in ("", EXPORT.split("/")[1]):
        request = health_pb2.HealthCheckRequest(service=service)
        assert stub.Check(request, timeout=TIMEOUT_S).status == statuses.SERVING
    running.run(running.over_grpc.set_serving(serving=False))
    request = health_pb2.HealthCheckRequest()
    assert stub.Check(request, timeout=TIMEOUT_S).status == statuses.NOT_SERVING


def test_reflection_names_the_services(channel: grpc.Channel) -> None:
    """A generic client can find out what is served, without our proto files."""
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(database.get_services()) >= {
        "opentelemetry.proto.collector.trace.v1.TraceService",
        "opentelemetry.proto.collector.logs.v1.LogsService",
        "opentelemetry.proto.collector.metrics.v1.MetricsService",
        "grpc.health.v1.Health",
    }


def test_a_taken_port_is_a_configuration_error(running: Receiving) -> None:
    """Two receivers never share a port silently; the second one says what to do."""
    second = GrpcReceiver(Intake(ListConsumer(), Metrics()), "127.0.0.1", running.grpc_port)
    with pytest.raises(ConfigError, match=r"otlp-grpc: cannot listen on 127\.0\.0\.1:") as caught:
        running.run(second.start())
    assert "--otlp-grpc HOST:PORT" in caught.value.hint


def test_a_cancelled_call_gives_its_bytes_back() -> None:
    """A client that gives up leaves nothing behind in the admission."""
    entered, left = asyncio.Event(), asyncio.Event()

    class Waiting(ListConsumer):
        async def consume_spans(self, spans: Any) -> Any:
            entered.set()
            try:
                await asyncio.Event().wait()
            finally:
                left.set()

    with receiving(Waiting()) as running:
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
            call = TraceServiceStub(channel).Export.future(REQUEST)
            running.run(entered.wait())
            assert running.intake.admission.bytes > 0
            call.cancel()
            running.run(left.wait())
        running.run(asyncio.sleep(0))
        assert (running.intake.admission.bytes, running.intake.admission.requests) == (0, 0)


def test_body_too_large_has_no_retry_hint() -> None:
    """RESOURCE_EXHAUSTED with RetryInfo would be retried: a body too large never carries it."""

    def fail(_records: Sequence[Any]) -> None:
        raise BodyTooLarge("too large")

    with receiving(ListConsumer(fail)) as running:
        error = refused(running, REQUEST.SerializeToString())
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        status = RpcStatus.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
        assert not status.details
